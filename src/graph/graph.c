/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/graph.c: builds a graph node by node.  Equal nodes are stored once.
 */
#include "graph/graph.h"

#include "base/mem.h"
#include "graph/node.h"
#include "graph/ops.h"
#include "graph/rules.h"

#include <math.h>
#include <string.h>

Graph *graph_alloc(size_t batch, size_t samples, Error *err)
{
    if (batch < 1 || samples < 1 || !graph_shape_possible((GraphShape){{samples, batch, 1, 1, 1}})) {
        error_set(err, ERR_SCRIPT, "a graph needs a batch size and a number of draws");
        error_found(err, "batch = %zu, samples = %zu", batch, samples);
        error_expected(err, "at least 1 each");
        return NULL;
    }
    Graph *g = mem_alloc(sizeof *g);
    if (g == NULL) {
        error_memory(err, "a graph");
        return NULL;
    }
    g->batch = batch;
    g->samples = samples;
    return g;
}

void graph_free(Graph *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->nodes; i++)
        mem_free(g->node[i].name);
    for (size_t i = 0; i < g->names; i++)
        mem_free(g->name[i].text);
    while (g->location != NULL) {
        NodeLocation *next = g->location->next;
        mem_free(g->location->text);
        mem_free(g->location);
        g->location = next;
    }
    mem_free(g->node);
    mem_free(g->name);
    mem_free(g);
}

void graph_set_location(Graph *g, const char *where)
{
    if (g->location != NULL && strcmp(g->location->text, where) == 0)
        return;
    NodeLocation *location = mem_alloc(sizeof *location);
    char *text = mem_string(where);
    if (location == NULL || text == NULL) { /* no error: only messages lack the location */
        mem_free(location);
        mem_free(text);
        return;
    }
    *location = (NodeLocation){.next = g->location, .text = text};
    g->location = location;
}

/* Adds the script location to an error; returns -1. */
static int at_location(const char *where, Error *err)
{
    return where == NULL ? -1 : error_in(err, "%s", where);
}

