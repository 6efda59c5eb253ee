/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/density.h: log densities and divergences, each summed over the features of a row, in nats; forward and gradient.
 *
 * Operands broadcast like num_binary's (each axis that of `shape` or 1, features always full or 1); `shape` is the full
 * shape before the sum over features, the result has shape (samples, batch, 1).  Sums run in num_sum's order.
 * The gradients are `+=`; where an operand was broadcast its gradient is summed in num_sum's order.
 * Each gradient pointer may be NULL: not wanted.  `dy` has the shape of the result.
 * scratch: 4 values for each element of `shape`.
 * logvar may be anything up to +-100 and beyond (+-340) without an overflow in value where the value itself is finite.
 */
#ifndef NUM_DENSITY_H
#define NUM_DENSITY_H

#include "num/shape.h"

/* An operand or its gradient with its own shape. */
typedef struct { const float *x; NumShape shape; } NumIn_f32;
typedef struct { const double *x; NumShape shape; } NumIn_f64;

/* log N(x; mu, exp(logvar)) = -1/2 sum( log 2 pi + logvar + (x - mu)^2 exp(-logvar) )   [OUT] y */
void num_normal_f32(NumShape shape, float *y, NumIn_f32 x, NumIn_f32 mu, NumIn_f32 logvar, float *scratch);
void num_normal_f64(NumShape shape, double *y, NumIn_f64 x, NumIn_f64 mu, NumIn_f64 logvar, double *scratch);
void num_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 x, NumIn_f32 mu, NumIn_f32 logvar,
                         float *dx, float *dmu, float *dlogvar, float *scratch);
void num_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 x, NumIn_f64 mu, NumIn_f64 logvar,
                         double *dx, double *dmu, double *dlogvar, double *scratch);

/* log N(x; 0, I) = -1/2 sum( log 2 pi + x^2 ) */
void num_standard_normal_f32(NumShape shape, float *y, NumIn_f32 x, float *scratch);
void num_standard_normal_f64(NumShape shape, double *y, NumIn_f64 x, double *scratch);
void num_standard_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 x, float *dx, float *scratch);
void num_standard_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 x, double *dx, double *scratch);

/* log Bernoulli(x; sigmoid(l)) = sum( x l - softplus(l) ), finite for every finite l, and for 0 <= x <= 1 at most 0.
 * The stable form max(l, 0) - x l + log1p(exp(-|l|)), negated.  Bits of `overwrite`: 1, dx holds garbage and is written instead
 * of added to; 2, dlogits. */
void num_bernoulli_f32(NumShape shape, float *y, NumIn_f32 x, NumIn_f32 logits, float *scratch);
void num_bernoulli_f64(NumShape shape, double *y, NumIn_f64 x, NumIn_f64 logits, double *scratch);
void num_bernoulli_back_f32(NumShape shape, const float *dy, NumIn_f32 x, NumIn_f32 logits, float *dx, float *dlogits,
                            unsigned overwrite, float *scratch);
void num_bernoulli_back_f64(NumShape shape, const double *dy, NumIn_f64 x, NumIn_f64 logits, double *dx, double *dlogits,
                            unsigned overwrite, double *scratch);

/* KL( N(mu, exp(logvar)) || N(0, I) ) = 1/2 sum( mu^2 + exp(logvar) - 1 - logvar )   (Kingma & Welling, appendix B),
 * as 1/2 mu^2 + 1/2 (exp(logvar) - 1 - logvar), the second by a polynomial near 0; each element at least 0. */
void num_kl_f32(NumShape shape, float *y, NumIn_f32 mu, NumIn_f32 logvar, float *scratch);
void num_kl_f64(NumShape shape, double *y, NumIn_f64 mu, NumIn_f64 logvar, double *scratch);
void num_kl_back_f32(NumShape shape, const float *dy, NumIn_f32 mu, NumIn_f32 logvar, float *dmu, float *dlogvar, float *scratch);
void num_kl_back_f64(NumShape shape, const double *dy, NumIn_f64 mu, NumIn_f64 logvar, double *dmu, double *dlogvar,
                     double *scratch);

/* KL( N(mu1, exp(lv1)) || N(mu2, exp(lv2)) ) = 1/2 sum( lv2 - lv1 - 1 + exp(lv1 - lv2) + (mu1 - mu2)^2 exp(-lv2) ) */
void num_kl_normal_normal_f32(NumShape shape, float *y, NumIn_f32 mu1, NumIn_f32 lv1, NumIn_f32 mu2, NumIn_f32 lv2, float *scratch);
void num_kl_normal_normal_f64(NumShape shape, double *y, NumIn_f64 mu1, NumIn_f64 lv1, NumIn_f64 mu2, NumIn_f64 lv2, double *scratch);
void num_kl_normal_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 mu1, NumIn_f32 lv1, NumIn_f32 mu2, NumIn_f32 lv2,
                      float *dmu1, float *dlv1, float *dmu2, float *dlv2, float *scratch);
void num_kl_normal_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 mu1, NumIn_f64 lv1, NumIn_f64 mu2, NumIn_f64 lv2,
                      double *dmu1, double *dlv1, double *dmu2, double *dlv2, double *scratch);

/* z = mu + exp(logvar / 2) eps   (the reparameterisation, Kingma & Welling, section 2.4): [OUT] z (shape) */
void num_reparameterise_f32(NumShape shape, float *z, NumIn_f32 mu, NumIn_f32 logvar, NumIn_f32 eps);
void num_reparameterise_f64(NumShape shape, double *z, NumIn_f64 mu, NumIn_f64 logvar, NumIn_f64 eps);
void num_reparameterise_back_f32(NumShape shape, const float *dz, NumIn_f32 mu, NumIn_f32 logvar, NumIn_f32 eps,
                                 float *dmu, float *dlogvar, float *scratch);
void num_reparameterise_back_f64(NumShape shape, const double *dz, NumIn_f64 mu, NumIn_f64 logvar, NumIn_f64 eps,
                                 double *dmu, double *dlogvar, double *scratch);

#endif
