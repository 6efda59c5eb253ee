-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- points.lua: small models of points in the plane, for golden digests: Gaussian likelihoods, and shapes of a few columns.
-- Changing anything here changes the digests.

local lab = require "vae_lab"

local cases = { "fixed", "head", "iwae", "labels" }

return lab.experiment {
  name  = "golden_points",
  data  = { "toy:pinwheel", train = 333, test = 100 },
  sweep = { case = cases, seed = { 1, 2 } },

  model = function(run, x, y)
    local q  = lab.mlp(run.case == "labels" and { x, y, 19, 7 } or { x, 19, 7, act = "softplus" }):normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 19 }:normal(x, { logvar = run.case == "fixed" and -1 or "head" })
    local bound = px:log_prob(x) - q:kl()
    if run.case == "iwae" then bound = lab.iwae(lab.log_weights(px, x, q, z)) end
    return { bound = bound, q = q, p = px, z = z }
  end,

  train = function(run)
    return { epochs = 3, batch = 100, samples = run.case == "iwae" and 5 or 1, optimiser = lab.adam { rate = 1e-2 } }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 20 } },
}
