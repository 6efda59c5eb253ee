/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/sum.c: sums and log-sum-exp over any axes, by the kernels of num/isa/sum.c; the oracles in double.  Threads
 * divide outputs, never a sum.  The gradients are in sum_back.c, because they broadcast by panels, which need sums.
 */
#include "num/sum.h"

#include "num/kernels.h"
#include "num/parallel.h"

#include <math.h>

#define NUM_TABLE_TYPE NumSumTable
#define NUM_TABLE_NAME num_sum_table
#include "num/isa_table.h"

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

/* The outputs of one job; STRIP is a multiple of every variant's column block. */
enum { STRIP = 64, ROWS = 64 };

typedef struct {
    float *y;
    const float *x;
    NumShape shape;   /* of x */
    float scale;
    int batch, samples; /* whether these axes are summed */
} SumJob;

static size_t parts(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- features kept: chains down the columns ---------------------------------------------------------------------- */

/* The columns of a chain.  Over the batch alone: the features of each sample.  Over samples alone: all (batch,
 * features). */
static size_t chain_width(const SumJob *t)
{
    return t->batch ? t->shape.n[NUM_FEATURES] : t->shape.n[NUM_BATCH] * t->shape.n[NUM_FEATURES];
}

static void chain_strip(const void *task, size_t index)
{
    const SumJob *t = task;
    size_t features = t->shape.n[NUM_FEATURES], width = chain_width(t), sample = t->shape.n[NUM_BATCH] * features;
    size_t s = index / parts(width, STRIP), c = index % parts(width, STRIP) * STRIP;
    num_sum_table()->columns(least(STRIP, width - c), t->samples ? t->shape.n[NUM_SAMPLES] : 1, sample,
                             t->batch ? t->shape.n[NUM_BATCH] : 1, features,
                             t->y + s * width + c, t->x + s * sample + c, t->scale);
}

static void sum_chains(const SumJob *t)
{
    size_t groups = t->samples ? 1 : t->shape.n[NUM_SAMPLES];
    num_parallel(groups * parts(chain_width(t), STRIP), num_shape_size(t->shape), chain_strip, t);
}

/* ---- features summed: rows in lanes, then chains over the rows' sums --------------------------------------------- */

/* [OUT] sums: of `count` rows, at most ROWS, from row b of sample s. */
static void row_sums(const SumJob *t, size_t s, size_t b, size_t count, float *sums)
{
    size_t features = t->shape.n[NUM_FEATURES];
    num_sum_table()->rows(count, features, sums, t->x + (s * t->shape.n[NUM_BATCH] + b) * features, features);
}

/* ROWS rows of y, which is (samples, batch), or (batch) where the samples are summed. */
static void rows_strip(const void *task, size_t index)
{
    const SumJob *t = task;
    size_t batch = t->shape.n[NUM_BATCH], blocks = parts(batch, ROWS);
    size_t s = index / blocks, b = index % blocks * ROWS, count = least(ROWS, batch - b);
    float sums[ROWS], chain[ROWS] = {0.0f};
    if (!t->samples) {
        row_sums(t, s, b, count, chain);
    } else {
        for (s = 0; s < t->shape.n[NUM_SAMPLES]; s++) {
            row_sums(t, s, b, count, sums);
            for (size_t r = 0; r < count; r++)
                chain[r] += sums[r];
        }
        s = 0;
    }
    num_elementwise_table()->axpy(count, t->y + s * batch + b, t->scale, chain);
}

/* The sum of a sample's rows. */
static float sample_sum(const SumJob *t, size_t s)
{
    float sums[ROWS], chain = 0.0f;
    for (size_t b = 0; b < t->shape.n[NUM_BATCH]; b += ROWS) {
        size_t count = least(ROWS, t->shape.n[NUM_BATCH] - b);
        row_sums(t, s, b, count, sums);
        for (size_t r = 0; r < count; r++)
            chain += sums[r];
    }
    return chain;
}

static void sample_job(const void *task, size_t s)
{
    const SumJob *t = task;
    float sum = sample_sum(t, s);
    num_elementwise_table()->axpy(1, t->y + s, t->scale, &sum);
}

static void sum_rows(const SumJob *t)
{
    size_t samples = t->shape.n[NUM_SAMPLES], size = num_shape_size(t->shape);
    if (!t->batch) {
        num_parallel((t->samples ? 1 : samples) * parts(t->shape.n[NUM_BATCH], ROWS), size, rows_strip, t);
    } else if (!t->samples) {
        num_parallel(samples, size, sample_job, t);
    } else { /* the result is one number */
        float chain = 0.0f;
        for (size_t s = 0; s < samples; s++)
            chain += sample_sum(t, s);
        num_elementwise_table()->axpy(1, t->y, t->scale, &chain);
    }
}

static int is_summed(NumShape y, NumShape x, NumAxis axis)
{
    return y.n[axis] == 1 && x.n[axis] != 1;
}

void num_sum_f32(float *y, NumShape y_shape, const float *x, NumShape x_shape, float scale)
{
    SumJob t = {.y = y, .x = x, .shape = x_shape, .scale = scale, .batch = is_summed(y_shape, x_shape, NUM_BATCH),
              .samples = is_summed(y_shape, x_shape, NUM_SAMPLES)};
    if (is_summed(y_shape, x_shape, NUM_FEATURES))
        sum_rows(&t);
    else
        sum_chains(&t);
}

/* ---- log sum exp ------------------------------------------------------------------------------------------------- */

static void logsumexp_rows(const void *task, size_t index)
{
    const SumJob *t = task;
    size_t features = t->shape.n[NUM_FEATURES], r = index * ROWS;
    num_sum_table()->logsumexp_rows(least(ROWS, num_shape_rows(t->shape) - r), features, t->y + r, t->x + r * features);
}

static void logsumexp_strip(const void *task, size_t index)
{
    const SumJob *t = task;
    size_t features = t->shape.n[NUM_FEATURES], width = chain_width(t), sample = t->shape.n[NUM_BATCH] * features;
    size_t s = index / parts(width, STRIP), c = index % parts(width, STRIP) * STRIP;
    num_sum_table()->logsumexp_columns(least(STRIP, width - c), t->shape.n[t->batch ? NUM_BATCH : NUM_SAMPLES],
                                       t->batch ? features : sample, t->y + s * width + c, t->x + s * sample + c);
}

void num_logsumexp_f32(float *y, NumAxis axis, const float *x, NumShape x_shape)
{
    SumJob t = {.y = y, .x = x, .shape = x_shape, .batch = axis == NUM_BATCH, .samples = axis == NUM_SAMPLES};
    size_t size = num_shape_size(x_shape);
    if (axis == NUM_FEATURES)
        num_parallel(parts(num_shape_rows(x_shape), ROWS), size, logsumexp_rows, &t);
    else
        num_parallel((t.samples ? 1 : x_shape.n[NUM_SAMPLES]) * parts(chain_width(&t), STRIP), size, logsumexp_strip, &t);
}

/* ---- totals ------------------------------------------------------------------------------------------------------ */

typedef double TotalKernel(size_t n, const float *x);

enum { TOTAL_BLOCK = NUM_PARALLEL_CHUNK, TOTAL_BLOCKS = 256 };

typedef struct {
    TotalKernel *kernel;
    size_t n;
    const float *x;
    double *sum; /* [OUT] of each block */
} TotalJob;

static void total_block(const void *task, size_t index)
{
    const TotalJob *t = task;
    size_t i = index * TOTAL_BLOCK;
    t->sum[index] = t->kernel(t->n - i < TOTAL_BLOCK ? t->n - i : TOTAL_BLOCK, t->x + i);
}

static double total_of(TotalKernel *kernel, size_t n, const float *x)
{
    if (n <= TOTAL_BLOCK)
        return kernel(n, x);
    double total = 0.0, sum[TOTAL_BLOCKS];
    for (size_t i = 0; i < n; i += TOTAL_BLOCKS * TOTAL_BLOCK) {
        size_t most = TOTAL_BLOCKS * TOTAL_BLOCK, size = n - i < most ? n - i : most;
        size_t blocks = (size + TOTAL_BLOCK - 1) / TOTAL_BLOCK;
        num_parallel(blocks, size, total_block, &(TotalJob){kernel, size, x + i, sum});
        for (size_t b = 0; b < blocks; b++)
            total += sum[b];
    }
    return total;
}

double num_total_f32(size_t n, const float *x)
{
    return total_of(num_sum_table()->total, n, x);
}

double num_sum_squares_f32(size_t n, const float *x)
{
    return total_of(num_sum_table()->sum_squares, n, x);
}

size_t num_first_nonfinite_f32(size_t n, const float *x)
{
    return num_sum_table()->first_nonfinite(n, x);
}

/* ---- in double --------------------------------------------------------------------------------------------------- */

void num_sum_f64(double *y, NumShape y_shape, const double *x, NumShape x_shape, double scale)
{
    NUM_SHAPE_EACH(x_shape, s, b, f)
        y[num_shape_index(y_shape, s, b, f)] += scale * x[num_shape_index(x_shape, s, b, f)];
}

void num_logsumexp_f64(double *y, NumAxis axis, const double *x, NumShape x_shape)
{
    NumShape y_shape = x_shape;
    y_shape.n[axis] = 1;
    size_t stride = num_shape_stride(x_shape, axis);
    NUM_SHAPE_EACH(y_shape, s, b, f) {
        const double *first = x + num_shape_index(x_shape, s, b, f);
        double max = -INFINITY, sum = 0.0;
        for (size_t i = 0; i < x_shape.n[axis]; i++)
            max = fmax(max, first[i * stride]);
        double shift = isfinite(max) ? max : 0.0;
        for (size_t i = 0; i < x_shape.n[axis]; i++)
            sum += exp(first[i * stride] - shift);
        y[num_shape_index(y_shape, s, b, f)] = shift + log(sum);
    }
}

double num_total_f64(size_t n, const double *x)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

size_t num_first_nonfinite_f64(size_t n, const double *x)
{
    size_t i = 0;
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}
