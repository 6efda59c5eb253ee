/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read_configuration.c: configurations (runs that differ by their seed alone): which ones a name chooses,
 * their values, and the settings in which they differ.
 */
#include "store/inside.h"
#include "store/read.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which ones ------------------------------------------------------------------------------------------------- */

/* The configurations that have a run for which `choice` holds, under their experiment's label.  m: one row per run
 * and experiment. */
#define CONFIGURATIONS(choice)                                                                                        \
    "WITH m AS (SELECT k.experiment, k.label, r.configuration, r.data, r.id, r.status, r.experiment AS first, "       \
    "iif(r.status = 'done', r.seed, NULL) AS done_seed, "                                                             \
    "EXISTS (SELECT 1 FROM evaluation v WHERE v.run = r.id AND v.status = 'failed') AS unevaluated "                  \
    "FROM member k JOIN run r ON r.id = k.run WHERE r.superseded_by IS NULL) "                                        \
    "SELECT e.name, m.label, m.configuration, m.data, coalesce(min(iif(m.status = 'done', m.id, NULL)), min(m.id)), " \
    "count(*), count(DISTINCT m.done_seed), "                                                                         \
    "sum(m.status = 'diverged'), sum(m.status = 'done' AND m.unevaluated), "                                          \
    "count(m.done_seed) - count(DISTINCT m.done_seed) "                                                               \
    "FROM m JOIN experiment e ON e.id = m.experiment "                                                                \
    "WHERE (m.experiment, m.label, m.configuration) IN "                                                              \
    "(SELECT experiment, label, configuration FROM m WHERE " choice ") "                                              \
    "GROUP BY m.experiment, m.label, m.configuration ORDER BY min(m.id), m.experiment"

/* Runs that a sweep only needs, such as a classifier, belong to another experiment and are left out. */
static const char latest_sweep[] =
    CONFIGURATIONS("experiment = (SELECT experiment FROM sweep ORDER BY id DESC LIMIT 1) AND "
                   "id IN (SELECT run FROM sweep_run WHERE sweep = (SELECT max(id) FROM "
                   "sweep))");

/* What a name may mean, the first that finds something.  A run's number means the experiment that trained it. */
static const char *const meaning[] = {
    CONFIGURATIONS("id = ?1 AND experiment = first"),
    CONFIGURATIONS("label = ?1"),
    CONFIGURATIONS("experiment = (SELECT id FROM experiment WHERE name = ?1)"),
    CONFIGURATIONS("?1 = (SELECT name FROM experiment WHERE id = m.experiment) || '/' || label"),
};

typedef struct ConfigurationReader {
    StoreConfigurationRow row;
    void *context;
    size_t rows;
} ConfigurationReader;

static int take_configuration(void *context, int columns, const char *const *names, const StoreValue *v)
{
    ConfigurationReader *r = context;
    StoreConfiguration c = {.run = v[4].integer, .runs = (int)v[5].integer, .done = (int)v[6].integer,
                            .diverged = (int)v[7].integer, .unevaluated = (int)v[8].integer,
                            .repeated = (int)v[9].integer};
    (void)columns, (void)names;
    snprintf(c.experiment, sizeof c.experiment, "%s", store_text_of(&v[0]));
    snprintf(c.label, sizeof c.label, "%s", store_text_of(&v[1]));
    snprintf(c.configuration, sizeof c.configuration, "%s", store_text_of(&v[2]));
    snprintf(c.data, sizeof c.data, "%s", store_text_of(&v[3]));
    r->rows++;
    return r->row(r->context, &c);
}

int store_configurations(Store *s, const char *name, StoreConfigurationRow row, void *context, Error *err)
{
    ConfigurationReader r = {row, context, 0};
    if (name == NULL)
        return store_query(s, latest_sweep, NULL, 0, take_configuration, &r, err);
    const char *digits = name[0] == '#' ? name + 1 : name;
    int number = digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0';
    const StoreValue arg = number ? store_integer_value(strtoll(digits, NULL, 10)) : store_text_value(name);
    for (size_t i = number ? 0 : 1; i < (number ? 1 : sizeof meaning / sizeof meaning[0]) && r.rows == 0; i++)
        if (store_query(s, meaning[i], &arg, 1, take_configuration, &r, err) != 0)
            return -1;
    return 0;
}

/* ---- their values and settings ---------------------------------------------------------------------------------- */

