/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/sum.c: sums in the fixed order of num/sum.h, log-sum-exp, reported totals, the search for a non-finite value.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

/* The 16 lanes of a sum, in as many registers as this variant needs. */
enum { LANES = 16, VECS = LANES / NUM_LANES };

typedef struct {
    NumVec v[VECS];
} Lanes;

/* lane l += x[l], x[l + 16], …  Absent elements count as +0, which changes no bit: a lane is never -0. */
static inline void lanes_add(Lanes *sum, size_t n, const float *x)
{
    Lanes s = *sum;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int v = 0; v < VECS; v++)
            s.v[v] += *(const NumVecAny *)(const void *)(x + i + v * NUM_LANES);
    if (i < n) {
        float rest[LANES] = {0.0f};
        for (size_t l = 0; i + l < n; l++)
            rest[l] = x[i + l];
        for (int v = 0; v < VECS; v++)
            s.v[v] += *(const NumVecAny *)(const void *)(rest + v * NUM_LANES);
    }
    *sum = s;
}

/* The tree: (l, l + 8), (l, l + 4), (l, l + 2), (l, l + 1). */
static inline float lanes_tree(const Lanes *sum)
{
    float lane[LANES];
    memcpy(lane, sum, sizeof lane);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static void rows(size_t count, size_t columns, float *y, const float *x, size_t stride)
{
    for (size_t r = 0; r < count; r++, x += stride) {
        Lanes sum = {0};
        lanes_add(&sum, columns, x);
        y[r] = lanes_tree(&sum);
    }
}

/* ---- down the rows ----------------------------------------------------------------------------------------------- */

enum { BLOCK_VECS = 4, BLOCK = BLOCK_VECS * NUM_LANES };

/* BLOCK columns in registers. */
static void columns_block(size_t outer, size_t outer_stride, size_t inner, size_t inner_stride,
                          float *restrict y, const float *x, float scale)
{
    NumVec total[BLOCK_VECS] = {0};
    for (size_t o = 0; o < outer; o++) {
        const float *row = x + o * outer_stride;
        NumVec sum[BLOCK_VECS] = {0};
        for (size_t i = 0; i < inner; i++, row += inner_stride)
            for (int v = 0; v < BLOCK_VECS; v++)
                sum[v] += *(const NumVecAny *)(const void *)(row + v * NUM_LANES);
        for (int v = 0; v < BLOCK_VECS; v++)
            total[v] += sum[v];
    }
    float sums[BLOCK];
    memcpy(sums, total, sizeof sums);
#pragma omp simd
    for (int c = 0; c < BLOCK; c++)
        y[c] = num_fma(scale, sums[c], y[c]);
}

/* Fewer columns than BLOCK. */
static void columns_rest(size_t width, size_t outer, size_t outer_stride, size_t inner, size_t inner_stride,
                         float *restrict y, const float *x, float scale)
{
    float total[BLOCK] = {0.0f};
    for (size_t o = 0; o < outer; o++) {
        const float *row = x + o * outer_stride;
        float sum[BLOCK] = {0.0f};
        for (size_t i = 0; i < inner; i++, row += inner_stride)
            for (size_t c = 0; c < width; c++)
                sum[c] += row[c];
        for (size_t c = 0; c < width; c++)
            total[c] += sum[c];
    }
    for (size_t c = 0; c < width; c++)
        y[c] = num_fma(scale, total[c], y[c]);
}

static void columns(size_t width, size_t outer, size_t outer_stride, size_t inner, size_t inner_stride,
                    float *y, const float *x, float scale)
{
    size_t c = 0;
    for (; c + BLOCK <= width; c += BLOCK)
        columns_block(outer, outer_stride, inner, inner_stride, y + c, x + c, scale);
    if (c < width)
        columns_rest(width - c, outer, outer_stride, inner, inner_stride, y + c, x + c, scale);
}

/* ---- log sum exp: m + log sum exp(x - m), m the maximum ---------------------------------------------------------- */

/* The shift to subtract: not an infinite maximum, which would give inf - inf. */
static inline float shift_of(float max)
{
    return num_abs1(max) < INFINITY ? max : 0.0f;
}

static float max_of_row(size_t n, const float *x)
{
    float lane[LANES], max = -INFINITY;
    for (int l = 0; l < LANES; l++)
        lane[l] = -INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int l = 0; l < LANES; l++)
            lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (int l = 0; l < LANES; l++)
        max = lane[l] > max ? lane[l] : max;
    return max;
}

