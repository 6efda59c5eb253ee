/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec.c: compiles a graph: which values are needed, their shapes, their memory, and the steps that compute them.
 *
 * With n nodes, node i is computed at time i, the objective's gradient is set at time n, and the backward step of node
 * i, which adds to the gradients of its arguments, runs at time 2n - i.
 */
#include "graph/exec.h"

#include "base/mem.h"
#include "graph/exec_internal.h"

#include <string.h>

/* ---- what is needed ---------------------------------------------------------------------------------------------- */

static int unknown_name(const Graph *g, const char *name, Error *err)
{
    const char *names[128];
    size_t n = g->names < 128 ? g->names : 128;
    for (size_t i = 0; i < n; i++)
        names[i] = g->name[i].text;
    error_set(err, ERR_SCRIPT, "the model has no value named \"%.100s\"", name);
    return error_unknown(err, name, names, n);
}

static int mark_names(GraphExec *exec, const char *const *names, unsigned char mark, Error *err)
{
    for (; names != NULL && *names != NULL; names++) {
        GraphNode node = graph_find(exec->graph, *names);
        if (node < 0)
            return unknown_name(exec->graph, *names, err);
        exec->mark[node] |= mark;
    }
    return 0;
}

/* Is node i computed from its arguments? */
static int computed(const GraphExec *exec, size_t i)
{
    return exec->graph->node[i].kind == NODE_OP && (exec->mark[i] & MARK_FEED) == 0;
}

static int passes_gradient(const GraphExec *exec, size_t i)
{
    return computed(exec, i) && exec->graph->node[i].op->backward[exec->type] != NULL;
}

static int has(const GraphExec *exec, size_t i, int marks)
{
    return (exec->mark[i] & marks) == marks;
}

/* Is the gradient of node i computed? */
static int has_gradient(const GraphExec *exec, size_t i)
{
    return has(exec, i, MARK_DEPENDS | MARK_REACHED);
}

/* From users to arguments: which nodes are needed, and on which the objective depends. */
static void mark_downward(GraphExec *exec)
{
    const Graph *g = exec->graph;
    for (size_t i = g->nodes; i-- > 0;) {
        unsigned char mark = 0;
        if (has(exec, i, MARK_SHAPED))
            mark |= MARK_SHAPED; /* the shape of a feed comes from its arguments */
        if (has(exec, i, MARK_LIVE) && computed(exec, i))
            mark |= MARK_LIVE;
        if (has(exec, i, MARK_REACHED) && passes_gradient(exec, i))
            mark |= MARK_REACHED;
        for (size_t a = 0; a < g->node[i].nargs; a++)
            exec->mark[g->node[i].arg[a]] |= mark;
    }
}

/* Is the objective maximised over node i? */
static int is_variable(const GraphExec *exec, size_t i)
{
    int feed = has(exec, i, MARK_FEED);
    return exec->gradient_wrt == GRAPH_FEEDS ? feed : exec->graph->node[i].kind == NODE_PARAM && !feed;
}

/* From arguments to users: which nodes depend on a variable. */
static void mark_upward(GraphExec *exec)
{
    const Graph *g = exec->graph;
    for (size_t i = 0; i < g->nodes; i++) {
        int depends = is_variable(exec, i);
        for (size_t a = 0; a < g->node[i].nargs && passes_gradient(exec, i); a++)
            depends |= has(exec, (size_t)g->node[i].arg[a], MARK_DEPENDS);
        if (depends)
            exec->mark[i] |= MARK_DEPENDS;
    }
}

static int mark_all(GraphExec *exec, const GraphExecSpec *spec, Error *err)
{
    const char *objective[] = {spec->objective, NULL};
    if (mark_names(exec, spec->outputs, MARK_KEPT | MARK_LIVE | MARK_SHAPED, err) != 0
        || mark_names(exec, spec->feeds, MARK_FEED | MARK_SHAPED, err) != 0
        || mark_names(exec, objective, MARK_KEPT | MARK_LIVE | MARK_SHAPED | MARK_REACHED, err) != 0)
        return -1;
    mark_downward(exec);
    mark_upward(exec);
    exec->objective = spec->objective == NULL ? -1 : graph_find(exec->graph, spec->objective);
    if (exec->objective >= 0 && !has_gradient(exec, (size_t)exec->objective)) {
        int feeds = exec->gradient_wrt == GRAPH_FEEDS;
        error_set(err, ERR_SCRIPT, "the objective \"%s\" depends on no %s: there is nothing to %s", spec->objective,
                  feeds ? "feed" : "param", feeds ? "optimise" : "train");
        return error_hint(err, "no gradient passes through stop_gradient or feeds");
    }
    return 0;
}

