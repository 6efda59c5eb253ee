-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/mixture.lua: a mixture of normals: a prior that is trained, as in the VampPrior (Tomczak & Welling 2018,
-- arXiv 1705.07120), whose components are q(z|u) of trained pseudo-inputs u.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"
local categorical = require("vae_lab.distributions.categorical").new
local normal = require("vae_lab.distributions.normal").new

local LOG_2PI = 1.8378770664093453

local Mixture, new = base.class {
  name = "mixture", parameters = { "mu", "logvar", "logits" },
  fields = {
    mean = function(p) return tensor.apply("dense", { categorical(p.logits).mean, p.mu }) end, -- Σ_c w_c mu_c
  },
}

-- Feature j of all components, as a row (1, 1, components).
local function across(t, j) return t:slice(j, 1):transpose "batch_features" end

--- lab.mixture(q, logits) → Σ_c w_c N(mu_c, diag sigma_c²) with w = softmax(logits); its components are the examples of
-- the normal distribution q, whose parameters are (1, components, d).  logits: (1, 1, components); equal weights where
-- they are not given.  Fields mu, logvar, logits, mean.  Its KL divergences have no closed form.
-- The VampPrior of 50 pseudo-inputs:
--   local encoder = lab.mlp { 300, name = "encoder" }
--   local inputs = lab.parameter("pseudo", 50, x:width(), "glorot_uniform"):sigmoid()
--   local prior = lab.mixture(encoder { inputs }:normal(d))
local function mixture(q, logits)
  if not base.is(q) or q.kind ~= "normal distribution" then
    check.fail {
      what = "bad components of lab.mixture", found = check.describe(q),
      expected = "a normal distribution with one component for each example: net { pseudo_inputs }:normal(d)",
    }
  end
  local samples, components = q.mu:shape()
  logits = logits or 0 * across(q.mu, 1)
  if samples ~= 1 or tensor.expect("logits of lab.mixture", logits):width() ~= components then
    check.fail {
      what = "the parameters of lab.mixture do not fit", found = string.format("mu (%s), logits (%s)",
        table.concat({ q.mu:shape() }, ", "), table.concat({ logits:shape() }, ", ")),
      expected = "mu (1, components, d), logits (1, 1, components)",
    }
  end
  return new(q.mu, q:parts().logvar, logits)
end

--- p:log_prob(z) → log Σ_c w_c N(z; mu_c, sigma_c²), nats per example.
function Mixture:log_prob(z)
  local d = self.mu:width()
  if tensor.expect("z of log_prob", z):width() ~= d then
    check.fail { what = "z does not fit the mixture", found = z:width() .. " features", expected = tostring(d) }
  end
  local logp = self.logits - self.logits:logsumexp()
  for j = 1, d do -- a term (k, b, components) for each feature: z, components and features need an axis each
    local logvar = across(self.logvar, j)
    local distance = (z:slice(j, 1) - across(self.mu, j)) * (-0.5 * logvar):exp()
    logp = logp - 0.5 * (distance ^ 2 + logvar + LOG_2PI)
  end
  return logp:logsumexp()
end

function Mixture.can_sample() return true end

--- p:sample(k) → z, shape (k, b, d): a component is chosen, then its normal is drawn.  Gradients pass to mu and logvar,
-- none to the logits.
function Mixture:sample(k)
  local chosen = categorical(self.logits):sample(k) -- one-hot: the products below copy a row
  local mu, logvar = tensor.apply("dense", { chosen, self.mu }), tensor.apply("dense", { chosen, self.logvar })
  return normal(mu, logvar):sample(k)
end

return { new = mixture }
