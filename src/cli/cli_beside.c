/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_beside.c: what stands beside a measured value, so that a reader knows what to make of it: the band that was expected, the
 * error and the effective sample size of an importance estimate, and bounds that fall where none can.
 */
#include "cli/cli_compare.h"
#include "cli/cli_query.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double last_value(const CliValue *value, size_t count, const char *seed, const char *metric)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(value[i].metric, metric) == 0 && strcmp(value[i].seed, seed) == 0)
            return value[i].value;
    return NAN;
}

/* ---- what was expected ----------------------------------------------------------------------------------------------- */

/* The claims of the experiment's latest sweep that speak of this metric of this configuration. */
static const char expected_sql[] =
    "SELECT count(*), max(c.low), min(c.high), group_concat(DISTINCT c.source) FROM claim c JOIN sweep w ON w.id = c.sweep "
    "JOIN experiment e ON e.id = w.experiment WHERE e.name = ?1 AND c.configuration = ?2 AND c.metric = ?3 AND c.sweep = "
    "(SELECT max(d.sweep) FROM claim d JOIN sweep x ON x.id = d.sweep WHERE x.experiment = w.experiment AND d.configuration = ?2 "
    "AND d.metric = ?3)";

static int take_expected(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CliExpected *e = context;
    (void)columns, (void)names;
    e->claims = (size_t)v[0].integer;
    e->low = v[1].type == STORE_NULL ? NAN : v[1].real;
    e->high = v[2].type == STORE_NULL ? NAN : v[2].real;
    snprintf(e->source, sizeof e->source, "%s", v[3].type == STORE_TEXT ? (const char *)v[3].bytes : "");
    return 0;
}

int cli_expected_read(CliExpected *e, Store *s, const CliConfig *c, const char *metric, Error *err)
{
    const StoreValue args[] = {cli_text_value(c->experiment), cli_text_value(c->configuration), cli_text_value(metric)};
    *e = (CliExpected){.low = NAN, .high = NAN};
    return store_query(s, expected_sql, args, 3, take_expected, e, err);
}

int cli_expected_has(const CliExpected *e, double value)
{
    return !(value < e->low) && !(value > e->high); /* a side that is open is NaN, and compares as neither */
}

/* ---- an importance estimate's own error ------------------------------------------------------------------------------ */

/* "test/nll", "_se" gives "test/nll_se"; with "ess" in place of the last word "test/ess". */
static void sibling(char *name, size_t size, const char *metric, const char *word)
{
    const char *slash = strrchr(metric, '/');
    snprintf(name, size, "%.*s%s", slash == NULL ? 0 : (int)(slash + 1 - metric), metric, word);
}

static double mean_over_seeds(const CliConfig *c, const char *metric)
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

CliEstimate cli_estimate_of(const CliConfig *c, const char *metric)
{
    char name[128];
    CliEstimate e = {.ess = NAN};
    snprintf(name, sizeof name, "%s_se", metric);
    e.se = mean_over_seeds(c, name);
    const char *slash = strrchr(metric, '/');
    if (slash != NULL && strcmp(slash, "/nll") == 0) {
        sibling(name, sizeof name, metric, "ess");
        e.ess = mean_over_seeds(c, name);
        e.draws = isnan(e.ess) ? 0 : c->draws;
    }
    return e;
}

/* ---- bounds that fall ------------------------------------------------------------------------------------------------ */

/* The draws of "estimate/iwae_50", and of its sibling "importance", which has them all: without end; 0 for other metrics. */
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

static int same_family(const char *a, const char *b)
{
    size_t n = (size_t)(strrchr(a, '/') == NULL ? 0 : strrchr(a, '/') - a);
    return strncmp(a, b, n) == 0 && (strrchr(b, '/') == NULL ? 0 : (size_t)(strrchr(b, '/') - b)) == n;
}

/* The bound of the next fewer draws in the same run, or NULL. */
static const CliValue *below(const CliValue *value, size_t count, const CliValue *of)
{
    const CliValue *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const CliValue *v = &value[i];
        double k = draws_of(v->metric);
        if (k > 0 && k < draws_of(of->metric) && strcmp(v->seed, of->seed) == 0 && same_family(v->metric, of->metric) &&
            (best == NULL || k > draws_of(best->metric)))
            best = v;
    }
    return best;
}

/* Keeps a fall that is beyond the noise and worse than the one that is known; the worst is the one of most standard errors. */
static void consider(CliFall *worst, const char *of, const char *from, const char *seed, double by, double se)
{
    if (!(by > CLI_FALL_ERRORS * se) || by <= worst->by / worst->se * se)
        return;
    *worst = (CliFall){.by = by, .se = se};
    snprintf(worst->of, sizeof worst->of, "%s", of);
    snprintf(worst->from, sizeof worst->from, "%s", from);
    snprintf(worst->seed, sizeof worst->seed, "%s", seed);
}

/* From one number of draws to the next.  Both are means over the same examples, so that the noise is that of the differences:
 * recorded as …_rise_se, or, in older records, at most the sum of the two biases' errors. */
static void consider_draws(CliFall *worst, const CliValue *value, size_t count, const CliValue *of)
{
    char name[128];
    const CliValue *from = below(value, count, of);
    if (from == NULL)
        return;
    snprintf(name, sizeof name, "%s_rise_se", of->metric);
    double se = last_value(value, count, of->seed, name);
    if (isnan(se)) {
        snprintf(name, sizeof name, "%s_bias_se", of->metric);
        se = last_value(value, count, of->seed, name);
        snprintf(name, sizeof name, "%s_bias_se", from->metric);
        se += last_value(value, count, of->seed, name);
    }
    consider(worst, of->metric, from->metric, of->seed, from->value - of->value, se);
}

/* -test/nll is the bound of many draws, test/elbo that of one.  test/nll may be of fewer examples, for which its error allows. */
static void consider_nll(CliFall *worst, const CliValue *value, size_t count, const CliValue *nll)
{
    double elbo = last_value(value, count, nll->seed, "test/elbo");
    consider(worst, "-test/nll", "test/elbo", nll->seed, elbo + nll->value, last_value(value, count, nll->seed, "test/nll_se"));
}

int cli_fall_find(CliFall *worst, const CliValue *value, size_t count)
{
    *worst = (CliFall){.se = 1};
    for (size_t i = 0; i < count; i++) {
        if (draws_of(value[i].metric) > 0)
            consider_draws(worst, value, count, &value[i]);
        else if (strcmp(value[i].metric, "test/nll") == 0)
            consider_nll(worst, value, count, &value[i]);
    }
    return worst->of[0] != '\0';
}

void cli_fall_spell(char *text, size_t size, const CliFall *f)
{
    snprintf(text, size, "%s is %.3g below %s, by %.1f standard errors (seed %s): an expected bound cannot fall as draws grow, so the "
             "evaluation is wrong", f->of, f->by, f->from, f->by / f->se, f->seed);
}
