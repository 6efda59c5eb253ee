-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/normal.lua: N(mu, diag sigma²), by its log variance: the usual q(z|x), and p(x|z) of real numbers.

local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"
local location_scale = require "vae_lab.distributions.location_scale"

local apply = tensor.apply

--- lab.normal(mu, logvar) → N(mu, diag exp(logvar)); fields mu, logvar, mean (= mu), sigma = exp(logvar / 2).
local Normal, new = base.class {
  name = "normal", parameters = { "mu", "logvar" },
  fields = { mean = function(q) return q.mu end, sigma = function(q) return (0.5 * q.logvar):exp() end },
  from_noise = function(q, eps) return apply("reparameterise", { q.mu, q.logvar, eps }) end, -- mu + sigma · eps
}

-- The log variance of each feature, where it is one number for all of them.
local function wide_logvar(q)
  if q.logvar:width() == q.mu:width() then return q.logvar end
  return q.logvar + 0 * q.mu
end

--- p:sample_data(name): as for every distribution, but written as a sum: the graphs of recorded wake-sleep runs, and so
-- their identities, have no operation "reparameterise" here.
function Normal:sample_data(name)
  return (self.mu + self.sigma * tensor.noise { features = self.mu:width(), name = name }):stop_gradient()
end

--- q:log_prob(z) → log N(z; mu, sigma²), nats per example.
-- For a z that q itself drew, (z - mu) / sigma is its eps; that form is used, as it stays exact when sigma is far below
-- the spacing of floats around mu (an autoencoder's posterior, beta = 0).
function Normal:log_prob(z)
  tensor.expect("z of log_prob", z)
  if z.drawn_from == self then
    return apply("standard_normal", { z.eps }) - 0.5 * wide_logvar(self):sum("features")
  end
  return apply("normal", { z, self.mu, self.logvar })
end

-- Kingma & Welling, appendix B: ½ Σ (mu² + sigma² - 1 - log sigma²).
base.kl("normal", "standard_normal", function(q) return apply("kl", { q.mu, wide_logvar(q) }) end)
base.kl("normal", "normal", function(q, p) return apply("kl_normal_normal", { q.mu, q.logvar, p.mu, p.logvar }) end)

--- q:kl_each() → the closed form against N(0, I) for each latent unit, shape (·, b, d): for free bits and tables of
-- units.
function Normal:kl_each()
  local logvar = wide_logvar(self)
  return 0.5 * (self.mu ^ 2 + logvar:exp() - logvar - 1)
end

--- q:entropy() → ½ Σ (log 2 pi e + log sigma²), nats per example.  2.8378… is log 2 pi e.
function Normal:entropy()
  return 0.5 * (wide_logvar(self) + 2.8378770664093453):sum("features")
end

--- q:parts() → mu, logvar, sigma, mean; logvar and sigma of each feature.
function Normal:parts()
  local logvar = wide_logvar(self)
  return { mu = self.mu, logvar = logvar, sigma = (0.5 * logvar):exp(), mean = self.mu }
end

return {
  new = new, head_options = location_scale.options "logvar",
  --- net:normal(d, { mean_act = "linear", logvar = "head", floor =, init =, bias_init =, name = }) → lab.normal(mu,
  -- logvar), its parameters computed from the last layer (Kingma & Welling, appendix C.2).
  --   d           a number of features, or the tensor whose width it takes
  --   mean_act    "sigmoid" keeps mu in (0, 1), as Kingma & Welling do for the Frey faces
  --   logvar      "head": linear; "shared": one trained number for each feature; "one": one for all of them; or a
  --               number: fixed (0: unit variance)
  --   floor = a   logvar = a + softplus(head - a), a soft lower bound; it changes the model, so mention it
  --   name        a prefix of the names of its parameters
  head = function(net, width, o) return new(location_scale.head(net, width, o, "normal", "logvar")) end,
}
