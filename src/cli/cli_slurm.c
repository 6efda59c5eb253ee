/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_slurm.c: `vae-lab slurm FILE.lua`: a script that runs a sweep as an array of a SLURM cluster.
 *
 * The head of the script is written here: what SLURM reserves, and variables that users change.  What it does with them
 * is slurm.sh, which is the same for every sweep.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/dry_run.h"
#include "cli/settings.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "lab/environment.h"
#include "lab/shard.h"
#include "num/isa.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, CALIBRATE_MS = 5000, ARRAY_MOST = 1000 /* SLURM's MaxArraySize is 1001 unless it is set */ };

static const double TASK_SECONDS = 3600; /* of a task, where --tasks does not say how many there are */

static const char *out, *time_limit, *partition;
static long tasks, cpus = 1, calibrate = -1;
static int force;

static const CliOption options[] = {
    CLI_OPTION_SET,
    {.name = "--output,-o", .value = "SCRIPT", .text = &out, .help = "write it to a file instead of standard output"},
    {.name = "--force", .flag = &force, .help = "replace an existing file"},
    {.name = "--tasks", .value = "N", .number = &tasks, .least = 1, .most = 1000000,
     .help = "parts of the sweep (default: so many that each takes about an hour)"},
    {.name = "--cpus", .value = "N", .number = &cpus, .least = 1, .most = 4096,
     .help = "processors of each task: so many runs at the same time (default: 1)"},
    {.name = "--time", .value = "LIMIT", .text = &time_limit,
     .help = "time limit of a task, as SLURM reads it (default: 1.5 times the estimate, and 5 minutes)"},
    {.name = "--partition", .value = "NAME", .text = &partition, .help = "the partition of the jobs"},
    {.name = "--calibrate", .value = "MS", .number = &calibrate,
     .help = "train for so many milliseconds to measure the time (default: 5000)"},
    CLI_OPTION_DB,
    CLI_OPTION_DATA_DIR,
    {0},
};

/* ---- what the sweep takes ---------------------------------------------------------------------------------------- */

typedef struct SlurmPlan {
    LabRun *runs;
    size_t count;
    const char *name, *file; /* of the experiment; the name: letters, digits, "_" and "-" */
    LabEstimate *estimate;   /* of each run */
    double *seconds;         /* of each run with its evaluations, as far as they are known */
    double training, evaluations, longest; /* seconds: sums; of the task that takes longest */
    double memory;           /* bytes of a task */
    size_t unknown;          /* evaluations whose time no record tells */
    size_t tasks, jobs, threads;
} SlurmPlan;

/* Bytes of this process at its most: the program, the script and the data set, which all runs of a task share. */
static double resident(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? 1024.0 * (double)used.ru_maxrss : 0;
}

static int add_evaluations(SlurmPlan *p, size_t i, Store *store, Error *err)
{
    double seconds;
    size_t unknown;
    if (cli_evaluation_seconds(store, &p->runs[i], &seconds, &unknown, err) != 0)
        return -1;
    p->unknown += unknown;
    p->evaluations += seconds;
    p->seconds[i] += seconds;
    return 0;
}

static int estimate(SlurmPlan *p, Error *err)
{
    double before = resident(), seconds = 1e-3 * (double)(calibrate < 0 ? CALIBRATE_MS : calibrate);
    num_threads_set(1);
    if (lab_estimate(p->runs, p->count, seconds, p->estimate, err) != 0)
        return -1;
    Store *store = NULL;
    if (access(cli_database(), F_OK) == 0 && (store = cli_open(err)) == NULL)
        return -1;
    int status = 0;
    for (size_t i = 0; status == 0 && i < p->count; i++) {
        p->seconds[i] = p->estimate[i].seconds;
        p->training += p->seconds[i];
        p->memory = fmax(p->memory, p->estimate[i].memory);
        status = add_evaluations(p, i, store, err);
    }
    store_close(store);
    p->memory = before + (double)cpus * p->memory;
    return status;
}

static void choose_tasks(SlurmPlan *p)
{
    double wanted = ceil((p->training + p->evaluations) / (TASK_SECONDS * (double)cpus));
    double most = fmin((double)p->count, ARRAY_MOST);
    p->tasks = tasks > 0 ? (size_t)tasks : (size_t)fmax(1, fmin(most, wanted));
}

