/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/figures.c: calls an experiment's figures with their context: the database and the finished runs of one sweep.
 */
#include "bind/loaded.h"
#include "bind/watch.h"

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

/* Reports an error, so that the other files are drawn; raises it where no caller takes reports. */
static void report_failure(lua_State *L, const BindFigures *f, const Error *err)
{
    if (f->failed == NULL)
        bind_raise(L, err);
    f->failed(f->context, err);
}

/* Reports a file as drawn; pops its path from the top of the stack. */
static void report_file(lua_State *L, const BindFigures *f, const char *name, const char *format)
{
    Error err = ERROR_NONE;
    if (f->drawn != NULL && f->drawn(f->context, name, format, lua_tostring(L, -1), &err) != 0)
        report_failure(L, f, &err);
    lua_pop(L, 1);
}

/* Pushes FOLDER/NAME.FORMAT, and notes it in the table `reported`.  Returns whether it was there before. */
static int push_path(lua_State *L, const BindFigures *f, const char *name, const char *format, int reported)
{
    lua_pushfstring(L, "%s/%s.%s", f->folder, name, format);
    lua_pushvalue(L, -1);
    int before = lua_rawget(L, reported) == LUA_TBOOLEAN;
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, reported);
    return before;
}

/* ctx.file(name, format, write); upvalues: the job, the table of reported files. */
static int draw_file(lua_State *L)
{
    const BindFigures *f = ((const FigureJob *)lua_touserdata(L, lua_upvalueindex(1)))->figures;
    Error err = ERROR_NONE;
    const char *name = luaL_checkstring(L, 1), *format = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    push_path(L, f, name, format, lua_upvalueindex(2));
    lua_pushvalue(L, 3);
    if (bind_call(L, 0, 0, &err) == 0) {
        report_file(L, f, name, format);
        return 0;
    }
    error_in(&err, "%s.%s", name, format);
    report_failure(L, f, &err);
    return 0;
}

static void push_context(lua_State *L, FigureJob *job, int reported)
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
    lua_pushlightuserdata(L, job);
    lua_pushvalue(L, reported);
    lua_pushcclosure(L, draw_file, 2);
    lua_setfield(L, ctx, "file");
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

/* Reports the files of the name at the top that ctx.file did not report. */
static void report_name(lua_State *L, const BindFigures *f, int reported)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        bind_wrong(L, "the result of a figure's draw", -1, "the name of a figure, or a list of names");
    const char *name = lua_tostring(L, -1);
    for (size_t i = 0; f->formats[i] != NULL; i++) {
        if (push_path(L, f, name, f->formats[i], reported))
            lua_pop(L, 1);
        else
            report_file(L, f, name, f->formats[i]);
    }
}

/* Reports the name or the list of names at the top, which a draw function returned; nil: it drew nothing. */
static void report_names(lua_State *L, const BindFigures *f, int reported)
{
    if (lua_isnil(L, -1))
        return;
    if (lua_type(L, -1) != LUA_TTABLE) {
        report_name(L, f, reported);
        return;
    }
    for (size_t i = 1; i <= lua_rawlen(L, -1); i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        report_name(L, f, reported);
        lua_pop(L, 1);
    }
}

/* Draws a figure.  Arguments: the job, the figure, ctx, the table of reported files. */
static int draw_one(lua_State *L)
{
    const FigureJob *job = lua_touserdata(L, 1);
    if (lua_getfield(L, 2, "draw") != LUA_TFUNCTION)
        bind_wrong(L, "draw of a figure", -1, "a function");
    lua_pushvalue(L, 3);
    lua_call(L, 1, 1);
    report_names(L, job->figures, 4);
    return 0;
}

/* Runs in protected mode.  A figure that fails is reported, and the next one is drawn. */
static int draw_all(lua_State *L)
{
    FigureJob *job = lua_touserdata(L, 1);
    lua_newtable(L);
    int reported = lua_gettop(L);
    push_context(L, job, reported);
    int ctx = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    lua_getfield(L, -1, "figures");
    int list = lua_gettop(L);
    for (size_t i = 1; i <= lua_rawlen(L, list); i++) {
        Error err = ERROR_NONE;
        lua_pushcfunction(L, draw_one);
        lua_pushlightuserdata(L, job);
        lua_rawgeti(L, list, (lua_Integer)i);
        lua_pushvalue(L, ctx);
        lua_pushvalue(L, reported);
        bind_forget_line(L);
        bind_watch_start(L, &bind_watch_later, job->script->seconds);
        int status = bind_call(L, 4, 0, &err);
        bind_watch_stop();
        if (status != 0) {
            lua_rawgeti(L, list, (lua_Integer)i);
            const char *name = lua_getfield(L, -1, "name") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
            if (name != NULL && job->figures->failed != NULL)
                error_in(&err, "figure %s", name);
            report_failure(L, job->figures, &err);
        }
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
