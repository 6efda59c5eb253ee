/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/record.c: the results of a run: metrics with their checkpoint, artifacts, posteriors; figures; verdicts.
 *
 * Promise: a recorded epoch is never changed.  A repeated epoch must give the same numbers, to the bit; a repeated
 * evaluation replaces its numbers (step 0), since its options may be others.
 */
#include "store/inside.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- metrics ---------------------------------------------------------------------------------------------------- */

static const char recording[] = "record metrics";

typedef struct MetricWriter {
    Store *store;
    sqlite3_stmt *name, *insert, *select;
} MetricWriter;

/* NULL for a finite value. */
static const char *kind_of(double value)
{
    return isnan(value) ? "nan" : !isinf(value) ? NULL : value > 0 ? "inf" : "-inf";
}

static int writer_open(MetricWriter *r, Store *s, Error *err)
{
    *r = (MetricWriter){.store = s};
    r->name = store_bind(s, err, recording, "SELECT id, scale FROM metric_name WHERE name = ?1", "");
    if (r->name != NULL) /* ?6: whether the metric may be replaced */
        r->insert = store_bind(
            s, err, recording,
            "INSERT INTO metric (run, metric, step, value, kind) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (run, metric, "
            "step) DO UPDATE SET value = excluded.value, kind = excluded.kind WHERE ?6",
            "");
    if (r->insert != NULL)
        r->select = store_bind(s, err, recording,
                               "SELECT value, kind FROM metric WHERE run = ?1 AND metric = ?2 AND step = ?3", "");
    return r->select == NULL ? -1 : 0;
}

static void writer_close(MetricWriter *r)
{
    sqlite3_finalize(r->name);
    sqlite3_finalize(r->insert);
    sqlite3_finalize(r->select);
}

/* [OUT] *id of the metric's name, which is added where it is new. */
static int metric_id(MetricWriter *r, const StoreMetric *m, int64_t *id, Error *err)
{
    *id = 0;
    sqlite3_reset(r->name);
    int code = sqlite3_bind_text(r->name, 1, m->name, -1, SQLITE_STATIC), unscaled = 0;
    if (code == SQLITE_OK && (code = sqlite3_step(r->name)) == SQLITE_ROW) {
        *id = sqlite3_column_int64(r->name, 0);
        unscaled = m->scale != NULL && sqlite3_column_type(r->name, 1) == SQLITE_NULL;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return store_fail(r->store, err, recording);
    sqlite3_reset(r->name);
    if (unscaled)
        return store_do(r->store, err, recording, "UPDATE metric_name SET scale = ?2 WHERE id = ?1", "it", *id,
                        m->scale);
    if (code == SQLITE_ROW)
        return 0;
    int status = store_do(r->store, err, recording, "INSERT INTO metric_name (name, scale) VALUES (?1, ?2)", "tt",
                          m->name, m->scale);
    *id = sqlite3_last_insert_rowid(r->store->db);
    return status;
}

static void spell(char *text, size_t size, double value, const char *kind)
{
    Text t = {0};
    if (kind == NULL)
        text_add_number(&t, value);
    snprintf(text, size, "%s", kind != NULL ? kind : text_string(&t));
    text_free(&t);
}

static int not_reproducible(MetricWriter *r, int64_t run, const StoreMetric *m, double recorded,
                            const char *recorded_kind, Error *err)
{
    char now[40], then[40];
    spell(now, sizeof now, m->value, kind_of(m->value));
    spell(then, sizeof then, recorded, recorded_kind);
    error_set(err, ERR_STORE, "not reproducible: run %lld gives another %s at epoch %lld than the recorded one",
              (long long)run, m->name, (long long)m->step);
    error_where(err, "%s", r->store->path);
    error_found(err, "%s", now);
    error_expected(err, "%s", then);
    return error_hint(
        err,
        "was the run started by another version of vae-lab?  --fresh starts it again, and keeps the old run as superseded");
}

/* The recorded value must be equal.  SQLite stores -0.0 as 0.0; adding 0.0 turns -0.0 into 0.0 here too. */
static int must_be_equal(MetricWriter *r, int64_t run, int64_t id, const StoreMetric *m, Error *err)
{
    sqlite3_stmt *q = r->select;
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, id);
    sqlite3_bind_int64(q, 3, m->step);
    if (sqlite3_step(q) != SQLITE_ROW) {
        sqlite3_reset(q);
        return store_fail(r->store, err, recording);
    }
    double recorded = sqlite3_column_double(q, 0), value = m->value + 0.0;
    const char *kind = kind_of(value), *recorded_kind = (const char *)sqlite3_column_text(q, 1);
    int equal = kind == NULL ? recorded_kind == NULL && memcmp(&recorded, &value, sizeof value) == 0
                             : recorded_kind != NULL && strcmp(kind, recorded_kind) == 0;
    int status = equal ? 0 : not_reproducible(r, run, m, recorded, recorded_kind, err);
    sqlite3_reset(q);
    return status;
}

