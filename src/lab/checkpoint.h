/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/checkpoint.h: a training's whole state, and its bytes.
 */
#ifndef LAB_CHECKPOINT_H
#define LAB_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

typedef struct LabState {
    uint64_t epoch, batch;     /* the next step: batch `batch` (from 0) of epoch `epoch` (from 1) */
    uint64_t optimiser_steps;
    size_t ntotals;
    double *totals;            /* of the epoch so far */
    size_t nparams;
    float *params;
    size_t nstate;
    float *state;              /* the optimiser's */
    size_t nchains;
    float *chains;             /* Monte Carlo EM's; none without it */
} LabState;

size_t lab_checkpoint_size(const LabState *s);
void lab_checkpoint_write(const LabState *s, unsigned char *bytes);

/* Reads into the arrays that *s points to.  -1, *s unchanged, when the bytes are not a checkpoint of these sizes. */
int lab_checkpoint_read(LabState *s, const unsigned char *bytes, size_t size);

#endif
