-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/axes.lua: the axes of a panel:
-- { low, high, tics = { { place, text }, … }, map = function (value) → place, title =, log =, words =, above = the names
-- of the tics are above the panel }.
--
-- Series hold values; `map` gives their place on the axis, so that logarithms, negative logarithms (the ELBO) and words
-- are all alike.

local style = require "vae_lab.style"

local axes = {}

local function identity(v) return v end

--- axes.step(span, count) → a step of 1, 2 or 5 × 10^k that gives at most `count` steps.
function axes.step(span, count)
  local rough = span / count
  local power = 10 ^ math.floor(math.log(rough, 10))
  for _, step in ipairs { 1, 2, 5, 10 } do
    if rough <= step * power * (1 + 1e-9) then return step * power end
  end
end

--- axes.bare(low, high, title): without tics.
function axes.bare(low, high, title) return { low = low, high = high, tics = {}, map = identity, title = title } end

--- axes.linear(low, high, o): exactly this range.  o: title; count: at most so many tics (5); whole: tics at integers
-- only; inset: the share of the range at each end that has no tics, so that those of neighbouring panels do not touch.
function axes.linear(low, high, o)
  o = o or {}
  local step, inset, tics = axes.step(high - low, o.count or 5), (o.inset or 0) * (high - low), {}
  if o.whole then step = math.max(1, step) end
  for k = math.ceil((low + inset) / step - 1e-9), math.floor((high - inset) / step + 1e-9) do
    tics[#tics + 1] = { k * step, style.number(k * step, 6) }
  end
  return { low = low, high = high, tics = tics, map = identity, title = o.title }
end

-- Values of one sign from `near` to `far` (absolute values); negative ones run from the most negative up.  A value of
-- the other sign lies beyond the end that is nearest to 0.
local function logarithmic(sign, near, far, title)
  local function map(v) return v * sign > 0 and sign * math.log(v * sign, 10) or -sign * math.huge end
  local tics, steps = {}, math.log(far / near, 10) > 2.4 and { 1 } or { 1, 2, 5 }
  for k = math.floor(math.log(near, 10)) - 1, math.ceil(math.log(far, 10)) + 1 do
    for _, s in ipairs(steps) do
      local v = s * 10.0 ^ k
      if v >= near * 0.999 and v <= far * 1.001 then tics[#tics + 1] = { map(sign * v), style.number(sign * v) } end
    end
  end
  local low, high = map(sign * near), map(sign * far)
  return { low = math.min(low, high), high = math.max(low, high), tics = tics, map = map, title = title, log = true }
end

--- axes.fit(values, o): an axis that holds the finite ones of these values, with a margin; logarithmic where values of
-- one sign span more than a factor of 12.  o: as axes.linear, and linear = true: never logarithmic; floor, ceiling:
-- natural limits.
function axes.fit(values, o)
  o = o or {}
  local low, high = math.huge, -math.huge
  for _, v in ipairs(values) do
    if v == v and math.abs(v) ~= math.huge then low, high = math.min(low, v), math.max(high, v) end
  end
  if low > high then low, high = 0, 1 end
  local sign = low > 0 and 1 or high < 0 and -1 or 0
  local near, far = math.min(math.abs(low), math.abs(high)), math.max(math.abs(low), math.abs(high))
  if sign ~= 0 and far / near > 12 and not o.linear then return logarithmic(sign, near / 1.15, far * 1.15, o.title) end
  local margin = high > low and (high - low) * 0.06 or math.max(math.abs(high) * 0.1, 0.1)
  low, high = math.max(low - margin, o.floor or -math.huge), math.min(high + margin, o.ceiling or math.huge)
  if high <= low then high = low + 1 end
  return axes.linear(low, high, o)
end

--- axes.metric(values, metric, o): axes.fit within the natural limits of a metric.
function axes.metric(values, metric, o)
  local m = style.metric(metric)
  o = o or {}
  return axes.fit(values, {
    linear = o.linear or m.share, floor = m.positive and 0 or nil, ceiling = m.share and 1 or nil, count = o.count,
  })
end

--- Adds to `values` what the axis of a summary over seeds must hold: the mean, and its interval up to three standard
-- deviations.  The interval of two or three seeds may reach far beyond anything possible.
function axes.hold(values, s)
  local reach = 3 * (s.sd or 0)
  values[#values + 1] = s.mean
  values[#values + 1] = s.low and math.max(s.low, s.mean - reach)
  values[#values + 1] = s.high and math.min(s.high, s.mean + reach)
end

--- axes.places(xs, o): the values of a setting: at their own places where they are numbers in nearly even steps, else
-- side by side. o: title; even = true: always side by side.  words = true: not all tics are numbers.
function axes.places(xs, o)
  o = o or {}
  local numbers, even = #xs > 2 and not o.even, true
  for _, x in ipairs(xs) do numbers = numbers and type(x) == "number" end
  for i = 2, numbers and #xs - 1 or 0 do
    local a, b = xs[i] - xs[i - 1], xs[i + 1] - xs[i]
    even = even and math.abs(a - b) < 0.3 * math.max(a, b)
  end
  local place, tics, words, texts = {}, {}, false, {}
  for i, x in ipairs(xs) do
    words = words or type(x) ~= "number"
    texts[i] = type(x) == "number" and style.number(x) or style.plain(tostring(x))
    if texts[i] == "" then texts[i] = "“”" end
  end
  texts = style.distinct(texts)
  local short = style.shortened(texts, 30)
  for i, x in ipairs(xs) do
    place[x] = numbers and even and x or i
    tics[i] = { place[x], short[texts[i]] }
  end
  local low, high = place[xs[1]], place[xs[#xs]]
  local margin = o.even and 0.6 or #xs > 1 and (high - low) * 0.08 or 0.5
  local function map(x) return place[x] or x end
  return { low = low - margin, high = high + margin, tics = tics, map = map, title = o.title, words = words }
end

--- axes.counts(ks, title): numbers of draws, ascending, on a logarithmic axis whose tics are just these.
function axes.counts(ks, title)
  local function map(k) return math.log(k, 10) end
  local low, high, tics = map(ks[1]), map(ks[#ks]), {}
  local margin = 0.06 * math.max(high - low, 1)
  for i, k in ipairs(ks) do tics[i] = { map(k), tostring(k) } end
  return { low = low - margin, high = high + margin, tics = tics, map = map, title = title }
end

--- axes.rows(texts, right, tight): rows from above, each with a text on its left and, where `right` has one, lines of
-- text on its right; tight: without space between them, for many rows.
function axes.rows(texts, right, tight)
  return { low = #texts + 0.5, high = 0.5, rows = texts, right = right, tight = tight, tics = {}, map = identity }
end

return axes
