/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_compare.c: `vae-lab compare`, configurations side by side.  A configuration is what differs by its seed alone.
 *
 * Promise: only runs that are done count, and what does not count is said.
 */
#include "cli/cli_compare.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include "base/mem.h"
#include "base/text.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char cli_compare_help[] =
    "  --metric NAME   this metric instead of the usual ones; may be repeated\n"
    "  --json, --csv   one row a configuration and metric, every digit, with the differences\n"
    "  --db FILE       the database (VAE_LAB_DB, results/results.db)\n"
    "\n"
    "A, B … are numbers of runs (each stands for all seeds of its configuration), labels, experiments,\n"
    "or EXPERIMENT/LABEL; without them the configurations of the latest sweep are compared.  Printed are\n"
    "the mean over seeds of the last value ± half of Student's 95 % interval; the mean of the differences\n"
    "from the first configuration, seed by seed, with the p value of the paired t test; the band that the\n"
    "experiment's claims expect; of an importance estimate its standard error over the examples and the\n"
    "effective sample size; and the settings that differ.  The usual metrics are test/elbo,\n"
    "test/reconstruction, test/kl and test/nll, in nats per example.  It warns of fewer than 3 seeds, and of\n"
    "a bound on log p(x) that falls as draws grow, which shows a mistake in its evaluation.\n"
    "\n"
    "example: vae-lab compare kl_ablation/beta=0 kl_ablation/beta=1 --metric latent/spread\n";

enum { METRICS = 32, LEVEL_PERCENT = 95 };

typedef struct Choice {
    const char *metric[METRICS];
    size_t count;
} Choice;

/* ---- statistics ------------------------------------------------------------------------------------------------------ */

/* [OUT] x: the finite values of a metric, at most `max`; how many of its values are not finite in *bad. */
static size_t values_of(double *x, size_t max, const CliConfig *c, const char *metric, size_t *bad)
{
    size_t n = 0;
    *bad = 0;
    for (size_t i = 0; i < c->values && n < max; i++) {
        if (strcmp(c->value[i].metric, metric) != 0)
            continue;
        if (isfinite(c->value[i].value))
            x[n++] = c->value[i].value;
        else
            (*bad)++;
    }
    return n;
}

static const CliValue *value_with_seed(const CliConfig *c, const char *metric, const char *seed)
{
    for (size_t i = 0; i < c->values; i++)
        if (strcmp(c->value[i].metric, metric) == 0 && strcmp(c->value[i].seed, seed) == 0 && isfinite(c->value[i].value))
            return &c->value[i];
    return NULL;
}

static StatsInterval mean_of(const CliConfig *c, const char *metric, double *scratch, size_t *bad)
{
    size_t n = values_of(scratch, c->values, c, metric, bad);
    return stats_interval(scratch, n, LEVEL_PERCENT / 100.0);
}

/* b - a over the seeds that both have.  scratch: a->values twice. */
static StatsInterval difference_of(const CliConfig *a, const CliConfig *b, const char *metric, double *scratch, double *p)
{
    double *of_a = scratch, *of_b = scratch + a->values;
    size_t n = 0;
    for (size_t i = 0; i < a->values; i++) {
        const CliValue *va = &a->value[i];
        const CliValue *vb = strcmp(va->metric, metric) == 0 && isfinite(va->value) ? value_with_seed(b, metric, va->seed) : NULL;
        if (vb != NULL) {
            of_a[n] = va->value;
            of_b[n++] = vb->value;
        }
    }
    return stats_paired(of_b, of_a, n, LEVEL_PERCENT / 100.0, p);
}

static double *scratch_for(const CliConfigs *list)
{
    size_t most = 0;
    for (size_t i = 0; i < list->count; i++)
        most = list->config[i].values > most ? list->config[i].values : most;
    return mem_array(2 * most + 1, sizeof(double));
}

/* ---- which metrics --------------------------------------------------------------------------------------------------- */

static int known_metric(const CliConfigs *list, const char *metric)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->config[i].values; j++)
            if (strcmp(list->config[i].value[j].metric, metric) == 0)
                return 1;
    return 0;
}