/* One part: its runs, the sum of their times, and the longest of them. */
typedef struct SlurmPart {
    size_t runs;
    double sum, longest;
} SlurmPart;

static void add_run(SlurmPart *part, double seconds)
{
    part->runs++;
    part->sum += seconds;
    part->longest = fmax(part->longest, seconds);
}

/* Divides the processors of a task among runs at the same time and threads of each, by the largest part; estimates the
 * time of the longest one: at most sum/jobs + longest (1 - 1/jobs), whatever the order of the runs (Graham 1966). */
static int divide(SlurmPlan *p, Error *err)
{
    size_t *of_run = mem_array(p->count, sizeof *of_run), most = 1;
    SlurmPart *part = mem_array(p->tasks, sizeof *part);
    int status = of_run == NULL || part == NULL
                     ? error_memory(err, "the parts of the sweep")
                     : lab_shard_parts(p->runs, p->estimate, p->count, p->tasks, of_run, err);
    for (size_t i = 0; status == 0 && i < p->count; i++)
        for (size_t k = 0; k < p->tasks; k++)
            if (of_run[i] == k || of_run[i] == LAB_EVERY_PART)
                add_run(&part[k], p->seconds[i]);
    for (size_t k = 0; status == 0 && k < p->tasks; k++)
        most = part[k].runs > most ? part[k].runs : most;
    p->jobs = most < (size_t)cpus ? most : (size_t)cpus;
    p->threads = (size_t)cpus / p->jobs;
    for (size_t k = 0; status == 0 && k < p->tasks; k++)
        p->longest = fmax(p->longest,
                          (part[k].sum + part[k].longest * (double)(p->jobs - 1)) / (double)p->jobs);
    mem_free(of_run);
    mem_free(part);
    return status;
}

/* ---- the script -------------------------------------------------------------------------------------------------- */

/* A text in a comment: one line, whatever it holds. */
static void add_comment(Text *t, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        text_add_bytes(t, iscntrl((unsigned char)*c) ? "?" : c, 1);
}

/* A path in which SLURM replaces %x, %A and %a: its own % are doubled. */
static void add_pattern(Text *t, const char *folder, const char *pattern)
{
    Text path = {0};
    for (const char *c = folder; *c != '\0'; c++)
        text_add(&path, *c == '%' ? "%%" : (char[]){*c, '\0'});
    text_add(&path, pattern);
    t->failed |= path.failed;
    text_add_shell(t, text_string(&path));
    text_free(&path);
}

static void add_variable(Text *t, const char *name, const char *value, const char *comment)
{
    text_addf(t, "%s=", name);
    text_add_shell(t, value);
    text_addf(t, "  # %s\n", comment);
}

static void add_number(Text *t, const char *name, size_t value, const char *comment)
{
    text_addf(t, "%s=%zu  # %s\n", name, value, comment);
}

static void add_time_limit(Text *t, const SlurmPlan *p)
{
    long minutes = (long)ceil((1.5 * p->longest + 300) / 60);
    text_add(t, "#SBATCH --time=");
    if (time_limit != NULL)
        text_add_shell(t, time_limit);
    else if (minutes < 24 * 60)
        text_addf(t, "%ld:%02ld:00", minutes / 60, minutes % 60);
    else
        text_addf(t, "%ld-%02ld:%02ld:00", minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    text_add(t, "\n");
}

static void add_reservation(Text *t, const SlurmPlan *p, const char *parts)
{
    const double MIB = 1 << 20, STEP = 256;
    text_addf(t, "#SBATCH --job-name=%s\n#SBATCH --array=1-%zu\n", p->name, p->tasks);
    add_time_limit(t, p);
    text_addf(t, "#SBATCH --cpus-per-task=%ld\n", cpus);
    text_addf(t, "#SBATCH --mem=%.0fM\n", fmax(2, ceil(1.5 * p->memory / MIB / STEP)) * STEP);
    if (partition != NULL) {
        text_add(t, "#SBATCH --partition=");
        text_add_shell(t, partition);
        text_add(t, "\n");
    }
    text_add(t, "#SBATCH --signal=B:USR1@120\n#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --output=");
    add_pattern(t, parts, "/%x-%A_%a.log");
    text_add(t, "\n");
}

static const char *of_environment(const StoreParam *entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0 && entries[i].text != NULL)
            return entries[i].text;
    return "unknown";
}

