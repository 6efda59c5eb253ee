/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/option.c: reads, sets and checks the fields that option rows describe.
 */
#include "base/option.h"

#include <math.h>
#include <string.h>

double option_get(const Option *option, const void *settings)
{
    const char *field = (const char *)settings + option->offset;
    size_t whole;
    double number;
    if (!option->whole)
        return memcpy(&number, field, sizeof number), number;
    return memcpy(&whole, field, sizeof whole), (double)whole;
}

void option_set(const Option *option, void *settings, double value)
{
    char *field = (char *)settings + option->offset;
    size_t whole = option->whole ? (size_t)value : 0;
    if (option->whole)
        memcpy(field, &whole, sizeof whole);
    else
        memcpy(field, &value, sizeof value);
}

void options_default(const Option *options, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++)
        option_set(&options[i], settings, options[i].standard);
}

static int in_range(const Option *o, double value)
{
    return o->whole ? value >= o->least && value <= o->most : value > o->least && value < o->most;
}

int options_check(const Option *options, size_t count, const void *settings, const char *owner, Error *err)
{
    for (size_t i = 0; i < count; i++) {
        const Option *o = &options[i];
        double value = option_get(o, settings);
        if (in_range(o, value))
            continue;
        error_set(err, ERR_SCRIPT, "%s of %s is out of range", o->name, owner);
        error_found(err, "%g", value);
        error_hint(err, "%s: %s", o->name, o->text);
        if (o->whole)
            return error_expected(err, "a whole number, %g to %g", o->least, o->most);
        return isfinite(o->most) ? error_expected(err, "a number above %g and below %g", o->least, o->most)
                                 : error_expected(err, "a finite number above %g", o->least);
    }
    return 0;
}
