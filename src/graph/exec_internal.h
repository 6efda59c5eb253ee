/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_internal.h: the inside of a plan and of the parameters, for the files of this room only.
 */
#ifndef GRAPH_EXEC_INTERNAL_H
#define GRAPH_EXEC_INTERNAL_H

#include "graph/node.h"
#include "graph/exec.h"

/* What a node is to a plan. */
enum {
    MARK_SHAPED = 1,  /* its shape is needed */
    MARK_LIVE = 2,    /* its value is needed */
    MARK_FEED = 4,     /* the caller writes its value */
    MARK_KEPT = 8,    /* an output: its value lives to the end */
    MARK_DEPENDS = 16, /* it depends on a variable: a param, or with gradient_wrt = GRAPH_FEEDS a fed value */
    MARK_REACHED = 32  /* the objective depends on it */
};

/* Memory to set to zero. */
typedef struct Clear { void *at; size_t bytes; } Clear;

/* One operation at work. `clear`: gradients that this step is the first to add to, but for those that it writes. */
typedef struct Step {
    void (*run)(const GraphCall *);
    GraphNode node;
    GraphCall call;
    double attr[GRAPH_ATTRS_MAX];
    size_t clears;
    Clear clear[GRAPH_ARGS_MAX];
} Step;

/* Where a buffer lives: from step `start` to step `end`, both included, at `offset` of the block. */
typedef struct Life {
    size_t bytes;
    long start, end;
    size_t offset;
} Life;

/* [OUT] every offset; buffers whose lives do not overlap share memory if `share`.  order[2 * n] is scratch.  Returns the
 * block's bytes. */
size_t graph_memory_layout(Life *life, size_t n, int share, size_t *order);

struct GraphExec {
    const Graph *graph;
    GraphParams *params;
    GraphType type;
    size_t batch, samples;
    size_t size;          /* of a value, in bytes */
    unsigned char *mark;  /* of each node */
    NumShape *shape;
    void **value, **grad; /* NULL: none */
    Step *forward, *backward;
    size_t forwards, backwards;
    GraphNode objective;  /* or -1 */
    GraphVariables gradient_wrt;
    char *block;
    size_t bytes;
    void *gradient;       /* of all params, in their order */
    Clear *idle;          /* of those that the objective does not depend on: an optimiser may write there (decay) */
    size_t idles;
    char *label;          /* what first_bad answered */
};

struct GraphParams {
    GraphType type;
    size_t count, arrays;
    struct Array { char *name; size_t offset; NumShape shape; } *array; /* sorted by name */
    void *block;
};

/* The place of a param in the block, or NULL. */
const struct Array *graph_params_find(const GraphParams *p, const char *name);

#endif
