/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_set.c: `--set KEY=VALUE`, one a line, for the experiment of set.lua.  Settings are recorded as JSON from
 * which SQLite reads every pair again; the library takes them or says what is wrong, and then has a finite number, a text or
 * a truth value for each.
 *
 * libFuzzer: -max_len=128 -detect_leaks=0
 */
#include "fuzz/fuzz.h"

#include "bind/loaded.h"

#include <math.h>
#include <sqlite3.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { RECORDED_EVERY = 32 }; /* a new Lua state takes ten times as long as the rest */
#else
enum { RECORDED_EVERY = 1 };
#endif
enum { SET_MAX = 6 };

static int take_resolve(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "vae_lab.settings");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "resolve");
    lua_setfield(L, LUA_REGISTRYINDEX, "fuzz.resolve");
    return 0;
}

/* The experiment of set.lua, loaded once; its Lua state keeps settings.resolve. */
static BindScript *experiment(void)
{
    static BindScript *script;
    if (script == NULL) {
        Error err = ERROR_NONE;
        const BindSettings none = {.seconds = 60};
        setenv("VAE_LAB_LUA", "lua", 1);
        script = bind_script_load("tests/fuzz/set.lua", &none, &err);
        fuzz_must(script == NULL, &err);
        lua_pushcfunction(script->L, take_resolve);
        fuzz_must(bind_call(script->L, 0, 0, &err), &err);
    }
    return script;
}

/* A script that needs no library. */
static const char *small_script(void)
{
    static char path[300];
    static const char text[] = "return setmetatable({ name = 'x' }, { kind = 'experiment' })";
    if (path[0] == '\0')
        fuzz_write(path, "small.lua", text, strlen(text));
    return path;
}

/* The value of one key in the recorded JSON. */
static void check_json(const char *json, const char *pair)
{
    static sqlite3_stmt *read;
    if (read == NULL) {
        sqlite3 *db;
        FUZZ_CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
        FUZZ_CHECK(sqlite3_prepare_v2(db, "SELECT count(*), max(value) FROM json_each(?1) WHERE key = ?2", -1, &read,
                                      NULL) == SQLITE_OK);
    }
    size_t key = strcspn(pair, "=");
    sqlite3_bind_text(read, 1, json, -1, SQLITE_STATIC);
    sqlite3_bind_text(read, 2, pair, (int)key, SQLITE_STATIC);
    FUZZ_CHECK(sqlite3_step(read) == SQLITE_ROW);
    if (strpbrk(pair, "\"\\\n\r\t") == NULL) { /* json_each of SQLite 3.40 gives such keys as they are spelled */
        FUZZ_CHECK(sqlite3_column_int(read, 0) == 1);
        FUZZ_CHECK(strcmp((const char *)sqlite3_column_text(read, 1), pair + key + 1) == 0);
    }
    sqlite3_reset(read);
}

/* The settings of a script, as they are recorded with a sweep. */
static void check_recorded(const BindSettings *settings)
{
    Error err = ERROR_NONE;
    setenv("VAE_LAB_LUA", "lua", 1);
    BindScript *script = bind_script_load(small_script(), settings, &err);
    if (script == NULL) {
        fuzz_check_error(&err);
        FUZZ_CHECK(err.kind == ERR_USAGE);
        return;
    }
    for (size_t i = 0; i < settings->nset; i++)
        check_json(bind_script_settings(script), settings->set[i]);
    bind_script_free(script);
}

/* Every value of the table at the top is finite where it is a number. */
static void check_values(lua_State *L)
{
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        FUZZ_CHECK(lua_type(L, -1) != LUA_TNUMBER || isfinite(lua_tonumber(L, -1)));
}

/* Runs in protected mode: settings.resolve(experiment, { key = value }). */
static int resolve(lua_State *L)
{
    const BindSettings *s = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "fuzz.resolve");
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_EXPERIMENT);
    lua_newtable(L);
    for (size_t i = 0; i < s->nset; i++) {
        size_t key = strcspn(s->set[i], "=");
        if (s->set[i][key] == '\0')
            continue; /* a usage error, which check_recorded expects */
        lua_pushlstring(L, s->set[i], key);
        lua_pushstring(L, s->set[i] + key + 1);
        lua_rawset(L, -3);
    }
    lua_call(L, 2, 1);
    lua_getfield(L, -1, "values");
    check_values(L);
    lua_getfield(L, -2, "train_over");
    check_values(L);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *set[SET_MAX];
    BindSettings settings = {.set = set, .seconds = 60};
    Error err = ERROR_NONE;
    char *text = fuzz_string(data, size), *rest = NULL;
    for (const char *pair = strtok_r(text, "\n", &rest); pair != NULL && settings.nset < SET_MAX;
         pair = strtok_r(NULL, "\n", &rest))
        set[settings.nset++] = pair;
    if (size % RECORDED_EVERY == RECORDED_EVERY / 2)
        check_recorded(&settings);
    lua_State *L = experiment()->L;
    lua_pushcfunction(L, resolve);
    lua_pushlightuserdata(L, &settings);
    if (bind_call(L, 1, 0, &err) != 0)
        fuzz_check_error(&err);
    FUZZ_CHECK(lua_gettop(L) == 0);
    free(text);
    return 0;
}
