-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/properties.lua: four properties of a good latent space, measured in the same way for models whose codes
-- are Gaussians (a VAE) and models whose codes are points (an autoencoder: sigma = 0).
--
--   1. Similar images have neighbouring codes: property/order, property/neighbours.
--   2. Every point decodes to an image: property/holes, property/auc; for draws from the prior see lab.eval.validity.
--   3. Different classes are neither far apart nor on top of each other: property/apart, property/overlap.
--   4. A class is connected, and not a point: property/grain, property/within, property/active_units.
--
-- 1, the AUC in 2 and the distance in 3 do not depend on the position and the scale of the codes, so that an
-- autoencoder, which has no prior, is evaluated where its codes are.  The other numbers refer to the model's prior
-- (for an autoencoder, N(0, I)), or to the width of q.

local common = require "vae_lab.evaluations.common"
local latent_space = require "vae_lab.evaluations.latent_space"
local originals = require "vae_lab.evaluations.originals"
local validity = require "vae_lab.evaluations.validity"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local properties = {
  prior = "draws", nodes = { "z", "p.mean" }, labels = true, keeps = latent_space.keeps, version = 3,
  rules = common.with(validity.judge, {
    examples = whole(3, 2000), store = whole(0, 2000), pairs = whole(2, 100000), neighbours = whole(1, 10),
    draws = whole(1, 10000),
    radius = { type = "number", above = 0, default = 2 }, per_class = whole(1, 5), seed = whole(0, 1),
  }),
}

local function record_holes(recorder, o, model, mu, sigma)
  if mu:cols() > latent_space.HOLE_DIMENSIONS then return end
  local share = 1 -- points cover nothing
  if stats.mean(sigma) > 0 then
    local prior = latent_space.own_prior(model, o.draws, o.seed)
    share = stats.hole_fraction(mu, sigma, { radius = o.radius, draws = o.draws, seed = o.seed, prior = prior })
    return common.record_share(recorder, "property/holes", share, o.draws)
  end
  recorder:metric("property/holes", share, "logit")
end

-- As many draws as there are codes, from the Gaussian with their mean and covariance.
local function draws_like(mu, seed)
  local pca = stats.pca(mu, mu:cols())
  local scores = stats.normal(mu:rows(), mu:cols(), seed, "properties")
  for j, variance in ipairs(pca.eigenvalues:row(1)) do
    for i = 1, scores:rows() do scores:set(i, j, math.sqrt(variance) * scores:get(i, j)) end
  end
  return stats.pca_decode(pca, scores)
end

--- lab.eval.properties { examples = 2000, store = 2000, pairs = 100000, neighbours = 10, draws = 10000, radius = 2,
-- per_class = 5, judges = 5, hidden = 32, epochs = 12, seed = 1 }, for data with labels: numbers about the codes of the
-- first test examples, N(mu, sigma²) or points:
--   property/order         Spearman's rank correlation, over pairs of examples, of their distance in pixels with the
--                          distance of their mu: 1 where the more similar image always has the nearer code, 0 where the
--                          two are unrelated
--   property/neighbours    share of the nearest neighbours (by mu) of the same class
--   property/holes         share of prior draws outside of all ellipses of `radius` sigmas (up to 3 dimensions);
--                          points: 1
--   property/auc           as sample/auc (see lab.eval.validity, which has `judges`, `hidden` and `epochs` too), for
--                          draws from a Gaussian with the mean and the covariance of all mu: does the space between the
--                          codes decode to the same images as the codes?  1/2: not distinguishable; 1: always
--   property/apart         distance of a class's centre to the nearest other centre divided by property/within, mean
--                          over the classes: at 2 a nearest-centre rule assigns points of two round classes of equal
--                          size correctly five times in six
--   property/overlap       mean Bhattacharyya coefficient of two posteriors of different classes: 0 disjoint … 1 equal;
--                          points: 0
--   property/within        standard deviation of the means around the centre of their class, root mean square over the
--                          units
--   property/grain         mean standard deviation of the posteriors divided by property/within: near 0 the images of a
--                          class share no code; at 1 and above the class has collapsed to the ellipse of a single
--                          image; points: 0
--   property/active_units  units whose mean varies by more than 0.01 (Burda et al., section 5.2)
-- The first `store` posteriors are recorded, with the first `per_class` images of each class among them.
function properties.run(o, model, data, recorder, others)
  local request = common.request(data, "test", o)
  local mu, sigma = common.codes(model, request)
  local labels = common.labels(data, "test", request.count)
  local images = data:is_image() and others.pixels "grey" or data -- without the noise of a binarisation
  local x = images:rows("test", 1, request.count)

  recorder:metric("property/order", stats.distance_spearman(x, mu, { pairs = o.pairs, seed = o.seed }))
  recorder:metric("property/neighbours", stats.knn_agreement(mu, labels, o.neighbours), "logit")
  record_holes(recorder, o, model, mu, sigma)
  local auc, se = validity.measure(model, data, draws_like(mu, o.seed), o)
  recorder:metric("property/auc", auc, "logit")
  recorder:metric("property/auc_se", se)
  local overlap = { labels = labels, which = "different", pairs = o.pairs, seed = o.seed }
  recorder:metric("property/overlap", stats.mean_bhattacharyya(mu, sigma, overlap), "logit")
  local classes = stats.class_separation(mu, labels)
  recorder:metric("property/apart", classes.separation, "log")
  recorder:metric("property/within", classes.within_sd, "log")
  recorder:metric("property/grain", stats.mean(sigma) / classes.within_sd, "log")
  recorder:metric("property/active_units", stats.active_units(mu, 0.01))

  originals.store_with_codes(o, data, recorder, others, mu, sigma)
end

return properties
