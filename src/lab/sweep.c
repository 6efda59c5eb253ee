/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/sweep.c: a list of runs, several at the same time, each in its own process.  Promise: a run that fails, diverges
 * or crashes leaves the others alone and is counted in the outcome; a signal stops every worker after its work is
 * recorded.
 *
 * This process never computes and holds no connection while it forks: neither threads nor SQLite survive a fork.
 */
#include "lab/lab.h"

#include "base/mem.h"
#include "lab/copier.h"
#include "lab/provenance.h"
#include "lab/train.h"
#include "lab/worker.h"
#include "store/read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef enum { WAITING, RUNNING, OVER } SweepRunState;

/* One run of the sweep. */
typedef struct SweepRun {
    SweepRunState state;
    int64_t id;
    pid_t pid;
    int reported;      /* its LAB_ENDED arrived */
    char abandoned[1000]; /* the error of its LAB_ABANDONED, or "" */
    LabReport last;
} SweepRun;

typedef struct Sweep {
    const LabRun *runs;
    size_t count;
    const LabOptions *options;
    SweepRun *state;   /* of runs[i] */
    LabOutcome *outcome;
    int pipe[2];
    sigset_t mask;     /* while it waits, and of the workers; else SIGCHLD is blocked while workers are at work */
    struct sigaction before[3]; /* what INT, TERM and HUP did before the sweep */
    size_t running;
    int64_t sweep;
    double beat_seconds, beat_time; /* seconds between signs of life of the queued runs; of lab_clock, the last */
    LabCopier copier;
} Sweep;

static void emit(const Sweep *w, LabEvent event)
{
    if (w->options->event != NULL)
        w->options->event(w->options->event_context, &event);
}

int lab_run_identify(LabRun *run, Error *err)
{
    if (lab_identify(&run->spec, run->identity, &run->plan, err) == 0)
        return 0;
    return error_in(err, "%s, %s, seed %" PRIu64, run->script, run->label, run->spec.seed.number);
}

/* ---- queueing ---------------------------------------------------------------------------------------------------- */

static int has_all_evaluations(Store *s, const LabRun *run, int64_t id, int *all, Error *err)
{
    *all = 1;
    for (size_t i = 0; i < run->nevaluations && *all; i++)
        if (store_evaluation_find(s, id, &run->evaluations[i], all, err) != 0)
            return -1;
    return 0;
}

/* Leaves out a run that need not run: one that is done with all its evaluations, or one that diverged, which it would
 * do again. */
static int leave_out(Sweep *w, Store *s, size_t i, Error *err)
{
    char status[STORE_STATUS], message[360], note[400];
    int evaluated = 0;
    if (store_run_status(s, w->state[i].id, status, message, sizeof message, err) != 0)
        return -1;
    int diverged = strcmp(status, "diverged") == 0;
    if (!diverged && has_all_evaluations(s, &w->runs[i], w->state[i].id, &evaluated, err) != 0)
        return -1;
    if (!diverged && !evaluated)
        return 0;
    w->state[i].state = OVER;
    if (diverged)
        w->outcome->diverged++;
    else
        w->outcome->skipped++;
    snprintf(note, sizeof note, "diverged before: %s", message);
    emit(w, (LabEvent){.kind = LAB_RUN_LEFT_OUT, .run = i, .text = diverged ? note : NULL});
    return 0;
}

static int queue_run(Sweep *w, Store *s, const LabOrigin *origin, size_t i, Error *err)
{
    const LabRun *run = &w->runs[i];
    Text graph = {0}, data = {0}, shared = {0};
    graph_text(run->spec.graph, &graph);
    lab_plan_shared_text(&shared, &run->spec);
    data_recorded_text(run->spec.data, &data);
    const StoreParam columns[] = {
        {.name = "epochs", .number = run->spec.epochs},
        {.name = "data", .text = data_description(run->spec.data)},
    };
    StoreRunSpec spec = {
        .experiment = run->experiment, .question = run->question, .script = run->script, .identity = run->identity,
        .label = run->label, .seed = run->spec.seed.number, .graph = text_string(&graph), .plan = run->plan,
        .shared_plan = text_string(&shared),
        .data_digest = data_digest(run->spec.data), .columns = columns, .ncolumns = sizeof columns / sizeof columns[0],
        .params = run->params, .nparams = run->nparams, .environment = origin->environment,
        .nenvironment = origin->nenvironment, .data_options = text_string(&data), .sources = origin->sources,
        .nsources = origin->nsources,
    };
    StoreClaim claim;
    int status = graph.failed || data.failed || shared.failed
                     ? error_memory(err, "a run's record")
                     : store_run_queue(s, &spec, w->options->fresh, &w->state[i].id, &claim, err);
    text_free(&graph);
    text_free(&data);
    text_free(&shared);
    return status == 0 && claim == STORE_DONE ? leave_out(w, s, i, err) : status;
}

