/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/binary.c: the functions of two variables of num/elementwise_list.h as operations on arrays that broadcast:
 * c = a op b,  da += dc d(a op b)/da,  db += dc d(a op b)/db, each summed where it was broadcast.
 */
#include "graph/real.h"
#include "num/elementwise.h"

static R(NumIn) arg(const GraphCall *c, int i)
{
    return (R(NumIn)){c->in[i], c->in_shape[i]};
}

static void forward(NumBinary op, const GraphCall *c)
{
    R(num_binary)(op, c->shape, c->out, arg(c, 0), arg(c, 1));
}

static void backward(NumBinary op, const GraphCall *c)
{
    for (int which = 0; which < 2; which++)
        if (c->grad_in[which] != NULL)
            R(num_binary_back)(op, which, c->shape, c->grad_out, c->grad_in[which], arg(c, 0), arg(c, 1), c->scratch);
}

#define KERNELS(NAME, f, ...)                                                   \
    void R(graph_##f##_forward)(const GraphCall *c) { forward(NUM_##NAME, c); } \
    void R(graph_##f##_backward)(const GraphCall *c) { backward(NUM_##NAME, c); }
NUM_BINARY_LIST(KERNELS)

#ifdef GRAPH_ROWS
#define ROW(NAME, f, text, reads, ...)                                                                                 \
    const GraphOp graph_op_##f = {.name = #f, .formula = "c = " text ", each axis broadcast", GRAPH_ARGS(2, "a", "b"), \
                                  .shape = graph_shape_broadcast, .scratch = graph_scratch_result, GRAPH_KERNELS(f),   \
                                  .needs = GRAPH_NEEDS_##reads};
NUM_BINARY_LIST(ROW)
#endif
