/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/elementwise.h: functions of one and two variables over arrays, in arithmetic version 1.
 *
 * num/elementwise_list.h defines each function once, in + - * / sqrt fma and integer operations: at most 2 ulp from
 * the exact value, special values as in C's Annex F, the same bits from every instruction set.  The _f64 forms are
 * plain loops over libm: the oracle of the gradient tests, not part of the arithmetic.
 */
#ifndef NUM_ELEMENTWISE_H
#define NUM_ELEMENTWISE_H

#include "num/elementwise_list.h"
#include "num/shape.h"

#include <stdint.h>

#define NUM_ENUM(NAME, ...) NUM_##NAME,
typedef enum {
    NUM_IDENTITY = -1, /* y = x: a layer without activation */
    NUM_UNARY_LIST(NUM_ENUM)
    NUM_UNARY_COUNT
} NumUnary;
typedef enum { NUM_BINARY_LIST(NUM_ENUM) NUM_BINARY_COUNT } NumBinary;
#undef NUM_ENUM

/* [OUT] y[i] = f(x[i]), i < n; y may be x. */
void num_unary_f32(NumUnary f, size_t n, float *y, const float *x);
void num_unary_f64(NumUnary f, size_t n, double *y, const double *x);

/* dx[i] += dy[i] f'(x[i]); y[i] = f(x[i]). */
void num_unary_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *x, const float *y);
void num_unary_back_f64(NumUnary f, size_t n, double *dx, const double *dy, const double *x, const double *y);

/* [OUT] dx[i] = dy[i] f'(x[i]) from y[i] = f(x[i]) alone: a function of NUM_FUSED_LIST.  dx may be dy. */
void num_fused_back_f32(NumUnary f, size_t n, float *dx, const float *dy, const float *y);
void num_fused_back_f64(NumUnary f, size_t n, double *dx, const double *dy, const double *y);

/* One value. */
float num_unary1_f32(NumUnary f, float x);

/* [OUT] y[i] = fma(x[i], scale, shift); y may be x. */
void num_affine_f32(size_t n, float *y, const float *x, float scale, float shift);
void num_affine_f64(size_t n, double *y, const double *x, double scale, double shift);

/* y[i] = fma(a, x[i], y[i]). */
void num_axpy_f32(size_t n, float *y, float a, const float *x);
void num_axpy_f64(size_t n, double *y, double a, const double *x);

/* [OUT] y[i] = x[i] / 255: the grey level of a byte, in [0, 1]. */
void num_grey_f32(size_t n, float *y, const uint8_t *x);

/* [OUT] c (shape) = a op b, where each axis of a and b is that of `shape` or 1 (broadcast). */
void num_binary_f32(NumBinary op, NumShape shape, float *c, NumIn_f32 a, NumIn_f32 b);
void num_binary_f64(NumBinary op, NumShape shape, double *c, NumIn_f64 a, NumIn_f64 b);

/* d += dc times the derivative by a (which = 0) or by b (which = 1), summed in num_sum's order over the axes along
 * which that operand was broadcast.  scratch: as many values as c has. */
void num_binary_back_f32(NumBinary op, int which, NumShape shape, const float *dc, float *d, NumIn_f32 a, NumIn_f32 b,
                         float *scratch);
void num_binary_back_f64(NumBinary op, int which, NumShape shape, const double *dc, double *d, NumIn_f64 a, NumIn_f64 b,
                         double *scratch);

#endif
