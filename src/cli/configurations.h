/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/configurations.h: the configurations that `vae-lab compare` compares, with their values; what is known about a
 * value's error.
 */
#ifndef CLI_CONFIGURATIONS_H
#define CLI_CONFIGURATIONS_H

#include "cli/table.h"
#include "stats/verdict.h"
#include "store/read.h"

/* The last value of one metric of one run. */
typedef struct CliValue {
    char metric[96], seed[24];
    double value; /* may be not finite */
    StatsScale scale; /* of its interval over seeds */
} CliValue;

typedef struct CliConfiguration {
    StoreConfiguration is;
    char letter[3]; /* A, B … Z, AA, AB …: its name in the tables */
    int64_t draws; /* of lab.eval.nll for each example; 0 where it was not evaluated so */
    CliValue *value;
    size_t values, capacity;
    int failed; /* no memory for a value */
} CliConfiguration;

typedef struct CliConfigurations {
    CliConfiguration *list;
    size_t count, capacity;
    size_t matched; /* by the name that is being looked up */
    int failed;
} CliConfigurations;

/* Reads the configurations that `names` choose (store_configurations), each once; without names those of the latest
 * sweep.  ERR_USAGE where nothing has one of the names, with the nearest one. */
int cli_configurations_read(CliConfigurations *c, Store *s, char *const *names, int count, Error *err);
void cli_configurations_free(CliConfigurations *c);

/* A StoreRow of metric, seed, value, kind and perhaps scale, its context a CliConfiguration: adds a value.  Then cli_values_finish,
 * with the reader's status, reports a failed allocation. */
int cli_values_take(void *context, int columns, const char *const *names, const StoreValue *v);
int cli_values_finish(const CliConfiguration *c, int status, Error *err);

/* The finite value of a metric of the run with that seed; NULL where there is none. */
const CliValue *cli_finite_value(const CliConfiguration *c, const char *metric, const char *seed);

/* A recorded number: the value, or what its kind says ('nan', 'inf', '-inf'). */
double cli_value_or_kind(const StoreValue *value, const StoreValue *kind);

/* ---- estimates (estimates.c) ---- */

/* How far an estimate may be trusted, in the mean over the seeds: its standard error over the examples (METRIC_se;
 * NaN: not recorded) and, of …/nll, the effective sample size of its importance weights (NaN: not recorded) among so
 * many draws (0). */
typedef struct CliEstimate {
    double se, ess;
    int64_t draws;
} CliEstimate;
CliEstimate cli_estimate_of(const CliConfiguration *c, const char *metric);

/* Within one run an expected bound on log p(x) cannot fall as the number of draws grows (Burda et al., arXiv
 * 1509.00519, theorem 1), and lower bound <= exact value <= upper bound: what breaks this by more than 3 standard errors
 * was evaluated wrongly.  [OUT] text: the worst such case among the runs, which differ by their seeds; returns 0, text
 * "", where there is none. */
int cli_falling_bound(char *text, size_t size, const CliConfiguration *c);

#endif
