/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_show.c: `vae-lab show RUN`, everything that is recorded about one run.
 */
#include "cli/cli.h"
#include "cli/cli_compare.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char cli_show_help[] = "  --json      one object, every digit, with all curves\n"
                             "  --db FILE   the database (VAE_LAB_DB, results/results.db)\n"
                             "\n"
                             "RUN is a number that vae-lab runs lists.\n"
                             "\n"
                             "example: vae-lab show 12\n";

/* ---- for people: the run's row, one field a line ----------------------------------------------------------------------- */

static const char head_sql[] =
    "SELECT r.id AS run, e.name AS experiment, e.question AS question, k.label AS label, "
    "(SELECT group_concat(o.name || '/' || x.label, ', ') FROM member x JOIN experiment o ON o.id = x.experiment "
    "WHERE x.run = r.id AND x.experiment <> r.experiment) AS \"also\", r.seed AS seed, r.status AS status, r.message AS message, "
    "coalesce((SELECT epochs FROM runs WHERE id = r.id), 0) || ' of ' || r.epochs AS epochs, "
    "CASE WHEN r.seconds IS NOT NULL THEN printf('%.1f', r.seconds) END AS seconds, "
    "r.data AS data, r.data_digest AS \"data digest\", r.digest AS digest, r.identity AS identity, r.configuration AS "
    "configuration, e.script AS script, "
    "r.created AS created, r.started AS started, r.finished AS finished, r.superseded_by AS \"superseded by\", "
    "(SELECT group_concat(sweep, ', ') FROM sweep_run WHERE run = r.id) AS sweeps, "
    "CASE WHEN r.status IN ('queued', 'running') THEN r.host || ', process ' || r.process END AS process, "
    "(SELECT 'step ' || step || ', ' || length(bytes) || ' bytes, ' || written FROM checkpoint WHERE run = r.id) AS checkpoint, "
    "(SELECT count(*) || ' examples' FROM posterior WHERE run = r.id HAVING count(*) > 0) AS posteriors "
    "FROM run r JOIN experiment e ON e.id = r.experiment JOIN member k ON k.run = r.id AND k.experiment = e.id WHERE r.id = ?1";

static int print_head(void *context, int columns, const char *const *names, const StoreValue *values)
{
    *(int *)context = 1;
    for (int i = 0; i < columns; i++) {
        if (values[i].type == STORE_INTEGER)
            printf("%-14s %lld\n", names[i], (long long)values[i].integer);
        else if (values[i].type == STORE_TEXT)
            printf("%-14s %s\n", names[i], (const char *)values[i].bytes);
    }
    putchar('\n');
    return 0;
}

/* ---- curves as one line each ------------------------------------------------------------------------------------------- */

enum { SPARKS = 32 };

typedef struct Curves {
    CliTable *table;
    char metric[128]; /* whose values are being gathered */
    double *value;
    size_t count, capacity;
    int failed;
} Curves;

/* [OUT] text: at most SPARKS block characters from the lowest to the highest value; a gap where a value is not finite. */
static void sparkline(char *text, const double *value, size_t n)
{
    static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    size_t points = n < SPARKS ? n : SPARKS;
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i])) {
            low = fmin(low, value[i]);
            high = fmax(high, value[i]);
        }
    text[0] = '\0';
    for (size_t p = 0; p < points; p++) {
        double v = value[points == 1 ? 0 : p * (n - 1) / (points - 1)];
        int level = high > low ? (int)((v - low) / (high - low) * 7.999) : 3;
        strcat(text, isfinite(v) ? block[level] : " ");
    }
}

static void add_number(CliTable *t, double v)
{
    cli_table_number(t, v, fabs(v) >= 10 ? 2 : CLI_DIGITS);
}

/* The gathered curve becomes a row. */
static void flush_curve(Curves *c)
{
    char sparks[SPARKS * 4 + 1];
    if (c->count == 0)
        return;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        low = fmin(low, c->value[i]);
        high = fmax(high, c->value[i]);
    }
    sparkline(sparks, c->value, c->count);
    cli_table_text(c->table, c->metric);
    cli_table_integer(c->table, (long long)c->count);
    add_number(c->table, c->value[0]);
    add_number(c->table, c->value[c->count - 1]);
    add_number(c->table, low);
    add_number(c->table, high);
    cli_table_text(c->table, sparks);
    c->count = 0;
}

