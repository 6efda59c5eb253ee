/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/report.h: the reports that a worker sends to the sweep through a pipe.  A report has a fixed size, so that one
 * write is atomic.
 */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include <stddef.h>

typedef enum { LAB_TRAINING, LAB_EVALUATING, LAB_ABANDONED, LAB_ENDED } LabReportKind;

typedef struct LabReport {
    size_t run;              /* index in the sweep */
    LabReportKind kind;
    int epoch;               /* the last complete one */
    double fraction;         /* of the whole training, 0 to 1 */
    double examples_per_second;
    double elbo, reconstruction, kl; /* of the last complete epoch; NaN when unknown */
    char status[16];         /* LAB_ENDED: as in results.db, or "evaluated", "busy" or "lost" */
    int resumed;             /* training continued from a checkpoint */
    int evaluations_failed;  /* LAB_ENDED: how many; text has the first one's error */
    char text[1200];         /* LAB_EVALUATING: the evaluation; LAB_ENDED: the error, or empty; LAB_ABANDONED: the
                                error that ends the worker */
} LabReport;

typedef struct LabReporter {
    int fd;                  /* the pipe, or -1 */
    LabReport last;
    double sent;             /* time of the last report, seconds */
} LabReporter;

/* A report without numbers. */
LabReport lab_report_none(size_t run);

/* Sends r->last; at most 10 times a second unless `now`. */
void lab_report(LabReporter *r, int now);

/* Seconds of a monotonic clock. */
double lab_clock(void);

#endif
