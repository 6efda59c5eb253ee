/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_lease.c: who holds a run, when a holder counts as gone, and that a process which has lost a run
 * records nothing more of it.  Two connections of this process stand for two processes: Store.self says who they are.
 */
#include "store_help.h"
#include "store/read.h"

#include <time.h>

static Error err;

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static void set(Store *s, const char *sql)
{
    assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A connection of a process of another machine. */
static Store *open_elsewhere(const char *host)
{
    Store *s = open_or_fail(database, STORE_WRITE);
    snprintf(s->self.host, sizeof s->self.host, "%s", host);
    snprintf(s->self.boot, sizeof s->self.boot, "boot of %s", host);
    return s;
}

static StoreClaim start(Store *s, int64_t run)
{
    StoreClaim claim;
    must(store_run_start(s, run, &claim, &err));
    return claim;
}

static void silent_for(Store *s, int seconds)
{
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE run SET heartbeat = strftime('%%s', 'now') - %d", seconds);
    set(s, sql);
}

static StoreHolder holder_of(Store *s, int64_t run)
{
    StoreHolder h;
    must(store_run_holder(s, run, &h, &err));
    return h;
}

/* ---- who is alive ----------------------------------------------------------------------------------------------- */

/* A holder that is this process but for what the test changes. */
static StoreHolder judged(StoreProcess p, int64_t silent, const StoreProcess *self)
{
    StoreHolder h;
    store_process_judge(&h, &p, (int64_t)time(NULL) - silent, self, 120);
    return h;
}

static void the_process_decides_on_its_machine(void **state)
{
    (void)state;
    StoreProcess self, p;
    store_process_self(&self);
    p = self;
    assert_true(judged(p, 1000000, &self).alive); /* however old its sign of life */
    snprintf(p.host, sizeof p.host, "renamed");   /* whatever the host's name */
    assert_true(judged(p, 1000000, &self).alive && judged(p, 0, &self).here);
    p.start = 0; /* recorded without /proc: its number alone tells */
    assert_true(judged(p, 0, &self).alive);
    p.start = self.start + 1; /* its number belongs to another process now */
    assert_false(judged(p, 0, &self).alive);
}

static void the_lease_decides_elsewhere(void **state)
{
    (void)state;
    StoreProcess self, p;
    store_process_self(&self);
    p = self;
    p.pid_namespace++; /* another container of this machine: the same number is another process */
    assert_false(judged(p, 0, &self).here);
    assert_true(judged(p, 0, &self).alive && judged(p, 120, &self).alive);
    assert_false(judged(p, 122, &self).alive);
    assert_false(judged(p, -1000000, &self).alive); /* a clock that was years ahead does not keep the run for ever */
    p = self;
    snprintf(p.host, sizeof p.host, "elsewhere");
    snprintf(p.boot, sizeof p.boot, "another boot");
    assert_true(judged(p, 119, &self).alive);
    assert_false(judged(p, 122, &self).alive);
}

static void a_restart_ends_all_processes(void **state)
{
    (void)state;
    StoreProcess self, p;
    store_process_self(&self);
    p = self;
    snprintf(p.boot, sizeof p.boot, "the boot before");
    int64_t since = (int64_t)time(NULL);
    assert_true(judged(p, since, &self).restarted); /* its last sign of life: 1970 */
    assert_false(judged(p, since, &self).alive);
    assert_true(judged(p, 0, &self).alive); /* after this boot: another machine of the same name */
}

static void rows_of_older_versions(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    start(s, run);
    set(s, "UPDATE run SET pid_namespace = NULL, heartbeat = NULL"); /* the host's name stands for the namespace */
    assert_true(holder_of(s, run).here && holder_of(s, run).alive);
    set(s, "UPDATE run SET host = 'elsewhere', boot = 'b', started = '2020-01-01T00:00:00Z', created = '2020-01-01T00:00:00Z'");
    assert_false(holder_of(s, run).alive);
    set(s, "UPDATE run SET started = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
    assert_true(holder_of(s, run).alive);
    set(s, "UPDATE run SET started = created");
    StoreCheckpoint c = {.step = 1, .bytes = "x", .size = 1};
    must(store_run_record(s, run, NULL, 0, &c, &err));
    set(s, "UPDATE run SET heartbeat = NULL");
    assert_true(holder_of(s, run).alive); /* its checkpoint is a sign of life */
    set(s, "UPDATE checkpoint SET written = '2020-01-02T00:00:00Z'");
    assert_false(holder_of(s, run).alive);
    store_close(s);
}

/* ---- taking over ------------------------------------------------------------------------------------------------ */

static void an_expired_lease_is_taken_over(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1), found;
    StoreClaim claim;
    assert_int_equal(start(a, run), STORE_NEW);
    assert_int_equal(start(b, run), STORE_BUSY);
    silent_for(a, 100);
    assert_int_equal(start(b, run), STORE_BUSY);
    silent_for(a, 130);
    must(store_run_find(b, "id", &found, &claim, &err));
    assert_int_equal(claim, STORE_RESUMED);
    assert_int_equal(start(b, run), STORE_RESUMED);
    assert_true(number(a, "SELECT lease FROM run") == 2);
    b->lease_seconds = 1; /* b has just taken it; a is the one that is judged */
    assert_int_equal(start(a, run), STORE_BUSY);
    store_close(a);
    store_close(b);
}

/* Each kind of write, for run 1. */
static int write_metric(Store *s) { return store_run_record(s, 1, &(StoreMetric){"train/elbo", 7, -1, NULL}, 1, NULL, &err); }
static int write_artifact(Store *s) { return store_artifact_put(s, 1, "late", "uint8", NULL, "x", 1, &err); }
static int write_beat(Store *s) { return store_run_beat(s, 1, &err); }
static int write_evaluation(Store *s)
{
    return store_evaluation_put(s, 1, &(StoreEvaluation){"late", NULL, 0}, NULL, &err);
}
static int write_failed_evaluation(Store *s)
{
    return store_evaluation_fail(s, 1, &(StoreEvaluation){"late", NULL, 0}, "why", &err);
}
static int write_end(Store *s) { return store_run_finish(s, 1, "failed", "late", 1, "d", "w", 1, "{}", &err); }

static void must_be_fenced(Store *s, const char *what)
{
    int (*const writes[])(Store *) = {write_metric, write_artifact, write_evaluation, write_failed_evaluation, write_beat,
                                    write_end};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        s->beaten = 0; /* as if its last sign of life was a while ago */
        assert_int_equal(writes[i](s), -1);
        assert_int_equal(err.kind, ERR_RUN);
        if (strstr(err.what, what) == NULL)
            fail_msg("'%s' is not in '%s'", what, err.what);
        assert_true(store_lost(s));
    }
    assert_true(number(s, "SELECT (SELECT count(*) FROM metric) + (SELECT count(*) FROM artifact) + (SELECT count(*) FROM "
                          "evaluation) + (SELECT count(*) FROM run WHERE status = 'failed')") == 0);
}

