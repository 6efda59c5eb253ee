/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/model.c: trained models for Lua: from the database by number or identity, or lent to an evaluation by the worker.
 * Results are arrays; scratch memory is Lua's, so that a raise anywhere loses nothing.
 */
#include "bind/bind.h"

#include "bind/array.h"
#include "bind/posterior.h"

#include <string.h>

static const char *const request_keys[] = {"name",    "names", "data", "split", "first",   "count", "feed", "values",
                                       "samples", "seed",  "step", "chunk", "scalars",
                                       /* posterior.c's */
                                       "start", "draws", "leapfrog", "warm_up", "thin", "step_size", "accept", "temperatures", "reverse", "tolerance",
                                       "objective", "over", "steps", "rate", "check",
                                       /* gradient.c's */
                                       "of", "repeats", "skip", "onto", NULL};

/* User values of a model: its database (of a fitted one its graph), and, of one that is opened when it is first used, the run's identity and what an
 * error calls it. */
enum { DATABASE = 1, IDENTITY, ROLE, USER_VALUES = 3 };

static BindModel *push_empty(lua_State *L)
{
    BindModel *box = lua_newuserdatauv(L, sizeof *box, USER_VALUES);
    box->model = NULL;
    box->borrowed = 0;
    luaL_setmetatable(L, BIND_MODEL);
    return box;
}

BindModel *bind_model_push(lua_State *L, InferModel *model)
{
    BindModel *box = push_empty(L);
    box->model = model;
    box->borrowed = 1;
    return box;
}

/* Opens the run's model into the empty box at `index`, which holds the database. */
static void fill(lua_State *L, int index, int64_t run)
{
    Error err = ERROR_NONE;
    BindModel *box = lua_touserdata(L, index);
    lua_getiuservalue(L, index, DATABASE);
    Store *s = bind_store_check(L, lua_gettop(L));
    double pause = bind_watch_pause();
    box->model = infer_model_open(s, run, &err);
    bind_watch_resume(L, pause);
    if (box->model == NULL)
        bind_raise(L, &err);
    lua_pop(L, 1);
}

void bind_model_open_run(lua_State *L, int store, int64_t run)
{
    store = lua_absindex(L, store);
    push_empty(L);
    lua_pushvalue(L, store); /* the database stays open as long as the model */
    lua_setiuservalue(L, -2, DATABASE);
    fill(L, lua_gettop(L), run);
}

void bind_model_push_later(lua_State *L, int store, const char *identity, const char *role)
{
    store = lua_absindex(L, store);
    push_empty(L);
    lua_pushvalue(L, store);
    lua_setiuservalue(L, -2, DATABASE);
    lua_pushstring(L, identity);
    lua_setiuservalue(L, -2, IDENTITY);
    lua_pushstring(L, role);
    lua_setiuservalue(L, -2, ROLE);
}

/* The first use of a model that was pushed for later. */
static void fill_later(lua_State *L, int index)
{
    int64_t run = 0;
    StoreClaim claim = STORE_NEW;
    Error err = ERROR_NONE;
    lua_getiuservalue(L, index, DATABASE);
    Store *s = bind_store_check(L, lua_gettop(L));
    lua_getiuservalue(L, index, IDENTITY);
    lua_getiuservalue(L, index, ROLE);
    if (store_run_find(s, lua_tostring(L, -2), &run, &claim, &err) != 0)
        bind_raise(L, &err);
    if (run == 0 || claim != STORE_DONE) {
        error_set(&err, ERR_RUN, "the %s that this evaluation needs is not trained", lua_tostring(L, -1));
        error_found(&err, run == 0 ? "no such run" : "run %lld, not finished", (long long)run);
        error_hint(&err, "the same command trains it first; see `vae-lab runs` for why it failed");
        bind_raise(L, &err);
    }
    lua_pop(L, 3);
    fill(L, index, run);
}

InferModel *bind_model_check(lua_State *L, int index)
{
    BindModel *box = luaL_checkudata(L, index, BIND_MODEL);
    if (box->model == NULL && lua_getiuservalue(L, index, IDENTITY) == LUA_TSTRING) {
        lua_pop(L, 1);
        fill_later(L, lua_absindex(L, index));
    }
    if (box->model == NULL)
        luaL_argerror(L, index, "a closed model");
    return box->model;
}

/* model.open(store, run): a run's number, or its identity. */
static int open_model(lua_State *L)
{
    Store *s = bind_store_check(L, 1);
    int64_t run = 0;
    if (lua_type(L, 2) == LUA_TNUMBER) {
        run = luaL_checkinteger(L, 2);
    } else {
        Error err = ERROR_NONE;
        StoreClaim claim;
        const char *identity = luaL_checkstring(L, 2);
        if (store_run_find(s, identity, &run, &claim, &err) != 0)
            return bind_raise(L, &err);
        if (run == 0) {
            error_set(&err, ERR_STORE, "no run has the identity %.16s…", identity);
            error_where(&err, "%s", store_path(s));
            return bind_raise(L, &err);
        }
    }
    bind_model_open_run(L, 1, run);
    return 1;
}

