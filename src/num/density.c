/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/density.c: log densities and divergences over operands that broadcast: panels over the kernels of
 * num/isa/density.c, and the same in double straight from the formulas.
 */
#include "num/density.h"

#include "num/panel.h"

#include <math.h>
#include <string.h>

#define NUM_TABLE_TYPE NumDensityTable
#define NUM_TABLE_NAME num_density_table
#include "num/isa_table.h"

static void forward(NumDensity f, NumShape shape, float *y, size_t count, const NumIn_f32 *in, float *scratch)
{
    num_panel_row_sums(num_density_table()->forward[f], shape, y, count, in, scratch);
}

/* in holds dy first, then the operands; d are the gradients of the first operands, in their order; overwrite: those to write. */
static void backward_overwrite(NumDensity f, NumShape shape, float *const *d, size_t gradients, unsigned overwrite, size_t inputs,
                           const NumIn_f32 *in, float *scratch)
{
    NumShape d_shape[NUM_PANEL_OUT];
    for (size_t k = 0; k < gradients; k++)
        d_shape[k] = in[k + 1].shape;
    num_panel_gradients(num_density_table()->backward[f], shape, gradients, d, d_shape, overwrite, inputs, in, scratch);
}

static void backward(NumDensity f, NumShape shape, float *const *d, size_t gradients, size_t inputs, const NumIn_f32 *in,
                     float *scratch)
{
    backward_overwrite(f, shape, d, gradients, 0, inputs, in, scratch);
}

static NumShape row_shape(NumShape shape)
{
    shape.n[NUM_FEATURES] = 1;
    return shape;
}

void num_normal_f32(NumShape shape, float *y, NumIn_f32 x, NumIn_f32 mu, NumIn_f32 logvar, float *scratch)
{
    forward(NUM_NORMAL, shape, y, 3, (NumIn_f32[]){x, mu, logvar}, scratch);
}

void num_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 x, NumIn_f32 mu, NumIn_f32 logvar,
                         float *dx, float *dmu, float *dlogvar, float *scratch)
{
    backward(NUM_NORMAL, shape, (float *[]){dx, dmu, dlogvar}, 3, 4,
             (NumIn_f32[]){{dy, row_shape(shape)}, x, mu, logvar}, scratch);
}

void num_standard_normal_f32(NumShape shape, float *y, NumIn_f32 x, float *scratch)
{
    forward(NUM_STANDARD_NORMAL, shape, y, 1, &x, scratch);
}

void num_standard_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 x, float *dx, float *scratch)
{
    backward(NUM_STANDARD_NORMAL, shape, &dx, 1, 2, (NumIn_f32[]){{dy, row_shape(shape)}, x}, scratch);
}

void num_bernoulli_f32(NumShape shape, float *y, NumIn_f32 x, NumIn_f32 logits, float *scratch)
{
    forward(NUM_BERNOULLI, shape, y, 2, (NumIn_f32[]){x, logits}, scratch);
}

void num_bernoulli_back_f32(NumShape shape, const float *dy, NumIn_f32 x, NumIn_f32 logits, float *dx, float *dlogits,
                            unsigned overwrite, float *scratch)
{
    backward_overwrite(NUM_BERNOULLI, shape, (float *[]){dx, dlogits}, 2, overwrite, 3,
                   (NumIn_f32[]){{dy, row_shape(shape)}, x, logits}, scratch);
}

void num_kl_f32(NumShape shape, float *y, NumIn_f32 mu, NumIn_f32 logvar, float *scratch)
{
    forward(NUM_KL, shape, y, 2, (NumIn_f32[]){mu, logvar}, scratch);
}

void num_kl_back_f32(NumShape shape, const float *dy, NumIn_f32 mu, NumIn_f32 logvar, float *dmu, float *dlogvar, float *scratch)
{
    backward(NUM_KL, shape, (float *[]){dmu, dlogvar}, 2, 3, (NumIn_f32[]){{dy, row_shape(shape)}, mu, logvar}, scratch);
}

