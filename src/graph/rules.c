/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/rules.c: the shape and scratch rules that several operations share.
 */
#include "graph/rules.h"

int graph_shape_misfit(const GraphOp *op, const GraphShape *in, size_t i, size_t j, Error *err)
{
    const char *a = graph_arg_name(op, i), *b = graph_arg_name(op, j);
    GraphShapeText a_shape = graph_shape_text(in[i]), b_shape = graph_shape_text(in[j]);
    error_set(err, ERR_SCRIPT, "%s: %s %s does not fit %s %s", op->name, a, a_shape.text, b, b_shape.text);
    return error_found(err, "%s = %s, %s = %s", a, a_shape.text, b, b_shape.text);
}

GraphShape graph_full_shape(const GraphShape *in, size_t nargs)
{
    GraphShape full = in[0];
    for (size_t i = 1; i < nargs; i++)
        for (int axis = 0; axis < GRAPH_AXES; axis++)
            if (full.n[axis] == 1)
                full.n[axis] = in[i].n[axis];
    return full;
}

NumShape graph_broadcast(const NumShape *in, size_t nargs)
{
    NumShape full = in[0];
    for (size_t i = 1; i < nargs; i++)
        for (int axis = 0; axis < 3; axis++)
            if (full.n[axis] == 1)
                full.n[axis] = in[i].n[axis];
    return full;
}

int graph_shape_fit(const GraphOp *op, const GraphShape *in, size_t nargs, int last_axis, Error *err)
{
    for (size_t j = 1; j < nargs; j++)
        for (size_t i = 0; i < j; i++)
            for (int axis = 0; axis <= last_axis; axis++) {
                size_t a = in[i].n[axis], b = in[j].n[axis];
                if (a != b && a != 1 && b != 1) {
                    graph_shape_misfit(op, in, i, j, err);
                    return error_expected(err, "axes that are equal, or 1 in one of the two");
                }
            }
    return 0;
}

int graph_shape_same(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                     Error *err)
{
    (void)op, (void)nargs, (void)attr, (void)err;
    *out = in[0];
    return 0;
}

int graph_shape_broadcast(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                          Error *err)
{
    (void)attr;
    if (graph_shape_fit(op, in, nargs, GRAPH_WIDTH, err) != 0)
        return -1;
    *out = graph_full_shape(in, nargs);
    return 0;
}

int graph_shape_density(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                        Error *err)
{
    if (graph_shape_broadcast(op, out, in, nargs, attr, err) != 0)
        return -1;
    out->n[NUM_FEATURES] = out->n[GRAPH_HEIGHT] = out->n[GRAPH_WIDTH] = 1;
    return 0;
}

int graph_op_broadcasts(const GraphOp *op)
{
    return op->shape == graph_shape_broadcast || op->shape == graph_shape_density;
}

size_t graph_scratch_result(GraphShape out, const GraphShape *in, size_t nargs, const double *attr)
{
    (void)in, (void)nargs, (void)attr;
    return graph_shape_size(out);
}
