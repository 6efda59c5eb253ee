/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/expand.c: repeats an array along channels, height or width, as a bias for each channel over all pixels.
 *
 * graph_apply inserts it: the kernels of operations that broadcast see (samples, batch, features), and broadcast the
 * features of an argument all or not at all.
 */
#include "graph/real.h"

/* The index in one example of a of element (channel, row, column) of the result. */
static size_t index_of(GraphShape a, size_t channel, size_t row, size_t column)
{
    size_t height = a.n[GRAPH_HEIGHT], width = a.n[GRAPH_WIDTH];
    channel = a.n[NUM_FEATURES] == 1 ? 0 : channel;
    row = height == 1 ? 0 : row;
    column = width == 1 ? 0 : column;
    return (channel * height + row) * width + column;
}

/* y = a, repeated where a has 1 channel, row or column and `like` has more */
void R(graph_expand_forward)(const GraphCall *c)
{
    const real *a = c->in[0];
    real *y = c->out;
    for (size_t i = 0; i < num_shape_rows(c->shape); i++, a += c->in_shape[0].n[NUM_FEATURES])
        for (size_t channel = 0; channel < c->axes.n[NUM_FEATURES]; channel++)
            for (size_t row = 0; row < c->axes.n[GRAPH_HEIGHT]; row++)
                for (size_t column = 0; column < c->axes.n[GRAPH_WIDTH]; column++)
                    *y++ = a[index_of(c->in_axes[0], channel, row, column)];
}

/* da += dy, in the order of dy; `like` gives only its shape, and gets no gradient */
void R(graph_expand_backward)(const GraphCall *c)
{
    if (c->grad_in[0] == NULL)
        return;
    const real *dy = c->grad_out;
    real *da = c->grad_in[0];
    for (size_t i = 0; i < num_shape_rows(c->shape); i++, da += c->in_shape[0].n[NUM_FEATURES])
        for (size_t channel = 0; channel < c->axes.n[NUM_FEATURES]; channel++)
            for (size_t row = 0; row < c->axes.n[GRAPH_HEIGHT]; row++)
                for (size_t column = 0; column < c->axes.n[GRAPH_WIDTH]; column++)
                    da[index_of(c->in_axes[0], channel, row, column)] += *dy++;
}

#ifdef GRAPH_ROWS
static int shape_expand(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                        Error *err)
{
    (void)attr;
    if (graph_shape_fit(op, in, nargs, GRAPH_WIDTH, err) != 0)
        return -1;
    *out = graph_full_shape(in, nargs);
    out->n[NUM_SAMPLES] = in[0].n[NUM_SAMPLES];
    out->n[NUM_BATCH] = in[0].n[NUM_BATCH];
    return 0;
}

const GraphOp graph_op_expand = {
    .name = "expand",
    .formula = "y = a, repeated along the channels, height and width of like",
    GRAPH_ARGS(2, "a", "like"),
    .shape = shape_expand,
    GRAPH_KERNELS(expand),
};
#endif
