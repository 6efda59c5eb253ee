/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_show.c: `vae-lab show RUN`, everything that is recorded about one run.
 */
#include "cli/cli.h"
#include "cli/configurations.h"
#include "cli/rows.h"

#include "base/mem.h"
#include "base/terminal.h"
#include "base/text.h"
#include "store/read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int source;

static const CliOption options[] = {
    {.name = "--source", .flag = &source,
     .help = "print the text of the script that the run was made from, or that of a module, by its PATH"},
    CLI_OPTION_JSON("one object, every digit, with all curves"),
    CLI_OPTION_DB,
    {0},
};

/* ---- the row of the view `details`, one column per line --------------------------------------------------------- */

static void print_line(const char *text)
{
    terminal_print(stdout, text);
    putchar('\n');
}

/* context: what find_holder gives. */
static int print_details(void *context, int columns, const char *const *names, const StoreValue *v)
{
    const char *holder = context;
    for (int i = 0; i < columns; i++) {
        char name[64];
        if (v[i].type == STORE_NULL || strcmp(names[i], "graph") == 0)
            continue; /* the graph is printed last */
        snprintf(name, sizeof name, "%s", names[i]);
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '_' ? ' ' : *c;
        printf("%-14s ", name);
        if (v[i].type == STORE_INTEGER)
            printf("%lld\n", (long long)v[i].integer);
        else if (v[i].type == STORE_REAL)
            printf("%.1f\n", v[i].real);
        else if (v[i].type == STORE_BLOB)
            printf("(%zu bytes)\n", v[i].size);
        else
            print_line(v[i].bytes);
    }
    if (holder[0] != '\0')
        printf("%-14s %s\n", "holder", holder);
    putchar('\n');
    return 0;
}

/* [OUT] text: the process that holds the run; "" where none does. */
static int find_holder(char *text, size_t size, Store *s, int64_t run, Error *err)
{
    char status[STORE_STATUS];
    StoreHolder holder;
    text[0] = '\0';
    if (store_run_status(s, run, status, NULL, 0, err) != 0 || store_run_holder(s, run, &holder, err) != 0)
        return -1;
    if (strcmp(status, "queued") == 0 || strcmp(status, "running") == 0)
        store_holder_text(&holder, text, size);
    return 0;
}

/* ---- curves, one line each -------------------------------------------------------------------------------------- */

enum { SPARKS = 32 };

typedef struct CurveRows {
    CliTable *table;
    char metric[128]; /* the curve that is being read */
    double *value;
    size_t count, capacity;
    int failed;
} CurveRows;

/* [OUT] text: at most SPARKS block characters from the lowest to the highest value; a gap where a value is not
 * finite. */
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

static int decimals_of(double v)
{
    return fabs(v) >= 10 ? 2 : CLI_DIGITS;
}

/* The curve that was read becomes a row of the table. */
static void end_curve(CurveRows *c)
{
    char sparks[SPARKS * 4 + 1];
    double low = NAN, high = NAN; /* of the finite values; NaN where there are none */
    if (c->count == 0)
        return;
    for (size_t i = 0; i < c->count; i++)
        if (isfinite(c->value[i])) {
            low = fmin(low, c->value[i]);
            high = fmax(high, c->value[i]);
        }
    sparkline(sparks, c->value, c->count);
    cli_table_text(c->table, c->metric);
    cli_table_integer(c->table, (long long)c->count);
    cli_table_number(c->table, c->value[0], decimals_of(c->value[0]));
    cli_table_number(c->table, c->value[c->count - 1], decimals_of(c->value[c->count - 1]));
    cli_table_number_or_null(c->table, low, decimals_of(low));
    cli_table_number_or_null(c->table, high, decimals_of(high));
    cli_table_text(c->table, sparks);
    c->count = 0;
}

/* STORE_RUN_CURVES: metric, value, kind. */
static int take_curve_value(void *context, int columns, const char *const *names, const StoreValue *v)
{
    CurveRows *c = context;
    (void)columns, (void)names;
    if (strcmp(c->metric, store_text_of(&v[0])) != 0)
        end_curve(c);
    snprintf(c->metric, sizeof c->metric, "%s", store_text_of(&v[0]));
    double *list = mem_room(c->value, c->count, &c->capacity, sizeof *list);
    if (list == NULL)
        return c->failed = 1;
    c->value = list;
    c->value[c->count++] = cli_value_or_kind(&v[1], &v[2]);
    return 0;
}

