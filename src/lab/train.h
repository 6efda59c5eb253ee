/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/train.h: the training of one run.
 */
#ifndef LAB_TRAIN_H
#define LAB_TRAIN_H

#include "graph/exec.h"
#include "lab/plan.h"
#include "lab/report.h"
#include "store/store.h"

#include <signal.h>

/* A signal handler sets it: training then stops before its next step and records its state. */
extern volatile sig_atomic_t lab_stop;

/* Takes SIGHUP as `action` does, unless the process was told to ignore it (nohup).  [OUT] *old, where it is not NULL. */
void lab_catch_hangup(const struct sigaction *action, struct sigaction *old);

typedef enum { LAB_TRAINED, LAB_STOPPED, LAB_DIVERGED } LabTrainEnd;

/* Trains run number `id`, which this process has started, from its checkpoint or from the start, and records every
 * epoch.  [OUT] *params: the last parameters (the caller frees them); *end; message: of a divergence.  -1 with *err
 * when training cannot continue. */
int lab_train(const LabSpec *spec, Store *s, int64_t id, LabReporter *reporter, GraphParams **params, LabTrainEnd *end,
              char *message, size_t message_size, Error *err);

#endif
