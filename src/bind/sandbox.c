/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/sandbox.c: what a script can reach.  Nothing that differs between two calls: no files, no clock, no addresses' order, no
 * random numbers but a named stream; and a watch that stops an endless loop.
 */
#include "bind/bind.h"

#include "base/text.h"
#include "num/stream.h"

#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char environment_key = 0, watch_key = 0;

/* ---- unknown globals ---- */

enum { GLOBALS_MAX = 128 };

static size_t add_names(lua_State *L, const char **names, size_t count)
{
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && count < GLOBALS_MAX)
            names[count++] = lua_tostring(L, -2);
    lua_pop(L, 1);
    return count;
}

/* __index of the globals: a name that nobody made. */
static int unknown_global(lua_State *L)
{
    static const char *const outside[] = {"io", "os", "debug", "dofile", "loadfile", "package", NULL};
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    const char *name = lua_tostring(L, 2), *names[GLOBALS_MAX];
    Error err;
    error_set(&err, ERR_SCRIPT, "unknown name '%s': no such global or local variable", name);
    for (size_t i = 0; outside[i] != NULL; i++)
        if (strcmp(name, outside[i]) == 0)
            error_hint(&err, "scripts reach no files, clock or processes: "
                             "a run may depend on its settings alone (--set key=value)");
    lua_pushglobaltable(L);
    size_t count = add_names(L, names, 0);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key) == LUA_TTABLE)
        count = add_names(L, names, count);
    const char *near = text_nearest(name, names, count);
    if (near != NULL && err.hint[0] == '\0')
        error_hint(&err, "did you mean %s?", near);
    return bind_raise(L, &err);
}

void bind_sandbox_enter(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_createtable(L, 0, 1);
    lua_pushglobaltable(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
    lua_setupvalue(L, -2, 1);
}

/* ---- base functions that differ from Lua's ---- */

/* print to standard error: standard output is for data. */
static int base_print(lua_State *L)
{
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        fprintf(stderr, "%s%s", i == 1 ? "" : "\t", luaL_tolstring(L, i, NULL));
        lua_pop(L, 1);
    }
    fputc('\n', stderr);
    return 0;
}

/* load(chunk, name, "t", env): text only; upvalue 1 is Lua's load. */
static int base_load(lua_State *L)
{
    int environment = !lua_isnone(L, 4);
    lua_settop(L, 4);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushliteral(L, "t");
    if (environment)
        lua_pushvalue(L, 4);
    lua_call(L, environment ? 4 : 3, LUA_MULTRET);
    return lua_gettop(L) - 4;
}

/* The order of keys: numbers by value, then texts, then the rest as they come. */
static int key_before(lua_State *L)
{
    int a = lua_type(L, 1), b = lua_type(L, 2);
    int before = 0;
    if (a == b && (a == LUA_TNUMBER || a == LUA_TSTRING))
        before = lua_compare(L, 1, 2, LUA_OPLT);
    else
        before = (a == LUA_TNUMBER && b != LUA_TNUMBER) || (a == LUA_TSTRING && b != LUA_TNUMBER && b != LUA_TSTRING);
    lua_pushboolean(L, before);
    return 1;
}

/* for k, v in pairs(t): upvalues t, the sorted keys, the place. */
static int pairs_next(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    for (;;) {
        if (lua_rawgeti(L, lua_upvalueindex(2), ++i) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            break; /* a field that the loop removed meanwhile is passed over */
        lua_pop(L, 2);
    }
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(3));
    return 2;
}

/* pairs in sorted order: Lua's own order depends on addresses.  upvalue 1: table.sort */
static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L);
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawseti(L, 2, ++count);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 2);
    lua_pushcfunction(L, key_before);
    lua_call(L, 2, 0);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_next, 3);
    return 1;
}

/* ---- math.random ---- */

typedef struct Random {
    NumStream stream;
    uint64_t step;
} Random;

static uint64_t random_bits(Random *r)
{
    uint64_t low = num_stream_word(r->stream, r->step, 0, 0), high = num_stream_word(r->stream, r->step, 0, 1);
    r->step++;
    return high << 32 | low;
}

