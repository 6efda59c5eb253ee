-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/series.lua: what a panel may show, each as gnuplot draws it.  A series is a table with one of the
-- names below:
--
--     { line = { {x, y}, … }, look = style.look(1), key = "AEVB" }
--
-- Its rows hold values, which the panel's axes map to places; a look { colour =, dash =, point = } and the same names
-- in the series itself say how it is drawn; `key` is its text in the key, where series of one text share an entry.

local check = require "vae_lab.check"
local style = require "vae_lab.style"

local series = {}

-- The columns of a row: x and y are values; X and Y too, and end at the frame; r is taken as it is.
local columns = {
  line = "xy",       -- dash, width
  points = "xy",     -- point, size; every, first: only some of them; hollow: the centres of marks in white
  band = "xYY",      -- x, low, high: fill
  intervals = "xyYY", -- x, y, low, high: a mark with a vertical interval; without low and high the mark alone
  spans = "xyXX",    -- x, y, low, high: with a horizontal one
  crosses = "xyXXYY", -- with both
  columns = "xYY",   -- x, from, to: upright boxes; fill
  bars = "yXX",      -- y, from, to: lying boxes; fill
  segments = "XYXY", -- from x, y to x, y
  ellipses = "xyrrr", -- x, y, diameters, degrees; fill
  names = "xyr",     -- x, y, text on a white disc
}

local function place(axis, v, clip)
  if v == nil then return nil end
  v = axis.map(v)
  if not clip then return v end
  return math.max(math.min(v, math.max(axis.low, axis.high)), math.min(axis.low, axis.high))
end

local function mapped(rows, kinds, panel)
  local out = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j = 1, #row > 0 and #kinds or 0 do
      local kind = kinds:sub(j, j)
      cells[j] = kind == "r" and row[j] or place(panel[kind:lower()], row[j], kind:upper() == kind)
    end
    out[i] = cells
  end
  return out
end

local function pen(s, width)
  return string.format("lw %g dt %s lc rgb '%s'", s.width or width, s.dash or "solid", s.colour)
end

local function mark(s) return string.format("pt %d ps %g lc rgb '%s'", s.point or 7, s.size or 0.9, s.colour) end

