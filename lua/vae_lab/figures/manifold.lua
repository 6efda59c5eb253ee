-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/manifold.lua: the decoded latent plane: an n × n grid of latent points, each drawn as the image that the
-- decoder makes of it.
--
-- The grid is even in probability under the prior, z = the inverse Gaussian CDF of (i + 1/2)/n (Kingma and Welling
-- 2014, figure 4): each image takes as much of the figure as it has of the prior.  Hence for N(0, I) only.

local axes = require "vae_lab.figures.common.axes"
local images = require "vae_lab.figures.common.images"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"

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

-- Axes from 0 to 1 in probability: the normal CDF of -1, 0 and 1 is 0.158655, 0.5, 0.841345.
local across, down = axes.bare(0, 1, "z₁"), axes.bare(1, 0, "z₂")
across.tics = { { 0.158655, "−1" }, { 0.5, "0" }, { 0.841345, "1" } }
down.tics = { { 0.841345, "−1" }, { 0.5, "0" }, { 0.158655, "1" } }

manifold.remark = records.needs_plane "manifold"

function manifold.sheets(ctx, options)
  local panels, sheets = {}, {}
  local title, note = "The decoded latent plane", "the grid is even in probability under the prior"
  for _, m in ipairs(images.models(ctx, records.standard(ctx, records.planar(ctx)))) do
    local image = images.join(m, images.decode(m, plane_points(options.n)), options.n, 0)
    local function panel() return { title = m.c.title, image = image, x = across, y = down, frame = "box" } end
    panels[#panels + 1] = panel()
    sheets[#sheets + 1] = {
      title = title, note = note, width = 12, largest = 10.6, seed = m.c.first, panels = { panel() },
      suffix = "-" .. m.c.slug,
    }
  end
  if #panels == 0 then return {} end
  local columns = #panels == 4 and 2 or nil
  local all = { title = title, note = note, columns = columns, seed = sheets[1].seed, panels = panels }
  if #panels == 1 then return { all } end
  table.insert(sheets, 1, all)
  return sheets
end

return manifold
