-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/manifold.lua: the plane, decoded: an n × n grid of latent points, each drawn as the image that the decoder makes
-- of it.
--
-- The grid is even in probability under the prior, z = the inverse Gaussian CDF of (i + 1/2)/n (Kingma and Welling 2014,
-- figure 4), so that the sheet shows just what the prior would generate, each part as large as it is likely.

local pictures = require "vae_lab.figures.common.pictures"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"
local grid = require "vae_lab.figures.common.grid"
local tiles = require "vae_lab.figures.common.tiles"

local manifold = {
  about = "the decoded latent plane, on a grid even under the prior",
  options = { n = { type = "integer", default = 20, min = 2, max = 100 } },
}

-- z2 falls from the top row to the bottom one.
local function plane_points(n)
  local points = {}
  for row = n, 1, -1 do
    for column = 1, n do
      points[#points + 1] = { stats.normal_quantile((column - 0.5) / n), stats.normal_quantile((row - 0.5) / n) }
    end
  end
  return points
end

-- Where z = −1, 0, 1 stands on an axis that is even in probability: the normal CDF of these.
local marks = { { -1, 0.158655 }, { 0, 0.5 }, { 1, 0.841345 } }

local function dress(page, p, first)
  local across, down = {}, {}
  for i, m in ipairs(marks) do
    across[i] = { m[2] * p.w, style.number(m[1]) }
    down[i] = { (1 - m[2]) * p.h, style.number(m[1]) }
  end
  page:addf("set border 15 lw 0.6 lc rgb '%s'", style.soft)
  page:addf("set xtics %s offset 0,0.4; set ytics %s offset 0.6,0", grid.tics(across), grid.tics(down))
  page:addf("set xlabel %s offset 0,1.1 font ',8'", style.text "z₁")
  if first then page:addf("set ylabel %s offset 1.9,0 font ',8'", style.text "z₂") else page:add "unset ylabel" end
end

function manifold.remark(_, widths) return records.no_plane("manifold", widths) end

function manifold.draw(ctx, options, name)
  local models = pictures.models(ctx, records.planar(ctx, name), name)
  if #models == 0 then return {} end
  local points, panels, names = plane_points(options.n), {}, {}
  for i, m in ipairs(models) do
    local o = m.originals
    local blob, w, h = tiles.join(tiles.decode(m.model, points, m.size), options.n, o.width, o.height, 0, 0)
    panels[i] = { title = m.c.title, blob = blob, w = w, h = h, dark = o.dark }
  end
  local source = records.source(ctx, "seed " .. tostring(models[1].c.first.seed))
  local note = "the grid is even in probability under the prior"
  names[1] = pictures.sheet(ctx, name, panels, {
    title = "What the decoder makes of the latent plane", note = note, source = source, dress = dress,
    left = 0.9, below = 0.75, between = 0.85, columns = #panels == 4 and 2 or nil,
  })
  if #panels == 1 then return names end
  for i, p in ipairs(panels) do
    names[#names + 1] = pictures.sheet(ctx, name .. "-" .. models[i].c.slug, { p }, {
      title = "The decoded latent plane", note = note, source = source, dress = dress,
      width = 12, left = 0.9, below = 0.75, largest = 10.6,
    })
  end
  return names
end

return manifold
