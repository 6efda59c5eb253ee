/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/power_cut.c: the power is cut at every write of a short run, and the disk keeps any part of what was not
 * synced (disk.h).
 *
 * The run is a sweep of lab_sweep: first creation of the database, training, a stop by a signal with its checkpoint, the
 * rest, an evaluation.  At each write an image of the disk is opened as the next start would open it.  It must be whole
 * and hold exactly what was committed, or that and the transaction that was being committed; and resuming from it must
 * give the results of the run that was never interrupted.
 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "lab_help.h"

#include "disk.h"
#include "faults.h"
#include "lab/train.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/mman.h>

/* ---- what a database holds ---------------------------------------------------------------------------------------- */

/* FNV-1a over every row of every table; 0 when there is no table yet. */
static uint64_t add_to_hash(uint64_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return hash;
}

static uint64_t hash_rows(sqlite3 *db, const char *sql, uint64_t hash)
{
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        faults_stop("%s: %s", sql, sqlite3_errmsg(db));
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            const void *bytes = sqlite3_column_blob(row, i);
            hash = add_to_hash(hash, bytes, (size_t)sqlite3_column_bytes(row, i));
            hash = add_to_hash(hash, "|", 1);
        }
    if (code != SQLITE_DONE)
        hash = 1; /* cannot be read: equal to nothing */
    sqlite3_finalize(row);
    return hash;
}

static uint64_t contents(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *table = NULL;
    uint64_t hash = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", -1, &table, NULL) ==
            SQLITE_OK) {
        int code;
        while ((code = sqlite3_step(table)) == SQLITE_ROW) {
            char sql[200];
            snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", (const char *)sqlite3_column_text(table, 0));
            hash = hash_rows(db, sql, hash == 0 ? 14695981039346656037u : hash);
        }
        if (code != SQLITE_DONE)
            hash = 1;
    } else {
        hash = sqlite3_errcode(db) == SQLITE_CANTOPEN ? 0 : 1;
    }
    sqlite3_finalize(table);
    sqlite3_close(db);
    return hash;
}

/* ---- the commits of the run -------------------------------------------------------------------------------------- */

enum { AWAITED = 4096 };

/* Shared by the sweep and its workers. */
typedef struct Commits {
    uint64_t contents;             /* of the database after the last commit */
    long count;
    uint64_t awaited[AWAITED];     /* images that held neither: the next commit must explain them */
    long awaited_call[AWAITED];
    long nawaited;
    long calls;                    /* disk_calls of the processes that ended */
    int stop_sent;
} Commits;

static Commits *commits;
static Fixture *fixture;
static char image[200], image_database[240];
static const char *reference;      /* the results of the uninterrupted run */
static int every, resume_one_in;
static pid_t sweeper; /* the process of the sweep; others are its worker */

static void judge_awaited(void)
{
    for (long i = 0; i < commits->nawaited; i++)
        if (commits->awaited[i] != commits->contents)
            faults_lose("cut at call %ld: the database holds neither what was committed nor the next commit",
                        commits->awaited_call[i]);
    commits->nawaited = 0;
}

/* After COMMIT has ended the transaction. */
static int on_statement(unsigned event, void *db, void *statement, void *time)
{
    (void)event, (void)time;
    const char *sql = sqlite3_sql(statement);
    if (sql == NULL || strcmp(sql, "COMMIT") != 0 || !sqlite3_get_autocommit(db))
        return 0;
    commits->contents = contents(fixture->database);
    commits->count++;
    judge_awaited();
    return 0;
}

static int on_connection(sqlite3 *db, const char **message, const void *functions)
{
    (void)message, (void)functions;
    const char *name = sqlite3_db_filename(db, "main");
    if (name != NULL && strcmp(name, fixture->database) == 0)
        sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, on_statement, db);
    return SQLITE_OK;
}

/* ---- after a cut -------------------------------------------------------------------------------------------------- */

