/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_store_crash.c: killed writers, racing first starts, dead owners of runs, a full disk.  Nothing
 * committed is ever lost.
 */
#define _DEFAULT_SOURCE 1 /* usleep, MAP_ANONYMOUS */

#include "store_help.h"

#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

static Error err;

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

/* Children wait at a gate, so that they start together.  gate[0] is theirs, closing gate[1] opens it. */
static int gate[2];

static void wait_at_gate(void)
{
    char c;
    close(gate[1]);
    while (read(gate[0], &c, 1) > 0)
        ;
}

/* Lets `n` children run body(i) at once; statuses[i] gets its exit status. */
static void together(int n, int (*body)(int), int *statuses)
{
    pid_t child[16];
    assert_int_equal(pipe(gate), 0);
    fflush(NULL);
    for (int i = 0; i < n; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            wait_at_gate();
            _exit(body(i));
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < n; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status));
        statuses[i] = WEXITSTATUS(status);
    }
}

static void must_be_whole(Store *s)
{
    must(store_check(s, &err));
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(s->db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
}

/* ---- killed in the middle --------------------------------------------------------------------------------------- */

/* Commits one step after the other, and tells each committed one. */
static void write_until_killed(int to, int64_t run, int64_t step)
{
    Store *s = store_open(database, STORE_WRITE, &err);
    char state[5000];
    for (; s != NULL; step++) {
        StoreMetric m[] = {{"train/elbo", step, -100.0 / (double)step, NULL},
                           {"train/kl", step, (double)step, NULL},
                           {"time/epoch", step, 1, NULL}};
        memset(state, (int)(step % 251), sizeof state);
        StoreCheckpoint c = {.step = (uint64_t)step, .bytes = state, .size = sizeof state};
        if (store_run_record(s, run, m, 3, &c, &err) != 0 || write(to, &step, sizeof step) != sizeof step)
            break;
    }
    _exit(1);
}

/* One round: kills a writer after `microseconds`; returns the last step that it reported. */
static int64_t killed_round(int64_t run, int64_t first, useconds_t microseconds)
{
    int report[2];
    int64_t step, last = first - 1;
    assert_int_equal(pipe(report), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        write_until_killed(report[1], run, first);
    }
    close(report[1]);
    assert_int_equal(read(report[0], &step, sizeof step), sizeof step); /* it has begun */
    last = step;
    usleep(microseconds);
    kill(child, SIGKILL);
    while (read(report[0], &step, sizeof step) == sizeof step)
        last = step;
    close(report[0]);
    waitpid(child, NULL, 0);
    return last;
}

static void killed_writers_lose_nothing(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1), next = 1;
    store_close(s);
    for (int round = 0; round < 12; round++) {
        int64_t last = killed_round(run, next, (useconds_t)(500 + 1370 * round));
        s = open_or_fail(database, STORE_WRITE);
        must_be_whole(s);
        /* Every reported step is recorded, and at most one more, committed but not reported.  Metrics and checkpoint
         * agree.
         */
        double steps = number(s, "SELECT max(step) FROM curves WHERE metric = 'train/elbo'");
        assert_true(steps == (double)last || steps == (double)last + 1);
        assert_true(number(s, "SELECT count(*) FROM curves") == 3 * steps);
        uint64_t step;
        void *bytes;
        size_t size;
        must(store_run_checkpoint(s, run, &step, &bytes, &size, &err));
        assert_true((double)step == steps);
        assert_int_equal(size, 5000);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(((unsigned char *)bytes)[i], step % 251);
        mem_free(bytes);
        store_close(s);
        next = (int64_t)steps + 1;
    }
}

/* ---- racing ----------------------------------------------------------------------------------------------------- */

/* Opens a database that may not exist, and records a run in it. */
static int open_new(int i)
{
    char identity[24];
    StoreClaim claim;
    int64_t run;
    snprintf(identity, sizeof identity, "run %d", i);
    StoreRunSpec spec = a_run(identity, "a", (uint64_t)i);
    StoreMetric m = {"test/elbo", 1, -i, NULL};
    Store *s = store_open(database, STORE_WRITE, &err);
    int status = s == NULL || store_run_queue(s, &spec, 0, &run, &claim, &err) != 0 ||
                 store_run_record(s, run, &m, 1, NULL, &err) != 0;
    if (status != 0)
        error_print(stderr, "racing first start", &err);
    store_close(s);
    return status;
}

