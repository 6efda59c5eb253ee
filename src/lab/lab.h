/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/lab.h: a run and a sweep.  A run is a frozen configuration; a sweep is a list of runs, each in its own process.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "infer/infer.h"
#include "lab/plan.h"
#include "lab/report.h"
#include "store/store.h"

#include <stdint.h>

/* All pointers are borrowed and must outlive the sweep. */
typedef struct LabRun {
    LabSpec spec;                       /* determines the numbers; all that the identity covers */

    /* bookkeeping: none of it changes a number */
    const char *experiment, *question, *script, *label;
    const StoreParam *params;           /* settings by which readers of the database compare runs */
    size_t nparams;
    const Graph *eval_graph;            /* spec.graph with further names, for evaluations; NULL: spec.graph */
    const StoreEvaluation *evaluations; /* of the trained model */
    size_t nevaluations;
    int phase; /* runs of phase 0 end before those of phase 1 start: a classifier that others need */
    void *context;                      /* the caller's own, for the evaluate hook */

    char identity[DIGEST_TEXT];         /* filled by lab_run_identify */
    char *plan;                         /* the training plan as JSON, filled by lab_run_identify; mem_free */
} LabRun;

/* lab_identify of run->spec; errors name the script, label and seed. */
int lab_run_identify(LabRun *run, Error *err);

/* The caller's evaluations, in the worker, after training or for a run trained earlier: called with the index in
 * run->evaluations of each evaluation that is not recorded yet.  Records the results with store_evaluation_put and
 * returns 0, or records nothing and returns -1 with *err. */
typedef struct LabHooks {
    int (*evaluate)(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err);
} LabHooks;

/* What happens in a sweep, for a display. */
typedef enum {
    LAB_NOTICE,       /* text: a line about the database or the sweep */
    LAB_RUN_LEFT_OUT, /* run: recorded before; text: that it diverged, or NULL */
    LAB_RUN_STARTED,  /* run */
    LAB_RUN_REPORT,   /* report; report->kind LAB_ENDED: the run's last */
    LAB_TICK          /* about 10 times a second */
} LabEventKind;

typedef struct LabEvent {
    LabEventKind kind;
    size_t run;       /* index in the sweep */
    const char *text;
    const LabReport *report;
} LabEvent;

/* Where the runs of a sweep come from, as its caller knows it.  The sweep adds the machine, the program and git. */
typedef struct LabProvenance {
    const StoreSource *sources; /* the script first, then the modules that it requires */
    size_t nsources;
    const char *library;        /* SHA-256 of the Lua library */
    const char *lua;            /* Lua's version */
} LabProvenance;

typedef struct LabOptions {
    const char *database;
    int jobs, threads;       /* at least 1 */
    int fresh;               /* supersede runs that are recorded, and run them again */
    const char *settings;    /* JSON of --set and profile, for the sweep's record */
    const char *part;        /* "3/8": these runs are that part of the sweep (shard.h); NULL: all */
    const LabProvenance *provenance; /* or NULL */
    const char *copy;        /* NULL, or a file to which the database is copied every copy_seconds; the caller makes the
                                last copy */
    double copy_seconds;
    LabHooks hooks;
    void (*event)(void *context, const LabEvent *event); /* or NULL */
    void *event_context;
} LabOptions;

typedef struct LabOutcome {
    size_t executed, resumed, skipped, failed, diverged, crashed,
        interrupted; /* skipped: trained before, perhaps evaluated now */
    size_t unbegun;          /* of those interrupted: the sweep ended before their turn */
    size_t busy;             /* not begun: another process is at work on them */
    size_t lost;             /* begun, then taken by another process (its lease had expired, release, --fresh) */
    size_t unevaluated;      /* of those executed, resumed or skipped: trained, but an evaluation failed */
    int64_t sweep;
} LabOutcome;

/* Runs them all (at least one), `jobs` at the same time, each in a forked process with its own connection; prints
 * nothing.  A run that fails, diverges or crashes leaves the others alone.  Returns 0 when the sweep could be carried
 * out, whatever its runs did (*outcome); -1 with ERR_SIGNAL (err->found holds the signal's number) after an
 * interruption; -1 with *err when it could not be carried out. */
int lab_sweep(LabRun *runs, size_t count, const LabOptions *options, LabOutcome *outcome, Error *err);

#endif
