-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/gradients.lua: estimators of one gradient against the number of draws: the variance of each, and its
-- signal-to-noise ratio. What lab.eval.gradients recorded; one row of panels per configuration.
--
-- Both axes are logarithmic: a power of k is a straight line.  Marks are hollow where the mean of an estimator differs
-- from that of the reference: a small variance around a wrong mean is no merit.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local gradients = { about = "variance and signal of gradient estimators against the number of draws", options = {} }

-- The usual estimators in the order of the key.
local known = {
  { "score", "score function" }, { "score_baseline", "score function with a baseline" },
  { "pathwise", "pathwise: z = μ + σ ε" }, { "stl", "path derivative alone (sticking the landing)" },
  { "dreg", "doubly reparameterised" },
}
local shapes = { 7, 5, 13, 15, 2 } -- all but the last can be hollow

local BIASED = 4 -- standard errors, of the mean over the seeds

local panels = {
  { what = "variance", title = "variance of the gradient", unit = "summed over the parameters, nats²" },
  { what = "snr", title = "signal-to-noise ratio", unit = "|mean| / standard deviation" },
}

-- The estimators and the numbers of draws of a run: { "pathwise", … } in alphabetical order, { 1, 5, 50 }.
local function measured(ctx, run)
  local names, draws, seen = {}, {}, {}
  for _, metric in ipairs(records.metric_names(ctx, run, "gradient/")) do
    local name, k = metric:match("^gradient/(.+)_(%d+)_variance$")
    k = k and math.tointeger(tonumber(k))
    if name and not seen[name] then seen[name], names[#names + 1] = true, name end
    if k and not seen[k] then seen[k], draws[#draws + 1] = true, k end
  end
  table.sort(draws)
  return names, draws
end

-- The estimators of all runs, in the order of the key: { name, text, look }.
local function estimators_of(names)
  local left, out = {}, {}
  for _, name in ipairs(names) do left[name] = true end
  local function take(name, text)
    if not left[name] then return end
    local i = #out + 1
    local look = { colour = style.colour(i), dash = style.dash(i), point = shapes[(i - 1) % #shapes + 1] }
    left[name], out[i] = nil, { name = name, text = text, look = look }
  end
  for _, way in ipairs(known) do take(way[1], way[2]) end
  for _, name in ipairs(names) do take(name, (name:gsub("_", " "))) end
  return out
end

-- { { k, mean, low, high }, … } of one estimator, and those of its points that are biased.  Means of 0 or less are left
-- out: a logarithmic axis cannot show them.
local function points_of(ctx, c, name, draws, what)
  local rows, biased = {}, {}
  for _, k in ipairs(draws) do
    local function summary(of) return records.summary(ctx, c, string.format("gradient/%s_%d_%s", name, k, of)) end
    local s, t = summary(what), summary "bias_t"
    if s and s.mean > 0 then
      rows[#rows + 1] = { k, s.mean, s.low, s.high }
      if t and math.abs(t.mean) > BIASED then biased[#biased + 1] = { k, s.mean } end
    end
  end
  return rows, biased
end

-- The slope −1/2 of 1 / sqrt(k), through the first point of the pathwise estimator.
local function add_guide(p, rows, last)
  local k, from = rows[1][1], rows[1][2]
  local function at(k2) return from * math.sqrt(k / k2) end
  local named = k ^ 0.3 * last ^ 0.7
  local line = { { k, from }, { last, at(last) } }
  table.insert(p.series, 1, { line = line, colour = style.soft, dash = "(3,4)", width = 1 })
  p.labels = { { "slope −1/2", named, at(named), align = "right", up = -0.25, size = 8, colour = style.soft } }
end

local function panel_of(ctx, c, estimators, draws, kind)
  local p = { unit = kind.unit, grid = "y", x = axes.counts(draws, "draws k"), series = {} }
  local values, marks, path = {}, {}, nil
  for _, e in ipairs(estimators) do
    local rows, biased = points_of(ctx, c, e.name, draws, kind.what)
    for _, row in ipairs(rows) do values[#values + 1] = row[2] end
    if e.name == "pathwise" and kind.what == "snr" then path = rows end
    table.insert(p.series, { line = rows, look = e.look, key = e.text })
    marks[#marks + 1] = { intervals = rows, look = e.look, key = e.text }
    marks[#marks + 1] = { points = biased, look = e.look, hollow = true }
  end
  table.move(marks, 1, #marks, #p.series + 1, p.series)
  p.y = axes.fit(values)
  if path and path[1] and p.y.log then add_guide(p, path, draws[#draws]) end
  return p
end

function gradients.sheets(ctx)
  local list, names, draws = {}, {}, {}
  for _, c in ipairs(records.configurations(ctx)) do
    local own, own_draws = measured(ctx, c.first)
    if #own > 0 then
      list[#list + 1], draws = c, #own_draws > #draws and own_draws or draws
      table.move(own, 1, #own, #names + 1, names)
    else
      ctx.note("no gradients are recorded for " .. c.label .. "; left out")
    end
  end
  if #list == 0 then
    ctx.note("add lab.eval.gradients() to the evaluations")
    return {}
  end
  local estimators, drawn = estimators_of(names), {}
  for _, c in ipairs(list) do
    for _, kind in ipairs(panels) do
      local p = panel_of(ctx, c, estimators, draws, kind)
      p.heading = #list > 1 and c.title .. ": " .. kind.title or kind.title
      drawn[#drawn + 1] = p
    end
  end
  return { {
    title = "Variance and signal of gradient estimators", panels = drawn, columns = 2,
    note = string.format("of the ELBO (k = 1) and the IWAE bound; %s; hollow marks: biased",
      records.over_seeds(records.most_seeds(list), ", 95 % interval")),
  } }
end

return gradients