/* Every run is in the database before the first one begins.  A signal ends it early: end_queue follows. */
static int queue_all(Sweep *w, Error *err)
{
    int reaped, status = -1;
    LabOrigin origin;
    int known = lab_origin_read(&origin, w->options->provenance, w->options->threads, err) == 0;
    Store *s = known ? store_open(w->options->database, STORE_WRITE, err) : NULL;
    int64_t *ids = mem_array(w->count, sizeof *ids);
    if (s == NULL)
        goto end;
    if (store_notice(s) != NULL)
        emit(w, (LabEvent){.kind = LAB_NOTICE, .text = store_notice(s)});
    if (ids == NULL) {
        error_memory(err, "the sweep");
        goto end;
    }
    if (store_reap(s, &reaped, err) != 0)
        goto end;
    for (size_t i = 0; i < w->count && !lab_stop; i++) {
        if (queue_run(w, s, &origin, i, err) != 0)
            goto end;
        ids[i] = w->state[i].id;
    }
    if (lab_stop) {
        status = 0;
        goto end;
    }
    /* the last run belongs to the sweep's experiment; runs that it needs (a classifier) may belong to another */
    const LabRun *last = &w->runs[w->count - 1];
    status = store_sweep_put(s, last->experiment, w->options->settings, w->options->part, ids, w->count, &w->sweep, err);
    w->outcome->sweep = w->sweep;
    w->beat_seconds = 2 * store_beat_seconds(s);
    w->beat_time = lab_clock();
end:
    mem_free(ids);
    store_close(s);
    lab_origin_free(&origin);
    return status;
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

static int launch(Sweep *w, size_t i, Error *err)
{
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        error_set(err, ERR_RUN, "cannot start a process for run %" PRId64 ": %s", w->state[i].id, strerror(errno));
        return error_hint(err, "use fewer --jobs");
    }
    if (pid == 0) {
        close(w->pipe[0]);
        sigprocmask(SIG_SETMASK, &w->mask, NULL);
        int status = lab_worker(&w->runs[i], i, w->state[i].id, w->options, w->pipe[1], parent);
        fflush(NULL);
        _exit(status);
    }
    w->state[i].last = lab_report_none(i);
    w->state[i].pid = pid;
    w->state[i].state = RUNNING;
    w->running++;
    emit(w, (LabEvent){.kind = LAB_RUN_STARTED, .run = i});
    return 0;
}

static void take_report(Sweep *w, const LabReport *r)
{
    if (r->run >= w->count)
        return;
    if (r->kind == LAB_ABANDONED) { /* the last report before it names the evaluation */
        snprintf(w->state[r->run].abandoned, sizeof w->state->abandoned, "%.999s", r->text);
        return;
    }
    w->state[r->run].last = *r;
    if (r->kind == LAB_ENDED)
        w->state[r->run].reported = 1;
    emit(w, (LabEvent){.kind = LAB_RUN_REPORT, .run = r->run, .report = r});
}

/* Reads what has arrived. */
static void take_reports(Sweep *w)
{
    LabReport r;
    while (read(w->pipe[0], &r, sizeof r) == (ssize_t)sizeof r)
        take_report(w, &r);
}

/* Until a report arrives, a worker ends or a signal comes; at most a tenth of a second. */
static void wait_for_event(const Sweep *w)
{
    fd_set reports;
    FD_ZERO(&reports);
    FD_SET(w->pipe[0], &reports);
    pselect(w->pipe[0] + 1, &reports, NULL, NULL, &(struct timespec){.tv_nsec = 100000000}, &w->mask);
}

static void count_end(LabOutcome *o, const LabReport *last)
{
    const struct { const char *status; size_t *count; } counted[] = {
        {"done", last->resumed ? &o->resumed : &o->executed}, {"evaluated", &o->skipped}, {"busy", &o->busy},
        {"lost", &o->lost}, {"diverged", &o->diverged}, {"interrupted", &o->interrupted}, {"crashed", &o->crashed}, {"failed", &o->failed},
    };
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        *counted[i].count += strcmp(last->status, counted[i].status) == 0;
    o->unevaluated += last->evaluations_failed > 0;
}

/* Records the evaluation in which a worker died, by a fault in it or for lack of memory: the run is trained, this
 * evaluation failed.  [OUT] *r: the run's end.  Returns -1 where the worker was not evaluating, or was stopped. */
