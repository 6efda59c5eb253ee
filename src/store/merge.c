/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/merge.c: the runs of another database become runs of this one.
 *
 * Rows are read from the part's connection and bound to statements of ours, one at a time: memory does not grow with the
 * record, and the part may be a migrated copy.  Each run is a savepoint: a conflict undoes that run alone.
 */
#include "store/merge.h"
#include "store/inside.h"

#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char merging[] = "merge a run";

static const double COMMIT_SECONDS = 0.5;

/* ---- copying rows ------------------------------------------------------------------------------------------------ */

/* read: rows of the part's run (or sweep) ?1.  write: takes ours as ?1, and the columns of a row from ?2 on. */
typedef struct MergeCopy {
    const char *read, *write;
} MergeCopy;

#define RUN_COLUMNS                                                                                                    \
    "identity, configuration, label, seed, status, message, epochs, seconds, digest, graph, plan, data, data_digest, " \
    "created, started, finished, host, boot, pid_namespace, process, process_start, data_options, imported"

/* Of runs that are not finished nothing holds the copy; the next vae-lab run resumes it. */
#define RUN_READ                                                                                                       \
    "SELECT (SELECT name FROM experiment WHERE id = r.experiment), r.identity, r.configuration, r.label, r.seed, "     \
    "iif(r.status IN ('done', 'diverged', 'failed'), r.status, 'interrupted'), iif(r.status IN ('queued', 'running', " \
    "'crashed'), 'not finished in the database that it was merged from', r.message), r.epochs, r.seconds, r.digest, "  \
    "r.graph, r.plan, r.data, r.data_digest, r.created, r.started, r.finished, r.host, r.boot, r.pid_namespace, "      \
    "r.process, r.process_start, r.data_options, r.imported FROM run r WHERE r.id = ?1"

