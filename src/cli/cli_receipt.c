/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_receipt.c: `vae-lab receipt RUN`: what a finished run was computed from and what came out, as a small text.
 */
#include "cli/cli.h"
#include "cli/receipt.h"

#include "base/file.h"

#include <stdio.h>

static const char *out;

static const CliOption options[] = {
    {.name = "--output,-o", .value = "FILE", .text = &out, .help = "write it to a file instead of standard output"},
    CLI_OPTION_DB,
    {0},
};

static int print(const CliReceipt *r, Error *err)
{
    Text t = {0};
    cli_receipt_text(r, &t);
    int status = t.failed ? error_memory(err, "a receipt") : 0;
    if (status == 0 && out != NULL)
        status = file_write(out, text_string(&t), t.length, 1, err);
    else if (status == 0)
        fputs(text_string(&t), stdout);
    text_free(&t);
    return status;
}

static int receipt(int operands, char **operand, Error *err)
{
    long long run;
    CliReceipt r;
    if (cli_operands(operands, operand, 1, 1, "one run's number", err) != 0)
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    if (cli_run_number(operand[0], &run, err) != 0)
        return -1;
    Store *s = cli_open(err);
    if (s == NULL)
        return -1;
    int status = cli_receipt_of(&r, s, run, err);
    if (status == 0)
        status = print(&r, err);
    cli_receipt_free(&r);
    store_close(s);
    return status;
}

const CliCommand cli_receipt = {
    .name = "receipt", .arguments = "RUN [-o FILE]",
    .summary = "a finished run as a small text that a paper can print", .options = options, .run = receipt,
    .notes = "The receipt names the script and its SHA-256, settings, data set, seed, generator, arithmetic,\n"
             "identity, digest of the weights and the last ELBO on the test split.  vae-lab verify trains it again\n"
             "and says whether all of it is true.\n"
             "\n"
             "example: vae-lab receipt 12 -o kl_ablation.receipt\n",
};
