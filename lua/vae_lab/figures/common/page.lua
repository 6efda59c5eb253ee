-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/page.lua: gnuplot's commands and data for one page, places in centimetres from its upper left corner.
-- For sheet.lua and series.lua only: a figure kind describes panels and series (sheet.lua).

local plot = require "vae_lab.native.plot"
local style = require "vae_lab.style"

local Page = {}
Page.__index = Page

-- ---- measures -------------------------------------------------------------------------------------------------------

-- Widths of characters in DejaVu Sans, the widest of the usual fonts, in shares of the font's size.
local NARROW, WIDE, CAPITAL = "[ijlIJfrt.,:;'!|()%[%]{}/\\\"` -]", "[mwMW@%%+=<>~^#]", "[%u&]"

local function char_width(char)
  if #char == 1 then
    return char:find(NARROW) and 0.36 or char:find(WIDE) and 0.95 or char:find(CAPITAL) and 0.7 or 0.62
  end
  local code = utf8.codepoint(char)
  return code >= 0x300 and code < 0x370 and 0 or code < 0x2000 and 0.75 or code < 0x3000 and 0.9 or 1.1
end

--- Width of a text of `size` pt, cm: an estimate from above, because fonts differ.
function Page.text_width(text, size)
  local count, width = 0, 0
  for char in text:gmatch(utf8.charpattern) do
    count, width = count + 1, width + (utf8.len(char) and char_width(char) or 1.1)
  end
  return math.max(count * 0.0185, width * 0.0353) * size + 0.05
end

-- The words of a line; a word wider than `width` cm in pieces that are not.
local function words_of(line, width, size)
  local words = {}
  for word in line:gmatch("%S+") do
    local piece = ""
    for char in word:gmatch(utf8.charpattern) do
      if piece ~= "" and Page.text_width(piece .. char, size) > width then
        words[#words + 1], piece = piece, ""
      end
      piece = piece .. char
    end
    words[#words + 1] = piece
  end
  return words
end

--- Page.wrap(text, width, size) → its lines, broken at spaces, and within words that are longer, so that none is wider
-- than `width` cm.
function Page.wrap(text, width, size)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local so_far
    for _, word in ipairs(words_of(style.plain(line), width, size)) do
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

--- Page.fit(text, width, size) → the text, its middle left out where it is wider than `width` cm.
function Page.fit(text, width, size)
  if Page.text_width(text, size) <= width then return text end
  return style.shortened({ text }, math.max(3, math.floor(width / (0.035 * size))))[text]
end

--- The width of the widest of these texts, cm.
function Page.widest(texts, size)
  local most = 0
  for _, text in ipairs(texts) do most = math.max(most, Page.text_width(text, size)) end
  return most
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

--- A text of the next plot at (x, y) cm; o: align "left", "center" or "right"; size, pt; colour; boxed: on white;
-- upright: read from below.
function Page:text(text, x, y, o)
  o = o or {}
  local size = o.size or 9
  if o.boxed then -- a rectangle: in LaTeX gnuplot's own boxes need one more package
    local wide, high = Page.text_width(text, size) + 0.1, 0.04 * size
    local left = x - wide * (o.align == "right" and 1 or o.align == "center" and 0.5 or 0)
    self:add("set object rectangle from %s to %s front fc rgb '#FFFFFF' fs solid noborder",
      self:screen(left, y + high / 2), self:screen(left + wide, y - high / 2))
  end
  self:add("set label %d %s at %s %s%s front font ',%d' textcolor rgb '%s'", self:tag(), style.text(text),
    self:screen(x, y), o.align or "left", o.upright and " rotate by 90" or "", size, o.colour or style.ink)
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

--- Writes the figure in the formats of ctx; returns its name.  ctx.file reports each file: one that fails leaves the
-- others alone.
function Page:render(ctx, name)
  self:add "unset multiplot"
  if #self.columns > 0 then -- two empty lines end a set of columns
    self.blocks[#self.blocks + 1] = { name = "points", text = table.concat(self.columns, "\n\n") }
  end
  local lines = table.move(self.lines, 1, #self.lines, #self.before + 1, self.before)
  local body = table.concat(lines, "\n") .. "\n"
  for _, format in ipairs(ctx.formats) do
    ctx.file(name, format, function()
      plot.render {
        folder = ctx.folder, name = name, width = self.width, height = self.height, formats = { format }, body = body,
        blocks = self.blocks,
      }
    end)
  end
  return name
end

-- ---- keys -----------------------------------------------------------------------------------------------------------

local SAMPLE, LINE = 0.8, 0.4 -- width of a sample, height of a line, cm

-- Calls visit(entry, x, y, lines) for each entry of a key with the upper left corner (x, y): the middle of its sample's
-- left end, and its text in lines that fit; returns the key's height, cm.
local function key_places(entries, x, y, width, visit)
  local at, above, lines = x, 0, 0 -- how many lines of text are above the current row, and in it
  for _, e in ipairs(entries) do
    local text = Page.wrap(e.text, width - x - SAMPLE - 0.25, 8)
    local wide = SAMPLE + 0.15 + Page.widest(text, 8) + 0.35
    if at > x and at + wide > width then at, above, lines = x, above + lines, 0 end
    lines = math.max(lines, #text)
    visit(e, at, y + (above + 0.5) * LINE, text)
    at = at + wide
  end
  return (above + lines) * LINE
end

function Page.key_height(entries, x, width) return key_places(entries, x, 0, width, function() end) end

--- Draws a key with its upper left corner at (x, y), wrapped at the page's right edge; its entries are
-- { text =, colour =, dash =, width =, point =, size =, fill = }.
function Page:key(entries, x, y)
  key_places(entries, x, y, self.width, function(e, left, middle, text)
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
    for i, line in ipairs(text) do
      self:text(line, left + SAMPLE + 0.15, middle + (i - 1) * LINE, { size = 8 })
    end
  end)
end

return Page
