/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/slice.c: some of the features; of images some of the channels.
 */
#include "graph/real.h"
#include "num/elementwise.h"

#include <string.h>

/* The values of one example before the first channel that is kept. */
static size_t skipped(const GraphCall *c)
{
    return (size_t)c->attr[0] * c->in_axes[0].n[GRAPH_HEIGHT] * c->in_axes[0].n[GRAPH_WIDTH];
}

/* y = x[.., .., first : first + count] */
void R(graph_slice_forward)(const GraphCall *c)
{
    size_t rows = num_shape_rows(c->shape), width = c->in_shape[0].n[NUM_FEATURES], count = c->shape.n[NUM_FEATURES];
    const real *x = (const real *)c->in[0] + skipped(c);
    real *y = c->out;
    for (size_t i = 0; i < rows; i++)
        memcpy(y + i * count, x + i * width, count * sizeof(real));
}

/* dx[.., .., first : first + count] += dy */
void R(graph_slice_backward)(const GraphCall *c)
{
    if (c->grad_in[0] == NULL)
        return;
    size_t rows = num_shape_rows(c->shape), width = c->in_shape[0].n[NUM_FEATURES], count = c->shape.n[NUM_FEATURES];
    const real *dy = c->grad_out;
    real *dx = (real *)c->grad_in[0] + skipped(c);
    for (size_t i = 0; i < rows; i++)
        R(num_axpy)(count, dx + i * width, 1, dy + i * count);
}

#ifdef GRAPH_ROWS
static int shape_slice(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                       Error *err)
{
    (void)nargs;
    double first = attr[0], count = attr[1];
    if (first + count > (double)in[0].n[NUM_FEATURES]) {
        error_set(err, ERR_SCRIPT, "%s: features %g to %g do not exist in x %s", op->name, first, first + count - 1,
                  graph_shape_text(in[0]).text);
        error_found(err, "first = %g, count = %g", first, count);
        return error_expected(err, "first + count <= %zu (first counts from 0)", in[0].n[NUM_FEATURES]);
    }
    *out = in[0];
    out->n[NUM_FEATURES] = (size_t)count;
    return 0;
}

const GraphOp graph_op_slice = {
    .name = "slice",
    .formula = "y = count features (channels of an image) of x from number first (from 0)",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_WHOLE("first", 0, 0, INFINITY), GRAPH_WHOLE("count", GRAPH_REQUIRED, 1, INFINITY)},
    .shape = shape_slice,
    GRAPH_KERNELS(slice),
};
#endif
