/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/clamp.c: y = min(max(x, low), high).
 */
#include "graph/real.h"

/* y = min(max(x, low), high); NaN stays NaN */
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

#ifdef GRAPH_ROWS
static int shape_clamp(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                       Error *err)
{
    if (!(attr[0] <= attr[1])) {
        error_set(err, ERR_SCRIPT, "%s: low is above high", op->name);
        error_found(err, "low = %g, high = %g", attr[0], attr[1]);
        return error_expected(err, "low <= high");
    }
    return graph_shape_same(op, out, in, nargs, attr, err);
}

const GraphOp graph_op_clamp = {
    .name = "clamp",
    .formula = "y = min(max(x, low), high);  y' = 1 where low <= x <= high, else 0",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_NUMBER("low", GRAPH_REQUIRED, -INFINITY, INFINITY),
             GRAPH_NUMBER("high", GRAPH_REQUIRED, -INFINITY, INFINITY)},
    .shape = shape_clamp,
    GRAPH_KERNELS(clamp),
    .needs = GRAPH_NEEDS_IN,
};
#endif
