/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/option.c: sets, checks and describes the fields that option rows describe.
 */
#include "base/option.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static int is_whole(const Option *o)
{
    return o->type == OPTION_SIZE || o->type == OPTION_INT;
}

static int is_unlimited(const Option *o)
{
    return o->most == 0 || isinf(o->most);
}

double option_get(const Option *option, const void *settings)
{
    const char *field = (const char *)settings + option->offset;
    size_t size;
    double number;
    int integer;
    switch (option->type) {
    case OPTION_NUMBER:
    case OPTION_FROM: return memcpy(&number, field, sizeof number), number;
    case OPTION_SIZE: return memcpy(&size, field, sizeof size), (double)size;
    default: return memcpy(&integer, field, sizeof integer), integer;
    }
}

void option_set(const Option *option, void *settings, double value)
{
    char *field = (char *)settings + option->offset;
    size_t size = option->type == OPTION_SIZE ? (size_t)value : 0;
    int integer = option->type > OPTION_SIZE ? (int)value : 0;
    switch (option->type) {
    case OPTION_NUMBER:
    case OPTION_FROM: memcpy(field, &value, sizeof value); break;
    case OPTION_SIZE: memcpy(field, &size, sizeof size); break;
    default: memcpy(field, &integer, sizeof integer);
    }
}

void option_set_pointer(const Option *option, void *settings, const void *value)
{
    memcpy((char *)settings + option->offset, &value, sizeof value);
}

int option_choice(const Option *option, const char *word)
{
    for (int i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], word) == 0)
            return i;
    return -1;
}

void options_default(const Option *options, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++) {
        const Option *o = &options[i];
        if (o->type == OPTION_CHOICE)
            option_set(o, settings, option_choice(o, o->word));
        else if (o->type < OPTION_STRING)
            option_set(o, settings, o->standard);
        else if (o->type != OPTION_TABLE)
            option_set_pointer(o, settings, o->type == OPTION_STRING ? o->word : NULL);
    }
}

int option_allows(const Option *o, double value)
{
    if (is_whole(o))
        return value >= o->least && (is_unlimited(o) || value <= o->most);
    int above = o->type == OPTION_FROM ? value >= o->least : value > o->least;
    return isfinite(value) && above && (is_unlimited(o) || value < o->most);
}

void option_expected(const Option *o, Text *text)
{
    const char *object = o->object == NULL ? "" : strrchr(o->object, '.') + 1;
    if (strcmp(object, "data") == 0)
        object = "data set";
    switch (o->type) {
    case OPTION_NUMBER:
    case OPTION_FROM:
        if (!isinf(o->least))
            text_addf(text, o->type == OPTION_FROM ? "a number, at least %g" : "a number above %g", o->least);
        else
            text_add(text, "a number");
        if (!is_unlimited(o))
            text_addf(text, "%s below %g", isinf(o->least) ? "" : " and", o->most);
        break;
    case OPTION_SIZE:
    case OPTION_INT:
        text_addf(text, "a whole number, at least %g", o->least);
        if (!is_unlimited(o))
            text_addf(text, " and at most %.12g", o->most);
        break;
    case OPTION_BOOLEAN: text_add(text, "true or false"); break;
    case OPTION_CHOICE:
        for (size_t i = 0; o->choices[i] != NULL; i++)
            text_addf(text, "%s\"%s\"", i == 0 ? "" : o->choices[i + 1] == NULL ? " or " : ", ", o->choices[i]);
        break;
    case OPTION_STRING: text_add(text, "a string"); break;
    case OPTION_STRINGS: text_add(text, "a list of strings"); break;
    case OPTION_OBJECT: text_addf(text, "%s %s", strcmp(object, "array") == 0 ? "an" : "a", object); break;
    case OPTION_TABLE: text_add(text, "a table"); break;
    }
}

int options_check(const Option *options, size_t count, const void *settings, const char *owner, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        const Option *o = &options[i];
        if (o->type > OPTION_INT || option_allows(o, option_get(o, settings)))
            continue;
        Text expected = {0};
        option_expected(o, &expected);
        error_set(err, ERR_SCRIPT, "%s of %s is out of range", o->name, owner);
        error_found(err, "%g", option_get(o, settings));
        error_expected(err, "%s", text_string(&expected));
        text_free(&expected);
        return error_hint(err, "%s: %s", o->name, o->text);
    }
    return 0;
}
