/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/evaluation.c: which evaluations of a run are recorded, and with which options.
 */
#include "store/inside.h"

#include <math.h>

static const char recording[] = "record an evaluation";

/* message: NULL where the evaluation is done.  seconds: 0 where the time is not known. */
static int put(Store *s, int64_t run, const StoreEvaluation *e, const char *message, double seconds, Error *err)
{
    int status = store_do(s, err, recording, "DELETE FROM evaluation WHERE run = ?1 AND name = ?2", "it", run, e->name);
    if (status == 0)
        status = store_do(s, err, recording, "INSERT INTO evaluation (run, name, status, message, seconds) VALUES (?1, ?2, ?3, ?4, ?5)",
                          "itttd", run, e->name, message == NULL ? "done" : "failed", message,
                          seconds > 0 ? seconds : (double)NAN);
    for (size_t i = 0; status == 0 && i < e->noptions; i++)
        status = store_do(s, err, recording,
                          "INSERT INTO evaluation_option (run, evaluation, name, value) VALUES (?1, ?2, ?3, ?4)",
                          "ittp", run, e->name, e->options[i].name, &e->options[i]);
    return status;
}

static int write_results(Store *s, int64_t run, const StoreResults *r, Error *err)
{
    int status = store_write_metrics(s, run, r->metrics, r->nmetrics, err);
    for (size_t i = 0; status == 0 && i < r->nartifacts; i++) {
        const StoreArtifact *a = &r->artifacts[i];
        status = store_write_artifact(s, run, a->name, a->kind, a->meta, a->bytes, a->size, err);
    }
    return status != 0 || r->posteriors == NULL ? status : store_write_posteriors(s, run, r->posteriors, err);
}

static int record(Store *s, int64_t run, const StoreEvaluation *e, const StoreResults *results, const char *message,
                  Error *err)
{
    if (store_begin_run(s, run, err, recording) != 0)
        return -1;
    int status = put(s, run, e, message, results == NULL ? 0 : results->seconds, err);
    if (status == 0 && results != NULL)
        status = write_results(s, run, results, err);
    status = store_end(s, status, err, recording);
    return status == 0 ? 0 : error_in(err, "evaluation %s of run %lld", e->name, (long long)run);
}

int store_evaluation_put(Store *s, int64_t run, const StoreEvaluation *e, const StoreResults *results, Error *err)
{
    return record(s, run, e, results, NULL, err);
}

int store_evaluation_fail(Store *s, int64_t run, const StoreEvaluation *e, const char *message, Error *err)
{
    return record(s, run, e, NULL, message, err);
}

int store_evaluation_find(Store *s, int64_t run, const StoreEvaluation *e, int *recorded, Error *err)
{
    static const char looking[] = "look for an evaluation";
    static const char equal[] =
        "SELECT 1 FROM evaluation_option WHERE run = ?1 AND evaluation = ?2 AND name = ?3 AND value = ?4";
    int64_t count;
    int found = store_integer(s, err, &count, looking,
                              "SELECT (SELECT count(*) FROM evaluation_option o WHERE o.run = e.run AND o.evaluation = "
                              "e.name) FROM evaluation e WHERE run = ?1 AND name = ?2 AND status = 'done'",
                              "it", run, e->name);
    *recorded = found == 1 && count == (int64_t)e->noptions;
    for (size_t i = 0; found >= 0 && *recorded && i < e->noptions; i++) {
        found = store_integer(s, err, &count, looking, equal, "ittp", run, e->name, e->options[i].name, &e->options[i]);
        *recorded = found == 1;
    }
    return found < 0 ? -1 : 0;
}

int store_evaluation_seconds(Store *s, const StoreEvaluation *e, double *seconds, Error *err)
{
    static const char doing[] = "read the time of evaluations";
    sqlite3_stmt *row = store_bind(s, err, doing,
                                   "SELECT run, seconds FROM evaluation WHERE name = ?1 AND status = 'done' AND seconds IS NOT "
                                   "NULL ORDER BY run DESC LIMIT 20",
                                   "t", e->name);
    double sum = 0;
    int n = 0, same, status = row == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        status = store_evaluation_find(s, sqlite3_column_int64(row, 0), e, &same, err);
        if (status == 0 && same) {
            sum += sqlite3_column_double(row, 1);
            n++;
        }
    }
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(s, err, doing);
    sqlite3_finalize(row);
    *seconds = n > 0 ? sum / n : (double)NAN;
    return status;
}
