/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_layout.c: the same values in another place: joined, cut, reshaped, with axes exchanged.
 * Compiled once for float and once for double (real.h).
 */
#include "graph/ops_list.h"
#include "graph/real.h"
#include "num/elementwise.h"

#include <string.h>

/* The row of an argument that belongs to row (s, b) of the result; axes of 1 are repeated. */
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

/* y = x[.., .., first : first + count] */
void R(graph_slice_forward)(const GraphCall *c)
{
    size_t rows = num_shape_rows(c->shape), width = c->in_shape[0].n[NUM_FEATURES], count = c->shape.n[NUM_FEATURES];
    const real *x = (const real *)c->in[0] + (size_t)c->attr[0];
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
    real *dx = (real *)c->grad_in[0] + (size_t)c->attr[0];
    for (size_t i = 0; i < rows; i++)
        R(num_axpy)(count, dx + i * width, 1, dy + i * count);
}

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

/* The stride in x along each axis of the result. */
static void exchanged(const GraphCall *c, size_t stride[3])
{
    static const NumAxis pair[3][2] = {{NUM_SAMPLES, NUM_BATCH}, {NUM_BATCH, NUM_FEATURES}, {NUM_SAMPLES, NUM_FEATURES}};
    const NumAxis *swap = pair[(int)c->attr[0]];
    for (int axis = 0; axis < 3; axis++)
        stride[axis] = num_shape_stride(c->in_shape[0], (NumAxis)axis);
    size_t first = stride[swap[0]];
    stride[swap[0]] = stride[swap[1]];
    stride[swap[1]] = first;
}

/* y[s][b][f] = x with two of the indices exchanged */
void R(graph_transpose_forward)(const GraphCall *c)
{
    size_t stride[3];
    exchanged(c, stride);
    const real *x = c->in[0];
    real *y = c->out;
    for (size_t s = 0; s < c->shape.n[0]; s++)
        for (size_t b = 0; b < c->shape.n[1]; b++)
            for (size_t f = 0; f < c->shape.n[2]; f++)
                *y++ = x[s * stride[0] + b * stride[1] + f * stride[2]];
}

/* dx with two of the indices exchanged += dy[s][b][f] */
void R(graph_transpose_backward)(const GraphCall *c)
{
    if (c->grad_in[0] == NULL)
        return;
    size_t stride[3];
    exchanged(c, stride);
    const real *dy = c->grad_out;
    real *dx = c->grad_in[0];
    for (size_t s = 0; s < c->shape.n[0]; s++)
        for (size_t b = 0; b < c->shape.n[1]; b++)
            for (size_t f = 0; f < c->shape.n[2]; f++)
                dx[s * stride[0] + b * stride[1] + f * stride[2]] += *dy++;
}
