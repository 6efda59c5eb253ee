/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/progress.h: shows a sweep on standard error while it runs.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "lab/lab.h"

typedef struct CliProgress CliProgress;

/* quiet: only runs that failed, diverged, crashed or were lost are printed.  NULL with *err. */
CliProgress *cli_progress_alloc(const LabRun *runs, size_t count, int quiet, Error *err);
void cli_progress_free(CliProgress *p); /* clears the display */

/* LabOptions.event; context: the CliProgress. */
void cli_progress_event(void *context, const LabEvent *event);

#endif
