/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/lab_help.h: for the tests of runs and sweeps: a small VAE on a few hundred digits, a run of it in a temporary
 * folder, a sweep, a query of the database.
 */
#ifndef TESTS_LAB_HELP_H
#define TESTS_LAB_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/mem.h"
#include "lab/lab.h"
#include "lab/report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LATENT = 2, HIDDEN = 24 };

typedef struct Fixture {
    char folder[64], database[96];
    Data *data;
    Graph *graph;
    LabRun run;
    double rate[1], beta[3];
    LabScalar scalar;
    LabOptions options;
    LabOutcome outcome;
    Error err;
} Fixture;

static const char *const metrics[] = {"elbo", "kl", "reconstruction", NULL};
static const StoreEvaluation one_evaluation = {.name = "mean"};
static const StoreParam params[] = {{"beta", NULL, 1.0}, {"latent", NULL, LATENT}};

/* ---- the model --------------------------------------------------------------------------------------------------- */

static inline GraphNode apply(Graph *g, const char *op, size_t n, const GraphNode *args, Error *err)
{
    GraphNode node = graph_apply(g, op, args, n, NULL, 0, err);
    if (node < 0)
        fail_msg("%s: %s", op, err->what);
    return node;
}
#define APPLY(op, ...)                                                                                                 \
    apply(g, op, sizeof((GraphNode[]){__VA_ARGS__}) / sizeof(GraphNode), (GraphNode[]){__VA_ARGS__}, err)

static inline GraphNode layer(Graph *g, const char *name, GraphNode x, size_t in, size_t out, const char *act,
                              const char *bias, Error *err)
{
    char w[64], b[64];
    snprintf(w, sizeof w, "%s.W", name);
    snprintf(b, sizeof b, "%s.b", name);
    GraphNode args[3] = {x, graph_param(g, w, in, out, "glorot_uniform", err), graph_param(g, b, 1, out, bias, err)};
    GraphAttr attr = {.name = "act", .text = act};
    return graph_apply(g, "dense", args, 3, &attr, 1, err);
}

/* x -> q(z|x) -> z -> p(x|z); bound = reconstruction - beta KL, beta a scalar that a schedule sets. */
static inline Graph *vae(size_t batch, Error *err)
{
    Graph *g = graph_alloc(batch, 1, err);
    GraphNode x = graph_input(g, "x", (GraphDims){{1, GRAPH_BATCH, 784}}, err);
    GraphNode h = layer(g, "encoder.0", x, 784, HIDDEN, "tanh", "zeros", err);
    GraphNode mu = layer(g, "encoder.mu", h, HIDDEN, LATENT, "none", "zeros", err);
    GraphNode logvar = layer(g, "encoder.logvar", h, HIDDEN, LATENT, "none", "zeros", err);
    GraphNode eps = graph_noise(g, "z", "normal", (GraphDims){{GRAPH_SAMPLES, GRAPH_BATCH, LATENT}}, err);
    GraphNode z = APPLY("reparameterise", mu, logvar, eps);
    GraphNode logits = layer(g, "decoder.1", layer(g, "decoder.0", z, LATENT, HIDDEN, "tanh", "zeros", err), HIDDEN,
                             784, "none", "data_logit", err);
    GraphNode reconstruction = APPLY("bernoulli", x, logits);
    GraphNode kl = APPLY("kl", mu, logvar);
    GraphNode beta = graph_scalar(g, "beta", err);
    GraphNode logw =
        APPLY("sub", APPLY("add", reconstruction, APPLY("standard_normal", z)), APPLY("normal", z, mu, logvar));
    assert_int_equal(graph_name(g, "bound", APPLY("sub", reconstruction, APPLY("mul", beta, kl)), err), 0);
    graph_name(g, "elbo", APPLY("sub", reconstruction, kl), err);
    graph_name(g, "reconstruction", reconstruction, err);
    graph_name(g, "kl", kl, err);
    graph_name(g, "q.mu", mu, err);
    graph_name(g, "z", z, err);
    graph_name(g, "logw", logw, err);
    graph_name(g, "logjoint", APPLY("add", reconstruction, APPLY("standard_normal", z)), err);
    graph_name(g, "p.mean", APPLY("sigmoid", logits), err);
    return g;
}

/* ---- the fixture ------------------------------------------------------------------------------------------------- */

static inline int record_mean(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    InferRequest request = {.data = run->spec.data, .split = DATA_TEST, .count = 100, .seed = 7};
    const char *const names[] = {"elbo", NULL};
    double mean, se;
    if (infer_model_mean(model, &request, names, &mean, &se, err) != 0)
        return -1;
    StoreMetric m = {"test/mean", 0, mean, NULL};
    return store_evaluation_put(s, id, &run->evaluations[evaluation], &(StoreResults){.metrics = &m, .nmetrics = 1}, err);
}

