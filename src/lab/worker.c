/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/worker.c: one process, one run: claim, train, finish, evaluate.  Promise: whatever happens here leaves the other runs
 * alone, and this one's record true.
 */
#include "lab/internal.h"

#include "base/mem.h"
#include "base/text.h"
#include "graph/exec.h"
#include "num/isa.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t lab_stop;

double lab_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

void lab_report(LabReporter *r, int now)
{
    double time = lab_clock();
    if (r->fd < 0 || (!now && time - r->sent < 0.1))
        return;
    r->sent = time;
    /* The pipe's reader may be gone; then nobody reads, and the run goes on. */
    while (write(r->fd, &r->last, sizeof r->last) < 0 && errno == EINTR)
        ;
}

static void report_end(LabReporter *r, const char *status, const char *text)
{
    r->last.kind = LAB_ENDED;
    snprintf(r->last.status, sizeof r->last.status, "%s", status);
    snprintf(r->last.text, sizeof r->last.text, "%s", text);
    lab_report(r, 1);
}

/* ---- signals ------------------------------------------------------------------------------------------------------------- */

/* An evaluation may take minutes and records nothing before its end: with the run itself safe, nothing is lost by leaving at once. */
static volatile sig_atomic_t evaluating;

static void on_signal(int number)
{
    lab_stop = number;
    if (evaluating)
        _exit(LAB_LEFT_EVALUATION);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error of the write, not a death */
}

/* ---- weights -------------------------------------------------------------------------------------------------------------- */

static void weights_meta(const GraphParams *params, Text *t)
{
    text_add(t, "[");
    for (size_t i = 0; i < graph_params_arrays(params); i++) {
        NumShape shape = graph_params_shape(params, i);
        text_add(t, i > 0 ? "," : "");
        text_add(t, "{\"name\":");
        text_add_json(t, graph_params_name(params, i));
        text_addf(t, ",\"offset\":%zu,\"shape\":[%zu,%zu]}", graph_params_offset(params, i), shape.n[NUM_BATCH], shape.n[NUM_FEATURES]);
    }
    text_add(t, "]");
}

static int finish(Store *s, int64_t id, const char *status, const char *message, double seconds, GraphParams *params, Error *err)
{
    char digest[DIGEST_TEXT];
    Text meta = {0};
    graph_params_digest(params, digest);
    weights_meta(params, &meta);
    int result = meta.failed ? error_memory(err, "the weights' description")
                             : store_run_finish(s, id, status, message, seconds, digest, graph_params_block(params),
                                                graph_params_count(params) * sizeof(float), text_string(&meta), err);
    text_free(&meta);
    return result;
}

/* ---- evaluations ----------------------------------------------------------------------------------------------------------- */

/* Carries out what is not recorded yet, each marked when it is done: an evaluation that is eval_graph for later needs no training. */
static int evaluate(const LabRun *run, Store *s, int64_t id, InferModel *model, const LabOptions *options, LabReporter *reporter, Error *err)
{
    for (size_t i = 0; i < run->nevaluations && !lab_stop; i++) {
        const StoreEvaluation *evaluation = &run->evaluations[i];
        int evaluated;
        if (store_evaluation_find(s, id, evaluation, &evaluated, err) != 0)
            return -1;
        if (evaluated)
            continue;
        reporter->last.kind = LAB_EVALUATING;
        snprintf(reporter->last.text, sizeof reporter->last.text, "%s", evaluation->name);
        lab_report(reporter, 1);
        evaluating = 1;
        if (lab_stop) /* it came before the flag was up */
            break;
        int status = options->hooks.evaluate(run, i, s, id, model, err);
        evaluating = 0;
        if (status != 0)
            return error_in(err, "evaluation %s", evaluation->name);
        if (store_evaluation_put(s, id, evaluation, err) != 0)
            return -1;
    }
    evaluating = 0;
    return 0;
}

/* ---- the run ---------------------------------------------------------------------------------------------------------------- */

typedef struct Worker {
    const LabRun *run;
    const LabOptions *options;
    int64_t id;
    Store *store;
    LabReporter reporter;
} Worker;

static int evaluate_with(Worker *w, InferModel *model, Error *err)
{
    if (model != NULL)
        infer_model_rng(model, w->run->seed.rng);
    if (model != NULL && w->run->eval_graph != NULL)
        infer_model_use(model, w->run->eval_graph);
    int status = model == NULL ? -1 : evaluate(w->run, w->store, w->id, model, w->options, &w->reporter, err);
    infer_model_free(model);
    return status;
}

/* Trains; on success the run is `done` and its parameters are in the database before the evaluations begin. */
static int train(Worker *w, const char **status, char *message, size_t size, Error *err)
{
    GraphParams *params = NULL;
    LabTrainEnd end;
    double start = lab_clock();
    if (lab_train(w->run, w->store, w->id, &w->reporter, &params, &end, message, size, err) != 0)
        return -1;
    double seconds = lab_clock() - start;
    int result = 0;
    /* the status holds once it is committed: a write that fails before that is a failure of the run */
    switch (end) {
    case LAB_TRAINED:
        result = finish(w->store, w->id, "done", NULL, seconds, params, err);
        if (result == 0) {
            *status = "done";
            result = evaluate_with(w, infer_model_of(w->run->graph, params, err), err);
        }
        break;
    case LAB_DIVERGED:
        result = finish(w->store, w->id, "diverged", message, seconds, params, err);
        *status = result == 0 ? "diverged" : NULL;
        break;
    case LAB_STOPPED:
        result = store_run_finish(w->store, w->id, "interrupted", "stopped by a signal", seconds, NULL, NULL, 0, NULL, err);
        *status = result == 0 ? "interrupted" : NULL;
        break;
    }
    graph_params_free(params);
    return result;
}

static int work(Worker *w, const char **status, char *message, size_t size, Error *err)
{
    StoreClaim claim;
    w->store = store_open(w->options->database, STORE_WRITE, err);
    if (w->store == NULL || store_run_start(w->store, w->id, &claim, err) != 0)
        return -1;
    if (claim == STORE_BUSY) {
        *status = "busy";
        snprintf(message, size, "another process is at work on it");
        return 0;
    }
    if (claim == STORE_DONE) {
        *status = "evaluated";
        return evaluate_with(w, infer_model_open(w->store, w->id, err), err);
    }
    return train(w, status, message, size, err);
}

/* A run that could not go on says so in the database, unless it was done and only an evaluation failed. */
static void record_failure(Worker *w, const char *status, const Error *err)
{
    Error second = ERROR_NONE;
    char text[1200];
    error_text(text, sizeof text, err);
    if (w->store != NULL && status == NULL)
        store_run_finish(w->store, w->id, "failed", text, 0, NULL, NULL, 0, NULL, &second);
}

int lab_worker(const LabRun *run, size_t index, int64_t id, const LabOptions *options, int report_fd)
{
    Worker w = {.run = run, .options = options, .id = id,
                .reporter = {.fd = report_fd, .last = {.run = index, .elbo = NAN, .reconstruction = NAN, .kl = NAN}}};
    Error err = ERROR_NONE;
    const char *status = NULL;
    char message[320] = "";
    catch_signals();
    num_threads_set(options->threads);
    int result = work(&w, &status, message, sizeof message, &err);
    if (result != 0) {
        char text[1200];
        record_failure(&w, status, &err);
        error_text(text, sizeof text, &err);
        report_end(&w.reporter, "failed", text);
    } else {
        report_end(&w.reporter, lab_stop && strcmp(status, "done") != 0 ? "interrupted" : status, message);
    }
    store_close(w.store);
    return result == 0 ? 0 : 1;
}
