/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/local_q.c: each example's own best values of some nodes, by Adam over a trained model: its Gaussian nearest to p(z|x).
 */
#include "infer/posterior.h"

#include "infer/batches.h"

#include "base/mem.h"

#include <string.h>

enum { FEEDS_MAX = 4 };

/* The fed values of a chunk, side by side in one block for the optimiser. */
typedef struct Climb {
    const char *const *feeds;
    size_t count;                  /* of fed nodes */
    float *at[FEEDS_MAX];            /* the exec's inputs */
    size_t size[FEEDS_MAX], width[FEEDS_MAX];
    float *block, *gradient;
} Climb;

static void climb_at(Climb *c, GraphExec *exec)
{
    for (size_t i = 0; i < c->count; i++) {
        NumShape shape;
        c->at[i] = graph_exec_input(exec, c->feeds[i], &shape);
        c->size[i] = num_shape_size(shape);
        c->width[i] = shape.n[NUM_FEATURES];
    }
}

/* Between the exec's inputs and the block. */
static void gather(const Climb *c)
{
    for (size_t i = 0, at = 0; i < c->count; at += c->size[i++])
        memcpy(c->block + at, c->at[i], c->size[i] * sizeof *c->block);
}

static void scatter(const Climb *c)
{
    for (size_t i = 0, at = 0; i < c->count; at += c->size[i++])
        memcpy(c->at[i], c->block + at, c->size[i] * sizeof *c->block);
}

static void gather_gradient(const Climb *c, const GraphExec *exec)
{
    for (size_t i = 0, at = 0; i < c->count; at += c->size[i++]) {
        const float *gradient = graph_exec_feed_gradient(exec, c->feeds[i], NULL);
        if (gradient == NULL)
            memset(c->gradient + at, 0, c->size[i] * sizeof *gradient);
        else
            memcpy(c->gradient + at, gradient, c->size[i] * sizeof *gradient);
    }
}

/* All steps of a chunk.  The noise's draw numbers count the steps. */
static int climb(const Climb *c, BatchIterator *w, const InferRequest *request, size_t steps, double rate, Error *err)
{
    OptimiserSpec adam;
    size_t total = 0;
    for (size_t i = 0; i < c->count; i++)
        total += c->size[i];
    if (optimiser_defaults(&adam, "adam", err) != 0)
        return -1;
    Optimiser *o = optimiser_alloc(&adam, total, err);
    if (o == NULL)
        return -1;
    for (size_t n = 0; n < steps; n++) {
        graph_exec_noise(w->exec, infer_seed(w->model, request), "evaluate/climb", ((uint64_t)w->number << 32) + n);
        graph_exec_forward(w->exec);
        graph_exec_backward(w->exec);
        gather_gradient(c, w->exec);
        optimiser_step(o, c->block, c->gradient, rate * (1 - (double)n / (double)steps));
        scatter(c);
    }
    optimiser_free(o);
    return 0;
}

/* The objective of each example where the climb ended: a mean over `check` draws, in passes of the exec's. */
static void settle(BatchIterator *w, const InferRequest *request, const char *objective, size_t check, double *value)
{
    size_t passes = (check + w->samples - 1) / w->samples;
    for (size_t i = 0; i < w->rows; i++)
        value[i] = 0;
    for (size_t n = 0; n < passes; n++) {
        NumShape shape;
        graph_exec_noise(w->exec, infer_seed(w->model, request), "evaluate/check", ((uint64_t)w->number << 32) + n);
        graph_exec_forward(w->exec);
        const float *out = graph_exec_output(w->exec, objective, &shape);
        for (size_t i = 0; i < w->rows; i++)
            for (size_t s = 0; s < shape.n[NUM_SAMPLES]; s++)
                value[i] += (double)out[s * w->rows + i] / (double)(passes * shape.n[NUM_SAMPLES]);
    }
}

static int climb_alloc(Climb *c, const InferModel *m, const BatchIterator *w, const char *const *names, Error *err)
{
    size_t width = 0;
    *c = (Climb){.feeds = names};
    for (; names[c->count] != NULL; c->count++) {
        if (c->count == FEEDS_MAX)
            return error_set(err, ERR_RUN, "more than %d nodes to climb over", (int)FEEDS_MAX);
        width += infer_model_width(m, names[c->count]);
    }
    c->block = mem_array(w->chunk * width, sizeof *c->block);
    c->gradient = mem_array(w->chunk * width, sizeof *c->gradient);
    return c->block == NULL || c->gradient == NULL ? error_memory(err, "a climb") : 0;
}

int infer_optimise_local_q(InferModel *m, const InferRequest *request, const char *objective, const char *const *feeds,
                           float *const *values, size_t steps, double rate,
               size_t check, double *value, Error *err)
{
    const char *outputs[] = {objective, NULL};
    BatchIterator w;
    Climb c;
    if (batches_start(&w, m, request, &(BatchSpec){.outputs = outputs, .feeds = feeds, .objective = objective, .samples = request->samples}, err) != 0)
        return -1;
    int status = climb_alloc(&c, m, &w, feeds, err);
    while (status == 0 && batches_next(&w)) {
        if ((status = batches_fill(&w, 0, err)) != 0)
            break;
        climb_at(&c, w.exec);
        for (size_t i = 0; i < c.count; i++)
            memcpy(c.at[i], values[i] + w.first * c.width[i], c.size[i] * sizeof(float));
        gather(&c);
        if ((status = climb(&c, &w, request, steps, rate, err)) != 0)
            break;
        for (size_t i = 0; i < c.count; i++)
            memcpy(values[i] + w.first * c.width[i], c.at[i], c.size[i] * sizeof(float));
        settle(&w, request, objective, check, value + w.first);
    }
    mem_free(c.block);
    mem_free(c.gradient);
    batches_end(&w);
    return status;
}
