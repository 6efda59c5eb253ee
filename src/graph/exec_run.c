/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_run.c: runs an executable graph: inputs and noise, forward, backward, outputs.  Nothing here allocates.
 */
#include "graph/exec.h"

#include "graph/exec_internal.h"
#include "num/stream.h"
#include "num/sum.h"

#include <stdio.h>
#include <string.h>

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

static GraphNode find_live(const GraphExec *exec, NodeKind kind, const char *name)
{
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        const Node *n = &exec->graph->node[i];
        if (n->kind == kind && (exec->mark[i] & (MARK_LIVE | MARK_FEED)) == MARK_LIVE && strcmp(n->name, name) == 0)
            return (GraphNode)i;
    }
    return -1;
}

void *graph_exec_input(GraphExec *exec, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(exec->graph, name);
    if (node < 0 || (exec->mark[node] & (MARK_FEED | MARK_LIVE)) != (MARK_FEED | MARK_LIVE))
        node = find_live(exec, NODE_INPUT, name);
    if (node < 0)
        return NULL;
    if (shape != NULL)
        *shape = graph_flat_shape(exec->shape[node]);
    return exec->value[node];
}

void graph_exec_set(GraphExec *exec, GraphNode node, double value)
{
    if (exec->type == GRAPH_FLOAT)
        *(float *)exec->value[node] = (float)value;
    else
        *(double *)exec->value[node] = value;
}

int graph_exec_scalar(GraphExec *exec, const char *name, double value)
{
    GraphNode node = find_live(exec, NODE_SCALAR, name);
    if (node < 0)
        return -1;
    graph_exec_set(exec, node, value);
    return 0;
}

/* The last float first, so that no float is overwritten before it is read. */
void graph_widen(void *buffer, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        float narrow;
        memcpy(&narrow, (char *)buffer + i * sizeof narrow, sizeof narrow);
        double wide = narrow;
        memcpy((char *)buffer + i * sizeof wide, &wide, sizeof wide);
    }
}

void graph_exec_noise(GraphExec *exec, NumSeed seed, const char *prefix, uint64_t step)
{
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        const Node *n = &exec->graph->node[i];
        if (n->kind != NODE_NOISE || (exec->mark[i] & (MARK_LIVE | MARK_FEED)) != MARK_LIVE)
            continue;
        char name[2 * GRAPH_NAME_MAX + 2];
        snprintf(name, sizeof name, "%.*s/%s", GRAPH_NAME_MAX, prefix, n->name);
        NumStream stream = num_stream_of(seed, name);
        NumShape shape = graph_flat_shape(exec->shape[i]);
        size_t rows = num_shape_rows(shape), columns = shape.n[NUM_FEATURES];
        if (n->uniform)
            num_stream_uniform(stream, step, 0, rows, columns, exec->value[i]);
        else
            num_stream_normal(stream, step, 0, rows, columns, exec->value[i]);
        if (exec->type == GRAPH_DOUBLE)
            graph_widen(exec->value[i], rows * columns);
    }
}

/* ---- forward, backward ------------------------------------------------------------------------------------------- */

void graph_exec_forward(GraphExec *exec)
{
    for (size_t i = 0; i < exec->forwards; i++)
        exec->forward[i].run(&exec->forward[i].call);
}

/* The objective is the mean over n elements, and optimisers minimise: d(-mean)/d(element) = -1/n. */
static void set_objective_gradient(GraphExec *exec)
{
    size_t n = graph_shape_size(exec->shape[exec->objective]);
    for (size_t i = 0; i < n; i++)
        if (exec->type == GRAPH_FLOAT)
            ((float *)exec->grad[exec->objective])[i] = -1 / (float)n;
        else
            ((double *)exec->grad[exec->objective])[i] = -1 / (double)n;
}

static void clear(const ExecClear *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memset(list[i].at, 0, list[i].bytes);
}

/* The only place where gradients are zeroed: each just before the first step that adds to it, because until then
 * another buffer may use its memory.  A gradient that this step overwrites is not zeroed. */
void graph_exec_backward(GraphExec *exec)
{
    if (exec->objective < 0)
        return;
    clear(exec->unreached, exec->unreacheds);
    set_objective_gradient(exec);
    for (size_t i = 0; i < exec->backwards; i++) {
        const ExecStep *step = &exec->backward[i];
        clear(step->clear, step->clears);
        step->run(&step->call);
    }
}

