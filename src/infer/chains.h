/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chains.h: Markov chains on the values of a exec's fed z, moved by Hamiltonian Monte Carlo (Neal 2011): what a
 * transition is, for evaluations (sample.c) and for training (estep.c).
 *
 * All chains move together: one leapfrog step is one forward and one backward pass.  Chain c = draw * rows + example lies where
 * the exec has it.  Nothing here allocates but chains_alloc.
 */
#ifndef INFER_CHAINS_H
#define INFER_CHAINS_H

#include "graph/exec.h"
#include "infer/posterior.h"

typedef struct Chains {
    GraphExec *exec;
    const InferHmc *moves;
    size_t count, width;
    float *z;                /* the exec's own: (count, width) */
    const float *gradient;   /* of minus the mean of the log target */
    const float *log_target; /* the exec's, (count), nats */
    const float *followed;   /* another node's values, (count), or NULL */
    float *kept, *momentum;  /* (count, width) */
    double *energy, *at;     /* (count): before the transition; `followed` where a chain is */
    double *step, *accepted; /* (count): the step size, the acceptance probability of the last transition */
    float *random;           /* (count, 2): uniforms */
    NumStream kick, choice;
    uint64_t moved;          /* the noise's address: transitions so far, unless the caller says where they stand */
} Chains;

/* Room for `count` chains of that width, in a zeroed *c whose moves and streams are set.  -1 with *err; chains_free in any case. */
int chains_alloc(Chains *c, size_t count, size_t width, Error *err);
void chains_free(Chains *c);

/* Points at a exec that has z fed and the objective `target`, one number for each draw and example; followed: the name of another such
 * output, or NULL.  Step sizes and what else the chains have stay. */
void chains_on(Chains *c, GraphExec *exec, const char *target, const char *followed);

/* One forward and backward pass where the chains are; at[] becomes what is followed there. */
void chains_look(Chains *c);

/* One transition of every chain.  Each makes its leapfrog steps up to a tenth longer or shorter, so that none returns to where it
 * began again and again (Neal 2011).  [OUT] accepted, at. */
void chains_move(Chains *c);

/* Robbins and Monro's correction of each chain's step size towards moves->accept, times `weight`, 0 to 1. */
void chains_tune(Chains *c, double weight);

#endif
