/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/chain_batches.c: attaches Markov chains to each chunk of a request.
 */
#include "infer/chain_batches.h"

#include <string.h>

int chain_batches_start(ChainBatches *cb, InferModel *m, const InferRequest *request, const InferHmc *hmc,
                        const float *start, Error *err)
{
    static const char *const outputs[] = {"annealed", "loglik", NULL}, *const feeds[] = {"z", NULL};
    const BatchSpec spec = {.outputs = outputs, .feeds = feeds, .objective = "annealed", .samples = request->samples};
    cb->start = start;
    cb->chains = (Chains){.hmc = hmc, .momentum_stream = num_stream_of(infer_seed(m, request), "evaluate/momentum"),
                          .choice_stream = num_stream_of(infer_seed(m, request), "evaluate/choice")};
    if (options_check(infer_hmc_options, INFER_HMC_OPTIONS, hmc, "Hamiltonian Monte Carlo", err) != 0 ||
        batches_start(&cb->batches, m, request, &spec, err) != 0)
        return -1;
    if (chains_alloc(&cb->chains, cb->batches.chunk * cb->batches.samples, infer_model_width(m, "z"), err) == 0)
        return 0;
    chain_batches_end(cb);
    return -1;
}

void chain_batches_end(ChainBatches *cb)
{
    chains_free(&cb->chains);
    batches_end(&cb->batches);
}

int chain_batches_next(ChainBatches *cb, Error *err)
{
    Chains *c = &cb->chains;
    size_t width;
    int status = batches_next(&cb->batches, err);
    if (status <= 0)
        return status;
    if (batches_latent(&cb->batches, &width, err) == NULL)
        return -1;
    chains_attach(c, cb->batches.exec, "annealed", "loglik");
    for (size_t i = 0; i < c->count; i++)
        c->step_size[i] = c->hmc->step_size;
    chain_batches_rewind(cb);
    return 1;
}

/* From (example, draw, width), the caller's order, to (draw, example, width), the exec's. */
void chain_batches_rewind(ChainBatches *cb)
{
    const BatchIterator *b = &cb->batches;
    size_t width = cb->chains.width;
    const float *start = cb->start + b->first * b->samples * width;
    for (size_t s = 0; s < b->samples; s++)
        for (size_t i = 0; i < b->rows; i++)
            memcpy(cb->chains.z + (s * b->rows + i) * width, start + (i * b->samples + s) * width,
                   width * sizeof *start);
}

void chain_batches_transition(ChainBatches *cb, double t)
{
    graph_exec_scalar(cb->batches.exec, "anneal", t);
    chains_transition(&cb->chains);
}

void chain_batches_add_accepted(const ChainBatches *cb, double share, double *accepted)
{
    size_t rows = cb->batches.rows;
    for (size_t i = 0; i < cb->chains.count; i++)
        accepted[i % rows] += share * cb->chains.accepted[i] / (double)cb->batches.samples;
}
