/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/progress.h: shows a sweep at work, on standard error.
 */
#ifndef LAB_PROGRESS_H
#define LAB_PROGRESS_H

#include "lab/lab.h"
#include "lab/report.h"

typedef struct LabProgress LabProgress;
LabProgress *lab_progress_alloc(const LabRun *runs, size_t count, const LabOptions *options, Error *err);
void lab_progress_free(LabProgress *p);
void lab_progress_skip(LabProgress *p, size_t run);      /* it was done before */
void lab_progress_note(LabProgress *p, size_t run, const char *text); /* a line about a run that stays */
void lab_progress_stopping(LabProgress *p);              /* a signal came: workers record their work and stop */
void lab_progress_start(LabProgress *p, size_t run);
void lab_progress_report(LabProgress *p, const LabReport *report);
void lab_progress_tick(LabProgress *p);                  /* redraws when it is time */
void lab_progress_end(LabProgress *p);                   /* clears the display */

#endif