static const MergeCopy
    copy_experiments = {"SELECT name, question, script, created FROM experiment WHERE id IN (SELECT experiment FROM member "
                        "WHERE run = ?1 UNION SELECT experiment FROM run WHERE id = ?1) ORDER BY id",
                        "INSERT INTO experiment (name, question, script, created) VALUES (?2, ?3, ?4, ?5) ON CONFLICT (name) "
                        "DO NOTHING"},
    insert_run = {RUN_READ, "INSERT INTO run (experiment, " RUN_COLUMNS ") SELECT id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                            "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25 FROM experiment WHERE name "
                            "= ?2"},
    update_run = {RUN_READ, "UPDATE run SET status = ?7, message = ?8, seconds = ?10, digest = ?11, created = ?16, started = "
                            "?17, finished = ?18, host = ?19, boot = ?20, pid_namespace = ?21, process = ?22, process_start "
                            "= ?23, data_options = coalesce(?24, data_options), lease = lease + 1 WHERE id = ?1"},
    fill_options = {"SELECT data_options FROM run WHERE id = ?1",
                    "UPDATE run SET data_options = ?2 WHERE id = ?1 AND data_options IS NULL AND ?2 IS NOT NULL"},
    copy_environment = {"SELECT name, value FROM environment WHERE run = ?1",
                        "INSERT INTO environment (run, name, value) VALUES (?1, ?2, ?3)"},
    copy_texts = {"SELECT s.digest, s.bytes FROM run_source x JOIN source s ON s.id = x.source WHERE x.run = ?1",
                  "INSERT INTO source (digest, bytes) VALUES (?2, ?3) ON CONFLICT (digest) DO NOTHING"},
    copy_sources = {"SELECT x.role, x.path, s.digest FROM run_source x JOIN source s ON s.id = x.source WHERE x.run = ?1",
                    "INSERT INTO run_source (run, role, path, source) SELECT ?1, ?2, ?3, id FROM source WHERE digest = ?4"},
    copy_params = {"SELECT name, value FROM param WHERE run = ?1",
                   "INSERT OR IGNORE INTO param (run, name, value) VALUES (?1, ?2, ?3)"},
    copy_members = {"SELECT e.name, m.label FROM member m JOIN experiment e ON e.id = m.experiment WHERE m.run = ?1",
                    "INSERT OR IGNORE INTO member (experiment, run, label) SELECT id, ?1, ?3 FROM experiment WHERE name = ?2"},
    copy_settings = {"SELECT e.name, x.name, x.value FROM setting x JOIN experiment e ON e.id = x.experiment WHERE x.run = ?1",
                     "INSERT OR IGNORE INTO setting (run, experiment, name, value) SELECT ?1, id, ?3, ?4 FROM experiment "
                     "WHERE name = ?2"},
    copy_metric_names = {"SELECT name, scale FROM metric_name n WHERE EXISTS (SELECT 1 FROM metric WHERE run = ?1 AND metric = n.id)",
                         "INSERT INTO metric_name (name, scale) VALUES (?2, ?3) ON CONFLICT (name) DO UPDATE SET scale = "
                         "excluded.scale WHERE scale IS NULL AND excluded.scale IS NOT NULL"},
    copy_checkpoint = {"SELECT step, bytes, written FROM checkpoint WHERE run = ?1",
                       "INSERT INTO checkpoint (run, step, bytes, written) VALUES (?1, ?2, ?3, ?4)"},
    copy_artifacts = {"SELECT name, kind, meta, bytes FROM artifact WHERE run = ?1 ORDER BY id",
                      "INSERT OR IGNORE INTO artifact (run, name, kind, meta, bytes) VALUES (?1, ?2, ?3, ?4, ?5)"},
    copy_posteriors = {"SELECT example, label, mu1, mu2, sigma1, sigma2, mu, sigma FROM posterior WHERE run = ?1",
                       "INSERT INTO posterior (run, example, label, mu1, mu2, sigma1, sigma2, mu, sigma) VALUES (?1, ?2, "
                       "?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    copy_evaluation = {"SELECT name, status, message, seconds FROM evaluation WHERE run = ?1 AND name = ?2",
                       "INSERT INTO evaluation (run, name, status, message, seconds) VALUES (?1, ?2, ?3, ?4, ?5)"},
    copy_options = {"SELECT evaluation, name, value FROM evaluation_option WHERE run = ?1 AND evaluation = ?2",
                    "INSERT INTO evaluation_option (run, evaluation, name, value) VALUES (?1, ?2, ?3, ?4)"},
    copy_sweep = {"SELECT (SELECT name FROM experiment WHERE id = w.experiment), settings, created FROM sweep w WHERE id = ?1",
                  "INSERT INTO sweep (experiment, settings, created) SELECT id, ?3, ?4 FROM experiment WHERE name = ?2"},
    copy_sweep_runs = {"SELECT x.position, r.identity FROM sweep_run x JOIN run r ON r.id = x.run WHERE x.sweep = ?1",
                       "INSERT INTO sweep_run (sweep, position, run) SELECT ?1, ?2, id FROM run WHERE identity = ?3 AND "
                       "superseded_by IS NULL"},
    copy_claims = {"SELECT " STORE_CLAIM_COLUMNS " FROM claim WHERE sweep = ?1",
                   "INSERT OR IGNORE INTO claim (sweep, " STORE_CLAIM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                   "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"};

typedef struct Merge {
    Store *to, *part;
    StoreMergeCount *count;
    void (*conflict)(void *context, const StoreMergeConflict *c);
    void *context;
    struct timespec begun; /* the transaction of `to` */
} Merge;

/* Binds a row of the part from ?2 on, and steps. */
static int write_row(Merge *m, sqlite3_stmt *write, sqlite3_stmt *row, Error *err)
{
    int code = SQLITE_OK;
    for (int i = 0; i < sqlite3_column_count(row) && code == SQLITE_OK; i++)
        if (i + 2 <= sqlite3_bind_parameter_count(write)) /* an UPDATE that ends before the last column */
            code = sqlite3_bind_value(write, i + 2, sqlite3_column_value(row, i));
    return code == SQLITE_OK ? store_step(m->to, write, 0, merging, err)
                             : store_fail_code(m->to, err, code, sqlite3_errstr(code), merging);
}

/* Copies the rows of `theirs` to `ours`.  name: ?2 of the statement that reads, or NULL. */
static int copy_named(Merge *m, const MergeCopy *c, int64_t theirs, int64_t ours, const char *name, Error *err)
{
    sqlite3_stmt *row = store_bind(m->part, err, merging, c->read, name == NULL ? "i" : "it", theirs, name);
    sqlite3_stmt *write = row == NULL ? NULL : store_bind(m->to, err, merging, c->write, "i", ours);
    int status = write == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW)
        status = write_row(m, write, row, err);
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(m->part, err, merging);
    sqlite3_finalize(row);
    sqlite3_finalize(write);
    return status;
}

