/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec.c: compiles a graph: what is needed, how large it is, where it lives, and the steps that compute it.
 *
 * Time runs over the nodes: node i is computed at i, the objective's gradient is set at n, the gradients of node i's
 * arguments are added to at 2n - i.
 */
#include "graph/exec.h"

#include "base/mem.h"
#include "graph/exec_internal.h"

#include <string.h>

/* ---- what is needed ------------------------------------------------------------------------------------------------ */

static int unknown_name(const Graph *g, const char *name, Error *err)
{
    const char *names[128];
    size_t n = g->names < 128 ? g->names : 128;
    for (size_t i = 0; i < n; i++)
        names[i] = g->name[i].text;
    error_set(err, ERR_SCRIPT, "the model has no value named \"%.100s\"", name);
    error_found(err, "%.120s", name);
    Text known = {0};
    for (size_t i = 0; i < n; i++)
        text_addf(&known, "%s%s", i == 0 ? "" : ", ", names[i]);
    error_expected(err, "one of %s", text_string(&known));
    text_free(&known);
    const char *near = text_nearest(name, names, n);
    return near == NULL ? -1 : error_hint(err, "did you mean \"%s\"?", near);
}

static int mark_names(GraphExec *p, const char *const *names, unsigned char mark, Error *err)
{
    for (; names != NULL && *names != NULL; names++) {
        GraphNode node = graph_find(p->graph, *names);
        if (node < 0)
            return unknown_name(p->graph, *names, err);
        p->mark[node] |= mark;
    }
    return 0;
}

/* Is node i computed here from its arguments? */
static int computed(const GraphExec *p, size_t i)
{
    return p->graph->node[i].kind == NODE_OP && (p->mark[i] & MARK_FEED) == 0;
}

static int passes_gradient(const GraphExec *p, size_t i)
{
    return computed(p, i) && p->graph->node[i].op->backward[p->type] != NULL;
}

static int has(const GraphExec *p, size_t i, int marks)
{
    return (p->mark[i] & marks) == marks;
}

/* Does node i get a gradient? */
static int wants(const GraphExec *p, size_t i)
{
    return has(p, i, MARK_DEPENDS | MARK_REACHED);
}

/* From users to arguments: what is needed, and what the objective depends on. */
static void mark_downward(GraphExec *p)
{
    const Graph *g = p->graph;
    for (size_t i = g->nodes; i-- > 0;) {
        unsigned char mark = 0;
        if (has(p, i, MARK_SHAPED))
            mark |= MARK_SHAPED; /* a fed node's shape still comes from its arguments */
        if (has(p, i, MARK_LIVE) && computed(p, i))
            mark |= MARK_LIVE;
        if (has(p, i, MARK_REACHED) && passes_gradient(p, i))
            mark |= MARK_REACHED;
        for (size_t a = 0; a < g->node[i].nargs; a++)
            p->mark[g->node[i].arg[a]] |= mark;
    }
}

/* What the objective is maximised over. */
static int is_variable(const GraphExec *p, size_t i)
{
    int fed = has(p, i, MARK_FEED);
    return p->gradient_wrt == GRAPH_FEEDS ? fed : p->graph->node[i].kind == NODE_PARAM && !fed;
}

/* From arguments to users: what depends on a variable. */
static void mark_upward(GraphExec *p)
{
    const Graph *g = p->graph;
    for (size_t i = 0; i < g->nodes; i++) {
        int depends = is_variable(p, i);
        for (size_t a = 0; a < g->node[i].nargs && passes_gradient(p, i); a++)
            depends |= has(p, (size_t)g->node[i].arg[a], MARK_DEPENDS);
        if (depends)
            p->mark[i] |= MARK_DEPENDS;
    }
}

static int mark_all(GraphExec *p, const GraphExecSpec *spec, Error *err)
{
    const char *objective[] = {spec->objective, NULL};
    if (mark_names(p, spec->outputs, MARK_KEPT | MARK_LIVE | MARK_SHAPED, err) != 0
        || mark_names(p, spec->feeds, MARK_FEED | MARK_SHAPED, err) != 0
        || mark_names(p, objective, MARK_KEPT | MARK_LIVE | MARK_SHAPED | MARK_REACHED, err) != 0)
        return -1;
    mark_downward(p);
    mark_upward(p);
    p->objective = spec->objective == NULL ? -1 : graph_find(p->graph, spec->objective);
    if (p->objective >= 0 && !wants(p, (size_t)p->objective)) {
        error_set(err, ERR_SCRIPT, "the objective \"%s\" depends on no %s: there is nothing to %s", spec->objective,
                  p->gradient_wrt == GRAPH_FEEDS ? "fed value" : "param", p->gradient_wrt == GRAPH_FEEDS ? "climb" : "train");
        return error_hint(err, "stop_gradient and fed values let no gradient through");
    }
    return 0;
}

