/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/walk.h: a trained model over the examples of a question, chunk by chunk: for the files of this room that compute with one.
 */
#ifndef LAB_WALK_H
#define LAB_WALK_H

#include "lab/internal.h"

struct LabModel {
    const Graph *graph;
    GraphParams *params;
    Graph *own_graph;        /* set when this model must free them */
    GraphParams *own_params;
};

/* What is computed in each pass. */
typedef struct WalkSpec {
    const char *const *outputs; /* public names, NULL-ended */
    const char *const *fed;     /* names whose values the caller writes, besides the ask's; NULL-ended, or NULL; at most 4 */
    const char *objective;      /* its gradient is that of `fed`, or of the params without it; NULL: forward only */
    size_t samples;             /* draws for each example; 0: 1 */
    size_t chunk;               /* examples of a pass; 0: as many as fit the cache */
} WalkSpec;

/* The plan for whole chunks, and another for the last, shorter one. */
typedef struct Walk {
    LabModel *model;
    const LabAsk *ask;
    WalkSpec spec;
    const char *fed[6];      /* all of them, NULL-ended */
    size_t samples;
    size_t chunk;            /* examples of a whole chunk */
    GraphPlan *plan;         /* of the current chunk */
    size_t plan_rows;
    size_t first, rows;      /* the current chunk, within the ask */
    size_t number;           /* of chunks begun */
    NumStream binarise;
} Walk;

/* The ask and the spec must outlive the walk, which walk_end ends. */
int walk_start(Walk *w, LabModel *m, const LabAsk *ask, const WalkSpec *spec, Error *err);
void walk_end(Walk *w);

/* The next chunk.  1 while there is one. */
int walk_next(Walk *w);

/* The plan, inputs, scalars and noise of the current chunk, and the ask's fed values; draw: shifts the noise for repeated passes. */
int walk_fill(Walk *w, uint64_t draw, Error *err);

/* The current chunk's fed z, (samples, rows, *width), for the caller to write; NULL with *err where the model's z has other draws. */
float *walk_latent(const Walk *w, size_t *width, Error *err);

#endif
