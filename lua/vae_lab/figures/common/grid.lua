-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/grid.lua: where panels stand on a page, and readable axes.

local style = require "vae_lab.style"

local grid = {}

--- grid.columns(n) → how many panels stand side by side: one row up to four, three wide up to six, then four.
function grid.columns(n)
  if n <= 4 then return n end
  return n <= 6 and 3 or 4
end

--- grid.squares(n, width, o) → { columns, rows, size, place = function (i) → x, y }: equal squares that fill `width` cm.
-- o: left, between, above (room over each for its title), below, top, largest (cm).
function grid.squares(n, width, o)
  local columns = o.columns or grid.columns(n)
  local rows = (n + columns - 1) // columns
  local right = o.right or 0.3
  local size = (width - o.left - right - (columns - 1) * o.between) / columns
  if o.largest and size > o.largest then size = o.largest end
  local ratio = o.ratio or 1 -- height by width
  local pitch = o.above + size * ratio + o.below
  local g = { columns = columns, rows = rows, size = size, tall = size * ratio, height = rows * pitch }
  -- what is left over is shared by both sides
  g.indent = (width - o.left - right - columns * size - (columns - 1) * o.between) / 2
  function g.place(i)
    local column, row = (i - 1) % columns, (i - 1) // columns
    return o.left + g.indent + column * (size + o.between), o.top + row * pitch + o.above
  end
  return g
end

--- grid.nice(v) → the least of 1, 1.5, 2, 3, 4, 5, 6, 8 × 10^k that is not below v.
function grid.nice(v)
  local power = 10 ^ math.floor(math.log(v, 10))
  for _, step in ipairs { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 } do
    if v <= step * power * (1 + 1e-9) then return step * power end
  end
  return 10 * power
end

--- grid.step(span, count) → a step of 1, 2, 5 × 10^k that gives at most `count` steps.
function grid.step(span, count)
  local rough = span / count
  local power = 10 ^ math.floor(math.log(rough, 10))
  for _, step in ipairs { 1, 2, 5, 10 } do
    if rough <= step * power * (1 + 1e-9) then return step * power end
  end
end

-- Gnuplot's explicit tics: text position, …
local function tics(list)
  local out = {}
  for i, t in ipairs(list) do out[i] = string.format("%s %.9g", style.text((t[2]:gsub("%%", "%%%%"))), t[1]) end
  return "(" .. table.concat(out, ", ") .. ")"
end
grid.tics = tics

local function log_tics(low, high)
  local list, decades = {}, math.log(high / low, 10)
  local steps = decades > 2.4 and { 1 } or { 1, 2, 5 }
  for k = math.floor(math.log(low, 10)) - 1, math.ceil(math.log(high, 10)) + 1 do
    for _, s in ipairs(steps) do
      local v = s * 10.0 ^ k
      if v >= low * 0.999 and v <= high * 1.001 then list[#list + 1] = v end
    end
  end
  return list
end

--- grid.axis(values, o) → { map = function (v), low, high, tics = gnuplot text, kind }: a linear axis; logarithmic where
-- values of one sign span more than a factor of 12.  A logarithmic axis of negative values (the ELBO) runs from the most
-- negative up to the least.
-- o: floor, ceiling: natural limits; linear = true.
function grid.axis(values, o)
  o = o or {}
  local low, high = math.huge, -math.huge
  for _, v in ipairs(values) do
    if v == v and v ~= math.huge and v ~= -math.huge then low, high = math.min(low, v), math.max(high, v) end
  end
  if low > high then low, high = 0, 1 end
  local sign = low > 0 and 1 or high < 0 and -1 or 0
  local near, far = math.min(math.abs(low), math.abs(high)), math.max(math.abs(low), math.abs(high))
  if sign ~= 0 and far / near > 12 and not o.linear then
    local a = { kind = "log", near = near / 1.15, far = far * 1.15 }
    function a.map(v) return v * sign > 0 and sign * math.log(v * sign, 10) or 0 / 0 end
    local list = {}
    for _, v in ipairs(log_tics(a.near, a.far)) do list[#list + 1] = { a.map(sign * v), style.number(sign * v) } end
    a.tics, a.low, a.high = tics(list), a.map(sign * a.near), a.map(sign * a.far)
    if sign < 0 then a.low, a.high = a.high, a.low end
    return a
  end
  local margin = high > low and (high - low) * 0.06 or math.max(math.abs(high) * 0.1, 0.1)
  low, high = low - margin, high + margin
  if o.floor and low < o.floor then low = o.floor end
  if o.ceiling and high > o.ceiling then high = o.ceiling end
  if high <= low then high = low + 1 end
  local step, list = grid.step(high - low, o.count or 5), {}
  for k = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do
    list[#list + 1] = { k * step, style.number(k * step, 6) }
  end
  return { kind = "linear", map = function(v) return v end, low = low, high = high, tics = tics(list) }
end

return grid
