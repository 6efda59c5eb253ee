/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/figures.c: calls an experiment's figures with what they draw from: the database, and the finished runs of one sweep.
 */
#include "bind/inside.h"

#include "base/text.h"

#include <string.h>

typedef struct Drawing {
    BindScript *script;
    Store *store;
    const BindFigures *figures;
    BindStore *lent;
} Drawing;

static const char drawing_key = 0; /* the database lent to the figures */

/* ---- ctx.model, ctx.note ---- */

static int open_model(lua_State *L)
{
    lua_Integer run = luaL_checkinteger(L, 1);
    bind_model_open_run(L, lua_upvalueindex(1), run);
    return 1;
}

static int take_note(lua_State *L)
{
    const BindFigures *f = lua_touserdata(L, lua_upvalueindex(1));
    const char *text = luaL_checkstring(L, 1);
    if (f->note != NULL)
        f->note(f->context, text);
    return 0;
}

/* ---- ctx ---- */

static void push_context(lua_State *L, Drawing *d)
{
    const BindFigures *f = d->figures;
    lua_newtable(L);
    int ctx = lua_gettop(L);
    d->lent = bind_store_push(L, d->store);
    int store = lua_gettop(L);
    lua_pushvalue(L, store);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &drawing_key);
    bind_push_sweep_runs(L, store, f->sweep, d->script->name);
    lua_setfield(L, ctx, "runs");
    lua_pushvalue(L, store);
    lua_pushcclosure(L, open_model, 1);
    lua_setfield(L, ctx, "model");
    lua_setfield(L, ctx, "db");
    const void *figures = f; /* a light userdata's pointer is not const; take_note reads only */
    void *pointer;
    memcpy(&pointer, &figures, sizeof pointer);
    lua_pushlightuserdata(L, pointer);
    lua_pushcclosure(L, take_note, 1);
    lua_setfield(L, ctx, "note");
    lua_pushstring(L, d->script->name);
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

/* ---- what was drawn ---- */

/* Reports FOLDER/NAME.FORMAT for every format of the name at the top. */
static void report(lua_State *L, const BindFigures *f)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        bind_wrong(L, "what a figure's draw returned", -1, "the name of a figure, or a list of names");
    const char *name = lua_tostring(L, -1);
    for (size_t i = 0; f->formats[i] != NULL; i++) {
        Error err = ERROR_NONE;
        const char *path = lua_pushfstring(L, "%s/%s.%s", f->folder, name, f->formats[i]);
        if (f->drawn != NULL && f->drawn(f->context, name, f->formats[i], path, &err) != 0)
            bind_raise(L, &err);
        lua_pop(L, 1);
    }
}

/* The name or the list of names at the top, which a draw function returned; nil: nothing was drawn. */
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
    Drawing *d = lua_touserdata(L, 1);
    push_context(L, d);
    int ctx = lua_gettop(L);
    bind_push_experiment(L);
    lua_getfield(L, -1, "figures");
    int list = lua_gettop(L);
    for (size_t i = 1; i <= lua_rawlen(L, list); i++) {
        lua_rawgeti(L, list, (lua_Integer)i);
        if (lua_getfield(L, -1, "draw") != LUA_TFUNCTION)
            bind_wrong(L, "draw of a figure", -1, "a function");
        lua_pushvalue(L, ctx);
        lua_call(L, 1, 1);
        report_all(L, d->figures);
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
    Drawing d = {script, store, figures, NULL};
    bind_forget_line(L);
    lua_pushcfunction(L, draw_all);
    lua_pushlightuserdata(L, &d);
    int status = bind_call(L, 1, 0, err);
    if (d.lent != NULL)
        d.lent->store = NULL;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &drawing_key);
    return status;
}
