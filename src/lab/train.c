/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/train.c: the training loop of one run.  Promise: the numbers depend on the run's spec alone; a recorded epoch
 * stays recorded; a step makes no allocation, no commit and no call into Lua.
 */
#include "lab/train.h"

#include "base/mem.h"
#include "lab/checkpoint.h"
#include "lab/estep.h"
#include "num/fpenv.h"
#include "num/sum.h"
#include "store/read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* At least this often the whole state goes to the database, with the epoch's metrics or in the middle of an epoch. */
#define CHECKPOINT_SECONDS 10.0

enum { TEST_BATCH = 500 };

volatile sig_atomic_t lab_stop;

void lab_catch_hangup(const struct sigaction *action, struct sigaction *old)
{
    struct sigaction now;
    sigaction(SIGHUP, NULL, &now);
    if (now.sa_handler != SIG_IGN)
        sigaction(SIGHUP, action, NULL);
    if (old != NULL)
        *old = now;
}

/* The graph compiled for whole minibatches, and for the epoch's last, shorter one. */
typedef struct ExecPair {
    GraphExec *full, *rest;
    size_t batch;
} ExecPair;

typedef struct Training {
    const LabSpec *spec;
    Store *store;
    int64_t id;
    LabReporter *reporter;

    GraphParams *params;
    Optimiser *optimiser;
    ExecPair train, test, estep_target; /* estep_target: log p(x, z) and its gradient in z, with Monte Carlo EM */
    EStep *estep;
    size_t nmetrics;
    size_t n, steps;                    /* training examples; minibatches in an epoch */
    uint32_t *order;                    /* of this epoch's examples */
    NumStream order_stream, binarise, test_binarise;

    LabState state;                     /* the next step; points into params and optimiser */
    unsigned char *checkpoint;          /* buffer */
    double checkpoint_time, epoch_time, beat_time; /* seconds of lab_clock */
    int64_t recorded;                   /* last epoch in the database when this process began */
} Training;

/* ---- executable graphs ------------------------------------------------------------------------------------------- */

static void exec_pair_free(ExecPair *p)
{
    graph_exec_free(p->full);
    graph_exec_free(p->rest);
}

/* exec: outputs, feeds and objective; batch, samples and type are set here. */
static int exec_pair_make(ExecPair *p, const LabSpec *spec, GraphExecSpec exec, size_t n, size_t batch,
                          GraphParams *params, Error *err)
{
    exec.samples = spec->samples;
    exec.type = GRAPH_FLOAT;
    p->batch = exec.batch = batch < n ? batch : n;
    p->full = graph_exec_alloc(spec->graph, &exec, params, err);
    if (p->full == NULL)
        return -1;
    exec.batch = n % p->batch;
    if (exec.batch == 0)
        return 0;
    p->rest = graph_exec_alloc(spec->graph, &exec, params, err);
    return p->rest == NULL ? -1 : 0;
}

static GraphExec *exec_for(const ExecPair *p, size_t rows)
{
    return rows == p->batch ? p->full : p->rest;
}

static void set_scalars(const ExecPair *p, const LabSpec *spec, int epoch)
{
    for (size_t i = 0; i < spec->nscalars; i++) {
        double value = lab_schedule_at(&spec->scalars[i].schedule, epoch);
        if (p->full != NULL)
            graph_exec_scalar(p->full, spec->scalars[i].name, value);
        if (p->rest != NULL)
            graph_exec_scalar(p->rest, spec->scalars[i].name, value);
    }
}

