/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/dry_run.c: `vae-lab run --dry-run`.
 */
#include "cli/dry_run.h"
#include "cli/cli.h"
#include "cli/workers.h"

#include "base/mem.h"
#include "num/isa.h"
#include "store/read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct DryRun {
    const CliDryRun *options;
    const LabRun *runs;
    const LabEstimate *estimate;
    size_t count;
    Store *store;                      /* NULL: there is no database yet */
    double *seconds;                   /* of each run, with its evaluations as far as they are known */
    double training, evaluations;      /* sums */
    double memory, disk;               /* of the largest worker; in all */
    size_t unknown;                    /* evaluations whose time no record tells */
} DryRun;

/* ---- one run ----------------------------------------------------------------------------------------------------- */

static const char *state(const DryRun *d, StoreClaim claim, int64_t id)
{
    if (claim == STORE_BUSY)
        return "running"; /* --fresh leaves it alone too */
    if (d->options->fresh || id == 0)
        return "new";
    return claim == STORE_DONE ? "done" : "unfinished";
}

/* Says which process holds a run. */
static int print_holder(Store *store, int64_t id, Error *err)
{
    StoreHolder holder;
    char text[256];
    if (store_run_holder(store, id, &holder, err) != 0)
        return -1;
    store_holder_text(&holder, text, sizeof text);
    fprintf(stderr, "run %lld is held by %s; vae-lab release %lld gives it up\n", (long long)id, text, (long long)id);
    return 0;
}

int cli_evaluation_seconds(Store *store, const LabRun *run, double *seconds, size_t *unknown, Error *err)
{
    *seconds = 0;
    *unknown = 0;
    for (size_t i = 0; i < run->nevaluations; i++) {
        double took = NAN;
        if (store != NULL && store_evaluation_seconds(store, &run->evaluations[i], &took, err) != 0)
            return -1;
        *unknown += isnan(took);
        *seconds += isnan(took) ? 0 : took;
    }
    return 0;
}

/* An estimate deserves three digits. */
static void print_estimate(CliTable *table, double x)
{
    cli_table_number_or_null(table, x, x >= 99.95 ? 0 : x >= 9.995 ? 1 : x >= 0.9995 ? 2 : 3);
}

