/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/evaluation.c: which evaluations of a run are recorded, and with which options.
 */
#include "store/inside.h"

static const char doing[] = "record an evaluation";

static int put(Store *s, int64_t run, const StoreEvaluation *e, Error *err)
{
    int status = store_do(s, err, doing, "DELETE FROM evaluation WHERE run = ?1 AND name = ?2", "it", run, e->name);
    if (status == 0)
        status = store_do(s, err, doing, "INSERT INTO evaluation (run, name) VALUES (?1, ?2)", "it", run, e->name);
    for (size_t i = 0; status == 0 && i < e->noptions; i++)
        status = store_do(s, err, doing,
                          "INSERT INTO evaluation_option (run, evaluation, name, value) VALUES (?1, ?2, ?3, ?4)",
                          "ittp", run, e->name, e->options[i].name, &e->options[i]);
    return status == 0 ? 0 : error_in(err, "evaluation %s of run %lld", e->name, (long long)run);
}

int store_evaluation_put(Store *s, int64_t run, const StoreEvaluation *e, Error *err)
{
    if (store_begin(s, err, doing) != 0)
        return -1;
    return store_end(s, put(s, run, e, err), err, doing);
}

int store_evaluation_find(Store *s, int64_t run, const StoreEvaluation *e, int *recorded, Error *err)
{
    static const char looking[] = "look for an evaluation";
    static const char equal[] =
        "SELECT 1 FROM evaluation_option WHERE run = ?1 AND evaluation = ?2 AND name = ?3 AND value = ?4";
    int64_t count;
    int found = store_integer(s, err, &count, looking,
                              "SELECT (SELECT count(*) FROM evaluation_option o WHERE o.run = e.run AND o.evaluation = "
                              "e.name) FROM evaluation e WHERE run = ?1 AND name = ?2",
                              "it", run, e->name);
    *recorded = found == 1 && count == (int64_t)e->noptions;
    for (size_t i = 0; found >= 0 && *recorded && i < e->noptions; i++) {
        found = store_integer(s, err, &count, looking, equal, "ittp", run, e->name, e->options[i].name, &e->options[i]);
        *recorded = found == 1;
    }
    return found < 0 ? -1 : 0;
}
