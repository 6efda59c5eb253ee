/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/tile_nt.h: a register tile of a product with a transposed b, which is turned in the registers: where few rows would pay
 * for a copy.
 */
#ifndef NUM_ISA_TURNED_H
#define NUM_ISA_TURNED_H

#include "num/isa/tile.h"

#if NUM_HAS_FMA

/* b is transposed in registers, four steps of a vector of columns at a time.  A quarter of 512 bits is read into its place under a
 * mask: an insertion would take the port of the shuffles, and on processors with one such port as long as they do. */
#if defined(__AVX512F__)
typedef __m512 Turned;
enum { TURNED_LANES = 16 };
static inline Turned turned_set(float x) { return _mm512_set1_ps(x); }
static inline void turned_store(float *y, Turned x) { _mm512_storeu_ps(y, x); }
static inline Turned turned_fma(Turned a, Turned b, Turned c) { return _mm512_fmadd_ps(a, b, c); }
static inline Turned turned_load(const float *x, size_t row) /* four of rows 0, 4, 8, 12 */
{
    Turned y = _mm512_castps128_ps512(_mm_loadu_ps(x));
    y = _mm512_mask_broadcast_f32x4(y, 0x00f0, _mm_loadu_ps(x + 4 * row));
    y = _mm512_mask_broadcast_f32x4(y, 0x0f00, _mm_loadu_ps(x + 8 * row));
    return _mm512_mask_broadcast_f32x4(y, 0xf000, _mm_loadu_ps(x + 12 * row));
}
static inline void turn(Turned *y, Turned a, Turned b, Turned c, Turned d) /* 4 x 4, in each quarter */
{
    Turned ab = _mm512_unpacklo_ps(a, b), AB = _mm512_unpackhi_ps(a, b);
    Turned cd = _mm512_unpacklo_ps(c, d), CD = _mm512_unpackhi_ps(c, d);
    y[0] = _mm512_shuffle_ps(ab, cd, 0x44);
    y[1] = _mm512_shuffle_ps(ab, cd, 0xee);
    y[2] = _mm512_shuffle_ps(AB, CD, 0x44);
    y[3] = _mm512_shuffle_ps(AB, CD, 0xee);
}
#elif defined(__AVX2__)
typedef __m256 Turned;
enum { TURNED_LANES = 8 };
static inline Turned turned_set(float x) { return _mm256_set1_ps(x); }
static inline void turned_store(float *y, Turned x) { _mm256_storeu_ps(y, x); }
static inline Turned turned_fma(Turned a, Turned b, Turned c) { return _mm256_fmadd_ps(a, b, c); }
static inline Turned turned_load(const float *x, size_t row) /* four of row 0, four of row 4 */
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + 4 * row), 1);
}
static inline void turn(Turned *y, Turned a, Turned b, Turned c, Turned d) /* 4 x 4, in each half */
{
    Turned ab = _mm256_unpacklo_ps(a, b), AB = _mm256_unpackhi_ps(a, b);
    Turned cd = _mm256_unpacklo_ps(c, d), CD = _mm256_unpackhi_ps(c, d);
    y[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    y[1] = _mm256_shuffle_ps(ab, cd, 0xee);
    y[2] = _mm256_shuffle_ps(AB, CD, 0x44);
    y[3] = _mm256_shuffle_ps(AB, CD, 0xee);
}
#else
typedef float32x4_t Turned;
enum { TURNED_LANES = 4 };
static inline Turned turned_set(float x) { return vdupq_n_f32(x); }
static inline void turned_store(float *y, Turned x) { vst1q_f32(y, x); }
static inline Turned turned_fma(Turned a, Turned b, Turned c) { return vfmaq_f32(c, a, b); }
static inline Turned turned_load(const float *x, size_t row) { return (void)row, vld1q_f32(x); }
static inline Turned low(Turned a, Turned b) { return vcombine_f32(vget_low_f32(a), vget_low_f32(b)); }
static inline Turned high(Turned a, Turned b) { return vcombine_f32(vget_high_f32(a), vget_high_f32(b)); }
static inline void turn(Turned *y, Turned a, Turned b, Turned c, Turned d)
{
    Turned ab = vzip1q_f32(a, b), AB = vzip2q_f32(a, b), cd = vzip1q_f32(c, d), CD = vzip2q_f32(c, d);
    y[0] = low(ab, cd);
    y[1] = high(ab, cd);
    y[2] = low(AB, CD);
    y[3] = high(AB, CD);
}
#endif

/* So many rows of b at a time are more than a processor reads ahead by itself: a quarter of them every four steps, each line is
 * asked for once, two lines before its turn (7 rows, 784 to 400 units: 15 % faster; fewer rows wait for the loads alone). */
enum { ASKING_ROWS = 4, QUARTER = TURNED_LANES / 4 };
static inline void ask_ahead(const float *b, size_t b_row, size_t p)
{
    const float *ahead = b + p % 4 * QUARTER * b_row + 32;
    UNROLL for (size_t i = 0; i < QUARTER; i++)
        __builtin_prefetch(ahead + i * b_row);
}

/* Steps `first` to 3 of the four from b on, p of such fours to go; a goes forward by as many. */
static inline __attribute__((always_inline)) void turned_steps(const int rows, const int vectors, const int first, size_t p,
                                                               Turned sum[TILE_ROWS][TURNED_VECTORS],
                                                               const float *three[], const Step *x, const float *b,
                                                               const float *last)
{
    const size_t a_row = x->a_row, b_row = x->b_row;
    Turned right[TURNED_VECTORS][4];
    UNROLL for (int v = 0; v < vectors; v++, b += TURNED_LANES * b_row) {
        const float *at = v < vectors - 1 ? b : last;
        if (rows >= ASKING_ROWS && first == 0)
            ask_ahead(at, b_row, p);
        turn(right[v], turned_load(at, b_row), turned_load(at + b_row, b_row), turned_load(at + 2 * b_row, b_row),
             turned_load(at + 3 * b_row, b_row));
    }
    UNROLL for (int s = first; s < 4; s++) {
        UNROLL for (int r = 0; r < rows; r++) {
            Turned left = turned_set(three[r / 3][(size_t)(r % 3) * a_row]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = turned_fma(left, right[v][s], sum[r][v]);
        }
        UNROLL for (int r = 0; r < rows; r += 3)
            three[r / 3] += x->a_column;
    }
}

/* As tile(), but b is transposed, and k, at least 4, is one block.  The last vector may overlap the one before it, and the
 * last steps, fewer than four, are read together with those before them: nothing past an end is touched. */
static inline __attribute__((always_inline)) void turned_tile(const int rows, const int vectors, const Step *step)
{
    const Step x = *step; /* else each store might change it */
    Turned sum[TILE_ROWS][TURNED_VECTORS];
    const float *three[(TILE_ROWS + 2) / 3], *b = x.b, *last = x.b + x.last * x.b_row;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = turned_set(0.0f);
    UNROLL for (int r = 0; r < rows; r += 3)
        three[r / 3] = x.a + (size_t)r * x.a_row;
    for (size_t p = x.k / 4; p > 0; p--, b += 4, last += 4)
        turned_steps(rows, vectors, 0, p, sum, three, &x, b, last);
    switch (x.k % 4) {
    case 1: turned_steps(rows, vectors, 3, 0, sum, three, &x, b - 3, last - 3); break;
    case 2: turned_steps(rows, vectors, 2, 0, sum, three, &x, b - 2, last - 2); break;
    case 3: turned_steps(rows, vectors, 1, 0, sum, three, &x, b - 1, last - 1); break;
    }
    float *to = x.to;
    UNROLL for (int r = 0; r < rows; r++, to += x.to_row)
        UNROLL for (int v = 0; v < vectors; v++)
            turned_store(to + (v < vectors - 1 ? (size_t)(v * TURNED_LANES) : x.last), sum[r][v]);
}

typedef void TurnedTile(const Step *x);

#define DEFINE_TURNED(rows, vectors) \
    static void turned_##rows##_##vectors(const Step *x) { turned_tile(rows, vectors, x); }
#define NAME_TURNED(rows, vectors) [rows - 1][vectors - 1] = turned_##rows##_##vectors,

#define TURNED_2(X, r) X(r, 1) X(r, 2)
#define TURNED_4(X, r) X(r, 1) X(r, 2) X(r, 3) X(r, 4)
/* Rows that still go with four vectors (their chains hide each other's latency, and the registers hold them), and the vectors
 * of more rows.  Four of 512 bits would read 64 rows of b at a time (1 row, 784 to 500 units: 40 % slower). */
#if defined(__AVX512F__)
#define EACH_TURNED(X) TURNED_2(X, 1) TURNED_2(X, 2) TURNED_2(X, 3) TURNED_2(X, 4) TURNED_2(X, 5) TURNED_2(X, 6) \
    TURNED_2(X, 7) TURNED_2(X, 8) TURNED_2(X, 9) TURNED_2(X, 10) TURNED_2(X, 11) TURNED_2(X, 12)
enum { TURNED_FEW = 0, TURNED_LEAST = 2 };
#elif defined(__AVX2__)
#define EACH_TURNED(X) TURNED_4(X, 1) TURNED_4(X, 2) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
enum { TURNED_FEW = 2, TURNED_LEAST = 1 };
#else
#define EACH_TURNED(X) TURNED_4(X, 1) TURNED_4(X, 2) TURNED_4(X, 3) TURNED_4(X, 4) TURNED_2(X, 5) TURNED_2(X, 6) \
    TURNED_2(X, 7) TURNED_2(X, 8)
enum { TURNED_FEW = 4, TURNED_LEAST = 2 };
#endif

EACH_TURNED(DEFINE_TURNED)
static TurnedTile *const turned_tiles[TILE_ROWS][TURNED_VECTORS] = {EACH_TURNED(NAME_TURNED)};

/* Vectors of the widest such tile of so many rows. */
static inline size_t turned_width(size_t rows) { return rows <= TURNED_FEW ? TURNED_VECTORS : TURNED_LEAST; }

#else

enum { TURNED_LANES = NUM_LANES }; /* no such tile: see turns() */
static inline size_t turned_width(size_t rows) { return (void)rows, 1; }

#endif

#endif
