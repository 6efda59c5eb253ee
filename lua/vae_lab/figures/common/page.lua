-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/page.lua: gnuplot's commands and data for one page, places in centimetres from its upper left corner.
-- For sheet.lua and series.lua only: a figure kind describes panels and series (sheet.lua).

local plot = require "vae_lab.native.plot"
local style = require "vae_lab.style"

local Page = {}
Page.__index = Page

-- ---- measures -------------------------------------------------------------------------------------------------------

--- Width of a text of `size` pt, cm: an estimate from above, because fonts differ.
function Page.text_width(text, size) return utf8.len(text) * 0.0185 * size + 0.05 end

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

-- ---- commands and data ----------------------------------------------------------------------------------------------

--- Page.new(width): the height is set before the first text.
function Page.new(width)
  local page = setmetatable({ width = width, before = {}, lines = {}, blocks = {}, columns = {}, tags = 0 }, Page)
  page:add "set multiplot"
  page:add "unset key; unset colorbox; set style fill solid noborder"
  page:add "set tics nomirror out scale 0.4 font ',8' textcolor rgb '#000000'"
  return page
end

function Page:add(line, ...) self.lines[#self.lines + 1] = select("#", ...) > 0 and string.format(line, ...) or line end

--- Centimetres as gnuplot's screen coordinates, as text.
function Page:screen(x, y) return string.format("screen %.4f,%.4f", x / self.width, 1 - y / self.height) end

--- The frame of the next plot: its upper left corner, its width and height, cm.
function Page:margins(x, y, w, h)
  self:add("set lmargin at screen %.4f; set rmargin at screen %.4f", x / self.width, (x + w) / self.width)
  self:add("set tmargin at screen %.4f; set bmargin at screen %.4f", 1 - y / self.height, 1 - (y + h) / self.height)
end

function Page:tag()
  self.tags = self.tags + 1
  return self.tags
end

--- A text of the next plot at (x, y) cm; o: align "left", "center" or "right"; size, pt; colour; boxed: on white.
function Page:text(text, x, y, o)
  o = o or {}
  local size = o.size or 9
  if o.boxed then -- a rectangle: in LaTeX gnuplot's own boxes need one more package
    local wide, high = Page.text_width(text, size) + 0.1, 0.04 * size
    local left = x - wide * (o.align == "right" and 1 or o.align == "center" and 0.5 or 0)
    self:add("set object rectangle from %s to %s front fc rgb '#FFFFFF' fs solid noborder",
      self:screen(left, y + high / 2), self:screen(left + wide, y - high / 2))
  end
  self:add("set label %d %s at %s %s front font ',%d' textcolor rgb '%s'", self:tag(), style.text(text),
    self:screen(x, y), o.align or "left", size, o.colour or style.ink)
end

--- Columns of numbers and texts, in the one file that holds all of them: rows {a, b, …}, where nil, NaN and infinities
-- are gaps. Returns how a plot refers to them.
function Page:data(name, rows, columns)
  local out = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j = 1, columns do
      local v = row[j]
      if type(v) == "string" then cells[j] = v
      elseif v == nil or v ~= v or math.abs(v) == math.huge then cells[j] = "NaN"
      else cells[j] = math.type(v) == "integer" and tostring(v) or string.format("%.9g", v) end
    end
    out[i] = table.concat(cells, " ")
  end
  self.columns[#self.columns + 1] = "# " .. name .. "\n" .. table.concat(out, "\n") .. "\n"
  return string.format("data_points index '%s'", name)
end

--- A file of float32 values.  Returns how a plot refers to it.
function Page:blob(name, bytes)
  self.blocks[#self.blocks + 1] = { name = name, blob = bytes }
  return "data_" .. name
end

--- The plot of these elements; the labels, arrows and objects so far belong to it.
function Page:plot(elements)
  self:add("plot " .. (#elements > 0 and table.concat(elements, ", \\\n     ") or "NaN"))
  self:add "unset label; unset arrow; unset object"
  self.tags = 0
end

--- Writes the figure in the formats of ctx; returns its name.
function Page:render(ctx, name)
  self:add "unset multiplot"
  if #self.columns > 0 then -- two empty lines end a set of columns
    self.blocks[#self.blocks + 1] = { name = "points", text = table.concat(self.columns, "\n\n") }
  end
  local lines = table.move(self.lines, 1, #self.lines, #self.before + 1, self.before)
  plot.render {
    folder = ctx.folder, name = name, width = self.width, height = self.height, formats = ctx.formats,
    body = table.concat(lines, "\n") .. "\n", blocks = self.blocks,
  }
  return name
end

-- ---- keys -----------------------------------------------------------------------------------------------------------

local SAMPLE, LINE = 0.8, 0.4 -- width of a sample, height of a line, cm

-- Calls visit(entry, x, y) for each entry of a key with the upper left corner (x, y); returns the key's height, cm.
local function key_places(entries, x, y, width, visit)
  local at, line = x, 1
  for _, e in ipairs(entries) do
    local wide = SAMPLE + 0.15 + Page.text_width(e.text, 8) + 0.35
    if at > x and at + wide > width then at, line = x, line + 1 end
    visit(e, at, y + (line - 0.5) * LINE)
    at = at + wide
  end
  return #entries > 0 and line * LINE or 0
end

function Page.key_height(entries, x, width) return key_places(entries, x, 0, width, function() end) end

--- Draws a key with its upper left corner at (x, y), wrapped at the page's right edge; its entries are
-- { text =, colour =, dash =, width =, point =, size =, fill = }.
function Page:key(entries, x, y)
  key_places(entries, x, y, self.width, function(e, left, middle)
    if e.fill then
      self:add("set object rectangle from %s to %s front fc rgb '%s' fs solid %.2f noborder",
        self:screen(left, middle + 0.1), self:screen(left + SAMPLE, middle - 0.1), e.colour, e.fill)
    end
    if e.dash then
      self:add("set arrow from %s to %s nohead front lw %g dt %s lc rgb '%s'", self:screen(left, middle),
        self:screen(left + SAMPLE, middle), e.width or 2, e.dash, e.colour)
    end
    if e.point then
      local at = left + ((e.dash or e.fill) and SAMPLE / 2 or SAMPLE - 0.2)
      self:add("set label %d '' at %s point pt %d ps %g lc rgb '%s' front", self:tag(), self:screen(at, middle),
        e.point, e.size or 0.9, e.colour)
    end
    self:text(e.text, left + SAMPLE + 0.15, middle, { size = 8 })
  end)
end

return Page
