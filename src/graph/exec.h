/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec.h: an executable graph: compiled for a batch size, a number of draws, and the outputs that are needed.
 *
 * Compiling leaves out what the outputs do not need, and lays out all memory in one block, in which buffers that are
 * not needed at the same time share memory.  Forward and backward allocate nothing and make no system call.
 */
#ifndef GRAPH_EXEC_H
#define GRAPH_EXEC_H

#include "graph/graph.h"
#include "num/stream.h"

typedef enum { GRAPH_FLOAT, GRAPH_DOUBLE } GraphType;

/* The trained parameters of a graph in one flat block, in the order of their names. */
typedef struct GraphParams GraphParams;

/* All params of the graph with their initial values, from the streams "init/NAME" of `seed`.
 * mean_image[features]: the data's mean in [0, 1], for data_logit params; else NULL. */
GraphParams *graph_params_alloc(const Graph *g, GraphType type, NumSeed seed, const float *mean_image, size_t features,
                                Error *err);

/* The params of a graph with recorded values, in the block's order, as floats; NULL with *err (ERR_STORE) when
 * `count` is not their number. */
GraphParams *graph_params_of(const Graph *g, const float *values, size_t count, Error *err);
void graph_params_free(GraphParams *params);
size_t graph_params_count(const GraphParams *params);               /* values in all */
void *graph_params_block(GraphParams *params);                      /* float[count] or double[count] */
size_t graph_params_arrays(const GraphParams *params);              /* named arrays */
const char *graph_params_name(const GraphParams *params, size_t i);
size_t graph_params_offset(const GraphParams *params, size_t i);    /* in values */
NumShape graph_params_shape(const GraphParams *params, size_t i);
/* [OUT] text[DIGEST_TEXT]: SHA-256 of the block as little-endian floats, in the order of the names.  GRAPH_FLOAT
 * only. */
void graph_params_digest(const GraphParams *params, char *text);

typedef struct GraphExec GraphExec;

/* The variables that the objective is differentiated with respect to. */
typedef enum { GRAPH_PARAMS, GRAPH_FEEDS } GraphVariables;

typedef struct GraphExecSpec {
    size_t batch, samples;       /* 0: the graph's nominal ones */
    GraphType type;
    const char *const *outputs;  /* public names, NULL-ended */
    const char *const *feeds;    /* public names whose values the caller supplies (z, to decode), NULL-ended, or NULL */
    const char *objective;       /* its mean over all elements is maximised; also an output; NULL: forward only */
    GraphVariables gradient_wrt; /* the other variables are constants */
    int no_buffer_reuse;         /* for tests: buffers share no memory */
} GraphExecSpec;

/* NULL with *err: an unknown name (with a suggestion), a shape that does not fit at this batch, or out of memory.
 * The graph and `params` must outlive the executable graph; several may share them, each with its own gradient. */
GraphExec *graph_exec_alloc(const Graph *g, const GraphExecSpec *spec, GraphParams *params, Error *err);
void graph_exec_free(GraphExec *exec);

/* The memory of an input ("x", "y", or the name of a feed), to write before a forward pass; NULL when it is not
 * needed.  The values stay until they are overwritten.  [OUT] shape may be NULL. */
void *graph_exec_input(GraphExec *exec, const char *name, NumShape *shape);

/* Sets a scalar leaf, which is 1 before.  0, or -1 when it is not needed. */
int graph_exec_scalar(GraphExec *exec, const char *name, double value);

/* Fills every noise leaf from its stream, at `step`: stream "PREFIX/NAME" of `seed`, row sample * batch + example. */
void graph_exec_noise(GraphExec *exec, NumSeed seed, const char *prefix, uint64_t step);

void graph_exec_forward(GraphExec *exec);

/* After a forward pass: the gradient of minus the objective's mean (optimisers minimise), which replaces the last
 * one, in the flat block graph_exec_gradient(). */
void graph_exec_backward(GraphExec *exec);
void *graph_exec_gradient(GraphExec *exec);

/* With gradient_wrt = GRAPH_FEEDS, after a backward pass: the gradient of minus the objective's mean with respect to
 * a feed, of the feed's shape; NULL when the objective does not depend on it. */
const void *graph_exec_feed_gradient(const GraphExec *exec, const char *name, NumShape *shape);

/* A value after a forward pass; NULL only for a name that is not one of the outputs.  [OUT] shape may be NULL. */
const void *graph_exec_output(const GraphExec *exec, const char *name, NumShape *shape);

/* The name (public name, or operation and script location) of the first node with a value that is not finite; else
 * of the first param with such a gradient ("gradient of decoder.0.W"); NULL when all are finite.  For the message of
 * a diverged run: it computes the forward pass again with the present inputs and params.  The text is valid until
 * the next call. */
const char *graph_exec_first_nonfinite(const GraphExec *exec);

/* For reports and benchmarks: the bytes of the block, and the multiply-adds of the matrix products of one forward
 * pass (and one backward pass, with an objective). */
size_t graph_exec_bytes(const GraphExec *exec);
double graph_exec_flops(const GraphExec *exec);

#endif
