-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/tiles.lua: many small pictures as one, byte for byte: blobs of float32, row after row from the top.

local array = require "vae_lab.native.array"

local tiles = {}

--- tiles.split(blob, size) → the list of pictures of `size` floats in a blob.
function tiles.split(blob, size)
  local list = {}
  for at = 1, #blob - size * 4 + 1, size * 4 do list[#list + 1] = blob:sub(at, at + size * 4 - 1) end
  return list
end

--- tiles.join(images, columns, w, h, gap, paper) → blob, width, height.  Pictures row by row; `gap` pixels of value `paper`
-- between them; false in the list is an empty place.
function tiles.join(images, columns, w, h, gap, paper)
  local rows = (#images + columns - 1) // columns
  local pixel = string.pack("<f", paper)
  local between, empty = pixel:rep(gap), pixel:rep(w)
  local width = columns * w + (columns - 1) * gap
  local out, blank = {}, pixel:rep(width)
  for r = 0, rows - 1 do
    if r > 0 then
      for _ = 1, gap do out[#out + 1] = blank end
    end
    for y = 0, h - 1 do
      local line = {}
      for c = 1, columns do
        local image = images[r * columns + c]
        line[c] = image and image:sub(y * w * 4 + 1, (y + 1) * w * 4) or empty
      end
      out[#out + 1] = table.concat(line, between)
    end
  end
  return table.concat(out), width, rows * h + (rows - 1) * gap
end

--- tiles.decode(model, points, size) → the decoder's mean pictures at latent points {{z1, z2, …}, …}.
function tiles.decode(model, points, size)
  if #points == 0 then return {} end
  local decoded = model:map { feed = "z", values = array.from(points), count = #points, name = "p.mean" }
  return tiles.split(decoded:blob(), size)
end

return tiles
