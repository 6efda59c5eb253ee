-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/page.lua: a page to draw on, in centimetres from its upper left corner; it collects commands and data.
--
--     local page = Page.new { width = 16, height = 7, title = "…", note = "…" }
--     page:panel { x = 1, y = 1, w = 4, h = 4, title = "β = 0" }
--     page:plot { page:data("means", rows) .. " using 1:2 with points" }
--     page:render(ctx, "name")        writes every format that is asked for
--
-- Its last line says which data it shows (page.source): bounds on grey, static and dynamic binarisation differ.

local plot = require "vae_lab.native.plot"
local style = require "vae_lab.style"

local Page = {}
Page.__index = Page

-- Heights of a line of the title, of a line of small text, and of the strip below everything, cm.
Page.head, Page.line, Page.foot = 0.5, 0.4, 0.5

-- ---- measures --------------------------------------------------------------------------------------------------------

--- Rough width of a text, cm: fonts differ, so that it is a safe one.
function Page.text_width(text, size) return utf8.len(text) * 0.0185 * (size or 9) + 0.05 end

--- Page.wrap(text, width, size) → its lines, broken at spaces so that none is wider than `width` cm.
function Page.wrap(text, width, size)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local so_far
    for word in line:gmatch("%S+") do
      local longer = so_far and so_far .. " " .. word or word
      if so_far and Page.text_width(longer, size) > width then
        lines[#lines + 1] = so_far
        so_far = word
      else
        so_far = longer
      end
    end
    lines[#lines + 1] = so_far
  end
  return lines
end

local function head_lines(o)
  local width = (o.width or 16) - 0.3
  return o.title and Page.wrap(o.title, width, 10) or {}, o.note and Page.wrap(o.note, width, 8) or {}
end

--- The height that title and note take on a page of o.width, cm: panels begin below it.
function Page.top(o)
  local title, note = head_lines(o)
  return 0.15 + #title * Page.head + #note * Page.line
end

-- ---- the page --------------------------------------------------------------------------------------------------------

--- Page.new { width, height, title, note }: height is that of the whole page; note stands, smaller, below the title.
function Page.new(o)
  local page = setmetatable({ width = o.width or 16, height = o.height }, Page)
  page.lines, page.blocks, page.columns = {}, {}, {} -- commands; data files; sets of columns for one of these
  page.labels, page.first = 0, true
  page.title, page.note = head_lines(o)
  page:add "set multiplot"
  page:frame()
  page:add "unset key"
  page:add "unset colorbox"
  page:add "set style fill solid noborder"
  return page
end

function Page:add(line) self.lines[#self.lines + 1] = line end
function Page:addf(...) self:add(string.format(...)) end

-- Centimetres as gnuplot's screen coordinates, as text.
function Page:screen(x, y) return string.format("%.4f", x / self.width), string.format("%.4f", 1 - y / self.height) end

--- A text at (x, y) cm: align "left", "center" or "right"; size in pt.  It belongs to the next plot.
function Page:text(text, x, y, o)
  o = o or {}
  self.labels = self.labels + 1
  local sx, sy = self:screen(x, y)
  self:addf("set label %d %s at screen %s,%s %s front font ',%d' textcolor rgb '%s'%s", self.labels, style.text(text), sx, sy,
    o.align or "left", o.size or 9, o.colour or style.ink, o.boxed and " boxed" or "")
end

--- A text beside the point (x, y) of the next plot's axes, o.right and o.up cm away from it; o.align and o.boxed (on the page's
-- white) as above.
function Page:mark(text, x, y, o)
  self.labels = self.labels + 1
  self:addf("set label %d %s at first %.9g,%.9g %s offset screen %.4f,%.4f front font ',%d' textcolor rgb '%s'%s",
    self.labels, style.text(text), x, y, o.align or "left", (o.right or 0) / self.width, (o.up or 0) / self.height, o.size or 9,
    o.colour or style.ink, o.boxed and " boxed" or "")
end

--- Sets the margins of the next plot, and its title.
function Page:panel(p)
  local left, top = self:screen(p.x, p.y)
  local right, bottom = self:screen(p.x + p.w, p.y + p.h)
  self:addf("set lmargin at screen %s; set rmargin at screen %s", left, right)
  self:addf("set tmargin at screen %s; set bmargin at screen %s", top, bottom)
  if p.title then self:text(p.title, p.x + p.w / 2, p.y - 0.24, { align = "center" }) end
end

--- A panel's heading, left above it: a title, wrapped to the panel, and its unit, smaller.
function Page:heading(title, unit, x, y, width)
  local lines = Page.wrap(title, width, 9)
  local up = y - 0.22
  if unit ~= "" then
    self:text(unit, x, up, { size = 8, colour = style.soft })
    up = up - 0.36
  end
  for i = #lines, 1, -1 do
    self:text(lines[i], x, up)
    up = up - 0.4
  end
end

--- The room that Page:heading needs for the tallest of a list of { title, unit }, cm.
function Page.heading_height(list, width)
  local most = 0
  for _, h in ipairs(list) do most = math.max(most, #Page.wrap(h.title, width, 9) * 0.4 + (h.unit ~= "" and 0.36 or 0) + 0.15) end
  return most
end

-- Title, note and source belong to the first plot.
function Page:around()
  local y = 0.36
  for _, line in ipairs(self.title) do
    self:text(line, 0.15, y, { size = 10 })
    y = y + Page.head
  end
  for _, line in ipairs(self.note) do
    self:text(line, 0.15, y - 0.02, { size = 8, colour = style.soft })
    y = y + Page.line
  end
  if self.source then
    self:text(self.source, self.width - 0.15, self.height - 0.22, { size = 8, align = "right", colour = style.soft })
  end
end

--- The plot itself, from its parts ("data_x using …"); labels and arrows are cleared after it.
function Page:plot(parts)
  if self.first then
    self.first = false
    self:around()
  end
  self:add("plot " .. table.concat(parts, ", \\\n     "))
  self:add "unset label; unset arrow; unset object"
  self.labels = 0
end

--- Columns of numbers: rows {a, b, …}; nil and NaN are gaps.  All lie in one file, each under its name; returns how a plot
-- names it.
function Page:data(name, rows)
  local out = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j = 1, row.n or #row do
      local v = row[j]
      cells[j] = type(v) == "string" and v or (v == nil or v ~= v or v == math.huge or v == -math.huge) and "NaN"
        or math.type(v) == "integer" and tostring(v) or string.format("%.9g", v)
    end
    out[i] = table.concat(cells, " ")
  end
  self.columns[#self.columns + 1] = "# " .. name .. "\n" .. table.concat(out, "\n") .. "\n"
  return string.format("data_points index '%s'", name)
end

--- A picture (float32, row after row from the top) in the current panel, `dark`: large values are dark.  Returns the plot's
-- part; the panel's axes run from 0 to w and from 0 (top) to h.
function Page:image(name, blob, w, h, dark)
  self.blocks[#self.blocks + 1] = { name = name, blob = blob }
  -- gnuplot's grey palette has a gamma of 1.5 unless told otherwise
  self:addf("set palette gray gamma 1 %s; set cbrange [0:1]", dark and "negative" or "positive")
  self:addf("set xrange [0:%d]; set yrange [%d:0]", w, h)
  return string.format("data_%s binary array=(%d,%d) format='%%float32' origin=(0.5,0.5) with image", name, w, h)
end

--- A field of n × n values, rows from below, over a box { x1, x2, y1, y2 } of the current axes; palette: the commands that give it its
-- shades.  Returns the plot's part.
function Page:field(name, values, n, box, palette)
  local floats, dx, dy = {}, (box[2] - box[1]) / n, (box[4] - box[3]) / n
  for i, v in ipairs(values) do floats[i] = string.pack("<f", v) end
  self.blocks[#self.blocks + 1] = { name = name, blob = table.concat(floats) }
  self:add(palette)
  return string.format("data_%s binary array=(%d,%d) format='%%float32' origin=(%.9g,%.9g) dx=%.9g dy=%.9g with image", name, n, n,
    box[1] + dx / 2, box[3] + dy / 2, dx, dy)
end

--- The frame and the kind of tics that a page begins with: again after Page:bare.
function Page:frame()
  self:add "set border 3 lw 1 lc rgb '#555555'"
  self:add "set tics nomirror out scale 0.4 font ',8' textcolor rgb '#000000'"
end

--- No frame and no axes.
function Page:bare() self:add "unset border; unset xtics; unset ytics; unset xlabel; unset ylabel" end

--- The prior's circles, one and two standard deviations; their tags leave the key's rectangles alone.
function Page:prior_circles(colour)
  for i, dash in ipairs(style.circles) do
    self:addf("set object %d circle at 0,0 size %d front fs empty border rgb '%s' lw 1.6 dt %s",
      900 + i, i, colour or style.soft, dash)
  end
end

-- ---- keys ------------------------------------------------------------------------------------------------------------

local SAMPLE = 0.8 -- width of a sample, cm

local function entry_width(e) return SAMPLE + 0.15 + Page.text_width(e.text, 8) + 0.35 end

--- The height of a key whose lines begin at x, cm.
function Page.key_height(entries, x, width)
  local at, lines = x, 1
  for _, e in ipairs(entries) do
    if at > x and at + entry_width(e) > (width or 16) then at, lines = x, lines + 1 end
    at = at + entry_width(e)
  end
  return lines * Page.line
end

--- A key: entries {text =, colour =, dash =, point =, fill =} from (x, y) on, wrapped at the page's width; y is its upper edge.
function Page:key(entries, x, y)
  local at = x
  y = y + Page.line / 2
  for _, e in ipairs(entries) do
    if at > x and at + entry_width(e) > self.width then at, y = x, y + Page.line end
    self:key_entry(e, at, y)
    at = at + entry_width(e)
  end
end

function Page:key_entry(e, x, y)
  if e.fill then
    local ax, ay = self:screen(x, y + 0.1)
    local bx, by = self:screen(x + SAMPLE, y - 0.1)
    self:addf("set object rectangle from screen %s,%s to screen %s,%s front fc rgb '%s' fs solid %.2f noborder", ax, ay, bx, by,
      e.colour, e.fill)
  end
  if e.dash then
    local ax, ay = self:screen(x, y)
    local bx, by = self:screen(x + SAMPLE, y)
    self:addf("set arrow from screen %s,%s to screen %s,%s nohead front lw %g dt %s lc rgb '%s'",
      ax, ay, bx, by, e.lw or 2.5, e.dash, e.colour)
  end
  if e.point then
    local px, py = self:screen(x + ((e.dash or e.fill) and SAMPLE / 2 or SAMPLE - 0.2), y)
    self.labels = self.labels + 1
    self:addf("set label %d '' at screen %s,%s point pt %d ps %g lc rgb '%s' front",
      self.labels, px, py, e.point, e.ps or 0.8, e.colour)
  end
  self:text(e.text, x + SAMPLE + 0.15, y, { size = 8 })
end

-- ---- writing ---------------------------------------------------------------------------------------------------------

--- Writes the figure in the formats of ctx; returns its name.
function Page:render(ctx, name)
  self:add "unset multiplot"
  -- two empty lines end a set of columns
  if #self.columns > 0 then self.blocks[#self.blocks + 1] = { name = "points", text = table.concat(self.columns, "\n\n") } end
  plot.render {
    folder = ctx.folder, name = name, width = self.width, height = self.height, formats = ctx.formats,
    body = table.concat(self.lines, "\n") .. "\n", blocks = self.blocks,
  }
  return name
end

return Page
