/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/plan.c: a run's training plan as canonical text, and its identity.  Promise: two runs have the same identity exactly
 * when everything that determines their numbers is the same.
 */
#include "lab/lab.h"

#include "base/mem.h"
#include "base/text.h"
#include "lab/internal.h"
#include "num/isa.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const Option lab_monte_carlo_em_options[LAB_MONTE_CARLO_EM_OPTIONS] = {
    {"transitions", offsetof(LabMonteCarloEM, transitions), 1, 1, 100000, 1, "transitions of each chain before the updates"},
    {"updates", offsetof(LabMonteCarloEM, updates), 1, 1, 100000, 5, "steps of the optimiser with the same draws (appendix E: 5)"},
};

double lab_schedule_at(const LabSchedule *s, int epoch)
{
    size_t i = (size_t)epoch <= s->n ? (size_t)epoch - 1 : s->n - 1;
    return s->value[i];
}

/* A schedule as "0.001*8 0.0005*4": runs of equal values, so that thousands of epochs stay readable. */
static void schedule_text(Text *t, const LabSchedule *s)
{
    text_add(t, "\"");
    for (size_t i = 0, next; i < s->n; i = next) {
        for (next = i + 1; next < s->n && s->value[next] == s->value[i]; next++)
            ;
        if (i > 0)
            text_add(t, " ");
        text_add_number(t, s->value[i]);
        if (next - i > 1 && next < s->n)
            text_addf(t, "*%zu", next - i);
        /* the last value holds for ever, so its count says nothing */
    }
    text_add(t, "\"");
}

static int compare_scalars(const LabScalar *a, const LabScalar *b)
{
    return strcmp(a->name, b->name);
}

/* The scalars in the order of their names, whatever order the script gave them in. */
static void scalars_text(Text *t, const LabRun *run)
{
    const LabScalar *last = NULL;
    for (size_t printed = 0; printed < run->nscalars; printed++) {
        const LabScalar *next = NULL;
        for (size_t i = 0; i < run->nscalars; i++) {
            const LabScalar *s = &run->scalars[i];
            if ((last == NULL || compare_scalars(s, last) > 0) && (next == NULL || compare_scalars(s, next) < 0))
                next = s;
        }
        text_add(t, printed > 0 ? "," : "");
        text_add_json(t, next->name);
        text_add(t, ":");
        schedule_text(t, &next->schedule);
        last = next;
    }
}

/* The keys "posterior" (Monte Carlo EM) and "step" (step_size) are part of the identity of recorded runs: they keep their names. */
static void monte_carlo_em_text(Text *t, const LabMonteCarloEM *em)
{
    text_add(t, ",\"posterior\":{\"accept\":");
    text_add_number(t, em->hmc.accept);
    text_addf(t, ",\"leapfrog\":%zu,\"step\":", em->hmc.leapfrog);
    text_add_number(t, em->hmc.step_size);
    text_addf(t, ",\"transitions\":%zu,\"updates\":%zu}", em->transitions, em->updates);
}

static void plan_text(Text *t, const LabRun *run)
{
    Text optimiser = {0};
    optimiser_text(&run->optimiser, &optimiser);
    text_addf(t, "{\"batch\":%zu,\"epochs\":%d,\"metrics\":[", run->batch, run->epochs);
    for (size_t i = 0; run->metrics[i] != NULL; i++) {
        text_add(t, i > 0 ? "," : "");
        text_add_json(t, run->metrics[i]);
    }
    text_add(t, "],\"objective\":");
    text_add_json(t, run->objective);
    text_add(t, ",\"optimiser\":");
    text_add_json(t, text_string(&optimiser));
    if (run->monte_carlo_em != NULL)
        monte_carlo_em_text(t, run->monte_carlo_em);
    text_add(t, ",\"rate\":");
    schedule_text(t, &run->rate);
    if (run->seed.rng != NULL && run->seed.rng != num_rng_philox) { /* the default is not named: older identities hold */
        text_add(t, ",\"rng\":");
        text_add_json(t, run->seed.rng->name);
    }
    text_addf(t, ",\"samples\":%zu,\"scalars\":{", run->samples);
    scalars_text(t, run);
    text_addf(t, "},\"test_every\":%d}", run->test_every);
    t->failed |= optimiser.failed;
    text_free(&optimiser);
}

static int check_schedule(const char *name, const LabSchedule *s, double least, Error *err)
{
    if (s->n == 0)
        return error_set(err, ERR_SCRIPT, "the schedule of '%s' is empty", name);
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->value[i]) || s->value[i] < least) {
            error_set(err, ERR_SCRIPT, "the schedule of '%s' has a value out of range", name);
            error_where(err, "epoch %zu", i + 1);
            error_found(err, "%g", s->value[i]);
            return error_expected(err, "a finite number%s", least >= 0 ? ", not negative" : "");
        }
    }
    return 0;
}

static int out_of_range(Error *err, const char *what, double found, const char *expected)
{
    error_set(err, ERR_SCRIPT, "%s is out of range", what);
    error_found(err, "%g", found);
    return error_expected(err, "%s", expected);
}

