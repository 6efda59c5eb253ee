-- SPDX-License-Identifier: GPL-3.0-or-later
-- The experiment of the fault campaigns: two runs of some tens of milliseconds with everything that a run may have:
-- evaluations, posteriors, artifacts, claims, figures.
local lab = require "vae_lab"

return lab.experiment {
  name     = "short",
  question = "Does every fault end in a clear error or in the same numbers?",
  data     = { "digits", train = 192, test = 50 },
  sweep    = { beta = { 0, 1 }, seed = { 1 } },

  model = function (run, x)
    local q  = lab.mlp { x, 6, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 6, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 3, batch = 64, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.latent_space { examples = 20 }, lab.eval.nll { samples = 2, examples = 10 } },
  figures  = { lab.fig.curves() },
  claims   = { lab.claim { "the KL falls as its weight grows", metric = "test/kl", decreases_with = "beta",
    judged_by_mean = "one seed is enough for a fault" } },
}
