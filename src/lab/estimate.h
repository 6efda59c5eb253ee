/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/estimate.h: what a run will take, before it starts.
 */
#ifndef LAB_ESTIMATE_H
#define LAB_ESTIMATE_H

#include "lab/lab.h"

/* Of one run.  Evaluations are not part of it: the record of earlier ones tells their time (store/read.h). */
typedef struct LabEstimate {
    double work;       /* multiply-adds of training and its tests; the same on every machine */
    double seconds;    /* of training and its tests, with the threads in force; 0: not measured */
    double memory;     /* bytes of a worker: graphs, parameters, the optimiser's state; without the data set */
    double disk;       /* bytes in the database: curves and weights */
    size_t parameters;
    char problem[320]; /* why it cannot be trained; else "".  The run fails when its turn comes */
} LabEstimate;

/* [OUT] estimate[count].  Runs that differ only in what changes no cost (seed, schedules, rates) are compiled once.
 * seconds > 0: also trains each different run for a part of so many seconds, records nothing, and fills
 * estimate[i].seconds; the thread pool of this process must not be in use.  A signal (lab_stop) ends the measurement:
 * what is left stays 0. */
int lab_estimate(const LabRun *runs, size_t count, double seconds, LabEstimate *estimate, Error *err);

#endif
