-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/draws.lua: bounds against the number of draws that they are made of (lab.eval.bounds), of one configuration.
--
-- What it tells: a bound on log p(x) rises with its draws and stays below it; a formula that does not is not one.  The dashed line is
-- log p(x) by importance sampling with many draws (lab.eval.nll).

local check = require "vae_lab.check"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local draws = {
  about = "bounds against the number of draws",
  options = {
    title = { type = "string", default = "Bounds against their number of draws" }, lines = { type = "list", required = true },
  },
}

--- lab.fig.draws { title =, lines = { { "the IWAE bound", metric = "iwae" }, … } }: what lab.eval.bounds recorded of these names, of the
-- first configuration that has them; of = { … } says which.
function draws.check(options)
  for i, line in ipairs(options.lines) do
    options.lines[i] = check.options("line " .. i .. " of lab.fig.draws", line, {
      [1] = { type = "string" }, metric = { type = "string", required = true },
    })
  end
end

-- Every number of draws that the runs of c have the metric at, ascending: { { k, mean, low, high }, … }.
local function points_of(ctx, c, metric)
  local rows = ctx.db:query([[SELECT DISTINCT CAST(substr(metric, length(?2) + 1) AS INTEGER) AS k FROM last_values
      WHERE run = ?1 AND substr(metric, 1, length(?2)) = ?2 AND metric NOT LIKE '%\_se' ESCAPE '\' ORDER BY k]], c.first.id,
    "bounds/" .. metric .. "_")
  local points = {}
  for _, row in ipairs(rows) do
    local values = row.k > 0 and records.finals(ctx, c, string.format("bounds/%s_%d", metric, row.k)) or {}
    if #values > 0 then
      local mean, low, high = stats.interval(values).mean, math.min(table.unpack(values)), math.max(table.unpack(values))
      points[#points + 1] = { math.log(row.k, 10), mean, low, high, k = row.k }
    end
  end
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

function draws.draw(ctx, options, name)
  local c, sets = configuration_with(ctx, options.lines)
  if not c then
    ctx.note(name .. ": no run has all of these bounds (lab.eval.bounds); nothing to draw")
    return {}
  end
  local nll = records.finals(ctx, c, "test/nll")
  local truth = #nll > 0 and -stats.interval(nll).mean or nil
  local values, tics, entries = { truth }, {}, {}
  for i, points in ipairs(sets) do
    for _, p in ipairs(points) do table.move(p, 2, 4, #values + 1, values) end
    entries[i] = { text = options.lines[i][1] or options.lines[i].metric, colour = style.colour(i), dash = style.dash(i), point = style.point(i) }
  end
  for i, p in ipairs(sets[1]) do tics[i] = { p[1], tostring(p.k) } end
  if truth then entries[#entries + 1] = { text = "log p(x), by importance sampling", colour = style.ink, dash = style.dash(7), lw = 1.6 } end
  local axis = grid.axis(values, { linear = true })
  local note = #c.runs > 1 and "mean over " .. #c.runs .. " seeds; bars: the least and the greatest of them" or "one seed"
  local top = Page.top { title = options.title, note = note }
  local left, width, tall = 1.9, 13.4, 7
  local page = Page.new {
    width = 16, height = top + 0.2 + tall + 1.2 + Page.key_height(entries, 0.5) + Page.foot, title = options.title, note = note,
  }
  page.source = records.source(ctx)
  page:key(entries, 0.5, top + 0.2 + tall + 1.15)
  page:panel { x = left, y = top + 0.2, w = width, h = tall }
  local last = sets[1][#sets[1]][1]
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", -0.06 * math.max(last, 1), last + 0.06 * math.max(last, 1), axis.low, axis.high)
  page:addf("set xtics %s offset 0,0.3; set ytics %s offset 0.5,0", grid.tics(tics), axis.tics)
  page:add "set grid ytics lc rgb '#CCCCCC' lw 0.6 dt solid"
  page:addf("set xlabel %s offset 0,0.4; set ylabel %s offset 1.2,0", style.text "draws k", style.text "nats per example")
  local parts = {}
  if truth then
    local file = page:data("truth", { { -0.06 * math.max(last, 1), truth }, { last + 0.06 * math.max(last, 1), truth } })
    parts[1] = string.format("%s using 1:2 with lines lw 1.6 dt %s lc rgb '%s'", file, style.dash(7), style.ink)
  end
  for i, points in ipairs(sets) do
    local file, colour = page:data("line_" .. i, points), style.colour(i)
    parts[#parts + 1] = string.format("%s using 1:2 with lines lw 2.2 dt %s lc rgb '%s'", file, style.dash(i), colour)
    parts[#parts + 1] = string.format("%s using 1:2:3:4 with yerrorbars pt %d ps 1 lw 1.6 lc rgb '%s'", file, style.point(i), colour)
  end
  page:plot(parts)
  return { page:render(ctx, name) }
end

return draws
