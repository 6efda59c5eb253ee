/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read_sweep.c: sweeps, the verdicts on their claims, and what the whole file holds.
 */
#include "store/inside.h"
#include "store/read.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- sweeps ----------------------------------------------------------------------------------------------------- */

int store_sweep_runs(Store *s, int64_t sweep, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue args[] = {store_integer_value(sweep), store_text_value(experiment)};
    return store_query(s,
                       "SELECT r.* FROM runs r JOIN sweep_run s ON s.run = r.id "
                       "WHERE s.sweep = ?1 AND r.experiment = ?2 AND r.status = 'done' ORDER BY s.position",
                       args, 2, row, context, err);
}

int store_sweep_results(Store *s, int64_t sweep, StoreRow row, void *context, Error *err)
{
    /* A run that the sweep only needs (a classifier) belongs to another experiment: that one's label is read. */
    const StoreValue id = store_integer_value(sweep);
    return store_query(s,
                       "SELECT r.id, r.label, r.seed, r.status, r.elbo, r.reconstruction, r.kl, r.nll FROM sweep w "
                       "JOIN sweep_run s ON s.sweep = w.id JOIN run o ON o.id = s.run JOIN experiment e ON e.id = "
                       "coalesce((SELECT experiment FROM member WHERE run = o.id AND experiment = w.experiment), "
                       "o.experiment) JOIN runs r ON r.id = o.id AND r.experiment = e.name WHERE w.id = ?1 ORDER BY "
                       "r.id",
                       &id, 1, row, context, err);
}

int store_sweep_find(Store *s, const char *experiment, int64_t number, const char *const *set, size_t n,
                     StoreSweep *sweep, Error *err)
{
    Text wanted = {0}; /* the settings as a JSON array of [key, value] */
    *sweep = (StoreSweep){0};
    text_add(&wanted, "[");
    for (size_t i = 0; i < n; i++) {
        char key[256];
        size_t length = strcspn(set[i], "=");
        snprintf(key, sizeof key, "%.*s", (int)length, set[i]);
        text_add(&wanted, i == 0 ? "[" : ", [");
        text_add_json(&wanted, key);
        text_add(&wanted, ", ");
        text_add_json(&wanted, set[i] + length + (set[i][length] == '='));
        text_add(&wanted, "]");
    }
    text_add(&wanted, "]");
    sqlite3_stmt *row = NULL;
    int found = wanted.failed
                    ? error_memory(err, "a query")
                    : store_first(s, err, &row, "look for a sweep",
                                  "SELECT s.id, count(*), sum(r.status = 'done') FROM sweep s JOIN experiment e ON "
                                  "e.id = s.experiment JOIN sweep_run x ON x.sweep = s.id JOIN run r ON r.id = x.run "
                                  "WHERE e.name = ?1 AND ?2 IN (0, s.id) AND NOT EXISTS (SELECT 1 FROM json_each(?3) w "
                                  "WHERE NOT EXISTS (SELECT 1 FROM json_each(s.settings) j WHERE j.key = w.value ->> 0 "
                                  "AND j.value = w.value ->> 1)) GROUP BY s.id ORDER BY s.id DESC LIMIT 1",
                                  "tit", experiment, number, text_string(&wanted));
    if (found == 1)
        *sweep = (StoreSweep){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2)};
    sqlite3_finalize(row);
    text_free(&wanted);
    return found < 0 ? -1 : 0;
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

#define VERDICT_COLUMNS \
    "experiment, claim, quantity, source, note, low, high, value, ci_low, ci_high, seeds, verdict, scale, level, p, " \
    "seeds_needed, population_low, population_high, reason, post_hoc"

typedef struct VerdictReader {
    StoreVerdictRow row;
    void *context;
} VerdictReader;

static const char *text_or_null(const StoreValue *v)
{
    return v->type == STORE_TEXT ? v->bytes : NULL;
}

static double number_or_nan(const StoreValue *v)
{
    return v->type == STORE_NULL ? NAN : v->real;
}

