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
--     panel = { title =, or heading =, unit =, icon = image, or side =     above; above, on the left; left of it
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
local EDGE, GAP = 0.15, 0.4              -- the page's margin; between a panel and what belongs to the next one
local TITLE, SMALL, FOOT = 0.5, 0.4, 0.5 -- a line of the title, of smaller text; the strip below everything
local ICON, SIDE, ROW = 0.9, 6.2, 0.38   -- an icon's height; the widest text left of a panel; a line of text in a row
local HIGHEST = 85                       -- of the panels of a page; gnuplot's page may have 100
local UNIT = { x = axes.bare(0, 1), y = axes.bare(1, 0) } -- the axes of a picture

-- ---- measures of a panel --------------------------------------------------------------------------------------------

-- The width of the text on its left.
local function left_of(s, p)
  if p.side then return math.min(SIDE, Page.widest({ p.side }, 9)) + 0.3 end
  if p.y.rows then return p.first and math.min(SIDE, Page.widest(p.y.rows, 9)) + 0.3 or 0 end
  if s.shared and not p.first then return 0 end
  local texts = {}
  for i, tic in ipairs(p.y.tics) do texts[i] = tic[2] end
  return (#texts > 0 and Page.widest(texts, 8) + 0.2 or 0) + (p.y.title and 0.45 or 0)
end

local function right_of(p)
  if not p.y.right then return 0 end
  local most = 0
  for _, lines in ipairs(p.y.right) do most = math.max(most, Page.widest(lines, 9)) end
  return most + 0.3
end

-- The share of a panel's tics that have room for their names side by side, as 1 in `step`.
local function tic_step(p)
  local longest = 0
  for _, t in ipairs(p.x.tics) do longest = math.max(longest, Page.text_width(t[2], 8)) end
  return math.ceil(#p.x.tics * (longest + 0.15) / (p.w_cm + longest)), longest
end

-- Numbers that have no room are left out, words are turned.
local function is_turned(p) return p.x.words and tic_step(p) > 1 end

-- The height of the names of the tics, which are below the panel, or with x.above above it.
local function tics_high(p)
  if #p.x.tics == 0 then return 0 end
  local _, longest = tic_step(p)
  return is_turned(p) and longest + 0.15 or 0.45
end
local function tics_below(p) return p.x.above and 0 or tics_high(p) end
local function tics_above(p) return p.x.above and tics_high(p) or 0 end

local function below(p) return tics_below(p) + (p.x.title and 0.45 or 0) + 0.2 end

-- The lines of text above it, from the top: { text, size, colour }.
local function head_of(p)
  local lines = {}
  local function add(text, size, colour, width)
    for _, line in ipairs(Page.wrap(text, width or p.w_cm + 0.3, size)) do -- it may reach into the gap
      lines[#lines + 1] = { line, size, colour }
    end
  end
  if p.title then
    add(p.title, 9, style.ink, p.room_cm)
    return lines
  end
  if p.heading then add(p.heading, 9, style.ink) end
  local unit = p.unit ~= "" and p.unit
  if unit then add(unit .. (p.y.log and " (log)" or ""), 8, p.heading and style.soft or style.ink) end
  return lines
end

-- How far the text on its left reaches beyond it, at the top and at the bottom.
local function beyond(p)
  return p.side and math.max(0, (#Page.wrap(p.side, SIDE, 9) * ROW - p.h_cm) / 2) or 0
end

local function above(p) return math.max(#head_of(p) * SMALL, p.icon and ICON or 0) + 0.15 + tics_above(p) end

-- A row of a panel of rows is as high as its longest text.
local function row_height(y)
  local lines = 1
  for i, text in ipairs(y.rows) do
    lines = math.max(lines, #Page.wrap(text, SIDE, 9), y.right and #y.right[i] or 1)
  end
  return lines * ROW + (y.right and 0.2 or y.tight and 0.03 or 0.15)
end

local function height(s, p, width)
  if p.y.rows then return #p.y.rows * row_height(p.y) + 0.1 end
  if p.image then return width * p.image.h / p.image.w end
  if p.square then return width end
  return width * (s.columns == 1 and 0.6 or s.columns == 2 and 0.7 or 0.95)
end

-- ---- the page -------------------------------------------------------------------------------------------------------

-- The default number of panels side by side: one row up to four pictures or three charts.
local function columns_for(panels)
  local n, chart = #panels, not (panels[1].square or panels[1].image)
  if panels[1].side then return 1 end
  if panels[1].y.rows then return math.min(n, (n == 4 or Page.widest(panels[1].y.rows, 9) > 2.5) and 2 or 3) end
  if n <= (chart and 3 or 4) then return n end
  return (chart or n <= 6) and 3 or 4
end

local function largest(p)
  if p.side then return 2.2 * p.image.w / p.image.h end
  return p.image and 8 or p.square and 6.5 or p.y.rows and 9 or 12
end

-- Gives each panel its place x_cm, y_cm, w_cm, h_cm, and `first` to the leftmost ones; returns the height of all.
local function place(s, top)
  local n = s.columns
  local left, between, right, most = 0, 0, 0, 0
  for i, p in ipairs(s.panels) do
    if p then
      p.first = (i - 1) % n == 0
      if p.first then left = math.max(left, left_of(s, p)) else between = math.max(between, left_of(s, p)) end
      right, most = math.max(right, right_of(p)), math.max(most, largest(p))
    end
  end
  local free = s.width - 2 * EDGE - left - GAP / 2 - n * right - (n - 1) * (between + GAP)
  local width = math.min(free / n, s.largest or most)
  local indent = s.panels[1].side and 0 or (free - n * width) / 2 -- both sides share the remaining width
  local pitch = width + right + between + GAP
  local y = top
  for from = 1, #s.panels, n do
    local row = table.move(s.panels, from, math.min(from + n - 1, #s.panels), 1, {})
    local over, tall, under = 0, 0, 0
    for i, p in ipairs(row) do
      if p then
        p.w_cm, p.h_cm, p.x_cm = width, height(s, p, width), EDGE + left + indent + (i - 1) * pitch
        local middle = p.x_cm + width / 2
        p.room_cm = math.min(n > 1 and pitch - 0.1 or math.huge, 2 * (middle - EDGE), 2 * (s.width - EDGE - middle))
        over, tall = math.max(over, above(p) + beyond(p)), math.max(tall, p.h_cm)
        under = math.max(under, below(p) + beyond(p))
      end
    end
    for _, p in ipairs(row) do
      if p then p.y_cm = y + over end
    end
    y = y + over + tall + under
  end
  return y - top
end

-- ---- drawing --------------------------------------------------------------------------------------------------------

-- The command for the tics of the axis "x" or "y"; with an empty list gnuplot would choose them.
local function tics(axis, list, named, offset)
  local out = {}
  if #list == 0 then return "unset " .. axis .. "tics" end
  for i, t in ipairs(list) do out[i] = string.format("%s %.9g", style.text(named and t[2] or ""), t[1]) end
  return string.format("set %stics (%s) offset %s", axis, table.concat(out, ", "), offset)
end

-- The names of every second, third … place where all of them would not fit side by side.
local function thinned(p)
  local step, out = tic_step(p), {}
  for i, t in ipairs(p.x.tics) do out[i] = { t[1], (i - 1) % step == 0 and t[2] or "" } end
  return out
end

-- The names of tics that are words: gnuplot would read a % in them as the format of a number, and cut them.
local function tic_words(page, p)
  local turned, y = is_turned(p), p.y_cm + p.h_cm
  local align = turned and "right" or "center"
  if p.x.above then
    y, align = p.y_cm - (turned and 0.1 or 0.2), turned and "left" or "center"
  else
    y = y + (turned and 0.15 or 0.3)
  end
  for _, t in ipairs(p.x.tics) do
    page:text(t[2], p.x_cm + (t[1] - p.x.low) / (p.x.high - p.x.low) * p.w_cm, y,
      { size = 8, align = align, upright = turned })
  end
end

local borders = {
  none = "0", bottom = "1 lw 1 lc rgb '#555555' dt solid", axes = "3 lw 1 lc rgb '#555555' dt solid",
  box = "15 lw 0.6 lc rgb '#555555' dt solid", dotted = "15 lw 1.6 lc rgb '#000000' dt (3,4)",
}

local function frame(page, s, p)
  page:margins(p.x_cm, p.y_cm, p.w_cm, p.h_cm)
  page:add("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", p.x.low, p.x.high, p.y.low, p.y.high)
  page:add("set border %s", borders[p.frame or p.image and "none" or p.y.rows and "bottom" or "axes"])
  page:add(tics("x", thinned(p), not p.x.words, "0,0.3") .. (p.x.above and " scale 0" or ""))
  page:add(tics("y", p.y.tics, p.first or not s.shared, "0.5,0"))
  page:add "unset grid"
  if p.grid then page:add("set grid %stics lt 1 lc rgb '#DDDDDD' lw 0.8", p.grid) end
end

-- The texts around a panel.
local function words(page, s, p)
  local x, y, w, h = p.x_cm, p.y_cm, p.w_cm, p.h_cm
  local head, at = head_of(p), p.title and x + w / 2 or x + (p.icon and ICON * p.icon.w / p.icon.h + 0.15 or 0)
  for i, line in ipairs(head) do
    local o = { size = line[2], colour = line[3], align = p.title and "center" }
    page:text(line[1], at, y - tics_above(p) - 0.22 - (#head - i) * SMALL, o)
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
  if p.x.title then
    page:text(Page.fit(p.x.title, p.room_cm, 9), x + w / 2, y + h + tics_below(p) + 0.3, { align = "center" })
  end
  if p.x.words then tic_words(page, p) end
  if p.y.title and (p.first or not s.shared) then page:text(p.y.title, x - left_of(s, p) + 0.05, y + h / 2) end
  for _, l in ipairs(p.labels or {}) do
    local right, up = (p.x.map(l[2]) - p.x.low) / (p.x.high - p.x.low), (p.y.map(l[3]) - p.y.low) / (p.y.high - p.y.low)
    local at, wide = x + right * w + (l.right or 0), Page.text_width(l[1], l.size or 9)
    local before = wide * (l.align == "right" and 1 or l.align == "center" and 0.5 or 0)
    at = math.max(math.min(at, s.width - wide + before), before) -- on the page
    page:text(l[1], at, y + h - up * h - (l.up or 0), l)
  end
  if p.corner then page:text(p.corner, x + w - 0.12, y + h - 0.25, { align = "right", size = 8, boxed = true }) end
end

local function icon(page, name, p)
  local panel = {
    x = UNIT.x, y = UNIT.y, frame = "box",
    x_cm = p.x_cm, y_cm = p.y_cm - 0.1 - ICON, w_cm = ICON * p.icon.w / p.icon.h, h_cm = ICON,
  }
  frame(page, {}, panel)
  local elements, _, command = series.elements(page, panel, name .. "_icon", p.icon)
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

-- The elements and the commands of each panel's plot, and the entries of the key.
local function parts_of(page, s)
  local parts, entries = {}, {}
  for i, p in ipairs(s.panels) do
    local part = { elements = {}, commands = {} }
    local function show(what, number)
      local elements, entry, command = series.elements(page, p, string.format("p%d_%d", i, number), what)
      table.move(elements, 1, #elements, #part.elements + 1, part.elements)
      part.commands[#part.commands + 1] = command
      if entry then add_entry(entries, entry) end
    end
    if p and p.image then show(p.image, 0) end
    for k, one in ipairs(p and p.series or {}) do show(one, k) end
    parts[i] = part
  end
  for _, entry in ipairs(s.key or {}) do add_entry(entries, entry) end
  return parts, entries
end

local function complete(s)
  s.width = s.width or 16
  for _, p in ipairs(s.panels) do
    if p then p.x, p.y = p.x or UNIT.x, p.y or UNIT.y end
  end
  s.columns = s.columns or columns_for(s.panels)
end

--- sheet.split(s) → a list of descriptions: s, or its rows of panels on several pages where one would be too high.
function sheet.split(s)
  complete(s)
  local rows = math.ceil(#s.panels / s.columns)
  if rows < 2 or place(s, 0) <= HIGHEST then return { s } end
  local pages, cut = {}, rows // 2 * s.columns
  for _, range in ipairs { { 1, cut }, { cut + 1, #s.panels } } do
    local half = setmetatable({ panels = table.move(s.panels, range[1], range[2], 1, {}) }, { __index = s })
    local parts = sheet.split(half)
    table.move(parts, 1, #parts, #pages + 1, pages)
  end
  return pages
end

--- sheet.draw(ctx, name, s) → the name of the figure: draws the page that s describes.
function sheet.draw(ctx, name, s)
  complete(s)
  local title, note = Page.wrap(s.title, s.width - 2 * EDGE, 10), Page.wrap(s.note or "", s.width - 2 * EDGE, 8)
  local top = EDGE + #title * TITLE + #note * SMALL
  local bottom = top + place(s, top)
  local page = Page.new(s.width)
  local parts, entries = parts_of(page, s)
  local source = records.source(ctx, s.seed and "seed " .. tostring(s.seed.seed))
  local foot = Page.wrap(source, s.width - 2 * EDGE, 8)
  page.height = bottom + Page.key_height(entries, 0.5, s.width) + FOOT + math.max(0, #foot - 1) * SMALL

  page:key(entries, 0.5, bottom)
  local small = { size = 8, colour = style.soft }
  for i, line in ipairs(title) do page:text(line, EDGE, 0.36 + (i - 1) * TITLE, { size = 10 }) end
  for i, line in ipairs(note) do page:text(line, EDGE, 0.34 + #title * TITLE + (i - 1) * SMALL, small) end
  small.align = "right"
  for i, line in ipairs(foot) do
    page:text(line, s.width - EDGE, page.height - 0.22 - (#foot - i) * SMALL, small)
  end
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
