/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/stream.c: many Philox blocks at once; uniforms, normals and binarised pixels from words.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* 64-bit lanes with a word in the lower half; the upper half is ignored. */
typedef uint64_t Wide __attribute__((vector_size(sizeof(float) * NUM_LANES)));
typedef uint32_t Narrow __attribute__((vector_size(sizeof(float) * NUM_LANES / 2), aligned(4), may_alias));
enum { WIDE = NUM_LANES / 2 };

static inline Wide wide(uint32_t word)
{
    return (Wide){0} + word;
}

static inline Wide load_words(const uint32_t *word)
{
    return __builtin_convertvector(*(const Narrow *)(const void *)word, Wide);
}

static inline void store_words(uint32_t *word, Wide x)
{
    *(Narrow *)(void *)word = __builtin_convertvector(x, Narrow);
}

/* The 64-bit products of words: one instruction, which gcc does not select by itself (it multiplies all 64 bits). */
static inline Wide times(Wide a, Wide b)
{
#if defined(__AVX512F__)
    return (Wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/* Philox4x32-10 (Salmon et al. 2011), the same words as Random123's.  A new word is one half of a product and xors; the
 * other half is ignored, not masked: 6 instructions a round for WIDE blocks. */
static void words(size_t n, uint32_t *const *word, const uint32_t key[2], const uint32_t *column_block,
                  const uint32_t *row, uint64_t step)
{
    const Wide m0 = wide(0xd2511f53u), m1 = wide(0xcd9e8d57u);
    for (size_t i = 0; i < n; i += WIDE) {
        Wide c0 = load_words(column_block + i), c1 = load_words(row + i);
        Wide c2 = wide((uint32_t)step), c3 = wide((uint32_t)(step >> 32));
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++) {
            Wide p0 = times(c0, m0), p1 = times(c2, m1);
            c0 = p1 >> 32 ^ c1 ^ wide(k0);
            c1 = p1;
            c2 = p0 >> 32 ^ c3 ^ wide(k1);
            c3 = p0;
            k0 += 0x9e3779b9u;
            k1 += 0xbb67ae85u;
        }
        store_words(word[0] + i, c0);
        store_words(word[1] + i, c1);
        store_words(word[2] + i, c2);
        store_words(word[3] + i, c3);
    }
}

/* (word + 1/2) 2^-32 rounded once (both halves and their products are exact), at most 1 - 2^-24. */
static inline float uniform1(uint32_t word)
{
    float high = (float)(int32_t)(word >> 16), low = (float)(int32_t)(word & 0xffffu);
    float u = (high * 0x1p16f + (low + 0.5f)) * 0x1p-32f;
    return u < 0x1.fffffep-1f ? u : 0x1.fffffep-1f;
}

static void uniform(size_t n, float *restrict x, uint32_t *const *word)
{
    const uint32_t *restrict w0 = word[0], *restrict w1 = word[1], *restrict w2 = word[2], *restrict w3 = word[3];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        x[4 * i] = uniform1(w0[i]);
        x[4 * i + 1] = uniform1(w1[i]);
        x[4 * i + 2] = uniform1(w2[i]);
        x[4 * i + 3] = uniform1(w3[i]);
    }
}

/* Box and Muller's radius sqrt(-2 ln u). */
static inline float radius1(uint32_t word)
{
    return __builtin_sqrtf(-2.0f * num_log_normal1(uniform1(word)));
}

static void normal(size_t n, float *restrict x, uint32_t *const *word)
{
    const uint32_t *restrict w0 = word[0], *restrict w1 = word[1], *restrict w2 = word[2], *restrict w3 = word[3];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float r = radius1(w0[i]), s = radius1(w2[i]);
        NumSinCos a = num_sincos_turns1(uniform1(w1[i])), b = num_sincos_turns1(uniform1(w3[i]));
        x[4 * i] = r * a.cos;
        x[4 * i + 1] = r * a.sin;
        x[4 * i + 2] = s * b.cos;
        x[4 * i + 3] = s * b.sin;
    }
}

