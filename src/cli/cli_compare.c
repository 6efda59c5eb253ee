/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_compare.c: `vae-lab compare`: configurations side by side.  A configuration is a set of runs that differ
 * by their seed alone.
 *
 * Promise: only runs that are done count; the command counts those that do not, and those with a failed evaluation.
 */
#include "cli/cli.h"
#include "cli/configurations.h"

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "num/fpenv.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { METRICS = 32, SEEDS_ENOUGH = 3 };

static const char *wanted[METRICS]; /* --metric */
static size_t nwanted;

static const CliOption options[] = {
    {.name = "--metric,-m", .value = "NAME", .list = wanted, .list_count = &nwanted, .list_max = METRICS,
     .help = "this metric instead of the usual ones; may be repeated"},
    CLI_OPTION_JSON("one row per configuration and metric, every digit, with the differences, as JSON"),
    CLI_OPTION_CSV,
    CLI_OPTION_DB,
    {0},
};

/* One metric of one configuration. */
typedef struct MetricSummary {
    const char *metric;
    int decimals;
    size_t not_finite;        /* values left out of the mean */
    StatsInterval mean;       /* over the seeds, on the metric's scale */
    StatsScale scale;
    StatsInterval difference; /* from the first configuration, seed by seed */
    double p;                 /* of the paired t test; NaN: too few seeds */
    CliEstimate estimate;
    StoreBand expected; /* by the experiment's claims */
    StatsVerdictKind verdict; /* on that band */
} MetricSummary;

typedef struct Comparison {
    CliConfigurations of;
    const char *metric[METRICS];
    size_t metrics;
    MetricSummary *summary; /* (configurations, metrics) */
} Comparison;

static MetricSummary *at(const Comparison *c, size_t configuration, size_t metric)
{
    return &c->summary[configuration * c->metrics + metric];
}

/* The letter of the configuration that c->summary[k] belongs to. */
static const char *letter_of(const Comparison *c, size_t k)
{
    return c->of.list[k / c->metrics].letter;
}

/* ---- which metrics ---------------------------------------------------------------------------------------------- */

/* The recorded metric that is most like `metric`, itself where it is recorded; NULL where none is alike. */
static const char *nearest_metric(const CliConfigurations *of, const char *metric)
{
    const char *nearest = NULL;
    for (size_t i = 0; i < of->count; i++)
        for (size_t j = 0; j < of->list[i].values; j++) {
            const char *both[2] = {of->list[i].value[j].metric, nearest};
            const char *found = text_nearest(metric, both, nearest == NULL ? 1 : 2);
            nearest = found != NULL ? found : nearest;
        }
    return nearest;
}

