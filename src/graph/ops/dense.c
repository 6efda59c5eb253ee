/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/dense.c: the layer  y = act(x W + b),  its bias and activation applied inside the matrix product.
 */
#include "graph/real.h"
#include "num/matmul.h"
#include "num/sum.h"

/* What `act` may be, in the order of the attribute's choices. */
#define ACTIVATION(NAME, ...) NUM_##NAME,
static const NumUnary activation[] = {NUM_IDENTITY, NUM_FUSED_LIST(ACTIVATION)};

/* x (rows, in), W (in, out), y (rows, out). */
void R(graph_dense_forward)(const GraphCall *c)
{
    const real *bias = c->nargs == 3 ? c->in[2] : NULL;
    R(num_matmul)(NUM_NN, num_shape_rows(c->shape), c->shape.n[NUM_FEATURES], c->in_shape[0].n[NUM_FEATURES],
                  c->out, c->in[0], c->in[1], bias, activation[(size_t)c->attr[0]], 0);
}

/* a = x W + b, y = act(a):  da = dy act'(a),  dx += da W^T,  dW += x^T da,  db += the sum of da over the rows */
void R(graph_dense_backward)(const GraphCall *c)
{
    size_t rows = num_shape_rows(c->shape), out = c->shape.n[NUM_FEATURES], in = c->in_shape[0].n[NUM_FEATURES];
    NumUnary act = activation[(size_t)c->attr[0]];
    real *da = c->grad_out; /* in place: dy is not read again */

    if (act != NUM_IDENTITY)
        R(num_fused_back)(act, rows * out, da, da, c->out);
    if (c->grad_in[0] != NULL)
        R(num_matmul)(NUM_NT, rows, in, out, c->grad_in[0], da, c->in[1], NULL, NUM_IDENTITY, !(c->overwrite & 1));
    if (c->grad_in[1] != NULL)
        R(num_matmul)(NUM_TN, in, out, rows, c->grad_in[1], c->in[0], da, NULL, NUM_IDENTITY, !(c->overwrite & 2));
    if (c->nargs == 3 && c->grad_in[2] != NULL)
        R(num_sum)(c->grad_in[2], c->in_shape[2], da, c->shape, 1);
}

#ifdef GRAPH_ROWS
static int shape_dense(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                       Error *err)
{
    (void)attr;
    size_t features = graph_flat_shape(in[0]).n[NUM_FEATURES];
    NumShape w = graph_flat_shape(in[1]), b = {{1, 1, w.n[NUM_FEATURES]}};
    if (nargs == 3)
        b = graph_flat_shape(in[2]);
    if (w.n[NUM_SAMPLES] != 1 || w.n[NUM_BATCH] != features) {
        graph_shape_misfit(op, in, 0, 1, err);
        error_expected(err, "W = (1, %zu, out)", features);
        return error_hint(err, "W is (1, in, out), and in is the number of features of x");
    }
    if (b.n[NUM_SAMPLES] != 1 || b.n[NUM_BATCH] != 1 || b.n[NUM_FEATURES] != w.n[NUM_FEATURES]) {
        graph_shape_misfit(op, in, 1, 2, err);
        return error_expected(err, "b = (1, 1, %zu)", w.n[NUM_FEATURES]);
    }
    *out = (GraphShape){{in[0].n[NUM_SAMPLES], in[0].n[NUM_BATCH], w.n[NUM_FEATURES], 1, 1}};
    return 0;
}

static double products_dense(const GraphCall *c)
{
    return (double)num_shape_rows(c->shape) * (double)c->shape.n[NUM_FEATURES] * (double)c->in_shape[0].n[NUM_FEATURES];
}

#define CHOICE(NAME, name, ...) #name,
const GraphOp graph_op_dense = {
    .name = "dense",
    .formula = "y = act(x W + b);  b may be absent",
    .arg = {"x", "W", "b"},
    .min_args = 2,
    .max_args = 3,
    .attr = {GRAPH_CHOICE("act", 0, "none", NUM_FUSED_LIST(CHOICE))},
    .shape = shape_dense,
    GRAPH_KERNELS(dense),
    .needs = GRAPH_NEEDS_IN | GRAPH_NEEDS_OUT,
    .writes = 1 | 2,
    .products = products_dense,
};
#endif
