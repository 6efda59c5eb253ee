/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_schema.c: files whose schema is not ours: what would act on the record is refused, the file unchanged;
 * the user's own tables, plain indices and views are allowed.
 */
#include "store_help.h"

static Error err;

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

/* SQL on the file, without our code. */
static void raw(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* A database with one run, its journal a rollback journal: one file. */
static void a_whole_one(void)
{
    remove(database);
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    record_one(s, run, "test/elbo", 1, -100);
    must(store_artifact_put(s, run, "originals", "uint8", NULL, "abc", 3, &err));
    store_close(s);
    raw("PRAGMA journal_mode = DELETE");
}

static uint64_t fingerprint(void)
{
    uint64_t hash = 1469598103934665603u;
    FILE *f = fopen(database, "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;)
        hash = (hash ^ (uint64_t)c) * 1099511628211u;
    fclose(f);
    return hash;
}

/* Refused in both modes, the file unchanged; the error's text has these words. */
static void refused(const char *const *words)
{
    uint64_t before = fingerprint();
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        char all[2000];
        err = (Error)ERROR_NONE;
        Store *s = store_open(database, (StoreMode)mode, &err);
        error_text(all, sizeof all, &err);
        if (s != NULL)
            fail_msg("opened; expected: %s", words[0]);
        assert_int_equal(err.kind, ERR_STORE);
        for (size_t i = 0; words[i] != NULL; i++)
            if (strstr(all, words[i]) == NULL)
                fail_msg("expected '%s' in:\n%s", words[i], all);
        assert_true(fingerprint() == before);
    }
}

static void opens(void)
{
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        Store *s = open_or_fail(database, (StoreMode)mode);
        assert_true(number(s, "SELECT elbo FROM runs") == -100);
        assert_true(number(s, "SELECT count(*) FROM artifact") == 1);
        store_close(s);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void what_would_act_on_the_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words[6];
    } kinds[] = {
        {"CREATE TRIGGER wipe AFTER INSERT ON metric BEGIN DELETE FROM artifact; END",
         {"trigger wipe would act", "CREATE TRIGGER wipe", "no triggers", "DROP TRIGGER \"wipe\"", "nothing was changed"}},
        {"CREATE TRIGGER \"a'b\" INSTEAD OF DELETE ON runs BEGIN DELETE FROM run; END", {"trigger a?b would act"}},
        {"CREATE UNIQUE INDEX one ON metric (value)", {"index one would act", "UNIQUE", "DROP INDEX \"one\""}},
        {"CREATE INDEX words ON run (lower(label))", {"index words would act", "lower(label)"}},
        {"CREATE INDEX words ON run (json(label)) WHERE 0", {"malformed database schema (words)"}},
        {"CREATE INDEX some ON run (label) WHERE status = 'done'", {"index some would act"}},
        {"DROP TABLE figure", {"table figure is missing", "CREATE TABLE figure"}},
        {"DROP INDEX run_experiment", {"index run_experiment is missing"}},
        {"DROP INDEX run_identity; CREATE INDEX run_identity ON run (identity) WHERE superseded_by IS NULL",
         {"index run_identity was changed", "CREATE INDEX", "CREATE UNIQUE INDEX"}},
        {"DROP TABLE figure; CREATE TABLE figure (id, name)",
         {"table figure was changed", "found     CREATE TABLE figure(id,name)", "id INTEGER PRIMARY KEY"}},
        {"DROP TABLE figure; CREATE VIEW figure AS SELECT 1 AS id", {"view figure was changed", "table on figure"}},
        {"ALTER TABLE metric ADD COLUMN more TEXT DEFAULT 'none'", {"table metric was changed", "more TEXT"}},
        {"DROP VIEW runs; CREATE VIEW runs AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT * FROM c",
         {"view runs was changed", "WITH RECURSIVE", "DROP VIEW \"runs\"", "makes ours again"}},
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (status IN (''done'', ''failed''))', '') "
         "WHERE name = 'evaluation'", {"table evaluation was changed"}},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        a_whole_one();
        raw(kinds[i].sql);
        refused(kinds[i].words);
    }
}

static void a_virtual_table_is_refused(void **state)
{
    (void)state;
    sqlite3 *db;
    a_whole_one();
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    int code = sqlite3_exec(db, "CREATE VIRTUAL TABLE words USING fts5 (text)", NULL, NULL, NULL);
    sqlite3_close(db);
    if (code != SQLITE_OK)
        skip(); /* SQLite without FTS5 */
    refused((const char *const[]){"table words is a virtual table", "DROP TABLE \"words\"", NULL});
}

