-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/images.lua: pictures as blobs of float32, row after row from the top: what models decode, and many as
-- one.

local array = require "vae_lab.native.array"
local records = require "vae_lab.figures.common.records"

local images = {}

--- The configurations whose models decode images, with their test images: { { c, originals, model }, … }.  A note names
-- the others.
function images.models(ctx, list)
  local out = {}
  for _, c in ipairs(list) do
    local originals = records.originals(ctx, c.first)
    local model = originals and ctx.model(c.first.id)
    if not originals then
      ctx.note("no original images are recorded for " .. c.label .. "; left out")
    elseif model:width "p.mean" ~= originals.width * originals.height then
      ctx.note("the model of " .. c.label .. " does not decode images; left out")
    else
      out[#out + 1] = { c = c, originals = originals, model = model }
    end
  end
  return out
end

--- images.split(blob, size) → the list of pictures of `size` floats in a blob.
function images.split(blob, size)
  local list = {}
  for at = 1, #blob - size * 4 + 1, size * 4 do list[#list + 1] = blob:sub(at, at + size * 4 - 1) end
  return list
end

--- images.decode(m, points) → the mean images of p(x|z) at latent points { {z1, z2, …}, … }; m: one of images.models.
function images.decode(m, points)
  if #points == 0 then return {} end
  local decoded = m.model:map { feed = "z", values = array.from(points), count = #points, name = "p.mean" }
  return images.split(decoded:blob(), m.originals.width * m.originals.height)
end

--- images.join(m, list, columns, gap) → one image for a panel: pictures row by row, `gap` pixels of paper between them;
-- false: an empty place.
function images.join(m, list, columns, gap)
  local w, h = m.originals.width, m.originals.height
  local rows, width = (#list + columns - 1) // columns, columns * w + (columns - 1) * gap
  local pixel = string.pack("<f", m.originals.dark and 0 or 1)
  local between, empty, blank = pixel:rep(gap), pixel:rep(w), pixel:rep(width)
  local out = {}
  for r = 0, rows - 1 do
    for _ = 1, r > 0 and gap or 0 do out[#out + 1] = blank end
    for y = 0, h - 1 do
      local line = {}
      for c = 1, columns do
        local picture = list[r * columns + c]
        line[c] = picture and picture:sub(y * w * 4 + 1, (y + 1) * w * 4) or empty
      end
      out[#out + 1] = table.concat(line, between)
    end
  end
  return { image = table.concat(out), w = width, h = rows * h + (rows - 1) * gap, dark = m.originals.dark }
end

return images