static void first_starts_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 16 };
    for (int round = 0; round < 6; round++) {
        int status[PROCESSES];
        char command[400];
        snprintf(command, sizeof command, "rm -f '%s'*; %s '%s'", database, round % 2 == 0 ? ":" : "touch", database);
        assert_int_equal(system(command), 0);
        together(PROCESSES, open_new, status);
        for (int i = 0; i < PROCESSES; i++)
            assert_int_equal(status[i], 0);
        Store *s = open_or_fail(database, STORE_WRITE);
        must_be_whole(s);
        assert_true(number(s, "PRAGMA user_version") == store_schema_version);
        assert_true(number(s, "SELECT count(*) FROM run") == PROCESSES); /* nobody's run is lost */
        assert_true(number(s, "SELECT -sum(elbo) FROM runs") == PROCESSES * (PROCESSES - 1) / 2);
        store_close(s);
    }
}

enum { RIVALS = 4 };
static atomic_int *answered; /* shared by the rivals: how many know who has the run */

/* Stays alive until all know, 60 s at most, so that each meets a living owner. */
static void stay(void)
{
    atomic_fetch_add(answered, 1);
    for (int i = 0; i < 60000 && atomic_load(answered) < RIVALS; i++)
        usleep(1000);
}

static int start_it(int i)
{
    (void)i;
    StoreClaim claim;
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s == NULL || store_run_start(s, 1, &claim, &err) != 0)
        return 99;
    stay();
    return (int)claim;
}

static int queue_it(int i)
{
    StoreClaim claim;
    int64_t run;
    StoreRunSpec spec = a_run("same", "a", 1);
    (void)i;
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s == NULL || store_run_queue(s, &spec, 0, &run, &claim, &err) != 0)
        return 99;
    stay();
    return run == 1 ? (int)claim : 98;
}

