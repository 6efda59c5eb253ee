-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- likelihood.lua: models small enough for an exact log p(x).  With one or two latent dimensions it is computed by
-- quadrature, and every estimate is compared with it: the ELBO, the IWAE bounds, importance sampling, Kingma &
-- Welling's estimator from draws of the posterior (appendix D of arXiv 1312.6114), and annealed importance sampling,
-- forward and reverse.
--
-- The claims: no lower bound is above log p(x), the upper bound is not below it, both are near, bounds rise with the
-- number of draws (Burda et al., arXiv 1509.00519, theorem 1), and consistent estimates are correct within a band.

local lab = require "vae_lab"

-- Biases in nats, against quadrature.  A t of the bias would show nothing: one outlier enlarges its own standard error.
-- The log of a mean of 5,000 weights is too low by half their relative variance over 5,000: below 0.001 where the
-- effective sample size is a tenth of them; 20 chains of annealing with weights that vary by a factor of two are off by
-- 0.02, their noise over 40 examples by as much.
local claims = {}
for _, latent in ipairs { 1, 2 } do
  local function claim(text, name, band)
    band[1], band.metric, band.where = text, "estimate/" .. name, { latent = latent }
    if name ~= "importance_bias" then band.post_hoc = "was judged by |t| < 3 before" end
    claims[#claims + 1] = lab.claim(band)
  end
  claim("the ELBO is below log p(x)", "elbo_bias", { at_most = 0, source = "arXiv 1312.6114, equation 3" })
  claim("importance sampling is correct to a hundredth of a nat", "importance_bias", { near = 0, within = 0.01 })
  claim("the estimator from draws of the posterior is correct", "appendix_d_bias",
    { near = 0, within = 0.02, source = "arXiv 1312.6114, appendix D" })
  claim("annealing from the prior is not above log p(x)", "ais_forward_bias",
    { at_most = 0.1, source = "arXiv 1611.04273" })
  claim("annealing from the posterior is not below log p(x)", "ais_reverse_bias",
    { at_least = -0.1, source = "arXiv 1511.02543" })
  claim("the two bounds of annealing are near each other", "ais_gap", { near = 0, within = 0.2 })
  claims[#claims + 1] = lab.claim {
    "the IWAE bound rises with the number of draws", where = { latent = latent },
    quantity = "smallest step of the bounds of 1, 5 and 50 draws",
    value = function(m)
      return math.min(m["estimate/iwae_5"] - m["estimate/iwae_1"], m["estimate/iwae_50"] - m["estimate/iwae_5"])
    end,
    at_least = 0, source = "arXiv 1509.00519, theorem 1",
  }
end

claims[#claims + 1] = lab.detectors.claim {}

return lab.experiment {
  name     = "likelihood",
  question = "Which estimates of log p(x) are correct, where it is known?",
  data     = { "toy:pinwheel", train = 5000, test = 500 },

  settings = { hidden = 32 },
  sweep    = { latent = { 1, 2 }, seed = { 1, 2, 3, 4, 5 } },

  model = function(run, x)
    local q  = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:normal(x, { floor = -6 })
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  train    = { epochs = 40, batch = 100, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = { lab.eval.estimators { examples = 40 }, lab.eval.audit() },
  figures  = { lab.fig.estimates(), lab.fig.curves() },
  claims   = claims,

  profile = { -- quick is the script as it stands
    quick = {},
    full  = {
      data     = { train = 20000, test = 2000 },
      train    = { epochs = 100, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
      evaluate = { lab.eval.estimators { examples = 200, temperatures = 500 }, lab.eval.audit() },
    },
  },
}
