/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab.c: runs and sweeps: identity, the same bits for every number of threads and instruction set, resuming
 * after a kill at any moment, divergence, evaluations added later.  The model is a small VAE on a few hundred digits.
 * Slow: starts first.
 */
#include "lab_help.h"

#include "graph/exec.h"
#include "lab/checkpoint.h"
#include "num/isa.h"

#include <math.h>
#include <sys/wait.h>
#include <time.h>

/* SHA-256 of the fixture's trained parameters, on every machine.  It changes only with the arithmetic version. */
#define GOLDEN "5986fb90a16d9308e5460919227516331a185b783227ebab5fcfe43cedc37a96"

#define LAST_DIGEST "select digest from run order by id desc limit 1"

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void trains_and_records(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 1);
    assert_string_equal(value(f, "select status from runs"), "done");
    assert_string_equal(value(f, "select count(*) from curves where metric = 'test/elbo'"), "4");
    double first = atof(value(f, "select value from curves where metric = 'train/elbo' and step = 1"));
    double last = atof(value(f, "select value from curves where metric = 'train/elbo' and step = 4"));
    assert_true(first < last && last < 0 && first > -600);
    assert_true(atof(value(f, "select min(value) from curves where metric like '%/kl'")) >= 0);
    /* ELBO = reconstruction - KL, per epoch, to the rounding of float sums */
    assert_true(fabs(atof(value(f, "select value from curves where metric = 'test/reconstruction' and step = 4")) -
                     atof(value(f, "select value from curves where metric = 'test/kl' and step = 4")) -
                     atof(value(f, "select value from curves where metric = 'test/elbo' and step = 4"))) < 1e-3);
    assert_string_equal(value(f, "select count(*) from checkpoint"), "0");
}

static void digest_is_golden(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    assert_string_equal(value(f, LAST_DIGEST), GOLDEN);
}

static void threads_and_instruction_sets_agree(void **state)
{
    Fixture *f = *state;
    const char *const *isa = num_isa_available();
    const char *best = isa[0];
    f->options.fresh = 1;
    for (int threads = 1; threads <= 3; threads++) {
        f->options.threads = threads;
        sweep(f, &f->run, 1);
        assert_string_equal(value(f, LAST_DIGEST), GOLDEN);
    }
    for (; *isa != NULL; isa++) {
        assert_int_equal(num_isa_choose(*isa, &f->err), 0);
        sweep(f, &f->run, 1);
        assert_string_equal(value(f, LAST_DIGEST), GOLDEN);
    }
    num_isa_choose(best, &f->err);
    assert_string_equal(value(f, "select count(distinct digest) from run"), "1");
    /* the curves too: one value for each metric and epoch, but for the clock's */
    assert_string_equal(
        value(f,
              "select max(n) from (select count(distinct value) n from metric m join metric_name k on k.id = m.metric "
              "where k.name not like 'time/%' group by m.metric, m.step)"),
        "1");
}

static void a_finished_run_is_not_run_again(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 0);
    assert_int_equal(f->outcome.skipped, 1);
    assert_string_equal(value(f, "select count(*) from run"), "1");
}

typedef struct SeenEvents {
    int left_out, started, ended, diverged_before;
} SeenEvents;

static void see(void *context, const LabEvent *event)
{
    SeenEvents *seen = context;
    seen->left_out += event->kind == LAB_RUN_LEFT_OUT;
    seen->started += event->kind == LAB_RUN_STARTED;
    seen->ended += event->kind == LAB_RUN_REPORT && event->report->kind == LAB_ENDED;
    seen->diverged_before += event->kind == LAB_RUN_LEFT_OUT && event->text != NULL &&
                             strstr(event->text, "diverged before: not finite in epoch 1") != NULL;
}

static void events_report_how_each_run_went(void **state)
{
    Fixture *f = *state;
    SeenEvents seen = {.started = 0};
    LabRun runs[2] = {f->run, f->run};
    double wild = 1e30;
    runs[1].spec.rate = (LabSchedule){1, &wild};
    f->options.event = see;
    f->options.event_context = &seen;
    sweep(f, runs, 2);
    assert_memory_equal(&seen, &((SeenEvents){.started = 2, .ended = 2}), sizeof seen);
    sweep(f, runs, 2);
    const SeenEvents expected = {.started = 2, .ended = 2, .left_out = 2, .diverged_before = 1};
    assert_memory_equal(&seen, &expected, sizeof seen);
    mem_free(runs[0].plan);
    mem_free(runs[1].plan);
}

