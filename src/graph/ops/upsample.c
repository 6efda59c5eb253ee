/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/upsample.c: larger images by nearest neighbour: each pixel becomes factor by factor pixels.
 */
#include "graph/real.h"

/* y[c][i][j] = x[c][i / factor][j / factor] */
void R(graph_upsample_forward)(const GraphCall *c)
{
    size_t factor = (size_t)c->attr[0], width = c->in_axes[0].n[GRAPH_WIDTH];
    size_t rows = num_shape_size(c->in_shape[0]) / width; /* of all images and channels */
    const real *x = c->in[0];
    real *y = c->out;
    for (size_t row = 0; row < rows; row++, x += width)
        for (size_t copy = 0; copy < factor; copy++)
            for (size_t i = 0; i < width * factor; i++)
                *y++ = x[i / factor];
}

/* dx[c][i / factor][j / factor] += dy[c][i][j] */
void R(graph_upsample_backward)(const GraphCall *c)
{
    size_t factor = (size_t)c->attr[0], width = c->in_axes[0].n[GRAPH_WIDTH];
    size_t rows = c->grad_in[0] == NULL ? 0 : num_shape_size(c->in_shape[0]) / width;
    const real *dy = c->grad_out;
    real *dx = c->grad_in[0];
    for (size_t row = 0; row < rows; row++, dx += width)
        for (size_t copy = 0; copy < factor; copy++)
            for (size_t i = 0; i < width * factor; i++)
                dx[i / factor] += *dy++;
}

#ifdef GRAPH_ROWS
static int shape_upsample(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                          Error *err)
{
    (void)op, (void)nargs, (void)err;
    *out = in[0];
    out->n[GRAPH_HEIGHT] *= (size_t)attr[0];
    out->n[GRAPH_WIDTH] *= (size_t)attr[0];
    return 0;
}

const GraphOp graph_op_upsample = {
    .name = "upsample",
    .formula = "y[i][j] = x[i / factor][j / factor]: each pixel becomes factor by factor pixels",
    GRAPH_ARGS(1, "x"),
    .attr = {GRAPH_WHOLE("factor", GRAPH_REQUIRED, 1, 1024)},
    .shape = shape_upsample,
    GRAPH_KERNELS(upsample),
};
#endif
