/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.c: the threads.  Not OpenMP's: those wait awake, which on a machine that others share makes a run many times
 * slower (what they wait for is not running), they do not survive a fork, and clang's need a library of their own.
 *
 * A loop is a ticket: its number in the upper half, in the lower half the jobs that nobody has taken.  Whoever is awake, the
 * caller first, takes one by counting the ticket down; a thread that wakes too late finds nothing, and nobody waits for it.
 */
#include "num/parallel.h"

#include "num/isa.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    THREADS_MAX = 256,
    AWAKE = 4000 /* looks at the ticket before a thread goes to sleep: some 50 us, as long as what lies between two loops */
};

static struct {
    pthread_once_t once;
    pthread_mutex_t mutex; /* asleep */
    pthread_cond_t wake;
    int started;           /* threads besides the caller; the caller's alone */
    atomic_int wanted;     /* of them may work */
    atomic_int asleep;
    _Atomic uint64_t ticket;
    atomic_size_t count, done;
    _Atomic(NumJob *) job;
    _Atomic(const void *) task;
} pool = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local int inside; /* a job, or a loop */

static void rest(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes some jobs and does them; 0 when none is left.  Few calls for many small jobs: an eighth of what is left, where two
 * threads work, so that both end together.  What is read before the ticket is counted down belongs to its loop: the next
 * loop begins only when this one's jobs are done, and changes the ticket. */
static int take(void)
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
        for (size_t i = count - left; i < count - left + taken; i++)
            job(task, i);
        atomic_fetch_add(&pool.done, taken);
        return 1;
    }
    return 0;
}

static int may_work(int worker)
{
    return worker < atomic_load(&pool.wanted) && (atomic_load(&pool.ticket) & UINT32_MAX) > 0;
}

static void sleep_until(int worker)
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
        for (int looks = 0; !may_work(worker); looks++) {
            rest();
            if (looks == AWAKE) {
                sleep_until(worker);
                looks = 0; /* others may have been faster: then once more */
            }
        }
        while (take())
            ;
    }
    return NULL;
}

/* The child of a fork has none of its parent's threads. */
static void forget(void)
{
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pool.started = 0;
    atomic_store(&pool.asleep, 0);
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, forget);
}

/* Threads that cannot be had are done without. */
static void start(int threads)
{
    pthread_once(&pool.once, prepare);
    for (; pool.started < threads - 1 && pool.started < THREADS_MAX; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)(intptr_t)pool.started) != 0)
            return;
        pthread_detach(thread);
    }
}

static void begin(size_t count, NumJob *job, const void *task)
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

/* Another thread still does the last job: it may have lost its processor to someone. */
static void await(size_t count)
{
    for (int looks = 0; atomic_load(&pool.done) < count; looks++)
        looks < AWAKE ? rest() : (void)sched_yield();
}

void num_parallel_jobs(size_t count, NumJob *job, const void *task)
{
    int threads = num_threads();
    if (threads == 1 || count < 2 || count > UINT32_MAX || inside) {
        for (size_t i = 0; i < count; i++)
            job(task, i);
        return;
    }
    start(threads);
    atomic_store(&pool.wanted, threads - 1);
    inside = 1;
    begin(count, job, task);
    while (take())
        ;
    await(count);
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
