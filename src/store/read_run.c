/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read_run.c: what is recorded of one run, and lists of runs.
 */
#include "store/inside.h"
#include "store/read.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- one run ---------------------------------------------------------------------------------------------------- */

/* A text that a query gives. */
typedef struct ReadText {
    char *text; /* mem_free; NULL without a row */
    int failed;
} ReadText;

static int take_text(void *context, int columns, const char *const *names, const StoreValue *v)
{
    ReadText *r = context;
    (void)columns, (void)names;
    r->text = mem_string(v[0].type == STORE_TEXT ? v[0].bytes : "");
    return r->failed = r->text == NULL;
}

/* [OUT] *text (mem_free): the first value of the first row; NULL without a row.  thing: for the error. */
static int read_text(Store *s, const char *sql, const StoreValue *args, size_t nargs, char **text, const char *thing,
                     Error *err)
{
    ReadText r = {0};
    int status = store_query(s, sql, args, nargs, take_text, &r, err);
    *text = r.text;
    return status == 0 && r.failed ? error_memory(err, thing) : status;
}

int store_run_graph(Store *s, int64_t run, char **graph, Error *err)
{
    char status[STORE_STATUS];
    StoreValue id = store_integer_value(run);
    *graph = NULL;
    if (store_run_status(s, run, status, NULL, 0, err) != 0 ||
        read_text(s, "SELECT graph FROM run WHERE id = ?1", &id, 1, graph, "a graph's text", err) != 0)
        return -1;
    return 0;
}

int store_run_rng(Store *s, int64_t run, char **rng, Error *err)
{
    StoreValue id = store_integer_value(run);
    *rng = NULL;
    return read_text(s, "SELECT plan ->> '$.rng' FROM run WHERE id = ?1 AND plan ->> '$.rng' IS NOT NULL", &id, 1, rng,
                     "a generator's name", err);
}

int store_run_status(Store *s, int64_t run, char status[STORE_STATUS], char *message, size_t size, Error *err)
{
    sqlite3_stmt *row;
    int found = store_first(s, err, &row, "read a run", "SELECT status, message FROM run WHERE id = ?1", "i", run);
    if (found != 1)
        return found == 0 ? store_no_such_run(s, run, err) : -1;
    snprintf(status, STORE_STATUS, "%s", store_column(row, 0));
    if (size > 0)
        snprintf(message, size, "%s", store_column(row, 1));
    sqlite3_finalize(row);
    return 0;
}

int store_run_last_epoch(Store *s, int64_t run, int64_t *epoch, Error *err)
{
    /* every epoch records its time, whatever the model's metrics are */
    int found = store_integer(s, err, epoch, "read a run's last epoch",
                              "SELECT coalesce(max(step), 0) FROM metric WHERE run = ?1 AND metric = "
                              "(SELECT id FROM metric_name WHERE name = 'time/epoch')",
                              "i", run);
    return found == 1 ? 0 : -1;
}

/* ---- one run, part by part -------------------------------------------------------------------------------------- */

/* v: the numbers about the whole run ?1. */
#define WHOLE_RUN \
    "WITH v AS (SELECT n.name AS name, coalesce(m.value, m.kind) AS value FROM metric m " \
    "JOIN metric_name n ON n.id = m.metric WHERE m.run = ?1 AND m.step = 0) "
#define NLL_DRAWS \
    "SELECT o.value FROM evaluation_option o JOIN evaluation e ON e.run = o.run AND e.name = o.evaluation " \
    "WHERE o.run = ?1 AND o.evaluation = 'nll' AND o.name = 'samples' AND e.status = 'done'"

