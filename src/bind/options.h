/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/options.h: option tables, { name = value, … }, read into C structs by the rows of base/option.h.
 */
#ifndef BIND_OPTIONS_H
#define BIND_OPTIONS_H

#include "base/option.h"

#include <lua.h>

/* Rows and the offset of their struct in what bind_options fills. */
typedef struct BindOptionGroup {
    const Option *rows;
    size_t count, offset;
} BindOptionGroup;

/* The options that one native reads. */
enum { BIND_OPTION_GROUPS = 3 };
typedef struct BindOptions {
    const char *owner; /* "model:hmc" */
    BindOptionGroup group[BIND_OPTION_GROUPS];
} BindOptions;

/* A group from an array of rows whose length is known. */
#define BIND_ROWS(rows, offset) {rows, sizeof(rows) / sizeof *(rows), offset}

/* Reads the table at `index` (none or nil: empty) into *settings; options that are not given get their defaults.
 * Raises for a name that no row has, with the nearest one as a hint; for a missing required option; for a wrong type
 * or a value out of range.  The table keeps strings and objects; lists of strings are pushed as scratch. */
void bind_options(lua_State *L, int index, const BindOptions *options, void *settings);

/* Raises "bad value of NAME", with the value at `value` as what was found. */
int bind_wrong(lua_State *L, const char *name, int value, const char *expected);

/* The place of the string at `index` among `choices` (NULL-ended); raises with the nearest one as a hint. */
int bind_choice(lua_State *L, int index, const char *name, const char *const *choices);

/* Adds the rows to the table at the top as rules of check.lua: { leapfrog = { type =, min =, max =, default = }, …
 * }. */
void bind_add_rules(lua_State *L, const Option *rows, size_t count);

#endif
