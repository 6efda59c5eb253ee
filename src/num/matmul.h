/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/matmul.h: the matrix product in the three forms that a dense layer's forward and backward need.
 *
 * Every element is one chain  acc = fma(a[i][p], b[p][j], acc),  p ascending, from 0, whatever the blocking, packing,
 * instruction set and threads.  After the chain, in this order: the bias is added, the activation is applied, and with
 * `accumulate` the old c is added (c = c + result).
 */
#ifndef NUM_MATMUL_H
#define NUM_MATMUL_H

#include "num/elementwise.h"

typedef enum {
    NUM_NN, /* C = A B:    A (m, k), B (k, n)   a layer's output    y  = x W       */
    NUM_NT, /* C = A B^T:  A (m, k), B (n, k)   its input gradient  dx = dy W^T    */
    NUM_TN  /* C = A^T B:  A (k, m), B (k, n)   its weight gradient dW = x^T dy    */
} NumForm;

/* [OUT] c (m, n).  bias (n) or NULL.  act: applied to the output while it is in cache; NUM_IDENTITY: none.  All
 * matrices are row-major and dense.  k = 0 gives the empty chain, 0.  Runs on num_threads() threads when the product
 * is large enough to gain. */
void num_matmul_f32(NumForm form, size_t m, size_t n, size_t k, float *c, const float *a, const float *b,
                    const float *bias, NumUnary act, int accumulate);

/* The plain reference, three loops: the oracle.  num_matmul_f32 gives the same bits. */
void num_matmul_reference_f32(NumForm form, size_t m, size_t n, size_t k, float *c, const float *a, const float *b,
                              const float *bias, NumUnary act, int accumulate);

/* The same in double, for the gradient test. */
void num_matmul_f64(NumForm form, size_t m, size_t n, size_t k, double *c, const double *a, const double *b,
                    const double *bias, NumUnary act, int accumulate);

#endif
