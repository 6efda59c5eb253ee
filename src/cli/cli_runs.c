/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_runs.c: `vae-lab runs`: the view `runs`, filtered and sorted.
 */
#include "cli/cli.h"
#include "cli/rows.h"
#include "store/read.h"

#include <stdio.h>
#include <string.h>

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

static int runs(int operands, char **operand, Error *err)
{
    size_t count;
    CliRows rows = {.format = cli_format()};
    if (cli_operands(operands, operand, 0, 0, "options alone", err) != 0)
        return error_hint(err, "vae-lab runs --experiment %s; vae-lab show RUN for a single run", operand[0]);
    Store *s = cli_open(err);
    if (s == NULL)
        return -1;
    filter.all_columns = cli_format() != CLI_TEXT;
    int status = store_runs_read(s, &filter, cli_rows_take, &rows, err);
    status = cli_rows_print(&rows, status, NULL, &count, err);
    if (status == 0 && count == 0)
        status = print_nothing_found(s, err);
    store_close(s);
    return status;
}

const CliCommand cli_runs = {
    .name = "runs", .arguments = "[--experiment NAME] [--where SQL]", .summary = "list the recorded runs",
    .options = options, .run = runs,
    .notes = "Columns: id, experiment, label, seed, status, epochs (recorded so far), seconds, digest, beta,\n"
             "latent, data, and on the test split, in nats per example: elbo, reconstruction, kl, nll.  Runs\n"
             "that --fresh has superseded are not listed.  A run that several experiments have in common is\n"
             "listed in each of them.\n"
             "\n"
             "example: vae-lab runs --experiment kl_ablation --where 'beta > 0 AND seed = 1' --sort -elbo\n",
};
