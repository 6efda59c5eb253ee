-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/pictures.lua: pages of pictures: panels side by side, each one picture with a title.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"

local pictures = {}

--- The configurations whose model decodes pictures, with their originals: { {c, originals, model, size}, … }; says which
-- do not.
function pictures.models(ctx, list, what)
  local out = {}
  for _, c in ipairs(list) do
    local originals = records.originals(ctx, c.first)
    if not originals then
      ctx.note(what .. ": no original images are recorded for " .. c.label .. "; left out")
    else
      local model = ctx.model(c.first.id)
      if model:width "p.mean" == originals.width * originals.height then
        out[#out + 1] = { c = c, originals = originals, model = model, size = originals.width * originals.height }
      else
        ctx.note(what .. ": the model of " .. c.label .. " does not decode images; left out")
      end
    end
  end
  return out
end

--- pictures.sheet(ctx, name, panels, o): panels { {title, blob, w, h, dark}, … } of one shape; o: title, note, columns, width,
-- largest, source, left, below, dress = function (page, panel) for axes (bare panels without it).
function pictures.sheet(ctx, name, panels, o)
  local ratio = panels[1].h / panels[1].w
  local width, top = o.width or 16, Page.top(o)
  local g = grid.squares(#panels, width, {
    left = o.left or 0.3, between = o.between or 0.4, above = 0.55, below = o.below or 0.15, top = top, largest = o.largest or 8,
    columns = o.columns, ratio = ratio,
  })
  local page = Page.new { width = width, height = top + g.height + Page.foot, title = o.title, note = o.note }
  page.source = o.source
  for i, p in ipairs(panels) do
    local x, y = g.place(i)
    page:panel { x = x, y = y, w = g.size, h = g.tall, title = p.title }
    local part = page:image("p" .. i, p.blob, p.w, p.h, p.dark)
    if o.dress then o.dress(page, p, (i - 1) % g.columns == 0) else page:bare() end
    page:plot { part }
  end
  return page:render(ctx, name)
end

return pictures
