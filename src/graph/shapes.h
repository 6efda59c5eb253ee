/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/shapes.h: the shape and scratch rules that several operations share.
 */
#ifndef GRAPH_SHAPES_H
#define GRAPH_SHAPES_H

#include "graph/op.h"

/* A shape as "(1, 100, 784)". */
typedef struct GraphShapeText { char text[72]; } GraphShapeText;
GraphShapeText graph_shape_text(NumShape s);

/* Starts the error that arguments i and j do not fit, with both shapes; returns -1.  The caller adds what it expects. */
int graph_shape_misfit(const GraphOp *op, const NumShape *in, size_t i, size_t j, Error *err);

/* The result is as the argument. */
int graph_shape_same(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
/* Each axis of each argument is 1 or agrees with the others. */
int graph_shape_broadcast(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
/* The same, then summed over features. */
int graph_shape_density(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);

/* Do the arguments broadcast together along the axes up to last_axis?  -1 with *err when not. */
int graph_shape_fit(const GraphOp *op, const NumShape *in, size_t nargs, int last_axis, Error *err);

/* The shape that all arguments broadcast to; they are known to fit. */
NumShape graph_broadcast(const NumShape *in, size_t nargs);

/* Scratch: as many values as the result has. */
size_t graph_scratch_result(NumShape out, const NumShape *in, size_t nargs, const double *attr);

#endif