static int choose_metrics(Comparison *c, Error *err)
{
    static const char *const usual[] = {"test/elbo", "test/reconstruction", "test/kl", "test/nll"};
    const char *const *from = nwanted > 0 ? wanted : usual;
    for (size_t i = 0; i < (nwanted > 0 ? nwanted : 4); i++) {
        const char *nearest = nearest_metric(&c->of, from[i]);
        if (nearest != NULL && strcmp(nearest, from[i]) == 0) {
            c->metric[c->metrics++] = from[i];
        } else if (nwanted > 0) {
            error_set(err, ERR_USAGE, "none of these runs has a metric '%s'", from[i]);
            return nearest != NULL ? error_hint(err, "did you mean '%s'?", nearest)
                                   : error_hint(err, "vae-lab sql \"SELECT name FROM metric_name\" lists them");
        }
    }
    return 0;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Two decimals for nats and numbers of at least 10, four for small ones (a share, a spread). */
static int decimals_of(const CliConfigurations *of, const char *metric)
{
    static const char *const nats[] = {"/elbo", "/reconstruction", "/kl", "/nll"};
    const char *slash = strrchr(metric, '/');
    for (size_t i = 0; i < sizeof nats / sizeof nats[0] && slash != NULL; i++)
        if (strcmp(slash, nats[i]) == 0)
            return 2;
    for (size_t i = 0; i < of->count; i++)
        for (size_t j = 0; j < of->list[i].values; j++)
            if (strcmp(of->list[i].value[j].metric, metric) == 0 && fabs(of->list[i].value[j].value) >= 10)
                return 2;
    return 4;
}

/* Numbers of one metric of one configuration, one a seed. */
typedef struct Numbers {
    double *value, *trials, *difference;
    size_t n, counted, pairs; /* counted: how many are shares with known trials */
} Numbers;

/* The trials of a share, METRIC_n; NaN where they are not recorded. */
static double trials_of(const CliConfiguration *c, const char *metric, const char *seed)
{
    char name[sizeof c->value->metric + 2];
    snprintf(name, sizeof name, "%s_n", metric);
    const CliValue *v = cli_finite_value(c, name, seed);
    return v == NULL ? (double)NAN : v->value;
}

/* [OUT] x: the values of c, and their differences from `first`, seed by seed. */
static void collect(MetricSummary *m, const CliConfiguration *first, const CliConfiguration *c, Numbers *x)
{
    for (size_t i = 0; i < c->values; i++) {
        const CliValue *v = &c->value[i];
        if (strcmp(v->metric, m->metric) != 0)
            continue;
        if (!isfinite(v->value)) {
            m->not_finite++;
            continue;
        }
        const CliValue *other = cli_finite_value(first, m->metric, v->seed);
        m->scale = v->scale;
        x->trials[x->n] = trials_of(c, m->metric, v->seed);
        x->counted += !isnan(x->trials[x->n]);
        x->value[x->n++] = v->value;
        if (other != NULL)
            x->difference[x->pairs++] = v->value - other->value;
    }
}

static void summarise(MetricSummary *m, const Numbers *x)
{
    const StatsSample sample = {.value = x->value, .n = x->n, .scale = m->scale,
                                .trials = x->n > 0 && x->counted == x->n ? x->trials : NULL};
    m->mean = stats_sample_interval(&sample, 0.95);
    m->difference = stats_paired(x->difference, x->pairs, 0.95, &m->p);
    m->verdict = stats_verdict(&sample, m->expected.low, m->expected.high, 0.95).kind;
}

static int compute(Comparison *c, Store *s, Error *err)
{
    size_t most = 1;
    int status = 0;
    for (size_t i = 0; i < c->of.count; i++)
        most = c->of.list[i].values > most ? c->of.list[i].values : most;
    double *scratch = mem_array(3 * most, sizeof *scratch);
    c->summary = mem_array(c->of.count * c->metrics + 1, sizeof *c->summary);
    if (scratch == NULL || c->summary == NULL)
        status = error_memory(err, "a comparison");
    for (size_t k = 0; status == 0 && k < c->of.count * c->metrics; k++) {
        const CliConfiguration *of = &c->of.list[k / c->metrics];
        Numbers x = {.value = scratch, .trials = scratch + most, .difference = scratch + 2 * most};
        MetricSummary *m = &c->summary[k];
        m->metric = c->metric[k % c->metrics];
        m->decimals = decimals_of(&c->of, m->metric);
        m->estimate = cli_estimate_of(of, m->metric);
        status = store_expected(s, of->is.experiment, of->is.configuration, m->metric, &m->expected, err);
        num_fpenv_set(); /* SQLite was called */
        collect(m, &c->of.list[0], of, &x);
        summarise(m, &x);
    }
    mem_free(scratch);
    return status;
}

/* ---- for people ------------------------------------------------------------------------------------------------- */

/* "-104.21 ± 0.32"; "0.0012 (0.0004 to 0.0038)" where the interval is not symmetric */
static void spell_interval(char *text, size_t size, StatsInterval v, int decimals)
{
    num_fpenv_set();
    double half = (v.high - v.low) / 2, middle = (v.high + v.low) / 2;
    if (v.n == 0)
        snprintf(text, size, "-");
    else if (!isfinite(half))
        snprintf(text, size, "%.*f", decimals, v.mean);
    else if (fabs(middle - v.mean) <= 0.05 * half)
        snprintf(text, size, "%.*f ± %.*f", decimals, v.mean, decimals, half);
    else
        snprintf(text, size, "%.4g (%.4g to %.4g)", v.mean, v.low, v.high);
}

static int print_means(const Comparison *c, Error *err)
{
    const char *columns[METRICS + 5] = {"", "experiment", "label", "data", "seeds"};
    memcpy(columns + 5, c->metric, c->metrics * sizeof columns[0]);
    CliTable *t = cli_table_alloc(CLI_TEXT, columns, 5 + c->metrics);
    for (size_t i = 0; i < c->of.count; i++) {
        const StoreConfiguration *is = &c->of.list[i].is;
        cli_table_text(t, c->of.list[i].letter);
        cli_table_text(t, is->experiment);
        cli_table_text(t, is->label);
        cli_table_text(t, is->data);
        cli_table_integer(t, is->done);
        for (size_t k = 0; k < c->metrics; k++) {
            char text[64];
            const MetricSummary *m = at(c, i, k);
            spell_interval(text, sizeof text, m->mean, m->decimals);
            if (m->not_finite > 0)
                snprintf(text + strlen(text), sizeof text - strlen(text), " (%zu not finite)", m->not_finite);
            cli_table_text(t, text);
        }
    }
    return cli_table_print(t, "means over seeds, and 95 % intervals", err);
}

/* Prints a table below an empty line; nothing where it has no rows. */
static int print_below(CliTable *t, const char *title, Error *err)
{
    if (cli_table_is_empty(t)) {
        cli_table_free(t);
        return 0;
    }
    putchar('\n');
    return cli_table_print(t, title, err);
}

static int print_differences(const Comparison *c, Error *err)
{
    static const char *const columns[] = {"", "metric", "seeds", "difference", "p"};
    CliTable *t = cli_table_alloc(CLI_TEXT, columns, 5);
    for (size_t k = c->metrics; k < c->of.count * c->metrics; k++) {
        const MetricSummary *m = &c->summary[k];
        char text[64];
        if (m->difference.n == 0)
            continue;
        snprintf(text, sizeof text, "%s - A", letter_of(c, k));
        cli_table_text(t, text);
        cli_table_text(t, m->metric);
        cli_table_integer(t, (long long)m->difference.n);
        spell_interval(text, sizeof text, m->difference, m->decimals);
        cli_table_text(t, text);
        cli_table_number_or_null(t, m->p, m->p < 0.001 ? CLI_DIGITS : 4);
    }
    return print_below(t, "differences from A, seed by seed, and the paired t test", err);
}

/* "-700 to -100", "at least 5" */
static void spell_band(char *text, size_t size, const StoreBand *b)
{
    if (isnan(b->low))
        snprintf(text, size, "at most %.6g", b->high);
    else if (isnan(b->high))
        snprintf(text, size, "at least %.6g", b->low);
    else
        snprintf(text, size, "%.6g to %.6g", b->low, b->high);
}

/* Lines, not a table: a source may be long, and a narrow terminal must not lose it. */
static void print_expected(const Comparison *c)
{
    int lines = 0;
    for (size_t k = 0; k < c->of.count * c->metrics; k++) {
        const MetricSummary *m = &c->summary[k];
        char measured[64], band[64];
        if (m->expected.claims == 0 || m->mean.n == 0)
            continue;
        if (lines++ == 0) {
            putchar('\n');
            cli_heading("expected, by the experiment's claims");
        }
        spell_interval(measured, sizeof measured, m->mean, m->decimals);
        spell_band(band, sizeof band, &m->expected);
        printf("%s  %s  %s, expected %s: %s\n", letter_of(c, k), m->metric, measured, band, stats_verdicts[m->verdict]);
        if (m->expected.source[0] != '\0') {
            fputs("   ", stdout);
            terminal_print(stdout, m->expected.source);
            putchar('\n');
        }
    }
}

static void add_draws(CliTable *t, const MetricSummary *m)
{
    if (m->estimate.draws > 0)
        cli_table_integer(t, m->estimate.draws);
    else
        cli_table_null(t);
}

/* Estimates that have a standard error over the examples. */
static int print_estimates(const Comparison *c, Error *err)
{
    static const char *const columns[] = {"", "metric", "mean", "error", "ess", "draws"};
    CliTable *t = cli_table_alloc(CLI_TEXT, columns, 6);
    for (size_t k = 0; k < c->of.count * c->metrics; k++) {
        const MetricSummary *m = &c->summary[k];
        if (isnan(m->estimate.se))
            continue;
        cli_table_text(t, letter_of(c, k));
        cli_table_text(t, m->metric);
        cli_table_number(t, m->mean.mean, m->decimals);
        cli_table_number(t, m->estimate.se, m->decimals);
        cli_table_number_or_null(t, m->estimate.ess, 1);
        add_draws(t, m);
    }
    return print_below(t, "standard error over the examples; effective sample size of the draws", err);
}

/* ---- the settings that differ ----------------------------------------------------------------------------------- */

typedef struct SettingRows {
    CliTable *table;
    size_t columns, next; /* the next cell of the row; 0: no row is open */
    char name[128];
} SettingRows;

static void fill_row(SettingRows *r, size_t upto)
{
    for (; r->next > 0 && r->next < upto; r->next++)
        cli_table_null(r->table);
}

/* name, i, value */
static int take_setting(void *context, int columns, const char *const *names, const StoreValue *v)
{
    SettingRows *r = context;
    size_t cell = (size_t)v[1].integer + 1;
    (void)columns, (void)names;
    if (r->next == 0 || strcmp(r->name, store_text_of(&v[0])) != 0) {
        fill_row(r, r->columns);
        snprintf(r->name, sizeof r->name, "%s", store_text_of(&v[0]));
        cli_table_text(r->table, store_text_of(&v[0]));
        r->next = 1;
    }
    fill_row(r, cell);
    if (cell < r->next)
        return 0; /* a second leaf of that name */
    cli_table_text(r->table, v[2].type == STORE_TEXT ? v[2].bytes : NULL);
    r->next = cell + 1;
    return 0;
}

/* A reader of what differs between configurations. */
typedef int (*DifferencesReader)(Store *s, const StoreConfiguration *const *c, size_t n, StoreRow row, void *context,
                                 Error *err);

static int print_what_differs(const Comparison *c, Store *s, const char *title, DifferencesReader read, Error *err)
{
    size_t n = c->of.count;
    const char **columns = mem_array(n + 1, sizeof *columns);
    const StoreConfiguration **is = mem_array(n, sizeof *is);
    int status = columns == NULL || is == NULL ? error_memory(err, "settings") : 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        columns[i + 1] = c->of.list[i].letter;
        is[i] = &c->of.list[i].is;
    }
    if (status == 0) {
        columns[0] = title;
        SettingRows rows = {.table = cli_table_alloc(CLI_TEXT, columns, n + 1), .columns = n + 1};
        status = read(s, is, n, take_setting, &rows, err);
        fill_row(&rows, rows.columns);
        if (status == 0)
            status = print_below(rows.table, NULL, err);
        else
            cli_table_free(rows.table);
    }
    mem_free(columns);
    mem_free(is);
    return status;
}

