/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/options.c: reads option tables.  Every message names the option, what was found and what was expected.
 */
#include "bind/options.h"

#include "bind/array.h"
#include "bind/bind.h"

#include <math.h>
#include <string.h>

enum { NAMES_MAX = 48 };

/* A value as messages show it: 'text', 12, true, nil, "a table". */
static const char *spell(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING: return lua_pushfstring(L, "'%s'", lua_tostring(L, index));
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
    case LUA_TNIL: return luaL_tolstring(L, index, NULL);
    default: return lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
}

int bind_wrong(lua_State *L, const char *name, int value, const char *expected)
{
    Error err;
    error_set(&err, ERR_SCRIPT, "bad value of %s", name);
    error_found(&err, "%s", spell(L, value));
    error_expected(&err, "%s", expected);
    return bind_raise(L, &err);
}

/* ---- one option ---- */

static void add_expected(Error *err, const Option *o)
{
    Text expected = {0};
    option_expected(o, &expected);
    error_expected(err, "%s", text_string(&expected));
    text_free(&expected);
    if (o->text != NULL)
        error_hint(err, "%s: %s", o->name, o->text);
}

/* Raises for the value at `index`; owner: of the option, or NULL. */
static void wrong_value(lua_State *L, int index, const Option *o, const char *owner)
{
    Error err;
    const char *near = NULL;
    size_t count = 0;
    error_set(&err, ERR_SCRIPT, "bad value of %s%s%s", o->name, owner == NULL ? "" : " in ",
              owner == NULL ? "" : owner);
    add_expected(&err, o);
    while (o->choices != NULL && o->choices[count] != NULL)
        count++;
    if (count > 0 && lua_type(L, index) == LUA_TSTRING)
        near = text_nearest(lua_tostring(L, index), o->choices, count);
    if (near != NULL)
        error_hint(&err, "did you mean %s?", near);
    error_found(&err, "%s", spell(L, index));
    bind_raise(L, &err);
}

int bind_choice(lua_State *L, int index, const char *name, const char *const *choices)
{
    const Option o = {.name = name, .type = OPTION_CHOICE, .choices = choices};
    int place = lua_type(L, index) == LUA_TSTRING ? option_choice(&o, lua_tostring(L, index)) : -1;
    if (place < 0)
        wrong_value(L, index, &o, NULL);
    return place;
}

static int read_number(lua_State *L, const Option *o, void *settings)
{
    int whole = 1;
    lua_Integer integer = 0;
    if (lua_type(L, -1) != LUA_TNUMBER || !option_allows(o, lua_tonumber(L, -1)))
        return 0;
    if (o->type == OPTION_SIZE || o->type == OPTION_INT)
        integer = lua_tointegerx(L, -1, &whole);
    if (!whole)
        return 0;
    if (o->type == OPTION_SIZE) /* a double holds no whole numbers above 2^53 */
        memcpy((char *)settings + o->offset, &(size_t){(size_t)integer}, sizeof(size_t));
    else
        option_set(o, settings, lua_tonumber(L, -1));
    return 1;
}

static int read_choice(lua_State *L, const Option *o, void *settings)
{
    int place = lua_type(L, -1) == LUA_TSTRING ? option_choice(o, lua_tostring(L, -1)) : -1;
    if (place >= 0)
        option_set(o, settings, place);
    return place >= 0;
}

/* The list at the top; it is replaced by an array of its strings, which is the option's value. */
static int read_strings(lua_State *L, const Option *o, void *settings)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        return 0;
    size_t count = lua_rawlen(L, -1);
    const char **strings = bind_scratch(L, count + 1, sizeof *strings);
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
        if (lua_rawgeti(L, -2, (lua_Integer)i + 1) != LUA_TSTRING) {
            lua_pop(L, 2);
            return 0;
        }
        strings[i] = lua_tostring(L, -1);
    }
    option_set_pointer(o, settings, strings);
    lua_pushvalue(L, -1); /* stays on the stack when the value is popped */
    return 1;
}

static int read_object(lua_State *L, const Option *o, void *settings)
{
    void *object = luaL_testudata(L, -1, o->object);
    if (object != NULL && strcmp(o->object, BIND_ARRAY) != 0)
        object = ((BindBox *)object)->object; /* NULL: closed */
    option_set_pointer(o, settings, object);
    return object != NULL;
}

