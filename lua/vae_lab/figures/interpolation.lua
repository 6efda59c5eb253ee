-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/interpolation.lua: from one image to another: decoding along the straight line between the means of their
-- posteriors.
--
-- What it shows: where the latent space has holes, the line passes through images that resemble nothing.

local check = require "vae_lab.check"
local images = require "vae_lab.figures.common.images"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local interpolation = {
  about = "decoding along the line between two images' posteriors",
  options = { pairs = { type = "table" }, n = { type = "integer", default = 9, min = 3, max = 40 } },
}

function interpolation.check(options)
  for i, pair in ipairs(options.pairs or {}) do
    if type(pair) ~= "table" or #pair ~= 2 or math.type(pair[1]) ~= "integer" or math.type(pair[2]) ~= "integer" then
      check.fail {
        what = "bad pair " .. i .. " of lab.fig.interpolation", found = check.describe(pair),
        expected = "{ example, example }: two numbers of test images",
      }
    end
  end
end

-- The pairs of posteriors, by example; by default the first stored images of different classes.
local function choose(rows, wanted)
  local by_example, first, out = {}, {}, {}
  for _, row in ipairs(rows) do
    by_example[row.example] = row
    if row.label and not first[row.label] then first[row.label] = row end
  end
  for _, pair in ipairs(wanted or { { 0, 1 }, { 2, 7 }, { 3, 8 }, { 4, 9 }, { 5, 6 } }) do
    local from, to = (wanted and by_example or first)[pair[1]], (wanted and by_example or first)[pair[2]]
    if from and to then out[#out + 1] = { from, to } end
  end
  if not wanted and #out == 0 and #rows > 1 then out[1] = { rows[1], rows[#rows] } end
  return out
end

-- One row per pair: the original, n decoded steps, the other original; rules separate the originals from the steps.
local function panel_of(m, chosen, n)
  local points, pictures = {}, {}
  for _, pair in ipairs(chosen) do
    for i = 0, n - 1 do
      local z, t = {}, i / (n - 1)
      for j, from in ipairs(pair[1].mu) do z[j] = (1 - t) * from + t * pair[2].mu[j] end
      points[#points + 1] = z
    end
  end
  local decoded = images.decode(m, points)
  for r, pair in ipairs(chosen) do
    pictures[#pictures + 1] = m.originals.image(pair[1].example) or false
    table.move(decoded, (r - 1) * n + 1, r * n, #pictures + 1, pictures)
    pictures[#pictures + 1] = m.originals.image(pair[2].example) or false
  end
  local image = images.join(m, pictures, n + 2, 3)
  local rule = (m.originals.width + 1.5) / image.w
  return {
    title = m.c.title, image = image,
    series = { { segments = { { rule, 0, rule, 1 }, { 1 - rule, 0, 1 - rule, 1 } }, colour = style.soft } },
  }
end

function interpolation.sheets(ctx, options)
  local panels, first = {}, nil
  for _, m in ipairs(images.models(ctx, records.configurations(ctx))) do
    local chosen = choose(records.posteriors(ctx, m.c.first), options.pairs)
    if #chosen == 0 then
      ctx.note("no pair of images has posteriors recorded for " .. m.c.label .. "; left out")
    else
      panels[#panels + 1] = panel_of(m, chosen, options.n)
      first = first or m.c.first
    end
  end
  return { {
    title = "From one image to another, along the line between their posteriors",
    note = "outermost: the two originals; between the rules: decoded images at equal steps from mean to mean",
    seed = first, panels = panels, columns = math.min(2, #panels),
  } }
end

return interpolation