static void a_writer_that_lost_its_run_writes_nothing(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1);
    start(a, run);
    must(store_run_beat(a, run, &err));
    silent_for(a, 130);
    start(b, run);
    must_be_fenced(a, "run 1 was taken over by process");
    assert_non_null(strstr(err.what, "on host b"));
    assert_non_null(strstr(err.found, "lease 2"));
    assert_string_equal(words(b, "SELECT status FROM run"), "running");
    must(write_metric(b)); /* the new holder can */
    store_close(a);
    store_close(b);
}

static void fresh_supersedes_a_run_whose_lease_has_expired(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1), newer;
    StoreRunSpec spec = a_run("id", "a", 1);
    StoreClaim claim;
    start(a, run);
    must(store_run_queue(b, &spec, 1, &newer, &claim, &err));
    assert_int_equal(claim, STORE_BUSY);
    assert_int_equal(newer, run);
    silent_for(a, 130);
    must(store_run_queue(b, &spec, 1, &newer, &claim, &err));
    assert_int_equal(claim, STORE_NEW);
    assert_int_not_equal(newer, run);
    must_be_fenced(a, "run 1 was superseded by run 2 (--fresh)");
    assert_string_equal(words(a, "SELECT status FROM run WHERE id = 1"), "crashed");
    assert_int_equal(start(a, run), STORE_BUSY); /* queued once, superseded since: nobody trains it */
    store_close(a);
    store_close(b);
}

