-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/repeats.lua: the test metrics again: on parts of the test images, and with other seeds of the evaluation.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local repeats = {
  nodes = function(o) return o.metrics end,
  rules = {
    metrics = { type = "list", default = { "elbo" } }, parts = common.whole(2, 10), seeds = common.whole(2, 4),
    samples = common.whole(1, 10), seed = common.whole(0, 1),
  },
}

function repeats.check(o) check.entries("metrics of lab.eval.repeats", o.metrics, { type = "string" }) end

local function record(recorder, means, metrics, ending)
  for _, name in ipairs(metrics) do recorder:metric("repeat/" .. name .. ending, means[name].mean) end
end

--- lab.eval.repeats { metrics = { "elbo" }, parts = 10, seeds = 4, samples = 10, seed = 1 }, for the variance that is
-- due to the test images and to the evaluation:
--   repeat/NAME_part_1 …   the mean of the model's tensor NAME over the first, second … tenth of the test images
--   repeat/NAME_seed_1 …   its mean over all test images, with the first, second … seed of the evaluation's draws of z
--                          and of its binarisation
function repeats.run(o, model, data, recorder)
  local count = data:count "test"
  for part = 1, o.parts do
    local first = (part - 1) * count // o.parts + 1
    local means = model:mean {
      data = data, split = "test", first = first, count = part * count // o.parts - first + 1,
      seed = o.seed + o.seeds + part, -- with the seed of another part it would have the same draws of z
      names = o.metrics, samples = o.samples,
    }
    record(recorder, means, o.metrics, "_part_" .. part)
  end
  for seed = 1, o.seeds do
    local request = common.request(data, "test", { examples = 0, seed = o.seed + seed })
    local means = model:mean(common.with(request, { names = o.metrics, samples = o.samples }))
    record(recorder, means, o.metrics, "_seed_" .. seed)
  end
end

return repeats
