/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_release.c: `vae-lab release RUN…`: takes runs from processes that are gone, or that shall lose them.
 */
#include "cli/cli.h"

#include <stdio.h>

static int force;

static const CliOption options[] = {
    {.name = "--force", .flag = &force, .help = "also from a process that is alive on this machine; it stops at its next write"},
    CLI_OPTION_DB,
    {0},
};

static int release_run(Store *s, long long run, Error *err)
{
    StoreHolder holder;
    char text[256];
    if (store_run_release(s, run, force, &holder, err) != 0)
        return -1;
    store_holder_text(&holder, text, sizeof text);
    printf("run %lld is released; it was held by %s\n", run, text);
    return 0;
}

static int release(int operands, char **operand, Error *err)
{
    long long run;
    if (cli_operands(operands, operand, 1, cli_argc, "at least one run's number", err) != 0)
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    for (int i = 0; i < operands; i++)
        if (cli_run_number(operand[i], &run, err) != 0)
            return -1;
    store_close(cli_open(err)); /* opening it for writing would make a database that is missing */
    Store *s = err->kind != ERR_NONE ? NULL : store_open(cli_database(), STORE_WRITE, err);
    int status = s == NULL ? -1 : 0;
    for (int i = 0; i < operands && status == 0; i++) {
        cli_run_number(operand[i], &run, err);
        status = release_run(s, run, err);
    }
    store_close(s);
    return status;
}

const CliCommand cli_release = {
    .name = "release", .arguments = "RUN…", .summary = "take a run from a process that is gone", .options = options,
    .run = release,
    .notes = "A process holds the runs that it has queued or is training.  One that died on this machine loses\n"
             "them by itself.  One on another machine or in another container counts as gone once it has given\n"
             "no sign of life for 120 s (VAE_LAB_LEASE); release does not wait for that.  The next vae-lab run\n"
             "continues a released run, to the same digest.  vae-lab show RUN prints who holds it.\n"
             "\n"
             "example: vae-lab release 12\n",
};
