/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/graph.c: graphs for Lua.  A node is its number in the graph's text.  Every node is marked with the script's line.
 */
#include "bind/bind.h"

#include "graph/ops.h"
#include "graph/rules.h"
#include "graph/optimiser.h"

#include <string.h>

Graph *bind_graph_check(lua_State *L, int index)
{
    BindGraph *box = luaL_checkudata(L, index, BIND_GRAPH);
    if (box->graph == NULL)
        luaL_argerror(L, index, "a closed graph");
    return box->graph;
}

/* The graph at index 1, about to be changed by the line that runs. */
static Graph *writing(lua_State *L)
{
    char where[512];
    Graph *g = bind_graph_check(L, 1);
    bind_where(L, where, sizeof where);
    graph_set_location(g, where);
    return g;
}

static GraphNode check_node(lua_State *L, const Graph *g, int index)
{
    lua_Integer node = luaL_checkinteger(L, index);
    if (node < 0 || (size_t)node >= graph_count(g))
        luaL_error(L, "node %I is not in this graph of %I nodes", (LUAI_UACINT)node, (LUAI_UACINT)graph_count(g));
    return (GraphNode)node;
}

static int give_node(lua_State *L, GraphNode node, const Error *err)
{
    if (node < 0)
        return bind_raise(L, err);
    lua_pushinteger(L, node);
    return 1;
}

/* {samples, batch, features} or {samples, batch, channels, height, width}, with "k" and "b" for the symbols. */
static GraphDims check_dims(lua_State *L, int index)
{
    GraphDims dims;
    luaL_checktype(L, index, LUA_TTABLE);
    static const char *const axis[] = {"the samples axis", "the batch axis", "the features axis", "the height", "the width"};
    memset(&dims, 0, sizeof dims);
    int axes = lua_rawlen(L, index) > 3 ? GRAPH_AXES : 3;
    for (int i = 0; i < axes; i++) {
        lua_rawgeti(L, index, i + 1);
        const char *symbol = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        int whole = 0;
        dims.n[i] = lua_tointegerx(L, -1, &whole);
        if (strcmp(symbol, "k") == 0)
            dims.n[i] = GRAPH_SAMPLES;
        else if (strcmp(symbol, "b") == 0)
            dims.n[i] = GRAPH_BATCH;
        else if (!whole || dims.n[i] < 1)
            bind_wrong(L, axis[i], -1, "a whole number of at least 1, \"k\" or \"b\"");
        lua_pop(L, 1);
    }
    return dims;
}

/* ---- graph.… ---- */

/* graph.new(batch, samples) */
static int graph_new(lua_State *L)
{
    lua_Integer batch = luaL_checkinteger(L, 1), samples = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, batch >= 1, 1, "a batch has at least 1 example");
    luaL_argcheck(L, samples >= 1, 2, "there is at least 1 sample");
    BindGraph *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->graph = NULL;
    luaL_setmetatable(L, BIND_GRAPH);
    Error err = ERROR_NONE;
    box->graph = graph_alloc((size_t)batch, (size_t)samples, &err);
    return box->graph == NULL ? bind_raise(L, &err) : 1;
}

