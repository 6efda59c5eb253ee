/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_run.c: `vae-lab run FILE.lua`: loads a script, lists its runs, carries out those that are not recorded
 * yet.
 *
 * A flag beats the environment (VAE_LAB_DB, VAE_LAB_DATA, VAE_LAB_ISA, VAE_LAB_THREADS, GSL_RNG_TYPE), which beats
 * the script.
 */
#include "bind/script.h"
#include "cli/claims.h"
#include "cli/cli.h"
#include "cli/copy.h"
#include "cli/dry_run.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/settings.h"
#include "cli/shard.h"
#include "cli/workers.h"

#include "base/mem.h"
#include "base/text.h"
#include "num/isa.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALIBRATE_MS = 200 };

static int fresh, dry_run, quiet;
static long calibrate = -1, tasks; /* calibrate: milliseconds; -1: not given */

static const CliOption options[] = {
    CLI_OPTION_SET,
    CLI_OPTION_JOBS,
    CLI_OPTION_THREADS,
    CLI_OPTION_DB,
    CLI_OPTION_COPY,
    CLI_OPTION_DATA_DIR,
    {.name = "--fresh", .flag = &fresh,
     .help = "run again what is finished; the older runs are kept, but leave the views"},
    CLI_OPTION_SHARD,
    {.name = "--dry-run", .flag = &dry_run,
     .help = "print the list of runs and what they will take; run nothing, record nothing"},
    {.name = "--calibrate", .value = "MS", .number = &calibrate,
     .help = "with --dry-run: train for so many milliseconds to measure the time (default: 200; 0: do not)"},
    {.name = "--tasks", .value = "N", .number = &tasks, .least = 1, .most = 1000000,
     .help = "with --dry-run: how long the longest of N parts takes (--shard)"},
    {.name = "--quiet", .flag = &quiet, .help = "no progress"},
    CLI_OPTION_JSON("results as JSON, one line per run"),
    {0},
};

/* ---- the command that resumes ----------------------------------------------------------------------------------- */

/* This command without --fresh, which would start all runs again; with the part, which it may have from SLURM. */
static void resume_command(Text *t, const char *part)
{
    int still_options = 1;
    for (int i = 0; i < cli_argc; i++) {
        if (still_options && strcmp(cli_argv[i], "--fresh") == 0)
            continue;
        still_options = still_options && strcmp(cli_argv[i], "--") != 0;
        text_add(t, i == 0 ? "" : " ");
        text_add_shell(t, cli_argv[i]);
    }
    if (part[0] != '\0' && cli_shard_text == NULL)
        text_addf(t, " --shard %s", part);
}

/* ---- what came of it -------------------------------------------------------------------------------------------- */

/* A row as one line of JSON. */
static int print_json_line(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Text t = {0};
    int *failed = context;
    for (int i = 0; i < columns; i++) {
        text_add(&t, i > 0 ? "," : "{");
        text_add_json(&t, names[i]);
        text_add(&t, ":");
        cli_json_value(&t, &values[i]);
    }
    *failed = t.failed;
    if (!t.failed)
        printf("%s}\n", text_string(&t));
    text_free(&t);
    return *failed;
}

static int print_results(int64_t sweep, Error *err)
{
    CliRows rows = {.format = CLI_TEXT};
    if (sweep == 0) /* stopped by a signal before it was recorded */
        return 0;
    Store *s = cli_open(err);
    if (s == NULL)
        return -1;
    int failed = 0;
    int status = cli_shared.json ? store_sweep_results(s, sweep, print_json_line, &failed, err)
                                 : store_sweep_results(s, sweep, cli_rows_take, &rows, err);
    if (!cli_shared.json)
        status = cli_rows_print(&rows, status, NULL, NULL, err);
    else if (status == 0 && failed)
        status = error_memory(err, "a run's results");
    store_close(s);
    fflush(stdout);
    return status;
}

