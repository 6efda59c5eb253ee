/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/sweep.c: a list of runs, some of them side by side, each in a process of its own.  Promise: a run that fails,
 * diverges or dies leaves the others alone and is told at the end; a signal ends everything with its work safe.
 *
 * This process never computes and holds no connection while it forks: neither threads nor SQLite survive a fork.
 */
#include "lab/lab.h"

#include "base/mem.h"
#include "lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 400 };

typedef enum { SLOT_WAITING, SLOT_RUNNING, SLOT_OVER } SlotState;

typedef struct Slot {
    SlotState state;
    int64_t id;
    pid_t pid;
    int reported;      /* its LAB_ENDED arrived */
    LabReport last;
} Slot;

typedef struct Sweep {
    const LabRun *runs;
    size_t count;
    const LabOptions *options;
    Slot *slot;
    LabOutcome *outcome;
    LabProgress *progress;
    int pipe[2];
    sigset_t mask;     /* while it waits, and of the workers: elsewhere the end of a worker is held back */
    size_t running;
    int64_t sweep;
} Sweep;

/* ---- queueing ------------------------------------------------------------------------------------------------------------- */

static int has_all_evaluations(Store *s, const LabRun *run, int64_t id, int *all, Error *err)
{
    *all = 1;
    for (size_t i = 0; i < run->nevaluations && *all; i++)
        if (store_evaluation_find(s, id, &run->evaluations[i], all, err) != 0)
            return -1;
    return 0;
}

static int take_message(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    snprintf(context, MESSAGE, "diverged before: %s", v[0].type == STORE_TEXT ? (const char *)v[0].bytes : "no longer finite");
    return 0;
}

/* Leaves out what need not run: a run that is done with all its evaluations, or one that diverged, which it would do again. */
static int leave_out(Sweep *w, Store *s, size_t i, Error *err)
{
    char diverged[MESSAGE] = "";
    int evaluated = 0;
    StoreValue id = {.type = STORE_INTEGER, .integer = w->slot[i].id};
    if (store_query(s, "select message from run where id = ?1 and status = 'diverged'", &id, 1, take_message, diverged, err) != 0)
        return -1;
    if (diverged[0] == '\0' && has_all_evaluations(s, &w->runs[i], w->slot[i].id, &evaluated, err) != 0)
        return -1;
    if (diverged[0] == '\0' && !evaluated)
        return 0;
    w->slot[i].state = SLOT_OVER;
    lab_progress_skip(w->progress, i);
    if (evaluated) {
        w->outcome->skipped++;
    } else {
        w->outcome->diverged++;
        lab_progress_note(w->progress, i, diverged);
    }
    return 0;
}

static int queue_run(Sweep *w, Store *s, size_t i, Error *err)
{
    const LabRun *run = &w->runs[i];
    StoreParam environment[16];
    Text graph = {0};
    graph_text(run->graph, &graph);
    if (graph.failed)
        return error_memory(err, "a graph's text");
    const StoreParam columns[] = {{.name = "epochs", .number = run->epochs}, {.name = "data", .text = data_description(run->data)}};
    StoreRunSpec spec = {
        .experiment = run->experiment, .question = run->question, .script = run->script, .identity = run->identity, .label = run->label,
        .seed = run->seed.number, .graph = text_string(&graph), .plan = run->plan, .data_digest = data_digest(run->data),
        .columns = columns, .ncolumns = sizeof columns / sizeof columns[0], .params = run->params, .nparams = run->nparams, .environment = environment,
        .nenvironment = lab_environment(environment, sizeof environment / sizeof environment[0], w->options->threads),
    };
    StoreClaim claim;
    int status = store_run_queue(s, &spec, w->options->fresh, &w->slot[i].id, &claim, err);
    text_free(&graph);
    return status == 0 && claim == STORE_DONE ? leave_out(w, s, i, err) : status;
}

/* Everything is in the database before the first step is made. */
static int queue_all(Sweep *w, Error *err)
{
    int reaped, status = -1;
    Store *s = store_open(w->options->database, STORE_WRITE, err);
    int64_t *ids = mem_array(w->count, sizeof *ids);
    if (s == NULL)
        goto end;
    if (store_notice(s) != NULL && !w->options->quiet)
        fprintf(stderr, "%s\n", store_notice(s));
    if (ids == NULL) {
        error_memory(err, "the sweep");
        goto end;
    }
    if (store_reap(s, &reaped, err) != 0)
        goto end;
    for (size_t i = 0; i < w->count; i++) {
        if (queue_run(w, s, i, err) != 0)
            goto end;
        ids[i] = w->slot[i].id;
    }
    /* the sweep is the experiment's: runs that it only needs (a classifier) belong to another */
    const LabRun *last = &w->runs[w->count - 1];
    status = store_sweep_put(s, last->experiment, w->options->settings, ids, w->count, &w->sweep, err);
    w->outcome->sweep = w->sweep;
end:
    mem_free(ids);
    store_close(s);
    return status;
}

