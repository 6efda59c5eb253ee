/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/graph.c: graphs for Lua.  A node is its number in the graph's text, and keeps the script's line that made it.
 */
#include "bind/bind.h"

#include "graph/ops.h"
#include "graph/rules.h"
#include "graph/optimiser.h"

#include <string.h>

Graph *bind_graph_check(lua_State *L, int index)
{
    return bind_box_check(L, index, BIND_GRAPH);
}

/* The graph at index 1; nodes that are added now get the script's line. */
static Graph *graph_to_change(lua_State *L)
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
        luaL_error(L, "node %I is not in this graph of %I nodes", INT(node), INT(graph_count(g)));
    return (GraphNode)node;
}

static int give_node(lua_State *L, GraphNode node, const Error *err)
{
    if (node < 0)
        return bind_raise(L, err);
    lua_pushinteger(L, node);
    return 1;
}

/* {samples, batch, features} or {samples, batch, channels, height, width}, where "k" is the number of samples and
 * "b" the batch size. */
static GraphDims check_dims(lua_State *L, int index)
{
    GraphDims dims;
    luaL_checktype(L, index, LUA_TTABLE);
    static const char *const axis[] = {"the samples axis", "the batch axis", "the features axis", "the height",
                                       "the width"};
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

/* ---- functions ---- */

static int graph_new(lua_State *L)
{
    lua_Integer batch = luaL_checkinteger(L, 1), samples = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, batch >= 1, 1, "the batch size must be at least 1");
    luaL_argcheck(L, samples >= 1, 2, "the number of samples must be at least 1");
    BindBox *box = bind_box_push(L, BIND_GRAPH, 0);
    Error err = ERROR_NONE;
    box->object = graph_alloc((size_t)batch, (size_t)samples, &err);
    return box->object == NULL ? bind_raise(L, &err) : 1;
}

