/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_gc.c: what gc leaves alone when the record changes between finding and dropping.
 */
#include "store_help.h"

#include "store/gc.h"

static int64_t count(Store *s, const char *sql)
{
    Error err = ERROR_NONE;
    int64_t n = -1;
    must(store_integer(s, &err, &n, "count", sql, "") != 1);
    return n;
}

/* A run that this process is at work on, with a checkpoint and an artifact. */
static int64_t a_run_at_work(Store *s, const char *identity)
{
    Error err = ERROR_NONE;
    StoreRunSpec spec = a_run(identity, "beta=1", 1);
    StoreClaim claim;
    int64_t run;
    must(store_run_queue(s, &spec, 0, &run, &claim, &err));
    must(store_run_start(s, run, &claim, &err));
    must(store_run_record(s, run, NULL, 0, &(StoreCheckpoint){1, "state", 5}, &err));
    must(store_artifact_put(s, run, "weights", "float32", NULL, "1234", 4, &err));
    must(store_artifact_put(s, run, "originals", "float32", NULL, "1234", 4, &err));
    return run;
}

static void test_at_work(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = a_run_at_work(s, "at work");
    const StoreGcItem items[] = {{STORE_GC_CHECKPOINTS, run}, {STORE_GC_WEIGHTS, run}, {STORE_GC_ARTIFACTS, run}, {STORE_GC_SUPERSEDED, run}};
    must(store_gc_drop(s, items, 4, &err));
    assert_int_equal(count(s, "SELECT (SELECT count(*) FROM checkpoint) * 10 + (SELECT count(*) FROM artifact)"), 12);
    must(store_run_finish(s, run, "done", NULL, 1, "digest", "1234", 4, NULL, &err));
    must(store_gc_drop(s, items, 4, &err)); /* it is not superseded: its row stays */
    assert_int_equal(count(s, "SELECT (SELECT count(*) FROM run) * 10 + (SELECT count(*) FROM artifact)"), 10);
    store_close(s);
}

typedef struct FoundRuns {
    int64_t run[8];
    size_t count;
} FoundRuns;

static int take_run(void *context, int columns, const char *const *names, const StoreValue *v)
{
    FoundRuns *f = context;
    (void)columns, (void)names;
    f->run[f->count++] = v[1].integer;
    return 0;
}

/* Runs 2 to 4 of one identity: 3 replaces 2, 4 replaces 3. */
static void test_chain(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Store *s = open_or_fail(database, STORE_WRITE);
    StoreRunSpec spec = a_run("chain", "beta=1", 1);
    StoreClaim claim;
    int64_t run[3];
    for (int i = 0; i < 3; i++) {
        must(store_run_queue(s, &spec, i > 0, &run[i], &claim, &err));
        must(store_run_start(s, run[i], &claim, &err));
        must(store_run_finish(s, run[i], "done", NULL, 1, "digest", "1234", 4, NULL, &err));
    }
    FoundRuns found = {0};
    const StoreGcFilter filter = {.kinds[STORE_GC_SUPERSEDED] = 1, .runs = &run[1], .nruns = 1};
    must(store_gc_find(s, &filter, take_run, &found, &err));
    assert_int_equal(found.count, 2); /* the run that it replaced would refer to nothing */
    assert_true(found.run[0] == run[0] && found.run[1] == run[1]);
    assert_int_equal(store_gc_drop(s, &(StoreGcItem){STORE_GC_SUPERSEDED, run[1]}, 1, &err), -1);
    assert_int_equal(count(s, "SELECT count(*) FROM run"), 4); /* all or nothing */
    const StoreGcItem items[] = {{STORE_GC_SUPERSEDED, run[0]}, {STORE_GC_SUPERSEDED, run[1]}};
    must(store_gc_drop(s, items, 2, &err));
    assert_int_equal(count(s, "SELECT count(*) FROM run"), 2);
    must(store_check(s, &err));
    store_close(s);
}

/* A reader keeps its snapshot while rows are dropped and the file is rewritten. */
static void test_beside_reader(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Store *s = open_or_fail(database, STORE_WRITE), *reader = open_or_fail(database, STORE_READ);
    int64_t run = count(s, "SELECT max(id) FROM run"), before, after;
    sqlite3_stmt *row;
    assert_int_equal(store_first(reader, &err, &row, "read", "SELECT count(*) FROM artifact", ""), 1);
    int there = sqlite3_column_int(row, 0);
    assert_true(there > 0);
    must(store_gc_drop(s, &(StoreGcItem){STORE_GC_WEIGHTS, run}, 1, &err));
    must(store_vacuum(s, &before, &after, &err));
    assert_true(after <= before);
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
    assert_int_equal(count(reader, "SELECT count(*) FROM artifact"), there - 1);
    store_close(reader);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_at_work), cmocka_unit_test(test_chain),
                                       cmocka_unit_test(test_beside_reader)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
