-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- inference_gap.lua: why is the ELBO below log p(x)?  Because q is a factorised Gaussian (the approximation gap), and
-- because one encoder serves all images (the amortisation gap): Cremer et al. 2018, arXiv 1801.03558.
--
-- In two latent dimensions log p(x) is exact.  In more it is a lower bound in expectation (importance sampling and
-- annealing, pooled), so that the approximation gap is at least as large as measured.

local lab = require "vae_lab"

return lab.experiment {
  name     = "inference_gap",
  question = "How much of the gap between ELBO and log p(x) is due to the Gaussian family, how much to the encoder?",

  settings = { hidden = 200 },
  sweep    = { latent = { 2, 10 }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.inference_gap(), lab.eval.posteriors(), lab.eval.audit() },
  figures  = { lab.fig.posteriors(), lab.fig.bars { metrics = { "gap/amortisation", "gap/approximation",
    "gap/inference" } }, lab.fig.curves() },

  claims = {
    lab.claim { "the best Gaussian of each image has a higher ELBO than the encoder's", metric = "gap/amortisation",
      where = { latent = 2 }, at_least = 0 },
    lab.claim { "no Gaussian reaches log p(x)", metric = "gap/approximation", where = { latent = 2 }, at_least = 0 },
    lab.claim { "the amortisation gap is the larger one", where = { latent = 2 },
      quantity = "amortisation gap / inference gap", at_least = 0.5,
      value = function(m) return m["gap/amortisation"] / m["gap/inference"] end,
      source = "Cremer et al., arXiv 1801.03558" },
    lab.detectors.claim {},
  },

  profile = {
    quick = {
      data  = { train = 10000, test = 1000 },
      train = { epochs = 8, batch = 100, optimiser = lab.adam { rate = 2e-3 } },
      evaluate = { lab.eval.inference_gap { examples = 20, samples = 1000, temperatures = 100, chains = 10 },
        lab.eval.posteriors(), lab.eval.audit() },
    },
    full = {
      settings = { hidden = 500 },
      train    = { epochs = 40, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
      evaluate = { lab.eval.inference_gap { examples = 100, temperatures = 500 }, lab.eval.posteriors(), lab.eval.audit() },
    },
  },
}
