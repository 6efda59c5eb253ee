/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/reparameterise.c: z = mu + exp(logvar / 2) eps.
 */
#include "graph/real.h"
#include "num/density.h"
#include "num/elementwise.h"

static R(NumIn) arg(const GraphCall *c, size_t i)
{
    return (R(NumIn)){c->in[i], c->in_shape[i]};
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

#ifdef GRAPH_ROWS
const GraphOp graph_op_reparameterise = {
    .name = "reparameterise",
    .formula = "z = mu + exp(logvar / 2) eps",
    GRAPH_ARGS(3, "mu", "logvar", "eps"),
    .shape = graph_shape_broadcast,
    .scratch = graph_scratch_density,
    GRAPH_KERNELS(reparameterise),
    .needs = GRAPH_NEEDS_IN,
};
#endif