/* Pushes the texts of an array that ends with NULL or after `most`. */
static void push_texts(lua_State *L, const char *const *text, size_t most)
{
    lua_newtable(L);
    for (size_t i = 0; i < most && text[i] != NULL; i++) {
        lua_pushstring(L, text[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* graph.ops() → { {name =, formula =, elementwise = a function of one variable?, attributes = { NAME = { choice, … }, … }}, … } */
static int graph_ops_list(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < graph_op_count; i++) {
        const GraphOp *op = graph_ops[i];
        lua_createtable(L, 0, 4);
        lua_pushstring(L, op->name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, op->formula);
        lua_setfield(L, -2, "formula");
        lua_pushboolean(L, op->shape == graph_shape_same && graph_attr_count(op) == 0 && op->backward[0] != NULL);
        lua_setfield(L, -2, "elementwise");
        lua_newtable(L);
        for (size_t a = 0; a < graph_attr_count(op); a++) {
            push_texts(L, op->attr[a].choice, GRAPH_CHOICES_MAX);
            lua_setfield(L, -2, op->attr[a].name);
        }
        lua_setfield(L, -2, "attributes");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* graph.optimisers() → { {name =, options = { {name =, default =, min =, below =, text =}, … }}, … } */
static int graph_optimisers(lua_State *L)
{
    OptimiserOption option;
    lua_newtable(L);
    for (int kind = 0; kind < OPTIMISER_KINDS; kind++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, optimiser_name((OptimiserKind)kind));
        lua_setfield(L, -2, "name");
        lua_newtable(L);
        for (size_t i = 0; optimiser_option((OptimiserKind)kind, i, &option) == 0; i++) {
            lua_createtable(L, 0, 5);
            lua_pushstring(L, option.name);
            lua_setfield(L, -2, "name");
            lua_pushnumber(L, option.fallback);
            lua_setfield(L, -2, "default");
            lua_pushnumber(L, option.least);
            lua_setfield(L, -2, "min");
            lua_pushnumber(L, option.below);
            lua_setfield(L, -2, "below");
            lua_pushstring(L, option.text);
            lua_setfield(L, -2, "text");
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, -2, "options");
        lua_rawseti(L, -2, kind + 1);
    }
    return 1;
}

/* ---- leaves ---- */

static int leaf_input(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    const char *name = luaL_checkstring(L, 2);
    return give_node(L, graph_input(g, name, check_dims(L, 3), &err), &err);
}

static int leaf_param(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    const char *name = luaL_checkstring(L, 2), *init = luaL_checkstring(L, 5);
    lua_Integer rows = luaL_checkinteger(L, 3), columns = luaL_checkinteger(L, 4);
    luaL_argcheck(L, rows >= 1, 3, "a parameter has at least 1 row");
    luaL_argcheck(L, columns >= 1, 4, "a parameter has at least 1 column");
    return give_node(L, graph_param(g, name, (size_t)rows, (size_t)columns, init, &err), &err);
}

static int leaf_noise(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    const char *stream = luaL_checkstring(L, 2), *kind = luaL_checkstring(L, 3);
    return give_node(L, graph_noise(g, stream, kind, check_dims(L, 4), &err), &err);
}

static int leaf_scalar(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    return give_node(L, graph_scalar(g, luaL_checkstring(L, 2), &err), &err);
}

static int leaf_constant(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    return give_node(L, graph_constant(g, luaL_checknumber(L, 2), &err), &err);
}

/* ---- operations ---- */

static size_t read_args(lua_State *L, const Graph *g, int index, GraphNode *args)
{
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = lua_rawlen(L, index);
    if (count > GRAPH_ARGS_MAX)
        luaL_error(L, "an operation of %I arguments: at most %d", (LUAI_UACINT)count, (int)GRAPH_ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        args[i] = check_node(L, g, lua_gettop(L));
        lua_pop(L, 1);
    }
    return count;
}

/* Attributes in no fixed order: graph_apply puts them into the operation's own. The texts stay alive with the table. */
static size_t read_attrs(lua_State *L, int index, GraphAttr *attrs, size_t max)
{
    size_t count = 0;
    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "an attribute without a name");
        if (count == max)
            luaL_error(L, "more than %d attributes", (int)max);
        GraphAttr *attr = &attrs[count++];
        memset(attr, 0, sizeof *attr);
        attr->name = lua_tostring(L, -2);
        switch (lua_type(L, -1)) {
        case LUA_TNUMBER: attr->number = lua_tonumber(L, -1); break;
        case LUA_TBOOLEAN: attr->number = lua_toboolean(L, -1); break;
        case LUA_TSTRING: attr->text = lua_tostring(L, -1); break;
        default: bind_wrong(L, attr->name, -1, "a number or a text");
        }
    }
    return count;
}

/* g:apply(op, {nodes}, {attr = value}) */
static int graph_apply_op(lua_State *L)
{
    enum { ATTRS = 2 * GRAPH_ATTRS_MAX };
    GraphNode args[GRAPH_ARGS_MAX];
    GraphAttr attrs[ATTRS];
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    const char *op = luaL_checkstring(L, 2);
    size_t nargs = read_args(L, g, 3, args);
    size_t nattrs = read_attrs(L, 4, attrs, ATTRS);
    return give_node(L, graph_apply(g, op, args, nargs, attrs, nattrs, &err), &err);
}

static int graph_name_node(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = writing(L);
    const char *name = luaL_checkstring(L, 2);
    if (graph_name(g, name, check_node(L, g, 3), &err) != 0)
        return bind_raise(L, &err);
    return 0;
}

/* ---- looking ---- */

static int graph_node_shape(lua_State *L)
{
    const Graph *g = bind_graph_check(L, 1);
    GraphShape shape = graph_axes(g, check_node(L, g, 2));
    int axes = shape.n[GRAPH_HEIGHT] == 1 && shape.n[GRAPH_WIDTH] == 1 ? 3 : GRAPH_AXES;
    for (int i = 0; i < axes; i++)
        lua_pushinteger(L, (lua_Integer)shape.n[i]);
    return axes;
}

/* A node's number, or nil. */
static int push_found(lua_State *L, GraphNode node)
{
    if (node < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, node);
    return 1;
}

static int graph_find_name(lua_State *L)
{
    return push_found(L, graph_find(bind_graph_check(L, 1), luaL_checkstring(L, 2)));
}

static int graph_find_parameter(lua_State *L)
{
    return push_found(L, graph_find_param(bind_graph_check(L, 1), luaL_checkstring(L, 2)));
}

static int graph_names(lua_State *L)
{
    const Graph *g = bind_graph_check(L, 1);
    lua_newtable(L);
    for (size_t i = 0; i < graph_name_count(g); i++) {
        lua_pushstring(L, graph_name_at(g, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int graph_scalars(lua_State *L)
{
    const Graph *g = bind_graph_check(L, 1);
    lua_newtable(L);
    const char *name;
    for (size_t i = 0; (name = graph_scalar_name(g, i)) != NULL; i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int graph_has_leaf(lua_State *L)
{
    lua_pushboolean(L, graph_has_input(bind_graph_check(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static int graph_batch_size(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)graph_batch(bind_graph_check(L, 1)));
    return 1;
}

static int graph_samples_size(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)graph_samples(bind_graph_check(L, 1)));
    return 1;
}

static int graph_node_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)graph_count(bind_graph_check(L, 1)));
    return 1;
}

/* The canonical text.  It is made twice, since a Text may not live across lua_pushlstring, which may raise: first its length. */
static int graph_as_text(lua_State *L)
{
    const Graph *g = bind_graph_check(L, 1);
    Text text = {0};
    graph_text(g, &text);
    size_t length = text.length;
    int failed = text.failed;
    text_free(&text);
    if (failed)
        return luaL_error(L, "out of memory for a graph's text");
    char *copy = bind_scratch(L, length, 1);
    graph_text(g, &text);
    if (text.length == length)
        memcpy(copy, text_string(&text), length);
    text_free(&text);
    lua_pushlstring(L, copy, length);
    return 1;
}

static int graph_close(lua_State *L)
{
    BindGraph *box = luaL_checkudata(L, 1, BIND_GRAPH);
    graph_free(box->graph);
    box->graph = NULL;
    return 0;
}

int bind_graph_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"new", graph_new}, {"ops", graph_ops_list},
                                         {"optimisers", graph_optimisers}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"input", leaf_input},       {"param", leaf_param},          {"noise", leaf_noise},
        {"scalar", leaf_scalar},     {"constant", leaf_constant},    {"apply", graph_apply_op},
        {"name", graph_name_node},   {"shape", graph_node_shape},    {"find", graph_find_name},
        {"text", graph_as_text},     {"names", graph_names},         {"find_param", graph_find_parameter},
        {"scalars", graph_scalars},  {"has_input", graph_has_leaf},  {"count", graph_node_count},
        {"batch", graph_batch_size}, {"samples", graph_samples_size}, {NULL, NULL},
    };
    static const luaL_Reg meta[] = {{"__gc", graph_close}, {"__close", graph_close}, {NULL, NULL}};
    bind_type(L, BIND_GRAPH, methods, meta);
    luaL_newlib(L, functions);
    return 1;
}
