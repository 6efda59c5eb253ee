/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/training.h: the numbers of a training, without its record (train.h): for the training loop, and for estimates.
 */
#ifndef LAB_TRAINING_H
#define LAB_TRAINING_H

#include "graph/exec.h"
#include "lab/checkpoint.h"
#include "lab/estep.h"
#include "lab/plan.h"

/* The graph compiled for whole minibatches, and for the epoch's last, shorter one. */
typedef struct ExecPair {
    GraphExec *full, *rest;
    size_t batch;
} ExecPair;

typedef struct Training {
    const LabSpec *spec;
    GraphParams *params;
    Optimiser *optimiser;
    ExecPair train, test, estep_target; /* estep_target: log p(x, z) and its gradient in z, with Monte Carlo EM */
    EStep *estep;
    size_t nmetrics;
    size_t n, steps;                    /* training examples; minibatches in an epoch */
    uint32_t *order;                    /* of this epoch's examples */
    NumStream order_stream, binarise, test_binarise;
    LabState state;                     /* the next step; points into params and optimiser */
} Training;

/* Makes all that training t->spec needs, before its first step.  -1 with *err; free it in either case. */
int training_make(Training *t, Error *err);
void training_free(Training *t);

/* Sets the order of the examples and the scalars of epoch state.epoch. */
void training_begin_epoch(Training *t);

/* Minibatch state.batch: data, noise, update; adds its metrics to state.totals.  0, or -1 when a number is no longer
 * finite. */
int training_step(Training *t, double rate);

/* [OUT] message: in which minibatch and tensor the first number is not finite. */
void training_describe_divergence(const Training *t, char *message, size_t size);

/* [OUT] mean (nmetrics): means over the test split, with sampled z.  pause: called after each minibatch, or NULL; what is
 * not 0 stops the test. */
typedef int (*TrainingPause)(void *context, Error *err);
int training_test(Training *t, double *mean, TrainingPause pause, void *context, Error *err);

/* [OUT] mean: the spec's metrics over the test split as training records them after its last epoch, *count of them: 0 with
 * Monte Carlo EM, which has none. */
int lab_test(const LabSpec *spec, GraphParams *params, double *mean, size_t *count, Error *err);

/* The scale of a metric's interval over seeds (StoreMetric): a KL divergence is positive. */
const char *lab_scale(const char *metric);

#endif