static const float *rows_of(lua_State *L, const char *key, size_t count)
{
    if (lua_getfield(L, 1, key) == LUA_TNIL)
        return NULL;
    const BindArray *a = bind_array_check(L, lua_gettop(L));
    if (a->rows != count)
        luaL_error(L, "%s has %I rows, x has %I", key, (LUAI_UACINT)a->rows, (LUAI_UACINT)count);
    return bind_array_floats(L, a);
}

/* model.fit{graph =, objective =, x =, y =, epochs =, batch =, rate =, seed =}: trains a small graph on arrays, by Adam. */
static int fit_model(lua_State *L)
{
    static const char *const keys[] = {"graph", "objective", "x", "y", "epochs", "batch", "rate", "seed", NULL};
    Error err = ERROR_NONE;
    luaL_checktype(L, 1, LUA_TTABLE);
    bind_keys(L, 1, "model.fit", keys);
    lua_getfield(L, 1, "x");
    size_t count = bind_array_check(L, lua_gettop(L))->rows;
    InferFit fit = {.objective = bind_string(L, 1, "objective", "bound"), .count = count, .x = rows_of(L, "x", count), .y = rows_of(L, "y", count),
                  .epochs = (int)bind_integer(L, 1, "epochs", 10, 1), .batch = (size_t)bind_integer(L, 1, "batch", 50, 1),
                  .rate = bind_number(L, 1, "rate", 1e-3), .seed = (uint64_t)bind_integer(L, 1, "seed", 1, 0)};
    lua_getfield(L, 1, "graph");
    int graph = lua_gettop(L);
    fit.graph = bind_graph_check(L, graph);
    BindModel *box = push_empty(L);
    lua_pushvalue(L, graph); /* the graph stays as long as the model */
    lua_setiuservalue(L, -2, DATABASE);
    double pause = bind_watch_pause();
    box->model = infer_fit(&fit, &err);
    bind_watch_resume(L, pause);
    return box->model == NULL ? bind_raise(L, &err) : 1;
}

/* ---- what is asked ---- */

/* scalars = {beta = 0.5}: values of the graph's scalar leaves. */
static void read_scalars(lua_State *L, int table, InferRequest *request)
{
    if (lua_getfield(L, table, "scalars") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    int list = lua_gettop(L);
    luaL_checktype(L, list, LUA_TTABLE);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, list) != 0; lua_pop(L, 1))
        count++;
    InferScalar *scalars = bind_scratch(L, count, sizeof *scalars);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, list) != 0 && i < count; lua_pop(L, 1), i++) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "scalars is not {name = number, …}");
        scalars[i] = (InferScalar){.name = lua_tostring(L, -2), .value = lua_tonumber(L, -1)};
    }
    request->scalars = scalars;
    request->nscalars = count;
}

/* The rows that are meant: of data, or of values; with both, row i of values stands beside example first + i.  Raises where they
 * are none or reach past the end; by default all from `first` on, at most `most`. */
static void read_range(lua_State *L, int table, InferRequest *request, size_t rows, size_t most)
{
    size_t first = (size_t)bind_integer(L, table, "first", 1, 1) - 1;
    size_t left = first < rows ? rows - first : 0;
    size_t count = (size_t)bind_integer(L, table, "count", (lua_Integer)(left < most ? left : most), 0);
    if (count == 0 || count > left || count > most)
        luaL_error(L, "rows %I to %I of %I", (LUAI_UACINT)(first + 1), (LUAI_UACINT)(first + count), (LUAI_UACINT)rows);
    request->first = first;
    request->count = count;
}

void bind_request(lua_State *L, const InferModel *m, int table, InferRequest *request)
{
    luaL_checktype(L, table, LUA_TTABLE);
    bind_keys(L, table, "a question to a model", request_keys);
    memset(request, 0, sizeof *request);
    request->split = bind_split(L, bind_string(L, table, "split", "test"));
    request->samples = (size_t)bind_integer(L, table, "samples", 1, 1);
    request->seed = (uint64_t)bind_integer(L, table, "seed", 1, 0);
    request->step = (uint64_t)bind_integer(L, table, "step", 0, 0);
    request->feed = bind_string(L, table, "feed", NULL);
    if (lua_getfield(L, table, "data") != LUA_TNIL)
        request->data = bind_data_check(L, lua_gettop(L));
    lua_getfield(L, table, "values");
    const BindArray *values = lua_isnil(L, -1) ? NULL : bind_array_check(L, lua_gettop(L));
    if ((values == NULL) != (request->feed == NULL))
        luaL_error(L, "feed and values go together: the name of a node, and what stands in for it");
    if (values == NULL && request->data == NULL)
        luaL_error(L, "neither data nor values: what is the model to work on?");
    if (values != NULL) {
        size_t width = infer_model_width(m, request->feed);
        request->feed_draws = width != 0 && request->samples > 1 && values->cols == width * request->samples;
        if (width != 0 && width != values->cols && !request->feed_draws)
            luaL_error(L, "values have %I columns, the node %s has %I", (LUAI_UACINT)values->cols, request->feed, (LUAI_UACINT)width);
        request->feed_values = bind_array_floats(L, values);
    }
    size_t own = values != NULL ? values->rows : 0, rows = request->data != NULL ? data_count(request->data, request->split) : own;
    read_range(L, table, request, rows, request->data != NULL && values != NULL ? own : rows);
    if (values != NULL && request->data == NULL)
        request->feed_values += request->first * values->cols;
    read_scalars(L, table, request);
}

