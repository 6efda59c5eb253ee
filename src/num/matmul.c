/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/matmul.c: chooses the layout of a product for the kernel, divides its elements over threads; the plain
 * reference.
 *
 * A product can be computed as C or, with the operands exchanged, as the transpose of C: the factors of each fma
 * change places, which changes no bit.  The transpose fills the vectors better where C is narrow, and it allows the
 * smaller operand of a product with B^T to be the one that is transposed.
 */
#include "num/matmul.h"

#include "num/isa.h"
#include "num/isa/matmul.h"
#include "num/parallel.h"

#include <math.h>
#include <stdint.h>

#define NUM_TABLE_TYPE NumMatmulTable
#define NUM_TABLE_NAME num_matmul_table
#include "num/isa_table.h"

/* The least cost for one thread.  Starting a loop takes 1 us when the threads are awake; the machine of this
 * measurement does 57e3 operations in 1 us at its peak. */
static const double COST_PER_THREAD = 60e3;

static size_t parts(size_t n, size_t largest) { return (n + largest - 1) / largest; }

static NumProduct direct(NumForm form, size_t m, size_t n, size_t k, const float *a, const float *b)
{
    NumProduct x = {.m = m, .n = n, .k = k, .a = a, .b = b, .c_row = n};
    x.a_row = form == NUM_TN ? 1 : k;
    x.a_column = form == NUM_TN ? m : 1;
    x.b_row = form == NUM_NT ? k : n;
    x.b_transposed = form == NUM_NT;
    return x;
}

/* C^T = B^T A^T. */
static NumProduct transposed(NumForm form, size_t m, size_t n, size_t k, const float *a, const float *b)
{
    NumProduct x = {.m = n, .n = m, .k = k, .a = b, .b = a, .c_row = n, .c_transposed = 1};
    x.a_row = form == NUM_NT ? k : 1;
    x.a_column = form == NUM_NT ? 1 : n;
    x.b_row = form == NUM_TN ? m : k;
    x.b_transposed = form != NUM_TN;
    return x;
}

/* Columns are divided at cache lines. */
enum { LINE = 16 };

/* Divides x into rows x columns rectangles, at most `threads`, so that the largest one is small.  Threads that
 * divide the columns write to the same rows of c, so to the same lines and pages: several times slower for short
 * chains.  Threads that divide the rows each read, and transpose, all of b: slow for long chains.  So the division
 * that does not suit counts 3/8 more. */
static void divide(const NumProduct *x, size_t threads, size_t *rows, size_t *columns)
{
    const int prefer_rows = x->k < x->m && !x->c_transposed;
    size_t wide = parts(x->n, LINE), best = SIZE_MAX;
    for (size_t r = 1; r <= threads && r <= x->m; r++) {
        size_t c = threads / r < wide ? threads / r : wide;
        size_t largest = parts(x->m, r) * (c == 1 ? x->n : parts(wide, c) * LINE);
        if (prefer_rows ? c > 1 : r > 1)
            largest += 3 * largest / 8;
        if (largest < best) {
            best = largest;
            *rows = r;
            *columns = c;
        }
    }
}

/* The start of part i of `count` parts of n, on a multiple of `unit`. */
static size_t part_start(size_t n, size_t unit, size_t count, size_t i)
{
    size_t start = parts(n, unit) * i / count * unit;
    return start < n ? start : n;
}

/* A product divided into rectangles, one for each job. */
typedef struct {
    const NumMatmulTable *table;
    const NumProduct *product;
    size_t rows, columns;
} ProductJob;

static void rectangle(const void *task, size_t index)
{
    const ProductJob *t = task;
    const NumProduct *x = t->product;
    size_t r = index / t->columns, c = index % t->columns;
    t->table->product(x, part_start(x->m, 1, t->rows, r), part_start(x->m, 1, t->rows, r + 1),
                      part_start(x->n, LINE, t->columns, c), part_start(x->n, LINE, t->columns, c + 1));
}

static void run(const NumMatmulTable *table, const NumProduct *x, double cost)
{
    size_t threads = (size_t)num_threads();
    ProductJob job = {table, x, 1, 1};
    if (cost < COST_PER_THREAD * (double)threads)
        threads = (size_t)(cost / COST_PER_THREAD);
    if (threads > 1)
        divide(x, threads, &job.rows, &job.columns);
    num_parallel_jobs(job.rows * job.columns, rectangle, &job);
}

void num_matmul_f32(NumForm form, size_t m, size_t n, size_t k, float *c, const float *a, const float *b,
                    const float *bias, NumUnary act, int accumulate)
{
    if (m == 0 || n == 0)
        return;
    const NumMatmulTable *table = num_matmul_table();
    NumProduct x = direct(form, m, n, k, a, b), y = transposed(form, m, n, k, a, b);
    double cost_x = table->cost(&x), cost_y = table->cost(&y);
    NumProduct *best = cost_y < cost_x ? &y : &x;
    best->c = c;
    best->bias = bias;
    best->act = act;
    best->accumulate = accumulate;
    run(table, best, cost_y < cost_x ? cost_y : cost_x);
}

/* ---- the reference and the oracle -------------------------------------------------------------------------------- */

void num_matmul_reference_f32(NumForm form, size_t m, size_t n, size_t k, float *c, const float *a, const float *b,
                              const float *bias, NumUnary act, int accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0.0f;
            for (size_t p = 0; p < k; p++)
                sum = fmaf(a[form == NUM_TN ? p * m + i : i * k + p], b[form == NUM_NT ? j * k + p : p * n + j], sum);
            if (bias != NULL)
                sum = sum + bias[j];
            if (act != NUM_IDENTITY)
                sum = num_unary1_f32(act, sum);
            c[i * n + j] = accumulate ? c[i * n + j] + sum : sum;
        }
}

void num_matmul_f64(NumForm form, size_t m, size_t n, size_t k, double *c, const double *a, const double *b,
                    const double *bias, NumUnary act, int accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (size_t p = 0; p < k; p++)
                sum += a[form == NUM_TN ? p * m + i : i * k + p] * b[form == NUM_NT ? j * k + p : p * n + j];
            if (bias != NULL)
                sum += bias[j];
            num_unary_f64(act, 1, &sum, &sum);
            c[i * n + j] = accumulate ? c[i * n + j] + sum : sum;
        }
}