static int random_next(lua_State *L)
{
    Random *r = lua_touserdata(L, lua_upvalueindex(1));
    int arguments = lua_gettop(L);
    if (arguments == 0) {
        lua_pushnumber(L, (double)(random_bits(r) >> 11) * 0x1p-53);
        return 1;
    }
    lua_Integer low = arguments == 1 ? 1 : luaL_checkinteger(L, 1);
    lua_Integer high = luaL_checkinteger(L, arguments == 1 ? 1 : 2);
    luaL_argcheck(L, low <= high, arguments == 1 ? 1 : 2, "interval is empty");
    uint64_t range = (uint64_t)high - (uint64_t)low + 1, bits = random_bits(r);
    if (range != 0) {
        uint64_t fair = UINT64_MAX - UINT64_MAX % range; /* bits at or above would favour the small remainders */
        while (bits >= fair)
            bits = random_bits(r);
        bits %= range;
    }
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + bits));
    return 1;
}

static int random_seed(lua_State *L)
{
    Random *r = lua_touserdata(L, lua_upvalueindex(1));
    r->stream = num_stream((uint64_t)luaL_optinteger(L, 1, 0), "script");
    r->step = 0;
    return 0;
}

static void open_random(lua_State *L)
{
    static const luaL_Reg functions[] = {{"random", random_next}, {"randomseed", random_seed}, {NULL, NULL}};
    lua_getglobal(L, "math");
    Random *r = bind_scratch(L, 1, sizeof *r);
    r->stream = num_stream(0, "script");
    luaL_setfuncs(L, functions, 1);
    lua_pop(L, 1);
}

/* ---- require ---- */

/* Pushes the chunk of a file, or a message; returns 1 when it was loaded, 0 when the file is not there, -1 when its syntax is
 * bad.  The file is read between two calls that may raise, not across them. */
static int load_file(lua_State *L, const char *path, const char *chunk)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        lua_pushfstring(L, "\n\tno file '%s'", path);
        return 0;
    }
    size_t size = (size_t)info.st_size;
    char *text = bind_scratch(L, size, 1);
    FILE *file = fopen(path, "rb");
    size_t got = file == NULL ? 0 : fread(text, 1, size, file);
    if (file != NULL)
        fclose(file);
    if (got != size) {
        lua_pushfstring(L, "cannot read '%s'", path);
        return -1;
    }
    int status = luaL_loadbufferx(L, text, size, chunk, "t");
    lua_remove(L, -2);
    return status == LUA_OK ? 1 : -1;
}

/* Gives the library's chunk on the top its environment: the globals, and debug.getinfo, with which it finds the script's line. */
static void enter_library(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_setupvalue(L, -2, 1);
}

/* package.searchers[2]: upvalues: the library's folder, the script's folder, the library's environment. */
static int search(lua_State *L)
{
    static const struct { int root; const char *format, *chunk; } place[] = {
        {1, "%s/%s.lua", "=%s.lua"},
        {1, "%s/%s/init.lua", "=%s/init.lua"},
        {2, "%s/%s.lua", NULL},
    };
    const char *name = luaL_gsub(L, luaL_checkstring(L, 1), ".", "/");
    lua_pushliteral(L, "");
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++) {
        const char *path = lua_pushfstring(L, place[i].format, lua_tostring(L, lua_upvalueindex(place[i].root)), name);
        if (strncmp(path, "./", 2) == 0)
            path += 2;
        const char *chunk = place[i].chunk != NULL ? lua_pushfstring(L, place[i].chunk, name) : lua_pushfstring(L, "@%s", path);
        int found = load_file(L, path, chunk);
        if (found > 0) {
            if (place[i].chunk != NULL)
                enter_library(L);
            lua_pushstring(L, path);
            return 2;
        }
        if (found < 0)
            return luaL_error(L, "%s", lua_tostring(L, -1));
        lua_replace(L, -3);
        lua_pop(L, 1);
        lua_concat(L, 2);
    }
    return 1;
}

