-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/latent_space.lua: what the posteriors look like beside the prior: holes, overlap, use, spread.

local common = require "vae_lab.evaluations.common"
local originals = require "vae_lab.evaluations.originals"

local latent_space = {
  nodes = { "q.mu", "q.sigma" },
  rules = {
    examples = { type = "integer", min = 2, default = 2000 }, store = { type = "integer", min = 0, default = 2000 },
    draws = { type = "integer", min = 1, default = 10000 }, radius = { type = "number", above = 0, default = 2 },
    neighbours = { type = "integer", min = 1, default = 10 }, pairs = { type = "integer", min = 1, default = 100000 },
    per_class = { type = "integer", min = 1, default = 5 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

--- The same artifact as lab.eval.originals, unless nothing is stored.
function latent_space.keeps(o) return o.store > 0 and "originals" or nil end

-- Ellipses cover a volume in few dimensions only: beyond, every draw is a hole.
local HOLE_DIMENSIONS = 3

local function record_holes(stats, recorder, o, mu, sigma)
  if mu:cols() <= HOLE_DIMENSIONS then
    local share = stats.hole_fraction(mu, sigma, { radius = o.radius, draws = o.draws, seed = o.seed })
    recorder:metric("latent/hole_fraction", share)
  end
  recorder:metric("latent/hole_density", stats.hole_density(mu, sigma, { quantile = 0.05, draws = o.draws, seed = o.seed }))
end

local function record_overlap(stats, recorder, o, mu, sigma, labels)
  local function overlap(which)
    return stats.mean_bhattacharyya(mu, sigma, { labels = labels, which = which, pairs = o.pairs, seed = o.seed })
  end
  recorder:metric("latent/overlap", overlap "all")
  if labels then
    recorder:metric("latent/overlap_same", overlap "same")
    recorder:metric("latent/overlap_different", overlap "different")
  end
end

--- lab.eval.latent_space { examples = 2000, store = 2000, draws = 10000, radius = 2, neighbours = 10, pairs = 100000,
-- per_class = 5, seed = 1 }: numbers about q(z|x) = N(mu, sigma²) of the first test examples.
--   latent/hole_fraction   share of prior draws in no posterior's ellipse of `radius` sigmas (up to 3 dimensions).  It is
--                          about these `examples` posteriors: more of them leave fewer holes
--   latent/hole_density    share of prior draws where q(z) = mean_i q_i(z) is below the 5 % quantile of its own density at its
--                          own draws, each scored without its own posterior.  Says nothing where posteriors do not overlap at
--                          all (beta = 0): then q's own draws lie in holes of the others too
--   latent/overlap         mean Bhattacharyya coefficient of two posteriors, 0 apart … 1 the same; also _same (class), _different
--   latent/active_units    units whose mean varies by more than 0.01 (Burda et al., section 5.2)
--   latent/spread          standard deviation of the means, root mean square over the units; 1 or less under the prior
--   latent/sigma           mean posterior standard deviation; 1 is the prior's
--   latent/knn_agreement   share of the nearest neighbours (by mu) that are of the same class
-- The first `store` posteriors are kept (for figures and SQL), with the first `per_class` images of each class among them.
function latent_space.run(o)
  return function(model, data, recorder, others)
    local stats = require "vae_lab.native.stats"
    local count = common.count(data, "test", math.max(o.examples, o.store))
    local ask = { data = data, split = "test", first = 1, count = count, seed = o.seed }
    local function map(name)
      ask.name = name
      return model:map(ask)
    end
    local all_mu, all_sigma = map "q.mu", map "q.sigma"
    local examples = common.first(math.min(o.examples, count))
    local mu, sigma = all_mu:rows_of(examples), all_sigma:rows_of(examples)
    local labels = common.labels(data, "test", #examples)

    record_holes(stats, recorder, o, mu, sigma)
    record_overlap(stats, recorder, o, mu, sigma, labels)
    recorder:metric("latent/active_units", stats.active_units(mu, 0.01))
    recorder:metric("latent/spread", stats.spread(mu))
    recorder:metric("latent/sigma", stats.mean(sigma))
    if labels then recorder:metric("latent/knn_agreement", stats.knn_agreement(mu, labels, o.neighbours)) end

    local stored = math.min(o.store, count)
    common.keep(recorder, data, all_mu, all_sigma, stored)
    if stored > 0 and data:is_image() then originals.store(others.pixels "grey", recorder, { per_class = o.per_class, among = stored }) end
  end
end

return latent_space