static void identity_covers_what_determines_the_numbers(void **state)
{
    Fixture *f = *state;
    char base[DIGEST_TEXT];
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    strcpy(base, f->run.identity);
    assert_null(strstr(f->run.plan, "rng")); /* the default generator is left out: older identities stay valid */

#define CHANGED(change, undo)                                       \
    do {                                                            \
        change;                                                     \
        assert_int_equal(lab_run_identify(&f->run, &f->err), 0);    \
        assert_string_not_equal(f->run.identity, base);             \
        undo;                                                       \
    } while (0)
    CHANGED(f->run.spec.seed.number = 2, f->run.spec.seed.number = 1);
    CHANGED(f->run.spec.seed.rng = gsl_rng_mt19937, f->run.spec.seed.rng = NULL);
    CHANGED(f->run.spec.epochs = 5, f->run.spec.epochs = 4);
    CHANGED(f->run.spec.batch = 32, f->run.spec.batch = 64);
    CHANGED(f->rate[0] = 1e-3, f->rate[0] = 2e-3);
    CHANGED(f->beta[1] = 0.6, f->beta[1] = 0.5);
    CHANGED(f->run.spec.optimiser.beta1 = 0.8, f->run.spec.optimiser.beta1 = 0.9);
    f->run.label = "another", f->run.question = "another", f->run.evaluations = &one_evaluation,
    f->run.nevaluations = 1;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    assert_string_equal(f->run.identity, base);
}

/* Runs the sweep in another process and kills it and its worker after `milliseconds`. */
static void killed_after(Fixture *f, int milliseconds)
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        LabOutcome outcome;
        lab_sweep(&f->run, 1, &f->options, &outcome, &f->err);
        _exit(0);
    }
    setpgid(pid, pid);
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&t, NULL);
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_killed_run_ends_in_the_same_bits(void **state)
{
    Fixture *f = *state;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    for (int milliseconds = 30; milliseconds <= 240; milliseconds += 70) {
        killed_after(f, milliseconds);
        char path[224];
        snprintf(path, sizeof path, "sqlite3 -cmd '.timeout 5000' %s 'pragma integrity_check' 2>&1 | grep -qx ok",
                 f->database);
        if (access(f->database, F_OK) == 0)
            assert_int_equal(system(path), 0);
    }
    sweep(f, &f->run, 1);
    assert_string_equal(value(f, LAST_DIGEST), GOLDEN);
    assert_string_equal(value(f, "select count(*) from runs"), "1");
    assert_string_equal(value(f, "select count(*) from curves where metric = 'test/elbo'"), "4");
}

static void an_interrupted_run_resumes_in_mid_epoch(void **state)
{
    interrupt_and_resume(*state, INSTRUMENTED ? 100 : 300); /* many times longer than the first epoch and the signal take */
}

static void a_checkpoint_of_another_run_is_refused(void **state)
{
    (void)state;
    double totals[2] = {1, 2}, totals2[2] = {0, 0};
    float p[3] = {1, 2, 3}, s[2] = {4, 5}, c[2] = {6, 7}, p2[3] = {0}, s2[2] = {0}, c2[2] = {0};
    LabState a = {.epoch = 3,
                  .batch = 7,
                  .optimiser_steps = 99,
                  .ntotals = 2,
                  .totals = totals,
                  .nparams = 3,
                  .params = p,
                  .nstate = 2,
                  .state = s,
                  .nchains = 2,
                  .chains = c};
    LabState b = {.epoch = 1,
                  .ntotals = 2,
                  .totals = totals2,
                  .nparams = 3,
                  .params = p2,
                  .nstate = 2,
                  .state = s2,
                  .nchains = 2,
                  .chains = c2};
    unsigned char bytes[256];
    size_t size = lab_checkpoint_size(&a);
    lab_checkpoint_write(&a, bytes);
    assert_int_equal(lab_checkpoint_read(&b, bytes, size), 0);
    assert_int_equal(b.epoch, 3);
    assert_int_equal(b.batch, 7);
    assert_int_equal(b.optimiser_steps, 99);
    assert_memory_equal(p2, p, sizeof p);
    assert_memory_equal(s2, s, sizeof s);
    assert_memory_equal(c2, c, sizeof c);
    assert_memory_equal(totals2, totals, sizeof totals);
    assert_int_equal(lab_checkpoint_read(&b, bytes, size - 1), -1);
    b.nparams = 2, b.nstate = 3; /* the same total size, but another run's arrays */
    assert_int_equal(lab_checkpoint_read(&b, bytes, size), -1);
    b.nparams = 3, b.nstate = 1, b.nchains = 3;
    assert_int_equal(lab_checkpoint_read(&b, bytes, size), -1);
    b.nstate = 2, b.nchains = 2;
    bytes[0] ^= 1;
    assert_int_equal(lab_checkpoint_read(&b, bytes, size), -1);
}

