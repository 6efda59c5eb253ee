/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_map.c: functions of each element, and of two arrays that broadcast.
 * Compiled once for float and once for double (real.h).
 */
#include "graph/real.h"
#include "num/elementwise.h"

#include <string.h>

/* y = f(x);  dx += dy f'(x) */
#define MAP(name, f)                                                                                                 \
    void R(graph_##name##_forward)(const GraphCall *c) { R(num_unary)(f, num_shape_size(c->shape), c->out, c->in[0]); } \
    void R(graph_##name##_backward)(const GraphCall *c)                                                              \
    {                                                                                                                \
        if (c->grad_in[0] != NULL)                                                                                   \
            R(num_unary_back)(f, num_shape_size(c->shape), c->grad_in[0], c->grad_out, c->in[0], c->out);              \
    }

MAP(neg, NUM_NEG)
MAP(exp, NUM_EXP)
MAP(log, NUM_LOG)
MAP(log1p, NUM_LOG1P)
MAP(tanh, NUM_TANH)
MAP(sigmoid, NUM_SIGMOID)
MAP(softplus, NUM_SOFTPLUS)
MAP(relu, NUM_RELU)
MAP(sqrt, NUM_SQRT)
MAP(square, NUM_SQUARE)
MAP(reciprocal, NUM_RECIPROCAL)
MAP(abs, NUM_ABS)

/* c = a op b;  da += dc d(a op b)/da,  db += dc d(a op b)/db, each summed where it was broadcast */
#define ZIP(name, op)                                                                                                    \
    void R(graph_##name##_forward)(const GraphCall *c)                                                                   \
    {                                                                                                                    \
        R(num_binary)(op, c->shape, c->out, c->in[0], c->in_shape[0], c->in[1], c->in_shape[1]);                            \
    }                                                                                                                    \
    void R(graph_##name##_backward)(const GraphCall *c)                                                                  \
    {                                                                                                                    \
        for (int which = 0; which < 2; which++)                                                                          \
            if (c->grad_in[which] != NULL)                                                                               \
                R(num_binary_back)(op, which, c->shape, c->grad_out, c->grad_in[which], c->in[0], c->in_shape[0], c->in[1], \
                                c->in_shape[1], c->scratch);                                                             \
    }

ZIP(add, NUM_ADD)
ZIP(sub, NUM_SUB)
ZIP(mul, NUM_MUL)
ZIP(div, NUM_DIV)
ZIP(max, NUM_MAX)

/* y = scale x + shift */
void R(graph_affine_forward)(const GraphCall *c)
{
    R(num_affine)(num_shape_size(c->shape), c->out, c->in[0], (real)c->attr[0], (real)c->attr[1]);
}

/* dx += scale dy */
void R(graph_affine_backward)(const GraphCall *c)
{
    if (c->grad_in[0] != NULL)
        R(num_axpy)(num_shape_size(c->shape), c->grad_in[0], (real)c->attr[0], c->grad_out);
}

/* y = min(max(x, low), high); a NaN stays one */
void R(graph_clamp_forward)(const GraphCall *c)
{
    const real *x = c->in[0];
    real *y = c->out, low = (real)c->attr[0], high = (real)c->attr[1];
    size_t n = num_shape_size(c->shape);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

/* dx += dy where low <= x <= high */
void R(graph_clamp_backward)(const GraphCall *c)
{
    const real *x = c->in[0], *dy = c->grad_out;
    real *dx = c->grad_in[0], low = (real)c->attr[0], high = (real)c->attr[1];
    size_t n = dx == NULL ? 0 : num_shape_size(c->shape);
    for (size_t i = 0; i < n; i++)
        dx[i] += x[i] < low || x[i] > high ? 0 : dy[i];
}

/* y = x, and no gradient */
void R(graph_stop_gradient_forward)(const GraphCall *c)
{
    memcpy(c->out, c->in[0], num_shape_size(c->shape) * sizeof(real));
}
