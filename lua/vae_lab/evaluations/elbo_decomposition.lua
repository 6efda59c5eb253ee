-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/elbo_decomposition.lua: where the KL goes: the ELBO taken apart without a rest, with q(z) exact over a whole split.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local elbo_decomposition = {
  nodes = { "q.mu", "q.sigma", "kl", "reconstruction" },
  rules = {
    examples = { type = "integer", min = 0, default = 0 }, draws = { type = "integer", min = 2, default = 5000 },
    samples = { type = "integer", min = 1, default = 10 }, batch = { type = "integer", min = 2, default = 100 },
    seed = { type = "integer", min = 0, default = 1 },
  },
}

-- The terms are those against N(0, I).
function elbo_decomposition.fits(widths)
  if widths["prior.mu"] then
    check.fail {
      what = "lab.eval.elbo_decomposition is about the prior N(0, I)", found = "a model with a prior of its own",
      hint = "leave that evaluation out",
    }
  end
end

local terms = { "kl", "mutual_information", "total_correlation", "dimension_kl", "marginal_kl" }

local function record_split(o, model, data, recorder, split)
  local stats = require "vae_lab.native.stats"
  local ask = { data = data, split = split, first = 1, count = common.count(data, split, o.examples), seed = o.seed }
  local function map(name)
    ask.name = name
    return model:map(ask)
  end
  local a = stats.elbo_decomposition(map "q.mu", map "q.sigma", { draws = o.draws, batch = o.batch, seed = o.seed })
  local function record(name, value) recorder:metric("accounting/" .. split .. "/" .. name, value) end
  for _, term in ipairs(terms) do
    record(term, a[term].mean)
    record(term .. "_se", a[term].sd / math.sqrt(a[term].n))
  end
  record("residual", a.residual)
  record("log_examples", a.log_n)
  record("total_correlation_weighted", a.weighted)
  record("total_correlation_stratified", a.stratified)
  ask.name, ask.names, ask.samples = nil, { "kl", "reconstruction" }, o.samples
  local means = model:mean(ask)
  record("rate", means.kl.mean)
  record("distortion", -means.reconstruction.mean)
end

--- lab.eval.elbo_decomposition { examples = 0 (all), draws = 5000, samples = 10, batch = 100, seed = 1 }: for each split, test and train,
-- accounting/SPLIT/…, in nats per example.  q(z) = 1/N Σ_n q(z|x_n) is that of all N examples, exact by log-sum-exp; means are over
-- `draws` z from the posteriors of examples spread evenly over the split; ..._se is their standard error.
--   kl                   E[log q(z|x) - log p(z)], p = N(0, I): the sum of the next three, and of I and marginal_kl
--   mutual_information   I = E[log q(z|x) - log q(z)], what z tells of x; at most log N; near it I is more than N examples
--                        can show, and what is missing stands under TC
--   total_correlation    TC = E[log q(z) - Σ_j log q_j(z_j)], how far the latent units depend on each other
--   dimension_kl         Σ_j E[log q_j(z_j) - log p(z_j)], how far each one is from the prior
--   marginal_kl          E[log q(z) - log p(z)] = TC + dimension_kl: what the prior's draws miss
--   residual             what the two sums leave over, as a share of the KL where that is above 1: rounding only
--   log_examples         log N
--   rate, distortion     the KL in closed form, and minus the reconstruction, over `samples` draws an example
--                        (Alemi et al., arXiv 1711.00464): ELBO = -(distortion + rate)
--   total_correlation_weighted   what minibatches of `batch` draws make of TC by beta-TCVAE's weights, 1/(N batch): too large, by
--                        (d - 1) log N and more
--   total_correlation_stratified   the same by its stratified weights (the draw's own posterior 1/N, here the others evenly): the
--                        densities are unbiased, their logarithms are not, and it may fall below zero, which TC cannot
-- ELBO surgery: Hoffman & Johnson 2016; the three terms and the minibatches: Chen et al., arXiv 1802.04942.
-- Each split costs N draws (d + 1) exponentials: some 1.3 ns each on one thread.
function elbo_decomposition.run(o)
  return function(model, data, recorder)
    for _, split in ipairs { "test", "train" } do record_split(o, model, data, recorder, split) end
  end
end

return elbo_decomposition
