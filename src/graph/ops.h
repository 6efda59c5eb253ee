/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.h: the list of operations.
 *
 * To add one: write its file in ops/ (its formula, attributes, shape rule, forward, backward and row) and name it in
 * the list below.  The files of ops/ are compiled twice, for float and for double (real.h).  Then add a case to
 * tests/test_graph_ops.c: the gradient test fails until every operation of this list has one.
 */
#ifndef GRAPH_OPS_H
#define GRAPH_OPS_H

#include "graph/op.h"
#include "num/density_list.h"
#include "num/elementwise_list.h"

/* X(name): an operation with its own file.  ROW(NAME, name, ...): the operations of a list of src/num. */
#define GRAPH_OPS(X, ROW)                                 \
    X(dense) X(conv2d) X(upsample)                        \
    NUM_UNARY_LIST(ROW)                                   \
    X(affine) X(clamp) X(stop_gradient)                   \
    NUM_BINARY_LIST(ROW)                                  \
    X(sum) X(mean) X(logsumexp) X(logmeanexp)             \
    X(concat) X(slice) X(reshape) X(transpose) X(expand)  \
    X(categorical)                                        \
    NUM_DENSITY_LIST(ROW)

/* The row of each, which the float compilation of its file defines, and the kernels that the row points to. */
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

/* The operation of that name, or NULL.  A renamed operation has its old name in the canonical text, because
 * that text is part of the identity of runs; graph_op_recorded finds it by that name, for the parser. */
const GraphOp *graph_op_find(const char *name);
const GraphOp *graph_op_recorded(const char *name);
const char *graph_op_recorded_name(const GraphOp *op);

#endif