static int infer_shapes(GraphExec *exec, Error *err)
{
    double attr[GRAPH_ATTRS_MAX];
    for (size_t i = 0; i < exec->graph->nodes; i++)
        if (has(exec, i, MARK_SHAPED)
            && graph_node_shape(exec->graph, (GraphNode)i, exec->shape, exec->batch, exec->samples, attr,
                                &exec->shape[i], err) != 0)
            return error_in(err, "for batch %zu, samples %zu", exec->batch, exec->samples);
    return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static int has_params_gradient(const GraphExec *exec)
{
    return exec->objective >= 0 && exec->gradient_wrt == GRAPH_PARAMS && exec->params != NULL;
}

/* The buffers of a node: its value, its gradient, the scratch of its forward and of its backward step. */
enum { BUFFER_VALUE, BUFFER_GRAD, BUFFER_FORWARD, BUFFER_BACKWARD, BUFFERS };

static size_t bytes_of(const GraphExec *exec, size_t i)
{
    return graph_shape_size(exec->shape[i]) * exec->size;
}

static size_t scratch_bytes(const GraphExec *exec, size_t i)
{
    const Node *n = &exec->graph->node[i];
    if (n->op->scratch == NULL)
        return 0;
    GraphShape in[GRAPH_ARGS_MAX];
    for (size_t a = 0; a < n->nargs; a++)
        in[a] = exec->shape[n->arg[a]];
    return n->op->scratch(exec->shape[i], in, n->nargs, n->attr) * exec->size;
}

/* The buffer is used at `time`. */
static void extend(ExecLifetime *life, long time)
{
    if (life->end < time)
        life->end = time;
}

/* The times at which the forward and backward steps of node i use its buffers and those of its arguments. */
static void use(const GraphExec *exec, size_t i, ExecLifetime (*life)[BUFFERS])
{
    const Node *n = &exec->graph->node[i];
    long now = (long)i, back = 2 * (long)exec->graph->nodes - now;
    size_t scratch = scratch_bytes(exec, i);

    life[i][BUFFER_FORWARD] = (ExecLifetime){.bytes = scratch, .start = now, .end = now};
    for (size_t a = 0; a < n->nargs; a++)
        extend(&life[n->arg[a]][BUFFER_VALUE], now);
    if (!has_gradient(exec, i))
        return;
    life[i][BUFFER_BACKWARD] = (ExecLifetime){.bytes = scratch, .start = back, .end = back};
    if (n->op->needs & GRAPH_NEEDS_OUT)
        extend(&life[i][BUFFER_VALUE], back);
    for (size_t a = 0; a < n->nargs; a++) {
        size_t arg = (size_t)n->arg[a];
        if (n->op->needs & GRAPH_NEEDS_IN)
            extend(&life[arg][BUFFER_VALUE], back);
        if (back < life[arg][BUFFER_GRAD].start)
            life[arg][BUFFER_GRAD].start = back;
    }
}

/* Leaves keep their memory throughout: the caller writes them at any time, and a forward pass may be repeated. */
static void set_lifetimes(const GraphExec *exec, ExecLifetime (*life)[BUFFERS])
{
    long nodes = (long)exec->graph->nodes, always = 2 * nodes + 1;
    for (long i = 0; i < nodes; i++) {
        size_t n = (size_t)i;
        if (!has(exec, n, MARK_LIVE))
            continue;
        if (exec->graph->node[n].kind == NODE_PARAM && !has(exec, n, MARK_FEED)) { /* in the block of the params */
            life[n][BUFFER_GRAD] = (ExecLifetime){.start = always};
            continue;
        }
        int leaf = !computed(exec, n);
        life[n][BUFFER_VALUE] = (ExecLifetime){.bytes = bytes_of(exec, n), .start = leaf ? -1 : i,
                                               .end = leaf || has(exec, n, MARK_KEPT) ? always : i};
        if (has_gradient(exec, n))
            life[n][BUFFER_GRAD] = (ExecLifetime){.bytes = bytes_of(exec, n),
                                                  .start = i == exec->objective ? nodes : always,
                                                  .end = has(exec, n, MARK_FEED) ? always : 2 * nodes - i};
    }
    for (size_t i = 0; i < exec->graph->nodes; i++)
        if (has(exec, i, MARK_LIVE) && computed(exec, i))
            use(exec, i, life);
}

/* Points every value and gradient into the block or the params. */
static int point(GraphExec *exec, ExecLifetime (*life)[BUFFERS], Error *err)
{
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        const Node *n = &exec->graph->node[i];
        if (!has(exec, i, MARK_LIVE))
            continue;
        if (n->kind != NODE_PARAM || has(exec, i, MARK_FEED)) {
            exec->value[i] = exec->block + life[i][BUFFER_VALUE].offset;
            exec->grad[i] = life[i][BUFFER_GRAD].bytes > 0 ? exec->block + life[i][BUFFER_GRAD].offset : NULL;
            continue;
        }
        const ParamArray *array = exec->params == NULL ? NULL : graph_params_find(exec->params, n->name);
        if (array == NULL || num_shape_size(array->shape) != graph_shape_size(exec->shape[i])
            || exec->params->type != exec->type) {
            error_set(err, ERR_SCRIPT, "the params belong to another graph: \"%s\" is missing, or differs", n->name);
            return error_expected(err, "params made for this graph");
        }
        exec->value[i] = (char *)exec->params->block + array->offset * exec->size;
        exec->grad[i] = has_gradient(exec, i) ? (char *)exec->gradient + array->offset * exec->size : NULL;
    }
    return 0;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void make_call(const GraphExec *exec, size_t i, ExecStep *step)
{
    const Node *n = &exec->graph->node[i];
    GraphCall *c = &step->call;
    step->node = (GraphNode)i;
    *c = (GraphCall){.nargs = n->nargs, .shape = graph_flat_shape(exec->shape[i]), .axes = exec->shape[i],
                     .out = exec->value[i], .grad_out = exec->grad[i], .attr = step->attr};
    for (size_t a = 0; a < n->nargs; a++) {
        c->in_axes[a] = exec->shape[n->arg[a]];
        c->in_shape[a] = graph_flat_shape(c->in_axes[a]);
        c->in[a] = exec->value[n->arg[a]];
        c->grad_in[a] = exec->grad[n->arg[a]];
    }
    for (size_t a = 0; a < graph_attr_count(n->op); a++)
        step->attr[a] = graph_attr_resolve(n->op, a, n->attr[a], exec->batch, exec->samples);
}

/* The gradients whose lifetime starts with the backward step of node i: the step overwrites them, or they are
 * cleared before it.  Overwriting is wrong for a node that is two arguments: the step adds to its gradient twice. */
static void make_clears(const GraphExec *exec, size_t i, ExecLifetime (*life)[BUFFERS], ExecStep *step)
{
    const Node *n = &exec->graph->node[i];
    long back = 2 * (long)exec->graph->nodes - (long)i;
    for (size_t a = 0; a < n->nargs; a++) {
        size_t arg = (size_t)n->arg[a], times = 0;
        for (size_t b = 0; b < n->nargs; b++)
            times += n->arg[b] == n->arg[a];
        if (exec->grad[arg] == NULL || life[arg][BUFFER_GRAD].start != back)
            continue;
        if (times == 1 && (n->op->writes >> a & 1))
            step->call.overwrite |= 1u << a;
        else
            step->clear[step->clears++] = (ExecClear){exec->grad[arg], bytes_of(exec, arg)};
    }
}

/* The gradients of params that no step writes. */
static int make_unreached(GraphExec *exec, Error *err)
{
    size_t arrays = has_params_gradient(exec) ? exec->params->arrays : 0;
    exec->unreached = mem_array(arrays, sizeof exec->unreached[0]);
    if (exec->unreached == NULL)
        return error_memory(err, "the gradients of an executable graph");
    for (size_t i = 0; i < arrays; i++) {
        const ParamArray *array = &exec->params->array[i];
        GraphNode node = graph_find_param(exec->graph, array->name);
        if (node < 0 || exec->grad[node] == NULL || has(exec, (size_t)node, MARK_FEED))
            exec->unreached[exec->unreacheds++] = (ExecClear){(char *)exec->gradient + array->offset * exec->size,
                                                              num_shape_size(array->shape) * exec->size};
    }
    return 0;
}

static int make_steps(GraphExec *exec, ExecLifetime (*life)[BUFFERS], Error *err)
{
    for (size_t i = 0; i < exec->graph->nodes; i++)
        if (has(exec, i, MARK_LIVE) && computed(exec, i)) {
            exec->forwards++;
            exec->backwards += (size_t)has_gradient(exec, i);
        }
    exec->forward = mem_array(exec->forwards, sizeof exec->forward[0]);
    exec->backward = mem_array(exec->backwards, sizeof exec->backward[0]);
    if (exec->forward == NULL || exec->backward == NULL)
        return error_memory(err, "the steps of an executable graph");

    ExecStep *forward = exec->forward, *backward = exec->backward + exec->backwards;
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        if (!has(exec, i, MARK_LIVE) || !computed(exec, i))
            continue;
        make_call(exec, i, forward);
        forward->run = exec->graph->node[i].op->forward[exec->type];
        forward->call.scratch = exec->block + life[i][BUFFER_FORWARD].offset;
        forward++;
        if (!has_gradient(exec, i))
            continue;
        make_call(exec, i, --backward);
        backward->run = exec->graph->node[i].op->backward[exec->type];
        backward->call.scratch = exec->block + life[i][BUFFER_BACKWARD].offset;
        make_clears(exec, i, life, backward);
    }
    return 0;
}

