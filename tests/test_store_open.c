/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_open.c: what store_open makes, and what it refuses: each with its own message, the file unchanged.
 */
#define _DEFAULT_SOURCE 1 /* setgroups */

#include "store_help.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <time.h>

static Error err;

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static void refused(const char *path, StoreMode mode, const char *what)
{
    char all[2000];
    memset(&err, 0, sizeof err);
    Store *s = store_open(path, mode, &err);
    error_text(all, sizeof all, &err);
    if (s != NULL)
        fail_msg("%s was opened; expected: %s", path, what);
    assert_int_equal(err.kind, ERR_STORE);
    if (strstr(all, what) == NULL)
        fail_msg("expected '%s' in:\n%s", what, all);
    assert_true(err.where[0] != '\0' || path[0] == '\0');
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Any SQLite file, made without our code. */
static void raw(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static uint64_t fingerprint(const char *path)
{
    uint64_t hash = 1469598103934665603u;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;)
        hash = (hash ^ (uint64_t)c) * 1099511628211u;
    fclose(f);
    return hash;
}

/* Runs in a child without root's rights; its exit status. */
static int as_nobody(int (*body)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        _exit(body());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int take_long_text(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    snprintf(context, 4000, "%s", (const char *)v[0].bytes);
    return 0;
}

/* ---- what it makes ---------------------------------------------------------------------------------------------- */

static void a_new_database(void **state)
{
    (void)state;
    char path[200];
    snprintf(path, sizeof path, "%s/a/b/c.db", folder);
    Store *s = open_or_fail(path, STORE_WRITE);
    assert_string_equal(store_path(s), path);
    assert_true(number(s, "PRAGMA application_id") == STORE_APPLICATION_ID);
    assert_true(number(s, "PRAGMA user_version") == store_schema_version);
    assert_true(number(s, "PRAGMA foreign_keys") == 1);
    assert_true(number(s, "PRAGMA synchronous") == 3); /* EXTRA: a power cut does not undo a commit */
    const char *mode = words(s, "PRAGMA journal_mode");
    if (strcmp(mode, "wal") != 0)
        assert_non_null(store_notice(s)); /* this disk supports none: one notice */
    else
        assert_null(store_notice(s));
    store_close(s);
    s = open_or_fail(path, STORE_READ);
    assert_true(number(s, "SELECT count(*) FROM runs") == 0);
    assert_null(store_notice(s));
    store_close(s);
    assert_int_equal(chdir(folder), 0);
    s = open_or_fail(":memory:", STORE_WRITE); /* a file of that name, not a database in memory */
    store_close(s);
    assert_int_equal(access(":memory:", R_OK), 0);
    s = open_or_fail("file:x?mode=memory", STORE_WRITE);
    store_close(s);
    assert_int_equal(access("file:x?mode=memory", R_OK), 0);
    assert_int_equal(chdir("/"), 0);
}

static void an_older_schema_is_brought_up_to_date(void **state)
{
    (void)state;
    char sql[100];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d", STORE_APPLICATION_ID);
    raw(database, sql); /* version 0: no table yet */
    for (int written = 0; written <= 1; written++) {
        Store *s = open_or_fail(database, STORE_READ);
        assert_true(number(s, "SELECT count(*) FROM runs") == 0);
        store_close(s);
        store_close(open_or_fail(database, STORE_WRITE));
    }
}

/* Up to version 3 an evaluation was recorded as a text; these are all kinds of them.  Alternately of run 1 and run
 * 2. */
static const char *const evaluation_texts[] = {
    "nll(examples=0, samples=500, seed=1)", "nll(examples=0, samples=50, seed=1)",
    "bounds(draws={1, 5, 50}, examples=500, of={iwae, iwae_sign}, seed=1)", "accounting(batch=100, draws=1000, seed=1)",
    "extremes(examples=20, logvar={-100, 100}, of={log_q}, seed=1)", "accuracy(examples=2000, sure=0.5)",
    "gradients(draws={}, of=encoder, reference=pathwise)", "clarity(samples=2000, sure=0.5)", "empty()", "tuned(rate=1e-05, on=true, size=-3)",
};

/* What they become: a row an option, lists as JSON, under today's names. */
static const char evaluations_now[] = "1 bounds draws=[1,5,50] text;1 bounds examples=500 integer;1 bounds metrics=[\"iwae\",\"iwae_sign\"] text;"
    "1 bounds seed=1 integer;1 empty;1 extremes examples=20 integer;1 extremes logvar=[-100,100] text;1 extremes metrics=[\"log_q\"] text;"
    "1 extremes seed=1 integer;1 gradients draws=[] text;1 gradients parameters=encoder text;1 gradients "
    "reference=pathwise text;1 nll examples=0 integer;1 nll samples=500 integer;1 nll seed=1 integer;2 accuracy "
    "examples=2000 integer;2 accuracy threshold=0.5 real;2 clarity samples=2000 integer;2 clarity threshold=0.5 real;2 "
    "elbo_decomposition batch=100 integer;2 elbo_decomposition draws=1000 integer;2 elbo_decomposition seed=1 "
    "integer;2 nll examples=0 integer;2 nll samples=50 integer;2 nll seed=1 integer;2 tuned on=true text;2 tuned "
    "rate=1.0e-05 real;2 tuned size=-3 integer";

static void evaluations_are_rows(Store *s)
{
    static const char sql[] = "SELECT group_concat(row, ';') FROM (SELECT e.run || ' ' || e.name || "
        "coalesce(' ' || o.name || '=' || o.value || ' ' || typeof(o.value), '') AS row FROM evaluation e "
        "LEFT JOIN evaluation_option o ON o.run = e.run AND o.evaluation = e.name ORDER BY e.run, e.name, o.name)";
    static char rows[4000];
    must(store_query(s, sql, NULL, 0, take_long_text, rows, &err));
    assert_string_equal(rows, evaluations_now);
    assert_string_equal(words(s, "SELECT group_concat(name) FROM artifact"), "originals");
}

/* A database of an older version, with an experiment, a run, and a claim where there were claims. */
static void an_old_one(int version, const char *journal)
{
    char sql[400];
    remove(database);
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s; PRAGMA application_id = %d; PRAGMA user_version = %d", journal,
             STORE_APPLICATION_ID, version);
    raw(database, sql);
    for (int v = 0; v < version && v < 3; v++) /* it was filled at version 3 at the latest */
        raw(database, store_schema_sql(v));
    raw(database, "CREATE VIEW runs AS SELECT 1 AS beta; CREATE VIEW summary AS SELECT 2 AS mean"); /* older views, which the migration replaces */
    raw(database, "INSERT INTO experiment (name) VALUES ('old'); INSERT INTO sweep (experiment) VALUES (1); "
                  "INSERT INTO run (experiment, identity, configuration, label, seed, status, epochs, graph, plan, "
                  "data, data_digest) VALUES (1, 'i', 'c', 'beta=0.5', 1, 'done', 1, '', '{}', 'digits, fresh "
                  "binarisation', ''), (1, 'j', 'd', 'beta=2', 1, 'done', 1, '', '{}', '', ''); INSERT INTO param "
                  "VALUES (1, 'beta', 0.5), (2, 'beta', 2), (1, 'binarise', 'fresh'); INSERT INTO sweep_run VALUES (1, "
                  "1, 1), (1, 2, 2); INSERT INTO metric_name (name) VALUES ('test/kl')");
    if (version >= 2)
        raw(database, "INSERT INTO claim (sweep, position, claim, quantity, seeds, low, ci_low, ci_high, verdict) VALUES "
                      "(1, 1, '', 'test/kl, beta=2', 0, 1, NULL, NULL, 'OPEN'), "
                      "(1, 2, '', 'test/kl, beta=2 over beta=0.5', 3, 1, 1, 2, 'PASS'), (1, 3, '', 'test/kl', 3, 3, 1, 2, "
                      "'FAIL'), (1, 4, '', 'of \"x\", beta=2', 3, 1.5, 1, 2, 'PASS'), (1, 5, '', 'q', 1, 1, NULL, NULL, 'PASS')");
    for (size_t i = 0; i < sizeof evaluation_texts / sizeof evaluation_texts[0]; i++) { /* an artifact each, of runs 1 and 2 in turns */
        snprintf(sql, sizeof sql, "INSERT INTO artifact (run, name, kind, bytes) VALUES (%d, 'evaluation/%.*s', 'evaluation', CAST('%s' AS BLOB))",
                 (int)i % 2 + 1, (int)strcspn(evaluation_texts[i], "("), evaluation_texts[i], evaluation_texts[i]);
        raw(database, sql);
    }
    raw(database, "INSERT INTO artifact (run, name, kind, bytes) VALUES (1, 'originals', 'float32', x'00')");
    if (version >= 3)
        raw(database, "INSERT INTO member SELECT experiment, id, label FROM run; INSERT INTO setting SELECT run, 1, name, value FROM param; "
                      "UPDATE claim SET metric = 'test/kl' WHERE position IN (1, 3); UPDATE claim SET configuration = "
                      "'d' WHERE position = 1");
    for (int v = 3; v < version; v++)
        raw(database, store_schema_sql(v));
}

static void is_whole(Store *s, int version)
{
    evaluations_are_rows(s);
    assert_true(number(s, "PRAGMA user_version") == store_schema_version);
    assert_true(number(s, "SELECT count(*) FROM sweep JOIN experiment e ON e.id = experiment WHERE name = 'old'") == 1);
    assert_true(number(s, "SELECT beta FROM runs WHERE experiment = 'old' AND label = 'beta=0.5'") == 0.5);
    assert_string_equal(words(s, "SELECT data || (SELECT value FROM setting WHERE run = 1 AND name = 'binarise') FROM run WHERE id = 1"),
                        "digits, dynamic binarisationdynamic");
    assert_true(number(s, "SELECT count(*) FROM claims") == (version >= 2 ? 5 : 0));
    if (version >= 2)
        assert_string_equal(words(s, "SELECT group_concat(verdict) FROM claims"), "open,holds,refuted,undecided,undecided");
    assert_true(number(s, "SELECT count(*) FROM metric_name WHERE name = 'test/kl' AND scale = 'log'") == 1);
    if (version >= 2) { /* metric and configuration: only the first claim has both */
        assert_string_equal(words(s, "SELECT group_concat(coalesce(metric, '') || ' ' || coalesce(configuration, ''), ';') FROM claim"),
                            "test/kl d; ;test/kl ; ; ");
    }
}

/* Every released version is migrated to the newest and keeps its contents; readers do not change the file. */
static void every_older_version_is_migrated(void **state)
{
    (void)state;
    static const char *const journal[] = {"DELETE", "WAL"};
    for (int version = 1; version < store_schema_version; version++)
        for (int j = 0; j < 2; j++) {
            an_old_one(version, journal[j]);
            uint64_t before = fingerprint(database);
            Store *s = open_or_fail(database, STORE_READ);
            is_whole(s, version);
            store_close(s);
            assert_true(fingerprint(database) == before);
            store_close(open_or_fail(database, STORE_WRITE));
            s = open_or_fail(database, STORE_READ);
            is_whole(s, version);
            store_close(s);
        }
}

/* Only files that can be copied quickly are.  (The file has a hole: it takes no room on the disk.) */
static void a_large_older_one_is_not_copied(void **state)
{
    (void)state;
    an_old_one(1, "DELETE");
    assert_int_equal(truncate(database, ((off_t)4 << 30) + 4096), 0);
    refused(database, STORE_READ, "older schema");
    assert_non_null(strstr(err.hint, "vae-lab run"));
}

/* ---- what it refuses -------------------------------------------------------------------------------------------- */

static void missing(void **state)
{
    (void)state;
    refused(database, STORE_READ, "there is no database yet");
    assert_non_null(strstr(err.hint, "vae-lab run"));
    assert_int_equal(access(database, F_OK), -1); /* reading does not create it */
    refused("", STORE_WRITE, "no name");
    refused(folder, STORE_WRITE, "not a file");
    write_file(database, "", 0);
    refused(database, STORE_READ, "empty");
    store_close(open_or_fail(database, STORE_WRITE)); /* an empty file becomes a new database */
    char below[200];
    snprintf(below, sizeof below, "%s/more/x.db", database);
    refused(below, STORE_WRITE, "folder"); /* there is a file where a folder should be */
}

static void foreign_newer_and_not_a_database(void **state)
{
    (void)state;
    static const char *const other[][2] = {
        {"CREATE TABLE t (a); PRAGMA application_id = 99", "another application"},
        {"CREATE TABLE t (a)", "another application"},
        {"PRAGMA user_version = 5", "another application"},
        {"PRAGMA application_id = 1447118156; PRAGMA user_version = 99", "newer vae-lab"}, /* 0x5641454c */
        {"PRAGMA application_id = 1447118156; PRAGMA user_version = -1", "header of this database is damaged"},
    };
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        remove(database);
        raw(database, other[i][0]);
        uint64_t before = fingerprint(database);
        refused(database, STORE_WRITE, other[i][1]);
        refused(database, STORE_READ, other[i][1]);
        assert_true(fingerprint(database) == before);
    }
    char text[3000];
    memset(text, 'x', sizeof text);
    for (size_t size = 5; size <= sizeof text; size += 1000) {
        write_file(database, text, size);
        refused(database, STORE_WRITE, "not a SQLite database");
        refused(database, STORE_READ, "not a SQLite database");
    }
}

