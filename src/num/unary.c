/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/unary.c: functions of one variable over arrays: the kernels of num/isa/elementwise.c on one or more threads,
 * and the oracle in double.
 */
#include "num/elementwise.h"

#include "num/kernels.h"
#include "num/parallel.h"

#include <math.h>

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

/* One call; its arrays are cut into chunks. */
typedef struct {
    NumUnary f;
    size_t n;
    float *to;
    const float *x, *dy, *y;
    const uint8_t *bytes;
    float scale, shift;
} ElementwiseJob;

static void run(NumJob *job, const ElementwiseJob *e)
{
    num_parallel((e->n + NUM_PARALLEL_CHUNK - 1) / NUM_PARALLEL_CHUNK, e->n, job, e);
}

/* Chunk `index`: n elements from i. */
#define CHUNK                                                                                                           \
    const ElementwiseJob *e = task;                                                                                     \
    const NumElementwiseTable *table = num_elementwise_table();                                                         \
    size_t i = index * NUM_PARALLEL_CHUNK, n = e->n - i < NUM_PARALLEL_CHUNK ? e->n - i : NUM_PARALLEL_CHUNK;

static void unary(const void *task, size_t index)
{
    CHUNK
    table->unary[e->f](n, e->to + i, e->x + i);
}

void num_unary_f32(NumUnary f, size_t n, float *y, const float *x)
{
    run(unary, &(ElementwiseJob){.f = f, .n = n, .to = y, .x = x});
}

float num_unary1_f32(NumUnary f, float x)
{
    float y;
    num_elementwise_table()->unary[f](1, &y, &x);
    return y;
}

static void unary_back(const void *task, size_t index)
{
    CHUNK
    table->unary_back[e->f](n, e->to + i, e->dy + i, e->x + i, e->y + i);
}

void num_unary_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *x, const float *y)
{
    run(unary_back, &(ElementwiseJob){.f = f, .n = n, .to = dx, .dy = dy, .x = x, .y = y});
}

static void fused_back(const void *task, size_t index)
{
    CHUNK
    table->fused_back[e->f](n, e->to + i, e->dy + i, e->y + i);
}

void num_fused_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *y)
{
    run(fused_back, &(ElementwiseJob){.f = f, .n = n, .to = dx, .dy = dy, .y = y});
}

static void affine(const void *task, size_t index)
{
    CHUNK
    table->affine(n, e->to + i, e->x + i, e->scale, e->shift);
}

void num_affine_f32(size_t n, float *y, const float *x, float scale, float shift)
{
    run(affine, &(ElementwiseJob){.n = n, .to = y, .x = x, .scale = scale, .shift = shift});
}

static void axpy(const void *task, size_t index)
{
    CHUNK
    table->axpy(n, e->to + i, e->scale, e->x + i);
}

void num_axpy_f32(size_t n, float *y, float a, const float *x)
{
    run(axpy, &(ElementwiseJob){.n = n, .to = y, .x = x, .scale = a});
}

static void grey(const void *task, size_t index)
{
    CHUNK
    table->grey(n, e->to + i, e->bytes + i);
}

void num_grey_f32(size_t n, float *y, const uint8_t *x)
{
    run(grey, &(ElementwiseJob){.n = n, .to = y, .bytes = x});
}

/* ---- in double --------------------------------------------------------------------------------------------------- */

static double value(NumUnary f, double x)
{
    switch (f) {
#define CASE(NAME, name, formula, reads, domain, ulp, value, update, exact, slope) \
    case NUM_##NAME: return exact;
        NUM_UNARY_LIST(CASE)
#undef CASE
    default: return x;
    }
}

static double derivative(NumUnary f, double x, double y)
{
    switch (f) {
#define CASE(NAME, name, formula, reads, domain, ulp, value, update, exact, slope) \
    case NUM_##NAME: return slope;
        NUM_UNARY_LIST(CASE)
#undef CASE
    default: return 1.0;
    }
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

static double fused_derivative(NumUnary f, double y)
{
    switch (f) {
#define CASE(NAME, name, back, slope) \
    case NUM_##NAME: return slope;
        NUM_FUSED_LIST(CASE)
#undef CASE
    default: return NAN;
    }
}

void num_fused_back_f64(NumUnary f, size_t n, double *dx, const double *dy, const double *y)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * fused_derivative(f, y[i]);
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
