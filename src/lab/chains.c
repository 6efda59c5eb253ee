/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/chains.c: Markov chains on the latent variables of many examples at once: Hamiltonian Monte Carlo, and annealing with it.
 *
 * All chains of a chunk move together: one leapfrog step is one forward and one backward pass.  Chain c = draw * rows + example
 * lies where the plan has it.
 */
#include "lab/posterior.h"

#include "lab/walk.h"

#include "base/mem.h"
#include "num/map.h"

#include <math.h>
#include <string.h>

static const char *const outputs[] = {"annealed", "loglik", NULL};
static const char *const fed[] = {"z", NULL};

/* The chains of a chunk. */
typedef struct Chains {
    GraphPlan *plan;
    const LabMoves *moves;
    size_t count, width;
    float *z;                /* the plan's own: (count, width) */
    const float *gradient;   /* of minus the mean of `annealed` */
    const float *log_target, *loglik; /* the plan's, (count) */
    float *kept, *momentum;  /* (count, width) */
    double *energy, *at;     /* (count): before the transition; log p(x|z) where a chain is */
    double *step, *accepted; /* (count): the step size, the acceptance probability of the last transition */
    float *random;           /* (count, 2): uniforms */
    NumStream kick, choice;
    uint64_t moved;          /* transitions so far: the noise's address */
} Chains;

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static void chains_free(Chains *c)
{
    mem_free(c->kept);
    mem_free(c->momentum);
    mem_free(c->energy);
    mem_free(c->at);
    mem_free(c->step);
    mem_free(c->accepted);
    mem_free(c->random);
}

static int chains_alloc(Chains *c, size_t count, size_t width, Error *err)
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

/* Points at the plan of the current chunk, whose z's are set by the caller. */
static int chains_at(Chains *c, const Walk *w, Error *err)
{
    c->z = walk_latent(w, &c->width, err);
    if (c->z == NULL)
        return -1;
    c->plan = w->plan;
    c->count = w->samples * w->rows;
    c->gradient = graph_plan_fed_gradient(w->plan, "z", NULL);
    c->log_target = graph_plan_output(w->plan, "annealed", NULL);
    c->loglik = graph_plan_output(w->plan, "loglik", NULL);
    for (size_t i = 0; i < c->count; i++)
        c->step[i] = c->moves->step;
    return 0;
}

/* Copies between (example, draw, width), as callers have it, and (draw, example, width), as the plan does. */
static void put(float *to, const float *from, size_t rows, size_t draws, size_t width)
{
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < rows; i++)
            memcpy(to + (s * rows + i) * width, from + (i * draws + s) * width, width * sizeof *to);
}

/* ---- one transition ------------------------------------------------------------------------------------------------------ */

static void look(Chains *c)
{
    graph_plan_forward(c->plan);
    graph_plan_backward(c->plan);
}

/* momentum += part * step * gradient of the log target: the plan has that of minus the mean over all chains. */
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
        double probability = gain >= 0 ? 1 : gain > -80 ? (double)num_map1_f32(NUM_EXP, (float)gain) : 0;
        c->accepted[i] = probability;
        if ((double)c->random[2 * i] < probability)
            c->at[i] = (double)c->loglik[i];
        else
            memcpy(c->z + i * c->width, c->kept + i * c->width, c->width * sizeof *c->z);
    }
}

/* One transition of every chain at temperature t.  Each makes its leapfrog steps up to a tenth longer or shorter, so that none
 * returns to where it began again and again (Neal 2011). */
