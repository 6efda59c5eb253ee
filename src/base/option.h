/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/option.h: numbers that a caller may set.  One row holds a number's name, range, default and meaning, for C, Lua and messages.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/error.h"

#include <stddef.h>

typedef struct Option {
    const char *name;
    size_t offset;      /* of the field in its struct: a size_t when the number is whole, else a double */
    int whole;
    double least, most; /* the range: whole numbers include both ends, others exclude both; -HUGE_VAL, HUGE_VAL: no limit */
    double standard;    /* the default */
    const char *text;   /* its meaning, one line */
} Option;

/* Sets every field to its default. */
void options_default(const Option *options, size_t count, void *settings);

/* -1 with *err (ERR_SCRIPT) for the first field out of range; owner ("lab.hmc") is named in the message. */
int options_check(const Option *options, size_t count, const void *settings, const char *owner, Error *err);

double option_get(const Option *option, const void *settings);
void option_set(const Option *option, void *settings, double value);

#endif