static int record_metric(MetricWriter *r, int64_t run, const StoreMetric *m, Error *err)
{
    int64_t id;
    sqlite3_stmt *q = r->insert;
    if (metric_id(r, m, &id, err) != 0)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, id);
    sqlite3_bind_int64(q, 3, m->step);
    if (kind_of(m->value) == NULL)
        sqlite3_bind_double(q, 4, m->value);
    else
        sqlite3_bind_null(q, 4);
    sqlite3_bind_text(q, 5, kind_of(m->value), -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 6, strncmp(m->name, "time/", 5) == 0 || m->step == 0);
    if (store_step(r->store, q, 0, recording, err) != 0)
        return error_in(err, "run %lld, metric '%s', epoch %lld", (long long)run, m->name, (long long)m->step);
    return sqlite3_changes(r->store->db) > 0 ? 0 : must_be_equal(r, run, id, m, err);
}

static int put_checkpoint(Store *s, int64_t run, const StoreCheckpoint *c, Error *err)
{
    return store_do(s, err, "record a checkpoint",
                    "INSERT INTO checkpoint (run, step, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (run) DO UPDATE "
                    "SET step = excluded.step, bytes = excluded.bytes, written = " STORE_NOW,
                    "iib", run, (int64_t)c->step, c->bytes, c->size);
}

int store_write_metrics(Store *s, int64_t run, const StoreMetric *metrics, size_t count, Error *err)
{
    MetricWriter r;
    int status = writer_open(&r, s, err);
    for (size_t i = 0; i < count && status == 0; i++)
        status = record_metric(&r, run, &metrics[i], err);
    writer_close(&r);
    return status;
}

static int record(Store *s, int64_t run, const StoreMetric *metrics, size_t count, const StoreCheckpoint *checkpoint,
                  Error *err)
{
    int status = store_write_metrics(s, run, metrics, count, err);
    return status != 0 || checkpoint == NULL ? status : put_checkpoint(s, run, checkpoint, err);
}

int store_run_record(Store *s, int64_t run, const StoreMetric *metrics, size_t count, const StoreCheckpoint *checkpoint,
                     Error *err)
{
    if (store_begin_run(s, run, err, recording) != 0)
        return -1;
    return store_end(s, record(s, run, metrics, count, checkpoint, err), err, recording);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

/* [OUT] bytes (mem_free) and size of column 0.  Finalises the row. */
static int take_bytes(Store *s, sqlite3_stmt *row, void **bytes, size_t *size, const char *doing, Error *err)
{
    const void *blob = sqlite3_column_blob(row, 0); /* NULL: empty, or no memory */
    size_t n = (size_t)sqlite3_column_bytes(row, 0);
    int status = 0;
    if (blob == NULL && sqlite3_errcode(s->db) == SQLITE_NOMEM)
        status = store_fail(s, err, doing);
    else if ((*bytes = mem_alloc(n)) == NULL)
        status = error_memory(err, "bytes from the database");
    else if (n > 0)
        memcpy(*bytes, blob, n);
    *size = *bytes == NULL ? 0 : n;
    sqlite3_finalize(row);
    return status;
}

int store_run_checkpoint(Store *s, int64_t run, uint64_t *step, void **bytes, size_t *size, Error *err)
{
    static const char doing[] = "read a checkpoint";
    sqlite3_stmt *row;
    *bytes = NULL;
    *size = *step = 0;
    int found = store_first(s, err, &row, doing, "SELECT bytes, step FROM checkpoint WHERE run = ?1", "i", run);
    if (found != 1)
        return found;
    *step = (uint64_t)sqlite3_column_int64(row, 1);
    return take_bytes(s, row, bytes, size, doing, err);
}

int store_artifact_get(Store *s, int64_t run, const char *name, void **bytes, size_t *size, Error *err)
{
    static const char doing[] = "read an artifact";
    sqlite3_stmt *row;
    *bytes = NULL;
    *size = 0;
    int found =
        store_first(s, err, &row, doing, "SELECT bytes FROM artifact WHERE run = ?1 AND name = ?2", "it", run, name);
    return found != 1 ? found : take_bytes(s, row, bytes, size, doing, err);
}

int store_write_artifact(Store *s, int64_t run, const char *name, const char *kind, const char *meta, const void *bytes,
                         size_t size, Error *err)
{
    return store_do(s, err, "record an artifact",
                    "INSERT INTO artifact (run, name, kind, meta, bytes) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (run, "
                    "name) DO UPDATE SET kind = excluded.kind, meta = excluded.meta, bytes = excluded.bytes",
                    "itttb", run, name, kind, meta, bytes, size);
}

int store_artifact_put(Store *s, int64_t run, const char *name, const char *kind, const char *meta, const void *bytes,
                       size_t size, Error *err)
{
    if (store_begin_run(s, run, err, "record an artifact") != 0)
        return -1;
    return store_end(s, store_write_artifact(s, run, name, kind, meta, bytes, size, err), err, "record an artifact");
}

/* ---- posteriors ------------------------------------------------------------------------------------------------- */

/* [OUT] to: d floats as little-endian bytes, whatever the machine's order. */
static void little_endian(unsigned char *to, const float *from, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        uint32_t bits;
        memcpy(&bits, &from[j], sizeof bits);
        for (int k = 0; k < 4; k++)
            to[4 * j + (size_t)k] = (unsigned char)(bits >> (8 * k));
    }
}

