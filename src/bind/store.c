/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/store.c: results.db for Lua, read-only: any SELECT, as a list of rows.
 */
#include "bind/bind.h"

#include <string.h>

Store *bind_store_check(lua_State *L, int index)
{
    return bind_box_check(L, index, BIND_STORE);
}

static int open_store(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    BindBox *box = bind_box_push(L, BIND_STORE, 0);
    Error err = ERROR_NONE;
    box->object = store_open(path, STORE_READ, &err);
    return box->object == NULL ? bind_raise(L, &err) : 1;
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

typedef struct ResultRow {
    int columns;
    const char *const *names;
    const StoreValue *values;
} ResultRow;

/* Called in protected mode with the list of rows and a ResultRow: no raise may pass SQLite's frames, which lie
 * between here and the script. */
static int append_row(lua_State *L)
{
    const ResultRow *row = lua_touserdata(L, 2);
    lua_createtable(L, 0, row->columns);
    for (int i = 0; i < row->columns; i++) {
        push_value(L, &row->values[i]);
        lua_setfield(L, -2, row->names[i]);
    }
    lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
    return 0;
}

int bind_store_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    lua_State *L = context;
    ResultRow row = {columns, names, values};
    lua_pushcfunction(L, append_row);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, &row);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? 0 : 1; /* the list stays on the top, or an error above it */
}

void bind_store_done(lua_State *L, int list, int status, const Error *err)
{
    if (lua_gettop(L) > list)
        lua_error(L);
    if (status != 0)
        bind_raise(L, err);
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
    default: luaL_argerror(L, index, "nil, a number, a string or a boolean expected");
    }
}

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
    bind_store_done(L, list, store_query(s, sql, args, (size_t)nargs, bind_store_row, L, &err), &err);
    return 1;
}

static int close_store(lua_State *L)
{
    BindBox *box = luaL_checkudata(L, 1, BIND_STORE);
    if (!box->lent)
        store_close(box->object);
    box->object = NULL;
    return 0;
}

static const BindFunction functions[] = {
    {"open", open_store, "(path) → store", "a database, for reading", NULL},
    {0},
};

static const BindFunction methods[] = {
    {"query", query, "(sql, …) → { {column = value}, … }",
     "the rows of a SELECT; arguments are ?1, ?2 …; a blob is a string, NULL is nil", NULL},
    {0},
};

static const luaL_Reg meta[] = {{"__gc", close_store}, {"__close", close_store}, {NULL, NULL}};

const BindModule bind_store_module = {
    .name = "store",
     .text = "results.db, for reading.", .functions = functions, .type = BIND_STORE, .methods = methods, .meta = meta,
};
