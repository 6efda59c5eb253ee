/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_runs.c: `vae-lab runs`: the view `runs`, filtered and sorted.
 */
#include "cli/cli.h"
#include "cli/rows.h"
#include "store/read.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static StoreRunFilter filter;

static const CliOption options[] = {
    {.name = "--experiment,-e", .value = "NAME", .text = &filter.experiment, .help = "runs of one experiment"},
    {.name = "--where,-w", .value = "SQL", .text = &filter.where,
     .help = "runs for which a condition on the columns holds"},
    {.name = "--sort,-s", .value = "COLUMN", .text = &filter.sort, .help = "sort by a column; -COLUMN: descending"},
    CLI_OPTION_JSON("all columns, every digit, as JSON"),
    CLI_OPTION_CSV,
    CLI_OPTION_DB,
    {0},
};

/* Nothing was found: an experiment of that name may be misspelt. */
static int print_nothing_found(Store *s, Error *err)
{
    char nearest[STORE_NAME] = "";
    if (filter.experiment != NULL && store_nearest_name(s, filter.experiment, 0, nearest, err) != 0)
        return -1;
    if (filter.experiment == NULL || strcmp(nearest, filter.experiment) == 0)
        fprintf(stderr, "no runs%s in %s\n", filter.where != NULL ? " for which this holds" : "", store_path(s));
    else
        fprintf(stderr, "there is no experiment '%s' in %s%s%s%s\n", filter.experiment, store_path(s),
                nearest[0] != '\0' ? "; did you mean '" : "", nearest, nearest[0] != '\0' ? "'?" : "");
    return 0;
}

/* A narrow terminal may leave the column out that names a problem; a line below the table says which runs have one. */
typedef struct RunRows {
    CliRows rows;
    Text problems; /* "2, 3" */
    int64_t last;  /* the last of them: a run of two experiments has two rows */
} RunRows;

static int take_run(void *context, int columns, const char *const *names, const StoreValue *v)
{
    RunRows *r = context;
    for (int i = 0; i < columns; i++)
        if (strcmp(names[i], "problem") == 0 && v[i].type != STORE_NULL && v[0].integer != r->last) {
            text_addf(&r->problems, "%s%lld", r->problems.length > 0 ? ", " : "", (long long)v[0].integer);
            r->last = v[0].integer;
        }
    return cli_rows_take(&r->rows, columns, names, v);
}

static int runs(int operands, char **operand, Error *err)
{
    size_t count;
    RunRows r = {.rows.format = cli_format()};
    if (cli_operands(operands, operand, 0, 0, "options alone", err) != 0)
        return error_hint(err, "vae-lab runs --experiment %s; vae-lab show RUN for a single run", operand[0]);
    Store *s = cli_open(err);
    if (s == NULL)
        return -1;
    filter.all_columns = cli_format() != CLI_TEXT;
    int status = store_runs_read(s, &filter, take_run, &r, err);
    status = cli_rows_print(&r.rows, status, NULL, &count, err);
    if (status == 0 && r.problems.length > 0 && isatty(STDOUT_FILENO))
        fprintf(stderr, "runs with a problem: %s (vae-lab show RUN prints it)\n", text_string(&r.problems));
    text_free(&r.problems);
    if (status == 0 && count == 0)
        status = print_nothing_found(s, err);
    store_close(s);
    return status;
}

const CliCommand cli_runs = {
    .name = "runs", .arguments = "[--experiment NAME] [--where SQL]", .summary = "list the recorded runs",
    .options = options, .run = runs,
    .notes = "Columns: id, experiment, label, seed, status, epochs (recorded so far), seconds, digest, beta,\n"
             "latent, data, and on the test split, in nats per example: elbo, reconstruction, kl, nll; problem:\n"
             "why a run failed, diverged or stopped, or an evaluation that failed.  Runs that --fresh has\n"
             "superseded are not listed.  A run that several experiments have in common is listed in each of\n"
             "them.\n"
             "\n"
             "example: vae-lab runs --experiment kl_ablation --where 'beta > 0 AND seed = 1' --sort -elbo\n",
};
