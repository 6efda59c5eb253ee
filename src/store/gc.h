/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/gc.h: drops what may be computed again, and gives the space back.
 */
#ifndef STORE_GC_H
#define STORE_GC_H

#include "store/store.h"

typedef enum {
    STORE_GC_CHECKPOINTS, /* of runs that are finished; of unfinished ones only where they are named */
    STORE_GC_WEIGHTS,
    STORE_GC_ARTIFACTS,  /* all other artifacts, and recorded posteriors */
    STORE_GC_SUPERSEDED, /* runs that --fresh has replaced, with everything that is recorded of them */
    STORE_GC_KINDS
} StoreGcKind;

/* Which rows: of these kinds and of runs that meet every condition that is given. */
typedef struct StoreGcFilter {
    int kinds[STORE_GC_KINDS]; /* 1: wanted */
    const char *experiment;    /* or NULL */
    const char *where;   /* a condition in SQL over the columns of the view `runs`, of superseded runs over those of
                                  `details`; or NULL */
    const int64_t *runs; /* the runs that are named; nruns 0: all */
    size_t nruns;
} StoreGcFilter;

/* Calls `row` with kind, run, rows, bytes for each kind of each run, in their order.  A run that is queued or running is
 * left out. */
int store_gc_find(Store *s, const StoreGcFilter *filter, StoreRow row, void *context, Error *err);

/* [OUT] *count: the checkpoints of unfinished runs that the filter leaves out because their runs are not named. */
int store_gc_kept(Store *s, const StoreGcFilter *filter, int64_t *count, Error *err);

typedef struct StoreGcItem {
    StoreGcKind kind;
    int64_t run;
} StoreGcItem;

/* Drops the items, which store_gc_find gave, in one transaction.  A run that a process has taken meanwhile is left as
 * it is.  Where artifacts are dropped and weights are kept, the next `vae-lab run` computes the evaluations again. */
int store_gc_drop(Store *s, const StoreGcItem *items, size_t count, Error *err);

/* Rewrites the file without its free pages.  [OUT] *before, *after: bytes of the database.  It needs room for a second
 * copy; an error says that what was dropped is dropped, whatever the size of the file. */
int store_vacuum(Store *s, int64_t *before, int64_t *after, Error *err);

#endif