static void damaged(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    for (int i = 0; i < 50; i++) {
        char identity[20];
        snprintf(identity, sizeof identity, "id%d", i);
        int64_t run = queue_run(s, identity, "a", 1);
        must(store_artifact_put(s, run, "a", "b", NULL, database, sizeof database, &err));
    }
    store_close(s);
    struct stat st;
    assert_int_equal(stat(database, &st), 0);
    assert_int_equal(truncate(database, st.st_size / 2), 0);
    refused(database, STORE_WRITE, "damaged");
    refused(database, STORE_READ, "damaged");

    remove(database);
    s = open_or_fail(database, STORE_WRITE);
    for (int i = 0; i < 50; i++) {
        char identity[20];
        snprintf(identity, sizeof identity, "id%d", i);
        queue_run(s, identity, "a", 1);
    }
    store_close(s);
    FILE *f = fopen(database, "r+"); /* a page in the middle is overwritten */
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    assert_int_equal(fseek(f, 4096 * 3, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 1, sizeof junk, f), sizeof junk);
    fclose(f);
    refused(database, STORE_WRITE, "damaged");
    assert_non_null(strstr(err.hint, ".recover"));
}

static void locked(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store_close(s);
    setenv("VAE_LAB_DB_TIMEOUT", "50", 1);
    s = open_or_fail(database, STORE_WRITE);
    StoreMetric m = {"a", 1, 1, NULL};
    assert_int_equal(store_run_record(s, run, &m, 1, NULL, &err), -1);
    assert_non_null(strstr(err.what, "locked"));
    assert_non_null(strstr(err.found, "0.1 s"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    must(store_run_record(s, run, &m, 1, NULL, &err)); /* the connection still works */
    store_close(s);
    unsetenv("VAE_LAB_DB_TIMEOUT");
    sqlite3_close(other);
}

/* Records a value in a process of its own once a byte arrives; 0 when it could. */
static int record_later(int64_t run, int go)
{
    char byte;
    StoreMetric m = {"a", 1, 1, NULL};
    setenv("VAE_LAB_DB_TIMEOUT", "1000", 1);
    Store *s = read(go, &byte, 1) == 1 ? store_open(database, STORE_WRITE, &err) : NULL;
    int status = s == NULL ? -1 : store_run_record(s, run, &m, 1, NULL, &err);
    store_close(s);
    return status == 0 ? 0 : 1;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A process that is stopped does not wait: what holds the lock may be stopped with it. */
static void stopped_while_it_waits(void **state)
{
    (void)state;
    int status, go[2];
    sqlite3 *other;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    store_close(s);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(record_later(run, go[0]));
    assert_int_equal(sqlite3_open(database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(write(go[1], "g", 1), 1);
    pause_ms(300);
    kill(child, SIGSTOP);
    pause_ms(1300);
    kill(child, SIGCONT);
    pause_ms(50);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    sqlite3_close(other);
    close(go[0]);
    close(go[1]);
}

/* A new file that another program has locked: the first start waits, and its message says so. */
static void locked_when_new(void **state)
{
    (void)state;
    sqlite3 *other;
    assert_int_equal(sqlite3_open(database, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    setenv("VAE_LAB_DB_TIMEOUT", "50", 1);
    refused(database, STORE_WRITE, "locked");
    unsetenv("VAE_LAB_DB_TIMEOUT");
    sqlite3_close(other);
    store_close(open_or_fail(database, STORE_WRITE));
}

static int open_unwritable_file(void)
{
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s != NULL || strstr(err.what, "the database cannot be written") == NULL || strstr(err.where, database) == NULL)
        return 1;
    s = store_open(database, STORE_READ, &err);
    int ok = s != NULL;
    store_close(s);
    return ok ? 0 : 2;
}

static int open_in_unwritable_folder(void)
{
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s != NULL || strstr(err.what, "folder cannot be written") == NULL)
        return 1;
    char deeper[200];
    snprintf(deeper, sizeof deeper, "%s/sub/x.db", folder);
    if (store_open(deeper, STORE_WRITE, &err) != NULL || strstr(err.what, "cannot make the database's folder") == NULL)
        return 2;
    s = store_open(database, STORE_READ, &err); /* an archive: WAL mode in a folder that cannot hold its index */
    int ok = s != NULL && number(s, "SELECT count(*) FROM runs") == 1;
    store_close(s);
    return ok ? 0 : 3;
}

static int open_unreadable(void)
{
    return store_open(database, STORE_READ, &err) == NULL && strstr(err.what, "cannot be read") != NULL ? 0 : 1;
}

static void rights(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    queue_run(s, "id", "a", 1);
    store_close(s);
    chmod(folder, 0777);
    chmod(database, 0444);
    assert_int_equal(as_nobody(open_unwritable_file), 0);
    chmod(database, 0666);
    char command[300]; /* the files that a reader without write access had to leave */
    snprintf(command, sizeof command, "rm -f '%s-wal' '%s-shm'", database, database);
    assert_int_equal(system(command), 0);
    chmod(folder, 0555);
    assert_int_equal(as_nobody(open_in_unwritable_folder), 0);
    chmod(folder, 0777);
    chmod(database, 0);
    assert_int_equal(as_nobody(open_unreadable), 0);
}

static void network_file_systems(void **state)
{
    (void)state;
    assert_string_equal(store_network_kind(0x6969, NULL), "NFS");
    assert_string_equal(store_network_kind(0xff534d42, ""), "SMB (cifs)");
    assert_string_equal(store_network_kind(0x65735546, "fuse.sshfs"), "sshfs");
    assert_null(store_network_kind(0x65735546, "fuse.ntfs-3g"));
    assert_null(store_network_kind(0x65735546, "fuseblk"));
    assert_null(store_network_kind(0xef53, "ext4"));
    setenv("VAE_LAB_DB_NETWORK", "0", 1); /* treat this disk as one */
    refused(database, STORE_WRITE, "network file system");
    assert_non_null(strstr(err.hint, "VAE_LAB_DB_NETWORK=1"));
    assert_int_equal(access(database, F_OK), -1);
    unsetenv("VAE_LAB_DB_NETWORK");
    store_close(open_or_fail(database, STORE_WRITE));
    setenv("VAE_LAB_DB_NETWORK", "0", 1);
    refused(database, STORE_READ, "network file system");
    setenv("VAE_LAB_DB_NETWORK", "1", 1);
    store_close(open_or_fail(database, STORE_WRITE));
    unsetenv("VAE_LAB_DB_NETWORK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_older_schema_is_brought_up_to_date, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(every_older_version_is_migrated, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_large_older_one_is_not_copied, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(missing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(foreign_newer_and_not_a_database, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(damaged, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(locked, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(stopped_while_it_waits, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(locked_when_new, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(rights, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(network_file_systems, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
