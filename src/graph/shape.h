/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/shape.h: the five axes of an array in a graph.
 *
 * An array holds k draws for each of b examples of d features: (samples, batch, features).  The features of an image
 * have three axes, channels, height and width: (samples, batch, channels, height, width).  A vector of features is an
 * image of one pixel, (samples, batch, features, 1, 1), so that a bias for each feature is also a bias for each
 * channel.  Texts and messages leave a height and width of 1 out: "(1, 100, 784)", "(1, 100, 3, 28, 28)".
 */
#ifndef GRAPH_SHAPE_H
#define GRAPH_SHAPE_H

#include "num/shape.h"

#include <stdint.h>

/* The first three axes are those of NumAxis; channels are the axis NUM_FEATURES. */
enum { GRAPH_HEIGHT = 3, GRAPH_WIDTH = 4, GRAPH_AXES = 5 };

typedef struct GraphShape {
    size_t n[GRAPH_AXES];
} GraphShape;

/* A shape whose axes may be the symbols b and k.  A height or width of 0 is not given: 1. */
enum { GRAPH_BATCH = -1, GRAPH_SAMPLES = -2 };
typedef struct GraphDims {
    int64_t n[GRAPH_AXES];
} GraphDims;

/* The shape that kernels see: all of an example's channels, rows and columns are its features. */
static inline NumShape graph_flat_shape(GraphShape s)
{
    return (NumShape){{s.n[NUM_SAMPLES], s.n[NUM_BATCH], s.n[NUM_FEATURES] * s.n[GRAPH_HEIGHT] * s.n[GRAPH_WIDTH]}};
}

static inline size_t graph_shape_size(GraphShape s) { return num_shape_size(graph_flat_shape(s)); }

/* Numbers for the symbols.  A length below 1 becomes 0, which graph_shape_possible refuses. */
GraphShape graph_dims_shape(GraphDims dims, size_t batch, size_t samples);

/* Is every axis at least 1, and are there at most 2^40 values? */
int graph_shape_possible(GraphShape s);

/* "(1, 100, 784)", for messages. */
typedef struct GraphShapeText { char text[112]; } GraphShapeText;
GraphShapeText graph_shape_text(GraphShape s);

#endif
