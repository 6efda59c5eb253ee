/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/plan_read.c: the training plan of a recorded run, from its JSON: the inverse of lab_plan_text.  Promise: what is
 * accepted has the very text that was read, so that no edited or damaged plan passes for another one.
 */
#include "lab/plan.h"

#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A schedule has a value for each epoch at most. */
enum { SCHEDULE_MOST = 1000000 };

struct LabPlan {
    json_t *json; /* keeps the strings */
    const char **metrics;
    double *rate;
    LabScalar *scalars;
    size_t nscalars;
    LabMonteCarloEM monte_carlo_em;
};

static int damaged(const char *key, const char *expected, Error *err)
{
    error_set(err, ERR_STORE, "a recorded training plan is damaged");
    error_where(err, "\"%.100s\"", key);
    error_expected(err, "%s", expected);
    return error_hint(err, "vae-lab writes training plans: was the database edited?");
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static int take_text(const json_t *object, const char *key, const char **text, Error *err)
{
    *text = json_string_value(json_object_get(object, key));
    return *text == NULL ? damaged(key, "a text", err) : 0;
}

static int take_number(const json_t *object, const char *key, double *number, Error *err)
{
    const json_t *value = json_object_get(object, key);
    *number = json_number_value(value);
    return json_is_number(value) ? 0 : damaged(key, "a number", err);
}

static int take_size(const json_t *object, const char *key, size_t *size, Error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return damaged(key, "a whole number, not negative", err);
    *size = (size_t)json_integer_value(value);
    return 0;
}

static int take_int(const json_t *object, const char *key, int *number, Error *err)
{
    size_t size;
    if (take_size(object, key, &size, err) != 0)
        return -1;
    if (size > SCHEDULE_MOST)
        return damaged(key, "at most 1000000", err);
    *number = (int)size;
    return 0;
}

/* ---- schedules --------------------------------------------------------------------------------------------------- */

/* The next entry of a schedule, "0.001*8" or "0.0005": its value, and how often it holds.  -1 for another form. */
static int next_entry(const char **at, double *value, size_t *count)
{
    char *end;
    *value = text_read_number(*at, &end);
    if (end == *at)
        return -1;
    *count = 1;
    if (*end == '*') {
        const char *digits = end + 1;
        unsigned long long n = strtoull(digits, &end, 10);
        if (end == digits || n > SCHEDULE_MOST)
            return -1;
        *count = (size_t)n;
    }
    if (*end != '\0' && *end++ != ' ')
        return -1;
    *at = end;
    return 0;
}

/* [OUT] s->value: mem_free. */
static int take_schedule(const json_t *object, const char *key, LabSchedule *s, Error *err)
{
    static const char expected[] = "numbers with their counts, \"0.001*8 0.0005\"";
    const char *text;
    double value;
    size_t count, n = 0;
    if (take_text(object, key, &text, err) != 0)
        return -1;
    for (const char *at = text; *at != '\0'; n += count)
        if (next_entry(&at, &value, &count) != 0 || n + count > SCHEDULE_MOST)
            return damaged(key, expected, err);
    if (n == 0)
        return damaged(key, expected, err);
    s->value = mem_array(n, sizeof *s->value);
    if (s->value == NULL)
        return error_memory(err, "a schedule");
    for (const char *at = text; next_entry(&at, &value, &count) == 0 && s->n + count <= n;)
        while (count-- > 0)
            s->value[s->n++] = value;
    return 0;
}

static int take_scalars(LabPlan *p, LabSpec *spec, Error *err)
{
    const char *name;
    json_t *value, *scalars = json_object_get(p->json, "scalars");
    if (!json_is_object(scalars))
        return damaged("scalars", "an object of schedules", err);
    p->scalars = mem_array(json_object_size(scalars), sizeof *p->scalars);
    if (p->scalars == NULL)
        return error_memory(err, "a training plan");
    json_object_foreach(scalars, name, value) {
        LabScalar *s = &p->scalars[p->nscalars++];
        s->name = name;
        if (take_schedule(scalars, name, &s->schedule, err) != 0)
            return -1;
    }
    spec->scalars = p->scalars;
    spec->nscalars = p->nscalars;
    return 0;
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

static int take_metrics(LabPlan *p, LabSpec *spec, Error *err)
{
    const json_t *list = json_object_get(p->json, "metrics");
    size_t count = json_array_size(list);
    p->metrics = mem_array(count + 1, sizeof *p->metrics);
    if (p->metrics == NULL)
        return error_memory(err, "a training plan");
    for (size_t i = 0; i < count; i++)
        if ((p->metrics[i] = json_string_value(json_array_get(list, i))) == NULL)
            return damaged("metrics", "a list of names", err);
    spec->metrics = p->metrics;
    return json_is_array(list) ? 0 : damaged("metrics", "a list of names", err);
}

static int take_optimiser(const LabPlan *p, LabSpec *spec, Error *err)
{
    const char *text;
    return take_text(p->json, "optimiser", &text, err) != 0 ? -1 : optimiser_parse(&spec->optimiser, text, err);
}

static int take_monte_carlo_em(LabPlan *p, LabSpec *spec, Error *err)
{
    const json_t *object = json_object_get(p->json, "posterior");
    LabMonteCarloEM *em = &p->monte_carlo_em;
    if (object == NULL)
        return 0;
    options_default(infer_hmc_options, INFER_HMC_OPTIONS, &em->hmc);
    spec->monte_carlo_em = em;
    return take_number(object, "accept", &em->hmc.accept, err) != 0 ||
                   take_size(object, "leapfrog", &em->hmc.leapfrog, err) != 0 ||
                   take_number(object, "step", &em->hmc.step_size, err) != 0 ||
                   take_size(object, "transitions", &em->transitions, err) != 0 ||
                   take_size(object, "updates", &em->updates, err) != 0
               ? -1
               : 0;
}

static int take_generator(const LabPlan *p, LabSpec *spec, Error *err)
{
    const char *name;
    spec->seed.rng = num_rng_philox;
    if (json_object_get(p->json, "rng") == NULL)
        return 0;
    if (take_text(p->json, "rng", &name, err) != 0)
        return -1;
    spec->seed.rng = num_rng_find(name, err);
    if (spec->seed.rng != NULL)
        return 0;
    err->kind = ERR_STORE; /* of the database, not of a script */
    return error_in(err, "\"rng\" of a recorded training plan");
}

static int take_seeds(const LabPlan *p, LabSpec *spec, Error *err)
{
    const json_t *seeds = json_object_get(p->json, "seeds");
    memset(&spec->seeds, 0, sizeof spec->seeds);
    for (int f = 0; f < LAB_FACTORS; f++) {
        const json_t *seed = json_object_get(seeds, lab_factor_names[f]);
        if (seed == NULL)
            continue;
        if (!json_is_integer(seed) || json_integer_value(seed) < 0)
            return damaged("seeds", "whole numbers, not negative", err);
        spec->seeds.given[f] = 1;
        spec->seeds.number[f] = (uint64_t)json_integer_value(seed);
    }
    return 0;
}

static int take_all(LabPlan *p, LabSpec *spec, Error *err)
{
    LabSchedule rate = {0};
    if (take_size(p->json, "batch", &spec->batch, err) != 0 || take_int(p->json, "epochs", &spec->epochs, err) != 0 ||
        take_metrics(p, spec, err) != 0 || take_text(p->json, "objective", &spec->objective, err) != 0 ||
        take_optimiser(p, spec, err) != 0 || take_monte_carlo_em(p, spec, err) != 0 ||
        take_schedule(p->json, "rate", &rate, err) != 0)
        return -1;
    p->rate = rate.value;
    spec->rate = rate;
    return take_generator(p, spec, err) != 0 || take_size(p->json, "samples", &spec->samples, err) != 0 ||
                   take_scalars(p, spec, err) != 0 || take_seeds(p, spec, err) != 0 ||
                   take_int(p->json, "test_every", &spec->test_every, err) != 0
               ? -1
               : 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* The plan's own text must be the one that was read: this finds what the readers above accept and should not. */
static int check(const char *text, const LabSpec *spec, Error *err)
{
    Text own = {0};
    lab_plan_text(&own, spec);
    int status = own.failed ? error_memory(err, "a training plan") : 0;
    size_t same = 0;
    while (status == 0 && text[same] != '\0' && text[same] == text_string(&own)[same])
        same++;
    if (status == 0 && strcmp(text, text_string(&own)) != 0) {
        status = damaged("plan", text_string(&own) + same, err);
        error_found(err, "%.200s", text + same);
        error_expected(err, "%.200s", text_string(&own) + same);
        error_where(err, "byte %zu", same + 1);
    }
    text_free(&own);
    return status;
}

LabPlan *lab_plan_read(const char *text, LabSpec *spec, Error *err)
{
    json_error_t bad;
    LabPlan *p = mem_alloc(sizeof *p);
    if (p == NULL) {
        error_memory(err, "a training plan");
        return NULL;
    }
    p->json = json_loads(text, JSON_REJECT_DUPLICATES, &bad);
    if (p->json == NULL) {
        error_set(err, ERR_STORE, "a recorded training plan is not JSON: %.200s", bad.text);
        error_where(err, "byte %d", bad.position);
    }
    LabSpec read = *spec;
    if (p->json == NULL || take_all(p, &read, err) != 0 || check(text, &read, err) != 0) {
        lab_plan_free(p);
        return NULL;
    }
    *spec = read;
    return p;
}

void lab_plan_free(LabPlan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->nscalars; i++)
        mem_free(p->scalars[i].schedule.value);
    mem_free(p->scalars);
    mem_free(p->rate);
    mem_free(p->metrics);
    json_decref(p->json);
    mem_free(p);
}
