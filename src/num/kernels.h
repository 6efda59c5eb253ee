/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/kernels.h: the tables of kernels that each variant of num/isa/ fills.  Internal to num/.
 *
 * A kernel works on dense arrays on one thread; its callers do broadcasting, panels and threads.
 */
#ifndef NUM_KERNELS_H
#define NUM_KERNELS_H

#include "num/density.h"
#include "num/elementwise.h"
#include "num/log_sum.h"

#include <stdint.h>

/* An elementwise kernel of a panel: [OUT] out[k][i] = f_k(in[0][i], in[1][i], …), i < n.  An output may be an input. */
typedef void NumPanelKernel(size_t n, float *const *out, const float *const *in);

typedef struct NumElementwiseTable {
    void (*unary[NUM_UNARY_COUNT])(size_t n, float *y, const float *x);
    void (*unary_back[NUM_UNARY_COUNT])(size_t n, float *dx, const float *dy, const float *x, const float *y);
    /* NULL outside NUM_FUSED_LIST */
    void (*fused_back[NUM_UNARY_COUNT])(size_t n, float *dx, const float *dy, const float *y);
    NumPanelKernel *binary[NUM_BINARY_COUNT];         /* c <- a, b */
    NumPanelKernel *binary_back[NUM_BINARY_COUNT][2]; /* dc d(a op b)/da or /db <- dc, a, b */
    void (*affine)(size_t n, float *y, const float *x, float scale, float shift);
    void (*axpy)(size_t n, float *y, float a, const float *x);
    void (*fill)(size_t n, float *y, float value);
    void (*grey)(size_t n, float *y, const uint8_t *x);
} NumElementwiseTable;

typedef struct NumSumTable {
    /* [OUT] y[r] = the sum of row r, `columns` values from x + r stride, in lanes. */
    void (*rows)(size_t rows, size_t columns, float *y, const float *x, size_t stride);
    /* y[c] += scale * sum over o of sum over i of x[o outer_stride + i inner_stride + c], both chains ascending from
     * 0. */
    void (*columns)(size_t columns, size_t outer, size_t outer_stride, size_t inner, size_t inner_stride,
                    float *y, const float *x, float scale);
    /* [OUT] y[r] = log sum exp of row r; y[c] = log sum exp over i of x[i stride + c]. */
    void (*logsumexp_rows)(size_t rows, size_t columns, float *y, const float *x);
    void (*logsumexp_columns)(size_t columns, size_t count, size_t stride, float *y, const float *x);
    NumPanelKernel *logsumexp_back; /* dy exp(x - y) <- dy, x, y */
    double (*total)(size_t n, const float *x);
    double (*sum_squares)(size_t n, const float *x);
    size_t (*first_nonfinite)(size_t n, const float *x);
} NumSumTable;

typedef struct NumDensityTable {
    NumPanelKernel *forward[NUM_DENSITY_COUNT];  /* the term of each element <- the operands */
    NumPanelKernel *backward[NUM_DENSITY_COUNT]; /* the gradient of each operand <- dy, the operands */
} NumDensityTable;

typedef struct NumStreamTable {
    /* [OUT] word[4][n]: word w of the blocks with counters { column_block[i], row[i], step }, each array apart.  All
     * arrays are read and written up to a multiple of 16. */
    void (*words)(size_t n, uint32_t *const *word, const uint32_t key[2], const uint32_t *column_block, const uint32_t *row,
                  uint64_t step);
    /* [OUT] x[4 n]: the draws of n blocks, block after block. */
    void (*uniform)(size_t n, float *x, uint32_t *const *word);
    void (*normal)(size_t n, float *x, uint32_t *const *word);
    /* [OUT] x[4 blocks]: whether the uniform at (step, row, column) < grey / 255, for the blocks of a row from
     * first_block. */
    void (*binarise)(size_t blocks, float *x, const uint8_t *grey, const uint32_t key[2], uint32_t first_block, uint32_t row,
                     uint64_t step);
} NumStreamTable;

typedef struct NumLogSumTable {
    /* One block of terms. */
    void (*add)(NumLogSum *s, const double *term);
    void (*normal)(double *term, double *joint, double z, const double *mu, const double *inverse, const double *log_inverse);
} NumLogSumTable;

typedef struct NumStepTable {
    void (*sgd)(size_t n, float *w, const float *g, float *v, float rate, float momentum);
    void (*adagrad)(size_t n, float *w, const float *g, float *s, float rate, float epsilon);
    void (*rmsprop)(size_t n, float *w, const float *g, float *s, float rate, float decay, float epsilon);
    void (*adam)(size_t n, float *w, const float *g, float *m, float *s, float rate_t, float beta1, float beta2,
                 float inv_sqrt_c2, float epsilon);
    void (*scale)(size_t n, float *x, float scale);
} NumStepTable;

#endif
