/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/runs.c: makes the runs of an experiment's sweep: calls lab.runs, converts its run tables, identifies the runs.
 */
#include "bind/loaded.h"
#include "bind/watch.h"

#include "base/mem.h"

#include <string.h>

/* The earlier run of the same identity, or `count`. */
static size_t find_earlier(const BindScript *s, const char *identity)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->runs[i].identity, identity) != 0)
        i++;
    return i;
}

static void identify(lua_State *L, BindScript *s, LabRun *run, size_t entry)
{
    Error err = ERROR_NONE;
    if (lab_run_identify(run, &err) != 0) {
        error_in(&err, "run %zu", entry + 1);
        bind_raise(L, &err);
    }
    memcpy(s->identity[entry], run->identity, DIGEST_TEXT);
}

/* Runs in protected mode with the script: calls lab.runs(experiment, settings) and converts its list. */
static int make_runs(lua_State *L)
{
    BindScript *s = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "vae_lab");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "runs");
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_SETTINGS);
    lua_call(L, 2, 1);
    if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        return luaL_error(L, "the experiment's sweep holds no run");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, BIND_RUNS);
    s->entries = lua_rawlen(L, -1);
    s->identity = bind_keep(L, s->entries, sizeof *s->identity);
    s->runs = bind_keep(L, s->entries, sizeof *s->runs);
    for (size_t i = 0; i < s->entries; i++) {
        LabRun *run = &s->runs[s->count];
        BindRun *context = bind_keep(L, 1, sizeof *context);
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        bind_run_table(L, s, run);
        *context = (BindRun){s, i};
        run->context = context;
        identify(L, s, run, i);
        if (find_earlier(s, run->identity) < s->count) {
            mem_free(run->plan);
            memset(run, 0, sizeof *run);
        } else {
            s->count++;
        }
        lua_pop(L, 1);
    }
    return 0;
}

int bind_script_runs(BindScript *script, LabRun **runs, size_t *count, size_t *duplicates, Error *err)
{
    lua_State *L = script->L;
    if (script->count == 0) {
        bind_watch_start(L, &bind_watch_loading, script->seconds);
        lua_pushcfunction(L, make_runs);
        lua_pushlightuserdata(L, script);
        int status = bind_call(L, 1, 0, err);
        bind_watch_stop();
        bind_forget_line(L);
        if (status != 0)
            return -1;
    }
    *runs = script->runs;
    *count = script->count;
    *duplicates = script->entries - script->count;
    return 0;
}
