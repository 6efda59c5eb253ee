/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/options.c: reads option tables.  Every message names the key, what was found and what was expected.
 */
#include "bind/bind.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

enum { NAMES_MAX = 32 };

/* A short spelling of a value: 'text', 12, true, or its type. */
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

int bind_wrong(lua_State *L, const char *key, int value, const char *expected)
{
    Error err;
    error_set(&err, ERR_SCRIPT, "%s is not %s", key, expected);
    error_found(&err, "%s", spell(L, value));
    error_expected(&err, "%s", expected);
    return bind_raise(L, &err);
}

static int missing_key(lua_State *L, const char *key)
{
    Error err;
    error_set(&err, ERR_SCRIPT, "%s is missing", key);
    return bind_raise(L, &err);
}

void bind_keys(lua_State *L, int index, const char *what, const char *const *names)
{
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = 0;
    while (count < NAMES_MAX && names[count] != NULL)
        count++;
    index = lua_absindex(L, index);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        size_t i = 0;
        while (key != NULL && i < count && strcmp(key, names[i]) != 0)
            i++;
        if (key != NULL && i < count)
            continue;
        Error err;
        error_set(&err, ERR_SCRIPT, "%s has no option %s", what, spell(L, -2));
        Text known = {0};
        for (i = 0; i < count; i++)
            text_addf(&known, "%s%s", i == 0 ? "" : ", ", names[i]);
        error_expected(&err, "one of %s", text_string(&known));
        text_free(&known);
        const char *near = key == NULL ? NULL : text_nearest(key, names, count);
        if (near != NULL)
            error_hint(&err, "did you mean %s?", near);
        bind_raise(L, &err);
    }
}

/* Pushes the value of a key, nil when there is no table. */
static int push_key(lua_State *L, int index, const char *key)
{
    if (lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return LUA_TNIL;
    }
    return lua_getfield(L, index, key);
}

lua_Integer bind_integer(lua_State *L, int index, const char *key, lua_Integer missing, lua_Integer least)
{
    int whole = 1;
    lua_Integer value = missing;
    if (push_key(L, index, key) != LUA_TNIL)
        value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : (whole = 0);
    if (!whole || value < least) {
        const char *expected = lua_pushfstring(L, "a whole number of at least %I", (LUAI_UACINT)least);
        bind_wrong(L, key, -2, expected);
    }
    lua_pop(L, 1);
    return value;
}

double bind_number(lua_State *L, int index, const char *key, double missing)
{
    double value = missing;
    if (push_key(L, index, key) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            bind_wrong(L, key, -1, "a number");
        value = lua_tonumber(L, -1);
        if (!isfinite(value))
            bind_wrong(L, key, -1, "a finite number");
    }
    lua_pop(L, 1);
    return value;
}

const char *bind_string(lua_State *L, int index, const char *key, const char *missing)
{
    const char *value = missing;
    if (push_key(L, index, key) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TSTRING)
            bind_wrong(L, key, -1, "a text");
        value = lua_tostring(L, -1);
    }
    lua_pop(L, 1);
    return value;
}

const char *bind_string_needed(lua_State *L, int index, const char *key)
{
    const char *value = bind_string(L, index, key, NULL);
    if (value == NULL)
        missing_key(L, key);
    return value;
}

/* ---- numbers that base/option.h describes ---- */

void bind_options(lua_State *L, int index, const char *owner, const Option *options, size_t count, void *settings)
{
    Error err;
    for (size_t i = 0; i < count; i++) {
        const Option *o = &options[i];
        option_set(o, settings, o->whole ? (double)bind_integer(L, index, o->name, (lua_Integer)o->standard, (lua_Integer)o->least)
                                         : bind_number(L, index, o->name, o->standard));
    }
    if (options_check(options, count, settings, owner, &err) != 0)
        bind_raise(L, &err);
}

static void set_number(lua_State *L, const char *key, double value, int whole)
{
    if (!isfinite(value))
        return;
    if (whole)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

void bind_add_rules(lua_State *L, const Option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Option *o = &options[i];
        lua_createtable(L, 0, 4);
        lua_pushstring(L, o->whole ? "integer" : "number");
        lua_setfield(L, -2, "type");
        set_number(L, o->whole ? "min" : "above", o->least, o->whole);
        set_number(L, o->whole ? "max" : "below", o->most, o->whole);
        set_number(L, "default", o->standard, o->whole);
        lua_setfield(L, -2, o->name);
    }
}
