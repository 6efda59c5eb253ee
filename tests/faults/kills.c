/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/kills.c: signals at random moments of real sweeps: SIGKILL of a worker, the parent, both, the whole group;
 * SIGHUP, SIGTERM, SIGINT once and twice; SIGSTOP with SIGCONT.  Also during the first creation of a database, during a
 * migration, while runs are queued, during evaluations, and during `figures`.
 *
 * After each: no process is left, `vae-lab runs` shows true statuses, the database is whole and keeps every row that a
 * reader saw before the signal, no other file lies about, and the same command ends with the results of the sweep that
 * was never interrupted.
 */
#include "faults.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 120 /* seconds; the machine may be busy */ };

typedef enum { GROUP, PARENT, WORKER, BOTH } Target;
static const char *const target_names[] = {"the whole group", "the parent", "a worker", "parent and workers"};

static char folder[200], database[240], environment_database[260];
static Text reference, reference_old;
static char *figure;
static double duration[3];     /* of the sweep without a signal, with 1 and 2 jobs; [0]: of `figures` */
static char old_database[240], done_database[240];

/* ---- the commands ------------------------------------------------------------------------------------------------- */

/* Some tenths of a second: a signal finds the sweep in its epochs. */
#define LONGER "--set", "epochs=100"

static pid_t start(const char *const *argv, const char *more)
{
    const char *environment[] = {environment_database, more, NULL};
    char out[220], err[220];
    snprintf(out, sizeof out, "%s/out", faults_scratch);
    snprintf(err, sizeof err, "%s/err", faults_scratch);
    return faults_spawn(folder, environment, argv, out, err);
}

static pid_t start_sweep(int jobs, const char *more)
{
    const char *argv[] = {faults_program, "run", "short.lua", LONGER, "--jobs", jobs == 1 ? "1" : "2", "--threads", "1",
                          NULL};
    return start(argv, more);
}

static pid_t start_figures(void)
{
    const char *argv[] = {faults_program, "figures", "short.lua", LONGER, "--out", "figures", "--format", "svg", NULL};
    return start(argv, NULL);
}

static char *printed(const char *name)
{
    char path[220];
    snprintf(path, sizeof path, "%s/%s", faults_scratch, name);
    return faults_read(path, NULL);
}

/* ---- what must hold ------------------------------------------------------------------------------------------------ */

/* [OUT] t: the recorded results now; empty when there is no database, or one without tables. */
static void read_rows(Text *t)
{
    char complaint[400];
    text_free(t);
    *t = (Text){0};
    if (access(database, F_OK) == 0 && faults_results(database, t, complaint, sizeof complaint) != 0) {
        text_free(t);
        *t = (Text){0};
    }
}

static void judge_kept(const char *before, const char *what)
{
    static const char *const prefixes[] = {"metric", "artifact", "posterior"};
    char line[256];
    Text after = {0};
    read_rows(&after);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (faults_missing_line(before, text_string(&after), prefixes[i], line, sizeof line))
            faults_lose("%s: a row that a reader saw before is gone: %s", what, line);
    text_free(&after);
}

static void judge_files(const char *where, const char *const *allowed, const char *what)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, where);
    DIR *d = opendir(path);
    struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        size_t i = 0;
        while (allowed[i] != NULL && strcmp(allowed[i], entry->d_name) != 0)
            i++;
        if (allowed[i] == NULL && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            faults_lose("%s: left the file %s", what, entry->d_name);
    }
    if (d != NULL)
        closedir(d);
}

/* A dead process' run is shown as what it is, at once; after a signal that may be caught, no run as crashed. */
static void judge_statuses(int crashes, const char *what)
{
    const char *argv[] = {faults_program, "runs", "--json", NULL};
    if (access(database, F_OK) != 0)
        return;
    FaultsEnd end = faults_wait(start(argv, NULL), PATIENCE);
    char *out = printed("out"), *err = printed("err");
    int none = strstr(err, "there is no database yet") != NULL || strstr(err, "the database is empty") != NULL;
    if (end.status != 0 && !none)
        faults_lose("%s: vae-lab runs ended with status %d, signal %d: %.300s", what, end.status, end.signal, err);
    if (strstr(out, "\"running\"") != NULL || strstr(out, "\"queued\"") != NULL)
        faults_lose("%s: vae-lab runs shows a dead process' run as running or queued", what);
    if (!crashes && strstr(out, "\"crashed\"") != NULL)
        faults_lose("%s: vae-lab runs shows a run as crashed, not as interrupted", what);
    free(out);
    free(err);
}

static void judge_whole(const char *what)
{
    char complaint[400];
    if (access(database, F_OK) == 0 && faults_check_database(database, complaint, sizeof complaint) != 0)
        faults_lose("%s: %s", what, complaint);
}

