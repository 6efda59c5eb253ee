/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_args.c: options and operands, and the two arguments that most commands share: the database and a run's number.
 */
#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------------------------------- */

/* Whether `word` (n bytes) is the long or the short name in "--out,-o". */
static int named(const CliOption *o, const char *word, size_t n)
{
    const char *comma = strchr(o->name, ',');
    size_t length = comma == NULL ? strlen(o->name) : (size_t)(comma - o->name);
    return (n == length && strncmp(o->name, word, n) == 0) ||
           (comma != NULL && strlen(comma + 1) == n && strncmp(comma + 1, word, n) == 0);
}

static const CliOption *find_option(const CliOption *options, size_t count, const char *word, size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (named(&options[i], word, n))
            return &options[i];
    return NULL;
}

static int unknown_option(const char *word, size_t n, const char *command, const CliOption *options, size_t count, Error *err)
{
    char given[64], names[32][40];
    const char *pointer[33] = {"--help"};
    size_t known = 1;
    for (size_t i = 0; i < count && i < 32; i++) {
        size_t length = strcspn(options[i].name, ",");
        length = length < sizeof names[i] ? length : sizeof names[i] - 1;
        memcpy(names[i], options[i].name, length);
        names[i][length] = '\0';
        pointer[known++] = names[i];
    }
    n = n < sizeof given ? n : sizeof given - 1;
    memcpy(given, word, n);
    given[n] = '\0';
    const char *nearest = text_nearest(given, pointer, known);
    error_set(err, ERR_USAGE, "%s has no option '%s'", command, given);
    return nearest != NULL ? error_hint(err, "did you mean '%s'?", nearest)
                           : error_hint(err, "vae-lab %s --help lists its options", command);
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

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

/* ---- parsing --------------------------------------------------------------------------------------------------------- */

/* One option at argv[*i]; moves *i over the value that it takes. */
static int take_option(int argc, char **argv, int *i, const CliOption *options, size_t count, Error *err)
{
    const char *word = argv[*i], *equals = strchr(word, '=');
    size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const CliOption *o = find_option(options, count, word, n);
    if (o == NULL)
        return unknown_option(word, n, argv[0], options, count, err);
    if (o->flag != NULL) {
        if (equals != NULL) {
            error_set(err, ERR_USAGE, "%.*s takes no value", (int)n, word);
            return error_found(err, "%s", equals + 1);
        }
        *o->flag = 1;
        return 0;
    }
    if (equals != NULL)
        return take_value(o, equals + 1, err);
    if (*i + 1 >= argc)
        return bad_value(o, NULL, "a value after it", err);
    const char *value = argv[*i + 1];
    if (value[0] == '-' && find_option(options, count, value, strcspn(value, "=")) != NULL)
        return bad_value(o, value, "a value before the next option", err);
    (*i)++;
    return take_value(o, value, err);
}

int cli_parse(int argc, char **argv, const CliOption *options, size_t count, int *operands, Error *err)
{
    int n = 0, ended = 0;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (!ended && strcmp(word, "--") == 0) {
            ended = 1;
        } else if (ended || word[0] != '-' || word[1] == '\0') {
            argv[1 + n++] = word; /* n never overtakes i */
        } else if (take_option(argc, argv, &i, options, count, err) != 0) {
            return -1;
        }
    }
    *operands = n;
    return 0;
}

/* ---- shared arguments ------------------------------------------------------------------------------------------------ */

const char *cli_database(const char *flag)
{
    const char *environment = getenv("VAE_LAB_DB");
    if (flag != NULL)
        return flag;
    return environment != NULL && environment[0] != '\0' ? environment : "results/results.db";
}

int cli_run_number(const char *text, long long *run, Error *err)
{
    const char *digits = text[0] == '#' ? text + 1 : text;
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || errno != 0 || number < 1) {
        error_set(err, ERR_USAGE, "this is not a run's number");
        error_found(err, "%s", text);
        error_expected(err, "a number such as 12");
        return error_hint(err, "vae-lab runs lists them");
    }
    *run = number;
    return 0;
}
