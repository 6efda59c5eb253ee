/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/script.c: loads an experiment script: checks the settings, makes the Lua state, runs the chunk, keeps what it
 * returned.
 *
 * Whatever may raise runs below bind_call; the BindScript owns everything before that.
 */
#include "bind/loaded.h"
#include "bind/watch.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024, SETTINGS_MAX = 64 };

/* ---- settings ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the pairs into canonical JSON; an entry without '=' or given twice is a usage error. */
static int settings_json(Text *json, const BindSettings *settings, Error *err)
{
    const char *pair[SETTINGS_MAX];
    if (settings->nset > SETTINGS_MAX)
        return error_set(err, ERR_USAGE, "more than %d settings", (int)SETTINGS_MAX);
    for (size_t i = 0; i < settings->nset; i++)
        pair[i] = settings->set[i];
    if (settings->nset > 0)
        qsort(pair, settings->nset, sizeof *pair, by_text);
    text_add(json, "{");
    for (size_t i = 0; i < settings->nset; i++) {
        size_t key = strcspn(pair[i], "=");
        if (key == 0 || pair[i][key] == '\0') {
            error_set(err, ERR_USAGE, "--set takes key=value");
            error_found(err, "%s", pair[i]);
            return error_hint(err, "for example --set data=mnist");
        }
        if (i > 0 && strncmp(pair[i - 1], pair[i], key + 1) == 0) {
            error_set(err, ERR_USAGE, "--set sets one key twice");
            return error_found(err, "%s and %s", pair[i - 1], pair[i]);
        }
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)key, pair[i]);
        text_add(json, i > 0 ? "," : "");
        text_add_json(json, name);
        text_add(json, ":");
        text_add_json(json, pair[i] + key + 1);
    }
    text_add(json, "}");
    return json->failed ? error_memory(err, "the settings") : 0;
}

/* Keeps the settings as a table for the library: { set = { key = value }, data_dir = … or nil }. */
static void keep_settings(lua_State *L, const BindSettings *settings)
{
    lua_newtable(L);
    lua_newtable(L);
    for (size_t i = 0; i < settings->nset; i++) {
        size_t key = strcspn(settings->set[i], "=");
        lua_pushlstring(L, settings->set[i], key);
        lua_pushstring(L, settings->set[i] + key + 1);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "set");
    lua_pushstring(L, settings->data_dir); /* NULL: nil */
    lua_setfield(L, -2, "data_dir");
    lua_setfield(L, LUA_REGISTRYINDEX, BIND_SETTINGS);
}

/* ---- loading ---- */

typedef struct ScriptLoad {
    BindScript *script;
    const BindSettings *settings;
    const char *library;
} ScriptLoad;

/* Raises unless the value at the top, which the script returned, is lab.experiment's. */
static void check_experiment(lua_State *L, const char *path)
{
    int kind = luaL_getmetafield(L, -1, "kind");
    int good = kind == LUA_TSTRING && strcmp(lua_tostring(L, -1), "experiment") == 0;
    lua_pop(L, kind == LUA_TNIL ? 0 : 1);
    if (good)
        return;
    Error err;
    error_set(&err, ERR_SCRIPT, "the script returns no experiment");
    error_where(&err, "%s", path);
    error_found(&err, lua_isnil(L, -1) ? "nothing" : "a %s", luaL_typename(L, -1));
    error_expected(&err, "return lab.experiment { name = \"…\", … }");
    error_hint(&err, "make this the last statement; `local lab = require \"vae_lab\"` defines lab");
    bind_raise(L, &err);
}

/* A string of the table at the top, copied; "" when there is none. */
static char *copy_field(lua_State *L, const char *key)
{
    const char *text = lua_getfield(L, -1, key) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    char *copy = mem_string(text);
    lua_pop(L, 1);
    if (copy == NULL)
        luaL_error(L, "out of memory for a script");
    return copy;
}

/* The length of a list in the table at the top; 0 when there is none. */
static size_t length_of(lua_State *L, const char *key)
{
    size_t length = lua_getfield(L, -1, key) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    lua_pop(L, 1);
    return length;
}

/* Runs in protected mode: opens everything, runs the chunk, keeps the experiment. */
static int load(lua_State *L)
{
    const ScriptLoad *l = lua_touserdata(L, 1);
    bind_error_open(L);
    bind_set_script(L, l->script->path);
    bind_sandbox_open(L, l->library, l->script->path);
    keep_settings(L, l->settings);
    bind_sandbox_load(L, l->script->path);
    bind_watch_start(L, &bind_watch_loading, l->script->seconds);
    lua_call(L, 0, 1);
    check_experiment(L, l->script->path);
    l->script->name = copy_field(L, "name");
    l->script->figures = length_of(L, "figures");
    l->script->claims = length_of(L, "claims");
    lua_setfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    return 0;
}

BindScript *bind_script_load(const char *path, const BindSettings *settings, Error *err)
{
    char library[PATH_SIZE];
    BindScript *script = NULL;
    if (bind_check_script(path, err) != 0 || bind_library(library, sizeof library, err) != 0)
        return NULL;
    script = mem_alloc(sizeof *script);
    if (script == NULL || (script->path = mem_string(path)) == NULL) {
        error_memory(err, "a script");
        goto fail;
    }
    if (bind_memory_limit(&script->memory, err) != 0 || bind_watch_seconds(&script->seconds, err) != 0)
        goto fail;
    if (settings->seconds > 0)
        script->seconds = settings->seconds;
    if ((script->L = bind_memory_state(&script->memory)) == NULL) {
        error_memory(err, "a script");
        goto fail;
    }
    if (settings_json(&script->settings, settings, err) != 0)
        goto fail;
    ScriptLoad l = {script, settings, library};
    lua_pushcfunction(script->L, load);
    lua_pushlightuserdata(script->L, &l);
    int status = bind_call(script->L, 1, 0, err);
    bind_watch_stop();
    if (status != 0)
        goto fail;
    return script;
fail:
    bind_script_free(script);
    return NULL;
}

void bind_script_free(BindScript *script)
{
    if (script == NULL)
        return;
    for (size_t i = 0; i < script->count; i++)
        mem_free(script->runs[i].plan);
    if (script->L != NULL) {
        bind_watch_start(NULL, &bind_watch_closing, script->seconds);
        lua_close(script->L);
        bind_watch_stop();
    }
    text_free(&script->settings);
    mem_free(script->path);
    mem_free(script->name);
    mem_free(script);
}

const char *bind_script_name(const BindScript *script)
{
    return script->name;
}

const char *bind_script_settings(const BindScript *script)
{
    return text_string(&script->settings);
}
