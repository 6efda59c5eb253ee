/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_sql.c: `vae-lab sql`, one query printed as a table, or the sqlite3 shell on the database, read-only.
 */
#include "cli/cli.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char cli_sql_help[] =
    "  --json, --csv   every digit (with a QUERY)\n"
    "  --db FILE       the database (VAE_LAB_DB, results/results.db)\n"
    "\n"
    "Views, the place to begin: runs; curves (run, experiment, label, seed, metric, step, value); summary\n"
    "(experiment, label, metric, seeds, mean, sd, ci_low, ci_high); last_values; ellipses (run, example,\n"
    "label, mu1, mu2, major, minor, angle).  A run that several experiments have in common has a row of runs,\n"
    "curves and last_values in each: ask for the experiment too.  The database is only read.\n"
    "\n"
    "example: vae-lab sql \"SELECT label, seeds, mean, ci_low, ci_high FROM summary WHERE metric = 'test/elbo'\"\n"
    "example: vae-lab sql                  (the sqlite3 shell; .schema runs shows a view with its comments)\n";

/* Becomes the shell.  Returns only when that fails. */
static int become_shell(const char *path, Error *err)
{
    char *argv[] = {"sqlite3", "-readonly", "-header", "-column", "-cmd", ".timeout 10000", NULL, NULL};
    char name[4200];
    snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path); /* not an option, whatever it begins with */
    argv[6] = name;
    signal(SIGPIPE, SIG_DFL);
    fflush(NULL);
    execvp(argv[0], argv);
    int reason = errno;
    signal(SIGPIPE, SIG_IGN);
    error_set(err, ERR_STORE, "the sqlite3 shell could not be started");
    error_found(err, "%s", strerror(reason));
    return error_hint(err, "apt-get install sqlite3; or give the query here: vae-lab sql \"SELECT * FROM runs\"");
}

int cli_sql(int argc, char **argv, Error *err)
{
    const char *db = NULL;
    int json = 0, csv = 0, operands;
    CliQuery q = {0};
    const CliOption options[] = {{.name = "--json", .flag = &json},
                                 {.name = "--csv", .flag = &csv},
                                 {.name = "--db", .text = &db}};
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0 ||
        cli_format(json, csv, &q.format, err) != 0)
        return -1;
    if (operands > 1) {
        error_set(err, ERR_USAGE, "sql takes one query");
        error_found(err, "%d words", operands);
        return error_hint(err, "put it into quotes: vae-lab sql \"SELECT …\"");
    }
    const char *path = cli_database(db);
    Store *s = store_open(path, STORE_READ, err); /* the shell too: its own words for what is wrong are fewer */
    if (s == NULL)
        return -1;
    int status = 0;
    if (operands == 1) {
        q.sql = argv[1];
        status = cli_query(s, &q, err);
        if (status == 0 && q.rows == 0)
            fprintf(stderr, "no rows\n");
    }
    store_close(s);
    return operands == 1 ? status : become_shell(path, err);
}
