/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_claims.c: `vae-lab claims`: what the experiments claim, and whether their latest runs confirm it.
 */
#include "cli/claims.h"
#include "cli/cli.h"
#include "cli/rows.h"

#include "base/mem.h"
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
    const char *colour = strcmp(verdict, "holds") == 0 ? "32" : strcmp(verdict, "refuted") == 0 ? "31" : "33";
    int width = (int)strlen("undecided") + 2;
    if (cli_colour())
        printf("\033[1;%sm%-*s\033[0m", colour, width, verdict);
    else
        printf("%-*s", width, verdict);
}

static const char indent[] = "\n           "; /* below the claim's text */

/* Nothing where the text is NULL. */
static void print_after(const char *separator, const char *text)
{
    if (text == NULL)
        return;
    fputs(separator, stdout);
    terminal_print(stdout, text);
}

/* "0.031 (0.001 to 0.09, 3 seeds, log scale)" */
static void print_measured(const StoreVerdict *v)
{
    if (isnan(v->value))
        return;
    printf(": %.5g", v->value);
    if (isnan(v->ci_low) || isnan(v->ci_high))
        return;
    printf(" (%.5g to %.5g, %lld seeds", v->ci_low, v->ci_high, (long long)v->seeds);
    if (v->scale != NULL && stats_scale(v->scale) != STATS_LINEAR)
        printf(", %s scale", v->scale);
    if (v->level > 0.95)
        printf(", level %.4g", v->level);
    putchar(')');
}

static void print_population(const StoreVerdict *v)
{
    if (!isnan(v->population_low) && !isnan(v->population_high))
        printf("; with the error of the test set %.5g to %.5g", v->population_low, v->population_high);
}

static void print_seeds_needed(const StoreVerdict *v)
{
    if (v->seeds_needed > 0)
        printf("%sabout %lld seeds would decide", indent, (long long)v->seeds_needed);
    else if (strcmp(v->verdict, "undecided") == 0 && !isnan(v->p))
        printf("%smore seeds alone would not decide", indent);
}

int cli_verdict_count(void *context, const char *of, const StoreVerdict *v)
{
    CliVerdicts *c = context;
    StatsVerdictKind kind = STATS_HOLDS;
    (void)of;
    while (kind < STATS_UNDECIDED && strcmp(v->verdict, stats_verdicts[kind]) != 0)
        kind++;
    if (strcmp(v->verdict, "open") == 0) {
        c->open++;
        return 0;
    }
    c->of[kind]++;
    if (kind == STATS_UNDECIDED && (size_t)v->seeds_needed > c->most_seeds)
        c->most_seeds = (size_t)v->seeds_needed;
    if (isnan(v->p))
        return 0;
    size_t room = c->capacity;
    double *p = mem_room(c->p, c->tested, &room, sizeof *p);
    StatsVerdictKind *kinds = p == NULL ? NULL : mem_room(c->kind, c->tested, &c->capacity, sizeof *kinds);
    c->p = p == NULL ? c->p : p;
    c->kind = kinds == NULL ? c->kind : kinds;
    if (p == NULL || kinds == NULL)
        return c->failed = 1;
    /* a true claim is refuted, or a false one holds, with probability (1 - level) / 2 at each edge of the band */
    c->false_alarms += (1 - v->level) / 2 * (!isnan(v->low) + !isnan(v->high));
    c->p[c->tested] = v->p;
    c->kind[c->tested++] = kind;
    return 0;
}

int cli_verdict_print(void *context, const char *of, const StoreVerdict *v)
{
    num_fpenv_set(); /* SQLite was called: decimal text is rounded as this thread rounds */
    print_word(v->verdict);
    terminal_print(stdout, of);
    print_after(": ", v->claim);
    print_after(indent, v->quantity);
    print_measured(v);
    printf("; ");
    print_band(v->low, v->high);
    print_after("; ", v->source);
    print_population(v);
    print_after("; ", v->note);
    print_seeds_needed(v);
    if (v->reason != NULL)
        printf("%sjudged by its mean: ", indent);
    print_after("", v->reason);
    if (v->post_hoc != NULL)
        printf("%spost hoc: ", indent);
    print_after("", v->post_hoc);
    putchar('\n');
    return cli_verdict_count(context, of, v);
}

void cli_verdicts_free(CliVerdicts *c)
{
    mem_free(c->p);
    mem_free(c->kind);
}

static int print_holm(const CliVerdicts *c, Error *err)
{
    int *kept = mem_array(c->tested, sizeof *kept);
    size_t *order = mem_array(c->tested, sizeof *order), left[STATS_UNDECIDED + 1] = {0};
    int status = kept == NULL || order == NULL ? error_memory(err, "Holm's correction") : 0;
    if (status == 0) {
        stats_holm(kept, c->p, c->tested, 0.05, order);
        for (size_t i = 0; i < c->tested; i++)
            left[c->kind[i]] += (size_t)kept[i];
        printf("%zu of the verdicts are tests: at most %.2g false ones are to be expected\n", c->tested, c->false_alarms);
        printf("with Holm's correction for all tests together: %zu hold, %zu refuted\n", left[STATS_HOLDS],
               left[STATS_REFUTED]);
    }
    mem_free(kept);
    mem_free(order);
    return status;
}

int cli_verdicts_summary(const CliVerdicts *c, Error *err)
{
    if (c->failed)
        return error_memory(err, "verdicts");
    printf("%zu hold, %zu refuted, %zu undecided, %zu open\n", c->of[STATS_HOLDS], c->of[STATS_REFUTED],
           c->of[STATS_UNDECIDED], c->open);
    return c->tested > 1 ? print_holm(c, err) : 0;
}

static int print_counts(const CliVerdicts *c, Error *err)
{
    size_t others = c->of[STATS_REFUTED] + c->of[STATS_UNDECIDED] + c->open;
    if (c->of[STATS_HOLDS] + others == 0) {
        fprintf(stderr, "no claims are recorded; vae-lab run judges those of an experiment\n");
        return 0;
    }
    if (cli_verdicts_summary(c, err) != 0)
        return -1;
    if (others == 0)
        return 0;
    error_set(err, ERR_RUN, "not all claims hold");
    error_found(err, "%zu refuted, %zu undecided, %zu open", c->of[STATS_REFUTED], c->of[STATS_UNDECIDED], c->open);
    return c->most_seeds == 0 ? -1
                              : error_hint(err, "more seeds decide more of them: vae-lab run FILE.lua --seeds auto");
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
    cli_verdicts_free(&count);
    store_close(s);
    return status;
}

const CliCommand cli_claims = {
    .name = "claims", .arguments = "[--experiment NAME]",
    .summary = "what the experiments claim, and whether their runs confirm it",
    .options = options, .run = claims,
    .notes = "A claim is an entry of an experiment's file: a number, the band in which it is expected, its\n"
             "source.  `vae-lab run` judges it by the runs of its sweep, by the 95 % interval over their seeds:\n"
             "it holds where the interval lies in the band, is refuted where the interval lies outside, else it is\n"
             "undecided; open: it could not be evaluated.  For an undecided claim the number of seeds is printed\n"
             "that decides with a probability of 0.8, if mean and standard deviation stay as they are.\n"
             "\n"
             "A verdict by an interval is a statistical test, and may be false: the expected number is printed,\n"
             "and how many verdicts remain when the probability of any false one is at most 5 % (Holm 1979).\n"
             "The exit code is 1 unless all hold.\n"
             "\n"
             "example: vae-lab claims --experiment kl_ablation\n",
};
