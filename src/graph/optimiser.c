/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/optimiser.c: optimisers over one flat block.  num/step.h has the formulas of the updates; here are the options,
 * the order of clipping, decay and update, the bias corrections, and the state.
 */
#include "graph/optimiser.h"

#include "base/mem.h"
#include "num/elementwise.h"
#include "num/step.h"
#include "num/sum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Optimiser {
    OptimiserSpec spec;
    size_t count;
    uint64_t steps;
    float *state; /* kinds[kind].arrays times count */
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* The options of OptimiserSpec that a kind reads. */
enum { MOMENTUM = 1, BETA1 = 2, BETA2 = 4, EPSILON = 8, ALL = 16 };

/* The defaults are part of the identity of every run that does not set the option: do not change them. */
static const struct {
    const char *name;
    size_t arrays; /* of state, each as long as the params */
    unsigned reads;
    OptimiserSpec defaults;
} kinds[OPTIMISER_KINDS] = {
    [OPTIMISER_SGD] = {"sgd", 1, MOMENTUM, {.kind = OPTIMISER_SGD}},
    [OPTIMISER_ADAGRAD] = {"adagrad", 1, EPSILON, {.kind = OPTIMISER_ADAGRAD, .epsilon = 1e-10}},
    [OPTIMISER_RMSPROP] = {"rmsprop", 1, BETA2 | EPSILON, {.kind = OPTIMISER_RMSPROP, .beta2 = 0.99, .epsilon = 1e-8}},
    [OPTIMISER_ADAM] = {"adam", 2, BETA1 | BETA2 | EPSILON,
                        {.kind = OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}},
    [OPTIMISER_ADAMW] = {"adamw", 2, BETA1 | BETA2 | EPSILON,
                         {.kind = OPTIMISER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8,
                          .weight_decay = 0.01}},
};

/* The options with their ranges, in the order of the canonical text. */
static const struct {
    Option option;
    unsigned read; /* by the kinds that have this bit; ALL: by every kind */
} options[] = {
    {{OPTION(OptimiserSpec, momentum), .type = OPTION_FROM, .most = 1,
     .text = "share of the last update's direction that is kept"}, MOMENTUM},
    {{OPTION(OptimiserSpec, beta1), .type = OPTION_FROM, .most = 1,
     .text = "decay of the running mean of the gradient"}, BETA1},
    {{OPTION(OptimiserSpec, beta2), .type = OPTION_FROM, .most = 1,
     .text = "decay of the running mean of the squared gradient"}, BETA2},
    {{OPTION(OptimiserSpec, epsilon), .type = OPTION_FROM, .least = 1e-30,
     .text = "added to the root of the squared gradient"}, EPSILON},
    {{OPTION(OptimiserSpec, weight_decay), .type = OPTION_FROM,
      .text = "adamw: decay of the weights themselves; else L2, added to the gradient: a prior N(0, I/weight_decay)"},
     ALL},
    {{OPTION(OptimiserSpec, clip_norm), .type = OPTION_FROM, .text = "the gradient's largest norm; 0: no limit"}, ALL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static int reads(OptimiserKind kind, size_t i)
{
    return ((kinds[kind].reads | ALL) & options[i].read) != 0;
}

const char *optimiser_name(OptimiserKind kind)
{
    return kinds[kind].name;
}

int optimiser_option(OptimiserKind kind, size_t i, Option *option)
{
    for (size_t o = 0; o < OPTIONS; o++)
        if (reads(kind, o) && i-- == 0) {
            *option = options[o].option;
            option->standard = option_get(option, &kinds[kind].defaults);
            return 0;
        }
    return -1;
}

int optimiser_defaults(OptimiserSpec *spec, const char *name, Error *err)
{
    const char *names[OPTIMISER_KINDS];
    for (size_t i = 0; i < OPTIMISER_KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(name, names[i]) == 0) {
            *spec = kinds[i].defaults;
            return 0;
        }
    }
    error_set(err, ERR_SCRIPT, "there is no optimiser \"%.100s\"", name);
    return error_unknown(err, name, names, OPTIMISER_KINDS);
}

int optimiser_check(const OptimiserSpec *spec, Error *err)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (reads(spec->kind, i) && options_check(&options[i].option, 1, spec, kinds[spec->kind].name, err) != 0)
            return -1;
    return 0;
}

void optimiser_text(const OptimiserSpec *spec, Text *text)
{
    int first = 1;
    text_addf(text, "%s(", kinds[spec->kind].name);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (!reads(spec->kind, i))
            continue;
        text_addf(text, "%s%s=", first ? "" : ", ", options[i].option.name);
        text_add_number(text, option_get(&options[i].option, spec));
        first = 0;
    }
    text_add(text, ")");
}

/* Sets one option of "beta1=0.9"; [OUT] *end: behind the number.  -1 for another form. */
static int parse_option(OptimiserSpec *spec, const char *at, const char **end)
{
    size_t length = strcspn(at, "=");
    char *stop;
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *name = options[i].option.name;
        if (!reads(spec->kind, i) || strlen(name) != length || strncmp(name, at, length) != 0 || at[length] != '=')
            continue;
        option_set(&options[i].option, spec, text_read_number(at + length + 1, &stop));
        *end = stop;
        return stop == at + length + 1 ? -1 : 0;
    }
    return -1;
}

