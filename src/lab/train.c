/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/train.c: the training loop of one run.  Promise: the numbers depend on the run's identity alone; an epoch that is
 * recorded is recorded for good; a step makes no allocation, no commit and no call into Lua.
 */
#include "lab/internal.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "num/sum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* At least this often the whole state goes to the database, with the epoch's metrics or in the middle of an epoch. */
#define CHECKPOINT_SECONDS 10.0

/* One exec for whole minibatches, one for the epoch's last, shorter one. */
typedef struct ExecPair {
    GraphExec *full, *rest;
    size_t batch, rest_batch;
} ExecPair;

typedef struct Training {
    const LabRun *run;
    Store *store;
    int64_t id;
    LabReporter *reporter;

    GraphParams *params;
    Optimiser *optimiser;
    ExecPair train, test, estep_target; /* estep_target: log p(x, z) and its gradient in z, with Monte Carlo EM */
    EStep *estep;
    size_t nmetrics;
    size_t n, steps;                 /* training examples; minibatches in an epoch */
    uint32_t *order;                 /* of this epoch */
    NumStream order_stream, binarise, test_binarise;

    LabState state;                  /* where we are; points into params and optimiser */
    unsigned char *checkpoint;       /* buffer */
    double checkpoint_time, epoch_time;
    int64_t recorded;                /* epochs whose metrics are in the database from before */
} Training;

/* ---- building ------------------------------------------------------------------------------------------------------- */

static void exec_pair_free(ExecPair *p)
{
    graph_exec_free(p->full);
    graph_exec_free(p->rest);
}

/* spec: what is computed; batch, draws and type are filled in here. */
static int exec_pair_make(ExecPair *p, const LabRun *run, GraphExecSpec spec, size_t n, size_t batch, GraphParams *params, Error *err)
{
    spec.samples = run->samples;
    spec.type = GRAPH_FLOAT;
    p->batch = spec.batch = batch < n ? batch : n;
    p->rest_batch = n % p->batch;
    p->full = graph_exec_alloc(run->graph, &spec, params, err);
    if (p->full == NULL)
        return -1;
    spec.batch = p->rest_batch;
    p->rest = spec.batch == 0 ? NULL : graph_exec_alloc(run->graph, &spec, params, err);
    return spec.batch != 0 && p->rest == NULL ? -1 : 0;
}

/* The objective and the metrics: what a step must compute. */
static void outputs_of(const LabRun *run, const char **outputs)
{
    size_t n = 0;
    for (; run->metrics[n] != NULL; n++)
        outputs[n] = run->metrics[n];
    outputs[n] = run->objective;
    outputs[n + 1] = NULL;
}

static GraphExec *plan_for(const ExecPair *p, size_t rows)
{
    return rows == p->batch ? p->full : p->rest;
}

static int make_params(Training *t, Error *err)
{
    size_t features = data_features(t->run->data);
    float *mean = mem_array(features, sizeof *mean);
    if (mean == NULL)
        return error_memory(err, "the mean image");
    data_mean(t->run->data, mean);
    t->params = graph_params_alloc(t->run->graph, GRAPH_FLOAT, t->run->seed, mean, features, err);
    mem_free(mean);
    return t->params == NULL ? -1 : 0;
}

/* The plans of training, of testing, and of the E step.  With posterior draws z is theirs, and there is nothing to test with. */
static int make_plans(Training *t, Error *err)
{
    static const char *const z[] = {"z", NULL}, *const target[] = {"logjoint", NULL};
    const LabRun *run = t->run;
    const char *outputs[LAB_METRICS_MAX + 2];
    outputs_of(run, outputs);
    size_t test = run->monte_carlo_em == NULL && t->nmetrics > 0 ? data_count(run->data, DATA_TEST) : 0;
    GraphExecSpec train = {.outputs = outputs, .objective = run->objective, .feeds = run->monte_carlo_em != NULL ? z : NULL};
    if (exec_pair_make(&t->train, run, train, t->n, run->batch, t->params, err) != 0)
        return -1;
    if (test > 0 && exec_pair_make(&t->test, run, (GraphExecSpec){.outputs = run->metrics}, test, 500, t->params, err) != 0)
        return -1;
    if (run->monte_carlo_em == NULL)
        return 0;
    GraphExecSpec climb = {.outputs = target, .objective = target[0], .feeds = z, .gradient_wrt = GRAPH_FEEDS};
    if (exec_pair_make(&t->estep_target, run, climb, t->n, run->batch, t->params, err) != 0)
        return -1;
    t->estep = estep_alloc(run, t->estep_target.full, t->n, err);
    return t->estep == NULL ? -1 : 0;
}

