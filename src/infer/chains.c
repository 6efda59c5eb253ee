/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chains.c: one transition of Markov chains on the latent variables of many examples at once.
 */
#include "infer/chains.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <string.h>

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

void chains_free(Chains *c)
{
    mem_free(c->kept);
    mem_free(c->momentum);
    mem_free(c->energy);
    mem_free(c->at);
    mem_free(c->step);
    mem_free(c->accepted);
    mem_free(c->random);
}

int chains_alloc(Chains *c, size_t count, size_t width, Error *err)
{
    c->kept = mem_array(count * width, sizeof *c->kept);
    c->momentum = mem_array(count * width, sizeof *c->momentum);
    c->energy = mem_array(count, sizeof *c->energy);
    c->at = mem_array(count, sizeof *c->at);
    c->step = mem_array(count, sizeof *c->step);
    c->accepted = mem_array(count, sizeof *c->accepted);
    c->random = mem_array(2 * count, sizeof *c->random);
    if (c->kept != NULL && c->momentum != NULL && c->energy != NULL && c->at != NULL && c->step != NULL && c->accepted != NULL && c->random != NULL)
        return 0;
    return error_memory(err, "Markov chains");
}

void chains_on(Chains *c, GraphExec *exec, const char *target, const char *followed)
{
    NumShape shape;
    c->exec = exec;
    c->z = graph_exec_input(exec, "z", &shape);
    c->count = shape.n[NUM_SAMPLES] * shape.n[NUM_BATCH];
    c->width = shape.n[NUM_FEATURES];
    c->gradient = graph_exec_feed_gradient(exec, "z", NULL);
    c->log_target = graph_exec_output(exec, target, NULL);
    c->followed = followed == NULL ? NULL : graph_exec_output(exec, followed, NULL);
}

/* ---- one transition ------------------------------------------------------------------------------------------------------ */

static void look(Chains *c)
{
    graph_exec_forward(c->exec);
    graph_exec_backward(c->exec);
}

/* What is followed, where chain i is now. */
static double here(const Chains *c, size_t i)
{
    return c->followed == NULL ? 0 : (double)c->followed[i];
}

void chains_look(Chains *c)
{
    look(c);
    for (size_t i = 0; i < c->count; i++)
        c->at[i] = here(c, i);
}

/* momentum += part * step * gradient of the log target: the exec has that of minus the mean over all chains. */
static void kick(Chains *c, double part)
{
    for (size_t i = 0; i < c->count; i++) {
        float scale = (float)(-part * c->step[i] * (double)c->count);
        for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
            c->momentum[j] += scale * c->gradient[j];
    }
}

static void drift(Chains *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
            c->z[j] += (float)c->step[i] * c->momentum[j];
}

/* H = -log target + |momentum|^2 / 2 */
static double energy(const Chains *c, size_t i)
{
    double kinetic = 0;
    for (size_t j = i * c->width; j < (i + 1) * c->width; j++)
        kinetic += (double)c->momentum[j] * (double)c->momentum[j];
    return -(double)c->log_target[i] + kinetic / 2;
}

/* Metropolis' choice; what is not finite is refused. */
static void choose(Chains *c)
{
    for (size_t i = 0; i < c->count; i++) {
        double gain = c->energy[i] - energy(c, i);
        double probability = gain >= 0 ? 1 : gain > -80 ? (double)num_unary1_f32(NUM_EXP, (float)gain) : 0;
        c->accepted[i] = probability;
        if ((double)c->random[2 * i] < probability)
            c->at[i] = here(c, i);
        else
            memcpy(c->z + i * c->width, c->kept + i * c->width, c->width * sizeof *c->z);
    }
}

void chains_move(Chains *c)
{
    num_stream_normal(c->kick, c->moved, 0, c->count, c->width, c->momentum);
    num_stream_uniform(c->choice, c->moved++, 0, c->count, 2, c->random);
    memcpy(c->kept, c->z, c->count * c->width * sizeof *c->kept);
    chains_look(c);
    for (size_t i = 0; i < c->count; i++) {
        c->energy[i] = energy(c, i);
        c->step[i] *= 0.9 + 0.2 * (double)c->random[2 * i + 1];
    }
    kick(c, 0.5);
    for (size_t l = 1; l <= c->moves->leapfrog; l++) {
        drift(c);
        look(c);
        kick(c, l < c->moves->leapfrog ? 1 : 0.5);
    }
    for (size_t i = 0; i < c->count; i++)
        c->step[i] /= 0.9 + 0.2 * (double)c->random[2 * i + 1];
    choose(c);
}

void chains_tune(Chains *c, double weight)
{
    for (size_t i = 0; i < c->count; i++)
        c->step[i] *= 1 + weight * 0.5 * (c->accepted[i] - c->moves->accept);
}
