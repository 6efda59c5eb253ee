/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/affine.c: y = scale x + shift.
 */
#include "graph/real.h"
#include "num/elementwise.h"

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

#ifdef GRAPH_ROWS
const GraphOp graph_op_affine = {
    .name = "affine",
    .formula = "y = scale x + shift",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_NUMBER("scale", 1, -INFINITY, INFINITY), GRAPH_NUMBER("shift", 0, -INFINITY, INFINITY)},
    .shape = graph_shape_same,
    GRAPH_KERNELS(affine),
};
#endif
