/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/density.c: log densities and divergences, summed over features, in nats.  The formulas and gradients are num/density.h's.
 */
#include "graph/real.h"
#include "num/density.h"

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
void R(graph_kl_normal_normal_forward)(const GraphCall *c)
{
    R(num_kl_normal_normal)(full(c), c->out, arg(c, 0), arg(c, 1), arg(c, 2), arg(c, 3), c->scratch);
}

void R(graph_kl_normal_normal_backward)(const GraphCall *c)
{
    R(num_kl_normal_normal_back)(full(c), c->grad_out, arg(c, 0), arg(c, 1), arg(c, 2), arg(c, 3),
                                 c->grad_in[0], c->grad_in[1], c->grad_in[2], c->grad_in[3], c->scratch);
}

#ifdef GRAPH_ROWS
#define DENSITY(f, text, n, overwrites, ...)                                                                            \
    const GraphOp graph_op_##f = {.name = #f, .formula = text, GRAPH_ARGS(n, __VA_ARGS__), .shape = graph_shape_density, \
                                  .scratch = graph_scratch_density, GRAPH_KERNELS(f), .needs = GRAPH_NEEDS_IN,          \
                                  .writes = overwrites}

DENSITY(normal, "ln N(x; mu, exp logvar) = -1/2 sum(ln 2 pi + logvar + (x - mu)^2 exp(-logvar))", 3, 0, "x", "mu", "logvar");
DENSITY(standard_normal, "ln N(z; 0, I) = -1/2 sum(ln 2 pi + z^2)", 1, 0, "z");
DENSITY(bernoulli, "ln Bernoulli(x; sigmoid l) = sum(x l - softplus l)", 2, 1 | 2, "x", "logits");
DENSITY(kl, "KL(N(mu, exp logvar) || N(0, I)) = 1/2 sum(mu^2 + exp logvar - 1 - logvar)", 2, 0, "mu", "logvar");

const GraphOp graph_op_kl_normal_normal = {
    .name = "kl_normal_normal",
    .recorded = "kl2", /* its first name: identities of runs hold it */
    .formula = "KL(N(mu1, exp lv1) || N(mu2, exp lv2)) = 1/2 sum(lv2 - lv1 - 1 + exp(lv1 - lv2) + (mu1 - mu2)^2 exp(-lv2))",
    GRAPH_ARGS(4, "mu1", "lv1", "mu2", "lv2"),
    .shape = graph_shape_density,
    .scratch = graph_scratch_density,
    GRAPH_KERNELS(kl_normal_normal),
    .needs = GRAPH_NEEDS_IN,
};
#endif