static int training_make(Training *t, Error *err)
{
    const LabRun *run = t->run;
    while (run->metrics[t->nmetrics] != NULL)
        t->nmetrics++;
    t->n = data_count(run->data, DATA_TRAIN);
    if (make_params(t, err) != 0)
        return -1;
    t->optimiser = optimiser_alloc(&run->optimiser, graph_params_count(t->params), err);
    if (t->optimiser == NULL || make_plans(t, err) != 0)
        return -1;
    t->steps = (t->n + t->train.batch - 1) / t->train.batch;
    t->order_stream = num_stream_of(run->seed, "order");
    t->binarise = num_stream_of(run->seed, "binarise");
    t->test_binarise = num_stream_of(run->seed, "test/binarise");
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

/* ---- going on from what is recorded ---------------------------------------------------------------------------------- */

static int highest_step(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)names;
    if (columns == 1 && values[0].type == STORE_INTEGER)
        *(int64_t *)context = values[0].integer;
    return 0;
}

static int resume(Training *t, Error *err)
{
    StoreValue run = {.type = STORE_INTEGER, .integer = t->id};
    if (store_query(t->store,
                    "select max(m.step) from metric m join metric_name n on n.id = m.metric "
                    "where m.run = ?1 and n.name = 'time/epoch'",
                    &run, 1, highest_step, &t->recorded, err) != 0)
        return -1;
    uint64_t step;
    void *bytes;
    size_t size;
    if (store_run_checkpoint(t->store, t->id, &step, &bytes, &size, err) != 0)
        return -1;
    /* A checkpoint of other sizes cannot be this run's; from the start the result is the same. */
    if (bytes != NULL && lab_checkpoint_read(&t->state, bytes, size) == 0) {
        optimiser_set_steps(t->optimiser, t->state.optimiser_steps);
        t->reporter->last.resumed = 1;
    }
    mem_free(bytes);
    return 0;
}

/* ---- recording ------------------------------------------------------------------------------------------------------- */

static const StoreCheckpoint *checkpoint_now(Training *t, StoreCheckpoint *c)
{
    t->state.optimiser_steps = optimiser_steps(t->optimiser);
    lab_checkpoint_write(&t->state, t->checkpoint);
    *c = (StoreCheckpoint){.step = (t->state.epoch - 1) * t->steps + t->state.batch,
                           .bytes = t->checkpoint,
                           .size = lab_checkpoint_size(&t->state)};
    t->checkpoint_time = lab_clock();
    return c;
}

static int save(Training *t, Error *err)
{
    StoreCheckpoint c;
    return store_run_record(t->store, t->id, NULL, 0, checkpoint_now(t, &c), err);
}

/* ---- one step -------------------------------------------------------------------------------------------------------- */

static void set_scalars(GraphExec *plan, const LabRun *run, int epoch)
{
    for (size_t i = 0; plan != NULL && i < run->nscalars; i++)
        graph_exec_scalar(plan, run->scalars[i].name, lab_schedule_at(&run->scalars[i].schedule, epoch));
}

static double output_mean(const GraphExec *plan, const char *name)
{
    NumShape shape;
    const float *value = graph_exec_output(plan, name, &shape);
    size_t n = num_shape_size(shape);
    return num_total_f32(n, value) / (double)n;
}

static void fill(const LabRun *run, GraphExec *plan, DataSplit split, const uint32_t *order, size_t first, size_t rows,
                 NumStream binarise, uint64_t binarise_step)
{
    float *x = graph_exec_input(plan, "x", NULL);
    float *y = graph_exec_input(plan, "y", NULL);
    if (x != NULL)
        data_rows(run->data, split, order, first, rows, binarise, binarise_step, x);
    if (y != NULL)
        data_labels(run->data, split, order, first, rows, y);
}

/* Draws z from p(z|x) for the minibatch of a filled plan. */
static void draw_posterior(Training *t, GraphExec *plan, const uint32_t *example, size_t rows, uint64_t number)
{
    GraphExec *climb = plan_for(&t->estep_target, rows);
    NumShape shape;
    fill(t->run, climb, DATA_TRAIN, example, 0, rows, t->binarise, t->state.epoch);
    graph_exec_noise(climb, t->run->seed, "noise", number);
    estep_draw(t->estep, climb, example, rows, number);
    const float *z = graph_exec_input(climb, "z", &shape);
    memcpy(graph_exec_input(plan, "z", NULL), z, num_shape_size(shape) * sizeof *z);
}

