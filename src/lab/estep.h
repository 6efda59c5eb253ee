/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/estep.h: the E step of Monte Carlo EM: draws z from p(z|x) for a minibatch.
 */
#ifndef LAB_ESTEP_H
#define LAB_ESTEP_H

#include "graph/exec.h"
#include "lab/plan.h"

typedef struct EStep EStep;

/* Chains for the n training examples of a spec with monte_carlo_em, each begun at z ~ N(0, I).  exec: for the largest
 * minibatch, with z fed and "logjoint" as its objective.  NULL with *err. */
EStep *estep_alloc(const LabSpec *spec, GraphExec *exec, size_t n, Error *err);
void estep_free(EStep *e);

/* All chains' z and step sizes, [OUT] *count floats: the whole state, for a checkpoint. */
float *estep_state(EStep *e, size_t *count);

/* Moves the chains of the examples example[rows], whose data fill the exec; afterwards its z holds the draws.  number:
 * the minibatch's, the address of the noise (streams "posterior/…" of the seed). */
void estep_draw(EStep *e, GraphExec *exec, const uint32_t *example, size_t rows, uint64_t number);

#endif
