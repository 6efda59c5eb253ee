-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- A model with known answers: a linear VAE on linear-Gaussian data is probabilistic PCA (Tipping & Bishop 1999; Lucas
-- et al. 2019).  Trained, its ELBO is the exact maximum log likelihood of the training data, within the bands of the
-- claims below.
--
--   profile trained   three latent units, as the data have factors; one trained sigma² for all features
--   profile surplus   five of them and sigma² = 1/2 fixed: only three eigenvalues are above it: two units collapse
--
-- Wake-sleep (method=wake-sleep) has the same optimum: q's family contains the posterior (Neal & Dayan 1997, factor
-- analysis).

local lab = require "vae_lab"

-- One seed is enough: the band is the error of the training and of the estimate, whatever the seed.
local function claim(c)
  c.judged_by_mean = "the exact value is known, and the band holds the error of one run"
  return lab.claim(c)
end

return lab.experiment {
  name     = "linear",
  question = "Does a linear VAE reach the exact maximum likelihood?",
  data     = { "toy:linear-gaussian", train = 5000, test = 5000 },
  settings = { latent = 3, logvar = "one", method = "aevb" },
  sweep    = { seed = { 1, 2 } },

  model = function(run, x)
    local encoder, decoder = lab.mlp { name = "encoder" }, lab.mlp { name = "decoder" }
    local function encode(input) -- linear in x, its variance is the same for all x
      return encoder { input }:normal(run.latent, { logvar = "shared" })
    end
    local function decode(z) return decoder { z }:normal(x, { logvar = tonumber(run.logvar) or run.logvar }) end
    if run.method == "wake-sleep" then return lab.wake_sleep(x, encode, decode) end
    local q  = encode(x)
    local z  = q:sample()
    local px = decode(z)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  -- All data at each step.  The latent axes rotate slowly to the principal ones: half of the epochs have the full rate.
  -- Only the noise of z remains, which falls with the rate.
  train    = { epochs = 1500, batch = 5000, samples = 2, test_every = 1500,
               optimiser = lab.adam { rate = function(epoch) return 0.1 * 10 ^ (3 * math.min(0, 1 - epoch / 750)) end } },
  evaluate = { lab.eval.ppca(), lab.eval.elbo { samples = 50 }, lab.eval.elbo_decomposition { draws = 5000 } },

  claims = {
    claim { "the ELBO is the exact maximum log likelihood", quantity = "maximum - ELBO",
      value = function(m) return m["ppca/maximum"] - m["ppca/elbo"] end, at_least = 0, at_most = 1e-3,
      source = "Lucas et al. 2019; Tipping & Bishop 1999" },
    claim { "sigma² is the mean of the discarded eigenvalues", quantity = "sigma² / exact - 1", profile = "trained",
      value = function(m) return m["ppca/variance"] / m["ppca/variance_exact"] - 1 end, near = 0, within = 1e-3,
      source = "Tipping & Bishop 1999" },
    claim { "W spans the principal subspace", metric = "ppca/angle", at_most = 1e-3,
      source = "Tipping & Bishop 1999" },
    claim { "log p(x) - ELBO = KL(q(z|x) || p(z|x))", quantity = "rest",
      value = function(m) return m["ppca/log_likelihood"] - m["ppca/elbo"] - m["ppca/gap"] end, near = 0,
      within = 1e-9 },
    -- 5,000 · 50 draws, each of a standard deviation near 2.5: 5 standard errors
    claim { "the recorded ELBO is the one in closed form", quantity = "recorded - closed form",
      value = function(m) return m["final/train/elbo"] - m["ppca/elbo"] end, near = 0, within = 0.025 },
    -- at the optimum q(z) is the prior.  5,000 draws of a standard deviation near 1.3: 5 standard errors
    claim { "the KL is the mutual information, which is known", quantity = "I - exact",
      value = function(m) return m["accounting/train/mutual_information"] - m["ppca/information"] end, near = 0,
      within = 0.1, source = "1/2 sum log(eigenvalue / sigma²)" },
    claim { "the aggregate posterior is the prior", metric = "accounting/train/marginal_kl", near = 0,
      within = 0.05 },
    claim { "the data have three factors", metric = "ppca/rank", near = 3, within = 0.5 },
    claim { "units without an eigenvalue above sigma² collapse", metric = "ppca/surplus_kl", at_most = 1e-3,
      profile = "surplus", source = "Lucas et al. 2019" },
  },

  profile = {
    trained = {},
    surplus = {
      settings = { latent = 5, logvar = "-0.6931471805599453" },
      evaluate = { lab.eval.ppca { variance = "fixed" }, lab.eval.elbo { samples = 50 },
        lab.eval.elbo_decomposition { draws = 5000 } },
    },
  },
}
