/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/shapes.c: the shape rules of the operations.  A rule says of every mismatch what was found and what was expected.
 */
#include "graph/ops_list.h"

#include <stdio.h>
#include <string.h>

/* A shape as "(1, 100, 784)". */
typedef struct { char text[72]; } Shown;

static Shown show(NumShape s)
{
    Shown shown;
    snprintf(shown.text, sizeof shown.text, "(%zu, %zu, %zu)", s.n[0], s.n[1], s.n[2]);
    return shown;
}

static int misfit(const GraphOp *op, const NumShape *in, size_t i, size_t j, Error *err)
{
    error_set(err, ERR_SCRIPT, "%s: %s %s does not fit %s %s", op->name, graph_arg_name(op, i), show(in[i]).text,
              graph_arg_name(op, j), show(in[j]).text);
    return error_found(err, "%s = %s, %s = %s", graph_arg_name(op, i), show(in[i]).text, graph_arg_name(op, j), show(in[j]).text);
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

/* Each axis of each argument must be 1 or agree with the others. */
static int fit_together(const GraphOp *op, const NumShape *in, size_t nargs, int last_axis, Error *err)
{
    for (size_t j = 1; j < nargs; j++)
        for (size_t i = 0; i < j; i++)
            for (int axis = 0; axis <= last_axis; axis++) {
                size_t a = in[i].n[axis], b = in[j].n[axis];
                if (a != b && a != 1 && b != 1) {
                    misfit(op, in, i, j, err);
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
    if (fit_together(op, in, nargs, NUM_FEATURES, err) != 0)
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

/* y and its logits must both have all classes: a logsumexp cannot broadcast. */
int graph_shape_categorical(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    if (in[0].n[NUM_FEATURES] != in[1].n[NUM_FEATURES]) {
        misfit(op, in, 0, 1, err);
        return error_expected(err, "y = (.., .., %zu), one feature a class", in[1].n[NUM_FEATURES]);
    }
    return graph_shape_density(op, out, in, nargs, attr, err);
}

int graph_shape_clamp(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    if (!(attr[0] <= attr[1])) {
        error_set(err, ERR_SCRIPT, "%s: low is above high", op->name);
        error_found(err, "low = %g, high = %g", attr[0], attr[1]);
        return error_expected(err, "low <= high");
    }
    return graph_shape_same(op, out, in, nargs, attr, err);
}

int graph_shape_dense(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)attr;
    NumShape x = in[0], w = in[1];
    size_t width = w.n[NUM_FEATURES];
    if (w.n[NUM_SAMPLES] != 1 || w.n[NUM_BATCH] != x.n[NUM_FEATURES]) {
        misfit(op, in, 0, 1, err);
        error_expected(err, "W = (1, %zu, out)", x.n[NUM_FEATURES]);
        return error_hint(err, "W is (1, in, out), and in is the number of features of x");
    }
    if (nargs == 3 && (in[2].n[NUM_SAMPLES] != 1 || in[2].n[NUM_BATCH] != 1 || in[2].n[NUM_FEATURES] != width)) {
        misfit(op, in, 1, 2, err);
        return error_expected(err, "b = (1, 1, %zu)", width);
    }
    *out = x;
    out->n[NUM_FEATURES] = width;
    return 0;
}

int graph_shape_reduce(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)op, (void)nargs, (void)err;
    int axis = (int)attr[0];
    *out = (NumShape){{1, 1, 1}};
    if (axis != GRAPH_AXIS_ALL) {
        *out = in[0];
        out->n[axis] = 1;
    }
    return 0;
}

int graph_shape_along(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    if ((int)attr[0] == GRAPH_AXIS_ALL) {
        error_set(err, ERR_SCRIPT, "%s: axis = all is not possible", op->name);
        error_expected(err, "axis = features, batch or samples");
        return error_hint(err, "apply it to one axis after the other");
    }
    return graph_shape_reduce(op, out, in, nargs, attr, err);
}

int graph_shape_concat(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)attr;
    if (fit_together(op, in, nargs, NUM_BATCH, err) != 0)
        return -1;
    *out = graph_broadcast(in, nargs);
    out->n[NUM_FEATURES] = 0;
    for (size_t i = 0; i < nargs; i++)
        out->n[NUM_FEATURES] += in[i].n[NUM_FEATURES];
    return 0;
}

int graph_shape_slice(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)nargs;
    double first = attr[0], count = attr[1];
    if (first + count > (double)in[0].n[NUM_FEATURES]) {
        error_set(err, ERR_SCRIPT, "%s: features %g to %g do not exist in x %s", op->name, first, first + count - 1,
                  show(in[0]).text);
        error_found(err, "first = %g, count = %g", first, count);
        return error_expected(err, "first + count <= %zu (first counts from 0)", in[0].n[NUM_FEATURES]);
    }
    *out = in[0];
    out->n[NUM_FEATURES] = (size_t)count;
    return 0;
}

int graph_shape_reshape(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)nargs;
    size_t size = num_shape_size(in[0]);
    double known = 1;
    int rest = -1;
    for (int axis = 0; axis < 3; axis++) {
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
    if (known > (double)size || num_shape_size(*out) != size) {
        if (rest >= 0)
            out->n[rest] = 0;
        error_set(err, ERR_SCRIPT, "%s: x %s does not fit %s", op->name, show(in[0]).text, show(*out).text);
        error_found(err, "%zu values", size);
        return error_expected(err, rest >= 0 ? "a multiple of %.0f values" : "%.0f values", known);
    }
    return 0;
}

int graph_shape_transpose(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err)
{
    (void)op, (void)nargs, (void)err;
    static const NumAxis pair[3][2] = {{NUM_SAMPLES, NUM_BATCH}, {NUM_BATCH, NUM_FEATURES}, {NUM_SAMPLES, NUM_FEATURES}};
    const NumAxis *swap = pair[(int)attr[0]];
    *out = in[0];
    out->n[swap[0]] = in[0].n[swap[1]];
    out->n[swap[1]] = in[0].n[swap[0]];
    return 0;
}
