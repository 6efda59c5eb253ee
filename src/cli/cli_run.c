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
#include "cli/seeds.h"
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
    CLI_OPTION_SEEDS,
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

/* ---- looks at the claims ---------------------------------------------------------------------------------------- */

static CliSeeds seeds;

/* The sweep with the seeds of one look. */
typedef struct Look {
    BindScript *script;
    LabRun *runs;
    size_t count, number;       /* of runs; of the look, from 0 */
    const char *part, *resume;  /* "3/8", "" for the whole sweep; the command that resumes */
    int is_last;                /* [OUT] no other look follows */
} Look;

/* Judges the script's claims by the runs that are done.  [OUT] is_last */
static int judge(Look *look, int64_t sweep, Error *err)
{
    CliVerdicts count = {0};
    Store *store = store_open(cli_database(), STORE_WRITE, err);
    if (store == NULL)
        return -1;
    int status = bind_script_claims(look->script, store, sweep, seeds.level, err);
    if (status == 0)
        status = store_sweep_verdicts(store, sweep, cli_verdict_count, &count, err);
    store_close(store);
    look->is_last = look->number + 1 >= seeds.looks || count.of[STATS_UNDECIDED] == 0;
    if (status == 0 && !look->is_last && !quiet)
        fprintf(stderr, "%zu seeds: %zu claims hold, %zu refuted, %zu undecided; now %zu seeds\n", seeds.seeds[look->number],
                count.of[STATS_HOLDS], count.of[STATS_REFUTED], count.of[STATS_UNDECIDED], seeds.seeds[look->number + 1]);
    cli_verdicts_free(&count);
    return status;
}

static int print_verdicts(int64_t sweep, Error *err)
{
    CliVerdicts count = {0};
    Store *s = cli_open(err);
    int status = s == NULL ? -1 : store_sweep_verdicts(s, sweep, cli_verdict_print, &count, err);
    if (status == 0)
        status = cli_verdicts_summary(&count, err);
    cli_verdicts_free(&count);
    store_close(s);
    fflush(stdout);
    return status;
}

static int add_resume_hint(const char *resume, Error *err)
{
    if (strlen(resume) < sizeof err->hint - 32)
        return error_hint(err, "to resume:  %s", resume);
    fprintf(stderr, "to resume:\n  %s\n", resume); /* cut short it would be another command */
    return -1;
}

/* Prints what came of a look, and judges its claims; `status`: of its sweep. */
static int report(Look *look, const LabOutcome *o, int status, Error *err)
{
    Text counts = {0};
    Error unreported = ERROR_NONE; /* what ended the sweep is the error to report */
    int judged = status == 0 && look->part[0] == '\0' && bind_script_claim_count(look->script) > 0;
    spell_counts(&counts, o);
    if (status == 0)
        status = check_outcome(o, text_string(&counts), err);
    if (judged && judge(look, o->sweep, status == 0 ? err : &unreported) != 0)
        status = -1;
    if (status != 0)
        look->is_last = 1;
    if (look->is_last && print_results(o->sweep, status == 0 ? err : &unreported) != 0)
        status = -1;
    if (look->is_last && !quiet)
        fprintf(stderr, "%s\n", text_string(&counts));
    if (look->is_last && judged && !cli_shared.json && print_verdicts(o->sweep, status == 0 ? err : &unreported) != 0)
        status = -1;
    text_free(&counts);
    return status;
}