static int print_curves(Store *s, int64_t run, Error *err)
{
    static const char *const names[] = {"curve", "epochs", "first", "last", "lowest", "highest", "course"};
    CurveRows c = {.table = cli_table_alloc(CLI_TEXT, names, 7)};
    int status = store_run_read(s, run, STORE_RUN_CURVES, take_curve_value, &c, err);
    end_curve(&c);
    mem_free(c.value);
    if (status == 0 && c.failed)
        status = error_memory(err, "a curve");
    if (status != 0 || cli_table_is_empty(c.table)) {
        cli_table_free(c.table);
        return status;
    }
    status = cli_table_print(c.table, NULL, err);
    putchar('\n');
    return status;
}

/* ---- for people ------------------------------------------------------------------------------------------------- */

static const struct {
    StoreRunPart part;
    const char *title;
} section[] = {
    {STORE_RUN_LIKELIHOOD, "log p(x) by importance sampling from q(z|x), nats per example"},
    {STORE_RUN_NUMBERS, "numbers about the whole run"},
    {STORE_RUN_SETTINGS, "settings"},
    {STORE_RUN_OTHER_SETTINGS, "settings under the names of the other experiments"},
    {STORE_RUN_PLAN, "training plan"},
    {STORE_RUN_EVALUATIONS, "evaluations"},
    {STORE_RUN_ARTIFACTS, "artifacts"},
    {STORE_RUN_ENVIRONMENT, "environment"},
    {STORE_RUN_SOURCES, "texts it was made from; vae-lab show RUN --source PATH prints one"},
};

/* evaluation, message: a message may have several lines. */
static int print_failure(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)context, (void)columns, (void)names;
    fputs("evaluation ", stdout);
    terminal_print(stdout, store_text_of(&v[0]));
    fputs(" failed: ", stdout);
    print_line(store_text_of(&v[1]));
    putchar('\n');
    return 0;
}

static int print_graph(Store *s, int64_t run, Error *err)
{
    char *graph;
    if (store_run_graph(s, run, &graph, err) != 0)
        return -1;
    size_t n = strlen(graph);
    cli_heading("graph");
    terminal_print(stdout, graph);
    fputs(n > 0 && graph[n - 1] == '\n' ? "" : "\n", stdout);
    mem_free(graph);
    return 0;
}

/* [OUT] text: what is wrong with the run's numbers; "" where nothing is. */
static int find_warning(char *text, size_t size, Store *s, int64_t run, Error *err)
{
    CliConfiguration c = {0};
    text[0] = '\0';
    int status = cli_values_finish(&c, store_run_read(s, run, STORE_RUN_LAST_VALUES, cli_values_take, &c, err), err);
    if (status == 0)
        cli_falling_bound(text, size, &c);
    mem_free(c.value);
    return status;
}

