-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/interpolation.lua: from one image to another: decoding along the straight line between the centres of their ellipses.
--
-- What it tells: where the latent space has holes, the way leads through images that are nothing.

local pictures = require "vae_lab.figures.common.pictures"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"
local tiles = require "vae_lab.figures.common.tiles"
local check = require "vae_lab.check"

local interpolation = {
  about = "decoding along the line between two images' ellipses",
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

-- The pairs of posteriors, by example; without a choice, of the first stored image of different classes.
local function choose(rows, wanted)
  local by_example, first, out = {}, {}, {}
  for _, row in ipairs(rows) do
    by_example[row.example] = row
    if row.label and not first[row.label] then first[row.label] = row end
  end
  if wanted then
    for _, pair in ipairs(wanted) do
      if by_example[pair[1]] and by_example[pair[2]] then out[#out + 1] = { by_example[pair[1]], by_example[pair[2]] } end
    end
    return out
  end
  for _, pair in ipairs { { 0, 1 }, { 2, 7 }, { 3, 8 }, { 4, 9 }, { 5, 6 } } do
    if first[pair[1]] and first[pair[2]] then out[#out + 1] = { first[pair[1]], first[pair[2]] } end
  end
  if #out == 0 and #rows > 1 then out[1] = { rows[1], rows[#rows] } end
  return out
end

local function line_between(a, b, n)
  local points = {}
  for i = 0, n - 1 do
    local z, t = {}, i / (n - 1)
    for j = 1, #a do z[j] = (1 - t) * a[j] + t * b[j] end
    points[#points + 1] = z
  end
  return points
end

-- Rows: original, decoded steps, original.
local function panel(m, chosen, n)
  local points, images = {}, {}
  for _, pair in ipairs(chosen) do
    for _, z in ipairs(line_between(pair[1].mu, pair[2].mu, n)) do points[#points + 1] = z end
  end
  local decoded = tiles.decode(m.model, points, m.size)
  local o = m.originals
  for r, pair in ipairs(chosen) do
    images[#images + 1] = o.image(pair[1].example) or false
    for i = 1, n do images[#images + 1] = decoded[(r - 1) * n + i] end
    images[#images + 1] = o.image(pair[2].example) or false
  end
  local blob, w, h = tiles.join(images, n + 2, o.width, o.height, 3, o.dark and 0 or 1)
  return { title = m.c.title, blob = blob, w = w, h = h, dark = o.dark, cell = o.width + 3 }
end

-- Rules set the originals apart from what is decoded.
local function dress(page, p)
  page:bare()
  for i, x in ipairs { p.cell - 1.5, p.w - p.cell + 1.5 } do
    page:addf("set arrow %d from %g,0 to %g,%d nohead front lw 1 lc rgb '%s'", i, x, x, p.h, style.soft)
  end
end

function interpolation.draw(ctx, options, name)
  local panels, source = {}, nil
  for _, m in ipairs(pictures.models(ctx, records.configurations(ctx), name)) do
    local chosen = choose(records.posteriors(ctx, m.c.first), options.pairs)
    if #chosen == 0 then
      ctx.note(name .. ": the images of no pair have a posterior recorded for " .. m.c.label .. "; left out")
    else
      panels[#panels + 1] = panel(m, chosen, options.n)
      source = source or records.source(ctx, "seed " .. tostring(m.c.first.seed))
    end
  end
  if #panels == 0 then return {} end
  return { pictures.sheet(ctx, name, panels, {
    title = "From one image to another, along the line between their ellipses",
    note = "outermost: the two originals; between the rules: what is decoded at equal steps from centre to centre",
    source = source, dress = dress, columns = #panels > 1 and 2 or 1,
  }) }
end

return interpolation
