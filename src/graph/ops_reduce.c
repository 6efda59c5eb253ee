/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_reduce.c: sums, means and log-sums of exponentials along an axis.
 * Compiled once for float and once for double (real.h).
 */
#include "graph/ops_list.h"
#include "graph/real.h"
#include "num/elementwise.h"
#include "num/sum.h"

#include <math.h>
#include <string.h>

/* How many elements make one of the result. */
static size_t fold(const GraphCall *c)
{
    return num_shape_size(c->in_shape[0]) / num_shape_size(c->shape);
}

static void reduce(const GraphCall *c, real scale)
{
    memset(c->out, 0, num_shape_size(c->shape) * sizeof(real));
    R(num_sum)(c->out, c->shape, c->in[0], c->in_shape[0], scale);
}

static void spread(const GraphCall *c, real scale)
{
    if (c->grad_in[0] != NULL)
        R(num_broadcast_add)(c->grad_in[0], c->in_shape[0], c->grad_out, c->shape, scale);
}

/* y = sum x;  dx += dy */
void R(graph_sum_forward)(const GraphCall *c) { reduce(c, 1); }
void R(graph_sum_backward)(const GraphCall *c) { spread(c, 1); }

/* y = sum x / n;  dx += dy / n */
void R(graph_mean_forward)(const GraphCall *c) { reduce(c, 1 / (real)fold(c)); }
void R(graph_mean_backward)(const GraphCall *c) { spread(c, 1 / (real)fold(c)); }

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
    size_t n = fold(c);
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
