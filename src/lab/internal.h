/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/internal.h: what the files of this room share: schedules, a training in progress, a worker's reports.
 */
#ifndef LAB_INTERNAL_H
#define LAB_INTERNAL_H

#include "graph/exec.h"
#include "lab/lab.h"

#include <signal.h>

/* Set by a signal in a worker: the training stops at the next step, its state safe. */
extern volatile sig_atomic_t lab_stop;

/* Most metrics of a run: lab_run_identify refuses more, so that a step needs no allocation for them. */
enum { LAB_METRICS_MAX = 32 };

double lab_schedule_at(const LabSchedule *s, int epoch);

/* ---- reports from a worker to the sweep: fixed size, so that one write to the pipe is atomic ---------------------- */
typedef enum { LAB_TRAINING, LAB_EVALUATING, LAB_ENDED } LabReportKind;

typedef struct LabReport {
    size_t run;              /* index in the sweep */
    LabReportKind kind;
    int epoch;               /* the last complete one */
    double fraction;         /* of the whole training, 0 to 1 */
    double examples_per_second;
    double elbo, reconstruction, kl; /* of the last complete epoch, NaN when unknown */
    char status[16];         /* LAB_ENDED: as in results.db, or "skipped" */
    int resumed;             /* went on from a checkpoint */
    char text[1200];         /* LAB_EVALUATING: which; LAB_ENDED: the error, or empty */
} LabReport;

typedef struct LabReporter {
    int fd;       /* the pipe, or -1 */
    LabReport last;
    double sent;  /* when, in seconds; reports are thinned to 10 a second */
} LabReporter;

void lab_report(LabReporter *r, int now);

/* Seconds of a clock that never steps back. */
double lab_clock(void);

/* ---- training (train.c) -------------------------------------------------------------------------------------------- */
typedef enum { LAB_TRAINED, LAB_STOPPED, LAB_DIVERGED } LabTrainEnd;

/* Trains a claimed run from its checkpoint or from the start and records every epoch.  [OUT] *params: the final (or last) parameters,
 * to be freed by the caller; message (of a divergence).  -1 with *err when it could not go on. */
int lab_train(const LabRun *run, Store *s, int64_t id, LabReporter *reporter, GraphParams **params, LabTrainEnd *end,
              char *message, size_t message_size, Error *err);

/* ---- the E step of Monte Carlo EM (estep.c) -------------------------------------------------------------------------- */
typedef struct EStep EStep;

/* Chains for the n training examples of a run with posterior draws, all begun at z ~ N(0, I); plan: one for its largest minibatch, with
 * z fed and the objective "logjoint" climbed over it.  NULL with *err. */
EStep *estep_alloc(const LabRun *run, GraphExec *plan, size_t n, Error *err);
void estep_free(EStep *e);

/* Where every chain is and its step size, [OUT] *count floats: the whole state, for a checkpoint. */
float *estep_state(EStep *e, size_t *count);

/* Moves the chains of the examples example[rows], whose data `plan` has been given; its z holds the draws then.  number: of the
 * minibatch, the noise's address (streams "posterior/…" of the run's seed). */
void estep_draw(EStep *e, GraphExec *plan, const uint32_t *example, size_t rows, uint64_t number);

/* ---- checkpoints (checkpoint.c): bytes of a training's whole state ------------------------------------------------- */
typedef struct LabState {
    uint64_t epoch, batch;     /* the next step: batch `batch` (from 0) of epoch `epoch` (from 1) */
    uint64_t optimiser_steps;
    size_t ntotals;
    double *totals;            /* of the epoch so far */
    size_t nparams;
    float *params;
    size_t nstate;
    float *state;              /* the optimiser's */
    size_t nchains;
    float *chains;             /* the E step's; none where z is what the graph draws */
} LabState;

size_t lab_checkpoint_size(const LabState *s);
void lab_checkpoint_write(const LabState *s, unsigned char *bytes);
/* Reads into the arrays that *s points to.  -1, *s unchanged, when the bytes are not a checkpoint of these sizes. */
int lab_checkpoint_read(LabState *s, const unsigned char *bytes, size_t size);

/* ---- a worker (worker.c) and the sweep's display (progress.c) ------------------------------------------------------- */
/* Everything that one process does for one run.  Returns the exit status of the process, or leaves by LAB_LEFT_EVALUATION. */
int lab_worker(const LabRun *run, size_t index, int64_t id, const LabOptions *options, int report_fd);

/* The exit status of a worker that a signal ended in an evaluation: its run is done and recorded, the evaluation is made anew. */
enum { LAB_LEFT_EVALUATION = 99 };

/* [OUT] host, processor, instruction set, threads, versions: at most `max` entries; returns how many. */
size_t lab_environment(StoreParam *entries, size_t max, int threads);

typedef struct LabProgress LabProgress;
LabProgress *lab_progress_alloc(const LabRun *runs, size_t count, const LabOptions *options, Error *err);
void lab_progress_free(LabProgress *p);
void lab_progress_skip(LabProgress *p, size_t run);      /* it was done before */
void lab_progress_note(LabProgress *p, size_t run, const char *text); /* a line about a run that stays */
void lab_progress_stopping(LabProgress *p);              /* a signal came: workers bring their work to safety */
void lab_progress_start(LabProgress *p, size_t run);
void lab_progress_report(LabProgress *p, const LabReport *report);
void lab_progress_tick(LabProgress *p);                  /* redraws when it is time */
void lab_progress_end(LabProgress *p);                   /* clears the display */

#endif
