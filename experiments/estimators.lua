-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- estimators.lua: five estimators of one gradient: the encoder's gradient of the ELBO and of the IWAE bound of k draws
-- (Burda et al., arXiv 1509.00519): the score function, without and with a baseline; the pathwise estimator, through z
-- = mu + sigma · eps; "sticking the landing" (STL, Roeder et al. 2017, arXiv 1703.09194), the path without the
-- parameters of log q; doubly reparameterised (DReG, Tucker et al. 2018, arXiv 1810.04152).  All are measured at the
-- same weights, over independent noise, for two models:
--
--   vae        a VAE that was trained for a few epochs
--   gaussian   that of Rainforth et al. (arXiv 1802.04537, section 4): p(z) = N(0, I), p(x|z) = N(z, I) and
--              q(z|x) = N(A x + b, 2/3 I), with A and b near the best ones, I / 2 and 0.  q is wider than the
--              posterior: the weights have all moments
--
-- The claims: all but STL have the same mean; the variance of the score function is larger by orders of magnitude; with
-- a tighter bound the signal-to-noise ratio of the pathwise estimator falls as 1 / sqrt(k) (theorem 1 of Rainforth et
-- al.), and that of DReG does not.

local lab = require "vae_lab"
local tensor = require "vae_lab.tensor"

-- ---- the two models -------------------------------------------------------------------------------------------------

local worlds = {}

function worlds.vae(run, x)
  local q   = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
  local z   = q:sample()
  local net = lab.mlp { z, run.hidden, act = "tanh" }
  local px  = net:bernoulli(x)
  local function logw(at, from) return lab.log_weights(net { at }:bernoulli(x), x, from, at) end
  return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z,
    surrogates = function() return lab.surrogates.all(logw, q, z) end }
end

-- x has 20 dimensions, as in the paper: pixels of a row in the middle; A is diagonal.  The paper displaces A and b by
-- N(0, 0.01²), a signal too small for a thousand repeats: here it is N(0, 0.1²).  Nothing is trained.
function worlds.gaussian(_, image)
  local d = 20
  local x = image:slice(13 * 28 + 5, d)
  local a, b = tensor.param("encoder.A", 1, d, "normal(0.1)"), tensor.param("encoder.b", 1, d, "normal(0.1)")
  local q = lab.normal((0.5 + a) * x + b, math.log(2 / 3))
  local z = q:sample()
  local function logw(at, from) return lab.log_weights(lab.normal(at, 0), x, from, at) end
  return { bound = logw(z, q), elbo = logw(z, q), q = q, z = z,
    surrogates = function() return lab.surrogates.all(logw, q, z) end }
end

-- ---- claims ---------------------------------------------------------------------------------------------------------

local rainforth, tucker = "arXiv 1802.04537, theorem 1", "arXiv 1810.04152"

local claims = {}
local function claim(world, text, quantity, value, band)
  band[1], band.quantity, band.value, band.where = text, quantity, value, { world = world }
  claims[#claims + 1] = lab.claim(band)
end

-- log10 of a ratio: numbers that vary by factors are compared by their logarithms.
local function log_ratio(a, b) return function(m) return math.log(m["gradient/" .. a] / m["gradient/" .. b], 10) end end

-- The exponent of k between two numbers of draws.
local function exponent(name, from, to)
  return function(m)
    local function snr(k) return m[string.format("gradient/%s_%d_snr", name, k)] end
    return math.log(snr(to) / snr(from)) / math.log(to / from)
  end
end

-- An estimator has the mean of the pathwise one: what multiplies that mean, found by projection, is 1 within a quarter.
-- A t of the difference would show nothing: an estimator of a large variance hides any bias from it.  Nor can the mean of
-- the score function be claimed here: without a baseline some hundred seeds would not decide.  tests/truth/gradients.lua
-- tests it in one dimension.
local function same_mean(world, name)
  claim(world, "the estimator has the mean of the pathwise one", name .. ", multiple of the pathwise mean",
    function(m) return m["gradient/" .. name .. "_multiple"] end, { near = 1, within = 0.25,
      post_hoc = "was |t| < 3; claimed for estimators whose variance lets a few seeds decide" })
end

-- Bands from before any run.  With one draw STL and DReG are one estimator (the weight of one draw is 1): it is claimed
-- once.  The exponents of k were first claimed for the VAE, with ten units.  Measured there, seed 1: -0.06 for the path
-- and -0.09 for DReG: one draw of fifty outweighs all others, so that the law for large k does not apply.  They are now
-- claimed for the model of the paper.
for _, world in ipairs { "vae", "gaussian" } do
  for _, name in ipairs { "score_baseline_1", "stl_1", "dreg_5", "dreg_50" } do same_mean(world, name) end
  claim(world, "for the IWAE bound STL is biased", "t of the bias, k = 5",
    function(m) return m["gradient/stl_5_bias_t"] end, { at_least = 5, source = tucker })
end
for _, k in ipairs { 1, 50 } do
  claim("vae", "the variance of the score function is more than ten times that of the pathwise estimator",
    "log10 ratio of variances, k = " .. k,
    log_ratio("score_" .. k .. "_variance", "pathwise_" .. k .. "_variance"), { at_least = 1 })
end
claim("vae", "a baseline reduces the variance of the score function", "log10 ratio of variances, k = 1",
  log_ratio("score_baseline_1_variance", "score_1_variance"),
  { at_most = 0 })
claim("vae", "with a baseline the variance of the score function is still larger than that of the pathwise estimator",
  "log10 ratio of variances, k = 1",
  log_ratio("score_baseline_1_variance", "pathwise_1_variance"), { at_least = 0 })
claim("vae", "DReG has a higher signal-to-noise ratio than the pathwise estimator",
  "log10 ratio of signal-to-noise ratios, DReG / pathwise, k = 50",
  log_ratio("dreg_50_snr", "pathwise_50_snr"), { at_least = 0, source = tucker })
claim("gaussian", "the signal-to-noise ratio of the pathwise estimator falls as 1 / sqrt(k)",
  "exponent of k from 5 to 50", exponent("pathwise", 5, 50),
  { near = -0.5, within = 0.25, source = rainforth,
    post_hoc = "claimed for this model after a run of the VAE with ten units had shown -0.06" })
claim("gaussian", "the signal-to-noise ratio of DReG does not fall", "exponent of k from 5 to 50",
  exponent("dreg", 5, 50),
  { at_least = 0, source = tucker })

return lab.experiment {
  name     = "estimators",
  question = "Which gradient estimator of the encoder has the least variance, and what changes with a tighter bound?",

  settings = { latent = 10, hidden = 200 },
  sweep    = { world = { "vae", "gaussian" }, seed = { 1, 2, 3 } },

  model = function(run, x) return worlds[run.world](run, x) end,
  train = function(run) return { batch = 100, optimiser = lab.adam { rate = run.world == "vae" and 2e-3 or 0 } } end,

  figures = { lab.fig.gradients() },
  claims  = claims,

  profile = {
    quick = {
      data     = { train = 10000, test = 1000 },
      settings = { hidden = 100 },
      train    = { epochs = 5 },
      evaluate = { lab.eval.gradients { examples = 10 } },
    },
    full = {
      train    = { epochs = 40 },
      evaluate = { lab.eval.gradients { repeats = 2000, draws = { 1, 2, 5, 10, 20, 50, 100 } } },
    },
  },
}
