/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/model.c: trained models for Lua: from the database by number or identity, or lent to an evaluation by the
 * worker. Results are arrays; scratch memory is Lua's, so that a raise anywhere loses nothing.
 */
#include "bind/bind.h"

#include "bind/posterior.h"

/* User values of a model: its database (of a fitted one its graph); of one that is opened at its first use, the
 * run's identity and its role for errors. */
enum { DATABASE = 1, IDENTITY, ROLE, USER_VALUES = 3 };

void bind_model_lend(lua_State *L, InferModel *model)
{
    bind_box_lend(L, BIND_MODEL, USER_VALUES, model);
}

/* Opens the run's model into the empty box at `index`, which holds the database. */
static void fill(lua_State *L, int index, int64_t run)
{
    Error err = ERROR_NONE;
    BindBox *box = lua_touserdata(L, index);
    lua_getiuservalue(L, index, DATABASE);
    Store *s = bind_store_check(L, lua_gettop(L));
    box->object = infer_model_open(s, run, &err);
    if (box->object == NULL)
        bind_raise(L, &err);
    lua_pop(L, 1);
}

void bind_model_open_run(lua_State *L, int store, int64_t run)
{
    store = lua_absindex(L, store);
    bind_box_push(L, BIND_MODEL, USER_VALUES);
    lua_pushvalue(L, store); /* the database stays open as long as the model */
    lua_setiuservalue(L, -2, DATABASE);
    fill(L, lua_gettop(L), run);
}

void bind_model_push_later(lua_State *L, int store, const char *identity, const char *role)
{
    store = lua_absindex(L, store);
    bind_box_push(L, BIND_MODEL, USER_VALUES);
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
    BindBox *box = luaL_checkudata(L, index, BIND_MODEL);
    if (box->object == NULL && lua_getiuservalue(L, index, IDENTITY) == LUA_TSTRING) {
        lua_pop(L, 1);
        fill_later(L, lua_absindex(L, index));
    }
    return bind_box_check(L, index, BIND_MODEL);
}

static int open_model(lua_State *L)
{
    bind_store_check(L, 1);
    bind_model_open_run(L, 1, luaL_checkinteger(L, 2));
    return 1;
}

/* ---- fitting ---- */

typedef struct FitCall {
    InferFit fit;
    const BindArray *x, *y;
} FitCall;

static const Option fit_rows[] = {
    {OPTION(InferFit, graph), .type = OPTION_OBJECT, .object = BIND_GRAPH, .required = 1,
     .text = "with the inputs x and y"},
    {OPTION(InferFit, objective), .type = OPTION_STRING, .word = "bound", .text = "the node to maximise"},
    {OPTION(FitCall, x), .type = OPTION_OBJECT, .object = BIND_ARRAY, .required = 1, .text = "the examples (n, width)"},
    {OPTION(FitCall, y), .type = OPTION_OBJECT, .object = BIND_ARRAY, .text = "their targets (n, width)"},
    {OPTION(InferFit, epochs), .type = OPTION_INT, .least = 1, .most = 1e9, .standard = 10,
     .text = "passes over the examples"},
    {OPTION(InferFit, batch), .type = OPTION_SIZE, .least = 1, .standard = 50, .text = "examples of a minibatch"},
    {OPTION(InferFit, rate), .type = OPTION_NUMBER, .standard = 1e-3, .text = "Adam's learning rate"},
    {OPTION(InferFit, seed), .type = OPTION_SIZE, .standard = 1, .text = "of initial weights and order"},
};
static const BindOptions fit_options = {"model.fit", {BIND_ROWS(fit_rows, 0)}};

static int fit_model(lua_State *L)
{
    FitCall call;
    Error err = ERROR_NONE;
    bind_options(L, 1, &fit_options, &call);
    call.fit.count = call.x->rows;
    call.fit.x = bind_array_floats(L, call.x);
    call.fit.y = call.y == NULL ? NULL : bind_array_floats(L, call.y);
    if (call.y != NULL && call.y->rows != call.x->rows)
        luaL_error(L, "y has %I rows, x has %I", INT(call.y->rows), INT(call.x->rows));
    BindBox *box = bind_box_push(L, BIND_MODEL, USER_VALUES);
    lua_getfield(L, 1, "graph"); /* stays as long as the model */
    lua_setiuservalue(L, -2, DATABASE);
    box->object = infer_fit(&call.fit, &err);
    return box->object == NULL ? bind_raise(L, &err) : 1;
}

/* ---- requests ---- */

