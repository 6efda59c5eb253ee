-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/elbo.lua: the ELBO of the trained model with more draws than training's one, and its standard error.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local elbo = {
  nodes = { "elbo" },
  rules = {
    samples = { type = "integer", min = 1, default = 10 }, examples = { type = "integer", min = 0, default = 0 },
    seed = { type = "integer", min = 0, default = 1 },
  },
}

-- No divergence is below zero: beyond five standard errors, and the rounding of float32, its formula is wrong.
local function refuse_negative(split, kl)
  if kl.mean >= -5 * kl.se - 1e-3 then return end
  check.fail {
    what = "the KL that the model returned is below zero over the " .. split .. " examples",
    found = string.format("%.6g nats per example, standard error %.2g", kl.mean, kl.se), expected = "0 or more: it is a divergence",
    hint = "q:kl() is the closed form; a script's own slips where a sign is wrong, or sigma stands for sigma² or log sigma²",
  }
end

--- lab.eval.elbo { samples = 10, examples = 0 (all), seed = 1 }: final/test/elbo, final/test/reconstruction, final/test/kl,
-- and the same under final/train/ for as many training examples: their difference is the generalisation gap.
-- Nats per example, at beta = 1 whatever was trained.  …_se: standard error of the mean over the examples.  A KL below zero is refused.
function elbo.run(o)
  return function(model, data, recorder)
    local names = {}
    for _, name in ipairs { "elbo", "reconstruction", "kl" } do
      if common.has(model, name) then names[#names + 1] = name end
    end
    local count = common.count(data, "test", o.examples)
    for _, split in ipairs { "test", "train" } do
      local means = model:mean {
        names = names, data = data, split = split, first = 1, count = math.min(count, data:count(split)),
        samples = o.samples, seed = o.seed,
      }
      if means.kl then refuse_negative(split, means.kl) end
      for _, name in ipairs(names) do
        recorder:metric("final/" .. split .. "/" .. name, means[name].mean)
        recorder:metric("final/" .. split .. "/" .. name .. "_se", means[name].se)
      end
    end
  end
end

return elbo
