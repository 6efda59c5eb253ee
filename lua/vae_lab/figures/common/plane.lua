-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/plane.lua: the latent plane: a square of it, and the circles of the prior N(0, I).

local axes = require "vae_lab.figures.common.axes"
local style = require "vae_lab.style"

local plane = {}

plane.PRIOR = 3.5 -- half the side of the square that holds 99.9 % of the prior

--- plane.square(x1, x2, y1, y2, margin) → { x, y, half }: the smallest square around this box, and a share of margin.
function plane.square(x1, x2, y1, y2, margin)
  return { x = (x1 + x2) / 2, y = (y1 + y2) / 2, half = (1 + margin) * math.max(x2 - x1, y2 - y1) / 2 }
end

--- plane.panel(p, square, o) → p with axes over the square; o: title: the letter of both axes; count: of tics.
function plane.panel(p, square, o)
  local function axis(centre, index)
    local look = { count = o.count or 5, inset = 0.07, title = o.title and o.title .. index }
    return axes.linear(centre - square.half, centre + square.half, look)
  end
  p.x, p.y, p.square = axis(square.x, "₁"), axis(square.y, "₂"), true
  return p
end

--- The prior's circles of one and two standard deviations, as series; their entry of the key.
function plane.prior(colour)
  local out = {}
  for i, dash in ipairs(style.circles) do
    out[i] = { ellipses = { { 0, 0, 2 * i, 2 * i, 0 } }, colour = colour or style.soft, dash = dash, width = 1.6 }
  end
  return table.unpack(out)
end

plane.prior_key = {
  text = "prior, 1 and 2 standard deviations", colour = style.soft, dash = style.circles[2], width = 1.6,
}

--- classes, by_class = plane.classes(rows): their labels in ascending order (-1: none), and the rows of each.
function plane.classes(rows)
  local classes, by_class = {}, {}
  for _, row in ipairs(rows) do
    local class = row.label or -1
    if not by_class[class] then by_class[class], classes[#classes + 1] = {}, class end
    table.insert(by_class[class], row)
  end
  table.sort(classes)
  return classes, by_class
end

--- The look of a class, and its text in the key.
function plane.look(class) return style.class_look(class), class >= 0 and tostring(class) or nil end

return plane