static int copy(Merge *m, const MergeCopy *c, int64_t theirs, int64_t ours, Error *err)
{
    return copy_named(m, c, theirs, ours, NULL, err);
}

/* A row of the part that should be there, or that our tables do not take: its rows refer to missing ones. */
static int damaged_part(const char *what, Error *err)
{
    error_set(err, ERR_STORE, "the part is damaged: %s", what);
    return error_hint(err, "vae-lab doctor --db FILE checks a database");
}

static int copy_all(Merge *m, const MergeCopy *const *list, int64_t theirs, int64_t ours, Error *err)
{
    for (size_t i = 0; list[i] != NULL; i++)
        if (copy(m, list[i], theirs, ours, err) != 0)
            return -1;
    return 0;
}

/* ---- a run in the two databases ---------------------------------------------------------------------------------- */

typedef struct MergeRun {
    int64_t id; /* 0: not there */
    char status[16], digest[DIGEST_TEXT];
    int ended;   /* done or diverged */
    int at_work; /* a process holds it */
    int64_t step; /* of its checkpoint; -1: none */
} MergeRun;

static int read_run(Store *s, const char *identity, MergeRun *r, Error *err)
{
    sqlite3_stmt *row;
    StoreProcess p;
    StoreHolder holder;
    *r = (MergeRun){0};
    int found = store_first(s, err, &row, merging,
                            "SELECT r.id, r.status, coalesce(r.digest, ''), coalesce((SELECT step FROM checkpoint WHERE run "
                            "= r.id), -1), " STORE_HOLDER " FROM run r WHERE identity = ?1 AND superseded_by IS NULL",
                            "t", identity);
    if (found != 1)
        return found;
    r->id = sqlite3_column_int64(row, 0);
    snprintf(r->status, sizeof r->status, "%s", store_column(row, 1));
    snprintf(r->digest, sizeof r->digest, "%s", store_column(row, 2));
    r->step = sqlite3_column_int64(row, 3);
    store_holder_read(s, row, 4, &p, &holder);
    r->ended = strcmp(r->status, "done") == 0 || strcmp(r->status, "diverged") == 0;
    r->at_work = holder.alive && (strcmp(r->status, "queued") == 0 || strcmp(r->status, "running") == 0);
    sqlite3_finalize(row);
    return 0;
}

/* ---- conflicts --------------------------------------------------------------------------------------------------- */

/* Besides 0 and -1: the savepoint is undone, since what both databases have differs, or is not complete here. */
enum { CONFLICT = 1, LEFT_OUT = 2 };

static void describe_machine(Store *s, int64_t run, char *text, size_t size)
{
    Error ignored = ERROR_NONE; /* the conflict is reported without it */
    sqlite3_stmt *row;
    text[0] = '\0';
    if (store_first(s, &ignored, &row, merging,
                    "SELECT group_concat(value, ', ') FROM (SELECT value FROM environment WHERE run = ?1 AND name IN "
                    "('host', 'cpu', 'isa', 'compiler') ORDER BY name = 'host' DESC, name)",
                    "i", run) == 1)
        snprintf(text, size, "%s", store_column(row, 0));
    sqlite3_finalize(row);
}

