-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/means.lua: the means of the posteriors of all stored examples, coloured by class: a map of the data set.
--
-- What it shows: how the classes share the latent plane, and how far the means lie from the prior, whose circles give
-- the scale.  In more than two dimensions the plane is that of the first two principal components of the means.  pca =
-- true adds the images' own first principal components (lab.eval.compression).

local array = require "vae_lab.native.array"
local plane = require "vae_lab.figures.common.plane"
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

-- { {x, y, label =}, … }, the number of dimensions; in more than two, of principal components.
local function points_of(ctx, run)
  local rows = records.posteriors(ctx, run)
  local points, d = {}, rows[1] and #rows[1].mu or 0
  if d < 2 then return points, d end
  local first, second = { 1, 0 }, { 0, 1 }
  if d > 2 then
    local list = {}
    for i, row in ipairs(rows) do list[i] = row.mu end
    local pca = stats.pca(array.from(list), 2)
    first, second = pca.components:row(1), pca.components:row(2)
  end
  for i, row in ipairs(rows) do
    local x, y = 0, 0
    for j, v in ipairs(row.mu) do x, y = x + v * first[j], y + v * second[j] end
    points[i] = { x, y, label = row.label }
  end
  return points, d
end

-- The principal components of the same images, or nil.
local function components_of(ctx, run)
  local bytes = records.artifact(ctx, run, "codes/pca")
  if not bytes then return nil end
  local scores, points = array.from_blob(bytes, 2), {}
  for i, posterior in ipairs(records.posteriors(ctx, run)) do
    if i > scores:rows() then break end
    points[i] = { scores:get(i, 1), scores:get(i, 2), label = posterior.label }
  end
  return points
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- The name of each class in the middle of its points, unless it would cover another.
local function class_names(classes, by_class, half)
  local names = {}
  for _, class in ipairs(classes) do
    local xs, ys = {}, {}
    for i, p in ipairs(by_class[class]) do xs[i], ys[i] = p[1], p[2] end
    local x, y, free = median(xs), median(ys), class >= 0
    for _, n in ipairs(names) do free = free and math.max(math.abs(n[1] - x), math.abs(n[2] - y)) > 0.11 * half end
    if free then names[#names + 1] = { x, y, tostring(class) } end
  end
  return names
end

local function panel_of(points, o)
  local x1, x2, y1, y2 = math.huge, -math.huge, math.huge, -math.huge
  if o.prior then x1, x2, y1, y2 = -2.2, 2.2, -2.2, 2.2 end
  for _, p in ipairs(points) do
    x1, x2, y1, y2 = math.min(x1, p[1]), math.max(x2, p[1]), math.min(y1, p[2]), math.max(y2, p[2])
  end
  local square = plane.square(x1, x2, y1, y2, 0.04)
  local series, classes, by_class = {}, plane.classes(points)
  for _, class in ipairs(classes) do
    local look, key = plane.look(class)
    series[#series + 1] = { points = by_class[class], look = look, size = o.size, key = key }
  end
  if o.prior then
    for _, circle in ipairs { plane.prior(style.ink) } do series[#series + 1] = circle end
  end
  series[#series + 1] = { names = class_names(classes, by_class, square.half) }
  return plane.panel({ title = o.title, series = series }, square, { title = o.letter })
end

function means.sheets(ctx, options)
  local panels, first, count, principal, standard = {}, nil, 0, false, false
  for _, c in ipairs(records.configurations(ctx)) do
    local points, d = {}, nil
    local of_size = not options.latent or records.latent(ctx, c.first) == options.latent
    if of_size then points, d = points_of(ctx, c.first) end
    if #points > 0 then
      local own = options.pca and not first and components_of(ctx, c.first)
      if own then panels[1] = panel_of(own, { size = options.size, title = "principal components", letter = "u" }) end
      local prior = not records.own_prior(ctx, c.first)
      standard = standard or prior
      panels[#panels + 1] = panel_of(points, {
        size = options.size, letter = d > 2 and "u" or "z", prior = prior,
        title = options.latent and records.title(style.without(c.settings, "latent")) or c.title,
      })
      first, count, principal = first or c.first, math.max(count, #points), principal or d > 2
    elseif of_size then
      ctx.note(c.label .. (d == 1 and " has one latent dimension" or " has no posteriors recorded") .. "; left out")
    end
  end
  return { {
    title = string.format("%s of %d examples, by class", options.pca and "Codes" or "Posterior means", count),
    note = "each panel has its own scale"
      .. (principal and "; in more than two dimensions: the first two principal components u" or ""),
    seed = first, panels = panels, columns = #panels == 4 and 2 or nil, key = { standard and plane.prior_key or nil },
  } }
end

return means
