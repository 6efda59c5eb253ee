/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/claims.c: lets the library judge an experiment's claims by the finished runs of one sweep, and records the
 * verdicts.
 */
#include "bind/loaded.h"
#include "bind/watch.h"
#include "store/read.h"

#include <math.h>

/* The fields of StoreVerdict have these names. */
#define STRING(field) {OPTION(StoreVerdict, field), .type = OPTION_STRING, .text = ""}
#define NUMBER(field) \
    {OPTION(StoreVerdict, field), .type = OPTION_NUMBER, .least = -HUGE_VAL, .standard = NAN, .text = ""}
static const Option verdict_rows[] = {
    STRING(claim), STRING(quantity), STRING(source), STRING(note), STRING(metric), STRING(configuration),
    STRING(verdict), STRING(scale), STRING(reason), STRING(post_hoc), NUMBER(low), NUMBER(high), NUMBER(value),
    NUMBER(ci_low), NUMBER(ci_high), NUMBER(level), NUMBER(p), NUMBER(population_low), NUMBER(population_high),
    {OPTION(StoreVerdict, seeds), .type = OPTION_SIZE, .text = ""},
    {OPTION(StoreVerdict, seeds_needed), .type = OPTION_SIZE, .text = ""},
};
static const BindOptions verdict_options = {"a verdict", {BIND_ROWS(verdict_rows, 0)}};

typedef struct ClaimJob {
    BindScript *script;
    Store *store;
    int64_t sweep;
    double level;
} ClaimJob;

/* values(run) → { metric = its last value }; upvalue 1: the job. */
static int last_values(lua_State *L)
{
    const ClaimJob *job = lua_touserdata(L, lua_upvalueindex(1));
    Error err = ERROR_NONE;
    lua_getfield(L, 1, "id");
    lua_getfield(L, 1, "experiment");
    lua_newtable(L);
    int64_t run = luaL_checkinteger(L, 2);
    int status = store_run_last_values(job->store, run, luaL_checkstring(L, 3), bind_store_row, L, &err);
    bind_store_done(L, 4, status, &err);
    bind_pairs(L);
    return 1;
}

/* scale(metric) → "log", "logit" or nil; upvalue 1: the job. */
static int metric_scale(lua_State *L)
{
    const ClaimJob *job = lua_touserdata(L, lua_upvalueindex(1));
    Error err = ERROR_NONE;
    char scale[STORE_SCALE];
    if (store_metric_scale(job->store, luaL_checkstring(L, 1), scale, &err) != 0)
        return bind_raise(L, &err);
    lua_pushstring(L, scale[0] == '\0' ? NULL : scale);
    return 1;
}

/* Sets a field of the table at the top to a function of the job. */
static void set_function(lua_State *L, const char *field, lua_CFunction function, ClaimJob *job)
{
    lua_pushlightuserdata(L, job);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, field);
}

/* Runs in protected mode. */
static int judge(lua_State *L)
{
    ClaimJob *job = lua_touserdata(L, 1);
    Error err = ERROR_NONE;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "vae_lab.claims");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "evaluate");
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    lua_getfield(L, -1, "claims");
    lua_remove(L, -2);
    bind_push_sweep_runs(L, job->store, job->sweep, job->script->name);
    lua_createtable(L, 0, 3);
    set_function(L, "values", last_values, job);
    set_function(L, "scale", metric_scale, job);
    lua_pushnumber(L, job->level);
    lua_setfield(L, -2, "level");
    lua_call(L, 3, 1);
    int rows = lua_gettop(L);
    size_t count = lua_rawlen(L, rows);
    StoreVerdict *verdict = bind_scratch(L, count, sizeof *verdict);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, rows, (lua_Integer)i + 1);
        bind_options(L, -1, &verdict_options, &verdict[i]);
        lua_pop(L, 1);
    }
    return store_verdicts_put(job->store, job->sweep, verdict, count, &err) != 0 ? bind_raise(L, &err) : 0;
}

size_t bind_script_claim_count(const BindScript *script)
{
    return script->claims;
}

int bind_script_claims(BindScript *script, Store *store, int64_t sweep, double level, Error *err)
{
    lua_State *L = script->L;
    ClaimJob job = {script, store, sweep, level};
    bind_forget_line(L);
    lua_pushcfunction(L, judge);
    lua_pushlightuserdata(L, &job);
    bind_watch_start(L, &bind_watch_later, script->seconds);
    int status = bind_call(L, 1, 0, err);
    bind_watch_stop();
    return status;
}
