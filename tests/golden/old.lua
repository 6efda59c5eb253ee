-- SPDX-License-Identifier: GPL-3.0-or-later
-- The experiment whose databases older versions of this program have made (tests/golden/schema_N.sql).
local lab = require "vae_lab"

return lab.experiment {
  name     = "old",
  question = "Does an older database stay readable?",
  data     = { "toy:mixture", train = 200, test = 100 },
  sweep    = { beta = { 0.5, 1 } },

  model = function (run, x)
    local q  = lab.mlp { x, 4, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 4, act = "tanh" }:normal(2)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 2, batch = 50, optimiser = lab.adam { rate = 1e-2 } },
  evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 5, examples = 20 } },
  figures  = { lab.fig.curves() },
}
