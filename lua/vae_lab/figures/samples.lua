-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/samples.lua: generated images: draws from the prior, decoded.  All configurations with the prior N(0, I) and
-- the same number of latent dimensions decode the same draws.

local images = require "vae_lab.figures.common.images"
local records = require "vae_lab.figures.common.records"
local prior_draws = require("vae_lab.evaluations.common").prior_draws

local samples = {
  about = "draws from the prior, decoded", prior = "draws",
  options = {
    rows = { type = "integer", default = 8, min = 1, max = 40 },
    columns = { type = "integer", default = 8, min = 1, max = 40 },
    seed = { type = "integer", default = 1, min = 0 },
  },
}

function samples.sheets(ctx, options)
  local panels, first, own = {}, nil, false
  for i, m in ipairs(images.models(ctx, records.configurations(ctx))) do
    local count, points = options.rows * options.columns, {}
    local z = prior_draws(m.model, count, 1, options.seed, "figure/samples")
    for r = 1, count do points[r] = z:row(r) end
    panels[i] = { title = m.c.title, image = images.join(m, images.decode(m, points), options.columns, 2) }
    first, own = first or m.c.first, own or records.own_prior(ctx, m.c.first)
  end
  return { {
    title = "Generated images: draws from the prior, decoded",
    note = "the mean image of p(x|z) for each draw z of " .. (own and "its model's prior" or "N(0, I)"), seed = first,
    panels = panels, largest = 7,
  } }
end

return samples
