/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/optimiser.h: optimisers over one flat block of parameters, and the only table of their options and defaults.
 *
 * The state is one flat block too; with the number of steps it is all that a checkpoint needs.
 */
#ifndef GRAPH_OPTIMISER_H
#define GRAPH_OPTIMISER_H

#include "base/error.h"
#include "base/option.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OPTIMISER_SGD, OPTIMISER_ADAGRAD, OPTIMISER_RMSPROP, OPTIMISER_ADAM, OPTIMISER_ADAMW
} OptimiserKind;
enum { OPTIMISER_KINDS = OPTIMISER_ADAMW + 1 };

/* The options of all kinds; each kind reads some (optimiser_option). */
typedef struct OptimiserSpec {
    OptimiserKind kind;
    double momentum, beta1, beta2, epsilon, weight_decay, clip_norm;
} OptimiserSpec;

const char *optimiser_name(OptimiserKind kind);

/* [OUT] the i-th option of a kind, a field of OptimiserSpec, in the order of the canonical text.
 * 0, or -1 past the last. */
int optimiser_option(OptimiserKind kind, size_t i, Option *option);

/* [OUT] the default options of the kind of that name; -1 with *err for an unknown name, with a suggestion. */
int optimiser_defaults(OptimiserSpec *spec, const char *name, Error *err);

/* -1 with *err (ERR_SCRIPT), which names the option and its range, for a value out of range. */
int optimiser_check(const OptimiserSpec *spec, Error *err);

/* The canonical text of a spec, part of a run's identity: "adam(beta1=0.9, ...)". */
void optimiser_text(const OptimiserSpec *spec, Text *text);

/* [OUT] *spec: of such a text.  -1 with *err (ERR_STORE) for another text.  Ranges are checked by optimiser_check. */
int optimiser_parse(OptimiserSpec *spec, const char *text, Error *err);

typedef struct Optimiser Optimiser;

Optimiser *optimiser_alloc(const OptimiserSpec *spec, size_t count, Error *err);
void optimiser_free(Optimiser *o);

/* One step: clips, decays, updates w[count] from the loss' gradient g[count], which it may change.  Returns the
 * gradient's norm before clipping.  When that is not finite, w, g and the state stay as they are, and the step is
 * not counted. */
double optimiser_step(Optimiser *o, float *w, float *g, double rate);

/* The state for a checkpoint: float values, and the number of steps made. */
size_t optimiser_state_count(const Optimiser *o);
float *optimiser_state(Optimiser *o);
uint64_t optimiser_steps(const Optimiser *o);
void optimiser_set_steps(Optimiser *o, uint64_t steps);

#endif