static int print_settings(const Comparison *c, Store *s, Error *err)
{
    return print_what_differs(c, s, "settings that differ", store_configuration_differences, err) != 0 ||
                   print_what_differs(c, s, "machine, program and texts that differ", store_configuration_origins, err) != 0
               ? -1
               : 0;
}

/* ---- warnings --------------------------------------------------------------------------------------------------- */

/* The fewest seeds that one of the metrics has. */
static size_t fewest_seeds(const Comparison *c, size_t configuration)
{
    size_t fewest = (size_t)c->of.list[configuration].is.done;
    for (size_t k = 0; k < c->metrics; k++) {
        size_t n = at(c, configuration, k)->mean.n;
        fewest = n > 0 && n < fewest ? n : fewest;
    }
    return fewest;
}

static void warn(const Comparison *c)
{
    int few = 0;
    for (size_t i = 0; i < c->of.count; i++) {
        const StoreConfiguration *is = &c->of.list[i].is;
        if (is->runs > is->done + is->repeated)
            fprintf(stderr, "%s (%s): %d of %d runs do not count: %d diverged, %d not done\n",
                    c->of.list[i].letter, is->label, is->runs - is->done - is->repeated, is->runs, is->diverged,
                    is->runs - is->done - is->repeated - is->diverged);
        if (is->repeated > 0)
            fprintf(stderr, "%s (%s): %d of %d runs do not count: a later run has the same seed\n",
                    c->of.list[i].letter, is->label, is->repeated, is->runs);
        if (is->unevaluated > 0)
            fprintf(stderr,
                    "%s (%s): %d of %d runs have a failed evaluation: its values are missing, or of an earlier one\n",
                    c->of.list[i].letter, is->label, is->unevaluated, is->done + is->repeated);
    }
    for (size_t i = 0; i < c->of.count; i++) {
        size_t seeds = fewest_seeds(c, i);
        if (seeds < SEEDS_ENOUGH)
            fprintf(stderr, few++ == 0 ? "warning: fewer than 3 seeds: %s (%zu)" : ", %s (%zu)",
                    c->of.list[i].letter, seeds);
    }
    if (few > 0)
        fprintf(stderr, "; intervals and p-values are unreliable\n");
    for (size_t i = 0; i < c->of.count; i++) {
        char text[400];
        if (cli_falling_bound(text, sizeof text, &c->of.list[i]))
            fprintf(stderr, "warning: %s: %s\n", c->of.list[i].letter, text);
    }
}

