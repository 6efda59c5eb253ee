/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_run.c: a plan at work: what goes in, forward, backward, what comes out.  Nothing here allocates.
 */
#include "graph/exec.h"

#include "graph/exec_internal.h"
#include "num/stream.h"
#include "num/sum.h"

#include <stdio.h>
#include <string.h>

/* ---- what goes in --------------------------------------------------------------------------------------------------- */

static GraphNode find_live(const GraphExec *p, NodeKind kind, const char *name)
{
    for (size_t i = 0; i < p->graph->nodes; i++) {
        const Node *n = &p->graph->node[i];
        if (n->kind == kind && (p->mark[i] & (MARK_LIVE | MARK_FEED)) == MARK_LIVE && strcmp(n->name, name) == 0)
            return (GraphNode)i;
    }
    return -1;
}

void *graph_exec_input(GraphExec *p, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(p->graph, name);
    if (node < 0 || (p->mark[node] & (MARK_FEED | MARK_LIVE)) != (MARK_FEED | MARK_LIVE))
        node = find_live(p, NODE_INPUT, name);
    if (node < 0)
        return NULL;
    if (shape != NULL)
        *shape = p->shape[node];
    return p->value[node];
}

int graph_exec_scalar(GraphExec *p, const char *name, double value)
{
    GraphNode node = find_live(p, NODE_SCALAR, name);
    if (node < 0)
        return -1;
    if (p->type == GRAPH_FLOAT)
        *(float *)p->value[node] = (float)value;
    else
        *(double *)p->value[node] = value;
    return 0;
}

/* n floats at the start of the buffer become n doubles: from the last to the first, so that none is overwritten unread. */
static void widen(void *buffer, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        float narrow;
        memcpy(&narrow, (char *)buffer + i * sizeof narrow, sizeof narrow);
        double wide = narrow;
        memcpy((char *)buffer + i * sizeof wide, &wide, sizeof wide);
    }
}

void graph_exec_noise(GraphExec *p, NumSeed seed, const char *prefix, uint64_t step)
{
    for (size_t i = 0; i < p->graph->nodes; i++) {
        const Node *n = &p->graph->node[i];
        if (n->kind != NODE_NOISE || (p->mark[i] & (MARK_LIVE | MARK_FEED)) != MARK_LIVE)
            continue;
        char name[2 * GRAPH_NAME_MAX + 2];
        snprintf(name, sizeof name, "%.*s/%s", GRAPH_NAME_MAX, prefix, n->name);
        NumStream stream = num_stream_of(seed, name);
        size_t rows = num_shape_rows(p->shape[i]), columns = p->shape[i].n[NUM_FEATURES];
        if (n->uniform)
            num_stream_uniform(stream, step, 0, rows, columns, p->value[i]);
        else
            num_stream_normal(stream, step, 0, rows, columns, p->value[i]);
        if (p->type == GRAPH_DOUBLE)
            widen(p->value[i], rows * columns);
    }
}

/* ---- forward, backward ------------------------------------------------------------------------------------------------ */

void graph_exec_forward(GraphExec *p)
{
    for (size_t i = 0; i < p->forwards; i++)
        p->forward[i].run(&p->forward[i].call);
}

/* The objective is the mean of its node, and optimisers minimise: d(-mean)/d(element) = -1/n. */
static void seed(GraphExec *p)
{
    size_t n = num_shape_size(p->shape[p->objective]);
    for (size_t i = 0; i < n; i++)
        if (p->type == GRAPH_FLOAT)
            ((float *)p->grad[p->objective])[i] = -1 / (float)n;
        else
            ((double *)p->grad[p->objective])[i] = -1 / (double)n;
}

static void clear(const Clear *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memset(list[i].at, 0, list[i].bytes);
}

/* Gradients are zeroed here and nowhere else: each before the first step that adds to it (until then its memory may be
 * another's), unless that step writes it. */
