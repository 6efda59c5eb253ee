/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/matmul.h: the interface between num/matmul.c and the kernels of the matrix product.  Internal to num/.
 */
#ifndef NUM_ISA_MATMUL_H
#define NUM_ISA_MATMUL_H

#include "num/matmul.h"

/* One product  c[i][j] = chain over p < k of a[i][p] b[p][j],  i < m, j < n, and the layout of each matrix. */
typedef struct NumProduct {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_column; /* a[i][p] is a[i * a_row + p * a_column] */
    const float *b;
    size_t b_row;           /* b[p][j] is b[p * b_row + j], or b[j * b_row + p] when b_transposed */
    int b_transposed;
    float *c;
    size_t c_row;           /* c[i][j] is c[i * c_row + j], or c[j * c_row + i] when c_transposed */
    int c_transposed;
    const float *bias;      /* along the rows of the stored c; or NULL */
    NumUnary act;
    int accumulate;
} NumProduct;

typedef struct NumMatmulTable {
    double (*cost)(const NumProduct *x); /* an estimate of the time, in fused operations at the peak */
    /* The elements with i0 <= i < i1 and j0 <= j < j1, on this thread. */
    void (*product)(const NumProduct *x, size_t i0, size_t i1, size_t j0, size_t j1);
} NumMatmulTable;

#endif
