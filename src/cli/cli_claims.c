/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_claims.c: `vae-lab claims`: what the experiments claimed, and whether their latest runs bear it out.
 */
#include "cli/cli_claims.h"

#include "cli/cli.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

const char cli_claims_help[] =
    "  --experiment NAME   of one experiment\n"
    "  --json, --csv       all columns, every digit\n"
    "  --db FILE           the database (VAE_LAB_DB, results/results.db)\n"
    "\n"
    "A claim is a line of an experiment's file: a number, its band, its source.  `vae-lab run` judges it by the runs of\n"
    "its sweep: PASS, FAIL, or OPEN where it cannot be judged.  The exit code is 1 unless all of them pass.\n"
    "\n"
    "example: vae-lab claims --experiment kl_ablation\n";

/* ---- for people: a claim is too long for a table --------------------------------------------------------------------------- */

/* Columns: experiment, claim, quantity, value, ci_low, ci_high, low, high, seeds, verdict, source, note. */
enum { EXPERIMENT, CLAIM, QUANTITY, VALUE, CI_LOW, CI_HIGH, LOW, HIGH, SEEDS, VERDICT, SOURCE, NOTE };

static const char columns[] = "SELECT experiment, claim, quantity, value, ci_low, ci_high, low, high, seeds, verdict, source, note ";

static int is_number(const StoreValue *v)
{
    return v->type == STORE_REAL || v->type == STORE_INTEGER;
}

static const char *text_of(const StoreValue *v)
{
    return v->type == STORE_TEXT ? v->bytes : "";
}

static void print_asked(const StoreValue *low, const StoreValue *high)
{
    if (is_number(low) && is_number(high))
        printf("asked %.5g to %.5g", low->real, high->real);
    else if (is_number(low))
        printf("asked at least %.5g", low->real);
    else
        printf("asked at most %.5g", high->real);
}

static void print_verdict(const char *verdict)
{
    const char *colour = strcmp(verdict, "PASS") == 0 ? "32" : strcmp(verdict, "FAIL") == 0 ? "31" : "33";
    if (cli_colour())
        printf("\033[1;%sm%s\033[0m", colour, verdict);
    else
        printf("%s", verdict);
}

static int print_claim(void *context, int n, const char *const *names, const StoreValue *v)
{
    CliClaims *count = context;
    (void)n, (void)names;
    const char *verdict = text_of(&v[VERDICT]), *source = text_of(&v[SOURCE]), *note = text_of(&v[NOTE]);
    count->pass += strcmp(verdict, "PASS") == 0;
    count->fail += strcmp(verdict, "FAIL") == 0;
    count->open += strcmp(verdict, "OPEN") == 0;
    print_verdict(verdict);
    printf("  %s: %s\n      %s", text_of(&v[EXPERIMENT]), text_of(&v[CLAIM]), text_of(&v[QUANTITY]));
    if (is_number(&v[VALUE]))
        printf(": %.5g", v[VALUE].real);
    if (is_number(&v[CI_LOW]) && is_number(&v[CI_HIGH]))
        printf(" (%.5g to %.5g, %lld seeds)", v[CI_LOW].real, v[CI_HIGH].real, (long long)v[SEEDS].integer);
    printf("; ");
    print_asked(&v[LOW], &v[HIGH]);
    printf("%s%s%s%s\n", source[0] != '\0' ? "; " : "", source, note[0] != '\0' ? "; " : "", note);
    return 0;
}

int cli_claims_print(Store *s, int64_t sweep, const char *experiment, CliClaims *count, Error *err)
{
    static const char of_sweep[] = "FROM (SELECT e.name AS experiment, c.* FROM claim c JOIN sweep s ON s.id = c.sweep "
                                   "JOIN experiment e ON e.id = s.experiment) WHERE sweep = ?1 ORDER BY position";
    static const char latest[] = "FROM claims WHERE ?1 IS NULL OR experiment = ?1 ORDER BY experiment, sweep, position";
    char sql[1024];
    StoreValue argument = sweep > 0 ? cli_integer_value(sweep)
                          : experiment != NULL ? cli_text_value(experiment) : (StoreValue){.type = STORE_NULL};
    *count = (CliClaims){0};
    snprintf(sql, sizeof sql, "%s%s", columns, sweep > 0 ? of_sweep : latest);
    return store_query(s, sql, &argument, 1, print_claim, count, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------ */

typedef struct Options {
    const char *experiment, *db;
    int json, csv;
} Options;

/* Programs get the view as it is, and read the verdicts themselves. */
static int print_all(Store *s, const Options *o, CliFormat format, Error *err)
{
    StoreValue argument = o->experiment != NULL ? cli_text_value(o->experiment) : (StoreValue){.type = STORE_NULL};
    CliQuery query = {.sql = "SELECT * FROM claims WHERE ?1 IS NULL OR experiment = ?1 ORDER BY experiment, sweep, position",
                      .args = &argument, .nargs = 1, .format = format};
    return cli_query(s, &query, err);
}

static int summarise(const CliClaims *c, Error *err)
{
    if (c->pass + c->fail + c->open == 0) {
        fprintf(stderr, "no claims yet: vae-lab run judges those of an experiment\n");
        return 0;
    }
    printf("%zu hold, %zu do not, %zu open\n", c->pass, c->fail, c->open);
    if (c->fail + c->open == 0)
        return 0;
    error_set(err, ERR_RUN, "not all claims hold");
    return error_found(err, "%zu FAIL, %zu OPEN", c->fail, c->open);
}

int cli_claims(int argc, char **argv, Error *err)
{
    Options o = {0};
    const CliOption options[] = {
        {.name = "--experiment", .text = &o.experiment}, {.name = "--db", .text = &o.db},
        {.name = "--json", .flag = &o.json}, {.name = "--csv", .flag = &o.csv},
    };
    int operands = 0;
    CliFormat format;
    CliClaims count;
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0 ||
        cli_format(o.json, o.csv, &format, err) != 0)
        return -1;
    if (operands > 0) {
        error_set(err, ERR_USAGE, "claims takes no argument");
        error_found(err, "%s", argv[1]);
        return error_hint(err, "--experiment NAME chooses");
    }
    Store *s = store_open(cli_database(o.db), STORE_READ, err);
    if (s == NULL)
        return -1;
    int status = format != CLI_TEXT ? print_all(s, &o, format, err) : cli_claims_print(s, 0, o.experiment, &count, err);
    if (status == 0 && format == CLI_TEXT)
        status = summarise(&count, err);
    store_close(s);
    return status;
}
