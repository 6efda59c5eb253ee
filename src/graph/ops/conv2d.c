/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/conv2d.c: the convolution of images,  y = W * x + b.
 *
 * Each image becomes a matrix of patches, one column for each pixel of the result, and the convolution is one matrix
 * product.  W is a matrix as a dense layer's, (1, channels * kernel * kernel, out): its initialisations count the same
 * fan-in.
 */
#include "graph/real.h"
#include "num/matmul.h"
#include "num/sum.h"

#include <string.h>

/* The sizes of a convolution.  x: channels of height * width; a patch: patch = channels * kernel * kernel values;
 * the result: out channels of rows * columns = pixels. */
typedef struct ConvSizes {
    size_t images, channels, height, width, kernel, stride, padding, patch, out, rows, columns, pixels;
} ConvSizes;

static ConvSizes sizes_of(GraphShape x, GraphShape y, const double *attr)
{
    ConvSizes s = {.images = num_shape_rows(graph_flat_shape(x)),
                   .channels = x.n[NUM_FEATURES], .height = x.n[GRAPH_HEIGHT], .width = x.n[GRAPH_WIDTH],
                   .kernel = (size_t)attr[0], .stride = (size_t)attr[1], .padding = (size_t)attr[2],
                   .out = y.n[NUM_FEATURES], .rows = y.n[GRAPH_HEIGHT], .columns = y.n[GRAPH_WIDTH]};
    s.patch = s.channels * s.kernel * s.kernel;
    s.pixels = s.rows * s.columns;
    return s;
}

/* The row of x under row `row` of the result for patch element p, or -1 in the padding. */
static long row_in_image(const ConvSizes *s, size_t p, size_t row)
{
    size_t y = row * s->stride + p / s->kernel % s->kernel;
    return y < s->padding || y - s->padding >= s->height ? -1 : (long)(y - s->padding);
}

/* The columns of the result, from first to before last, that lie over x and not over its padding for patch element
 * p; the first one lies over column `start` of x. */
static void columns_in_image(const ConvSizes *s, size_t p, size_t *first, size_t *last, size_t *start)
{
    size_t offset = p % s->kernel, end = s->width + s->padding; /* column c lies over padded column c stride + offset */
    *first = offset >= s->padding ? 0 : (s->padding - offset + s->stride - 1) / s->stride;
    *last = offset >= end ? 0 : (end - offset + s->stride - 1) / s->stride;
    *last = *last < s->columns ? *last : s->columns;
    *start = *first * s->stride + offset - s->padding;
}

/* [OUT] patches (patch, pixels) of one image: patches[c, i, j][row][column] = x[c][row stride + i - padding][column
 * stride + j - padding], 0 outside of x. */
static void gather(const ConvSizes *s, real *patches, const real *x)
{
    memset(patches, 0, s->patch * s->pixels * sizeof *patches);
    for (size_t p = 0; p < s->patch; p++) {
        size_t first, last, start, channel = p / (s->kernel * s->kernel);
        columns_in_image(s, p, &first, &last, &start);
        for (size_t row = 0; row < s->rows; row++, patches += s->columns) {
            long y = row_in_image(s, p, row);
            if (y < 0 || first >= last)
                continue;
            const real *from = x + (channel * s->height + (size_t)y) * s->width + start;
            for (size_t column = first; column < last; column++, from += s->stride)
                patches[column] = *from;
        }
    }
}

/* dx += dpatches, each element where gather read it, in the order of the patches */
static void scatter(const ConvSizes *s, real *dx, const real *dpatches)
{
    for (size_t p = 0; p < s->patch; p++) {
        size_t first, last, start, channel = p / (s->kernel * s->kernel);
        columns_in_image(s, p, &first, &last, &start);
        for (size_t row = 0; row < s->rows; row++, dpatches += s->columns) {
            long y = row_in_image(s, p, row);
            if (y < 0 || first >= last)
                continue;
            real *to = dx + (channel * s->height + (size_t)y) * s->width + start;
            for (size_t column = first; column < last; column++, to += s->stride)
                *to += dpatches[column];
        }
    }
}

/* y = W^T patches(x) + b for each image */
void R(graph_conv2d_forward)(const GraphCall *c)
{
    ConvSizes s = sizes_of(c->in_axes[0], c->axes, c->attr);
    real *patches = c->scratch, *y = c->out;
    const real *x = c->in[0], *b = c->nargs == 3 ? c->in[2] : NULL;
    for (size_t n = 0; n < s.images; n++, x += c->in_shape[0].n[NUM_FEATURES], y += s.out * s.pixels) {
        gather(&s, patches, x);
        R(num_matmul)(NUM_TN, s.out, s.pixels, s.patch, y, c->in[1], patches, NULL, NUM_IDENTITY, 0);
        for (size_t i = 0; b != NULL && i < s.out * s.pixels; i++)
            y[i] += b[i / s.pixels];
    }
}

