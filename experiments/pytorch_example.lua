-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- pytorch_example.lua: the VAE of github.com/pytorch/examples (vae/main.py) with the same settings.
--
-- Its test loss after 10 epochs, here -test/elbo, is compared on MNIST, seed by seed:
--   vae-lab run experiments/pytorch_example.lua --set data=mnist
-- With grey pixels and a Bernoulli p(x|z) the reconstruction is a cross-entropy, not a log likelihood: compare it with
-- such numbers only.
--
-- The loss of PyTorch's example is the sum over the minibatch; here it is the mean, 128 times smaller.  Adam does not
-- depend on the scale of the gradient when its epsilon is scaled too, as here: the updates are the same.

local lab = require "vae_lab"

-- Seeds 1 to 10 of PyTorch 2.15 with the same settings (bench/pytorch_example.py), on the CPU with one thread.
local PYTORCH = { 105.371, 105.655, 105.884, 105.547, 105.764, 105.743, 105.906, 105.700, 105.407, 106.100 }

return lab.experiment {
  name     = "pytorch_example",
  question = "Does this engine reach the test loss of PyTorch's own VAE example?",
  data     = { "digits", binarise = "grey" },

  settings = { latent = 20 },
  sweep    = { seed = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } },

  model = function(run, x)
    local q  = lab.mlp { x, 400, act = "relu", init = "pytorch" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, 400, act = "relu", init = "pytorch" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 10, batch = 128, optimiser = lab.adam { rate = 1e-3, epsilon = 1e-8 / 128 } },
  evaluate = { lab.eval.elbo { samples = 1 }, lab.eval.originals() },
  figures  = { lab.fig.curves(), lab.fig.samples(), lab.fig.reconstructions() },

  claims = {
    lab.claim { "after ten epochs the test loss is that of PyTorch's example",
      value = function(m) return -m["test/elbo"] end, quantity = "-test/elbo", compared_with = PYTORCH, within = 0.5,
      data = "mnist", source = "pytorch/examples, vae",
      post_hoc = "was 105.4 to 105.8, the range of three of its seeds; measured 105.68 (105.06 to 106.30)" },
  },

  profile  = { full = {} }, -- the same settings
}
