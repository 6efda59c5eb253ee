-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/samples.lua: generated images: draws from the prior N(0, I), decoded.  All configurations with the same
-- number of latent dimensions decode the same draws.

local images = require "vae_lab.figures.common.images"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"

local samples = {
  about = "draws from the prior, decoded",
  options = {
    rows = { type = "integer", default = 8, min = 1, max = 40 },
    columns = { type = "integer", default = 8, min = 1, max = 40 },
    seed = { type = "integer", default = 1, min = 0 },
  },
}

function samples.sheets(ctx, options)
  local panels, first = {}, nil
  for i, m in ipairs(images.models(ctx, records.configurations(ctx))) do
    local count, points = options.rows * options.columns, {}
    local z = stats.normal(count, records.latent(ctx, m.c.first), options.seed, "figure/samples")
    for r = 1, count do points[r] = z:row(r) end
    panels[i] = { title = m.c.title, image = images.join(m, images.decode(m, points), options.columns, 2) }
    first = first or m.c.first
  end
  return { {
    title = "Generated images: draws from the prior, decoded",
    note = "the mean image of p(x|z) for each draw z of N(0, I)", seed = first, panels = panels, largest = 7,
  } }
end

return samples