/* The run's process lives, since the power was not really cut: makes it one of an earlier boot. */
static void after_a_boot(void)
{
    sqlite3 *db;
    if (sqlite3_open_v2(image_database, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK ||
        sqlite3_exec(db, "UPDATE run SET boot = 'before the power cut', heartbeat = 1", NULL, NULL, NULL) != SQLITE_OK)
        faults_stop("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* In a process of its own, with SQLite's own VFS: 0 when the image is well.  [OUT] through the pipe: its contents. */
static int open_image(int report, int resume)
{
    char complaint[400] = "";
    Error err = ERROR_NONE;
    sqlite3_reset_auto_extension();
    disk_stop();
    uint64_t hash = contents(image_database);
    if (write(report, &hash, sizeof hash) != sizeof hash)
        return 2;
    Store *s = store_open(image_database, STORE_WRITE, &err);
    if (s == NULL || store_check(s, &err) != 0) {
        faults_lose("cut at call %ld: %s (%s) %s", disk_calls, err.what, err.found, err.where);
        return 1;
    }
    store_close(s);
    if (faults_check_database(image_database, complaint, sizeof complaint) != 0) {
        faults_lose("cut at call %ld: %s", disk_calls, complaint);
        return 1;
    }
    if (!resume)
        return 0;
    after_a_boot();
    LabOutcome outcome;
    LabOptions options = fixture->options;
    Text results = {0};
    options.database = image_database;
    lab_stop = 0; /* of the worker that was stopped */
    if (lab_sweep(&fixture->run, 1, &options, &outcome, &err) != 0 || outcome.failed + outcome.crashed > 0) {
        faults_lose("cut at call %ld: resuming failed: %s %s", disk_calls, err.what, err.found);
        return 1;
    }
    if (faults_results(image_database, &results, complaint, sizeof complaint) != 0 ||
        strcmp(text_string(&results), reference) != 0) {
        char line[256] = "";
        if (!faults_missing_line(reference, text_string(&results), "", line, sizeof line))
            faults_missing_line(text_string(&results), reference, "", line, sizeof line);
        faults_lose("cut at call %ld: resuming gave other results: %s%s", disk_calls, complaint, line);
        return 1;
    }
    return 0;
}

/* The power is cut now; what the disk keeps is one of `kind`. */
static void cut(DiskKind kind)
{
    int report[2];
    uint64_t hash = 0;
    faults_try();
    faults_shell("rm -rf '%s'; mkdir '%s'", image, image);
    disk_image(image, kind);
    if (pipe(report) != 0)
        faults_stop("no pipe");
    int resume = faults_below((uint64_t)resume_one_in) == 0;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        faults_stop("cannot fork");
    if (child == 0) {
        close(report[0]);
        _exit(open_image(report[1], resume));
    }
    close(report[1]);
    if (read(report[0], &hash, sizeof hash) != sizeof hash)
        hash = 1;
    close(report[0]);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        faults_lose("cut at call %ld: opening the image ended with status %d", disk_calls, status);
    else if (hash != commits->contents && commits->nawaited < AWAITED) {
        commits->awaited[commits->nawaited] = hash;
        commits->awaited_call[commits->nawaited++] = disk_calls;
    }
}

/* At each change of the disk.  The worker also gets SIGTERM: in its third commit, after its start and, on a machine
 * that is not too busy, its first epoch. */
static void on_change(void)
{
    static long first = -1; /* commits before the worker's own */
    if (getpid() != sweeper && first < 0)
        first = commits->count;
    if (getpid() != sweeper && commits->count - first == 2 && !commits->stop_sent) {
        commits->stop_sent = 1;
        raise(SIGTERM);
    }
    for (DiskKind kind = DISK_NOTHING; kind < DISK_KINDS; kind++)
        if (faults_below((uint64_t)every) == 0)
            cut(kind);
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

/* One sweep, in a process of its own: the VFS of this one stays as it was.  The files are taken as safe between sweeps. */
static void sweep_once(int shared_memory)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        faults_stop("cannot fork");
    if (child == 0) {
        LabOutcome outcome;
        Error err = ERROR_NONE;
        disk_start(shared_memory, on_change);
        sqlite3_auto_extension((void (*)(void))on_connection);
        sweeper = getpid();
        int status = lab_sweep(&fixture->run, 1, &fixture->options, &outcome, &err);
        if (status != 0 && err.kind != ERR_SIGNAL)
            printf("    the sweep failed: %s %s\n", err.what, err.found);
        _exit(status != 0 && err.kind != ERR_SIGNAL);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0)
        faults_stop("the sweep under test ended with status %d", status);
}

/* After the first sweep the run has a part of its epochs, and a checkpoint. */
static void judge_stopped(void)
{
    sqlite3 *db;
    sqlite3_stmt *row = NULL;
    if (sqlite3_open_v2(fixture->database, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT status FROM run JOIN checkpoint ON run = id", -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        faults_stop("the first sweep was not stopped in its training: %s", sqlite3_errmsg(db));
    if (strcmp((const char *)sqlite3_column_text(row, 0), "interrupted") != 0)
        faults_stop("the first sweep ended otherwise than by its stop");
    sqlite3_finalize(row);
    sqlite3_close(db);
}

static void campaign(const char *name, int shared_memory)
{
    char complaint[400];
    Text results = {0};
    faults_begin("power cut: %s", name);
    if (disk_lies)
        faults_silence();
    faults_shell("rm -f '%s'*", fixture->database);
    memset(commits, 0, sizeof *commits);
    sweep_once(shared_memory);
    judge_stopped();
    sweep_once(shared_memory);
    if (faults_results(fixture->database, &results, complaint, sizeof complaint) != 0 ||
        strcmp(text_string(&results), reference) != 0)
        faults_lose("the run itself, stopped and resumed, gave other results: %s", complaint);
    judge_awaited();
    if (disk_lies && faults_expect_loss() == 0)
        faults_lose("nothing was lost on a disk that ignores syncs: this campaign sees nothing");
    faults_finish();
    text_free(&results);
}

int main(int argc, char **argv)
{
    void *state;
    Text results = {0};
    char complaint[400];
    LabOutcome outcome;
    faults_start(argc, argv, 0);
    if (setup(&state) != 0)
        faults_stop("no fixture");
    fixture = state;
    snprintf(fixture->database, sizeof fixture->database, "%.80s/results.db", faults_scratch);
    fixture->run.evaluations = &one_evaluation;
    fixture->run.nevaluations = 1;
    fixture->run.spec.epochs = 4;
    snprintf(image, sizeof image, "%s/image", faults_scratch);
    snprintf(image_database, sizeof image_database, "%s/results.db", image);
    commits = mmap(NULL, sizeof *commits, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (commits == MAP_FAILED || lab_run_identify(&fixture->run, &fixture->err) != 0 ||
        lab_sweep(&fixture->run, 1, &fixture->options, &outcome, &fixture->err) != 0 ||
        faults_results(fixture->database, &results, complaint, sizeof complaint) != 0)
        faults_stop("the uninterrupted run failed: %s %s", fixture->err.what, fixture->err.found);
    reference = text_string(&results);

    every = faults_sample ? 48 : 1;
    resume_one_in = faults_sample ? 6 : 4;
    campaign("write-ahead log", 1);
    campaign("rollback journal", 0);
    every = 32;
    disk_lies = 1;
    campaign("control, a disk that ignores syncs", 1);
    teardown(&state);
    return faults_end();
}
