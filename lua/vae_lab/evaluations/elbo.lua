-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/elbo.lua: the ELBO of the trained model with more draws than in training, and its standard error.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local elbo = {
  nodes = { "elbo" }, rules = { samples = common.whole(1, 10), examples = common.whole(0, 0),
    seed = common.whole(0, 1) },
}

-- A divergence is never negative: a mean below -5 standard errors, and below the rounding of float32, comes from a
-- wrong formula.
local function refuse_negative(split, kl)
  if kl.mean >= -5 * kl.se - 1e-3 then return end
  check.fail {
    what = "the mean KL that the model returns is below zero over the " .. split .. " examples",
    found = string.format("%.6g nats per example, standard error %.2g", kl.mean, kl.se),
    expected = "0 or more: it is a divergence",
    hint = "compare with q:kl(); usual slips are a wrong sign, or sigma in place of sigma² or log sigma²",
  }
end

--- lab.eval.elbo { samples = 10, examples = 0 (all), seed = 1 }: final/test/elbo, final/test/reconstruction,
-- final/test/kl, and the same under final/train/ for as many training examples; the difference of the two is the
-- generalisation gap.  Nats per example, at beta = 1 whatever the training objective.  …_se: standard error over the
-- examples.  A KL below zero is an error.
function elbo.run(o, model, data, recorder)
  local names = {}
  for _, name in ipairs { "elbo", "reconstruction", "kl" } do
    if common.has(model, name) then names[#names + 1] = name end
  end
  local count = common.count(data, "test", o.examples)
  for _, split in ipairs { "test", "train" } do
    local request = common.request(data, split, { examples = count, seed = o.seed })
    local means = model:mean(common.with(request, { names = names, samples = o.samples }))
    if means.kl then refuse_negative(split, means.kl) end
    for _, name in ipairs(names) do
      recorder:metric("final/" .. split .. "/" .. name, means[name].mean, name == "kl" and "log" or nil)
      recorder:metric("final/" .. split .. "/" .. name .. "_se", means[name].se)
    end
  end
end

return elbo
