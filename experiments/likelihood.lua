-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- likelihood.lua: models small enough for an exact log p(x).  With one or two latent dimensions it is computed by
-- quadrature, and every estimate is compared with it: the ELBO, the IWAE bounds, importance sampling, Kingma &
-- Welling's estimator from draws of the posterior (appendix D of arXiv 1312.6114), and annealed importance sampling,
-- forward and reverse.
--
-- The claims are theorems: no bound is above log p(x), bounds rise with the number of draws (Burda et al., arXiv
-- 1509.00519, theorem 1), and consistent estimates are correct within their errors.

local lab = require "vae_lab"

-- A bias in its standard errors: a correct estimate has |t| < 3 in all but one of 370 cases.
local function t_of(name)
  return function(m) return m["estimate/" .. name .. "_bias"] / m["estimate/" .. name .. "_bias_se"] end
end

local claims = {}
for _, latent in ipairs { 1, 2 } do
  local function claim(text, name, band)
    band[1], band.value, band.quantity = text, t_of(name), "t of the bias of " .. name
    band.where, band.criterion = { latent = latent }, "mean"
    claims[#claims + 1] = lab.claim(band)
  end
  claim("the ELBO is below log p(x)", "elbo", { at_most = -3 })
  -- the log of a mean is too low by half the relative variance over k: little with 5,000 draws
  claims[#claims + 1] = lab.claim {
    "importance sampling is correct to a hundredth of a nat", metric = "estimate/importance_bias",
    where = { latent = latent }, near = 0, within = 0.01,
  }
  claim("the estimator from draws of the posterior is correct", "appendix_d",
    { near = 0, within = 3, source = "arXiv 1312.6114, appendix D" })
  claim("annealing from the prior is correct", "ais_forward", { near = 0, within = 3 })
  claim("annealing from the posterior is correct", "ais_reverse", { near = 0, within = 3 })
  claims[#claims + 1] = lab.claim {
    "the IWAE bound rises with the number of draws", where = { latent = latent },
    quantity = "smallest step of the bounds of 1, 5 and 50 draws",
    value = function(m)
      return math.min(m["estimate/iwae_5"] - m["estimate/iwae_1"], m["estimate/iwae_50"] - m["estimate/iwae_5"])
    end,
    at_least = 0, source = "arXiv 1509.00519, theorem 1",
  }
end

return lab.experiment {
  name     = "likelihood",
  question = "Which estimates of log p(x) are correct, where it is known?",
  data     = { "toy:pinwheel", train = 5000, test = 500 },

  settings = { hidden = 32 },
  sweep    = { latent = { 1, 2 }, seed = { 1, 2, 3 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:normal(x, { floor = -6 })
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 40, batch = 100, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = { lab.eval.estimators { examples = 40 } },
  figures  = { lab.fig.estimates(), lab.fig.curves() },
  claims   = claims,

  profile = { -- quick is the script as it stands
    quick = {},
    full  = {
      data     = { train = 20000, test = 2000 },
      train    = { epochs = 100, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
      evaluate = { lab.eval.estimators { examples = 200, temperatures = 500 } },
    },
  },
}