/* Forward, backward, optimiser; [OUT] *norm of the gradient.  0, or -1 when a number is no longer finite. */
static int update(Training *t, GraphExec *plan, double rate, double *norm)
{
    graph_exec_forward(plan);
    if (!isfinite(output_mean(plan, t->run->objective)))
        return -1;
    graph_exec_backward(plan);
    *norm = optimiser_step(t->optimiser, t->state.params, graph_exec_gradient(plan), rate);
    return isfinite(*norm) ? 0 : -1;
}

/* One minibatch: data, noise, update, totals; with posterior draws several updates, the totals being those of the last. */
static int step(Training *t, double rate)
{
    const LabRun *run = t->run;
    size_t first = t->state.batch * t->train.batch;
    size_t rows = t->n - first < t->train.batch ? t->n - first : t->train.batch;
    GraphExec *plan = plan_for(&t->train, rows);
    uint64_t number = (t->state.epoch - 1) * t->steps + t->state.batch;
    size_t updates = t->estep == NULL ? 1 : run->monte_carlo_em->updates;
    double norm = 0;

    fill(run, plan, DATA_TRAIN, t->order, first, rows, t->binarise, t->state.epoch);
    graph_exec_noise(plan, run->seed, "noise", number);
    if (t->estep != NULL)
        draw_posterior(t, plan, t->order + first, rows, number);
    for (size_t i = 0; i < updates; i++)
        if (update(t, plan, rate, &norm) != 0)
            return -1;
    for (size_t i = 0; i < t->nmetrics; i++)
        t->state.totals[i] += output_mean(plan, run->metrics[i]) * (double)rows;
    t->state.totals[t->nmetrics] += norm;
    return 0;
}

static void tell_divergence(const Training *t, char *message, size_t size)
{
    size_t first = t->state.batch * t->train.batch;
    const GraphExec *plan = t->n - first < t->train.batch ? t->train.rest : t->train.full;
    const char *tensor = graph_exec_first_nonfinite(plan);
    snprintf(message, size, "not finite in epoch %llu, minibatch %llu of %zu: first in %s",
             (unsigned long long)t->state.epoch, (unsigned long long)t->state.batch + 1, t->steps,
             tensor != NULL ? tensor : "the gradient's norm");
}

/* ---- one epoch ------------------------------------------------------------------------------------------------------- */

/* Means over the test split, with sampled z: the same noise addresses at every evaluation of an epoch.  [OUT] mean[nmetrics] */
static void test(Training *t, double *mean)
{
    const LabRun *run = t->run;
    size_t n = data_count(run->data, DATA_TEST);
    memset(mean, 0, t->nmetrics * sizeof *mean);
    set_scalars(t->test.full, run, (int)t->state.epoch);
    set_scalars(t->test.rest, run, (int)t->state.epoch);
    for (size_t first = 0, chunk = 0; first < n; first += t->test.batch, chunk++) {
        size_t rows = n - first < t->test.batch ? n - first : t->test.batch;
        GraphExec *plan = plan_for(&t->test, rows);
        /* the test images are binarised once for a run, so that epochs compare on the same images */
        fill(run, plan, DATA_TEST, NULL, first, rows, t->test_binarise, 0);
        graph_exec_noise(plan, run->seed, "test", (t->state.epoch << 32) + chunk);
        graph_exec_forward(plan);
        for (size_t i = 0; i < t->nmetrics; i++)
            mean[i] += output_mean(plan, run->metrics[i]) * (double)rows;
    }
    for (size_t i = 0; i < t->nmetrics; i++)
        mean[i] /= (double)n;
}

static void report_epoch(Training *t, const double *mean)
{
    LabReport *r = &t->reporter->last;
    r->epoch = (int)t->state.epoch;
    for (size_t i = 0; i < t->nmetrics; i++) {
        const char *name = t->run->metrics[i];
        if (strcmp(name, "elbo") == 0)
            r->elbo = mean[i];
        else if (strcmp(name, "reconstruction") == 0)
            r->reconstruction = mean[i];
        else if (strcmp(name, "kl") == 0)
            r->kl = mean[i];
    }
}

