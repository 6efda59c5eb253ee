-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- bench/model.lua: each of the measured models, chosen by settings: --set net=tanh-200-200 --set latent=50 --set bound=iwae.

local lab = require "vae_lab"

return lab.experiment {
  name     = "bench",
  question = "How long does a step take?",
  data     = "mnist",
  settings = { net = "tanh-500", latent = 2, bound = "elbo", init = "glorot" },

  model = function(run, x)
    local act, widths = run.net:match("^(%a+)(.*)$"), {}
    for width in run.net:gmatch("%d+") do widths[#widths + 1] = math.tointeger(tonumber(width)) end

    local function mlp(input, layers)
      return lab.mlp { input, act = act, init = run.init, table.unpack(layers) }
    end
    local backwards = {}
    for i = #widths, 1, -1 do backwards[#backwards + 1] = widths[i] end

    local q  = mlp(x, widths):normal(run.latent)
    local z  = q:sample()
    local px = mlp(z, backwards):bernoulli(x)
    local elbo = px:log_prob(x) - q:kl()
    return { bound = run.bound == "iwae" and lab.iwae(lab.log_weights(px, x, q, z)) or elbo, q = q, p = px, z = z }
  end,

  train    = { epochs = 1, batch = 100, optimiser = lab.adam { rate = 1e-3 } },

  -- the evaluation alone, for a run that is already trained
  profile = {
    train    = {},
    nll      = { evaluate = { lab.eval.nll { samples = 5000 } } },
    nll_some = { evaluate = { lab.eval.nll { samples = 5000, examples = 200 } } },
    nll_none = { evaluate = { lab.eval.nll { samples = 100, examples = 2 } } },
  },
}
