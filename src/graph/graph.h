/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/graph.h: a static graph of operations, as its author writes it: nodes, shapes, names.  No numbers yet.
 *
 * A graph is built once, node after node; arguments come before their users.  Every node has a shape
 * (samples, batch, features).  The batch size b and the number of draws k are symbols: the graph is checked with nominal
 * values when it is built, and compiled (plan.h) for any others.
 * The text of a graph is canonical: equal graphs have equal texts; it is stored with a run, is part of its identity,
 * and graph_parse() gives the graph back.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/error.h"
#include "base/text.h"
#include "num/shape.h"

#include <stdint.h>

typedef struct Graph Graph;
typedef int32_t GraphNode; /* the index of a node, from 0; -1 is none */

/* A shape whose axes may be symbols. */
enum { GRAPH_BATCH = -1, GRAPH_SAMPLES = -2 };
typedef struct GraphDims {
    int64_t n[3];
} GraphDims;

/* An attribute of an operation: a number, or a name. */
typedef struct GraphAttr {
    const char *name;
    double number;
    const char *text; /* NULL for a number */
} GraphAttr;

/* An empty graph with its nominal batch size and draws, both at least 1; NULL (ERR_MEMORY). */
Graph *graph_alloc(size_t batch, size_t samples, Error *err);
void graph_free(Graph *g);

/* The leaves.  Each returns a node, or -1 with *err, the graph unchanged.  Names are [A-Za-z0-9_./-]+.
 *  input:  data that the caller fills for each minibatch, "x" or "y"; a leaf that is given twice is the same node.
 *  param:  a trained array; `init` is one of  zeros | ones | normal(SD) | glorot_uniform | glorot_normal | he_normal |
 *          uniform(BOUND) | fan_in_uniform (+-1/sqrt(in), PyTorch's) | fan_in_uniform(IN) (the same, for a bias) |
 *          constant(C) | data_logit (logit of the mean image clipped to [0.001, 0.999], for an output bias);  (1, in, out).
 *          A second param of that name is an error; use graph_find_param.
 *          At most 120 characters a name.
 *  noise:  draws of a named stream; kind "normal" or "uniform"; like inputs and scalars, given twice it is the same node.
 *  scalar: a number that a schedule sets, (1,1,1).
 *  constant: a fixed number, (1,1,1). */
GraphNode graph_input(Graph *g, const char *name, GraphDims dims, Error *err);
GraphNode graph_param(Graph *g, const char *name, size_t rows, size_t columns, const char *init, Error *err);
GraphNode graph_noise(Graph *g, const char *stream, const char *kind, GraphDims dims, Error *err);
GraphNode graph_scalar(Graph *g, const char *name, Error *err);
GraphNode graph_constant(Graph *g, double value, Error *err);

/* A node that applies operation `op` of the table (ops.h) to args[nargs].  Checks the count, the attributes (a misspelt one
 * is answered by a suggestion) and the shapes; an error names the operation and both shapes.  What was applied before gives the
 * same node: it is computed once. */
GraphNode graph_apply(Graph *g, const char *op, const GraphNode *args, size_t nargs, const GraphAttr *attrs, size_t nattrs,
                      Error *err);

/* Gives a node a public name ("bound", "elbo", "q.mu"): what a plan can be asked for, or fed.  One name, one node; error
 * when taken.  A node may have several names. */
int graph_name(Graph *g, const char *name, GraphNode node, Error *err);

/* Marks where the script made the nodes that follow ("kl_ablation.lua:14"): kept for error messages, not part of the text. */
void graph_at(Graph *g, const char *where);

/* What is there. */
size_t graph_count(const Graph *g);
NumShape graph_shape(const Graph *g, GraphNode node);         /* at the nominal batch and samples */
GraphNode graph_find(const Graph *g, const char *name);       /* a named node, or -1 */
GraphNode graph_find_param(const Graph *g, const char *name); /* or -1 */
size_t graph_name_count(const Graph *g);
const char *graph_name_at(const Graph *g, size_t i);          /* the i-th public name, sorted */
size_t graph_batch(const Graph *g);
size_t graph_samples(const Graph *g);
int graph_has_input(const Graph *g, const char *name);
const char *graph_scalar_name(const Graph *g, size_t i);      /* the i-th scalar leaf's name, or NULL past the last */

/* The canonical text, one node a line, for the identity, for `show`, and for graph_parse. */
void graph_text(const Graph *g, Text *text);
Graph *graph_parse(const char *text, Error *err);

#endif