static void one_of_several(int (*body)(int))
{
    int status[RIVALS], won = 0, busy = 0;
    answered = mmap(NULL, sizeof *answered, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(answered, MAP_FAILED);
    together(RIVALS, body, status);
    munmap(answered, sizeof *answered);
    for (int i = 0; i < RIVALS; i++) {
        won += status[i] == STORE_NEW;
        busy += status[i] == STORE_BUSY;
    }
    assert_int_equal(won, 1);
    assert_int_equal(busy, RIVALS - 1);
}

static void one_process_gets_a_run(void **state)
{
    (void)state;
    store_close(open_or_fail(database, STORE_WRITE));
    one_of_several(queue_it);
    one_of_several(start_it);
}

/* ---- dead owners ------------------------------------------------------------------------------------------------ */

/* A child that takes run 1 and then sleeps. */
static pid_t owner(void)
{
    int ready[2];
    char c = 0;
    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        StoreClaim claim;
        Store *s = store_open(database, STORE_WRITE, &err);
        if (s != NULL && store_run_start(s, 1, &claim, &err) == 0 && write(ready[1], &c, 1) == 1)
            usleep(20 * 1000 * 1000); /* until it is killed */
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void set(Store *s, const char *sql)
{
    assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void dead_owners_are_found(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    int count;
    StoreClaim claim;
    pid_t child = owner();
    must(store_reap(s, &count, &err));
    assert_int_equal(count, 0); /* it lives */
    must(store_run_start(s, run, &claim, &err));
    assert_int_equal(claim, STORE_BUSY);
    must(store_run_find(s, "id", &run, &claim, &err));
    assert_int_equal(claim, STORE_BUSY);

    set(s, "UPDATE run SET process_start = process_start + 1"); /* its number belongs to another process now */
    must(store_reap(s, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(words(s, "SELECT status FROM runs"), "crashed");
    set(s, "UPDATE run SET process_start = process_start - 1, boot = 'before', heartbeat = 1000, status = 'running'");
    must(store_reap(s, &count, &err)); /* an older boot of this host */
    assert_int_equal(count, 1);
    set(s, "UPDATE run SET host = 'elsewhere', heartbeat = strftime('%s', 'now'), status = 'running'");
    must(store_reap(s, &count, &err)); /* another host, and a sign of life */
    assert_int_equal(count, 0);
    must(store_run_start(s, run, &claim, &err));
    assert_int_equal(claim, STORE_BUSY);

    set(s, "UPDATE run SET status = 'queued', host = NULL, boot = NULL, started = NULL");
    must(store_reap(s, &count, &err));
    assert_int_equal(count, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    store_close(s);
}

static void killed_owner_gives_way(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    int count;
    StoreClaim claim;
    pid_t child = owner();
    kill(child, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0); /* dead, but its number is still taken: a zombie */
    must(store_run_find(s, "id", &run, &claim, &err));
    assert_int_equal(claim, STORE_RESUMED);
    waitpid(child, NULL, 0);
    must(store_reap(s, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(words(s, "SELECT status FROM runs"), "crashed");
    assert_non_null(strstr(words(s, "SELECT message FROM run"), "is gone"));
    must(store_run_start(s, run, &claim, &err));
    assert_int_equal(claim, STORE_RESUMED);
    assert_string_equal(words(s, "SELECT status FROM runs"), "running");
    store_close(s);
}

/* ---- a full disk ------------------------------------------------------------------------------------------------ */

/* Records until it fails; the number of steps that were committed. */
static int64_t fill(Store *s, int64_t run)
{
    char state[20000];
    for (int64_t step = 1; step < 1000; step++) {
        char name[40];
        memset(state, (int)step, sizeof state);
        snprintf(name, sizeof name, "originals%lld", (long long)step);
        StoreMetric m = {"train/elbo", step, (double)step, NULL};
        if (store_artifact_put(s, run, name, "uint8", NULL, state, sizeof state, &err) != 0 ||
            store_run_record(s, run, &m, 1, NULL, &err) != 0)
            return step - 1;
    }
    return -1;
}

static void must_hold(int64_t steps)
{
    Store *s = open_or_fail(database, STORE_WRITE);
    must_be_whole(s);
    assert_true(number(s, "SELECT count(*) FROM curves") == (double)steps);
    record_one(s, 1, "train/elbo", 1000, 1); /* with room again, recording works */
    store_close(s);
}

static void a_full_database(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    int64_t run = queue_run(s, "id", "a", 1);
    set(s, "PRAGMA max_page_count = 200");
    int64_t steps = fill(s, run);
    assert_in_range(steps, 5, 100);
    assert_non_null(strstr(err.what, "the disk is full"));
    assert_non_null(strstr(err.hint, "make room"));
    set(s, "PRAGMA max_page_count = 100000");
    must_be_whole(s);
    store_close(s);
    must_hold(steps);
}

/* The kernel refuses to let a file grow: what a quota does. */
static void a_full_disk(void **state)
{
    (void)state;
    Store *s = open_or_fail(database, STORE_WRITE);
    queue_run(s, "id", "a", 1);
    store_close(s);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 600000, .rlim_max = 600000};
        signal(SIGXFSZ, SIG_IGN);
        s = store_open(database, STORE_WRITE, &err);
        if (s == NULL || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(200);
        int64_t steps = fill(s, 1);
        if (err.kind != ERR_STORE || strstr(err.hint, "committed before is safe") == NULL)
            _exit(201);
        store_close(s);
        _exit((int)steps);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 5, 100);
    must_hold(WEXITSTATUS(status));
}

/* The very first start has no room for the tables: there is no half-made database afterwards. */
static void no_room_for_the_schema(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 20000, .rlim_max = 20000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        Store *s = store_open(database, STORE_WRITE, &err);
        _exit(s == NULL && err.kind == ERR_STORE ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    Store *s = open_or_fail(database, STORE_WRITE);
    must_be_whole(s);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_writers_lose_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(first_starts_at_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(one_process_gets_a_run, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(dead_owners_are_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(killed_owner_gives_way, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_full_database, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_room_for_the_schema, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
