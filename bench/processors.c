/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench/processors.c: how much processor time several threads get at this moment, and how fast they exchange a cache line.
 *
 *     processors THREADS
 *
 * For each line of its input it prints, within about 30 ms, {"whole": 1.99, "handover": 61}:
 *  whole     the rate of that many threads at pure arithmetic in registers, over the rate of one
 *  handover  nanoseconds until a cache line that one thread wrote returns from another
 * Two processors of a virtual machine may be two halves of one core, shared with other machines, or on two chips, and this changes
 * while a program runs.  Then threads gain less, whatever the program, and a comparison is meaningless.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS_MAX = 64, CHAINS = 64 };

static atomic_int waiting, stop;
static double rate[THREADS_MAX];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Enough independent chains to fill the arithmetic units; the compiler vectorises them. */
static float work(float x[CHAINS])
{
    for (int i = 0; i < 2000; i++)
        for (int c = 0; c < CHAINS; c++)
            x[c] = x[c] * 0.999f + 0.001f;
    return x[0];
}

static void *run(void *argument)
{
    int thread = *(int *)argument;
    float x[CHAINS] = {0};
    volatile float keep;
    long count = 0;
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0)
        ;
    double start = now();
    for (; !atomic_load(&stop); count++)
        keep = work(x);
    (void)keep;
    rate[thread] = (double)count / (now() - start);
    return NULL;
}

/* Rounds per second of `threads` threads together. */
static double together(int threads)
{
    pthread_t thread[THREADS_MAX];
    int index[THREADS_MAX];
    double sum = 0;
    atomic_store(&waiting, threads);
    atomic_store(&stop, 0);
    for (int i = 0; i < threads; i++) {
        index[i] = i;
        if (pthread_create(&thread[i], NULL, run, &index[i]) != 0)
            exit(1);
    }
    nanosleep(&(struct timespec){.tv_nsec = 8000000}, NULL);
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += rate[i];
    }
    return sum;
}

/* ---- handover ------------------------------------------------------------------------------------------------------- */

static _Alignas(128) atomic_int ball;

static void *give_back(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        if (atomic_load_explicit(&ball, memory_order_acquire) == 1)
            atomic_store_explicit(&ball, 0, memory_order_release);
    return NULL;
}

/* The shortest of several series, because every disturbance lengthens one. */
static double handover(void)
{
    enum { SERIES = 40, TIMES = 200 };
    pthread_t thread;
    double least = 1;
    atomic_store(&stop, 0);
    if (pthread_create(&thread, NULL, give_back, NULL) != 0)
        exit(1);
    for (int s = 0; s < SERIES; s++) {
        double start = now();
        for (int i = 0; i < TIMES; i++) {
            atomic_store_explicit(&ball, 1, memory_order_release);
            while (atomic_load_explicit(&ball, memory_order_acquire) == 1)
                ;
        }
        double took = (now() - start) / TIMES;
        least = took < least ? took : least;
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    return 1e9 * least;
}

int main(int argc, char **argv)
{
    int threads = argc == 2 ? atoi(argv[1]) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: processors THREADS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int c; (c = getchar()) != EOF;)
        if (c == '\n') {
            double one = together(1), all = together(threads), again = together(1);
            printf("{\"whole\": %.3f, \"handover\": %.1f}\n", all / (0.5 * (one + again)), handover());
        }
    return 0;
}
