/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_reproduce.c: `vae-lab reproduce RUN…`: trains recorded runs again from the database alone, and says whether
 * digest and curves agree to the bit.
 */
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/workers.h"

#include "base/mem.h"
#include "lab/environment.h"
#include "lab/reproduce.h"
#include "num/isa.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int quiet;

static const CliOption options[] = {
    CLI_OPTION_JOBS,
    CLI_OPTION_THREADS,
    CLI_OPTION_DB,
    CLI_OPTION_DATA_DIR,
    {.name = "--quiet", .flag = &quiet, .help = "no progress"},
    CLI_OPTION_JSON("the verdicts as JSON, one object per run"),
    CLI_OPTION_CSV,
    {0},
};

/* ---- verdicts for people ----------------------------------------------------------------------------------------- */

/* Digests are cut to 12 digits, as everywhere; JSON has all. */
static void print_pair(const LabReproduction *r, int digits)
{
    printf("  recorded  %.*s\n  repeated  %.*s\n", digits, r->expected, digits, r->found);
}

static void print_verdict(const LabReproduction *r)
{
    const StoreRecordedRun *is = &r->recorded;
    printf("run %" PRId64 " (%s%s%s, seed %" PRIu64 "): ", r->id, is->experiment, is->label[0] != '\0' ? ", " : "", is->label,
           is->seed);
    switch (r->verdict) {
    case LAB_REPRODUCED:
        printf("reproduced to the bit: %zu values of %" PRId64 " epochs", r->values, r->epochs);
        if (is->digest[0] != '\0')
            printf(", digest %.12s", r->digest);
        printf("%s\n", strcmp(is->status, "diverged") == 0 ? ", diverged at the same place" : "");
        break;
    case LAB_VALUE_DIFFERS:
        printf("NOT reproduced: %s differs in epoch %" PRId64 "\n", r->metric, r->epoch);
        print_pair(r, 60);
        break;
    case LAB_DIGEST_DIFFERS:
        printf("NOT reproduced: all %zu values agree, but the digest of the weights differs\n", r->values);
        print_pair(r, 12);
        break;
    case LAB_END_DIFFERS:
        printf("NOT reproduced: it ended in another way\n");
        print_pair(r, 300);
        break;
    case LAB_DATA_DIFFER:
        printf("NOT trained: the data set %.60s is another one (digests)\n", is->data);
        print_pair(r, 12);
        break;
    case LAB_IDENTITY_DIFFERS:
        printf("NOT trained: graph, plan, data, seed and arithmetic have another identity; was the database edited%s?\n",
               strtol(is->arithmetic, NULL, 10) == NUM_ARITHMETIC_VERSION ? ""
                                                                         : ", or is this another arithmetic version");
        print_pair(r, 12);
        break;
    case LAB_NOT_REPEATED:
        printf("NOT repeated\n");
        print_pair(r, 300);
        break;
    }
}

/* The text of one entry of this process's environment. */
static const char *here(const char *name)
{
    static StoreParam entry[LAB_ENVIRONMENT_MAX];
    size_t count = lab_environment(entry, (int)cli_workers.threads);
    for (size_t i = 0; i < count; i++)
        if (strcmp(entry[i].name, name) == 0 && entry[i].text != NULL)
            return entry[i].text;
    return "";
}

static void print_verdicts(const LabReproduce *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const LabReproduction *one = lab_reproduction(r, i);
        print_verdict(one);
        if (one->recorded.cpu[0] != '\0')
            printf("  recorded on %s (%s), repeated on %s (%s)\n", one->recorded.cpu, one->recorded.isa, here("cpu"),
                   here("isa"));
    }
}

/* ---- verdicts for programs --------------------------------------------------------------------------------------- */

