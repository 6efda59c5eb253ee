/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/step.h: one optimiser step over a flat block of n parameters w.  The optimisers minimise: g is the gradient of
 * the loss.
 *
 * num/isa/step.c gives the order of the operations, fused ones included; it is the same for all instruction sets.
 */
#ifndef NUM_STEP_H
#define NUM_STEP_H

#include <stddef.h>

/* v = momentum v + g;  w = w - rate v */
void num_step_sgd(size_t n, float *w, const float *g, float *v, float rate, float momentum);

/* s = s + g^2;  w = w - rate g / (sqrt(s) + epsilon)    (Duchi et al. 2011) */
void num_step_adagrad(size_t n, float *w, const float *g, float *s, float rate, float epsilon);

/* s = decay s + (1 - decay) g^2;  w = w - rate g / (sqrt(s) + epsilon) */
void num_step_rmsprop(size_t n, float *w, const float *g, float *s, float rate, float decay, float epsilon);

/* m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2;  w = w - rate_t m / (sqrt(s) * inv_sqrt_c2 + epsilon),
 * with rate_t = rate / (1 - beta1^t) and inv_sqrt_c2 = 1 / sqrt(1 - beta2^t), which the caller computes in double.
 * (Kingma & Ba 2015) */
void num_step_adam(size_t n, float *w, const float *g, float *m, float *s, float rate_t, float beta1, float beta2,
                   float inv_sqrt_c2, float epsilon);

/* x = scale x.  For weight decay (AdamW: w = (1 - rate decay) w) and clipping (g = g limit / norm). */
void num_scale(size_t n, float *x, float scale);

#endif
