/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/batches.h: a trained model over the examples of a question, chunk by chunk: for the files of this room that compute with one.
 */
#ifndef INFER_BATCHES_H
#define INFER_BATCHES_H

#include "infer/infer.h"

struct InferModel {
    const Graph *graph;
    GraphParams *params;
    const gsl_rng_type *rng; /* of the run that trained it; NULL: philox4x32 */
    Graph *own_graph;        /* set when this model must free them */
    GraphParams *own_params;
};

/* The seed of a request's streams, for the model's generator. */
static inline NumSeed infer_seed(const InferModel *m, const InferRequest *request)
{
    return (NumSeed){request->seed, m->rng};
}

/* What is computed in each pass. */
typedef struct BatchSpec {
    const char *const *outputs; /* public names, NULL-ended */
    const char *const *feeds;    /* names whose values the caller writes, besides the request's; NULL-ended, or NULL; at most 4 */
    const char *objective;      /* its gradient is that of `fed`, or of the params without it; NULL: forward only */
    size_t samples;             /* draws for each example; 0: 1 */
    size_t chunk;               /* examples of a pass; 0: as many as fit the cache */
} BatchSpec;

/* The exec for whole chunks, and another for the last, shorter one. */
typedef struct BatchIterator {
    InferModel *model;
    const InferRequest *request;
    BatchSpec spec;
    const char *feeds[6];      /* all of them, NULL-ended */
    size_t samples;
    size_t chunk;            /* examples of a whole chunk */
    GraphExec *exec;         /* of the current chunk */
    size_t exec_rows;
    size_t first, rows;      /* the current chunk, within the request */
    size_t number;           /* of chunks begun */
    NumStream binarise;
} BatchIterator;

/* The request and the spec must outlive the walk, which batches_end ends. */
int batches_start(BatchIterator *w, InferModel *m, const InferRequest *request, const BatchSpec *spec, Error *err);
void batches_end(BatchIterator *w);

/* The next chunk.  1 while there is one. */
int batches_next(BatchIterator *w);

/* The exec, inputs, scalars and noise of the current chunk, and the request's fed values; draw: shifts the noise for repeated passes. */
int batches_fill(BatchIterator *w, uint64_t draw, Error *err);

/* The current chunk's fed z, (samples, rows, *width), for the caller to write; NULL with *err where the model's z has other draws. */
float *batches_latent(const BatchIterator *w, size_t *width, Error *err);

#endif
