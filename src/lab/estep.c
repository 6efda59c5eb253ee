/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/estep.c: the E step of Monte Carlo EM: a Markov chain for every draw of every training example, which goes on from where it
 * was when its example comes again.  Promise: where the chains are depends on the run's identity alone; a draw allocates nothing.
 */
#include "infer/chains.h"

#include "base/mem.h"
#include "lab/internal.h"

#include <string.h>

/* How much of Robbins and Monro's correction each transition makes, ever: the posteriors narrow as the model learns, and the step
 * sizes must follow.  At 0.5 a chain that moves nowhere has half its step size after three visits of its example. */
#define TUNE 0.5

struct EStep {
    Chains chains;     /* of a minibatch */
    InferHmc moves;
    size_t transitions, samples;
    float *state;      /* z (n, samples, width), then the step sizes (n, samples) */
    float *step;       /* into it */
    size_t count;
};

void estep_free(EStep *e)
{
    if (e == NULL)
        return;
    chains_free(&e->chains);
    mem_free(e->state);
    mem_free(e);
}

EStep *estep_alloc(const LabRun *run, GraphExec *plan, size_t n, Error *err)
{
    const LabMonteCarloEM *p = run->posterior;
    NumShape shape;
    graph_exec_input(plan, "z", &shape);
    size_t chains = n * shape.n[NUM_SAMPLES], width = shape.n[NUM_FEATURES];
    EStep *e = mem_array(1, sizeof *e);
    if (e != NULL) {
        *e = (EStep){.moves = {.leapfrog = p->leapfrog, .step = p->step, .accept = p->accept}, .transitions = p->transitions,
                     .samples = shape.n[NUM_SAMPLES], .count = chains * (width + 1)};
        e->chains = (Chains){.moves = &e->moves, .kick = num_stream_of(run->seed, "posterior/momentum"),
                             .choice = num_stream_of(run->seed, "posterior/choice")};
        e->state = mem_array(e->count, sizeof *e->state);
    }
    if (e == NULL || e->state == NULL) {
        estep_free(e);
        error_memory(err, "the chains of posterior draws");
        return NULL;
    }
    if (chains_alloc(&e->chains, shape.n[NUM_SAMPLES] * shape.n[NUM_BATCH], width, err) != 0) {
        estep_free(e);
        return NULL;
    }
    e->step = e->state + chains * width;
    num_stream_normal(num_stream_of(run->seed, "posterior/start"), 0, 0, chains, width, e->state);
    for (size_t i = 0; i < chains; i++)
        e->step[i] = (float)p->step;
    return e;
}

float *estep_state(EStep *e, size_t *count)
{
    *count = e->count;
    return e->state;
}

/* Chain s * rows + i of the minibatch is draw s of its example i: number example[i] * samples + s of all. */
static void gather(EStep *e, const uint32_t *example, size_t rows)
{
    Chains *c = &e->chains;
    for (size_t k = 0; k < c->count; k++) {
        size_t chain = example[k % rows] * e->samples + k / rows;
        memcpy(c->z + k * c->width, e->state + chain * c->width, c->width * sizeof *c->z);
        c->step[k] = (double)e->step[chain];
    }
}

static void scatter(EStep *e, const uint32_t *example, size_t rows)
{
    const Chains *c = &e->chains;
    for (size_t k = 0; k < c->count; k++) {
        size_t chain = example[k % rows] * e->samples + k / rows;
        memcpy(e->state + chain * c->width, c->z + k * c->width, c->width * sizeof *c->z);
        e->step[chain] = (float)c->step[k];
    }
}

void estep_draw(EStep *e, GraphExec *plan, const uint32_t *example, size_t rows, uint64_t number)
{
    chains_on(&e->chains, plan, "logjoint", NULL);
    gather(e, example, rows);
    e->chains.moved = number * e->transitions;
    for (size_t i = 0; i < e->transitions; i++) {
        chains_move(&e->chains);
        chains_tune(&e->chains, TUNE);
    }
    scatter(e, example, rows);
}
