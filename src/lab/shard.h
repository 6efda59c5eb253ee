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

/* Moves the runs of this part to the front, in their order; [OUT] *chosen: how many.  Each run belongs to one part; runs
 * of a phase that others need (a classifier) belong to every part that has such runs, and are trained in each, to the
 * same bits.  The parts have nearly the same work: the largest run goes first, each to the part with the least so far.
 * They depend on the runs' work and identities alone, so that every machine finds the same ones.  estimate[n]: of each
 * run; moved with it. */
int lab_shard(LabRun *runs, LabEstimate *estimate, size_t n, const LabShard *shard, size_t *chosen, Error *err);

#endif
