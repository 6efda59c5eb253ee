-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/court.lua: estimators of log p(x) against a setting of the sweep: their bias, the share of their own intervals
-- that contain the truth, the share that is wrong by more than half a nat.  What lab.eval.court recorded; one row of
-- panels for each combination of the other settings.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local court = {
  about = "estimators of log p(x) against a swept setting: bias, coverage, failures",
  options = { x = { type = "string", default = "beta" } },
}

local estimators = {
  { "iwae_1", "ELBO" }, { "iwae_50", "IWAE bound, k = 50" }, { "importance", "importance sampling" },
  { "appendix_d", "draws of the posterior" }, { "ais_forward", "annealing, from the prior" },
  { "ais_reverse", "annealing, back to it" }, { "larger", "the larger lower bound" },
}

local LINEAR = 0.1 -- nats: the bias axis is linear near 0 and logarithmic beyond

-- asinh(v / LINEAR), to the same distance on both sides of 0.
local function bias_axis(values)
  local function map(v)
    local u = math.abs(v) / LINEAR
    return (v < 0 and -1 or 1) * math.log(u + math.sqrt(u * u + 1))
  end
  local low, high, tics = -0.2, 0.2, {}
  for _, v in ipairs(values) do low, high = math.min(low, v), math.max(high, v) end
  for _, v in ipairs { -1000, -100, -10, -1, -0.1, 0, 0.1, 1, 10 } do
    if v >= low and v <= high then tics[#tics + 1] = { map(v), style.number(v) } end
  end
  return { low = map(low) - 0.3, high = map(high) + 0.3, tics = tics, map = map }
end

local function share_axis() return axes.linear(-0.04, 1.04, {}) end

local columns = {
  { what = "bias", title = "bias", unit = "nats", axis = bias_axis, mark = 0 },
  { what = "covered", title = "coverage", unit = "of its 95 % intervals", axis = share_axis, mark = 0.95 },
  { what = "failed", title = "failures", unit = "off by more than 0.5 nat", axis = share_axis, mark = 0 },
}

local function rows_of(ctx, group, metric, x, values)
  local rows = {}
  for _, point in ipairs(group.points) do
    local s = records.summary(ctx, point.c, metric)
    if s then
      rows[#rows + 1] = { point.x, s.mean }
      values[#values + 1] = s.mean
    end
  end
  table.sort(rows, function(a, b) return x.map(a[1]) < x.map(b[1]) end)
  return rows
end

local function panel_of(ctx, group, column, x, xs, values, with_key)
  local mark = { { xs[1], column.mark }, { xs[#xs], column.mark } }
  local p = {
    heading = group.title ~= "" and group.title .. ": " .. column.title or column.title, unit = column.unit, x = x,
    grid = "y", series = { { line = mark, colour = style.soft, dash = "(3,4)", width = 1 } },
  }
  for i, e in ipairs(estimators) do
    local rows = rows_of(ctx, group, "court/" .. e[1] .. "_" .. column.what, x, values)
    if #rows > 0 then
      local key = with_key and e[2] or nil
      table.insert(p.series, { line = rows, look = style.look(i), key = key })
      table.insert(p.series, { points = rows, look = style.look(i), size = 0.7, key = key })
    end
  end
  return p
end

function court.sheets(ctx, options)
  local groups, xs = records.groups(ctx, options.x)
  if #xs < 2 then
    ctx.note("the runs have fewer than two values of " .. options.x .. "; nothing to draw")
    return {}
  end
  local x, panels, values, seeds = axes.places(xs, { title = style.setting(options.x), even = true }), {}, {}, 1
  for g, group in ipairs(groups) do
    for c, column in ipairs(columns) do
      values[c] = values[c] or {}
      panels[#panels + 1] = panel_of(ctx, group, column, x, xs, values[c], g == 1 and c == 1)
    end
    for _, point in ipairs(group.points) do seeds = math.max(seeds, #point.c.runs) end
  end
  if #values[1] == 0 then
    ctx.note "the runs have no metrics court/…: they need lab.eval.court(); nothing to draw"
    return {}
  end
  for i, p in ipairs(panels) do
    local c = (i - 1) % #columns + 1
    p.y = columns[c].axis(values[c])
  end
  return { {
    title = "Estimators of log p(x) against the exact value", panels = panels, columns = #columns,
    note = "estimates of single test examples, repeated with independent noise; dotted: what a perfect estimator has; "
      .. records.over_seeds(seeds),
  } }
end

return court
