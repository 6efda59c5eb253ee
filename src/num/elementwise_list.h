/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/elementwise_list.h: the functions of one and of two variables, one row each.
 *
 * From these rows come the enumerations (num/elementwise.h), the kernels of every instruction set
 * (num/isa/elementwise.c), the oracles in double (num/unary.c, num/binary.c), the operations of src/graph, the
 * activations of a layer, the methods of tensors in Lua, the cases of the tests and the table of errors in
 * docs/arithmetic.md.
 * To add a function: its scalar definition in num/isa/scalar.h, unless an expression is enough, and a row here.  Then
 * `build/release/tests/exhaustive --functions NAME --write docs/arithmetic.md` measures its error on all inputs.
 */
#ifndef NUM_ELEMENTWISE_LIST_H
#define NUM_ELEMENTWISE_LIST_H

/* y = f(x):  X(NAME, name, formula, reads, domain, ulp, value, update, exact, slope)
 *
 *   NAME, name  NUM_NAME in C; `name` is the operation's name in a graph and part of a run's identity
 *   formula     f in plain mathematics
 *   reads       what `update` reads in addition to dx and dy: NONE, IN (x) or OUT (y); the memory of the others is
 *               reused before the backward pass
 *   domain      where the tests of the gradient draw x: ANY number, POSITIVE numbers, ABOVE -1
 *   ulp         the error that is allowed over all 2^32 inputs
 *   value       f(x) in float: part of the arithmetic
 *   update      dx + dy f'(x) in float, of dx, dy, x and y = f(x): part of the arithmetic
 *   exact       f(x) for x in double or long double (<tgmath.h>); the oracle
 *   slope       f'(x) in double, of what update reads; the oracle */
#define NUM_UNARY_LIST(X)                                                                                              \
    X(NEG, neg, "-x", NONE, ANY, 0.0, -x, dx - dy, -x, -1.0)                                                           \
    X(EXP, exp, "exp(x)", OUT, ANY, 2.0, num_exp1(x), num_fma(dy, y, dx), exp(x), y)                                   \
    X(LOG, log, "log(x)", IN, POSITIVE, 2.0, num_log1(x), dx + dy / x, log(x), 1.0 / x)                                \
    X(LOG1P, log1p, "log(1 + x)", IN, ABOVE, 2.0, num_log1p1(x), dx + dy / (1.0f + x), log1p(x), 1.0 / (1.0 + x))      \
    X(TANH, tanh, "tanh(x)", OUT, ANY, 2.0, num_tanh1(x), num_fma(dy, num_fma(-y, y, 1.0f), dx), tanh(x), 1.0 - y * y) \
    X(SIGMOID, sigmoid, "1 / (1 + exp(-x))", OUT, ANY, 2.0, num_sigmoid1(x), num_fma(dy, y * (1.0f - y), dx),          \
      x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)), y * (1.0 - y))                                                \
    X(SOFTPLUS, softplus, "log(1 + exp(x))", IN, ANY, 2.0, num_softplus1(x), num_fma(dy, num_sigmoid1(x), dx),         \
      (x > 0 ? x : 0) + log1p(exp(-fabs(x))), 1.0 / (1.0 + exp(-x)))                                                   \
    /* relu'(0) = 0 */                                                                                                 \
    X(RELU, relu, "max(x, 0)", IN, ANY, 0.0, num_relu1(x), dx + (x > 0.0f ? dy : 0.0f), x < 0 ? 0 : x, x > 0.0)        \
    X(SQRT, sqrt, "sqrt(x)", OUT, POSITIVE, 0.5, __builtin_sqrtf(x), dx + 0.5f * dy / y, sqrt(x), 0.5 / y)             \
    X(SQUARE, square, "x x", IN, ANY, 0.5, x * x, num_fma(2.0f * x, dy, dx), x * x, 2.0 * x)                           \
    X(RECIPROCAL, reciprocal, "1 / x", OUT, POSITIVE, 0.5, 1.0f / x, num_fma(-dy * y, y, dx), 1 / x, -y * y)           \
    /* abs'(0) = 0 */                                                                                                  \
    X(ABS, abs, "max(x, -x)", IN, ANY, 0.0, num_abs1(x), dx + (x > 0.0f ? dy : x < 0.0f ? -dy : 0.0f), fabs(x),        \
      (x > 0.0) - (x < 0.0))                                                                                           \
    X(SILU, silu, "x sigmoid(x)", IN, ANY, 2.0, num_silu1(x), num_fma(dy, num_silu_slope1(x), dx),                     \
      x < -200 ? 0 : x / (1 + exp(-x)), (1.0 + x / (1.0 + exp(x))) / (1.0 + exp(-x)))                                  \
    X(ELU, elu, "x for x >= 0, else exp(x) - 1", OUT, ANY, 2.0, num_elu1(x),                                           \
      num_fma(dy, y < 0.0f ? y + 1.0f : 1.0f, dx), x < 0 ? expm1(x) : x, y < 0.0 ? y + 1.0 : 1.0)                      \
    X(LEAKY_RELU, leaky_relu, "max(x, x / 100)", OUT, ANY, 2.0, x < 0.0f ? 0.01f * x : x,                              \
      num_fma(dy, y > 0.0f ? 1.0f : 0.01f, dx), x < 0 ? x / 100 : x, y > 0.0 ? 1.0 : 0.01)                             \
    X(GELU, gelu, "x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))", IN, ANY, 2.0, num_gelu1(x),                          \
      num_fma(dy, num_gelu_slope1(x), dx), x < -20 ? 0 : x / (1 + exp(-NUM_GELU_V)),                                   \
      (1.0 + x * (1.5957691216057308 + 0.21406444881780075 * x * x) / (1.0 + exp(NUM_GELU_V)))                         \
          / (1.0 + exp(-NUM_GELU_V)))

