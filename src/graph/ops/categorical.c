/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/categorical.c: the log density of a one-hot class, from logits.
 */
#include "graph/real.h"
#include "num/elementwise.h"
#include "num/sum.h"

#include <string.h>

/* The scratch: product has the full shape, shifted and logp that of the logits, lse and total one value for each
 * row of logits. */
typedef struct CategoricalParts { real *product, *shifted, *logp, *lse, *total; NumShape full, rows; } CategoricalParts;

/* logp = l - ln sum exp l.  Each row of l is shifted by its maximum first, so that the difference of large logits
 * loses no digits. */
static CategoricalParts parts(const GraphCall *c)
{
    CategoricalParts p;
    size_t size = num_shape_size(c->in_shape[1]), width = c->in_shape[1].n[NUM_FEATURES];
    p.full = graph_broadcast(c->in_shape, c->nargs);
    p.rows = c->in_shape[1];
    p.rows.n[NUM_FEATURES] = 1;
    p.product = c->scratch;
    p.shifted = p.product + num_shape_size(p.full);
    p.logp = p.shifted + size;
    p.lse = p.logp + size;
    p.total = p.lse + size / width;

    const real *l = c->in[1];
    for (size_t i = 0; i < size; i += width) {
        real most = l[i];
        for (size_t j = 1; j < width; j++)
            most = l[i + j] > most ? l[i + j] : most;
        R(num_affine)(width, p.shifted + i, l + i, 1, -most);
    }
    R(num_logsumexp)(p.lse, NUM_FEATURES, p.shifted, c->in_shape[1]);
    R(num_binary)(NUM_SUB, c->in_shape[1], p.logp, (R(NumIn)){p.shifted, c->in_shape[1]}, (R(NumIn)){p.lse, p.rows});
    return p;
}

/* sum(y logp), logp = l - ln sum exp l */
void R(graph_categorical_forward)(const GraphCall *c)
{
    CategoricalParts p = parts(c);
    R(num_binary)(NUM_MUL, p.full, p.product, (R(NumIn)){c->in[0], c->in_shape[0]}, (R(NumIn)){p.logp, c->in_shape[1]});
    memset(c->out, 0, num_shape_size(c->shape) * sizeof(real));
    R(num_sum)(c->out, c->shape, p.product, p.full, 1);
}

/* with g the result's gradient:  dy += g logp,   dl += g y - softmax(l) sum(g y) */
void R(graph_categorical_backward)(const GraphCall *c)
{
    CategoricalParts p = parts(c);
    if (c->grad_in[0] != NULL) {
        R(num_binary)(NUM_MUL, p.full, p.product, (R(NumIn)){c->grad_out, c->shape}, (R(NumIn)){p.logp, c->in_shape[1]});
        R(num_sum)(c->grad_in[0], c->in_shape[0], p.product, p.full, 1);
    }
    if (c->grad_in[1] != NULL) {
        R(num_binary)(NUM_MUL, p.full, p.product, (R(NumIn)){c->grad_out, c->shape}, (R(NumIn)){c->in[0], c->in_shape[0]});
        R(num_sum)(c->grad_in[1], c->in_shape[1], p.product, p.full, 1);
        memset(p.total, 0, num_shape_size(p.rows) * sizeof(real));
        R(num_sum)(p.total, p.rows, p.product, p.full, -1);
        R(num_logsumexp_back)(c->grad_in[1], NUM_FEATURES, p.total, p.shifted, p.lse, c->in_shape[1]);
    }
}

#ifdef GRAPH_ROWS
/* Both arguments must have all classes: a logsumexp cannot broadcast. */
static int shape_categorical(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs, const double *attr,
                             Error *err)
{
    size_t classes = in[1].n[NUM_FEATURES];
    if (in[0].n[NUM_FEATURES] != classes || graph_flat_shape(in[0]).n[NUM_FEATURES] != classes
        || graph_flat_shape(in[1]).n[NUM_FEATURES] != classes) {
        graph_shape_misfit(op, in, 0, 1, err);
        return error_expected(err, "y = (.., .., %zu), one feature a class", classes);
    }
    return graph_shape_density(op, out, in, nargs, attr, err);
}

static size_t scratch_categorical(GraphShape out, const GraphShape *in, size_t nargs, const double *attr)
{
    (void)out, (void)attr;
    return graph_shape_size(graph_full_shape(in, nargs)) + 2 * graph_shape_size(in[1])
         + 2 * num_shape_rows(graph_flat_shape(in[1]));
}

const GraphOp graph_op_categorical = {
    .name = "categorical",
    .formula = "ln Categorical(y; softmax l) = sum(y (l - logsumexp l)), y one-hot",
    GRAPH_ARGS(2, "y", "logits"),
    .shape = shape_categorical,
    .scratch = scratch_categorical,
    .needs = GRAPH_NEEDS_IN,
    GRAPH_KERNELS(categorical),
};
#endif