-- Marks with intervals.  A row without one is a mark alone: an interval of width 0 would look like certainty.
local function whiskers(how)
  return function(data, s, rows)
    local with = 0
    for _, row in ipairs(rows) do with = with + (row[3] and 1 or 0) end
    local look, out = string.format("%s lw %g", mark(s), s.width or 2), {}
    if with < #rows then out[1] = string.format("%s using 1:2 with points %s", data, look) end
    if with > 0 then out[#out + 1] = string.format("%s using %s %s", data, how, look) end
    return table.concat(out, ", ")
  end
end

local draw = {
  line = function(data, s) return string.format("%s using 1:2 with lines %s", data, pen(s, 2)) end,
  points = function(data, s)
    if s.hollow then return string.format("%s using 1:2 with points pt %d ps 0.5 lc rgb '#FFFFFF'", data, s.point) end
    local some = s.every and string.format(" every %d::%d", s.every, s.first) or ""
    return string.format("%s using 1:2%s with points %s lw 1", data, some, mark(s))
  end,
  band = function(data, s)
    return string.format("%s using 1:2:3 with filledcurves fs transparent solid %g noborder fc rgb '%s'", data,
      s.fill or 0.2, s.colour)
  end,
  intervals = whiskers "1:2:3:4 with yerrorbars",
  spans = whiskers "1:2:3:4 with xerrorbars",
  crosses = whiskers "1:2:3:4:5:6 with xyerrorbars",
  columns = function(data, s)
    return string.format("%s using 1:2:($1-0.32):($1+0.32):2:3 with boxxyerror lc rgb '%s' lw 1 fs solid %.2f border",
      data, s.colour, s.fill)
  end,
  bars = function(data, s)
    return string.format("%s using 2:1:2:3:($1-0.3):($1+0.3) with boxxyerror fs solid %.2f noborder lc rgb '%s'", data,
      s.fill, s.colour)
  end,
  segments = function(data, s)
    return string.format("%s using 1:2:($3-$1):($4-$2) with vectors nohead %s", data, pen(s, 1))
  end,
  ellipses = function(data, s)
    local fill = s.fill and string.format("transparent solid %g", s.fill) or "empty"
    return string.format("%s using 1:2:3:4:5 with ellipses units xx fs %s border %s fc rgb '%s'", data, fill,
      pen(s, 1.2), s.colour)
  end,
  names = function(data)
    return string.format("%s using 1:2 with points pt 7 ps 2.6 lc rgb '#ffffff', "
      .. "%s using 1:2:3 with labels font ',9' textcolor rgb '#000000'", data, data)
  end,
}

-- A file of w × h float32 values over an area of the axes: from (x, y) on, each dx × dy large; z: a third coordinate.
local function grid(data, w, h, x, y, dx, dy, z)
  return string.format("%s binary array=(%d,%d) format='%%float32' origin=(%.9g,%.9g%s) dx=%.9g dy=%.9g", data, w, h,
    x + dx / 2, y + dy / 2, z or "", dx, dy)
end

-- A field of n × n values, rows from below, over the square s.box = { x, y, side }, shaded from white (0) to s.shade
-- (1), with lines { level, width } of equal height, which gnuplot finds.
local function field(page, name, s)
  local box, n, floats = s.box, s.n, {}
  for i, v in ipairs(s.field) do floats[i] = string.pack("<f", v) end
  local data, cell = page:blob(name, table.concat(floats)), box.side / n
  local elements = { grid(data, n, n, box.x, box.y, cell, cell) .. " with image" }
  for i, line in ipairs(s.lines) do
    local block = string.format("$%s_%d", name, i)
    -- before the page begins, because a table takes the place of what is drawn
    page.before[#page.before + 1] = string.format("set contour base; unset surface\n"
      .. "set cntrparam levels discrete %.9g\nset table %s\nsplot %s with lines\n"
      .. "unset table; unset contour; set surface", line.level, block, grid(data, n, n, box.x, box.y, cell, cell, ",0"))
    elements[#elements + 1] = string.format("%s using 1:2 with lines lw %g lc rgb '%s'", block, line.width, s.colour)
  end
  return elements, nil, string.format("set palette positive defined (0 '#FFFFFF', 1 '%s'); set cbrange [0:1]", s.shade)
end

-- A picture of float32 values, rows from above, over the unit square; s.dark: large values are dark.
local function image(page, name, s)
  local elements = { grid(page:blob(name, s.image), s.w, s.h, 0, 0, 1 / s.w, 1 / s.h) .. " with image" }
  -- gnuplot's default gamma is 1.5
  return elements, nil, "set palette gray gamma 1 " .. (s.dark and "negative" or "positive") .. "; set cbrange [0:1]"
end

-- The entry of the key that shows a series.
local function entry_of(s, kind)
  local entry = { text = s.key, colour = s.colour, width = s.width }
  if s.fill or kind == "band" then
    entry.fill = kind == "ellipses" and 0.3 or s.fill or 0.25
  elseif kind == "points" or kind == "intervals" or kind == "spans" or kind == "crosses" then
    entry.point, entry.size = s.point, s.size and math.max(s.size, 0.8)
  else
    entry.dash = s.dash or "solid"
  end
  return entry
end

--- series.elements(page, panel, name, s) → the elements of gnuplot's plot; the entry of the key, or nil; a command
-- before the plot, or nil.
function series.elements(page, panel, name, s)
  s = setmetatable(s, { __index = s.look })
  if s.image then return image(page, name, s) end
  if s.field then return field(page, name, s) end
  for kind, kinds in pairs(columns) do
    if rawget(s, kind) then
      local rows = mapped(s[kind], kinds, panel)
      local elements = #rows > 0 and { draw[kind](page:data(name .. "_" .. kind, rows, #kinds), s, rows) } or {}
      return elements, s.key and #rows > 0 and entry_of(s, kind) or nil
    end
  end
  check.fail {
    what = "a series of a figure has no data",
    expected = table.concat(check.sorted_keys(columns), ", ") .. ", field or image",
  }
end

return series
