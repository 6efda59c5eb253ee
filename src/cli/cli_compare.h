/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_compare.h: the configurations that are compared, as they are read from results.db (cli_choose.c), for cli_compare.c to
 * print.
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

#endif
