/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/transpose.c: two axes exchanged.
 */
#include "graph/real.h"

/* The axes that each value of `swap` exchanges. */
static const NumAxis pair[3][2] = {{NUM_SAMPLES, NUM_BATCH}, {NUM_BATCH, NUM_FEATURES}, {NUM_SAMPLES, NUM_FEATURES}};

/* The stride in x along each axis of the result. */
static void exchanged(const GraphCall *c, size_t stride[3])
{
    const NumAxis *swap = pair[(int)c->attr[0]];
    for (int axis = 0; axis < 3; axis++)
        stride[axis] = num_shape_stride(c->in_shape[0], (NumAxis)axis);
    size_t first = stride[swap[0]];
    stride[swap[0]] = stride[swap[1]];
    stride[swap[1]] = first;
}

/* y[s][b][f] = x with two of the indices exchanged */
void R(graph_transpose_forward)(const GraphCall *c)
{
    size_t stride[3];
    exchanged(c, stride);
    const real *x = c->in[0];
    real *y = c->out;
    for (size_t s = 0; s < c->shape.n[0]; s++)
        for (size_t b = 0; b < c->shape.n[1]; b++)
            for (size_t f = 0; f < c->shape.n[2]; f++)
                *y++ = x[s * stride[0] + b * stride[1] + f * stride[2]];
}

/* dx with two of the indices exchanged += dy[s][b][f] */
void R(graph_transpose_backward)(const GraphCall *c)
{
    if (c->grad_in[0] == NULL)
        return;
    size_t stride[3];
    exchanged(c, stride);
    const real *dy = c->grad_out;
    real *dx = c->grad_in[0];
    for (size_t s = 0; s < c->shape.n[0]; s++)
        for (size_t b = 0; b < c->shape.n[1]; b++)
            for (size_t f = 0; f < c->shape.n[2]; f++)
                dx[s * stride[0] + b * stride[1] + f * stride[2]] += *dy++;
}

#ifdef GRAPH_ROWS
static int shape_transpose(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                           Error *err)
{
    (void)nargs;
    const NumAxis *swap = pair[(int)attr[0]];
    if (swap[1] == NUM_FEATURES && in[0].n[NUM_FEATURES] != graph_flat_shape(in[0]).n[NUM_FEATURES]) {
        error_set(err, ERR_SCRIPT, "%s: the channels of images cannot be exchanged with another axis", op->name);
        error_found(err, "x = %s", graph_shape_text(in[0]).text);
        error_expected(err, "(samples, batch, features)");
        return error_hint(err, "reshape x to features first: features = \"rest\", height = 1, width = 1");
    }
    *out = in[0];
    out->n[swap[0]] = in[0].n[swap[1]];
    out->n[swap[1]] = in[0].n[swap[0]];
    return 0;
}

const GraphOp graph_op_transpose = {
    .name = "transpose",
    .formula = "y = x with two axes exchanged: swap = samples_batch, batch_features, samples_features",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_CHOICE("swap", GRAPH_REQUIRED, "samples_batch", "batch_features", "samples_features")},
    .shape = shape_transpose,
    GRAPH_KERNELS(transpose),
};
#endif
