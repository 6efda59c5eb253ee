-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/triples.lua: triples of random numbers that follow each other, as points in the unit cube, a panel for each generator.
--
-- The cube is seen along RANDU's planes 9 u - 6 u' + u'' = const: to the right (9, -6, 1) / sqrt(118), upwards (6, 9, 0) / sqrt(117).
-- A generator whose triples lie on such planes shows lines; independent uniforms fill the cube's outline.

local Page = require "vae_lab.figures.common.page"
local planes = require "vae_lab.evaluations.planes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local triples = {
  about = "triples of random numbers in the unit cube, seen along RANDU's planes",
  options = { count = { type = "integer", default = 1365, min = 100, max = 1365 } },
}

-- (u, u', u'') in [0, 1]^3 → where it is seen.
local function project(u)
  return { (9 * u[1] - 6 * u[2] + u[3]) / math.sqrt(118), (6 * u[1] + 9 * u[2]) / math.sqrt(117) }
end

-- The cube's twelve edges, a gap after each.
local function edges()
  local rows = {}
  for axis = 1, 3 do
    for corner = 0, 3 do
      local from = { 0, 0, 0 }
      from[axis % 3 + 1], from[(axis + 1) % 3 + 1] = corner % 2, corner // 2
      local to = { table.unpack(from) }
      to[axis] = 1
      rows[#rows + 1], rows[#rows + 2], rows[#rows + 3] = project(from), project(to), { nil, nil, n = 2 }
    end
  end
  return rows
end

-- One panel for each generator of the runs.
local function generators(ctx)
  local list, seen = {}, {}
  for _, c in ipairs(records.configurations(ctx)) do
    local rng = records.setting(c.first, "rng") or "philox4x32"
    if not seen[rng] then list[#list + 1], seen[rng] = { rng = rng, seed = tonumber(c.first.seed) }, true end
  end
  return list
end

function triples.draw(ctx, options, name)
  local list, title = generators(ctx), "Triples of random numbers in the unit cube"
  local note = "a point: three uniforms in a row; the view is along the planes that hold RANDU's triples"
  local columns = math.min(#list, 2)
  local side = 6.6
  local top = Page.top { title = title, note = note, width = 16 } + 0.6
  local rows = (#list + columns - 1) // columns
  local page = Page.new { width = 16, height = top + rows * (side + 0.7) - 0.5 + Page.foot, title = title, note = note }
  page.source = string.format("%d triples of a stream of each generator", options.count)
  page:bare()
  for i, g in ipairs(list) do
    local column, row = (i - 1) % columns, (i - 1) // columns
    page:panel { x = 0.8 + column * 7.8, y = top + row * (side + 0.7), w = side, h = side, title = g.rng }
    page:add "set xrange [-0.6:0.97]; set yrange [-0.09:1.48]"
    local u, points = planes.draw(options.count, g.seed, g.rng), {}
    for k = 1, options.count do points[k] = project(u:row(k)) end
    page:plot {
      string.format("%s using 1:2 with lines lw 1.2 lc rgb '%s'", page:data("cube_" .. i, edges()), style.faint),
      string.format("%s using 1:2 with points pt 7 ps 0.25 lc rgb '%s'", page:data("triples_" .. i, points), style.colour(i)),
    }
  end
  return { page:render(ctx, name) }
end

return triples
