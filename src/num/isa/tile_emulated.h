/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/tile_emulated.h: a tile of a product on processors without fma.  Rows of a are taken in groups of four,
 * columns of b in strips of four, and a step of a group and a strip is computed in one of three ways:
 *
 *   in float   where all elements of a are 0 or powers of two, as binary pixels are.  The products are exact, and the
 *              sum rounds once.
 *   in double  the products are exact in double; the sum is rounded to double, then to float.  Rounding twice can be
 *              wrong only where the double is the middle between two floats: its low 29 bits are 2^28.  Steps with such a
 *              sum, of ordinary data one in millions, are made again, slowly.
 *   slowly     by num_fma_emulated(), which is correct for all floats.
 *
 * The first two need elements that are 0 or from 2^-51 to 2^62: then no product overflows, and every product and sum is
 * a multiple of 2^-149, so that denormal sums are exact.
 */
#ifndef NUM_ISA_TILE_EMULATED_H
#define NUM_ISA_TILE_EMULATED_H

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { GROUP = 4, STRIP = 4 };

/* The fastest way that a group or a strip allows for all steps; the larger one of both is right. */
typedef enum Way { IN_FLOAT, IN_DOUBLE, SOME_SLOWLY } Way;

/* Four floats for each step, of a group of rows or of a strip of columns. */
typedef struct Packed {
    float x[BLOCK_K][4];
    Way way;
} Packed;

/* 0 where x is 0 or 2^-51 <= |x| < 2^62 */
static inline uint32_t out_of_range(float x)
{
    const float size = num_abs1(x);
    return (uint32_t)(!(size < 0x1p62f)) | ((uint32_t)(size < 0x1p-51f) & (uint32_t)(x != 0.0f));
}

static Way way_of(const Packed *packed, size_t k, int of_a)
{
    uint32_t outside = 0, fraction = 0; /* of 0 and the powers of two the fraction is 0 */
    const float *x = packed->x[0];
    for (size_t i = 0; i < 4 * k; i++) {
        outside |= out_of_range(x[i]);
        fraction |= num_bits(x[i]) & 0x7fffffu;
    }
    return outside ? SOME_SLOWLY : of_a && fraction ? IN_DOUBLE : IN_FLOAT;
}

/* Packs the steps of `count` columns of b, at most 4. */
static void pack_strip(Packed *to, const TileStep *x, const float *b, size_t count)
{
    for (size_t i = 0; i < x->k; i++) {
        const float *from = b + (x->kept == NULL ? i : x->kept[i]) * x->b_row;
        if (count == 4)
            memcpy(to->x[i], from, sizeof to->x[i]);
        else
            for (size_t j = 0; j < 4; j++)
                to->x[i][j] = j < count ? from[j] : 0.0f;
    }
    to->way = way_of(to, x->k, 0);
}

/* Packs the steps of `count` rows of a, at most 4. */
static void pack_group(Packed *to, const TileStep *x, const float *a, size_t count)
{
    for (size_t r = 0; r < 4; r++)
        for (size_t i = 0; i < x->k; i++)
            to->x[i][r] = r < count ? a[r * x->a_row + (x->kept == NULL ? i : x->kept[i]) * x->a_column] : 0.0f;
    to->way = way_of(to, x->k, 1);
}

/* ---- steps of a group and a strip: sum += left right ------------------------------------------------------------- */

typedef float Sums[GROUP][STRIP];

static inline void steps_in_float(size_t k, const Packed *left, const Packed *right, Sums sum)
{
    NumVec row[GROUP];
    UNROLL for (int r = 0; r < GROUP; r++)
        row[r] = num_load(sum[r]);
    for (size_t p = 0; p < k; p++)
        UNROLL for (int r = 0; r < GROUP; r++)
            row[r] = row[r] + num_set(left->x[p][r]) * num_load(right->x[p]);
    UNROLL for (int r = 0; r < GROUP; r++)
        num_store(sum[r], row[r]);
}

static void steps_slowly(size_t p, size_t end, const Packed *left, const Packed *right, Sums sum)
{
    for (; p < end; p++)
        for (int r = 0; r < GROUP; r++)
            for (int j = 0; j < STRIP; j++)
                sum[r][j] = num_fma(left->x[p][r], right->x[p][j], sum[r][j]);
}

/* Returns whether rounding twice may have spoilt a sum. */
#if defined(__SSE2__)

typedef struct Pair {
    __m128d low, high;
} Pair;

static inline Pair widened(__m128 x) { return (Pair){_mm_cvtps_pd(x), _mm_cvtps_pd(_mm_movehl_ps(x, x))}; }
static inline __m128d rounded(__m128d x) { return _mm_cvtps_pd(_mm_cvtpd_ps(x)); }

