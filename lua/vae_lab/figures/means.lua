-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/means.lua: the posterior means of all stored examples, coloured by class: a map of the data set.
--
-- What it tells: how classes share the latent plane, and how far the means lie from the prior.  Each panel has its own
-- scale; the prior's circles say how large it is.  In more than two dimensions the plane is that of the two first principal
-- components of the means.  pca = true puts beside them the images' own first principal components (lab.eval.compression).

local array = require "vae_lab.native.array"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local means = {
  about = "posterior means of the stored examples, coloured by class",
  options = {
    size = { type = "number", default = 0.45, above = 0, max = 3 }, latent = { type = "integer", min = 2 },
    pca = { type = "boolean", default = false },
  },
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

-- The images' own components, as { points, of the same examples } or nil.
local function components_of(ctx, run)
  local row = ctx.db:query("SELECT bytes FROM artifact WHERE run = ?1 AND name = 'codes/pca'", run.id)[1]
  if not row then return nil end
  local scores, points = array.from_blob(row.bytes, 2), {}
  for i, posterior in ipairs(records.posteriors(ctx, run)) do
    if i > scores:rows() then break end
    points[i] = { scores:get(i, 1), scores:get(i, 2), posterior.label or -1 }
  end
  return points
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- The least square that holds the points, and where there is a prior its circles: centre x, y and half its side.
local function square(points, prior)
  local x1, x2, y1, y2 = math.huge, -math.huge, math.huge, -math.huge
  if prior then x1, x2, y1, y2 = -2.2, 2.2, -2.2, 2.2 end
  for _, p in ipairs(points) do
    x1, x2, y1, y2 = math.min(x1, p[1]), math.max(x2, p[1]), math.min(y1, p[2]), math.max(y2, p[2])
  end
  return (x1 + x2) / 2, (y1 + y2) / 2, 0.52 * math.max(x2 - x1, y2 - y1)
end

-- A class' own digit stands, on white, in the middle of its points, unless it would cover another's.
local function class_names(classes, by_class, half)
  local names = {}
  for _, class in ipairs(classes) do
    local xs, ys = {}, {}
    for i, p in ipairs(by_class[class]) do xs[i], ys[i] = p[1], p[2] end
    local x, y = median(xs), median(ys)
    local free = class >= 0
    for _, n in ipairs(names) do free = free and math.max(math.abs(n[1] - x), math.abs(n[2] - y)) > 0.11 * half end
    if free then names[#names + 1] = { x, y, tostring(class) } end
  end
  return names
end

local function panel(page, name, points, size, axis, prior)
  local by_class, classes = {}, {}
  for _, p in ipairs(points) do
    if not by_class[p[3]] then
      by_class[p[3]] = {}
      classes[#classes + 1] = p[3]
    end
    table.insert(by_class[p[3]], p)
  end
  table.sort(classes)
  local x, y, half = square(points, prior)
  local step = grid.step(2 * half, 5)
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", x - half, x + half, y - half, y + half)
  page:addf("set xtics %g offset 0,0.3; set ytics %g offset 0.5,0", step, step)
  page:addf("set xlabel %s offset 0,0.9 font ',8'", style.text(axis .. "₁"))
  page:addf("set ylabel %s offset 1.1,0 font ',8'", style.text(axis .. "₂"))
  if prior then page:prior_circles(style.ink) end
  local parts, names = {}, class_names(classes, by_class, half)
  for _, class in ipairs(classes) do
    local file = page:data(name .. "_" .. (class < 0 and "none" or class), by_class[class])
    parts[#parts + 1] = string.format("%s using 1:2 with points pt %d ps %g lc rgb '%s'", file,
      class < 0 and 7 or style.class_point(class), size, class < 0 and style.ink or style.class_colour(class))
  end
  if #names > 0 then
    local file = page:data(name .. "_names", names)
    parts[#parts + 1] = file .. " using 1:2 with points pt 7 ps 2.6 lc rgb '#ffffff'"
    parts[#parts + 1] = file .. " using 1:2:3 with labels font ',9' textcolor rgb '#000000'"
  end
  page:plot(parts)
  return classes
end

local function of_width(ctx, latent)
  local list = {}
  for _, c in ipairs(records.configurations(ctx)) do
    if not latent or records.latent(ctx, c.first) == latent then list[#list + 1] = c end
  end
  return list
end

function means.draw(ctx, options, name)
  local shown = {}
  local principal = false
  for _, c in ipairs(of_width(ctx, options.latent)) do
    local points, turned, d = points_of(ctx, c.first)
    if #points > 0 then
      local own = options.pca and #shown == 0 and components_of(ctx, c.first)
      if own then shown[1] = { c = c, points = own, title = "principal components", axis = "u" } end
      local title = options.latent and style.title(style.without(c.label, "latent")) or c.title
      shown[#shown + 1] = { c = c, points = points, title = title, axis = turned and "u" or "z", prior = true }
      principal = principal or turned
    else
      local why = d == 1 and " has one latent dimension" or " has no posteriors recorded"
      ctx.note(name .. ": " .. c.label .. why .. "; left out")
    end
  end
  if #shown == 0 then return {} end
  local title = string.format("%s of %d examples, by class", options.pca and "Codes" or "Means of the posteriors", #shown[1].points)
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
    page:panel { x = x, y = y, w = g.size, h = g.size, title = s.title }
    panel(page, "c" .. i, s.points, options.size, s.axis, s.prior)
  end
  return { page:render(ctx, name) }
end

return means
