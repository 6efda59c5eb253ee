-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/rate_distortion.lua: what is paid for what: distortion (minus the reconstruction) against rate (the KL), a point for
-- each value of a setting, after Alemi et al., "Fixing a broken ELBO" (arXiv 1711.00464).
--
-- What it tells: models on one grey line have the same ELBO = -(distortion + rate) and differ in where they spend it.  Weighed by
-- beta a model stops where the curve falls by beta nats of distortion for each nat of rate; at beta = 1 it touches the lowest of
-- the lines.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local rate_distortion = {
  about = "distortion against rate over a swept setting, with lines of equal ELBO",
  options = {
    x = { type = "string", default = "beta" },
    split = { type = "string", one_of = { "test", "train" }, default = "test" },
  },
}

local WIDTH, LEFT, RIGHT, HEIGHT = 16, 1.7, 1.3, 8.5 -- cm

-- { mean, low, high } over the seeds; without an interval low = high = mean.
local function spread(s, sign)
  local a, b = sign * (s.low or s.mean), sign * (s.high or s.mean)
  return { mean = sign * s.mean, low = math.min(a, b), high = math.max(a, b), reach = 3 * (s.sd or 0), seeds = s.seeds }
end

local function gather(ctx, group, split)
  local points = {}
  for _, p in ipairs(group.points) do
    local rate = records.summary(ctx, p.c, split .. "/kl")
    local distortion = records.summary(ctx, p.c, split .. "/reconstruction")
    if rate and rate.mean and distortion and distortion.mean then
      points[#points + 1] = { x = p.x, rate = spread(rate, 1), distortion = spread(distortion, -1) }
    end
  end
  table.sort(points, function(a, b) return a.rate.mean < b.rate.mean end)
  return points
end

-- An interval of two or three seeds may reach far beyond anything possible: it does not set the scale alone.
local function axis_of(lines, key, floor)
  local values = {}
  for _, points in ipairs(lines) do
    for _, p in ipairs(points) do
      local v = p[key]
      values[#values + 1] = math.max(v.low, v.mean - v.reach)
      values[#values + 1] = math.min(v.high, v.mean + v.reach)
    end
  end
  return grid.axis(values, { linear = true, floor = floor, count = 6 })
end

-- ---- lines of equal ELBO -----------------------------------------------------------------------------------------------

-- Where distortion + rate = c enters the frame and where it leaves it: two points on its edges, or nil.
local function crossing(rate, distortion, c)
  local from, to = math.max(rate.low, c - distortion.high), math.min(rate.high, c - distortion.low)
  if from < to then return from, to end
end

local function iso_lines(page, rate, distortion)
  local low, high = rate.low + distortion.low, rate.high + distortion.high
  local step, rows = grid.step(high - low, 18), {}
  for k = math.ceil(low / step), math.floor(high / step) do
    local c = k * step
    local from, to = crossing(rate, distortion, c)
    if from then
      rows[#rows + 1] = { from, c - from, to, c - to }
      -- named where it ends: outside of the frame's right edge, or inside, above the lower one
      local inside = to < rate.high
      page:mark(style.number(-c, 6), to, c - to, {
        right = 0.12, up = inside and 0.22 or 0, size = 8, colour = style.soft, boxed = inside,
      })
    end
  end
  if #rows == 0 then return {} end
  local file = page:data("equal_elbo", rows)
  return { string.format("%s using 1:2:($3-$1):($4-$2) with vectors nohead lw 1 dt solid lc rgb '%s'", file, style.faint) }
end

-- The line through the best ELBO of beta = 1, where there is one.
local function tangent(page, lines, options, rate, distortion)
  if options.x ~= "beta" then return nil end
  local best
  for _, points in ipairs(lines) do
    for _, p in ipairs(points) do
      local c = p.rate.mean + p.distortion.mean
      if p.x == 1 and (not best or c < best) then best = c end
    end
  end
  local from, to
  if best then from, to = crossing(rate, distortion, best) end
  if not from then return nil end
  local file = page:data("tangent", { { from, best - from }, { to, best - to } })
  return string.format("%s using 1:2 with lines lw 1.8 dt %s lc rgb '%s'", file, style.dash(2), style.ink), best
end

-- ---- the curve -----------------------------------------------------------------------------------------------------------

local function curve(page, name, points, index, rate, distortion, words)
  local rows, colour = {}, style.colour(index)
  for i, p in ipairs(points) do
    local r, d = p.rate, p.distortion
    rows[i] = {
      r.mean, d.mean, math.max(r.low, rate.low), math.min(r.high, rate.high), math.max(d.low, distortion.low),
      math.min(d.high, distortion.high),
    }
    -- up and to the right of the point, where a falling curve is not; above it at the frame's right edge
    local edge = r.mean > rate.high - 0.12 * (rate.high - rate.low)
    local value = type(p.x) == "number" and style.number(p.x) or tostring(p.x)
    page:mark(words .. " = " .. value, r.mean, d.mean, { right = edge and 0 or 0.2, up = edge and 0.45 or 0.3, align = edge and "center" or "left" })
  end
  local file = page:data(name, rows)
  return {
    string.format("%s using 1:2 with lines lw 2 dt %s lc rgb '%s'", file, style.dash(index), colour),
    string.format("%s using 1:2:3:4:5:6 with xyerrorbars pt %d ps 0.9 lw 1.6 lc rgb '%s'", file, style.point(index), colour),
  }
end

local function key_of(groups, best)
  local entries = {}
  if #groups > 1 then
    for i, group in ipairs(groups) do
      entries[i] = { text = style.title(group.rest), colour = style.colour(i), dash = style.dash(i), point = style.point(i) }
    end
  end
  entries[#entries + 1] = { text = "equal ELBO", colour = style.faint, dash = "solid", lw = 1.5 }
  if best then
    entries[#entries + 1] = {
      text = "the ELBO of β = 1: " .. style.number(-best, 5), colour = style.ink, dash = style.dash(2), lw = 1.8,
    }
  end
  return entries
end

function rate_distortion.draw(ctx, options, name)
  local groups, lines, seeds = {}, {}, 1
  for _, group in ipairs((records.groups(ctx, options.x))) do
    local points = gather(ctx, group, options.split)
    if #points > 0 then
      groups[#groups + 1], lines[#lines + 1] = group, points
      for _, p in ipairs(points) do seeds = math.max(seeds, p.rate.seeds) end
    end
  end
  if #lines == 0 then
    ctx.note(name .. ": no runs with a " .. options.x .. ", a KL and a reconstruction; nothing to draw")
    return {}
  end
  local rate, distortion = axis_of(lines, "rate", 0), axis_of(lines, "distortion")
  local title = "Rate and distortion: where the ELBO is spent"
  local note = (seeds > 1 and "mean over " .. seeds .. " seeds with its 95 % intervals, cut at the frame" or "one seed: there is no interval")
    .. "; ELBO = −(distortion + rate)"
  local top = Page.top { title = title, note = note }
  local page = Page.new { width = WIDTH, height = top + 0.3 + HEIGHT + 1.3 + Page.line + Page.foot, title = title, note = note }
  page.source = records.source(ctx)
  page:panel { x = LEFT, y = top + 0.3, w = WIDTH - LEFT - RIGHT, h = HEIGHT }
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", rate.low, rate.high, distortion.low, distortion.high)
  page:addf("set xtics %s offset 0,0.3; set ytics %s offset 0.5,0", rate.tics, distortion.tics)
  page:addf("set xlabel %s offset 0,0.4", style.text("rate: KL to the prior (" .. options.split .. ", nats per example)"))
  page:addf("set ylabel %s offset 1.2,0", style.text("distortion: −reconstruction (nats per example)"))
  page:add "set style textbox opaque margins 0.3,0.3 fillcolor rgb '#FFFFFF' noborder"
  local parts = iso_lines(page, rate, distortion)
  local line, best = tangent(page, lines, options, rate, distortion)
  parts[#parts + 1] = line
  for i, points in ipairs(lines) do
    table.move(curve(page, "curve_" .. i, points, i, rate, distortion, style.setting(options.x)), 1, 2, #parts + 1, parts)
  end
  page:key(key_of(groups, best), LEFT, top + 0.3 + HEIGHT + 1.25)
  page:plot(parts)
  return { page:render(ctx, name) }
end

return rate_distortion