static int infer_shapes(GraphExec *p, Error *err)
{
    double attr[GRAPH_ATTRS_MAX];
    for (size_t i = 0; i < p->graph->nodes; i++)
        if (has(p, i, MARK_SHAPED)
            && graph_node_shape(p->graph, (GraphNode)i, p->shape, p->batch, p->samples, attr, &p->shape[i], err) != 0)
            return error_in(err, "for batch %zu, samples %zu", p->batch, p->samples);
    return 0;
}

/* ---- where it lives -------------------------------------------------------------------------------------------------- */

/* The lives of a node's buffers. */
enum { LIFE_VALUE, LIFE_GRAD, LIFE_FORWARD, LIFE_BACKWARD, LIVES };

static size_t bytes_of(const GraphExec *p, size_t i)
{
    return num_shape_size(p->shape[i]) * p->size;
}

static size_t scratch_bytes(const GraphExec *p, size_t i)
{
    const Node *n = &p->graph->node[i];
    if (n->op->scratch == NULL)
        return 0;
    NumShape in[GRAPH_ARGS_MAX];
    for (size_t a = 0; a < n->nargs; a++)
        in[a] = p->shape[n->arg[a]];
    return n->op->scratch(p->shape[i], in, n->nargs, n->attr) * p->size;
}

static void last(Life *life, long time)
{
    if (life->end < time)
        life->end = time;
}

/* What computing node i, and its gradient step, ask of its arguments and of itself. */
static void use(const GraphExec *p, size_t i, Life (*life)[LIVES])
{
    const Node *n = &p->graph->node[i];
    long now = (long)i, back = 2 * (long)p->graph->nodes - now;
    size_t scratch = scratch_bytes(p, i);

    life[i][LIFE_FORWARD] = (Life){.bytes = scratch, .start = now, .end = now};
    for (size_t a = 0; a < n->nargs; a++)
        last(&life[n->arg[a]][LIFE_VALUE], now);
    if (!wants(p, i))
        return;
    life[i][LIFE_BACKWARD] = (Life){.bytes = scratch, .start = back, .end = back};
    if (n->op->needs & GRAPH_NEEDS_OUT)
        last(&life[i][LIFE_VALUE], back);
    for (size_t a = 0; a < n->nargs; a++) {
        size_t arg = (size_t)n->arg[a];
        if (n->op->needs & GRAPH_NEEDS_IN)
            last(&life[arg][LIFE_VALUE], back);
        if (back < life[arg][LIFE_GRAD].start)
            life[arg][LIFE_GRAD].start = back;
    }
}

/* Leaves live for ever: the caller writes them when he likes, and a forward pass may be repeated. */
static void lives(const GraphExec *p, Life (*life)[LIVES])
{
    long nodes = (long)p->graph->nodes, for_ever = 2 * nodes + 1;
    for (long i = 0; i < nodes; i++) {
        size_t n = (size_t)i;
        if (!has(p, n, MARK_LIVE))
            continue;
        if (p->graph->node[n].kind == NODE_PARAM && !has(p, n, MARK_FEED)) { /* params have their own block */
            life[n][LIFE_GRAD] = (Life){.start = for_ever};
            continue;
        }
        int leaf = !computed(p, n);
        life[n][LIFE_VALUE] = (Life){.bytes = bytes_of(p, n), .start = leaf ? -1 : i,
                                     .end = leaf || has(p, n, MARK_KEPT) ? for_ever : i};
        if (wants(p, n))
            life[n][LIFE_GRAD] = (Life){.bytes = bytes_of(p, n), .start = i == p->objective ? nodes : for_ever,
                                        .end = has(p, n, MARK_FEED) ? for_ever : 2 * nodes - i};
    }
    for (size_t i = 0; i < p->graph->nodes; i++)
        if (has(p, i, MARK_LIVE) && computed(p, i))
            use(p, i, life);
}

