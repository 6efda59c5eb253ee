-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Models with priors of their own, in a plane, where log p(x) is known by quadrature: a VampPrior (Tomczak & Welling
-- 2018), the same as a table of the script's own, and a normal far from N(0, I).

local lab = require "vae_lab"

local function table_of(p)
  return { log_prob = function(_, z) return p:log_prob(z) end, sample = function() return p:sample() end }
end

return lab.experiment {
  name     = "priors",
  data     = { "toy:pinwheel", train = 2000, test = 500 },
  sweep    = { kind = { "vamp", "table", "normal" } },

  model = function(run, x)
    local encoder = lab.mlp { 32, name = "encoder" }
    local q  = encoder { x }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 32 }:normal(x, { logvar = "one" })
    local prior = lab.normal(lab.constant(3), 1)
    if run.kind ~= "normal" then
      prior = lab.mixture(encoder { lab.parameter("pseudo", 10, x:width(), "normal(1)") }:normal(2))
    end
    if run.kind == "table" then prior = table_of(prior) end
    return { bound = px:log_prob(x) + prior:log_prob(z) - q:log_prob(z), q = q, p = px, z = z, prior = prior }
  end,

  train    = { epochs = 60, batch = 100, test_every = 60, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = {
    lab.eval.elbo(),
    lab.eval.nll { samples = 200 },
    lab.eval.validity { samples = 500 },
    lab.eval.latent_space { store = 0, examples = 200 },
    lab.eval.estimators { examples = 20, samples = 200, temperatures = 6, chains = 100, draws = 10 },
  },
  figures  = { lab.fig.bars() },
}
