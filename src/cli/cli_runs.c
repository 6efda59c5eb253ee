/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_runs.c: `vae-lab runs`, the list of what is recorded: the view `runs`, chosen and sorted.
 */
#include "cli/cli.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char cli_runs_help[] =
    "  --experiment NAME   runs of one experiment\n"
    "  --where SQL         runs for which a condition on the columns holds\n"
    "  --sort COLUMN       sort by a column; -COLUMN: descending\n"
    "  --json, --csv       all columns, every digit\n"
    "  --db FILE           the database (VAE_LAB_DB, results/results.db)\n"
    "\n"
    "Columns: id, experiment, label, seed, status, epochs (done so far), seconds, digest, beta, latent, data,\n"
    "and on the test split, in nats per example: elbo, reconstruction, kl, nll.  Runs that --fresh has\n"
    "superseded are not listed.  A run that several experiments have in common is listed in each of them.\n"
    "\n"
    "example: vae-lab runs --experiment kl_ablation --where 'beta > 0 AND seed = 1' --sort -elbo\n";

static const char *const columns[] = {"id",     "experiment",   "label",  "seed", "status", "epochs",         "seconds",
                                      "digest", "beta",         "latent", "data", "elbo",   "reconstruction", "kl",
                                      "nll",    "configuration"};

/* "-elbo" gives " ORDER BY elbo DESC". */
static int add_order(Text *sql, const char *sort, Error *err)
{
    const size_t n = sizeof columns / sizeof columns[0];
    int down = sort[0] == '-';
    for (size_t i = 0; i < n; i++)
        if (strcmp(columns[i], sort + down) == 0) {
            text_addf(sql, " ORDER BY %s IS NULL, %s %s, id", columns[i], columns[i], down ? "DESC" : "ASC");
            return 0;
        }
    const char *nearest = text_nearest(sort + down, columns, n);
    error_set(err, ERR_USAGE, "runs have no column '%s' to sort by", sort + down);
    return nearest != NULL ? error_hint(err, "did you mean '%s'?", nearest)
                           : error_hint(err, "vae-lab runs --help names the columns");
}

typedef struct Options {
    const char *experiment, *where, *sort, *db;
    int json, csv;
} Options;

static int build(Text *sql, const Options *o, CliFormat format, Error *err)
{
    text_add(
        sql,
        format == CLI_TEXT
            ? "SELECT id, experiment, label, seed, status, epochs, elbo, reconstruction, kl, nll, seconds, data, digest FROM runs"
            : "SELECT * FROM runs");
    text_add(sql, o->experiment != NULL ? " WHERE experiment = ?1" : " WHERE 1");
    if (o->where != NULL)
        text_addf(sql, " AND (%s\n)", o->where); /* the new line ends a comment that the condition may end with */
    if (add_order(sql, o->sort != NULL ? o->sort : "id", err) != 0)
        return -1;
    return sql->failed ? error_memory(err, "a query") : 0;
}

/* ---- nothing found --------------------------------------------------------------------------------------------------- */

typedef struct Known {
    const char *wanted;
    char nearest[80];
    int exact;
} Known;

static int look(void *context, int n, const char *const *names, const StoreValue *values)
{
    Known *k = context;
    const char *name = values[0].bytes;
    (void)n, (void)names;
    k->exact |= strcmp(name, k->wanted) == 0;
    if (text_nearest(k->wanted, &name, 1) != NULL)
        snprintf(k->nearest, sizeof k->nearest, "%s", name);
    return 0;
}

static int say_nothing_found(Store *s, const Options *o, Error *err)
{
    Known k = {.wanted = o->experiment == NULL ? "" : o->experiment};
    if (store_query(s, "SELECT name FROM experiment", NULL, 0, look, &k, err) != 0)
        return -1;
    if (o->experiment != NULL && !k.exact && k.nearest[0] != '\0')
        fprintf(stderr, "there is no experiment '%s' in %s; did you mean '%s'?\n", o->experiment, store_path(s), k.nearest);
    else if (o->experiment != NULL && !k.exact)
        fprintf(stderr, "there is no experiment '%s' in %s\n", o->experiment, store_path(s));
    else
        fprintf(stderr, "no runs%s in %s\n", o->where != NULL ? " for which this holds" : "", store_path(s));
    return 0;
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static int list(Store *s, const Options *o, Error *err)
{
    CliQuery q = {0};
    Text sql = {0};
    StoreValue args[1];
    int status = cli_format(o->json, o->csv, &q.format, err);
    if (status == 0)
        status = build(&sql, o, q.format, err);
    if (o->experiment != NULL)
        args[q.nargs++] = cli_text_value(o->experiment);
    q.sql = text_string(&sql);
    q.args = args;
    if (status == 0 && (status = cli_query(s, &q, err)) != 0 && o->where != NULL)
        error_where(err, "--where %s", o->where); /* the rest of the query is ours */
    if (status == 0 && q.rows == 0)
        status = say_nothing_found(s, o, err);
    text_free(&sql);
    return status;
}

int cli_runs(int argc, char **argv, Error *err)
{
    Options o = {0};
    const CliOption options[] = {
        {.name = "--experiment,-e", .text = &o.experiment},
        {.name = "--where,-w", .text = &o.where},
        {.name = "--sort,-s", .text = &o.sort},
        {.name = "--json", .flag = &o.json},
        {.name = "--csv", .flag = &o.csv},
        {.name = "--db", .text = &o.db},
    };
    int operands;
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0)
        return -1;
    if (operands > 0) {
        error_set(err, ERR_USAGE, "runs takes no operand");
        error_found(err, "%s", argv[1]);
        return error_hint(err, "vae-lab runs --experiment %s; vae-lab show RUN for a single run", argv[1]);
    }
    Store *s = store_open(cli_database(o.db), STORE_READ, err);
    int status = s == NULL ? -1 : list(s, &o, err);
    store_close(s);
    return status;
}
