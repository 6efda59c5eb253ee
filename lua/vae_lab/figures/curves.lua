-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/curves.lua: the bound and its parts over the epochs: test solid, training dashed, bands over the seeds.

local axes = require "vae_lab.figures.common.axes"
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

local TRAIN_DASH = "(10,6)"

-- { step, mean, low, high }, … over the seeds of a configuration; low and high are those of the band.
local function points_of(ctx, c, metric, band)
  local steps, at = {}, {}
  for _, run in ipairs(c.runs) do
    for _, row in ipairs(records.curve(ctx, run, metric)) do
      if not at[row.step] then at[row.step], steps[#steps + 1] = {}, row.step end
      if row.value then table.insert(at[row.step], row.value) end
    end
  end
  table.sort(steps)
  local points = {}
  for i, step in ipairs(steps) do
    local values = at[step]
    local s = #values > 0 and stats.interval(values, 0.95) or { mean = 0 / 0 }
    if #values > 0 and (band == "range" or #values < 2) then
      s.low, s.high = math.min(table.unpack(values)), math.max(table.unpack(values))
    end
    points[i] = { step, s.mean, s.low, s.high }
  end
  return points
end

-- The first epochs may lie far below all others: the axis holds what comes after the first twentieth.
local function hold(values, points, with_band)
  local last = points[#points][1]
  for _, p in ipairs(points) do
    if p[1] > last * 0.05 or #points < 8 then table.move(p, 2, with_band and 4 or 2, #values + 1, values) end
  end
end

local function panel_of(ctx, list, metric, options)
  local bands, lines, values, last = {}, {}, {}, 0
  for i, c in ipairs(list) do
    local look, test = style.look(i), points_of(ctx, c, "test/" .. metric, options.band)
    if #test > 0 then
      hold(values, test, options.band == "range")
      last = math.max(last, test[#test][1])
      local band = {}
      for k, p in ipairs(test) do band[k] = { p[1], p[3], p[4] } end
      bands[#bands + 1] = { band = band, look = look }
      lines[#lines + 1] = { line = test, look = look, dash = "solid", width = 2.4, key = c.title }
      -- marks at a few epochs distinguish the lines without their colour
      local every = math.max(1, #test // 5)
      lines[#lines + 1] = {
        points = test, look = look, size = 0.7, every = every, first = math.min(#test - 1, (i * every) // 5),
        key = c.title,
      }
    end
    local train = options.train and points_of(ctx, c, "train/" .. metric, options.band) or {}
    if #train > 0 then
      hold(values, train)
      last = math.max(last, train[#train][1])
      lines[#lines + 1] = { line = train, look = look, dash = TRAIN_DASH, width = 1.6 }
    end
  end
  local m = style.metric(metric)
  if #lines == 0 then return nil, 0 end
  table.move(lines, 1, #lines, #bands + 1, bands)
  return { heading = m.title, unit = m.unit, grid = "y", series = bands, y = axes.fit(values) }, last
end

function curves.sheets(ctx, options)
  local list, panels, longest = records.configurations(ctx), {}, 2
  local seeds = records.most_seeds(list)
  for _, metric in ipairs(options.metrics) do
    local panel, last = panel_of(ctx, list, metric:match "^test/(.+)" or metric:match "^train/(.+)" or metric, options)
    panels[#panels + 1] = panel
    longest = math.max(longest, last)
    if not panel then ctx.note("no curve of " .. metric .. " is recorded; left out") end
  end
  if #panels == 0 then return {} end
  for _, p in ipairs(panels) do p.x = axes.linear(1, longest, { count = 4, whole = true, title = "epoch" }) end
  local key = { { text = "test", colour = style.ink, dash = "solid" } }
  if options.train then key[2] = { text = "training", colour = style.ink, dash = TRAIN_DASH, width = 1.6 } end
  if seeds > 1 then
    local what = options.band == "range" and "lowest to highest of " or "95 % interval of the mean of "
    key[#key + 1] = { text = what .. seeds .. " seeds", colour = style.soft, fill = 0.25 }
  end
  local title = #panels == 1 and panels[1].heading .. " during training" or "Training: the bound and its parts"
  return { { title = title, key = key, panels = panels } }
end

return curves
