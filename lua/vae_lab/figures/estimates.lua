-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/estimates.lua: every way to log p(x) beside the exact value: where a bound lies below it, what is right, and how sure
-- that is.  What lab.eval.estimators recorded, of the configurations that have an exact value.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local estimates = { about = "estimates of log p(x) beside the exact value", options = {} }

local ways = {
  { "elbo", "ELBO" }, { "iwae_1", "IWAE bound, k = 1" }, { "iwae_5", "IWAE bound, k = 5" }, { "iwae_50", "IWAE bound, k = 50" },
  { "importance", "importance sampling" }, { "appendix_d", "draws of the posterior" },
  { "ais_forward", "annealing, from the prior" }, { "ais_reverse", "annealing, back to it" },
}

-- → { { name, bias, se }, … } of one configuration's first run; nil where there is no exact value.
local function read(ctx, c)
  local rows = {}
  for i, way in ipairs(ways) do
    local function last(ending)
      local row = ctx.db:query("SELECT value FROM last_values WHERE run = ?1 AND metric = ?2", c.first.id,
        "estimate/" .. way[1] .. ending)[1]
      return row and row.value
    end
    local bias, se = last "_bias", last "_bias_se"
    if bias and se then rows[#rows + 1] = { place = i, bias = bias, se = se } end
  end
  return #rows > 0 and rows or nil
end

local function panel(page, name, rows, axis, labelled)
  local tics = {}
  for i, way in ipairs(ways) do tics[i] = { i, labelled and way[2] or "" } end
  page:addf("set xrange [%.9g:%.9g]; set yrange [%d.6:0.4]", axis.low, axis.high, #ways)
  page:addf("set xtics %s offset 0,0.3; set ytics %s scale 0 offset 0.5,0", axis.tics, grid.tics(tics))
  page:add "set grid xtics lc rgb '#CCCCCC' lw 0.6 dt solid; set border 1"
  page:addf("set arrow from 0,graph 0 to 0,graph 1 nohead front lw 1.2 lc rgb '%s'", style.soft)
  local parts = {}
  for _, r in ipairs(rows) do
    local file = page:data(name .. "_" .. r.place, { { r.bias, r.place, r.bias - 1.96 * r.se, r.bias + 1.96 * r.se } })
    parts[#parts + 1] = string.format("%s using 1:2:3:4 with xerrorbars pt %d ps 0.8 lw 2 lc rgb '%s'", file, style.point(r.place),
      style.colour(r.place))
  end
  page:plot(parts)
  page:add "unset grid; set border 3"
end

function estimates.remark(_, widths)
  if widths.z == nil or widths.z <= 2 then return nil end
  return string.format("lab.fig.estimates draws differences from quadrature, which is for one or two latent dimensions, and z has %d; "
    .. "lab.fig.bars draws the estimates themselves", widths.z)
end

function estimates.draw(ctx, _, name)
  local panels, low, high = {}, 0, 0
  for _, c in ipairs(records.configurations(ctx)) do
    local rows = read(ctx, c)
    if rows then
      panels[#panels + 1] = { c = c, rows = rows }
      for _, r in ipairs(rows) do low, high = math.min(low, r.bias - 2 * r.se), math.max(high, r.bias + 2 * r.se) end
    else
      ctx.note(name .. ": " .. c.label .. " has no exact log p(x) to compare with; left out")
    end
  end
  if #panels == 0 then return {} end
  local axis = grid.axis({ low, high }, { linear = true, count = 4 })
  local title, note = "Estimates of log p(x) beside the exact value",
    "mark: mean difference over the same test examples, nats per example; line: its 95 % interval; 0: quadrature.  One run each"
  local left, tall, top = 4.4, #ways * 0.5 + 0.2, Page.top { title = title, note = note }
  local width = math.min(7, (16 - left - 0.4 - (#panels - 1) * 0.7) / #panels)
  local page = Page.new { width = 16, height = top + 0.55 + tall + 0.7 + Page.foot, title = title, note = note }
  page.source = records.source(ctx)
  for i, p in ipairs(panels) do
    page:panel { x = left + (i - 1) * (width + 0.7), y = top + 0.55, w = width, h = tall, title = p.c.title }
    panel(page, "p" .. i, p.rows, axis, i == 1)
  end
  return { page:render(ctx, name) }
end

return estimates