static void add_estimate(Text *t, const SlurmPlan *p)
{
    StoreParam machine[LAB_ENVIRONMENT_MAX];
    size_t entries = lab_environment(machine, 1);
    char training[24], evaluations[24], longest[24];
    text_duration(training, sizeof training, p->training);
    text_duration(evaluations, sizeof evaluations, p->evaluations);
    text_duration(longest, sizeof longest, p->longest);
    text_addf(t, "# Estimated: %zu run%s, training %s on one processor in all", p->count, p->count == 1 ? "" : "s",
              training);
    if (p->unknown == 0)
        text_addf(t, ",\n# evaluations %s, as recorded before", evaluations);
    else
        text_addf(t, ".\n# The time of evaluations is not known before a run has made them: it comes on top");
    text_addf(t,
              ".  The longest\n# task %s with %ld processor%s (the time limit: 1.5 times that, and 5 minutes); %.0f MB of "
              "memory (reserved:\n# 1.5 times that).  Measured on ",
              longest, cpus, cpus == 1 ? "" : "s", p->memory / 1e6);
    add_comment(t, of_environment(machine, entries, "host"));
    text_add(t, ", ");
    add_comment(t, of_environment(machine, entries, "cpu"));
    text_addf(t, " (%s).\n", num_isa_name());
}

static void add_explanation(Text *t, const SlurmPlan *p)
{
    text_add(t, "#\n# ");
    add_comment(t, p->file);
    text_addf(t, ": its sweep as a SLURM array, written by vae-lab " VAE_LAB_VERSION " slurm.\n#\n"
                 "#   bash THIS_SCRIPT   on a login node: submits %zu task%s and the job that merges what they recorded\n"
                 "#\n", p->tasks, p->tasks == 1 ? "" : "s");
    add_estimate(t, p);
    text_add(t,
             "#\n"
             "# Change the lines above and the variables below as your cluster needs it (#SBATCH --account=…, another\n"
             "# time limit, --array=1-N%4 for at most four tasks at the same time).  A limit that is too short is no\n"
             "# harm: two minutes before it (SLURM may be a minute early) the task records its state and is queued again.\n\n");
}

/* The options of `vae-lab run` that choose the runs. */
static void add_run_options(Text *t, const SlurmPlan *p)
{
    const char *data = cli_shared.data_dir != NULL ? cli_shared.data_dir : getenv("VAE_LAB_DATA");
    text_add(t, "run=(");
    text_add_quoted(t, p->file);
    for (size_t i = 0; i < cli_settings.count; i++) {
        text_add(t, " --set ");
        text_add_quoted(t, cli_settings.set[i]);
    }
    if (data != NULL && data[0] != '\0') {
        text_add(t, " --data-dir ");
        text_add_quoted(t, data);
    }
    text_add(t, ")  # what vae-lab runs; change it only together with the folder parts\n");
}

/* [OUT] path: of the running program. */
static void find_program(char path[PATH_BYTES])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_BYTES - 1);
    if (length > 0)
        path[length] = '\0';
    else
        snprintf(path, PATH_BYTES, "%s", cli_argv[0]);
}

static int add_variables(Text *t, const SlurmPlan *p, const char *parts, Error *err)
{
    char folder[PATH_BYTES], program[PATH_BYTES];
    if (getcwd(folder, sizeof folder) == NULL)
        return error_set(err, ERR_FILE, "the current folder has no name");
    find_program(program);
    add_variable(t, "program", program, "also on the nodes");
    add_variable(t, "folder", folder, "paths below are relative to it; it is shared by all nodes");
    add_run_options(t, p);
    add_variable(t, "out", cli_database(), "the record of the whole sweep, made by the merge job");
    add_variable(t, "parts", parts, "the record of each task, renewed while it runs, and the logs");
    add_number(t, "tasks", p->tasks, "as in --array above");
    add_number(t, "jobs", p->jobs, "runs at the same time in a task");
    add_number(t, "threads", p->threads, "of each run");
    add_number(t, "merge_jobs", (size_t)cpus, "the same, for runs that the merge job finds missing");
    add_number(t, "merge_threads", 1, "of each of them");
    add_number(t, "copy_every", 600, "seconds of work that the failure of a node may cost");
    add_number(t, "restarts", 20, "how often a task that was stopped is queued again");
    text_add(t, "\n");
    return 0;
}