void num_kl_normal_normal_f32(NumShape shape, float *y, NumIn_f32 mu1, NumIn_f32 lv1, NumIn_f32 mu2, NumIn_f32 lv2, float *scratch)
{
    forward(NUM_KL_NORMAL_NORMAL, shape, y, 4, (NumIn_f32[]){mu1, lv1, mu2, lv2}, scratch);
}

void num_kl_normal_normal_back_f32(NumShape shape, const float *dy, NumIn_f32 mu1, NumIn_f32 lv1, NumIn_f32 mu2, NumIn_f32 lv2,
                      float *dmu1, float *dlv1, float *dmu2, float *dlv2, float *scratch)
{
    backward(NUM_KL_NORMAL_NORMAL, shape, (float *[]){dmu1, dlv1, dmu2, dlv2}, 4, 5,
             (NumIn_f32[]){{dy, row_shape(shape)}, mu1, lv1, mu2, lv2}, scratch);
}

void num_reparameterise_f32(NumShape shape, float *z, NumIn_f32 mu, NumIn_f32 logvar, NumIn_f32 eps)
{
    num_panel_map(num_density_table()->forward[NUM_REPARAMETERISE], shape, z, 3, (NumIn_f32[]){mu, logvar, eps});
}

void num_reparameterise_back_f32(NumShape shape, const float *dz, NumIn_f32 mu, NumIn_f32 logvar, NumIn_f32 eps,
                                 float *dmu, float *dlogvar, float *scratch)
{
    backward(NUM_REPARAMETERISE, shape, (float *[]){dmu, dlogvar}, 2, 4, (NumIn_f32[]){{dz, shape}, mu, logvar, eps}, scratch);
}

/* ---- in double ------------------------------------------------------------------------------------------------------ */

static const double log_2pi = 1.8378770664093454835606594728112353;

static size_t place(NumShape shape, size_t s, size_t b, size_t f)
{
    return s * num_shape_stride(shape, NUM_SAMPLES) + b * num_shape_stride(shape, NUM_BATCH)
         + f * num_shape_stride(shape, NUM_FEATURES);
}

/* Element (s, b, f) of an operand, and the update of its gradient where one is wanted. */
#define AT(in) ((in).x[place((in).shape, s, b, f)])
#define ADD(d, in, value)                                                                                               \
    do {                                                                                                                \
        if ((d) != NULL)                                                                                                \
            (d)[place((in).shape, s, b, f)] += (value);                                                                 \
    } while (0)

/* For each element, with `row` the index of its row. */
#define EACH                                                                                                            \
    for (size_t s = 0; s < shape.n[NUM_SAMPLES]; s++)                                                                   \
        for (size_t b = 0, row = s * shape.n[NUM_BATCH]; b < shape.n[NUM_BATCH]; b++, row++)                            \
            for (size_t f = 0; f < shape.n[NUM_FEATURES]; f++)

static void clear_rows(NumShape shape, double *y)
{
    for (size_t i = 0; i < num_shape_rows(shape); i++)
        y[i] = 0.0;
}

void num_normal_f64(NumShape shape, double *y, NumIn_f64 x, NumIn_f64 mu, NumIn_f64 logvar, double *scratch)
{
    (void)scratch;
    clear_rows(shape, y);
    EACH {
        double d = AT(x) - AT(mu);
        y[row] += -0.5 * (log_2pi + AT(logvar) + d * d * exp(-AT(logvar)));
    }
}

void num_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 x, NumIn_f64 mu, NumIn_f64 logvar,
                         double *dx, double *dmu, double *dlogvar, double *scratch)
{
    (void)scratch;
    EACH {
        double d = AT(x) - AT(mu), precision = exp(-AT(logvar));
        ADD(dx, x, -dy[row] * d * precision);
        ADD(dmu, mu, dy[row] * d * precision);
        ADD(dlogvar, logvar, 0.5 * dy[row] * (d * d * precision - 1.0));
    }
}

void num_standard_normal_f64(NumShape shape, double *y, NumIn_f64 x, double *scratch)
{
    (void)scratch;
    clear_rows(shape, y);
    EACH
        y[row] += -0.5 * (log_2pi + AT(x) * AT(x));
}

