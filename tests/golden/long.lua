-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- long.lua: one small model with many epochs, to be killed in the middle and gone on with elsewhere, for golden digests.
-- Changing anything here changes the digests.

local lab = require "vae_lab"

return lab.experiment {
  name  = "golden_long",
  data  = { "digits", train = 22, test = 10 },

  model = function(run, x)
    local q  = lab.mlp { x, 5 }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 5 }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 160, batch = 11, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = { lab.eval.elbo() },
}
