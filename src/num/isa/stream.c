/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/stream.c: many Philox blocks at once, and their words as uniforms and normals.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

/* Philox4x32-10 (Salmon et al. 2011, section 3.3), word for word Random123's; written as a loop over blocks that
 * vectorises. */
static void words(size_t n, uint32_t *const *word, const uint32_t key[2], const uint32_t *column_block, const uint32_t *row,
                  uint64_t step)
{
    uint32_t *restrict w0 = word[0], *restrict w1 = word[1], *restrict w2 = word[2], *restrict w3 = word[3];
    uint32_t low = (uint32_t)step, high = (uint32_t)(step >> 32), key0 = key[0], key1 = key[1];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t c0 = column_block[i], c1 = row[i], c2 = low, c3 = high, k0 = key0, k1 = key1;
        for (int round = 0; round < 10; round++) {
            uint64_t p0 = (uint64_t)0xd2511f53u * c0, p1 = (uint64_t)0xcd9e8d57u * c2;
            c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint32_t)p1;
            c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint32_t)p0;
            k0 += 0x9e3779b9u;
            k1 += 0xbb67ae85u;
        }
        w0[i] = c0;
        w1[i] = c1;
        w2[i] = c2;
        w3[i] = c3;
    }
}

/* (word + 1/2) 2^-32 rounded once (both halves, and their products, are exact), at most 1 - 2^-24. */
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

static void below(size_t n, float *x, const float *u, const float *p)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] = u[i] < p[i] ? 1.0f : 0.0f;
}

const NumStreamTable VARIANT(num_stream_table) = {
    .words = words, .uniform = uniform, .normal = normal, .below = below,
};
