/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/unary.c: the functions of one variable of num/elementwise_list.h as operations:  y = f(x),  dx += dy f'(x).
 */
#include "graph/real.h"
#include "num/elementwise.h"

#define KERNELS(NAME, f, ...)                                                                                          \
    void R(graph_##f##_forward)(const GraphCall *c)                                                                    \
    {                                                                                                                  \
        R(num_unary)(NUM_##NAME, num_shape_size(c->shape), c->out, c->in[0]);                                          \
    }                                                                                                                  \
    void R(graph_##f##_backward)(const GraphCall *c)                                                                   \
    {                                                                                                                  \
        if (c->grad_in[0] != NULL)                                                                                     \
            R(num_unary_back)(NUM_##NAME, num_shape_size(c->shape), c->grad_in[0], c->grad_out, c->in[0], c->out);     \
    }
NUM_UNARY_LIST(KERNELS)

#ifdef GRAPH_ROWS
#define ROW(NAME, f, text, reads, ...)                                                                                 \
    const GraphOp graph_op_##f = {.name = #f, .formula = "y = " text, GRAPH_ARGS(1, "x"), .shape = graph_shape_same,   \
                                  GRAPH_KERNELS(f), .needs = GRAPH_NEEDS_##reads};
NUM_UNARY_LIST(ROW)
#endif
