/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/estimates.c: how far an estimate may be trusted: its standard error and effective sample size, and bounds that
 * fall, or lie on the wrong side of the exact value or of each other, although they cannot.
 */
#include "cli/configurations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double last_value(const CliConfiguration *c, const char *seed, const char *metric)
{
    for (size_t i = 0; i < c->values; i++)
        if (strcmp(c->value[i].metric, metric) == 0 && strcmp(c->value[i].seed, seed) == 0)
            return c->value[i].value;
    return NAN;
}

/* ---- an importance estimate's own error ------------------------------------------------------------------------- */

static double mean_over_seeds(const CliConfiguration *c, const char *metric)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->values; i++)
        if (strcmp(c->value[i].metric, metric) == 0 && isfinite(c->value[i].value)) {
            sum += c->value[i].value;
            n++;
        }
    return n == 0 ? NAN : sum / (double)n;
}

CliEstimate cli_estimate_of(const CliConfiguration *c, const char *metric)
{
    char name[128];
    CliEstimate e = {.ess = NAN};
    const char *slash = strrchr(metric, '/');
    snprintf(name, sizeof name, "%s_se", metric);
    e.se = mean_over_seeds(c, name);
    if (slash != NULL && strcmp(slash, "/nll") == 0) { /* test/nll has test/ess */
        snprintf(name, sizeof name, "%.*s/ess", (int)(slash - metric), metric);
        e.ess = mean_over_seeds(c, name);
        e.draws = isnan(e.ess) ? 0 : c->draws;
    }
    return e;
}

/* ---- bounds that fall, or cross ---------------------------------------------------------------------------------- */

/* The number of draws of the bound "estimate/iwae_50"; infinity for "estimate/importance", which uses all; 0 for
 * other metrics. */
static double draws_of(const char *metric)
{
    const char *slash = strrchr(metric, '/'), *word = slash == NULL ? metric : slash + 1;
    char *end;
    if (strcmp(word, "importance") == 0)
        return INFINITY;
    if (strncmp(word, "iwae_", 5) != 0)
        return 0;
    long k = strtol(word + 5, &end, 10);
    return end != word + 5 && *end == '\0' && k > 0 ? (double)k : 0;
}

/* Whether both names agree up to their last slash. */
static int same_family(const char *a, const char *b)
{
    const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
    size_t n = slash_a == NULL ? 0 : (size_t)(slash_a - a);
    return n == (slash_b == NULL ? 0 : (size_t)(slash_b - b)) && strncmp(a, b, n) == 0;
}

/* The bound of the next fewer draws in the same run, or NULL. */
static const CliValue *of_fewer_draws(const CliConfiguration *c, const CliValue *of)
{
    const CliValue *best = NULL;
    for (size_t i = 0; i < c->values; i++) {
        const CliValue *v = &c->value[i];
        double k = draws_of(v->metric);
        if (k > 0 && k < draws_of(of->metric) && strcmp(v->seed, of->seed) == 0 && same_family(v->metric, of->metric) &&
            (best == NULL || k > draws_of(best->metric)))
            best = v;
    }
    return best;
}

/* `of` lies below `from` in the same run, although its expectation does not; nats per example. */
typedef struct BoundFall {
    const char *of, *from, *seed, *why;
    double by, se;
} BoundFall;

static const char FALLS[] = "an expected bound cannot fall as draws grow",
                  CROSSES[] = "in expectation a lower bound is not above, an upper one not below";

/* Keeps a fall that is beyond the noise and worse, in standard errors, than the worst so far. */
static void consider(BoundFall *worst, BoundFall fall)
{
    enum { ERRORS = 3 };
    if (fall.by > ERRORS * fall.se && (worst->of == NULL || fall.by * worst->se > worst->by * fall.se))
        *worst = fall;
}

/* From one number of draws to the next.  Both are means over the same examples, so that the noise is that of their
 * differences: recorded as …_rise_se, or, in older records, at most the sum of the errors of the two biases. */
static void consider_draws(BoundFall *worst, const CliConfiguration *c, const CliValue *of)
{
    char name[128];
    const CliValue *from = of_fewer_draws(c, of);
    if (from == NULL)
        return;
    snprintf(name, sizeof name, "%s_rise_se", of->metric);
    double se = last_value(c, of->seed, name);
    if (isnan(se)) {
        snprintf(name, sizeof name, "%s_bias_se", of->metric);
        se = last_value(c, of->seed, name);
        snprintf(name, sizeof name, "%s_bias_se", from->metric);
        se += last_value(c, of->seed, name);
    }
    consider(worst, (BoundFall){of->metric, from->metric, of->seed, FALLS, from->value - of->value, se});
}

/* -test/nll is the bound of many draws, test/elbo that of one.  test/nll may be of fewer examples; its standard error
 * allows for it. */
static void consider_nll(BoundFall *worst, const CliConfiguration *c, const CliValue *nll)
{
    double elbo = last_value(c, nll->seed, "test/elbo");
    double se = last_value(c, nll->seed, "test/nll_se");
    consider(worst, (BoundFall){"-test/nll", "test/elbo", nll->seed, FALLS, elbo + nll->value, se});
}

/* lower <= exact <= upper, as far as the run has them: the differences are recorded with their standard errors. */
static void consider_exact(BoundFall *worst, const CliConfiguration *c, const CliValue *exact)
{
    static const char *const lower[] = {"estimate/elbo", "estimate/iwae_1", "estimate/iwae_5", "estimate/iwae_50",
                                        "estimate/importance", "estimate/ais_forward"};
    char name[128];
    for (size_t i = 0; i < sizeof lower / sizeof lower[0]; i++) {
        snprintf(name, sizeof name, "%s_bias_se", lower[i]);
        double se = last_value(c, exact->seed, name), above = last_value(c, exact->seed, lower[i]) - exact->value;
        consider(worst, (BoundFall){exact->metric, lower[i], exact->seed, CROSSES, above, se});
    }
    double below = exact->value - last_value(c, exact->seed, "estimate/ais_reverse"),
           se = last_value(c, exact->seed, "estimate/ais_reverse_bias_se");
    consider(worst, (BoundFall){"estimate/ais_reverse", exact->metric, exact->seed, CROSSES, below, se});
}

static void consider_annealing(BoundFall *worst, const CliConfiguration *c, const CliValue *gap)
{
    double se = last_value(c, gap->seed, "estimate/ais_gap_se");
    consider(worst, (BoundFall){"estimate/ais_reverse", "estimate/ais_forward", gap->seed, CROSSES, -gap->value, se});
}

int cli_falling_bound(char *text, size_t size, const CliConfiguration *c)
{
    BoundFall worst = {0};
    for (size_t i = 0; i < c->values; i++) {
        if (draws_of(c->value[i].metric) > 0)
            consider_draws(&worst, c, &c->value[i]);
        else if (strcmp(c->value[i].metric, "test/nll") == 0)
            consider_nll(&worst, c, &c->value[i]);
        else if (strcmp(c->value[i].metric, "estimate/exact") == 0)
            consider_exact(&worst, c, &c->value[i]);
        else if (strcmp(c->value[i].metric, "estimate/ais_gap") == 0)
            consider_annealing(&worst, c, &c->value[i]);
    }
    text[0] = '\0';
    if (worst.of == NULL)
        return 0;
    snprintf(text, size, "%s is %.3g below %s, by %.1f standard errors (seed %s): %s, so the evaluation is wrong", worst.of,
             worst.by, worst.from, worst.by / worst.se, worst.seed, worst.why);
    return 1;
}
