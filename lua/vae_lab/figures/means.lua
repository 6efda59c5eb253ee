-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/means.lua: the posterior means of all stored examples, coloured by class: a map of the data set.
--
-- What it tells: how classes share the latent plane, and how far the means lie from the prior.  Each panel has its own
-- scale; the prior's circles say how large it is.  In more than two dimensions the plane is that of the two first principal
-- components of the means.

local array = require "vae_lab.native.array"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local means = {
  about = "posterior means of the stored examples, coloured by class",
  options = { size = { type = "number", default = 0.45, above = 0, max = 3 } },
}

-- { {x, y, class}, … } and whether the plane is that of principal components.
local function points_of(ctx, run)
  local rows = records.posteriors(ctx, run)
  local points, d = {}, rows[1] and #rows[1].mu or 0
  if d == 1 or d == 0 then return points, false, d end
  if d == 2 then
    for i, row in ipairs(rows) do points[i] = { row.mu[1], row.mu[2], row.label or -1 } end
    return points, false, d
  end
  local list = {}
  for i, row in ipairs(rows) do list[i] = row.mu end
  local pca = stats.pca(array.from(list), 2)
  local first, second = pca.components:row(1), pca.components:row(2)
  for i, row in ipairs(rows) do
    local x, y = 0, 0
    for j, v in ipairs(row.mu) do x, y = x + v * first[j], y + v * second[j] end
    points[i] = { x, y, row.label or -1 }
  end
  return points, true, d
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- A class' own digit stands, on white, where the middle of its points is.
local function class_names(page, by_class)
  for class, points in pairs(by_class) do
    local xs, ys = {}, {}
    for i, p in ipairs(points) do xs[i], ys[i] = p[1], p[2] end
    by_class[class].x, by_class[class].y = median(xs), median(ys)
  end
end

local function panel(page, name, points, size, axis)
  local by_class, classes, range = {}, {}, 2.2
  for _, p in ipairs(points) do
    if not by_class[p[3]] then
      by_class[p[3]] = {}
      classes[#classes + 1] = p[3]
    end
    table.insert(by_class[p[3]], p)
    range = math.max(range, math.abs(p[1]), math.abs(p[2]))
  end
  table.sort(classes)
  range = grid.nice(range * 1.02)
  local step = grid.step(2 * range, 4)
  page:addf("set xrange [%g:%g]; set yrange [%g:%g]", -range, range, -range, range)
  page:addf("set xtics %g offset 0,0.3; set ytics %g offset 0.5,0", step, step)
  page:addf("set xlabel %s offset 0,0.9 font ',8'", style.text(axis .. "₁"))
  page:addf("set ylabel %s offset 1.6,0 font ',8'", style.text(axis .. "₂"))
  page:prior_circles(style.ink)
  class_names(page, by_class)
  local parts, names = {}, {}
  for _, class in ipairs(classes) do
    local file = page:data(name .. "_" .. (class < 0 and "none" or class), by_class[class])
    parts[#parts + 1] = string.format("%s using 1:2 with points pt %d ps %g lc rgb '%s'", file,
      class < 0 and 7 or style.class_point(class), size, class < 0 and style.ink or style.class_colour(class))
    if class >= 0 then names[#names + 1] = { by_class[class].x, by_class[class].y, tostring(class) } end
  end
  if #names > 0 then
    local file = page:data(name .. "_names", names)
    parts[#parts + 1] = file .. " using 1:2 with points pt 7 ps 2.6 lc rgb '#ffffff'"
    parts[#parts + 1] = file .. " using 1:2:3 with labels font ',9' textcolor rgb '#000000'"
  end
  page:plot(parts)
  return classes
end

function means.draw(ctx, options, name)
  local shown = {}
  local principal = false
  for _, c in ipairs(records.configurations(ctx)) do
    local points, turned, d = points_of(ctx, c.first)
    if #points > 0 then
      shown[#shown + 1] = { c = c, points = points, turned = turned }
      principal = principal or turned
    else
      local why = d == 1 and " has one latent dimension" or " has no posteriors recorded"
      ctx.note(name .. ": " .. c.label .. why .. "; left out")
    end
  end
  if #shown == 0 then return {} end
  local title = string.format("Means of the posteriors of %d examples, by class", #shown[1].points)
  local note = "each panel has its own scale; dashed: the prior's circles of 1 and 2 standard deviations"
  if principal then note = note .. "\nmore than two dimensions: the two first principal components u" end
  local top = Page.top { title = title, note = note }
  local g = grid.squares(#shown, 16, {
    left = 1.25, between = 1.15, above = 0.55, below = 0.9, top = top, largest = 6.5, columns = #shown == 4 and 2 or nil,
  })
  local page = Page.new { width = 16, height = top + g.height + Page.line + Page.foot, title = title, note = note }
  page.source = records.source(ctx, "seed " .. tostring(shown[1].c.first.seed))
  local entries, seen = {}, {}
  for _, s in ipairs(shown) do
    for _, p in ipairs(s.points) do
      if p[3] >= 0 and not seen[p[3]] then
        seen[p[3]] = true
        entries[#entries + 1] = p[3]
      end
    end
  end
  table.sort(entries)
  for i, class in ipairs(entries) do
    entries[i] = { text = tostring(class), colour = style.class_colour(class), point = style.class_point(class), ps = 0.8 }
  end
  page:key(entries, 0.8, top + g.height)
  for i, s in ipairs(shown) do
    local x, y = g.place(i)
    page:panel { x = x, y = y, w = g.size, h = g.size, title = s.c.title }
    panel(page, "c" .. i, s.points, options.size, s.turned and "u" or "z")
  end
  return { page:render(ctx, name) }
end

return means
