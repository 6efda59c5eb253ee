-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/gradients.lua: estimators of one gradient against the number of draws: how far each scatters, and how much of it is
-- signal.  What lab.eval.gradients recorded; a row of panels for each configuration.
--
-- Both axes are logarithmic, so that a power of k is a straight line.  Where an estimator's mean is not the reference's, its mark is
-- hollow: what scatters little around the wrong place is no better.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local gradients = { about = "variance and signal of gradient estimators against the number of draws", options = {} }

-- The usual estimators in the order in which they are told, each with its words.
local known = {
  { "score", "score function" }, { "score_baseline", "score function with a baseline" }, { "pathwise", "path: z = μ + σ ε" },
  { "stl", "path alone (sticking the landing)" }, { "dreg", "doubly reparameterised" },
}
local shapes = { 7, 5, 13, 15, 2 } -- all but the last can be hollow

local BIASED = 4 -- standard errors, of the mean over the seeds

local panels = {
  { what = "variance", title = "variance of the gradient", unit = "summed over the parameters, nats² (log)" },
  { what = "snr", title = "signal by noise", unit = "|mean| / standard deviation (log)" },
}

-- "gradient/pathwise_50_snr" → its summary over the seeds.
local function summary(ctx, c, name, k, what)
  return records.summary(ctx, c, string.format("gradient/%s_%d_%s", name, k, what))
end

