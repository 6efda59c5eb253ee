/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/arguments.c: options and operands, and those that several commands share.
 *
 * Not getopt_long: it takes any beginning of an option for the option, so that `--thread` is no near miss that gets
 * a suggestion but silently `--threads`, and it takes the option after `--out` for its value.
 */
#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* Whether `word` (n bytes) is the long or the short name in "--out,-o". */
static int named(const CliOption *o, const char *word, size_t n)
{
    const char *comma = strchr(o->name, ',');
    size_t length = comma == NULL ? strlen(o->name) : (size_t)(comma - o->name);
    return (n == length && strncmp(o->name, word, n) == 0) ||
           (comma != NULL && strlen(comma + 1) == n && strncmp(comma + 1, word, n) == 0);
}

static const CliOption *find_option(const CliCommand *c, const char *word, size_t n)
{
    for (const CliOption *o = c->options; o->name != NULL; o++)
        if (named(o, word, n))
            return o;
    return NULL;
}

static int unknown_option(const CliCommand *c, const char *word, size_t n, Error *err)
{
    char given[64], name[40], best[40] = "";
    snprintf(given, sizeof given, "%.*s", (int)(n < sizeof given ? n : sizeof given - 1), word);
    for (const CliOption *o = c->options; o->name != NULL; o++) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(o->name, ","), o->name);
        const char *both[] = {best[0] == '\0' ? "--help" : best, name};
        const char *nearest = text_nearest(given, both, 2);
        if (nearest != NULL && nearest != best)
            memmove(best, nearest, strlen(nearest) + 1);
    }
    error_set(err, ERR_USAGE, "%s has no option '%s'", c->name, given);
    return best[0] != '\0' ? error_hint(err, "did you mean '%s'?", best)
                           : error_hint(err, "vae-lab %s --help lists its options", c->name);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static int bad_value(const CliOption *o, const char *found, const char *expected, Error *err)
{
    error_set(err, ERR_USAGE, "%.*s: the value is missing or wrong", (int)strcspn(o->name, ","), o->name);
    error_found(err, "%s", found == NULL || found[0] == '\0' ? "nothing" : found);
    return error_expected(err, "%s", expected);
}

static int take_number(const CliOption *o, const char *value, Error *err)
{
    char *end, expected[96];
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || number < o->least || (o->most > 0 && number > o->most)) {
        int used = snprintf(expected, sizeof expected, "a whole number of at least %ld", o->least);
        if (o->most > 0)
            snprintf(expected + used, sizeof expected - (size_t)used, " and at most %ld", o->most);
        return bad_value(o, value, expected, err);
    }
    *o->number = number;
    return 0;
}

static int take_value(const CliOption *o, const char *value, Error *err)
{
    if (o->number != NULL)
        return take_number(o, value, err);
    if (o->text != NULL) {
        *o->text = value;
        return 0;
    }
    if (*o->list_count == o->list_max) {
        error_set(err, ERR_USAGE, "%.*s is given too often", (int)strcspn(o->name, ","), o->name);
        return error_expected(err, "at most %zu times", o->list_max);
    }
    o->list[(*o->list_count)++] = value;
    return 0;
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

/* The option word[*i]; moves *i over the value that it takes. */
static int take_option(const CliCommand *c, int count, char **word, int *i, Error *err)
{
    const char *equals = strchr(word[*i], '=');
    size_t n = equals == NULL ? strlen(word[*i]) : (size_t)(equals - word[*i]);
    const CliOption *o = find_option(c, word[*i], n);
    if (o == NULL)
        return unknown_option(c, word[*i], n, err);
    if (o->flag != NULL) {
        *o->flag = 1;
        if (equals == NULL)
            return 0;
        error_set(err, ERR_USAGE, "%.*s takes no value", (int)n, word[*i]);
        return error_found(err, "%s", equals + 1);
    }
    if (equals != NULL)
        return take_value(o, equals + 1, err);
    if (*i + 1 >= count)
        return bad_value(o, NULL, "a value after it", err);
    const char *value = word[++*i];
    if (value[0] == '-' && find_option(c, value, strcspn(value, "=")) != NULL)
        return bad_value(o, value, "a value before the next option", err);
    return take_value(o, value, err);
}

int cli_parse(const CliCommand *command, int count, char **word, int *operands, Error *err)
{
    int n = 0, ended = 0;
    for (int i = 0; i < count; i++) {
        if (!ended && strcmp(word[i], "--") == 0)
            ended = 1;
        else if (ended || word[i][0] != '-' || word[i][1] == '\0')
            word[n++] = word[i]; /* n never overtakes i */
        else if (take_option(command, count, word, &i, err) != 0)
            return -1;
    }
    *operands = n;
    return cli_shared.json && cli_shared.csv ? error_set(err, ERR_USAGE, "--json and --csv exclude each other") : 0;
}

/* ---- shared arguments ------------------------------------------------------------------------------------------- */

CliShared cli_shared;

const char *cli_database(void)
{
    const char *environment = getenv("VAE_LAB_DB");
    if (cli_shared.db != NULL)
        return cli_shared.db;
    return environment != NULL && environment[0] != '\0' ? environment : "results/results.db";
}

Store *cli_open(Error *err)
{
    return store_open(cli_database(), STORE_READ, err);
}

CliFormat cli_format(void)
{
    return cli_shared.json ? CLI_JSON : cli_shared.csv ? CLI_CSV : CLI_TEXT;
}

int cli_operands(int operands, char **operand, int least, int most, const char *what, Error *err)
{
    if (operands >= least && operands <= most)
        return 0;
    error_set(err, ERR_USAGE, operands < least ? "an argument is missing" : "too many arguments");
    if (operands > most)
        error_found(err, "%s", operand[most]);
    else
        error_found(err, "nothing");
    return error_expected(err, "%s", what);
}

int cli_run_number(const char *text, long long *run, Error *err)
{
    const char *digits = text[0] == '#' ? text + 1 : text;
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || errno != 0 || number < 1) {
        error_set(err, ERR_USAGE, "a run has a number");
        error_found(err, "%s", text);
        error_expected(err, "a number such as 12");
        return error_hint(err, "vae-lab runs lists the runs with their numbers");
    }
    *run = number;
    return 0;
}
