-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/bars.lua: final numbers of each configuration, one panel per metric: the mean as a bar, its 95 % interval
-- (Student's, over the seeds), and every seed as a ring.  Numbers without a natural zero, as the ELBO, have a mark and
-- no bar.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local bars = {
  about = "final numbers of each configuration with 95 % intervals",
  options = {
    metrics = {
      type = "table",
      default = {
        "latent/hole_fraction", "latent/overlap", "latent/spread", "latent/sigma", "latent/knn_agreement",
        "sample/auc",
      },
    },
  },
}

local function panel_of(ctx, list, metric, titles)
  local m, series, values = style.metric(metric), {}, {}
  for i, c in ipairs(list) do
    local s, finals, look = records.summary(ctx, c, metric), records.finals(ctx, c, metric), style.look(i)
    if s then
      axes.hold(values, s)
      if m.positive then series[#series + 1] = { bars = { { i, 0, s.mean } }, look = look, fill = 0.35 } end
      series[#series + 1] = { spans = { { s.mean, i, s.low, s.high } }, look = look }
    end
    if #finals > 1 then
      local rings = {}
      for k, v in ipairs(finals) do
        rings[k], values[#values + 1] = { v, i + 0.18 }, v
      end
      series[#series + 1] = { points = rings, colour = style.ink, point = 6, size = 0.5 }
    end
  end
  if #series == 0 then return nil end
  if m.positive then values[#values + 1] = 0 end
  return {
    heading = m.title, unit = m.unit, grid = "x", series = series, y = axes.rows(titles),
    x = axes.metric(values, metric, { linear = m.positive, count = 4 }),
  }
end

function bars.sheets(ctx, options)
  local list, panels, titles = records.configurations(ctx), {}, {}
  for i, c in ipairs(list) do titles[i] = c.title end
  for _, metric in ipairs(options.metrics) do
    local full = records.metric_name(metric)
    local panel = panel_of(ctx, list, full, titles)
    panels[#panels + 1] = panel
    if not panel then ctx.note(full .. " is not recorded; left out") end
  end
  local note = records.over_seeds(records.most_seeds(list),
    " (bar or mark), its 95 % interval (line), cut at the frame, and each seed (ring)")
  return { { title = "Final numbers of each configuration", note = note, panels = panels } }
end

return bars
