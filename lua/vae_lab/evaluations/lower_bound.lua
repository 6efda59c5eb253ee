-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/lower_bound.lua: log p(x) without an encoder by importance sampling, which errs on the safe side.
--
-- The estimator of appendix D (marginal.lua) needs chains that visit every mode of p(z|x).  Where they do not, it can
-- be far too high: for Monte Carlo EM on 1,000 MNIST images, whose posteriors have many narrow modes, it gave 24 nats
-- above zero, which is impossible for black and white pixels.  This estimate misses modes too, and is then too low.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local starts = require "vae_lab.evaluations.starts"

local DIMENSIONS = 5

local whole = common.whole
local lower_bound = {
  prior = "draws",
  nodes = { "z", "loglik", "logjoint", "annealed" },
  rules = {
    examples = whole(2, 100), scouts = whole(1, 30), tries = whole(1, 1000), passes = whole(1, 4), seed = whole(0, 1),
  },
}

function lower_bound.fits(widths)
  if widths.z <= DIMENSIONS then return end
  check.fail {
    what = "lab.eval.lower_bound finds nothing in this z", found = widths.z .. " dimensions",
    expected = "at most " .. DIMENSIONS .. ": in more, draws of the prior miss the posterior",
    hint = "lab.eval.nll uses the encoder, lab.eval.estimators annealing",
  }
end

--- lab.eval.lower_bound { examples = 100, scouts = 30, tries = 1000, passes = 4, seed = 1 }: log p(x) of the first
-- examples of each split, nats per example, by importance sampling, in expectation a lower bound (Burda et al., arXiv
-- 1509.00519, theorem 1).  For z of up to five dimensions, and for any model that returns p and a drawn z, with an
-- encoder or without one.  Half of the draws, 1,000 a pass, are of the prior, half around the modes of p(z|x) that short
-- chains of `scouts` find from `tries` draws of the prior.
--   lower_bound/train, lower_bound/test   the mean;   …_se   its standard error over the examples
--   lower_bound/train_ess, …   mean effective sample size of the weights, from 1 to 1,000 passes: where it is small, the
--                              bound may lie far below log p(x)
function lower_bound.run(o, model, data, recorder)
  for _, split in ipairs { "train", "test" } do
    local name = "lower_bound/" .. split
    local found = starts.lower_bound(model, common.request(data, split, o), o.scouts, o.tries, o.passes, name)
    common.record_mean(recorder, name, found.logp)
    recorder:metric(name .. "_ess", (common.mean(found.ess)))
  end
end

return lower_bound
