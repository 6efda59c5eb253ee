/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/node.h: the inside of a graph, for the files of this room only.
 */
#ifndef GRAPH_NODE_H
#define GRAPH_NODE_H

#include "graph/graph.h"
#include "graph/init.h"
#include "graph/ops.h"

enum { GRAPH_NAME_MAX = 120 };

typedef enum { NODE_INPUT, NODE_PARAM, NODE_NOISE, NODE_SCALAR, NODE_CONSTANT, NODE_OP } NodeKind;

typedef struct Node {
    NodeKind kind;
    char *name;        /* of a leaf; NULL for constants and operations */
    GraphDims dims;    /* of a leaf */
    GraphInit init;    /* of a param */
    int uniform;       /* noise: uniform, else normal */
    double value;      /* of a constant */
    const GraphOp *op; /* of an operation */
    size_t nargs;
    GraphNode arg[GRAPH_ARGS_MAX];
    double attr[GRAPH_ATTRS_MAX]; /* symbols not resolved */
    NumShape shape;    /* nominal */
    const char *where; /* what graph_at said, or NULL */
} Node;

typedef struct Name {
    char *text;
    GraphNode node;
} Name;

typedef struct Place {
    struct Place *next;
    char *text;
} Place;

struct Graph {
    size_t batch, samples;
    Node *node;
    size_t nodes, capacity;
    Name *name; /* sorted */
    size_t names, name_capacity;
    Place *place; /* the newest first */
};

/* Numbers for the symbols.  -1: a length that is no length. */
NumShape graph_dims_shape(GraphDims dims, size_t batch, size_t samples);

/* The shape of a node at other values of b and k, from its arguments' shapes (an array over all nodes); attr[GRAPH_ATTRS_MAX] is
 * filled with the resolved attributes. */
int graph_node_shape(const Graph *g, GraphNode node, const NumShape *shapes, size_t batch, size_t samples, double *attr,
                     NumShape *out, Error *err);

/* Does every axis and the whole stay within what can be computed with (2^40 values)? */
int graph_shape_possible(NumShape s);

/* graph_apply with the operation's row. */
GraphNode graph_apply_op(Graph *g, const GraphOp *op, const GraphNode *args, size_t nargs, const GraphAttr *attrs, size_t nattrs,
                         Error *err);

/* The error that no operation has this name; returns -1. */
int graph_unknown_op(const char *name, Error *err);

#endif
