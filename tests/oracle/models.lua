-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- tests/oracle/models.lua: the model of experiments/kl_ablation.lua, small, with every evaluation that is recomputed.
local lab = require "vae_lab"

return lab.experiment {
  name     = "oracle",
  question = "Does NumPy find the same numbers?",
  data     = { "digits", train = 3000, test = 300, binarise = "static" },
  settings = { beta = 1, latent = 2, hidden = 64 },
  sweep    = { seed = { 1 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    local iwae = lab.iwae(lab.log_weights(px, x, q, z))
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z, metrics = { iwae = iwae } }
  end,

  train    = { epochs = 8, batch = 50, optimiser = lab.adam { rate = 2e-3 } },
  evaluate = {
    lab.eval.elbo(), lab.eval.latent_space(), lab.eval.nll { samples = 500, examples = 40 },
    lab.eval.bounds { metrics = { "iwae" }, draws = { 1, 50 }, examples = 100 },
    lab.eval.validity(), lab.eval.elbo_decomposition { draws = 2000, examples = 300 },
    lab.eval.estimators { examples = 10, samples = 500, temperatures = 10, chains = 2, draws = 10 },
  },
}