/* The warnings that concern one row of JSON or CSV. */
static void add_warning(CliTable *t, const CliConfiguration *c, size_t seeds)
{
    char text[500] = "", falling[400];
    if (seeds > 0 && seeds < SEEDS_ENOUGH)
        snprintf(text, sizeof text, seeds == 1 ? "one seed: no interval" : "two seeds: the interval is unreliable");
    if (cli_falling_bound(falling, sizeof falling, c))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] != '\0' ? "; " : "", falling);
    cli_table_text(t, text[0] != '\0' ? text : NULL);
}

/* ---- for programs ----------------------------------------------------------------------------------------------- */

static void add_interval(CliTable *t, const double *number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cli_table_number_or_null(t, number[i], CLI_SHORTEST);
}

static void add_row(CliTable *t, const CliConfiguration *c, const MetricSummary *m, size_t configuration)
{
    const StatsInterval *v = &m->mean, *d = &m->difference;
    const double none[4] = {NAN, NAN, NAN, NAN};
    cli_table_text(t, c->letter);
    cli_table_text(t, c->is.experiment);
    cli_table_text(t, c->is.label);
    cli_table_text(t, c->is.data);
    cli_table_text(t, m->metric);
    cli_table_integer(t, (long long)v->n);
    add_interval(t, (const double[]){v->mean, v->sd, v->low, v->high}, 4);
    cli_table_integer(t, (long long)m->not_finite);
    cli_table_integer(t, configuration == 0 ? 0 : (long long)d->n);
    add_interval(t, configuration == 0 ? none : (const double[]){d->mean, d->low, d->high, m->p}, 4);
    cli_table_integer(t, c->is.runs);
    cli_table_integer(t, c->is.diverged);
    cli_table_text(t, c->is.configuration);
    add_interval(t, (const double[]){m->estimate.se, m->estimate.ess}, 2);
    add_draws(t, m);
    add_interval(t, (const double[]){m->expected.low, m->expected.high}, 2);
    int judged = m->expected.claims > 0 && v->n > 0;
    if (judged && m->verdict != STATS_UNDECIDED)
        cli_table_integer(t, m->verdict == STATS_HOLDS);
    else
        cli_table_null(t);
    cli_table_text(t, m->expected.source[0] != '\0' ? m->expected.source : NULL);
    add_warning(t, c, v->n);
    cli_table_integer(t, c->is.unevaluated);
    cli_table_text(t, judged ? stats_verdicts[m->verdict] : NULL);
    cli_table_text(t, stats_scales[m->scale]);
}

