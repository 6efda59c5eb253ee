/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/estimate.c: work, memory and disk from the compiled graphs; time from a few minibatches.
 */
#include "lab/estimate.h"

#include "base/digest.h"
#include "base/mem.h"
#include "lab/train.h"
#include "lab/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    METRIC_BYTES = 25,       /* of a row of the table metric (store/README.md) */
    UPDATE_OPERATIONS = 10,  /* of an optimiser, for each parameter */
    STEPS_LEAST = 2,         /* minibatches that are measured */
    MEASURED_MOST = 32,      /* different runs; others take the rate of the one with the nearest work per minibatch */
};

/* What the cost of a run depends on, and what was found. */
typedef struct CostCase {
    char key[DIGEST_TEXT];
    LabEstimate estimate;
    double step; /* multiply-adds of one minibatch */
    double rate; /* multiply-adds per second; 0: not measured */
} CostCase;

/* ---- work -------------------------------------------------------------------------------------------------------- */

/* Passes over a split of n examples: of whole minibatches and of the last, shorter one. */
static double pair_work(const ExecPair *p, size_t n)
{
    if (p->full == NULL || n == 0)
        return 0;
    double work = graph_exec_flops(p->full) * (double)(n / p->batch);
    return n % p->batch == 0 ? work : work + graph_exec_flops(p->rest);
}

/* Multiply-adds of training on the first n examples, without a test. */
static double training_work(const Training *t, size_t n)
{
    const LabMonteCarloEM *em = t->spec->monte_carlo_em;
    double updates = em == NULL ? 1 : (double)em->updates, steps = (double)((n + t->train.batch - 1) / t->train.batch);
    double work = updates * (pair_work(&t->train, n) + UPDATE_OPERATIONS * (double)t->state.nparams * steps);
    if (em != NULL)
        work += (double)em->transitions * (double)(em->hmc.leapfrog + 1) * pair_work(&t->estep_target, n);
    return work;
}

static double tests(const LabSpec *spec)
{
    int whole = spec->epochs / spec->test_every;
    return whole + (spec->epochs % spec->test_every != 0);
}

static double pair_bytes(const ExecPair *p)
{
    return (p->full == NULL ? 0 : (double)graph_exec_bytes(p->full)) +
           (p->rest == NULL ? 0 : (double)graph_exec_bytes(p->rest));
}