static int take_verdict(void *context, int columns, const char *const *names, const StoreValue *v)
{
    const VerdictReader *r = context;
    (void)columns, (void)names;
    const StoreVerdict verdict = {
        .claim = text_or_null(&v[1]),
        .quantity = text_or_null(&v[2]),
        .source = text_or_null(&v[3]),
        .note = text_or_null(&v[4]),
        .low = number_or_nan(&v[5]),
        .high = number_or_nan(&v[6]),
        .value = number_or_nan(&v[7]),
        .ci_low = number_or_nan(&v[8]),
        .ci_high = number_or_nan(&v[9]),
        .seeds = v[10].integer,
        .verdict = store_text_of(&v[11]),
        .scale = text_or_null(&v[12]),
        .level = number_or_nan(&v[13]),
        .p = number_or_nan(&v[14]),
        .seeds_needed = v[15].integer,
        .population_low = number_or_nan(&v[16]),
        .population_high = number_or_nan(&v[17]),
        .reason = text_or_null(&v[18]),
        .post_hoc = text_or_null(&v[19]),
    };
    return r->row(r->context, store_text_of(&v[0]), &verdict);
}

int store_sweep_verdicts(Store *s, int64_t sweep, StoreVerdictRow row, void *context, Error *err)
{
    VerdictReader r = {row, context};
    const StoreValue id = store_integer_value(sweep);
    return store_query(s, "SELECT " VERDICT_COLUMNS " FROM verdicts WHERE sweep = ?1 ORDER BY position", &id, 1,
                       take_verdict, &r, err);
}

#define LATEST_CLAIMS " FROM claims WHERE ?1 IS NULL OR experiment = ?1 ORDER BY experiment, sweep, position"

int store_claims(Store *s, const char *experiment, StoreVerdictRow row, void *context, Error *err)
{
    VerdictReader r = {row, context};
    const StoreValue name = store_text_value(experiment);
    return store_query(s, "SELECT " VERDICT_COLUMNS LATEST_CLAIMS, &name, 1, take_verdict, &r, err);
}

int store_claims_read(Store *s, const char *experiment, StoreRow row, void *context, Error *err)
{
    const StoreValue name = store_text_value(experiment);
    return store_query(s, "SELECT *" LATEST_CLAIMS, &name, 1, row, context, err);
}

int store_metric_scale(Store *s, const char *metric, char scale[STORE_SCALE], Error *err)
{
    sqlite3_stmt *row;
    int found = store_first(s, err, &row, "read a metric's scale", "SELECT coalesce(scale, '') FROM metric_name WHERE name = ?1",
                            "t", metric);
    snprintf(scale, STORE_SCALE, "%s", found == 1 ? store_column(row, 0) : "");
    sqlite3_finalize(row);
    return found < 0 ? -1 : 0;
}

static double column_or_nan(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(row, column);
}

int store_expected(Store *s, const char *experiment, const char *configuration, const char *metric, StoreBand *band,
                   Error *err)
{
    /* several claims: the band that satisfies all of them */
    sqlite3_stmt *row;
    if (store_first(s, err, &row, "read the claims",
                    "WITH c AS (SELECT claim.* FROM claim JOIN sweep w ON w.id = claim.sweep JOIN experiment e ON e.id "
                    "= w.experiment WHERE e.name = ?1 AND claim.configuration = ?2 AND claim.metric = ?3) SELECT "
                    "count(*), max(low), min(high), group_concat(DISTINCT source) FROM c WHERE sweep = (SELECT "
                    "max(sweep) FROM c)",
                    "ttt", experiment, configuration, metric) != 1)
        return -1;
    *band = (StoreBand){
        .claims = (size_t)sqlite3_column_int64(row, 0), .low = column_or_nan(row, 1), .high = column_or_nan(row, 2)};
    snprintf(band->source, sizeof band->source, "%s", store_column(row, 3));
    sqlite3_finalize(row);
    return 0;
}

/* ---- the whole file --------------------------------------------------------------------------------------------- */

int store_contents(Store *s, StoreContents *c, Error *err)
{
    sqlite3_stmt *row;
    if (store_first(s, err, &row, "count its rows",
                    "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM run WHERE status = 'done'), (SELECT "
                    "count(*) FROM metric), (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM "
                    "pragma_page_size), (SELECT journal_mode = 'wal' FROM pragma_journal_mode)",
                    "") != 1)
        return -1;
    *c = (StoreContents){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2),
                         sqlite3_column_int64(row, 3), sqlite3_column_int(row, 4)};
    sqlite3_finalize(row);
    return 0;
}
