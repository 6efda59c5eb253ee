/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_compare.h: the configurations that are compared, as they are read from results.db (cli_choose.c), what stands beside their
 * values (cli_beside.c) and in what they differ (cli_differs.c), for cli_compare.c and cli_show.c to print.
 */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/cli.h"
#include "store/store.h"

/* The last value of one metric of one run that is done. */
typedef struct CliValue {
    char metric[96], seed[24];
    double value; /* may be not finite */
} CliValue;

/* Runs that differ by their seed alone. */
typedef struct CliConfig {
    char experiment[128], label[128], configuration[72], data[96];
    int64_t run;              /* one of its runs: its settings stand for all */
    int done, runs, diverged; /* how many of its runs are done, there are, diverged */
    long long draws;          /* of lab.eval.nll for each example; 0 where it was not asked for */
    CliValue *value;
    size_t values;
} CliConfig;

typedef struct CliConfigs {
    CliConfig *config;
    size_t count, capacity;
    size_t matched; /* by the name that is looked up now */
    int failed;
} CliConfigs;

/* Reads the configurations that `names` choose: numbers of runs, labels, experiments, EXPERIMENT/LABEL; none: those of the latest
 * sweep. */
int cli_configs_read(CliConfigs *list, Store *s, char *const *names, int count, Error *err);
void cli_configs_free(CliConfigs *list);

/* A, B … Z, AA, AB …: what a configuration is called.  The text lasts until the next but one call. */
const char *cli_letter(size_t i);

/* Prints the settings in which they differ, if any (cli_differs.c). */
int cli_differs_print(Store *s, const CliConfigs *list, Error *err);

/* [OUT] value (mem_free) and count: the last values of one run, whatever its status. */
int cli_run_values(CliValue **value, size_t *count, Store *s, int64_t run, Error *err);

/* A query: how many draws for each example run ?1 was evaluated with by lab.eval.nll. */
#define CLI_NLL_DRAWS "SELECT value FROM evaluation_option WHERE run = ?1 AND evaluation = 'nll' AND name = 'samples'"

/* ---- what stands beside a value (cli_beside.c) ---- */

/* The band that an experiment's claims leave for a metric of a configuration, and where they have it from.  NaN: open. */
typedef struct CliExpected {
    size_t claims; /* 0: nothing is expected */
    double low, high;
    char source[512];
} CliExpected;

int cli_expected_read(CliExpected *e, Store *s, const CliConfig *c, const char *metric, Error *err);
int cli_expected_has(const CliExpected *e, double value);

/* How far an estimate may be trusted, in the mean over the seeds: its standard error over the examples (METRIC_se; NaN: not
 * recorded) and, of .../nll, the effective sample size of its importance weights (NaN) among so many draws (0). */
typedef struct CliEstimate {
    double se, ess;
    long long draws;
} CliEstimate;

CliEstimate cli_estimate_of(const CliConfig *c, const char *metric);

/* Within one run an expected bound on log p(x) cannot fall as the number of draws grows (Burda et al., theorem 1): one that does, by
 * more than so many standard errors, was evaluated wrongly. */
enum { CLI_FALL_ERRORS = 3 };
typedef struct CliFall {
    char of[96], from[96], seed[24];
    double by, se; /* nats per example */
} CliFall;

/* [OUT] the worst fall among the values of one or more runs, told apart by their seeds; 0 when there is none. */
int cli_fall_find(CliFall *worst, const CliValue *value, size_t count);
void cli_fall_spell(char *text, size_t size, const CliFall *f);

#endif