static void judge_resumed(const Text *want, const char *what)
{
    static const char *const allowed[] = {"short.lua", "results.db", "figures", NULL};
    char line[256];
    pid_t pid = start_sweep(2, NULL);
    FaultsEnd end = faults_wait(pid, PATIENCE);
    Text rows = {0};
    char *err = printed("err");
    if (end.status != 0)
        faults_lose("%s: resuming ended with status %d, signal %d: %.500s", what, end.status, end.signal, err);
    free(err);
    read_rows(&rows);
    if (faults_missing_line(text_string(want), text_string(&rows), "", line, sizeof line))
        faults_lose("%s: after resuming, missing or other in the results: %s", what, line);
    else if (faults_missing_line(text_string(&rows), text_string(want), "", line, sizeof line))
        faults_lose("%s: after resuming, unexpected in the results: %s", what, line);
    if (faults_left_running(pid, 10) > 0)
        faults_lose("%s: after resuming, processes are left", what);
    judge_files("", allowed, what);
    text_free(&rows);
}

/* ---- signals ------------------------------------------------------------------------------------------------------ */

/* Sends a signal; whether there was a process to send it to. */
static int send_signal(pid_t pid, Target target, int number)
{
    pid_t child[8];
    int n = faults_children(pid, child, 8);
    switch (target) {
    case GROUP: return kill(-pid, number) == 0;
    case PARENT: return kill(pid, number) == 0;
    case WORKER: return n > 0 && kill(child[faults_below((uint64_t)n)], number) == 0;
    case BOTH:
        for (int i = 0; i < n; i++)
            kill(child[i], number);
        return kill(pid, number) == 0;
    }
    return 0;
}

static void reset(const char *from)
{
    faults_shell("rm -rf '%s' '%s-wal' '%s-shm' '%s-journal' '%s/figures'", database, database, database, database, folder);
    if (from != NULL)
        faults_copy_database(from, database);
}

/* Waits until the database has a run that is done: its evaluation follows. */
static void wait_for_training(void)
{
    Text rows = {0};
    for (double end = faults_clock() + 10; faults_clock() < end; faults_sleep(0.01)) {
        read_rows(&rows);
        const char *line = strstr(text_string(&rows), "run ");
        if (line != NULL && strstr(text_string(&rows), " done ") != NULL)
            break;
    }
    text_free(&rows);
}

typedef struct Blow {
    int signal, times;
    Target target;
    int jobs;
    const char *from;        /* the database before, or NULL */
    const Text *want;        /* the results afterwards */
    double latest;           /* seconds after the start */
    int evaluating;          /* counted from the end of a run's training */
} Blow;

static void strike(const Blow *b)
{
    /* a database of an older version may have a rollback journal, which undoes what the kill interrupted */
    const char *const allowed[] = {"short.lua", "results.db", "results.db-wal", "results.db-shm", "figures",
                                   b->from != NULL ? "results.db-journal" : NULL, NULL};
    char what[200];
    Text before = {0};
    faults_try();
    reset(b->from);
    double moment = b->latest * (double)faults_below(100000) / 1e5;
    snprintf(what, sizeof what, "signal %d to %s after %.3f s, %d jobs", b->signal, target_names[b->target], moment, b->jobs);
    pid_t pid = start_sweep(b->jobs, NULL);
    if (b->evaluating)
        wait_for_training();
    faults_sleep(moment);
    if (access(database, F_OK) == 0 && b->latest > 0.1)
        read_rows(&before);
    int sent = send_signal(pid, b->target, b->signal);
    for (int i = 1; i < b->times; i++) {
        faults_sleep(0.02 + 0.001 * (double)faults_below(150));
        send_signal(pid, b->target, b->signal);
    }
    FaultsEnd end = faults_wait(pid, PATIENCE);
    char *err = printed("err");
    if (end.timed_out)
        faults_lose("%s: still running after %d s", what, PATIENCE);
    else if (end.signal != 0 && end.signal != b->signal)
        faults_lose("%s: the parent was ended by signal %d", what, end.signal);
    else if (end.signal == 0 && end.status > 1 && b->signal == SIGKILL)
        faults_lose("%s: exit status %d: %.300s", what, end.status, err);
    else if (end.signal == 0 && end.status != 0 && b->signal != SIGKILL && end.status != 128 + b->signal &&
             !(b->target == WORKER && end.status == 1))
        faults_lose("%s: exit status %d, not %d: %.300s", what, end.status, 128 + b->signal, err);
    free(err);
    (void)sent;
    if (faults_left_running(pid, 10) > 0)
        faults_lose("%s: processes are left", what);
    judge_statuses(b->signal == SIGKILL || b->times > 1, what);
    judge_whole(what);
    judge_kept(text_string(&before), what);
    judge_files("", allowed, what);
    judge_resumed(b->want, what);
    text_free(&before);
}

