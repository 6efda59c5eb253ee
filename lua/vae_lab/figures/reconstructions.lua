-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/reconstructions.lua: test images above the images that the decoder makes of the centres of their posteriors,
-- one row per configuration.

local images = require "vae_lab.figures.common.images"
local plane = require "vae_lab.figures.common.plane"
local records = require "vae_lab.figures.common.records"

local reconstructions = {
  about = "originals above reconstructions",
  options = { n = { type = "integer", default = 12, min = 1, max = 40 } },
}

-- Examples that have both an original and a posterior: one of each class in turn, so that few images show all classes.
local function choose(originals, rows, n)
  local with_original, chosen = {}, {}
  for _, row in ipairs(rows) do
    if originals.image(row.example) then with_original[#with_original + 1] = row end
  end
  local classes, by_class = plane.classes(with_original)
  for round = 1, #rows do
    for _, class in ipairs(classes) do
      if by_class[class][round] and #chosen < n then chosen[#chosen + 1] = by_class[class][round] end
    end
  end
  return chosen
end

function reconstructions.sheets(ctx, options)
  local panels, examples, first = {}, nil, nil
  for _, m in ipairs(images.models(ctx, records.configurations(ctx))) do
    local rows, mu, points = records.posteriors(ctx, m.c.first), {}, {}
    for _, row in ipairs(rows) do mu[row.example] = row.mu end
    examples = examples or choose(m.originals, rows, options.n)
    for _, e in ipairs(examples) do points[#points + 1] = mu[e.example] end
    if #points == 0 or #points < #examples then
      ctx.note("the same images have no posterior recorded for " .. m.c.label .. "; left out")
    else
      if not first then
        local originals = {}
        for i, e in ipairs(examples) do originals[i] = m.originals.image(e.example) end
        panels[1], first = { side = "originals", image = images.join(m, originals, #originals, 2) }, m.c.first
      end
      panels[#panels + 1] = { side = m.c.title, image = images.join(m, images.decode(m, points), #points, 2) }
    end
  end
  return { {
    title = "Test images and their reconstructions",
    note = "the decoder's image at the centre of each posterior; a column is one test image",
    seed = first, panels = panels,
  } }
end

return reconstructions
