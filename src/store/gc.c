/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/gc.c: what may be dropped, and dropping it.  Promise: one transaction; a run that is at work is not touched.
 */
#include "store/gc.h"

#include "base/text.h"
#include "store/inside.h"

#include <inttypes.h>
#include <string.h>

/* ---- what there is ----------------------------------------------------------------------------------------------- */

/* A process may be at work on a run with one of these states. */
#define AT_WORK "('queued', 'running')"
/* A metric row takes about this many bytes, a posterior this many beside its vectors. */
#define ROW_BYTES "25"

/* Parts of store_gc_find's query, up to the condition on the run r: kind, run, rows, bytes. */
static const char *const kind_sql[STORE_GC_KINDS] = {
    [STORE_GC_CHECKPOINTS] = "SELECT 0, r.id, 1, length(c.bytes) FROM run r JOIN checkpoint c ON c.run = r.id",
    [STORE_GC_WEIGHTS] =
        "SELECT 1, r.id, 1, length(a.bytes) FROM run r JOIN artifact a ON a.run = r.id AND a.name = 'weights'",
    [STORE_GC_ARTIFACTS] =
        "SELECT 2, r.id, p.n + a.n, p.b + a.b FROM run r JOIN (SELECT id, (SELECT count(*) FROM posterior WHERE run = "
        "id) AS n, (SELECT coalesce(sum(length(mu) + length(sigma) + " ROW_BYTES "), 0) FROM posterior WHERE run = id) "
        "AS b FROM run) p ON p.id = r.id JOIN (SELECT id, (SELECT count(*) FROM artifact WHERE run = id AND name <> "
        "'weights') AS n, (SELECT coalesce(sum(length(bytes)), 0) FROM artifact WHERE run = id AND name <> 'weights') "
        "AS "
        "b FROM run) a ON a.id = r.id AND p.n + a.n > 0",
    [STORE_GC_SUPERSEDED] =
        "SELECT 3, r.id, 1 + (SELECT count(*) FROM metric WHERE run = r.id) + (SELECT count(*) FROM artifact WHERE run "
        "= r.id) + (SELECT count(*) FROM posterior WHERE run = r.id) + (SELECT count(*) FROM checkpoint WHERE run = "
        "r.id), length(r.graph) + " ROW_BYTES " * (SELECT count(*) FROM metric WHERE run = r.id) + (SELECT "
        "coalesce(sum(length(bytes)), 0) FROM artifact WHERE run = r.id) + (SELECT coalesce(sum(length(mu) + "
        "length(sigma) + " ROW_BYTES "), 0) FROM posterior WHERE run = r.id) + (SELECT coalesce(sum(length(bytes)), 0) "
        "FROM checkpoint WHERE run = r.id) FROM run r",
};

/* Adds the conditions that choose a run by its number `id`. */
static void add_choice(Text *sql, const StoreGcFilter *f, const char *id, int superseded)
{
    for (size_t i = 0; i < f->nruns; i++)
        text_addf(sql, "%s%" PRId64 "%s", i == 0 ? " AND r.id IN (" : ", ", f->runs[i], i + 1 < f->nruns ? "" : ")");
    if (f->experiment != NULL)
        text_addf(sql,
                  " AND EXISTS (SELECT 1 FROM member k JOIN experiment e ON e.id = k.experiment WHERE k.run = %s AND "
                  "e.name = ?1)",
                  id);
    if (f->where != NULL) /* a new line ends a comment at the end of the condition */
        text_addf(sql, " AND %s IN (SELECT id FROM %s (%s\n))", id,
                  superseded ? "details WHERE superseded_by IS NOT NULL AND" : "runs WHERE", f->where);
}

static void add_kind(Text *sql, const StoreGcFilter *f, StoreGcKind kind)
{
    text_add(sql, sql->length > 0 ? " UNION ALL " : "");
    text_addf(sql, "%s WHERE r.status NOT IN " AT_WORK, kind_sql[kind]);
    if (kind == STORE_GC_CHECKPOINTS && f->nruns == 0)
        text_add(sql, " AND (r.status IN ('done', 'diverged') OR r.superseded_by IS NOT NULL)");
    if (kind == STORE_GC_SUPERSEDED) { /* with all that the chosen runs have replaced in their turn */
        text_add(sql,
                 " AND r.id IN (WITH RECURSIVE c (id) AS (SELECT r.id FROM run r WHERE r.superseded_by IS NOT NULL");
        add_choice(sql, f, "r.id", 1);
        text_add(sql, " UNION SELECT o.id FROM run o JOIN c ON o.superseded_by = c.id) SELECT id FROM c)");
        return;
    }
    if (f->kinds[STORE_GC_SUPERSEDED])
        text_add(sql, " AND r.superseded_by IS NULL");
    add_choice(sql, f, "r.id", 0);
}