void num_standard_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 x, double *dx, double *scratch)
{
    (void)scratch;
    EACH
        ADD(dx, x, -dy[row] * AT(x));
}

void num_bernoulli_f64(NumShape shape, double *y, NumIn_f64 x, NumIn_f64 logits, double *scratch)
{
    (void)scratch;
    clear_rows(shape, y);
    EACH {
        double l = AT(logits);
        y[row] -= fmax(l, 0.0) - AT(x) * l + log1p(exp(-fabs(l)));
    }
}

void num_bernoulli_back_f64(NumShape shape, const double *dy, NumIn_f64 x, NumIn_f64 logits, double *dx, double *dlogits,
                            unsigned overwrite, double *scratch)
{
    (void)scratch;
    if (dx != NULL && (overwrite & 1))
        memset(dx, 0, num_shape_size(x.shape) * sizeof *dx);
    if (dlogits != NULL && (overwrite & 2))
        memset(dlogits, 0, num_shape_size(logits.shape) * sizeof *dlogits);
    EACH {
        double l = AT(logits), t = exp(-fabs(l));
        ADD(dx, x, dy[row] * l);
        ADD(dlogits, logits, dy[row] * (l < 0.0 ? AT(x) - t / (1.0 + t) : (AT(x) - 1.0) + t / (1.0 + t)));
    }
}

void num_kl_f64(NumShape shape, double *y, NumIn_f64 mu, NumIn_f64 logvar, double *scratch)
{
    (void)scratch;
    clear_rows(shape, y);
    EACH
        y[row] += 0.5 * (AT(mu) * AT(mu) + expm1(AT(logvar)) - AT(logvar));
}

void num_kl_back_f64(NumShape shape, const double *dy, NumIn_f64 mu, NumIn_f64 logvar, double *dmu, double *dlogvar,
                     double *scratch)
{
    (void)scratch;
    EACH {
        ADD(dmu, mu, dy[row] * AT(mu));
        ADD(dlogvar, logvar, 0.5 * dy[row] * expm1(AT(logvar)));
    }
}

void num_kl_normal_normal_f64(NumShape shape, double *y, NumIn_f64 mu1, NumIn_f64 lv1, NumIn_f64 mu2, NumIn_f64 lv2, double *scratch)
{
    (void)scratch;
    clear_rows(shape, y);
    EACH {
        double d = AT(mu1) - AT(mu2), r = AT(lv1) - AT(lv2);
        y[row] += 0.5 * (expm1(r) - r + d * d * exp(-AT(lv2)));
    }
}

void num_kl_normal_normal_back_f64(NumShape shape, const double *dy, NumIn_f64 mu1, NumIn_f64 lv1, NumIn_f64 mu2, NumIn_f64 lv2,
                      double *dmu1, double *dlv1, double *dmu2, double *dlv2, double *scratch)
{
    (void)scratch;
    EACH {
        double d = AT(mu1) - AT(mu2), r = AT(lv1) - AT(lv2), precision = exp(-AT(lv2));
        ADD(dmu1, mu1, dy[row] * d * precision);
        ADD(dlv1, lv1, 0.5 * dy[row] * expm1(r));
        ADD(dmu2, mu2, -dy[row] * d * precision);
        ADD(dlv2, lv2, -0.5 * dy[row] * (expm1(r) + d * d * precision));
    }
}

void num_reparameterise_f64(NumShape shape, double *z, NumIn_f64 mu, NumIn_f64 logvar, NumIn_f64 eps)
{
    EACH
        z[row * shape.n[NUM_FEATURES] + f] = AT(mu) + exp(0.5 * AT(logvar)) * AT(eps);
}

void num_reparameterise_back_f64(NumShape shape, const double *dz, NumIn_f64 mu, NumIn_f64 logvar, NumIn_f64 eps,
                                 double *dmu, double *dlogvar, double *scratch)
{
    (void)scratch;
    EACH {
        double d = dz[row * shape.n[NUM_FEATURES] + f];
        ADD(dmu, mu, d);
        ADD(dlogvar, logvar, 0.5 * d * exp(0.5 * AT(logvar)) * AT(eps));
    }
}

#undef AT
#undef ADD
#undef EACH