static int print_rows(const LabReproduce *r, size_t count, Error *err)
{
    static const char *const columns[] = {"run", "experiment", "label", "seed", "verdict", "epochs", "values", "epoch", "metric",
                                          "recorded", "repeated", "recorded_digest", "repeated_digest", "recorded_cpu",
                                          "repeated_cpu"};
    CliTable *t = cli_table_alloc(cli_format(), columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        const LabReproduction *one = lab_reproduction(r, i);
        const StoreRecordedRun *is = &one->recorded;
        const char *const texts[] = {one->metric, one->expected, one->found, is->digest, one->digest, is->cpu, here("cpu")};
        int differs = one->verdict != LAB_REPRODUCED;
        cli_table_integer(t, one->id);
        cli_table_text(t, is->experiment);
        cli_table_text(t, is->label);
        cli_table_integer(t, (long long)is->seed);
        cli_table_text(t, lab_verdict_word(one->verdict));
        cli_table_integer(t, one->epochs);
        cli_table_integer(t, (long long)one->values);
        if (one->verdict == LAB_VALUE_DIFFERS)
            cli_table_integer(t, one->epoch);
        else
            cli_table_null(t);
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            cli_table_text(t, texts[k][0] != '\0' && (k > 2 || differs) ? texts[k] : NULL);
    }
    return cli_table_print(t, NULL, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int check_verdicts(const LabReproduce *r, size_t count, Error *err)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += lab_reproduction(r, i)->verdict != LAB_REPRODUCED;
    if (bad == 0)
        return 0;
    return error_set(err, ERR_RUN, "%zu of %zu run%s %s not reproduced", bad, count, count == 1 ? "" : "s",
                     bad == 1 ? "was" : "were");
}

static int train(LabReproduce *r, Store *s, Error *err)
{
    size_t trained;
    const LabRun *runs = lab_reproduce_runs(r, &trained);
    if (trained == 0)
        return 0;
    CliProgress *progress = cli_progress_alloc(runs, trained, quiet, err);
    if (progress == NULL || cli_workers_choose(trained, err) != 0) {
        cli_progress_free(progress);
        return -1;
    }
    const LabOptions lab = {.jobs = (int)cli_workers.jobs,
                            .threads = (int)cli_workers.threads,
                            .event = cli_progress_event,
                            .event_context = progress};
    int status = lab_reproduce(r, s, &lab, err);
    cli_progress_free(progress);
    return status;
}

static int reproduce_runs(Store *s, const int64_t *runs, size_t count, Error *err)
{
    LabReproduce *r = lab_reproduce_open(s, runs, count, cli_shared.data_dir, err);
    int status = r == NULL ? -1 : train(r, s, err);
    if (status == 0) {
        if (cli_format() == CLI_TEXT)
            print_verdicts(r, count);
        else
            status = print_rows(r, count, err);
        fflush(stdout);
        if (!quiet)
            fprintf(stderr, "evaluations need the script: they are not repeated\n");
    }
    if (status == 0)
        status = check_verdicts(r, count, err);
    lab_reproduce_free(r);
    return status;
}

static int reproduce(int operands, char **operand, Error *err)
{
    if (operands < 1) {
        cli_operands(operands, operand, 1, 1, "numbers of runs", err);
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    }
    int64_t *runs = mem_array((size_t)operands, sizeof *runs);
    int status = runs == NULL ? error_memory(err, "the runs") : num_isa_choose(NULL, err);
    for (int i = 0; i < operands && status == 0; i++) {
        long long number;
        status = cli_run_number(operand[i], &number, err);
        runs[i] = number;
    }
    Store *s = status == 0 ? cli_open(err) : NULL;
    if (s != NULL)
        status = reproduce_runs(s, runs, (size_t)operands, err);
    store_close(s);
    mem_free(runs);
    return s == NULL ? -1 : status;
}

const CliCommand cli_reproduce = {
    .name = "reproduce", .arguments = "RUN…",
    .summary = "train recorded runs again from the database alone, and compare to the bit",
    .options = options, .run = reproduce,
    .notes = "Graph, training plan, data options, seed and generator are read from the database; neither the\n"
             "script nor the experiment's folder is needed, and nothing is written to the database.  Exit\n"
             "status 0: the digest of the weights and every recorded value of every epoch are the same, to the\n"
             "bit; 1: they are not, and the first epoch and metric that differ are printed.  Of an unfinished\n"
             "run the recorded epochs are compared; a run that diverged must diverge at the same place.\n"
             "\n"
             "example: vae-lab reproduce 12 13 --db results/reference.db --data-dir ~/data\n",
};
