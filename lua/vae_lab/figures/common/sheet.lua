-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/sheet.lua: lays out and draws one page from its description, so that all figures look alike:
--
--     { title =, note =,                below it, smaller: what is drawn, in a sentence
--       panels = { panel, … },          row by row; false leaves a place empty
--       columns =, width =, largest =   panels side by side; the page and the widest panel, cm
--       shared = true                   panels of a row share their y axis: it is named once
--       key = { entry, … }              entries of the key besides those of the series
--       seed = run, suffix = "-…" }     the run that is drawn; the end of the figure's name
--
--     panel = { title =, or heading =, unit =, icon = image, or side =      above it, above it on the left, or on its left
--       x = axis, y = axis (axes.lua), grid = "x" or "y", square = true, frame = "box", "dotted" or "none",
--       series = { … } (series.lua), image = { image =, w =, h =, dark = },
--       labels = { { text, x, y, align =, right =, up =, size =, colour =, boxed = }, … },  right and up in cm
--       corner = "3 of 30" }
--
-- The last line of a page says which data it shows: bounds on grey, static and dynamic binarisation differ.

local axes = require "vae_lab.figures.common.axes"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local series = require "vae_lab.figures.common.series"
local style = require "vae_lab.style"

local sheet = {}

-- Centimetres.
local EDGE, GAP = 0.15, 0.4                  -- the page's margin; between a panel and what belongs to the next one
local TITLE, SMALL, FOOT = 0.5, 0.4, 0.5     -- a line of the title, of smaller text; the strip below everything
local ICON, SIDE, ROW = 0.9, 6.2, 0.38       -- an icon's height; the widest text on a panel's left; a line of text in a row
local UNIT = { x = axes.bare(0, 1), y = axes.bare(1, 0) } -- the axes of a picture

local function widest(texts, size)
  local most = 0
  for _, text in ipairs(texts) do most = math.max(most, Page.text_width(text, size)) end
  return most
end

-- ---- measures of a panel ---------------------------------------------------------------------------------------------

