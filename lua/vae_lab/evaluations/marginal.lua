-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/marginal.lua: log p(x) without an encoder: appendix D's estimator on the training and on the test split.
--
-- The chains begin at draws of the prior, so that models are compared alike, whether they have an encoder and however good it is.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"

local marginal = {
  nodes = { "z", "loglik", "logjoint", "annealed" },
  rules = {
    examples = { type = "integer", min = 2, default = 100 }, chains = { type = "integer", min = 2, default = 10 },
    draws = { type = "integer", min = 1, default = 20 }, tries = { type = "integer", min = 1, default = 100 },
    warm_up = { type = "integer", min = 1, default = 100 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

function marginal.fits(widths)
  if widths.z <= appendix_d.DIMENSIONS then return end
  check.fail {
    what = "lab.eval.marginal cannot be trusted for this z", found = widths.z .. " dimensions",
    expected = "at most " .. appendix_d.DIMENSIONS .. ": the Gaussian fitted to its posterior would miss most of it",
    hint = "lab.eval.nll asks the encoder; lab.eval.estimators anneals",
  }
end

-- Where each chain begins, (count, chains * d): of `tries` draws of N(0, I) the one with the greatest p(x|z).  A posterior may have
-- several modes: a chain that begins at any draw may stay in one that has next to none of the mass.
local function starts(model, ask, o)
  local stats, array = require "vae_lab.native.stats", require "vae_lab.native.array"
  local d, out = model:width "z", array.new(ask.count, o.chains * model:width "z")
  for chain = 1, o.chains do
    local drawn = stats.normal(ask.count, o.tries * d, ask.seed, "marginal/" .. ask.split .. "/" .. chain)
    local loglik = model:map(common.with(ask, { name = "loglik", feed = "z", values = drawn, samples = o.tries }))
    for i = 1, ask.count do
      local row, best = loglik:row(i), 1
      for t, v in ipairs(row) do
        if v > row[best] then best = t end
      end
      for j = 1, d do out:set(i, (chain - 1) * d + j, drawn:get(i, (best - 1) * d + j)) end
    end
  end
  return out
end

--- lab.eval.marginal { examples = 100, chains = 10, draws = 20, tries = 100, warm_up = 100, seed = 1 }: log p(x) of the first examples of
-- each split, nats per example, by appendix D of Auto-Encoding Variational Bayes (arXiv 1312.6114): for z of up to five dimensions, and
-- for any model that returns p and a drawn z, with an encoder or without one (Monte Carlo EM).
--   marginal/train, marginal/test    the mean;   …_se   its standard error over the examples
--   marginal/train_ess, …            mean effective sample size, from 1 to chains · draws: where it is small the fitted Gaussian is no
--                                    likeness of the posterior
-- For each example `chains` of Hamiltonian Monte Carlo with 10 leapfrog steps give `draws` each, after `warm_up` transitions; q(z) is fitted
-- to these and as many new ones are put into the estimate.  Each chain begins at the best of `tries` draws of N(0, I).
function marginal.run(o)
  return function(model, data, recorder)
    for _, split in ipairs { "train", "test" } do
      local ask = { data = data, split = split, first = 1, count = common.count(data, split, o.examples), seed = o.seed }
      local start = starts(model, ask, o)
      local function draws(shift)
        return (model:hmc(common.with(ask, {
          start = start, samples = o.chains, draws = o.draws, warm_up = o.warm_up, seed = o.seed + shift,
        })))
      end
      local found, sizes = appendix_d.log_p(model, ask, draws(1), draws(2))
      local mean, se = common.mean(found)
      recorder:metric("marginal/" .. split, mean)
      recorder:metric("marginal/" .. split .. "_se", se)
      recorder:metric("marginal/" .. split .. "_ess", (common.mean(sizes)))
    end
  end
end

return marginal