/* Returns CONFLICT. */
static int report_conflict(Merge *m, const MergeRun *ours, const MergeRun *theirs, const char *what, const char *here,
                           const char *there)
{
    char machine_here[300], machine_there[300];
    Error ignored = ERROR_NONE;
    sqlite3_stmt *row;
    describe_machine(m->to, ours->id, machine_here, sizeof machine_here);
    describe_machine(m->part, theirs->id, machine_there, sizeof machine_there);
    if (store_first(m->part, &ignored, &row, merging,
                    "SELECT (SELECT name FROM experiment WHERE id = r.experiment), label, identity, seed FROM run r WHERE id "
                    "= ?1",
                    "i", theirs->id) == 1 &&
        m->conflict != NULL)
        m->conflict(m->context, &(StoreMergeConflict){
            .experiment = store_column(row, 0), .label = store_column(row, 1), .identity = store_column(row, 2),
            .seed = store_column(row, 3), .here = ours->id, .there = theirs->id, .what = what, .value_here = here,
            .value_there = there, .machine_here = machine_here, .machine_there = machine_there});
    sqlite3_finalize(row);
    return CONFLICT;
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

/* What becomes of a value that both have: compared, kept as it is here, or replaced by the part's. */
typedef enum { COMPARE, KEEP, REPLACE } MergeRule;

static const char *spell_value(sqlite3_stmt *row, int value, char text[40])
{
    if (sqlite3_column_type(row, value) == SQLITE_NULL)
        snprintf(text, 40, "%s", store_column(row, value + 1));
    else
        snprintf(text, 40, "%.17g", sqlite3_column_double(row, value));
    return text;
}

/* A value that `to` has already.  row: name, step, value, kind. */
static int compare_metric(Merge *m, const MergeRun *ours, const MergeRun *theirs, sqlite3_stmt *row, Error *err)
{
    char what[200], here[40], there[40];
    sqlite3_stmt *own;
    int found = store_first(m->to, err, &own, merging,
                            "SELECT value, kind FROM metric WHERE run = ?1 AND step = ?2 AND metric = (SELECT id FROM "
                            "metric_name WHERE name = ?3)",
                            "iit", ours->id, (int64_t)sqlite3_column_int64(row, 1), store_column(row, 0));
    if (found != 1)
        return found < 0 ? -1 : damaged_part("a metric without a value", err);
    int equal = strcmp(spell_value(own, 0, here), spell_value(row, 2, there)) == 0;
    sqlite3_finalize(own);
    if (equal)
        return 0;
    snprintf(what, sizeof what, "%s, step %lld", store_column(row, 0), (long long)sqlite3_column_int64(row, 1));
    return report_conflict(m, ours, theirs, what, here, there);
}

/* Copies the metrics of one kind of steps: 0 (evaluations), or 1 and more (epochs).  time/… is kept as it is here. */
static int copy_metrics(Merge *m, const MergeRun *ours, const MergeRun *theirs, int epochs, MergeRule rule, Error *err)
{
    sqlite3_stmt *row = store_bind(m->part, err, merging,
                                   "SELECT n.name, m.step, m.value, m.kind FROM metric m JOIN metric_name n ON n.id = m.metric "
                                   "WHERE m.run = ?1 AND (m.step > 0) = ?2 ORDER BY m.metric, m.step",
                                   "ii", theirs->id, (int64_t)epochs);
    sqlite3_stmt *write =
        row == NULL ? NULL
                    : store_bind(m->to, err, merging,
                                 rule == REPLACE ? "INSERT OR REPLACE INTO metric (run, metric, step, value, kind) SELECT ?1, "
                                                   "id, ?3, ?4, ?5 FROM metric_name WHERE name = ?2"
                                                 : "INSERT OR IGNORE INTO metric (run, metric, step, value, kind) SELECT ?1, "
                                                   "id, ?3, ?4, ?5 FROM metric_name WHERE name = ?2",
                                 "i", ours->id);
    int status = write == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        status = write_row(m, write, row, err);
        if (status == 0 && rule == COMPARE && sqlite3_changes(m->to->db) == 0 &&
            strncmp(store_column(row, 0), "time/", 5) != 0)
            status = compare_metric(m, ours, theirs, row, err);
    }
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(m->part, err, merging);
    sqlite3_finalize(row);
    sqlite3_finalize(write);
    return status;
}

/* ---- evaluations ------------------------------------------------------------------------------------------------- */

/* An evaluation's options as one text; valid until the statement is finalised.  NULL with *err. */
static const char *options_text(Store *s, int64_t run, const char *name, sqlite3_stmt **row, Error *err)
{
    if (store_first(s, err, row, merging,
                    "SELECT group_concat(name || '=' || quote(value), char(10)) FROM (SELECT name, value FROM "
                    "evaluation_option WHERE run = ?1 AND evaluation = ?2 ORDER BY name)",
                    "it", run, name) != 1)
        return NULL;
    return store_column(*row, 0);
}

static int same_options(Merge *m, const MergeRun *ours, const MergeRun *theirs, const char *name, int *same, Error *err)
{
    sqlite3_stmt *own = NULL, *other = NULL;
    const char *here = options_text(m->to, ours->id, name, &own, err);
    const char *there = here == NULL ? NULL : options_text(m->part, theirs->id, name, &other, err);
    *same = there != NULL && strcmp(here, there) == 0;
    sqlite3_finalize(own);
    sqlite3_finalize(other);
    return there == NULL ? -1 : 0;
}