static void blows(const char *kind, int n, Blow b)
{
    if (!faults_wanted(kind))
        return;
    faults_begin("kills: %s", kind);
    for (int i = 0; i < n; i++) {
        Blow one = b;
        one.jobs = 1 + i % 2;
        if (one.latest == 0)
            one.latest = duration[one.jobs] * 1.05;
        strike(&one);
    }
    faults_finish();
}

/* ---- while runs are queued ---------------------------------------------------------------------------------------- */

/* A signal that may be caught while 40 runs are queued, most of which never begin. */
static void stop_the_queue(int n)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    const char *many[] = {faults_program, "run", "short.lua", "--set", "epochs=1",
                          "--set", "seed=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20",
                          "--jobs", "2", "--threads", "1", NULL};
    const char *some[] = {faults_program, "run", "short.lua", "--set", "epochs=1", "--set", "seed=1,20", NULL};
    if (!faults_wanted("signals while runs are queued"))
        return;
    faults_begin("kills: signals while runs are queued");
    for (int i = 0; i < n; i++) {
        char what[100];
        Text rows = {0};
        faults_try();
        reset(NULL);
        pid_t pid = start(many, NULL);
        double latest = faults_clock() + 10;
        while (text_string(&rows)[0] == '\0' && faults_clock() < latest) { /* until the first run is queued */
            faults_sleep(0.002);
            read_rows(&rows);
        }
        double moment = 0.001 * (double)faults_below(150);
        snprintf(what, sizeof what, "signal %d, %.3f s after the first run was queued", signals[i % 3], moment);
        faults_sleep(moment);
        send_signal(pid, i % 2 ? GROUP : PARENT, signals[i % 3]);
        FaultsEnd end = faults_wait(pid, PATIENCE);
        if (end.timed_out || end.status != 128 + signals[i % 3])
            faults_lose("%s: exit status %d, ended by signal %d", what, end.status, end.signal);
        if (faults_left_running(pid, 10) > 0)
            faults_lose("%s: processes are left", what);
        judge_statuses(0, what);
        judge_whole(what);
        end = faults_wait(start(some, NULL), PATIENCE);
        if (end.status != 0)
            faults_lose("%s: some of the runs afterwards: exit status %d", what, end.status);
        text_free(&rows);
    }
    faults_finish();
}

/* ---- stopped processes --------------------------------------------------------------------------------------------- */