static inline int setup(void **state)
{
    Fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/vae-lab-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->database, sizeof f->database, "%s/results.db", f->folder);
    DataOptions options = {.train = 600, .test = 130, .binarise = DATA_DYNAMIC};
    f->data = data_open("digits", &options, &f->err);
    assert_non_null(f->data);
    f->graph = vae(64, &f->err);
    f->rate[0] = 2e-3;
    f->beta[0] = 0.1, f->beta[1] = 0.5, f->beta[2] = 1;
    f->scalar = (LabScalar){"beta", {3, f->beta}};
    f->run = (LabRun){.experiment = "test",
                      .question = "?",
                      .script = "test.lua",
                      .label = "beta=1",
                      .params = params,
                      .nparams = 2,
                      .spec = {.graph = f->graph,
                               .data = f->data,
                               .seed = {1, NULL},
                               .objective = "bound",
                               .metrics = metrics,
                               .rate = {1, f->rate},
                               .scalars = &f->scalar,
                               .nscalars = 1,
                               .epochs = 4,
                               .batch = 64,
                               .samples = 1,
                               .test_every = 1}};
    assert_int_equal(optimiser_defaults(&f->run.spec.optimiser, "adam", &f->err), 0);
    f->options = (LabOptions){.database = f->database, .jobs = 1, .threads = 1, .settings = "{}",
                              .hooks = {record_mean}};
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    Fixture *f = *state;
    char command[128];
    mem_free(f->run.plan);
    graph_free(f->graph);
    data_free(f->data);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int status = system(command);
    free(f);
    return status;
}

static inline void sweep(Fixture *f, LabRun *runs, size_t count)
{
    /* a worker that crashes must die: cmocka's handler would continue in it as this test */
    const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        signal(deadly[i], SIG_DFL);
    for (size_t i = 0; i < count; i++) {
        if (lab_run_identify(&runs[i], &f->err) != 0)
            fail_msg("%s (%s)", f->err.what, f->err.found);
    }
    if (lab_sweep(runs, count, &f->options, &f->outcome, &f->err) != 0)
        fail_msg("%s %s %s", f->err.what, f->err.where, f->err.found);
}

static inline int take_text(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)names;
    assert_int_equal(columns, 1);
    if (values[0].type == STORE_TEXT)
        snprintf(context, 256, "%s", (const char *)values[0].bytes);
    else if (values[0].type == STORE_INTEGER)
        snprintf(context, 256, "%lld", (long long)values[0].integer);
    else if (values[0].type == STORE_REAL)
        snprintf(context, 256, "%.17g", values[0].real);
    return 0;
}

/* The one value that a query gives, as text; "" when there is none. */
static inline const char *value(Fixture *f, const char *sql)
{
    static char text[4][256];
    static int turn;
    char *found = text[turn++ % 4];
    found[0] = '\0';
    Store *s = store_open(f->database, STORE_READ, &f->err);
    if (s == NULL || store_query(s, sql, NULL, 0, take_text, found, &f->err) != 0)
        fail_msg("%s: %s", sql, f->err.what);
    store_close(s);
    return found;
}

/* Waits until the database has a first epoch, 2 minutes at most. */
static inline void wait_for_an_epoch(const Fixture *f)
{
    const struct timespec moment = {0, 3000000L};
    for (int i = 0; i < 40000; i++) {
        Error err = ERROR_NONE;
        char count[256] = "0";
        Store *s = access(f->database, F_OK) == 0 ? store_open(f->database, STORE_READ, &err)
                                                  : NULL; /* not yet: no error of this test */
        if (s != NULL)
            store_query(s, "select count(*) from curves", NULL, 0, take_text, count, &err);
        store_close(s);
        if (atoi(count) > 0)
            return;
        nanosleep(&moment, NULL);
    }
    fail_msg("no epoch in 2 minutes");
}

/* A signal in the middle of an epoch: the state of the next step is recorded, and the resumed run ends with the same
 * bits as one without an interruption. */
static inline void interrupt_and_resume(Fixture *f, int epochs)
{
    f->run.spec.epochs = epochs;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        LabOutcome outcome;
        Error err = ERROR_NONE;
        int status = lab_sweep(&f->run, 1, &f->options, &outcome, &err);
        _exit(status == -1 && err.kind == ERR_SIGNAL && outcome.interrupted == 1 ? 42 : 1);
    }
    wait_for_an_epoch(f);
    kill(pid, SIGTERM);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_string_equal(value(f, "select status from runs"), "interrupted");
    assert_string_equal(value(f, "select count(*) from checkpoint"), "1");
    char steps[32];
    snprintf(steps, sizeof steps, "%s", value(f, "select step from checkpoint"));
    assert_true(atoi(steps) > 0);

    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.resumed, 1);
    char resumed[128];
    snprintf(resumed, sizeof resumed, "%s", value(f, "select digest from run order by id desc limit 1"));
    f->options.fresh = 1;
    sweep(f, &f->run, 1);
    assert_string_equal(value(f, "select digest from run order by id desc limit 1"), resumed);
}

#endif