/* Commits the epoch that just ended; the state then stands before the next one. */
static int record_epoch(Training *t, Error *err)
{
    const LabRun *run = t->run;
    StoreMetric metric[2 * LAB_METRICS_MAX + 2];
    char name[2 * LAB_METRICS_MAX][64];
    double mean[LAB_METRICS_MAX], test_mean[LAB_METRICS_MAX];
    size_t count = 0;
    int64_t epoch = (int64_t)t->state.epoch;
    int tested = t->test.full != NULL && (epoch % run->test_every == 0 || epoch == run->epochs);
    double seconds = lab_clock() - t->epoch_time; /* of the training alone */

    if (tested)
        test(t, test_mean);
    for (size_t i = 0; i < t->nmetrics; i++) {
        mean[i] = t->state.totals[i] / (double)t->n;
        snprintf(name[count], sizeof name[count], "train/%s", run->metrics[i]);
        metric[count] = (StoreMetric){name[count], epoch, mean[i]};
        count++;
        if (tested) {
            snprintf(name[count], sizeof name[count], "test/%s", run->metrics[i]);
            metric[count] = (StoreMetric){name[count], epoch, test_mean[i]};
            count++;
        }
    }
    metric[count++] = (StoreMetric){"gradient/norm", epoch, t->state.totals[t->nmetrics] / (double)t->steps};
    if (epoch > t->recorded) /* the clock alone is not reproducible: an epoch done again keeps its first time */
        metric[count++] = (StoreMetric){"time/epoch", epoch, seconds};

    report_epoch(t, tested ? test_mean : mean);
    memset(t->state.totals, 0, t->state.ntotals * sizeof(double));
    t->state.epoch++;
    t->state.batch = 0;
    int due = lab_clock() - t->checkpoint_time >= CHECKPOINT_SECONDS;
    StoreCheckpoint c;
    return store_run_record(t->store, t->id, metric, count, due ? checkpoint_now(t, &c) : NULL, err);
}

static void report_step(Training *t, double examples, double since)
{
    LabReport *r = &t->reporter->last;
    double done = (double)(t->state.epoch - 1) + (double)t->state.batch / (double)t->steps;
    double elapsed = lab_clock() - since;
    r->kind = LAB_TRAINING;
    r->fraction = done / t->run->epochs;
    r->examples_per_second = elapsed > 0 ? examples / elapsed : 0;
    lab_report(t->reporter, 0);
}

static int epoch(Training *t, LabTrainEnd *end, char *message, size_t size, Error *err)
{
    const LabRun *run = t->run;
    double rate = lab_schedule_at(&run->rate, (int)t->state.epoch), examples = 0;
    num_stream_permutation(t->order_stream, t->state.epoch, t->n, t->order);
    set_scalars(t->train.full, run, (int)t->state.epoch);
    set_scalars(t->train.rest, run, (int)t->state.epoch);
    set_scalars(t->estep_target.full, run, (int)t->state.epoch);
    set_scalars(t->estep_target.rest, run, (int)t->state.epoch);
    t->epoch_time = lab_clock();
    for (; t->state.batch < t->steps; t->state.batch++) {
        if (lab_stop) {
            *end = LAB_STOPPED;
            return save(t, err);
        }
        if (step(t, rate) != 0) {
            *end = LAB_DIVERGED;
            tell_divergence(t, message, size);
            return 0;
        }
        examples += (double)t->train.batch;
        report_step(t, examples, t->epoch_time);
        if (lab_clock() - t->checkpoint_time >= CHECKPOINT_SECONDS && t->state.batch + 1 < t->steps) {
            t->state.batch++; /* the state before the next step */
            int status = save(t, err);
            t->state.batch--;
            if (status != 0)
                return -1;
        }
    }
    return record_epoch(t, err);
}

int lab_train(const LabRun *run, Store *s, int64_t id, LabReporter *reporter, GraphParams **params, LabTrainEnd *end,
              char *message, size_t message_size, Error *err)
{
    Training t = {.run = run, .store = s, .id = id, .reporter = reporter};
    int status = training_make(&t, err);
    if (status == 0)
        status = resume(&t, err);
    t.checkpoint_time = lab_clock();
    *end = LAB_TRAINED;
    while (status == 0 && *end == LAB_TRAINED && t.state.epoch <= (uint64_t)run->epochs)
        status = epoch(&t, end, message, message_size, err);
    if (status == 0) {
        *params = t.params;
        t.params = NULL;
    }
    training_free(&t);
    return status;
}
