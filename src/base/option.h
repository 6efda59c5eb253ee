/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/option.h: settings that a caller may give.  One row holds a setting's name, type, range, default and meaning,
 * for C, for Lua, for messages and for docs/natives.md.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

/* The types, and the C type of the field. */
typedef enum OptionType {
    OPTION_NUMBER,  /* double, least < value < most */
    OPTION_FROM,    /* double, least <= value < most */
    OPTION_SIZE,    /* size_t or uint64_t, least <= value <= most */
    OPTION_INT,     /* int, least <= value <= most */
    OPTION_BOOLEAN, /* int */
    OPTION_CHOICE,  /* int or an enumeration: the place in `choices` */
    OPTION_STRING,  /* const char * */
    OPTION_STRINGS, /* const char *const *, NULL-ended */
    OPTION_OBJECT,  /* a pointer: a userdata of Lua, of the type `object` */
    OPTION_TABLE    /* no field: a table of Lua, or what `text` says; the native reads it itself */
} OptionType;

typedef struct Option {
    const char *name;
    OptionType type;
    size_t offset;              /* of the field in its struct */
    double least, most;         /* the range; most 0 or HUGE_VAL: no upper limit */
    double standard;            /* the default of a number */
    const char *word;           /* the default of a string or a choice, or NULL */
    const char *const *choices; /* NULL-ended */
    const char *object;         /* "vae_lab.array" */
    int required;
    const char *text;           /* its meaning, one line */
} Option;

/* The first two members of a row: the field has the setting's name. */
#define OPTION(owner, field) .name = #field, .offset = offsetof(owner, field)

/* Sets every field to its default; NULL where there is none. */
void options_default(const Option *options, size_t count, void *settings);

/* -1 with *err (ERR_SCRIPT) for the first number out of range; owner ("lab.hmc") is named in the message. */
int options_check(const Option *options, size_t count, const void *settings, const char *owner, Error *err);

/* Whether a number is in the option's range. */
int option_allows(const Option *option, double value);

/* Numbers, booleans and choices. */
double option_get(const Option *option, const void *settings);
void option_set(const Option *option, void *settings, double value);

/* Strings, lists of strings, objects. */
void option_set_pointer(const Option *option, void *settings, const void *value);

/* The place of `word` among the choices, or -1. */
int option_choice(const Option *option, const char *word);

/* Adds what is expected: "a whole number, at least 1". */
void option_expected(const Option *option, Text *text);

#endif
