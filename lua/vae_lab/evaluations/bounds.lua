-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/bounds.lua: bounds as functions of the number of draws.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local bounds = {
  nodes = function(o) return o.metrics end,
  rules = {
    metrics = { type = "list", required = true }, draws = { type = "list", default = { 1, 5, 50 } },
    examples = common.whole(0, 0), seed = common.whole(0, 1),
  },
}

function bounds.check(o)
  check.entries("metrics of lab.eval.bounds", o.metrics, { type = "string" })
  check.entries("draws of lab.eval.bounds", o.draws, { type = "integer", min = 1 })
end

--- lab.eval.bounds { metrics = { "iwae" }, draws = { 1, 5, 50 }, examples = 0 (all), seed = 1 }: bounds/NAME_K, the
-- mean over the test examples of the model's tensor NAME (one of its metrics, or another public name) with K draws of z
-- for each example, and bounds/NAME_K_se, its standard error over them; nats per example where the tensor is.  The
-- expected IWAE bound rises with K and stays below log p(x) (Burda et al., theorem 1, arXiv 1509.00519).  A tensor that
-- falls with K, or rises above the estimate of lab.eval.nll, is not that bound.
function bounds.run(o, model, data, recorder)
  for _, k in ipairs(o.draws) do
    local means = model:mean(common.with(common.request(data, "test", o), { names = o.metrics, samples = k }))
    for _, name in ipairs(o.metrics) do
      recorder:metric(string.format("bounds/%s_%d", name, k), means[name].mean)
      recorder:metric(string.format("bounds/%s_%d_se", name, k), means[name].se)
    end
  end
end

return bounds
