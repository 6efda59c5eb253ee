-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- kl_ablation.lua: what does the KL term do?  The ELBO with the KL weighted by beta, from 0 (autoencoder) to 1 (VAE).
--
-- The claim: without the KL term the reconstruction is a few nats better and the KL is tens of times larger.  The
-- posteriors shrink to points, move apart and do not overlap; the prior's mass falls into the holes between them
-- (latent/hole_fraction near 1, with the KL term near 0).  So draws from the prior decode to blurs, or to the same few
-- shapes, and a classifier easily distinguishes them from reconstructions (sample/auc).
--
--   vae-lab run experiments/kl_ablation.lua                      quick: a minute or two
--   vae-lab run experiments/kl_ablation.lua --set profile=full   the numbers of the lecture notes

local lab = require "vae_lab"

return lab.experiment {
  name     = "kl_ablation",
  question = "What happens to the latent space when the KL term is switched off?",

  settings = { latent = 2, hidden = 200 },
  sweep    = { beta = { 0, 0.01, 0.1, 1 }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)   -- q(z|x) = N(mu, diag sigma²)
    local z  = q:sample()                                                   -- z = mu + sigma · eps
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)         -- p(x|z)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  evaluate = {
    lab.eval.elbo(), lab.eval.latent_space(), lab.eval.nll { samples = 50 }, lab.eval.validity(), lab.eval.clarity(),
    lab.eval.audit(),
  },
  figures = {
    lab.fig.ellipses { digits = { 0, 1, 2, 3, 4 } }, lab.fig.manifold(), lab.fig.interpolation(), lab.fig.samples(),
    lab.fig.reconstructions(), lab.fig.curves(),
    lab.fig.bars {
      metrics = { "latent/hole_fraction", "latent/overlap", "latent/spread", "latent/sigma", "sample/auc",
        "sample/coverage" },
    },
  },

  -- Bands from before any run.  The AUC has the band of an older measure, whose range is twice as wide.
  claims = {
    lab.claim { "without the KL term the reconstruction is a few nats better", metric = "test/reconstruction",
      where = { beta = 0 }, minus = { beta = 1 }, at_least = 0.5, at_most = 25 },
    lab.claim { "without the KL term the KL is at least ten times larger", metric = "test/kl", where = { beta = 0 },
      divided_by = { beta = 1 }, at_least = 10 },
    lab.claim { "the KL falls as its weight grows", metric = "test/kl", decreases_with = "beta" },
    lab.claim { "without the KL term the posteriors do not overlap", metric = "latent/overlap", where = { beta = 0 },
      at_most = 1e-3 },
    lab.claim { "with the KL term the posteriors overlap", metric = "latent/overlap", where = { beta = 1 },
      at_least = 3e-3 },
    lab.claim { "without the KL term nearly all prior draws fall into holes between the posteriors",
      metric = "latent/hole_fraction", where = { beta = 0 }, at_least = 0.9 },
    lab.claim { "with the KL term few prior draws fall into holes", metric = "latent/hole_fraction",
      where = { beta = 1 }, at_most = 0.2 },
    lab.claim { "with the KL term draws from the prior look more like reconstructions", metric = "sample/auc",
      where = { beta = 1 }, minus = { beta = 0 }, at_most = -0.1,
      post_hoc = "the band of an older measure, kept when AUCs had been seen" },
    lab.detectors.claim {},
  },

  profile = {
    quick = {
      data  = { train = 20000, test = 2000 },
      train = { epochs = 16, batch = 100, optimiser = lab.adam { rate = 2e-3 } },
    },
    full = {
      settings = { hidden = 500 },
      train    = { epochs = 40, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
      evaluate = {
        lab.eval.elbo(), lab.eval.latent_space(), lab.eval.nll { samples = 500 }, lab.eval.validity(),
        lab.eval.clarity(), lab.eval.audit(),
      },
    },
  },
}
