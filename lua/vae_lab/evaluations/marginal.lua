-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/marginal.lua: log p(x) without an encoder: the estimator of appendix D on the training and on the test
-- split.
--
-- The chains start at draws of the prior, so that the comparison does not depend on whether a model has an encoder, or
-- how good it is.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"
local array = require "vae_lab.native.array"

local whole = common.whole
local marginal = {
  prior = "draws",
  nodes = { "z", "loglik", "logjoint", "annealed" },
  rules = {
    examples = whole(2, 100), chains = whole(2, 10), draws = whole(1, 20), tries = whole(1, 100),
    warm_up = whole(1, 100), seed = whole(0, 1),
  },
}

function marginal.fits(widths)
  if widths.z <= appendix_d.DIMENSIONS then return end
  check.fail {
    what = "lab.eval.marginal cannot be trusted for this z", found = widths.z .. " dimensions",
    expected = "at most " .. appendix_d.DIMENSIONS .. ": in more, a fitted Gaussian misses most of the posterior",
    hint = "lab.eval.nll uses the encoder, lab.eval.estimators annealing",
  }
end

-- The start of each chain, (count, chains * d): the one of `tries` draws of the prior with the greatest p(x|z).  A
-- posterior may have several modes: a chain that starts at any draw may stay in a mode with next to no probability.
local function starts(model, request, o)
  local d = model:width "z"
  local out = array.new(request.count, o.chains * d)
  for chain = 1, o.chains do
    local stream = "marginal/" .. request.split .. "/" .. chain
    local drawn = common.prior_draws(model, request.count, o.tries, request.seed, stream, request)
    local loglik = model:map(common.with(request, { name = "loglik", feed = "z", values = drawn, samples = o.tries }))
    for i = 1, request.count do
      local row, best = loglik:row(i), 1
      for t, v in ipairs(row) do
        if v > row[best] then best = t end
      end
      for j = 1, d do out:set(i, (chain - 1) * d + j, drawn:get(i, (best - 1) * d + j)) end
    end
  end
  return out
end

--- lab.eval.marginal { examples = 100, chains = 10, draws = 20, tries = 100, warm_up = 100, seed = 1 }: log p(x) of the
-- first examples of each split, nats per example, by appendix D of Auto-Encoding Variational Bayes (arXiv 1312.6114):
-- for z of up to five dimensions, and for any model that returns p and a drawn z, with an encoder or without one (Monte
-- Carlo EM).
--   marginal/train, marginal/test    the mean;   …_se   its standard error over the examples
--   marginal/train_ess, …            mean effective sample size, from 1 to chains · draws; where it is small, the
--                                    fitted Gaussian is a bad approximation of the posterior
-- For each example `chains` of Hamiltonian Monte Carlo with 10 leapfrog steps give `draws` each, after `warm_up`
-- transitions.  A Gaussian is fitted to these, and the estimate is made with as many new draws.  Each chain starts at
-- the best of `tries` draws of the prior.
function marginal.run(o, model, data, recorder)
  for _, split in ipairs { "train", "test" } do
    local request = common.request(data, split, o)
    local start = starts(model, request, o)
    local function draws(shift)
      return (model:hmc(common.with(request, {
        start = start, samples = o.chains, draws = o.draws, warm_up = o.warm_up, seed = o.seed + shift,
      })))
    end
    local found, sizes = appendix_d.log_p(model, request, draws(1), draws(2))
    common.record_mean(recorder, "marginal/" .. split, found)
    recorder:metric("marginal/" .. split .. "_ess", (common.mean(sizes)))
  end
end

return marginal
