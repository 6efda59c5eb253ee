/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/reduce.c: sums, means and log-sums of exponentials along an axis.
 */
#include "graph/real.h"
#include "num/elementwise.h"
#include "num/sum.h"

#include <math.h>
#include <string.h>

/* The values of `axis` are those of NumAxis, and this one. */
enum { AXIS_ALL = 3 };

/* The number of elements of x for each element of the result. */
static size_t reduced_count(const GraphCall *c)
{
    return num_shape_size(c->in_shape[0]) / num_shape_size(c->shape);
}

static void reduce(const GraphCall *c, real scale)
{
    memset(c->out, 0, num_shape_size(c->shape) * sizeof(real));
    R(num_sum)(c->out, c->shape, c->in[0], c->in_shape[0], scale);
}

static void reduce_back(const GraphCall *c, real scale)
{
    if (c->grad_in[0] != NULL)
        R(num_broadcast_add)(c->grad_in[0], c->in_shape[0], c->grad_out, c->shape, scale);
}

/* y = sum x;  dx += dy */
void R(graph_sum_forward)(const GraphCall *c) { reduce(c, 1); }
void R(graph_sum_backward)(const GraphCall *c) { reduce_back(c, 1); }

/* y = sum x / n;  dx += dy / n */
void R(graph_mean_forward)(const GraphCall *c) { reduce(c, 1 / (real)reduced_count(c)); }
void R(graph_mean_backward)(const GraphCall *c) { reduce_back(c, 1 / (real)reduced_count(c)); }

/* y = ln sum exp x, shifted by the maximum;  dx += dy exp(x - y) */
void R(graph_logsumexp_forward)(const GraphCall *c)
{
    R(num_logsumexp)(c->out, (NumAxis)c->attr[0], c->in[0], c->in_shape[0]);
}

void R(graph_logsumexp_backward)(const GraphCall *c)
{
    if (c->grad_in[0] != NULL)
        R(num_logsumexp_back)(c->grad_in[0], (NumAxis)c->attr[0], c->grad_out, c->in[0], c->out, c->in_shape[0]);
}

static real log_count(const GraphCall *c)
{
    size_t n = reduced_count(c);
#ifdef GRAPH_REAL_FLOAT
    return num_unary1_f32(NUM_LOG, (float)n); /* libm's own is not portable */
#else
    return log((double)n);
#endif
}

/* y = ln sum exp x - ln n */
void R(graph_logmeanexp_forward)(const GraphCall *c)
{
    R(graph_logsumexp_forward)(c);
    R(num_affine)(num_shape_size(c->shape), c->out, c->out, 1, -log_count(c));
}

/* dx += dy exp(x - ln sum exp x),  ln sum exp x = y + ln n */
void R(graph_logmeanexp_backward)(const GraphCall *c)
{
    if (c->grad_in[0] == NULL)
        return;
    R(num_affine)(num_shape_size(c->shape), c->scratch, c->out, 1, log_count(c));
    R(num_logsumexp_back)(c->grad_in[0], (NumAxis)c->attr[0], c->grad_out, c->in[0], c->scratch, c->in_shape[0]);
}

#ifdef GRAPH_ROWS
static int shape_reduce(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                        Error *err)
{
    (void)op, (void)nargs, (void)err;
    int axis = (int)attr[0];
    *out = axis == AXIS_ALL ? (GraphShape){{1, 1, 1, 1, 1}} : in[0];
    if (axis != AXIS_ALL)
        out->n[axis] = 1;
    if (axis == NUM_FEATURES)
        out->n[GRAPH_HEIGHT] = out->n[GRAPH_WIDTH] = 1;
    return 0;
}

/* num_logsumexp reduces one axis. */
static int shape_one_axis(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                          Error *err)
{
    if ((int)attr[0] == AXIS_ALL) {
        error_set(err, ERR_SCRIPT, "%s: axis = all is not possible", op->name);
        error_expected(err, "axis = features, batch or samples");
        return error_hint(err, "apply it to one axis, then to the next");
    }
    return shape_reduce(op, out, in, nargs, attr, err);
}

#define AXIS GRAPH_CHOICE("axis", GRAPH_REQUIRED, "samples", "batch", "features", "all")

const GraphOp graph_op_sum = {
    .name = "sum",
    .formula = "y = sum of x over axis = features, batch, samples or all",
    GRAPH_ARGS(1, "x"),
    .attr = {AXIS},
    .shape = shape_reduce,
    GRAPH_KERNELS(sum),
};

const GraphOp graph_op_mean = {
    .name = "mean",
    .formula = "y = mean of x over axis = features, batch, samples or all",
    GRAPH_ARGS(1, "x"),
    .attr = {AXIS},
    .shape = shape_reduce,
    GRAPH_KERNELS(mean),
};

const GraphOp graph_op_logsumexp = {
    .name = "logsumexp",
    .formula = "y = ln sum exp x over axis = features, batch or samples",
    GRAPH_ARGS(1, "x"),
    .attr = {AXIS},
    .shape = shape_one_axis,
    GRAPH_KERNELS(logsumexp),
    .needs = GRAPH_NEEDS_IN | GRAPH_NEEDS_OUT,
};

const GraphOp graph_op_logmeanexp = {
    .name = "logmeanexp",
    .formula = "y = ln mean exp x over axis = features, batch or samples (Burda et al. 2016, eq. 8)",
    GRAPH_ARGS(1, "x"),
    .attr = {AXIS},
    .shape = shape_one_axis,
    GRAPH_KERNELS(logmeanexp),
    .scratch = graph_scratch_result,
    .needs = GRAPH_NEEDS_IN | GRAPH_NEEDS_OUT,
};
#endif