/* metric, value, kind, in the order of metric and step. */
static int gather(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Curves *c = context;
    (void)columns, (void)names;
    if (strcmp(c->metric, v[0].bytes) != 0)
        flush_curve(c);
    snprintf(c->metric, sizeof c->metric, "%s", (const char *)v[0].bytes);
    if (c->count == c->capacity) {
        double *value = mem_grow(c->value, c->capacity * sizeof *value, (c->capacity * 2 + 256) * sizeof *value);
        if (value == NULL)
            return c->failed = 1;
        c->value = value;
        c->capacity = c->capacity * 2 + 256;
    }
    c->value[c->count++] = v[1].type == STORE_NULL ? strtod(v[2].bytes == NULL ? "nan" : v[2].bytes, NULL) : v[1].real;
    return 0;
}

static int show_curves(Store *s, const StoreValue *run, Error *err)
{
    static const char *const names[] = {"curve", "epochs", "first", "last", "lowest", "highest", "course"};
    Curves c = {.table = cli_table_alloc(names, 7)};
    int status = store_query(s,
                             "SELECT n.name, m.value, m.kind FROM metric m JOIN metric_name n ON n.id = m.metric "
                             "WHERE m.run = ?1 AND m.step >= 1 ORDER BY n.name, m.step",
                             run, 1, gather, &c, err);
    flush_curve(&c);
    mem_free(c.value);
    if (status == 0 && c.failed)
        status = error_memory(err, "a curve");
    if (status != 0 || cli_table_rows(c.table) == 0) {
        cli_table_free(c.table);
        return status;
    }
    status = cli_table_print(c.table, CLI_TEXT, err);
    putchar('\n');
    return status;
}

/* ---- sections ---------------------------------------------------------------------------------------------------------- */

static const CliQuery section[] = {
    {.title = "log p(x) by importance sampling from q(z|x), nats per example",
     .sql = "WITH v AS (SELECT n.name AS name, coalesce(m.value, m.kind) AS value FROM metric m JOIN metric_name n ON n.id = m.metric "
            "WHERE m.run = ?1 AND m.step = 0) SELECT v.value AS nll, (SELECT value FROM v WHERE name = 'test/nll_se') AS "
            "\"standard error\", (SELECT value FROM v WHERE name = 'test/ess') AS \"effective sample size\", (" CLI_NLL_DRAWS ") AS draws "
            "FROM v WHERE v.name = 'test/nll'"},
    {.title = "about the whole run",
     .sql = "WITH v AS (SELECT n.name AS name, coalesce(m.value, m.kind) AS value FROM metric m JOIN metric_name n ON n.id = m.metric "
            "WHERE m.run = ?1 AND m.step = 0) SELECT v.name AS metric, v.value AS value, (SELECT e.value FROM v e WHERE e.name = "
            "v.name || '_se') AS \"standard error\" FROM v WHERE NOT (v.name LIKE '%\\_se' ESCAPE '\\' AND EXISTS (SELECT 1 FROM v o "
            "WHERE o.name || '_se' = v.name)) ORDER BY v.name"},
    {.title = "settings",
     .sql = "SELECT s.name AS name, s.value AS value FROM setting s JOIN run r ON r.id = s.run AND r.experiment = s.experiment "
            "WHERE s.run = ?1 ORDER BY s.name"},
    {.title = "settings that its other experiments call otherwise",
     .sql = "SELECT e.name AS experiment, s.name AS name, s.value AS value FROM setting s JOIN experiment e ON e.id = s.experiment "
            "JOIN run r ON r.id = s.run AND r.experiment <> s.experiment WHERE s.run = ?1 AND NOT EXISTS (SELECT 1 FROM setting o "
            "WHERE o.run = s.run AND o.experiment = r.experiment AND o.name = s.name AND o.value IS s.value) ORDER BY 1, 2"},
    {.title = "training plan",
     .sql = "SELECT j.key AS name, CASE WHEN length(j.value) > 60 THEN substr(j.value, 1, 59) || '…' ELSE j.value END AS value "
            "FROM run, json_each(CASE WHEN json_valid(run.plan) THEN run.plan ELSE '{}' END) j WHERE run.id = ?1 ORDER BY j.key"},
    {.title = "artifacts", .sql = "SELECT name, kind, length(bytes) AS bytes, meta FROM artifact WHERE run = ?1 ORDER BY name"},
    {.title = "environment", .sql = "SELECT name, value FROM environment WHERE run = ?1 ORDER BY name"},
};

