/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/run.c: a run's life: found, queued, taken by a process, ended; and the experiments and the sweep that it
 * belongs to.
 *
 * Each function is one transaction that begins by taking the write lock, so that what it decides on cannot change
 * under it.
 */
#include "store/inside.h"

#include "base/digest.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

/* ---- which process has it --------------------------------------------------------------------------------------- */

/* The columns that a claim depends on, in this order. */
#define CLAIM_COLUMNS "r.id, r.status, r.started IS NOT NULL, r.superseded_by IS NOT NULL, " STORE_HOLDER

static StoreClaim judge(const Store *s, sqlite3_stmt *row)
{
    StoreProcess p;
    StoreHolder h;
    const char *status = store_column(row, 1);
    if (strcmp(status, "done") == 0 || strcmp(status, "diverged") == 0)
        return STORE_DONE; /* a diverged run would diverge again, to the bit */
    if (strcmp(status, "queued") != 0 && strcmp(status, "running") != 0)
        return STORE_RESUMED;
    store_holder_read(s, row, 4, &p, &h);
    return h.alive && !store_process_equal(&p, &s->self) ? STORE_BUSY : STORE_RESUMED;
}

/* Looks up the row of this identity that is not superseded. */
static int find(Store *s, const char *identity, int64_t *run, StoreClaim *claim, Error *err)
{
    sqlite3_stmt *row;
    int found = store_first(s, err, &row, "look for a run",
                            "SELECT " CLAIM_COLUMNS " FROM run r WHERE identity = ?1 AND superseded_by IS NULL", "t",
                            identity);
    *run = found == 1 ? sqlite3_column_int64(row, 0) : 0;
    *claim = found == 1 ? judge(s, row) : STORE_NEW;
    sqlite3_finalize(row);
    return found < 0 ? -1 : 0;
}

int store_run_find(Store *s, const char *identity, int64_t *run, StoreClaim *claim, Error *err)
{
    return find(s, identity, run, claim, err);
}

/* ---- queueing --------------------------------------------------------------------------------------------------- */

static const char queueing[] = "queue a run";

static int put_experiment(Store *s, const char *name, const char *question, const char *script, int64_t *id, Error *err)
{
    int found = store_integer(
        s, err, id, "record an experiment",
        "INSERT INTO experiment (name, question, script) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE "
        "SET question = coalesce(excluded.question, question), script = coalesce(excluded.script, script) RETURNING id",
        "ttt", name, question, script);
    return found == 1 ? 0 : -1;
}

/* What runs that differ by their seeds alone have in common. */
static void configuration(char text[DIGEST_TEXT], const StoreRunSpec *spec)
{
    Digest d;
    digest_start(&d);
    digest_string(&d, spec->shared_plan != NULL ? spec->shared_plan : spec->plan);
    digest_string(&d, spec->graph);
    digest_string(&d, spec->data_digest);
    digest_end(&d, text);
}

/* `sql` takes run, experiment, name, value. */
static int put_settings(Store *s, const char *sql, int64_t run, int64_t experiment, const StoreParam *list, size_t n,
                        Error *err)
{
    for (size_t i = 0; i < n; i++)
        if (store_do(s, err, queueing, sql, "iitp", run, experiment, list[i].name, &list[i]) != 0)
            return error_in(err, "setting '%s'", list[i].name);
    return 0;
}

/* Makes the run one of the experiment's, under its label and settings; earlier ones of this experiment are replaced. */
static int put_member(Store *s, const StoreRunSpec *spec, int64_t experiment, int64_t run, Error *err)
{
    if (store_do(s, err, queueing,
                 "INSERT INTO member (experiment, run, label) VALUES (?1, ?2, ?3) "
                 "ON CONFLICT (experiment, run) DO UPDATE SET label = excluded.label",
                 "iit", experiment, run, spec->label) != 0 ||
        store_do(s, err, queueing, "DELETE FROM setting WHERE run = ?1 AND experiment = ?2", "ii", run, experiment) !=
            0)
        return -1;
    return put_settings(s, "INSERT INTO setting (run, experiment, name, value) VALUES (?1, ?2, ?3, ?4)", run,
                        experiment, spec->params, spec->nparams, err);
}

/* The statement that adds a run's row: the columns that the store itself uses, then those of spec->columns. */
static int insert_row(Store *s, const StoreRunSpec *spec, int64_t experiment, Error *err)
{
    enum { USED = 14 };
    const StoreProcess *self = &s->self;
    char config[DIGEST_TEXT];
    Text names = {0}, values = {0};
    configuration(config, spec);
    text_add(
        &names,
        "INSERT INTO run (experiment, identity, configuration, label, seed, graph, plan, data_digest, host, boot, "
        "pid_namespace, process, process_start, heartbeat, status");
    text_add(&values, ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'queued'");
    for (size_t i = 0; i < spec->ncolumns; i++) {
        text_addf(&names, ", %s", spec->columns[i].name);
        text_addf(&values, ", ?%zu", USED + i + 1);
    }
    text_add(&names, text_string(&values));
    text_add(&names, ")");
    sqlite3_stmt *row = names.failed || values.failed
                            ? (error_memory(err, "a run's row"), NULL)
                            : store_bind(s, err, queueing, text_string(&names), "itttutttttiiii", experiment,
                                         spec->identity, config, spec->label, spec->seed, spec->graph, spec->plan,
                                         spec->data_digest, self->host, self->boot, self->pid_namespace, self->process,
                                         self->start, (int64_t)time(NULL));
    int status = row == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < spec->ncolumns; i++) {
        int code = store_bind_param(row, USED + (int)i + 1, &spec->columns[i]);
        if (code != SQLITE_OK) {
            store_fail_code(s, err, code, sqlite3_errstr(code), queueing);
            status = error_in(err, "column %s of a run", spec->columns[i].name);
        }
    }
    if (status == 0)
        status = store_step(s, row, 0, queueing, err);
    sqlite3_finalize(row);
    text_free(&names);
    text_free(&values);
    return status;
}

