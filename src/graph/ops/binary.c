/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/binary.c: functions of two arrays that broadcast.  The kernels are num/elementwise.h's.
 */
#include "graph/real.h"
#include "num/elementwise.h"

/* c = a op b;  da += dc d(a op b)/da,  db += dc d(a op b)/db, each summed where it was broadcast */
#define KERNELS(name, op)                                                                                                \
    void R(graph_##name##_forward)(const GraphCall *c)                                                                   \
    {                                                                                                                    \
        R(num_binary)(op, c->shape, c->out, c->in[0], c->in_shape[0], c->in[1], c->in_shape[1]);                         \
    }                                                                                                                    \
    void R(graph_##name##_backward)(const GraphCall *c)                                                                  \
    {                                                                                                                    \
        for (int which = 0; which < 2; which++)                                                                          \
            if (c->grad_in[which] != NULL)                                                                               \
                R(num_binary_back)(op, which, c->shape, c->grad_out, c->grad_in[which], c->in[0], c->in_shape[0],        \
                                   c->in[1], c->in_shape[1], c->scratch);                                                \
    }

#ifdef GRAPH_ROWS
#define ROW(f, text, bits)                                                                                               \
    const GraphOp graph_op_##f = {.name = #f, .formula = text, GRAPH_ARGS(2, "a", "b"), .shape = graph_shape_broadcast,  \
                                  .scratch = graph_scratch_result, GRAPH_KERNELS(f), .needs = bits};
#else
#define ROW(f, text, bits)
#endif

#define BINARY(name, op, text, bits) KERNELS(name, op) ROW(name, text, bits)

BINARY(add, NUM_ADD, "c = a + b, each axis broadcast", 0)
BINARY(sub, NUM_SUB, "c = a - b, each axis broadcast", 0)
BINARY(mul, NUM_MUL, "c = a b, each axis broadcast", GRAPH_NEEDS_IN)
BINARY(div, NUM_DIV, "c = a / b, each axis broadcast", GRAPH_NEEDS_IN)
BINARY(max, NUM_MAX, "c = max(a, b), each axis broadcast;  the gradient goes to a where a >= b, else to b", GRAPH_NEEDS_IN)
