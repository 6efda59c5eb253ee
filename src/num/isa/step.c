/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/step.c: the updates of the optimisers.  The order of operations in each comment is part of arithmetic
 * version 1.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

/* v = fma(momentum, v, g);  w = fma(-rate, v, w) */
static void sgd(size_t n, float *restrict w, const float *restrict g, float *restrict v, float rate, float momentum)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        v[i] = num_fma(momentum, v[i], g[i]);
        w[i] = num_fma(-rate, v[i], w[i]);
    }
}

/* s = fma(g, g, s);  w = w - (rate g) / (sqrt(s) + epsilon) */
static void adagrad(size_t n, float *restrict w, const float *restrict g, float *restrict s, float rate, float epsilon)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        s[i] = num_fma(g[i], g[i], s[i]);
        w[i] -= rate * g[i] / (__builtin_sqrtf(s[i]) + epsilon);
    }
}

/* s = fma(decay, s, ((1 - decay) g) g);  w = w - (rate g) / (sqrt(s) + epsilon) */
static void rmsprop(size_t n, float *restrict w, const float *restrict g, float *restrict s, float rate, float decay,
                    float epsilon)
{
    float rest = 1.0f - decay;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        s[i] = num_fma(decay, s[i], rest * g[i] * g[i]);
        w[i] -= rate * g[i] / (__builtin_sqrtf(s[i]) + epsilon);
    }
}

/* m = fma(beta1, m, (1 - beta1) g);  s = fma(beta2, s, ((1 - beta2) g) g);
 * w = w - (rate_t m) / fma(sqrt(s), inv_sqrt_c2, epsilon) */
static void adam(size_t n, float *restrict w, const float *restrict g, float *restrict m, float *restrict s, float rate_t,
                 float beta1, float beta2, float inv_sqrt_c2, float epsilon)
{
    float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        m[i] = num_fma(beta1, m[i], rest1 * g[i]);
        s[i] = num_fma(beta2, s[i], rest2 * g[i] * g[i]);
        w[i] -= rate_t * m[i] / num_fma(__builtin_sqrtf(s[i]), inv_sqrt_c2, epsilon);
    }
}

static void scale(size_t n, float *x, float factor)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

const NumStepTable VARIANT(num_step_table) = {
    .sgd = sgd, .adagrad = adagrad, .rmsprop = rmsprop, .adam = adam, .scale = scale,
};
