/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/estep.c: the E step of Monte Carlo EM: a Markov chain for every draw of every training example, which continues
 * whenever its example comes again.  Promise: the chains' states depend on the run's identity alone; a draw allocates
 * nothing.
 */
#include "lab/estep.h"

#include "base/mem.h"
#include "infer/chains.h"

#include <string.h>

/* The weight of Robbins and Monro's correction, the same at every transition: the posteriors narrow as the model
 * learns, and the step sizes must follow.  At 0.5 a chain whose proposals are all rejected has half its step size after
 * three visits of its example. */
#define TUNE 0.5

struct EStep {
    Chains chains;      /* of a minibatch */
    size_t transitions, samples;
    float *state;       /* z (n, samples, width), then the step sizes (n, samples) */
    float *step_size;   /* points into state */
    size_t count;       /* of floats in state */
};

void estep_free(EStep *e)
{
    if (e == NULL)
        return;
    chains_free(&e->chains);
    mem_free(e->state);
    mem_free(e);
}

EStep *estep_alloc(const LabSpec *spec, GraphExec *exec, size_t n, Error *err)
{
    const LabMonteCarloEM *em = spec->monte_carlo_em;
    NumSeed seed = lab_seed(spec, LAB_NOISE);
    NumShape shape;
    graph_exec_input(exec, "z", &shape);
    size_t chains = n * shape.n[NUM_SAMPLES], width = shape.n[NUM_FEATURES];
    EStep *e = mem_array(1, sizeof *e);
    if (e != NULL) {
        *e = (EStep){.transitions = em->transitions, .samples = shape.n[NUM_SAMPLES], .count = chains * (width + 1)};
        /* the streams' names are part of recorded numbers: they stay "posterior/…" */
        e->chains = (Chains){.hmc = &em->hmc, .momentum_stream = num_stream_of(seed, "posterior/momentum"),
                             .choice_stream = num_stream_of(seed, "posterior/choice")};
        e->state = mem_array(e->count, sizeof *e->state);
    }
    if (e == NULL || e->state == NULL) {
        estep_free(e);
        error_memory(err, "the chains of Monte Carlo EM");
        return NULL;
    }
    if (chains_alloc(&e->chains, shape.n[NUM_SAMPLES] * shape.n[NUM_BATCH], width, err) != 0) {
        estep_free(e);
        return NULL;
    }
    e->step_size = e->state + chains * width;
    num_stream_normal(num_stream_of(seed, "posterior/start"), 0, 0, chains, width, e->state);
    for (size_t i = 0; i < chains; i++)
        e->step_size[i] = (float)em->hmc.step_size;
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
        c->step_size[k] = (double)e->step_size[chain];
    }
}

static void scatter(EStep *e, const uint32_t *example, size_t rows)
{
    const Chains *c = &e->chains;
    for (size_t k = 0; k < c->count; k++) {
        size_t chain = example[k % rows] * e->samples + k / rows;
        memcpy(e->state + chain * c->width, c->z + k * c->width, c->width * sizeof *c->z);
        e->step_size[chain] = (float)c->step_size[k];
    }
}

void estep_draw(EStep *e, GraphExec *exec, const uint32_t *example, size_t rows, uint64_t number)
{
    chains_attach(&e->chains, exec, "logjoint", NULL);
    gather(e, example, rows);
    e->chains.transitions = number * e->transitions;
    for (size_t i = 0; i < e->transitions; i++) {
        chains_transition(&e->chains);
        chains_tune(&e->chains, TUNE);
    }
    scatter(e, example, rows);
}
