/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/sandbox.c: opens the libraries that a script may use and runs the prelude (prelude.lua), which decides what it
 * reaches.
 */
#include "bind/bind.h"
#include "bind/watch.h"

#include "base/text.h"

#include <lualib.h>
#include <string.h>

static const char loader_key = 0; /* what the prelude returned */

/* The lines of prelude.lua. */
static const char *const prelude[] = {
#include "prelude.inc"
    NULL
};

static const char *read_prelude(lua_State *L, void *context, size_t *size)
{
    const char *const **line = context;
    (void)L;
    *size = **line == NULL ? 0 : strlen(**line);
    return *size == 0 ? NULL : *(*line)++;
}

/* nearest(word, names) → the name of the list that `word` is most likely a misspelling of, or nil. */
static int nearest(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1);
    size_t count = lua_rawlen(L, 2);
    const char **names = bind_scratch(L, count, sizeof *names);
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        names[i] = luaL_checkstring(L, -1); /* the list keeps it */
    }
    lua_pushstring(L, text_nearest(word, names, count));
    return 1;
}

/* The libraries of Lua that stay as they are. */
static void open_libraries(lua_State *L)
{
    static const luaL_Reg chosen[] = {
        {LUA_GNAME, luaopen_base},       {LUA_COLIBNAME, luaopen_coroutine}, {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8},
        {NULL, NULL},
    };
    for (const luaL_Reg *library = chosen; library->name != NULL; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
}

/* Upvalue 1: pcall, xpcall or coroutine.resume, which may catch the error of a native. */
static int call_catcher(lua_State *L)
{
    int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
    bind_watch_native(0);
    return results;
}

/* Replaces a function of the table at the top. */
static void wrap_catcher(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, call_catcher, 1);
    lua_setfield(L, -2, name);
}

static void wrap_catchers(lua_State *L)
{
    lua_pushglobaltable(L);
    wrap_catcher(L, "pcall");
    wrap_catcher(L, "xpcall");
    lua_getfield(L, -1, LUA_COLIBNAME);
    wrap_catcher(L, "resume");
    lua_pop(L, 2);
}

/* Pushes what the prelude needs of C. */
static void push_native(lua_State *L, const char *library, const char *script)
{
    lua_createtable(L, 0, 8);
    lua_pushcfunction(L, luaopen_io); /* called here, not registered: no script finds it */
    lua_call(L, 0, 1);
    lua_setfield(L, -2, "io");
    lua_pushcfunction(L, luaopen_debug);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "getmetatable");
    lua_setfield(L, -3, "getmetatable");
    lua_pop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_setfield(L, -2, "loaded");
    lua_pushstring(L, library);
    lua_setfield(L, -2, "library");
    lua_pushstring(L, script);
    lua_setfield(L, -2, "script");
    lua_pushcfunction(L, bind_raise_table);
    lua_setfield(L, -2, "raise");
    lua_pushcfunction(L, nearest);
    lua_setfield(L, -2, "nearest");
    lua_pushcfunction(L, bind_keep_source);
    lua_setfield(L, -2, "keep_source");
}

void bind_sandbox_open(lua_State *L, const char *library, const char *script)
{
    const char *const *line = prelude;
    open_libraries(L);
    wrap_catchers(L);
    bind_random_open(L);
    for (const BindModule *const *module = bind_modules; *module != NULL; module++)
        bind_module_open(L, *module);
    if (lua_load(L, read_prelude, &line, "=vae_lab/prelude.lua", "t") != LUA_OK)
        lua_error(L);
    push_native(L, library, script);
    lua_call(L, 1, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loader_key);
}

void bind_sandbox_load(lua_State *L, const char *script)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loader_key);
    lua_pushstring(L, script);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2))
        lua_error(L); /* with the message of Lua's parser */
    lua_pop(L, 1);
}
