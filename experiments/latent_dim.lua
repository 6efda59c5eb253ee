-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- latent_dim.lua: how many latent dimensions do the data need?  The question of Kingma & Welling's figures 2 and 5.
--
-- The claim: the bound and the KL rise with the number of dimensions up to a point and then remain: more dimensions do
-- no harm, since the posteriors of unneeded units stay near the prior (with long training such units switch off:
-- latent/active_units).  Two dimensions can be drawn, and have the worst bound.
--
--   vae-lab run experiments/latent_dim.lua                      quick
--   vae-lab run experiments/latent_dim.lua --set latent=2,200   other sizes

local lab = require "vae_lab"

return lab.experiment {
  name     = "latent_dim",
  question = "How many latent dimensions do the data need, and what happens to the others?",

  settings = { hidden = 200 },
  sweep    = { latent = { 2, 3, 5, 10, 20, 50 }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.latent_space(), lab.eval.nll { samples = 50 },
    lab.eval.elbo_decomposition { draws = 1000 }, lab.eval.audit() },
  figures  = {
    lab.fig.against { x = "latent", metrics = { "elbo", "nll", "kl", "latent/active_units", "latent/knn_agreement" } },
    lab.fig.elbo_decomposition { x = "latent" }, lab.fig.curves(), lab.fig.samples(), lab.fig.reconstructions(),
  },

  -- The directions are from Kingma & Welling; the widths of the bands are guesses made before any run.
  claims = {
    lab.claim { "ten dimensions give a much better bound than two", metric = "test/elbo", where = { latent = 10 },
      minus = { latent = 2 }, at_least = 10, source = "Kingma & Welling, figure 2" },
    lab.claim { "fifty dimensions have no worse bound than twenty", metric = "test/elbo", where = { latent = 50 },
      minus = { latent = 20 }, at_least = -2,
      source = "Kingma & Welling, section 5: superfluous latent variables do not overfit" },
    lab.claim { "the KL is larger with ten dimensions than with two", metric = "test/kl", where = { latent = 10 },
      minus = { latent = 2 }, at_least = 5 },
    lab.claim { "the KL is hardly larger with fifty dimensions than with twenty", metric = "test/kl",
      where = { latent = 50 }, minus = { latent = 20 }, at_most = 3 },
    lab.claim { "two dimensions are both active", metric = "latent/active_units", where = { latent = 2 },
      at_least = 2 },
    lab.claim { "of fifty dimensions not all are active", metric = "latent/active_units", where = { latent = 50 },
      at_most = 40, profile = "full" },
    lab.claim { "nearest neighbours are of the same class more often in ten dimensions than in two",
      metric = "latent/knn_agreement", where = { latent = 10 }, minus = { latent = 2 }, at_least = 0.05 },
    lab.detectors.claim {},
  },

  profile = {
    quick = {
      data  = { train = 20000, test = 2000 },
      train = { epochs = 8, batch = 100, optimiser = lab.adam { rate = 2e-3 } },
    },
    full = {
      settings = { hidden = 500 },
      train    = { epochs = 40, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    },
  },
}