const Option model_request_rows[MODEL_REQUEST_ROWS] = {
    {OPTION(InferRequest, data), .type = OPTION_OBJECT, .object = BIND_DATA,
     .text = "the examples; not needed where the result does not depend on them"},
    {OPTION(InferRequest, split), .type = OPTION_CHOICE, .choices = bind_splits, .word = "test", .text = "of the data"},
    {OPTION(InferRequest, first), .type = OPTION_SIZE, .least = 1, .standard = 1,
     .text = "the first example, or row of `values`"},
    {OPTION(InferRequest, count), .type = OPTION_SIZE, .least = 1, .text = "how many; default: all from `first` on"},
    {OPTION(InferRequest, feed), .type = OPTION_STRING, .text = "a node that `values` replaces: \"z\" decodes"},
    {OPTION(ModelRequest, values), .type = OPTION_OBJECT, .object = BIND_ARRAY,
     .text = "its values (rows, width), or (rows, samples * width): a row for each draw"},
    {OPTION(InferRequest, samples), .type = OPTION_SIZE, .least = 1, .standard = 1, .text = "draws for each example"},
    {OPTION(InferRequest, seed), .type = OPTION_SIZE, .standard = 1, .text = "of noise and dynamic binarisation"},
    {OPTION(InferRequest, step), .type = OPTION_SIZE,
     .text = "part of the noise's address: another step gives other draws"},
    {OPTION(InferRequest, repeat), .type = OPTION_SIZE,
     .text = "another number gives other noise for the same, equally binarised examples"},
    {.name = "scalars", .type = OPTION_TABLE,
     .text = "values of the graph's scalars, { beta = 0.5 }; the others are 1"},
};

/* scalars = { beta = 0.5 } */
static void read_scalars(lua_State *L, InferRequest *request)
{
    if (lua_getfield(L, 2, "scalars") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    int list = lua_gettop(L);
    if (!lua_istable(L, list))
        luaL_error(L, "scalars is a %s, expected { name = number, … }", luaL_typename(L, list));
    size_t count = 0, i = 0;
    for (lua_pushnil(L); lua_next(L, list) != 0; lua_pop(L, 1))
        count++;
    InferScalar *scalars = bind_scratch(L, count, sizeof *scalars);
    for (lua_pushnil(L); lua_next(L, list) != 0 && i < count; lua_pop(L, 1), i++) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "scalars is not { name = number, … }");
        scalars[i] = (InferScalar){.name = lua_tostring(L, -2), .value = lua_tonumber(L, -1)};
    }
    request->scalars = scalars;
    request->nscalars = count;
}

/* The values that replace a node, as floats. */
static void read_values(lua_State *L, const InferModel *m, const BindArray *values, InferRequest *request)
{
    if ((values == NULL) != (request->feed == NULL))
        luaL_error(L, "feed and values must be given together: the name of a node and the values that replace it");
    if (values == NULL && request->data == NULL && request->count == 0)
        luaL_error(L, "a model needs data, values or a count to compute with");
    if (values == NULL)
        return;
    size_t width = infer_model_width(m, request->feed);
    request->feed_draws = width != 0 && request->samples > 1 && values->cols == width * request->samples;
    if (width != 0 && width != values->cols && !request->feed_draws)
        luaL_error(L, "values have %I columns, the node %s has %I", INT(values->cols), request->feed, INT(width));
    request->feed_values = bind_array_floats(L, values);
}

/* The rows of data or of values; with both, row i of values belongs to example first + i.  Without both any number of
 * rows exists. */
static void read_range(lua_State *L, const BindArray *values, InferRequest *request)
{
    if (values == NULL && request->data == NULL && request->count > UINT32_MAX)
        luaL_error(L, "count is %I, expected at most %I: a stream has no more rows", INT(request->count),
                   INT(UINT32_MAX));
    size_t own = values != NULL ? values->rows : request->first - 1 + request->count;
    size_t rows = request->data != NULL ? data_count(request->data, request->split) : own;
    size_t most = request->data != NULL && values != NULL ? own : rows;
    request->first--;
    size_t left = request->first < rows ? rows - request->first : 0;
    if (request->count == 0)
        request->count = left < most ? left : most;
    if (request->count == 0 || request->count > left || request->count > most)
        luaL_error(L, "rows %I to %I of %I do not exist", INT(request->first + 1),
                   INT(request->first + request->count), INT(rows));
    if (values != NULL && request->data == NULL)
        request->feed_values += request->first * values->cols;
}

void bind_request(lua_State *L, const InferModel *m, const BindOptions *options, void *call)
{
    ModelRequest *request = call;
    request->infer = (InferRequest){0};
    luaL_checktype(L, 2, LUA_TTABLE);
    bind_options(L, 2, options, call);
    read_values(L, m, request->values, &request->infer);
    read_range(L, request->values, &request->infer);
    read_scalars(L, &request->infer);
}

/* ---- methods ---- */

static int get_width(lua_State *L)
{
    size_t width = infer_model_width(bind_model_check(L, 1), luaL_checkstring(L, 2));
    if (width == 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)width);
    return 1;
}

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

typedef struct MapCall {
    ModelRequest request;
    const char *name;
    const char *const *names;
    size_t chunk;
} MapCall;

static const Option map_rows[] = {
    {OPTION(MapCall, name), .type = OPTION_STRING, .required = 1, .text = "the node"},
};
static const BindOptions map_options = {"model:map", {BIND_ROWS(model_request_rows, 0), BIND_ROWS(map_rows, 0)}};

