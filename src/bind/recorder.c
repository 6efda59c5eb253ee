/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/recorder.c: the object with which an evaluation records its results.  They are committed in one transaction after
 * it has returned, so that an evaluation that fails records none.
 */
#include "bind/bind.h"

#include "base/mem.h"
#include "bind/array.h"

#include <limits.h>
#include <string.h>

/* The user value KEPT keeps the texts, bytes and arrays that the lists point to. */
struct BindRecorder {
    Store *store; /* NULL: the evaluation has returned */
    int64_t run;
    const LabRun *owner;
    StoreMetric *metrics;
    size_t nmetrics, metrics_capacity;
    StoreArtifact *artifacts;
    size_t nartifacts, artifacts_capacity;
    StorePosteriors posteriors;
    int has_posteriors;
};

/* User values: { name = model } of the runs that its run requires, the database, what its lists point to. */
enum { MODELS = 1, DATABASE, KEPT, USER_VALUES = 3 };

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
    mem_free(r->artifacts);
    r->metrics = NULL;
    r->artifacts = NULL;
    r->store = NULL;
}

int bind_recorder_commit(BindRecorder *r, const StoreEvaluation *evaluation, double seconds, Error *err)
{
    const StoreResults results = {
        .metrics = r->metrics, .nmetrics = r->nmetrics, .artifacts = r->artifacts, .nartifacts = r->nartifacts,
        .posteriors = r->has_posteriors ? &r->posteriors : NULL, .seconds = seconds,
    };
    return store_evaluation_put(r->store, r->run, evaluation, &results, err);
}

/* ---- methods ---- */

/* Keeps the value at a stack index until the recorder is collected. */
static void keep(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_getiuservalue(L, 1, KEPT);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* A list with room for one more. */
static void *with_room(lua_State *L, void *list, size_t count, size_t *capacity, size_t size)
{
    void *grown = mem_room(list, count, capacity, size);
    if (grown == NULL)
        luaL_error(L, "out of memory for an evaluation's results");
    return grown;
}

static int add_metric(lua_State *L)
{
    static const char *const scales[] = {"linear", "log", "logit", NULL};
    BindRecorder *r = check_recorder(L);
    const char *name = luaL_checkstring(L, 2);
    double value = luaL_checknumber(L, 3);
    int scale = luaL_checkoption(L, 4, scales[0], scales);
    r->metrics = with_room(L, r->metrics, r->nmetrics, &r->metrics_capacity, sizeof *r->metrics);
    keep(L, 2);
    r->metrics[r->nmetrics++] = (StoreMetric){.name = name, .value = value, .scale = scale == 0 ? NULL : scales[scale]};
    return 0;
}

static int add_artifact(lua_State *L)
{
    size_t size;
    BindRecorder *r = check_recorder(L);
    const char *name = luaL_checkstring(L, 2), *kind = luaL_checkstring(L, 3);
    const char *bytes = luaL_checklstring(L, 4, &size), *meta = luaL_optstring(L, 5, NULL);
    r->artifacts = with_room(L, r->artifacts, r->nartifacts, &r->artifacts_capacity, sizeof *r->artifacts);
    for (int i = 2; i <= (meta == NULL ? 4 : 5); i++)
        keep(L, i);
    r->artifacts[r->nartifacts++] = (StoreArtifact){name, kind, meta, bytes, size};
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

/* Scratch memory that is kept with the recorder. */
static void *kept_scratch(lua_State *L, size_t count, size_t size)
{
    void *block = bind_scratch(L, count, size);
    keep(L, lua_gettop(L));
    return block;
}

static const float *kept_floats(lua_State *L, const BindArray *a)
{
    const float *x = bind_array_floats(L, a);
    keep(L, lua_gettop(L));
    return x;
}

/* Class labels, -1 for none; NULL where the list at index 3 is nil. */
static const int *read_labels(lua_State *L, size_t n)
{
    if (lua_isnil(L, 3))
        return NULL;
    int64_t *number = bind_scratch(L, n, sizeof *number);
    int *label = kept_scratch(L, n, sizeof *label);
    read_list(L, 3, n, number);
    for (size_t i = 0; i < n; i++) {
        if (number[i] < -1 || number[i] > INT_MAX)
            luaL_error(L, "label %I of posterior %I; expected 0 to %d, or -1 for none", INT(number[i]), INT(i + 1),
                       INT_MAX);
        label[i] = (int)number[i];
    }
    return label;
}

/* Example numbers count from 1, here and in the database. */
static int add_posteriors(lua_State *L)
{
    BindRecorder *r = check_recorder(L);
    const BindArray *mu = bind_array_check(L, 4), *sigma = bind_array_check(L, 5);
    size_t n = mu->rows, d = mu->cols;
    bind_array_shape(L, "sigma", sigma, n, d);
    int64_t *example = kept_scratch(L, n, sizeof *example);
    read_list(L, 2, n, example);
    const int *label = read_labels(L, n);
    r->posteriors = (StorePosteriors){n, d, example, label, kept_floats(L, mu), kept_floats(L, sigma)};
    r->has_posteriors = 1;
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
    lua_setiuservalue(L, -2, KEPT);
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
    {"metric", add_metric, "(name, value, scale = \"linear\")",
     "a number; scale, of its interval over seeds: \"log\" where it is positive, \"logit\" where it is between 0 and 1", NULL},
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