/* Points every value and gradient into the block or the params. */
static int point(GraphExec *p, Life (*life)[LIVES], Error *err)
{
    for (size_t i = 0; i < p->graph->nodes; i++) {
        const Node *n = &p->graph->node[i];
        if (!has(p, i, MARK_LIVE))
            continue;
        if (n->kind != NODE_PARAM || has(p, i, MARK_FEED)) {
            p->value[i] = p->block + life[i][LIFE_VALUE].offset;
            p->grad[i] = life[i][LIFE_GRAD].bytes > 0 ? p->block + life[i][LIFE_GRAD].offset : NULL;
            continue;
        }
        const struct Array *array = p->params == NULL ? NULL : graph_params_find(p->params, n->name);
        if (array == NULL || num_shape_size(array->shape) != num_shape_size(p->shape[i]) || p->params->type != p->type) {
            error_set(err, ERR_SCRIPT, "the params are of another graph: \"%s\" is missing, or has another shape or type",
                      n->name);
            return error_expected(err, "params made for this graph");
        }
        p->value[i] = (char *)p->params->block + array->offset * p->size;
        p->grad[i] = wants(p, i) ? (char *)p->gradient + array->offset * p->size : NULL;
    }
    return 0;
}

/* ---- the steps ------------------------------------------------------------------------------------------------------- */

static void make_call(const GraphExec *p, size_t i, Step *step)
{
    const Node *n = &p->graph->node[i];
    GraphCall *c = &step->call;
    step->node = (GraphNode)i;
    *c = (GraphCall){.nargs = n->nargs, .shape = p->shape[i], .out = p->value[i], .grad_out = p->grad[i],
                     .attr = step->attr};
    for (size_t a = 0; a < n->nargs; a++) {
        c->in_shape[a] = p->shape[n->arg[a]];
        c->in[a] = p->value[n->arg[a]];
        c->grad_in[a] = p->grad[n->arg[a]];
    }
    for (size_t a = 0; a < graph_attr_count(n->op); a++)
        step->attr[a] = graph_attr_resolve(n->op, a, n->attr[a], p->batch, p->samples);
}

/* The gradients that the backward step of node i is the first to add to (their life starts with it): written by the step, or
 * cleared before it.  An argument given twice is added to twice. */
static void make_clears(const GraphExec *p, size_t i, Life (*life)[LIVES], Step *step)
{
    const Node *n = &p->graph->node[i];
    long back = 2 * (long)p->graph->nodes - (long)i;
    for (size_t a = 0; a < n->nargs; a++) {
        size_t arg = (size_t)n->arg[a], times = 0;
        for (size_t b = 0; b < n->nargs; b++)
            times += n->arg[b] == n->arg[a];
        if (p->grad[arg] == NULL || life[arg][LIFE_GRAD].start != back)
            continue;
        if (times == 1 && (n->op->writes >> a & 1))
            step->call.overwrite |= 1u << a;
        else
            step->clear[step->clears++] = (Clear){p->grad[arg], bytes_of(p, arg)};
    }
}

static int make_idle(GraphExec *p, Error *err)
{
    size_t arrays = p->objective < 0 || p->gradient_wrt == GRAPH_FEEDS || p->params == NULL ? 0 : p->params->arrays;
    p->idle = mem_array(arrays, sizeof p->idle[0]);
    if (p->idle == NULL)
        return error_memory(err, "the gradients of a plan");
    for (size_t i = 0; i < arrays; i++) {
        const struct Array *array = &p->params->array[i];
        GraphNode node = graph_find_param(p->graph, array->name);
        if (node < 0 || p->grad[node] == NULL || has(p, (size_t)node, MARK_FEED))
            p->idle[p->idles++] = (Clear){(char *)p->gradient + array->offset * p->size,
                                          num_shape_size(array->shape) * p->size};
    }
    return 0;
}

static int make_steps(GraphExec *p, Life (*life)[LIVES], Error *err)
{
    for (size_t i = 0; i < p->graph->nodes; i++)
        if (has(p, i, MARK_LIVE) && computed(p, i)) {
            p->forwards++;
            p->backwards += (size_t)wants(p, i);
        }
    p->forward = mem_array(p->forwards, sizeof p->forward[0]);
    p->backward = mem_array(p->backwards, sizeof p->backward[0]);
    if (p->forward == NULL || p->backward == NULL)
        return error_memory(err, "the steps of a plan");

    Step *forward = p->forward, *backward = p->backward + p->backwards;
    for (size_t i = 0; i < p->graph->nodes; i++) {
        if (!has(p, i, MARK_LIVE) || !computed(p, i))
            continue;
        make_call(p, i, forward);
        forward->run = p->graph->node[i].op->forward[p->type];
        forward->call.scratch = p->block + life[i][LIFE_FORWARD].offset;
        forward++;
        if (!wants(p, i))
            continue;
        make_call(p, i, --backward);
        backward->run = p->graph->node[i].op->backward[p->type];
        backward->call.scratch = p->block + life[i][LIFE_BACKWARD].offset;
        make_clears(p, i, life, backward);
    }
    return 0;
}