static void push_library_environment(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, bind_getinfo);
    lua_setfield(L, -2, "getinfo");
    lua_setfield(L, -2, "debug");
    lua_createtable(L, 0, 1);
    lua_pushglobaltable(L);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

static void open_require(lua_State *L, const char *library, const char *script)
{
    const char *slash = strrchr(script, '/');
    luaL_requiref(L, LUA_LOADLIBNAME, luaopen_package, 0);
    lua_getfield(L, -1, "searchers");
    lua_createtable(L, 2, 0);
    lua_rawgeti(L, -2, 1); /* package.preload */
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, library);
    if (slash == NULL)
        lua_pushliteral(L, ".");
    else
        lua_pushlstring(L, script, slash == script ? 1 : (size_t)(slash - script));
    push_library_environment(L);
    lua_pushcclosure(L, search, 3);
    lua_rawseti(L, -2, 2);
    lua_setfield(L, -3, "searchers");
    lua_pop(L, 2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L); /* require "package" would give the searchers away */
    lua_setfield(L, -2, LUA_LOADLIBNAME);
    lua_pop(L, 1);
}

/* Opens the natives, so that their types exist whoever asks first, and `require "vae_lab.native.NAME"` finds them. */
static void open_natives(lua_State *L)
{
    static const luaL_Reg natives[] = {
        {"array", bind_array_open}, {"graph", bind_graph_open}, {"data", bind_data_open}, {"store", bind_store_open},
        {"model", bind_model_open}, {"stats", bind_stats_open}, {"plot", bind_plot_open}, {NULL, NULL},
    };
    for (const luaL_Reg *n = natives; n->name != NULL; n++) {
        luaL_requiref(L, lua_pushfstring(L, "vae_lab.native.%s", n->name), n->func, 0);
        lua_pop(L, 2);
    }
}

/* ---- all of it ---- */

void bind_sandbox_open(lua_State *L, const char *library, const char *script)
{
    static const luaL_Reg chosen[] = {
        {LUA_GNAME, luaopen_base},       {LUA_COLIBNAME, luaopen_coroutine}, {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8},
        {NULL, NULL},
    };
    static const char *const removed[] = {"dofile", "loadfile", "warn", "package", NULL};
    for (const luaL_Reg *library_of = chosen; library_of->name != NULL; library_of++) {
        luaL_requiref(L, library_of->name, library_of->func, 1);
        lua_pop(L, 1);
    }
    open_require(L, library, script);
    for (size_t i = 0; removed[i] != NULL; i++) {
        lua_pushnil(L);
        lua_setglobal(L, removed[i]);
    }
    lua_pushcfunction(L, base_print);
    lua_setglobal(L, "print");
    lua_getglobal(L, "load");
    lua_pushcclosure(L, base_load, 1);
    lua_setglobal(L, "load");
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, base_pairs, 1);
    lua_setglobal(L, "pairs");
    lua_pop(L, 1);
    open_random(L);
    open_natives(L);
    lua_pushglobaltable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* ---- the watch ---- */

typedef struct Watch {
    double seconds, deadline;
} Watch;

/* This thread's processor time, in seconds. */
static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE) {
        bind_note_line(L, ar);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &watch_key);
    const Watch *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (w == NULL || processor_time() < w->deadline)
        return;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1); /* a pcall inside the loop cannot swallow this for long */
    Error err;
    error_set(&err, ERR_SCRIPT, "the script is still running after %g s", w->seconds);
    error_hint(&err, "is there a loop that never ends? heavy work belongs into the model's graph or an evaluation");
    bind_raise(L, &err);
}

void bind_watch(lua_State *L, double seconds)
{
    if (seconds <= 0) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    Watch *w = bind_scratch(L, 1, sizeof *w);
    w->seconds = seconds;
    w->deadline = processor_time() + seconds;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &watch_key);
    lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, 100000);
}

double bind_watch_pause(void)
{
    return processor_time();
}

void bind_watch_resume(lua_State *L, double paused)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &watch_key);
    Watch *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (w != NULL)
        w->deadline += processor_time() - paused;
}
