/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/store.c: results.db for Lua, reading only: any SELECT, as a list of rows.
 */
#include "bind/bind.h"

#include <string.h>

Store *bind_store_check(lua_State *L, int index)
{
    BindStore *box = luaL_checkudata(L, index, BIND_STORE);
    if (box->store == NULL)
        luaL_argerror(L, index, "a closed database");
    return box->store;
}

static BindStore *push_empty(lua_State *L)
{
    BindStore *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->store = NULL;
    box->borrowed = 0;
    luaL_setmetatable(L, BIND_STORE);
    return box;
}

BindStore *bind_store_push(lua_State *L, Store *store)
{
    BindStore *box = push_empty(L);
    box->store = store;
    box->borrowed = 1;
    return box;
}

/* store.open(path) */
static int open_store(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    BindStore *box = push_empty(L);
    Error err = ERROR_NONE;
    box->store = store_open(path, STORE_READ, &err);
    return box->store == NULL ? bind_raise(L, &err) : 1;
}

static int get_path(lua_State *L)
{
    lua_pushstring(L, store_path(bind_store_check(L, 1)));
    return 1;
}

/* ---- query ---- */

static void push_value(lua_State *L, const StoreValue *v)
{
    switch (v->type) {
    case STORE_INTEGER: lua_pushinteger(L, (lua_Integer)v->integer); break;
    case STORE_REAL: lua_pushnumber(L, v->real); break;
    case STORE_TEXT:
    case STORE_BLOB: lua_pushlstring(L, v->size == 0 ? "" : v->bytes, v->size); break;
    default: lua_pushnil(L);
    }
}

typedef struct Row {
    int columns;
    const char *const *names;
    const StoreValue *values;
} Row;

/* Called in protected mode with the list of rows and a Row: SQLite's own frames lie between here and the script, and no raise
 * may pass them. */
static int append_row(lua_State *L)
{
    const Row *row = lua_touserdata(L, 2);
    lua_createtable(L, 0, row->columns);
    for (int i = 0; i < row->columns; i++) {
        push_value(L, &row->values[i]);
        lua_setfield(L, -2, row->names[i]);
    }
    lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
    return 0;
}

static int take_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    lua_State *L = context;
    Row row = {columns, names, values};
    lua_pushcfunction(L, append_row);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, &row);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? 0 : 1; /* the list stays on the top, or an error above it */
}

static void read_argument(lua_State *L, int index, StoreValue *v)
{
    memset(v, 0, sizeof *v);
    switch (lua_type(L, index)) {
    case LUA_TNIL: v->type = STORE_NULL; break;
    case LUA_TBOOLEAN:
        v->type = STORE_INTEGER;
        v->integer = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        v->type = lua_isinteger(L, index) ? STORE_INTEGER : STORE_REAL;
        v->integer = lua_isinteger(L, index) ? (int64_t)lua_tointeger(L, index) : 0;
        v->real = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        v->type = STORE_TEXT;
        v->bytes = lua_tolstring(L, index, &v->size);
        break;
    default: luaL_argerror(L, index, "nil, a number, a text or a boolean expected");
    }
}

/* s:query(sql, …): the arguments bind to ?1, ?2 … */
static int query(lua_State *L)
{
    enum { ARGS = 16 };
    StoreValue args[ARGS];
    Store *s = bind_store_check(L, 1);
    const char *sql = luaL_checkstring(L, 2);
    int nargs = lua_gettop(L) - 2;
    luaL_argcheck(L, nargs <= ARGS, ARGS + 2, "too many arguments");
    for (int i = 0; i < nargs; i++)
        read_argument(L, i + 3, &args[i]);
    luaL_checkstack(L, 16, "query");
    lua_newtable(L);
    int list = lua_gettop(L);
    Error err = ERROR_NONE;
    int status = store_query(s, sql, args, (size_t)nargs, take_row, L, &err);
    if (lua_gettop(L) > list)
        return lua_error(L);
    return status != 0 ? bind_raise(L, &err) : 1;
}

static int close_store(lua_State *L)
{
    BindStore *box = luaL_checkudata(L, 1, BIND_STORE);
    if (!box->borrowed)
        store_close(box->store);
    box->store = NULL;
    return 0;
}

int bind_store_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", open_store}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"query", query}, {"path", get_path}, {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", close_store}, {"__close", close_store}, {NULL, NULL}};
    bind_type(L, BIND_STORE, methods, meta);
    luaL_newlib(L, functions);
    return 1;
}
