-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- images.lua: small models of the built-in digits, for golden digests: every objective, optimiser, activation and head once.
--
-- Sizes are odd on purpose: minibatches of 43, 43 and 11, layers that fill no vector, an inner dimension above one block of
-- the matrix product, and in the larger ones enough work in a step for eight threads.  Changing anything here changes the digests.

local lab = require "vae_lab"

-- 1/4, then 3/4.  Only + - * /: a script's math.exp is libm's, which differs between machines; a plan keeps nine digits of it,
-- and two machines that disagree there have made two different plans, not two results of one.
local function annealed(epoch) return (2 * epoch - 1) / 4 end

local cases = {
  vae      = { optimiser = lab.adam { rate = 2e-3 } },
  iwae     = { optimiser = lab.adam { rate = 2e-3, beta2 = 0.99, epsilon = 1e-4 }, samples = 5, widths = { 37 }, bound = "iwae" },
  annealed = { optimiser = lab.adam { rate = { 1e-3, 3e-3 } }, warm = true, act = "relu", init = "he" },
  deep     = { optimiser = lab.adamw { rate = 1e-3, weight_decay = 0.05 }, widths = { 41, 23 }, act = "softplus" },
  sgd      = { optimiser = lab.sgd { rate = 3e-3 }, act = "sigmoid", init = "paper" },
  momentum = { optimiser = lab.sgd { rate = 1e-3, momentum = 0.9, weight_decay = 1e-3 }, act = "relu", init = "pytorch" },
  clipped  = { optimiser = lab.sgd { rate = 1e-2, clip_norm = 20 }, bound = "free_bits" },
  adagrad  = { optimiser = lab.adagrad { rate = 2e-2 }, act = "softplus" },
  rmsprop  = { optimiser = lab.rmsprop { rate = 1e-3 }, act = "relu", init = "glorot_normal" },
  gaussian = { optimiser = lab.adam { rate = 1e-3 }, head = "normal" },
  shared   = { optimiser = lab.adam { rate = 1e-3, clip_norm = 5 }, head = "normal", logvar = "shared" },
}
local names = {}
for name in pairs(cases) do names[#names + 1] = name end
table.sort(names)

return lab.experiment {
  name     = "golden_images",
  data     = { "digits", train = 97, test = 31 },
  settings = { beta = 1, warm = annealed },
  sweep    = { case = names },

  model = function(run, x)
    local c = cases[run.case]
    local function net(input)
      local layers = { input, act = c.act, init = c.init }
      for _, width in ipairs(c.widths or { 21 }) do layers[#layers + 1] = width end
      return lab.mlp(layers)
    end
    local q = net(x):normal(5)
    local z = q:sample()
    local p
    if c.head == "normal" then
      p = net(z):normal(x, { mean_act = "sigmoid", logvar = c.logvar or "head", floor = not c.logvar and -4 or nil })
    else
      p = net(z):bernoulli(x, { bias_init = c.act and "constant(0)" or "data_logit" })
    end
    local bound
    if c.bound == "iwae" then
      bound = lab.iwae(lab.log_weights(p, x, q, z))
    elseif c.bound == "free_bits" then
      bound = p:log_prob(x) - lab.free_bits(q, 0.5)
    else
      bound = p:log_prob(x) - (c.warm and run.warm or run.beta) * q:kl()
    end
    return { bound = bound, q = q, p = p, z = z }
  end,

  train = function(run)
    local c = cases[run.case]
    return { epochs = 2, batch = 43, samples = c.samples, optimiser = c.optimiser }
  end,

  evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 10, examples = 13 }, lab.eval.latent_space { examples = 31 } },
}
