-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- static_mnist.lua: the plain VAE of the benchmarks on binarised digits: 784-400 relu-40, Adam at 1e-4, 500 epochs, pixels binarised
-- once for all.  pythae (Chadebec et al., arXiv 2206.08309) reports a negative log-likelihood of 89.8 to 89.9 nats on MNIST; its script
-- lowers the rate by 10^(-1/5) after epochs 200 and 350.
--
--   vae-lab run experiments/static_mnist.lua                      quick
--   vae-lab run experiments/static_mnist.lua --set profile=full   on MNIST, 500 epochs: some minutes

local lab = require "vae_lab"

return lab.experiment {
  name     = "static_mnist",
  question = "Does the plain VAE reach the likelihood that others report for it on statically binarised MNIST?",
  data     = { "digits", binarise = "static" },

  settings = { latent = 40, hidden = 400 },
  sweep    = { seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "relu", init = "pytorch" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "relu", init = "pytorch" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 5000 } },
  figures  = { lab.fig.curves(), lab.fig.samples() },

  claims = {
    lab.claim { "the plain VAE reaches the likelihood that is reported for it", metric = "test/nll", near = 89.8, within = 0.5,
      data = "mnist", profile = "full", source = "pythae, arXiv 2206.08309: 89.8 to 89.9" },
    lab.claim { "importance sampling is above the ELBO", quantity = "-NLL - ELBO, nats", at_least = 0,
      value = function(m) return -m["test/nll"] - m["final/test/elbo"] end, profile = "full" },
  },

  profile = {
    quick = {
      data     = { train = 10000, test = 2000 },
      train    = { epochs = 10, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
      evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 500, examples = 500 } },
    },
    full = {
      data  = { "mnist", train = 50000, valid = 10000 },
      train = {
        epochs = 500, batch = 100, test_every = 10,
        optimiser = lab.adam { rate = lab.schedule.steps { { 1, 1e-4 }, { 201, 1e-4 * 10 ^ -0.2 }, { 351, 1e-4 * 10 ^ -0.4 } } },
      },
    },
  },
}
