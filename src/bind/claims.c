/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/claims.c: has the library judge an experiment's claims by the finished runs of one sweep, and records the verdicts.
 */
#include "bind/inside.h"

#include <math.h>
#include <string.h>

/* ---- the runs of a sweep ---- */

/* Calls store:query(sql, id, experiment) with the store at `store`; pushes the rows. */
static void query(lua_State *L, int store, const char *sql, int64_t id, const char *experiment)
{
    lua_getfield(L, store, "query");
    lua_pushvalue(L, store);
    lua_pushstring(L, sql);
    lua_pushinteger(L, (lua_Integer)id);
    lua_pushstring(L, experiment);
    lua_call(L, 4, 1);
}

/* The rows {name =, value =} at the top as one table, pushed. */
static void push_pairs(lua_State *L)
{
    int rows = lua_gettop(L);
    lua_newtable(L);
    for (size_t k = 1; k <= lua_rawlen(L, rows); k++) {
        lua_rawgeti(L, rows, (lua_Integer)k);
        lua_getfield(L, -1, "name");
        lua_getfield(L, -2, "value");
        lua_settable(L, rows + 1);
        lua_pop(L, 1);
    }
}

/* Gives each of the rows at the top its params table, by the experiment's own names. */
static void add_params(lua_State *L, int store, const char *experiment)
{
    int rows = lua_gettop(L);
    size_t count = lua_rawlen(L, rows);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, rows, (lua_Integer)i);
        int row = lua_gettop(L);
        lua_getfield(L, row, "id");
        query(L, store, "SELECT s.name, s.value FROM setting s JOIN experiment e ON e.id = s.experiment WHERE s.run = ?1 AND e.name = ?2",
              lua_tointeger(L, -1), experiment);
        push_pairs(L);
        lua_setfield(L, row, "params");
        lua_settop(L, rows);
    }
}

void bind_push_sweep_runs(lua_State *L, int store, int64_t sweep, const char *experiment)
{
    query(L, store, "SELECT r.* FROM runs r JOIN sweep_run s ON s.run = r.id "
                    "WHERE s.sweep = ?1 AND r.experiment = ?2 AND r.status = 'done' ORDER BY s.position", sweep, experiment);
    add_params(L, store, experiment);
}

/* ---- verdicts ---- */

/* A field of the row at the top; what is not there is NaN, or NULL.  Texts stay alive with the rows. */
static double number(lua_State *L, const char *key)
{
    double value = lua_getfield(L, -1, key) == LUA_TNUMBER ? lua_tonumber(L, -1) : (double)NAN;
    lua_pop(L, 1);
    return value;
}

static const char *text(lua_State *L, const char *key)
{
    const char *value = lua_getfield(L, -1, key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return value;
}

static StoreVerdict read_verdict(lua_State *L)
{
    return (StoreVerdict){
        .claim = text(L, "claim"), .quantity = text(L, "quantity"), .source = text(L, "source"), .note = text(L, "note"),
        .metric = text(L, "metric"), .configuration = text(L, "configuration"),
        .low = number(L, "low"), .high = number(L, "high"), .value = number(L, "value"), .ci_low = number(L, "ci_low"),
        .ci_high = number(L, "ci_high"), .seeds = (int64_t)number(L, "seeds"), .verdict = text(L, "verdict"),
    };
}

/* values(run) → {metric = its last value}; the database is an upvalue. */
static int last_values(lua_State *L)
{
    lua_getfield(L, 1, "id");
    lua_getfield(L, 1, "experiment");
    query(L, lua_upvalueindex(1), "SELECT metric AS name, value FROM last_values WHERE run = ?1 AND experiment = ?2",
          luaL_checkinteger(L, -2), luaL_checkstring(L, -1));
    push_pairs(L);
    return 1;
}

typedef struct Judging {
    BindScript *script;
    Store *store;
    int64_t sweep;
    BindStore *lent;
} Judging;

/* Runs in protected mode. */
static int judge(lua_State *L)
{
    Judging *j = lua_touserdata(L, 1);
    Error err = ERROR_NONE;
    j->lent = bind_store_push(L, j->store);
    int store = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "vae_lab.claims"); /* loaded with the experiment */
    lua_getfield(L, -1, "evaluate");
    bind_push_experiment(L);
    lua_getfield(L, -1, "claims");
    lua_remove(L, -2);
    bind_push_sweep_runs(L, store, j->sweep, j->script->name);
    lua_pushvalue(L, store);
    lua_pushcclosure(L, last_values, 1);
    lua_call(L, 3, 1);
    int rows = lua_gettop(L);
    size_t count = lua_rawlen(L, rows);
    StoreVerdict *verdict = bind_scratch(L, count, sizeof *verdict);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, rows, (lua_Integer)i + 1);
        verdict[i] = read_verdict(L);
        lua_pop(L, 1);
    }
    return store_verdicts_put(j->store, j->sweep, verdict, count, &err) != 0 ? bind_raise(L, &err) : 0;
}

size_t bind_script_claim_count(const BindScript *script)
{
    return script->claims;
}

int bind_script_claims(BindScript *script, Store *store, int64_t sweep, Error *err)
{
    lua_State *L = script->L;
    Judging j = {script, store, sweep, NULL};
    bind_forget_line(L);
    lua_pushcfunction(L, judge);
    lua_pushlightuserdata(L, &j);
    int status = bind_call(L, 1, 0, err);
    if (j.lent != NULL)
        j.lent->store = NULL;
    return status;
}
