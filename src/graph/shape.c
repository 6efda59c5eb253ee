/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/shape.c: shapes with symbols, limits, and their text.
 */
#include "graph/shape.h"

#include <stdio.h>

GraphShape graph_dims_shape(GraphDims dims, size_t batch, size_t samples)
{
    GraphShape shape;
    for (int axis = 0; axis < GRAPH_AXES; axis++) {
        int64_t n = dims.n[axis];
        shape.n[axis] = n == GRAPH_BATCH ? batch : n == GRAPH_SAMPLES ? samples : n < 1 ? 0 : (size_t)n;
    }
    return shape;
}

int graph_shape_possible(GraphShape s)
{
    double size = 1;
    for (int axis = 0; axis < GRAPH_AXES; axis++) {
        if (s.n[axis] < 1)
            return 0;
        size *= (double)s.n[axis];
    }
    return size <= 0x1p40;
}

GraphShapeText graph_shape_text(GraphShape s)
{
    GraphShapeText text;
    if (s.n[GRAPH_HEIGHT] == 1 && s.n[GRAPH_WIDTH] == 1)
        snprintf(text.text, sizeof text.text, "(%zu, %zu, %zu)", s.n[0], s.n[1], s.n[2]);
    else
        snprintf(text.text, sizeof text.text, "(%zu, %zu, %zu, %zu, %zu)", s.n[0], s.n[1], s.n[2], s.n[3], s.n[4]);
    return text;
}
