/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read.h: named readers of results.db, so that no other room needs SQL.
 *
 * A reader that hands out rows calls `row` for each, as store_query does; its columns are named here.  All functions
 * return 0, or -1 with *err.  "Where there is none" is no error unless stated.
 */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "base/digest.h"
#include "store/store.h"

/* ---- one run (read_run.c); ERR_STORE where there is no run of that number --------------------------------------- */

/* [OUT] *graph: the canonical text; mem_free. */
int store_run_graph(Store *s, int64_t run, char **graph, Error *err);

/* [OUT] *rng: the random number generator that the training plan names; mem_free; NULL for the default. */
int store_run_rng(Store *s, int64_t run, char **rng, Error *err);

/* [OUT] status, "done", and message[size]: why it failed or diverged, "" where nothing is recorded. */
enum { STORE_STATUS = 16 };
int store_run_status(Store *s, int64_t run, char status[STORE_STATUS], char *message, size_t size, Error *err);

/* [OUT] *epoch: the last epoch that is recorded, 0 where none is. */
int store_run_last_epoch(Store *s, int64_t run, int64_t *epoch, Error *err);

/* What is recorded of one run, part by part. */
typedef enum {
    STORE_RUN_DETAILS,        /* one row: the columns of the view `details` */
    STORE_RUN_CURVES,         /* metric, value, kind: of every epoch, in order; value NULL where it is not finite */
    STORE_RUN_METRICS,        /* metric, step, value: all of them; what is not finite as 'nan', 'inf', '-inf' */
    STORE_RUN_LAST_VALUES,    /* metric, seed, value, kind */
    STORE_RUN_LIKELIHOOD,     /* nll, standard error, effective sample size, draws: of lab.eval.nll */
    STORE_RUN_NUMBERS,        /* metric, value, standard error: the numbers about the whole run (step 0) */
    STORE_RUN_SETTINGS,       /* name, value: under the names of the first experiment that needed the run */
    STORE_RUN_OTHER_SETTINGS, /* experiment, name, value: where another experiment has another name or value */
    STORE_RUN_EXPERIMENTS,    /* experiment, label */
    STORE_RUN_SWEEPS,         /* sweep, position */
    STORE_RUN_PLAN,           /* name, value: the training plan, long values cut */
    STORE_RUN_PLAN_JSON,      /* one text */
    STORE_RUN_EVALUATIONS,    /* evaluation, options: "examples=0 samples=500"; without those that failed */
    STORE_RUN_EVALUATION_OPTIONS, /* evaluation, option, value; without those that failed */
    STORE_RUN_FAILED_EVALUATIONS, /* evaluation, message */
    STORE_RUN_ARTIFACTS,      /* name, kind, bytes, meta */
    STORE_RUN_ENVIRONMENT,    /* name, value */
    STORE_RUN_POSTERIORS,     /* example, label, mu, sigma: the recorded posteriors, little-endian float32 */
    STORE_RUN_SOURCES,        /* role, path, bytes, digest: of the texts that it was made from */
    STORE_RUN_PARTS
} StoreRunPart;
int store_run_read(Store *s, int64_t run, StoreRunPart part, StoreRow row, void *context, Error *err);

/* ---- where a run comes from (source.c) --------------------------------------------------------------------------- */

/* What the database holds to train a run again, and how it ended.  The texts are "" where nothing is recorded. */
typedef struct StoreRecordedRun {
    char *experiment, *label, *script;              /* of the experiment that trained it; script: its path */
    char *identity, *graph, *plan;
    char *data, *data_digest, *data_options;
    char *status, *message, *digest, *imported;
    char *cpu, *isa, *arithmetic;                   /* of the environment */
    char *settings, *script_digest;                 /* JSON of its first sweep; SHA-256 of the script's text */
    uint64_t seed;
    int64_t last_epoch;                             /* recorded, whatever the metric; 0: none */
    double test_elbo;                               /* the last one of an epoch, nats per example; NaN: none */
} StoreRecordedRun;
/* [OUT] *r: store_recorded_run_free, in any case. */
int store_recorded_run(Store *s, int64_t run, StoreRecordedRun *r, Error *err);
void store_recorded_run_free(StoreRecordedRun *r);

/* [OUT] *bytes (mem_free; terminated), *size, digest: a text that the run was made from; path NULL: its script, else the
 * text of that path, or of the path that ends so.  *bytes NULL where there is none. */
int store_run_source(Store *s, int64_t run, const char *path, void **bytes, size_t *size, char digest[DIGEST_TEXT],
                     Error *err);

/* ---- runs in an experiment, under its label and its names of settings (read_run.c) ------------------------------ */

/* The columns of the view `runs`, all or those that fit a page. */
typedef struct StoreRunFilter {
    const char *experiment; /* NULL: of all experiments */
    const char *where;      /* a condition in SQL over the columns of `runs`; NULL: none */
    const char *sort;       /* a column, "-elbo": descending; NULL: by number */
    int all_columns;
} StoreRunFilter;
/* ERR_USAGE where the view has no such column to sort by, with the nearest one. */
int store_runs_read(Store *s, const StoreRunFilter *filter, StoreRow row, void *context, Error *err);