/* ---- processes -------------------------------------------------------------------------------------------------------------- */

static int launch(Sweep *w, size_t i, Error *err)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        error_set(err, ERR_RUN, "cannot start a process for run %" PRId64 ": %s", w->slot[i].id, strerror(errno));
        return error_hint(err, "use fewer --jobs");
    }
    if (pid == 0) {
        close(w->pipe[0]);
        sigprocmask(SIG_SETMASK, &w->mask, NULL);
        int status = lab_worker(&w->runs[i], i, w->slot[i].id, w->options, w->pipe[1]);
        fflush(NULL);
        _exit(status);
    }
    w->slot[i].last = (LabReport){.run = i, .elbo = NAN, .reconstruction = NAN, .kl = NAN};
    w->slot[i].pid = pid;
    w->slot[i].state = SLOT_RUNNING;
    w->running++;
    lab_progress_start(w->progress, i);
    return 0;
}

static void take_report(Sweep *w, const LabReport *r)
{
    if (r->run >= w->count)
        return;
    w->slot[r->run].last = *r;
    if (r->kind == LAB_ENDED)
        w->slot[r->run].reported = 1;
    lab_progress_report(w->progress, r);
}

/* Reads what has arrived. */
static void take_reports(Sweep *w)
{
    LabReport r;
    while (read(w->pipe[0], &r, sizeof r) == (ssize_t)sizeof r)
        take_report(w, &r);
}

/* Until a report arrives, a worker or a signal ends it, at most a tenth of a second. */
static void wait_for_news(const Sweep *w)
{
    fd_set reports;
    FD_ZERO(&reports);
    FD_SET(w->pipe[0], &reports);
    pselect(w->pipe[0] + 1, &reports, NULL, NULL, &(struct timespec){.tv_nsec = 100000000}, &w->mask);
}

static void count_end(Sweep *w, Slot *slot)
{
    const char *status = slot->last.status;
    LabOutcome *o = w->outcome;
    if (strcmp(status, "done") == 0)
        slot->last.resumed ? o->resumed++ : o->executed++;
    else if (strcmp(status, "evaluated") == 0)
        o->skipped++;
    else if (strcmp(status, "busy") == 0)
        o->busy++;
    else if (strcmp(status, "diverged") == 0)
        o->diverged++;
    else if (strcmp(status, "interrupted") == 0)
        o->interrupted++;
    else if (strcmp(status, "crashed") == 0)
        o->crashed++;
    else
        o->failed++;
}

/* A signal ended an evaluation: the run itself is done. */
static void tell_left_evaluation(Sweep *w, size_t i)
{
    LabReport r = w->slot[i].last;
    r.run = i;
    r.kind = LAB_ENDED;
    snprintf(r.status, sizeof r.status, "interrupted");
    snprintf(r.text, sizeof r.text, "it is trained; its evaluation will begin anew");
    take_report(w, &r);
}

/* A process that ended without a word was killed, or crashed: its record says so, and its checkpoint is kept. */
static void tell_crash(Sweep *w, size_t i, int status)
{
    LabReport r = w->slot[i].last;
    r.run = i;
    r.kind = LAB_ENDED;
    snprintf(r.status, sizeof r.status, "crashed");
    if (WIFSIGNALED(status))
        snprintf(r.text, sizeof r.text, "its process was ended by signal %d (%s); run the same command again to go on",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(r.text, sizeof r.text, "its process ended with status %d and said nothing", WEXITSTATUS(status));
    Error err = ERROR_NONE;
    int reaped;
    Store *s = store_open(w->options->database, STORE_WRITE, &err);
    if (s != NULL)
        store_reap(s, &reaped, &err);
    store_close(s);
    take_report(w, &r);
}

static void collect(Sweep *w)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        take_reports(w); /* its last words lie in the pipe */
        for (size_t i = 0; i < w->count; i++) {
            Slot *slot = &w->slot[i];
            if (slot->state != SLOT_RUNNING || slot->pid != pid)
                continue;
            slot->state = SLOT_OVER;
            w->running--;
            if (!slot->reported && WIFEXITED(status) && WEXITSTATUS(status) == LAB_LEFT_EVALUATION)
                tell_left_evaluation(w, i);
            else if (!slot->reported)
                tell_crash(w, i, status);
            count_end(w, slot);
        }
    }
}

/* The first signal asks the workers to stop with their work safe; the second ends them at once. */
static void pass_signal(const Sweep *w, int number)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->slot[i].state == SLOT_RUNNING)
            kill(w->slot[i].pid, number);
    }
}

static volatile sig_atomic_t signals_seen;

static void on_signal(int number)
{
    lab_stop = number;
    signals_seen++;
}

/* A worker ended: that its signal arrives is enough. */
static void on_end(int number)
{
    (void)number;
}

