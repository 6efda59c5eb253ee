/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_gc.c: `vae-lab gc`: says what could be dropped and what is lost by it, asks, drops it, and gives the space
 * back.
 */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/gc.h"
#include "store/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int wanted[STORE_GC_KINDS], vacuum, dry_run, yes;
static const char *experiment, *where;

static const CliOption options[] = {
    {.name = "--checkpoints",
     .flag = &wanted[STORE_GC_CHECKPOINTS],
     .help = "states from which training resumes: of finished runs, of unfinished ones only by RUN"},
    {.name = "--weights", .flag = &wanted[STORE_GC_WEIGHTS], .help = "the parameters of finished runs"},
    {.name = "--artifacts",
     .flag = &wanted[STORE_GC_ARTIFACTS],
     .help = "other arrays of evaluations, and recorded posteriors"},
    {.name = "--superseded",
     .flag = &wanted[STORE_GC_SUPERSEDED],
     .help = "runs that --fresh has replaced, with all that is recorded of them"},
    {.name = "--vacuum", .flag = &vacuum, .help = "only give the file's free space back"},
    {.name = "--experiment", .value = "NAME", .text = &experiment, .help = "of this experiment's runs alone"},
    {.name = "--where", .value = "SQL", .text = &where, .help = "of runs that meet a condition, as for vae-lab runs"},
    {.name = "--dry-run", .flag = &dry_run, .help = "print what would be dropped, drop nothing"},
    {.name = "--yes", .flag = &yes, .help = "do not ask"},
    CLI_OPTION_DB,
    {0},
};

static const struct {
    const char *name, *lost;
} kinds[STORE_GC_KINDS] = {
    [STORE_GC_CHECKPOINTS] = {"checkpoints", "unfinished runs start again from their first epoch"},
    [STORE_GC_WEIGHTS] = {"weights", "these runs cannot be evaluated or exported again without training (--fresh)"},
    [STORE_GC_ARTIFACTS] = {"artifacts",
                            "figures need them: the next vae-lab run computes them again, from the weights"},
    [STORE_GC_SUPERSEDED] = {"superseded", "older runs that --fresh has replaced: their curves too"},
};

/* ---- what is found ----------------------------------------------------------------------------------------------- */

typedef struct GcItems {
    StoreGcItem *item;
    size_t count, capacity;
    int failed;
    int64_t runs[STORE_GC_KINDS], rows[STORE_GC_KINDS], bytes[STORE_GC_KINDS];
    Text numbers[STORE_GC_KINDS]; /* of the runs: "1-4, 7" */
    int64_t first[STORE_GC_KINDS], last[STORE_GC_KINDS];
} GcItems;

/* Adds the runs first … last, which are read in ascending order. */
static void end_range(GcItems *g, StoreGcKind kind)
{
    Text *t = &g->numbers[kind];
    if (g->first[kind] == 0)
        return;
    text_addf(t, "%s%" PRId64, t->length > 0 ? ", " : "", g->first[kind]);
    if (g->last[kind] > g->first[kind])
        text_addf(t, "%s%" PRId64, g->last[kind] == g->first[kind] + 1 ? ", " : "-", g->last[kind]);
}

/* kind, run, rows, bytes */
static int take_item(void *context, int columns, const char *const *names, const StoreValue *v)
{
    GcItems *g = context;
    StoreGcKind kind = (StoreGcKind)v[0].integer;
    (void)columns, (void)names;
    StoreGcItem *list = mem_room(g->item, g->count, &g->capacity, sizeof *list);
    if (list == NULL)
        return g->failed = 1;
    g->item = list;
    g->item[g->count++] = (StoreGcItem){kind, v[1].integer};
    g->runs[kind]++;
    g->rows[kind] += v[2].integer;
    g->bytes[kind] += v[3].integer;
    if (v[1].integer != g->last[kind] + 1 || g->first[kind] == 0) {
        end_range(g, kind);
        g->first[kind] = v[1].integer;
    }
    g->last[kind] = v[1].integer;
    return 0;
}

