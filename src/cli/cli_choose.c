/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_choose.c: which configurations `vae-lab compare` was asked for, and their values.
 */
#include "cli/cli_compare.h"
#include "cli/cli_query.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy(char *to, size_t size, const StoreValue *v)
{
    snprintf(to, size, "%s", v->type == STORE_TEXT ? (const char *)v->bytes : "");
}

/* ---- configurations -------------------------------------------------------------------------------------------------- */

/* Each configuration once, in the order in which it was asked for. */
static int add_config(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CliConfigs *list = context;
    CliConfig c = {.run = v[4].integer, .done = (int)v[5].integer, .runs = (int)v[6].integer, .diverged = (int)v[7].integer};
    (void)columns, (void)names;
    list->matched++;
    copy(c.experiment, sizeof c.experiment, &v[0]);
    copy(c.label, sizeof c.label, &v[1]);
    copy(c.configuration, sizeof c.configuration, &v[2]);
    copy(c.data, sizeof c.data, &v[3]);
    for (size_t i = 0; i < list->count; i++)
        if (list->config[i].run == c.run && strcmp(list->config[i].experiment, c.experiment) == 0)
            return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        CliConfig *config = mem_grow(list->config, list->capacity * sizeof *config, capacity * sizeof *config);
        if (config == NULL)
            return list->failed = 1;
        list->config = config;
        list->capacity = capacity;
    }
    list->config[list->count++] = c;
    return 0;
}

/* Configurations of which a run is chosen, as the experiments call them; `choice` speaks of the rows of m. */
#define CONFIG_SQL(choice)                                                                                                 \
    "WITH m AS (SELECT k.experiment, k.label, r.configuration, r.data, r.id, r.status, r.experiment AS first "             \
    "FROM member k JOIN run r ON r.id = k.run WHERE r.superseded_by IS NULL) "                                             \
    "SELECT e.name, m.label, m.configuration, m.data, min(m.id), sum(m.status = 'done'), count(*), "                       \
    "sum(m.status = 'diverged') FROM m JOIN experiment e ON e.id = m.experiment "                                          \
    "WHERE (m.experiment, m.label, m.configuration) IN (SELECT experiment, label, configuration FROM m WHERE " choice ") " \
    "GROUP BY m.experiment, m.label, m.configuration ORDER BY min(m.id), m.experiment"

static int read_choice(CliConfigs *list, Store *s, const char *sql, const StoreValue *args, size_t nargs, Error *err)
{
    if (store_query(s, sql, args, nargs, add_config, list, err) != 0)
        return -1;
    return list->failed ? error_memory(err, "configurations") : 0;
}

typedef struct Nearest {
    const char *word;
    char best[128];
} Nearest;

static int closer(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Nearest *n = context;
    (void)columns, (void)names;
    const char *both[2] = {v[0].bytes, n->best};
    const char *nearest = text_nearest(n->word, both, n->best[0] == '\0' ? 1 : 2);
    if (nearest != NULL && nearest != n->best)
        snprintf(n->best, sizeof n->best, "%s", nearest);
    return 0;
}

static int nothing_of_that_name(Store *s, const char *name, Error *err)
{
    Nearest n = {.word = name};
    if (store_query(s, "SELECT name FROM experiment UNION SELECT DISTINCT label FROM member", NULL, 0, closer, &n, err) != 0)
        return -1;
    error_set(err, ERR_USAGE, "there is no run, label or experiment '%s'", name);
    error_where(err, "%s", store_path(s));
    return n.best[0] != '\0' ? error_hint(err, "did you mean '%s'?", n.best)
                             : error_hint(err, "vae-lab runs lists what there is");
}