static int show_text(Store *s, int64_t run, Error *err)
{
    char warning[400], holder[256];
    if (find_holder(holder, sizeof holder, s, run, err) != 0 ||
        store_run_read(s, run, STORE_RUN_DETAILS, print_details, holder, err) != 0 ||
        store_run_read(s, run, STORE_RUN_FAILED_EVALUATIONS, print_failure, NULL, err) != 0 ||
        print_curves(s, run, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof section / sizeof section[0]; i++) {
        CliRows rows = {.format = CLI_TEXT};
        size_t count;
        int status = store_run_read(s, run, section[i].part, cli_rows_take, &rows, err);
        if (cli_rows_print(&rows, status, section[i].title, &count, err) != 0)
            return -1;
        fputs(count > 0 ? "\n" : "", stdout);
    }
    if (print_graph(s, run, err) != 0 || find_warning(warning, sizeof warning, s, run, err) != 0)
        return -1;
    fflush(stdout);
    if (warning[0] != '\0')
        fprintf(stderr, "warning: %s\n", warning);
    return 0;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

/* Begins a member of the object that is open. */
static void add_name(Text *t, const char *gap, const char *name)
{
    text_add(t, t->length > 0 && t->data[t->length - 1] != '{' ? gap : "");
    text_add_json(t, name);
    text_add(t, ": ");
}

/* A member; null where the text is empty. */
static void add_text(Text *t, const char *name, const char *text)
{
    add_name(t, ",\n ", name);
    cli_json_value(t, &(StoreValue){.type = text[0] == '\0' ? STORE_NULL : STORE_TEXT, .bytes = text});
}

/* The columns of a row as members. */
static int add_columns(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Text *t = context;
    for (int i = 0; i < columns; i++) {
        add_name(t, ",\n ", names[i]);
        cli_json_value(t, &v[i]);
    }
    return 0;
}

/* A text that is JSON already. */
static int add_json(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    text_add(context, store_text_of(&v[0]));
    return 0;
}

/* Rows of (name, value) as members. */
static int add_pair(void *context, int columns, const char *const *names, const StoreValue *v)
{
    (void)columns, (void)names;
    add_name(context, ", ", store_text_of(&v[0]));
    cli_json_value(context, &v[1]);
    return 0;
}

/* Rows as arrays. */
static int add_array(void *context, int columns, const char *const *names, const StoreValue *v)
{
    Text *t = context;
    (void)names;
    text_add(t, t->data[t->length - 1] == '[' ? "[" : ", [");
    for (int i = 0; i < columns; i++) {
        text_add(t, i == 0 ? "" : ", ");
        cli_json_value(t, &v[i]);
    }
    text_add(t, "]");
    return 0;
}

static int show_json(Store *s, int64_t run, Error *err)
{
    static const struct {
        const char *open;
        StoreRunPart part;
        StoreRow row;
        const char *close;
    } member[] = {
        {"{", STORE_RUN_DETAILS, add_columns, ""},
        {",\n \"plan\": ", STORE_RUN_PLAN_JSON, add_json, ""},
        {",\n \"members\": [", STORE_RUN_EXPERIMENTS, add_array, "]"},
        {",\n \"params\": {", STORE_RUN_SETTINGS, add_pair, "}"},
        {",\n \"environment\": {", STORE_RUN_ENVIRONMENT, add_pair, "}"},
        {",\n \"sources\": [", STORE_RUN_SOURCES, add_array, "]"},
        {",\n \"evaluations\": [", STORE_RUN_EVALUATION_OPTIONS, add_array, "]"},
        {",\n \"failed_evaluations\": {", STORE_RUN_FAILED_EVALUATIONS, add_pair, "}"},
        {",\n \"artifacts\": [", STORE_RUN_ARTIFACTS, add_array, "]"},
        {",\n \"sweeps\": [", STORE_RUN_SWEEPS, add_array, "]"},
        {",\n \"metrics\": [", STORE_RUN_METRICS, add_array, "]"},
    };
    char warning[400], holder[256];
    Text out = {0};
    int status = find_holder(holder, sizeof holder, s, run, err);
    for (size_t i = 0; i < sizeof member / sizeof member[0] && status == 0; i++) {
        text_add(&out, member[i].open);
        status = out.failed ? error_memory(err, "a run's record")
                            : store_run_read(s, run, member[i].part, member[i].row, &out, err);
        text_add(&out, member[i].close);
    }
    if (status == 0)
        status = find_warning(warning, sizeof warning, s, run, err);
    if (status == 0) {
        add_text(&out, "holder", holder);
        add_text(&out, "warning", warning);
    }
    text_add(&out, "\n}\n");
    if (status == 0 && out.failed)
        status = error_memory(err, "a run's record");
    if (status == 0)
        fputs(text_string(&out), stdout);
    text_free(&out);
    return status;
}

/* ---- a recorded text --------------------------------------------------------------------------------------------- */

static int show_source(Store *s, int64_t run, const char *path, Error *err)
{
    void *bytes;
    size_t size;
    char digest[DIGEST_TEXT];
    if (store_run_source(s, run, path, &bytes, &size, digest, err) != 0)
        return -1;
    if (bytes == NULL) {
        error_set(err, ERR_STORE, path == NULL ? "the script of run %lld is not recorded"
                                               : "run %lld has no recorded text of that path", (long long)run);
        if (path != NULL)
            error_found(err, "%s", path);
        return error_hint(err, "vae-lab show %lld lists the texts; earlier versions of vae-lab recorded none", (long long)run);
    }
    fwrite(bytes, 1, size, stdout);
    mem_free(bytes);
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int show(int operands, char **operand, Error *err)
{
    long long run;
    if (cli_operands(operands, operand, 1, source ? 2 : 1, source ? "a run's number, and perhaps a path" : "one run's number",
                     err) != 0)
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    if (cli_run_number(operand[0], &run, err) != 0)
        return -1;
    Store *s = cli_open(err);
    int status = s == NULL          ? -1
                 : source           ? show_source(s, run, operands > 1 ? operand[1] : NULL, err)
                 : cli_shared.json ? show_json(s, run, err)
                                    : show_text(s, run, err);
    store_close(s);
    return status;
}

const CliCommand cli_show = {
    .name = "show", .arguments = "RUN [--source [PATH]]", .summary = "everything about one run", .options = options, .run = show,
    .notes = "RUN is a number that vae-lab runs lists.\n"
             "\n"
             "example: vae-lab show 12\n"
             "         vae-lab show 12 --source >script.lua\n",
};
