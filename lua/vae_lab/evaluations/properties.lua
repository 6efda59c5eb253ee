-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/properties.lua: what makes a latent space a good one, in four properties, measured alike for a model whose codes are
-- Gaussians (a VAE) and one whose codes are points (an autoencoder: ellipses of width 0).
--
--   1. Similar images lie near each other: property/order, property/neighbours.
--   2. Every point decodes to something: property/holes, property/validity; draws from the prior are judged by
--      lab.eval.validity.
--   3. Different classes lie neither far apart nor on top of each other: property/apart, property/overlap.
--   4. One class lies together, but is not one point: property/grain, property/within, property/active_units.
--
-- 1, the validity in 2 and the distance in 3 are free of the plane's place and scale, so that an autoencoder, which knows no
-- prior, is judged where its own codes lie; the others are about the prior N(0, I), or about q's own width.

local common = require "vae_lab.evaluations.common"
local originals = require "vae_lab.evaluations.originals"
local validity = require "vae_lab.evaluations.validity"

local properties = {
  nodes = { "z", "p.mean" }, labels = true,
  rules = {
    examples = { type = "integer", min = 3, default = 2000 }, store = { type = "integer", min = 0, default = 2000 },
    pairs = { type = "integer", min = 2, default = 100000 }, neighbours = { type = "integer", min = 1, default = 10 },
    draws = { type = "integer", min = 1, default = 10000 }, radius = { type = "number", above = 0, default = 2 },
    per_class = { type = "integer", min = 1, default = 5 }, hidden = { type = "integer", min = 1, default = 64 },
    epochs = { type = "integer", min = 1, default = 20 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

--- The same artifact as lab.eval.originals, unless nothing is stored.
function properties.keeps(o) return o.store > 0 and "originals" or nil end

-- Ellipses cover a volume in few dimensions only; points cover none.
local HOLE_DIMENSIONS = 3

local function holes(stats, o, mu, sigma)
  if stats.mean(sigma) == 0 then return 1 end
  return stats.hole_fraction(mu, sigma, { radius = o.radius, draws = o.draws, seed = o.seed })
end

-- As many draws as there are codes, from the Gaussian of their own mean and covariance.
local function draws_like(stats, mu, seed)
  local pca = stats.pca(mu, mu:cols())
  local scores = stats.normal(mu:rows(), mu:cols(), seed, "properties")
  for j, variance in ipairs(pca.eigenvalues:row(1)) do
    for i = 1, scores:rows() do scores:set(i, j, math.sqrt(variance) * scores:get(i, j)) end
  end
  return stats.pca_decode(pca, scores)
end

--- lab.eval.properties { examples = 2000, store = 2000, pairs = 100000, neighbours = 10, draws = 10000, radius = 2, per_class = 5,
-- hidden = 64, epochs = 20, seed = 1 }, for data with labels: numbers about the codes of the first test examples, N(mu, sigma²) or points.
--   property/order         Spearman's rank correlation, over pairs of examples, of their distance in pixels with that of their mu:
--                          1 where the nearer image is always the nearer code, 0 where the one says nothing of the other
--   property/neighbours    share of the nearest neighbours (by mu) that are of the same class
--   property/holes         share of prior draws in no posterior's ellipse of `radius` sigmas (up to 3 dimensions); points: 1
--   property/validity      as sample/validity (lab.eval.validity; hidden and epochs are its judge's), of draws from a Gaussian with
--                          the mean and the covariance of all mu: does what lies between the codes decode to what they do?
--   property/apart         distance of a class's centre to the nearest other one by property/within, mean over the classes: at
--                          2 two round classes of equal size are told apart five times in six
--   property/overlap       mean Bhattacharyya coefficient of two posteriors of different classes, 0 apart … 1 the same; points: 0
--   property/within        standard deviation of the means around their class's centre, root mean square over the units
--   property/grain         mean posterior standard deviation by property/within: near 0 a class is dust, images that share
--                          nothing; 1 and above it is collapsed, no wider than a single image's own ellipse; points: 0
--   property/active_units  units whose mean varies by more than 0.01 (Burda et al., section 5.2)
-- The first `store` posteriors are kept, with the first `per_class` images of each class among them.
function properties.run(o)
  return function(model, data, recorder, others)
    local stats = require "vae_lab.native.stats"
    local count = common.count(data, "test", o.examples)
    local mu, sigma = common.codes(model, { data = data, split = "test", first = 1, count = count, seed = o.seed })
    local labels = common.labels(data, "test", count)
    local images = data:is_image() and others.pixels "grey" or data -- without the noise of a binarisation
    local x = images:rows("test", 1, count)

    recorder:metric("property/order", stats.distance_spearman(x, mu, { pairs = o.pairs, seed = o.seed }))
    recorder:metric("property/neighbours", stats.knn_agreement(mu, labels, o.neighbours))
    if mu:cols() <= HOLE_DIMENSIONS then recorder:metric("property/holes", holes(stats, o, mu, sigma)) end
    recorder:metric("property/validity", (validity.judge(model, data, draws_like(stats, mu, o.seed), o)))
    local overlap = { labels = labels, which = "different", pairs = o.pairs, seed = o.seed }
    recorder:metric("property/overlap", stats.mean_bhattacharyya(mu, sigma, overlap))
    local classes = stats.classes(mu, labels)
    recorder:metric("property/apart", classes.apart)
    recorder:metric("property/within", classes.within)
    recorder:metric("property/grain", stats.mean(sigma) / classes.within)
    recorder:metric("property/active_units", stats.active_units(mu, 0.01))

    local stored = math.min(o.store, count)
    common.keep(recorder, data, mu, sigma, stored)
    if stored > 0 and data:is_image() then originals.store(images, recorder, { per_class = o.per_class, among = stored }) end
  end
end

return properties