static int query(Store *s, const StoreGcFilter *f, Text *sql, StoreRow row, void *context, Error *err)
{
    const StoreValue experiment = store_text_value(f->experiment);
    int status = sql->failed ? error_memory(err, "a query")
                             : store_query(s, text_string(sql), &experiment, f->experiment != NULL, row, context, err);
    if (status != 0 && f->where != NULL && !sql->failed)
        error_where(err, "--where %s", f->where); /* the rest of the query is ours */
    text_free(sql);
    return status;
}

int store_gc_find(Store *s, const StoreGcFilter *filter, StoreRow row, void *context, Error *err)
{
    Text sql = {0};
    for (int kind = 0; kind < STORE_GC_KINDS; kind++)
        if (filter->kinds[kind])
            add_kind(&sql, filter, (StoreGcKind)kind);
    text_add(&sql, " ORDER BY 1, 2");
    return query(s, filter, &sql, row, context, err);
}

static int take_count(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    *(int64_t *)context = v[0].integer;
    return 0;
}

int store_gc_kept(Store *s, const StoreGcFilter *filter, int64_t *count, Error *err)
{
    Text sql = {0};
    *count = 0;
    if (filter->nruns > 0)
        return 0;
    text_add(
        &sql,
        "SELECT count(*) FROM run r JOIN checkpoint c ON c.run = r.id WHERE r.superseded_by IS NULL AND r.status NOT "
        "IN ('done', 'diverged')");
    add_choice(&sql, filter, "r.id", 0);
    return query(s, filter, &sql, take_count, count, err);
}

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

static const char dropping[] = "drop it";

#define RESTS " AND (SELECT status FROM run WHERE id = ?1) NOT IN " AT_WORK

/* Statements of a kind, for run ?1.  Weights are dropped before artifacts: only a run that has them evaluates again. */
static const char *const drop_sql[STORE_GC_KINDS][4] = {
    [STORE_GC_CHECKPOINTS] = {"DELETE FROM checkpoint WHERE run = ?1" RESTS},
    [STORE_GC_WEIGHTS] = {"DELETE FROM artifact WHERE run = ?1 AND name = 'weights'" RESTS},
    [STORE_GC_ARTIFACTS] =
        {"DELETE FROM evaluation WHERE run = ?1 AND EXISTS (SELECT 1 FROM artifact WHERE run = ?1 AND "
         "name = 'weights')" RESTS,
         "DELETE FROM artifact WHERE run = ?1 AND name <> 'weights'" RESTS,
         "DELETE FROM posterior WHERE run = ?1" RESTS},
    [STORE_GC_SUPERSEDED] = {"DELETE FROM run WHERE id = ?1 AND superseded_by IS NOT NULL" RESTS},
};

static int drop(Store *s, const StoreGcItem *items, size_t count, Error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 4 && drop_sql[items[i].kind][k] != NULL; k++)
            if (store_do(s, err, dropping, drop_sql[items[i].kind][k], "i", items[i].run) != 0)
                return error_in(err, "run %" PRId64, items[i].run);
    return store_do(s, err, dropping, "DELETE FROM source WHERE id NOT IN (SELECT source FROM run_source)", "");
}

int store_gc_drop(Store *s, const StoreGcItem *items, size_t count, Error *err)
{
    if (store_begin(s, err, dropping) != 0)
        return -1;
    return store_end(s, drop(s, items, count, err), err, dropping);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int file_bytes(Store *s, int64_t *bytes, Error *err)
{
    return store_integer(s, err, bytes, "read its size",
                         "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", "") == 1
               ? 0
               : -1;
}

int store_vacuum(Store *s, int64_t *before, int64_t *after, Error *err)
{
    if (file_bytes(s, before, err) != 0)
        return -1;
    *after = *before;
    if (sqlite3_exec(s->db, "VACUUM", NULL, NULL, NULL) != SQLITE_OK) {
        int full = (sqlite3_errcode(s->db) & 0xff) == SQLITE_FULL || (sqlite3_errcode(s->db) & 0xff) == SQLITE_IOERR;
        store_fail(s, err, "give its free space back");
        if (full)
            error_expected(err, "room for a second copy, at most %" PRId64 " MB, also in SQLITE_TMPDIR or /tmp",
                           *before / 1000000 + 1);
        return error_hint(err, "what was dropped is dropped; the file keeps its size until  vae-lab gc --vacuum");
    }
    /* with a write-ahead log the file shrinks at the next checkpoint; one that readers hold up happens later */
    sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    return file_bytes(s, after, err);
}