/* The hint's command makes the file acceptable again, and nothing was lost. */
static void the_hint_mends_it(void **state)
{
    (void)state;
    char command[500];
    if (system("command -v sqlite3 >/dev/null") != 0)
        skip();
    static const char *const harm[] = {
        "CREATE TRIGGER \"wipe it\" AFTER INSERT ON metric BEGIN DELETE FROM artifact; END",
        "DROP VIEW runs; CREATE VIEW runs AS SELECT 0 AS elbo",
    };
    for (size_t i = 0; i < 2; i++) {
        a_whole_one();
        raw(harm[i]);
        assert_null(store_open(database, STORE_WRITE, &err));
        char *from = strstr(err.hint, "sqlite3"), *to = strstr(err.hint, " removes");
        assert_true(from != NULL && to != NULL);
        snprintf(command, sizeof command, "%.*s", (int)(to - from), from);
        assert_int_equal(system(command), 0);
        opens();
    }
}

static void the_users_own_objects_are_allowed(void **state)
{
    (void)state;
    a_whole_one();
    raw("CREATE TABLE notes (run INTEGER REFERENCES run (id), text); INSERT INTO notes VALUES (1, 'the good one');"
        "CREATE UNIQUE INDEX notes_run ON notes (run);"
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END; DROP TRIGGER t;"
        "CREATE INDEX metric_value ON metric (value);"
        "CREATE VIEW forever AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT * FROM c;"
        "CREATE VIEW circle AS SELECT * FROM round; CREATE VIEW round AS SELECT * FROM circle;"
        "CREATE VIEW broken AS SELECT x FROM nowhere; ANALYZE");
    opens();
    Store *s = open_or_fail(database, STORE_READ);
    assert_string_equal(words(s, "SELECT text FROM notes"), "the good one");
    assert_true(number(s, "SELECT max(x) FROM (SELECT x FROM forever LIMIT 1000)") == 1000);
    assert_int_equal(store_query(s, "SELECT * FROM circle", NULL, 0, take_value_of, &(double){0}, &err), -1);
    assert_non_null(strstr(err.what, "circularly defined"));
    assert_int_equal(store_query(s, "SELECT * FROM broken", NULL, 0, take_value_of, &(double){0}, &err), -1);
    assert_non_null(strstr(err.what, "nowhere"));
    assert_int_equal(store_query(s, "SELECT elboo FROM runs", NULL, 0, take_value_of, &(double){0}, &err), -1);
    assert_non_null(strstr(err.hint, "'elbo'")); /* views that cannot be read do not matter to the hint */
    store_close(s);
}

/* A view holds no data: a reader makes it in memory, a writer in the file. */
static void a_missing_view_is_made_again(void **state)
{
    (void)state;
    a_whole_one();
    raw("DROP VIEW runs; DROP VIEW summary");
    uint64_t before = fingerprint();
    Store *s = open_or_fail(database, STORE_READ);
    assert_true(number(s, "SELECT elbo FROM runs") == -100);
    store_close(s);
    assert_true(fingerprint() == before);
    opens();
    s = open_or_fail(database, STORE_WRITE);
    assert_true(number(s, "SELECT count(*) FROM sqlite_schema WHERE name IN ('runs', 'summary')") == 2);
    store_close(s);
}

/* A trigger that arrives while the file is open does not run. */
static void triggers_never_run(void **state)
{
    (void)state;
    a_whole_one();
    Store *s = open_or_fail(database, STORE_WRITE);
    raw("CREATE TRIGGER wipe AFTER INSERT ON metric BEGIN DELETE FROM artifact; END");
    record_one(s, 1, "test/elbo", 2, -90);
    assert_true(number(s, "SELECT count(*) FROM artifact") == 1);
    store_close(s);
}

/* In a file of an older version, too. */
static void an_older_version_is_checked_before_it_is_migrated(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words[3];
    } kinds[] = {
        {"CREATE TRIGGER wipe AFTER INSERT ON member BEGIN DELETE FROM run; END", {"trigger wipe would act"}},
        {"DROP TABLE figure; CREATE TABLE figure (id, name)", {"table figure was changed"}},
        {"CREATE TABLE evaluation (run)", {"table evaluation was changed", "run INTEGER NOT NULL"}},
        {"CREATE TABLE runs (id)", {"table runs was changed", "view on runs"}},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char sql[100];
        remove(database);
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = 3", STORE_APPLICATION_ID);
        raw(sql);
        for (int v = 0; v < 3; v++)
            raw(store_schema_sql(v));
        raw(kinds[i].sql);
        refused(kinds[i].words);
    }
}

/* Comments and spaces are no difference: older programs made the same tables with other ones. */
static void comments_are_no_difference(void **state)
{
    (void)state;
    a_whole_one();
    raw("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(replace(sql, ' TEXT', ' /* a -- b */\n\tTEXT -- c\n'), "
        "', ', ',') WHERE name IN ('figure', 'run', 'artifact')");
    opens();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(what_would_act_on_the_record_is_refused),
        TEST(a_virtual_table_is_refused),
        TEST(the_hint_mends_it),
        TEST(the_users_own_objects_are_allowed),
        TEST(a_missing_view_is_made_again),
        TEST(triggers_never_run),
        TEST(an_older_version_is_checked_before_it_is_migrated),
        TEST(comments_are_no_difference),
    };
    return cmocka_run_group_tests_name("store schema", tests, NULL, NULL);
}
