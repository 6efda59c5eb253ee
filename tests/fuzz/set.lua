-- SPDX-License-Identifier: GPL-3.0-or-later
-- The experiment of fuzz_set.c: a setting of every type, two grids, two profiles.
local lab = require "vae_lab"

return lab.experiment {
  name     = "fuzz",
  question = "Which settings are accepted?",
  data     = { "digits", train = 200, test = 100 },
  settings = { latent = 2, act = "tanh", flat = true, warm = lab.schedule.linear { from = 0, to = 1, epochs = 3 } },
  sweep    = { { beta = { 0, 1 }, seed = { 1, 2 } }, { width = { 8 }, seed = { 1 } } },
  profile  = { quick = { train = { epochs = 2 } }, full = { data = { train = 400 }, settings = { latent = 3 } } },
  model = function (run, x)
    local q = lab.mlp { x, 8, act = run.act }:normal(run.latent)
    local z = q:sample()
    local px = lab.mlp { z, 8, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 3, batch = 64, optimiser = lab.adam { rate = 1e-3 } },
}
