-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/posteriors.lua: the true posterior p(z|x) of single images and the encoder's approximation q(z|x), over each
-- other.
--
-- What it shows: where the true posterior is bent, tilted or in two parts, no ellipse along the axes equals it, and
-- KL(q ‖ p(z|x)), written above each panel, is what the ELBO loses there.  Drawn are highest-density regions that hold
-- 50 % and 95 %: of p(z|x) from its values on a grid (lab.eval.posteriors), of q(z|x) its ellipses.  One page per
-- configuration with two latent dimensions.

local check = require "vae_lab.check"
local images = require "vae_lab.figures.common.images"
local plane = require "vae_lab.figures.common.plane"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local posteriors = {
  about = "true posteriors of single images and the encoder's ellipses",
  options = { examples = { type = "integer", default = 6, min = 1, max = 12 } },
}

local TRUE, SHADE, OURS = style.colours[1], "#8FBFDF", { colour = style.colours[2], dash = style.dash(2) }
-- Shares of the mass, the pen for each, and the radius of a Gaussian's ellipse in the plane that holds it: sqrt(-2
-- log(1 - share)).
local regions = { { share = 0.5, pen = 2.4, radius = 1.17741002 }, { share = 0.95, pen = 1.4, radius = 2.44774683 } }

posteriors.remark = records.needs_plane "posteriors"

--- fits(models, evaluations), before any training: raises unless posteriors are recorded.
function posteriors.fits(_, evaluations)
  for _, evaluation in ipairs(evaluations) do
    if evaluation.name == "posteriors" then return end
  end
  check.fail {
    what = "lab.fig.posteriors draws the posteriors that lab.eval.posteriors() records",
    found = "no lab.eval.posteriors() in evaluate", hint = "add lab.eval.posteriors() to evaluate",
  }
end

--- The height above which the cells of a density hold `share` of its mass: the border of a highest-density region.
function posteriors.level(density, share)
  local sorted, total, sum = table.move(density, 1, #density, 1, {}), 0, 0
  table.sort(sorted, function(a, b) return a > b end)
  for _, v in ipairs(sorted) do total = total + v end
  for _, v in ipairs(sorted) do
    sum = sum + v
    if sum >= share * total then return v end
  end
  return 0
end

-- The recorded log density of one image on its grid, as a density with peak 1.
local function density_of(blob)
  local density, peak = records.floats(blob), -math.huge
  for _, v in ipairs(density) do peak = math.max(peak, v) end
  for at, v in ipairs(density) do density[at] = math.exp(v - peak) end
  return density
end

-- The density's shade with the lines around its regions, q's ellipses, and q's mean.
local function series_of(density, n, box, mu, sigma)
  local lines, series = {}, { {
    field = density, n = n, box = { x = box[1], y = box[3], side = box[2] - box[1] }, colour = TRUE, shade = SHADE,
  } }
  for i, region in ipairs(regions) do
    lines[i] = { level = posteriors.level(density, region.share), width = region.pen }
    local ellipse = { mu[1], mu[2], 2 * region.radius * sigma[1], 2 * region.radius * sigma[2], 0 }
    series[#series + 1] = { ellipses = { ellipse }, look = OURS, width = region.pen }
  end
  series[1].lines = lines
  series[#series + 1] = { points = { mu }, look = OURS, point = 7, size = 0.6 }
  return series
end

local function key()
  local entries = {}
  for _, who in ipairs { { "true posterior p(z|x)", TRUE, "solid" }, { "encoder's q(z|x)", OURS.colour, OURS.dash } } do
    for i, region in ipairs(regions) do
      local text = string.format("%s %g %%", i == 1 and who[1] .. "," or who[1]:match "%S+$" .. ",", 100 * region.share)
      entries[#entries + 1] = { text = text, colour = who[2], dash = who[3], width = region.pen }
    end
  end
  entries[#entries + 1] = { text = "its mean", colour = OURS.colour, point = 7 }
  return entries
end

-- One panel per image of one run, or nil.
local function panels_of(ctx, run, most)
  local bytes, numbers = records.artifact(ctx, run, "posteriors")
  if not bytes then return nil end
  local kl, mu, sigma, boxes, labels = numbers "kl", numbers "mu", numbers "sigma", numbers "boxes", numbers "labels"
  local n, w, h = numbers("grid")[1], numbers("width")[1], numbers("height")[1]
  local cells, panels = n * n * 4, {}
  local icons = images.split(bytes:sub(#kl * cells + 1), math.max(1, w * h))
  local word = (run.data or ""):match "^digits" and "digit " or "class "
  for i = 1, math.min(#kl, most) do
    local box, label = table.move(boxes, 4 * i - 3, 4 * i, 1, {}), labels[i]
    local density = density_of(bytes:sub((i - 1) * cells + 1, i * cells))
    local function pair(list) return { list[2 * i - 1], list[2 * i] } end
    panels[i] = plane.panel({
      heading = label and label >= 0 and word .. label or "example " .. i, unit = "KL " .. style.number(kl[i] or 0 / 0, 2),
      series = series_of(density, n, box, pair(mu), pair(sigma)),
      icon = w > 0 and icons[i] and { image = icons[i], w = w, h = h, dark = records.strokes(icons[i]) } or nil,
    }, plane.square(box[1], box[2], box[3], box[4], 0), { count = 3, title = "z" })
  end
  return panels
end

function posteriors.sheets(ctx, options)
  local sheets = {}
  for _, c in ipairs(records.planar(ctx)) do
    local panels = panels_of(ctx, c.first, options.examples)
    if panels then
      sheets[#sheets + 1] = {
        title = "The encoder's posterior and the true one" .. (c.title ~= "the model" and ": " .. c.title or ""),
        note = "regions of 50 % and 95 %; KL(q ‖ p(z|x)) = log p(x) − ELBO, nats; each panel has its own scale",
        panels = panels, columns = math.min(3, #panels), key = key(), seed = c.first, suffix = "-" .. c.slug,
      }
    else
      ctx.note("no posteriors on a grid are recorded for " .. c.label
        .. "; add lab.eval.posteriors() to the evaluations")
    end
  end
  if #sheets == 1 then sheets[1].suffix = nil end
  return sheets
end

return posteriors