/* Constants get their value; scalars are 1 until graph_exec_scalar sets them. */
static void set_leaves(GraphExec *exec)
{
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        const Node *n = &exec->graph->node[i];
        if (has(exec, i, MARK_LIVE) && !has(exec, i, MARK_FEED) && (n->kind == NODE_CONSTANT || n->kind == NODE_SCALAR))
            graph_exec_set(exec, (GraphNode)i, n->kind == NODE_CONSTANT ? n->value : 1);
    }
}

/* ---- allocation -------------------------------------------------------------------------------------------------- */

static int place_all(GraphExec *exec, const GraphExecSpec *spec, ExecLifetime (*life)[BUFFERS], Error *err)
{
    size_t n = exec->graph->nodes * BUFFERS;
    size_t *order = mem_array(2 * n, sizeof *order);
    if (order == NULL)
        return error_memory(err, "the memory layout of an executable graph");
    set_lifetimes(exec, life);
    exec->bytes = graph_memory_layout(&life[0][0], n, !spec->no_buffer_reuse, order);
    mem_free(order);
    exec->block = mem_alloc(exec->bytes);
    exec->gradient = mem_array(has_params_gradient(exec) ? exec->params->count : 0, exec->size);
    return exec->block == NULL || exec->gradient == NULL ? error_memory(err, "the values of a model") : 0;
}