/* One evaluation of the part.  *rule: how step 0 is merged, which may become KEEP or REPLACE. */
static int merge_evaluation(Merge *m, const MergeRun *ours, const MergeRun *theirs, const char *name, int done,
                            MergeRule *rule, Error *err)
{
    int64_t done_here = 0;
    int same = 0, found = store_integer(m->to, err, &done_here, merging,
                                        "SELECT status = 'done' FROM evaluation WHERE run = ?1 AND name = ?2", "it",
                                        ours->id, name);
    if (found < 0)
        return -1;
    if (found == 1 && (done_here || !done)) {
        if (done_here && done && same_options(m, ours, theirs, name, &same, err) != 0)
            return -1;
        if (!same)
            *rule = KEEP; /* its numbers are of other options, or missing */
        return 0;
    }
    if (found == 1 && *rule == COMPARE)
        *rule = REPLACE; /* it failed here */
    m->count->evaluations++;
    return store_do(m->to, err, merging, "DELETE FROM evaluation WHERE run = ?1 AND name = ?2", "it", ours->id, name) != 0 ||
                   copy_named(m, &copy_evaluation, theirs->id, ours->id, name, err) != 0 ||
                   copy_named(m, &copy_options, theirs->id, ours->id, name, err) != 0
               ? -1
               : 0;
}

/* All evaluations with their metrics, artifacts and posteriors. */
static int merge_evaluations(Merge *m, const MergeRun *ours, const MergeRun *theirs, Error *err)
{
    static const MergeCopy *const with_posteriors[] = {&copy_artifacts, &copy_posteriors, NULL};
    static const MergeCopy *const without[] = {&copy_artifacts, NULL};
    MergeRule rule = COMPARE;
    int64_t posteriors;
    sqlite3_stmt *row = store_bind(m->part, err, merging,
                                   "SELECT name, status = 'done' FROM evaluation WHERE run = ?1 ORDER BY name", "i", theirs->id);
    int status = row == NULL ? -1 : 0, code = SQLITE_DONE;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW)
        status = merge_evaluation(m, ours, theirs, store_column(row, 0), sqlite3_column_int(row, 1), &rule, err);
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(m->part, err, merging);
    sqlite3_finalize(row);
    if (status == 0)
        status = copy_metrics(m, ours, theirs, 0, rule, err);
    if (status == 0 && store_integer(m->to, err, &posteriors, merging, "SELECT count(*) FROM posterior WHERE run = ?1", "i",
                                     ours->id) != 1)
        status = -1;
    return status == 0 ? copy_all(m, posteriors == 0 ? with_posteriors : without, theirs->id, ours->id, err) : status;
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

static int clear_unfinished(Merge *m, int64_t run, Error *err)
{
    static const char *const clear[] = {
        "DELETE FROM environment WHERE run = ?1", "DELETE FROM run_source WHERE run = ?1",
        "DELETE FROM checkpoint WHERE run = ?1"};
    for (size_t i = 0; i < sizeof clear / sizeof clear[0]; i++)
        if (store_do(m->to, err, merging, clear[i], "i", run) != 0)
            return -1;
    return 0;
}

/* The row of the run becomes the part's: new, or instead of one that is unfinished here. */
static int take_row(Merge *m, MergeRun *ours, const MergeRun *theirs, Error *err)
{
    static const MergeCopy *const rest[] = {&copy_environment, &copy_texts, &copy_sources, NULL};
    int is_new = ours->id == 0;
    if (is_new ? copy(m, &insert_run, theirs->id, 0, err) != 0
               : clear_unfinished(m, ours->id, err) != 0 || copy(m, &update_run, theirs->id, ours->id, err) != 0)
        return -1;
    if (is_new && sqlite3_changes(m->to->db) != 1)
        return damaged_part("a run has no experiment", err);
    if (is_new)
        ours->id = sqlite3_last_insert_rowid(m->to->db);
    if (copy_all(m, rest, theirs->id, ours->id, err) != 0)
        return -1;
    return theirs->ended ? 0 : copy(m, &copy_checkpoint, theirs->id, ours->id, err);
}

