/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/worker.h: the process of one run.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include "lab/lab.h"

/* Starts, trains, finishes and evaluates run number `id`, the sweep's run `index`; reports through report_fd.  Returns
 * the process's exit status, or exits with LAB_LEFT_EVALUATION. */
int lab_worker(const LabRun *run, size_t index, int64_t id, const LabOptions *options, int report_fd);

/* Exit status after a signal during an evaluation: the run is done and recorded, the evaluation starts again the next
 * time. */
enum { LAB_LEFT_EVALUATION = 99 };

#endif
