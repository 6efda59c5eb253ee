-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- estimators.lua: one gradient, five ways to estimate it.  The encoder's gradient of the ELBO and of the IWAE bound of k draws (Burda et
-- al., arXiv 1509.00519), by the score function, without and with a baseline, by the path through z = mu + sigma · eps, along that path
-- alone ("sticking the landing", Roeder et al. 2017, arXiv 1703.09194), and reparameterised twice (DReG, Tucker et al. 2018, arXiv
-- 1810.04152).  All at the same weights, over fresh noise, in two worlds:
--
--   vae        a VAE that was trained for a while
--   gaussian   Rainforth et al.'s (arXiv 1802.04537, section 4): p(z) = N(0, I), p(x|z) = N(z, I) and q(z|x) = N(A x + b, 2/3 I), A and b
--              a little beside the best ones, I / 2 and 0.  q is wider than the posterior: the weights have all their moments
--
-- The claims: all but one mean the same; the score function scatters by orders of magnitude more; a tighter bound drowns the path's
-- signal in its noise, as 1 / sqrt(k) (their theorem 1), and DReG's not.

local lab = require "vae_lab"
local tensor = require "vae_lab.tensor"

-- ---- the two worlds --------------------------------------------------------------------------------------------------------

local worlds = {}

function worlds.vae(run, x)
  local q   = lab.mlp { x, run.hidden, act = "tanh" }:normal(run.latent)
  local z   = q:sample()
  local net = lab.mlp { z, run.hidden, act = "tanh" }
  local px  = net:bernoulli(x)
  local function logw(at, from) return lab.log_weights(net { at }:bernoulli(x), x, from, at) end
  return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z, surrogates = function() return lab.surrogates.all(logw, q, z) end }
end

-- x has 20 dimensions, as theirs: pixels of a row in the middle; A is diagonal.  Their A and b are off by N(0, 0.01²), a signal that a
-- thousand repeats do not see: here by N(0, 0.1²).  Nothing is trained.
function worlds.gaussian(_, image)
  local d = 20
  local x = image:slice(13 * 28 + 5, d)
  local a, b = tensor.param("encoder.A", 1, d, "normal(0.1)"), tensor.param("encoder.b", 1, d, "normal(0.1)")
  local q = lab.normal((0.5 + a) * x + b, math.log(2 / 3))
  local z = q:sample()
  local function logw(at, from) return lab.log_weights(lab.normal(at, 0), x, from, at) end
  return { bound = logw(z, q), elbo = logw(z, q), q = q, z = z, surrogates = function() return lab.surrogates.all(logw, q, z) end }
end

-- ---- what they claim -------------------------------------------------------------------------------------------------------

local rainforth, tucker = "arXiv 1802.04537, theorem 1", "arXiv 1810.04152"

local claims = {}
local function claim(world, text, quantity, value, band)
  band[1], band.quantity, band.value, band.where, band.criterion = text, quantity, value, { world = world }, "mean"
  claims[#claims + 1] = lab.claim(band)
end

-- How many powers of ten one number is larger than another: what scatters by factors is judged by its logarithm.
local function log_ratio(a, b) return function(m) return math.log(m["gradient/" .. a] / m["gradient/" .. b], 10) end end

-- The exponent of k between two numbers of draws.
local function exponent(name, from, to)
  return function(m)
    local function snr(k) return m[string.format("gradient/%s_%d_snr", name, k)] end
    return math.log(snr(to) / snr(from)) / math.log(to / from)
  end
end

local function largest_t(names)
  return function(m)
    local most = 0
    for _, name in ipairs(names) do most = math.max(most, math.abs(m["gradient/" .. name .. "_bias_t"])) end
    return most
  end
end

-- Bands from before any run.  The largest of six |t| has a mean near 1.7 where nothing is biased, and that of three seeds is above 3 in
-- none of a thousand cases.  The exponents of k, in the same bands, were first asked of the VAE with ten units.  Seen there, seed 1: -0.06
-- for the path and -0.09 for DReG: one draw in fifty outweighs all others, far from the many that a law for large k speaks of.  So they are
-- asked of the world whose law it is.
for _, world in ipairs { "vae", "gaussian" } do
  claim(world, "for the ELBO all estimators mean the same", "largest |t| of a bias, k = 1",
    largest_t { "score_1", "score_baseline_1", "stl_1", "dreg_1" }, { at_most = 3 })
  claim(world, "for the IWAE bound too, reparameterised twice or by the score", "largest |t| of a bias, k = 5 and 50",
    largest_t { "score_5", "score_baseline_5", "dreg_5", "score_50", "score_baseline_50", "dreg_50" }, { at_most = 3 })
  claim(world, "along the path alone the IWAE bound's gradient is biased", "t of the bias, k = 5",
    function(m) return m["gradient/stl_5_bias_t"] end, { at_least = 5, source = tucker })
end
for _, k in ipairs { 1, 50 } do
  claim("vae", "the score function's variance is more than ten times the path's", "log10 ratio of variances, k = " .. k,
    log_ratio("score_" .. k .. "_variance", "pathwise_" .. k .. "_variance"), { at_least = 1 })
end
claim("vae", "a baseline calms it", "log10 ratio of variances, k = 1", log_ratio("score_baseline_1_variance", "score_1_variance"),
  { at_most = 0 })
claim("vae", "and leaves it above the path's", "log10 ratio of variances, k = 1",
  log_ratio("score_baseline_1_variance", "pathwise_1_variance"), { at_least = 0 })
claim("vae", "reparameterised twice there is more signal in the noise", "log10 ratio of signal by noise, DReG over path, k = 50",
  log_ratio("dreg_50_snr", "pathwise_50_snr"), { at_least = 0, source = tucker })
claim("gaussian", "a tighter bound drowns the path's signal: as 1 / sqrt(k)", "exponent of k from 5 to 50", exponent("pathwise", 5, 50),
  { near = -0.5, within = 0.25, source = rainforth })
claim("gaussian", "reparameterised twice it does not fall", "exponent of k from 5 to 50", exponent("dreg", 5, 50),
  { at_least = 0, source = tucker })

return lab.experiment {
  name     = "estimators",
  question = "Which estimator of the encoder's gradient scatters least, and what does a tighter bound do to it?",

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
