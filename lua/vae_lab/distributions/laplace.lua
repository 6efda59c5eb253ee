-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/laplace.lua: the Laplace distribution, by its log scale: p(x|z) whose best mu is the median, with
-- heavier tails than a Gaussian's.  Kotz, Kozubowski & Podgórski, The Laplace Distribution and Generalizations (2001).

local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"
local location_scale = require "vae_lab.distributions.location_scale"

local LOG_2, LOG_2_PI = 0.6931471805599453, 1.8378770664093453

--- lab.laplace(mu, logscale) → Laplace(mu, b) of each feature, b = exp(logscale): density exp(-|x - mu| / b) / (2 b),
-- variance 2 b².  Fields mu, logscale, scale (= b), mean (= mu).  It has no field sigma: evaluations that take q for a
-- Gaussian refuse it.
local Laplace, new = base.class {
  name = "laplace", parameters = { "mu", "logscale" },
  fields = { mean = function(q) return q.mu end, scale = function(q) return q.logscale:exp() end },
  noise = { kind = "uniform", per_feature = 1 },
  from_noise = function(q, u) -- the inverse of the distribution function
    return q.mu + q.scale * ((-(2 - 2 * u):log()):relu() - (-(2 * u):log()):relu())
  end,
}

--- p:log_prob(x) → -Σ (|x - mu| / b + log b + log 2), nats per example.
function Laplace:log_prob(x)
  return tensor.apply("laplace", { tensor.expect("x of log_prob", x), self.mu, self.logscale })
end

-- A log scale that is one number for all features, for each of them.
local function wide_logscale(q) return q.logscale + 0 * q.mu end

--- q:entropy() → Σ (1 + log 2 + log b), nats per example.
function Laplace:entropy() return (wide_logscale(self) + (1 + LOG_2)):sum("features") end

-- With E (x - m)² = (mu - m)² + 2 b²; the normal's log variance is v.
local function kl_to_normal(q, m, v)
  local square = (q.mu - m) ^ 2 + 2 * q.scale ^ 2
  return (0.5 * (square * (-v):exp() + v + LOG_2_PI) - q.logscale - (1 + LOG_2)):sum("features")
end
base.kl("laplace", "normal", function(q, p) return kl_to_normal(q, p.mu, p.logvar) end)
base.kl("laplace", "standard_normal", function(q)
  local zero = tensor.constant(0)
  return kl_to_normal(q, zero, zero)
end)

-- Σ_j exp(-d / b) b / c + d / c - 1 + log(c / b), d = |mu - m|, c the scale of p: Meyer 2021 (arXiv 2106.09436).
base.kl("laplace", "laplace", function(q, p)
  local distance, ratio = (q.mu - p.mu):abs(), (q.logscale - p.logscale):exp()
  local overlap = (-distance * (-q.logscale):exp()):exp() * ratio
  return (overlap + distance * (-p.logscale):exp() - 1 - q.logscale + p.logscale):sum("features")
end)

return {
  new = new, head_options = location_scale.options "logscale",
  --- net:laplace(d, { mean_act = "linear", logscale = "head", floor =, init =, bias_init =, name = }) → Laplace(mu,
  -- exp(logscale)); the options are those of net:normal, with logscale in place of logvar.
  head = function(net, width, o) return new(location_scale.head(net, width, o, "laplace", "logscale")) end,
}
