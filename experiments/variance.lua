-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- variance.lua: two programs, or two papers, differ by half a nat.  How much of such a gap is luck, and whose?
--
-- The initial weights, the order of the examples, the draws of z and the binarisation of the training pixels have a
-- seed each.  Runs a and b differ in all of them; each other role has one seed of a and the rest of b, or the reverse
-- (lua/vae_lab/variance.lua).  The run's own seed then decides the test pixels and the evaluation's draws alone, so
-- that these are the same within a pair.
--
-- The published gaps are those of Burda et al., table 1 (arXiv 1509.00519), and of an independent reproduction of it:
-- single numbers, of one run each, without an error.
--
--   vae-lab run experiments/variance.lua                      quick: one or two minutes
--   vae-lab run experiments/variance.lua --set profile=gaps   MNIST, all seeds at once: is a published gap luck?
--   vae-lab run experiments/variance.lua --set profile=full   MNIST, each seed alone too: hours

local lab = require "vae_lab"
local variance = require "vae_lab.variance"

local SEEDS = {}
for seed = 1, 24 do SEEDS[seed] = seed end

-- The pairs of runs of a claim, by a metric.
local function pairs_of(runs, metric)
  local function more(run, ending)
    local list = {}
    repeat
      local v = run.metrics["repeat/elbo_" .. ending .. "_" .. #list + 1]
      list[#list + 1] = v
    until not v
    return list
  end
  return variance.pairs(runs, function(run) return run.metrics[metric] end, more)
end

-- A claim on an estimate of variance.lua: of the ELBO, or where published likelihoods are compared of the NLL.
local function claim(text, what, factor, band)
  local metric = what == "luck" and "test/nll" or "final/test/elbo"
  band[1], band.scale, band.profile = text, variance.scale(what), what ~= "luck" and { "quick", "full" } or nil
  band.quantity = what .. (factor and " of " .. factor or "") .. ", " .. metric
  band.across = function(runs)
    local found = variance.samples(what, pairs_of(runs, metric), factor)
    return found, not found and "fewer than three seeds have a run in every role" or nil
  end
  return lab.claim(band)
end

-- Bands from before any run.  Training amplifies any difference, so that each source alone is said to give about the
-- variability of all together.
local SUMMERS = "Summers & Dinneen, Nondeterminism and Instability in Neural Network Optimization, arXiv 2103.04514"

return lab.experiment {
  name     = "variance",
  question = "How much of a gap between two results is due to which seed?",

  settings = { latent = 10, hidden = 100 },
  sweep    = { role = variance.ROLES, seed = SEEDS },
  seeds    = variance.seeds,

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  evaluate = {
    lab.eval.elbo { samples = 10 }, lab.eval.nll { samples = 50 }, lab.eval.repeats(),
    lab.eval.latent_space { store = 0, draws = 100, pairs = 100 },
  },

  figures = {
    lab.fig.variance {
      gaps = {
        { "VAE, k = 5 to 50", nats = 0.12 }, { "IWAE, k = 50, reproduced", nats = 0.19 },
        { "VAE, k = 1 to 5", nats = 0.29 }, { "IWAE, k = 5, reproduced", nats = 0.36 },
        { "VAE, k = 1, reproduced", nats = 0.41 }, { "IWAE, static pixels, k = 5 to 50", nats = 0.53 },
        { "IWAE, k = 5 to 50", nats = 0.76 }, { "IWAE, two layers, k = 5 to 50", nats = 0.99 },
        { "IWAE, static pixels, k = 1 to 5", nats = 1.08 }, { "IWAE, k = 1 to 5", nats = 1.22 },
        { "VAE, one layer to two", nats = 1.43 }, { "IWAE, two layers, k = 1 to 5", nats = 1.44 },
      },
    },
  },

  claims = {
    claim("other initial weights alone: at least half of the variance", "effect_share", "init",
      { at_least = 0.5, source = SUMMERS }),
    claim("another order alone: at least half of the variance", "effect_share", "order",
      { at_least = 0.5, source = SUMMERS }),
    claim("other draws of z alone: at least half of the variance", "effect_share", "noise",
      { at_least = 0.5, source = SUMMERS }),
    claim("other binarisations alone: at least half of the variance", "effect_share", "binarise",
      { at_least = 0.5, source = SUMMERS }),
    -- so fixing one seed, as many programs do with the initial weights, does not make results comparable
    claim("to fix the initial weights removes at most half of the variance", "main_share", "init", { at_most = 0.5 }),
    -- the draws of 1,000 images or more average out: 10 draws each, a few nats apart
    claim("the evaluation's draws are at most a tenth of the variance", "evaluation_share", nil, { at_most = 0.1 }),
    -- images differ by tens of nats, runs by less than one
    claim("which test images matters more than all seeds, for one result", "images_in_one_share", nil,
      { at_least = 1 }),
    claim("in a gap on the same images nearly all of that cancels", "images_in_gap_share", nil, { at_most = 0.1 }),
    claim("a gap of 0.12 nats, the smallest of the IWAE table, may be luck", "luck", nil,
      { at_least = 0.12, data = "mnist" }),
    claim("a gap of 1.22 nats, IWAE's from k = 1 to 5, is not luck", "luck", nil, { at_most = 1.22, data = "mnist" }),
  },

  profile = {
    quick = {
      data  = { train = 4000, test = 1000 },
      train = { epochs = 10, batch = 50, optimiser = lab.adam { rate = 2e-3 } },
    },
    gaps = { -- pairs in which all four seeds differ
      data     = { "mnist" },
      settings = { latent = 50, hidden = 200 },
      sweep    = { role = { "a", "b" }, seed = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } },
      train    = { epochs = 50, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    },
    full = {
      data     = { "mnist" },
      settings = { latent = 50, hidden = 200 },
      train    = { epochs = 50, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    },
  },
}