static int compile(GraphExec *exec, const GraphExecSpec *spec, Error *err)
{
    size_t n = exec->graph->nodes;
    exec->mark = mem_array(n, sizeof exec->mark[0]);
    exec->shape = mem_array(n, sizeof exec->shape[0]);
    exec->value = mem_array(n, sizeof exec->value[0]);
    exec->grad = mem_array(n, sizeof exec->grad[0]);
    exec->label = mem_alloc(EXEC_LABEL_SIZE);
    ExecLifetime(*life)[BUFFERS] = mem_array(n, sizeof *life);
    int status = -1;
    if (exec->mark == NULL || exec->shape == NULL || exec->value == NULL || exec->grad == NULL
        || exec->label == NULL || life == NULL)
        error_memory(err, "an executable graph");
    else if (mark_all(exec, spec, err) == 0 && infer_shapes(exec, err) == 0 && place_all(exec, spec, life, err) == 0
             && point(exec, life, err) == 0 && make_steps(exec, life, err) == 0 && make_unreached(exec, err) == 0)
        status = 0;
    mem_free(life);
    if (status == 0)
        set_leaves(exec);
    return status;
}

GraphExec *graph_exec_alloc(const Graph *g, const GraphExecSpec *spec, GraphParams *params, Error *err)
{
    GraphExec *exec = mem_alloc(sizeof *exec);
    if (exec == NULL) {
        error_memory(err, "an executable graph");
        return NULL;
    }
    exec->graph = g;
    exec->params = params;
    exec->type = spec->type;
    exec->gradient_wrt = spec->gradient_wrt;
    exec->size = spec->type == GRAPH_FLOAT ? sizeof(float) : sizeof(double);
    exec->batch = spec->batch == 0 ? g->batch : spec->batch;
    exec->samples = spec->samples == 0 ? g->samples : spec->samples;
    if (compile(exec, spec, err) != 0) {
        graph_exec_free(exec);
        return NULL;
    }
    return exec;
}

void graph_exec_free(GraphExec *exec)
{
    if (exec == NULL)
        return;
    mem_free(exec->mark);
    mem_free(exec->shape);
    mem_free(exec->value);
    mem_free(exec->grad);
    mem_free(exec->forward);
    mem_free(exec->backward);
    mem_free(exec->block);
    mem_free(exec->gradient);
    mem_free(exec->unreached);
    mem_free(exec->label);
    mem_free(exec);
}
