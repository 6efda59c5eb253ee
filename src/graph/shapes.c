/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/shapes.c: the shape and scratch rules that several operations share.
 */
#include "graph/shapes.h"

#include <stdio.h>

GraphShapeText graph_shape_text(NumShape s)
{
    GraphShapeText shown;
    snprintf(shown.text, sizeof shown.text, "(%zu, %zu, %zu)", s.n[0], s.n[1], s.n[2]);
    return shown;
}

int graph_shape_misfit(const GraphOp *op, const NumShape *in, size_t i, size_t j, Error *err)
{
    error_set(err, ERR_SCRIPT, "%s: %s %s does not fit %s %s", op->name, graph_arg_name(op, i), graph_shape_text(in[i]).text,
              graph_arg_name(op, j), graph_shape_text(in[j]).text);
    return error_found(err, "%s = %s, %s = %s", graph_arg_name(op, i), graph_shape_text(in[i]).text, graph_arg_name(op, j), graph_shape_text(in[j]).text);
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

int graph_shape_fit(const GraphOp *op, const NumShape *in, size_t nargs, int last_axis, Error *err)
{
    for (size_t j = 1; j < nargs; j++)
        for (size_t i = 0; i < j; i++)
            for (int axis = 0; axis <= last_axis; axis++) {
                size_t a = in[i].n[axis], b = in[j].n[axis];
                if (a != b && a != 1 && b != 1) {
                    graph_shape_misfit(op, in, i, j, err);
                    return error_expected(err, "axes (samples, batch, features) that are equal, or 1 in one of the two");
                }
            }
    return 0;
}

int graph_shape_same(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)op, (void)nargs, (void)attr, (void)err;
    *out = in[0];
    return 0;
}

int graph_shape_broadcast(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)attr;
    if (graph_shape_fit(op, in, nargs, NUM_FEATURES, err) != 0)
        return -1;
    *out = graph_broadcast(in, nargs);
    return 0;
}

int graph_shape_density(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    if (graph_shape_broadcast(op, out, in, nargs, attr, err) != 0)
        return -1;
    out->n[NUM_FEATURES] = 1;
    return 0;
}

/* ---- scratch, in values -------------------------------------------------------------------------------------------------- */

size_t graph_scratch_result(NumShape out, const NumShape *in, size_t nargs, const double *attr)
{
    (void)in, (void)nargs, (void)attr;
    return num_shape_size(out);
}