static int print_graph(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)context, (void)columns, (void)names;
    cli_heading("graph");
    const char *text = values[0].bytes;
    printf("%s%s", text, values[0].size > 0 && text[values[0].size - 1] == '\n' ? "" : "\n");
    return 0;
}

/* ---- warnings ---------------------------------------------------------------------------------------------------------- */

/* [OUT] text: what is wrong with the run's numbers; "" where nothing is. */
static int find_warning(char *text, size_t size, Store *s, long long run, Error *err)
{
    CliFall fall;
    CliValue *value = NULL;
    size_t count = 0;
    text[0] = '\0';
    int status = cli_run_values(&value, &count, s, run, err);
    if (status == 0 && cli_fall_find(&fall, value, count))
        cli_fall_spell(text, size, &fall);
    mem_free(value);
    return status;
}

/* ---- for people ------------------------------------------------------------------------------------------------------- */

static int no_such_run(Store *s, long long run, Error *err)
{
    error_set(err, ERR_STORE, "there is no run %lld", run);
    error_where(err, "%s", store_path(s));
    return error_hint(err, "vae-lab runs lists them");
}

static int show_text(Store *s, long long number, Error *err)
{
    char warning[400];
    int found = 0;
    StoreValue run = cli_integer_value(number);
    if (store_query(s, head_sql, &run, 1, print_head, &found, err) != 0)
        return -1;
    if (!found)
        return no_such_run(s, number, err);
    if (show_curves(s, &run, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof section / sizeof section[0]; i++) {
        CliQuery q = section[i];
        q.args = &run;
        q.nargs = 1;
        if (cli_query(s, &q, err) != 0)
            return -1;
        if (q.rows > 0)
            putchar('\n');
    }
    if (store_query(s, "SELECT graph FROM run WHERE id = ?1", &run, 1, print_graph, NULL, err) != 0 ||
        find_warning(warning, sizeof warning, s, number, err) != 0)
        return -1;
    fflush(stdout);
    if (warning[0] != '\0')
        fprintf(stderr, "warning: %s\n", warning);
    return 0;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static void add_value(Text *t, const StoreValue *v)
{
    switch (v->type) {
    case STORE_INTEGER: text_addf(t, "%lld", (long long)v->integer); break;
    case STORE_REAL: text_add_number(t, v->real); break; /* SQLite hands no NaN out; infinities are stored as kinds */
    case STORE_TEXT: text_add_json(t, v->bytes); break;
    default: text_add(t, "null");
    }
}

/* The columns of a row as members. */
static int add_members(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text *t = context;
    for (int i = 0; i < columns; i++) {
        text_add(t, t->length > 0 && t->data[t->length - 1] != '{' ? ",\n " : "");
        text_add_json(t, names[i]);
        text_add(t, ": ");
        if (strcmp(names[i], "plan") == 0 && values[i].type == STORE_TEXT)
            text_add(t, values[i].bytes); /* JSON already (the query has checked it) */
        else
            add_value(t, &values[i]);
    }
    return 0;
}

/* Rows of (name, value) as an object. */
static int add_pair(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text *t = context;
    (void)columns, (void)names;
    text_add(t, t->data[t->length - 1] == '{' ? "" : ", ");
    text_add_json(t, values[0].bytes);
    text_add(t, ": ");
    add_value(t, &values[1]);
    return 0;
}

/* Rows as arrays. */
static int add_array(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text *t = context;
    (void)names;
    text_add(t, t->data[t->length - 1] == '[' ? "[" : ", [");
    for (int i = 0; i < columns; i++) {
        text_add(t, i == 0 ? "" : ", ");
        add_value(t, &values[i]);
    }
    text_add(t, "]");
    return 0;
}

static int show_json(Store *s, long long number, Error *err)
{
    static const struct {
        const char *open, *sql, *close;
        StoreRow row;
    } part[] = {
        {"{",
         "SELECT r.id, e.name AS experiment, e.question, k.label, r.seed, r.status, r.message, (SELECT epochs FROM runs WHERE "
         "id = r.id) AS epochs, "
         "r.epochs AS epochs_planned, r.seconds, r.digest, r.identity, r.configuration, r.data, r.data_digest, e.script, "
         "r.created, r.started, "
         "r.finished, r.superseded_by, r.host, CASE WHEN json_valid(r.plan) THEN r.plan END AS plan, r.graph "
         "FROM run r JOIN experiment e ON e.id = r.experiment JOIN member k ON k.run = r.id AND k.experiment = e.id WHERE r.id = ?1",
         "", add_members},
        {",\n \"members\": [",
         "SELECT e.name, k.label FROM member k JOIN experiment e ON e.id = k.experiment WHERE k.run = ?1 ORDER BY e.name", "]", add_array},
        {",\n \"params\": {",
         "SELECT s.name, s.value FROM setting s JOIN run r ON r.id = s.run AND r.experiment = s.experiment WHERE s.run = ?1 "
         "ORDER BY s.name",
         "}", add_pair},
        {",\n \"environment\": {", "SELECT name, value FROM environment WHERE run = ?1 ORDER BY name", "}", add_pair},
        {",\n \"artifacts\": [", "SELECT name, kind, length(bytes) FROM artifact WHERE run = ?1 ORDER BY name", "]", add_array},
        {",\n \"sweeps\": [", "SELECT sweep, position FROM sweep_run WHERE run = ?1 ORDER BY sweep, position", "]", add_array},
        {",\n \"metrics\": [",
         "SELECT n.name, m.step, coalesce(m.value, m.kind) FROM metric m JOIN metric_name n ON n.id = m.metric "
         "WHERE m.run = ?1 ORDER BY n.name, m.step",
         "],\n \"warning\": ", add_array},
    };
    char warning[400];
    Text out = {0};
    int status = 0;
    StoreValue run = cli_integer_value(number);
    for (size_t i = 0; i < sizeof part / sizeof part[0] && status == 0; i++) {
        text_add(&out, part[i].open);
        if (!out.failed)
            status = store_query(s, part[i].sql, &run, 1, part[i].row, &out, err);
        text_add(&out, part[i].close);
        if (i == 0 && status == 0 && out.length == 1)
            status = no_such_run(s, number, err);
    }
    if (status == 0 && (status = find_warning(warning, sizeof warning, s, number, err)) == 0 && warning[0] != '\0')
        text_add_json(&out, warning);
    else
        text_add(&out, "null");
    text_add(&out, "\n}\n");
    if (status == 0 && out.failed)
        status = error_memory(err, "a run's record");
    if (status == 0)
        fputs(text_string(&out), stdout);
    text_free(&out);
    return status;
}

int cli_show(int argc, char **argv, Error *err)
{
    const char *db = NULL;
    int json = 0, operands;
    long long run;
    const CliOption options[] = {{.name = "--json", .flag = &json}, {.name = "--db", .text = &db}};
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0)
        return -1;
    if (operands != 1) {
        error_set(err, ERR_USAGE, "show takes one run's number");
        return error_hint(err, "vae-lab runs lists them");
    }
    if (cli_run_number(argv[1], &run, err) != 0)
        return -1;
    Store *s = store_open(cli_database(db), STORE_READ, err);
    int status = s == NULL ? -1 : json ? show_json(s, run, err) : show_text(s, run, err);
    store_close(s);
    return status;
}
