-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/curves.lua: how training went: the bound and its parts over the epochs, test solid, training dashed, with bands
-- over the seeds.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local curves = {
  about = "the bound and its parts over the epochs",
  options = {
    metrics = { type = "table", default = { "elbo", "reconstruction", "kl" } },
    band = { type = "string", default = "range", one_of = { "range", "interval" } },
    train = { type = "boolean", default = true },
  },
}

-- step → values over the seeds, of one configuration.
local function collect(ctx, c, metric)
  local steps, at = {}, {}
  for _, run in ipairs(c.runs) do
    local rows = ctx.db:query("SELECT step, value FROM curves WHERE run = ?1 AND experiment = ?2 AND metric = ?3 ORDER BY step",
      run.id, ctx.experiment, metric)
    for _, row in ipairs(rows) do
      if not at[row.step] then
        at[row.step] = {}
        steps[#steps + 1] = row.step
      end
      if row.value then table.insert(at[row.step], row.value) end
    end
  end
  table.sort(steps)
  local out = {}
  for i, step in ipairs(steps) do
    local values = at[step]
    local sum, low, high = 0, math.huge, -math.huge
    for _, v in ipairs(values) do sum, low, high = sum + v, math.min(low, v), math.max(high, v) end
    out[i] = { step = step, mean = #values > 0 and sum / #values or 0 / 0, low = low, high = high, values = values }
  end
  return out
end

local function bounds(point, band)
  if band == "range" or #point.values < 2 then return point.low, point.high end
  local interval = stats.interval(point.values, 0.95)
  return interval.low, interval.high
end

-- All that a panel shows: { configuration index, split, points }.
local function series_of(ctx, list, metric, options)
  local out = {}
  for i, c in ipairs(list) do
    for _, split in ipairs(options.train and { "test", "train" } or { "test" }) do
      local points = collect(ctx, c, split .. "/" .. metric)
      if #points > 0 then out[#out + 1] = { i = i, split = split, points = points } end
    end
  end
  return out
end

-- The first epochs may be far below all others; what a reader compares is what comes after a tenth of the training.
local function axis_of(series, options)
  local values = {}
  for _, s in ipairs(series) do
    local last = s.points[#s.points].step
    for _, p in ipairs(s.points) do
      if p.step > last * 0.05 or #s.points < 8 then
        values[#values + 1] = p.mean
        if s.split == "test" and options.band == "range" then
          values[#values + 1], values[#values + 2] = p.low, p.high
        end
      end
    end
  end
  return grid.axis(values)
end

local function panel(page, name, p, options, longest)
  local axis, series = p.axis, p.series
  page:addf("set xrange [%g:%g]; set yrange [%.9g:%.9g]", longest > 1 and 1 or 0, math.max(longest, 2), axis.low, axis.high)
  page:addf("set format x '%%.0f'; set xtics %d offset 0,0.3; set ytics %s offset 0.5,0", math.max(1, grid.step(longest, 4)), axis.tics)
  page:add "set grid ytics lc rgb '#CCCCCC' lw 0.6 dt solid; set xlabel 'epoch' offset 0,0.7 font ',8'"
  local bands, lines = {}, {}
  for k, s in ipairs(series) do
    local rows = {}
    for i, point in ipairs(s.points) do
      local low, high = bounds(point, options.band)
      -- a band that leaves a logarithmic axis ends at its edge
      local from, to = axis.map(low), axis.map(high)
      if from ~= from then from = axis.low end
      rows[i] = { point.step, axis.map(point.mean), from, to, n = 4 }
    end
    local file = page:data(name .. "_" .. k, rows)
    local colour = style.colour(s.i)
    if s.split == "test" then
      bands[#bands + 1] = string.format("%s using 1:3:4 with filledcurves fs transparent solid 0.2 noborder fc rgb '%s'",
        file, colour)
      lines[#lines + 1] = string.format("%s using 1:2 with lines lw 2.4 dt solid lc rgb '%s'", file, colour)
      -- shapes at a few epochs tell the lines apart without their colour
      local every = math.max(1, #s.points // 5)
      local first = math.min(#s.points - 1, (s.i * every) // 5)
      lines[#lines + 1] = string.format("%s using 1:2 every %d::%d with points pt %d ps 0.7 lc rgb '%s'",
        file, every, first, style.point(s.i), colour)
    else
      lines[#lines + 1] = string.format("%s using 1:2 with lines lw 1.6 dt (10,6) lc rgb '%s'", file, colour)
    end
  end
  table.move(lines, 1, #lines, #bands + 1, bands)
  page:plot(bands)
  page:add "unset grid; unset xlabel"
end

local function key(list, options, seeds)
  local entries = {}
  for i, c in ipairs(list) do
    entries[#entries + 1] = { text = c.title, colour = style.colour(i), dash = "solid", point = style.point(i), ps = 0.7 }
  end
  entries[#entries + 1] = { text = "test", colour = style.ink, dash = "solid" }
  if options.train then entries[#entries + 1] = { text = "training", colour = style.ink, dash = "(10,6)", lw = 1.6 } end
  if seeds > 1 then
    local words = options.band == "range" and "lowest to highest of " or "95 % interval of the mean of "
    entries[#entries + 1] = { text = words .. seeds .. " seeds", colour = style.soft, fill = 0.25 }
  end
  return entries
end

function curves.draw(ctx, options, name)
  local list = records.configurations(ctx)
  local panels, longest, seeds = {}, 1, 1
  for _, c in ipairs(list) do seeds = math.max(seeds, #c.runs) end
  for _, metric in ipairs(options.metrics) do
    local plain = metric:gsub("^t[erainst]+/", "")
    local series = series_of(ctx, list, plain, options)
    if #series > 0 then
      panels[#panels + 1] = { metric = plain, series = series, axis = axis_of(series, options) }
      for _, s in ipairs(series) do longest = math.max(longest, s.points[#s.points].step) end
    else
      ctx.note(name .. ": no curve of " .. metric .. " is recorded; left out")
    end
  end
  if #panels == 0 then return {} end
  local title = #panels == 1 and style.metric(panels[1].metric).title .. " during training" or "Training: the bound and its parts"
  local top = Page.top { title = title }
  local alone = #panels == 1
  local g = grid.squares(#panels, 16, {
    left = 1.35, between = 1.45, above = 1.0, below = 1.0, top = top,
    ratio = alone and 0.5 or 1.1, largest = alone and 14 or 6, columns = math.min(#panels, 3),
  })
  local entries = key(list, options, seeds)
  local page = Page.new { width = 16, height = top + g.height + Page.key_height(entries, 0.5) + Page.foot, title = title }
  page.source = records.source(ctx)
  page:key(entries, 0.5, top + g.height)
  for i, p in ipairs(panels) do
    local x, y = g.place(i)
    local m = style.metric(p.metric)
    page:panel { x = x, y = y, w = g.size, h = g.tall }
    page:heading(m.title, m.unit .. (p.axis.kind == "log" and " (log)" or ""), x, y, g.size)
    panel(page, "c" .. i, p, options, longest)
  end
  return { page:render(ctx, name) }
end

return curves
