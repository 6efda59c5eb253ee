/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/unary.c: functions of one variable over arrays: the kernels of num/isa/elementwise.c on one or more threads, and the same
 * functions in double by libm, which the gradient test holds against them.
 */
#include "num/elementwise.h"

#include "num/kernels.h"
#include "num/parallel.h"

#include <math.h>

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

/* One call, cut into chunks where it is long. */
typedef struct {
    NumUnary f;
    size_t n;
    float *y;
    const float *x, *dy, *at;
    const uint8_t *bytes;
    float scale, shift;
} Task;

static size_t chunks(size_t n)
{
    return (n + NUM_PARALLEL_CHUNK - 1) / NUM_PARALLEL_CHUNK;
}

static size_t chunk_size(const Task *t, size_t first)
{
    return t->n - first < NUM_PARALLEL_CHUNK ? t->n - first : NUM_PARALLEL_CHUNK;
}

static void map_chunk(const void *task, size_t index)
{
    const Task *t = task;
    size_t i = index * NUM_PARALLEL_CHUNK;
    num_elementwise_table()->map[t->f](chunk_size(t, i), t->y + i, t->x + i);
}

void num_unary_f32(NumUnary f, size_t n, float *y, const float *x)
{
    if (n < NUM_PARALLEL_MIN) {
        num_elementwise_table()->map[f](n, y, x);
        return;
    }
    Task t = {.f = f, .n = n, .y = y, .x = x};
    num_parallel(chunks(n), n, map_chunk, &t);
}

float num_unary1_f32(NumUnary f, float x)
{
    float y;
    num_elementwise_table()->map[f](1, &y, &x);
    return y;
}

static void back_chunk(const void *task, size_t index)
{
    const Task *t = task;
    size_t i = index * NUM_PARALLEL_CHUNK;
    num_elementwise_table()->back[t->f](chunk_size(t, i), t->y + i, t->dy + i, t->x + i, t->at + i);
}

void num_unary_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *x, const float *y)
{
    Task t = {.f = f, .n = n, .y = dx, .dy = dy, .x = x, .at = y};
    num_parallel(chunks(n), n, back_chunk, &t);
}

static void affine_chunk(const void *task, size_t index)
{
    const Task *t = task;
    size_t i = index * NUM_PARALLEL_CHUNK;
    num_elementwise_table()->affine(chunk_size(t, i), t->y + i, t->x + i, t->scale, t->shift);
}

void num_affine_f32(size_t n, float *y, const float *x, float scale, float shift)
{
    Task t = {.n = n, .y = y, .x = x, .scale = scale, .shift = shift};
    num_parallel(chunks(n), n, affine_chunk, &t);
}

static void axpy_chunk(const void *task, size_t index)
{
    const Task *t = task;
    size_t i = index * NUM_PARALLEL_CHUNK;
    num_elementwise_table()->axpy(chunk_size(t, i), t->y + i, t->scale, t->x + i);
}

void num_axpy_f32(size_t n, float *y, float a, const float *x)
{
    Task t = {.n = n, .y = y, .x = x, .scale = a};
    num_parallel(chunks(n), n, axpy_chunk, &t);
}

static void grey_chunk(const void *task, size_t index)
{
    const Task *t = task;
    size_t i = index * NUM_PARALLEL_CHUNK;
    num_elementwise_table()->grey(chunk_size(t, i), t->y + i, t->bytes + i);
}

void num_grey_f32(size_t n, float *y, const uint8_t *x)
{
    Task t = {.n = n, .y = y, .bytes = x};
    num_parallel(chunks(n), n, grey_chunk, &t);
}

/* ---- in double ------------------------------------------------------------------------------------------------------ */

static double sigmoid(double x)
{
    return x < 0.0 ? exp(x) / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
}

static double value(NumUnary f, double x)
{
    switch (f) {
    case NUM_NEG: return -x;
    case NUM_EXP: return exp(x);
    case NUM_LOG: return log(x);
    case NUM_LOG1P: return log1p(x);
    case NUM_TANH: return tanh(x);
    case NUM_SIGMOID: return sigmoid(x);
    case NUM_SOFTPLUS: return fmax(x, 0.0) + log1p(exp(-fabs(x)));
    case NUM_RELU: return x < 0.0 ? 0.0 : x;
    case NUM_SQRT: return sqrt(x);
    case NUM_SQUARE: return x * x;
    case NUM_RECIPROCAL: return 1.0 / x;
    case NUM_ABS: return fabs(x);
    case NUM_UNARY_COUNT: break;
    }
    return NAN;
}

static double derivative(NumUnary f, double x, double y)
{
    switch (f) {
    case NUM_NEG: return -1.0;
    case NUM_EXP: return y;
    case NUM_LOG: return 1.0 / x;
    case NUM_LOG1P: return 1.0 / (1.0 + x);
    case NUM_TANH: return 1.0 - y * y;
    case NUM_SIGMOID: return y * (1.0 - y);
    case NUM_SOFTPLUS: return sigmoid(x);
    case NUM_RELU: return x > 0.0 ? 1.0 : 0.0;
    case NUM_SQRT: return 0.5 / y;
    case NUM_SQUARE: return 2.0 * x;
    case NUM_RECIPROCAL: return -y * y;
    case NUM_ABS: return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
    case NUM_UNARY_COUNT: break;
    }
    return NAN;
}

void num_unary_f64(NumUnary f, size_t n, double *y, const double *x)
{
    for (size_t i = 0; i < n; i++)
        y[i] = value(f, x[i]);
}

void num_unary_back_f64(NumUnary f, size_t n, double *dx, const double *dy, const double *x, const double *y)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += dy[i] * derivative(f, x[i], y[i]);
}

void num_affine_f64(size_t n, double *y, const double *x, double scale, double shift)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

void num_axpy_f64(size_t n, double *y, double a, const double *x)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}