/* "4 runs executed, 1 failed, 5 interrupted, 3 of them before they began" */
static void spell_counts(Text *t, const LabOutcome *o)
{
    const struct { size_t n; const char *what; } rest[] = {
        {o->resumed, "resumed"}, {o->skipped, "done before"}, {o->busy, "running in another process"},
        {o->lost, "left to another process"}, {o->failed, "failed"},
        {o->diverged, "diverged"}, {o->crashed, "crashed"}, {o->unevaluated, "with a failed evaluation"},
        {o->interrupted, "interrupted"},
    };
    text_addf(t, "%zu run%s executed", o->executed, o->executed == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].n > 0)
            text_addf(t, ", %zu %s", rest[i].n, rest[i].what);
    if (o->unbegun > 0)
        text_addf(t, ", %zu of them before %s began", o->unbegun, o->unbegun == 1 ? "it" : "they");
}

/* -1 with *err unless all runs are done, with their evaluations. */
static int check_outcome(const LabOutcome *o, const char *counts, Error *err)
{
    size_t elsewhere = o->busy + o->lost, unfinished = o->failed + o->diverged + o->crashed + o->interrupted + elsewhere;
    if (unfinished + o->unevaluated == 0)
        return 0;
    error_set(err, ERR_RUN, unfinished > 0 ? "not all runs are done" : "not all evaluations are done");
    error_found(err, "%s", counts);
    if (unfinished + o->unevaluated == elsewhere)
        return error_hint(err, "when the other process has ended, the same command prints the results, and runs what is "
                               "missing; vae-lab show RUN prints which process that is");
    return error_hint(err, "vae-lab runs --where \"problem IS NOT NULL\" lists them, vae-lab show RUN prints why");
}

/* Judges the script's claims by the runs that are done, and prints the verdicts. */
static int judge(BindScript *script, int64_t sweep, Error *err)
{
    CliVerdicts count = {0};
    if (bind_script_claim_count(script) == 0)
        return 0;
    Store *store = store_open(cli_database(), STORE_WRITE, err);
    if (store == NULL)
        return -1;
    int status = bind_script_claims(script, store, sweep, err);
    if (status == 0 && !cli_shared.json)
        status = store_sweep_verdicts(store, sweep, cli_verdict_print, &count, err);
    store_close(store);
    return status;
}

static int add_resume_hint(const char *resume, Error *err)
{
    if (strlen(resume) < sizeof err->hint - 32)
        return error_hint(err, "to resume:  %s", resume);
    fprintf(stderr, "to resume:\n  %s\n", resume); /* cut short it would be another command */
    return -1;
}

static int run_all(BindScript *script, LabRun *runs, size_t count, const char *part, const char *resume, Error *err)
{
    LabOutcome outcome = {0};
    const LabProvenance *provenance;
    CliProgress *progress = cli_progress_alloc(runs, count, quiet, err);
    if (progress == NULL)
        return -1;
    if (bind_script_provenance(script, &provenance, err) != 0) {
        cli_progress_free(progress);
        return -1;
    }
    const LabOptions lab = {
        .database = cli_database(),
        .jobs = (int)cli_workers.jobs,
        .threads = (int)cli_workers.threads,
        .fresh = fresh,
        .settings = bind_script_settings(script),
        .part = part[0] == '\0' ? NULL : part,
        .provenance = provenance,
        .copy = cli_copy.file,
        .copy_seconds = (double)cli_copy.seconds,
        .hooks = bind_script_hooks(),
        .event = cli_progress_event,
        .event_context = progress,
    };
    int status = lab_sweep(runs, count, &lab, &outcome, err);
    cli_progress_free(progress);
    if (status != 0 && err->kind == ERR_SIGNAL)
        add_resume_hint(resume, err);
    if (status == 0 || err->kind == ERR_SIGNAL) {
        Error unprinted = ERROR_NONE; /* an interruption is reported in any case */
        if (print_results(outcome.sweep, status == 0 ? err : &unprinted) != 0)
            status = -1;
    }
    Text counts = {0};
    spell_counts(&counts, &outcome);
    if (!quiet)
        fprintf(stderr, "%s\n", text_string(&counts));
    if (status == 0) {
        status = check_outcome(&outcome, text_string(&counts), err);
        Error unjudged = ERROR_NONE; /* unfinished runs are the error to report */
        if (part[0] == '\0' && judge(script, outcome.sweep, status == 0 ? err : &unjudged) != 0)
            status = -1;
    }
    text_free(&counts);
    return status;
}

