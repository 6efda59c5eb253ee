-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/pixels.lua: the ELBO of one model on the same test images, with their pixels treated in each of the ways
-- that papers use.
--
-- Only the data differ, so numbers of two treatments cannot be compared.  With grey pixels the "log likelihood" of a
-- Bernoulli p(x|z) is minus a cross-entropy: it does not sum to one over any set of images.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local experiment = require "vae_lab.experiment"
local array = require "vae_lab.native.array"

local pixels = {
  nodes = { "elbo", "p.logits" }, rules = { examples = common.whole(1, 2000), samples = common.whole(1, 1),
    seed = common.whole(0, 1) },
}

function pixels.fits(_, data)
  if data:is_image() then return end
  check.fail { what = "lab.eval.pixels needs images, and the data are points", found = data:name(),
    hint = "leave that evaluation out" }
end

-- x > 1/2, as many programs "binarise".
local function thresholded(rows)
  local out = array.new(rows:rows(), rows:cols())
  for i = 1, rows:rows() do
    for j, v in ipairs(rows:row(i)) do
      if v > 0.5 then out:set(i, j, 1) end
    end
  end
  return out
end

-- Minus the entropy of the pixels as probabilities, mean over the images.
local function ceiling(rows)
  local sum = 0
  for i = 1, rows:rows() do
    for _, v in ipairs(rows:row(i)) do
      if v > 0 and v < 1 then sum = sum + v * math.log(v) + (1 - v) * math.log(1 - v) end
    end
  end
  return sum / rows:rows()
end

-- Names in results.db never change: dynamic binarisation was first called fresh.
local metric_of = { grey = "grey", static = "static", dynamic = "fresh" }

--- lab.eval.pixels { examples = 2000, samples = 1, seed = 1 }: the ELBO of the trained model on the same test images,
-- nats per example:
--   pixels/grey          with their grey pixels: a cross-entropy, not a likelihood
--   pixels/fresh         dynamic binarisation: black or white, drawn with the grey value as the probability
--                        (Salakhutdinov & Murray 2008)
--   pixels/static        the same, drawn once for all
--   pixels/thresholded   white above 1/2: different, simpler images
--   pixels/ceiling       Σ x ln x + (1 - x) ln(1 - x) of the grey pixels: the greatest value that any Bernoulli p(x|z)
--                        can reach on them; for black and white pixels it is 0
function pixels.run(o, model, data, recorder, others)
  local request = common.with(common.request(data, "test", o), { samples = o.samples })
  for _, kind in ipairs(experiment.binarise) do
    local means = model:mean(common.with(request, { names = { "elbo" }, data = others.pixels(kind) }))
    recorder:metric("pixels/" .. metric_of[kind], means.elbo.mean)
  end
  local grey = others.pixels("grey"):rows("test", 1, request.count)
  recorder:metric("pixels/ceiling", ceiling(grey))
  local elbo = model:map {
    name = "elbo", feed = "x", values = thresholded(grey), count = request.count, samples = o.samples, seed = o.seed,
  }
  recorder:metric("pixels/thresholded", (common.mean(elbo:column(1))))
end

return pixels
