/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/sum.h: sums in a fixed order.
 *
 * Along features: 16 virtual lanes (lane l adds elements l, l+16, … ascending, from 0), then the tree
 * (l, l+8), (l, l+4), (l, l+2), (l, l+1).  Along batch, and along samples: a chain in ascending order from 0.
 * Over several axes: features first, then batch, then samples.  What is added to y is fma(scale, sum, y).
 */
#ifndef NUM_SUM_H
#define NUM_SUM_H

#include "num/shape.h"

/* y += scale * (x summed over the axes where y_shape is 1 and x_shape is not).  y's other axes are those of x. */
void num_sum_f32(float *y, NumShape y_shape, const float *x, NumShape x_shape, float scale);
void num_sum_f64(double *y, NumShape y_shape, const double *x, NumShape x_shape, double scale);

/* y += scale * x, x broadcast over the axes where x_shape is 1: the gradient of num_sum. */
void num_broadcast_add_f32(float *y, NumShape y_shape, const float *x, NumShape x_shape, float scale);
void num_broadcast_add_f64(double *y, NumShape y_shape, const double *x, NumShape x_shape, double scale);

/* [OUT] y = log sum exp(x) over one axis, shifted by the maximum m: m + log sum exp(x - m), the sum in num_sum's order.
 * All -inf gives -inf; one +inf gives +inf; a NaN gives NaN. */
void num_logsumexp_f32(float *y, NumAxis axis, const float *x, NumShape x_shape);
void num_logsumexp_f64(double *y, NumAxis axis, const double *x, NumShape x_shape);

/* dx += dy * exp(x - y), y = logsumexp(x) over `axis`; 0 where y is -inf. */
void num_logsumexp_back_f32(float *dx, NumAxis axis, const float *dy, const float *x, const float *y, NumShape x_shape);
void num_logsumexp_back_f64(double *dx, NumAxis axis, const double *dy, const double *x, const double *y,
                            NumShape x_shape);

/* Sum and sum of squares of n floats, added in double: each block of 8192 in the 16 lanes and the tree of a sum
 * along features, then the blocks in ascending order (a plain chain would wait for every addition, and one thread
 * for the other): for reported totals and gradient norms.  The _f64 form is a plain chain. */
double num_total_f32(size_t n, const float *x);
double num_total_f64(size_t n, const double *x);
double num_sum_squares_f32(size_t n, const float *x);

/* The index of the first value that is not finite, or n. */
size_t num_first_nonfinite_f32(size_t n, const float *x);
size_t num_first_nonfinite_f64(size_t n, const double *x);

#endif
