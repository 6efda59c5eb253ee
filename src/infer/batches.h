/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/batches.h: runs a model over the examples of a request, chunk by chunk.  For the files of this room only.
 *
 *   if (batches_start(&b, m, request, &spec, err) != 0)
 *       return -1;
 *   while ((status = batches_next(&b, err)) > 0)
 *       … b.exec holds the chunk of b.rows examples from request->first + b.first on …
 *   batches_end(&b);
 */
#ifndef INFER_BATCHES_H
#define INFER_BATCHES_H

#include "graph/exec.h"
#include "infer/infer.h"

struct InferModel {
    const Graph *graph;
    GraphParams *params;
    const gsl_rng_type *rng; /* of the run that trained it; NULL: philox4x32 */
    Graph *own_graph;        /* freed with the model, or NULL */
    GraphParams *own_params; /* freed with the model, or NULL */
};

/* The seed of a request's streams of noise, for the model's generator.  The odd number spreads the repeats of all seeds
 * over all 2^64 numbers (it is 2^64 divided by the golden ratio). */
static inline NumSeed infer_seed(const InferModel *m, const InferRequest *request)
{
    return (NumSeed){request->seed + request->repeat * UINT64_C(0x9e3779b97f4a7c15), m->rng};
}

/* What each pass computes. */
typedef struct BatchSpec {
    const char *const *outputs; /* public names, NULL-ended */
    const char *const *feeds;   /* further nodes whose values the caller writes; NULL-ended, or NULL; at most 4 */
    const char *objective;      /* its gradient in `feeds`, or in the params without feeds; NULL: forward only */
    size_t samples;             /* draws per example; 0: 1 */
    size_t chunk;               /* examples per pass; 0: as many as fit the cache */
} BatchSpec;

typedef struct BatchIterator {
    InferModel *model;
    const InferRequest *request;
    BatchSpec spec;
    const char *feeds[6];  /* the spec's and the request's, NULL-ended */
    size_t samples;
    size_t chunk;          /* examples of a whole chunk */
    GraphExec *exec;       /* for the current chunk; made again when the last chunk is shorter */
    size_t exec_rows;
    size_t first, rows;    /* the current chunk, within the request */
    size_t number;         /* of the current chunk, from 1 */
    NumStream binarise;
} BatchIterator;

/* The request and the spec must outlive the iterator.  -1 with *err: there is nothing to end. */
int batches_start(BatchIterator *b, InferModel *m, const InferRequest *request, const BatchSpec *spec, Error *err);
void batches_end(BatchIterator *b);

/* Goes to the next chunk and fills its exec: 1; 0 after the last chunk; -1 with *err. */
int batches_next(BatchIterator *b, Error *err);

/* Fills the current chunk's exec again: inputs, scalars, noise, the request's feed.  draw: shifts the noise for
 * repeated passes (0 in batches_next). */
int batches_fill(BatchIterator *b, uint64_t draw, Error *err);

/* The current chunk's z, which is fed, (samples, rows, *width), for the caller to write; NULL with *err when the
 * model's z has other draws. */
float *batches_latent(const BatchIterator *b, size_t *width, Error *err);

#endif