static void transition(Chains *c, double t)
{
    graph_plan_scalar(c->plan, "anneal", t);
    num_stream_normal(c->kick, c->moved, 0, c->count, c->width, c->momentum);
    num_stream_uniform(c->choice, c->moved++, 0, c->count, 2, c->random);
    memcpy(c->kept, c->z, c->count * c->width * sizeof *c->kept);
    look(c);
    for (size_t i = 0; i < c->count; i++) {
        c->energy[i] = energy(c, i);
        c->at[i] = (double)c->loglik[i];
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

/* Robbins and Monro: the n-th correction, n from 1. */
static void tune(Chains *c, size_t n)
{
    double weight = 1 / sqrt((double)n);
    for (size_t i = 0; i < c->count; i++)
        c->step[i] *= 1 + weight * 0.5 * (c->accepted[i] - c->moves->accept);
}

/* ---- Hamiltonian Monte Carlo --------------------------------------------------------------------------------------------- */

/* Adds the acceptance of all chains to their examples' means. */
static void add_accepted(const Chains *c, size_t rows, double share, double *accepted)
{
    for (size_t i = 0; i < c->count; i++)
        accepted[i % rows] += share * c->accepted[i] / (double)(c->count / rows);
}

/* The draws of a chunk: [OUT] z (rows, samples, draws, width). */
static void sample(Chains *c, size_t rows, size_t draws, float *z, double *accepted)
{
    size_t samples = c->count / rows, total = draws * c->moves->thin;
    for (size_t n = 1; n <= c->moves->burn; n++) {
        transition(c, 1);
        tune(c, n);
    }
    for (size_t n = 1; n <= total; n++) {
        transition(c, 1);
        add_accepted(c, rows, 1 / (double)total, accepted);
        if (n % c->moves->thin != 0)
            continue;
        for (size_t i = 0; i < c->count; i++) {
            size_t chain = i % rows * samples + i / rows;
            memcpy(z + (chain * draws + n / c->moves->thin - 1) * c->width, c->z + i * c->width, c->width * sizeof *z);
        }
    }
}

static int check_moves(const LabMoves *moves, Error *err)
{
    if (moves->leapfrog >= 1 && moves->thin >= 1 && moves->step > 0 && moves->accept > 0 && moves->accept < 1)
        return 0;
    error_set(err, ERR_RUN, "Markov chains that cannot move");
    error_found(err, "%zu leapfrog steps of %g, every %zu-th kept, acceptance %g", moves->leapfrog, moves->step, moves->thin, moves->accept);
    return error_expected(err, "at least one step, above 0; thin at least 1; acceptance between 0 and 1");
}

/* Starts a walk whose plan has gradients with respect to z, and chains for it. */
static int start(Walk *w, Chains *c, LabModel *m, const LabAsk *ask, const LabMoves *moves, Error *err)
{
    static const char *const stream[] = {"evaluate/momentum", "evaluate/choice"};
    WalkSpec spec = {.outputs = outputs, .fed = fed, .objective = "annealed", .samples = ask->samples};
    *c = (Chains){.moves = moves, .kick = num_stream(ask->seed, stream[0]), .choice = num_stream(ask->seed, stream[1])};
    if (check_moves(moves, err) != 0 || walk_start(w, m, ask, &spec, err) != 0)
        return -1;
    if (chains_alloc(c, w->chunk * w->samples, lab_model_width(m, "z"), err) == 0)
        return 0;
    chains_free(c);
    return -1;
}

int lab_hmc(LabModel *m, const LabAsk *ask, const LabMoves *moves, const float *from, size_t draws, float *z, double *accepted, Error *err)
{
    Walk w;
    Chains c;
    int status = start(&w, &c, m, ask, moves, err);
    if (status != 0)
        return status;
    memset(accepted, 0, ask->count * sizeof *accepted);
    while (status == 0 && walk_next(&w)) {
        if ((status = walk_fill(&w, 0, err)) != 0 || (status = chains_at(&c, &w, err)) != 0)
            break;
        put(c.z, from + w.first * w.samples * c.width, w.rows, w.samples, c.width);
        sample(&c, w.rows, draws, z + w.first * w.samples * draws * c.width, accepted + w.first);
    }
    chains_free(&c);
    walk_end(&w);
    return status;
}

/* ---- annealed importance sampling ---------------------------------------------------------------------------------------- */

/* Temperature i of n: more of them near the prior, where the target changes most. */
static double temperature(size_t i, size_t n)
{
    double r = (double)i / (double)n;
    return r * r;
}

/* One pass over all temperatures.  sizes (n): the step size of each; [OUT] where they are tuned.  logw (count) or NULL. */
static void anneal(Chains *c, size_t n, int reverse, double *sizes, double *logw, double *accepted, size_t rows)
{
    look(c);
    for (size_t i = 0; i < c->count; i++)
        c->at[i] = (double)c->loglik[i];
    for (size_t k = 1; k <= n; k++) {
        double before = temperature(reverse ? n - k + 1 : k - 1, n), now = temperature(reverse ? n - k : k, n), mean = 0;
        for (size_t i = 0; logw != NULL && i < c->count; i++)
            logw[i] += (now - before) * c->at[i];
        for (size_t i = 0; logw != NULL && i < c->count; i++)
            c->step[i] = sizes[k - 1];
        transition(c, now);
        if (logw != NULL) {
            add_accepted(c, rows, 1 / (double)n, accepted);
            continue;
        }
        tune(c, 1);
        for (size_t i = 0; i < c->count; i++)
            mean += c->step[i] / (double)c->count;
        sizes[k - 1] = mean;
    }
}

int lab_ais(LabModel *m, const LabAsk *ask, const LabMoves *moves, const float *from, size_t temperatures, int reverse, double *logw,
            double *accepted, Error *err)
{
    Walk w;
    Chains c;
    if (start(&w, &c, m, ask, moves, err) != 0)
        return -1;
    double *sizes = mem_array(temperatures, sizeof *sizes), *log_weight = mem_array(w.chunk * w.samples, sizeof *log_weight);
    int status = sizes == NULL || log_weight == NULL ? error_memory(err, "annealing") : 0;
    memset(accepted, 0, ask->count * sizeof *accepted);
    while (status == 0 && walk_next(&w)) {
        if ((status = walk_fill(&w, 0, err)) != 0 || (status = chains_at(&c, &w, err)) != 0)
            break;
        memset(log_weight, 0, c.count * sizeof *log_weight);
        for (int pass = 0; pass < 2; pass++) {
            put(c.z, from + w.first * w.samples * c.width, w.rows, w.samples, c.width);
            anneal(&c, temperatures, reverse, sizes, pass == 0 ? NULL : log_weight, accepted + w.first, w.rows);
        }
        for (size_t i = 0; i < c.count; i++)
            logw[(w.first + i % w.rows) * w.samples + i / w.rows] = log_weight[i];
    }
    mem_free(sizes);
    mem_free(log_weight);
    chains_free(&c);
    walk_end(&w);
    return status;
}
