/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/tile_nt.h: a register tile of a product with a transposed b (NUM_NT), which it transposes in registers.
 * It is for products with few rows, where a transposed copy of b would cost more than it gains.
 */
#ifndef NUM_ISA_TILE_NT_H
#define NUM_ISA_TILE_NT_H

#include "num/isa/tile.h"

#if NUM_HAS_FMA

/* b is transposed in registers, four steps of one vector of columns at a time.  With AVX-512, quarters of a vector
 * are loaded under a mask: an insertion would use the shuffle port, and many processors have only one. */
#if defined(__AVX512F__)
typedef __m512 NtVec;
enum { NT_LANES = 16 };
static inline NtVec nt_set(float x) { return _mm512_set1_ps(x); }
static inline void nt_store(float *y, NtVec x) { _mm512_storeu_ps(y, x); }
static inline NtVec nt_fma(NtVec a, NtVec b, NtVec c) { return _mm512_fmadd_ps(a, b, c); }
static inline NtVec nt_load(const float *x, size_t row) /* four of rows 0, 4, 8, 12 */
{
    NtVec y = _mm512_castps128_ps512(_mm_loadu_ps(x));
    y = _mm512_mask_broadcast_f32x4(y, 0x00f0, _mm_loadu_ps(x + 4 * row));
    y = _mm512_mask_broadcast_f32x4(y, 0x0f00, _mm_loadu_ps(x + 8 * row));
    return _mm512_mask_broadcast_f32x4(y, 0xf000, _mm_loadu_ps(x + 12 * row));
}
static inline void nt_transpose(NtVec *y, NtVec a, NtVec b, NtVec c, NtVec d) /* 4 x 4, in each quarter */
{
    NtVec ab = _mm512_unpacklo_ps(a, b), AB = _mm512_unpackhi_ps(a, b);
    NtVec cd = _mm512_unpacklo_ps(c, d), CD = _mm512_unpackhi_ps(c, d);
    y[0] = _mm512_shuffle_ps(ab, cd, 0x44);
    y[1] = _mm512_shuffle_ps(ab, cd, 0xee);
    y[2] = _mm512_shuffle_ps(AB, CD, 0x44);
    y[3] = _mm512_shuffle_ps(AB, CD, 0xee);
}
#elif defined(__AVX2__)
typedef __m256 NtVec;
enum { NT_LANES = 8 };
static inline NtVec nt_set(float x) { return _mm256_set1_ps(x); }
static inline void nt_store(float *y, NtVec x) { _mm256_storeu_ps(y, x); }
static inline NtVec nt_fma(NtVec a, NtVec b, NtVec c) { return _mm256_fmadd_ps(a, b, c); }
static inline NtVec nt_load(const float *x, size_t row) /* four of row 0, four of row 4 */
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + 4 * row), 1);
}
static inline void nt_transpose(NtVec *y, NtVec a, NtVec b, NtVec c, NtVec d) /* 4 x 4, in each half */
{
    NtVec ab = _mm256_unpacklo_ps(a, b), AB = _mm256_unpackhi_ps(a, b);
    NtVec cd = _mm256_unpacklo_ps(c, d), CD = _mm256_unpackhi_ps(c, d);
    y[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    y[1] = _mm256_shuffle_ps(ab, cd, 0xee);
    y[2] = _mm256_shuffle_ps(AB, CD, 0x44);
    y[3] = _mm256_shuffle_ps(AB, CD, 0xee);
}
#else
typedef float32x4_t NtVec;
enum { NT_LANES = 4 };
static inline NtVec nt_set(float x) { return vdupq_n_f32(x); }
static inline void nt_store(float *y, NtVec x) { vst1q_f32(y, x); }
static inline NtVec nt_fma(NtVec a, NtVec b, NtVec c) { return vfmaq_f32(c, a, b); }
static inline NtVec nt_load(const float *x, size_t row) { return (void)row, vld1q_f32(x); }
static inline NtVec low(NtVec a, NtVec b) { return vcombine_f32(vget_low_f32(a), vget_low_f32(b)); }
static inline NtVec high(NtVec a, NtVec b) { return vcombine_f32(vget_high_f32(a), vget_high_f32(b)); }
static inline void nt_transpose(NtVec *y, NtVec a, NtVec b, NtVec c, NtVec d)
{
    NtVec ab = vzip1q_f32(a, b), AB = vzip2q_f32(a, b), cd = vzip1q_f32(c, d), CD = vzip2q_f32(c, d);
    y[0] = low(ab, cd);
    y[1] = high(ab, cd);
    y[2] = low(AB, CD);
    y[3] = high(AB, CD);
}
#endif

/* The tile reads more rows of b at once than a processor prefetches by itself.  So every four steps a quarter of
 * them is prefetched, each cache line once, two lines ahead (7 rows, 784 to 400 units: 15 % faster).  With fewer
 * rows the loads are the limit, and prefetching does not help. */
enum { PREFETCH_ROWS = 4, QUARTER = NT_LANES / 4 };
static inline void prefetch_ahead(const float *b, size_t b_row, size_t p)
{
    const float *ahead = b + p % 4 * QUARTER * b_row + 32;
    UNROLL for (size_t i = 0; i < QUARTER; i++)
        __builtin_prefetch(ahead + i * b_row);
}

/* Steps `first` to 3 of the four from b on; p fours remain; advances the pointers into a by as many steps. */
static inline __attribute__((always_inline)) void nt_steps(const int rows, const int vectors, const int first, size_t p,
                                                               NtVec sum[TILE_ROWS][NT_VECTORS],
                                                               const float *three[], const TileStep *x, const float *b,
                                                               const float *last)
{
    const size_t a_row = x->a_row, b_row = x->b_row;
    NtVec right[NT_VECTORS][4];
    UNROLL for (int v = 0; v < vectors; v++, b += NT_LANES * b_row) {
        const float *at = v < vectors - 1 ? b : last;
        if (rows >= PREFETCH_ROWS && first == 0)
            prefetch_ahead(at, b_row, p);
        nt_transpose(right[v], nt_load(at, b_row), nt_load(at + b_row, b_row), nt_load(at + 2 * b_row, b_row),
             nt_load(at + 3 * b_row, b_row));
    }
    UNROLL for (int s = first; s < 4; s++) {
        UNROLL for (int r = 0; r < rows; r++) {
            NtVec left = nt_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = nt_fma(left, right[v][s], sum[r][v]);
        }
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += x->a_column;
    }
}

/* As tile(), but b is transposed, and k, at least 4, is one block.  Nothing past an end is read: the last vector may
 * overlap the one before it, and fewer than four last steps are read together with steps before them. */
static inline __attribute__((always_inline)) void nt_tile(const int rows, const int vectors, const TileStep *step)
{
    const TileStep x = *step; /* a copy: the compiler would reload it after each store */
    NtVec sum[TILE_ROWS][NT_VECTORS];
    const float *three[(TILE_ROWS + 2) / 3], *b = x.b, *last = x.b + x.last * x.b_row;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = nt_set(0.0f);
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x.a + (size_t)r * x.a_row;
    for (size_t p = x.k / 4; p > 0; p--, b += 4, last += 4)
        nt_steps(rows, vectors, 0, p, sum, three, &x, b, last);
    switch (x.k % 4) {
    case 1: nt_steps(rows, vectors, 3, 0, sum, three, &x, b - 3, last - 3); break;
    case 2: nt_steps(rows, vectors, 2, 0, sum, three, &x, b - 2, last - 2); break;
    case 3: nt_steps(rows, vectors, 1, 0, sum, three, &x, b - 1, last - 1); break;
    }
    float *to = x.to;
    UNROLL for (int r = 0; r < rows; r++, to += x.to_row)
        UNROLL for (int v = 0; v < vectors; v++)
            nt_store(to + (v < vectors - 1 ? (size_t)(v * NT_LANES) : x.last), sum[r][v]);
}

typedef void NtTile(const TileStep *x);

#define DEFINE_NT(rows, vectors) \
    static void nt_##rows##_##vectors(const TileStep *x) { nt_tile(rows, vectors, x); }
#define NAME_NT(rows, vectors) [rows - 1][vectors - 1] = nt_##rows##_##vectors,

#define NT_2(X, r) X(r, 1) X(r, 2)
#define NT_4(X, r) X(r, 1) X(r, 2) X(r, 3) X(r, 4)
/* FEW: up to so many rows, a tile has four vectors: the registers hold them, and their chains hide each other's
 * latency.  MORE: the vectors of a tile with more rows.  Four vectors of 512 bits would read 64 rows of b at once (1
 * row, 784 to 500 units: 40 % slower). */
#if defined(__AVX512F__)
#define EACH_NT(X) NT_2(X, 1) NT_2(X, 2) NT_2(X, 3) NT_2(X, 4) NT_2(X, 5) NT_2(X, 6) \
    NT_2(X, 7) NT_2(X, 8) NT_2(X, 9) NT_2(X, 10) NT_2(X, 11) NT_2(X, 12)
enum { NT_FEW = 0, NT_MORE = 2 };
#elif defined(__AVX2__)
#define EACH_NT(X) NT_4(X, 1) NT_4(X, 2) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
enum { NT_FEW = 2, NT_MORE = 1 };
#else
#define EACH_NT(X) NT_4(X, 1) NT_4(X, 2) NT_4(X, 3) NT_4(X, 4) NT_2(X, 5) NT_2(X, 6) \
    NT_2(X, 7) NT_2(X, 8)
enum { NT_FEW = 4, NT_MORE = 2 };
#endif

EACH_NT(DEFINE_NT)
static NtTile *const nt_tiles[TILE_ROWS][NT_VECTORS] = {EACH_NT(NAME_NT)};

/* The vectors of the widest such tile with so many rows. */
static inline size_t nt_width(size_t rows) { return rows <= NT_FEW ? NT_VECTORS : NT_MORE; }

#else

enum { NT_LANES = NUM_LANES }; /* there is no such tile: see uses_tile_nt() */
static inline size_t nt_width(size_t rows) { return (void)rows, 1; }

#endif

#endif
