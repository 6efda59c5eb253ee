/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/sample.c: draws of a trained model's posterior p(z|x) by Hamiltonian Monte Carlo, and annealing with it.
 */
#include "infer/chains.h"

#include "infer/batches.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static const char *const outputs[] = {"annealed", "loglik", NULL};
static const char *const feeds[] = {"z", NULL};

/* ---- Hamiltonian Monte Carlo --------------------------------------------------------------------------------------------- */

/* One transition of every chain at temperature t. */
static void transition(Chains *c, double t)
{
    graph_exec_scalar(c->exec, "anneal", t);
    chains_move(c);
}

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
        chains_tune(c, 1 / sqrt((double)n)); /* Robbins and Monro's weights */
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

static int check_moves(const InferHmc *moves, Error *err)
{
    if (moves->leapfrog >= 1 && moves->thin >= 1 && moves->step > 0 && moves->accept > 0 && moves->accept < 1)
        return 0;
    error_set(err, ERR_RUN, "Markov chains that cannot move");
    error_found(err, "%zu leapfrog steps of %g, every %zu-th kept, acceptance %g", moves->leapfrog, moves->step, moves->thin, moves->accept);
    return error_expected(err, "at least one step, above 0; thin at least 1; acceptance between 0 and 1");
}

/* Points at the exec of the current chunk, whose z's are set by the caller. */
static int chains_at(Chains *c, const BatchIterator *w, Error *err)
{
    size_t width;
    if (batches_latent(w, &width, err) == NULL)
        return -1;
    chains_on(c, w->exec, "annealed", "loglik");
    for (size_t i = 0; i < c->count; i++)
        c->step[i] = c->moves->step;
    return 0;
}

/* Starts a walk whose exec has gradients with respect to z, and chains for it. */
static int start(BatchIterator *w, Chains *c, InferModel *m, const InferRequest *request, const InferHmc *moves, Error *err)
{
    static const char *const stream[] = {"evaluate/momentum", "evaluate/choice"};
    BatchSpec spec = {.outputs = outputs, .feeds = feeds, .objective = "annealed", .samples = request->samples};
    *c = (Chains){.moves = moves, .kick = num_stream_of(infer_seed(m, request), stream[0]), .choice = num_stream_of(infer_seed(m, request), stream[1])};
    if (check_moves(moves, err) != 0 || batches_start(w, m, request, &spec, err) != 0)
        return -1;
    if (chains_alloc(c, w->chunk * w->samples, infer_model_width(m, "z"), err) == 0)
        return 0;
    chains_free(c);
    return -1;
}

/* Copies between (example, draw, width), as callers have it, and (draw, example, width), as the exec does. */
static void put(float *to, const float *from, size_t rows, size_t draws, size_t width)
{
    for (size_t s = 0; s < draws; s++)
        for (size_t i = 0; i < rows; i++)
            memcpy(to + (s * rows + i) * width, from + (i * draws + s) * width, width * sizeof *to);
}

int infer_hmc(InferModel *m, const InferRequest *request, const InferHmc *moves, const float *from, size_t draws, float *z, double *accepted, Error *err)
{
    BatchIterator w;
    Chains c;
    int status = start(&w, &c, m, request, moves, err);
    if (status != 0)
        return status;
    memset(accepted, 0, request->count * sizeof *accepted);
    while (status == 0 && batches_next(&w)) {
        if ((status = batches_fill(&w, 0, err)) != 0 || (status = chains_at(&c, &w, err)) != 0)
            break;
        put(c.z, from + w.first * w.samples * c.width, w.rows, w.samples, c.width);
        sample(&c, w.rows, draws, z + w.first * w.samples * draws * c.width, accepted + w.first);
    }
    chains_free(&c);
    batches_end(&w);
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
    chains_look(c);
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
        chains_tune(c, 1);
        for (size_t i = 0; i < c->count; i++)
            mean += c->step[i] / (double)c->count;
        sizes[k - 1] = mean;
    }
}

int infer_ais(InferModel *m, const InferRequest *request, const InferHmc *moves, const float *from, size_t temperatures, int reverse, double *logw,
            double *accepted, Error *err)
{
    BatchIterator w;
    Chains c;
    if (start(&w, &c, m, request, moves, err) != 0)
        return -1;
    double *sizes = mem_array(temperatures, sizeof *sizes), *log_weight = mem_array(w.chunk * w.samples, sizeof *log_weight);
    int status = sizes == NULL || log_weight == NULL ? error_memory(err, "annealing") : 0;
    memset(accepted, 0, request->count * sizeof *accepted);
    while (status == 0 && batches_next(&w)) {
        if ((status = batches_fill(&w, 0, err)) != 0 || (status = chains_at(&c, &w, err)) != 0)
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
    batches_end(&w);
    return status;
}
