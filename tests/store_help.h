/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/store_help.h: what the tests of results.db share: a scratch folder, a run's specification, one value of a
 * query.
 */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/inside.h"

static char folder[64], database[128];

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/vae_lab_store_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(database, sizeof database, "%s/results.db", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "chmod -R u+rwx '%s'; rm -rf '%s'", folder, folder);
    return system(command) == 0 ? 0 : -1;
}

/* Fails the test with the text of the error. */
#define must(status) \
    do { \
        if ((status) != 0) { \
            char words[2000]; \
            error_text(words, sizeof words, &err); \
            fail_msg("%s: %s", #status, words); \
        } \
    } while (0)

static inline Store *open_or_fail(const char *path, StoreMode mode)
{
    Error err = ERROR_NONE;
    Store *s = store_open(path, mode, &err);
    must(s == NULL);
    return s;
}

static const StoreParam some_params[] = {{"beta", NULL, 0.5}, {"latent", NULL, 2}, {"act", "tanh", 0}};
static const StoreParam some_columns[] = {{"epochs", NULL, 10}, {"data", "digits dynamic", 0}};
static const StoreParam some_environment[] = {{"isa", "avx2", 0}, {"threads", NULL, 4}};

/* A run whose identity is the text given. */
static inline StoreRunSpec a_run(const char *identity, const char *label, uint64_t seed)
{
    return (StoreRunSpec){.experiment = "test",
                          .question = "does it work?",
                          .script = "test.lua",
                          .identity = identity,
                          .label = label,
                          .seed = seed,
                          .graph = "x = input",
                          .plan = "{\"epochs\": 10}",
                          .data_digest = "d1",
                          .columns = some_columns,
                          .ncolumns = 2,
                          .params = some_params,
                          .nparams = 3,
                          .environment = some_environment,
                          .nenvironment = 2};
}

static inline int64_t queue_run(Store *s, const char *identity, const char *label, uint64_t seed)
{
    Error err = ERROR_NONE;
    StoreRunSpec spec = a_run(identity, label, seed);
    StoreClaim claim;
    int64_t run;
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    return run;
}

static inline void record_one(Store *s, int64_t run, const char *name, int64_t step, double value)
{
    Error err = ERROR_NONE;
    StoreMetric m = {name, step, value, NULL};
    must(store_run_record(s, run, &m, 1, NULL, &err));
}

static inline int take_value_of(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)columns, (void)names;
    *(double *)context = values[0].type == STORE_NULL ? NAN : values[0].real;
    return 1;
}

/* The first column of the first row as a number; NaN for NULL; -12345 when there is no row. */
static inline double number(Store *s, const char *sql)
{
    Error err = ERROR_NONE;
    double value = -12345;
    must(store_query(s, sql, NULL, 0, take_value_of, &value, &err));
    return value;
}

static inline int take_text_of(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)columns, (void)names;
    snprintf(context, 100, "%s", values[0].type == STORE_TEXT ? (const char *)values[0].bytes : "(no text)");
    return 1;
}

/* The first column of the first row as a text. */
static inline const char *words(Store *s, const char *sql)
{
    static char value[100];
    Error err = ERROR_NONE;
    strcpy(value, "(no row)");
    must(store_query(s, sql, NULL, 0, take_text_of, value, &err));
    return value;
}

#endif
