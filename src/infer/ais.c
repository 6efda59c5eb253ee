/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/ais.c: log p(x) by annealed importance sampling, forwards and backwards.
 */
#include "infer/chain_batches.h"

#include "base/mem.h"

#include <string.h>

/* Temperature i of n: more of them near the prior, where the target changes most. */
static double temperature(size_t i, size_t n)
{
    double r = (double)i / (double)n;
    return r * r;
}

/* Chain c = draw * rows + example.  The draws of an example are two groups, even and odd; a single draw is alone in the
 * even one. */
static size_t group_of(const ChainBatches *cb, size_t c)
{
    return c / cb->batches.rows % 2;
}

/* A first pass over all temperatures, to tune.  [OUT] step_size (n, rows, 2): the mean step size at each temperature of
 * an example's chains, by group */
static void tune(ChainBatches *cb, size_t n, int reverse, double *step_size)
{
    Chains *c = &cb->chains;
    size_t rows = cb->batches.rows, odd = cb->batches.samples / 2, size[2] = {cb->batches.samples - odd, odd};
    for (size_t k = 1; k <= n; k++) {
        double *at = step_size + (k - 1) * rows * 2;
        chain_batches_transition(cb, temperature(reverse ? n - k : k, n));
        chains_tune(c, 1);
        memset(at, 0, rows * 2 * sizeof *at);
        for (size_t i = 0; i < c->count; i++)
            at[i % rows * 2 + group_of(cb, i)] += c->step_size[i] / (double)size[group_of(cb, i)];
    }
}

/* The second pass.  Each chain has the step sizes of its example's other group: they depend neither on its own start
 * nor on its own noise, so that its weight is unbiased.  Of a single draw there is no other group: its step size is that
 * of the settings.  [OUT] logw (count) += (t_k - t_{k-1}) log p(x|z_{k-1}) */
static void anneal(ChainBatches *cb, size_t n, int reverse, const double *step_size, double *logw, double *accepted)
{
    Chains *c = &cb->chains;
    size_t rows = cb->batches.rows;
    chains_evaluate(c);
    for (size_t k = 1; k <= n; k++) {
        double before = temperature(reverse ? n - k + 1 : k - 1, n), now = temperature(reverse ? n - k : k, n);
        const double *at = step_size + (k - 1) * rows * 2;
        for (size_t i = 0; i < c->count; i++) {
            logw[i] += (now - before) * c->tracked_value[i];
            c->step_size[i] = cb->batches.samples < 2 ? c->hmc->step_size : at[i % rows * 2 + 1 - group_of(cb, i)];
        }
        chain_batches_transition(cb, now);
        chain_batches_add_accepted(cb, 1 / (double)n, accepted);
    }
}

int infer_ais(InferModel *m, const InferRequest *request, const InferHmc *hmc, const float *start, size_t temperatures,
              int reverse, double *logw, double *accepted, Error *err)
{
    ChainBatches cb;
    if (chain_batches_start(&cb, m, request, hmc, start, err) != 0)
        return -1;
    const BatchIterator *b = &cb.batches;
    double *step_size = mem_array(temperatures * b->chunk * 2, sizeof *step_size),
           *chain_logw = mem_array(b->chunk * b->samples, sizeof *chain_logw);
    int status = step_size == NULL || chain_logw == NULL ? error_memory(err, "annealed importance sampling") : 0;
    memset(accepted, 0, request->count * sizeof *accepted);
    while (status >= 0 && (status = chain_batches_next(&cb, err)) > 0) {
        memset(chain_logw, 0, cb.chains.count * sizeof *chain_logw);
        tune(&cb, temperatures, reverse, step_size);
        chain_batches_rewind(&cb);
        anneal(&cb, temperatures, reverse, step_size, chain_logw, accepted + b->first);
        for (size_t i = 0; i < cb.chains.count; i++)
            logw[(b->first + i % b->rows) * b->samples + i / b->rows] = chain_logw[i];
    }
    mem_free(step_size);
    mem_free(chain_logw);
    chain_batches_end(&cb);
    return status;
}
