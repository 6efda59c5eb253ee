/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/store.h: results.db: opening it, recording runs, and queries.  read.h has the named readers.
 *
 * All functions return 0, or -1 with *err (ERR_STORE): what failed, the file, SQLite's message, a hint.  After a
 * failure nothing of that call is in the database.  Tables and views are explained in schema*.sql.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Store Store;

typedef enum { STORE_READ, STORE_WRITE } StoreMode;

/* Opens a database.  STORE_WRITE creates it (and its folder) where it is missing, and migrates an older one.
 * STORE_READ does neither: an older one is migrated in a private temporary copy (above 4 GB it is refused).  Refused,
 * each with its own message: missing, unwritable, locked beyond the timeout, of another application, newer, damaged,
 * not a database, on a network file system. */
Store *store_open(const char *path, StoreMode mode, Error *err);
void store_close(Store *s);
const char *store_path(const Store *s);

/* A message for the user where this call of store_open made the file ("… keeps a rollback journal, because …"); else
 * NULL. */
const char *store_notice(const Store *s);

/* Reads the whole file; checks its structure and its foreign keys. */
int store_check(Store *s, Error *err);

/* SQLite's version ("3.40.1"). */
const char *store_version(void);

/* A setting of a run: a number or a text. */
typedef struct StoreParam {
    const char *name;
    const char *text; /* NULL: a number */
    double number;
} StoreParam;

/* A text that a run was made from.  role: "script", "module" or "difference"; path: as the script names it. */
typedef struct StoreSource {
    const char *role, *path;
    const void *bytes;
    size_t size;
} StoreSource;

/* Everything that determines a run, known before its first step. */
typedef struct StoreRunSpec {
    const char *experiment, *question, *script; /* name, question, path of the script */
    const char *identity, *label;               /* SHA-256; "beta=1" */
    uint64_t seed;
    const char *graph, *plan;  /* canonical texts; plan is JSON */
    const char *shared_plan;   /* what runs of one configuration have in common of it; NULL: all */
    const char *data_digest;   /* SHA-256 */
    const StoreParam *columns; /* further columns of table `run`, by name: "epochs", "data" … */
    size_t ncolumns;
    const StoreParam *params;
    size_t nparams;
    const StoreParam *environment; /* host, cpu, isa, threads, versions … */
    size_t nenvironment;
    const char *data_options;      /* JSON that opens the data set again; NULL: not recorded */
    const StoreSource *sources;
    size_t nsources;
} StoreRunSpec;

typedef enum { STORE_NEW, STORE_RESUMED, STORE_DONE, STORE_BUSY } StoreClaim;

/* Looks a run up by its identity; superseded runs are left out.  [OUT] NEW, *run 0: there is none; DONE: finished or
 * diverged; BUSY: another process holds it (StoreHolder.alive); RESUMED: unfinished, free to be taken. */
int store_run_find(Store *s, const char *identity, int64_t *run, StoreClaim *claim, Error *err);

/* Commits the run's row with status `queued` (NEW), or leaves the existing row (RESUMED, DONE, BUSY).  `fresh`: an
 * existing run of that identity is superseded (kept, but left out of the views) and a new row made.  In all cases
 * the run becomes one of the experiment's, under this label and with these params, whichever experiment made the
 * row.  Environment and sources are recorded until a run has begun; data options also where they are missing. */
int store_run_queue(Store *s, const StoreRunSpec *spec, int fresh, int64_t *run, StoreClaim *claim, Error *err);

/* Takes a queued, interrupted, crashed or failed run for this process, and with it a new lease: every later write of
 * the run through this connection fails once another process has taken it.  BUSY when another process that is alive
 * took it first, or it is superseded. */
int store_run_start(Store *s, int64_t run, StoreClaim *claim, Error *err);

/* ---- leases: which process holds a run ------------------------------------------------------------------------- */

/* The process that holds a run, or held it last.  On this machine and in this PID namespace (`here`) the process
 * itself is asked; elsewhere (another machine, another container) it counts as alive until its lease expires: until it
 * has given no sign of life for VAE_LAB_LEASE seconds (120). */
