/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/graph.h: a static graph of operations: nodes, shapes and names, without values.
 *
 * A graph is built node by node; arguments come before the nodes that use them.  The batch size b and the number of
 * draws k are symbols: building checks the shapes at nominal values, and exec.h compiles the graph for any others.  The
 * text of a graph is canonical: equal graphs have equal texts.  It is stored with a run, is part of the run's identity,
 * and graph_parse() gives the graph back.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/error.h"
#include "base/text.h"
#include "graph/shape.h"

typedef struct Graph Graph;
typedef int32_t GraphNode; /* the index of a node, from 0; -1: none */

/* An attribute of an operation: a number, or a word. */
typedef struct GraphAttr {
    const char *name;
    double number;
    const char *text; /* NULL for a number */
} GraphAttr;

/* An empty graph with its nominal batch size and number of draws, both at least 1; NULL with *err. */
Graph *graph_alloc(size_t batch, size_t samples, Error *err);
void graph_free(Graph *g);

/* The leaves.  Each returns a node, or -1 with *err, the graph unchanged.  Names are 1 to 120 of [A-Za-z0-9_./-].
 *  input:  data that the caller fills for each minibatch, "x" or "y".
 *  param:  a trained matrix (1, rows, columns); `init` is one of  zeros | ones | constant(C) | normal(SD) |
 *          uniform(BOUND) | glorot_uniform | glorot_normal | he_normal | fan_in_uniform (+-1/sqrt(in), PyTorch's) |
 *          fan_in_uniform(IN) (the same, for a bias) | data_logit (logit of the mean image, for an output bias).
 *          A second param of the same name is an error: graph_find_param finds the first.
 *  noise:  draws of a named stream; kind "normal" or "uniform".
 *  scalar: a number that a schedule sets, (1, 1, 1).
 *  constant: a fixed number, (1, 1, 1).
 * The same input, noise, scalar or constant made twice is one node. */
GraphNode graph_input(Graph *g, const char *name, GraphDims dims, Error *err);
GraphNode graph_param(Graph *g, const char *name, size_t rows, size_t columns, const char *init, Error *err);
GraphNode graph_noise(Graph *g, const char *stream, const char *kind, GraphDims dims, Error *err);
GraphNode graph_scalar(Graph *g, const char *name, Error *err);
GraphNode graph_constant(Graph *g, double value, Error *err);

/* Applies operation `op` (ops.h) to args[nargs].  Checks the number of arguments, the attributes and the shapes; an
 * error names the operation and both shapes, and suggests the nearest attribute for a misspelt one.  Equal
 * applications are one node.  An argument that broadcasts along some of channels, height and width is expanded first
 * (ops/expand.c). */
GraphNode graph_apply(Graph *g, const char *op, const GraphNode *args, size_t nargs, const GraphAttr *attrs,
                      size_t nattrs, Error *err);

/* Gives a node a public name ("bound", "elbo", "q.mu"), by which an executable graph outputs or feeds it.  An error
 * when another node has the name.  A node may have several names. */
int graph_name(Graph *g, const char *name, GraphNode node, Error *err);

/* Sets the script location of the nodes that follow ("kl_ablation.lua:14"): for error messages, not part of the
 * text. */
void graph_set_location(Graph *g, const char *where);

size_t graph_count(const Graph *g);                           /* nodes */
GraphShape graph_axes(const Graph *g, GraphNode node);        /* at the nominal batch and samples */
NumShape graph_shape(const Graph *g, GraphNode node);         /* the same as (samples, batch, features) */
GraphNode graph_find(const Graph *g, const char *name);       /* a named node, or -1 */
GraphNode graph_find_param(const Graph *g, const char *name); /* or -1 */
size_t graph_name_count(const Graph *g);
const char *graph_name_at(const Graph *g, size_t i);          /* the i-th public name, sorted */
size_t graph_batch(const Graph *g);
const char *graph_scalar_name(const Graph *g, size_t i);      /* the i-th scalar leaf's name, or NULL past the last */

/* The canonical text, one node a line, and the graph of a text (NULL with *err, ERR_STORE, when the text is
 * damaged). */
void graph_text(const Graph *g, Text *text);
Graph *graph_parse(const char *text, Error *err);

#endif
