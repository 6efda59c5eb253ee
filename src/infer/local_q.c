/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/local_q.c: maximises an objective over each example's own values of some nodes, by Adam: its Gaussian nearest
 * to p(z|x).
 */
#include "infer/posterior.h"

#include "infer/batches.h"

#include "base/mem.h"
#include "graph/optimiser.h"

#include <string.h>

enum { FEEDS_MAX = 4 };

/* The fed nodes of a chunk, and all their values in one block, as the optimiser needs them. */
typedef struct LocalParams {
    const char *const *names;
    size_t count;                           /* of fed nodes */
    float *feed[FEEDS_MAX];                 /* the exec's inputs */
    size_t size[FEEDS_MAX], width[FEEDS_MAX];
    float *block, *gradient;
} LocalParams;

static int local_params_alloc(LocalParams *p, const BatchIterator *b, const char *const *names, Error *err)
{
    size_t width = 0;
    *p = (LocalParams){.names = names};
    for (; names[p->count] != NULL; p->count++) {
        if (p->count == FEEDS_MAX)
            return error_set(err, ERR_RUN, "more than %d nodes to optimise", (int)FEEDS_MAX);
        width += infer_model_width(b->model, names[p->count]);
    }
    p->block = mem_array(b->chunk * width, sizeof *p->block);
    p->gradient = mem_array(b->chunk * width, sizeof *p->gradient);
    return p->block == NULL || p->gradient == NULL ? error_memory(err, "the optimisation of q") : 0;
}

static void attach(LocalParams *p, GraphExec *exec)
{
    for (size_t i = 0; i < p->count; i++) {
        NumShape shape;
        p->feed[i] = graph_exec_input(exec, p->names[i], &shape);
        p->size[i] = num_shape_size(shape);
        p->width[i] = shape.n[NUM_FEATURES];
    }
}

/* The chunk's rows of the caller's arrays into the block, and back. */
static void load(const LocalParams *p, float *const *values, size_t first)
{
    for (size_t i = 0, at = 0; i < p->count; at += p->size[i++])
        memcpy(p->block + at, values[i] + first * p->width[i], p->size[i] * sizeof(float));
}

static void store(const LocalParams *p, float *const *values, size_t first)
{
    for (size_t i = 0, at = 0; i < p->count; at += p->size[i++])
        memcpy(values[i] + first * p->width[i], p->block + at, p->size[i] * sizeof(float));
}

static void scatter(const LocalParams *p)
{
    for (size_t i = 0, at = 0; i < p->count; at += p->size[i++])
        memcpy(p->feed[i], p->block + at, p->size[i] * sizeof(float));
}

static void gather_gradient(const LocalParams *p, const GraphExec *exec)
{
    for (size_t i = 0, at = 0; i < p->count; at += p->size[i++]) {
        const float *gradient = graph_exec_feed_gradient(exec, p->names[i], NULL);
        if (gradient == NULL)
            memset(p->gradient + at, 0, p->size[i] * sizeof *gradient);
        else
            memcpy(p->gradient + at, gradient, p->size[i] * sizeof *gradient);
    }
}

/* All steps of a chunk.  The noise's address is the chunk's number and the step's. */
static int maximise(const LocalParams *p, BatchIterator *b, const InferLocalQ *local, Error *err)
{
    OptimiserSpec adam;
    size_t total = 0;
    for (size_t i = 0; i < p->count; i++)
        total += p->size[i];
    if (optimiser_defaults(&adam, "adam", err) != 0)
        return -1;
    Optimiser *o = optimiser_alloc(&adam, total, err);
    if (o == NULL)
        return -1;
    scatter(p);
    for (size_t n = 0; n < local->steps; n++) {
        /* the stream's name is part of recorded numbers: it stays "evaluate/climb" */
        graph_exec_noise(b->exec, infer_seed(b->model, b->request), "evaluate/climb", ((uint64_t)b->number << 32) + n);
        graph_exec_forward(b->exec);
        graph_exec_backward(b->exec);
        gather_gradient(p, b->exec);
        optimiser_step(o, p->block, p->gradient, local->rate * (1 - (double)n / (double)local->steps));
        scatter(p);
    }
    optimiser_free(o);
    return 0;
}

/* [OUT] value (rows): the mean of the objective over `check` draws, rounded up to whole passes. */
static void evaluate(BatchIterator *b, const InferLocalQ *local, double *value)
{
    size_t passes = (local->check + b->samples - 1) / b->samples;
    for (size_t i = 0; i < b->rows; i++)
        value[i] = 0;
    for (size_t n = 0; n < passes; n++) {
        NumShape shape;
        graph_exec_noise(b->exec, infer_seed(b->model, b->request), "evaluate/check", ((uint64_t)b->number << 32) + n);
        graph_exec_forward(b->exec);
        const float *out = graph_exec_output(b->exec, local->objective, &shape);
        for (size_t i = 0; i < b->rows; i++)
            for (size_t s = 0; s < shape.n[NUM_SAMPLES]; s++)
                value[i] += (double)out[s * b->rows + i] / (double)(passes * shape.n[NUM_SAMPLES]);
    }
}

int infer_optimise_local_q(InferModel *m, const InferRequest *request, const InferLocalQ *local, float *const *values,
                           double *value, Error *err)
{
    const char *outputs[] = {local->objective, NULL};
    const BatchSpec spec = {
        .outputs = outputs, .feeds = local->feeds, .objective = local->objective, .samples = request->samples};
    BatchIterator b;
    LocalParams p;
    if (batches_start(&b, m, request, &spec, err) != 0)
        return -1;
    int status = local_params_alloc(&p, &b, local->feeds, err);
    while (status >= 0 && (status = batches_next(&b, err)) > 0) {
        attach(&p, b.exec);
        load(&p, values, b.first);
        if ((status = maximise(&p, &b, local, err)) != 0)
            break;
        store(&p, values, b.first);
        evaluate(&b, local, value + b.first);
    }
    mem_free(p.block);
    mem_free(p.gradient);
    batches_end(&b);
    return status;
}
