/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_claims.c: `vae-lab claims`: what the experiments claim, and whether their latest runs confirm it.
 */
#include "cli/claims.h"
#include "cli/cli.h"
#include "cli/rows.h"

#include "base/terminal.h"
#include "num/fpenv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *experiment;

static const CliOption options[] = {
    {.name = "--experiment", .value = "NAME", .text = &experiment, .help = "the claims of one experiment"},
    CLI_OPTION_JSON("all columns of the view `claims`, every digit, as JSON"),
    CLI_OPTION_CSV,
    CLI_OPTION_DB,
    {0},
};

/* ---- for people: a claim is too long for a table ---------------------------------------------------------------- */

static void print_band(double low, double high)
{
    if (isnan(high))
        printf("expected at least %.5g", low);
    else if (isnan(low))
        printf("expected at most %.5g", high);
    else
        printf("expected %.5g to %.5g", low, high);
}

static void print_word(const char *verdict)
{
    const char *colour = strcmp(verdict, "PASS") == 0 ? "32" : strcmp(verdict, "FAIL") == 0 ? "31" : "33";
    printf(cli_colour() ? "\033[1;%sm%s\033[0m" : "%.0s%s", colour, verdict);
}

/* Nothing where the text is NULL. */
static void print_after(const char *separator, const char *text)
{
    if (text == NULL)
        return;
    fputs(separator, stdout);
    terminal_print(stdout, text);
}

int cli_verdict_print(void *context, const char *of, const StoreVerdict *v)
{
    CliVerdicts *count = context;
    num_fpenv_set(); /* SQLite was called: decimal text is rounded as this thread rounds */
    count->pass += strcmp(v->verdict, "PASS") == 0;
    count->fail += strcmp(v->verdict, "FAIL") == 0;
    count->open += strcmp(v->verdict, "OPEN") == 0;
    print_word(v->verdict);
    print_after("  ", of);
    print_after(": ", v->claim);
    print_after("\n      ", v->quantity);
    if (!isnan(v->value))
        printf(": %.5g", v->value);
    if (!isnan(v->ci_low) && !isnan(v->ci_high))
        printf(" (%.5g to %.5g, %lld seeds)", v->ci_low, v->ci_high, (long long)v->seeds);
    printf("; ");
    print_band(v->low, v->high);
    print_after("; ", v->source);
    print_after("; ", v->note);
    putchar('\n');
    return 0;
}

static int print_counts(const CliVerdicts *c, Error *err)
{
    if (c->pass + c->fail + c->open == 0) {
        fprintf(stderr, "no claims are recorded; vae-lab run judges those of an experiment\n");
        return 0;
    }
    printf("%zu hold, %zu do not, %zu open\n", c->pass, c->fail, c->open);
    if (c->fail + c->open == 0)
        return 0;
    error_set(err, ERR_RUN, "not all claims hold");
    return error_found(err, "%zu FAIL, %zu OPEN", c->fail, c->open);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static int claims(int operands, char **operand, Error *err)
{
    CliRows rows = {.format = cli_format()};
    CliVerdicts count = {0};
    if (cli_operands(operands, operand, 0, 0, "options alone; --experiment NAME chooses", err) != 0)
        return -1;
    Store *s = cli_open(err);
    if (s == NULL)
        return -1;
    int status;
    if (cli_format() != CLI_TEXT)
        status = cli_rows_print(&rows, store_claims_read(s, experiment, cli_rows_take, &rows, err), NULL, NULL, err);
    else if ((status = store_claims(s, experiment, cli_verdict_print, &count, err)) == 0)
        status = print_counts(&count, err);
    store_close(s);
    return status;
}

const CliCommand cli_claims = {
    .name = "claims", .arguments = "[--experiment NAME]",
    .summary = "what the experiments claim, and whether their runs confirm it",
    .options = options, .run = claims,
    .notes = "A claim is an entry of an experiment's file: a number, the band in which it is expected, its\n"
             "source.  `vae-lab run` judges it by the runs of its sweep: PASS, FAIL, or OPEN where it cannot be\n"
             "judged.  The exit code is 1 unless all pass.\n"
             "\n"
             "example: vae-lab claims --experiment kl_ablation\n",
};
