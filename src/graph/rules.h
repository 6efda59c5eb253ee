/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/rules.h: the shape and scratch rules that several operations share.
 */
#ifndef GRAPH_RULES_H
#define GRAPH_RULES_H

#include "graph/op.h"

/* The result has the argument's shape. */
int graph_shape_same(const GraphOp *, GraphShape *, const GraphShape *, size_t, const double *, Error *);
/* Each axis of each argument is 1 or equals that of the others. */
int graph_shape_broadcast(const GraphOp *, GraphShape *, const GraphShape *, size_t, const double *, Error *);
/* The same, and the result is summed over features (channels, height, width). */
int graph_shape_density(const GraphOp *, GraphShape *, const GraphShape *, size_t, const double *, Error *);

/* Do the arguments of an operation broadcast, by one of the last two rules? */
int graph_op_broadcasts(const GraphOp *op);

/* For shape rules.  misfit: starts the error that arguments i and j do not fit, with both shapes; the caller adds
 * what it expected.  fit: do the arguments broadcast along the axes up to last_axis?  Both return -1 with *err; fit
 * returns 0 when they do. */
int graph_shape_misfit(const GraphOp *op, const GraphShape *in, size_t i, size_t j, Error *err);
int graph_shape_fit(const GraphOp *op, const GraphShape *in, size_t nargs, int last_axis, Error *err);

/* The shape that all arguments broadcast to; they are known to fit.  The second form is for kernels. */
GraphShape graph_full_shape(const GraphShape *in, size_t nargs);
NumShape graph_broadcast(const NumShape *in, size_t nargs);

/* Scratch: as many values as the result has. */
size_t graph_scratch_result(GraphShape out, const GraphShape *in, size_t nargs, const double *attr);

#endif
