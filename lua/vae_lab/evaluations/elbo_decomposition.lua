-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/elbo_decomposition.lua: the terms of the KL, with the aggregate posterior q(z) computed over a whole
-- split.

local common = require "vae_lab.evaluations.common"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local elbo_decomposition = {
  prior = "standard",
  nodes = { "q.mu", "q.sigma", "kl", "reconstruction" },
  rules = { examples = whole(0, 0), draws = whole(2, 5000), samples = whole(1, 10), batch = whole(2, 100),
    seed = whole(0, 1) },
}

local terms = { "kl", "mutual_information", "total_correlation", "dimension_kl", "marginal_kl" }

local function record_split(o, model, data, recorder, split)
  local request = common.request(data, split, o)
  local mu, sigma = common.codes(model, request)
  local found = stats.elbo_decomposition(mu, sigma, { draws = o.draws, batch = o.batch, seed = o.seed })
  -- the names in results.db are older than that of the evaluation
  local function record(name, value) recorder:metric("accounting/" .. split .. "/" .. name, value) end
  for _, term in ipairs(terms) do
    record(term, found[term].mean)
    record(term .. "_se", found[term].sd / math.sqrt(found[term].n))
  end
  record("residual", found.residual)
  record("log_examples", found.log_n)
  record("total_correlation_weighted", found.weighted)
  record("total_correlation_stratified", found.stratified)
  local means = model:mean(common.with(request, { names = { "kl", "reconstruction" }, samples = o.samples }))
  record("rate", means.kl.mean)
  record("distortion", -means.reconstruction.mean)
end

--- lab.eval.elbo_decomposition { examples = 0 (all), draws = 5000, samples = 10, batch = 100, seed = 1 }: for the
-- splits test and train the metrics accounting/SPLIT/…, nats per example.  The aggregate posterior q(z) = 1/N Σ_n
-- q(z|x_n) is that of all N examples, computed by log-sum-exp.  Means are over `draws` z from q(z|x) of examples spread
-- evenly over the split; …_se: their standard errors.
--   kl                   E[log q(z|x) - log p(z)], p = N(0, I).  It is I + TC + dimension_kl, and also I + marginal_kl
--   mutual_information   I = E[log q(z|x) - log q(z)], the information about x in z.  It is at most log N; where it is
--                        near log N, N examples are too few to measure it, and the remainder is counted in TC
--   total_correlation    TC = E[log q(z) - Σ_j log q_j(z_j)], the dependence between the latent units
--   dimension_kl         Σ_j E[log q_j(z_j) - log p(z_j)], the distance of each unit from the prior
--   marginal_kl          E[log q(z) - log p(z)] = TC + dimension_kl, the distance of q(z) from the prior
--   residual             what is missing in the two sums, as a share of the KL where the KL is above 1: rounding errors
--   log_examples         log N
--   rate, distortion     the KL in closed form, and minus the reconstruction, over `samples` draws an example
--                        (Alemi et al., arXiv 1711.00464): ELBO = -(distortion + rate)
--   total_correlation_weighted   TC as beta-TCVAE estimates it from minibatches of `batch`, with weights 1/(N batch):
--                                too large, by (d - 1) log N and more
--   total_correlation_stratified   TC with its stratified weights (1/N for the posterior of the draw itself, the rest
--                                  evenly): the densities are unbiased but their logarithms are not; the estimate may
--                                  be below zero, TC cannot
-- Sources: Hoffman & Johnson 2016, ELBO surgery; Chen et al., arXiv 1802.04942 (the three terms, the minibatch
-- estimates).  Cost: N · draws · (d + 1) exponentials a split, about 1.3 ns each on one thread.
function elbo_decomposition.run(o, model, data, recorder)
  for _, split in ipairs { "test", "train" } do record_split(o, model, data, recorder, split) end
end

return elbo_decomposition