static int check_scalar_leaves(const LabRun *run, Error *err)
{
    const char *leaf;
    for (size_t i = 0; (leaf = graph_scalar_name(run->graph, i)) != NULL; i++) {
        size_t j = 0;
        while (j < run->nscalars && strcmp(run->scalars[j].name, leaf) != 0)
            j++;
        if (j == run->nscalars)
            return error_set(err, ERR_SCRIPT, "the graph's scalar '%s' has no schedule", leaf);
    }
    for (size_t j = 0; j < run->nscalars; j++) {
        if (check_schedule(run->scalars[j].name, &run->scalars[j].schedule, -HUGE_VAL, err) != 0)
            return -1;
    }
    return 0;
}

/* Each draw of each example has a chain, and its log p(x, z). */
static int check_monte_carlo_em(const LabRun *run, const LabMonteCarloEM *em, Error *err)
{
    if (options_check(infer_hmc_options, INFER_HMC_TRANSITION, &em->hmc, "Monte Carlo EM", err) != 0 ||
        options_check(lab_monte_carlo_em_options, LAB_MONTE_CARLO_EM_OPTIONS, em, "Monte Carlo EM", err) != 0)
        return -1;
    GraphNode z = graph_find(run->graph, "z"), target = graph_find(run->graph, "logjoint");
    if (z < 0 || target < 0)
        return error_set(err, ERR_SCRIPT, "Monte Carlo EM needs the names z and logjoint, and the graph has no '%s'", z < 0 ? "z" : "logjoint");
    NumShape draws = graph_shape(run->graph, z), densities = graph_shape(run->graph, target);
    if (draws.n[NUM_SAMPLES] == run->samples && draws.n[NUM_BATCH] == graph_batch(run->graph) && densities.n[NUM_FEATURES] == 1 &&
        densities.n[NUM_SAMPLES] == draws.n[NUM_SAMPLES] && densities.n[NUM_BATCH] == draws.n[NUM_BATCH])
        return 0;
    error_set(err, ERR_SCRIPT, "Monte Carlo EM needs one z and one log density for each draw and example");
    error_found(err, "z (%zu, %zu, %zu), logjoint (%zu, %zu, %zu)", draws.n[0], draws.n[1], draws.n[2], densities.n[0], densities.n[1],
                densities.n[2]);
    return error_expected(err, "z (%zu, %zu, ·), logjoint (%zu, %zu, 1)", run->samples, graph_batch(run->graph), run->samples,
                          graph_batch(run->graph));
}

static int check(const LabRun *run, Error *err)
{
    size_t n = data_count(run->data, DATA_TRAIN);
    if (run->epochs < 1 || run->epochs > 1000000)
        return out_of_range(err, "epochs", run->epochs, "1 to 1000000");
    if (run->batch < 1 || run->batch > n) {
        out_of_range(err, "batch", (double)run->batch, "at least 1 and at most the number of training examples");
        return error_hint(err, "the training split of '%s' has %zu examples", data_name(run->data), n);
    }
    if (run->samples < 1 || run->samples > 100000)
        return out_of_range(err, "samples", (double)run->samples, "1 to 100000");
    if (run->test_every < 1)
        return out_of_range(err, "test_every", run->test_every, "at least 1");
    if (graph_find(run->graph, run->objective) < 0)
        return error_set(err, ERR_SCRIPT, "the graph has no node named '%s' to maximise", run->objective);
    for (size_t i = 0; run->metrics[i] != NULL; i++) {
        if (i == LAB_METRICS_MAX)
            return out_of_range(err, "the number of metrics", (double)i + 1, "at most 32");
        if (graph_find(run->graph, run->metrics[i]) < 0)
            return error_set(err, ERR_SCRIPT, "the graph has no node named '%s' to record", run->metrics[i]);
    }
    if (run->monte_carlo_em != NULL && check_monte_carlo_em(run, run->monte_carlo_em, err) != 0)
        return -1;
    if (check_schedule("rate", &run->rate, 0, err) != 0 || optimiser_check(&run->optimiser, err) != 0)
        return -1;
    return check_scalar_leaves(run, err);
}

int lab_run_identify(LabRun *run, Error *err)
{
    if (check(run, err) != 0)
        return error_in(err, "%s, %s, seed %" PRIu64, run->script, run->label, run->seed.number);

    Text plan = {0}, graph = {0};
    plan_text(&plan, run);
    graph_text(run->graph, &graph);
    int failed = plan.failed || graph.failed;
    if (!failed) {
        char number[32];
        Digest d;
        digest_start(&d);
        snprintf(number, sizeof number, "%d", NUM_ARITHMETIC_VERSION);
        digest_string(&d, "vae-lab run");
        digest_string(&d, number);
        digest_string(&d, text_string(&graph));
        digest_string(&d, text_string(&plan));
        digest_string(&d, data_digest(run->data));
        snprintf(number, sizeof number, "%" PRIu64, run->seed.number);
        digest_string(&d, number);
        digest_end(&d, run->identity);
        mem_free(run->plan);
        run->plan = mem_string(text_string(&plan));
        failed = run->plan == NULL;
    }
    text_free(&plan);
    text_free(&graph);
    return failed ? error_memory(err, "a run's plan") : 0;
}