static int record_crashed_evaluation(const Sweep *w, size_t i, const char *how, LabReport *r)
{
    const LabRun *run = &w->runs[i];
    const LabReport *last = &w->state[i].last;
    Error ignored = ERROR_NONE; /* the crash is reported */
    size_t k = 0;
    while (k < run->nevaluations && strcmp(run->evaluations[k].name, last->text) != 0)
        k++;
    if (last->kind != LAB_EVALUATING || k == run->nevaluations || lab_stop)
        return -1;
    Store *s = store_open(w->options->database, STORE_WRITE, &ignored);
    if (s != NULL)
        store_evaluation_fail(s, w->state[i].id, &run->evaluations[k], how, &ignored);
    store_close(s);
    snprintf(r->status, sizeof r->status, last->epoch > 0 ? "done" : "evaluated");
    snprintf(r->text, sizeof r->text, "evaluation %s failed: %s", run->evaluations[k].name, how);
    r->evaluations_failed = 1;
    return 0;
}

/* Ends a run whose worker sent no last report: a signal stopped its evaluation, or it crashed or was killed. */
static void report_unreported(Sweep *w, size_t i, int status)
{
    LabReport r = w->state[i].last;
    char how[1000];
    r.run = i;
    r.kind = LAB_ENDED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == LAB_LEFT_EVALUATION) {
        snprintf(r.status, sizeof r.status, "interrupted");
        snprintf(r.text, sizeof r.text, "trained; its evaluation starts again the next time");
        take_report(w, &r);
        return;
    }
    if (w->state[i].abandoned[0] != '\0')
        snprintf(how, sizeof how, "%s", w->state[i].abandoned);
    else if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "its process was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "its process ended with status %d and without a report", WEXITSTATUS(status));
    if (record_crashed_evaluation(w, i, how, &r) == 0) {
        take_report(w, &r);
        return;
    }
    snprintf(r.status, sizeof r.status, "crashed");
    snprintf(r.text, sizeof r.text, "%s; run the same command again to continue", how);
    Error ignored = ERROR_NONE; /* a later sweep marks the run too */
    int reaped;
    Store *s = store_open(w->options->database, STORE_WRITE, &ignored);
    if (s != NULL)
        store_reap(s, &reaped, &ignored);
    store_close(s);
    take_report(w, &r);
}

static void collect(Sweep *w)
{
    int status;
    pid_t pid;
    char text[1200];
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (lab_copier_take(&w->copier, pid, text, sizeof text))
            emit(w, (LabEvent){.kind = LAB_NOTICE, .text = text});
        take_reports(w); /* the worker's last report is in the pipe */
        for (size_t i = 0; i < w->count; i++) {
            SweepRun *run = &w->state[i];
            if (run->state != RUNNING || run->pid != pid)
                continue;
            run->state = OVER;
            w->running--;
            if (!run->reported)
                report_unreported(w, i, status);
            count_end(w->outcome, &run->last);
        }
    }
}

/* Shows other hosts that the queued runs are waiting for this process.  A failure is harmless: the next sign of life
 * comes. */
static void beat(Sweep *w)
{
    Error ignored = ERROR_NONE;
    int waiting = 0;
    if (lab_clock() - w->beat_time < w->beat_seconds)
        return;
    w->beat_time = lab_clock();
    for (size_t i = 0; i < w->count && !waiting; i++)
        waiting = w->state[i].state == WAITING;
    Store *s = waiting ? store_open(w->options->database, STORE_WRITE, &ignored) : NULL;
    if (s != NULL)
        store_queue_beat(s, &ignored);
    store_close(s);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void pass_signal(const Sweep *w, int number)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->state[i].state == RUNNING)
            kill(w->state[i].pid, number);
    }
}

/* How often INT or TERM came: the second kills.  HUP never does: a terminal that closes sends it several times. */
static volatile sig_atomic_t insisted;
static volatile sig_atomic_t has_workers; /* run_phase kills them first */

/* A scheduler that ends a job signals every process of it, and the job's script may pass the signal on: TERM within
 * about a second of another is the same request. */
static void on_signal(int number)
{
    static struct timespec term; /* the last TERM */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int repeated = number == SIGTERM && lab_stop != 0 && now.tv_sec - term.tv_sec <= 1;
    if (number == SIGTERM)
        term = now;
    lab_stop = number;
    insisted += number != SIGHUP && !repeated;
    if (insisted > 1 && !has_workers) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

/* A worker ended: the signal only ends the wait. */
static void on_child(int number)
{
    (void)number;
}

/* From before the first run is queued, so that a signal leaves no run queued. */
static void catch_signals(Sweep *w)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &w->before[0]);
    sigaction(SIGTERM, &action, &w->before[1]);
    lab_catch_hangup(&action, &w->before[2]);
}

static void restore_signals(const Sweep *w)
{
    sigaction(SIGINT, &w->before[0], NULL);
    sigaction(SIGTERM, &w->before[1], NULL);
    sigaction(SIGHUP, &w->before[2], NULL);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static size_t next_waiting(const Sweep *w, int phase)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->state[i].state == WAITING && w->runs[i].phase == phase)
            return i;
    }
    return w->count;
}

