-- SPDX-License-Identifier: GPL-3.0-or-later
-- 24 runs of three seconds or more: tasks are still at work when they are disturbed, with evaluations and claims.
local lab = require "vae_lab"

return lab.experiment {
  name     = "cluster",
  question = "Is a sweep on a cluster the same as on one machine?",
  data     = { "digits", train = 500, test = 100 },
  sweep    = { beta = { 0.5, 1, 2, 4 }, seed = { 1, 2, 3, 4, 5, 6 } },

  model = function (run, x)
    local q  = lab.mlp { x, 32, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 32, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 1000, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.latent_space { examples = 100 }, lab.eval.nll { samples = 10, examples = 50 } },
  claims   = { lab.claim { "the KL falls as its weight grows", metric = "test/kl", decreases_with = "beta" } },
}