int store_configuration_values(Store *s, const StoreConfiguration *c, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {store_text_value(c->experiment), store_text_value(c->label),
                               store_text_value(c->configuration)};
    return store_query(s,
                       "SELECT metric, CAST(seed AS TEXT) AS seed, value, kind, scale FROM last_values WHERE experiment = ?1 "
                       "AND label = ?2 AND configuration = ?3 AND run IN (SELECT max(r.id) FROM experiment e JOIN member "
                       "k ON k.experiment = e.id JOIN run r ON r.id = k.run WHERE e.name = ?1 AND k.label = ?2 AND "
                       "r.configuration = ?3 AND r.status = 'done' AND r.superseded_by IS NULL GROUP BY r.seed) "
                       "ORDER BY metric, run",
                       args, 3, row, context, err);
}

/* ?1: see read_chosen.  The names whose values are not the same in all
 * of them. */
static const char differences[] =
    "WITH chosen AS (SELECT key AS i, value ->> 0 AS run, (SELECT id FROM experiment WHERE name = j.value ->> 1) AS "
    "experiment FROM json_each(?1) j), s AS (SELECT i, p.name AS name, CAST(p.value AS TEXT) AS value FROM chosen JOIN "
    "setting p ON p.run = chosen.run AND p.experiment = chosen.experiment WHERE p.name NOT IN ('seed', 'data') UNION "
    "ALL SELECT i, 'plan' || substr(j.fullkey, 2), CAST(j.atom AS TEXT) FROM chosen JOIN run r ON r.id = chosen.run, "
    "json_tree(CASE WHEN json_valid(r.plan) THEN r.plan ELSE '{}' END) j WHERE j.atom IS NOT NULL UNION ALL SELECT i, "
    "'data', r.data FROM chosen JOIN run r ON r.id = chosen.run UNION ALL SELECT i, 'data digest', "
    "substr(r.data_digest, 1, 12) FROM chosen JOIN run r ON r.id = chosen.run UNION ALL SELECT i, 'graph', 'from run ' "
    "|| (SELECT min(o.id) FROM run o WHERE o.graph = r.graph AND o.id IN (SELECT run FROM chosen)) FROM chosen JOIN "
    "run r ON r.id = chosen.run) SELECT s.name, i, s.value FROM s JOIN (SELECT name FROM s GROUP BY name HAVING "
    "count(DISTINCT value) > 1 OR count(*) < (SELECT count(*) FROM chosen)) USING (name) ORDER BY s.name, i";

/* The same for where they come from: rows of environment and texts.  A configuration that lacks one does not count as
 * different: earlier versions recorded less. */
static const char origins[] =
    "WITH chosen AS (SELECT key AS i, value ->> 0 AS run FROM json_each(?1)), s AS (SELECT i, v.name AS name, "
    "CAST(v.value AS TEXT) AS value FROM chosen JOIN environment v ON v.run = chosen.run UNION ALL SELECT i, CASE "
    "x.role WHEN 'module' THEN 'module ' || x.path ELSE x.role END, substr(o.digest, 1, 12) FROM chosen JOIN run_source x "
    "ON x.run = chosen.run JOIN source o ON o.id = x.source) SELECT s.name, i, s.value FROM s JOIN (SELECT name FROM s "
    "GROUP BY name HAVING count(DISTINCT value) > 1) USING (name) ORDER BY s.name, i";

/* Runs a query whose ?1 is a JSON array of [run, experiment], one for each configuration. */
static int read_chosen(Store *s, const char *sql, const StoreConfiguration *const *c, size_t n, StoreRow row,
                       void *context, Error *err)
{
    Text chosen = {0};
    for (size_t i = 0; i < n; i++) {
        text_addf(&chosen, "%s[%lld, ", i == 0 ? "[" : ", ", (long long)c[i]->run);
        text_add_json(&chosen, c[i]->experiment);
        text_add(&chosen, "]");
    }
    text_add(&chosen, n == 0 ? "[]" : "]");
    const StoreValue arg = store_text_value(text_string(&chosen));
    int status = chosen.failed ? error_memory(err, "a query") : store_query(s, sql, &arg, 1, row, context, err);
    text_free(&chosen);
    return status;
}

int store_configuration_differences(Store *s, const StoreConfiguration *const *c, size_t n, StoreRow row, void *context,
                                    Error *err)
{
    return read_chosen(s, differences, c, n, row, context, err);
}

int store_configuration_origins(Store *s, const StoreConfiguration *const *c, size_t n, StoreRow row, void *context,
                                Error *err)
{
    return read_chosen(s, origins, c, n, row, context, err);
}
