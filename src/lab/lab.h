/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/lab.h: a run and a sweep.  A run is a frozen configuration; a sweep is a list of them, each in a process of its own.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "base/digest.h"
#include "base/error.h"
#include "data/data.h"
#include "graph/graph.h"
#include "graph/optimiser.h"
#include "infer/posterior.h"
#include "num/stream.h"
#include "store/store.h"

#include <stdint.h>

/* A number that may change from epoch to epoch: value[min(epoch, n) - 1], epoch from 1. */
typedef struct LabSchedule {
    size_t n;
    double *value;
} LabSchedule;

typedef struct LabScalar {
    const char *name; /* of a scalar leaf of the graph */
    LabSchedule schedule;
} LabScalar;

/* Monte Carlo EM (Kingma & Welling, arXiv 1312.6114, appendix E): before each minibatch z is drawn from p(z|x) by Hamiltonian Monte
 * Carlo, with a chain for each draw of each training example, which continues from its state of the epoch before; then the optimiser
 * maximises the objective with these z.  The graph needs the names z and logjoint = log p(x|z) + log p(z), (k, b, 1), nats. */
typedef struct LabMonteCarloEM {
    InferHmc hmc;                /* leapfrog, step_size, accept; the others are not used */
    size_t transitions, updates;
} LabMonteCarloEM;

/* The rows of transitions and updates; the rows of hmc are the first INFER_HMC_TRANSITION of infer_hmc_options. */
enum { LAB_MONTE_CARLO_EM_OPTIONS = 2 };
extern const Option lab_monte_carlo_em_options[LAB_MONTE_CARLO_EM_OPTIONS];

/* A frozen configuration.  All pointers are borrowed and must outlive the sweep. */
typedef struct LabRun {
    const char *experiment, *question, *script, *label;
    const StoreParam *params; /* what a reader of the database compares runs by */
    size_t nparams;
    const Graph *graph;       /* public names: the objective, the metrics */
    const Graph *eval_graph; /* the same with further names, for evaluations; NULL: graph itself.  NOT part of the identity */
    const Data *data;
    NumSeed seed;
    const char *objective;              /* public name of the node to maximise: "bound" */
    const char *const *metrics;         /* public names recorded each epoch as train/NAME and test/NAME, NULL-ended */
    OptimiserSpec optimiser;
    LabSchedule rate;
    const LabScalar *scalars;
    size_t nscalars;
    int epochs;
    size_t batch, samples;              /* of training */
    int test_every;                     /* test metrics every so many epochs, and always after the last */
    const LabMonteCarloEM *monte_carlo_em; /* NULL: the graph draws z.  Else there are no test metrics: test examples have no chains */
    const StoreEvaluation *evaluations; /* after training; NOT part of the identity */
    size_t nevaluations;
    int phase;                          /* runs of phase 0 end before those of phase 1 start: a classifier that others need */
    void *context;                      /* the caller's own, handed to the evaluate hook */
    char identity[DIGEST_TEXT];         /* filled by lab_run_identify */
    char *plan;                         /* canonical JSON of the training plan, filled by lab_run_identify; mem_free */
} LabRun;

/* Checks the plan's ranges and that the graph's scalars have schedules; fills identity = SHA-256(graph text, plan, data digest, seed, arithmetic
 * version) and the plan's canonical text. */
int lab_run_identify(LabRun *run, Error *err);

/* What the caller adds to a run: its evaluations, in the worker, after training (or for a run trained earlier).  Each evaluation that is not yet
 * recorded for this run is asked for by its index in run->evaluations.  Returns 0, or -1 with *err. */
typedef struct LabHooks {
    int (*evaluate)(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err);
} LabHooks;

typedef struct LabOptions {
    const char *database;
    int jobs, threads;       /* at least 1 */
    int fresh, quiet, json;
    const char *settings;    /* JSON of --set and profile, for the sweep's record */
    const char *command;     /* what resumes this sweep, printed after an interruption */
    LabHooks hooks;
} LabOptions;

typedef struct LabOutcome {
    size_t executed, resumed, skipped, failed, diverged, crashed, interrupted; /* evaluated later counts as executed 0 */
    size_t busy;             /* left to another process, which is at work on them */
    int64_t sweep;
} LabOutcome;

/* Runs them all, `jobs` at the same time, each in a forked process with its own connection; shows progress on standard error.  A run that
 * fails, diverges or dies leaves the others alone.  Returns 0 when the sweep itself could be carried out (see *outcome for the runs), -1
 * with *err when it could not, and -1 with ERR_SIGNAL (err->found holds the signal's number) after an interruption. */
int lab_sweep(LabRun *runs, size_t count, const LabOptions *options, LabOutcome *outcome, Error *err);

#endif