static void divergence_is_recorded_with_the_tensor(void **state)
{
    Fixture *f = *state;
    f->rate[0] = 1e30; /* the first update makes every weight infinite */
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.diverged, 1);
    assert_string_equal(value(f, "select status from runs"), "diverged");
    const char *message = value(f, "select message from run");
    assert_non_null(strstr(message, "epoch 1, minibatch 2 of 10"));
    assert_non_null(strstr(message, "first in "));
}

/* An infinite bound with a finite gradient, and a finite bound with an infinite gradient: each is detected in its first
 * step. */
static void either_kind_of_divergence_is_detected(void **state)
{
    Fixture *f = *state;
    Graph *g = f->graph;
    Error *err = &f->err;
    GraphNode bound = graph_find(g, "bound"), spike = graph_param(g, "spike", 1, 1, "zeros", err);
    graph_name(g, "infinite", APPLY("add", bound, APPLY("log", graph_constant(g, 0, err))), err);
    graph_name(g, "steep", APPLY("add", bound, APPLY("sqrt", spike)), err); /* d sqrt(w) = 1/2 w^-1/2 */
    const char *const objectives[] = {"infinite", "steep"};
    for (size_t i = 0; i < 2; i++) {
        f->run.spec.objective = objectives[i];
        sweep(f, &f->run, 1);
        assert_int_equal(f->outcome.diverged, 1);
        assert_non_null(
            strstr(value(f, "select message from run order by id desc limit 1"), "epoch 1, minibatch 1 of 10"));
    }
}

static void an_evaluation_may_be_added_later(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    assert_string_equal(value(f, "select count(*) from metric_name where name = 'test/mean'"), "0");
    f->run.evaluations = &one_evaluation, f->run.nevaluations = 1;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 0);
    double elbo =
        atof(value(f, "select m.value from metric m join metric_name n on n.id = m.metric where n.name = 'test/mean'"));
    assert_true(elbo < 0 && elbo > -600);
    assert_string_equal(value(f, "select count(*) from run"), "1");
}

static const StoreEvaluation two_evaluations[] = {{.name = "bad"}, {.name = "mean"}};

static int refuse_the_first(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    if (evaluation > 0)
        return record_mean(run, evaluation, s, id, model, err);
    error_set(err, ERR_RUN, "too wild");
    return error_found(err, "infinity");
}

static int die_in_the_first(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    if (evaluation == 0)
        raise(SIGKILL);
    return record_mean(run, evaluation, s, id, model, err);
}

static int stopped_in_the_first(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model,
                                Error *err)
{
    if (evaluation == 0) {
        kill(getppid(), SIGTERM);
        sleep(20);
    }
    return record_mean(run, evaluation, s, id, model, err);
}

static const char *evaluations_of(Fixture *f)
{
    return value(f, "select group_concat(name || ' ' || status) from (select * from evaluation order by name)");
}

/* The run stays done, its other evaluations are made, and the next sweep tries the failed one again. */
static void a_failed_evaluation_is_recorded(void **state)
{
    Fixture *f = *state;
    f->run.evaluations = two_evaluations, f->run.nevaluations = 2;
    f->options.hooks.evaluate = refuse_the_first;
    for (int again = 0; again < 2; again++) {
        sweep(f, &f->run, 1);
        assert_int_equal(again == 0 ? f->outcome.executed : f->outcome.skipped, 1);
        assert_int_equal(f->outcome.unevaluated, 1);
        assert_int_equal(f->outcome.failed, 0);
        assert_string_equal(evaluations_of(f), "bad failed,mean done");
        assert_string_equal(value(f, "select status || ', ' || problem from runs"),
                            "done, evaluation bad failed: too wild");
        assert_non_null(strstr(value(f, "select message from evaluation where name = 'bad'"), "infinity"));
    }
    f->options.hooks.evaluate = record_mean;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.unevaluated, 0);
    assert_string_equal(evaluations_of(f), "bad done,mean done");
    assert_string_equal(value(f, "select problem from runs"), "");
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.skipped, 1);
}