/* ---- m:… ---- */

static int get_width(lua_State *L)
{
    size_t width = infer_model_width(bind_model_check(L, 1), luaL_checkstring(L, 2));
    if (width == 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)width);
    return 1;
}

/* m:names() → the public names of its graph. */
static int get_names(lua_State *L)
{
    const Graph *g = infer_model_graph(bind_model_check(L, 1));
    lua_newtable(L);
    for (size_t i = 0; i < graph_name_count(g); i++) {
        lua_pushstring(L, graph_name_at(g, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* m:map{name =, …} → array (count, draws * width) */
static int map(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    const char *name = bind_string_needed(L, 2, "name");
    size_t width = infer_model_width(m, name); /* 0 for an unknown name: lab says so */
    GraphNode node = graph_find(infer_model_graph(m), name);
    size_t own = node < 0 ? 1 : graph_shape(infer_model_graph(m), node).n[NUM_SAMPLES]; /* a fixed number of draws, perhaps */
    size_t room = own > request.samples ? own : request.samples, total = request.count * width * room;
    float *out = bind_scratch(L, total, sizeof *out);
    size_t draws = 0;
    double pause = bind_watch_pause();
    int status = infer_model_map(m, &request, name, out, &draws, &err);
    bind_watch_resume(L, pause);
    if (status != 0)
        return bind_raise(L, &err);
    bind_array_from_floats(L, request.count, draws * width, out);
    return 1;
}

/* m:mean{names = {"elbo", …}, …} → {elbo = {mean =, se =}, …}; the pair is also [1], [2]. */
static int mean(lua_State *L)
{
    enum { NAMES = 32 };
    const char *names[NAMES + 1];
    double value[NAMES], se[NAMES];
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    if (lua_getfield(L, 2, "names") != LUA_TTABLE)
        bind_wrong(L, "names", -1, "a list of names");
    size_t count = lua_rawlen(L, -1);
    if (count > NAMES)
        luaL_error(L, "more than %d names", (int)NAMES);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
            bind_wrong(L, "names", -1, "a list of names");
        names[i] = lua_tostring(L, -1); /* stays alive in the list */
        lua_pop(L, 1);
    }
    names[count] = NULL;
    double pause = bind_watch_pause();
    int status = infer_model_mean(m, &request, names, value, se, &err);
    bind_watch_resume(L, pause);
    if (status != 0)
        return bind_raise(L, &err);
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 2, 2);
        for (int k = 1; k <= 2; k++) {
            lua_pushnumber(L, k == 1 ? value[i] : se[i]);
            lua_pushvalue(L, -1);
            lua_setfield(L, -3, k == 1 ? "mean" : "se");
            lua_rawseti(L, -2, k);
        }
        lua_setfield(L, -2, names[i]);
    }
    return 1;
}

/* m:log_weights{name =, samples =, chunk =, …} → logp, se, ess: arrays of one column */
static int log_weights(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    const char *name = bind_string_needed(L, 2, "name");
    size_t chunk = (size_t)bind_integer(L, 2, "chunk", request.samples < 50 ? (lua_Integer)request.samples : 50, 1);
    BindArray *logp = bind_array_new(L, request.count, 1);
    BindArray *se = bind_array_new(L, request.count, 1);
    BindArray *ess = bind_array_new(L, request.count, 1);
    double pause = bind_watch_pause();
    int status = infer_model_log_weights(m, &request, name, chunk, logp->data, se->data, ess->data, &err);
    bind_watch_resume(L, pause);
    return status != 0 ? bind_raise(L, &err) : 3;
}

static int close_model(lua_State *L)
{
    BindModel *box = luaL_checkudata(L, 1, BIND_MODEL);
    if (!box->borrowed)
        infer_model_free(box->model);
    box->model = NULL;
    return 0;
}

int bind_model_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", open_model}, {"fit", fit_model}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"width", get_width}, {"names", get_names}, {"map", map}, {"mean", mean}, {"log_weights", log_weights},
        {"hmc", bind_model_hmc}, {"ais", bind_model_ais}, {"quadrature", bind_model_quadrature}, {"optimise_local_q", bind_model_optimise_local_q},
        {"gradient", bind_model_gradient}, {NULL, NULL},
    };
    static const luaL_Reg meta[] = {{"__gc", close_model}, {"__close", close_model}, {NULL, NULL}};
    bind_type(L, BIND_MODEL, methods, meta);
    luaL_newlib(L, functions);
    lua_newtable(L); /* rules of lab.hmc, which training reads */
    bind_add_rules(L, infer_hmc_options, INFER_HMC_TRANSITION);
    bind_add_rules(L, lab_monte_carlo_em_options, LAB_MONTE_CARLO_EM_OPTIONS);
    lua_setfield(L, -2, "monte_carlo_em");
    return 1;
}
