/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/claims.h: verdicts on claims, as `vae-lab run` and `vae-lab claims` print them.
 */
#ifndef CLI_CLAIMS_H
#define CLI_CLAIMS_H

#include "stats/verdict.h"
#include "store/read.h"

/* What was counted while verdicts were printed; zero at first. */
typedef struct CliVerdicts {
    size_t of[STATS_UNDECIDED + 1], open; /* by StatsVerdictKind; open: could not be evaluated */
    size_t tested, capacity;              /* those with a p-value: statistical tests */
    double *p;                            /* (tested) */
    StatsVerdictKind *kind;               /* (tested) */
    double false_alarms;                  /* the greatest number to be expected among the tests */
    size_t most_seeds;                    /* the greatest number of seeds that an undecided claim needs */
    int failed;                           /* no memory for a p-value */
} CliVerdicts;

/* A StoreVerdictRow, its context a CliVerdicts: prints a verdict in a few lines, and counts it. */
int cli_verdict_print(void *context, const char *experiment, const StoreVerdict *verdict);

/* The same without printing. */
int cli_verdict_count(void *context, const char *experiment, const StoreVerdict *verdict);

/* Prints how many hold, are refuted, undecided, open; how many false alarms are to be expected; what remains after Holm's
 * correction for all of them.  -1 with *err where memory is missing. */
int cli_verdicts_summary(const CliVerdicts *c, Error *err);
void cli_verdicts_free(CliVerdicts *c);

#endif