static int find_items(GcItems *g, Store *s, const StoreGcFilter *filter, Error *err)
{
    int status = store_gc_find(s, filter, take_item, g, err);
    for (int kind = 0; kind < STORE_GC_KINDS; kind++) {
        end_range(g, (StoreGcKind)kind);
        g->failed |= g->numbers[kind].failed;
    }
    return status == 0 && g->failed ? error_memory(err, "a list of runs") : status;
}

static void free_items(GcItems *g)
{
    for (int kind = 0; kind < STORE_GC_KINDS; kind++)
        text_free(&g->numbers[kind]);
    mem_free(g->item);
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

/* "1.2 MB" */
static const char *size_text(int64_t bytes, char text[32])
{
    if (bytes < 1000)
        snprintf(text, 32, "%" PRId64 " bytes", bytes);
    else if (bytes < 1000000)
        snprintf(text, 32, "%.1f kB", (double)bytes / 1e3);
    else
        snprintf(text, 32, "%.1f MB", (double)bytes / 1e6);
    return text;
}

static int print_items(const GcItems *g, Error *err)
{
    static const char *const columns[] = {"what", "runs", "rows", "size", "which runs", "what is lost"};
    char size[32];
    CliTable *t = cli_table_alloc(CLI_TEXT, columns, sizeof columns / sizeof columns[0]);
    for (int kind = 0; kind < STORE_GC_KINDS; kind++) {
        if (g->runs[kind] == 0)
            continue;
        cli_table_text(t, kinds[kind].name);
        cli_table_integer(t, g->runs[kind]);
        cli_table_integer(t, g->rows[kind]);
        cli_table_text(t, size_text(g->bytes[kind], size));
        cli_table_text(t, text_string(&g->numbers[kind]));
        cli_table_text(t, kinds[kind].lost);
    }
    int status = cli_table_print(t, NULL, err);
    fflush(stdout);
    return status;
}

/* 1: yes, 0: no, -1 with *err without a terminal to ask on. */
static int ask(Error *err)
{
    char answer[16];
    if (yes)
        return 1;
    if (!isatty(STDIN_FILENO)) {
        error_set(err, ERR_USAGE, "gc asks before it drops anything, and standard input is not a terminal");
        return error_hint(err, "--yes drops without asking; --dry-run drops nothing");
    }
    fprintf(stderr, "Drop them?  They cannot be brought back.  [y/N] ");
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return 1;
    fprintf(stderr, "nothing was dropped\n");
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int give_back(Store *s, Error *err)
{
    int64_t before, after;
    char first[32], second[32];
    if (store_vacuum(s, &before, &after, err) != 0)
        return -1;
    printf("%s: %s before, %s now\n", store_path(s), size_text(before, first), size_text(after, second));
    return 0;
}

static int drop(const GcItems *g, Error *err)
{
    char size[32];
    int64_t bytes = 0;
    Store *s = store_open(cli_database(), STORE_WRITE, err);
    int status = s == NULL ? -1 : store_gc_drop(s, g->item, g->count, err);
    for (int kind = 0; kind < STORE_GC_KINDS; kind++)
        bytes += g->bytes[kind];
    if (status == 0) {
        printf("dropped: %s\n", size_text(bytes, size));
        fflush(stdout);
        status = give_back(s, err);
    }
    store_close(s);
    return status;
}

/* What each kind would give, where none was chosen. */
static int survey(Store *s, StoreGcFilter *filter, Error *err)
{
    GcItems g = {0};
    for (int kind = 0; kind < STORE_GC_KINDS; kind++)
        filter->kinds[kind] = 1;
    int status = find_items(&g, s, filter, err);
    if (status == 0 && g.count > 0)
        status = print_items(&g, err);
    if (status == 0)
        fprintf(stderr, g.count == 0
                            ? "there is nothing to drop\n"
                            : "nothing was dropped: choose with --checkpoints, --weights, --artifacts, --superseded\n");
    free_items(&g);
    return status;
}

static int collect(Store *s, const StoreGcFilter *filter, Error *err)
{
    GcItems g = {0};
    int64_t kept = 0;
    int status = find_items(&g, s, filter, err);
    if (status == 0 && filter->kinds[STORE_GC_CHECKPOINTS])
        status = store_gc_kept(s, filter, &kept, err);
    if (kept > 0)
        fprintf(stderr,
                "note: checkpoints of unfinished runs are kept: %" PRId64 "; to drop one, name its run: "
                "vae-lab gc --checkpoints RUN\n",
                kept);
    if (status == 0 && g.count == 0)
        fprintf(stderr, "there is nothing to drop\n");
    else if (status == 0)
        status = print_items(&g, err);
    int answer = status == 0 && g.count > 0 && !dry_run ? ask(err) : 0;
    if (status == 0 && answer != 0)
        status = answer > 0 ? drop(&g, err) : -1;
    free_items(&g);
    return status;
}

static int no_such_experiment(Store *s, Error *err)
{
    char nearest[STORE_NAME];
    if (experiment == NULL)
        return 0;
    if (store_nearest_name(s, experiment, 0, nearest, err) != 0)
        return -1;
    if (strcmp(nearest, experiment) == 0)
        return 0;
    error_set(err, ERR_USAGE, "there is no experiment '%s'", experiment);
    return nearest[0] == '\0' ? -1 : error_hint(err, "did you mean '%s'?", nearest);
}

/* [OUT] runs: the numbers on the command line; each must exist. */
static int read_numbers(int64_t *runs, int operands, char **operand, Store *s, Error *err)
{
    char status[STORE_STATUS];
    for (int i = 0; i < operands; i++) {
        long long number;
        if (cli_run_number(operand[i], &number, err) != 0 || store_run_status(s, number, status, NULL, 0, err) != 0)
            return -1;
        runs[i] = number;
        if (strcmp(status, "queued") == 0 || strcmp(status, "running") == 0)
            fprintf(stderr, "note: run %lld is left as it is: its status is %s\n", number, status);
    }
    return 0;
}

static int vacuum_alone(Error *err)
{
    Store *s = store_open(cli_database(), STORE_WRITE, err);
    int status = s == NULL ? -1 : give_back(s, err);
    store_close(s);
    return status;
}

static int gc(int operands, char **operand, Error *err)
{
    StoreGcFilter filter = {.experiment = experiment, .where = where, .nruns = (size_t)operands};
    int any = wanted[0] || wanted[1] || wanted[2] || wanted[3];
    if (vacuum && (any || operands > 0))
        return error_set(err, ERR_USAGE, "--vacuum stands alone: every other gc gives the free space back too");
    if (vacuum)
        return vacuum_alone(err);
    memcpy(filter.kinds, wanted, sizeof wanted);
    int64_t *runs = mem_array((size_t)operands, sizeof *runs);
    Store *s = runs == NULL ? NULL : cli_open(err);
    int status = runs == NULL ? error_memory(err, "a list of runs")
                 : s == NULL  ? -1
                              : read_numbers(runs, operands, operand, s, err);
    filter.runs = runs;
    if (status == 0)
        status = no_such_experiment(s, err);
    if (status == 0)
        status = any ? collect(s, &filter, err) : survey(s, &filter, err);
    store_close(s);
    mem_free(runs);
    return status;
}

const CliCommand cli_gc = {
    .name = "gc",
    .arguments = "[RUN]… [--checkpoints] [--weights] [--artifacts] [--superseded]",
    .summary = "drop large parts of the record that can be computed again",
    .options = options,
    .run = gc,
    .notes = "Without a choice it prints what each one would give.  Curves, numbers and verdicts stay; a run that\n"
             "is queued or running is never touched.  Afterwards the file is rewritten without its free space,\n"
             "which needs room for a second copy.\n"
             "\n"
             "examples: vae-lab gc\n"
             "          vae-lab gc --weights --experiment beta --where \"seed > 1\"\n",
};