static const char *const part_sql[STORE_RUN_PARTS] = {
    [STORE_RUN_DETAILS] = "SELECT * FROM details WHERE id = ?1",
    [STORE_RUN_CURVES] = "SELECT n.name AS metric, m.value, m.kind FROM metric m JOIN metric_name n ON n.id = m.metric "
                         "WHERE m.run = ?1 AND m.step >= 1 ORDER BY n.name, m.step",
    [STORE_RUN_METRICS] = "SELECT n.name AS metric, m.step, coalesce(m.value, m.kind) AS value FROM metric m "
                          "JOIN metric_name n ON n.id = m.metric WHERE m.run = ?1 ORDER BY n.name, m.step",
    [STORE_RUN_LAST_VALUES] = /* the order of the look-ups is that of the view last_values */
    "SELECT n.name AS metric, CAST(r.seed AS TEXT) AS seed, m.value, m.kind FROM run r CROSS JOIN metric_name n "
    "CROSS JOIN metric m ON m.run = r.id AND m.metric = n.id AND m.step = (SELECT max(step) FROM metric WHERE run "
    "= r.id AND metric = n.id) WHERE r.id = ?1",
    [STORE_RUN_LIKELIHOOD] = WHOLE_RUN
    "SELECT v.value AS nll, (SELECT value FROM v WHERE name = 'test/nll_se') AS \"standard error\", "
    "(SELECT value FROM v WHERE name = 'test/ess') AS \"effective sample size\", (" NLL_DRAWS ") AS draws "
    "FROM v WHERE v.name = 'test/nll'",
    [STORE_RUN_NUMBERS] = /* METRIC_se is the standard error of METRIC, and no row */
    WHOLE_RUN
    "SELECT v.name AS metric, v.value, (SELECT e.value FROM v e WHERE e.name = v.name || '_se') AS \"standard error\" "
    "FROM v WHERE NOT (v.name LIKE '%\\_se' ESCAPE '\\' AND EXISTS (SELECT 1 FROM v o WHERE o.name || "
    "'_se' = v.name)) ORDER BY v.name",
    [STORE_RUN_SETTINGS] = "SELECT s.name, s.value FROM setting s JOIN run r ON r.id = s.run AND r.experiment = "
                           "s.experiment WHERE s.run = ?1 ORDER BY s.name",
    [STORE_RUN_OTHER_SETTINGS] =
        "SELECT e.name AS experiment, s.name, s.value FROM setting s JOIN experiment e ON e.id = s.experiment JOIN run "
        "r ON r.id = s.run AND r.experiment <> s.experiment WHERE s.run = ?1 AND NOT EXISTS (SELECT 1 FROM setting o "
        "WHERE o.run = s.run AND o.experiment = r.experiment AND o.name = s.name AND o.value IS s.value) ORDER BY 1, 2",
    [STORE_RUN_EXPERIMENTS] = "SELECT e.name AS experiment, k.label FROM member k JOIN experiment e ON e.id = "
                              "k.experiment WHERE k.run = ?1 ORDER BY e.name",
    [STORE_RUN_SWEEPS] = "SELECT sweep, position FROM sweep_run WHERE run = ?1 ORDER BY sweep, position",
    [STORE_RUN_PLAN] = "SELECT j.key AS name, iif(length(j.value) > 60, substr(j.value, 1, 59) || '…', j.value) AS "
                       "value FROM run, json_each(iif(json_valid(run.plan), run.plan, '{}')) j WHERE run.id = ?1 ORDER "
                       "BY j.key",
    [STORE_RUN_PLAN_JSON] = "SELECT iif(json_valid(plan), plan, 'null') FROM run WHERE id = ?1",
    [STORE_RUN_EVALUATIONS] = "SELECT e.name AS evaluation, (SELECT group_concat(o.name || '=' || o.value, ' ') FROM "
                              "evaluation_option o WHERE o.run = e.run AND o.evaluation = e.name) AS options, e.seconds FROM "
                              "evaluation e WHERE e.run = ?1 AND e.status = 'done' ORDER BY 1",
    [STORE_RUN_EVALUATION_OPTIONS] = "SELECT e.name AS evaluation, o.name AS option, o.value FROM evaluation e LEFT "
                                     "JOIN evaluation_option o ON o.run = e.run AND o.evaluation = e.name WHERE e.run "
                                     "= ?1 AND e.status = 'done' ORDER BY 1, 2",
    [STORE_RUN_FAILED_EVALUATIONS] =
        "SELECT name AS evaluation, message FROM evaluation WHERE run = ?1 AND status = 'failed' ORDER BY name",
    [STORE_RUN_ARTIFACTS] =
        "SELECT name, kind, length(bytes) AS bytes, meta FROM artifact WHERE run = ?1 ORDER BY name",
    [STORE_RUN_ENVIRONMENT] = "SELECT name, value FROM environment WHERE run = ?1 ORDER BY name",
    [STORE_RUN_POSTERIORS] = "SELECT example, label, mu, sigma FROM posterior WHERE run = ?1 ORDER BY example",
    [STORE_RUN_SOURCES] = "SELECT x.role, x.path, length(o.bytes) AS bytes, o.digest FROM run_source x JOIN source o ON "
                          "o.id = x.source WHERE x.run = ?1 ORDER BY x.role = 'script' DESC, x.role DESC, x.path",
};

