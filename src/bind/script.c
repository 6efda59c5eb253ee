/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/script.c: loads an experiment script: finds the library, makes the Lua state, runs the chunk, keeps what it returned.
 *
 * Whatever may raise runs below bind_call; what this file owns lies in the BindScript before that.
 */
#include "bind/inside.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024, SETTINGS_MAX = 64 };

static const double LOAD_SECONDS = 10;
static const char experiment_key = 0, settings_key = 0, plan_key = 0;

/* ---- the library's folder ---- */

static int has_library(const char *folder)
{
    char file[PATH + 32];
    struct stat info;
    snprintf(file, sizeof file, "%s/vae_lab/init.lua", folder);
    return stat(file, &info) == 0;
}

/* The folder of the running program, "" when the system does not say. */
static void program_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

int bind_library(char *path, size_t size, Error *err)
{
    /* beside the program, installed, and below build/VARIANT/ */
    static const char *const places[] = {"/lua", "/../share/vae-lab", "/../../lua", "/../../../lua"};
    const char *told = getenv("VAE_LAB_LUA");
    char program[PATH];
    if (told != NULL && told[0] != '\0') {
        snprintf(path, size, "%s", told);
        if (has_library(path))
            return 0;
        error_set(err, ERR_SCRIPT, "the Lua library is not there");
        error_where(err, "VAE_LAB_LUA=%s", told);
        return error_expected(err, "a folder that holds vae_lab/init.lua");
    }
    program_folder(program, sizeof program);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, size, "%s%s", program, places[i]);
        if (has_library(path))
            return 0;
    }
    snprintf(path, size, "%s", VAE_LAB_PREFIX "/share/vae-lab");
    if (has_library(path))
        return 0;
    error_set(err, ERR_SCRIPT, "the Lua library vae_lab was not found");
    error_expected(err, "%s/lua, or " VAE_LAB_PREFIX "/share/vae-lab", program);
    return error_hint(err, "set VAE_LAB_LUA to the folder that holds vae_lab/init.lua");
}

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
            error_set(err, ERR_USAGE, "--set gives one key twice");
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
static void open_settings(lua_State *L, const BindSettings *settings)
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
    if (settings->data_dir != NULL) {
        lua_pushstring(L, settings->data_dir);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "data_dir");
        lua_setfield(L, LUA_REGISTRYINDEX, "vae_lab.data_dir");
    }
    lua_pushnumber(L, settings->seconds > 0 ? settings->seconds : LOAD_SECONDS);
    lua_setfield(L, LUA_REGISTRYINDEX, "vae_lab.seconds");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &settings_key);
}

double bind_script_seconds(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "vae_lab.seconds");
    double seconds = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return seconds;
}

/* ---- what the state keeps ---- */

void bind_push_experiment(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &experiment_key);
}

void bind_push_settings(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &settings_key);
}

void bind_push_plan(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &plan_key);
}

void bind_set_plan(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &plan_key);
}

/* Blocks in a list; the head is a whole alignment unit, so that what follows stays aligned. */
struct Keep {
    struct Keep *next;
};

void *bind_keep(lua_State *L, BindScript *script, size_t count, size_t size)
{
    char *block = size > 0 && count > (SIZE_MAX / 2 - MEM_ALIGN) / size ? NULL : mem_alloc(MEM_ALIGN + count * size);
    if (block == NULL)
        luaL_error(L, "out of memory for the plan");
    struct Keep *keep = (struct Keep *)(void *)block;
    keep->next = script->kept;
    script->kept = keep;
    return block + MEM_ALIGN;
}

void bind_keep_free(BindScript *script)
{
    while (script->kept != NULL) {
        struct Keep *next = script->kept->next;
        mem_free(script->kept);
        script->kept = next;
    }
}

/* ---- loading ---- */

typedef struct Load {
    BindScript *script;
    const BindSettings *settings;
    const char *library;
} Load;

/* What the script returned, at the top: the table of lab.experiment, or an error that says what it was. */
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
    error_hint(&err, "its last statement has to be that; `local lab = require \"vae_lab\"` gives lab");
    bind_raise(L, &err);
}

/* A text field of the table at the top, copied; "" when it is not there. */
static char *copy_field(lua_State *L, const char *key)
{
    const char *text = lua_getfield(L, -1, key) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    char *copy = mem_string(text);
    lua_pop(L, 1);
    if (copy == NULL)
        luaL_error(L, "out of memory for a script");
    return copy;
}

/* Of a list in the table at the top; 0 when it is not there. */
static size_t length_of(lua_State *L, const char *key)
{
    size_t length = lua_getfield(L, -1, key) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    lua_pop(L, 1);
    return length;
}

/* Runs in protected mode: opens everything, runs the chunk, keeps the experiment. */
static int load(lua_State *L)
{
    const Load *l = lua_touserdata(L, 1);
    bind_error_open(L);
    bind_set_script(L, l->script->path);
    bind_sandbox_open(L, l->library, l->script->path);
    bind_recorder_open(L);
    open_settings(L, l->settings);
    bind_sandbox_load(L, l->script->path);
    bind_watch(L, bind_script_seconds(L));
    lua_call(L, 0, 1);
    check_experiment(L, l->script->path);
    l->script->name = copy_field(L, "name");
    l->script->figures = length_of(L, "figures");
    l->script->claims = length_of(L, "claims");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &experiment_key);
    return 0;
}

/* An experiment of that name among those that come with the program: in ./experiments, in the library's folder (installed) or
 * beside it (in the tree). */
static int find_experiment(const char *path, char *found, size_t size)
{
    char library[PATH + 32];
    Error unsaid = ERROR_NONE;
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.'), *end = dot != NULL && strcmp(dot, ".lua") == 0 ? "" : ".lua";
    snprintf(found, size, "experiments/%s%s", name, end);
    int known = bind_library(library, sizeof library, &unsaid) == 0;
    if (access(found, R_OK) != 0 && known)
        snprintf(found, size, "%s/experiments/%s%s", library, name, end);
    if (access(found, R_OK) != 0 && known && (slash = strrchr(library, '/')) != NULL)
        snprintf(found, size, "%.*s/experiments/%s%s", (int)(slash - library), library, name, end);
    return access(found, R_OK) == 0;
}

static int check_file(const char *path, Error *err)
{
    char nearest[2 * PATH];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0)
        return 0;
    int number = errno;
    error_set(err, ERR_SCRIPT, "cannot read the script");
    error_where(err, "%s", path);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        error_found(err, S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
    else
        error_found(err, "%s", strerror(number));
    error_expected(err, "an experiment, such as experiments/kl_ablation.lua");
    return find_experiment(path, nearest, sizeof nearest) ? error_hint(err, "did you mean %s?", nearest) : -1;
}

BindScript *bind_script_load(const char *path, const BindSettings *settings, Error *err)
{
    char library[PATH + 32];
    BindScript *script = NULL;
    if (check_file(path, err) != 0 || bind_library(library, sizeof library, err) != 0)
        return NULL;
    script = mem_alloc(sizeof *script);
    if (script == NULL || (script->path = mem_string(path)) == NULL || (script->L = luaL_newstate()) == NULL) {
        error_memory(err, "a script");
        goto fail;
    }
    if (settings_json(&script->settings, settings, err) != 0)
        goto fail;
    Load l = {script, settings, library};
    lua_pushcfunction(script->L, load);
    lua_pushlightuserdata(script->L, &l);
    int status = bind_call(script->L, 1, 0, err);
    bind_watch(script->L, 0);
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
    if (script->L != NULL)
        lua_close(script->L);
    bind_keep_free(script);
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