/* The same with the location of the node that is being built. */
static int at_current(const Graph *g, Error *err)
{
    return at_location(g->location == NULL ? NULL : g->location->text, err);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static int impossible(const char *name, GraphShape s, const char *where, Error *err)
{
    error_set(err, ERR_SCRIPT, "%s: the shape %s is not possible", name, graph_shape_text(s).text);
    error_expected(err, "(samples, batch, features) or (samples, batch, channels, height, width), each at least 1, "
                        "at most 2^40 values");
    return at_location(where, err);
}

int graph_node_shape(const Graph *g, GraphNode node, const GraphShape *shapes, size_t batch, size_t samples,
                     double *attr, GraphShape *out, Error *err)
{
    const Node *n = &g->node[node];
    if (n->kind != NODE_OP) {
        *out = graph_dims_shape(n->dims, batch, samples);
        return graph_shape_possible(*out) ? 0 : impossible(n->name == NULL ? "a leaf" : n->name, *out, n->where, err);
    }
    GraphShape in[GRAPH_ARGS_MAX];
    for (size_t i = 0; i < n->nargs; i++)
        in[i] = shapes == NULL ? g->node[n->arg[i]].shape : shapes[n->arg[i]];
    for (size_t i = 0; i < graph_attr_count(n->op); i++)
        attr[i] = graph_attr_resolve(n->op, i, n->attr[i], batch, samples);
    if (n->op->shape(n->op, out, in, n->nargs, attr, err) != 0)
        return at_location(n->where, err);
    return graph_shape_possible(*out) ? 0 : impossible(n->op->name, *out, n->where, err);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

/* The array with room for another entry; NULL when out of memory, the array unchanged. */
static void *room_for_one(void *array, size_t used, size_t *capacity, size_t size)
{
    if (used < *capacity)
        return array;
    size_t more = *capacity == 0 ? 32 : 2 * *capacity;
    void *grown = mem_grow(array, used * size, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

/* Adds a node with its shape at the nominal sizes.  Takes a copy of name. */
static GraphNode add(Graph *g, Node node, const char *name, Error *err)
{
    Node *grown = room_for_one(g->node, g->nodes, &g->capacity, sizeof *grown);
    if (grown == NULL)
        return error_memory(err, "a node of the graph");
    g->node = grown;
    node.where = g->location == NULL ? NULL : g->location->text;
    if (name != NULL && (node.name = mem_string(name)) == NULL)
        return error_memory(err, "the name of a node");
    g->node[g->nodes] = node;
    double attr[GRAPH_ATTRS_MAX];
    if (graph_node_shape(g, (GraphNode)g->nodes, NULL, g->batch, g->samples, attr, &g->node[g->nodes].shape,
                         err) != 0) {
        mem_free(node.name);
        return -1;
    }
    return (GraphNode)g->nodes++;
}

static int check_name(const Graph *g, const char *what, const char *name, Error *err)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
    size_t length = strlen(name);
    if (length > 0 && length <= GRAPH_NAME_MAX && strspn(name, good) == length)
        return 0;
    error_set(err, ERR_SCRIPT, "\"%.100s\" cannot be the name of %s", name, what);
    error_found(err, "%.120s", name);
    error_expected(err, "1 to %d letters, digits and _ . / -", GRAPH_NAME_MAX);
    return at_current(g, err);
}

static GraphNode find_leaf(const Graph *g, NodeKind kind, const char *name)
{
    for (size_t i = 0; i < g->nodes; i++)
        if (g->node[i].kind == kind && strcmp(g->node[i].name, name) == 0)
            return (GraphNode)i;
    return -1;
}

static int same_dims(GraphDims a, GraphDims b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static int differs(const Graph *g, const char *what, const char *name, Error *err)
{
    error_set(err, ERR_SCRIPT, "%s \"%s\" exists already, with another shape or kind", what, name);
    error_expected(err, "the same shape and kind, or another name");
    return at_current(g, err);
}

/* A leaf that may be made again: then it is the first one. */
static GraphNode leaf(Graph *g, Node node, const char *what, const char *name, Error *err)
{
    if (check_name(g, what, name, err) != 0)
        return -1;
    for (int axis = GRAPH_HEIGHT; axis < GRAPH_AXES; axis++)
        if (node.dims.n[axis] == 0) /* not given */
            node.dims.n[axis] = 1;
    GraphNode found = find_leaf(g, node.kind, name);
    if (found < 0)
        return add(g, node, name, err);
    const Node *old = &g->node[found];
    return same_dims(old->dims, node.dims) && old->uniform == node.uniform ? found : differs(g, what, name, err);
}

static const GraphDims single = {{1, 1, 1, 1, 1}};

GraphNode graph_input(Graph *g, const char *name, GraphDims dims, Error *err)
{
    return leaf(g, (Node){.kind = NODE_INPUT, .dims = dims}, "the input", name, err);
}

GraphNode graph_scalar(Graph *g, const char *name, Error *err)
{
    return leaf(g, (Node){.kind = NODE_SCALAR, .dims = single}, "the scalar", name, err);
}

GraphNode graph_noise(Graph *g, const char *stream, const char *kind, GraphDims dims, Error *err)
{
    int uniform = strcmp(kind, "uniform") == 0;
    if (!uniform && strcmp(kind, "normal") != 0) {
        error_set(err, ERR_SCRIPT, "noise \"%.100s\" cannot be \"%.100s\"", stream, kind);
        error_found(err, "%.120s", kind);
        error_expected(err, "\"normal\" or \"uniform\"");
        return at_current(g, err);
    }
    return leaf(g, (Node){.kind = NODE_NOISE, .dims = dims, .uniform = uniform}, "the noise", stream, err);
}

GraphNode graph_param(Graph *g, const char *name, size_t rows, size_t columns, const char *init, Error *err)
{
    Node node = {.kind = NODE_PARAM};
    if (check_name(g, "a param", name, err) != 0)
        return -1;
    if (graph_find_param(g, name) >= 0) {
        error_set(err, ERR_SCRIPT, "the param \"%s\" exists already", name);
        error_expected(err, "another name");
        error_hint(err, "to share a param, use the node of the first one");
        return at_current(g, err);
    }
    if (graph_init_read(&node.init, init, err) != 0)
        return error_in(err, "param %s", name), at_current(g, err);
    if (graph_init_wants_image(&node.init) && rows != 1) {
        error_set(err, ERR_SCRIPT, "param %s: data_logit is for an output's bias", name);
        error_found(err, "(1, %zu, %zu)", rows, columns);
        error_expected(err, "(1, 1, features)");
        return at_current(g, err);
    }
    GraphShape shape = {{1, rows, columns, 1, 1}};
    if (!graph_shape_possible(shape))
        return impossible(name, shape, g->location == NULL ? NULL : g->location->text, err);
    node.dims = (GraphDims){{1, (int64_t)rows, (int64_t)columns, 1, 1}};
    return add(g, node, name, err);
}

GraphNode graph_constant(Graph *g, double value, Error *err)
{
    if (!isfinite(value)) {
        error_set(err, ERR_SCRIPT, "a constant is not finite");
        error_found(err, "%g", value);
        error_expected(err, "a finite number");
        return at_current(g, err);
    }
    for (size_t i = 0; i < g->nodes; i++)
        if (g->node[i].kind == NODE_CONSTANT && g->node[i].value == value
            && signbit(g->node[i].value) == signbit(value))
            return (GraphNode)i;
    return add(g, (Node){.kind = NODE_CONSTANT, .dims = single, .value = value}, NULL, err);
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

int graph_unknown_op(const char *name, Error *err)
{
    const char *names[64];
    size_t n = 0;
    for (; n < graph_op_count && n < 64; n++)
        names[n] = graph_ops[n]->name;
    error_set(err, ERR_SCRIPT, "there is no operation \"%.100s\"", name);
    error_found(err, "%.120s", name);
    error_expected(err, "an operation of the table");
    return error_suggest(err, name, names, n);
}

static int check_args(const Graph *g, const GraphOp *op, const GraphNode *args, size_t nargs, Error *err)
{
    if (nargs < (size_t)op->min_args || nargs > (size_t)op->max_args) {
        error_set(err, ERR_SCRIPT, "%s: %zu argument%s", op->name, nargs, nargs == 1 ? "" : "s");
        error_found(err, "%zu", nargs);
        return op->min_args == op->max_args ? error_expected(err, "%d", op->min_args)
                                            : error_expected(err, "%d to %d", op->min_args, op->max_args);
    }
    for (size_t i = 0; i < nargs; i++)
        if (args[i] < 0 || (size_t)args[i] >= g->nodes) {
            error_set(err, ERR_SCRIPT, "%s: %s is not a node of this graph", op->name, graph_arg_name(op, i));
            error_found(err, "%ld", (long)args[i]);
            return error_expected(err, "a node from 0 to %ld", (long)g->nodes - 1);
        }
    return 0;
}

static int same_op(const Node *a, const Node *b)
{
    return a->kind == NODE_OP && a->op == b->op && a->nargs == b->nargs && memcmp(a->arg, b->arg, sizeof a->arg) == 0
        && memcmp(a->attr, b->attr, sizeof a->attr) == 0;
}

/* Do some of channels, height and width, but not all features of a, broadcast against those of b? */
static int broadcasts_partly(GraphShape a, GraphShape b)
{
    int repeated = 0;
    for (int axis = NUM_FEATURES; axis < GRAPH_AXES; axis++)
        repeated |= a.n[axis] == 1 && b.n[axis] != 1;
    return repeated && graph_flat_shape(a).n[NUM_FEATURES] != 1;
}

/* Kernels see (samples, batch, features), and repeat all features of an argument or none: an argument that
 * broadcasts along some of channels, height and width is expanded first. */
static int expand_args(Graph *g, Node *node, Error *err)
{
    GraphShape in[GRAPH_ARGS_MAX], out;
    for (size_t i = 0; i < node->nargs; i++)
        in[i] = g->node[node->arg[i]].shape;
    if (node->op->shape(node->op, &out, in, node->nargs, node->attr, err) != 0)
        return at_current(g, err);
    for (size_t i = 0; i < node->nargs; i++)
        for (size_t j = 0; j < node->nargs; j++) {
            const GraphNode pair[] = {node->arg[i], node->arg[j]};
            if (!broadcasts_partly(g->node[pair[0]].shape, g->node[pair[1]].shape))
                continue;
            node->arg[i] = graph_apply(g, "expand", pair, 2, NULL, 0, err);
            if (node->arg[i] < 0)
                return -1;
        }
    return 0;
}

GraphNode graph_apply_op(Graph *g, const GraphOp *op, const GraphNode *args, size_t nargs, const GraphAttr *attrs,
                         size_t nattrs, Error *err)
{
    Node node = {.kind = NODE_OP, .op = op, .nargs = nargs};
    if (check_args(g, op, args, nargs, err) != 0 || graph_attr_read(op, attrs, nattrs, node.attr, err) != 0)
        return at_current(g, err);
    memcpy(node.arg, args, nargs * sizeof args[0]);
    if (graph_op_broadcasts(op) && expand_args(g, &node, err) != 0)
        return -1;
    for (size_t i = 0; i < g->nodes; i++) /* an equal node exists: compute it once */
        if (same_op(&g->node[i], &node))
            return (GraphNode)i;
    return add(g, node, NULL, err);
}

GraphNode graph_apply(Graph *g, const char *name, const GraphNode *args, size_t nargs, const GraphAttr *attrs,
                      size_t nattrs, Error *err)
{
    const GraphOp *op = graph_op_find(name);
    if (op == NULL)
        return graph_unknown_op(name, err), at_current(g, err);
    return graph_apply_op(g, op, args, nargs, attrs, nattrs, err);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The index of a name in the sorted list, or where to insert it. */
static size_t name_index(const Graph *g, const char *name)
{
    size_t low = 0, high = g->names;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(g->name[middle].text, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int graph_name(Graph *g, const char *name, GraphNode node, Error *err)
{
    if (check_name(g, "a node", name, err) != 0)
        return -1;
    if (node < 0 || (size_t)node >= g->nodes) {
        error_set(err, ERR_SCRIPT, "the name \"%s\": node %ld is not in this graph", name, (long)node);
        return at_current(g, err);
    }
    size_t i = name_index(g, name);
    if (i < g->names && strcmp(g->name[i].text, name) == 0) {
        if (g->name[i].node == node)
            return 0;
        error_set(err, ERR_SCRIPT, "the name \"%s\" is taken by another node", name);
        error_expected(err, "one name, one node");
        return at_current(g, err);
    }
    NodeName *grown = room_for_one(g->name, g->names, &g->name_capacity, sizeof *grown);
    if (grown == NULL)
        return error_memory(err, "the names of a graph");
    g->name = grown;
    char *copy = mem_string(name);
    if (copy == NULL)
        return error_memory(err, "a name");
    memmove(g->name + i + 1, g->name + i, (g->names - i) * sizeof g->name[0]);
    g->name[i] = (NodeName){.text = copy, .node = node};
    g->names++;
    return 0;
}

GraphNode graph_find(const Graph *g, const char *name)
{
    size_t i = name_index(g, name);
    return i < g->names && strcmp(g->name[i].text, name) == 0 ? g->name[i].node : -1;
}

GraphNode graph_find_param(const Graph *g, const char *name) { return find_leaf(g, NODE_PARAM, name); }
size_t graph_name_count(const Graph *g) { return g->names; }
const char *graph_name_at(const Graph *g, size_t i) { return g->name[i].text; }
size_t graph_count(const Graph *g) { return g->nodes; }
GraphShape graph_axes(const Graph *g, GraphNode node) { return g->node[node].shape; }
NumShape graph_shape(const Graph *g, GraphNode node) { return graph_flat_shape(g->node[node].shape); }
size_t graph_batch(const Graph *g) { return g->batch; }

const char *graph_scalar_name(const Graph *g, size_t i)
{
    for (size_t n = 0; n < g->nodes; n++)
        if (g->node[n].kind == NODE_SCALAR && i-- == 0)
            return g->node[n].name;
    return NULL;
}
