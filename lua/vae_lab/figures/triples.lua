-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/triples.lua: three consecutive random numbers as a point in the unit cube, one panel per generator.
--
-- The cube is seen along RANDU's planes 9 u - 6 u' + u'' = const: to the right (9, -6, 1) / sqrt(118), upwards (6, 9,
-- 0) / sqrt(117). A generator whose triples lie on such planes shows lines; independent uniforms fill the cube's
-- outline.

local axes = require "vae_lab.figures.common.axes"
local planes = require "vae_lab.evaluations.planes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local triples = {
  about = "triples of random numbers in the unit cube, seen along RANDU's planes",
  options = { count = { type = "integer", default = 1365, min = 100, max = 1365 } },
}

-- (u, u', u'') in [0, 1]^3 → its place in the view.
local function project(u)
  return { (9 * u[1] - 6 * u[2] + u[3]) / math.sqrt(118), (6 * u[1] + 9 * u[2]) / math.sqrt(117) }
end

-- The cube's twelve edges, with a gap after each.
local function edges()
  local rows = {}
  for axis = 1, 3 do
    for corner = 0, 3 do
      local from = { 0, 0, 0 }
      from[axis % 3 + 1], from[(axis + 1) % 3 + 1] = corner % 2, corner // 2
      local to = { table.unpack(from) }
      to[axis] = 1
      rows[#rows + 1], rows[#rows + 2], rows[#rows + 3] = project(from), project(to), {}
    end
  end
  return rows
end

-- The generators of the runs, each with the seed of its first run.
local function generators(ctx)
  local list, seen = {}, {}
  for _, c in ipairs(records.configurations(ctx)) do
    local rng = records.setting(c.first, "rng") or "philox4x32"
    if not seen[rng] then list[#list + 1], seen[rng] = { rng = rng, seed = tonumber(c.first.seed) }, true end
  end
  return list
end

function triples.sheets(ctx, options)
  local panels = {}
  for i, g in ipairs(generators(ctx)) do
    local u, points = planes.draw(options.count, g.seed, g.rng), {}
    for k = 1, options.count do points[k] = project(u:row(k)) end
    panels[i] = {
      title = g.rng, square = true, frame = "none", x = axes.bare(-0.6, 0.97), y = axes.bare(-0.09, 1.48),
      series = {
        { line = edges(), colour = style.faint, width = 1.2 },
        { points = points, colour = style.colour(i), size = 0.25 },
      },
    }
  end
  return { {
    title = "Triples of random numbers in the unit cube", panels = panels, columns = math.min(#panels, 2),
    note = string.format("a point: three consecutive uniforms; the view is along the planes that hold RANDU's triples; "
      .. "%d triples of one stream of each generator", options.count),
  } }
end

return triples