static int run_all(Look *look, Error *err)
{
    LabOutcome outcome = {0};
    const LabProvenance *provenance;
    CliProgress *progress = cli_progress_alloc(look->runs, look->count, quiet, err);
    if (progress == NULL)
        return -1;
    if (bind_script_provenance(look->script, &provenance, err) != 0) {
        cli_progress_free(progress);
        return -1;
    }
    const LabOptions lab = {
        .database = cli_database(),
        .jobs = (int)cli_workers.jobs,
        .threads = (int)cli_workers.threads,
        .fresh = fresh && look->number == 0,
        .settings = bind_script_settings(look->script),
        .part = look->part[0] == '\0' ? NULL : look->part,
        .provenance = provenance,
        .copy = cli_copy.file,
        .copy_seconds = (double)cli_copy.seconds,
        .hooks = bind_script_hooks(),
        .event = cli_progress_event,
        .event_context = progress,
    };
    int status = lab_sweep(look->runs, look->count, &lab, &outcome, err);
    cli_progress_free(progress);
    if (status != 0 && err->kind != ERR_SIGNAL)
        return -1;
    if (status != 0)
        add_resume_hint(look->resume, err);
    return report(look, &outcome, status, err);
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

static int print_plan(const Look *look, Error *err)
{
    return cli_dry_run(look->runs, look->count,
                       &(CliDryRun){.fresh = fresh, .quiet = quiet, .tasks = (size_t)tasks,
                                    .seconds = 1e-3 * (double)(calibrate < 0 ? CALIBRATE_MS : calibrate)},
                       err);
}

/* Loads the script with the seeds of the look, and runs it or its part, with a copy of the database before and after. */
static int run_look(const char *path, Look *look, Error *err)
{
    size_t duplicates;
    char part[PART_TEXT] = "";
    Text resume = {0};
    look->is_last = 1;
    if (seeds.looks > 0 && cli_seeds_set(seeds.seeds[look->number], err) != 0)
        return -1;
    const BindSettings settings = {.set = cli_settings.set, .nset = cli_settings.count, .data_dir = cli_shared.data_dir};
    look->script = bind_script_load(path, &settings, err);
    int status = look->script == NULL ? -1 : bind_script_runs(look->script, &look->runs, &look->count, &duplicates, err);
    if (status == 0 && duplicates > 0 && !quiet)
        fprintf(
            stderr,
            "%zu run%s the same graph, training plan, data and seed as another run of this experiment: computed once\n",
            duplicates, duplicates == 1 ? " has" : "s have");
    if (status == 0)
        status = choose_part(look->runs, &look->count, part, err);
    if (status == 0 && look->count > 0) /* a part may be empty */
        status = cli_workers_choose(look->count, err);
    resume_command(&resume, part);
    look->part = part;
    look->resume = text_string(&resume);
    if (status == 0 && dry_run)
        status = print_plan(look, err);
    else if (status == 0 && look->count > 0)
        status = cli_copy_begin(quiet, err) != 0 ? -1 : cli_copy_end(run_all(look, err), err);
    text_free(&resume);
    bind_script_free(look->script);
    return status;
}

static int run_looks(const char *path, Error *err)
{
    Look look = {.number = dry_run && seeds.looks > 0 ? seeds.looks - 1 : 0};
    int status = run_look(path, &look, err);
    while (status == 0 && !look.is_last) {
        look = (Look){.number = look.number + 1};
        status = run_look(path, &look, err);
    }
    return status;
}

static int run(int operands, char **operand, Error *err)
{
    if (cli_operands(operands, operand, 1, 1, "one experiment: vae-lab run FILE.lua", err) != 0)
        return error_hint(err, "for example: vae-lab run experiments/kl_ablation.lua");
    if (num_isa_choose(NULL, err) != 0 || cli_settings_rng(quiet, err) != 0 || cli_seeds_choose(&seeds, err) != 0)
        return -1;
    if (seeds.looks > 1 && cli_shard_text != NULL)
        return error_set(err, ERR_USAGE, "--seeds auto and --shard exclude each other: a part has no claims to decide");
    return run_looks(operand[0], err);
}

const CliCommand cli_run = {
    .name = "run", .arguments = "FILE.lua [--set key=value]…",
    .summary = "run an experiment: train what is not recorded yet, resume what was interrupted",
    .options = options, .run = run,
    .notes = "Results go to standard output, progress to standard error.  After an interruption the same\n"
             "command resumes.  The script's claims are judged at the end: each holds, is refuted, or is\n"
             "undecided, with what was measured (vae-lab claims).  --seeds auto adds seeds while claims are\n"
             "undecided; each look then has a stricter level, so that together they err no more often than one.\n"
             "\n"
             "example: vae-lab run experiments/kl_ablation.lua --set data=mnist --set seed=1,2,3,4,5 --jobs 4\n",
};