static size_t next_waiting(const Sweep *w, int phase)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->slot[i].state == SLOT_WAITING && w->runs[i].phase == phase)
            return i;
    }
    return w->count;
}

static int run_phase(Sweep *w, int phase, Error *err)
{
    int passed = 0, status = 0;
    for (;;) {
        size_t i;
        while (status == 0 && !lab_stop && w->running < (size_t)w->options->jobs && (i = next_waiting(w, phase)) < w->count)
            status = launch(w, i, err);
        if (w->running == 0)
            return status;
        wait_for_news(w);
        take_reports(w);
        collect(w);
        lab_progress_tick(w->progress);
        if (signals_seen > passed) {
            pass_signal(w, passed == 0 ? SIGTERM : SIGKILL);
            if (passed == 0 && w->running > 0)
                lab_progress_stopping(w->progress);
            passed = signals_seen;
        }
    }
}

static int count_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)columns, (void)names, (void)values;
    ++*(int *)context;
    return 0;
}

/* What was queued here and not begun: were it left so, it would look crashed once this process is gone. */
static void end_queue(Sweep *w)
{
    Error unsaid = ERROR_NONE; /* the interruption is what is told */
    Store *s = store_open(w->options->database, STORE_WRITE, &unsaid);
    for (size_t i = 0; s != NULL && i < w->count; i++) {
        int queued = 0;
        StoreClaim claim;
        StoreValue args[] = {{.type = STORE_INTEGER, .integer = w->slot[i].id}, {.type = STORE_INTEGER, .integer = getpid()}};
        static const char ours[] = "select 1 from run where id = ?1 and status = 'queued' and process = ?2";
        if (w->slot[i].state != SLOT_WAITING || store_query(s, ours, args, 2, count_row, &queued, &unsaid) != 0 || !queued)
            continue;
        if (store_run_start(s, w->slot[i].id, &claim, &unsaid) == 0 && (claim == STORE_NEW || claim == STORE_RESUMED))
            store_run_finish(s, w->slot[i].id, "interrupted", "stopped by a signal before it began", 0, NULL, NULL, 0, NULL, &unsaid);
    }
    store_close(s);
}

static int run_all(Sweep *w, Error *err)
{
    struct sigaction action = {.sa_handler = on_signal}, end = {.sa_handler = on_end, .sa_flags = SA_RESTART}, old[3];
    sigset_t ends;
    sigemptyset(&action.sa_mask);
    sigemptyset(&end.sa_mask);
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, &w->mask);
    sigaction(SIGINT, &action, &old[0]);
    sigaction(SIGTERM, &action, &old[1]);
    sigaction(SIGCHLD, &end, &old[2]);
    int status = 0;
    for (int phase = 0; phase < 2 && status == 0 && !lab_stop; phase++)
        status = run_phase(w, phase, err);
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    sigaction(SIGCHLD, &old[2], NULL);
    sigprocmask(SIG_SETMASK, &w->mask, NULL);
    if (lab_stop)
        end_queue(w);
    return status;
}

/* ---- the result -------------------------------------------------------------------------------------------------------------- */

static int interrupted(const Sweep *w, Error *err)
{
    int number = lab_stop;
    error_set(err, ERR_SIGNAL, "stopped by a signal; every finished step is in %s", w->options->database);
    error_found(err, "%d", number);
    if (strlen(w->options->command) < sizeof err->hint - 32)
        return error_hint(err, "to go on from there:  %s", w->options->command);
    fprintf(stderr, "to go on from there:\n  %s\n", w->options->command); /* cut short it would be another command */
    return -1;
}

/* Reports are read without blocking, and the pipe is not passed on to other programs. */
static int make_pipe(int *fd, Error *err)
{
    if (pipe(fd) != 0)
        return error_set(err, ERR_RUN, "cannot make a pipe: %s", strerror(errno));
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int lab_sweep(LabRun *runs, size_t count, const LabOptions *options, LabOutcome *outcome, Error *err)
{
    Sweep w = {.runs = runs, .count = count, .options = options, .outcome = outcome, .pipe = {-1, -1}};
    int status = -1;
    memset(outcome, 0, sizeof *outcome);
    w.slot = mem_array(count, sizeof *w.slot);
    w.progress = lab_progress_alloc(runs, count, options, err);
    if (w.slot == NULL) {
        error_memory(err, "the sweep");
        goto end;
    }
    if (w.progress == NULL || count == 0 || queue_all(&w, err) != 0 || make_pipe(w.pipe, err) != 0)
        goto end;
    status = run_all(&w, err);
    lab_progress_end(w.progress);
    if (status == 0 && lab_stop)
        status = interrupted(&w, err);
end:
    if (w.pipe[0] >= 0) {
        close(w.pipe[0]);
        close(w.pipe[1]);
    }
    lab_progress_free(w.progress);
    mem_free(w.slot);
    return status;
}
