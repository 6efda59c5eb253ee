/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/dry_run.h: the plan of a sweep with what it will take.
 */
#ifndef CLI_DRY_RUN_H
#define CLI_DRY_RUN_H

#include "lab/shard.h"

typedef struct CliDryRun {
    int fresh, quiet;
    double seconds;     /* of the calibration; 0: none */
    size_t tasks;       /* the sum is given for so many tasks; 0: for this machine alone */
} CliDryRun;

/* Estimates the runs; prints them with their state in the database, and the sums on standard error. */
int cli_dry_run(const LabRun *runs, size_t count, const CliDryRun *options, Error *err);

/* [OUT] *seconds: of a run's evaluations, as earlier ones with the same options took; *unknown: how many of them no record
 * tells.  store: NULL where there is no database. */
int cli_evaluation_seconds(Store *store, const LabRun *run, double *seconds, size_t *unknown, Error *err);

#endif
