/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_parallel.c: the threads of num/parallel.h: every job exactly once, whatever the counts and the
 * numbers of threads; all threads work, also after a sleep, after a fork and in the child; a job's own loop runs
 * alone.
 *
 * A test that waits for another thread gives up after 20 s: far longer than a machine with other work needs.  An
 * alarm ends a test that hangs.  Random numbers come from a fixed seed.
 */
#include "num/isa.h"
#include "num/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 100003, PATIENCE = 20, HANGS = 120 }; /* seconds */

static const int thread_counts[] = {1, 2, 3, 5, 8, 33};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0] };

static uint64_t seed = 20250101;

static uint32_t bits32(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void rest(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}, NULL);
}

/* ---- every job exactly once -------------------------------------------------------------------------------------- */

/* A task names its job, so that the test notices a job that gets the task of another loop. */
typedef struct Loop {
    NumJob *job;
    size_t count, work;      /* jobs; the most iterations that a job spends idle */
    atomic_uchar *visits;    /* count + 1 */
    uint64_t *value;         /* [count], written without atomics: the end of the loop must make them visible */
    atomic_int *wrong;
} Loop;

static atomic_int wrong;

static void idle(size_t turns)
{
    for (volatile size_t i = 0; i < turns; i++)
        ;
}

static void visit(const Loop *l, NumJob *self, size_t index)
{
    if (l->job != self || index >= l->count) {
        atomic_fetch_add(l->wrong, 1);
        return;
    }
    if (l->work > 0)
        idle(index * 7919 % l->work);
    atomic_fetch_add_explicit(&l->visits[index], 1, memory_order_relaxed);
    l->value[index] = (uint64_t)index * index + l->count;
}

/* Two equal jobs, so that consecutive loops differ in their job as well as in their task. */
static void visit_even(const void *task, size_t index) { visit(task, visit_even, index); }
static void visit_odd(const void *task, size_t index) { visit(task, visit_odd, index); }

static void run_loop(size_t count, size_t work, NumJob *job)
{
    static atomic_uchar visits[JOBS + 1];
    static uint64_t value[JOBS];
    static Loop loops[2];
    Loop *l = &loops[job == visit_odd];
    for (size_t i = 0; i <= count; i++)
        atomic_store_explicit(&visits[i], 0, memory_order_relaxed);
    memset(value, 0, count * sizeof *value);
    *l = (Loop){job, count, work, visits, value, &wrong};
    num_parallel_jobs(count, job, l);
    for (size_t i = 0; i < count; i++)
        if (visits[i] != 1 || value[i] != (uint64_t)i * i + count)
            fail_msg("%zu jobs on %d threads: job %zu ran %d times, expected once", count, num_threads(), i, (int)visits[i]);
    assert_int_equal(visits[count], 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void each_job_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 64, 255, 256, 257, 1000, 4099, JOBS};
    for (int t = 0; t < THREAD_COUNTS; t++) {
        num_threads_set(thread_counts[t]);
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (int again = 0; again < 4; again++)
                run_loop(counts[c], 0, again & 1 ? visit_odd : visit_even);
    }
}

/* Jobs of unequal length: threads start, finish and fall asleep at all moments of a loop. */
static void each_job_once_when_jobs_are_unequal(void **state)
{
    (void)state;
    for (int i = 0; i < 4000; i++) {
        num_threads_set(thread_counts[bits32() % THREAD_COUNTS]);
        run_loop(bits32() % 40, 1 + bits32() % 3000, i & 1 ? visit_odd : visit_even);
        if (bits32() % 64 == 0)
            rest(1);
    }
}

static void add(const void *task, size_t index)
{
    atomic_fetch_add_explicit(*(atomic_ullong *const *)task, index + 1, memory_order_relaxed);
}

/* A hundred thousand loops of two to nine jobs, one after the other: the next begins while threads still look at the
 * last. */
static void many_tiny_loops(void **state)
{
    (void)state;
    for (int threads = 2; threads <= 3; threads++) {
        atomic_ullong sum = 0, *task = &sum;
        unsigned long long want = 0;
        num_threads_set(threads);
        for (int i = 0; i < 50000; i++) {
            size_t count = 2 + (size_t)i % 8;
            num_parallel_jobs(count, add, &task);
            want += count * (count + 1) / 2;
            if (atomic_load_explicit(&sum, memory_order_relaxed) != want)
                fail_msg("loop %d of %zu jobs on %d threads: the sum is %llu, expected %llu", i, count, threads,
                         (unsigned long long)sum, want);
        }
    }
}

/* ---- all threads work -------------------------------------------------------------------------------------------- */

typedef struct Meeting {
    int people;
    atomic_int arrived, late;
} Meeting;

/* A job that waits until all threads run one: a thread that had two of these jobs would wait for ever. */
static void meet(const void *task, size_t index)
{
    Meeting *m = *(Meeting *const *)task;
    (void)index;
    double until = seconds(CLOCK_MONOTONIC) + PATIENCE;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < m->people && atomic_load(&m->late) == 0) {
        sched_yield();
        if (seconds(CLOCK_MONOTONIC) > until)
            atomic_store(&m->late, 1);
    }
}

/* Whether `threads` threads run one job each at the same time. */
static int all_meet(int threads)
{
    Meeting m = {.people = threads}, *task = &m;
    num_threads_set(threads);
    num_parallel_jobs((size_t)threads, meet, &task);
    return atomic_load(&m.late) == 0 && atomic_load(&m.arrived) == threads;
}

static void all_threads_work(void **state)
{
    (void)state;
    for (int t = 0; t < THREAD_COUNTS; t++)
        for (int again = 0; again < 3; again++)
            assert_true(all_meet(thread_counts[t]));
}

