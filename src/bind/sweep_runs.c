/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/sweep_runs.c: the finished runs of a sweep as Lua tables, for figures and claims.
 */
#include "bind/loaded.h"
#include "store/read.h"

void bind_pairs(lua_State *L)
{
    int rows = lua_gettop(L);
    lua_newtable(L);
    for (size_t i = 1; i <= lua_rawlen(L, rows); i++) {
        lua_rawgeti(L, rows, (lua_Integer)i);
        lua_getfield(L, -1, "name");
        lua_getfield(L, -2, "value");
        lua_settable(L, rows + 1);
        lua_pop(L, 1);
    }
    lua_remove(L, rows);
}

void bind_push_sweep_runs(lua_State *L, Store *s, int64_t sweep, const char *experiment)
{
    Error err = ERROR_NONE;
    lua_newtable(L);
    int runs = lua_gettop(L);
    bind_store_done(L, runs, store_sweep_runs(s, sweep, experiment, bind_store_row, L, &err), &err);
    for (lua_Integer i = 1; lua_rawgeti(L, runs, i) == LUA_TTABLE; i++) {
        int run = lua_gettop(L);
        lua_getfield(L, run, "id");
        int64_t id = lua_tointeger(L, -1);
        lua_newtable(L);
        bind_store_done(L, run + 2, store_run_settings(s, id, experiment, bind_store_row, L, &err), &err);
        bind_pairs(L);
        lua_setfield(L, run, "params");
        lua_settop(L, runs);
    }
    lua_settop(L, runs);
}