static void bind_float(sqlite3_stmt *q, int at, const float *x, size_t j, size_t d)
{
    if (j < d && isfinite(x[j]))
        sqlite3_bind_double(q, at, (double)x[j]);
    else
        sqlite3_bind_null(q, at);
}

/* scratch: 8 d bytes. */
static int insert_posterior(Store *s, sqlite3_stmt *q, const StorePosteriors *p, size_t i, unsigned char *scratch,
                            Error *err)
{
    size_t d = p->d;
    const float *mu = p->mu + i * d, *sigma = p->sigma + i * d;
    little_endian(scratch, mu, d);
    little_endian(scratch + 4 * d, sigma, d);
    sqlite3_bind_int64(q, 2, p->example[i]);
    if (p->label == NULL || p->label[i] < 0)
        sqlite3_bind_null(q, 3);
    else
        sqlite3_bind_int(q, 3, p->label[i]);
    bind_float(q, 4, mu, 0, d);
    bind_float(q, 5, mu, 1, d);
    bind_float(q, 6, sigma, 0, d);
    bind_float(q, 7, sigma, 1, d);
    sqlite3_bind_blob64(q, 8, scratch, 4 * d, SQLITE_STATIC);
    sqlite3_bind_blob64(q, 9, scratch + 4 * d, 4 * d, SQLITE_STATIC);
    return store_step(s, q, 0, "record posteriors", err) == 0
               ? 0
               : error_in(err, "example %lld", (long long)p->example[i]);
}

int store_write_posteriors(Store *s, int64_t run, const StorePosteriors *p, Error *err)
{
    unsigned char *scratch = mem_array(p->d, 8);
    if (scratch == NULL)
        return error_memory(err, "posteriors");
    int status = store_do(s, err, "record posteriors", "DELETE FROM posterior WHERE run = ?1", "i", run);
    sqlite3_stmt *q = status != 0 ? NULL
                                  : store_bind(s, err, "record posteriors",
                                               "INSERT INTO posterior (run, example, label, mu1, mu2, sigma1, sigma2, "
                                               "mu, sigma) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                                               "i", run);
    status = q == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < p->n; i++)
        status = insert_posterior(s, q, p, i, scratch, err);
    sqlite3_finalize(q);
    mem_free(scratch);
    return status;
}

/* ---- figures ---------------------------------------------------------------------------------------------------- */

int store_figure_put(Store *s, const char *experiment, int64_t sweep, const char *name, const char *format,
                     const char *path, const char *digest, Error *err)
{
    static const char doing[] = "record a figure";
    if (store_begin(s, err, doing) != 0)
        return -1;
    int status = store_do(s, err, doing, "INSERT INTO experiment (name) VALUES (?1) ON CONFLICT (name) DO NOTHING", "t",
                          experiment);
    if (status == 0)
        status = store_do(
            s, err, doing,
            "INSERT INTO figure (experiment, sweep, name, format, path, digest) VALUES ((SELECT id FROM experiment "
            "WHERE name = ?1), nullif(?2, 0), ?3, ?4, ?5, ?6) ON CONFLICT (experiment, name, format, path) DO UPDATE "
            "SET sweep = excluded.sweep, digest = excluded.digest, drawn = " STORE_NOW,
            "titttt", experiment, sweep, name, format, path, digest);
    return store_end(s, status, err, doing);
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

static int put_verdicts(Store *s, int64_t sweep, const StoreVerdict *verdicts, size_t count, const char *doing,
                        Error *err)
{
    int status = store_do(s, err, doing, "DELETE FROM claim WHERE sweep = ?1", "i", sweep);
    for (size_t i = 0; status == 0 && i < count; i++) {
        const StoreVerdict *v = &verdicts[i];
        status = store_do(s, err, doing,
                          "INSERT INTO claim (sweep, " STORE_CLAIM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                          "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, nullif(?19, 0), ?20, ?21, ?22, ?23)",
                          "iitttddidddtttttddiddtt", sweep, (int64_t)i + 1, v->claim, v->quantity, v->source, v->low,
                          v->high, v->seeds, v->value, v->ci_low, v->ci_high, v->verdict, v->note, v->metric,
                          v->configuration, v->scale, v->level, v->p, v->seeds_needed, v->population_low,
                          v->population_high, v->reason, v->post_hoc);
    }
    return status;
}

int store_verdicts_put(Store *s, int64_t sweep, const StoreVerdict *verdicts, size_t count, Error *err)
{
    static const char doing[] = "record the verdicts on claims";
    if (store_begin(s, err, doing) != 0)
        return -1;
    return store_end(s, put_verdicts(s, sweep, verdicts, count, doing, err), err, doing);
}
