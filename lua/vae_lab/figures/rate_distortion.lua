-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/rate_distortion.lua: distortion (minus the reconstruction) against rate (the KL), one point for each value of
-- a setting, after Alemi et al., "Fixing a broken ELBO" (arXiv 1711.00464).
--
-- What it shows: models on one grey line have the same ELBO = -(distortion + rate) and divide it differently.  With the
-- KL weighted by beta, training ends where the curve falls by beta nats of distortion for each nat of rate; at beta = 1
-- it touches the lowest of the lines.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local rate_distortion = {
  about = "distortion against rate over a swept setting, with lines of equal ELBO",
  options = {
    x = { type = "string", default = "beta" },
    split = { type = "string", one_of = { "test", "train" }, default = "test" },
  },
}

local MOST = 16 -- names of points

-- A summary with the sign of all values changed.
local function negated(s)
  return { mean = -s.mean, low = s.high and -s.high, high = s.low and -s.low, sd = s.sd, seeds = s.seeds }
end

-- The configurations of a group that have both: { { x, rate = summary, distortion = summary }, … } by rate.
local function points_of(ctx, group, split)
  local points = {}
  for _, p in ipairs(group.points) do
    local rate = records.summary(ctx, p.c, split .. "/kl")
    local reconstruction = records.summary(ctx, p.c, split .. "/reconstruction")
    if rate and reconstruction then
      points[#points + 1] = { x = p.x, rate = rate, distortion = negated(reconstruction) }
    end
  end
  table.sort(points, function(a, b) return a.rate.mean < b.rate.mean end)
  return points
end

-- Where distortion + rate = c enters the frame and where it leaves it, or nil.
local function crossing(p, c)
  local from, to = math.max(p.x.low, c - p.y.high), math.min(p.x.high, c - p.y.low)
  if from < to then return from, to end
end

-- Grey lines of equal ELBO, named at their right ends: on the right of the frame, or inside, above its lower edge.
local function add_equal_elbo(p)
  local low, high, rows = p.x.low + p.y.low, p.x.high + p.y.high, {}
  local step = axes.step(high - low, 18)
  for k = math.ceil(low / step), math.floor(high / step) do
    local c = k * step
    local from, to = crossing(p, c)
    if from then
      rows[#rows + 1] = { from, c - from, to, c - to }
      local inside = to < p.x.high
      table.insert(p.labels, {
        style.number(-c, 6), to, c - to, right = 0.12, up = inside and 0.22 or 0, size = 8, colour = style.soft,
        boxed = inside,
      })
    end
  end
  table.insert(p.series, { segments = rows, colour = style.faint, key = "equal ELBO" })
end

-- The line of equal ELBO through the best point of beta = 1.
local function add_tangent(p, lines)
  local best
  for _, points in ipairs(lines) do
    for _, point in ipairs(points) do
      local c = point.rate.mean + point.distortion.mean
      if point.x == 1 and (not best or c < best) then best = c end
    end
  end
  local from, to
  if best then from, to = crossing(p, best) end
  if not from then return end
  table.insert(p.series, {
    line = { { from, best - from }, { to, best - to } }, dash = style.dash(2), colour = style.ink, width = 1.8,
    key = "the ELBO of β = 1: " .. style.number(-best, 5),
  })
end

-- The text beside each point, { value = text }: with the setting's name where it is short, and at most about MOST of
-- them; and whether the name is left out.
local function names_of(xs, words)
  local names, step = {}, math.ceil(#xs / MOST)
  local short = #words <= 10 and step == 1
  for i, tic in ipairs(axes.places(xs).tics) do
    if (i - 1) % step == 0 then names[xs[i]] = short and words .. " = " .. tic[2] or tic[2] end
  end
  return names, not short
end

-- names: the text of each point, by its setting's value.
local function add_curve(p, points, look, key, names)
  local rows = {}
  for i, point in ipairs(points) do
    local r, d = point.rate, point.distortion
    rows[i] = { r.mean, d.mean, r.low, r.high, d.low, d.high }
    -- the name up and to the right of the point, where a falling curve is not; above it at the frame's right edge
    local edge = r.mean > p.x.high - 0.12 * (p.x.high - p.x.low)
    p.labels[#p.labels + 1] = names[point.x] and {
      names[point.x], r.mean, d.mean, right = edge and 0 or 0.2, up = edge and 0.45 or 0.3,
      align = edge and "center" or "left",
    }
  end
  table.insert(p.series, { line = rows, look = look, key = key })
  table.insert(p.series, { crosses = rows, look = look, width = 1.6, key = key })
end

function rate_distortion.sheets(ctx, options)
  local groups, lines, rates, distortions, seeds = {}, {}, {}, {}, 1
  local all, xs = records.groups(ctx, options.x)
  for _, group in ipairs(all) do
    local points = points_of(ctx, group, options.split)
    if #points > 0 then groups[#groups + 1], lines[#lines + 1] = group, points end
    for _, p in ipairs(points) do
      seeds = math.max(seeds, p.rate.seeds)
      axes.hold(rates, p.rate)
      axes.hold(distortions, p.distortion)
    end
  end
  if #lines == 0 then
    ctx.note("no runs with a " .. options.x .. ", a KL and a reconstruction; nothing to draw")
    return {}
  end
  local p = {
    heading = "distortion: −reconstruction", unit = options.split .. " examples, nats per example",
    series = {}, labels = {},
    x = axes.fit(rates, { linear = true, floor = 0, count = 6, title = "rate: KL to the prior (nats per example)" }),
    y = axes.fit(distortions, { linear = true, count = 6 }),
  }
  local names, unnamed = names_of(xs, style.setting(options.x))
  add_equal_elbo(p)
  if options.x == "beta" then add_tangent(p, lines) end
  for i, points in ipairs(lines) do
    add_curve(p, points, style.look(i), #groups > 1 and groups[i].title or nil, names)
  end
  return { {
    title = "Rate and distortion", panels = { p },
    note = records.over_seeds(seeds, " with its 95 % intervals, cut at the frame") .. "; ELBO = −(distortion + rate)"
      .. (unnamed and "; at the points: " .. style.setting(options.x) or ""),
  } }
end

return rate_distortion
