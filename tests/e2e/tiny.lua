-- SPDX-License-Identifier: GPL-3.0-or-later
-- A VAE small enough for a test: two latent dimensions, a few hundred digits, two seeds.
local lab = require "vae_lab"

return lab.experiment {
  name     = "tiny",
  question = "Does everything work together?",
  data     = { "digits", train = 1000, test = 300 },
  sweep    = { beta = { 0, 1 }, seed = { 1, 2 } },

  model = function (run, x)
    local q  = lab.mlp { x, 32, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 32, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 3, batch = 64, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.latent_space { examples = 300 }, lab.eval.nll { samples = 20, examples = 100 } },
  figures  = { lab.fig.curves(), lab.fig.ellipses { digits = { 0, 1, 2 } } },
}