static void set_value(GraphExec *p, size_t i, double value)
{
    if (p->type == GRAPH_FLOAT)
        *(float *)p->value[i] = (float)value;
    else
        *(double *)p->value[i] = value;
}

/* Constants have their value for ever, scalars are 1 until they are set. */
static void set_leaves(GraphExec *p)
{
    for (size_t i = 0; i < p->graph->nodes; i++) {
        const Node *n = &p->graph->node[i];
        if (has(p, i, MARK_LIVE) && !has(p, i, MARK_FEED) && (n->kind == NODE_CONSTANT || n->kind == NODE_SCALAR))
            set_value(p, i, n->kind == NODE_CONSTANT ? n->value : 1);
    }
}

/* ---- all together ---------------------------------------------------------------------------------------------------- */

static int place_all(GraphExec *p, const GraphExecSpec *spec, Life (*life)[LIVES], Error *err)
{
    size_t n = p->graph->nodes * LIVES;
    size_t *order = mem_array(2 * n, sizeof *order);
    if (order == NULL)
        return error_memory(err, "the plan of a model's memory");
    lives(p, life);
    p->bytes = graph_memory_layout(&life[0][0], n, !spec->no_buffer_reuse, order);
    mem_free(order);
    p->block = mem_alloc(p->bytes);
    p->gradient = mem_array(p->objective < 0 || p->gradient_wrt == GRAPH_FEEDS || p->params == NULL ? 0 : p->params->count, p->size);
    return p->block == NULL || p->gradient == NULL ? error_memory(err, "the values of a model") : 0;
}

static int compile(GraphExec *p, const GraphExecSpec *spec, Error *err)
{
    size_t n = p->graph->nodes;
    p->mark = mem_array(n, sizeof p->mark[0]);
    p->shape = mem_array(n, sizeof p->shape[0]);
    p->value = mem_array(n, sizeof p->value[0]);
    p->grad = mem_array(n, sizeof p->grad[0]);
    p->label = mem_alloc(2 * GRAPH_NAME_MAX + 256);
    Life(*life)[LIVES] = mem_array(n, sizeof *life);
    int status = -1;
    if (p->mark == NULL || p->shape == NULL || p->value == NULL || p->grad == NULL || p->label == NULL || life == NULL)
        error_memory(err, "a plan");
    else if (mark_all(p, spec, err) == 0 && infer_shapes(p, err) == 0 && place_all(p, spec, life, err) == 0
             && point(p, life, err) == 0 && make_steps(p, life, err) == 0 && make_idle(p, err) == 0)
        status = 0;
    mem_free(life);
    if (status == 0)
        set_leaves(p);
    return status;
}

GraphExec *graph_exec_alloc(const Graph *g, const GraphExecSpec *spec, GraphParams *params, Error *err)
{
    GraphExec *p = mem_alloc(sizeof *p);
    if (p == NULL) {
        error_memory(err, "a plan");
        return NULL;
    }
    p->graph = g;
    p->params = params;
    p->type = spec->type;
    p->gradient_wrt = spec->gradient_wrt;
    p->size = spec->type == GRAPH_FLOAT ? sizeof(float) : sizeof(double);
    p->batch = spec->batch == 0 ? g->batch : spec->batch;
    p->samples = spec->samples == 0 ? g->samples : spec->samples;
    if (compile(p, spec, err) != 0) {
        graph_exec_free(p);
        return NULL;
    }
    return p;
}

void graph_exec_free(GraphExec *p)
{
    if (p == NULL)
        return;
    mem_free(p->mark);
    mem_free(p->shape);
    mem_free(p->value);
    mem_free(p->grad);
    mem_free(p->forward);
    mem_free(p->backward);
    mem_free(p->block);
    mem_free(p->gradient);
    mem_free(p->idle);
    mem_free(p->label);
    mem_free(p);
}