-- The estimators and numbers of draws that were measured in any of the configurations.
local function measured(ctx, list)
  local names, draws, has = {}, {}, {}
  for _, c in ipairs(list) do
    local rows = ctx.db:query("SELECT metric FROM last_values WHERE run = ?1 AND metric GLOB 'gradient/*_variance' ORDER BY metric", c.first.id)
    for _, row in ipairs(rows) do
      local name, k = row.metric:match("^gradient/(.+)_(%d+)_variance$")
      k = math.tointeger(tonumber(k))
      if not has[name] then names[#names + 1] = name end
      if not has[k] then draws[#draws + 1] = k end
      has[name], has[k] = true, true
    end
  end
  table.sort(draws)
  local ordered = {}
  for _, way in ipairs(known) do
    if has[way[1]] then ordered[#ordered + 1] = { name = way[1], text = way[2] } end
    has[way[1]] = nil
  end
  for _, name in ipairs(names) do
    if has[name] then ordered[#ordered + 1] = { name = name, text = (name:gsub("_", " ")) } end
  end
  for i, e in ipairs(ordered) do e.colour, e.dash, e.point = style.colour(i), style.dash(i), shapes[(i - 1) % #shapes + 1] end
  return ordered, draws
end

-- Rows { log k, mean, low, high, whether biased } of one estimator, and their means; what is not above 0 has no place.
local function curve(ctx, c, e, draws, what)
  local rows, values = {}, {}
  for _, k in ipairs(draws) do
    local s = summary(ctx, c, e.name, k, what)
    if s and s.mean and s.mean > 0 then
      local t = summary(ctx, c, e.name, k, "bias_t")
      local low, high = s.low or s.mean, s.high or s.mean
      if low <= 0 then low = s.mean / 100 end -- below any frame
      rows[#rows + 1] = { math.log(k, 10), s.mean, low, high, t ~= nil and t.mean ~= nil and math.abs(t.mean) > BIASED }
      values[#values + 1] = s.mean
    end
  end
  return rows, values
end

-- The slope of 1 / sqrt(k), through the path's first signal.
local function guide(page, name, rows, draws, axis)
  if not rows[1] then return nil end
  local last = math.log(draws[#draws], 10)
  local from, to = rows[1][1], math.log(rows[1][2], 10)
  page:mark("1/√k", last - 0.3 * (last - from), to - 0.35 * (last - from), { align = "right", up = -0.25, size = 8, colour = style.soft })
  local file = page:data(name, { { from, to }, { last, to - (last - from) / 2 } })
  return axis.kind == "log" and string.format("%s using 1:2 with lines lw 1 dt (3,4) lc rgb '%s'", file, style.soft) or nil
end

local function panel(ctx, page, name, c, estimators, draws, what, x)
  local curves, all = {}, {}
  for i, e in ipairs(estimators) do
    local rows, values = curve(ctx, c, e, draws, what)
    curves[i] = rows
    table.move(values, 1, #values, #all + 1, all)
  end
  local axis = grid.axis(all)
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", x.low, x.high, axis.low, axis.high)
  page:addf("set xtics %s offset 0,0.3; set ytics %s offset 0.5,0", x.tics, axis.tics)
  page:addf("set grid ytics lc rgb '#CCCCCC' lw 0.6 dt solid; set xlabel %s offset 0,0.6", style.text "draws k")
  local parts, marks = {}, {}
  for i, e in ipairs(estimators) do
    local hollow = {}
    for _, row in ipairs(curves[i]) do
      for j = 2, 4 do row[j] = math.min(math.max(axis.map(row[j]), axis.low), axis.high) end
      if table.remove(row) then hollow[#hollow + 1] = { row[1], row[2] } end
    end
    if what == "snr" and e.name == "pathwise" then parts[#parts + 1] = guide(page, name .. "_guide", x.path or {}, draws, axis) end
    if #curves[i] > 0 then
      local file = page:data(name .. "_" .. i, curves[i])
      parts[#parts + 1] = string.format("%s using 1:2 with lines lw 2 dt %s lc rgb '%s'", file, e.dash, e.colour)
      marks[#marks + 1] = string.format("%s using 1:2:3:4 with yerrorbars pt %d ps 0.9 lw 2 lc rgb '%s'", file, e.point, e.colour)
    end
    if #hollow > 0 then
      local file = page:data(name .. "_hollow_" .. i, hollow)
      marks[#marks + 1] = string.format("%s using 1:2 with points pt %d ps 0.5 lc rgb '#FFFFFF'", file, e.point)
    end
  end
  page:plot(table.move(marks, 1, #marks, #parts + 1, parts))
  page:add "unset grid; unset xlabel"
end

function gradients.draw(ctx, _, name)
  local list = {}
  for _, c in ipairs(records.configurations(ctx)) do
    local found = measured(ctx, { c })
    if #found > 0 then list[#list + 1] = c else ctx.note(name .. ": no gradients are recorded for " .. c.label .. "; left out") end
  end
  if #list == 0 then
    ctx.note(name .. ": add lab.eval.gradients() to the evaluations")
    return {}
  end
  local estimators, draws = measured(ctx, list)
  local x, tics = { low = math.log(draws[1], 10) - 0.12, high = math.log(draws[#draws], 10) + 0.12 }, {}
  for i, k in ipairs(draws) do tics[i] = { math.log(k, 10), tostring(k) } end
  x.tics = grid.tics(tics)

  local title = "Gradient estimators: how far each scatters, and how much of it is signal"
  local note = "of the ELBO (k = 1) and the IWAE bound; mean over the seeds, 95 % interval; hollow marks: biased"
  local top = Page.top { title = title, note = note }
  local above = Page.heading_height(panels, 6.4) + 0.55
  local g = grid.squares(2 * #list, 16, {
    columns = 2, left = 1.5, between = 1.7, above = above, below = 1.15, top = top, ratio = 0.62, largest = 6.5,
  })
  local page = Page.new { width = 16, height = top + g.height + Page.key_height(estimators, 0.5) + Page.foot, title = title, note = note }
  page.source = records.source(ctx)
  page:key(estimators, 0.5, top + g.height)
  for i, c in ipairs(list) do
    for j, p in ipairs(panels) do
      local left, y = g.place(2 * i - 2 + j)
      page:panel { x = left, y = y, w = g.size, h = g.tall }
      if #list > 1 and j == 1 then page:text(c.title, 0.15, y - above + 0.4) end
      page:heading(p.title, p.unit, left, y, g.size)
      if p.what == "snr" then x.path = curve(ctx, c, { name = "pathwise" }, draws, "snr") end
      panel(ctx, page, "c" .. i .. "_" .. p.what, c, estimators, draws, p.what, x)
    end
  end
  return { page:render(ctx, name) }
end

return gradients
