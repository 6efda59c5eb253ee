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

-- Biases in nats, against quadrature.  A t of the bias would show nothing: one outlier enlarges its own standard error.
local claims = {}
for _, latent in ipairs { 1, 2 } do
  local function claim(text, name, band)
    band[1], band.metric, band.where = text, "estimate/" .. name .. "_bias", { latent = latent }
    if name ~= "importance" then band.post_hoc = "was judged by |t|; the band was set when the biases were known" end
    claims[#claims + 1] = lab.claim(band)
  end
  claim("the ELBO is below log p(x)", "elbo", { at_most = 0 })
  -- the log of a mean is too low by half the relative variance over k: little with 5,000 draws
  claim("importance sampling is correct to a hundredth of a nat", "importance", { near = 0, within = 0.01 })
  claim("the estimator from draws of the posterior is correct to a hundredth of a nat", "appendix_d",
    { near = 0, within = 0.01, source = "arXiv 1312.6114, appendix D" })
  -- standard errors of 0.01 a seed with 20 chains
  claim("annealing from the prior is correct to a tenth of a nat", "ais_forward", { near = 0, within = 0.1 })
  claim("annealing from the posterior is correct to a tenth of a nat", "ais_reverse", { near = 0, within = 0.1 })
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
