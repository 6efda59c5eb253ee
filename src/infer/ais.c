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

/* A first pass over all temperatures, to tune.  [OUT] step_size (n): the chains' mean step size at each temperature */
static void tune(ChainBatches *cb, size_t n, int reverse, double *step_size)
{
    Chains *c = &cb->chains;
    for (size_t k = 1; k <= n; k++) {
        chain_batches_transition(cb, temperature(reverse ? n - k : k, n));
        chains_tune(c, 1);
        step_size[k - 1] = 0;
        for (size_t i = 0; i < c->count; i++)
            step_size[k - 1] += c->step_size[i] / (double)c->count;
    }
}

/* The second pass, with these step sizes.  [OUT] logw (count) += (t_k - t_{k-1}) log p(x|z_{k-1}) */
static void anneal(ChainBatches *cb, size_t n, int reverse, const double *step_size, double *logw, double *accepted)
{
    Chains *c = &cb->chains;
    chains_evaluate(c);
    for (size_t k = 1; k <= n; k++) {
        double before = temperature(reverse ? n - k + 1 : k - 1, n), now = temperature(reverse ? n - k : k, n);
        for (size_t i = 0; i < c->count; i++) {
            logw[i] += (now - before) * c->tracked_value[i];
            c->step_size[i] = step_size[k - 1];
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
    double *step_size = mem_array(temperatures, sizeof *step_size),
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
