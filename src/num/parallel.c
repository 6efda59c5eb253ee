/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.c: the thread pool.  It is not OpenMP's for three reasons: OpenMP's threads spin while they wait,
 * which makes a run many times slower on a shared machine, where the thread that they wait for may not be running;
 * they do not survive a fork; and clang's need one more library.
 *
 * A loop is a ticket: its upper half is the loop's number, its lower half counts the jobs that no thread has taken
 * yet.  Each awake thread, the caller included, takes jobs by decreasing that count.  A thread that wakes too late
 * finds 0 and goes back to waiting; no other thread waits for it.
 */
#include "num/parallel.h"

#include "base/startup.h"
#include "num/fpenv.h"
#include "num/isa.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    THREADS_MAX = 256,
    SPINS = 4000 /* reads of the ticket before a thread sleeps: about 50 us, the usual time between two loops */
};

static struct {
    pthread_once_t once;
    pthread_mutex_t mutex; /* held to sleep and to wake */
    pthread_cond_t wake;
    int started;           /* threads of the pool, without the caller; only the caller uses it */
    atomic_int wanted;     /* how many of them may work */
    atomic_int asleep;
    _Atomic uint64_t ticket;
    atomic_size_t count, done;
    _Atomic(NumJob *) job;
    _Atomic(const void *) task;
} pool = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local int inside; /* this thread runs a job or a loop */

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes some jobs and runs them; returns 0 when none is left.  It takes a share of the remaining jobs, an eighth
 * with two threads: few exchanges for many small jobs, and all threads finish together.  The job and task that are
 * read before the exchange belong to the ticket's loop: the next loop starts only after all jobs of this one are
 * done, with another number.  A thread of the pool has its own floating-point environment, which the caller cannot
 * check. */
static int run_some_jobs(int is_pool_thread)
{
    uint64_t ticket = atomic_load(&pool.ticket), left;
    while ((left = ticket & UINT32_MAX) > 0) {
        NumJob *job = atomic_load_explicit(&pool.job, memory_order_relaxed);
        const void *task = atomic_load_explicit(&pool.task, memory_order_relaxed);
        size_t count = atomic_load_explicit(&pool.count, memory_order_relaxed);
        size_t share = 4 * (size_t)(atomic_load_explicit(&pool.wanted, memory_order_relaxed) + 1);
        size_t taken = (left + share - 1) / share;
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket - taken))
            continue;
        if (is_pool_thread)
            num_fpenv_set();
        for (size_t i = count - left; i < count - left + taken; i++)
            job(task, i);
        if (is_pool_thread)
            num_fpenv_note_change();
        atomic_fetch_add(&pool.done, taken);
        return 1;
    }
    return 0;
}

static int may_work(int worker)
{
    return worker < atomic_load(&pool.wanted) && (atomic_load(&pool.ticket) & UINT32_MAX) > 0;
}

static void sleep_until_work(int worker)
{
    pthread_mutex_lock(&pool.mutex);
    atomic_fetch_add(&pool.asleep, 1);
    while (!may_work(worker))
        pthread_cond_wait(&pool.wake, &pool.mutex);
    atomic_fetch_sub(&pool.asleep, 1);
    pthread_mutex_unlock(&pool.mutex);
}

static void *work(void *argument)
{
    int worker = (int)(intptr_t)argument;
    inside = 1;
    for (;;) {
        for (int spins = 0; !may_work(worker); spins++) {
            pause_briefly();
            if (spins == SPINS) {
                sleep_until_work(worker);
                spins = 0; /* other threads may have taken all jobs: then wait again */
            }
        }
        while (run_some_jobs(1))
            ;
    }
    return NULL;
}

/* In the child of a fork: the parent's threads do not exist there. */
static void reset_in_child(void)
{
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pool.started = 0;
    atomic_store(&pool.asleep, 0);
}

static void register_fork_handler(void)
{
    pthread_atfork(NULL, NULL, reset_in_child);
}

/* If a thread cannot be created, the loop runs on those that exist. */
static void start_threads(int threads)
{
    pthread_attr_t stack;
    pthread_once(&pool.once, register_fork_handler);
    pthread_attr_init(&stack);
    pthread_attr_setstacksize(&stack, STARTUP_STACK); /* the default follows the limit of the main thread's stack */
    for (; pool.started < threads - 1 && pool.started < THREADS_MAX; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, &stack, work, (void *)(intptr_t)pool.started) != 0)
            break;
        pthread_detach(thread);
    }
    pthread_attr_destroy(&stack);
}

static void publish_loop(size_t count, NumJob *job, const void *task)
{
    atomic_store_explicit(&pool.job, job, memory_order_relaxed);
    atomic_store_explicit(&pool.task, task, memory_order_relaxed);
    atomic_store_explicit(&pool.count, count, memory_order_relaxed);
    atomic_store(&pool.done, 0);
    uint64_t number = (atomic_load(&pool.ticket) >> 32) + 1;
    atomic_store(&pool.ticket, number << 32 | count);
    if (atomic_load(&pool.asleep) > 0) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
    }
}

/* Waits for the jobs that other threads still run.  After SPINS it yields: such a thread may need this processor. */
static void wait_for_jobs(size_t count)
{
    for (int spins = 0; atomic_load(&pool.done) < count; spins++)
        spins < SPINS ? pause_briefly() : (void)sched_yield();
}

void num_parallel_jobs(size_t count, NumJob *job, const void *task)
{
    int threads = num_threads();
    if (threads == 1 || count < 2 || count > UINT32_MAX || inside) {
        for (size_t i = 0; i < count; i++)
            job(task, i);
        return;
    }
    start_threads(threads);
    atomic_store(&pool.wanted, threads - 1);
    inside = 1;
    publish_loop(count, job, task);
    while (run_some_jobs(0))
        ;
    wait_for_jobs(count);
    inside = 0;
}

void num_parallel(size_t count, size_t work_size, NumJob *job, const void *task)
{
    if (work_size >= NUM_PARALLEL_MIN) {
        num_parallel_jobs(count, job, task);
        return;
    }
    for (size_t i = 0; i < count; i++)
        job(task, i);
}