/* Pushes the list of the strings of an array that ends with NULL or after `most`. */
static void push_strings(lua_State *L, const char *const *text, size_t most)
{
    lua_newtable(L);
    for (size_t i = 0; i < most && text[i] != NULL; i++) {
        lua_pushstring(L, text[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

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
            push_strings(L, op->attr[a].choice, GRAPH_CHOICES_MAX);
            lua_setfield(L, -2, op->attr[a].name);
        }
        lua_setfield(L, -2, "attributes");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int graph_optimisers(lua_State *L)
{
    Option option;
    lua_newtable(L);
    for (int kind = 0; kind < OPTIMISER_KINDS; kind++) {
        lua_newtable(L);
        for (size_t i = 0; optimiser_option((OptimiserKind)kind, i, &option) == 0; i++)
            bind_add_rules(L, &option, 1);
        lua_setfield(L, -2, optimiser_name((OptimiserKind)kind));
    }
    return 1;
}

/* ---- leaves ---- */

static int leaf_input(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    const char *name = luaL_checkstring(L, 2);
    return give_node(L, graph_input(g, name, check_dims(L, 3), &err), &err);
}

static int leaf_param(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    const char *name = luaL_checkstring(L, 2), *init = luaL_checkstring(L, 5);
    lua_Integer rows = luaL_checkinteger(L, 3), columns = luaL_checkinteger(L, 4);
    luaL_argcheck(L, rows >= 1, 3, "a parameter needs at least 1 row");
    luaL_argcheck(L, columns >= 1, 4, "a parameter needs at least 1 column");
    return give_node(L, graph_param(g, name, (size_t)rows, (size_t)columns, init, &err), &err);
}

static int leaf_noise(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    const char *stream = luaL_checkstring(L, 2), *kind = luaL_checkstring(L, 3);
    return give_node(L, graph_noise(g, stream, kind, check_dims(L, 4), &err), &err);
}

static int leaf_scalar(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    return give_node(L, graph_scalar(g, luaL_checkstring(L, 2), &err), &err);
}

static int leaf_constant(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    return give_node(L, graph_constant(g, luaL_checknumber(L, 2), &err), &err);
}

/* ---- operations ---- */

static size_t read_args(lua_State *L, const Graph *g, int index, GraphNode *args)
{
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = lua_rawlen(L, index);
    if (count > GRAPH_ARGS_MAX)
        luaL_error(L, "an operation has %I arguments; at most %d are allowed", INT(count), (int)GRAPH_ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        args[i] = check_node(L, g, lua_gettop(L));
        lua_pop(L, 1);
    }
    return count;
}

/* Attributes in no fixed order: graph_apply sorts them.  The table keeps their strings. */
static size_t read_attrs(lua_State *L, int index, GraphAttr *attrs, size_t max)
{
    size_t count = 0;
    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "an attribute of an operation has no name");
        if (count == max)
            luaL_error(L, "an operation has more than %d attributes", (int)max);
        GraphAttr *attr = &attrs[count++];
        memset(attr, 0, sizeof *attr);
        attr->name = lua_tostring(L, -2);
        switch (lua_type(L, -1)) {
        case LUA_TNUMBER: attr->number = lua_tonumber(L, -1); break;
        case LUA_TBOOLEAN: attr->number = lua_toboolean(L, -1); break;
        case LUA_TSTRING: attr->text = lua_tostring(L, -1); break;
        default: bind_wrong(L, attr->name, -1, "a number or a string");
        }
    }
    return count;
}

static int graph_apply_op(lua_State *L)
{
    enum { ATTRS = 2 * GRAPH_ATTRS_MAX };
    GraphNode args[GRAPH_ARGS_MAX];
    GraphAttr attrs[ATTRS];
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    const char *op = luaL_checkstring(L, 2);
    size_t nargs = read_args(L, g, 3, args);
    size_t nattrs = read_attrs(L, 4, attrs, ATTRS);
    return give_node(L, graph_apply(g, op, args, nargs, attrs, nattrs, &err), &err);
}

static int graph_name_node(lua_State *L)
{
    Error err = ERROR_NONE;
    Graph *g = graph_to_change(L);
    const char *name = luaL_checkstring(L, 2);
    if (graph_name(g, name, check_node(L, g, 3), &err) != 0)
        return bind_raise(L, &err);
    return 0;
}

/* ---- reading ---- */

static int graph_node_shape(lua_State *L)
{
    const Graph *g = bind_graph_check(L, 1);
    GraphShape shape = graph_axes(g, check_node(L, g, 2));
    int axes = shape.n[GRAPH_HEIGHT] == 1 && shape.n[GRAPH_WIDTH] == 1 ? 3 : GRAPH_AXES;
    for (int i = 0; i < axes; i++)
        lua_pushinteger(L, (lua_Integer)shape.n[i]);
    return axes;
}

static int graph_find_name(lua_State *L)
{
    GraphNode node = graph_find(bind_graph_check(L, 1), luaL_checkstring(L, 2));
    if (node < 0)
        return 0;
    lua_pushinteger(L, node);
    return 1;
}

static int graph_close(lua_State *L)
{
    BindBox *box = luaL_checkudata(L, 1, BIND_GRAPH);
    graph_free(box->object);
    box->object = NULL;
    return 0;
}

static const BindFunction functions[] = {
    {"new", graph_new, "(batch, samples = 1) → graph", "an empty graph", NULL},
    {"ops", graph_ops_list, "() → { {name =, formula =, elementwise =, attributes = }, … }",
     "all operations; elementwise: a function of one variable; attributes: { NAME = { choice, … }, … }", NULL},
    {"optimisers", graph_optimisers, "() → { name = rules }",
     "the options of each optimiser, as rules of check.lua", NULL},
    {0},
};

static const BindFunction methods[] = {
    {"input", leaf_input, "(name, dims) → node", "data: x, y", NULL},
    {"param", leaf_param, "(name, rows, cols, init) → node", "weights; init: \"glorot_uniform\", \"zeros\" …", NULL},
    {"noise", leaf_noise, "(stream, kind, dims) → node",
     "draws of a named stream; kind: \"normal\" or \"uniform\"", NULL},
    {"scalar", leaf_scalar, "(name) → node", "a number that may change each epoch", NULL},
    {"constant", leaf_constant, "(number) → node", "a number", NULL},
    {"apply", graph_apply_op, "(op, {nodes}, {attribute = value}) → node", "an operation", NULL},
    {"name", graph_name_node, "(name, node)", "gives a node a public name", NULL},
    {"shape", graph_node_shape, "(node) → samples, batch, features or samples, batch, channels, height, width",
     "a node's shape", NULL},
    {"find", graph_find_name, "(name) → node or nil", "the node of a public name", NULL},
    {0},
};

static const luaL_Reg meta[] = {{"__gc", graph_close}, {"__close", graph_close}, {NULL, NULL}};

const BindModule bind_graph_module = {
    .name = "graph",
    .text = "Static graphs of operations. A node is an integer; dims are `{samples, batch, features}` or\n"
            "`{samples, batch, channels, height, width}`, where \"k\" is the number of samples and \"b\" the batch\n"
            "size.",
    .functions = functions, .type = BIND_GRAPH, .methods = methods, .meta = meta,
};