static void logsumexp_rows(size_t count, size_t width, float *y, const float *x)
{
    enum { CHUNK = 16 * LANES };
    float e[CHUNK];
    for (size_t r = 0; r < count; r++, x += width) {
        float shift = shift_of(max_of_row(width, x));
        Lanes sum = {0};
        for (size_t i = 0; i < width; i += CHUNK) {
            size_t n = width - i < CHUNK ? width - i : CHUNK;
#pragma omp simd
            for (size_t c = 0; c < n; c++)
                e[c] = num_exp1(x[i + c] - shift);
            lanes_add(&sum, n, e);
        }
        y[r] = shift + num_log1(lanes_tree(&sum));
    }
}

static void logsumexp_columns_block(size_t width, size_t count, size_t stride, float *restrict y, const float *restrict x)
{
    float shift[BLOCK], sum[BLOCK];
    for (size_t c = 0; c < width; c++) {
        shift[c] = -INFINITY;
        sum[c] = 0.0f;
    }
    for (size_t i = 0; i < count; i++) {
        const float *row = x + i * stride;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            shift[c] = row[c] > shift[c] ? row[c] : shift[c];
    }
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        shift[c] = shift_of(shift[c]);
    for (size_t i = 0; i < count; i++) {
        const float *row = x + i * stride;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] += num_exp1(row[c] - shift[c]);
    }
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        y[c] = shift[c] + num_log1(sum[c]);
}

static void logsumexp_columns(size_t width, size_t count, size_t stride, float *y, const float *x)
{
    for (size_t c = 0; c < width; c += BLOCK)
        logsumexp_columns_block(width - c < BLOCK ? width - c : BLOCK, count, stride, y + c, x + c);
}

/* dy exp(x - y).  Where all x are -inf, so is y, and the gradient is 0. */
static void logsumexp_back(size_t n, float *const *out, const float *const *in)
{
    const float *dy = in[0], *x = in[1], *y = in[2];
    float *dx = out[0];
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * num_exp1(x[i] - (y[i] == -INFINITY ? 0.0f : y[i]));
}

/* ---- totals in double -------------------------------------------------------------------------------------------- */

/* 16 lanes in double, the same order and tree. */
typedef double DVec __attribute__((vector_size(sizeof(float) * NUM_LANES)));
typedef float HalfAny __attribute__((vector_size(sizeof(float) * NUM_LANES / 2), aligned(4), may_alias));
enum { DLANES = NUM_LANES / 2, DVECS = LANES / DLANES };

static inline double dlanes_tree(const DVec *sum)
{
    double lane[LANES];
    memcpy(lane, sum, sizeof lane);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Intrinsics: gcc converts a generic vector in two halves and joins them, which takes twice as long. */
static inline DVec widen(const float *x)
{
#if defined(__AVX512F__)
    return _mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined(__AVX2__)
    return _mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return __builtin_convertvector(*(const HalfAny *)(const void *)x, DVec);
#endif
}

#define TOTAL(name, term)                                                                                               \
    static inline void name##_add(DVec *sum, const float *x_in)                                                        \
    {                                                                                                                   \
        for (int v = 0; v < DVECS; v++) {                                                                               \
            DVec x = widen(x_in + v * DLANES);                                                                          \
            sum[v] += term;                                                                                             \
        }                                                                                                               \
    }                                                                                                                   \
    static double name(size_t n, const float *x)                                                                       \
    {                                                                                                                   \
        DVec sum[DVECS] = {0};                                                                                          \
        size_t i = 0;                                                                                                   \
        for (; i + LANES <= n; i += LANES)                                                                              \
            name##_add(sum, x + i);                                                                                     \
        if (i < n) {                                                                                                    \
            float rest[LANES] = {0.0f};                                                                                 \
            for (size_t l = 0; i + l < n; l++)                                                                          \
                rest[l] = x[i + l];                                                                                     \
            name##_add(sum, rest);                                                                                      \
        }                                                                                                               \
        return dlanes_tree(sum);                                                                                        \
    }

TOTAL(total, x)
TOTAL(sum_squares, x * x)

/* An exponent of all ones is an infinity or a NaN. */
static inline int is_nonfinite(float x)
{
    return (num_bits(x) & 0x7f800000u) == 0x7f800000u;
}

static size_t first_nonfinite(size_t n, const float *x)
{
    enum { CHUNK = 256 };
    size_t i = 0;
    for (; i + CHUNK <= n; i += CHUNK) {
        int found = 0;
#pragma omp simd reduction(| : found)
        for (size_t c = 0; c < CHUNK; c++)
            found |= is_nonfinite(x[i + c]);
        if (found)
            break;
    }
    while (i < n && !is_nonfinite(x[i]))
        i++;
    return i;
}

const NumSumTable VARIANT(num_sum_table) = {
    .rows = rows,
    .columns = columns,
    .logsumexp_rows = logsumexp_rows,
    .logsumexp_columns = logsumexp_columns,
    .logsumexp_back = logsumexp_back,
    .total = total,
    .sum_squares = sum_squares,
    .first_nonfinite = first_nonfinite,
};
