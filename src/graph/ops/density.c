/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/density.c: the rows of num/density_list.h as operations: densities and divergences in nats, the
 * reparameterisation.
 */
#include "graph/real.h"
#include "num/density.h"

static NumShape full_shape(const GraphCall *c)
{
    return graph_broadcast(c->in_shape, c->nargs);
}

static void forward(NumDensity f, const GraphCall *c)
{
    R(NumIn) in[GRAPH_ARGS_MAX];
    for (size_t k = 0; k < c->nargs; k++)
        in[k] = (R(NumIn)){c->in[k], c->in_shape[k]};
    R(num_density)(f, full_shape(c), c->out, in, c->scratch);
}

static void backward(NumDensity f, const GraphCall *c)
{
    R(NumIn) in[GRAPH_ARGS_MAX];
    real *d[GRAPH_ARGS_MAX];
    for (size_t k = 0; k < c->nargs; k++) {
        in[k] = (R(NumIn)){c->in[k], c->in_shape[k]};
        d[k] = c->grad_in[k];
    }
    R(num_density_back)(f, full_shape(c), c->grad_out, in, d, c->overwrite, c->scratch);
}

#define KERNELS(NAME, f, ...)                                                   \
    void R(graph_##f##_forward)(const GraphCall *c) { forward(NUM_##NAME, c); } \
    void R(graph_##f##_backward)(const GraphCall *c) { backward(NUM_##NAME, c); }
NUM_DENSITY_LIST(KERNELS)

#ifdef GRAPH_ROWS
/* 1 value for each element of the broadcast shape and operand. */
static size_t scratch_density(GraphShape out, const GraphShape *in, size_t nargs, const double *attr)
{
    (void)out, (void)attr;
    return nargs * graph_shape_size(graph_full_shape(in, nargs));
}

#define SHAPE_SUM graph_shape_density
#define SHAPE_EACH graph_shape_broadcast
#define COUNT(...) (sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))
#define ROW(NAME, f, recorded_name, form, domain, text, ...)                                               \
    const GraphOp graph_op_##f = {.name = #f, .recorded = recorded_name, .formula = text,                  \
                                  GRAPH_ARGS(COUNT(__VA_ARGS__), __VA_ARGS__), .shape = SHAPE_##form,      \
                                  .scratch = scratch_density, GRAPH_KERNELS(f), .needs = GRAPH_NEEDS_IN,   \
                                  .writes = (1u << COUNT(__VA_ARGS__)) - 1};
NUM_DENSITY_LIST(ROW)
#endif
