/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/hmc.c: draws from a trained model's posterior p(z|x) by Hamiltonian Monte Carlo, and HMC's settings.
 */
#include "infer/chain_batches.h"

#include <math.h>
#include <string.h>

const Option infer_hmc_options[INFER_HMC_OPTIONS] = {
    {OPTION(InferHmc, leapfrog), .type = OPTION_SIZE, .least = 1, .most = 100000, .standard = 10,
     .text = "leapfrog steps of a transition (Kingma & Welling, appendix E: 10)"},
    {OPTION(InferHmc, step_size), .type = OPTION_NUMBER, .standard = 0.1,
     .text = "the first step size of every chain; each chain tunes its own"},
    {OPTION(InferHmc, accept), .type = OPTION_NUMBER, .most = 1, .standard = 0.9,
     .text = "acceptance probability that step sizes are tuned to (appendix E: 0.9)"},
    {OPTION(InferHmc, warm_up), .type = OPTION_SIZE, .most = 1e9, .standard = 100,
     .text = "first transitions, which tune the step size and give no draw"},
    {OPTION(InferHmc, thin), .type = OPTION_SIZE, .least = 1, .most = 1e9, .standard = 1,
     .text = "transitions from one kept draw to the next"},
};

/* The draws of the current chunk.  [OUT] z (rows, samples, draws, width) */
static void draw(ChainBatches *cb, size_t draws, float *z, double *accepted)
{
    Chains *c = &cb->chains;
    const InferHmc *hmc = c->hmc;
    size_t rows = cb->batches.rows, samples = cb->batches.samples, total = draws * hmc->thin;
    for (size_t n = 1; n <= hmc->warm_up; n++) {
        chain_batches_transition(cb, 1);
        chains_tune(c, 1 / sqrt((double)n)); /* Robbins and Monro's weights */
    }
    for (size_t n = 1; n <= total; n++) {
        chain_batches_transition(cb, 1);
        chain_batches_add_accepted(cb, 1 / (double)total, accepted);
        if (n % hmc->thin != 0)
            continue;
        for (size_t i = 0; i < c->count; i++) {
            size_t chain = i % rows * samples + i / rows;
            memcpy(z + (chain * draws + n / hmc->thin - 1) * c->width, c->z + i * c->width, c->width * sizeof *z);
        }
    }
}

int infer_hmc(InferModel *m, const InferRequest *request, const InferHmc *hmc, const float *start, size_t draws,
              float *z, double *accepted, Error *err)
{
    ChainBatches cb;
    int status;
    if (chain_batches_start(&cb, m, request, hmc, start, err) != 0)
        return -1;
    memset(accepted, 0, request->count * sizeof *accepted);
    while ((status = chain_batches_next(&cb, err)) > 0) {
        const BatchIterator *b = &cb.batches;
        draw(&cb, draws, z + b->first * b->samples * draws * cb.chains.width, accepted + b->first);
    }
    chain_batches_end(&cb);
    return status;
}
