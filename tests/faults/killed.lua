-- SPDX-License-Identifier: GPL-3.0-or-later
-- The experiment that tests/faults/kills interrupts: two runs of some tenths of a second, many epochs, an evaluation.
local lab = require "vae_lab"

return lab.experiment {
  name     = "killed",
  question = "Does an interrupted run end with the same numbers?",
  data     = { "digits", train = 256, test = 100 },
  sweep    = { beta = { 0, 1 }, seed = { 1 } },

  model = function (run, x)
    local q  = lab.mlp { x, 16, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 16, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 40, batch = 32, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.latent_space { examples = 100 }, lab.eval.nll { samples = 100, examples = 100 } },
  figures  = { lab.fig.curves() },
}
