/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/step.c: optimiser steps; each thread updates its own part of the parameters.
 */
#include "num/step.h"

#include "num/kernels.h"
#include "num/parallel.h"

#define NUM_TABLE_TYPE NumStepTable
#define NUM_TABLE_NAME num_step_table
#include "num/isa_table.h"

/* One call; the constants are in the order of step.h. */
typedef struct {
    size_t n;
    float *w;
    const float *g;
    float *state[2];
    float constant[5];
} StepJob;

static void run(const StepJob *t, NumJob *job)
{
    num_parallel((t->n + NUM_PARALLEL_CHUNK - 1) / NUM_PARALLEL_CHUNK, t->n, job, t);
}

/* Chunk `index`: n elements from i, and the constants k. */
#define CHUNK                                                                                                           \
    const StepJob *t = task;                                                                                               \
    const float *k = t->constant;                                                                                       \
    size_t i = index * NUM_PARALLEL_CHUNK, n = t->n - i < NUM_PARALLEL_CHUNK ? t->n - i : NUM_PARALLEL_CHUNK;

static void sgd(const void *task, size_t index)
{
    CHUNK
    num_step_table()->sgd(n, t->w + i, t->g + i, t->state[0] + i, k[0], k[1]);
}

void num_step_sgd(size_t n, float *w, const float *g, float *v, float rate, float momentum)
{
    run(&(StepJob){n, w, g, {v}, {rate, momentum}}, sgd);
}

static void adagrad(const void *task, size_t index)
{
    CHUNK
    num_step_table()->adagrad(n, t->w + i, t->g + i, t->state[0] + i, k[0], k[1]);
}

void num_step_adagrad(size_t n, float *w, const float *g, float *s, float rate, float epsilon)
{
    run(&(StepJob){n, w, g, {s}, {rate, epsilon}}, adagrad);
}

static void rmsprop(const void *task, size_t index)
{
    CHUNK
    num_step_table()->rmsprop(n, t->w + i, t->g + i, t->state[0] + i, k[0], k[1], k[2]);
}

void num_step_rmsprop(size_t n, float *w, const float *g, float *s, float rate, float decay, float epsilon)
{
    run(&(StepJob){n, w, g, {s}, {rate, decay, epsilon}}, rmsprop);
}

static void adam(const void *task, size_t index)
{
    CHUNK
    num_step_table()->adam(n, t->w + i, t->g + i, t->state[0] + i, t->state[1] + i, k[0], k[1], k[2], k[3], k[4]);
}

void num_step_adam(size_t n, float *w, const float *g, float *m, float *s, float rate_t, float beta1, float beta2,
                   float inv_sqrt_c2, float epsilon)
{
    run(&(StepJob){n, w, g, {m, s}, {rate_t, beta1, beta2, inv_sqrt_c2, epsilon}}, adam);
}

static void scale(const void *task, size_t index)
{
    CHUNK
    num_step_table()->scale(n, t->w + i, k[0]);
}

void num_scale(size_t n, float *x, float factor)
{
    run(&(StepJob){.n = n, .w = x, .constant = {factor}}, scale);
}
