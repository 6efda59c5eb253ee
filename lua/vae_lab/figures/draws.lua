-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/draws.lua: bounds against the number of draws that they average (lab.eval.bounds), of one configuration.
--
-- What it shows: a bound on log p(x) rises with its draws and stays below log p(x); a formula that does not is no
-- bound.  The dotted line is log p(x) by importance sampling with many draws (lab.eval.nll).

local axes = require "vae_lab.figures.common.axes"
local check = require "vae_lab.check"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local draws = {
  about = "bounds against the number of draws",
  options = {
    title = { type = "string", default = "Bounds against their number of draws" },
    lines = { type = "list", required = true },
  },
}

--- lab.fig.draws { title =, lines = { { "the IWAE bound", metric = "iwae" }, … } }: the metrics that lab.eval.bounds
-- recorded under these names, of the first configuration that has all of them; where = { … } chooses.
function draws.check(options)
  for i, line in ipairs(options.lines) do
    options.lines[i] = check.options("line " .. i .. " of lab.fig.draws", line, {
      [1] = { type = "string" }, metric = { type = "string", required = true },
    })
  end
end

-- { { k, mean, lowest, highest }, … } for every number of draws k that is recorded, ascending.
local function points_of(ctx, c, metric)
  local points, prefix = {}, "bounds/" .. metric .. "_"
  for _, name in ipairs(records.metric_names(ctx, c.first, prefix)) do
    local k = math.tointeger(tonumber(name:sub(#prefix + 1):match "^%d+$"))
    local values = k and records.finals(ctx, c, name) or {}
    if #values > 0 then
      local low, high = math.min(table.unpack(values)), math.max(table.unpack(values))
      points[#points + 1] = { k, stats.interval(values).mean, low, high }
    end
  end
  table.sort(points, function(a, b) return a[1] < b[1] end)
  return points
end

local function configuration_with(ctx, lines)
  for _, c in ipairs(records.configurations(ctx)) do
    local sets, all = {}, true
    for i, line in ipairs(lines) do
      sets[i] = points_of(ctx, c, line.metric)
      all = all and #sets[i] > 0
    end
    if all then return c, sets end
  end
end

function draws.sheets(ctx, options)
  local c, sets = configuration_with(ctx, options.lines)
  if not c then
    ctx.note("no run has all of these bounds (lab.eval.bounds); nothing to draw")
    return {}
  end
  local ks, series, values = {}, {}, {}
  for i, p in ipairs(sets[1]) do ks[i] = p[1] end
  local x = axes.counts(ks, "draws k")
  for i, points in ipairs(sets) do
    local look, key = style.look(i), options.lines[i][1] or options.lines[i].metric
    for _, p in ipairs(points) do table.move(p, 2, 4, #values + 1, values) end
    series[#series + 1] = { line = points, look = look, width = 2.2, key = key }
    series[#series + 1] = { intervals = points, look = look, width = 1.6, key = key }
  end
  local nll = records.finals(ctx, c, "test/nll")
  if #nll > 0 then
    local truth = -stats.interval(nll).mean
    values[#values + 1] = truth
    table.insert(series, {
      segments = { { 0, truth, math.huge, truth } }, colour = style.ink, dash = style.dash(7), width = 1.6,
      key = "log p(x), by importance sampling",
    })
  end
  local note = records.over_seeds(#c.runs, "; bars: the lowest and the highest of them")
  return { { title = options.title, note = note, panels = { {
    unit = "nats per example", x = x, y = axes.fit(values, { linear = true }), grid = "y", series = series,
  } } } }
end

return draws