/* Blocks of a row that are binarised at a time; words are drawn, and lists written, for up to GROUP more. */
enum { PANEL = 256, GROUP = 16 };

/* [OUT] listed, grey: the blocks that need draws, and their bytes; both have room for GROUP more.  Returns their
 * number. A byte of 0 or 255 needs none: no uniform is below 0, all are below 255 / 255.  One block in four of MNIST
 * needs draws. */
static inline size_t list_undecided(size_t blocks, const uint8_t *p, uint32_t first_block, uint32_t *listed,
                                    uint8_t *grey)
{
    size_t count = 0;
#if defined(__AVX512F__) /* block by block this took half of the time of binarise */
    const __m512i all_but_one = _mm512_set1_epi32(0x7f7f7f7f), group = _mm512_set1_epi32(GROUP);
    __m512i block = _mm512_add_epi32(_mm512_set1_epi32((int)first_block),
                                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (size_t b = 0; b < blocks; b += GROUP, block = _mm512_add_epi32(block, group)) {
        __m512i four = _mm512_maskz_loadu_epi32(num_part(blocks - b < GROUP ? blocks - b : GROUP), p + 4 * b);
        __mmask16 undecided = _mm512_test_epi32_mask(_mm512_xor_si512(four, _mm512_srli_epi32(four, 1)), all_but_one);
        _mm512_storeu_si512(listed + count, _mm512_maskz_compress_epi32(undecided, block));
        _mm512_storeu_si512(grey + 4 * count, _mm512_maskz_compress_epi32(undecided, four));
        count += (size_t)__builtin_popcount(undecided);
    }
#else
    for (size_t b = 0; b < blocks; b++) {
        uint32_t four;
        memcpy(&four, p + 4 * b, sizeof four);
        memcpy(grey + 4 * count, &four, sizeof four);
        listed[count] = first_block + (uint32_t)b;
        count += ((four ^ four >> 1) & 0x7f7f7f7fu) != 0;
    }
#endif
    memset(listed + count, 0, GROUP * sizeof *listed);
    memset(grey + 4 * count, 0, 4 * GROUP);
    return count;
}

/* First x without draws, then the bits of the drawn blocks. */
static void binarise_panel(size_t blocks, float *restrict x, const uint8_t *restrict p, const uint32_t key[2],
                           uint32_t first_block, uint32_t row, uint64_t step)
{
    uint32_t listed[PANEL + GROUP], rows[PANEL], words_of[4][PANEL];
    uint32_t *const word[4] = {words_of[0], words_of[1], words_of[2], words_of[3]};
    uint8_t grey[4 * (PANEL + GROUP)];
    float bit[4 * PANEL];
#pragma omp simd
    for (size_t i = 0; i < 4 * blocks; i++)
        x[i] = p[i] == 255 ? 1.0f : 0.0f;
    size_t count = list_undecided(blocks, p, first_block, listed, grey), drawn = (count + GROUP - 1) / GROUP * GROUP;
    for (size_t i = 0; i < PANEL; i++) /* all of them, so that gcc does not warn of uninitialised ones */
        rows[i] = row;
    words(drawn, word, key, listed, rows, step);
    uniform(drawn, bit, word);
#pragma omp simd
    for (size_t i = 0; i < 4 * drawn; i++)
        bit[i] = bit[i] < num_grey1(grey[i]) ? 1.0f : 0.0f;
    for (size_t i = 0; i < count; i++)
        memcpy(x + 4 * (listed[i] - first_block), bit + 4 * i, 4 * sizeof *x);
}

static void binarise(size_t blocks, float *x, const uint8_t *p, const uint32_t key[2], uint32_t first_block,
                     uint32_t row, uint64_t step)
{
    for (size_t b = 0; b < blocks; b += PANEL)
        binarise_panel(blocks - b < PANEL ? blocks - b : PANEL, x + 4 * b, p + 4 * b, key, first_block + (uint32_t)b,
                       row, step);
}

const NumStreamTable VARIANT(num_stream_table) = {
    .words = words, .uniform = uniform, .normal = normal, .binarise = binarise,
};
