-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Known gradients: the estimators of lab.surrogates, as lab.eval.gradients measures them, at weights that are not
-- trained.
--
--   square     d/dmu E z², z ~ N(mu, sigma²): 2 mu; its estimators' variances in closed form
--   gaussian   p(z) = N(0, 1), p(x|z) = N(z, 1), q = N(mu, 2/3) of every x: the bound of five draws has no closed form, and all
--              unbiased estimators must agree

local lab = require "vae_lab"
local tensor = require "vae_lab.tensor"

local mu, sigma = 0.7, 1.3
local worlds = {}

function worlds.square(q) return q, function(z) return (z ^ 2):sum "features" end end

function worlds.gaussian(q, x)
  local seen = x:slice(1, 1)
  q = lab.normal(q.mu, math.log(2 / 3))
  return q, function(z, from) return lab.log_weights(lab.normal(z, 0), seen, from, z) end
end

-- 20 examples, 20,000 repeats: five standard errors of a variance, sqrt((kurtosis - 1) / repeats), the single draws'
-- kurtosis being 3 (path), 46.8 and 52.3
local claims = {}
local function claim(c)
  c.judged_by_mean = "the exact value is known, and the band holds the error of one run"
  claims[#claims + 1] = lab.claim(c)
end
local function known(name, variance, within)
  claim { "the variance by " .. name, where = { world = "square" },
    quantity = "variance / exact - 1, " .. name,
    value = function(m) return m["gradient/" .. name .. "_1_variance"] / (variance / 20) - 1 end, near = 0,
    within = within }
end
known("pathwise", 4 * sigma ^ 2, 0.05)
known("stl", 4 * sigma ^ 2, 0.05)
known("dreg", 4 * sigma ^ 2, 0.05)
known("score", mu ^ 4 / sigma ^ 2 + 14 * mu ^ 2 + 15 * sigma ^ 2, 0.08)
known("score_baseline", 8 * mu ^ 2 + 15 * sigma ^ 2, 0.08)
-- its square is the mean of 10,000 inner products with a mean of 10,000: a standard error of 2 · 1.4 · sqrt(6.76 / 20 /
-- 20,000)
claim { "the norm of the mean", where = { world = "square" },
  metric = "gradient/pathwise_1_norm", near = 2 * mu, within = 0.03 }

-- What multiplies the pathwise mean: standard deviations over seeds of 0.022 (score), 0.015, 0.004 (20,000 repeats)
local function unbiased(name, within)
  claim { "for the bound of five draws: unbiased by " .. name, where = { world = "gaussian" },
    metric = "gradient/" .. name .. "_5_multiple", near = 1, within = within }
end
unbiased("dreg", 0.03)
unbiased("score", 0.15)
unbiased("score_baseline", 0.1)
claim { "for the bound of five draws: biased by stl", where = { world = "gaussian" },
  metric = "gradient/stl_5_multiple", at_least = 2, source = "arXiv 1810.04152" }

return lab.experiment {
  name     = "gradients",
  question = "Do gradient estimators have their known variances and biases?",
  data     = { "toy:linear-gaussian", train = 100, test = 20 },
  sweep    = { world = { "square", "gaussian" } },

  model = function(run, x)
    local q, logw = worlds[run.world](lab.normal(tensor.param("encoder.mu", 1, 1, "constant(0.7)"), 2 * math.log(sigma)), x)
    local z = q:sample()
    return {
      bound = logw(z, q) + 0 * x:slice(1, 1), -- one number for each example
      surrogates = function()
        local all = lab.surrogates.all(logw, q, z)
        for name, tensor in pairs(all) do all[name] = tensor + 0 * x:slice(1, 1) end
        return all
      end,
    }
  end,

  train    = { epochs = 1, batch = 20, optimiser = lab.sgd { rate = 0 } },
  evaluate = { lab.eval.gradients { repeats = 20000, draws = { 1, 5 } } },
  figures  = { lab.fig.gradients() },
  claims   = claims,
}
