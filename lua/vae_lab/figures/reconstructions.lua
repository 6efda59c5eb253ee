-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/reconstructions.lua: test images above what the decoder makes of the centres of their posteriors, a row a
-- configuration.

local Page = require "vae_lab.figures.common.page"
local pictures = require "vae_lab.figures.common.pictures"
local records = require "vae_lab.figures.common.records"
local tiles = require "vae_lab.figures.common.tiles"

local reconstructions = {
  about = "originals above reconstructions",
  options = { n = { type = "integer", default = 12, min = 1, max = 40 } },
}

-- Examples that have both an original and a posterior: one of each class in turn, so that few images show all classes.
local function choose(originals, rows, n)
  local by_label, labels, chosen = {}, {}, {}
  for _, row in ipairs(rows) do
    if originals.image(row.example) then
      local label = row.label or -1
      if not by_label[label] then
        by_label[label] = {}
        labels[#labels + 1] = label
      end
      table.insert(by_label[label], row)
    end
  end
  table.sort(labels)
  for round = 1, #rows do
    for _, label in ipairs(labels) do
      if by_label[label][round] and #chosen < n then chosen[#chosen + 1] = by_label[label][round] end
    end
  end
  return chosen
end

local function rows_of(ctx, models, options, name)
  local out, examples = {}, nil
  for _, m in ipairs(models) do
    local by_example, points, complete = {}, {}, true
    local rows = records.posteriors(ctx, m.c.first)
    for _, row in ipairs(rows) do by_example[row.example] = row end
    examples = examples or choose(m.originals, rows, options.n)
    for i, e in ipairs(examples) do
      complete = complete and by_example[e.example] ~= nil
      points[i] = complete and by_example[e.example].mu
    end
    if complete and #points > 0 then
      if #out == 0 then
        local images = {}
        for i, e in ipairs(examples) do images[i] = m.originals.image(e.example) end
        out[1] = { title = "originals", images = images, m = m }
      end
      out[#out + 1] = { title = m.c.title, images = tiles.decode(m.model, points, m.size), m = m }
    else
      ctx.note(name .. ": the same images have no posterior recorded for " .. m.c.label .. "; left out")
    end
  end
  return out
end

function reconstructions.draw(ctx, options, name)
  local rows = rows_of(ctx, pictures.models(ctx, records.configurations(ctx), name), options, name)
  if #rows == 0 then return {} end
  local title = "Test images and their reconstructions"
  local note = "the decoder's image at the centre of each posterior; columns are the same image"
  local widest = 0
  for _, r in ipairs(rows) do widest = math.max(widest, Page.text_width(r.title, 9)) end
  local width, left, top = 16, math.min(widest + 0.4, 6.5), Page.top { title = title, note = note }
  local o = rows[1].m.originals
  local blob_height = (width - left - 0.3) / (#rows[1].images * (o.width + 2) - 2) * o.height
  blob_height = math.min(blob_height, 2.2)
  local height = top + 0.2 + #rows * (blob_height + 0.18) + 0.15 + Page.foot
  local page = Page.new { width = width, height = height, title = title, note = note }
  page.source = records.source(ctx, "seed " .. tostring(rows[1].m.c.first.seed))
  for i, r in ipairs(rows) do
    local blob, w, h = tiles.join(r.images, #r.images, o.width, o.height, 2, o.dark and 0 or 1)
    local y = top + 0.2 + (i - 1) * (blob_height + 0.18) + (i > 1 and 0.15 or 0)
    page:panel { x = left, y = y, w = blob_height * w / h, h = blob_height }
    page:text(r.title, left - 0.2, y + blob_height / 2, { align = "right" })
    local part = page:image("r" .. i, blob, w, h, o.dark)
    page:bare()
    page:plot { part }
  end
  return { page:render(ctx, name) }
end

return reconstructions
