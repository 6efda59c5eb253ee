/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/source.c: where a run comes from: the texts of its script and modules, its environment, the options of its
 * data set.  They are recorded before its first step; a text that many runs share is kept once.
 */
#include "store/inside.h"
#include "store/read.h"

#include "base/digest.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char recording[] = "record where a run comes from";

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int put_source(Store *s, int64_t run, const StoreSource *source, Error *err)
{
    char digest[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    digest_bytes(&d, source->bytes, source->size);
    digest_end(&d, digest);
    return store_do(s, err, recording, "INSERT INTO source (digest, bytes) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING", "tb",
                    digest, source->bytes, source->size) != 0
               ? -1
               : store_do(s, err, recording,
                          "INSERT OR REPLACE INTO run_source (run, role, path, source) SELECT ?1, ?2, ?3, id FROM source "
                          "WHERE digest = ?4",
                          "ittt", run, source->role, source->path, digest);
}

/* What is recorded before the first step, unless the run has begun. */
static int put_origin(Store *s, const StoreRunSpec *spec, int64_t run, Error *err)
{
    int64_t begun;
    int found = store_integer(s, err, &begun, recording, "SELECT started IS NOT NULL FROM run WHERE id = ?1", "i", run);
    if (found != 1 || begun)
        return found < 0 ? -1 : 0;
    if (store_do(s, err, recording, "DELETE FROM environment WHERE run = ?1", "i", run) != 0 ||
        store_do(s, err, recording, "DELETE FROM run_source WHERE run = ?1", "i", run) != 0)
        return -1;
    for (size_t i = 0; i < spec->nenvironment; i++)
        if (store_do(s, err, recording, "INSERT OR REPLACE INTO environment (run, name, value) VALUES (?1, ?2, ?3)", "itp", run,
                     spec->environment[i].name, &spec->environment[i]) != 0)
            return -1;
    for (size_t i = 0; i < spec->nsources; i++)
        if (put_source(s, run, &spec->sources[i], err) != 0)
            return error_in(err, "%s %s", spec->sources[i].role, spec->sources[i].path);
    return 0;
}

int store_write_origin(Store *s, const StoreRunSpec *spec, int64_t run, StoreClaim claim, Error *err)
{
    /* a run of an earlier version gets its data set's options when it is needed again: its identity proves that they
     * are the same */
    if (spec->data_options != NULL &&
        store_do(s, err, recording, "UPDATE run SET data_options = ?2 WHERE id = ?1 AND data_options IS NULL", "it", run,
                 spec->data_options) != 0)
        return -1;
    return claim == STORE_NEW || claim == STORE_RESUMED ? put_origin(s, spec, run, err) : 0;
}

/* ---- what it takes to train a run again -------------------------------------------------------------------------- */

/* The texts of StoreRecordedRun, in the order of the query's columns. */
static const size_t recorded_texts[] = {
#define TEXT(field) offsetof(StoreRecordedRun, field)
    TEXT(experiment), TEXT(label), TEXT(script), TEXT(identity), TEXT(graph), TEXT(plan), TEXT(data), TEXT(data_digest),
    TEXT(data_options), TEXT(status), TEXT(message), TEXT(digest), TEXT(imported), TEXT(cpu), TEXT(isa),
    TEXT(arithmetic), TEXT(settings), TEXT(script_digest),
#undef TEXT
};
enum { RECORDED_TEXTS = sizeof recorded_texts / sizeof recorded_texts[0] };

#define ENVIRONMENT(name) "(SELECT value FROM environment WHERE run = r.id AND name = '" name "')"

static const char recorded_sql[] =
    "SELECT e.name, k.label, coalesce((SELECT path FROM run_source WHERE run = r.id AND role = 'script'), e.script), "
    "r.identity, r.graph, r.plan, r.data, r.data_digest, r.data_options, r.status, "
    "r.message, r.digest, r.imported, " ENVIRONMENT("cpu") ", " ENVIRONMENT("isa") ", " ENVIRONMENT("arithmetic") ", "
    "(SELECT w.settings FROM sweep_run x JOIN sweep w ON w.id = x.sweep WHERE x.run = r.id ORDER BY w.id LIMIT 1), "
    "(SELECT o.digest FROM run_source x JOIN source o ON o.id = x.source WHERE x.run = r.id AND x.role = 'script'), "
    "r.seed, (SELECT coalesce(max(step), 0) FROM metric WHERE run = r.id), "
    "(SELECT value FROM metric WHERE run = r.id AND step >= 1 AND metric = (SELECT id FROM metric_name WHERE name = "
    "'test/elbo') ORDER BY step DESC LIMIT 1) "
    "FROM run r JOIN experiment e ON e.id = r.experiment LEFT JOIN member k ON k.run = r.id AND k.experiment = e.id "
    "WHERE r.id = ?1";

static char **text_at(StoreRecordedRun *r, int i)
{
    return (char **)(void *)((char *)r + recorded_texts[i]);
}

int store_recorded_run(Store *s, int64_t run, StoreRecordedRun *r, Error *err)
{
    sqlite3_stmt *row;
    *r = (StoreRecordedRun){.seed = 0};
    int found = store_first(s, err, &row, "read a run", recorded_sql, "i", run), failed = 0;
    if (found != 1)
        return found == 0 ? store_no_such_run(s, run, err) : -1;
    for (int i = 0; i < RECORDED_TEXTS; i++)
        failed |= (*text_at(r, i) = mem_string(store_column(row, i))) == NULL;
    r->seed = strtoull(store_column(row, RECORDED_TEXTS), NULL, 10); /* an integer, or its digits as text */
    r->last_epoch = sqlite3_column_int64(row, RECORDED_TEXTS + 1);
    int has_elbo = sqlite3_column_type(row, RECORDED_TEXTS + 2) == SQLITE_FLOAT;
    r->test_elbo = has_elbo ? sqlite3_column_double(row, RECORDED_TEXTS + 2) : NAN;
    sqlite3_finalize(row);
    return failed ? error_memory(err, "a recorded run") : 0;
}

void store_recorded_run_free(StoreRecordedRun *r)
{
    for (int i = 0; i < RECORDED_TEXTS; i++)
        mem_free(*text_at(r, i));
}

/* ---- reading a text ---------------------------------------------------------------------------------------------- */

/* The run's texts that match a path: the path itself, or its last part. */
#define MATCHING                                                                                        \
    "FROM run_source x JOIN source o ON o.id = x.source WHERE x.run = ?1 AND CASE WHEN ?2 IS NULL "     \
    "THEN x.role = 'script' ELSE x.path = ?2 OR substr(x.path, -length(?2) - 1) = '/' || ?2 END "

int store_run_source(Store *s, int64_t run, const char *path, void **bytes, size_t *size, char digest[DIGEST_TEXT],
                     Error *err)
{
    sqlite3_stmt *row;
    char status[STORE_STATUS];
    *bytes = NULL;
    *size = 0;
    digest[0] = '\0';
    if (store_run_status(s, run, status, NULL, 0, err) != 0)
        return -1;
    int found = store_first(s, err, &row, "read a run's text",
                            "SELECT o.digest, o.bytes " MATCHING "ORDER BY x.path <> ?2, x.role = 'difference' LIMIT 1", "it",
                            run, path);
    if (found != 1)
        return found;
    *size = (size_t)sqlite3_column_bytes(row, 1);
    *bytes = mem_alloc(*size + 1); /* terminated, for texts */
    if (*bytes != NULL && *size > 0)
        memcpy(*bytes, sqlite3_column_blob(row, 1), *size);
    snprintf(digest, DIGEST_TEXT, "%s", store_column(row, 0));
    sqlite3_finalize(row);
    return *bytes == NULL ? error_memory(err, "a run's text") : 0;
}