typedef struct StoreHolder {
    char host[256];
    int64_t process;   /* 0: no process */
    int here, alive;
    int container;     /* it runs in a PID namespace that is not its machine's first: a container */
    int restarted;     /* it ran on this machine before the machine was started */
    int64_t age, left; /* seconds since its last sign of life, and until its lease expires */
} StoreHolder;

int store_run_holder(Store *s, int64_t run, StoreHolder *holder, Error *err);
/* [OUT] text[size]: "process 7 on host box (a container), last sign of life 5 s ago, its lease expires in 115 s". */
void store_holder_text(const StoreHolder *holder, char *text, size_t size);

/* How often a process records a sign of life of what it holds: a twelfth of the lease, in seconds. */
double store_beat_seconds(const Store *s);
/* Records one of the run that this connection has started.  Every write of the run does so too. */
int store_run_beat(Store *s, int64_t run, Error *err);
/* Records one of the runs that this process has queued. */
int store_queue_beat(Store *s, Error *err);

/* Whether a write was refused because another process has taken the run that this connection had started. */
int store_lost(const Store *s);

/* Takes the run from the process that holds it: status `crashed` where that is gone, else `interrupted`; the next
 * `vae-lab run` resumes it.  [OUT] *holder: it.  A process that is alive and `here` keeps it unless `force`; it then
 * stops at its next write.  ERR_RUN where that is refused, or nothing holds the run. */
int store_run_release(Store *s, int64_t run, int force, StoreHolder *holder, Error *err);

/* ---- what a run records ---------------------------------------------------------------------------------------- */
typedef struct StoreMetric {
    const char *name;
    int64_t step; /* epoch from 1; 0 for a number about the whole run */
    double value; /* not finite: stored as NULL with its kind */
    const char *scale; /* of its interval over seeds: "log" for positive quantities, "logit" for those between 0 and 1;
                          NULL: linear */
} StoreMetric;

/* The state from which training resumes: bytes that lab makes and reads. */
typedef struct StoreCheckpoint {
    uint64_t step;
    const void *bytes;
    size_t size;
} StoreCheckpoint;

/* Commits metrics, and the checkpoint unless it is NULL, in one transaction.  A metric that is recorded already (an
 * epoch repeated after a resume) must be equal to the bit, else error "not reproducible" with both values.  time/…
 * (the machine) and step 0 (an evaluation) are replaced. */
int store_run_record(Store *s, int64_t run, const StoreMetric *metrics, size_t count, const StoreCheckpoint *checkpoint,
                     Error *err);

/* [OUT] *bytes (mem_free) and *size of the last checkpoint; *bytes NULL when there is none. */
int store_run_checkpoint(Store *s, int64_t run, uint64_t *step, void **bytes, size_t *size, Error *err);

/* An array or a file of a run: "weights", "originals" …  Replaces one of the same name.  meta: JSON or NULL. */
int store_artifact_put(Store *s, int64_t run, const char *name, const char *kind, const char *meta, const void *bytes,
                       size_t size, Error *err);
/* [OUT] *bytes (mem_free), *size; *bytes NULL when there is none. */
int store_artifact_get(Store *s, int64_t run, const char *name, void **bytes, size_t *size, Error *err);

/* An evaluation of a trained run: lab.eval.NAME with its options (numbers, texts, lists as JSON arrays, "[1,5,50]"). */
typedef struct StoreEvaluation {
    const char *name;
    const StoreParam *options;
    size_t noptions;
} StoreEvaluation;

typedef struct StoreArtifact {
    const char *name, *kind, *meta; /* as in store_artifact_put */
    const void *bytes;
    size_t size;
} StoreArtifact;

/* q(z|x) of n examples: their numbers and labels (NULL or -1: none); mu, sigma (n, d). */
typedef struct StorePosteriors {
    size_t n, d;
    const int64_t *example;
    const int *label;
    const float *mu, *sigma;
} StorePosteriors;

/* What an evaluation has measured. */
typedef struct StoreResults {
    const StoreMetric *metrics;
    size_t nmetrics;
    const StoreArtifact *artifacts;
    size_t nartifacts;
    const StorePosteriors *posteriors; /* NULL: none; else they replace those of the run */
    double seconds;                    /* wall-clock time that it took; 0: not known */
} StoreResults;

