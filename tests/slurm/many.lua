-- SPDX-License-Identifier: GPL-3.0-or-later
-- Tiny runs, as many as SEEDS seeds: each trains for two epochs in a few milliseconds.
local lab = require "vae_lab"
local seeds = {}
for i = 1, 1000 do seeds[i] = i end

return lab.experiment {
  name     = "many",
  question = "What does a study of many runs cost besides its training?",
  data     = { "digits", train = 100, test = 50 },
  sweep    = { beta = { 1 }, seed = seeds },

  model = function (run, x)
    local q  = lab.mlp { x, 4, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 4, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train = { epochs = 2, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
}
