/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/plan.h: what determines a run's numbers, and its identity.
 */
#ifndef LAB_PLAN_H
#define LAB_PLAN_H

#include "base/digest.h"
#include "data/data.h"
#include "graph/optimiser.h"
#include "infer/posterior.h"
#include "num/stream.h"

/* A number that may change from epoch to epoch: value[min(epoch, n) - 1], epoch from 1. */
typedef struct LabSchedule {
    size_t n;
    double *value;
} LabSchedule;

double lab_schedule_at(const LabSchedule *s, int epoch);

typedef struct LabScalar {
    const char *name; /* of a scalar leaf of the graph */
    LabSchedule schedule;
} LabScalar;

/* Monte Carlo EM (Kingma & Welling, arXiv 1312.6114, appendix E): before each minibatch z is drawn from p(z|x) by
 * Hamiltonian Monte Carlo, with a chain for each draw of each training example, which continues from its state of the
 * epoch before; then the optimiser maximises the objective with these z.  The graph needs the names z and logjoint =
 * log p(x|z) + log p(z), (k, b, 1), nats. */
typedef struct LabMonteCarloEM {
    InferHmc hmc;                /* leapfrog, step_size, accept; the others are not used */
    size_t transitions, updates;
} LabMonteCarloEM;

/* The rows of transitions and updates; the rows of hmc are the first INFER_HMC_TRANSITION of infer_hmc_options. */
enum { LAB_MONTE_CARLO_EM_OPTIONS = 2 };
extern const Option lab_monte_carlo_em_options[LAB_MONTE_CARLO_EM_OPTIONS];

/* The uses of a run's random numbers in training, each with streams of its own: the initial weights; the order of the
 * examples; the draws of z, with those of Monte Carlo EM; the binarisation of the training pixels. */
typedef enum { LAB_INIT, LAB_ORDER, LAB_NOISE, LAB_BINARISE, LAB_FACTORS } LabFactor;
extern const char *const lab_factor_names[]; /* "init", "order", "noise", "binarise", NULL */

/* Seeds that some of them have instead of the run's seed. */
typedef struct LabFactorSeeds {
    int given[LAB_FACTORS];
    uint64_t number[LAB_FACTORS];
} LabFactorSeeds;

/* Most metrics of a run: a step then needs no allocation for them. */
enum { LAB_METRICS_MAX = 32 };

/* Everything that determines a run's numbers; training sees nothing else of a run.  All pointers are borrowed. */
typedef struct LabSpec {
    const Graph *graph;                    /* public names: the objective, the metrics */
    const Data *data;
    NumSeed seed;

    /* the training plan */
    LabFactorSeeds seeds;
    const char *objective;                 /* public name of the node to maximise: "bound" */
    const char *const *metrics;            /* public names, recorded as train/NAME and test/NAME; NULL-ended */
    OptimiserSpec optimiser;
    LabSchedule rate;
    const LabScalar *scalars;              /* one per scalar leaf of the graph */
    size_t nscalars;
    int epochs;
    size_t batch, samples;                 /* samples: draws per example */
    int test_every;                        /* test metrics every so many epochs, and always after the last */
    const LabMonteCarloEM *monte_carlo_em; /* or NULL: the graph draws z.  With it there are no test metrics */
} LabSpec;

/* The rows of epochs, batch, samples, test_every. */
enum { LAB_TRAIN_OPTIONS = 4 };
extern const Option lab_train_options[LAB_TRAIN_OPTIONS];

/* The seed of one use of random numbers: its own, or the run's. */
NumSeed lab_seed(const LabSpec *spec, LabFactor factor);

/* Checks every range and name of the spec.  [OUT] identity: SHA-256 of the graph's canonical text, the training plan,
 * the data's digest, the seed and the arithmetic version; *plan: the training plan as canonical JSON, replaced
 * (mem_free).  -1 with *err (ERR_SCRIPT). */
int lab_identify(const LabSpec *spec, char identity[DIGEST_TEXT], char **plan, Error *err);

/* The training plan as canonical JSON, which lab_identify gives; _shared: without the seeds of its factors, as runs of
 * one configuration have it in common. */
void lab_plan_text(Text *t, const LabSpec *spec);
void lab_plan_shared_text(Text *t, const LabSpec *spec);

/* ---- a recorded training plan (plan_read.c) ---- */

/* Owns what the plan's fields of a LabSpec point to. */
typedef struct LabPlan LabPlan;

/* Reads a canonical text; [OUT] the training plan's fields of *spec and the generator of its seed, valid until
 * lab_plan_free.  NULL with *err (ERR_STORE) for a text that lab_plan_text does not write.  Ranges are left to
 * lab_identify. */
LabPlan *lab_plan_read(const char *text, LabSpec *spec, Error *err);
void lab_plan_free(LabPlan *plan);

#endif