static int map(lua_State *L)
{
    MapCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &map_options, &call);
    const InferRequest *request = &call.request.infer;
    size_t width = infer_model_width(m, call.name); /* 0 for an unknown name: infer_model_map refuses it */
    GraphNode node = graph_find(infer_model_graph(m), call.name);
    /* perhaps a fixed number of draws */
    size_t own = node < 0 ? 1 : graph_shape(infer_model_graph(m), node).n[NUM_SAMPLES];
    size_t room = own > request->samples ? own : request->samples, draws = 0;
    float *out = bind_scratch(L, request->count * width * room, sizeof *out);
    int status = infer_model_map(m, request, call.name, out, &draws, &err);
    if (status != 0)
        return bind_raise(L, &err);
    bind_array_from_floats(L, request->count, draws * width, out);
    return 1;
}

static const Option mean_rows[] = {
    {OPTION(MapCall, names), .type = OPTION_STRINGS, .required = 1,
     .text = "the nodes, each averaged over its draws first"},
};
static const BindOptions mean_options = {"model:mean", {BIND_ROWS(model_request_rows, 0), BIND_ROWS(mean_rows, 0)}};

static int mean(lua_State *L)
{
    MapCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &mean_options, &call);
    size_t count = 0;
    while (call.names[count] != NULL)
        count++;
    double *value = bind_scratch(L, 2 * count, sizeof *value), *se = value + count;
    int status = infer_model_mean(m, &call.request.infer, call.names, value, se, &err);
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
        lua_setfield(L, -2, call.names[i]);
    }
    return 1;
}

static const Option weight_rows[] = {
    {OPTION(MapCall, name), .type = OPTION_STRING, .required = 1, .text = "the node of log weights: \"logw\""},
    {OPTION(MapCall, chunk), .type = OPTION_SIZE, .least = 1, .text = "draws computed at a time; default: at most 50"},
};
static const BindOptions weight_options = {
    "model:log_weights", {BIND_ROWS(model_request_rows, 0), BIND_ROWS(weight_rows, 0)},
};

static int log_weights(lua_State *L)
{
    enum { CHUNK = 50 };
    MapCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &weight_options, &call);
    const InferRequest *request = &call.request.infer;
    if (call.chunk == 0)
        call.chunk = request->samples < CHUNK ? request->samples : CHUNK;
    BindArray *logp = bind_array_new(L, request->count, 1);
    BindArray *se = bind_array_new(L, request->count, 1);
    BindArray *ess = bind_array_new(L, request->count, 1);
    int status = infer_model_log_weights(m, request, call.name, call.chunk, logp->data, se->data, ess->data, &err);
    return status != 0 ? bind_raise(L, &err) : 3;
}

static int close_model(lua_State *L)
{
    BindBox *box = luaL_checkudata(L, 1, BIND_MODEL);
    if (!box->lent)
        infer_model_free(box->object);
    box->object = NULL;
    return 0;
}

static const BindFunction functions[] = {
    {"open", open_model, "(store, run) → model", "the trained model of a finished run, by its number", NULL},
    {"fit", fit_model, "(options) → model", "trains a small graph on arrays, by Adam", &fit_options},
    {0},
};

static const BindFunction methods[] = {
    {"width", get_width, "(name) → integer or nil", "features of a named node", NULL},
    {"names", get_names, "() → list", "the public names of its graph", NULL},
    {"map", map, "(options) → array (count, draws * width)", "a named node for each example", &map_options},
    {"mean", mean, "(options) → { name = { mean =, se = } }",
     "means of named nodes over the examples; the pair is also [1], [2]", &mean_options},
    {"log_weights", log_weights, "(options) → logp, se, ess",
     "importance-weighted log p(x), arrays (count, 1)", &weight_options},
    {"hmc", bind_model_hmc, "(options) → z, accepted",
     "draws of p(z|x), (count, samples * draws * width), and the acceptance rate, (count, 1)", &model_hmc_options},
    {"ais", bind_model_ais, "(options) → logw, accepted",
     "annealed importance sampling: (count, samples) and (count, 1)", &model_ais_options},
    {"quadrature", bind_model_quadrature, "(options) → logp, change, box",
     "log p(x) by quadrature, its last change, the box of z: (count, 1), (count, 1), (count, 2 * "
     "width)", &model_quadrature_options},
    {"optimise_local_q", bind_model_optimise_local_q, "(options) → value, array, …",
     "each example's own values of nodes that maximise an objective: (count, 1), then one array for each "
     "node", &model_local_q_options},
    {"gradient", bind_model_gradient, "(options) → mean, variance, along",
     "a gradient over repeated noise: (1, width), (1, width), (repeats, rows of onto)", &model_gradient_options},
    {0},
};

static const luaL_Reg meta[] = {{"__gc", close_model}, {"__close", close_model}, {NULL, NULL}};

const BindModule bind_model_module = {
    .name = "model",
     .text = "Trained models.", .functions = functions, .type = BIND_MODEL, .methods = methods, .meta = meta,
};
