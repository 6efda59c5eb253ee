-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/inference_gap.lua: the distance of the ELBO from log p(x), and its two causes (Cremer et al. 2018, arXiv
-- 1801.03558):
--
--   log p(x) - ELBO = [log p(x) - ELBO of the best factorised Gaussian] + [that ELBO - ELBO of the encoder]
--   inference gap   = approximation gap                                 + amortisation gap

local common = require "vae_lab.evaluations.common"
local log_likelihoods = require "vae_lab.evaluations.log_likelihoods"

local whole = common.whole
local inference_gap = {
  prior = "draws",
  version = 3, -- from 3 on: the pooled lower bound where log p(x) is not exact
  nodes = { "z", "elbo", "logw", "loglik", "logjoint", "annealed", "q.mu", "q.logvar" },
  rules = {
    examples = whole(2, 50), samples = whole(1, 5000), steps = whole(1, 500), draws = whole(1, 20),
    rate = { type = "number", above = 0, default = 0.02 }, temperatures = whole(1, 200), chains = whole(2, 20),
    seed = whole(0, 1),
  },
}

-- The codes of gap/log_likelihood_method.
local EXACT, POOLED = 0, 1

-- log p(x) of each example, and how it was found: exact in a plane; else a lower bound by a rule that was fixed before
-- the draws: the pooled estimate of importance sampling and annealing.
local function log_likelihood(model, request, o)
  if model:width "z" <= log_likelihoods.QUADRATURE_DIMENSIONS then return model:quadrature(request):column(1), EXACT end
  local sampled = model:log_weights(common.with(request, { name = "logw", samples = o.samples, chunk = 100 })):column(1)
  return log_likelihoods.pooled(sampled, (log_likelihoods.by_annealing(model, request, o, false))), POOLED
end

--- lab.eval.inference_gap { examples = 50, samples = 5000, steps = 500, draws = 20, rate = 0.02, temperatures = 200,
-- chains = 20, seed = 1 }: means over the first test examples, nats per example, each with its standard error …_se:
--   gap/log_likelihood   exact for z of one or two dimensions (quadrature), else a lower bound in expectation: the
--                        logarithm of the mean of two estimates of p(x), importance sampling with `samples` draws of q
--                        and annealing with `chains` chains.  Both are unbiased, and so is their mean, whichever is better;
--                        the larger one, chosen after the draws, would not be.  At most log 2 below the larger
--   gap/log_likelihood_method   0: exact; 1: that bound
--   gap/elbo             with the encoder's q, over `samples` draws
--   gap/best_elbo        with the best mu and sigma of each example, found by `steps` of Adam from the encoder's
--   gap/amortisation, gap/approximation, gap/inference = their sum.  With method 1 approximation and inference gap are
--                        at least as large as recorded, in expectation
function inference_gap.run(o, model, data, recorder)
  local request = common.request(data, "test", o)
  local function map(name) return model:map(common.with(request, { name = name })) end
  local encoded = { map "q.mu", map "q.logvar" }
  local function elbo_after(steps) -- with the same draws for any number of steps: their noise cancels in the difference
    return model:optimise_local_q(common.with(request, {
      over = { "q.mu", "q.logvar" }, start = encoded, samples = o.draws, steps = steps, rate = o.rate,
      check = o.samples,
    })):column(1)
  end
  local logp, method = log_likelihood(model, request, o)
  local elbo, best = elbo_after(0), elbo_after(o.steps)
  for name, list in pairs {
    log_likelihood = logp, elbo = elbo, best_elbo = best, amortisation = common.difference(best, elbo),
    approximation = common.difference(logp, best), inference = common.difference(logp, elbo),
  } do
    common.record_mean(recorder, "gap/" .. name, list)
  end
  recorder:metric("gap/log_likelihood_method", method)
end

return inference_gap