/* dW += patches(x) dy^T,  dpatches = W dy,  db += the sum of dy over images and pixels */
void R(graph_conv2d_backward)(const GraphCall *c)
{
    ConvSizes s = sizes_of(c->in_axes[0], c->axes, c->attr);
    real *patches = c->scratch, *dx = c->grad_in[0];
    const real *x = c->in[0], *dy = c->grad_out;
    size_t size = c->in_shape[0].n[NUM_FEATURES];
    for (size_t n = 0; n < s.images; n++, dy += s.out * s.pixels) {
        if (c->grad_in[1] != NULL) {
            gather(&s, patches, x + n * size);
            R(num_matmul)(NUM_NT, s.patch, s.out, s.pixels, c->grad_in[1], patches, dy, NULL, NUM_IDENTITY, 1);
        }
        if (dx != NULL) {
            R(num_matmul)(NUM_NN, s.patch, s.pixels, s.out, patches, c->in[1], dy, NULL, NUM_IDENTITY, 0);
            scatter(&s, dx + n * size, patches);
        }
    }
    if (c->nargs == 3 && c->grad_in[2] != NULL)
        R(num_sum)(c->grad_in[2], (NumShape){{1, s.out, 1}}, c->grad_out, (NumShape){{s.images, s.out, s.pixels}}, 1);
}

#ifdef GRAPH_ROWS
static int shape_conv2d(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                        Error *err)
{
    size_t kernel = (size_t)attr[0], stride = (size_t)attr[1], padding = (size_t)attr[2];
    size_t height = in[0].n[GRAPH_HEIGHT] + 2 * padding, width = in[0].n[GRAPH_WIDTH] + 2 * padding;
    size_t patch = in[0].n[NUM_FEATURES] * kernel * kernel;
    NumShape w = graph_flat_shape(in[1]), b = {{1, 1, w.n[NUM_FEATURES]}};
    if (nargs == 3)
        b = graph_flat_shape(in[2]);
    if (w.n[NUM_SAMPLES] != 1 || w.n[NUM_BATCH] != patch) {
        graph_shape_misfit(op, in, 0, 1, err);
        error_expected(err, "W = (1, %zu, out)", patch);
        return error_hint(err, "W is (1, channels * kernel * kernel, out)");
    }
    if (b.n[NUM_SAMPLES] != 1 || b.n[NUM_BATCH] != 1 || b.n[NUM_FEATURES] != w.n[NUM_FEATURES]) {
        graph_shape_misfit(op, in, 1, 2, err);
        return error_expected(err, "b = (1, 1, %zu)", w.n[NUM_FEATURES]);
    }
    if (kernel > height || kernel > width) {
        error_set(err, ERR_SCRIPT, "%s: a kernel of %zu by %zu does not fit x %s with padding %zu", op->name, kernel,
                  kernel, graph_shape_text(in[0]).text, padding);
        error_found(err, "kernel = %zu, height + 2 padding = %zu, width + 2 padding = %zu", kernel, height, width);
        return error_expected(err, "a kernel that fits the padded image");
    }
    *out = in[0];
    out->n[NUM_FEATURES] = w.n[NUM_FEATURES];
    out->n[GRAPH_HEIGHT] = (height - kernel) / stride + 1;
    out->n[GRAPH_WIDTH] = (width - kernel) / stride + 1;
    return 0;
}

/* One matrix of patches. */
static size_t scratch_conv2d(GraphShape out, const GraphShape *in, size_t nargs, const double *attr)
{
    (void)nargs;
    ConvSizes s = sizes_of(in[0], out, attr);
    return s.patch * s.pixels;
}

static double products_conv2d(const GraphCall *c)
{
    ConvSizes s = sizes_of(c->in_axes[0], c->axes, c->attr);
    return (double)s.images * (double)s.out * (double)s.pixels * (double)s.patch;
}

const GraphOp graph_op_conv2d = {
    .name = "conv2d",
    .formula = "y = W * x + b over patches of kernel by kernel pixels, one patch every stride pixels;  b may be absent",
    .arg = {"x", "W", "b"},
    .min_args = 2,
    .max_args = 3,
    .attr = {GRAPH_WHOLE("kernel", GRAPH_REQUIRED, 1, 1024), GRAPH_WHOLE("stride", 1, 1, 1024),
             GRAPH_WHOLE("padding", 0, 0, 1024)},
    .shape = shape_conv2d,
    .scratch = scratch_conv2d,
    GRAPH_KERNELS(conv2d),
    .needs = GRAPH_NEEDS_IN,
    .products = products_conv2d,
};
#endif
