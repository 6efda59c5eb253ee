/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/elementwise.c: a loop over each expression of num/elementwise_list.h, and a few loops that have no row.
 *
 * `omp simd` says that the iterations are independent: without it the compiler would test for overlap and run the loop
 * element by element where the output is the input.
 */
#include "num/isa/scalar.h"
#include "num/kernels.h"

#define LOOP _Pragma("omp simd") for (size_t i = 0; i < n; i++)

/* ---- one variable ------------------------------------------------------------------------------------------------ */

#define UNARY(NAME, name, formula, reads, domain, ulp, value, update, exact, slope)                                    \
    static void name##_value(size_t n, float *y_out, const float *x_in)                                                \
    {                                                                                                                  \
        LOOP {                                                                                                         \
            float x = x_in[i];                                                                                         \
            y_out[i] = value;                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_update(size_t n, float *dx_out, const float *dy_in, const float *x_in, const float *y_in)       \
    {                                                                                                                  \
        LOOP {                                                                                                         \
            float x = x_in[i], y = y_in[i], dy = dy_in[i], dx = dx_out[i];                                             \
            (void)x, (void)y;                                                                                          \
            dx_out[i] = update;                                                                                        \
        }                                                                                                              \
    }
NUM_UNARY_LIST(UNARY)

#define FUSED(NAME, name, back, slope)                                                                                 \
    static void name##_fused(size_t n, float *dx_out, const float *dy_in, const float *y_in)                           \
    {                                                                                                                  \
        LOOP {                                                                                                         \
            float y = y_in[i], dy = dy_in[i];                                                                          \
            dx_out[i] = back;                                                                                          \
        }                                                                                                              \
    }
NUM_FUSED_LIST(FUSED)

/* ---- two variables ----------------------------------------------------------------------------------------------- */

#define BINARY(NAME, name, formula, reads, domain, value, by_a, by_b)                                                  \
    static void name##_of(size_t n, float *const *out, const float *const *in)                                         \
    {                                                                                                                  \
        const float *a_in = in[0], *b_in = in[1];                                                                      \
        float *c_out = out[0];                                                                                         \
        LOOP {                                                                                                         \
            float a = a_in[i], b = b_in[i];                                                                            \
            c_out[i] = value;                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    BINARY_GRADIENT(name##_by_a, by_a)                                                                                 \
    BINARY_GRADIENT(name##_by_b, by_b)
#define BINARY_GRADIENT(name, gradient)                                                                                \
    static void name(size_t n, float *const *out, const float *const *in)                                              \
    {                                                                                                                  \
        const float *dc_in = in[0], *a_in = in[1], *b_in = in[2];                                                      \
        float *d_out = out[0];                                                                                         \
        LOOP {                                                                                                         \
            float dc = dc_in[i], a = a_in[i], b = b_in[i];                                                             \
            (void)a, (void)b;                                                                                          \
            d_out[i] = gradient;                                                                                       \
        }                                                                                                              \
    }
NUM_BINARY_LIST(BINARY)

/* ---- without a row ----------------------------------------------------------------------------------------------- */

static void affine(size_t n, float *y, const float *x, float scale, float shift)
{
    LOOP y[i] = num_fma(x[i], scale, shift);
}

static void axpy(size_t n, float *y, float a, const float *x)
{
    LOOP y[i] = num_fma(a, x[i], y[i]);
}

static void fill(size_t n, float *y, float value)
{
    LOOP y[i] = value;
}

static void grey(size_t n, float *restrict y, const uint8_t *restrict x)
{
    LOOP y[i] = num_grey1(x[i]);
}

#define VALUE(NAME, name, ...) name##_value,
#define UPDATE(NAME, name, ...) name##_update,
#define BACK(NAME, name, ...) [NUM_##NAME] = name##_fused,
#define OF(NAME, name, ...) name##_of,
#define BY(NAME, name, ...) {name##_by_a, name##_by_b},
const NumElementwiseTable VARIANT(num_elementwise_table) = {
    .unary = {NUM_UNARY_LIST(VALUE)},
    .unary_back = {NUM_UNARY_LIST(UPDATE)},
    .fused_back = {NUM_FUSED_LIST(BACK)},
    .binary = {NUM_BINARY_LIST(OF)},
    .binary_back = {NUM_BINARY_LIST(BY)},
    .affine = affine,
    .axpy = axpy,
    .fill = fill,
    .grey = grey,
};
