/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/merge.h: one record out of many: the runs of another database become runs of this one.
 *
 * Runs are the same where their identities are.  What this database has stays: a merge adds what is missing, and what
 * both have must be equal to the bit.  So merging twice changes nothing, and the order of the parts does not matter.
 */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/store.h"

/* What became of a part's runs. */
typedef struct StoreMergeCount {
    int64_t added;      /* new here and finished (done, diverged or failed) */
    int64_t completed;  /* unfinished here, finished in the part */
    int64_t unfinished; /* new here or further than here, and not finished: the next vae-lab run resumes them */
    int64_t same;       /* here already, and nothing new to their training */
    int64_t at_work;    /* left alone: a process is at work on them, in the part or here */
    int64_t conflicts;  /* left alone: what both databases have differs */
    int64_t evaluations, sweeps; /* added */
} StoreMergeCount;

/* A run that is in both databases with different numbers: a broken promise, or an edited record. */
typedef struct StoreMergeConflict {
    const char *experiment, *label, *seed, *identity;
    int64_t here, there;               /* the run's numbers in the two databases */
    const char *what;                  /* "test/elbo, step 3" or "the digest of the weights" */
    const char *value_here, *value_there;
    const char *machine_here, *machine_there; /* host, processor, instruction set, program */
} StoreMergeConflict;

/* Merges the part into `to` (opened with STORE_WRITE); the part (STORE_READ) is not changed, and may be written by others
 * meanwhile.  A run is merged whole or not at all; runs are committed at least twice a second, so that others who write to
 * `to` wait no longer.  Superseded runs of the part are left out.  Finished runs bring their texts, environment, curves,
 * weights, artifacts, posteriors and evaluations, and the sweeps and verdicts of whole sweeps (parts of a sweep are none);
 * unfinished ones their checkpoint.  An evaluation that `to` has with other options stays.  conflict: called for each
 * conflict.  [OUT] *count. */
int store_merge(Store *to, Store *part, void (*conflict)(void *context, const StoreMergeConflict *c), void *context,
                StoreMergeCount *count, Error *err);

#endif
