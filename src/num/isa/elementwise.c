/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/elementwise.c: loops over the functions of scalar.h, forward and gradient; functions of two variables.
 *
 * `omp simd` says that the iterations are independent: without it the compiler would test for overlap and walk
 * one by one where the output is the input.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

/* A function of one variable: its value, and its gradient as an update of dx from dy, x and y = f(x). */
#define MAP(name, value, update)                                                                                        \
    static void map_##name(size_t n, float *y_out, const float *x_in)                                                  \
    {                                                                                                                   \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                             \
        {                                                                                                               \
            float x = x_in[i];                                                                                          \
            y_out[i] = value;                                                                                           \
        }                                                                                                               \
    }                                                                                                                   \
    static void back_##name(size_t n, float *dx_out, const float *dy_in, const float *x_in, const float *y_in)         \
    {                                                                                                                   \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                             \
        {                                                                                                               \
            float x = x_in[i], y = y_in[i], dy = dy_in[i], dx = dx_out[i];                                              \
            (void)x, (void)y;                                                                                           \
            dx_out[i] = update;                                                                                         \
        }                                                                                                               \
    }

/*  name        y                  dx + dy f'(x)                                             */
MAP(neg,        -x,                dx - dy)
MAP(exp,        num_exp1(x),       num_fma(dy, y, dx))
MAP(log,        num_log1(x),       dx + dy / x)
MAP(log1p,      num_log1p1(x),     dx + dy / (1.0f + x))
MAP(tanh,       num_tanh1(x),      num_fma(dy, num_fma(-y, y, 1.0f), dx))
MAP(sigmoid,    num_sigmoid1(x),   num_fma(dy, y * (1.0f - y), dx))
MAP(softplus,   num_softplus1(x),  num_fma(dy, num_sigmoid1(x), dx))
MAP(relu,       num_relu1(x),      dx + (x > 0.0f ? dy : 0.0f))
MAP(sqrt,       __builtin_sqrtf(x), dx + 0.5f * dy / y)
MAP(square,     x * x,             num_fma(2.0f * x, dy, dx))
MAP(reciprocal, 1.0f / x,          num_fma(-dy * y, y, dx))
MAP(abs,        num_abs1(x),       dx + (x > 0.0f ? dy : x < 0.0f ? -dy : 0.0f))

static void affine(size_t n, float *y, const float *x, float scale, float shift)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = num_fma(x[i], scale, shift);
}

static void axpy(size_t n, float *y, float a, const float *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = num_fma(a, x[i], y[i]);
}

static void fill(size_t n, float *y, float value)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = value;
}

static void grey(size_t n, float *restrict y, const uint8_t *restrict x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = num_grey1(x[i]);
}

/* A function of two variables: its value, and dc times its derivative by a and by b. */
#define ZIP(name, value, by_a, by_b)                                                                                    \
    static void zip_##name(size_t n, float *const *out, const float *const *in)                                        \
    {                                                                                                                   \
        const float *a_in = in[0], *b_in = in[1];                                                                       \
        float *c_out = out[0];                                                                                          \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                             \
        {                                                                                                               \
            float a = a_in[i], b = b_in[i];                                                                             \
            c_out[i] = value;                                                                                           \
        }                                                                                                               \
    }                                                                                                                   \
    ZIP_BACK(name##_a, by_a)                                                                                            \
    ZIP_BACK(name##_b, by_b)

#define ZIP_BACK(name, gradient)                                                                                        \
    static void back_##name(size_t n, float *const *out, const float *const *in)                                       \
    {                                                                                                                   \
        const float *dc_in = in[0], *a_in = in[1], *b_in = in[2];                                                       \
        float *g_out = out[0];                                                                                          \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                             \
        {                                                                                                               \
            float dc = dc_in[i], a = a_in[i], b = b_in[i];                                                              \
            (void)a, (void)b;                                                                                           \
            g_out[i] = gradient;                                                                                        \
        }                                                                                                               \
    }

ZIP(add, a + b,          dc,                 dc)
ZIP(sub, a - b,          dc,                 -dc)
ZIP(mul, a * b,          dc * b,             dc * a)
ZIP(div, a / b,          dc / b,             -(dc * (a / b)) / b)
ZIP(max, a >= b || a != a ? a : b, a >= b ? dc : 0.0f, a >= b ? 0.0f : dc)

const NumElementwiseTable VARIANT(num_elementwise_table) = {
    .map = {map_neg, map_exp, map_log, map_log1p, map_tanh, map_sigmoid, map_softplus, map_relu,
            map_sqrt, map_square, map_reciprocal, map_abs},
    .back = {back_neg, back_exp, back_log, back_log1p, back_tanh, back_sigmoid, back_softplus, back_relu,
             back_sqrt, back_square, back_reciprocal, back_abs},
    .affine = affine,
    .axpy = axpy,
    .fill = fill,
    .grey = grey,
    .zip = {zip_add, zip_sub, zip_mul, zip_div, zip_max},
    .zip_back = {{back_add_a, back_add_b}, {back_sub_a, back_sub_b}, {back_mul_a, back_mul_b}, {back_div_a, back_div_b},
                 {back_max_a, back_max_b}},
};
