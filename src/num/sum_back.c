/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/sum_back.c: the gradients of sums and of log-sum-exp, which broadcast; the oracles in double.
 */
#include "num/sum.h"

#include "num/panel.h"

#include <math.h>

#define NUM_TABLE_TYPE NumSumTable
#define NUM_TABLE_NAME num_sum_table
#include "num/isa_table.h"

void num_broadcast_add_f32(float *y, NumShape y_shape, const float *x, NumShape x_shape, float scale)
{
    num_panel_axpy(y_shape, y, (NumIn_f32){x, x_shape}, scale);
}

void num_broadcast_add_f64(double *y, NumShape y_shape, const double *x, NumShape x_shape, double scale)
{
    NUM_SHAPE_EACH(y_shape, s, b, f)
        y[num_shape_index(y_shape, s, b, f)] += scale * x[num_shape_index(x_shape, s, b, f)];
}

void num_logsumexp_back_f32(float *dx, NumAxis axis, const float *dy, const float *x, const float *y, NumShape x_shape)
{
    NumShape y_shape = x_shape;
    y_shape.n[axis] = 1;
    NumIn_f32 in[] = {{dy, y_shape}, {x, x_shape}, {y, y_shape}};
    num_panel_gradients(num_sum_table()->logsumexp_back, x_shape, 1, &dx, &x_shape, 0, 3, in, NULL);
}

void num_logsumexp_back_f64(double *dx, NumAxis axis, const double *dy, const double *x, const double *y,
                            NumShape x_shape)
{
    NumShape y_shape = x_shape;
    y_shape.n[axis] = 1;
    NUM_SHAPE_EACH(x_shape, s, b, f) {
        size_t i = num_shape_index(x_shape, s, b, f), j = num_shape_index(y_shape, s, b, f);
        dx[i] += dy[j] * exp(x[i] - (y[j] == -INFINITY ? 0.0 : y[j]));
    }
}
