-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/bars.lua: final numbers of each configuration, a small panel a metric: the mean as a bar with its 95 % interval,
-- every seed a ring.
--
-- Intervals are Student's over the seeds, from the view `summary`.  Where a number has no natural zero (the ELBO) there is
-- no bar.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local bars = {
  about = "final numbers of each configuration with 95 % intervals",
  options = {
    metrics = {
      type = "table",
      default = {
        "latent/hole_fraction", "latent/overlap", "latent/spread", "latent/sigma", "latent/knn_agreement", "sample/validity",
      },
    },
  },
}

local function gather(ctx, list, metric)
  local out, any = {}, false
  for i, c in ipairs(list) do
    local s = records.summary(ctx, c, metric)
    out[i] = { summary = s, values = records.finals(ctx, c, metric) }
    any = any or (s ~= nil and s.mean ~= nil)
  end
  return any and out or nil
end

local function axis_of(rows, m)
  local values = {}
  for _, r in ipairs(rows) do
    for _, v in ipairs(r.values) do values[#values + 1] = v end
    local s = r.summary
    if s and s.mean then
      values[#values + 1] = s.mean
      -- an interval of two or three seeds may reach far beyond anything possible: it does not set the scale alone
      local reach = s.sd and 3 * s.sd or 0
      if s.low then
        values[#values + 1], values[#values + 2] = math.max(s.low, s.mean - reach), math.min(s.high, s.mean + reach)
      end
    end
  end
  if m.positive then values[#values + 1] = 0 end
  if m.share then
    for i, v in ipairs(values) do values[i] = math.max(0, math.min(1, v)) end
  end
  return grid.axis(values, { linear = m.positive, floor = m.positive and 0 or nil, ceiling = m.share and 1 or nil, count = 4 })
end

local function panel(page, name, p, list, labelled)
  local axis, rows, m = p.axis, p.rows, p.m
  local clip = function(v) return math.max(axis.low, math.min(axis.high, axis.map(v))) end
  local tics = {}
  for i, c in ipairs(list) do tics[i] = { i, labelled and c.title or "" } end
  page:addf("set xrange [%.9g:%.9g]; set yrange [%d.6:0.4]", axis.low, axis.high, #list)
  page:addf("set xtics %s offset 0,0.3; set ytics %s scale 0 offset 0.5,0", axis.tics, grid.tics(tics))
  page:add "set grid xtics lc rgb '#CCCCCC' lw 0.6 dt solid; set border 1"
  local parts = {}
  for i, r in ipairs(rows) do
    local colour, s = style.colour(i), r.summary
    if s and s.mean then
      local mean = axis.map(s.mean)
      local low, high = s.low and clip(s.low) or mean, s.high and clip(s.high) or mean
      local file = page:data(name .. "_" .. i, { { mean, i, low, high } })
      if m.positive then
        parts[#parts + 1] = string.format(
          "%s using (0):2:(0):1:($2-0.3):($2+0.3) with boxxyerror fs solid 0.35 noborder lc rgb '%s'", file, colour)
      end
      local mark = s.low and "1:2:3:4 with xerrorbars" or "1:2 with points" -- an interval of no width would look like a sure one
      parts[#parts + 1] = string.format("%s using %s pt %d ps 0.9 lw 2 lc rgb '%s'", file, mark, style.point(i), colour)
    end
    if #r.values > 1 then
      local seeds = {}
      for k, v in ipairs(r.values) do seeds[k] = { axis.map(v), i + 0.18 } end
      parts[#parts + 1] = page:data(name .. "_seeds_" .. i, seeds) .. " using 1:2 with points pt 6 ps 0.5 lw 1 lc rgb '#000000'"
    end
  end
  page:plot(parts)
  page:add "unset grid; set border 3"
end

function bars.draw(ctx, options, name)
  local list, panels, seeds = records.configurations(ctx), {}, 1
  for _, c in ipairs(list) do seeds = math.max(seeds, #c.runs) end
  for _, metric in ipairs(options.metrics) do
    local full = records.metric_name(metric)
    local rows = gather(ctx, list, full)
    if rows then
      local m = style.metric(full)
      panels[#panels + 1] = { rows = rows, m = m, axis = axis_of(rows, m) }
    else
      ctx.note(name .. ": " .. full .. " is not recorded; left out")
    end
  end
  if #panels == 0 then return {} end
  local title = "The configurations in numbers"
  local note = seeds > 1 and "bar or mark: mean over " .. seeds .. " seeds; line: its 95 % interval, cut at the frame; rings: the seeds"
    or "one seed: there is no interval"
  local widest = 0
  for _, c in ipairs(list) do widest = math.max(widest, Page.text_width(c.title, 8)) end
  local columns = widest > 2.5 and 2 or math.min(3, #panels)
  if #panels == 4 then columns = 2 end
  local top = Page.top { title = title, note = note }
  local tall = #list * 0.55 + 0.2
  local left = math.min(widest + 0.3, 6)
  local size = (16 - left - 0.4 - (columns - 1) * 0.7) / columns
  local heads = {}
  for i, p in ipairs(panels) do heads[i] = p.m end
  local g = grid.squares(#panels, 16, {
    left = left, between = 0.7, above = Page.heading_height(heads, size) + 0.1, below = 0.7, top = top,
    ratio = tall / size, columns = columns, largest = 9, right = 0.4,
  })
  local page = Page.new { width = 16, height = top + g.height + Page.foot, title = title, note = note }
  page.source = records.source(ctx)
  for i, p in ipairs(panels) do
    local x, y = g.place(i)
    page:heading(p.m.title, p.m.unit .. (p.axis.kind == "log" and " (log)" or ""), x, y, g.size)
    page:panel { x = x, y = y, w = g.size, h = tall }
    panel(page, "m" .. i, p, list, (i - 1) % g.columns == 0)
  end
  return { page:render(ctx, name) }
end

return bars
