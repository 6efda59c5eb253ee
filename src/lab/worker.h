/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/worker.h: the process of one run.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include "lab/lab.h"

#include <sys/types.h>

/* Starts, trains, finishes and evaluates run number `id`, the sweep's run `index`; reports through report_fd.  parent:
 * the sweep's process; when it dies, however it dies, the worker stops as at SIGTERM.  Returns the process's exit
 * status, or exits with LAB_LEFT_EVALUATION. */
int lab_worker(const LabRun *run, size_t index, int64_t id, const LabOptions *options, int report_fd, pid_t parent);

/* For code that cannot return from an evaluation, called in another thread than the worker's: sends the error to the
 * sweep, which records the evaluation as failed, and ends the process.  Does nothing in a process that is no worker. */
void lab_worker_abandon(const Error *err);

/* Exit status after a signal during an evaluation: the run is done and recorded, the evaluation starts again the next
 * time. */
enum { LAB_LEFT_EVALUATION = 99 };

/* Commits the end of a run with its parameters, their description and their digest. */
int lab_finish(Store *s, int64_t id, const char *status, const char *message, double seconds, GraphParams *params,
               Error *err);

/* Records the parameters of a finished run again where its weights were dropped. */
int lab_restore_weights(Store *s, int64_t id, GraphParams *params, Error *err);

#endif
