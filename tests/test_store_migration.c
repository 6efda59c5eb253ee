/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_migration.c: a migration that is killed or finds no room leaves the older database whole.
 * test_store_open.c has what a migration makes; tests/e2e/older.sh migrates what older programs have written.
 */
#define _DEFAULT_SOURCE 1 /* usleep */

#include "store_help.h"

#include <signal.h>
#include <sys/resource.h>

static Error err;

enum { RUNS = 400, OLD = 3 };

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static void raw(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL); /* the test's own writes need not be safe */
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static int64_t raw_number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return value;
}

/* A database of version 3 with many evaluations, which version 4 makes rows of. */
static void an_old_one(const char *journal)
{
    char sql[900];
    snprintf(sql, sizeof sql, "rm -f '%s' '%s-wal' '%s-shm' '%s-journal'", database, database, database, database);
    assert_int_equal(system(sql), 0);
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s; PRAGMA application_id = %d; PRAGMA user_version = %d", journal,
             STORE_APPLICATION_ID, OLD);
    raw(sql);
    for (int v = 0; v < OLD; v++)
        raw(store_schema_sql(v));
    snprintf(sql, sizeof sql,
             "INSERT INTO experiment (name) VALUES ('old'); WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c "
             "LIMIT %d) INSERT INTO run (experiment, identity, configuration, label, seed, status, epochs, graph, plan, "
             "data, data_digest) SELECT 1, x, 'c', 'a', x, 'done', 1, '', '{}', '', '' FROM c; INSERT INTO member SELECT 1, "
             "id, label FROM run; INSERT INTO artifact (run, name, kind, bytes) SELECT id, 'evaluation/nll', 'evaluation', "
             "CAST('nll(examples=0, samples=' || id || ', seed=1)' AS BLOB) FROM run", RUNS);
    raw(sql);
}

/* The file is of the old version or of the new one, with all that it held; then it is migrated. */
static int must_be_whole(void)
{
    int64_t version = raw_number("PRAGMA user_version");
    assert_int_equal(raw_number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(raw_number("SELECT count(*) FROM run"), RUNS);
    if (version == OLD) {
        assert_int_equal(raw_number("SELECT count(*) FROM artifact"), RUNS);
        assert_int_equal(raw_number("SELECT count(*) FROM sqlite_schema WHERE name IN ('evaluation', 'source')"), 0);
        assert_int_equal(raw_number("SELECT count(*) FROM pragma_table_info('run') WHERE name = 'lease'"), 0);
    } else {
        assert_int_equal(version, store_schema_version);
        assert_int_equal(raw_number("SELECT count(*) FROM artifact"), 0);
    }
    Store *s = open_or_fail(database, STORE_WRITE);
    assert_true(number(s, "SELECT count(*) FROM evaluation_option WHERE name = 'samples' AND value = run") == RUNS);
    store_close(s);
    return version == OLD;
}

static int64_t microseconds_of(struct timespec from, struct timespec to)
{
    return (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

/* One round: kills a process that opens the database for writing after so many microseconds. */
static void kill_after(int64_t microseconds)
{
    int begun[2];
    char c;
    assert_int_equal(pipe(begun), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (write(begun[1], "b", 1) != 1)
            _exit(1);
        store_close(store_open(database, STORE_WRITE, &err));
        _exit(0);
    }
    close(begun[1]);
    assert_int_equal(read(begun[0], &c, 1), 1);
    close(begun[0]);
    usleep((useconds_t)microseconds);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_killed_migration_leaves_the_older_one_whole(void **state)
{
    (void)state;
    enum { ROUNDS = 10 };
    struct timespec from, to;
    int old = 0;
    an_old_one("WAL");
    clock_gettime(CLOCK_MONOTONIC, &from);
    store_close(open_or_fail(database, STORE_WRITE));
    clock_gettime(CLOCK_MONOTONIC, &to);
    int64_t whole = microseconds_of(from, to);
    for (int round = 0; round < ROUNDS; round++) {
        an_old_one(round % 2 == 0 ? "WAL" : "DELETE");
        kill_after(whole * round / ROUNDS);
        old += must_be_whole();
    }
    assert_true(old > 0); /* some were killed before the end */
}

/* At any limit of the file's size the migration is made, or nothing is. */
static void a_migration_without_room_leaves_the_older_one_whole(void **state)
{
    (void)state;
    int failed = 0;
    for (int k = 0; k < 6; k++) {
        an_old_one(k % 2 == 0 ? "WAL" : "DELETE");
        struct stat st;
        assert_int_equal(stat(database, &st), 0);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            const rlim_t bytes = (rlim_t)(k < 2 ? 8192 : k < 4 ? st.st_size / 2 : st.st_size);
            const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
            Store *s = store_open(database, STORE_WRITE, &err);
            int refused = s == NULL && err.kind == ERR_STORE;
            store_close(s);
            _exit(s != NULL ? 0 : refused ? 1 : 2);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        failed += WEXITSTATUS(status);
        assert_int_equal(must_be_whole(), WEXITSTATUS(status));
    }
    assert_true(failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_migration_leaves_the_older_one_whole, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_migration_without_room_leaves_the_older_one_whole, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("store migration", tests, NULL, NULL);
}
