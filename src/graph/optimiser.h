/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/optimiser.h: optimisers over one flat block of parameters.  State is flat too, and is all that a checkpoint needs.
 */
#ifndef GRAPH_OPTIMISER_H
#define GRAPH_OPTIMISER_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { OPTIMISER_SGD, OPTIMISER_ADAGRAD, OPTIMISER_RMSPROP, OPTIMISER_ADAM, OPTIMISER_ADAMW } OptimiserKind;

typedef struct OptimiserSpec {
    OptimiserKind kind;
    double momentum;       /* sgd, [0, 1) */
    double beta1, beta2;   /* adam, adamw; beta2 is rmsprop's decay */
    double epsilon;
    double weight_decay;   /* L2, added to the gradient (a N(0, I/decay) prior on the loss' scale); decoupled in adamw */
    double clip_norm;      /* 0: none */
} OptimiserSpec;

/* The usual constants of a kind by name ("adam": beta1 0.9, beta2 0.999, epsilon 1e-8 …). -1 for an unknown name, with a
 * suggestion. */
int optimiser_defaults(OptimiserSpec *spec, const char *name, Error *err);
const char *optimiser_name(OptimiserKind kind);

/* A value out of range: error that names the field and its range (ERR_SCRIPT). */
int optimiser_check(const OptimiserSpec *spec, Error *err);

/* Canonical text of a spec, part of a run's identity. */
void optimiser_text(const OptimiserSpec *spec, Text *text);

typedef struct Optimiser Optimiser;

Optimiser *optimiser_alloc(const OptimiserSpec *spec, size_t count, Error *err);
void optimiser_free(Optimiser *o);

/* One step: clips, decays, updates w[count] from the loss' gradient g[count] (which it may change). Returns the gradient's norm
 * before clipping; when that is not finite nothing is changed, and the step is not counted. */
double optimiser_step(Optimiser *o, float *w, float *g, double rate);

/* The state for a checkpoint: float values and the number of steps made. */
size_t optimiser_state_count(const Optimiser *o);
float *optimiser_state(Optimiser *o);
uint64_t optimiser_steps(const Optimiser *o);
void optimiser_set_steps(Optimiser *o, uint64_t steps);

#endif