/* One row per configuration and metric. */
static int print_rows(const Comparison *c, Error *err)
{
    static const char *const columns[] = {
        "configuration", "experiment", "label", "data", "metric", "seeds", "mean", "sd", "ci_low", "ci_high",
        "not_finite", "paired_seeds", "difference", "difference_low", "difference_high", "p", "runs", "diverged",
        "digest", "standard_error", "effective_sample_size", "draws", "expected_low", "expected_high", "inside",
        "source", "warning", "failed_evaluations", "verdict", "scale"};
    CliTable *t = cli_table_alloc(cli_format(), columns, sizeof columns / sizeof columns[0]);
    for (size_t k = 0; k < c->of.count * c->metrics; k++)
        add_row(t, &c->of.list[k / c->metrics], &c->summary[k], k / c->metrics);
    return cli_table_print(t, NULL, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int print_text(const Comparison *c, Store *s, Error *err)
{
    if (print_means(c, err) != 0 || print_differences(c, err) != 0)
        return -1;
    print_expected(c);
    return print_estimates(c, err) != 0 || (c->of.count > 1 && print_settings(c, s, err) != 0) ? -1 : 0;
}

static int compare(int operands, char **operand, Error *err)
{
    Comparison c = {.metrics = 0};
    Store *s = cli_open(err);
    int status = s == NULL ? -1 : cli_configurations_read(&c.of, s, operand, operands, err);
    if (status == 0 && c.of.count == 0) {
        fprintf(stderr, "no sweep is recorded in %s\n", store_path(s));
        fputs(cli_format() == CLI_JSON ? "[]\n" : "", stdout);
    } else if (status == 0) {
        status = choose_metrics(&c, err) != 0 || compute(&c, s, err) != 0 ? -1
                 : cli_format() == CLI_TEXT                               ? print_text(&c, s, err)
                                                                          : print_rows(&c, err);
        fflush(stdout);
        if (status == 0)
            warn(&c);
    }
    mem_free(c.summary);
    cli_configurations_free(&c.of);
    store_close(s);
    return status;
}

const CliCommand cli_compare = {
    .name = "compare", .arguments = "[A B …]",
    .summary = "configurations side by side: means over seeds, intervals, paired differences",
    .options = options, .run = compare,
    .notes = "A, B … are numbers of runs (each stands for all seeds of its configuration), labels, experiments, or\n"
             "EXPERIMENT/LABEL; without them the configurations of the latest sweep are compared.  Printed are\n"
             "the mean over seeds of the last value and its 95 % interval, by Student's t on the metric's scale:\n"
             "the logarithm for positive quantities, the logit for those between 0 and 1; the mean difference from\n"
             "the first configuration, seed by seed, with the p-value of the paired t test; the band that the\n"
             "experiment's claims expect, and the verdict; for an importance estimate its standard error over\n"
             "the examples and its effective sample size; the settings that differ; and what differs in the\n"
             "machine, the program and the texts of the script and its modules.  The usual metrics are test/elbo,\n"
             "test/reconstruction, test/kl and test/nll, in nats per example.  Warnings: fewer than 3 seeds; a\n"
             "bound on log p(x) that falls as draws grow, which shows a mistake in its evaluation.\n"
             "\n"
             "example: vae-lab compare kl_ablation/beta=0 kl_ablation/beta=1 --metric latent/spread\n",
};
