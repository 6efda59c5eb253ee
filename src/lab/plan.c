/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/plan.c: a run's training plan as canonical text, and its identity.  Promise: two runs have the same identity
 * exactly when everything that determines their numbers is the same.
 */
#include "lab/plan.h"

#include "base/mem.h"
#include "base/text.h"
#include "num/fpenv.h"
#include "num/isa.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const Option lab_train_options[LAB_TRAIN_OPTIONS] = {
    {OPTION(LabSpec, epochs), .type = OPTION_INT, .least = 1, .most = 1000000, .standard = 10,
     .text = "passes over the training split"},
    {OPTION(LabSpec, batch), .type = OPTION_SIZE, .least = 1, .standard = 100, .text = "examples of a minibatch"},
    {OPTION(LabSpec, samples), .type = OPTION_SIZE, .least = 1, .standard = 1, .text = "draws of z for each example"},
    {OPTION(LabSpec, test_every), .type = OPTION_INT, .least = 1, .most = 1000000, .standard = 1,
     .text = "epochs from one computation of the test metrics to the next"},
};

const Option lab_monte_carlo_em_options[LAB_MONTE_CARLO_EM_OPTIONS] = {
    {OPTION(LabMonteCarloEM, transitions), .type = OPTION_SIZE, .least = 1, .most = 100000, .standard = 1,
     .text = "transitions of each chain before the updates"},
    {OPTION(LabMonteCarloEM, updates), .type = OPTION_SIZE, .least = 1, .most = 100000, .standard = 5,
     .text = "steps of the optimiser with the same draws (appendix E: 5)"},
};

const char *const lab_factor_names[] = {[LAB_INIT] = "init",   [LAB_ORDER] = "order",
                                        [LAB_NOISE] = "noise", [LAB_BINARISE] = "binarise", NULL};

NumSeed lab_seed(const LabSpec *spec, LabFactor factor)
{
    return (NumSeed){spec->seeds.given[factor] ? spec->seeds.number[factor] : spec->seed.number, spec->seed.rng};
}

double lab_schedule_at(const LabSchedule *s, int epoch)
{
    size_t i = (size_t)epoch <= s->n ? (size_t)epoch - 1 : s->n - 1;
    return s->value[i];
}

/* A schedule as "0.001*8 0.0005": equal values are counted, so that thousands of epochs stay readable; the last value
 * has no count. */
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
    }
    text_add(t, "\"");
}

/* The scalars in the order of their names, whatever the order of the script. */
static void scalars_text(Text *t, const LabSpec *spec)
{
    const char *last = NULL;
    for (size_t printed = 0; printed < spec->nscalars; printed++) {
        const LabScalar *next = NULL;
        for (size_t i = 0; i < spec->nscalars; i++) {
            const LabScalar *s = &spec->scalars[i];
            if ((last == NULL || strcmp(s->name, last) > 0) && (next == NULL || strcmp(s->name, next->name) < 0))
                next = s;
        }
        text_add(t, printed > 0 ? "," : "");
        text_add_json(t, next->name);
        text_add(t, ":");
        schedule_text(t, &next->schedule);
        last = next->name;
    }
}

/* The seeds that factors have of their own, in the order of their names; older plans have none. */
static void seeds_text(Text *t, const LabFactorSeeds *seeds)
{
    static const LabFactor by_name[LAB_FACTORS] = {LAB_BINARISE, LAB_INIT, LAB_NOISE, LAB_ORDER};
    int printed = 0;
    for (int i = 0; i < LAB_FACTORS; i++) {
        LabFactor f = by_name[i];
        if (seeds->given[f])
            text_addf(t, "%s\"%s\":%" PRIu64, printed++ == 0 ? ",\"seeds\":{" : ",", lab_factor_names[f],
                      seeds->number[f]);
    }
    text_add(t, printed > 0 ? "}" : "");
}

/* The keys "posterior" (Monte Carlo EM) and "step" (step_size) are part of the identity of recorded runs: they keep
 * their names. */
static void monte_carlo_em_text(Text *t, const LabMonteCarloEM *em)
{
    text_add(t, ",\"posterior\":{\"accept\":");
    text_add_number(t, em->hmc.accept);
    text_addf(t, ",\"leapfrog\":%zu,\"step\":", em->hmc.leapfrog);
    text_add_number(t, em->hmc.step_size);
    text_addf(t, ",\"transitions\":%zu,\"updates\":%zu}", em->transitions, em->updates);
}

void lab_plan_text(Text *t, const LabSpec *spec)
{
    Text optimiser = {0};
    optimiser_text(&spec->optimiser, &optimiser);
    text_addf(t, "{\"batch\":%zu,\"epochs\":%d,\"metrics\":[", spec->batch, spec->epochs);
    for (size_t i = 0; spec->metrics[i] != NULL; i++) {
        text_add(t, i > 0 ? "," : "");
        text_add_json(t, spec->metrics[i]);
    }
    text_add(t, "],\"objective\":");
    text_add_json(t, spec->objective);
    text_add(t, ",\"optimiser\":");
    text_add_json(t, text_string(&optimiser));
    if (spec->monte_carlo_em != NULL)
        monte_carlo_em_text(t, spec->monte_carlo_em);
    text_add(t, ",\"rate\":");
    schedule_text(t, &spec->rate);
    if (spec->seed.rng != NULL && spec->seed.rng != num_rng_philox) { /* older identities have no "rng" */
        text_add(t, ",\"rng\":");
        text_add_json(t, spec->seed.rng->name);
    }
    text_addf(t, ",\"samples\":%zu,\"scalars\":{", spec->samples);
    scalars_text(t, spec);
    text_add(t, "}");
    seeds_text(t, &spec->seeds);
    text_addf(t, ",\"test_every\":%d}", spec->test_every);
    t->failed |= optimiser.failed;
    text_free(&optimiser);
}