/* [OUT] *counter: which count grows. */
static int merge_both(Merge *m, MergeRun *ours, const MergeRun *theirs, int64_t **counter, Error *err)
{
    static const MergeCopy *const always[] = {
        &fill_options, &copy_params, &copy_members, &copy_settings, &copy_metric_names, NULL};
    int is_new = ours->id == 0, failed = strcmp(theirs->status, "failed") == 0;
    int take = is_new || (!ours->ended && (theirs->ended || theirs->step > ours->step));
    *counter = !take                                    ? &m->count->same
               : is_new && (theirs->ended || failed)    ? &m->count->added
               : theirs->ended                          ? &m->count->completed
                                                        : &m->count->unfinished;
    if (ours->ended && theirs->ended && strcmp(ours->digest, theirs->digest) != 0)
        return report_conflict(m, ours, theirs, "the digest of the weights", ours->digest, theirs->digest);
    if (copy(m, &copy_experiments, theirs->id, 0, err) != 0 || (take && take_row(m, ours, theirs, err) != 0) ||
        copy_all(m, always, theirs->id, ours->id, err) != 0)
        return -1;
    int status = copy_metrics(m, ours, theirs, 1, COMPARE, err);
    return status == 0 && theirs->ended ? merge_evaluations(m, ours, theirs, err) : status;
}

/* In a savepoint of `to`. */
static int merge_run(Merge *m, const char *identity, Error *err)
{
    MergeRun ours, theirs;
    int64_t *counter = &m->count->at_work;
    if (read_run(m->part, identity, &theirs, err) != 0 || read_run(m->to, identity, &ours, err) != 0)
        return -1;
    if (theirs.id == 0)
        return 0; /* superseded since its identity was read */
    int status = theirs.at_work || ours.at_work ? 0 : merge_both(m, &ours, &theirs, &counter, err);
    if (status == 0)
        ++*counter;
    return status;
}

/* ---- savepoints and transactions --------------------------------------------------------------------------------- */

static int run_sql(Store *s, const char *sql, Error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, err, merging);
}

static int begin(Merge *m, Error *err)
{
    clock_gettime(CLOCK_MONOTONIC, &m->begun);
    return store_begin(m->to, err, merging);
}

/* Lets others write, where the transaction has lasted long enough. */
static int commit_sometimes(Merge *m, Error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((double)(now.tv_sec - m->begun.tv_sec) + 1e-9 * (double)(now.tv_nsec - m->begun.tv_nsec) < COMMIT_SECONDS)
        return 0;
    if (run_sql(m->to, "COMMIT", err) != 0)
        return -1;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* longer than others wait between two tries */
    return begin(m, err);
}

/* Calls `merge` for one object of the part in a savepoint, with one snapshot of the part. */
static int merge_at_once(Merge *m, int (*merge)(Merge *m, const char *name, Error *err), const char *name, Error *err)
{
    if (run_sql(m->to, "SAVEPOINT merge", err) != 0)
        return -1;
    int status = run_sql(m->part, "BEGIN", err);
    if (status == 0) {
        status = merge(m, name, err);
        sqlite3_exec(m->part->db, "ROLLBACK", NULL, NULL, NULL); /* it has only read */
    }
    if (status != 0) {
        Error ignored = ERROR_NONE; /* after a full disk SQLite may have rolled all back */
        run_sql(m->to, "ROLLBACK TO merge", status < 0 ? &ignored : err);
    }
    if (status < 0)
        return -1;
    m->count->conflicts += status == CONFLICT;
    return run_sql(m->to, "RELEASE merge", err) == 0 ? commit_sometimes(m, err) : -1;
}

/* Calls `merge` for the first column of each row of `next`, which finds the first row with an id above ?1. */
static int merge_each(Merge *m, const char *next, int (*merge)(Merge *m, const char *name, Error *err), Error *err)
{
    int64_t last = 0;
    for (;;) {
        char name[DIGEST_TEXT];
        sqlite3_stmt *row;
        int found = store_first(m->part, err, &row, merging, next, "i", last);
        if (found != 1)
            return found;
        last = sqlite3_column_int64(row, 0);
        snprintf(name, sizeof name, "%s", store_column(row, 1));
        sqlite3_finalize(row);
        if (merge_at_once(m, merge, name, err) != 0)
            return -1;
    }
}