static int print_run(DryRun *d, CliTable *table, size_t i, Error *err)
{
    const LabRun *run = &d->runs[i];
    const LabEstimate *e = &d->estimate[i];
    int64_t id = 0;
    StoreClaim claim = STORE_NEW;
    double evaluations;
    size_t unknown;
    char identity[13];
    snprintf(identity, sizeof identity, "%.12s", run->identity);
    if ((d->store != NULL && store_run_find(d->store, run->identity, &id, &claim, err) != 0) ||
        (claim == STORE_BUSY && !d->options->quiet && print_holder(d->store, id, err) != 0) ||
        cli_evaluation_seconds(d->store, run, &evaluations, &unknown, err) != 0)
        return -1;
    if (e->problem[0] != '\0' && !d->options->quiet)
        fprintf(stderr, "run %zu, %s, seed %llu will fail: %s\n", i + 1, run->label, (unsigned long long)run->spec.seed.number,
                e->problem);
    d->training += e->seconds;
    d->evaluations += evaluations;
    d->unknown += unknown;
    d->seconds[i] = e->seconds + evaluations;
    d->memory = fmax(d->memory, e->memory);
    d->disk += e->disk;
    cli_table_integer(table, (long long)i + 1);
    cli_table_text(table, run->label);
    cli_table_integer(table, (long long)run->spec.seed.number);
    cli_table_integer(table, run->spec.epochs);
    cli_table_integer(table, (long long)e->parameters);
    cli_table_text(table, state(d, claim, id));
    print_estimate(table, e->seconds > 0 ? e->seconds : (double)NAN);
    print_estimate(table, unknown > 0 ? (double)NAN : evaluations);
    print_estimate(table, e->memory / 1e6);
    print_estimate(table, e->disk / 1e6);
    cli_table_text(table, identity);
    cli_table_text(table, run->experiment);
    return 0;
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

/* [OUT] *longest: seconds of the part that takes longest. */
static int longest_part(const DryRun *d, size_t tasks, double *longest, Error *err)
{
    size_t *part = mem_array(d->count, sizeof *part);
    double *load = mem_array(tasks, sizeof *load), every = 0;
    int status = part == NULL || load == NULL ? error_memory(err, "the parts of the sweep")
                                              : lab_shard_parts(d->runs, d->estimate, d->count, tasks, part, err);
    *longest = 0;
    for (size_t i = 0; status == 0 && i < d->count; i++) {
        if (part[i] == LAB_EVERY_PART)
            every += d->seconds[i];
        else
            load[part[i]] += d->seconds[i];
    }
    for (size_t k = 0; status == 0 && k < tasks; k++)
        *longest = fmax(*longest, load[k] + every);
    mem_free(part);
    mem_free(load);
    return status;
}

__attribute__((format(printf, 3, 0))) static int print_longest(const DryRun *d, size_t parts, const char *format, Error *err)
{
    char text[24];
    double longest;
    if (longest_part(d, parts, &longest, err) != 0)
        return -1;
    text_duration(text, sizeof text, longest);
    fprintf(stderr, format, parts, text);
    return 0;
}

static int print_times(const DryRun *d, Error *err)
{
    const long jobs = cli_workers.jobs, threads = cli_workers.threads;
    char training[24], evaluations[24];
    text_duration(training, sizeof training, d->training);
    text_duration(evaluations, sizeof evaluations, d->evaluations);
    fprintf(stderr, "training %s with %ld thread%s each (%s, measured for %g s)", training, threads, threads == 1 ? "" : "s",
            num_isa_name(), d->options->seconds);
    if (d->unknown == 0)
        fprintf(stderr, ", evaluations %s, as recorded before\n", evaluations);
    else
        fprintf(stderr, "; the time of evaluations is not known before a run has made them\n");
    if (jobs > 1 && print_longest(d, (size_t)jobs, "%zu runs at the same time: %s, if none slows another down\n", err) != 0)
        return -1;
    return d->options->tasks == 0
               ? 0
               : print_longest(d, d->options->tasks, "%zu tasks that run one at a time: %s for the longest\n", err);
}

static int print_sums(const DryRun *d, Error *err)
{
    fprintf(stderr, "%zu run%s: ", d->count, d->count == 1 ? "" : "s");
    if (d->training <= 0)
        fprintf(stderr, "the time was not measured\n");
    else if (print_times(d, err) != 0)
        return -1;
    fprintf(stderr, "memory: at most %.3g MB a run, besides the data set; database: %.3g MB of curves and weights, besides "
                    "what evaluations record\n",
            d->memory / 1e6, d->disk / 1e6);
    return 0;
}

/* The database is read, and each run printed. */
static int print_plan(DryRun *d, Error *err)
{
    static const char *const columns[] = {"run", "label", "seed", "epochs", "parameters", "state", "seconds",
                                          "evaluation_seconds", "memory_mb", "disk_mb", "identity", "experiment"};
    if (access(cli_database(), F_OK) == 0 && (d->store = cli_open(err)) == NULL)
        return -1;
    CliTable *table = cli_table_alloc(cli_format(), columns, sizeof columns / sizeof columns[0]);
    int status = 0;
    for (size_t i = 0; status == 0 && i < d->count; i++)
        status = print_run(d, table, i, err);
    store_close(d->store);
    if (status == 0)
        return cli_table_print(table, NULL, err);
    cli_table_free(table);
    return -1;
}

int cli_dry_run(const LabRun *runs, size_t count, const CliDryRun *options, Error *err)
{
    LabEstimate *estimate = mem_array(count, sizeof *estimate);
    DryRun d = {.options = options, .runs = runs, .estimate = estimate, .count = count};
    d.seconds = mem_array(count, sizeof *d.seconds);
    int status = estimate == NULL || d.seconds == NULL ? error_memory(err, "an estimate") : 0;
    if (status == 0 && count > 0) { /* a part may be empty */
        num_threads_set((int)cli_workers.threads);
        status = lab_estimate(runs, count, options->seconds, estimate, err);
    }
    if (status == 0)
        status = print_plan(&d, err);
    if (status == 0 && !options->quiet)
        status = print_sums(&d, err);
    mem_free(estimate);
    mem_free(d.seconds);
    return status;
}