/* The graphs of training, of testing, and of the E step.  Monte Carlo EM feeds z, and has none for test examples. */
static int make_execs(Training *t, Error *err)
{
    static const char *const z[] = {"z", NULL}, *const target[] = {"logjoint", NULL};
    const LabSpec *spec = t->spec;
    const char *outputs[LAB_METRICS_MAX + 2] = {NULL};
    memcpy(outputs, spec->metrics, t->nmetrics * sizeof *outputs);
    outputs[t->nmetrics] = spec->objective;
    size_t test = spec->monte_carlo_em == NULL && t->nmetrics > 0 ? data_count(spec->data, DATA_TEST) : 0;
    GraphExecSpec train = {
        .outputs = outputs, .objective = spec->objective, .feeds = spec->monte_carlo_em != NULL ? z : NULL};
    if (exec_pair_make(&t->train, spec, train, t->n, spec->batch, t->params, err) != 0)
        return -1;
    if (test > 0 && exec_pair_make(&t->test, spec, (GraphExecSpec){.outputs = spec->metrics}, test, TEST_BATCH,
                                   t->params, err) != 0)
        return -1;
    if (spec->monte_carlo_em == NULL)
        return 0;
    GraphExecSpec joint = {.outputs = target, .objective = target[0], .feeds = z, .gradient_wrt = GRAPH_FEEDS};
    if (exec_pair_make(&t->estep_target, spec, joint, t->n, spec->batch, t->params, err) != 0)
        return -1;
    t->estep = estep_alloc(spec, t->estep_target.full, t->n, err);
    return t->estep == NULL ? -1 : 0;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static int make_params(Training *t, Error *err)
{
    size_t features = data_features(t->spec->data);
    float *mean = mem_array(features, sizeof *mean);
    if (mean == NULL)
        return error_memory(err, "the mean image");
    data_mean(t->spec->data, mean);
    t->params = graph_params_alloc(t->spec->graph, GRAPH_FLOAT, t->spec->seed, mean, features, err);
    mem_free(mean);
    return t->params == NULL ? -1 : 0;
}

static int make_state(Training *t, Error *err)
{
    t->state = (LabState){.epoch = 1,
                          .ntotals = t->nmetrics + 1, /* the metrics and the gradient's norm */
                          .nparams = graph_params_count(t->params),
                          .params = graph_params_block(t->params),
                          .nstate = optimiser_state_count(t->optimiser),
                          .state = optimiser_state(t->optimiser)};
    if (t->estep != NULL)
        t->state.chains = estep_state(t->estep, &t->state.nchains);
    t->state.totals = mem_array(t->state.ntotals, sizeof(double));
    t->order = mem_array(t->n, sizeof *t->order);
    t->checkpoint = mem_alloc(lab_checkpoint_size(&t->state));
    if (t->state.totals == NULL || t->order == NULL || t->checkpoint == NULL)
        return error_memory(err, "the training's state");
    return 0;
}

static int training_make(Training *t, Error *err)
{
    const LabSpec *spec = t->spec;
    num_fpenv_set();
    while (spec->metrics[t->nmetrics] != NULL)
        t->nmetrics++;
    t->n = data_count(spec->data, DATA_TRAIN);
    t->order_stream = num_stream_of(spec->seed, "order");
    t->binarise = num_stream_of(spec->seed, "binarise");
    t->test_binarise = num_stream_of(spec->seed, "test/binarise");
    if (make_params(t, err) != 0)
        return -1;
    t->optimiser = optimiser_alloc(&spec->optimiser, graph_params_count(t->params), err);
    if (t->optimiser == NULL || make_execs(t, err) != 0)
        return -1;
    t->steps = (t->n + t->train.batch - 1) / t->train.batch;
    return make_state(t, err) != 0 ? -1 : num_fpenv_check(err);
}

static void training_free(Training *t)
{
    exec_pair_free(&t->train);
    exec_pair_free(&t->test);
    exec_pair_free(&t->estep_target);
    estep_free(t->estep);
    optimiser_free(t->optimiser);
    graph_params_free(t->params);
    mem_free(t->state.totals);
    mem_free(t->order);
    mem_free(t->checkpoint);
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static int resume(Training *t, Error *err)
{
    uint64_t step;
    void *bytes;
    size_t size;
    if (store_run_last_epoch(t->store, t->id, &t->recorded, err) != 0 ||
        store_run_checkpoint(t->store, t->id, &step, &bytes, &size, err) != 0)
        return -1;
    /* A checkpoint of other sizes is not this run's; training from the start gives the same result. */
    if (bytes != NULL && lab_checkpoint_read(&t->state, bytes, size) == 0) {
        optimiser_set_steps(t->optimiser, t->state.optimiser_steps);
        t->reporter->last.resumed = 1;
    }
    mem_free(bytes);
    return 0;
}

static StoreCheckpoint checkpoint_now(Training *t)
{
    t->state.optimiser_steps = optimiser_steps(t->optimiser);
    lab_checkpoint_write(&t->state, t->checkpoint);
    t->checkpoint_time = lab_clock();
    return (StoreCheckpoint){.step = (t->state.epoch - 1) * t->steps + t->state.batch,
                             .bytes = t->checkpoint,
                             .size = lab_checkpoint_size(&t->state)};
}

static int checkpoint_is_due(const Training *t)
{
    return lab_clock() - t->checkpoint_time >= CHECKPOINT_SECONDS;
}

static int save(Training *t, Error *err)
{
    StoreCheckpoint c = checkpoint_now(t);
    return store_run_record(t->store, t->id, NULL, 0, &c, err);
}

/* Shows other hosts that the run is at work, where no commit has shown it for a while.  A failure is none of the run,
 * unless another process has taken it: the next sign of life comes.  Without a store (lab_test) nothing is at work. */
static int beat(Training *t, Error *err)
{
    Error ignored = ERROR_NONE;
    if (t->store == NULL || lab_clock() - t->beat_time < store_beat_seconds(t->store))
        return 0;
    t->beat_time = lab_clock();
    if (store_run_beat(t->store, t->id, &ignored) == 0 || !store_lost(t->store))
        return 0;
    *err = ignored;
    return -1;
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */

static double output_mean(const GraphExec *exec, const char *name)
{
    NumShape shape;
    const float *value = graph_exec_output(exec, name, &shape);
    size_t n = num_shape_size(shape);
    return num_total_f32(n, value) / (double)n;
}

/* Adds the means of a minibatch's metrics, times its rows. */
static void add_metrics(const Training *t, const GraphExec *exec, size_t rows, double *totals)
{
    for (size_t i = 0; i < t->nmetrics; i++)
        totals[i] += output_mean(exec, t->spec->metrics[i]) * (double)rows;
}

static void fill(const LabSpec *spec, GraphExec *exec, DataSplit split, const uint32_t *order, size_t first,
                 size_t rows, NumStream binarise, uint64_t binarise_step)
{
    float *x = graph_exec_input(exec, "x", NULL);
    float *y = graph_exec_input(exec, "y", NULL);
    if (x != NULL)
        data_rows(spec->data, split, order, first, rows, binarise, binarise_step, x);
    if (y != NULL)
        data_labels(spec->data, split, order, first, rows, y);
}

/* Monte Carlo EM: draws z from p(z|x) for the minibatch of a filled exec, into its z. */
static void draw_posterior(Training *t, GraphExec *exec, const uint32_t *example, size_t rows, uint64_t number)
{
    GraphExec *joint = exec_for(&t->estep_target, rows);
    NumShape shape;
    fill(t->spec, joint, DATA_TRAIN, example, 0, rows, t->binarise, t->state.epoch);
    graph_exec_noise(joint, t->spec->seed, "noise", number);
    estep_draw(t->estep, joint, example, rows, number);
    const float *z = graph_exec_input(joint, "z", &shape);
    memcpy(graph_exec_input(exec, "z", NULL), z, num_shape_size(shape) * sizeof *z);
}

/* Forward, backward, optimiser; [OUT] *norm of the gradient.  0, or -1 when a number is no longer finite. */
static int update(Training *t, GraphExec *exec, double rate, double *norm)
{
    graph_exec_forward(exec);
    if (!isfinite(output_mean(exec, t->spec->objective)))
        return -1;
    graph_exec_backward(exec);
    *norm = optimiser_step(t->optimiser, t->state.params, graph_exec_gradient(exec), rate);
    return isfinite(*norm) ? 0 : -1;
}

/* The rows of minibatch state.batch. */
static size_t step_rows(const Training *t)
{
    size_t first = t->state.batch * t->train.batch;
    return t->n - first < t->train.batch ? t->n - first : t->train.batch;
}

/* One minibatch: data, noise, update, totals.  Of Monte Carlo EM's several updates, the last gives the totals. */
static int step(Training *t, double rate)
{
    const LabSpec *spec = t->spec;
    size_t first = t->state.batch * t->train.batch, rows = step_rows(t);
    GraphExec *exec = exec_for(&t->train, rows);
    uint64_t number = (t->state.epoch - 1) * t->steps + t->state.batch;
    size_t updates = t->estep == NULL ? 1 : spec->monte_carlo_em->updates;
    double norm = 0;

    fill(spec, exec, DATA_TRAIN, t->order, first, rows, t->binarise, t->state.epoch);
    graph_exec_noise(exec, spec->seed, "noise", number);
    if (t->estep != NULL)
        draw_posterior(t, exec, t->order + first, rows, number);
    for (size_t i = 0; i < updates; i++)
        if (update(t, exec, rate, &norm) != 0)
            return -1;
    add_metrics(t, exec, rows, t->state.totals);
    t->state.totals[t->nmetrics] += norm;
    return 0;
}

static void describe_divergence(const Training *t, char *message, size_t size)
{
    const char *tensor = graph_exec_first_nonfinite(exec_for(&t->train, step_rows(t)));
    snprintf(message, size, "not finite in epoch %llu, minibatch %llu of %zu: first in %s",
             (unsigned long long)t->state.epoch, (unsigned long long)t->state.batch + 1, t->steps,
             tensor != NULL ? tensor : "the gradient's norm");
}

/* ---- recording an epoch ------------------------------------------------------------------------------------------ */

/* [OUT] mean (nmetrics): means over the test split, with sampled z. */
static int test(Training *t, double *mean, Error *err)
{
    const LabSpec *spec = t->spec;
    size_t n = data_count(spec->data, DATA_TEST);
    memset(mean, 0, t->nmetrics * sizeof *mean);
    set_scalars(&t->test, spec, (int)t->state.epoch);
    for (size_t first = 0, chunk = 0; first < n; first += t->test.batch, chunk++) {
        size_t rows = n - first < t->test.batch ? n - first : t->test.batch;
        GraphExec *exec = exec_for(&t->test, rows);
        /* step 0 at every epoch: the test images are binarised once for a run, so that epochs compare on the same
         * images */
        fill(spec, exec, DATA_TEST, NULL, first, rows, t->test_binarise, 0);
        graph_exec_noise(exec, spec->seed, "test", (t->state.epoch << 32) + chunk);
        graph_exec_forward(exec);
        add_metrics(t, exec, rows, mean);
        if (beat(t, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < t->nmetrics; i++)
        mean[i] /= (double)n;
    return 0;
}

int lab_test(const LabSpec *spec, GraphParams *params, double *mean, size_t *count, Error *err)
{
    Training t = {.spec = spec, .params = params, .state.epoch = (uint64_t)spec->epochs};
    size_t n = data_count(spec->data, DATA_TEST);
    int status = 0;
    while (spec->metrics[t.nmetrics] != NULL)
        t.nmetrics++;
    *count = spec->monte_carlo_em == NULL && n > 0 ? t.nmetrics : 0;
    if (*count == 0)
        return 0;
    t.test_binarise = num_stream_of(spec->seed, "test/binarise");
    status = exec_pair_make(&t.test, spec, (GraphExecSpec){.outputs = spec->metrics}, n, TEST_BATCH, params, err);
    if (status == 0)
        status = test(&t, mean, err);
    exec_pair_free(&t.test);
    return status;
}

static void report_epoch(Training *t, const double *mean)
{
    LabReport *r = &t->reporter->last;
    const struct { const char *name; double *value; } shown[] = {
        {"elbo", &r->elbo}, {"reconstruction", &r->reconstruction}, {"kl", &r->kl},
    };
    r->epoch = (int)t->state.epoch;
    for (size_t i = 0; i < t->nmetrics; i++)
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++)
            if (strcmp(t->spec->metrics[i], shown[k].name) == 0)
                *shown[k].value = mean[i];
}

/* Commits the epoch that ended, and moves the state to the first step of the next. */
static int record_epoch(Training *t, Error *err)
{
    const LabSpec *spec = t->spec;
    StoreMetric metric[2 * LAB_METRICS_MAX + 2];
    char name[2 * LAB_METRICS_MAX][64];
    double mean[LAB_METRICS_MAX], test_mean[LAB_METRICS_MAX];
    size_t count = 0;
    int64_t epoch = (int64_t)t->state.epoch;
    int tested = t->test.full != NULL && (epoch % spec->test_every == 0 || epoch == spec->epochs);
    double seconds = lab_clock() - t->epoch_time; /* of the training alone */

    num_fpenv_set();
    if (tested && test(t, test_mean, err) != 0)
        return -1;
    for (size_t i = 0; i < t->nmetrics; i++) {
        mean[i] = t->state.totals[i] / (double)t->n;
        for (int split = 0; split <= tested; split++, count++) {
            snprintf(name[count], sizeof name[count], "%s/%s", split == 0 ? "train" : "test", spec->metrics[i]);
            metric[count] = (StoreMetric){name[count], epoch, split == 0 ? mean[i] : test_mean[i]};
        }
    }
    metric[count++] = (StoreMetric){"gradient/norm", epoch, t->state.totals[t->nmetrics] / (double)t->steps};
    if (epoch > t->recorded) /* the clock is not reproducible: an epoch repeated after a resume keeps its first time */
        metric[count++] = (StoreMetric){"time/epoch", epoch, seconds};

    if (num_fpenv_check(err) != 0)
        return error_in(err, "epoch %d", (int)epoch);
    report_epoch(t, tested ? test_mean : mean);
    memset(t->state.totals, 0, t->state.ntotals * sizeof(double));
    t->state.epoch++;
    t->state.batch = 0;
    if (!checkpoint_is_due(t))
        return store_run_record(t->store, t->id, metric, count, NULL, err);
    StoreCheckpoint c = checkpoint_now(t);
    return store_run_record(t->store, t->id, metric, count, &c, err);
}

/* ---- one epoch --------------------------------------------------------------------------------------------------- */

/* After a step, before state.batch moves on. */
static void report_step(Training *t, double examples)
{
    LabReport *r = &t->reporter->last;
    double done = (double)(t->state.epoch - 1) + (double)t->state.batch / (double)t->steps;
    double elapsed = lab_clock() - t->epoch_time;
    r->kind = LAB_TRAINING;
    r->fraction = done / t->spec->epochs;
    r->examples_per_second = elapsed > 0 ? examples / elapsed : 0;
    lab_report(t->reporter, 0);
}

/* Trains the rest of the current epoch and records it; *end says when training stops before that. */
static int epoch(Training *t, LabTrainEnd *end, char *message, size_t size, Error *err)
{
    int number = (int)t->state.epoch;
    num_fpenv_set();
    double rate = lab_schedule_at(&t->spec->rate, number), examples = 0;
    num_stream_permutation(t->order_stream, t->state.epoch, t->n, t->order);
    set_scalars(&t->train, t->spec, number);
    set_scalars(&t->estep_target, t->spec, number);
    t->epoch_time = lab_clock();
    while (t->state.batch < t->steps) {
        if (lab_stop) {
            *end = LAB_STOPPED;
            return save(t, err);
        }
        num_fpenv_set(); /* SQLite and the report's write were called since the last step */
        int finite = step(t, rate) == 0;
        if (num_fpenv_check(err) != 0)
            return error_in(err, "epoch %d, minibatch %llu of %zu", number, (unsigned long long)t->state.batch + 1, t->steps);
        if (!finite) {
            *end = LAB_DIVERGED;
            describe_divergence(t, message, size);
            return 0;
        }
        examples += (double)t->train.batch;
        report_step(t, examples);
        if (beat(t, err) != 0)
            return -1;
        t->state.batch++;
        if (t->state.batch < t->steps && checkpoint_is_due(t) && save(t, err) != 0)
            return -1;
    }
    return record_epoch(t, err);
}

int lab_train(const LabSpec *spec, Store *s, int64_t id, LabReporter *reporter, GraphParams **params, LabTrainEnd *end,
              char *message, size_t message_size, Error *err)
{
    Training t = {.spec = spec, .store = s, .id = id, .reporter = reporter};
    int status = training_make(&t, err);
    if (status == 0)
        status = resume(&t, err);
    t.checkpoint_time = t.beat_time = lab_clock();
    *end = LAB_TRAINED;
    while (status == 0 && *end == LAB_TRAINED && t.state.epoch <= (uint64_t)spec->epochs)
        status = epoch(&t, end, message, message_size, err);
    if (status == 0) {
        *params = t.params;
        t.params = NULL;
    }
    training_free(&t);
    return status;
}