static void the_number_goes_up_and_down(void **state)
{
    (void)state;
    static const int counts[] = {8, 2, 5, 1, 3, 8, 1, 2, 33, 2, 1, 4};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_true(all_meet(counts[i]));
        run_loop(1000, 50, i & 1 ? visit_odd : visit_even);
        if (i % 3 == 0)
            rest(5);
    }
}

/* 20 ms is hundreds of times longer than a thread spins. */
static void sleeping_threads_are_woken(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_true(all_meet(4));
        rest(i % 2 == 0 ? 20 : 0);
    }
}

/* Some 0.3 s in which all threads together use less than a tenth of one processor.  What another program does to
 * this machine can spoil one such time, not all of 20 s; a thread that waits awake spoils them all. */
static int all_sleep(void)
{
    for (double until = seconds(CLOCK_MONOTONIC) + PATIENCE; seconds(CLOCK_MONOTONIC) < until;) {
        double start = seconds(CLOCK_MONOTONIC), before = seconds(CLOCK_PROCESS_CPUTIME_ID);
        rest(300);
        if (seconds(CLOCK_PROCESS_CPUTIME_ID) - before < 0.1 * (seconds(CLOCK_MONOTONIC) - start))
            return 1;
    }
    return 0;
}

static void waiting_threads_sleep(void **state)
{
    (void)state;
    assert_true(all_meet(8));
    assert_true(all_sleep());
}

/* A loop of two jobs wakes all threads: most find no job left and must go back to sleep. */
static void threads_woken_for_nothing_sleep(void **state)
{
    (void)state;
    num_threads_set(33);
    for (int i = 0; i < 1000; i++) {
        run_loop(2, 1, i & 1 ? visit_odd : visit_even);
        rest(1);
    }
    assert_true(all_sleep());
}

/* ---- where a loop runs alone ------------------------------------------------------------------------------------- */

typedef struct Nest {
    atomic_uchar (*visits)[20];
    pthread_t outer;
    atomic_int *elsewhere;
    size_t row;
} Nest;

static void inner(const void *task, size_t index)
{
    const Nest *n = task;
    atomic_fetch_add(&n->visits[n->row][index], 1);
    if (!pthread_equal(pthread_self(), n->outer))
        atomic_fetch_add(n->elsewhere, 1);
}

static void outer(const void *task, size_t index)
{
    Nest n = *(const Nest *)task;
    n.row = index;
    n.outer = pthread_self();
    num_parallel_jobs(20, inner, &n);
    num_parallel(0, NUM_PARALLEL_MIN, inner, &n);
}

static void a_jobs_own_loop_runs_alone(void **state)
{
    (void)state;
    static atomic_uchar visits[100][20];
    atomic_int elsewhere = 0;
    Nest n = {.visits = visits, .elsewhere = &elsewhere};
    num_threads_set(3);
    for (int again = 1; again <= 50; again++) {
        num_parallel_jobs(100, outer, &n);
        for (int i = 0; i < 100; i++)
            for (int j = 0; j < 20; j++)
                assert_int_equal(visits[i][j], again);
    }
    assert_int_equal(atomic_load(&elsewhere), 0);
}

typedef struct BatchIterator {
    pthread_t caller;
    size_t *next;
    int *bad;
} BatchIterator;

static void in_order(const void *task, size_t index)
{
    const BatchIterator *w = task;
    *w->bad += !pthread_equal(pthread_self(), w->caller) || index != (*w->next)++;
}

/* Little work, one thread or one job: the calling thread runs the jobs in ascending order. */
static void little_work_stays_here(void **state)
{
    (void)state;
    size_t next = 0;
    int bad = 0;
    BatchIterator w = {pthread_self(), &next, &bad};
    num_threads_set(4);
    num_parallel(100, NUM_PARALLEL_MIN - 1, in_order, &w);
    assert_int_equal(next, 100);
    next = 0;
    num_parallel_jobs(1, in_order, &w);
    assert_int_equal(next, 1);
    num_threads_set(1);
    next = 0;
    num_parallel(100, NUM_PARALLEL_MIN, in_order, &w);
    assert_int_equal(next, 100);
    assert_int_equal(bad, 0);
    Meeting m = {.people = 3}, *task = &m;
    num_threads_set(3);
    num_parallel(3, NUM_PARALLEL_MIN, meet, &task); /* enough work: on all threads */
    assert_int_equal(atomic_load(&m.late), 0);
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

/* In a child: its own threads work, and those of its own child.  The exit status is 0 when they do. */
static int child(int generations)
{
    alarm(HANGS);
    if (!all_meet(3) || !all_meet(5))
        return 1;
    if (generations == 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(generations - 1));
    int status = 1, good = all_meet(4);
    return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 || !good;
}

static void a_child_has_threads_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        assert_true(all_meet(3));
        if (i % 3 == 0)
            rest(5); /* fork while the threads sleep, and while they spin */
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(child(1));
        int status;
        assert_true(all_meet(3)); /* the parent still has its threads */
        run_loop(500, 20, visit_even);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(all_meet(4));
    }
}

int main(void)
{
    alarm(HANGS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_once),
        cmocka_unit_test(each_job_once_when_jobs_are_unequal),
        cmocka_unit_test(many_tiny_loops),
        cmocka_unit_test(all_threads_work),
        cmocka_unit_test(the_number_goes_up_and_down),
        cmocka_unit_test(sleeping_threads_are_woken),
        cmocka_unit_test(waiting_threads_sleep),
        cmocka_unit_test(threads_woken_for_nothing_sleep),
        cmocka_unit_test(a_jobs_own_loop_runs_alone),
        cmocka_unit_test(little_work_stays_here),
        cmocka_unit_test(a_child_has_threads_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
