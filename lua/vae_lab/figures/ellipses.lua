-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/ellipses.lua: where the encoder puts chosen images: q(z|x) of each as an ellipse in the plane, in the colour of
-- its class.
--
-- What it tells: with the KL term the ellipses tile the prior; without it they shrink to dots and fly apart.  Written are a
-- sheet with all configurations on ONE scale, and below it the same magnified to where the prior lives, when the one scale
-- is much larger than that; then every configuration on a scale of its own.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local ellipses = {
  about = "posterior ellipses of chosen images in the latent plane",
  options = {
    digits = { type = "table" }, per_digit = { type = "integer", default = 6, min = 1 }, examples = { type = "table" },
    radius = { type = "number", default = 2, above = 0, max = 5 },
  },
}

local PRIOR = 3.5 -- half the side of the square in which N(0, I) lives: 99.9 % of it

-- The chosen rows of one run: named examples, or the first per_digit of every class asked for.
local function choose(ctx, run, options)
  local rows = ctx.db:query([[SELECT example, label, mu1, mu2, major, minor, angle FROM ellipses
      WHERE run = ?1 ORDER BY example]], run.id)
  local wanted, count, chosen = nil, {}, {}
  if options.examples or options.digits then
    wanted = {}
    for _, v in ipairs(options.examples or options.digits) do wanted[v] = true end
  end
  for _, row in ipairs(rows) do
    local class = row.label or -1
    if options.examples then
      if wanted[row.example] then chosen[#chosen + 1] = row end
    elseif not wanted or wanted[class] then
      count[class] = (count[class] or 0) + 1
      if count[class] <= options.per_digit then chosen[#chosen + 1] = row end
    end
  end
  return chosen
end

local function classes_of(sets)
  local seen, list = {}, {}
  for _, rows in ipairs(sets) do
    for _, row in ipairs(rows) do
      local class = row.label or -1
      if not seen[class] then
        seen[class] = true
        list[#list + 1] = class
      end
    end
  end
  table.sort(list)
  return list
end

local function class_colour(class) return class < 0 and style.ink or style.class_colour(class) end

-- The least square that holds the ellipses and the prior's, with a margin: { x, y, half }.
local function square(sets, radius)
  local x1, x2, y1, y2 = -PRIOR, PRIOR, -PRIOR, PRIOR
  for _, rows in ipairs(sets) do
    for _, row in ipairs(rows) do
      local upright = row.angle > 45 and row.angle < 135 -- axes of q are those of the plane
      local rx, ry = radius * (upright and row.minor or row.major), radius * (upright and row.major or row.minor)
      x1, x2 = math.min(x1, row.mu1 - rx), math.max(x2, row.mu1 + rx)
      y1, y2 = math.min(y1, row.mu2 - ry), math.max(y2, row.mu2 + ry)
    end
  end
  local half = math.max(x2 - x1, y2 - y1) / 2
  return { x = (x1 + x2) / 2, y = (y1 + y2) / 2, half = half > PRIOR and half * 1.04 or PRIOR }
end

local function inside(rows)
  local n = 0
  for _, row in ipairs(rows) do
    if math.abs(row.mu1) < PRIOR and math.abs(row.mu2) < PRIOR then n = n + 1 end
  end
  return n
end

-- Axes of a square; no mark stands so near to a corner that those of neighbouring panels touch.
local function axes(page, box, o)
  local step = grid.step(2 * box.half, o.marks)
  local function marks(centre)
    local list = {}
    for k = math.ceil((centre - 0.86 * box.half) / step), math.floor((centre + 0.86 * box.half) / step) do
      list[#list + 1] = { k * step, style.number(k * step, 6) }
    end
    return list
  end
  page:addf("set xrange [%.9g:%.9g]", box.x - box.half, box.x + box.half)
  page:addf("set yrange [%.9g:%.9g]", box.y - box.half, box.y + box.half)
  local down = marks(box.y)
  for _, mark in ipairs(down) do mark[2] = o.ylabels and mark[2] or "" end
  page:addf("set xtics %s offset 0,0.3; set ytics %s offset 0.5,0", grid.tics(marks(box.x)), grid.tics(down))
  page:prior_circles()
end

-- gnuplot draws an ellipse of width 0, a code that is a point, at a size of its own choice: one that no scale shows.
local function width(v) return math.max(v, 1e-9) end

-- One panel's plot: an element a class.  The border keeps an ellipse that is smaller than the pen visible as a dot.
local function draw(page, name, rows, classes, radius, dot)
  local parts = {}
  for _, class in ipairs(classes) do
    local data = {}
    for _, row in ipairs(rows) do
      if (row.label or -1) == class then
        data[#data + 1] = { row.mu1, row.mu2, width(2 * radius * row.major), width(2 * radius * row.minor), row.angle }
      end
    end
    if #data > 0 then
      local file = page:data(name .. "_" .. (class < 0 and "none" or class), data)
      local colour = class_colour(class)
      parts[#parts + 1] = string.format(
        "%s using 1:2:3:4:5 with ellipses units xx fillstyle transparent solid 0.22 border lc rgb '%s' lw 1.2 fc rgb '%s'",
        file, colour, colour)
      parts[#parts + 1] = string.format("%s using 1:2 with points pt %d ps %g lc rgb '%s'",
        file, class < 0 and 7 or style.class_point(class), dot, colour)
    end
  end
  if #parts == 0 then parts[1] = "NaN" end
  page:plot(parts)
end

local function key_entries(classes)
  local entries = {}
  for _, class in ipairs(classes) do
    if class >= 0 then
      entries[#entries + 1] = {
        text = tostring(class), colour = class_colour(class), fill = 0.3, point = style.class_point(class), ps = 0.8,
      }
    end
  end
  entries[#entries + 1] = { text = "prior, 1 and 2 standard deviations", colour = style.soft, dash = style.circles[2], lw = 1.6 }
  return entries
end

local function noun(classes) return classes[1] and classes[1] >= 0 and "images" or "examples" end

local function deviations(radius)
  return style.number(radius) .. (radius == 1 and " standard deviation" or " standard deviations")
end

local function sheet(ctx, name, plane, sets, classes, options)
  local common, prior = square(sets, options.radius), { x = 0, y = 0, half = PRIOR }
  local twice = common.half > 1.6 * PRIOR
  local columns = grid.columns(#plane)
  local rows_of_panels = (#plane + columns - 1) // columns
  local count = #sets[1]
  local title = string.format("Where the encoder puts %d %s", count, noun(classes))
  local note = "each ellipse is one posterior q(z|x), at " .. deviations(options.radius)
  if twice and rows_of_panels == 1 then
    note = note .. "; upper row: all on one scale\n"
      .. "lower row: the dotted square, where the prior lives, magnified; and how many centres lie in it"
  elseif twice then
    note = note .. "; all on one scale\n"
      .. "below each panel: its dotted square, where the prior lives, magnified; and how many centres lie in it"
  elseif #plane > 1 then
    note = note .. "; all on one scale"
  end
  local entries = key_entries(classes)
  local o = { left = 1.0, between = 0.35, top = Page.top { title = title, note = note } }
  local width = 16
  local largest = twice and rows_of_panels > 1 and 3.4 or 6.5 -- the page stays shorter than a sheet of paper
  local size = math.min(largest, (width - o.left - 0.3 - (columns - 1) * o.between) / columns)
  local indent = (width - o.left - 0.3 - columns * size - (columns - 1) * o.between) / 2
  local pitch = 0.5 + size + 0.55 + (twice and size + 0.55 or 0)
  local height = o.top + rows_of_panels * pitch + 0.1 + Page.key_height(entries, 0.5) + Page.foot
  local page = Page.new { width = width, height = height, title = title, note = note }
  page.source = records.source(ctx, "seed " .. tostring(plane[1].first.seed))
  page:key(entries, 0.5, o.top + rows_of_panels * pitch + 0.1)
  for i, c in ipairs(plane) do
    local column, row = (i - 1) % columns, (i - 1) // columns
    local x, y = o.left + indent + column * (size + o.between), o.top + row * pitch + 0.5
    page:panel { x = x, y = y, w = size, h = size, title = c.title }
    axes(page, common, { ylabels = column == 0, marks = 4 })
    if twice then
      page:addf("set object 910 rectangle from %g,%g to %g,%g front fs empty border rgb '%s' lw 1.6 dt (3,4)",
        -PRIOR, -PRIOR, PRIOR, PRIOR, style.ink)
    end
    draw(page, "c" .. i, sets[i], classes, options.radius, 0.45)
    if twice then
      page:panel { x = x, y = y + size + 0.55, w = size, h = size }
      axes(page, prior, { ylabels = column == 0, marks = 4 })
      page:add "set border 15 lw 1.6 lc rgb '#000000' dt (3,4)"
      page:add "set style textbox opaque margins 0.4,0.4 fillcolor rgb '#FFFFFF' noborder"
      page:text(inside(sets[i]) .. " of " .. #sets[i], x + size - 0.12, y + 2 * size + 0.3, { align = "right", size = 8, boxed = true })
      draw(page, "m" .. i, sets[i], classes, options.radius, 0.45)
      page:add "set border 3 lw 1 lc rgb '#555555' dt solid"
    end
  end
  return page:render(ctx, name)
end

-- How many ellipses are smaller than the mark at their centre (a millimetre) on a scale of `unit` per cm.
local function unseen(rows, radius, unit)
  local n = 0
  for _, row in ipairs(rows) do
    if 2 * radius * row.major < 0.1 * unit then n = n + 1 end
  end
  return n
end

-- One configuration, larger, on its own scale.
local function single(ctx, name, c, rows, classes, options)
  local width, size = 10, 8.6
  local title = c.title .. ": where the encoder puts " .. #rows .. " " .. noun(classes)
  local note = "each ellipse is one posterior q(z|x), at " .. deviations(options.radius)
  local box = square({ rows }, options.radius)
  local small = unseen(rows, options.radius, 2 * box.half / size)
  if small > 0 then note = note .. string.format("\n%d of %d are smaller than the mark at their centre", small, #rows) end
  local entries, top = key_entries(classes), Page.top { title = title, note = note, width = width } + 0.15
  local height = top + size + 0.6 + Page.key_height(entries, 0.3, width) + Page.foot
  local page = Page.new { width = width, height = height, title = title, note = note }
  page.source = records.source(ctx, "seed " .. tostring(c.first.seed))
  page:key(entries, 0.3, top + size + 0.6)
  page:panel { x = 1.0, y = top, w = size, h = size }
  axes(page, box, { ylabels = true, marks = 6 })
  draw(page, "c", rows, classes, options.radius, 0.6)
  return page:render(ctx, name)
end

function ellipses.remark(options, widths, data)
  if options.digits and not options.examples and data:classes() == 0 then
    return "lab.fig.ellipses chooses by digits =, and the data has no labels; examples = { 1, 2, … } names images instead"
  end
  return records.no_plane("ellipses", widths)
end

function ellipses.draw(ctx, options, name)
  local plane, sets, kept = records.planar(ctx, name), {}, {}
  for _, c in ipairs(plane) do
    local rows = choose(ctx, c.first, options)
    if #rows > 0 then
      kept[#kept + 1], sets[#sets + 1] = c, rows
    else
      ctx.note(name .. ": no posteriors of the chosen images are recorded for " .. c.label
        .. "; add lab.eval.latent_space() to the evaluations")
    end
  end
  if #kept == 0 then return {} end
  local classes = classes_of(sets)
  local names = { sheet(ctx, name, kept, sets, classes, options) }
  if #kept == 1 then return names end
  for i, c in ipairs(kept) do names[#names + 1] = single(ctx, name .. "-" .. c.slug, c, sets[i], classes, options) end
  return names
end

return ellipses
