/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/unary.c: functions of each element.  The kernels are num/elementwise.h's.
 */
#include "graph/real.h"
#include "num/elementwise.h"

/* y = f(x);  dx += dy f'(x) */
#define KERNELS(name, f)                                                                                                \
    void R(graph_##name##_forward)(const GraphCall *c) { R(num_unary)(f, num_shape_size(c->shape), c->out, c->in[0]); } \
    void R(graph_##name##_backward)(const GraphCall *c)                                                                 \
    {                                                                                                                   \
        if (c->grad_in[0] != NULL)                                                                                      \
            R(num_unary_back)(f, num_shape_size(c->shape), c->grad_in[0], c->grad_out, c->in[0], c->out);               \
    }

#ifdef GRAPH_ROWS
#define ROW(f, text, bits)                                                                                              \
    const GraphOp graph_op_##f = {.name = #f, .formula = text, GRAPH_ARGS(1, "x"), .shape = graph_shape_same,           \
                                  GRAPH_KERNELS(f), .needs = bits};
#else
#define ROW(f, text, bits)
#endif

#define UNARY(name, f, text, bits) KERNELS(name, f) ROW(name, text, bits)

UNARY(neg, NUM_NEG, "y = -x", 0)
UNARY(exp, NUM_EXP, "y = exp x", GRAPH_NEEDS_OUT)
UNARY(log, NUM_LOG, "y = ln x", GRAPH_NEEDS_IN)
UNARY(log1p, NUM_LOG1P, "y = ln(1 + x)", GRAPH_NEEDS_IN)
UNARY(tanh, NUM_TANH, "y = tanh x", GRAPH_NEEDS_OUT)
UNARY(sigmoid, NUM_SIGMOID, "y = 1 / (1 + exp(-x))", GRAPH_NEEDS_OUT)
UNARY(softplus, NUM_SOFTPLUS, "y = ln(1 + exp x)", GRAPH_NEEDS_IN)
UNARY(relu, NUM_RELU, "y = max(x, 0);  y'(0) = 0", GRAPH_NEEDS_IN)
UNARY(sqrt, NUM_SQRT, "y = sqrt x", GRAPH_NEEDS_OUT)
UNARY(square, NUM_SQUARE, "y = x^2", GRAPH_NEEDS_IN)
UNARY(reciprocal, NUM_RECIPROCAL, "y = 1 / x", GRAPH_NEEDS_OUT)
UNARY(abs, NUM_ABS, "y = |x|;  y'(0) = 0", GRAPH_NEEDS_IN)
