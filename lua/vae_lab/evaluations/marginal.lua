-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/marginal.lua: log p(x) without an encoder: the estimator of appendix D on the training and on the test
-- split.
--
-- The chains start at draws of the prior, resampled by their likelihood: the comparison does not depend on whether a model
-- has an encoder, or how good it is, and each mode of p(z|x) gets chains in proportion to its probability.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"
local starts = require "vae_lab.evaluations.starts"

local whole = common.whole
local marginal = {
  prior = "draws",
  version = 3, -- from 3 on: chains start at resampled draws of the prior
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

--- lab.eval.marginal { examples = 100, chains = 10, draws = 20, tries = 100, warm_up = 100, seed = 1 }: log p(x) of the
-- first examples of each split, nats per example, by appendix D of Auto-Encoding Variational Bayes (arXiv 1312.6114):
-- for z of up to five dimensions, and for any model that returns p and a drawn z, with an encoder or without one (Monte
-- Carlo EM).
--   marginal/train, marginal/test    the mean;   …_se   its standard error over the examples
--   marginal/train_ess, …            mean effective sample size of the weights, from 1 to chains · draws; where it is small,
--                                    the fitted Gaussian is a bad approximation of the posterior.  It takes the draws as
--                                    independent
--   marginal/train_ess_chains, …     mean effective sample size of the chains, which knows their autocorrelation
--   marginal/train_unmixed, …        the share of the examples whose chains have stayed apart (R-hat above 1.1), of
--                                    …_unmixed_n
-- (the last two for at least 4 draws of each chain.)
-- For each example `chains` of Hamiltonian Monte Carlo with 10 leapfrog steps give `draws` each, after `warm_up`
-- transitions.  A density is fitted to these (appendix_d.lua), and the estimate is made with as many new draws.  The chains
-- start at `tries` draws of the prior for each of them, resampled by p(x|z).  In expectation the estimate is too high, by
-- about half the relative variance of the mean that it takes the logarithm of (Jensen).  Where the posterior has more modes
-- than there are chains it is wrong: too low where all chains miss the same modes, and far too high, even above 0, where
-- the new draws are in modes in which no chain of the first was.  lab.eval.lower_bound can be too low only.
function marginal.run(o, model, data, recorder)
  for _, split in ipairs { "train", "test" } do
    local request = common.request(data, split, o)
    local function draws(shift)
      local start = starts.resampled(model, request, o.chains, o.chains * o.tries, "marginal/" .. split .. shift, true)
      return (model:hmc(common.with(request, {
        start = start, samples = o.chains, draws = o.draws, warm_up = o.warm_up, ["repeat"] = shift,
      })))
    end
    local found = appendix_d.log_p(model, request, draws(1), draws(2), o.chains)
    common.record_mean(recorder, "marginal/" .. split, found.logp)
    appendix_d.record_mixing(recorder, "marginal/" .. split, found)
    recorder:metric("marginal/" .. split .. "_ess", (common.mean(found.ess)))
  end
end

return marginal
