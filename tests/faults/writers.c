/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/writers.c: many processes write one database at the same time, beside readers: 16 writers of 1,000
 * epochs each.  Every row is there, no reader sees a part of an epoch, no writer waits beyond the timeout.  Then many
 * processes open a new database at the same time.
 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "faults.h"

#include "store/read.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { METRICS = 10, MOST = 32 };

static char database[160];

/* Shared by all processes. */
static struct Board {
    volatile int go, over;               /* the writers start together; the readers end when they have ended */
    double longest[MOST];                /* seconds of a writer's slowest commit */
    long torn, reads, refused;           /* of the readers */
    char complaint[400];
} *board;

static void stop_with(const Error *err)
{
    error_text(board->complaint, sizeof board->complaint, err);
    _exit(1);
}

static const StoreParam columns_of_run[] = {{"epochs", NULL, 1000}, {"data", "digits", 0}};

static StoreRunSpec spec_of(const char *identity, int writer)
{
    return (StoreRunSpec){.experiment = "writers", .question = "?", .script = "writers.lua", .identity = identity,
                          .label = identity, .seed = (uint64_t)writer, .graph = "x = input", .plan = "{}",
                          .data_digest = "d", .columns = columns_of_run, .ncolumns = 2};
}

/* The value of a metric at an epoch: the check at the end computes it again. */
static double value_of(int writer, int metric, int64_t epoch)
{
    return -100.0 / (double)epoch + writer + 0.125 * metric;
}

static void write_epochs(int writer, int64_t epochs)
{
    Error err = ERROR_NONE;
    char identity[40], state[3000];
    StoreClaim claim;
    int64_t run;
    snprintf(identity, sizeof identity, "writer%d", writer);
    StoreRunSpec spec = spec_of(identity, writer);
    while (!board->go)
        faults_sleep(0.001);
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s == NULL || store_run_queue(s, &spec, 0, &run, &claim, &err) != 0 ||
        store_run_start(s, run, &claim, &err) != 0)
        stop_with(&err);
    memset(state, writer, sizeof state);
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        char name[METRICS][24];
        StoreMetric m[METRICS];
        for (int i = 0; i < METRICS; i++) {
            snprintf(name[i], sizeof name[i], "train/m%d", i);
            m[i] = (StoreMetric){name[i], epoch, value_of(writer, i, epoch), NULL};
        }
        StoreCheckpoint c = {.step = (uint64_t)epoch, .bytes = state, .size = sizeof state};
        double start = faults_clock();
        if (store_run_record(s, run, m, METRICS, epoch % 20 == 0 ? &c : NULL, &err) != 0)
            stop_with(&err);
        double took = faults_clock() - start;
        if (took > board->longest[writer])
            board->longest[writer] = took;
    }
    if (store_run_finish(s, run, "done", NULL, 1, "digest", "weights", 7, "[]", &err) != 0)
        stop_with(&err);
    store_close(s);
    _exit(0);
}

/* An epoch is whole when the last epoch of all metrics of a run is the same. */
static int take_torn(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    *(int64_t *)context += v[0].integer;
    return 0;
}

static void read_until_over(void)
{
    static const char torn[] = "SELECT count(*) FROM (SELECT run, count(*) AS n, count(DISTINCT last) AS lasts FROM "
                               "(SELECT run, metric, max(step) AS last FROM metric GROUP BY run, metric) GROUP BY run) "
                               "WHERE n <> 10 OR lasts <> 1";
    while (!board->go)
        faults_sleep(0.001);
    while (!board->over) {
        Error err = ERROR_NONE;
        int64_t count = 0;
        Store *s = access(database, F_OK) == 0 ? store_open(database, STORE_READ, &err) : NULL;
        if (s != NULL && store_query(s, torn, NULL, 0, take_torn, &count, &err) != 0) {
            __atomic_add_fetch(&board->refused, 1, __ATOMIC_RELAXED);
            error_text(board->complaint, sizeof board->complaint, &err);
        }
        store_close(s);
        __atomic_add_fetch(&board->torn, (long)count, __ATOMIC_RELAXED);
        __atomic_add_fetch(&board->reads, s != NULL, __ATOMIC_RELAXED);
        faults_sleep(0.01);
    }
    _exit(0);
}

