/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec.h: a graph compiled for a batch size, a number of draws and the outputs that are wanted.
 *
 * Compiling prunes what the outputs do not need, plans all memory in one block (buffers whose lives do not overlap
 * share it), and points into it.  Forward and backward allocate nothing and make no system call.
 */
#ifndef GRAPH_EXEC_H
#define GRAPH_EXEC_H

#include "graph/graph.h"
#include "num/stream.h"

typedef enum { GRAPH_FLOAT, GRAPH_DOUBLE } GraphType;

/* The trained parameters of a graph in one flat block, in the order of their names. */
typedef struct GraphParams GraphParams;

/* Allocates the block for every param of the graph, initialised from the streams "init/NAME" of `seed`.
 * mean_image: per-feature means of the data in [0,1], (features of data_logit params), NULL when no param asks for it. */
GraphParams *graph_params_alloc(const Graph *g, GraphType type, NumSeed seed, const float *mean_image, size_t features,
                                Error *err);

/* The float params of a graph with these recorded values, in the block's order; NULL with *err (ERR_STORE) when their number is another. */
GraphParams *graph_params_of(const Graph *g, const float *values, size_t count, Error *err);
void graph_params_free(GraphParams *params);
size_t graph_params_count(const GraphParams *params);               /* values in all */
void *graph_params_block(GraphParams *params);                      /* float[count] or double[count] */
size_t graph_params_arrays(const GraphParams *params);              /* named arrays */
const char *graph_params_name(const GraphParams *params, size_t i);
size_t graph_params_offset(const GraphParams *params, size_t i);    /* in values */
NumShape graph_params_shape(const GraphParams *params, size_t i);
/* SHA-256 of the block as little-endian floats, in the order of the names; text[DIGEST_TEXT].  GRAPH_FLOAT only. */
void graph_params_digest(const GraphParams *params, char *text);

typedef struct GraphExec GraphExec;

/* What the objective is differentiated with respect to. */
typedef enum { GRAPH_PARAMS, GRAPH_FEEDS } GraphVariables;

typedef struct GraphExecSpec {
    size_t batch, samples;          /* 0: the graph's nominal ones */
    GraphType type;
    const char *const *outputs;     /* public names, NULL-ended */
    const char *const *feeds;        /* public names whose values the caller supplies (z, to decode), NULL-ended, or NULL */
    const char *objective;          /* the node to maximise (its mean over all elements), also an output; or NULL: forward only */
    GraphVariables gradient_wrt;    /* of what the gradient is taken; the others are constants */
    int no_buffer_reuse;            /* every buffer has its own memory: the reference that shared memory is tested against */
} GraphExecSpec;

/* NULL with *err: an unknown name (with a suggestion), a shape that does not fit at this batch, or no memory.  The graph and
 * `params` must outlive the plan; several plans may share them, each with its own gradient. */
GraphExec *graph_exec_alloc(const Graph *g, const GraphExecSpec *spec, GraphParams *params, Error *err);
void graph_exec_free(GraphExec *exec);

/* Where to write before a forward pass.  NULL when the plan does not use it.  What was written stays until it is
 * overwritten; a scalar is 1 until it is set. */
void *graph_exec_input(GraphExec *exec, const char *name, NumShape *shape); /* "x", "y", or a fed name */
int graph_exec_scalar(GraphExec *exec, const char *name, double value);     /* 0, or -1: not used */

/* Fills every noise leaf from its stream, at `step`: stream "PREFIX/NAME" of `seed`, rows numbered sample * batch + example. */
void graph_exec_noise(GraphExec *exec, NumSeed seed, const char *prefix, uint64_t step);

void graph_exec_forward(GraphExec *exec);

/* The gradient of minus the objective's mean (so that optimisers minimise) into the flat block graph_exec_gradient();
 * that block is zeroed first.  Needs the forward pass just before. */
void graph_exec_backward(GraphExec *exec);
void *graph_exec_gradient(GraphExec *exec);

/* With gradient_wrt = GRAPH_FEEDS: the gradient of minus the objective's mean with respect to a fed value, of its shape, after a backward pass; NULL
 * when the objective does not depend on it. */
const void *graph_exec_feed_gradient(const GraphExec *exec, const char *name, NumShape *shape);

/* A value after a forward pass; [OUT] shape may be NULL.  Never NULL for a name that was asked for. */
const void *graph_exec_output(const GraphExec *exec, const char *name, NumShape *shape);

/* The name (public name, or operation and place) of the first node, in order, holding a value that is not finite;
 * after backward also gradients ("gradient of decoder.0.W").  NULL when all are finite.  For the message of a
 * diverged run: it computes the forward pass again, with the inputs and params as they are now.  The text is valid until the
 * next call. */
const char *graph_exec_first_nonfinite(const GraphExec *exec);

/* Bytes of the plan's block, and multiply-adds of its matrix products in one forward (and backward, with an objective): for
 * reports and benchmarks. */
size_t graph_exec_bytes(const GraphExec *exec);
double graph_exec_flops(const GraphExec *exec);

#endif