static LabEstimate cost_of(const Training *t)
{
    const LabSpec *spec = t->spec;
    size_t test = t->test.full == NULL ? 0 : data_count(spec->data, DATA_TEST);
    double epochs = spec->epochs, rows = epochs * (double)(t->nmetrics + 2);
    double block = (double)t->state.nparams * sizeof(float), state = (double)t->state.nstate * sizeof(float);
    LabEstimate e = {.parameters = t->state.nparams};
    e.work = epochs * training_work(t, t->n);
    if (test > 0) {
        e.work += tests(spec) * pair_work(&t->test, test);
        rows += tests(spec) * (double)t->nmetrics;
    }
    /* twice the checkpoint: its buffer, and SQLite's copy */
    e.memory = pair_bytes(&t->train) + pair_bytes(&t->test) + pair_bytes(&t->estep_target) + block + state +
               2 * (double)lab_checkpoint_size(&t->state) + (double)t->n * sizeof *t->order;
    e.disk = rows * METRIC_BYTES + block;
    return e;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* Trains for so many seconds; returns multiply-adds per second, 0 where it was interrupted.  The fastest minibatch counts,
 * so that other work on the machine does not.  The numbers go nowhere: a loss that is not finite does not matter. */
static double measure_rate(Training *t, double seconds)
{
    double start = lab_clock(), before = start, fastest = INFINITY;
    training_begin_epoch(t);
    for (size_t i = 0; !lab_stop && (i <= STEPS_LEAST || before - start < seconds); i++) {
        t->state.batch = i % t->steps;
        training_step(t, lab_schedule_at(&t->spec->rate, 1));
        double now = lab_clock();
        if (i > 0 && (t->state.batch + 1) * t->train.batch <= t->n) /* the first touches the memory for the first time */
            fastest = fmin(fastest, now - before);
        before = now;
    }
    return isfinite(fastest) && fastest > 0 ? training_work(t, t->train.batch) / fastest : 0;
}

/* The rate of the measured case whose minibatch has the nearest work. */
static double nearest_rate(const CostCase *cases, size_t ncases, double step)
{
    double best = INFINITY, rate = 0;
    for (size_t k = 0; k < ncases; k++) {
        double distance = fabs(log((step + 1) / (cases[k].step + 1)));
        if (cases[k].rate <= 0 || distance >= best)
            continue;
        best = distance;
        rate = cases[k].rate;
    }
    return rate;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* [OUT] key: a digest of what the cost of a spec depends on. */
static int find_key(const LabSpec *spec, char key[DIGEST_TEXT], Error *err)
{
    Digest d;
    Text t = {0};
    graph_text(spec->graph, &t);
    text_addf(&t, "\n%zu %zu %d %d %zu %zu", spec->batch, spec->samples, spec->epochs, spec->test_every,
              data_count(spec->data, DATA_TRAIN), data_count(spec->data, DATA_TEST));
    if (spec->monte_carlo_em != NULL)
        text_addf(&t, " %zu %zu %zu", spec->monte_carlo_em->hmc.leapfrog, spec->monte_carlo_em->transitions,
                  spec->monte_carlo_em->updates);
    digest_start(&d);
    digest_string(&d, text_string(&t));
    digest_string(&d, spec->objective);
    digest_string(&d, optimiser_name(spec->optimiser.kind));
    for (size_t i = 0; spec->metrics[i] != NULL; i++)
        digest_string(&d, spec->metrics[i]);
    digest_end(&d, key);
    int failed = t.failed;
    text_free(&t);
    return failed ? error_memory(err, "an estimate") : 0;
}

/* A run that cannot be trained fails when its turn comes, and leaves the others alone: so does its estimate. */
static void make_case(const LabSpec *spec, CostCase *c, double seconds)
{
    Training t = {.spec = spec};
    Error err = ERROR_NONE;
    if (training_make(&t, &err) == 0) {
        c->estimate = cost_of(&t);
        c->step = training_work(&t, t.train.batch);
        c->rate = seconds > 0 ? measure_rate(&t, seconds) : 0;
    } else {
        snprintf(c->estimate.problem, sizeof c->estimate.problem, "%s", err.what);
        c->estimate.parameters = t.params == NULL ? 0 : graph_params_count(t.params);
    }
    training_free(&t);
}

static size_t find_case(const CostCase *cases, size_t ncases, const char *key)
{
    size_t k = 0;
    while (k < ncases && strcmp(cases[k].key, key) != 0)
        k++;
    return k;
}

/* [OUT] of_run[count]: the case of each run; first: the first run of each case.  Returns how many cases there are; 0 with *err. */
static size_t sort_cases(const LabRun *runs, size_t count, CostCase *cases, size_t *of_run, size_t *first, Error *err)
{
    size_t ncases = 0;
    for (size_t i = 0; i < count; i++) {
        char key[DIGEST_TEXT];
        if (find_key(&runs[i].spec, key, err) != 0)
            return 0;
        of_run[i] = find_case(cases, ncases, key);
        if (of_run[i] < ncases)
            continue;
        memcpy(cases[ncases].key, key, sizeof key);
        first[ncases++] = i;
    }
    return ncases;
}

/* Every `apart`-th case is measured. */
static void make_cases(const LabRun *runs, CostCase *cases, size_t ncases, const size_t *first, double seconds)
{
    size_t apart = (ncases + MEASURED_MOST - 1) / MEASURED_MOST, measured = (ncases + apart - 1) / apart;
    for (size_t k = 0; k < ncases; k++)
        make_case(&runs[first[k]].spec, &cases[k], k % apart == 0 ? seconds / (double)measured : 0);
    for (size_t k = 0; k < ncases; k++) {
        double rate = nearest_rate(cases, ncases, cases[k].step);
        cases[k].estimate.seconds = rate > 0 ? cases[k].estimate.work / rate : 0;
    }
}

int lab_estimate(const LabRun *runs, size_t count, double seconds, LabEstimate *estimate, Error *err)
{
    CostCase *cases = mem_array(count, sizeof *cases);
    size_t *of_run = mem_array(count, sizeof *of_run), *first = mem_array(count, sizeof *first), ncases = 0;
    int status = cases == NULL || of_run == NULL || first == NULL ? error_memory(err, "an estimate") : 0;
    if (status == 0 && (ncases = sort_cases(runs, count, cases, of_run, first, err)) == 0)
        status = -1;
    if (status == 0)
        make_cases(runs, cases, ncases, first, seconds);
    for (size_t i = 0; status == 0 && i < count; i++)
        estimate[i] = cases[of_run[i]].estimate;
    mem_free(cases);
    mem_free(of_run);
    mem_free(first);
    return status;
}
