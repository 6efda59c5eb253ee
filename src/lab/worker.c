/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/worker.c: one process, one run: start, train, finish, evaluate.  Promise: a failure here leaves the other runs
 * alone, and the record of this one true.
 */
#include "lab/worker.h"

#include "base/mem.h"
#include "base/text.h"
#include "lab/train.h"
#include "num/isa.h"

#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static void report_end(LabReporter *r, const char *status, const char *text)
{
    r->last.kind = LAB_ENDED;
    snprintf(r->last.status, sizeof r->last.status, "%s", status);
    snprintf(r->last.text, sizeof r->last.text, "%s", text);
    lab_report(r, 1);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

/* An evaluation may take minutes and records nothing before its end; the run itself is recorded, so that the process
 * may exit at once. */
static volatile sig_atomic_t evaluating;

static void on_signal(int number)
{
    lab_stop = number;
    if (evaluating)
        _exit(LAB_LEFT_EVALUATION);
}

static void catch_signals(pid_t parent)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    lab_catch_hangup(&action, NULL);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (getppid() != parent)
        lab_stop = SIGTERM; /* it died before that */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk then fails the write, and does not kill the process */
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* The arrays of the weights as JSON: name, offset in values, shape. */
static void weights_meta(const GraphParams *params, Text *t)
{
    text_add(t, "[");
    for (size_t i = 0; i < graph_params_arrays(params); i++) {
        NumShape shape = graph_params_shape(params, i);
        text_add(t, i > 0 ? "," : "");
        text_add(t, "{\"name\":");
        text_add_json(t, graph_params_name(params, i));
        text_addf(t, ",\"offset\":%zu,\"shape\":[%zu,%zu]}", graph_params_offset(params, i), shape.n[NUM_BATCH],
                  shape.n[NUM_FEATURES]);
    }
    text_add(t, "]");
}

int lab_finish(Store *s, int64_t id, const char *status, const char *message, double seconds, GraphParams *params,
               Error *err)
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

int lab_restore_weights(Store *s, int64_t id, GraphParams *params, Error *err)
{
    void *bytes;
    size_t size;
    Text meta = {0};
    if (store_artifact_get(s, id, "weights", &bytes, &size, err) != 0)
        return -1;
    mem_free(bytes);
    if (bytes != NULL)
        return 0;
    weights_meta(params, &meta);
    int status = meta.failed ? error_memory(err, "the weights' description")
                             : store_artifact_put(s, id, "weights", "float32", text_string(&meta),
                                                  graph_params_block(params),
                                                  graph_params_count(params) * sizeof(float), err);
    text_free(&meta);
    return status;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

typedef struct Worker {
    const LabRun *run;
    const LabOptions *options;
    int64_t id;
    pid_t parent;
    Store *store;
    LabReporter reporter;
    char failure[1200]; /* the first evaluation that failed, and why */
} Worker;

/* The run stays done: its training is whole.  The first failure is reported; the record has all of them. */
static int record_failed_evaluation(Worker *w, const StoreEvaluation *evaluation, Error *err)
{
    char message[1000];
    Error recording = ERROR_NONE;
    error_text(message, sizeof message, err);
    if (store_evaluation_fail(w->store, w->id, evaluation, message, &recording) != 0)
        return error_in(err, "evaluation %s", evaluation->name);
    if (w->reporter.last.evaluations_failed++ == 0)
        snprintf(w->failure, sizeof w->failure, "evaluation %.100s failed: %s", evaluation->name, message);
    return 0;
}

static int evaluate_one(Worker *w, size_t i, InferModel *model, Error *err)
{
    const StoreEvaluation *evaluation = &w->run->evaluations[i];
    w->reporter.last.kind = LAB_EVALUATING;
    snprintf(w->reporter.last.text, sizeof w->reporter.last.text, "%s", evaluation->name);
    lab_report(&w->reporter, 1);
    evaluating = 1;
    if (lab_stop) { /* the signal came before `evaluating` was set */
        evaluating = 0;
        return 0;
    }
    int status = w->options->hooks.evaluate(w->run, i, w->store, w->id, model, err);
    evaluating = 0;
    return status == 0 ? 0 : record_failed_evaluation(w, evaluation, err);
}

/* Makes the evaluations that are not recorded, each recorded when it is done; one that fails leaves the others alone.
 * They need no training: the model may be an older run's. */
static int evaluate(Worker *w, InferModel *model, Error *err)
{
    if (model == NULL)
        return -1;
    int status = 0, recorded;
    infer_model_rng(model, w->run->spec.seed.rng);
    if (w->run->eval_graph != NULL)
        infer_model_use(model, w->run->eval_graph);
    for (size_t i = 0; status == 0 && i < w->run->nevaluations && !lab_stop; i++) {
        status = store_evaluation_find(w->store, w->id, &w->run->evaluations[i], &recorded, err);
        if (status == 0 && !recorded)
            status = evaluate_one(w, i, model, err);
    }
    infer_model_free(model);
    return status;
}

/* Trains; on success the run is `done` and its parameters are in the database before the evaluations begin.  [OUT]
 * *status, once it is committed: a write that fails before that is a failure of the run. */
static int train(Worker *w, const char **status, char *message, size_t size, Error *err)
{
    GraphParams *params = NULL;
    LabTrainEnd end;
    double start = lab_clock();
    if (lab_train(&w->run->spec, w->store, w->id, &w->reporter, &params, &end, message, size, err) != 0)
        return -1;
    double seconds = lab_clock() - start;
    int result = 0;
    switch (end) {
    case LAB_TRAINED:
        result = lab_finish(w->store, w->id, "done", NULL, seconds, params, err);
        if (result == 0) {
            *status = "done";
            result = evaluate(w, infer_model_of(w->run->spec.graph, params, err), err);
        }
        break;
    case LAB_DIVERGED:
        result = lab_finish(w->store, w->id, "diverged", message, seconds, params, err);
        *status = result == 0 ? "diverged" : NULL;
        break;
    case LAB_STOPPED:
        result = store_run_finish(w->store, w->id, "interrupted",
                                  getppid() == w->parent ? "stopped by a signal"
                                                         : "stopped, because the process of its sweep has ended",
                                  seconds, NULL, NULL, 0, NULL, err);
        *status = result == 0 ? "interrupted" : NULL;
        break;
    }
    graph_params_free(params);
    return result;
}

/* message: which process holds the run. */
static int describe_holder(Worker *w, char *message, size_t size, Error *err)
{
    StoreHolder holder;
    char text[240];
    if (store_run_holder(w->store, w->id, &holder, err) != 0)
        return -1;
    store_holder_text(&holder, text, sizeof text);
    snprintf(message, size, "another process has it: %s; vae-lab release %lld gives it up", text, (long long)w->id);
    return 0;
}

static int start(Worker *w, const char **status, char *message, size_t size, Error *err)
{
    StoreClaim claim;
    w->store = store_open(w->options->database, STORE_WRITE, err);
    if (w->store == NULL || store_run_start(w->store, w->id, &claim, err) != 0)
        return -1;
    if (claim == STORE_BUSY) {
        *status = "busy";
        return describe_holder(w, message, size, err);
    }
    if (claim == STORE_DONE) {
        *status = "evaluated";
        return evaluate(w, infer_model_open(w->store, w->id, err), err);
    }
    return train(w, status, message, size, err);
}

/* Records a failed run, unless training was committed and only an evaluation failed.  The store refuses this write too
 * where another process has taken the run. */
static void record_failure(Worker *w, const char *status, const char *text)
{
    Error ignored = ERROR_NONE; /* the first failure is reported */
    if (w->store != NULL && status == NULL)
        store_run_finish(w->store, w->id, "failed", text, 0, NULL, NULL, 0, NULL, &ignored);
}

static LabReporter *worker_reporter; /* NULL: this process is no worker */

void lab_worker_abandon(const Error *err)
{
    if (worker_reporter == NULL)
        return;
    LabReporter last = {.fd = worker_reporter->fd, .last = worker_reporter->last};
    last.last.kind = LAB_ABANDONED;
    error_text(last.last.text, sizeof last.last.text, err);
    lab_report(&last, 1);
    _exit(1);
}

int lab_worker(const LabRun *run, size_t index, int64_t id, const LabOptions *options, int report_fd, pid_t parent)
{
    Worker w = {.run = run, .options = options, .id = id, .parent = parent,
                .reporter = {.fd = report_fd, .last = lab_report_none(index)}};
    Error err = ERROR_NONE;
    const char *status = NULL;
    char message[320] = "", text[1200];
    worker_reporter = &w.reporter;
    catch_signals(parent);
    num_threads_set(options->threads);
    int result = start(&w, &status, message, sizeof message, &err);
    if (result != 0) {
        error_text(text, sizeof text, &err);
        record_failure(&w, status, text);
        report_end(&w.reporter, w.store != NULL && store_lost(w.store) ? "lost" : "failed", text);
    } else {
        report_end(&w.reporter, lab_stop && strcmp(status, "done") != 0 ? "interrupted" : status,
                   w.failure[0] != '\0' ? w.failure : message);
    }
    store_close(w.store);
    return result == 0 && w.failure[0] == '\0' ? 0 : 1;
}