void graph_exec_backward(GraphExec *p)
{
    if (p->objective < 0)
        return;
    clear(p->idle, p->idles);
    seed(p);
    for (size_t i = 0; i < p->backwards; i++) {
        const Step *step = &p->backward[i];
        clear(step->clear, step->clears);
        step->run(&step->call);
    }
}

void *graph_exec_gradient(GraphExec *p)
{
    return p->objective < 0 || p->gradient_wrt == GRAPH_FEEDS ? NULL : p->gradient;
}

const void *graph_exec_feed_gradient(const GraphExec *p, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(p->graph, name);
    if (node < 0 || p->gradient_wrt != GRAPH_FEEDS || (p->mark[node] & MARK_FEED) == 0)
        return NULL;
    if (shape != NULL)
        *shape = p->shape[node];
    return p->grad[node];
}

/* ---- what comes out ----------------------------------------------------------------------------------------------------- */

const void *graph_exec_output(const GraphExec *p, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(p->graph, name);
    if (node < 0 || (p->mark[node] & MARK_KEPT) == 0)
        return NULL;
    if (shape != NULL)
        *shape = p->shape[node];
    return p->value[node];
}

static size_t first_bad(const GraphExec *p, const void *values, size_t n)
{
    return p->type == GRAPH_FLOAT ? num_first_nonfinite_f32(n, values) : num_first_nonfinite_f64(n, values);
}

/* What a reader calls a node: its public name, a leaf's own name, or its operation, its number and where the script made it. */
static const char *label(const GraphExec *p, GraphNode node)
{
    enum { SIZE = 2 * GRAPH_NAME_MAX + 256 };
    const Node *n = &p->graph->node[node];
    for (size_t i = 0; i < p->graph->names; i++)
        if (p->graph->name[i].node == node)
            return snprintf(p->label, SIZE, "%s", p->graph->name[i].text), p->label;
    if (n->kind != NODE_OP)
        snprintf(p->label, SIZE, "%s", n->name == NULL ? "constant" : n->name);
    else if (n->where == NULL)
        snprintf(p->label, SIZE, "%s, node %ld", n->op->name, (long)node);
    else
        snprintf(p->label, SIZE, "%s, node %ld, %s", n->op->name, (long)node, n->where);
    return p->label;
}

static const char *bad_gradient(const GraphExec *p)
{
    if (p->objective < 0 || p->gradient_wrt == GRAPH_FEEDS)
        return NULL;
    size_t bad = first_bad(p, p->gradient, p->params->count);
    for (size_t i = p->params->arrays; bad < p->params->count && i-- > 0;)
        if (p->params->array[i].offset <= bad) {
            snprintf(p->label, 2 * GRAPH_NAME_MAX + 256, "gradient of %s", p->params->array[i].name);
            return p->label;
        }
    return NULL;
}

/* Buffers share memory, so that most values are gone by now: the forward pass is made again, each node looked at in turn. */
const char *graph_exec_first_nonfinite(const GraphExec *p)
{
    size_t next = 0;
    for (size_t i = 0; i < p->graph->nodes; i++) {
        if (p->value[i] == NULL)
            continue;
        if (next < p->forwards && p->forward[next].node == (GraphNode)i) {
            p->forward[next].run(&p->forward[next].call);
            next++;
        }
        size_t n = num_shape_size(p->shape[i]);
        if (first_bad(p, p->value[i], n) < n)
            return label(p, (GraphNode)i);
    }
    return bad_gradient(p);
}

size_t graph_exec_bytes(const GraphExec *p) { return p->bytes; }

double graph_exec_flops(const GraphExec *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->forwards; i++) {
        const Step *step = &p->forward[i];
        const GraphOp *op = p->graph->node[step->node].op;
        sum += op->products == NULL ? 0 : op->products(&step->call);
    }
    for (size_t i = 0; i < p->backwards; i++) {
        const Step *step = &p->backward[i];
        const GraphOp *op = p->graph->node[step->node].op;
        if (op->products != NULL) /* one product for x's gradient, one for W's */
            sum += op->products(&step->call) * ((step->call.grad_in[0] != NULL) + (step->call.grad_in[1] != NULL));
    }
    return sum;
}