static int unknown_metric(const CliConfigs *list, const char *metric, Error *err)
{
    const char *nearest = NULL;
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->config[i].values; j++) {
            const char *both[2] = {list->config[i].value[j].metric, nearest};
            const char *found = text_nearest(metric, both, nearest == NULL ? 1 : 2);
            nearest = found != NULL ? found : nearest;
        }
    error_set(err, ERR_USAGE, "none of these runs has a metric '%s'", metric);
    if (nearest != NULL)
        return error_hint(err, "did you mean '%s'?", nearest);
    return error_hint(err, "vae-lab sql \"SELECT name FROM metric_name\" lists them");
}

static int choose_metrics(Choice *c, const CliConfigs *list, const char *const *asked, size_t count, Error *err)
{
    static const char *const usual[] = {"test/elbo", "test/reconstruction", "test/kl", "test/nll"};
    c->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!known_metric(list, asked[i]))
            return unknown_metric(list, asked[i], err);
        c->metric[c->count++] = asked[i];
    }
    for (size_t i = 0; i < 4 && count == 0; i++)
        if (known_metric(list, usual[i]))
            c->metric[c->count++] = usual[i];
    return 0;
}

/* ---- printing -------------------------------------------------------------------------------------------------------- */

/* Nats to two decimals; what is small (a share, a spread) to four. */
static int decimals_of(const CliConfigs *list, const char *metric)
{
    static const char *const nats[] = {"/elbo", "/reconstruction", "/kl", "/nll"};
    const char *slash = strrchr(metric, '/');
    for (size_t i = 0; i < sizeof nats / sizeof nats[0] && slash != NULL; i++)
        if (strcmp(slash, nats[i]) == 0)
            return 2;
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->config[i].values; j++)
            if (strcmp(list->config[i].value[j].metric, metric) == 0 && fabs(list->config[i].value[j].value) >= 10)
                return 2;
    return 4;
}

/* "-104.21 ± 0.32" */
static void spell_interval(char *text, size_t size, StatsInterval v, int decimals)
{
    double half = (v.high - v.low) / 2;
    if (v.n == 0)
        snprintf(text, size, "-");
    else if (isfinite(half))
        snprintf(text, size, "%.*f ± %.*f", decimals, v.mean, decimals, half);
    else
        snprintf(text, size, "%.*f", decimals, v.mean);
}

static int print_means(const CliConfigs *list, const Choice *metrics, double *scratch, Error *err)
{
    const char *columns[METRICS + 6] = {"", "experiment", "label", "data", "seeds"};
    for (size_t m = 0; m < metrics->count; m++)
        columns[5 + m] = metrics->metric[m];
    CliTable *t = cli_table_alloc(columns, 5 + metrics->count);
    for (size_t i = 0; i < list->count; i++) {
        const CliConfig *c = &list->config[i];
        char text[64];
        cli_table_text(t, cli_letter(i));
        cli_table_text(t, c->experiment);
        cli_table_text(t, c->label);
        cli_table_text(t, c->data);
        cli_table_integer(t, c->done);
        for (size_t m = 0; m < metrics->count; m++) {
            size_t bad;
            spell_interval(text, sizeof text, mean_of(c, metrics->metric[m], scratch, &bad),
                           decimals_of(list, metrics->metric[m]));
            if (bad > 0)
                snprintf(text + strlen(text), sizeof text - strlen(text), " (%zu not finite)", bad);
            cli_table_text(t, text);
        }
    }
    cli_heading("means over seeds ± half of the 95 % interval");
    return cli_table_print(t, CLI_TEXT, err);
}

