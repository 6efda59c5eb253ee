/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_internal.h: the inside of an executable graph and of the parameters, for the files of this room only.
 */
#ifndef GRAPH_EXEC_INTERNAL_H
#define GRAPH_EXEC_INTERNAL_H

#include "graph/exec.h"
#include "graph/node.h"

/* What an executable graph needs of a node. */
enum {
    MARK_SHAPED = 1,   /* its shape is needed */
    MARK_LIVE = 2,     /* its value is needed */
    MARK_FEED = 4,     /* the caller writes its value */
    MARK_KEPT = 8,     /* an output: its value is kept to the end */
    MARK_DEPENDS = 16, /* it depends on a variable: a param, or with gradient_wrt = GRAPH_FEEDS a feed */
    MARK_REACHED = 32  /* the objective depends on it */
};

enum { EXEC_LABEL_SIZE = 2 * GRAPH_NAME_MAX + 256 };

/* Memory to set to zero. */
typedef struct ExecClear { void *at; size_t bytes; } ExecClear;

/* One operation, forward or backward.  `clear`: the gradients that are zeroed before it, because it is the first
 * step that adds to them; those that it overwrites are not cleared. */
typedef struct ExecStep {
    GraphKernel run;
    GraphNode node;
    GraphCall call;
    double attr[GRAPH_ATTRS_MAX];
    size_t clears;
    ExecClear clear[GRAPH_ARGS_MAX];
} ExecStep;

/* A buffer is used from time `start` to time `end`, both included, and lies at `offset` of the block. */
typedef struct ExecLifetime {
    size_t bytes;
    long start, end;
    size_t offset;
} ExecLifetime;

/* [OUT] every offset; buffers whose lifetimes do not overlap share memory if `share`.  order[2 * n] is scratch.
 * Returns the block's bytes. */
size_t graph_memory_layout(ExecLifetime *life, size_t n, int share, size_t *order);

struct GraphExec {
    const Graph *graph;
    GraphParams *params;
    GraphType type;
    size_t batch, samples;
    size_t size;          /* bytes of a value */
    unsigned char *mark;  /* of each node */
    GraphShape *shape;
    void **value, **grad; /* NULL: none */
    ExecStep *forward, *backward;
    size_t forwards, backwards;
    GraphNode objective;  /* or -1 */
    GraphVariables gradient_wrt;
    char *block;
    size_t bytes;
    void *gradient;       /* of all params, in their order */
    ExecClear *unreached; /* of params that the objective does not depend on: weight decay adds to them too */
    size_t unreacheds;
    char *label;          /* the answer of graph_exec_first_nonfinite */
};

/* Sets the value of a constant or scalar. */
void graph_exec_set(GraphExec *exec, GraphNode node, double value);

/* Turns the n floats at the start of the buffer into n doubles. */
void graph_widen(void *buffer, size_t n);

typedef struct ParamArray { char *name; size_t offset; NumShape shape; } ParamArray;

struct GraphParams {
    GraphType type;
    size_t count, arrays;
    ParamArray *array; /* sorted by name */
    void *block;
};

/* A param's array, or NULL. */
const ParamArray *graph_params_find(const GraphParams *params, const char *name);

#endif