static int run_phase(Sweep *w, int phase, Error *err)
{
    static const char stopping[] =
        "stopping once every run's state is recorded; a second signal stops at once and loses up to 10 s of work";
    int status = 0, stopped = 0, killed = 0;
    for (;;) {
        size_t i;
        while (status == 0 && !lab_stop && w->running < (size_t)w->options->jobs &&
               (i = next_waiting(w, phase)) < w->count)
            status = launch(w, i, err);
        if (w->running == 0)
            return status;
        wait_for_event(w);
        take_reports(w);
        collect(w);
        emit(w, (LabEvent){.kind = LAB_TICK});
        beat(w);
        lab_copier_beat(&w->copier, &w->mask);
        if (lab_stop && !stopped) { /* the workers record their work and stop */
            pass_signal(w, SIGTERM);
            if (w->running > 0)
                emit(w, (LabEvent){.kind = LAB_NOTICE, .text = stopping});
            stopped = 1;
        }
        if (insisted > 1 && !killed) {
            pass_signal(w, SIGKILL);
            killed = 1;
        }
    }
}

static int run_all(Sweep *w, Error *err)
{
    struct sigaction end = {.sa_handler = on_child, .sa_flags = SA_RESTART}, old;
    sigset_t ends;
    sigemptyset(&end.sa_mask);
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, &w->mask);
    sigaction(SIGCHLD, &end, &old);
    has_workers = 1;
    int status = 0;
    for (int phase = 0; phase < 2 && status == 0 && !lab_stop; phase++)
        status = run_phase(w, phase, err);
    lab_copier_stop(&w->copier);
    has_workers = 0;
    sigaction(SIGCHLD, &old, NULL);
    sigprocmask(SIG_SETMASK, &w->mask, NULL);
    return status;
}

/* ---- runs that no worker started --------------------------------------------------------------------------------- */

/* Whether the run may still be queued, [OUT] with which status and why it ends.  A worker that cannot open the
 * database, or dies before it has, records nothing itself. */
static int is_left_queued(const Sweep *w, size_t i, const char **status, const char **why)
{
    const SweepRun *run = &w->state[i];
    *status = run->state == WAITING ? "interrupted" : run->last.status;
    *why = run->state != WAITING ? run->last.text
           : lab_stop            ? "stopped by a signal before it began"
                                 : "its sweep failed before it began";
    return run->id != 0 &&
           (run->state == WAITING || strcmp(*status, "failed") == 0 || strcmp(*status, "crashed") == 0);
}

/* Ends the runs that are still queued; without this they would look crashed later. */
static void end_queue(Sweep *w)
{
    Error ignored = ERROR_NONE; /* what ended the sweep or the run is reported */
    const char *status, *why;
    Store *s = NULL;
    int opened = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->state[i].state == WAITING && (lab_stop || w->state[i].id != 0))
            w->outcome->unbegun++;
        if (!is_left_queued(w, i, &status, &why))
            continue;
        if (!opened++)
            s = store_open(w->options->database, STORE_WRITE, &ignored);
        if (s != NULL)
            store_run_dequeue(s, w->state[i].id, status, why, &ignored);
    }
    store_close(s);
    w->outcome->interrupted += w->outcome->unbegun;
}

/* ---- the sweep --------------------------------------------------------------------------------------------------- */

static int interrupted(const Sweep *w, Error *err)
{
    error_set(err, ERR_SIGNAL, "stopped by a signal; every finished step is in %s", w->options->database);
    return error_found(err, "%d", (int)lab_stop);
}

/* Reads do not block. */
static int make_pipe(int *fd, Error *err)
{
    if (pipe(fd) != 0)
        return error_set(err, ERR_RUN, "cannot make a pipe: %s", strerror(errno));
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int lab_sweep(LabRun *runs, size_t count, const LabOptions *options, LabOutcome *outcome, Error *err)
{
    Sweep w = {.runs = runs, .count = count, .options = options, .outcome = outcome, .pipe = {-1, -1},
               .copier = {.database = options->database, .file = options->copy, .seconds = options->copy_seconds}};
    memset(outcome, 0, sizeof *outcome);
    w.state = mem_array(count, sizeof *w.state);
    if (w.state == NULL)
        return error_memory(err, "the sweep");
    catch_signals(&w);
    int status = queue_all(&w, err);
    if (status == 0 && (status = make_pipe(w.pipe, err)) == 0)
        status = run_all(&w, err);
    for (int i = 0; i < 2; i++)
        if (w.pipe[i] >= 0)
            close(w.pipe[i]);
    end_queue(&w); /* after the pipe is closed: it may take the last file descriptors */
    restore_signals(&w);
    if (status == 0 && lab_stop)
        status = interrupted(&w, err);
    mem_free(w.state);
    return status;
}