static int insert(Store *s, const StoreRunSpec *spec, int64_t experiment, int64_t *run, Error *err)
{
    if (insert_row(s, spec, experiment, err) != 0)
        return -1;
    *run = sqlite3_last_insert_rowid(s->db);
    return put_settings(s, "INSERT OR REPLACE INTO param (run, name, value) VALUES (?1, ?3, ?4)", *run, experiment,
                        spec->params, spec->nparams, err);
}

/* Marks the old row as superseded before it inserts the new one: the identity index is unique.  Until the new row's
 * number is known the old row refers to itself.  A process that still holds the old run loses it.  The experiments
 * that had the old run have the new one, under the same labels. */
static int supersede(Store *s, int64_t old, const StoreRunSpec *spec, int64_t experiment, int64_t *run, Error *err)
{
    static const char *const replacing[] = {
        "INSERT INTO member (experiment, run, label) SELECT experiment, ?2, label FROM member WHERE run = ?1",
        "INSERT INTO setting (run, experiment, name, value) SELECT ?2, experiment, name, value FROM setting "
        "WHERE run = ?1",
        "UPDATE run SET superseded_by = ?2 WHERE id = ?1",
    };
    if (store_do(s, err, queueing,
                 "UPDATE run SET superseded_by = id, lease = lease + 1, status = iif(status IN ('queued', 'running'), "
                 "'crashed', status) WHERE id = ?1",
                 "i", old) != 0 ||
        insert(s, spec, experiment, run, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof replacing / sizeof replacing[0]; i++)
        if (store_do(s, err, queueing, replacing[i], "ii", old, *run) != 0)
            return -1;
    return store_do(s, err, queueing, "DELETE FROM checkpoint WHERE run = ?1", "i", old);
}

/* [OUT] *run: a new row, or the existing one of that identity. */
static int queue_row(Store *s, const StoreRunSpec *spec, int64_t experiment, int fresh, int64_t *run, StoreClaim *claim,
                     Error *err)
{
    const StoreProcess *self = &s->self;
    int64_t old;
    if (find(s, spec->identity, &old, claim, err) != 0)
        return -1;
    if (*claim == STORE_NEW)
        return insert(s, spec, experiment, run, err);
    if (fresh && *claim != STORE_BUSY) {
        *claim = STORE_NEW;
        return supersede(s, old, spec, experiment, run, err);
    }
    *run = old;
    if (*claim == STORE_RESUMED) /* queued by a process that died: it is this process' now */
        return store_do(
            s, err, queueing,
            "UPDATE run SET host = ?2, boot = ?3, pid_namespace = ?4, process = ?5, process_start = ?6, heartbeat = ?7 "
            "WHERE id = ?1 AND status = 'queued'",
            "ittiiii", old, self->host, self->boot, self->pid_namespace, self->process, self->start,
            (int64_t)time(NULL));
    return 0;
}

static int queue(Store *s, const StoreRunSpec *spec, int fresh, int64_t *run, StoreClaim *claim, Error *err)
{
    int64_t experiment;
    if (put_experiment(s, spec->experiment, spec->question, spec->script, &experiment, err) != 0 ||
        queue_row(s, spec, experiment, fresh, run, claim, err) != 0 ||
        store_write_origin(s, spec, *run, *claim, err) != 0)
        return -1;
    return put_member(s, spec, experiment, *run, err);
}

int store_run_queue(Store *s, const StoreRunSpec *spec, int fresh, int64_t *run, StoreClaim *claim, Error *err)
{
    if (store_begin(s, err, queueing) != 0)
        return -1;
    return store_end(s, queue(s, spec, fresh, run, claim, err), err, queueing);
}

/* ---- starting --------------------------------------------------------------------------------------------------- */

static const char starting[] = "start a run";

int store_no_such_run(Store *s, int64_t run, Error *err)
{
    error_set(err, ERR_STORE, "there is no run %lld", (long long)run);
    error_where(err, "%s", store_path(s));
    return error_hint(err, "vae-lab runs lists them");
}

/* [OUT] *lease: the number of the new lease; 0 where the run was not taken. */
static int start(Store *s, int64_t run, StoreClaim *claim, int64_t *lease, Error *err)
{
    const StoreProcess *self = &s->self;
    sqlite3_stmt *row;
    int found = store_first(s, err, &row, starting, "SELECT " CLAIM_COLUMNS " FROM run r WHERE id = ?1", "i", run);
    if (found != 1)
        return found == 0 ? store_no_such_run(s, run, err) : -1;
    /* A queued run may be taken by any process. */
    int queued = strcmp(store_column(row, 1), "queued") == 0, started = sqlite3_column_int(row, 2);
    *claim = queued ? STORE_RESUMED : judge(s, row);
    if (*claim == STORE_RESUMED && sqlite3_column_int(row, 3))
        *claim = STORE_BUSY; /* --fresh of another process has superseded it since it was queued */
    sqlite3_finalize(row);
    if (*claim != STORE_RESUMED)
        return 0;
    if (!started)
        *claim = STORE_NEW;
    return store_integer(s, err, lease, starting,
                         "UPDATE run SET status = 'running', message = NULL, finished = NULL, host = ?2, boot = ?3, "
                         "pid_namespace = ?4, process = ?5, process_start = ?6, heartbeat = ?7, lease = lease + 1, "
                         "started = coalesce(started, " STORE_NOW ") WHERE id = ?1 RETURNING lease",
                         "ittiiii", run, self->host, self->boot, self->pid_namespace, self->process, self->start,
                         (int64_t)time(NULL)) == 1
               ? 0
               : -1;
}

int store_run_start(Store *s, int64_t run, StoreClaim *claim, Error *err)
{
    int64_t lease = 0;
    if (store_begin(s, err, starting) != 0 ||
        store_end(s, start(s, run, claim, &lease, err), err, starting) != 0)
        return -1;
    if (lease != 0) {
        s->held_run = run;
        s->held_lease = lease;
        s->lost = 0;
    }
    return 0;
}

/* ---- ending ----------------------------------------------------------------------------------------------------- */

static const char ending[] = "record a run's end";

static int finish(Store *s, int64_t run, const char *status, const char *message, double seconds, const char *digest,
                  const void *weights, size_t size, const char *meta, Error *err)
{
    if (store_do(s, err, ending,
                 "UPDATE run SET status = ?2, message = ?3, seconds = ?4, digest = ?5, finished = " STORE_NOW
                 " WHERE id = ?1",
                 "ittdt", run, status, message, seconds, digest) != 0)
        return -1;
    if (sqlite3_changes(s->db) == 0)
        return store_no_such_run(s, run, err);
    if (weights != NULL && store_write_artifact(s, run, "weights", "float32", meta, weights, size, err) != 0)
        return -1;
    if (strcmp(status, "done") == 0 || strcmp(status, "diverged") == 0)
        return store_do(s, err, ending, "DELETE FROM checkpoint WHERE run = ?1", "i", run);
    return 0;
}

int store_run_finish(Store *s, int64_t run, const char *status, const char *message, double seconds, const char *digest,
                     const void *weights, size_t size, const char *weights_meta, Error *err)
{
    if (store_begin_run(s, run, err, ending) != 0)
        return -1;
    return store_end(s, finish(s, run, status, message, seconds, digest, weights, size, weights_meta, err), err,
                     ending);
}

int store_run_dequeue(Store *s, int64_t run, const char *status, const char *message, Error *err)
{
    const StoreProcess *self = &s->self;
    if (store_begin(s, err, ending) != 0)
        return -1;
    int result = store_do(s, err, ending,
                          "UPDATE run SET status = ?2, message = ?3, seconds = 0, finished = " STORE_NOW
                          " WHERE id = ?1 AND status = 'queued' AND boot = ?4 AND pid_namespace = ?5 AND "
                          "process = ?6 AND process_start = ?7",
                          "itttiii", run, status, message, self->boot, self->pid_namespace, self->process, self->start);
    return store_end(s, result, err, ending);
}

/* ---- sweeps ----------------------------------------------------------------------------------------------------- */

static int put_sweep(Store *s, const char *experiment, const char *settings, const char *part, const int64_t *runs,
                     size_t count, int64_t *sweep, Error *err)
{
    static const char doing[] = "record a sweep";
    int64_t id;
    if (put_experiment(s, experiment, NULL, NULL, &id, err) != 0)
        return -1;
    if (store_do(s, err, doing, "INSERT INTO sweep (experiment, settings, part) VALUES (?1, ?2, ?3)", "itt", id,
                 settings, part) != 0)
        return -1;
    *sweep = sqlite3_last_insert_rowid(s->db);
    for (size_t i = 0; i < count; i++)
        if (store_do(s, err, doing, "INSERT INTO sweep_run (sweep, position, run) VALUES (?1, ?2, ?3)", "iii", *sweep,
                     (int64_t)i + 1, runs[i]) != 0)
            return -1;
    return 0;
}

int store_sweep_put(Store *s, const char *experiment, const char *settings, const char *part, const int64_t *runs,
                    size_t count, int64_t *sweep, Error *err)
{
    if (store_begin(s, err, "record a sweep") != 0)
        return -1;
    return store_end(s, put_sweep(s, experiment, settings, part, runs, count, sweep, err), err, "record a sweep");
}
