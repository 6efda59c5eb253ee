/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/concat.c: arrays joined along features; images along channels.
 */
#include "graph/real.h"
#include "num/elementwise.h"

#include <string.h>

/* The row of an argument for row (s, b) of the result; axes of length 1 are repeated. */
static size_t row_of(NumShape in, size_t s, size_t b)
{
    return (in.n[NUM_SAMPLES] == 1 ? 0 : s) * in.n[NUM_BATCH] + (in.n[NUM_BATCH] == 1 ? 0 : b);
}

/* y = [x0, x1, ...] along features */
void R(graph_concat_forward)(const GraphCall *c)
{
    real *y = c->out;
    for (size_t s = 0; s < c->shape.n[NUM_SAMPLES]; s++)
        for (size_t b = 0; b < c->shape.n[NUM_BATCH]; b++)
            for (size_t i = 0; i < c->nargs; i++) {
                size_t width = c->in_shape[i].n[NUM_FEATURES];
                const real *x = c->in[i];
                memcpy(y, x + row_of(c->in_shape[i], s, b) * width, width * sizeof(real));
                y += width;
            }
}

/* dx_i += its features of dy; repeated rows are added in ascending order */
void R(graph_concat_backward)(const GraphCall *c)
{
    const real *dy = c->grad_out;
    for (size_t s = 0; s < c->shape.n[NUM_SAMPLES]; s++)
        for (size_t b = 0; b < c->shape.n[NUM_BATCH]; b++)
            for (size_t i = 0; i < c->nargs; i++) {
                size_t width = c->in_shape[i].n[NUM_FEATURES];
                real *dx = c->grad_in[i];
                if (dx != NULL)
                    R(num_axpy)(width, dx + row_of(c->in_shape[i], s, b) * width, 1, dy);
                dy += width;
            }
}

#ifdef GRAPH_ROWS
static int shape_concat(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                        Error *err)
{
    (void)attr;
    if (graph_shape_fit(op, in, nargs, NUM_BATCH, err) != 0)
        return -1;
    for (size_t i = 1; i < nargs; i++)
        if (in[i].n[GRAPH_HEIGHT] != in[0].n[GRAPH_HEIGHT] || in[i].n[GRAPH_WIDTH] != in[0].n[GRAPH_WIDTH]) {
            graph_shape_misfit(op, in, 0, i, err);
            return error_expected(err, "images of equal height and width");
        }
    *out = graph_full_shape(in, nargs);
    out->n[NUM_FEATURES] = 0;
    for (size_t i = 0; i < nargs; i++)
        out->n[NUM_FEATURES] += in[i].n[NUM_FEATURES];
    return 0;
}

const GraphOp graph_op_concat = {
    .name = "concat",
    .formula = "y = [a, b, ...] along features (channels of images); samples and batch broadcast",
    .arg = {"a"},
    .min_args = 1,
    .max_args = GRAPH_ARGS_MAX,
    .shape = shape_concat,
    GRAPH_KERNELS(concat),
};
#endif