void lab_plan_shared_text(Text *t, const LabSpec *spec)
{
    LabSpec shared = *spec;
    memset(&shared.seeds, 0, sizeof shared.seeds);
    lab_plan_text(t, &shared);
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

static int check_scalar_leaves(const LabSpec *spec, Error *err)
{
    const char *leaf;
    for (size_t i = 0; (leaf = graph_scalar_name(spec->graph, i)) != NULL; i++) {
        size_t j = 0;
        while (j < spec->nscalars && strcmp(spec->scalars[j].name, leaf) != 0)
            j++;
        if (j == spec->nscalars)
            return error_set(err, ERR_SCRIPT, "the graph's scalar '%s' has no schedule", leaf);
    }
    for (size_t j = 0; j < spec->nscalars; j++) {
        if (check_schedule(spec->scalars[j].name, &spec->scalars[j].schedule, -HUGE_VAL, err) != 0)
            return -1;
    }
    return 0;
}

/* Each draw of each example has a chain, and its log p(x, z). */
static int check_monte_carlo_em(const LabSpec *spec, const LabMonteCarloEM *em, Error *err)
{
    if (options_check(infer_hmc_options, INFER_HMC_TRANSITION, &em->hmc, "Monte Carlo EM", err) != 0 ||
        options_check(lab_monte_carlo_em_options, LAB_MONTE_CARLO_EM_OPTIONS, em, "Monte Carlo EM", err) != 0)
        return -1;
    GraphNode z = graph_find(spec->graph, "z"), target = graph_find(spec->graph, "logjoint");
    if (z < 0 || target < 0)
        return error_set(err, ERR_SCRIPT, "Monte Carlo EM needs the names z and logjoint, and the graph has no '%s'",
                         z < 0 ? "z" : "logjoint");
    NumShape draws = graph_shape(spec->graph, z), densities = graph_shape(spec->graph, target);
    if (draws.n[NUM_SAMPLES] == spec->samples && draws.n[NUM_BATCH] == graph_batch(spec->graph) &&
        densities.n[NUM_FEATURES] == 1 && densities.n[NUM_SAMPLES] == draws.n[NUM_SAMPLES] &&
        densities.n[NUM_BATCH] == draws.n[NUM_BATCH])
        return 0;
    error_set(err, ERR_SCRIPT, "Monte Carlo EM needs one z and one log density for each draw and example");
    error_found(err, "z (%zu, %zu, %zu), logjoint (%zu, %zu, %zu)", draws.n[0], draws.n[1], draws.n[2], densities.n[0],
                densities.n[1], densities.n[2]);
    return error_expected(err, "z (%zu, %zu, ·), logjoint (%zu, %zu, 1)", spec->samples, graph_batch(spec->graph),
                          spec->samples, graph_batch(spec->graph));
}

static int check(const LabSpec *spec, Error *err)
{
    size_t n = data_count(spec->data, DATA_TRAIN);
    if (spec->epochs < 1 || spec->epochs > 1000000)
        return out_of_range(err, "epochs", spec->epochs, "1 to 1000000");
    if (spec->batch < 1 || spec->batch > n) {
        out_of_range(err, "batch", (double)spec->batch, "at least 1 and at most the number of training examples");
        return error_hint(err, "the training split of '%s' has %zu examples", data_name(spec->data), n);
    }
    if (spec->samples < 1 || spec->samples > 100000)
        return out_of_range(err, "samples", (double)spec->samples, "1 to 100000");
    if (spec->test_every < 1)
        return out_of_range(err, "test_every", spec->test_every, "at least 1");
    if (graph_find(spec->graph, spec->objective) < 0)
        return error_set(err, ERR_SCRIPT, "the graph has no node named '%s' to maximise", spec->objective);
    for (size_t i = 0; spec->metrics[i] != NULL; i++) {
        if (i == LAB_METRICS_MAX)
            return out_of_range(err, "the number of metrics", (double)i + 1, "at most 32");
        if (graph_find(spec->graph, spec->metrics[i]) < 0)
            return error_set(err, ERR_SCRIPT, "the graph has no node named '%s' to record", spec->metrics[i]);
    }
    if (spec->monte_carlo_em != NULL && check_monte_carlo_em(spec, spec->monte_carlo_em, err) != 0)
        return -1;
    if (check_schedule("rate", &spec->rate, 0, err) != 0 || optimiser_check(&spec->optimiser, err) != 0)
        return -1;
    return check_scalar_leaves(spec, err);
}

static void digest_number(Digest *d, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRIu64, value);
    digest_string(d, number);
}

int lab_identify(const LabSpec *spec, char identity[DIGEST_TEXT], char **plan, Error *err)
{
    if (check(spec, err) != 0)
        return -1;
    Text json = {0}, graph = {0};
    lab_plan_text(&json, spec);
    graph_text(spec->graph, &graph);
    char *copy = json.failed || graph.failed ? NULL : mem_string(text_string(&json));
    if (copy != NULL) {
        Digest d;
        digest_start(&d);
        digest_string(&d, "vae-lab run");
        digest_number(&d, NUM_ARITHMETIC_VERSION);
        digest_string(&d, text_string(&graph));
        digest_string(&d, copy);
        digest_string(&d, data_digest(spec->data));
        digest_number(&d, spec->seed.number); /* the generator is part of the plan */
        digest_end(&d, identity);
        mem_free(*plan);
        *plan = copy;
    }
    text_free(&json);
    text_free(&graph);
    /* the C library rounds decimal text as this thread rounds */
    return copy == NULL ? error_memory(err, "a run's training plan") : num_fpenv_check(err);
}
