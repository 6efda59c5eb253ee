/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/shard.h: a part of a sweep's runs, for one of several tasks that share the sweep without talking to each other.
 */
#ifndef LAB_SHARD_H
#define LAB_SHARD_H

#include "lab/estimate.h"

/* Part `index` (from 1) of `count`. */
typedef struct LabShard {
    size_t index, count;
} LabShard;

/* The part of a run that others need (phase 0: a classifier): every part that has runs; each trains it, to the same
 * bits. */
#define LAB_EVERY_PART SIZE_MAX

/* [OUT] part[n]: the part of each run, from 0, or LAB_EVERY_PART.  The parts have nearly the same work: the largest run goes
 * first, each to the part with the least so far.  They depend on the runs' work and identities alone, so that every
 * machine finds the same ones. */
int lab_shard_parts(const LabRun *runs, const LabEstimate *estimate, size_t n, size_t count, size_t *part, Error *err);

/* Moves the runs of one part to the front, in their order, the others behind them; [OUT] *chosen: how many it has.
 * estimate[n]: of each run; moved with it. */
int lab_shard(LabRun *runs, LabEstimate *estimate, size_t n, const LabShard *shard, size_t *chosen, Error *err);

#endif