/* A worker that is killed in an evaluation (no memory left): the sweep records which one. */
static void a_crash_in_an_evaluation_is_recorded(void **state)
{
    Fixture *f = *state;
    f->run.evaluations = two_evaluations, f->run.nevaluations = 2;
    f->options.hooks.evaluate = die_in_the_first;
    for (int again = 0; again < 2; again++) {
        sweep(f, &f->run, 1);
        assert_int_equal(again == 0 ? f->outcome.executed : f->outcome.skipped, 1);
        assert_int_equal(f->outcome.unevaluated, 1);
        assert_int_equal(f->outcome.crashed, 0);
        assert_string_equal(evaluations_of(f), "bad failed");
        assert_non_null(strstr(value(f, "select problem from runs"), "bad failed: its process was ended by signal 9"));
        assert_string_equal(value(f, "select status from runs"), "done");
    }
    f->options.hooks.evaluate = record_mean;
    sweep(f, &f->run, 1);
    assert_string_equal(evaluations_of(f), "bad done,mean done");
}

/* A signal is no failure: nothing is recorded of the evaluation that it stops. */
static void an_interrupted_evaluation_has_not_failed(void **state)
{
    Fixture *f = *state;
    f->run.evaluations = two_evaluations, f->run.nevaluations = 2;
    f->options.hooks.evaluate = stopped_in_the_first;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int status = lab_sweep(&f->run, 1, &f->options, &f->outcome, &f->err);
        _exit(status == -1 && f->err.kind == ERR_SIGNAL && f->outcome.unevaluated == 0 ? 42 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_string_equal(evaluations_of(f), "");
    assert_string_equal(value(f, "select status || coalesce(problem, '') from runs"), "done");
}

static void a_run_that_fails_leaves_the_others_alone(void **state)
{
    Fixture *f = *state;
    LabRun runs[3] = {f->run, f->run, f->run};
    double wild = 1e30;
    runs[1].spec.rate = (LabSchedule){1, &wild};
    runs[2].spec.seed.number = 2;
    f->options.jobs = 2;
    sweep(f, runs, 3);
    assert_int_equal(f->outcome.executed, 2);
    assert_int_equal(f->outcome.diverged, 1);
    for (int i = 0; i < 3; i++)
        mem_free(runs[i].plan);
}

/* The importance-weighted bound rises with the number of draws, and one draw's mean is the ELBO (Burda et al., theorem
 * 1). */
static void log_weights_give_the_bound(void **state)
{
    Fixture *f = *state;
    f->run.spec.epochs = 40; /* until z carries information: with a KL of 0 all the bounds are equal */
    sweep(f, &f->run, 1);
    Store *s = store_open(f->database, STORE_READ, &f->err);
    InferModel *m = infer_model_open(s, 1, &f->err);
    assert_non_null(m);
    enum { N = 130 };
    double logp[N], se[N], ess[N], mean[3] = {0}, elbo, elbo_se;
    const size_t k[3] = {1, 20, 200};
    InferRequest what = {.data = f->data, .split = DATA_TEST, .count = N, .seed = 3};
    for (int i = 0; i < 3; i++) {
        what.samples = k[i];
        assert_int_equal(infer_model_log_weights(m, &what, "logw", 20, logp, se, ess, &f->err), 0);
        for (int j = 0; j < N; j++) {
            mean[i] += logp[j] / N;
            assert_true(ess[j] >= 0.999 && ess[j] <= (double)k[i] * 1.001 && se[j] >= 0);
        }
    }
    what.samples = 50;
    const char *const names[] = {"elbo", NULL};
    assert_int_equal(infer_model_mean(m, &what, names, &elbo, &elbo_se, &f->err), 0);
    assert_true(mean[0] < mean[1] && mean[1] < mean[2]);
    /* a single draw also has the noise of log q(z|x): about a nat for each of 2 dimensions, over 130 examples; 5 sigma
     * is 0.6 */
    assert_true(fabs(mean[0] - elbo) < 0.6);
    infer_model_free(m);
    store_close(s);
}

/* Feeding z gives the decoder's output, the same however the rows are divided into chunks. */
static void feeding_z_decodes(void **state)
{
    Fixture *f = *state;
    sweep(f, &f->run, 1);
    Store *s = store_open(f->database, STORE_READ, &f->err);
    InferModel *m = infer_model_open(s, 1, &f->err);
    assert_non_null(m);
    assert_int_equal(infer_model_width(m, "z"), LATENT);
    assert_int_equal(infer_model_width(m, "nothing"), 0);
    size_t draws;
    enum { ROWS = 2003 }; /* more than one pass, and a prime */
    float *z = calloc(ROWS * LATENT, sizeof *z), *x = calloc((size_t)ROWS * 784, sizeof *x), one[784];
    for (int i = 0; i < ROWS * LATENT; i++)
        z[i] = (float)((i * 37) % 101) / 50.f - 1.f;
    InferRequest what = {.feed = "z", .feed_values = z, .count = ROWS};
    assert_int_equal(infer_model_map(m, &what, "p.mean", x, &draws, &f->err), 0);
    what.feed_values = z + 2001 * LATENT, what.count = 1;
    assert_int_equal(infer_model_map(m, &what, "p.mean", one, &draws, &f->err), 0);
    assert_memory_equal(one, x + (size_t)2001 * 784, sizeof one);
    what.feed = NULL;
    assert_int_equal(infer_model_map(m, &what, "p.mean", one, &draws, &f->err), -1);
    free(z);
    free(x);
    infer_model_free(m);
    store_close(s);
}

/* Two groups of points on a line, -1 ± 0.25 and 1 ± 0.25: a logistic regression separates them, with the same bits each
 * time. */
static void a_fit_learns_and_repeats(void **state)
{
    enum { ROWS = 200 };
    float x[ROWS], y[ROWS], p[2][ROWS];
    Error *err = &((Fixture *)*state)->err;
    Graph *g = graph_alloc(20, 1, err);
    GraphNode in = graph_input(g, "x", (GraphDims){{1, GRAPH_BATCH, 1}}, err),
              out = graph_input(g, "y", (GraphDims){{1, GRAPH_BATCH, 1}}, err);
    GraphNode logits = layer(g, "judge", in, 1, 1, "none", "zeros", err);
    graph_name(g, "x", in, err);
    graph_name(g, "bound", APPLY("bernoulli", out, logits), err);
    graph_name(g, "p", APPLY("sigmoid", logits), err);
    for (int i = 0; i < ROWS; i++) {
        y[i] = (float)(i % 2);
        x[i] = 2 * y[i] - 1 + (float)((i * 37) % 101) / 202.f - 0.25f;
    }
    InferFit fit = {.graph = g,
                    .objective = "bound",
                    .x = x,
                    .y = y,
                    .count = ROWS,
                    .batch = 20,
                    .epochs = 30,
                    .rate = 0.05,
                    .seed = 4};
    for (int time = 0; time < 2; time++) {
        size_t draws;
        InferModel *m = infer_fit(&fit, err);
        assert_non_null(m);
        InferRequest what = {.feed = "x", .feed_values = x, .count = ROWS};
        assert_int_equal(infer_model_map(m, &what, "p", p[time], &draws, err), 0);
        infer_model_free(m);
    }
    for (int i = 0; i < ROWS; i++)
        assert_true(i % 2 == 1 ? p[0][i] > 0.8f : p[0][i] < 0.2f);
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    fit.batch = ROWS + 1;
    assert_null(infer_fit(&fit, err));
    fit.batch = 20, fit.objective = "nothing";
    assert_null(infer_fit(&fit, err));
    graph_free(g);
}

static void out_of_range_is_refused_before_training(void **state)
{
    Fixture *f = *state;
    f->run.spec.batch = 601;
    assert_int_equal(lab_run_identify(&f->run, &f->err), -1);
    assert_non_null(strstr(f->err.what, "batch"));
    f->run.spec.batch = 64, f->run.spec.nscalars = 0;
    assert_int_equal(lab_run_identify(&f->run, &f->err), -1);
    assert_non_null(strstr(f->err.what, "beta"));
    f->run.spec.nscalars = 1, f->run.spec.objective = "bond";
    assert_int_equal(lab_run_identify(&f->run, &f->err), -1);
    f->run.spec.objective = "bound", f->rate[0] = -1;
    assert_int_equal(lab_run_identify(&f->run, &f->err), -1);
    assert_non_null(strstr(f->err.what, "rate"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(trains_and_records),
        TEST(digest_is_golden),
        TEST(threads_and_instruction_sets_agree),
        TEST(a_finished_run_is_not_run_again),
        TEST(events_report_how_each_run_went),
        TEST(identity_covers_what_determines_the_numbers),
        TEST(a_killed_run_ends_in_the_same_bits),
        TEST(an_interrupted_run_resumes_in_mid_epoch),
        TEST(a_checkpoint_of_another_run_is_refused),
        TEST(divergence_is_recorded_with_the_tensor),
        TEST(either_kind_of_divergence_is_detected),
        TEST(an_evaluation_may_be_added_later),
        TEST(a_failed_evaluation_is_recorded),
        TEST(a_crash_in_an_evaluation_is_recorded),
        TEST(an_interrupted_evaluation_has_not_failed),
        TEST(a_run_that_fails_leaves_the_others_alone),
        TEST(log_weights_give_the_bound),
        TEST(feeding_z_decodes),
        TEST(a_fit_learns_and_repeats),
        TEST(out_of_range_is_refused_before_training),
    };
    return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