static int print_differences(const CliConfigs *list, const Choice *metrics, double *scratch, Error *err)
{
    static const char *const columns[] = {"", "metric", "seeds", "difference", "p"};
    CliTable *t = cli_table_alloc(columns, 5);
    for (size_t i = 1; i < list->count; i++)
        for (size_t m = 0; m < metrics->count; m++) {
            double p;
            char text[64];
            StatsInterval d = difference_of(&list->config[0], &list->config[i], metrics->metric[m], scratch, &p);
            if (d.n == 0)
                continue;
            snprintf(text, sizeof text, "%s - A", cli_letter(i));
            cli_table_text(t, text);
            cli_table_text(t, metrics->metric[m]);
            cli_table_integer(t, (long long)d.n);
            spell_interval(text, sizeof text, d, decimals_of(list, metrics->metric[m]));
            cli_table_text(t, text);
            if (isnan(p))
                cli_table_null(t);
            else
                cli_table_number(t, p, p < 0.001 ? CLI_DIGITS : 4);
        }
    if (cli_table_rows(t) == 0) {
        cli_table_free(t);
        return 0;
    }
    putchar('\n');
    cli_heading("differences, seed by seed, and the paired t test");
    return cli_table_print(t, CLI_TEXT, err);
}

/* "-700 to -100", "at least 5" */
static void spell_band(char *text, size_t size, const CliExpected *e)
{
    if (isnan(e->low))
        snprintf(text, size, "at most %.6g", e->high);
    else if (isnan(e->high))
        snprintf(text, size, "at least %.6g", e->low);
    else
        snprintf(text, size, "%.6g to %.6g", e->low, e->high);
}

/* Lines, not a table: a source may be long, and is not to be left out where there is little room. */
static int print_expected(Store *s, const CliConfigs *list, const Choice *metrics, double *scratch, Error *err)
{
    int lines = 0;
    for (size_t i = 0; i < list->count; i++)
        for (size_t m = 0; m < metrics->count; m++) {
            CliExpected e;
            char measured[64], band[64];
            size_t bad;
            if (cli_expected_read(&e, s, &list->config[i], metrics->metric[m], err) != 0)
                return -1;
            StatsInterval v = mean_of(&list->config[i], metrics->metric[m], scratch, &bad);
            if (e.claims == 0 || v.n == 0)
                continue;
            if (lines++ == 0) {
                putchar('\n');
                cli_heading("expected, by the experiment's claims");
            }
            spell_interval(measured, sizeof measured, v, decimals_of(list, metrics->metric[m]));
            spell_band(band, sizeof band, &e);
            printf("%s  %s  %s is %s %s\n", cli_letter(i), metrics->metric[m], measured,
                   cli_expected_has(&e, v.mean) ? "inside" : "OUTSIDE", band);
            if (e.source[0] != '\0')
                printf("   %s\n", e.source);
        }
    return 0;
}

static void add_or_null(CliTable *t, double value, int decimals)
{
    isnan(value) ? cli_table_null(t) : cli_table_number(t, value, decimals);
}

/* Of estimates that have a standard error over the examples. */
static int print_estimates(const CliConfigs *list, const Choice *metrics, double *scratch, Error *err)
{
    static const char *const columns[] = {"", "metric", "mean", "error", "ess", "draws"};
    CliTable *t = cli_table_alloc(columns, 6);
    for (size_t i = 0; i < list->count; i++)
        for (size_t m = 0; m < metrics->count; m++) {
            CliEstimate e = cli_estimate_of(&list->config[i], metrics->metric[m]);
            size_t bad;
            if (isnan(e.se))
                continue;
            int decimals = decimals_of(list, metrics->metric[m]);
            cli_table_text(t, cli_letter(i));
            cli_table_text(t, metrics->metric[m]);
            cli_table_number(t, mean_of(&list->config[i], metrics->metric[m], scratch, &bad).mean, decimals);
            cli_table_number(t, e.se, decimals);
            add_or_null(t, e.ess, 1);
            if (e.draws > 0)
                cli_table_integer(t, e.draws);
            else
                cli_table_null(t);
        }
    if (cli_table_rows(t) == 0) {
        cli_table_free(t);
        return 0;
    }
    putchar('\n');
    cli_heading("standard error over the examples; effective sample size of the draws");
    return cli_table_print(t, CLI_TEXT, err);
}

/* ---- warnings -------------------------------------------------------------------------------------------------------- */

enum { SEEDS_ENOUGH = 3 };

