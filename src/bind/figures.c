/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/figures.c: calls an experiment's figures with their context: the database and the finished runs of one sweep.
 */
#include "bind/loaded.h"

typedef struct FigureJob {
    BindScript *script;
    Store *store;
    const BindFigures *figures;
} FigureJob;

/* ctx.model(run) → the trained model; upvalue 1: the database. */
static int open_model(lua_State *L)
{
    bind_model_open_run(L, lua_upvalueindex(1), luaL_checkinteger(L, 1));
    return 1;
}

/* ctx.note(text): a remark for the user. */
static int take_note(lua_State *L)
{
    const BindFigures *f = ((const FigureJob *)lua_touserdata(L, lua_upvalueindex(1)))->figures;
    const char *text = luaL_checkstring(L, 1);
    if (f->note != NULL)
        f->note(f->context, text);
    return 0;
}

static void push_context(lua_State *L, FigureJob *job)
{
    const BindFigures *f = job->figures;
    lua_createtable(L, 0, 8);
    int ctx = lua_gettop(L);
    bind_box_lend(L, BIND_STORE, 0, job->store);
    int store = lua_gettop(L);
    bind_push_sweep_runs(L, job->store, f->sweep, job->script->name);
    lua_setfield(L, ctx, "runs");
    lua_pushvalue(L, store);
    lua_pushcclosure(L, open_model, 1);
    lua_setfield(L, ctx, "model");
    lua_setfield(L, ctx, "db");
    lua_pushlightuserdata(L, job);
    lua_pushcclosure(L, take_note, 1);
    lua_setfield(L, ctx, "note");
    lua_pushstring(L, job->script->name);
    lua_setfield(L, ctx, "experiment");
    lua_pushinteger(L, (lua_Integer)f->sweep);
    lua_setfield(L, ctx, "sweep");
    lua_pushstring(L, f->folder);
    lua_setfield(L, ctx, "folder");
    lua_newtable(L);
    for (lua_Integer i = 0; f->formats[i] != NULL; i++) {
        lua_pushstring(L, f->formats[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, ctx, "formats");
}

/* Reports FOLDER/NAME.FORMAT for every format of the name at the top. */
static void report(lua_State *L, const BindFigures *f)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        bind_wrong(L, "the result of a figure's draw", -1, "the name of a figure, or a list of names");
    const char *name = lua_tostring(L, -1);
    for (size_t i = 0; f->formats[i] != NULL; i++) {
        Error err = ERROR_NONE;
        const char *path = lua_pushfstring(L, "%s/%s.%s", f->folder, name, f->formats[i]);
        if (f->drawn != NULL && f->drawn(f->context, name, f->formats[i], path, &err) != 0)
            bind_raise(L, &err);
        lua_pop(L, 1);
    }
}

/* Reports the name or the list of names at the top, which a draw function returned; nil: it drew nothing. */
static void report_all(lua_State *L, const BindFigures *f)
{
    if (lua_isnil(L, -1))
        return;
    if (lua_type(L, -1) != LUA_TTABLE) {
        report(L, f);
        return;
    }
    for (size_t i = 1; i <= lua_rawlen(L, -1); i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        report(L, f);
        lua_pop(L, 1);
    }
}

/* Runs in protected mode. */
static int draw_all(lua_State *L)
{
    FigureJob *job = lua_touserdata(L, 1);
    push_context(L, job);
    int ctx = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    lua_getfield(L, -1, "figures");
    int list = lua_gettop(L);
    for (size_t i = 1; i <= lua_rawlen(L, list); i++) {
        lua_rawgeti(L, list, (lua_Integer)i);
        if (lua_getfield(L, -1, "draw") != LUA_TFUNCTION)
            bind_wrong(L, "draw of a figure", -1, "a function");
        lua_pushvalue(L, ctx);
        lua_call(L, 1, 1);
        report_all(L, job->figures);
        lua_settop(L, list);
    }
    return 0;
}

size_t bind_script_figure_count(const BindScript *script)
{
    return script->figures;
}

int bind_script_figures(BindScript *script, Store *store, const BindFigures *figures, Error *err)
{
    lua_State *L = script->L;
    FigureJob job = {script, store, figures};
    bind_forget_line(L);
    lua_pushcfunction(L, draw_all);
    lua_pushlightuserdata(L, &job);
    int status = bind_call(L, 1, 0, err);
    bind_boxes_return(L);
    return status;
}