/* name, value: the settings of a run. */
int store_run_settings(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err);

/* name, value: the last value of each metric; NULL where it is not finite. */
int store_run_last_values(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err);

/* ---- names (read_run.c) ----------------------------------------------------------------------------------------- */

/* [OUT] nearest: the name of an experiment, or with `labels` of a run's label, that is most like `name`, the name
 * itself where it exists; "" where none is alike. */
enum { STORE_NAME = 128 };
int store_nearest_name(Store *s, const char *name, int labels, char nearest[STORE_NAME], Error *err);

/* ---- sweeps (read_sweep.c) -------------------------------------------------------------------------------------- */

/* The columns of the view `runs`: the finished runs of a sweep that belong to the experiment, in the sweep's order. */
int store_sweep_runs(Store *s, int64_t sweep, const char *experiment, StoreRow row, void *context, Error *err);

/* id, label, seed, status, elbo, reconstruction, kl, nll: all runs of a sweep, whatever their status, by their
 * numbers. */
int store_sweep_results(Store *s, int64_t sweep, StoreRow row, void *context, Error *err);

typedef struct StoreSweep {
    int64_t id; /* 0: there is none */
    int64_t runs, done;
} StoreSweep;
/* [OUT] *sweep: the latest of the experiment (sweep > 0: only that one) that was run with all settings "key=value"
 * in set[n]. */
int store_sweep_find(Store *s, const char *experiment, int64_t number, const char *const *set, size_t n,
                     StoreSweep *sweep, Error *err);

/* ---- claims (read_sweep.c) -------------------------------------------------------------------------------------- */

/* Called for each verdict; the texts are valid during the call. */
typedef int (*StoreVerdictRow)(void *context, const char *experiment, const StoreVerdict *verdict);
/* The verdicts of one sweep. */
int store_sweep_verdicts(Store *s, int64_t sweep, StoreVerdictRow row, void *context, Error *err);
/* The latest verdicts (view `claims`), of one experiment where that is not NULL; as typed rows, and as the view's
 * columns. */
int store_claims(Store *s, const char *experiment, StoreVerdictRow row, void *context, Error *err);
int store_claims_read(Store *s, const char *experiment, StoreRow row, void *context, Error *err);

/* [OUT] scale: of the metric's interval over seeds, "log" or "logit"; "" for the linear one and for an unknown metric. */
enum { STORE_SCALE = 8 };
int store_metric_scale(Store *s, const char *metric, char scale[STORE_SCALE], Error *err);

/* What an experiment's latest claims expect of a metric of a configuration. */
typedef struct StoreBand {
    size_t claims;    /* 0: nothing is expected */
    double low, high; /* NaN: open */
    char source[512];
} StoreBand;
int store_expected(Store *s, const char *experiment, const char *configuration, const char *metric, StoreBand *band,
                   Error *err);

/* ---- configurations: runs that differ by their seed alone (read_configuration.c) -------------------------------- */

typedef struct StoreConfiguration {
    char experiment[STORE_NAME], label[STORE_NAME], configuration[72], data[96];
    int64_t run;              /* the first of its runs that is done, else the first: its settings hold for all */
    int runs, done, diverged; /* how many of its runs there are, are done (a seed once), diverged */
    int unevaluated;          /* how many of those that are done have a failed evaluation */
    int repeated;             /* done, but a later run has the same seed (another arithmetic version), which counts */
} StoreConfiguration;
typedef int (*StoreConfigurationRow)(void *context, const StoreConfiguration *configuration);

/* The configurations that a name chooses: a run's number ("12", "#12"), a label, an experiment or EXPERIMENT/LABEL,
 * whichever is found first; NULL: those of the latest sweep that are its experiment's own.  No row where nothing has
 * that name. */
int store_configurations(Store *s, const char *name, StoreConfigurationRow row, void *context, Error *err);

/* metric, seed (text), value, kind, scale: the last values of the configuration's runs that are done, the latest of each
 * seed. */
int store_configuration_values(Store *s, const StoreConfiguration *c, StoreRow row, void *context, Error *err);

/* name, i, value (text or NULL): the settings, leaves of the training plan, data and graph in which configurations
 * differ, by name; i is the index in c[n].  A configuration that lacks the setting has no row. */
int store_configuration_differences(Store *s, const StoreConfiguration *const *c, size_t n, StoreRow row, void *context,
                                    Error *err);

/* The same for where the first run of each comes from: machine, program, versions, texts (by their digests). */
int store_configuration_origins(Store *s, const StoreConfiguration *const *c, size_t n, StoreRow row, void *context,
                                Error *err);

/* [OUT] *draws: of lab.eval.nll for each example of a run; 0 where the run was not evaluated so. */
int store_nll_draws(Store *s, int64_t run, int64_t *draws, Error *err);

/* ---- the whole file (read_sweep.c) ------------------------------------------------------------------------------ */

typedef struct StoreContents {
    int64_t runs, done, metrics;
    int64_t bytes;
    int wal; /* it keeps a write-ahead log */
} StoreContents;
int store_contents(Store *s, StoreContents *contents, Error *err);

#endif