/* With a copy of the database, before and after. */
static int run_copied(BindScript *script, LabRun *runs, size_t count, const char *part, const char *resume, Error *err)
{
    if (cli_copy_begin(quiet, err) != 0)
        return -1;
    return cli_copy_end(run_all(script, runs, count, part, resume, err), err);
}

/* ---- the part of the sweep --------------------------------------------------------------------------------------- */

enum { PART_TEXT = 48 };

/* Leaves this process its part of the sweep: [OUT] *count runs at the front; part: "3/8", "" for the whole sweep. */
static int choose_part(LabRun *runs, size_t *count, char part[PART_TEXT], Error *err)
{
    LabShard shard;
    char source[128];
    size_t all = *count;
    if (cli_shard_choose(&shard, source, err) != 0)
        return -1;
    if (shard.count == 1)
        return 0;
    LabEstimate *estimate = mem_array(all, sizeof *estimate);
    num_threads_set(1); /* no thread pool: the sweep forks */
    int status = estimate == NULL ? error_memory(err, "an estimate") : lab_estimate(runs, all, 0, estimate, err);
    if (status == 0)
        status = lab_shard(runs, estimate, all, &shard, count, err);
    mem_free(estimate);
    if (status != 0)
        return -1;
    snprintf(part, PART_TEXT, "%zu/%zu", shard.index, shard.count);
    if (!quiet)
        fprintf(stderr, "%s%spart %s of the sweep: %zu of %zu runs\n", source, source[0] == '\0' ? "" : ": ", part, *count,
                all);
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int run(int operands, char **operand, Error *err)
{
    LabRun *runs;
    size_t count, duplicates;
    if (cli_operands(operands, operand, 1, 1, "one experiment: vae-lab run FILE.lua", err) != 0)
        return error_hint(err, "for example: vae-lab run experiments/kl_ablation.lua");
    if (num_isa_choose(NULL, err) != 0 || cli_settings_rng(quiet, err) != 0)
        return -1;
    const BindSettings settings = {.set = cli_settings.set, .nset = cli_settings.count, .data_dir = cli_shared.data_dir};
    Text resume = {0};
    char part[PART_TEXT] = "";
    BindScript *script = bind_script_load(operand[0], &settings, err);
    int status = script == NULL ? -1 : bind_script_runs(script, &runs, &count, &duplicates, err);
    if (status == 0 && duplicates > 0 && !quiet)
        fprintf(
            stderr,
            "%zu run%s the same graph, training plan, data and seed as another run of this experiment: computed once\n",
            duplicates, duplicates == 1 ? " has" : "s have");
    if (status == 0)
        status = choose_part(runs, &count, part, err);
    if (status == 0 && count > 0) /* a part may be empty */
        status = cli_workers_choose(count, err);
    resume_command(&resume, part);
    if (status == 0 && dry_run)
        status = cli_dry_run(runs, count,
                             &(CliDryRun){.fresh = fresh, .quiet = quiet, .tasks = (size_t)tasks,
                                          .seconds = 1e-3 * (double)(calibrate < 0 ? CALIBRATE_MS : calibrate)},
                             err);
    else if (status == 0 && count > 0)
        status = run_copied(script, runs, count, part, text_string(&resume), err);
    text_free(&resume);
    bind_script_free(script);
    return status;
}

const CliCommand cli_run = {
    .name = "run", .arguments = "FILE.lua [--set key=value]…",
    .summary = "run an experiment: train what is not recorded yet, resume what was interrupted",
    .options = options, .run = run,
    .notes = "Results go to standard output, progress to standard error.  After an interruption the same\n"
             "command resumes.  The script's claims are judged at the end: PASS or FAIL, with what was\n"
             "measured (vae-lab claims).\n"
             "\n"
             "example: vae-lab run experiments/kl_ablation.lua --set data=mnist --set seed=1,2,3,4,5 --jobs 4\n",
};
