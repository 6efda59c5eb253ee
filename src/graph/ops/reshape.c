/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/reshape.c: the same values in their order, in another shape.
 */
#include "graph/real.h"
#include "num/elementwise.h"

#include <string.h>

/* y = x, value for value */
void R(graph_reshape_forward)(const GraphCall *c)
{
    memcpy(c->out, c->in[0], num_shape_size(c->shape) * sizeof(real));
}

/* dx += dy */
void R(graph_reshape_backward)(const GraphCall *c)
{
    if (c->grad_in[0] != NULL)
        R(num_axpy)(num_shape_size(c->shape), c->grad_in[0], 1, c->grad_out);
}

#ifdef GRAPH_ROWS
static int shape_reshape(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                         Error *err)
{
    (void)nargs;
    size_t size = graph_shape_size(in[0]);
    double known = 1;
    int rest = -1;
    for (int axis = 0; axis < GRAPH_AXES; axis++) {
        double n = attr[axis];
        if (n == GRAPH_DIM_REST && rest >= 0) {
            error_set(err, ERR_SCRIPT, "%s: \"rest\" is given for two axes", op->name);
            return error_expected(err, "at most one axis \"rest\"");
        }
        if (n == GRAPH_DIM_REST)
            rest = axis;
        else
            out->n[axis] = n == GRAPH_DIM_KEEP ? in[0].n[axis] : (size_t)n;
        if (n != GRAPH_DIM_REST)
            known *= (double)out->n[axis];
    }
    if (rest >= 0)
        out->n[rest] = (size_t)((double)size / known);
    if (known > (double)size || graph_shape_size(*out) != size) {
        if (rest >= 0)
            out->n[rest] = 0;
        error_set(err, ERR_SCRIPT, "%s: x %s does not fit %s", op->name, graph_shape_text(in[0]).text,
                  graph_shape_text(*out).text);
        error_found(err, "%zu values", size);
        return error_expected(err, rest >= 0 ? "a multiple of %.0f values" : "%.0f values", known);
    }
    return 0;
}

const GraphOp graph_op_reshape = {
    .name = "reshape",
    .formula = "y = the values of x in order as (samples, batch, features, height, width): numbers, b, k, rest, keep",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_LENGTH("samples", GRAPH_DIM_KEEP, 0), GRAPH_LENGTH("batch", GRAPH_DIM_KEEP, 0),
             GRAPH_LENGTH("features", GRAPH_DIM_KEEP, 0), GRAPH_LENGTH("height", GRAPH_DIM_KEEP, 1),
             GRAPH_LENGTH("width", GRAPH_DIM_KEEP, 1)},
    .shape = shape_reshape,
    GRAPH_KERNELS(reshape),
};
#endif