/* ---- sweeps ------------------------------------------------------------------------------------------------------ */

/* The identities of a sweep's runs in their order, as one text; valid until the statement is finalised. */
static const char *sweep_text(Store *s, int64_t sweep, sqlite3_stmt **row, Error *err)
{
    if (store_first(s, err, row, merging,
                    "SELECT group_concat(identity, ' ') FROM (SELECT r.identity FROM sweep_run x JOIN run r ON r.id = x.run "
                    "WHERE x.sweep = ?1 ORDER BY x.position)",
                    "i", sweep) != 1)
        return NULL;
    return store_column(*row, 0);
}

static int same_runs(Merge *m, int64_t ours, int64_t theirs, int *same, Error *err)
{
    sqlite3_stmt *own = NULL, *other = NULL;
    const char *here = sweep_text(m->to, ours, &own, err), *there = here == NULL ? NULL : sweep_text(m->part, theirs, &other, err);
    *same = there != NULL && strcmp(here, there) == 0;
    sqlite3_finalize(own);
    sqlite3_finalize(other);
    return there == NULL ? -1 : 0;
}

/* [OUT] *ours: the sweep of `to` that is the part's, 0: none. */
static int find_sweep(Merge *m, int64_t theirs, int64_t *ours, Error *err)
{
    sqlite3_stmt *row, *own = NULL;
    int same = 0, code = SQLITE_DONE;
    *ours = 0;
    if (store_first(m->part, err, &row, merging,
                    "SELECT (SELECT name FROM experiment WHERE id = w.experiment), settings, created FROM sweep w WHERE id = ?1",
                    "i", theirs) != 1)
        return -1;
    own = store_bind(m->to, err, merging,
                     "SELECT id FROM sweep WHERE experiment = (SELECT id FROM experiment WHERE name = ?1) AND settings IS ?2 "
                     "AND created = ?3 AND part IS NULL",
                     "ttt", sqlite3_column_text(row, 0), sqlite3_column_text(row, 1), sqlite3_column_text(row, 2));
    int status = own == NULL ? -1 : 0;
    while (status == 0 && !same && (code = sqlite3_step(own)) == SQLITE_ROW) {
        *ours = sqlite3_column_int64(own, 0);
        status = same_runs(m, *ours, theirs, &same, err);
    }
    if (!same)
        *ours = 0;
    if (status == 0 && code != SQLITE_ROW && code != SQLITE_DONE)
        status = store_fail(m->to, err, merging);
    sqlite3_finalize(row);
    sqlite3_finalize(own);
    return status;
}

/* A sweep of which a run is not here (a conflict, a run at work) is left out. */
static int merge_sweep(Merge *m, const char *number, Error *err)
{
    int64_t theirs = strtoll(number, NULL, 10), ours;
    int whole;
    if (find_sweep(m, theirs, &ours, err) != 0)
        return -1;
    if (ours != 0)
        return copy(m, &copy_claims, theirs, ours, err); /* they may have been judged since it was merged */
    if (copy(m, &copy_sweep, theirs, 0, err) != 0)
        return -1;
    if (sqlite3_changes(m->to->db) == 0)
        return LEFT_OUT; /* none of its experiment's runs is here */
    ours = sqlite3_last_insert_rowid(m->to->db);
    if (copy(m, &copy_sweep_runs, theirs, ours, err) != 0 || same_runs(m, ours, theirs, &whole, err) != 0)
        return -1;
    if (!whole)
        return LEFT_OUT;
    m->count->sweeps++;
    return copy(m, &copy_claims, theirs, ours, err);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

int store_merge(Store *to, Store *part, void (*conflict)(void *context, const StoreMergeConflict *c), void *context,
                StoreMergeCount *count, Error *err)
{
    Merge m = {.to = to, .part = part, .count = count, .conflict = conflict, .context = context};
    *count = (StoreMergeCount){0};
    if (begin(&m, err) != 0)
        return -1;
    int status = merge_each(&m, "SELECT id, identity FROM run WHERE id > ?1 AND superseded_by IS NULL ORDER BY id LIMIT 1",
                            merge_run, err);
    if (status == 0)
        status = merge_each(&m, "SELECT id, id FROM sweep WHERE id > ?1 AND part IS NULL ORDER BY id LIMIT 1", merge_sweep, err);
    return store_end(to, status, err, merging);
}
