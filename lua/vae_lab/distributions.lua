-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions.lua: q(z|x), p(x|z) and p(z): densities over tensors.
--
-- Promise: every log density and divergence is summed over the features and is in nats for each example, shape
-- (·, b, 1).  A distribution has :log_prob(value), .mean, and where it can be reparameterised :sample().

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"

local apply = tensor.apply
local distributions = {}

-- A class whose missing fields are computed when they are first asked for (`mean`, `sd`): unused ones add no node.
local function class(kind, lazy)
  local Class = { kind = kind }
  function Class.__index(self, key)
    local field = lazy[key] and lazy[key](self)
    if field then
      rawset(self, key, field)
      return field
    end
    if Class[key] == nil then check.member(Class, key, lazy) end
    return Class[key]
  end
  local function no_arithmetic()
    check.fail { what = "arithmetic with a " .. kind, expected = "a tensor or a number", hint = "its .mean, or :log_prob(x)?" }
  end
  for _, event in ipairs { "__add", "__sub", "__mul", "__div", "__unm", "__pow" } do Class[event] = no_arithmetic end
  return Class
end

-- ---- normal ----------------------------------------------------------------------------------------------------------

local Normal = class("normal distribution", {
  mean = function(self) return self.mu end,
  sigma = function(self) return (0.5 * self.logvar):exp() end,
})
distributions.Normal = Normal

--- lab.normal(mu, logvar) → N(mu, diag exp(logvar)); fields mu, logvar, mean (= mu), sigma = exp(logvar / 2).
function distributions.normal(mu, logvar)
  tensor.expect("mu of lab.normal", mu)
  if type(logvar) == "number" then logvar = tensor.constant(logvar) end
  return setmetatable({ mu = mu, logvar = tensor.expect("logvar of lab.normal", logvar) }, Normal)
end

--- q:sample(k) → z = mu + sigma · eps, eps ~ N(0, I): k draws for each example, shape (k, b, d).
-- k: a number; by default the run's `samples` (or, where mu has draws already, as many).
-- The reparameterisation of Kingma & Welling, section 2.4 (arXiv 1312.6114).
function Normal:sample(k)
  if k ~= nil then check.value("the number of draws", k, { type = "integer", min = 1 }) end
  local draws = k or (self.mu.draws ~= 1 and self.mu.draws) or "k"
  local eps = tensor.noise { samples = draws, features = self.mu:width(), name = "eps" }
  local z = apply("reparameterise", { self.mu, self.logvar, eps })
  z.origin, z.drawn_from, z.eps = "latent", self, eps
  return z
end

--- q:log_prob(z) → log N(z; mu, sigma²), nats per example.
-- For a z that q itself drew, (z - mu) / sigma is its eps; that form is used, as it stays exact when sigma is far below
-- the spacing of floats around mu (an autoencoder's posterior, beta = 0).
function Normal:log_prob(z)
  tensor.expect("z of log_prob", z)
  if z.drawn_from == self then
    return apply("standard_normal", { z.eps }) - 0.5 * self:wide_logvar():sum("features")
  end
  return apply("normal", { z, self.mu, self.logvar })
end

-- logvar with all its features written out, where it is one number for all.
function Normal:wide_logvar()
  if self.logvar:width() == self.mu:width() then return self.logvar end
  return self.logvar + 0 * self.mu
end

--- q:kl(p) → KL(q ‖ p) in closed form, nats per example; p is N(0, I) when it is not given.
-- Kingma & Welling, appendix B: ½ Σ (mu² + sigma² - 1 - log sigma²).
function Normal:kl(p)
  if p == nil or getmetatable(p) == distributions.StandardNormal then return apply("kl", { self.mu, self:wide_logvar() }) end
  if getmetatable(p) == Normal then return apply("kl_normal_normal", { self.mu, self.logvar, p.mu, p.logvar }) end
  check.fail {
    what = "no closed form of this KL", found = "KL(normal || " .. check.describe(p) .. ")", expected = "a normal distribution",
    hint = "estimate it: (q:log_prob(z) - p:log_prob(z)):mean(\"samples\")",
  }
end

--- q:kl_each() → the closed form against N(0, I) for each latent unit, shape (·, b, d): for free bits and unit by unit tables.
function Normal:kl_each()
  local logvar = self:wide_logvar()
  return 0.5 * (self.mu ^ 2 + logvar:exp() - logvar - 1)
end

--- q:entropy() → ½ Σ (log 2 pi e + log sigma²), nats per example.  2.8378… is log 2 pi e.
function Normal:entropy()
  return 0.5 * (self:wide_logvar() + 2.8378770664093453):sum("features")
end

--- q:stop_gradient() → the same distribution, through whose parameters no gradient passes: log q(z|x) as a function of z alone.
function Normal:stop_gradient() return distributions.normal(self.mu:stop_gradient(), self.logvar:stop_gradient()) end

local StandardNormal = class("standard normal distribution", {})
distributions.StandardNormal = StandardNormal

--- lab.standard_normal() → N(0, I), the usual prior p(z).
function distributions.standard_normal() return setmetatable({}, StandardNormal) end

--- p:sample(d) → z ~ N(0, I) of d features, one for each example and each of the run's draws, shape (k, b, d).
-- The z of a model without an encoder: train = { posterior = lab.hmc {} } puts draws of p(z|x) in its place.
function StandardNormal:sample(d)
  check.value("the width of a draw", d, { type = "integer", min = 1 })
  local z = tensor.noise { samples = "k", features = d, name = "z" }
  z.origin, z.drawn_from = "latent", self
  return z
end

--- p:log_prob(z) → log N(z; 0, I) = -½ Σ (log 2 pi + z²), nats per example.
function StandardNormal.log_prob(_, z) return apply("standard_normal", { tensor.expect("z of log_prob", z) }) end

-- ---- bernoulli -------------------------------------------------------------------------------------------------------

local Bernoulli = class("bernoulli distribution", { mean = function(self) return self.logits:sigmoid() end })
distributions.Bernoulli = Bernoulli

--- lab.bernoulli(logits) → independent Bernoulli variables; mean = sigmoid(logits).
function distributions.bernoulli(logits)
  return setmetatable({ logits = tensor.expect("logits of lab.bernoulli", logits) }, Bernoulli)
end

--- p:log_prob(x) → Σ x l - softplus(l), nats per example.  A log likelihood only for x in {0, 1}; for grey x it is minus
-- the cross-entropy (see lab.data's binarise).
function Bernoulli:log_prob(x) return apply("bernoulli", { tensor.expect("x of log_prob", x), self.logits }) end

-- ---- categorical -----------------------------------------------------------------------------------------------------

local Categorical = class("categorical distribution", {
  mean = function(self) return (self.logits - self.logits:logsumexp("features")):exp() end,
})
distributions.Categorical = Categorical

--- lab.categorical(logits) → one of as many classes as there are features; mean = softmax(logits).
function distributions.categorical(logits)
  return setmetatable({ logits = tensor.expect("logits of lab.categorical", logits) }, Categorical)
end

--- p:log_prob(y) → Σ y log softmax(l), nats per example; y is one-hot, or a distribution over the classes.
function Categorical:log_prob(y) return apply("categorical", { tensor.expect("y of log_prob", y), self.logits }) end

--- distributions.is(v) → whether v is one of the above.
function distributions.is(v)
  local meta = getmetatable(v)
  return meta == Normal or meta == StandardNormal or meta == Bernoulli or meta == Categorical
end

return distributions
