/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/density.c: densities over operands that broadcast: in float by the kernels of num/isa/density.c, panel by
 * panel; in double by one oracle for each density.
 */
#include "num/density.h"

#include "num/panel.h"

#include <math.h>
#include <string.h>

#define NUM_TABLE_TYPE NumDensityTable
#define NUM_TABLE_NAME num_density_table
#include "num/isa_table.h"

enum { EACH, SUM }; /* the forms of a row */
enum { OPERANDS_MAX = NUM_PANEL_OUT };

/* ---- oracles: one element's term of the operands v, and [OUT] g, its derivative by each operand ------------------ */

static const double log_2pi = 1.8378770664093454835606594728112353;

static double normal(const double *v, double *g)
{
    double d = v[0] - v[1], precision = exp(-v[2]);
    g[0] = -d * precision;
    g[1] = d * precision;
    g[2] = 0.5 * (d * d * precision - 1.0);
    return -0.5 * (log_2pi + v[2] + d * d * precision);
}

static double standard_normal(const double *v, double *g)
{
    g[0] = -v[0];
    return -0.5 * (log_2pi + v[0] * v[0]);
}

static double laplace(const double *v, double *g)
{
    double d = v[0] - v[1], inverse = exp(-v[2]), sign = (d > 0.0) - (d < 0.0);
    g[0] = -sign * inverse;
    g[1] = sign * inverse;
    g[2] = fabs(d) * inverse - 1.0;
    return -(log(2.0) + v[2] + fabs(d) * inverse);
}

static double bernoulli(const double *v, double *g)
{
    double x = v[0], l = v[1], t = exp(-fabs(l));
    g[0] = l;
    g[1] = l < 0.0 ? x - t / (1.0 + t) : (x - 1.0) + t / (1.0 + t);
    return -(fmax(l, 0.0) - x * l + log1p(t));
}

static double kl(const double *v, double *g)
{
    g[0] = v[0];
    g[1] = 0.5 * expm1(v[1]);
    return 0.5 * (v[0] * v[0] + expm1(v[1]) - v[1]);
}

static double kl_normal_normal(const double *v, double *g)
{
    double d = v[0] - v[2], r = v[1] - v[3], precision = exp(-v[3]);
    g[0] = d * precision;
    g[1] = 0.5 * expm1(r);
    g[2] = -d * precision;
    g[3] = -0.5 * (expm1(r) + d * d * precision);
    return 0.5 * (expm1(r) - r + d * d * precision);
}

static double reparameterise(const double *v, double *g)
{
    double sigma = exp(0.5 * v[1]);
    g[0] = 1.0;
    g[1] = 0.5 * sigma * v[2];
    g[2] = sigma;
    return v[0] + sigma * v[2];
}

/* ---- the rows ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double (*oracle)(const double *v, double *g);
    int sums;
    size_t operands;
} DensityRow;

#define ROW(NAME, name, recorded, form, domain, formula, ...) \
    {name, form == SUM, sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *)},
static const DensityRow rows[NUM_DENSITY_COUNT] = {NUM_DENSITY_LIST(ROW)};

static NumShape result_shape(NumDensity f, NumShape shape)
{
    if (rows[f].sums)
        shape.n[NUM_FEATURES] = 1;
    return shape;
}

/* ---- in float ---------------------------------------------------------------------------------------------------- */

void num_density_f32(NumDensity f, NumShape shape, float *y, const NumIn_f32 *in, float *scratch)
{
    NumPanelKernel *kernel = num_density_table()->forward[f];
    if (rows[f].sums)
        num_panel_row_sums(kernel, shape, y, rows[f].operands, in, scratch);
    else
        num_panel_map(kernel, shape, y, rows[f].operands, in);
}

void num_density_back_f32(NumDensity f, NumShape shape, const float *dy, const NumIn_f32 *in, float *const *d,
                          unsigned overwrite, float *scratch)
{
    size_t operands = rows[f].operands;
    NumIn_f32 inputs[NUM_PANEL_IN] = {{dy, result_shape(f, shape)}};
    NumShape d_shape[NUM_PANEL_OUT];
    for (size_t k = 0; k < operands; k++) {
        inputs[k + 1] = in[k];
        d_shape[k] = in[k].shape;
    }
    num_panel_gradients(num_density_table()->backward[f], shape, operands, d, d_shape, overwrite, operands + 1,
                        inputs, scratch);
}

/* ---- in double --------------------------------------------------------------------------------------------------- */

/* The oracle of element (s, b, feature). */
static double element(NumDensity f, const NumIn_f64 *in, size_t s, size_t b, size_t feature, double *gradient)
{
    double v[OPERANDS_MAX];
    for (size_t k = 0; k < rows[f].operands; k++)
        v[k] = in[k].x[num_shape_index(in[k].shape, s, b, feature)];
    return rows[f].oracle(v, gradient);
}

void num_density_f64(NumDensity f, NumShape shape, double *y, const NumIn_f64 *in, double *scratch)
{
    (void)scratch;
    NumShape y_shape = result_shape(f, shape);
    double unused[OPERANDS_MAX];
    memset(y, 0, num_shape_size(y_shape) * sizeof *y);
    NUM_SHAPE_EACH(shape, s, b, i)
        y[num_shape_index(y_shape, s, b, i)] += element(f, in, s, b, i, unused);
}

void num_density_back_f64(NumDensity f, NumShape shape, const double *dy, const NumIn_f64 *in, double *const *d,
                          unsigned overwrite, double *scratch)
{
    (void)scratch;
    NumShape y_shape = result_shape(f, shape);
    double gradient[OPERANDS_MAX];
    for (size_t k = 0; k < rows[f].operands; k++)
        if (d[k] != NULL && overwrite >> k & 1)
            memset(d[k], 0, num_shape_size(in[k].shape) * sizeof *d[k]);
    NUM_SHAPE_EACH(shape, s, b, i) {
        element(f, in, s, b, i, gradient);
        for (size_t k = 0; k < rows[f].operands; k++)
            if (d[k] != NULL)
                d[k][num_shape_index(in[k].shape, s, b, i)] += dy[num_shape_index(y_shape, s, b, i)] * gradient[k];
    }
}
