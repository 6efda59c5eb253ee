/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chains.c: one transition of Markov chains on the latent variables of many examples at once.
 */
#include "infer/chains.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void chains_free(Chains *c)
{
    mem_free(c->previous);
    mem_free(c->momentum);
    mem_free(c->energy);
    mem_free(c->tracked_value);
    mem_free(c->step_size);
    mem_free(c->accepted);
    mem_free(c->random);
}

int chains_alloc(Chains *c, size_t count, size_t width, Error *err)
{
    c->previous = mem_array(count * width, sizeof *c->previous);
    c->momentum = mem_array(count * width, sizeof *c->momentum);
    c->energy = mem_array(count, sizeof *c->energy);
    c->tracked_value = mem_array(count, sizeof *c->tracked_value);
    c->step_size = mem_array(count, sizeof *c->step_size);
    c->accepted = mem_array(count, sizeof *c->accepted);
    c->random = mem_array(2 * count, sizeof *c->random);
    if (c->previous != NULL && c->momentum != NULL && c->energy != NULL && c->tracked_value != NULL &&
        c->step_size != NULL && c->accepted != NULL && c->random != NULL)
        return 0;
    return error_memory(err, "Markov chains");
}

void chains_attach(Chains *c, GraphExec *exec, const char *target, const char *tracked)
{
    NumShape shape;
    c->exec = exec;
    c->z = graph_exec_input(exec, "z", &shape);
    c->count = shape.n[NUM_SAMPLES] * shape.n[NUM_BATCH];
    c->width = shape.n[NUM_FEATURES];
    c->gradient = graph_exec_feed_gradient(exec, "z", NULL);
    c->log_target = graph_exec_output(exec, target, NULL);
    c->tracked = tracked == NULL ? NULL : graph_exec_output(exec, tracked, NULL);
}

/* ---- one transition ---------------------------------------------------------------------------------------------- */

static void evaluate(Chains *c)
{
    graph_exec_forward(c->exec);
    graph_exec_backward(c->exec);
}

static double tracked_output(const Chains *c, size_t i)
{
    return c->tracked == NULL ? 0 : (double)c->tracked[i];
}

void chains_evaluate(Chains *c)
{
    evaluate(c);
    for (size_t i = 0; i < c->count; i++)
        c->tracked_value[i] = tracked_output(c, i);
}

/* momentum += part * step_size * gradient of each chain's log target.  The exec's gradient is that of minus the mean
 * over all chains. */
static void update_momentum(Chains *c, double part)
{
    for (size_t i = 0; i < c->count; i++) {
        float scale = (float)(-part * c->step_size[i] * (double)c->count);
        for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
            c->momentum[j] += scale * c->gradient[j];
    }
}

/* z += step_size * momentum */
static void update_position(Chains *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
            c->z[j] += (float)c->step_size[i] * c->momentum[j];
}

/* H = -log target + |momentum|^2 / 2 */
static double hamiltonian(const Chains *c, size_t i)
{
    double kinetic = 0;
    for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
        kinetic += (double)c->momentum[j] * (double)c->momentum[j];
    return -(double)c->log_target[i] + kinetic / 2;
}

/* Metropolis: accepts with probability min(1, e^(H before - H after)); an energy that is not finite is rejected. */
static void accept_or_reject(Chains *c)
{
    for (size_t i = 0; i < c->count; i++) {
        double gain = c->energy[i] - hamiltonian(c, i);
        double probability = gain >= 0 ? 1 : gain > -80 ? (double)num_unary1_f32(NUM_EXP, (float)gain) : 0;
        c->accepted[i] = probability;
        if ((double)c->random[2 * i] < probability)
            c->tracked_value[i] = tracked_output(c, i);
        else
            memcpy(c->z + i * c->width, c->previous + i * c->width, c->width * sizeof *c->z);
    }
}

/* The factor of chain i's step size in this transition, 0.9 to 1.1. */
static double jitter(const Chains *c, size_t i)
{
    return 0.9 + 0.2 * (double)c->random[2 * i + 1];
}

void chains_transition(Chains *c)
{
    num_stream_normal(c->momentum_stream, c->transitions, 0, c->count, c->width, c->momentum);
    num_stream_uniform(c->choice_stream, c->transitions++, 0, c->count, 2, c->random);
    memcpy(c->previous, c->z, c->count * c->width * sizeof *c->previous);
    chains_evaluate(c);
    for (size_t i = 0; i < c->count; i++) {
        c->energy[i] = hamiltonian(c, i);
        c->step_size[i] *= jitter(c, i);
    }
    update_momentum(c, 0.5);
    for (size_t l = 1; l <= c->hmc->leapfrog; l++) {
        update_position(c);
        evaluate(c);
        update_momentum(c, l < c->hmc->leapfrog ? 1 : 0.5);
    }
    for (size_t i = 0; i < c->count; i++)
        c->step_size[i] /= jitter(c, i);
    accept_or_reject(c);
}

void chains_tune(Chains *c, double weight)
{
    for (size_t i = 0; i < c->count; i++)
        c->step_size[i] *= 1 + weight * 0.5 * (c->accepted[i] - c->hmc->accept);
}
