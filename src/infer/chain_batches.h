/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chain_batches.h: Markov chains for the examples of a request, chunk by chunk, at a temperature t of "annealed"
 * = log p(z) + t log p(x|z).  For hmc.c and ais.c.
 */
#ifndef INFER_CHAIN_BATCHES_H
#define INFER_CHAIN_BATCHES_H

#include "infer/batches.h"
#include "infer/chains.h"

typedef struct ChainBatches {
    BatchIterator batches;
    Chains chains;          /* of the current chunk; they track "loglik" */
    const float *start;     /* (count, samples, width): the caller's */
} ChainBatches;

/* -1 with *err: there is nothing to end. */
int chain_batches_start(ChainBatches *cb, InferModel *m, const InferRequest *request, const InferHmc *hmc,
                        const float *start, Error *err);
void chain_batches_end(ChainBatches *cb);

/* As batches_next; the chains then have z = start and their first step size. */
int chain_batches_next(ChainBatches *cb, Error *err);

/* Sets the chains' z to their start. */
void chain_batches_rewind(ChainBatches *cb);

/* One transition of every chain at temperature t. */
void chain_batches_transition(ChainBatches *cb, double t);

/* accepted[i] += share * the mean acceptance probability of the chunk's example i over its chains. */
void chain_batches_add_accepted(const ChainBatches *cb, double share, double *accepted);

#endif
