/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_natives.c: the functions and methods that C gives to Lua, called with any arguments: numbers at the limits,
 * texts, option tables, objects of earlier calls.  A call returns or raises, whatever a script gives it.  Left out are those
 * that train, open files or start gnuplot.
 *
 * libFuzzer: -max_len=256 -detect_leaks=0
 */
#include "fuzz/fuzz.h"

#include "bind/loaded.h"

#include <math.h>

enum { SLOTS = 8, ARGUMENTS_MAX = 6 };

/* The input while it is used; zeros after its end. */
typedef struct Bytes {
    const uint8_t *at;
    size_t left;
} Bytes;

static unsigned next(Bytes *b)
{
    return b->left == 0 ? 0 : (b->left--, *b->at++);
}

static const char *const words[] = {
    "x", "y", "z", "train", "valid", "test", "glorot_uniform", "normal(0.1)", "data_logit", "zeros", "normal", "uniform",
    "b", "k", "act", "tanh", "axis", "features", "batch", "samples", "kernel", "stride", "padding", "factor", "swap",
    "samples_batch", "batch_features", "first", "count", "low", "high", "scale", "shift", "height", "width", "rest", "keep",
    "dense", "conv2d", "upsample", "affine", "clamp", "sum", "mean", "logsumexp", "concat", "slice", "reshape", "transpose",
    "expand", "categorical", "kl", "reparameterise", "bernoulli", "add", "mul", "exp", "name", "seed", "draws", "level",
};
static const double numbers[] = {0, 1, -1, 2, 3, 0.5, 1e-300, 1e300, HUGE_VAL, -HUGE_VAL, NAN, 2147483648.0, 9007199254740993.0,
                                 1e19, -1e19, 4294967296.0};
static const lua_Integer integers[] = {0, 1, 2, 3, 4, 7, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 32,
                                       1LL << 40, 1000, 255, 16};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void push_value(lua_State *L, Bytes *b, int depth)
{
    unsigned kind = next(b) % (depth < 2 ? 10 : 6), choice = next(b), n;
    switch (kind) {
    case 0: lua_pushinteger(L, (lua_Integer)(choice % 5)); break;
    case 1: lua_pushinteger(L, integers[choice % COUNT(integers)]); break;
    case 2: lua_pushnumber(L, numbers[choice % COUNT(numbers)]); break;
    case 3: lua_pushstring(L, words[choice % COUNT(words)]); break;
    case 4: lua_rawgeti(L, 1, choice % SLOTS + 1); break; /* an object of an earlier call */
    case 5: lua_pushboolean(L, choice % 2); break;
    case 6: lua_pushnil(L); break;
    case 7: /* bytes as a string */
        n = choice % 9 < b->left ? choice % 9 : (unsigned)b->left;
        lua_pushlstring(L, (const char *)b->at, n);
        b->at += n, b->left -= n;
        break;
    case 8: /* a list */
        lua_newtable(L);
        for (unsigned i = 0; i < choice % 5; i++) {
            push_value(L, b, depth + 1);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    default: /* options */
        lua_newtable(L);
        for (unsigned i = 0; i < choice % 4; i++) {
            lua_pushstring(L, words[next(b) % COUNT(words)]);
            push_value(L, b, depth + 1);
            lua_rawset(L, -3);
        }
    }
}

/* Whether a function may be called here. */
static int is_safe(const BindModule *module, const char *name)
{
    static const char *const left_out[] = {"model", "store", "recorder", "plot", "run"};
    for (size_t i = 0; i < COUNT(left_out); i++)
        if (strcmp(module->name, left_out[i]) == 0)
            return 0;
    return strcmp(module->name, "data") != 0 || strcmp(name, "open") != 0;
}

static const BindFunction *choose(const BindFunction *list, unsigned n)
{
    size_t count = 0;
    while (list != NULL && list[count].name != NULL)
        count++;
    return count == 0 ? NULL : &list[n % count];
}

/* Runs in protected mode: one call; its result replaces a slot of the table of objects, argument 1. */
static int call(lua_State *L)
{
    Bytes *b = lua_touserdata(L, 2);
    size_t modules = 0;
    while (bind_modules[modules] != NULL)
        modules++;
    const BindModule *module = bind_modules[next(b) % modules];
    unsigned which = next(b), slot = next(b) % SLOTS + 1, count = next(b) % (ARGUMENTS_MAX + 1);
    const BindFunction *f = choose(which % 2 == 0 && module->functions != NULL ? module->functions : module->methods, which / 2);
    if (f == NULL || !is_safe(module, f->name))
        return 0;
    lua_pushcfunction(L, f->call);
    for (unsigned i = 0; i < count; i++)
        push_value(L, b, 0);
    lua_call(L, (int)count, 1);
    lua_rawseti(L, 1, slot);
    return 0;
}

static lua_State *state(void)
{
    static BindScript *script;
    static const char text[] = "return setmetatable({ name = 'x' }, { kind = 'experiment' })";
    if (script == NULL) {
        char path[300];
        Error err = ERROR_NONE;
        const BindSettings none = {.seconds = 60};
        setenv("VAE_LAB_LUA", "lua", 1);
        fuzz_write(path, "natives.lua", text, strlen(text));
        script = bind_script_load(path, &none, &err);
        fuzz_must(script == NULL, &err);
    }
    return script->L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Bytes b = {data, size};
    lua_State *L = state();
    lua_newtable(L);
    for (int i = 0; i < 12 && b.left > 0; i++) {
        Error err = ERROR_NONE;
        lua_pushcfunction(L, call);
        lua_pushvalue(L, 1);
        lua_pushlightuserdata(L, &b);
        if (bind_call(L, 2, 0, &err) != 0)
            fuzz_check_error(&err);
        FUZZ_CHECK(lua_gettop(L) == 1);
    }
    lua_settop(L, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}