static int64_t one_number(const char *sql)
{
    Error err = ERROR_NONE;
    int64_t count = 0;
    Store *s = store_open(database, STORE_READ, &err);
    if (s == NULL || store_query(s, sql, NULL, 0, take_torn, &count, &err) != 0) {
        faults_lose("%s: %s", err.what, err.found);
        count = -1;
    }
    store_close(s);
    return count;
}

static void writers_beside_readers(int writers, int64_t epochs)
{
    enum { READERS = 3 };
    char complaint[400], sql[300];
    pid_t child[MOST + READERS];
    int status[MOST];
    double longest = 0;
    memset((void *)board, 0, sizeof *board);
    faults_begin("writers: %d processes with %lld epochs each, beside %d readers", writers, (long long)epochs, READERS);
    for (int i = 0; i < writers + READERS; i++) {
        fflush(stdout);
        child[i] = fork();
        if (child[i] < 0)
            faults_stop("cannot fork");
        if (child[i] == 0) {
            if (i < writers)
                write_epochs(i, epochs);
            read_until_over();
        }
    }
    double start = faults_clock();
    board->go = 1;
    for (int i = 0; i < writers; i++)
        waitpid(child[i], &status[i], 0);
    double seconds = faults_clock() - start;
    board->over = 1;
    for (int i = 0; i < READERS; i++)
        waitpid(child[writers + i], NULL, 0);
    for (int i = 0; i < writers; i++) {
        faults_try();
        longest = board->longest[i] > longest ? board->longest[i] : longest;
        if (status[i] != 0)
            faults_lose("writer %d ended with status %d: %s", i, status[i], board->complaint);
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM metric m JOIN run r ON r.id = m.run JOIN metric_name n ON n.id = m.metric WHERE "
                 "r.seed = %d AND m.value = -100.0 / m.step + r.seed + 0.125 * CAST(substr(n.name, 8) AS INTEGER)",
                 i);
        int64_t rows = one_number(sql);
        if (rows != METRICS * epochs)
            faults_lose("writer %d has %lld rows of %lld", i, (long long)rows, (long long)(METRICS * epochs));
    }
    faults_try();
    if (board->torn > 0 || board->refused > 0)
        faults_lose("%ld torn epochs seen, %ld readings refused: %s", board->torn, board->refused, board->complaint);
    if (faults_check_database(database, complaint, sizeof complaint) != 0)
        faults_lose("%s", complaint);
    printf("    %.0f commits/s, the slowest took %.2f s; %ld readings\n", (double)(writers * epochs) / seconds, longest,
           board->reads);
    faults_finish();
}

/* ---- first starts ------------------------------------------------------------------------------------------------ */

static void first_start(void)
{
    Error err = ERROR_NONE;
    while (!board->go)
        ;
    Store *s = store_open(database, STORE_WRITE, &err);
    if (s == NULL)
        stop_with(&err);
    store_close(s);
    _exit(0);
}

static void first_starts(int processes, int rounds)
{
    char complaint[400];
    faults_begin("writers: %d first starts at the same time on one new file", processes);
    for (int round = 0; round < rounds; round++) {
        int status, good = 1;
        faults_try();
        faults_shell("rm -f '%s'*", database);
        memset((void *)board, 0, sizeof *board);
        fflush(stdout);
        for (int i = 0; i < processes; i++) {
            pid_t child = fork();
            if (child < 0)
                faults_stop("cannot fork");
            if (child == 0)
                first_start();
        }
        board->go = 1;
        for (int i = 0; i < processes; i++)
            good &= wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!good)
            faults_lose("a process could not open it: %s", board->complaint);
        if (faults_check_database(database, complaint, sizeof complaint) != 0)
            faults_lose("%s", complaint);
        if (one_number("SELECT count(*) FROM run") != 0)
            faults_lose("the new database is not empty");
    }
    faults_finish();
}

int main(int argc, char **argv)
{
    faults_start(argc, argv, 1);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        faults_stop("no memory");
    snprintf(database, sizeof database, "%s/results.db", faults_scratch);
    writers_beside_readers(faults_sample ? 6 : 16, faults_sample ? 50 : 1000);
    first_starts(faults_sample ? 8 : 16, faults_sample ? 3 : 40);
    return faults_end();
}