/* The fewest seeds that one of the metrics has. */
static size_t fewest_seeds(const CliConfig *c, const Choice *metrics, double *scratch)
{
    size_t fewest = (size_t)c->done, bad;
    for (size_t m = 0; m < metrics->count; m++) {
        size_t n = mean_of(c, metrics->metric[m], scratch, &bad).n;
        fewest = n > 0 && n < fewest ? n : fewest;
    }
    return fewest;
}

/* What the row of a metric has to say for itself; "" where all is well. */
static void spell_warning(Text *t, const CliConfig *c, size_t seeds)
{
    CliFall fall;
    if (seeds < SEEDS_ENOUGH && seeds > 0)
        text_add(t, seeds == 1 ? "one seed: no interval" : "two seeds: an interval of little worth");
    if (cli_fall_find(&fall, c->value, c->values)) {
        char spelled[400];
        cli_fall_spell(spelled, sizeof spelled, &fall);
        text_addf(t, "%s%s", t->length > 0 ? "; " : "", spelled);
    }
}

static void warn(const CliConfigs *list, const Choice *metrics, double *scratch)
{
    int few = 0;
    for (size_t i = 0; i < list->count; i++) {
        const CliConfig *c = &list->config[i];
        if (c->runs > c->done)
            fprintf(stderr, "%s (%s): %d of %d runs do not count: %d diverged, %d not done\n", cli_letter(i), c->label,
                    c->runs - c->done, c->runs, c->diverged, c->runs - c->done - c->diverged);
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t seeds = fewest_seeds(&list->config[i], metrics, scratch);
        if (seeds < SEEDS_ENOUGH)
            fprintf(stderr, few++ == 0 ? "warning: fewer than 3 seeds: %s (%zu)" : ", %s (%zu)", cli_letter(i), seeds);
    }
    if (few > 0)
        fprintf(stderr, "; of two an interval or a p value says little, of one there is none\n");
    for (size_t i = 0; i < list->count; i++) {
        CliFall fall;
        char spelled[400];
        if (!cli_fall_find(&fall, list->config[i].value, list->config[i].values))
            continue;
        cli_fall_spell(spelled, sizeof spelled, &fall);
        fprintf(stderr, "warning: %s: %s\n", cli_letter(i), spelled);
    }
}

/* ---- for programs ---------------------------------------------------------------------------------------------------- */

/* The last columns of a row: standard error, effective sample size, draws; expected from, to, inside, source; warning. */
static int add_beside(CliTable *t, Store *s, const CliConfig *c, const char *metric, const StatsInterval *v, Error *err)
{
    CliExpected e;
    Text warning = {0};
    CliEstimate estimate = cli_estimate_of(c, metric);
    if (cli_expected_read(&e, s, c, metric, err) != 0)
        return -1;
    spell_warning(&warning, c, v->n);
    add_or_null(t, estimate.se, CLI_SHORTEST);
    add_or_null(t, estimate.ess, CLI_SHORTEST);
    if (estimate.draws > 0)
        cli_table_integer(t, estimate.draws);
    else
        cli_table_null(t);
    add_or_null(t, e.low, CLI_SHORTEST);
    add_or_null(t, e.high, CLI_SHORTEST);
    if (e.claims > 0 && v->n > 0)
        cli_table_integer(t, cli_expected_has(&e, v->mean));
    else
        cli_table_null(t);
    e.source[0] != '\0' ? cli_table_text(t, e.source) : cli_table_null(t);
    warning.length > 0 ? cli_table_text(t, text_string(&warning)) : cli_table_null(t);
    int failed = warning.failed;
    text_free(&warning);
    return failed ? error_memory(err, "a warning") : 0;
}

