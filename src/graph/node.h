/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/node.h: the inside of a graph, for the files of this room only.
 */
#ifndef GRAPH_NODE_H
#define GRAPH_NODE_H

#include "graph/graph.h"
#include "graph/init.h"
#include "graph/op.h"

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
    double attr[GRAPH_ATTRS_MAX]; /* with symbols */
    GraphShape shape;  /* at the nominal batch and samples */
    const char *where; /* the script location, or NULL */
} Node;

typedef struct NodeName {
    char *text;
    GraphNode node;
} NodeName;

/* A script location that nodes point to. */
typedef struct NodeLocation {
    struct NodeLocation *next;
    char *text;
} NodeLocation;

struct Graph {
    size_t batch, samples;
    Node *node;
    size_t nodes, capacity;
    NodeName *name; /* sorted */
    size_t names, name_capacity;
    NodeLocation *location; /* the newest first */
};

/* The shape of a node at batch size b and k draws from its arguments' shapes (shapes: of all nodes; NULL: the
 * nominal ones); attr[GRAPH_ATTRS_MAX] is filled with the resolved attributes. */
int graph_node_shape(const Graph *g, GraphNode node, const GraphShape *shapes, size_t batch, size_t samples,
                     double *attr, GraphShape *out, Error *err);

/* graph_apply with the operation's row. */
GraphNode graph_apply_op(Graph *g, const GraphOp *op, const GraphNode *args, size_t nargs, const GraphAttr *attrs,
                         size_t nattrs, Error *err);

/* The error that no operation has this name; returns -1. */
int graph_unknown_op(const char *name, Error *err);

#endif
