-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/estimates.lua: each estimate of log p(x) less the exact value, with its 95 % interval: how far a bound lies
-- below it, and which estimates are right.  From lab.eval.estimators, for the configurations that have an exact value.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local estimates = { about = "estimates of log p(x) less the exact value", options = {} }

local ways = {
  { "elbo", "ELBO" }, { "iwae_1", "IWAE bound, k = 1" }, { "iwae_5", "IWAE bound, k = 5" },
  { "iwae_50", "IWAE bound, k = 50" }, { "importance", "importance sampling" },
  { "appendix_d", "draws of the posterior" },
  { "ais_forward", "annealing, from the prior" }, { "ais_reverse", "annealing, back to it" },
}

function estimates.remark(_, widths)
  if widths.z == nil or widths.z <= 2 then return nil end
  return string.format("lab.fig.estimates draws differences from quadrature, which needs one or two latent dimensions, "
    .. "and z has %d; lab.fig.bars draws the estimates themselves", widths.z)
end

function estimates.sheets(ctx)
  local panels, values, texts = {}, { 0 }, {}
  for i, way in ipairs(ways) do texts[i] = way[2] end
  for _, c in ipairs(records.configurations(ctx)) do
    local series = { { segments = { { 0, 0.5, 0, #ways + 0.5 } }, colour = style.soft, width = 1.2 } }
    for i, way in ipairs(ways) do
      local bias = records.final(ctx, c.first, "estimate/" .. way[1] .. "_bias")
      local se = records.final(ctx, c.first, "estimate/" .. way[1] .. "_bias_se")
      if bias and se then
        local low, high = bias - 1.96 * se, bias + 1.96 * se
        series[#series + 1] = { spans = { { bias, i, low, high } }, look = style.look(i), size = 0.8 }
        values[#values + 1], values[#values + 2] = low, high
      end
    end
    if #series > 1 then
      panels[#panels + 1] = { title = c.title, y = axes.rows(texts), grid = "x", series = series }
    else
      ctx.note(c.label .. " has no exact log p(x) to compare with; left out")
    end
  end
  for _, p in ipairs(panels) do p.x = axes.fit(values, { linear = true, count = 4 }) end
  return { {
    title = "Estimates of log p(x) less the exact value", panels = panels,
    note = "mean difference from quadrature over the same test examples, nats per example, with its 95 % interval; "
      .. "one run each",
  } }
end

return estimates