/* One row a configuration and metric. */
static int print_rows(Store *s, const CliConfigs *list, const Choice *metrics, double *scratch, CliFormat format, Error *err)
{
    static const char *const columns[] = {"configuration",
                                          "experiment",
                                          "label",
                                          "data",
                                          "metric",
                                          "seeds",
                                          "mean",
                                          "sd",
                                          "ci_low",
                                          "ci_high",
                                          "not_finite",
                                          "paired_seeds",
                                          "difference",
                                          "difference_low",
                                          "difference_high",
                                          "p",
                                          "runs",
                                          "diverged",
                                          "digest",
                                          "standard_error",
                                          "effective_sample_size",
                                          "draws",
                                          "expected_low",
                                          "expected_high",
                                          "inside",
                                          "source",
                                          "warning"};
    CliTable *t = cli_table_alloc(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++)
        for (size_t m = 0; m < metrics->count; m++) {
            const CliConfig *c = &list->config[i];
            size_t bad;
            double p;
            StatsInterval v = mean_of(c, metrics->metric[m], scratch, &bad);
            StatsInterval d = difference_of(&list->config[0], c, metrics->metric[m], scratch, &p);
            const double number[] = {v.mean, v.sd, v.low, v.high}, paired[] = {d.mean, d.low, d.high, p};
            cli_table_text(t, cli_letter(i));
            cli_table_text(t, c->experiment);
            cli_table_text(t, c->label);
            cli_table_text(t, c->data);
            cli_table_text(t, metrics->metric[m]);
            cli_table_integer(t, (long long)v.n);
            for (int k = 0; k < 4; k++)
                isnan(number[k]) ? cli_table_null(t) : cli_table_number(t, number[k], CLI_SHORTEST);
            cli_table_integer(t, (long long)bad);
            cli_table_integer(t, i == 0 ? 0 : (long long)d.n);
            for (int k = 0; k < 4; k++)
                i == 0 || isnan(paired[k]) ? cli_table_null(t) : cli_table_number(t, paired[k], CLI_SHORTEST);
            cli_table_integer(t, c->runs);
            cli_table_integer(t, c->diverged);
            cli_table_text(t, c->configuration);
            if (add_beside(t, s, c, metrics->metric[m], &v, err) != 0) {
                cli_table_free(t);
                return -1;
            }
        }
    return cli_table_print(t, format, err);
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static int print_all(Store *s, const CliConfigs *list, const Choice *metrics, CliFormat format, Error *err)
{
    double *scratch = scratch_for(list);
    if (scratch == NULL)
        return error_memory(err, "a comparison");
    int status;
    if (format != CLI_TEXT)
        status = print_rows(s, list, metrics, scratch, format, err);
    else
        status = print_means(list, metrics, scratch, err) != 0 || print_differences(list, metrics, scratch, err) != 0 ||
                         print_expected(s, list, metrics, scratch, err) != 0 || print_estimates(list, metrics, scratch, err) != 0 ||
                         (list->count > 1 && cli_differs_print(s, list, err) != 0)
                     ? -1
                     : 0;
    fflush(stdout);
    if (status == 0)
        warn(list, metrics, scratch);
    mem_free(scratch);
    return status;
}

int cli_compare(int argc, char **argv, Error *err)
{
    const char *db = NULL, *asked[METRICS];
    size_t nasked = 0;
    int json = 0, csv = 0, operands;
    CliFormat format;
    CliConfigs list = {0};
    Choice metrics;
    const CliOption options[] = {{.name = "--json", .flag = &json},
                                 {.name = "--csv", .flag = &csv},
                                 {.name = "--db", .text = &db},
                                 {.name = "--metric,-m", .list = asked, .list_count = &nasked, .list_max = METRICS}};
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0 ||
        cli_format(json, csv, &format, err) != 0)
        return -1;
    Store *s = store_open(cli_database(db), STORE_READ, err);
    int status = s == NULL ? -1 : cli_configs_read(&list, s, argv + 1, operands, err);
    if (status == 0 && list.count == 0) {
        fprintf(stderr, "no sweep is recorded in %s yet\n", store_path(s));
        if (format == CLI_JSON)
            puts("[]");
    } else if (status == 0) {
        status = choose_metrics(&metrics, &list, asked, nasked, err) != 0 ? -1 : print_all(s, &list, &metrics, format, err);
    }
    cli_configs_free(&list);
    store_close(s);
    return status;
}
