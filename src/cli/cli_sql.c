/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_sql.c: `vae-lab sql`: one query printed as a table, or the sqlite3 shell on the database, read-only.
 */
#include "cli/cli.h"
#include "cli/rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const CliOption options[] = {
    CLI_OPTION_JSON("the rows as JSON, every digit"), CLI_OPTION_CSV, CLI_OPTION_DB, {0},
};

/* Becomes the shell.  Returns only when that fails. */
static int become_shell(const char *path, Error *err)
{
    char *argv[] = {"sqlite3", "-readonly", "-header", "-column", "-cmd", ".timeout 10000",
                    "-cmd", "PRAGMA trusted_schema = OFF", NULL, NULL};
    char name[4200];
    snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path); /* a path that begins with - is no option */
    argv[8] = name;
    signal(SIGPIPE, SIG_DFL);
    fflush(NULL);
    execvp(argv[0], argv);
    int reason = errno;
    signal(SIGPIPE, SIG_IGN);
    error_set(err, ERR_STORE, "the sqlite3 shell could not be started");
    error_found(err, "%s", strerror(reason));
    return error_hint(err, "apt-get install sqlite3; or give the query here: vae-lab sql \"SELECT * FROM runs\"");
}

static int sql(int operands, char **operand, Error *err)
{
    size_t count;
    CliRows rows = {.format = cli_format()};
    if (cli_operands(operands, operand, 0, 1, "one query", err) != 0)
        return error_hint(err, "put it into quotes: vae-lab sql \"SELECT …\"");
    Store *s = cli_open(err); /* for the shell too: our messages explain what is wrong with a file */
    if (s == NULL)
        return -1;
    int status = 0;
    if (operands == 1) {
        status =
            cli_rows_print(&rows, store_query(s, operand[0], NULL, 0, cli_rows_take, &rows, err), NULL, &count, err);
        if (status == 0 && count == 0)
            fprintf(stderr, "no rows\n");
    }
    store_close(s);
    return operands == 1 ? status : become_shell(cli_database(), err);
}

const CliCommand cli_sql = {
    .name = "sql", .arguments = "[QUERY]", .summary = "one query on the database, or the sqlite3 shell",
    .options = options, .run = sql,
    .notes = "The views, to begin with: runs; details (all that vae-lab show prints of a run); curves (run,\n"
             "experiment, label, seed, metric, step, value); last_values; summary (experiment, label, metric,\n"
             "seeds, mean, sd, ci_low, ci_high); ellipses (run, example, label, mu1, mu2, major, minor, angle);\n"
             "claims and verdicts.  The tables evaluation and evaluation_option hold what was measured after\n"
             "training, and with which options.  A run that several experiments have in common has a row of\n"
             "runs, curves and last_values in each of them: select by experiment too.  The database is only\n"
             "read.  A run whose process is gone has the status crashed here; in the sqlite3 shell it keeps the\n"
             "status running until the next vae-lab run or release.\n"
             "\n"
             "example: vae-lab sql \"SELECT label, mean, ci_low, ci_high FROM summary WHERE metric = 'test/elbo'\"\n"
             "example: vae-lab sql                  (the sqlite3 shell; .schema runs shows a view)\n",
};
