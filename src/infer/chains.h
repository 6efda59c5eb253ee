/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chains.h: Markov chains on an executable graph's z, moved by Hamiltonian Monte Carlo (Neal 2011): one
 * transition, for evaluations (hmc.c, ais.c) and for training (lab/estep.c).
 *
 * All chains move together: one leapfrog step is one forward and one backward pass.  Chain c = draw * rows + example is
 * row c of the exec's z.  Only chains_alloc allocates.
 */
#ifndef INFER_CHAINS_H
#define INFER_CHAINS_H

#include "graph/exec.h"
#include "infer/posterior.h"

typedef struct Chains {
    GraphExec *exec;
    const InferHmc *hmc;
    size_t count, width;
    float *z;                         /* the exec's input: (count, width) */
    const float *gradient;            /* of minus the mean of the log target */
    const float *log_target;          /* the exec's output, (count), nats */
    const float *tracked;             /* the output of another node, (count), or NULL */
    float *previous, *momentum;       /* (count, width); previous: z before the transition */
    double *energy, *tracked_value;   /* (count): before the transition; `tracked` at each chain's z */
    double *step_size, *accepted;     /* (count); accepted: the acceptance probability of the last transition */
    float *random;                    /* (count, 2): uniforms */
    NumStream momentum_stream, choice_stream;
    uint64_t transitions;             /* made so far: the address of the next transition's noise; callers may set it */
} Chains;

/* Room for `count` chains of that width, in a *c that is zero but for hmc and streams.  -1 with *err; call chains_free
 * in any case. */
int chains_alloc(Chains *c, size_t count, size_t width, Error *err);
void chains_free(Chains *c);

/* Attaches the chains to an exec that has z fed and the objective `target`, one number per draw and example; tracked:
 * the name of another such output, or NULL.  Step sizes stay as they are. */
void chains_attach(Chains *c, GraphExec *exec, const char *target, const char *tracked);

/* One forward and one backward pass at the chains' z.  [OUT] tracked_value. */
void chains_evaluate(Chains *c);

/* One transition of every chain.  Step sizes vary by up to a tenth from one transition to the next, so that no chain
 * returns to its start again and again (Neal 2011).  [OUT] accepted, tracked_value. */
void chains_transition(Chains *c);

/* Robbins and Monro's correction of each chain's step size towards hmc->accept, times `weight`, 0 to 1. */
void chains_tune(Chains *c, double weight);

#endif