/* The lines of slurm.sh. */
static const char *const body[] = {
#include "slurm.inc"
    NULL
};

/* [OUT] parts: "results/results.db" and the experiment "beta" give "results/beta.parts". */
static void name_parts(Text *parts, const SlurmPlan *p)
{
    const char *database = cli_database(), *slash = strrchr(database, '/');
    text_add_bytes(parts, database, slash == NULL ? 0 : (size_t)(slash - database) + 1);
    text_addf(parts, "%s.parts", p->name);
}

static int add_script(Text *t, const SlurmPlan *p, Error *err)
{
    Text parts = {0};
    name_parts(&parts, p);
    if (!parts.failed && strchr(text_string(&parts), '\n') != NULL) {
        text_free(&parts);
        return error_set(err, ERR_USAGE, "SLURM takes no path with a line break: give another one with --db");
    }
    text_add(t, "#!/bin/bash\n");
    add_reservation(t, p, text_string(&parts));
    add_explanation(t, p);
    int status = add_variables(t, p, text_string(&parts), err);
    for (size_t i = 0; body[i] != NULL; i++)
        text_add(t, body[i]);
    t->failed |= parts.failed;
    text_free(&parts);
    return status == 0 && t->failed ? error_memory(err, "a script") : status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int write_script(const SlurmPlan *p, Error *err)
{
    Text t = {0};
    int status = add_script(&t, p, err);
    if (status == 0 && out != NULL)
        status = file_write(out, text_string(&t), t.length, force, err);
    else if (status == 0)
        fputs(text_string(&t), stdout);
    if (status == 0 && p->unknown > 0 && time_limit == NULL)
        fprintf(stderr, "the time limit knows nothing of the evaluations, which no run has made yet: see --time\n");
    text_free(&t);
    return status;
}

static int make_plan(SlurmPlan *p, Error *err)
{
    p->estimate = mem_array(p->count, sizeof *p->estimate);
    p->seconds = mem_array(p->count, sizeof *p->seconds);
    if (p->estimate == NULL || p->seconds == NULL)
        return error_memory(err, "an estimate");
    if (estimate(p, err) != 0)
        return -1;
    choose_tasks(p);
    return divide(p, err);
}

static int slurm(int operands, char **operand, Error *err)
{
    SlurmPlan p = {0};
    size_t duplicates;
    if (cli_operands(operands, operand, 1, 1, "one experiment: vae-lab slurm FILE.lua", err) != 0)
        return -1;
    if (num_isa_choose(NULL, err) != 0 || cli_settings_rng(0, err) != 0)
        return -1;
    const BindSettings settings = {
        .set = cli_settings.set, .nset = cli_settings.count, .data_dir = cli_shared.data_dir};
    BindScript *script = bind_script_load(operand[0], &settings, err);
    int status = script == NULL ? -1 : bind_script_runs(script, &p.runs, &p.count, &duplicates, err);
    if (status == 0) {
        p.file = operand[0];
        p.name = bind_script_name(script);
        status = make_plan(&p, err);
    }
    if (status == 0)
        status = write_script(&p, err);
    mem_free(p.estimate);
    mem_free(p.seconds);
    bind_script_free(script);
    return status;
}

const CliCommand cli_slurm = {
    .name = "slurm", .arguments = "FILE.lua [--set key=value]… [-o SCRIPT]",
    .summary = "a script that runs a sweep on a SLURM cluster",
    .options = options, .run = slurm,
    .notes = "The script is for you to read and change.  `bash SCRIPT` on a login node submits an array of tasks, each\n"
             "with a part of the sweep, and a job that merges what they recorded into the database (--db), runs what\n"
             "is missing and judges the claims.  A task that reaches its time limit, is preempted or loses its node\n"
             "goes on where it was.  docs/cluster.md explains it.\n"
             "\n"
             "example: vae-lab slurm experiments/kl_ablation.lua --set profile=full --cpus 4 -o kl.slurm\n",
};