/* 2 sqrt(2 / pi) (x + 0.044715 x^3) */
#define NUM_GELU_V (x * (1.5957691216057308 + 0.07135481627260025 * x * x))

/* The functions that a layer applies inside its matrix product, because their derivative follows from y alone:
 *   X(NAME, name, back, slope)
 *   back        dy f'(x) in float, of dy and y = f(x): part of the arithmetic
 *   slope       f'(x) in double, of y; the oracle */
#define NUM_FUSED_LIST(X)                                                                                              \
    X(TANH, tanh, dy * num_fma(-y, y, 1.0f), 1.0 - y * y)                                                              \
    X(SIGMOID, sigmoid, dy * (y * (1.0f - y)), y * (1.0 - y))                                                          \
    X(RELU, relu, y > 0.0f ? dy : 0.0f, y > 0.0)                                                                       \
    /* sigmoid(x) = 1 - exp(-y) = -expm1(-y): y may be tiny */                                                         \
    X(SOFTPLUS, softplus, dy * (-2.0f * num_half_expm1(-y)), -expm1(-y))                                               \
    X(ELU, elu, y < 0.0f ? dy * (y + 1.0f) : dy, y < 0.0 ? y + 1.0 : 1.0)                                              \
    X(LEAKY_RELU, leaky_relu, y > 0.0f ? dy : 0.01f * dy, y > 0.0 ? 1.0 : 0.01)

/* c = a op b:  X(NAME, name, formula, reads, domain, value, by_a, by_b)
 *
 *   reads       whether the gradient reads a and b: NONE or IN
 *   domain      where the tests draw b
 *   value       a op b, in float or double
 *   by_a, by_b  dc times the derivative by a and by b, in float or double */
#define NUM_BINARY_LIST(X)                                                                                             \
    X(ADD, add, "a + b", NONE, ANY, a + b, dc, dc)                                                                     \
    X(SUB, sub, "a - b", NONE, ANY, a - b, dc, -dc)                                                                    \
    X(MUL, mul, "a b", IN, ANY, a * b, dc * b, dc * a)                                                                 \
    X(DIV, div, "a / b", IN, POSITIVE, a / b, dc / b, -(dc * (a / b)) / b)                                             \
    /* a NaN stays one; where a = b the gradient goes to a */                                                          \
    X(MAX, max, "max(a, b)", IN, ANY, a >= b || a != a ? a : b, a >= b ? dc : 0, a >= b ? 0 : dc)

#endif