-- The width of what is written on its left; `first`: of the leftmost panel of a row.
local function left_of(s, p, first)
  if p.side then return math.min(SIDE, widest({ p.side }, 9)) + 0.3 end
  if p.y.rows then return first and math.min(SIDE, widest(p.y.rows, 9)) + 0.3 or 0 end
  local texts = {}
  for i, tic in ipairs(p.y.tics) do texts[i] = tic[2] end
  local named = first or not s.shared
  return (named and #texts > 0 and widest(texts, 8) + 0.2 or 0) + (p.y.title and named and 0.45 or 0)
end

local function right_of(p)
  if not p.y.right then return 0 end
  local most = 0
  for _, lines in ipairs(p.y.right) do most = math.max(most, widest(lines, 9)) end
  return most + 0.3
end

local function below(p) return (#p.x.tics > 0 and 0.45 or 0) + (p.x.title and 0.45 or 0) + 0.2 end

-- The lines of text above it, from the top: { text, size, colour }.
local function head_of(p, width)
  if p.title then return { { p.title, 9, style.ink } } end
  local lines = {}
  local function add(text, size, colour)
    for _, line in ipairs(Page.wrap(text, width + 0.3, size)) do lines[#lines + 1] = { line, size, colour } end -- it may reach into the gap
  end
  if p.heading then add(p.heading, 9, style.ink) end
  if p.unit and p.unit ~= "" then add(p.unit .. (p.y.log and " (log)" or ""), 8, p.heading and style.soft or style.ink) end
  return lines
end

local function above(p, width) return math.max(#head_of(p, width) * SMALL, p.icon and ICON or 0) + 0.15 end

-- A row of a panel of rows is as high as its longest text.
local function row_height(y)
  local lines = 1
  for i, text in ipairs(y.rows) do lines = math.max(lines, #Page.wrap(text, SIDE, 9), y.right and #y.right[i] or 1) end
  return lines * ROW + (y.right and 0.2 or 0.15)
end

local function height(s, p, width)
  if p.y.rows then return #p.y.rows * row_height(p.y) + 0.1 end
  if p.image then return width * p.image.h / p.image.w end
  if p.square then return width end
  return width * (s.columns == 1 and 0.6 or s.columns == 2 and 0.7 or 0.95)
end

-- ---- the page --------------------------------------------------------------------------------------------------------

-- Panels side by side, where the kind has no reason of its own: one row up to four pictures or three charts.
local function columns_for(panels)
  local n, chart = #panels, not (panels[1].square or panels[1].image)
  if panels[1].side then return 1 end
  if panels[1].y.rows then return widest(panels[1].y.rows, 9) > 2.5 and math.min(2, n) or n == 4 and 2 or math.min(3, n) end
  if n <= (chart and 3 or 4) then return n end
  return (chart or n <= 6) and 3 or 4
end

local function largest(p)
  if p.side then return 2.2 * p.image.w / p.image.h end
  return p.image and 8 or p.square and 6.5 or p.y.rows and 9 or 12
end

-- Puts x, y, w, h into each panel; returns the height of all of them.
local function place(s, top)
  local n = s.columns
  local left, between, right, most = 0, 0, 0, 0
  for i, p in ipairs(s.panels) do
    if p then
      local first = (i - 1) % n == 0
      if first then left = math.max(left, left_of(s, p, true)) else between = math.max(between, left_of(s, p, false)) end
      right, most = math.max(right, right_of(p)), math.max(most, largest(p))
    end
  end
  local free = s.width - 2 * EDGE - left - GAP / 2 - n * right - (n - 1) * (between + GAP)
  local width = math.min(free / n, s.largest or most)
  local indent = s.panels[1].side and 0 or (free - n * width) / 2 -- what is left over is shared by both sides
  local y = top
  for from = 1, #s.panels, n do
    local over, tall, under = 0, 0, 0
    for i = from, math.min(from + n - 1, #s.panels) do
      local p = s.panels[i]
      if p then over, tall, under = math.max(over, above(p, width)), math.max(tall, height(s, p, width)), math.max(under, below(p)) end
    end
    for i = from, math.min(from + n - 1, #s.panels) do
      local p = s.panels[i]
      if p then
        p.x_cm, p.y_cm, p.first = EDGE + left + indent + (i - from) * (width + right + between + GAP), y + over, i == from
        p.w_cm, p.h_cm = width, height(s, p, width)
      end
    end
    y = y + over + tall + under
  end
  return y - top
end

-- ---- drawing ---------------------------------------------------------------------------------------------------------

-- The command for the tics of the axis "x" or "y"; an empty list would be gnuplot's own choice.
local function tics(axis, list, named, offset)
  local out = {}
  if #list == 0 then return "unset " .. axis .. "tics" end
  for i, t in ipairs(list) do out[i] = string.format("%s %.9g", style.text(named and t[2]:gsub("%%", "%%%%") or ""), t[1]) end
  return string.format("set %stics (%s) offset %s", axis, table.concat(out, ", "), offset)
end

-- The names of every second, third … place where all of them would not fit side by side.
local function thinned(list, width)
  local longest, out = 0, {}
  for _, t in ipairs(list) do longest = math.max(longest, Page.text_width(t[2], 8)) end
  local step = math.ceil(#list * (longest + 0.15) / (width + longest))
  for i, t in ipairs(list) do out[i] = { t[1], (i - 1) % step == 0 and t[2] or "" } end
  return out
end

local borders = { box = "15 lw 0.6 lc rgb '#555555' dt solid", dotted = "15 lw 1.6 lc rgb '#000000' dt (3,4)", none = "0" }

local function frame(page, s, p)
  local x, y, w, h = p.x_cm, p.y_cm, p.w_cm, p.h_cm
  page:margins(x, y, w, h)
  page:add("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", p.x.low, p.x.high, p.y.low, p.y.high)
  page:add("set border %s", borders[p.frame or p.image and not p.x.title and "none"] or (p.y.rows and "1" or "3") .. " lw 1 lc rgb '#555555' dt solid")
  page:add(tics("x", thinned(p.x.tics, w), true, "0,0.3"))
  page:add(tics("y", p.y.tics, p.first or not s.shared, "0.5,0"))
  page:add "unset grid"
  if p.grid then page:add("set grid %stics lt 1 lc rgb '#DDDDDD' lw 0.8", p.grid) end
end

-- What is written around a panel.
local function words(page, s, p)
  local x, y, w, h = p.x_cm, p.y_cm, p.w_cm, p.h_cm
  local head = head_of(p, w)
  local at = x + (p.icon and ICON * p.icon.w / p.icon.h + 0.15 or 0)
  for i, line in ipairs(head) do
    page:text(line[1], p.title and x + w / 2 or at, y - 0.22 - (#head - i) * SMALL, { size = line[2], colour = line[3], align = p.title and "center" })
  end
  local function column(lines, left, middle, align)
    for k, text in ipairs(lines) do page:text(text, left, middle + (k - (#lines + 1) / 2) * ROW, { align = align }) end
  end
  if p.side then column(Page.wrap(p.side, SIDE, 9), x - 0.2, y + h / 2, "right") end
  for i, text in ipairs(p.y.rows or {}) do
    local middle = y + (i - 0.5) * h / #p.y.rows
    if p.first then column(Page.wrap(text, SIDE, 9), x - 0.2, middle, "right") end
    if p.y.right then column(p.y.right[i], x + w + 0.2, middle) end
  end
  if p.x.title then page:text(p.x.title, x + w / 2, y + h + (#p.x.tics > 0 and 0.75 or 0.3), { align = "center" }) end
  if p.y.title and (p.first or not s.shared) then page:text(p.y.title, x - left_of(s, p, p.first) + 0.05, y + h / 2) end
  for _, l in ipairs(p.labels or {}) do page:label(l[1], p.x.map(l[2]), p.y.map(l[3]), l) end
  if p.corner then page:label(p.corner, p.x.high, p.y.low, { align = "right", right = -0.12, up = 0.25, size = 8, boxed = true }) end
end

local function icon(page, name, p)
  local i = p.icon
  local wide = ICON * i.w / i.h
  local panel = { x = UNIT.x, y = UNIT.y, x_cm = p.x_cm, y_cm = p.y_cm - 0.1 - ICON, w_cm = wide, h_cm = ICON, frame = "box" }
  frame(page, {}, panel)
  local elements, _, command = series.elements(page, panel, name .. "_icon", i)
  page:add(command)
  page:plot(elements)
end

-- An entry of the key for each text, with all that the series of this text show.
local function add_entry(entries, entry)
  for _, e in ipairs(entries) do
    if e.text == entry.text then
      for name, value in pairs(entry) do e[name] = e[name] == nil and value or e[name] end
      return
    end
  end
  entries[#entries + 1] = entry
end

--- sheet.draw(ctx, name, s) → the name of the figure: draws the page that s describes.
function sheet.draw(ctx, name, s)
  s.width = s.width or 16
  for _, p in ipairs(s.panels) do
    if p then p.x, p.y, p.series = p.x or UNIT.x, p.y or UNIT.y, p.series or {} end
  end
  s.columns = s.columns or columns_for(s.panels)
  local title, note = Page.wrap(s.title, s.width - 2 * EDGE, 10), s.note and Page.wrap(s.note, s.width - 2 * EDGE, 8) or {}
  local top = EDGE + #title * TITLE + #note * SMALL
  local bottom = top + place(s, top)

  -- The elements are made before the rest of the page: they give the key, whose height is part of the page's.
  local page, parts, entries = Page.new(s.width, 0), {}, {}
  for i, p in ipairs(s.panels) do
    if p then
      local part = { elements = {}, commands = {} }
      local function show(what, number)
        local elements, entry, command = series.elements(page, p, string.format("p%d_%d", i, number), what)
        table.move(elements, 1, #elements, #part.elements + 1, part.elements)
        part.commands[#part.commands + 1] = command
        if entry then add_entry(entries, entry) end
      end
      if p.image then show(p.image, 0) end
      for k, one in ipairs(p.series) do show(one, k) end
      parts[i] = part
    end
  end
  for _, entry in ipairs(s.key or {}) do add_entry(entries, entry) end
  page.height = bottom + Page.key_height(entries, 0.5, s.width) + FOOT

  page:key(entries, 0.5, bottom)
  for i, line in ipairs(title) do page:text(line, EDGE, 0.36 + (i - 1) * TITLE, { size = 10 }) end
  for i, line in ipairs(note) do page:text(line, EDGE, 0.34 + #title * TITLE + (i - 1) * SMALL, { size = 8, colour = style.soft }) end
  local source = records.source(ctx, s.seed and "seed " .. tostring(s.seed.seed))
  page:text(source, s.width - EDGE, page.height - 0.22, { size = 8, align = "right", colour = style.soft })
  for i, p in ipairs(s.panels) do
    if p then
      frame(page, s, p)
      words(page, s, p)
      for _, command in ipairs(parts[i].commands) do page:add(command) end
      page:plot(parts[i].elements)
      if p.icon then icon(page, "p" .. i, p) end
    end
  end
  return page:render(ctx, name)
end

return sheet