/* The value at the top; returns whether it is good. */
static int read_value(lua_State *L, const Option *o, void *settings)
{
    switch (o->type) {
    case OPTION_NUMBER:
    case OPTION_FROM:
    case OPTION_SIZE:
    case OPTION_INT: return read_number(L, o, settings);
    case OPTION_BOOLEAN: option_set(o, settings, lua_toboolean(L, -1)); return lua_isboolean(L, -1);
    case OPTION_CHOICE: return read_choice(L, o, settings);
    case OPTION_STRING: option_set_pointer(o, settings, lua_tostring(L, -1)); return lua_type(L, -1) == LUA_TSTRING;
    case OPTION_STRINGS: return read_strings(L, o, settings);
    case OPTION_OBJECT: return read_object(L, o, settings);
    case OPTION_TABLE: break;
    }
    return 1;
}

static void read_option(lua_State *L, int index, const Option *o, const char *owner, void *settings)
{
    if (index != 0)
        lua_getfield(L, index, o->name);
    else
        lua_pushnil(L);
    if (!lua_isnil(L, -1)) {
        if (!read_value(L, o, settings))
            wrong_value(L, -1, o, owner);
    } else if (o->required) {
        Error err;
        error_set(&err, ERR_SCRIPT, "%s needs %s", owner, o->name);
        error_found(&err, "nothing");
        add_expected(&err, o);
        bind_raise(L, &err);
    }
    lua_pop(L, 1);
}

/* ---- a table ---- */

/* Raises for the key below the top, which no row has. */
static void unknown_option(lua_State *L, const char *owner, const char *const *names, size_t count)
{
    Error err;
    Text known = {0};
    error_set(&err, ERR_SCRIPT, "%s has no option %s", owner, spell(L, -2));
    lua_pop(L, 1);
    for (size_t i = 0; i < count; i++)
        text_addf(&known, "%s%s", i == 0 ? "" : ", ", names[i]);
    error_expected(&err, "one of %s", text_string(&known));
    text_free(&known);
    const char *near = lua_type(L, -2) == LUA_TSTRING ? text_nearest(lua_tostring(L, -2), names, count) : NULL;
    if (near != NULL)
        error_hint(&err, "did you mean %s?", near);
    bind_raise(L, &err);
}

static void check_names(lua_State *L, int index, const BindOptions *options)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (int g = 0; g < BIND_OPTION_GROUPS; g++)
        for (size_t i = 0; i < options->group[g].count && count < NAMES_MAX; i++)
            names[count++] = options->group[g].rows[i].name;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        size_t i = 0;
        while (i < count && (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), names[i]) != 0))
            i++;
        if (i == count)
            unknown_option(L, options->owner, names, count);
    }
}

void bind_options(lua_State *L, int index, const BindOptions *options, void *settings)
{
    luaL_checkstack(L, 40, "too many options");
    index = lua_isnoneornil(L, index) ? 0 : lua_absindex(L, index);
    if (index != 0 && lua_type(L, index) != LUA_TTABLE)
        bind_wrong(L, lua_pushfstring(L, "the options of %s", options->owner), index, "a table { name = value, … }");
    if (index != 0)
        check_names(L, index, options);
    for (int g = 0; g < BIND_OPTION_GROUPS; g++) {
        const BindOptionGroup *group = &options->group[g];
        void *fields = (char *)settings + group->offset;
        options_default(group->rows, group->count, fields);
        for (size_t i = 0; i < group->count; i++)
            read_option(L, index, &group->rows[i], options->owner, fields);
    }
}

/* ---- rules of check.lua ---- */

static void set_number(lua_State *L, const char *key, double value, int whole)
{
    if (whole)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

void bind_add_rules(lua_State *L, const Option *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Option *o = &rows[i];
        int whole = o->type == OPTION_SIZE || o->type == OPTION_INT;
        lua_createtable(L, 0, 4);
        lua_pushstring(L, whole ? "integer" : "number");
        lua_setfield(L, -2, "type");
        set_number(L, o->type == OPTION_NUMBER ? "above" : "min", o->least, whole);
        if (o->most != 0 && isfinite(o->most))
            set_number(L, whole ? "max" : "below", o->most, whole);
        set_number(L, "default", o->standard, whole);
        lua_setfield(L, -2, o->name);
    }
}
