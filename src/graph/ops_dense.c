/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_dense.c: the layer  y = act(x W + b),  its bias and activation applied inside the matrix product.
 * Compiled once for float and once for double (real.h).
 */
#include "graph/real.h"
#include "num/matmul.h"
#include "num/sum.h"

/* x (rows, in), W (in, out), y (rows, out). */
void R(graph_dense_forward)(const GraphCall *c)
{
    const real *bias = c->nargs == 3 ? c->in[2] : NULL;
    R(num_matmul)(NUM_NN, num_shape_rows(c->shape), c->shape.n[NUM_FEATURES], c->in_shape[0].n[NUM_FEATURES],
                  c->out, c->in[0], c->in[1], bias, (NumAct)c->attr[0], 0, c->scratch);
}

/* a = x W + b, y = act(a):  da = dy act'(a),  dx += da W^T,  dW += x^T da,  db += the sum of da over the rows */
void R(graph_dense_backward)(const GraphCall *c)
{
    size_t rows = num_shape_rows(c->shape), out = c->shape.n[NUM_FEATURES], in = c->in_shape[0].n[NUM_FEATURES];
    NumAct act = (NumAct)c->attr[0];
    real *da = c->grad_out; /* in place: dy is read nowhere else */

    if (act != NUM_ACT_NONE)
        R(num_act_back)(act, rows * out, da, da, c->out);
    if (c->grad_in[0] != NULL)
        R(num_matmul)(NUM_NT, rows, in, out, c->grad_in[0], da, c->in[1], NULL, NUM_ACT_NONE, !(c->overwrite & 1), c->scratch);
    if (c->grad_in[1] != NULL)
        R(num_matmul)(NUM_TN, in, out, rows, c->grad_in[1], c->in[0], da, NULL, NUM_ACT_NONE, !(c->overwrite & 2), c->scratch);
    if (c->nargs == 3 && c->grad_in[2] != NULL)
        R(num_sum)(c->grad_in[2], c->in_shape[2], da, c->shape, 1);
}