static inline int steps_in_double(size_t p, size_t end, const Packed *left, const Packed *right, Sums sum)
{
    const __m128i low_bits = _mm_set1_epi32(0x1fffffff), middle = _mm_set1_epi32(0x10000000);
    __m128i doubt = _mm_setzero_si128();
    Pair row[GROUP];
    UNROLL for (int r = 0; r < GROUP; r++)
        row[r] = widened(_mm_loadu_ps(sum[r]));
    for (; p < end; p++) {
        const Pair b = widened(_mm_loadu_ps(right->x[p])), a = widened(_mm_loadu_ps(left->x[p]));
        const __m128d each[GROUP] = {_mm_unpacklo_pd(a.low, a.low), _mm_unpackhi_pd(a.low, a.low),
                                     _mm_unpacklo_pd(a.high, a.high), _mm_unpackhi_pd(a.high, a.high)};
        UNROLL for (int r = 0; r < GROUP; r++) {
            __m128d low = _mm_add_pd(_mm_mul_pd(each[r], b.low), row[r].low);
            __m128d high = _mm_add_pd(_mm_mul_pd(each[r], b.high), row[r].high);
            __m128i words = _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high), 0x88));
            doubt = _mm_or_si128(doubt, _mm_cmpeq_epi32(_mm_and_si128(words, low_bits), middle));
            row[r] = (Pair){rounded(low), rounded(high)};
        }
    }
    UNROLL for (int r = 0; r < GROUP; r++)
        _mm_storeu_ps(sum[r], _mm_movelh_ps(_mm_cvtpd_ps(row[r].low), _mm_cvtpd_ps(row[r].high)));
    return _mm_movemask_epi8(doubt) != 0;
}

#else

static inline int steps_in_double(size_t p, size_t end, const Packed *left, const Packed *right, Sums sum)
{
    const uint64_t low_bits = 0x1fffffff, middle = 0x10000000;
    uint64_t doubt = 0; /* its top bit */
    for (; p < end; p++)
        for (int r = 0; r < GROUP; r++)
            for (int j = 0; j < STRIP; j++) {
                double s = (double)left->x[p][r] * (double)right->x[p][j] + (double)sum[r][j];
                uint64_t bits;
                memcpy(&bits, &s, sizeof bits);
                doubt |= ((bits & low_bits) ^ middle) - 1;
                sum[r][j] = (float)s;
            }
    return (int)(doubt >> 63);
}

#endif

static int any_outside(size_t p, size_t end, const Packed *left, const Packed *right)
{
    uint32_t outside = 0;
    for (; p < end; p++)
        for (size_t i = 0; i < 4; i++)
            outside |= out_of_range(left->x[p][i]) | out_of_range(right->x[p][i]);
    return outside != 0;
}

static void all_steps(size_t k, const Packed *left, const Packed *right, Sums sum)
{
    enum { CHUNK = 32 }; /* what is made again after a doubt */
    const Way way = left->way > right->way ? left->way : right->way;
    if (way == IN_FLOAT) {
        steps_in_float(k, left, right, sum);
        return;
    }
    for (size_t p = 0, end; p < k; p = end) {
        Sums before;
        end = smaller(p + CHUNK, k);
        memcpy(before, sum, sizeof before);
        if ((way == SOME_SLOWLY && any_outside(p, end, left, right)) || steps_in_double(p, end, left, right, sum)) {
            memcpy(sum, before, sizeof before);
            steps_slowly(p, end, left, right, sum);
        }
    }
}

/* ---- the tile ---------------------------------------------------------------------------------------------------- */

static void run_tile(size_t rows, size_t columns, const TileStep *x)
{
    Packed left[TILE_ROWS / GROUP], right;
    for (size_t r = 0; r < rows; r += GROUP)
        pack_group(&left[r / GROUP], x, x->a + r * x->a_row, smaller(rows - r, GROUP));
    for (size_t s = 0; s < columns; s += STRIP) {
        size_t width = smaller(columns - s, STRIP);
        pack_strip(&right, x, x->b + s, width);
        for (size_t r = 0; r < rows; r += GROUP) {
            size_t height = smaller(rows - r, GROUP);
            Sums sum = {{0}};
            for (size_t i = 0; i < height && !x->first; i++)
                memcpy(sum[i], x->from + (r + i) * x->from_row + s, width * sizeof(float));
            all_steps(x->k, &left[r / GROUP], &right, sum);
            for (size_t i = 0; i < height; i++) {
                float *to = x->to + (r + i) * x->to_row + s;
                for (size_t j = 0; j < width; j++)
                    to[j] = x->add ? to[j] + sum[i][j] : sum[i][j];
            }
        }
    }
}

#endif
