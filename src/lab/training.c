/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/training.c: the numbers of a training, without its record: memory, one minibatch, the test pass.  Promise: they
 * depend on the spec alone; a step makes no allocation.
 */
#include "lab/training.h"

#include "base/mem.h"
#include "num/fpenv.h"
#include "num/sum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEST_BATCH = 500 };

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
    t->params = graph_params_alloc(t->spec->graph, GRAPH_FLOAT, lab_seed(t->spec, LAB_INIT), mean, features, err);
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
    if (t->state.totals == NULL || t->order == NULL)
        return error_memory(err, "the training's state");
    return 0;
}

int training_make(Training *t, Error *err)
{
    const LabSpec *spec = t->spec;
    num_fpenv_set();
    while (spec->metrics[t->nmetrics] != NULL)
        t->nmetrics++;
    t->n = data_count(spec->data, DATA_TRAIN);
    t->order_stream = num_stream_of(lab_seed(spec, LAB_ORDER), "order");
    t->binarise = num_stream_of(lab_seed(spec, LAB_BINARISE), "binarise");
    t->test_binarise = num_stream_of(spec->seed, "test/binarise");
    if (make_params(t, err) != 0)
        return -1;
    t->optimiser = optimiser_alloc(&spec->optimiser, graph_params_count(t->params), err);
    if (t->optimiser == NULL || make_execs(t, err) != 0)
        return -1;
    t->steps = (t->n + t->train.batch - 1) / t->train.batch;
    return make_state(t, err) != 0 ? -1 : num_fpenv_check(err);
}

void training_free(Training *t)
{
    exec_pair_free(&t->train);
    exec_pair_free(&t->test);
    exec_pair_free(&t->estep_target);
    estep_free(t->estep);
    optimiser_free(t->optimiser);
    graph_params_free(t->params);
    mem_free(t->state.totals);
    mem_free(t->order);
}

void training_begin_epoch(Training *t)
{
    int epoch = (int)t->state.epoch;
    num_stream_permutation(t->order_stream, t->state.epoch, t->n, t->order);
    set_scalars(&t->train, t->spec, epoch);
    set_scalars(&t->estep_target, t->spec, epoch);
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
    graph_exec_noise(joint, lab_seed(t->spec, LAB_NOISE), "noise", number);
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

/* Of Monte Carlo EM's several updates, the last gives the totals. */
int training_step(Training *t, double rate)
{
    const LabSpec *spec = t->spec;
    size_t first = t->state.batch * t->train.batch, rows = step_rows(t);
    GraphExec *exec = exec_for(&t->train, rows);
    uint64_t number = (t->state.epoch - 1) * t->steps + t->state.batch;
    size_t updates = t->estep == NULL ? 1 : spec->monte_carlo_em->updates;
    double norm = 0;

    fill(spec, exec, DATA_TRAIN, t->order, first, rows, t->binarise, t->state.epoch);
    graph_exec_noise(exec, lab_seed(spec, LAB_NOISE), "noise", number);
    if (t->estep != NULL)
        draw_posterior(t, exec, t->order + first, rows, number);
    for (size_t i = 0; i < updates; i++)
        if (update(t, exec, rate, &norm) != 0)
            return -1;
    add_metrics(t, exec, rows, t->state.totals);
    t->state.totals[t->nmetrics] += norm;
    return 0;
}

void training_describe_divergence(const Training *t, char *message, size_t size)
{
    const char *tensor = graph_exec_first_nonfinite(exec_for(&t->train, step_rows(t)));
    snprintf(message, size, "not finite in epoch %llu, minibatch %llu of %zu: first in %s",
             (unsigned long long)t->state.epoch, (unsigned long long)t->state.batch + 1, t->steps,
             tensor != NULL ? tensor : "the gradient's norm");
}

/* ---- testing ----------------------------------------------------------------------------------------------------- */

int training_test(Training *t, double *mean, TrainingPause pause, void *context, Error *err)
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
        if (pause != NULL && pause(context, err) != 0)
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
        status = training_test(&t, mean, NULL, NULL, err);
    exec_pair_free(&t.test);
    return status;
}

const char *lab_scale(const char *metric)
{
    return strcmp(metric, "kl") == 0 ? "log" : NULL;
}