/* Records in one transaction that a run was evaluated with these options, and its results (NULL: none).  Replaces an
 * evaluation of the same name, also a failed one. */
int store_evaluation_put(Store *s, int64_t run, const StoreEvaluation *e, const StoreResults *results, Error *err);
/* Records that an evaluation failed, and why.  Replaces one of the same name; results of an earlier one stay. */
int store_evaluation_fail(Store *s, int64_t run, const StoreEvaluation *e, const char *message, Error *err);
/* [OUT] *recorded: whether the run was evaluated with exactly these options, without failing. */
int store_evaluation_find(Store *s, int64_t run, const StoreEvaluation *e, int *recorded, Error *err);

/* [OUT] *seconds: how long an evaluation with exactly these options took, the mean of the latest runs; NaN where no record
 * tells. */
int store_evaluation_seconds(Store *s, const StoreEvaluation *e, double *seconds, Error *err);

/* Ends a run: weights, digest, status (`done`, `diverged`, `failed`, `interrupted`), message, seconds, in one
 * transaction.  With `done` and `diverged` the checkpoint is dropped; else kept, so that the run can go on.  weights
 * NULL: none. */
int store_run_finish(Store *s, int64_t run, const char *status, const char *message, double seconds, const char *digest,
                     const void *weights, size_t size, const char *weights_meta, Error *err);

/* Ends a run that this process queued and that no process started, with this status.  Leaves any other run as it is. */
int store_run_dequeue(Store *s, int64_t run, const char *status, const char *message, Error *err);

/* Marks runs that are `running` or `queued`, but whose process is gone, as `crashed`.  [OUT] *count. */
int store_reap(Store *s, int *count, Error *err);

/* Records one call of `vae-lab run`: its settings (JSON), which part of the sweep it had ("3/8"; NULL: all), and runs. */
int store_sweep_put(Store *s, const char *experiment, const char *settings, const char *part, const int64_t *runs,
                    size_t count, int64_t *sweep, Error *err);

/* Records that a figure was drawn: its file and the file's SHA-256. */
int store_figure_put(Store *s, const char *experiment, int64_t sweep, const char *name, const char *format,
                     const char *path, const char *digest, Error *err);

/* The verdict on a claim of a sweep's script: the band low … high (NaN: open on that side), and what was measured
 * (NaN: nothing).  The columns of the table `claim` have the same names (schema_7.sql says more). */
typedef struct StoreVerdict {
    const char *claim, *quantity, *source, *note; /* source and note may be NULL */
    const char *metric, *configuration; /* where the value is one metric of one configuration; else NULL */
    double low, high, value, ci_low, ci_high, level, p, population_low, population_high;
    int64_t seeds, seeds_needed;         /* seeds_needed 0: not known */
    const char *verdict;                 /* "holds", "refuted", "undecided", "open" */
    const char *scale, *reason, *post_hoc; /* reason: why the mean alone is judged; post_hoc: what was set in the claim
                                              after its result had been seen; each may be NULL */
} StoreVerdict;

/* Records the verdicts of a sweep in their order; replaces earlier ones. */
int store_verdicts_put(Store *s, int64_t sweep, const StoreVerdict *verdicts, size_t count, Error *err);

/* Runs a SELECT; a statement that would write is refused.  args bind to ?1, ?2 …  `row` is called for each row, and
 * returns 0 to continue. */
typedef enum { STORE_NULL, STORE_INTEGER, STORE_REAL, STORE_TEXT, STORE_BLOB } StoreType;
typedef struct StoreValue {
    StoreType type;
    int64_t integer;
    double real;
    const void *bytes; /* text (terminated) or blob; valid during the callback */
    size_t size;
} StoreValue;
/* The text of a value; "" where it is none: in a damaged file a column of texts may hold anything. */
const char *store_text_of(const StoreValue *v);
typedef int (*StoreRow)(void *context, int columns, const char *const *names, const StoreValue *values);
int store_query(Store *s, const char *sql, const StoreValue *args, size_t nargs, StoreRow row, void *context,
                Error *err);

#endif