/* Whether the spec's own text is `text`: this finds what the loop below accepts and should not. */
static int has_text(const OptimiserSpec *spec, const char *text)
{
    Text own = {0};
    optimiser_text(spec, &own);
    int same = !own.failed && strcmp(text_string(&own), text) == 0;
    text_free(&own);
    return same;
}

int optimiser_parse(OptimiserSpec *spec, const char *text, Error *err)
{
    char name[32];
    OptimiserSpec read;
    size_t length = strcspn(text, "(");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), text);
    int bad = optimiser_defaults(&read, name, err) != 0 || text[length] != '(';
    for (const char *at = text + length; !bad && (*at == '(' || *at == ',');) {
        at += strspn(at, "(, ");
        bad = parse_option(&read, at, &at);
    }
    if (bad || !has_text(&read, text)) {
        error_set(err, ERR_STORE, "the text of an optimiser is damaged");
        error_found(err, "%.200s", text);
        return error_expected(err, "adam(beta1=0.9, beta2=0.999, …), every option in its place");
    }
    *spec = read;
    return 0;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

Optimiser *optimiser_alloc(const OptimiserSpec *spec, size_t count, Error *err)
{
    if (optimiser_check(spec, err) != 0)
        return NULL;
    Optimiser *o = mem_alloc(sizeof *o);
    float *state = mem_array(count, kinds[spec->kind].arrays * sizeof *state);
    if (o == NULL || state == NULL) {
        mem_free(o);
        mem_free(state);
        error_memory(err, "the optimiser's state");
        return NULL;
    }
    *o = (Optimiser){.spec = *spec, .count = count, .state = state};
    return o;
}

void optimiser_free(Optimiser *o)
{
    if (o == NULL)
        return;
    mem_free(o->state);
    mem_free(o);
}

/* x^n by squaring: products only, where libm's pow is not portable. */
static double power(double x, uint64_t n)
{
    double result = 1;
    for (; n > 0; n >>= 1) {
        if (n & 1)
            result *= x;
        x *= x;
    }
    return result;
}

/* Kingma & Ba 2015, algorithm 1: mhat = m / (1 - beta1^t), shat = s / (1 - beta2^t). */
static void step_adam(Optimiser *o, float *w, const float *g, double rate)
{
    const OptimiserSpec *s = &o->spec;
    double rate_t = rate / (1 - power(s->beta1, o->steps));
    double inv_sqrt_c2 = 1 / sqrt(1 - power(s->beta2, o->steps));
    num_step_adam(o->count, w, g, o->state, o->state + o->count, (float)rate_t, (float)s->beta1, (float)s->beta2,
                  (float)inv_sqrt_c2, (float)s->epsilon);
}

/* Pascanu et al. 2013: a gradient longer than the limit is scaled down to it. */
static double clip(Optimiser *o, float *g)
{
    double norm = sqrt(num_sum_squares_f32(o->count, g));
    if (o->spec.clip_norm > 0 && norm > o->spec.clip_norm && isfinite(norm))
        num_scale(o->count, g, (float)(o->spec.clip_norm / norm));
    return norm;
}

/* L2 enters the gradient; AdamW's decay acts on the weights (Loshchilov & Hutter 2019). */
static void decay(Optimiser *o, float *w, float *g, double rate)
{
    if (o->spec.weight_decay == 0)
        return;
    if (o->spec.kind == OPTIMISER_ADAMW)
        num_scale(o->count, w, (float)(1 - rate * o->spec.weight_decay));
    else
        num_axpy_f32(o->count, g, (float)o->spec.weight_decay, w);
}

double optimiser_step(Optimiser *o, float *w, float *g, double rate)
{
    const OptimiserSpec *s = &o->spec;
    float r = (float)rate, epsilon = (float)s->epsilon;
    double norm = clip(o, g);
    if (!isfinite(norm))
        return norm;
    decay(o, w, g, rate);
    o->steps++;
    switch (s->kind) {
    case OPTIMISER_SGD: num_step_sgd(o->count, w, g, o->state, r, (float)s->momentum); break;
    case OPTIMISER_ADAGRAD: num_step_adagrad(o->count, w, g, o->state, r, epsilon); break;
    case OPTIMISER_RMSPROP: num_step_rmsprop(o->count, w, g, o->state, r, (float)s->beta2, epsilon); break;
    case OPTIMISER_ADAM:
    case OPTIMISER_ADAMW: step_adam(o, w, g, rate); break;
    }
    return norm;
}

size_t optimiser_state_count(const Optimiser *o) { return o->count * kinds[o->spec.kind].arrays; }
float *optimiser_state(Optimiser *o) { return o->state; }
uint64_t optimiser_steps(const Optimiser *o) { return o->steps; }
void optimiser_set_steps(Optimiser *o, uint64_t steps) { o->steps = steps; }
