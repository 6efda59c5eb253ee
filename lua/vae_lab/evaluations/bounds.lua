-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/bounds.lua: numbers that depend on how many draws they are made of, against that number.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local bounds = {
  nodes = function(o) return o.metrics end,
  rules = {
    metrics = { type = "list", required = true }, draws = { type = "list", default = { 1, 5, 50 } },
    examples = { type = "integer", min = 0, default = 0 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

function bounds.check(o)
  for i, name in ipairs(o.metrics) do check.value("entry " .. i .. " of lab.eval.bounds' metrics", name, { type = "string" }) end
  for i, k in ipairs(o.draws) do check.value("entry " .. i .. " of lab.eval.bounds' draws", k, { type = "integer", min = 1 }) end
end

--- lab.eval.bounds { metrics = { "iwae" }, draws = { 1, 5, 50 }, examples = 0 (all), seed = 1 }: bounds/NAME_K, the mean over the test
-- examples of the model's tensor NAME (a metric that it returned, or another public name) when z is drawn K times for each, and
-- bounds/NAME_K_se, its standard error over them; nats per example where the tensor is.
-- The expected IWAE bound rises with K and stays below log p(x) (Burda et al., theorem 1, arXiv 1509.00519); what falls, or rises above
-- lab.eval.nll's estimate, is not that bound.
function bounds.run(o)
  return function(model, data, recorder)
    for _, k in ipairs(o.draws) do
      local means = model:mean {
        names = o.metrics, data = data, split = "test", first = 1, count = common.count(data, "test", o.examples), samples = k, seed = o.seed,
      }
      for _, name in ipairs(o.metrics) do
        recorder:metric(string.format("bounds/%s_%d", name, k), means[name].mean)
        recorder:metric(string.format("bounds/%s_%d_se", name, k), means[name].se)
      end
    end
  end
end

return bounds