static int read_name(CliConfigs *list, Store *s, const char *name, Error *err)
{
    long long number;
    StoreValue value = cli_text_value(name);
    Error ignored = ERROR_NONE;
    static const char *const choice[] = {
        CONFIG_SQL("label = ?1"),
        CONFIG_SQL("experiment = (SELECT id FROM experiment WHERE name = ?1)"),
        CONFIG_SQL("?1 = (SELECT name FROM experiment WHERE id = m.experiment) || '/' || label"),
    };
    list->matched = 0;
    if (cli_run_number(name, &number, &ignored) == 0) {
        value = cli_integer_value(number);
        if (read_choice(list, s, CONFIG_SQL("id = ?1 AND experiment = first"), &value, 1, err) != 0)
            return -1;
    } else {
        for (size_t i = 0; i < sizeof choice / sizeof choice[0] && list->matched == 0; i++)
            if (read_choice(list, s, choice[i], &value, 1, err) != 0)
                return -1;
    }
    return list->matched > 0 ? 0 : nothing_of_that_name(s, name, err);
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

typedef struct Gather {
    CliConfig *config;
    size_t capacity;
    int failed;
} Gather;

static int add_value(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Gather *g = context;
    CliConfig *c = g->config;
    (void)columns, (void)names;
    if (c->values == g->capacity) {
        CliValue *value = mem_grow(c->value, g->capacity * sizeof *value, (g->capacity * 2 + 64) * sizeof *value);
        if (value == NULL)
            return g->failed = 1;
        c->value = value;
        g->capacity = g->capacity * 2 + 64;
    }
    CliValue *at = &c->value[c->values++];
    copy(at->metric, sizeof at->metric, &v[0]);
    copy(at->seed, sizeof at->seed, &v[1]);
    at->value = v[2].type == STORE_NULL ? (v[3].bytes == NULL ? NAN : strtod(v[3].bytes, NULL)) : v[2].real;
    return 0;
}

static int gather(CliConfig *c, Store *s, const char *sql, const StoreValue *args, size_t nargs, Error *err)
{
    Gather g = {.config = c};
    if (store_query(s, sql, args, nargs, add_value, &g, err) != 0)
        return -1;
    return g.failed ? error_memory(err, "metrics") : 0;
}

static int take_draws(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    *(long long *)context = v[0].integer;
    return 0;
}

static int read_values(CliConfig *c, Store *s, Error *err)
{
    const StoreValue args[] = {cli_text_value(c->experiment), cli_text_value(c->label), cli_text_value(c->configuration)};
    const StoreValue run = cli_integer_value(c->run);
    if (store_query(s, CLI_NLL_DRAWS, &run, 1, take_draws, &c->draws, err) != 0)
        return -1;
    return gather(c, s,
                  "SELECT metric, CAST(seed AS TEXT), value, kind FROM last_values WHERE experiment = ?1 AND label = ?2 AND "
                  "configuration = ?3 AND status = 'done' ORDER BY metric, run",
                  args, 3, err);
}

int cli_run_values(CliValue **value, size_t *count, Store *s, int64_t run, Error *err)
{
    CliConfig c = {0};
    const StoreValue arg = cli_integer_value(run);
    int status = gather(&c, s,
                        "SELECT n.name, CAST(r.seed AS TEXT), m.value, m.kind FROM run r CROSS JOIN metric_name n CROSS JOIN metric m "
                        "ON m.run = r.id AND m.metric = n.id AND m.step = "
                        "(SELECT max(step) FROM metric WHERE run = r.id AND metric = n.id) WHERE r.id = ?1",
                        &arg, 1, err);
    *value = c.value;
    *count = c.values;
    return status;
}

int cli_configs_read(CliConfigs *list, Store *s, char *const *names, int count, Error *err)
{
    int status = 0;
    if (count == 0)
        /* the sweep's own: runs that it only needs, such as a classifier, belong to another experiment */
        status = read_choice(list, s,
                             CONFIG_SQL("experiment = (SELECT experiment FROM sweep ORDER BY id DESC LIMIT 1) AND "
                                        "id IN (SELECT run FROM sweep_run WHERE sweep = (SELECT max(id) FROM sweep))"),
                             NULL, 0, err);
    for (int i = 0; i < count && status == 0; i++)
        status = read_name(list, s, names[i], err);
    for (size_t i = 0; i < list->count && status == 0; i++)
        status = read_values(&list->config[i], s, err);
    return status;
}

void cli_configs_free(CliConfigs *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->config[i].value);
    mem_free(list->config);
    memset(list, 0, sizeof *list);
}
