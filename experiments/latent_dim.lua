-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- latent_dim.lua: how many latent dimensions does the data want?  The question of Kingma & Welling's figures 2 and 5.
--
-- The claim: the bound rises with the dimensions up to a point and then stays, and so does the KL: too many dimensions cost
-- nothing, since the VAE leaves what it does not need near its prior (with long training such units switch off:
-- latent/active_units).  Two dimensions give the best picture of the latent plane and the worst bound.
--
--   vae-lab run experiments/latent_dim.lua                      quick
--   vae-lab run experiments/latent_dim.lua --set latent=2,200   others

local lab = require "vae_lab"

return lab.experiment {
  name     = "latent_dim",
  question = "How many latent dimensions does the data want, and what becomes of those it does not need?",

  settings = { hidden = 200 },
  sweep    = { latent = { 2, 3, 5, 10, 20, 50 }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.latent_space(), lab.eval.nll { samples = 50 }, lab.eval.accounting { draws = 1000 } },
  figures  = {
    lab.fig.against { x = "latent", metrics = { "elbo", "nll", "kl", "latent/active_units", "latent/knn_agreement" } },
    lab.fig.accounting { x = "latent" }, lab.fig.curves(), lab.fig.samples(), lab.fig.reconstructions(),
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