int store_run_read(Store *s, int64_t run, StoreRunPart part, StoreRow row, void *context, Error *err)
{
    char status[STORE_STATUS];
    const StoreValue id = store_integer_value(run);
    if (store_run_status(s, run, status, NULL, 0, err) != 0)
        return -1;
    return store_query(s, part_sql[part], &id, 1, row, context, err);
}

int store_nll_draws(Store *s, int64_t run, int64_t *draws, Error *err)
{
    *draws = 0;
    return store_integer(s, err, draws, "read an evaluation", NLL_DRAWS, "i", run) < 0 ? -1 : 0;
}

/* ---- lists of runs ---------------------------------------------------------------------------------------------- */

/* Columns of the view `runs` for people: these first, then those that a later version has added. */
static const char page_columns[] =
    "WITH p (key, value) AS (VALUES (1, 'id'), (2, 'experiment'), (3, 'label'), (4, 'seed'), (5, 'status'), "
    "(6, 'epochs'), (7, 'elbo'), (8, 'reconstruction'), (9, 'kl'), (10, 'nll'), (11, 'seconds'), (12, 'data'), "
    "(13, 'digest')) SELECT group_concat(name, ', ') FROM (SELECT c.name FROM pragma_table_info('runs') c LEFT JOIN p "
    "ON p.value = c.name WHERE c.name NOT IN ('beta', 'latent', 'configuration') ORDER BY p.key IS NULL, p.key, c.cid)";

/* Adds " ORDER BY elbo DESC" for "-elbo". */
static int add_order(Store *s, Text *sql, const char *sort, Error *err)
{
    char nearest[STORE_NAME];
    int down = sort[0] == '-';
    if (store_nearest(s, "SELECT name FROM pragma_table_info('runs')", sort + down, nearest, err) != 0)
        return -1;
    if (strcmp(nearest, sort + down) == 0) {
        text_addf(sql, " ORDER BY %s IS NULL, %s %s, id", nearest, nearest, down ? "DESC" : "ASC");
        return 0;
    }
    error_set(err, ERR_USAGE, "runs have no column '%s' to sort by", sort + down);
    return nearest[0] != '\0' ? error_hint(err, "did you mean '%s'?", nearest)
                              : error_hint(err, "vae-lab runs --csv prints the names of all columns");
}

int store_runs_read(Store *s, const StoreRunFilter *filter, StoreRow row, void *context, Error *err)
{
    Text sql = {0};
    char *columns = NULL;
    StoreValue experiment = store_text_value(filter->experiment);
    int status = filter->all_columns ? 0 : read_text(s, page_columns, NULL, 0, &columns, "a query", err);
    text_addf(&sql, "SELECT %s FROM runs WHERE %s", columns == NULL ? "*" : columns,
              filter->experiment == NULL ? "1" : "experiment = ?1");
    if (filter->where != NULL)
        text_addf(&sql, " AND (%s\n)", filter->where); /* a new line ends a comment at the end of the condition */
    if (status == 0)
        status = add_order(s, &sql, filter->sort != NULL ? filter->sort : "id", err);
    if (status == 0 && sql.failed)
        status = error_memory(err, "a query");
    if (status == 0) {
        status = store_query(s, text_string(&sql), &experiment, filter->experiment != NULL, row, context, err);
        if (status != 0 && filter->where != NULL)
            error_where(err, "--where %s", filter->where); /* the rest of the query is ours */
    }
    mem_free(columns);
    text_free(&sql);
    return status;
}

int store_run_settings(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {store_integer_value(run), store_text_value(experiment)};
    return store_query(s,
                       "SELECT s.name AS name, s.value AS value FROM setting s JOIN experiment e ON e.id = "
                       "s.experiment WHERE s.run = ?1 AND e.name = ?2 ORDER BY s.name",
                       args, 2, row, context, err);
}

int store_run_last_values(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {store_integer_value(run), store_text_value(experiment)};
    return store_query(s, "SELECT metric AS name, value FROM last_values WHERE run = ?1 AND experiment = ?2 ORDER BY metric", args, 2,
                       row, context, err);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

int store_nearest_name(Store *s, const char *name, int labels, char nearest[STORE_NAME], Error *err)
{
    return store_nearest(s,
                         labels ? "SELECT name FROM experiment UNION SELECT DISTINCT label FROM member"
                                : "SELECT name FROM experiment",
                         name, nearest, err);
}
