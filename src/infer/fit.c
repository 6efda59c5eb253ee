/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/fit.c: trains a small graph on rows in memory, to examine results (a classifier of two samples); it is not a
 * run.  Promise: the parameters depend on the arguments alone; nothing is recorded.
 */
#include "infer/infer.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "graph/optimiser.h"

#include <string.h>

typedef struct FitInput {
    float *to;           /* the exec's input, or NULL when the graph does not use it */
    const float *from;   /* all rows */
    size_t width;
} FitInput;

static FitInput input_of(GraphExec *exec, const char *name, const float *from)
{
    NumShape shape = {{0, 0, 0}};
    float *to = graph_exec_input(exec, name, &shape);
    return (FitInput){to, from, shape.n[NUM_FEATURES]};
}

static void fill(const FitInput *in, const uint32_t *order, size_t rows)
{
    for (size_t i = 0; in->to != NULL && i < rows; i++)
        memcpy(in->to + i * in->width, in->from + order[i] * in->width, in->width * sizeof *in->to);
}

/* Whole minibatches only: the rest of an epoch, other rows in each, is left out. */
static void train(const InferFit *f, GraphExec *exec, GraphParams *params, Optimiser *optimiser, uint32_t *order)
{
    FitInput x = input_of(exec, "x", f->x), y = input_of(exec, "y", f->y);
    NumStream stream = num_stream(f->seed, "fit/order");
    uint64_t step = 0;
    for (int epoch = 1; epoch <= f->epochs; epoch++) {
        num_stream_permutation(stream, (uint64_t)epoch, f->count, order);
        for (size_t first = 0; first + f->batch <= f->count; first += f->batch) {
            fill(&x, order + first, f->batch);
            fill(&y, order + first, f->batch);
            graph_exec_noise(exec, num_seed(f->seed), "fit", step++);
            graph_exec_forward(exec);
            graph_exec_backward(exec);
            optimiser_step(optimiser, graph_params_block(params), graph_exec_gradient(exec), f->rate);
        }
    }
}

static int check(const InferFit *f, Error *err)
{
    if (f->batch < 1 || f->batch > f->count || f->epochs < 1) {
        error_set(err, ERR_RUN, "a fit needs at least one epoch of at least one whole minibatch");
        error_found(err, "%d epochs, minibatches of %zu, %zu rows", f->epochs, f->batch, f->count);
        return -1;
    }
    if (graph_find(f->graph, f->objective) < 0)
        return error_set(err, ERR_RUN, "the graph has no node named '%s' to maximise", f->objective);
    return 0;
}

InferModel *infer_fit(const InferFit *f, Error *err)
{
    const char *const outputs[] = {f->objective, NULL};
    GraphExecSpec spec = {
        .batch = f->batch, .samples = 1, .type = GRAPH_FLOAT, .outputs = outputs, .objective = f->objective};
    OptimiserSpec adam;
    InferModel *model = NULL;
    GraphExec *exec = NULL;
    Optimiser *optimiser = NULL;
    uint32_t *order = NULL;
    if (check(f, err) != 0 || optimiser_defaults(&adam, "adam", err) != 0)
        return NULL;
    GraphParams *params = graph_params_alloc(f->graph, GRAPH_FLOAT, num_seed(f->seed), NULL, 0, err);
    if (params != NULL && (exec = graph_exec_alloc(f->graph, &spec, params, err)) != NULL)
        optimiser = optimiser_alloc(&adam, graph_params_count(params), err);
    if (optimiser != NULL && (order = mem_array(f->count, sizeof *order)) == NULL)
        error_memory(err, "the order of a fit");
    if (order != NULL) {
        train(f, exec, params, optimiser, order);
        model = infer_model_of(f->graph, params, err);
    }
    if (model != NULL)
        infer_model_own(model, params);
    else
        graph_params_free(params);
    mem_free(order);
    optimiser_free(optimiser);
    graph_exec_free(exec);
    return model;
}