/* A container that was paused for longer than its lease, while nobody took its run. */
static void a_holder_that_wakes_up_goes_on(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1);
    int count;
    start(a, run);
    silent_for(a, 130);
    must(store_reap(b, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(words(b, "SELECT status FROM run"), "crashed");
    assert_non_null(strstr(words(b, "SELECT message FROM run"), "gave no sign of life for"));
    a->beaten = 0;
    must(write_metric(a));
    assert_string_equal(words(b, "SELECT status || coalesce(message, '') || coalesce(finished, '') FROM run"), "running");
    must(store_reap(b, &count, &err));
    assert_int_equal(count, 0);
    store_close(a);
    store_close(b);
}

static void queued_runs_are_kept_alive(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1);
    int count;
    silent_for(a, 110);
    must(store_queue_beat(b, &err)); /* not b's */
    assert_true(holder_of(b, run).age >= 110);
    must(store_queue_beat(a, &err));
    assert_true(holder_of(b, run).age <= 2);
    must(store_reap(b, &count, &err));
    assert_int_equal(count, 0);
    store_close(a);
    store_close(b);
}

/* ---- release ---------------------------------------------------------------------------------------------------- */

static void released_runs(void **state)
{
    (void)state;
    Store *a = open_or_fail(database, STORE_WRITE), *b = open_elsewhere("b");
    int64_t run = queue_run(a, "id", "a", 1);
    StoreHolder h;
    start(a, run);
    assert_int_equal(store_run_release(a, run, 0, &h, &err), -1); /* this very process */
    assert_non_null(strstr(err.what, "at work"));
    assert_string_equal(words(a, "SELECT status FROM run"), "running");
    must(store_run_release(b, run, 0, &h, &err)); /* b cannot check it */
    assert_int_equal(h.process, getpid());
    assert_string_equal(words(a, "SELECT status FROM run"), "interrupted");
    must_be_fenced(a, "run 1 was released from this process");
    assert_int_equal(store_run_release(b, run, 1, &h, &err), -1);
    assert_non_null(strstr(err.what, "no process holds run 1"));

    assert_int_equal(start(a, run), STORE_RESUMED); /* the next one continues it */
    must(write_metric(a));
    must(store_run_release(a, run, 1, &h, &err)); /* --force */
    start(a, run);
    silent_for(a, 1000);
    must(store_run_release(b, run, 0, &h, &err));
    assert_string_equal(words(a, "SELECT status FROM run"), "crashed");
    start(a, run);
    must(store_run_finish(a, run, "done", NULL, 1, "d", NULL, 0, NULL, &err));
    assert_int_equal(store_run_release(b, run, 1, &h, &err), -1);
    assert_non_null(strstr(err.found, "done"));
    assert_int_equal(store_run_release(b, 99, 1, &h, &err), -1);
    assert_int_equal(err.kind, ERR_STORE);
    store_close(a);
    store_close(b);
}

/* ---- what readers see ------------------------------------------------------------------------------------------- */

static void readers_see_dead_processes(void **state)
{
    (void)state;
    char status[STORE_STATUS], message[200];
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    start(s, run);
    Store *reader = open_or_fail(database, STORE_READ);
    assert_string_equal(words(reader, "SELECT status FROM runs"), "running");
    assert_string_equal(words(reader, "SELECT CAST(process AS TEXT) FROM details") , words(s, "SELECT CAST(process AS TEXT) FROM run"));
    set(s, "UPDATE run SET process_start = process_start + 1");
    assert_string_equal(words(reader, "SELECT status FROM runs"), "crashed");
    assert_string_equal(words(reader, "SELECT status FROM run"), "crashed");
    assert_string_equal(words(reader, "SELECT status FROM last_values UNION SELECT status FROM details"), "crashed");
    assert_non_null(strstr(words(reader, "SELECT problem FROM runs"), "is gone"));
    must(store_run_status(reader, run, status, message, sizeof message, &err));
    assert_string_equal(status, "crashed");
    assert_non_null(strstr(message, "is gone"));
    assert_string_equal(words(s, "SELECT status FROM run"), "running"); /* in the file nothing has changed */
    store_close(reader);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_decides_on_its_machine),
        cmocka_unit_test(the_lease_decides_elsewhere),
        cmocka_unit_test(a_restart_ends_all_processes),
        cmocka_unit_test_setup_teardown(rows_of_older_versions, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_expired_lease_is_taken_over, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_writer_that_lost_its_run_writes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(fresh_supersedes_a_run_whose_lease_has_expired, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_holder_that_wakes_up_goes_on, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(queued_runs_are_kept_alive, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(released_runs, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(readers_see_dead_processes, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
