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
    "from the first configuration, seed by seed, with the p value of the paired t test; and the settings\n"
    "that differ.  The usual metrics are test/elbo, test/reconstruction, test/kl and test/nll, in nats per\n"
    "example.\n"
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

/* A, B … Z, AA, AB … */
static const char *letter(size_t i)
{
    static char text[2][8];
    static int turn;
    char *t = text[turn ^= 1];
    if (i < 26)
        snprintf(t, 8, "%c", (char)('A' + i));
    else
        snprintf(t, 8, "%c%c", (char)('A' + (i / 26 - 1) % 26), (char)('A' + i % 26));
    return t;
}

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
        cli_table_text(t, letter(i));
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
            snprintf(text, sizeof text, "%s - A", letter(i));
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

/* One row a configuration and metric, for programs. */
static int print_rows(const CliConfigs *list, const Choice *metrics, double *scratch, CliFormat format, Error *err)
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
                                          "digest"};
    CliTable *t = cli_table_alloc(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++)
        for (size_t m = 0; m < metrics->count; m++) {
            const CliConfig *c = &list->config[i];
            size_t bad;
            double p;
            StatsInterval v = mean_of(c, metrics->metric[m], scratch, &bad);
            StatsInterval d = difference_of(&list->config[0], c, metrics->metric[m], scratch, &p);
            const double number[] = {v.mean, v.sd, v.low, v.high}, paired[] = {d.mean, d.low, d.high, p};
            cli_table_text(t, letter(i));
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
        }
    return cli_table_print(t, format, err);
}

/* ---- what differs in their settings ---------------------------------------------------------------------------------- */

/* Settings and the plan's leaves of ?1 (a JSON list of [run, experiment] in the configurations' order), of those names whose values
 * are not all alike. */
static const char differs_sql[] =
    "WITH chosen AS (SELECT key AS i, json_extract(value, '$[0]') AS run, "
    "(SELECT id FROM experiment WHERE name = json_extract(value, '$[1]')) AS experiment FROM json_each(?1)), "
    "s AS (SELECT i, p.name AS name, CAST(p.value AS TEXT) AS value FROM chosen JOIN setting p ON p.run = chosen.run "
    "AND p.experiment = chosen.experiment WHERE p.name NOT IN ('seed', 'data') "
    "UNION ALL SELECT i, 'plan' || substr(j.fullkey, 2), CAST(j.atom AS TEXT) FROM chosen JOIN run r ON r.id = chosen.run, "
    "json_tree(CASE WHEN json_valid(r.plan) THEN r.plan ELSE '{}' END) j WHERE j.atom IS NOT NULL "
    "UNION ALL SELECT i, 'data', r.data FROM chosen JOIN run r ON r.id = chosen.run "
    "UNION ALL SELECT i, 'data digest', substr(r.data_digest, 1, 12) FROM chosen JOIN run r ON r.id = chosen.run "
    "UNION ALL SELECT i, 'graph', 'from run ' || (SELECT min(o.id) FROM run o WHERE o.graph = r.graph AND o.id IN (SELECT run "
    "FROM chosen)) "
    "FROM chosen JOIN run r ON r.id = chosen.run) "
    "SELECT s.name, i, s.value FROM s JOIN (SELECT name FROM s GROUP BY name HAVING count(DISTINCT value) > 1 OR "
    "count(*) < (SELECT count(*) FROM chosen)) USING (name) ORDER BY s.name, i";

typedef struct Differs {
    CliTable *table;
    size_t columns, next; /* the next cell of the row, 0 before any */
    char name[128];
} Differs;

static void fill_row(Differs *d, size_t upto)
{
    for (; d->next > 0 && d->next < upto; d->next++)
        cli_table_null(d->table);
}

static int add_setting(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Differs *d = context;
    size_t at = (size_t)v[1].integer + 1;
    (void)columns, (void)names;
    if (d->next == 0 || strcmp(d->name, v[0].bytes) != 0) {
        fill_row(d, d->columns);
        snprintf(d->name, sizeof d->name, "%s", (const char *)v[0].bytes);
        cli_table_text(d->table, v[0].bytes);
        d->next = 1;
    }
    fill_row(d, at);
    if (at < d->next)
        return 0; /* two leaves of one name */
    if (v[2].type == STORE_TEXT)
        cli_table_text(d->table, v[2].bytes);
    else
        cli_table_null(d->table);
    d->next = at + 1;
    return 0;
}

static int print_settings(Store *s, const CliConfigs *list, Error *err)
{
    Text runs = {0};
    const char **columns = mem_array(list->count + 1, sizeof *columns);
    char(*name)[8] = mem_array(list->count + 1, sizeof *name);
    int status = columns == NULL || name == NULL ? error_memory(err, "settings") : 0;
    for (size_t i = 0; i < list->count && status == 0; i++) {
        snprintf(name[i], sizeof name[i], "%s", letter(i));
        columns[i + 1] = name[i];
        text_addf(&runs, "%s[%lld, ", i == 0 ? "[" : ", ", (long long)list->config[i].run);
        text_add_json(&runs, list->config[i].experiment);
        text_add(&runs, "]");
    }
    text_add(&runs, "]");
    if (status == 0) {
        columns[0] = "settings that differ";
        Differs d = {.table = cli_table_alloc(columns, list->count + 1), .columns = list->count + 1};
        StoreValue arg = cli_text_value(text_string(&runs));
        status = store_query(s, differs_sql, &arg, 1, add_setting, &d, err);
        fill_row(&d, d.columns);
        if (status == 0 && cli_table_rows(d.table) > 0) {
            putchar('\n');
            status = cli_table_print(d.table, CLI_TEXT, err);
        } else {
            cli_table_free(d.table);
        }
    }
    text_free(&runs);
    mem_free(columns);
    mem_free(name);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static void say_what_does_not_count(const CliConfigs *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const CliConfig *c = &list->config[i];
        if (c->runs > c->done)
            fprintf(stderr, "%s (%s): %d of %d runs do not count: %d diverged, %d not done\n", letter(i), c->label,
                    c->runs - c->done, c->runs, c->diverged, c->runs - c->done - c->diverged);
    }
    int few = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->config[i].done < 3)
            fprintf(stderr, few++ == 0 ? "fewer than 3 seeds: %s" : ", %s", letter(i));
    if (few > 0)
        fprintf(stderr, "; such intervals and p values say little\n");
}

static int print_all(Store *s, const CliConfigs *list, const Choice *metrics, CliFormat format, Error *err)
{
    double *scratch = scratch_for(list);
    if (scratch == NULL)
        return error_memory(err, "a comparison");
    int status;
    if (format != CLI_TEXT)
        status = print_rows(list, metrics, scratch, format, err);
    else
        status = print_means(list, metrics, scratch, err) != 0 || print_differences(list, metrics, scratch, err) != 0 ||
                         (list->count > 1 && print_settings(s, list, err) != 0)
                     ? -1
                     : 0;
    mem_free(scratch);
    fflush(stdout);
    if (status == 0)
        say_what_does_not_count(list);
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
