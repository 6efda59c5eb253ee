-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/latent_space.lua: the posteriors q(z|x) compared with the prior: holes, overlap, active units, spread.

local common = require "vae_lab.evaluations.common"
local originals = require "vae_lab.evaluations.originals"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local latent_space = {
  prior = "draws",
  nodes = { "q.mu", "q.sigma" },
  rules = {
    examples = whole(2, 2000), store = whole(0, 2000), draws = whole(1, 10000),
    radius = { type = "number", above = 0, default = 2 },
    neighbours = whole(1, 10), pairs = whole(1, 100000), per_class = whole(1, 5), seed = whole(0, 1),
  },
  HOLE_DIMENSIONS = 3, -- ellipses cover a volume in few dimensions only: in more, every draw is in a hole
}

--- The artifact of lab.eval.originals is recorded too, unless nothing is stored.
function latent_space.keeps(o) return o.store > 0 and "originals" or nil end

--- latent_space.own_prior(model, draws, seed) → draws of the model's prior, or nil where it is N(0, I), which the
-- statistics of holes draw from themselves.
function latent_space.own_prior(model, draws, seed)
  return common.has(model, "prior.z") and common.prior_draws(model, draws, 1, seed, "holes") or nil
end

local function record_holes(recorder, o, model, mu, sigma)
  local prior = latent_space.own_prior(model, o.draws, o.seed)
  if mu:cols() <= latent_space.HOLE_DIMENSIONS then
    local covered = { radius = o.radius, draws = o.draws, seed = o.seed, prior = prior }
    common.record_share(recorder, "latent/hole_fraction", stats.hole_fraction(mu, sigma, covered), o.draws)
  end
  local low = { quantile = 0.05, draws = o.draws, seed = o.seed, prior = prior }
  common.record_share(recorder, "latent/hole_density", stats.hole_density(mu, sigma, low), o.draws)
end

local function record_overlap(recorder, o, mu, sigma, labels)
  local function overlap(which)
    return stats.mean_bhattacharyya(mu, sigma, { labels = labels, which = which, pairs = o.pairs, seed = o.seed })
  end
  recorder:metric("latent/overlap", overlap "all", "logit")
  if labels then
    recorder:metric("latent/overlap_same", overlap "same", "logit")
    recorder:metric("latent/overlap_different", overlap "different", "logit")
  end
end

--- lab.eval.latent_space { examples = 2000, store = 2000, draws = 10000, radius = 2, neighbours = 10, pairs = 100000,
-- per_class = 5, seed = 1 }: numbers about q(z|x) = N(mu, sigma²) of the first test examples:
--   latent/hole_fraction   share of prior draws outside of all ellipses of `radius` sigmas (up to 3 dimensions).  It
--                          depends on the number of examples: more ellipses leave fewer holes
--   latent/hole_density    share of prior draws at which q(z) = mean_i q(z|x_i) is below the 5 % quantile of its
--                          density at its own draws, each without the posterior that it was drawn from.  Meaningless
--                          where posteriors do not overlap (beta = 0): then draws of q lie in holes of the others too
--   latent/hole_fraction_n, latent/hole_density_n   the number of prior draws, `draws`
--   latent/overlap         mean Bhattacharyya coefficient of two posteriors: 0 disjoint … 1 equal; also of pairs of one
--                          class (_same), and of two classes (_different)
--   latent/active_units    units whose mean varies by more than 0.01 (Burda et al., section 5.2)
--   latent/spread          standard deviation of the means, root mean square over the units; at most 1 under the prior
--   latent/sigma           mean standard deviation of the posteriors; that of the prior is 1
--   latent/knn_agreement   share of the nearest neighbours (by mu) of the same class
-- The first `store` posteriors are recorded for figures and SQL, with the first `per_class` images of each class among
-- them.
function latent_space.run(o, model, data, recorder, others)
  local request = common.request(data, "test", { examples = math.max(o.examples, o.store), seed = o.seed })
  local all_mu, all_sigma = common.codes(model, request)
  local rows = common.first(math.min(o.examples, request.count))
  local mu, sigma, labels = all_mu:rows_of(rows), all_sigma:rows_of(rows), common.labels(data, "test", #rows)

  record_holes(recorder, o, model, mu, sigma)
  record_overlap(recorder, o, mu, sigma, labels)
  recorder:metric("latent/active_units", stats.active_units(mu, 0.01))
  recorder:metric("latent/spread", stats.pooled_sd(mu), "log")
  recorder:metric("latent/sigma", stats.mean(sigma), "log")
  if labels then recorder:metric("latent/knn_agreement", stats.knn_agreement(mu, labels, o.neighbours), "logit") end

  originals.store_with_codes(o, data, recorder, others, all_mu, all_sigma)
end

return latent_space