/* Stops processes for longer than their lease, tries to run the sweep a second time meanwhile, and lets them go on. */
static void stop_and_continue(int n, double seconds, const char *lease)
{
    if (!faults_wanted("STOP and CONT"))
        return;
    faults_begin("kills: STOP and CONT after %.0f s, %s", seconds, lease);
    for (int i = 0; i < n; i++) {
        static const Target targets[] = {GROUP, WORKER, PARENT};
        Target target = targets[i % 3];
        char what[200];
        Text rows = {0};
        char line[256];
        faults_try();
        reset(NULL);
        double moment = duration[2] * (double)faults_below(1000) / 1e3;
        snprintf(what, sizeof what, "STOP of %s after %.3f s", target_names[target], moment);
        pid_t pid = start_sweep(2, lease);
        faults_sleep(moment);
        send_signal(pid, target, SIGSTOP);
        faults_sleep(seconds);
        kill(-pid, SIGCONT);
        FaultsEnd end = faults_wait(pid, PATIENCE);
        char *err = printed("err");
        if (end.status != 0)
            faults_lose("%s: exit status %d, signal %d: %.500s", what, end.status, end.signal, err);
        free(err);
        read_rows(&rows);
        if (faults_missing_line(text_string(&reference), text_string(&rows), "", line, sizeof line))
            faults_lose("%s: missing or other in the results: %s", what, line);
        if (faults_left_running(pid, 10) > 0)
            faults_lose("%s: processes are left", what);
        judge_whole(what);
        text_free(&rows);
    }
    faults_finish();
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */

static void kill_figures(int n)
{
    static const char *const allowed[] = {"curves.svg", "curves.gp", "curves.points.dat", NULL};
    char path[300];
    if (!faults_wanted("figures"))
        return;
    faults_begin("kills: KILL and TERM while figures are drawn");
    snprintf(path, sizeof path, "%s/figures/curves.svg", folder);
    for (int i = 0; i < n; i++) {
        char what[100];
        faults_try();
        reset(done_database);
        double moment = duration[0] * 1.1 * (double)faults_below(1000) / 1e3;
        int number = i % 3 == 2 ? SIGTERM : SIGKILL;
        snprintf(what, sizeof what, "signal %d to %s after %.3f s", number, i % 2 ? "the group" : "the program", moment);
        pid_t pid = start_figures();
        faults_sleep(moment);
        send_signal(pid, i % 2 ? GROUP : PARENT, number);
        faults_wait(pid, PATIENCE);
        if (faults_left_running(pid, 10) > 0)
            faults_lose("%s: processes are left", what);
        char *drawn = faults_read(path, NULL);
        if (drawn != NULL && strcmp(drawn, figure) != 0)
            faults_lose("%s: a figure that is not whole", what);
        free(drawn);
        judge_whole(what);
        FaultsEnd end = faults_wait(start_figures(), PATIENCE);
        drawn = faults_read(path, NULL);
        if (end.status != 0 || drawn == NULL || strcmp(drawn, figure) != 0)
            faults_lose("%s: drawing again gave another figure (exit status %d)", what, end.status);
        free(drawn);
        judge_files("figures", allowed, what);
    }
    faults_finish();
}

/* ---- preparing ------------------------------------------------------------------------------------------------------ */

static double timed(pid_t pid)
{
    double begin = faults_clock();
    FaultsEnd end = faults_wait(pid, PATIENCE);
    char *err = printed("err");
    if (end.status != 0)
        faults_stop("the command without a signal failed: exit status %d: %s", end.status, err);
    free(err);
    return faults_clock() - begin;
}

static void prepare(void)
{
    char path[600], complaint[400];
    snprintf(folder, sizeof folder, "%s/trial", faults_scratch);
    snprintf(database, sizeof database, "%s/results.db", folder);
    snprintf(environment_database, sizeof environment_database, "VAE_LAB_DB=%s", database);
    snprintf(old_database, sizeof old_database, "%s/old.db", faults_scratch);
    snprintf(done_database, sizeof done_database, "%s/done.db", faults_scratch);
    faults_shell("mkdir '%s' && cp '%s/short.lua' '%s'", folder, faults_here, folder);
    for (int jobs = 1; jobs <= 2; jobs++) {
        reset(NULL);
        duration[jobs] = timed(start_sweep(jobs, NULL));
    }
    read_rows(&reference);
    faults_copy_database(database, done_database);
    duration[0] = timed(start_figures());
    snprintf(path, sizeof path, "%s/figures/curves.svg", folder);
    figure = faults_read(path, NULL);
    faults_make_old(old_database);
    reset(old_database);
    timed(start_sweep(2, NULL));
    if (faults_results(database, &reference_old, complaint, sizeof complaint) != 0)
        faults_stop("%s", complaint);
}

int main(int argc, char **argv)
{
    faults_start(argc, argv, 1);
    prepare();
    int some = faults_sample ? 1 : 10;
    const Text *r = &reference;
    blows("KILL of the whole group", faults_sample ? 2 : 60, (Blow){.signal = SIGKILL, .target = GROUP, .want = r});
    blows("KILL of the parent", faults_sample ? 1 : 50, (Blow){.signal = SIGKILL, .target = PARENT, .want = r});
    blows("KILL of a worker", faults_sample ? 1 : 50, (Blow){.signal = SIGKILL, .target = WORKER, .want = r});
    blows("KILL of parent and workers", faults_sample ? 1 : 40, (Blow){.signal = SIGKILL, .target = BOTH, .want = r});
    blows("KILL during an evaluation", faults_sample ? 1 : 20,
          (Blow){.signal = SIGKILL, .target = GROUP, .want = r, .latest = 0.15, .evaluating = 1});
    blows("KILL during the first creation", 2 * some, (Blow){.signal = SIGKILL, .target = GROUP, .want = r, .latest = 0.08});
    blows("KILL during a migration", 2 * some,
          (Blow){.signal = SIGKILL, .target = GROUP, .want = &reference_old, .from = old_database, .latest = 0.08});
    blows("HUP", some, (Blow){.signal = SIGHUP, .target = GROUP, .want = r});
    blows("HUP of the parent alone", some, (Blow){.signal = SIGHUP, .target = PARENT, .want = r});
    blows("TERM", some, (Blow){.signal = SIGTERM, .target = GROUP, .want = r});
    blows("TERM of the parent alone", some, (Blow){.signal = SIGTERM, .target = PARENT, .want = r});
    blows("INT", some, (Blow){.signal = SIGINT, .target = GROUP, .want = r});
    blows("INT twice", some, (Blow){.signal = SIGINT, .target = GROUP, .times = 2, .want = r});
    stop_the_queue(faults_sample ? 1 : 12);
    stop_and_continue(faults_sample ? 1 : 9, faults_sample ? 1 : 6, "VAE_LAB_LEASE=2");
    kill_figures(faults_sample ? 1 : 20);
    return faults_end();
}
