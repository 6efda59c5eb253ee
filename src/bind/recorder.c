/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/recorder.c: the object with which an evaluation records its results.  Its metrics are committed together after
 * it has returned, so that an evaluation that fails records none.
 */
#include "bind/bind.h"

#include "base/mem.h"
#include "bind/array.h"

#include <string.h>

struct BindRecorder {
    Store *store; /* NULL: the evaluation has returned */
    int64_t run;
    const LabRun *owner;
    StoreMetric *metrics; /* the user value NAMES keeps their names */
    size_t count, capacity;
};

/* User values: { name = model } of the runs that its run requires, the database, the names of metrics. */
enum { MODELS = 1, DATABASE, NAMES, USER_VALUES = 3 };

static BindRecorder *check_recorder(lua_State *L)
{
    BindRecorder *r = luaL_checkudata(L, 1, BIND_RECORDER);
    if (r->store == NULL)
        luaL_error(L, "this evaluation has returned: its recorder is closed");
    return r;
}

void bind_recorder_release(BindRecorder *r)
{
    mem_free(r->metrics);
    r->metrics = NULL;
    r->count = r->capacity = 0;
    r->store = NULL;
}

int bind_recorder_flush(BindRecorder *r, Error *err)
{
    return r->count == 0 ? 0 : store_run_record(r->store, r->run, r->metrics, r->count, NULL, err);
}

/* ---- methods ---- */

static int add_metric(lua_State *L)
{
    BindRecorder *r = check_recorder(L);
    const char *name = luaL_checkstring(L, 2);
    double value = luaL_checknumber(L, 3);
    lua_Integer step = luaL_optinteger(L, 4, 0);
    luaL_argcheck(L, step >= 0, 4, "a step is an epoch, from 1, or 0 for the whole run");
    if (r->count == r->capacity) {
        size_t capacity = r->capacity * 2 + 16;
        StoreMetric *grown = mem_grow(r->metrics, r->count * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL)
            return luaL_error(L, "out of memory for metrics");
        r->metrics = grown;
        r->capacity = capacity;
    }
    lua_getiuservalue(L, 1, NAMES);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, (lua_Integer)r->count + 1);
    r->metrics[r->count++] = (StoreMetric){name, step, value};
    return 0;
}

static int add_artifact(lua_State *L)
{
    size_t size;
    Error err = ERROR_NONE;
    BindRecorder *r = check_recorder(L);
    const char *name = luaL_checkstring(L, 2), *kind = luaL_checkstring(L, 3);
    const char *bytes = luaL_checklstring(L, 4, &size), *meta = luaL_optstring(L, 5, NULL);
    if (store_artifact_put(r->store, r->run, name, kind, meta, bytes, size, &err) != 0)
        return bind_raise(L, &err);
    return 0;
}

/* [OUT] number[n]: the list of whole numbers at `index`. */
static void read_list(lua_State *L, int index, size_t n, int64_t *number)
{
    luaL_checktype(L, index, LUA_TTABLE);
    if (lua_rawlen(L, index) != n)
        luaL_error(L, "a list has %I numbers, expected one for each of %I posteriors",
                   INT(lua_rawlen(L, index)), INT(n));
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        number[i] = luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
}

/* Example numbers count from 1, here and in the database. */
static int add_posteriors(lua_State *L)
{
    Error err = ERROR_NONE;
    BindRecorder *r = check_recorder(L);
    const BindArray *mu = bind_array_check(L, 4), *sigma = bind_array_check(L, 5);
    size_t n = mu->rows, d = mu->cols;
    bind_array_shape(L, "sigma", sigma, n, d);
    int64_t *example = bind_scratch(L, n, sizeof *example), *number = bind_scratch(L, n, sizeof *number);
    int *label = bind_scratch(L, n, sizeof *label);
    read_list(L, 2, n, example);
    if (!lua_isnil(L, 3))
        read_list(L, 3, n, number);
    for (size_t i = 0; i < n; i++)
        label[i] = lua_isnil(L, 3) ? -1 : (int)number[i];
    const float *m = bind_array_floats(L, mu), *s = bind_array_floats(L, sigma);
    if (store_posteriors_put(r->store, r->run, n, d, example, label, m, s, &err) != 0)
        return bind_raise(L, &err);
    return 0;
}

static int required_model(lua_State *L)
{
    check_recorder(L);
    const char *name = luaL_checkstring(L, 2);
    lua_getiuservalue(L, 1, MODELS);
    if (lua_getfield(L, -1, name) == LUA_TNIL)
        return luaL_error(L, "this run requires no %s; expected requires = { %s = index } in its table", name, name);
    return 1;
}

static int get_seed(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_recorder(L)->owner->spec.seed.number);
    return 1;
}

static int get_rng(lua_State *L)
{
    const gsl_rng_type *rng = check_recorder(L)->owner->spec.seed.rng;
    lua_pushstring(L, (rng != NULL ? rng : num_rng_philox)->name);
    return 1;
}

static int get_store(lua_State *L)
{
    check_recorder(L);
    lua_getiuservalue(L, 1, DATABASE);
    return 1;
}

/* ---- making and closing ---- */

BindRecorder *bind_recorder_push(lua_State *L, Store *store, int64_t run, const LabRun *owner)
{
    BindRecorder *r = lua_newuserdatauv(L, sizeof *r, USER_VALUES);
    memset(r, 0, sizeof *r);
    luaL_setmetatable(L, BIND_RECORDER);
    lua_newtable(L);
    lua_setiuservalue(L, -2, MODELS);
    lua_newtable(L);
    lua_setiuservalue(L, -2, NAMES);
    bind_box_lend(L, BIND_STORE, 0, store);
    lua_setiuservalue(L, -2, DATABASE);
    r->store = store;
    r->run = run;
    r->owner = owner;
    return r;
}

void bind_recorder_require(lua_State *L, int index, const char *name, const char *identity)
{
    lua_getiuservalue(L, index, MODELS);
    lua_getiuservalue(L, index, DATABASE);
    bind_model_push_later(L, -1, identity, name);
    lua_setfield(L, -3, name);
    lua_pop(L, 2);
}

static int close_recorder(lua_State *L)
{
    bind_recorder_release(luaL_checkudata(L, 1, BIND_RECORDER));
    return 0;
}

static const BindFunction methods[] = {
    {"metric", add_metric, "(name, value, step = 0)", "a number; step: an epoch, 0: of the whole run", NULL},
    {"artifact", add_artifact, "(name, kind, bytes, meta)", "bytes of any kind; meta: JSON or nil", NULL},
    {"posteriors", add_posteriors, "(examples, labels or nil, mu, sigma)",
     "recorded posteriors of examples, arrays (n, d)", NULL},
    {"model", required_model, "(name) → model", "the trained model of a run that this one requires", NULL},
    {"store", get_store, "() → store", "the database, for reading", NULL},
    {"seed", get_seed, "() → integer", "the run's seed", NULL},
    {"rng", get_rng, "() → string", "the name of the run's random number generator", NULL},
    {0},
};

static const luaL_Reg meta[] = {{"__gc", close_recorder}, {"__close", close_recorder}, {NULL, NULL}};

const BindModule bind_recorder_module = {
    .name = "recorder", .text = "What an evaluation records with. It is closed when the evaluation has returned.",
    .type = BIND_RECORDER, .methods = methods, .meta = meta,
};
