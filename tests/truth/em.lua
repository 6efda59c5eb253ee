-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Monte Carlo EM with a known answer: with a linear decoder it maximises the likelihood of probabilistic PCA itself
-- (Tipping & Bishop 1999), whose maximum linear.lua computes for the same data.  Without encoder and bound, only the
-- noise of z keeps it from the maximum.

local lab = require "vae_lab"

return lab.experiment {
  name     = "em",
  question = "Does Monte Carlo EM reach the exact maximum likelihood?",
  data     = { "toy:linear-gaussian", train = 1000, test = 1000 },
  settings = { latent = 3 },

  model = function(run, x)
    local prior = lab.standard_normal()
    local z  = prior:sample(run.latent)
    local px = lab.mlp { z }:normal(x, { logvar = "one" })
    return { bound = px:log_prob(x) + prior:log_prob(z), p = px, z = z }
  end,

  -- all data at each step; a large rate at first, then a falling one to reduce the noise
  train    = { epochs = 400, batch = 1000, monte_carlo_em = lab.hmc { updates = 2 },
               optimiser = lab.adam { rate = function(epoch) return 0.05 * 10 ^ (2 * math.min(0, 1 - epoch / 200)) end } },
  evaluate = { lab.eval.marginal { examples = 1000, chains = 4, draws = 25, warm_up = 40, tries = 20 } },
}
