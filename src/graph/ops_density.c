/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_density.c: log densities and divergences, summed over features, in nats; and the reparameterisation.
 * Compiled once for float and once for double (real.h).  The formulas and their gradients are num/density.h's.
 */
#include "graph/ops_list.h"
#include "graph/real.h"
#include "num/density.h"
#include "num/elementwise.h"
#include "num/sum.h"

#include <string.h>

static R(NumIn) arg(const GraphCall *c, size_t i)
{
    return (R(NumIn)){c->in[i], c->in_shape[i]};
}

static NumShape full(const GraphCall *c)
{
    return graph_broadcast(c->in_shape, c->nargs);
}

/* ln N(x; mu, exp logvar) */
void R(graph_normal_forward)(const GraphCall *c)
{
    R(num_normal)(full(c), c->out, arg(c, 0), arg(c, 1), arg(c, 2), c->scratch);
}

void R(graph_normal_backward)(const GraphCall *c)
{
    R(num_normal_back)(full(c), c->grad_out, arg(c, 0), arg(c, 1), arg(c, 2), c->grad_in[0], c->grad_in[1], c->grad_in[2],
                       c->scratch);
}

/* ln N(z; 0, I) */
void R(graph_standard_normal_forward)(const GraphCall *c)
{
    R(num_standard_normal)(full(c), c->out, arg(c, 0), c->scratch);
}

void R(graph_standard_normal_backward)(const GraphCall *c)
{
    R(num_standard_normal_back)(full(c), c->grad_out, arg(c, 0), c->grad_in[0], c->scratch);
}

/* ln Bernoulli(x; sigmoid l) */
void R(graph_bernoulli_forward)(const GraphCall *c)
{
    R(num_bernoulli)(full(c), c->out, arg(c, 0), arg(c, 1), c->scratch);
}

void R(graph_bernoulli_backward)(const GraphCall *c)
{
    R(num_bernoulli_back)(full(c), c->grad_out, arg(c, 0), arg(c, 1), c->grad_in[0], c->grad_in[1], c->overwrite, c->scratch);
}

/* KL(N(mu, exp logvar) || N(0, I)) */
void R(graph_kl_forward)(const GraphCall *c)
{
    R(num_kl)(full(c), c->out, arg(c, 0), arg(c, 1), c->scratch);
}

void R(graph_kl_backward)(const GraphCall *c)
{
    R(num_kl_back)(full(c), c->grad_out, arg(c, 0), arg(c, 1), c->grad_in[0], c->grad_in[1], c->scratch);
}

/* KL(N(mu1, exp lv1) || N(mu2, exp lv2)) */
void R(graph_kl2_forward)(const GraphCall *c)
{
    R(num_kl_normal_normal)(full(c), c->out, arg(c, 0), arg(c, 1), arg(c, 2), arg(c, 3), c->scratch);
}

void R(graph_kl2_backward)(const GraphCall *c)
{
    R(num_kl_normal_normal_back)(full(c), c->grad_out, arg(c, 0), arg(c, 1), arg(c, 2), arg(c, 3), c->grad_in[0], c->grad_in[1], c->grad_in[2],
                    c->grad_in[3], c->scratch);
}

/* z = mu + exp(logvar / 2) eps */
void R(graph_reparameterise_forward)(const GraphCall *c)
{
    R(num_reparameterise)(c->shape, c->out, arg(c, 0), arg(c, 1), arg(c, 2));
}

/* eps is a draw: it gets its gradient too when it is no leaf, deps += dz exp(logvar / 2) = dz d(mu + exp(logvar/2) eps)/d eps */
void R(graph_reparameterise_backward)(const GraphCall *c)
{
    if (c->grad_in[0] != NULL || c->grad_in[1] != NULL)
        R(num_reparameterise_back)(c->shape, c->grad_out, arg(c, 0), arg(c, 1), arg(c, 2), c->grad_in[0], c->grad_in[1],
                                   c->scratch);
    if (c->grad_in[2] == NULL)
        return;
    size_t size = num_shape_size(c->shape), small = num_shape_size(c->in_shape[1]);
    real *sd = c->scratch, *scratch = sd + size;
    R(num_affine)(small, sd, c->in[1], (real)0.5, 0);
    R(num_unary)(NUM_EXP, small, sd, sd);
    R(num_binary_back)(NUM_MUL, 0, c->shape, c->grad_out, c->grad_in[2], c->in[2], c->in_shape[2], sd, c->in_shape[1], scratch);
}

/* The parts of categorical's scratch: one array of the full shape, two of the logits', two of a number a row of logits. */
typedef struct { real *a, *shifted, *logp, *lse, *total; NumShape full, rows; } Parts;

/* logp = l - ln sum exp l, with l shifted by its row's maximum first: of logits of 1e4 nothing is lost in the difference. */
static Parts parts(const GraphCall *c)
{
    Parts p;
    size_t size = num_shape_size(c->in_shape[1]), width = c->in_shape[1].n[NUM_FEATURES];
    p.full = full(c);
    p.rows = c->in_shape[1];
    p.rows.n[NUM_FEATURES] = 1;
    p.a = c->scratch;
    p.shifted = p.a + num_shape_size(p.full);
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
    R(num_binary)(NUM_SUB, c->in_shape[1], p.logp, p.shifted, c->in_shape[1], p.lse, p.rows);
    return p;
}

/* sum(y logp), logp = l - ln sum exp l */
void R(graph_categorical_forward)(const GraphCall *c)
{
    Parts p = parts(c);
    R(num_binary)(NUM_MUL, p.full, p.a, c->in[0], c->in_shape[0], p.logp, c->in_shape[1]);
    memset(c->out, 0, num_shape_size(c->shape) * sizeof(real));
    R(num_sum)(c->out, c->shape, p.a, p.full, 1);
}

/* with g the result's gradient:  dy += g logp,   dl += g y - softmax(l) sum(g y) */
void R(graph_categorical_backward)(const GraphCall *c)
{
    Parts p = parts(c);
    if (c->grad_in[0] != NULL) {
        R(num_binary)(NUM_MUL, p.full, p.a, c->grad_out, c->shape, p.logp, c->in_shape[1]);
        R(num_sum)(c->grad_in[0], c->in_shape[0], p.a, p.full, 1);
    }
    if (c->grad_in[1] != NULL) {
        R(num_binary)(NUM_MUL, p.full, p.a, c->grad_out, c->shape, c->in[0], c->in_shape[0]);
        R(num_sum)(c->grad_in[1], c->in_shape[1], p.a, p.full, 1);
        memset(p.total, 0, num_shape_size(p.rows) * sizeof(real));
        R(num_sum)(p.total, p.rows, p.a, p.full, -1);
        R(num_logsumexp_back)(c->grad_in[1], NUM_FEATURES, p.total, p.shifted, p.lse, c->in_shape[1]);
    }
}
