/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.h: the list of operations.
 *
 * To add one: write its file in ops/ (its formula, attributes, shape rule, forward, backward and row) and name it in the list
 * below.  The files of ops/ are compiled twice, for float and for double (real.h).  Then add a case to tests/test_graph_ops.c: the
 * gradient test fails until every operation of this list has one.
 */
#ifndef GRAPH_OPS_H
#define GRAPH_OPS_H

#include "graph/op.h"
#include "num/density_list.h"

#define GRAPH_UNARY_OPS(X) \
    X(neg) X(exp) X(log) X(log1p) X(tanh) X(sigmoid) X(softplus) X(relu) X(sqrt) X(square) X(reciprocal) X(abs)
#define GRAPH_BINARY_OPS(X) X(add) X(sub) X(mul) X(div) X(max)

/* X(name): an operation with a file of its own.  ROW(NAME, name, ...): one of a list of src/num. */
#define GRAPH_OPS(X, ROW)                                 \
    X(dense)                                              \
    GRAPH_UNARY_OPS(X)                                    \
    X(affine) X(clamp) X(stop_gradient)                   \
    GRAPH_BINARY_OPS(X)                                   \
    X(sum) X(mean) X(logsumexp) X(logmeanexp)             \
    X(concat) X(slice) X(reshape) X(transpose) X(expand)  \
    X(categorical)                                        \
    NUM_DENSITY_LIST(ROW)

/* Its row, defined by the float compilation of its file, and the kernels that the row points to. */
#define GRAPH_OP_DECLARE(name)                           \
    extern const GraphOp graph_op_##name;                \
    void graph_##name##_forward_f32(const GraphCall *);  \
    void graph_##name##_forward_f64(const GraphCall *);  \
    void graph_##name##_backward_f32(const GraphCall *); \
    void graph_##name##_backward_f64(const GraphCall *);
#define GRAPH_ROW_DECLARE(NAME, name, ...) GRAPH_OP_DECLARE(name)
GRAPH_OPS(GRAPH_OP_DECLARE, GRAPH_ROW_DECLARE)
#undef GRAPH_OP_DECLARE
#undef GRAPH_ROW_DECLARE

/* All rows, in the order of the list. */
extern const GraphOp *const graph_ops[];
extern const size_t graph_op_count;

/* The operation of that name, or NULL.  graph_op_recorded: the name is that of a stored canonical text. */
const GraphOp *graph_op_find(const char *name);
const GraphOp *graph_op_recorded(const char *name);
const char *graph_op_recorded_name(const GraphOp *op);

#endif