void *graph_exec_gradient(GraphExec *exec)
{
    return exec->objective < 0 || exec->gradient_wrt == GRAPH_FEEDS ? NULL : exec->gradient;
}

const void *graph_exec_feed_gradient(const GraphExec *exec, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(exec->graph, name);
    if (node < 0 || exec->gradient_wrt != GRAPH_FEEDS || (exec->mark[node] & MARK_FEED) == 0)
        return NULL;
    if (shape != NULL)
        *shape = graph_flat_shape(exec->shape[node]);
    return exec->grad[node];
}

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

const void *graph_exec_output(const GraphExec *exec, const char *name, NumShape *shape)
{
    GraphNode node = graph_find(exec->graph, name);
    if (node < 0 || (exec->mark[node] & MARK_KEPT) == 0)
        return NULL;
    if (shape != NULL)
        *shape = graph_flat_shape(exec->shape[node]);
    return exec->value[node];
}

static size_t first_nonfinite(const GraphExec *exec, const void *values, size_t n)
{
    return exec->type == GRAPH_FLOAT ? num_first_nonfinite_f32(n, values) : num_first_nonfinite_f64(n, values);
}

/* The name of a node for readers: its public name, a leaf's own name, or its operation, number and script location. */
static const char *label(const GraphExec *exec, GraphNode node)
{
    const Node *n = &exec->graph->node[node];
    for (size_t i = 0; i < exec->graph->names; i++)
        if (exec->graph->name[i].node == node)
            return snprintf(exec->label, EXEC_LABEL_SIZE, "%s", exec->graph->name[i].text), exec->label;
    if (n->kind != NODE_OP)
        snprintf(exec->label, EXEC_LABEL_SIZE, "%s", n->name == NULL ? "constant" : n->name);
    else if (n->where == NULL)
        snprintf(exec->label, EXEC_LABEL_SIZE, "%s, node %ld", n->op->name, (long)node);
    else
        snprintf(exec->label, EXEC_LABEL_SIZE, "%s, node %ld, %s", n->op->name, (long)node, n->where);
    return exec->label;
}

static const char *nonfinite_gradient(const GraphExec *exec)
{
    if (exec->objective < 0 || exec->gradient_wrt == GRAPH_FEEDS)
        return NULL;
    size_t first = first_nonfinite(exec, exec->gradient, exec->params->count);
    for (size_t i = exec->params->arrays; first < exec->params->count && i-- > 0;)
        if (exec->params->array[i].offset <= first) {
            snprintf(exec->label, EXEC_LABEL_SIZE, "gradient of %s", exec->params->array[i].name);
            return exec->label;
        }
    return NULL;
}

/* Buffers share memory, so that most values are overwritten by now: compute each node again and check it at once. */
const char *graph_exec_first_nonfinite(const GraphExec *exec)
{
    size_t next = 0;
    for (size_t i = 0; i < exec->graph->nodes; i++) {
        if (exec->value[i] == NULL)
            continue;
        if (next < exec->forwards && exec->forward[next].node == (GraphNode)i) {
            exec->forward[next].run(&exec->forward[next].call);
            next++;
        }
        size_t n = graph_shape_size(exec->shape[i]);
        if (first_nonfinite(exec, exec->value[i], n) < n)
            return label(exec, (GraphNode)i);
    }
    return nonfinite_gradient(exec);
}

size_t graph_exec_bytes(const GraphExec *exec) { return exec->bytes; }

double graph_exec_flops(const GraphExec *exec)
{
    double sum = 0;
    for (size_t i = 0; i < exec->forwards; i++) {
        const ExecStep *step = &exec->forward[i];
        const GraphOp *op = exec->graph->node[step->node].op;
        sum += op->products == NULL ? 0 : op->products(&step->call);
    }
    for (size_t i = 0; i < exec->backwards; i++) {
        const ExecStep *step = &exec->backward[i];
        const GraphOp *op = exec->graph->node[step->node].op;
        if (op->products != NULL) /* one product for x's gradient, one for W's */
            sum += op->products(&step->call) * ((step->call.grad_in[0] != NULL) + (step->call.grad_in[1] != NULL));
    }
    return sum;
}
