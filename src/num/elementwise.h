/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/elementwise.h: functions of one and two variables over arrays, in arithmetic version 1.
 *
 * Each function is one scalar definition in + - * / sqrt fma and integer operations (num/isa/scalar.h), at most 2 ulp
 * from the exact value, special values as in C's Annex F; every instruction set gives its bits.
 * The _f64 forms are libm's, in plain loops: the gradient test's oracle, not part of the arithmetic.
 */
#ifndef NUM_ELEMENTWISE_H
#define NUM_ELEMENTWISE_H

#include "num/shape.h"

#include <stdint.h>

typedef enum {
    NUM_NEG, NUM_EXP, NUM_LOG, NUM_LOG1P, NUM_TANH, NUM_SIGMOID, NUM_SOFTPLUS, NUM_RELU,
    NUM_SQRT, NUM_SQUARE, NUM_RECIPROCAL, NUM_ABS,
    NUM_UNARY_COUNT
} NumUnary;

/* [OUT] y[i] = f(x[i]), i < n; y may be x. */
void num_unary_f32(NumUnary f, size_t n, float *y, const float *x);
void num_unary_f64(NumUnary f, size_t n, double *y, const double *x);

/* dx[i] += dy[i] * f'(x[i]), with y[i] = f(x[i]) at hand. relu'(0) = 0, abs'(0) = 0. */
void num_unary_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *x, const float *y);
void num_unary_back_f64(NumUnary f, size_t n, double *dx, const double *dy, const double *x, const double *y);

/* One value, for tests and tables. */
float num_unary1_f32(NumUnary f, float x);

/* [OUT] y[i] = fma(x[i], scale, shift); y may be x. */
void num_affine_f32(size_t n, float *y, const float *x, float scale, float shift);
void num_affine_f64(size_t n, double *y, const double *x, double scale, double shift);

/* y[i] = fma(a, x[i], y[i]). */
void num_axpy_f32(size_t n, float *y, float a, const float *x);
void num_axpy_f64(size_t n, double *y, double a, const double *x);

/* [OUT] y[i] = x[i] / 255: a byte's grey level in [0, 1]. */
void num_grey_f32(size_t n, float *y, const uint8_t *x);

typedef enum { NUM_ADD, NUM_SUB, NUM_MUL, NUM_DIV, NUM_MAX, NUM_BINARY_COUNT } NumBinary;

/* [OUT] c (shape c) = a op b, where each axis of a and b is that of c or 1 (broadcast). */
void num_binary_f32(NumBinary op, NumShape shape, float *c, const float *a, NumShape a_shape, const float *b, NumShape b_shape);
void num_binary_f64(NumBinary op, NumShape shape, double *c, const double *a, NumShape a_shape, const double *b, NumShape b_shape);

/* da += dc * d(a op b)/da, or db += dc * d(a op b)/db, summed over the axes along which that operand was broadcast
 * (in the order of num_sum).  which = 0 for a, 1 for b.  scratch: as many values as c has.  max: the gradient goes to a
 * where a >= b, else to b. */
void num_binary_back_f32(NumBinary op, int which, NumShape shape, const float *dc, float *d, const float *a, NumShape a_shape,
                      const float *b, NumShape b_shape, float *scratch);
void num_binary_back_f64(NumBinary op, int which, NumShape shape, const double *dc, double *d, const double *a, NumShape a_shape,
                      const double *b, NumShape b_shape, double *scratch);

#endif
