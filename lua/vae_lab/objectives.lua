-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- objectives.lua: bounds as formulas.  All are maximised, in nats per example, shape (·, b, 1).
--
-- Promise: a script could write each of these itself; here are the formulas that several scripts use.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local distributions = require "vae_lab.distributions"

local objectives = {}

--- lab.iwae(logw) → log 1/k Σ_i w_i over the draws, shape (1, b, 1); logw = log p(x|z) + log p(z) - log q(z|x).
-- Burda et al., equation 8 (arXiv 1509.00519).  For k = 1 it is the ELBO with the KL estimated from its one draw.
function objectives.iwae(logw)
  tensor.expect("logw of lab.iwae", logw)
  if logw:width() ~= 1 then
    check.fail {
      what = "bad log weights", found = logw:width() .. " features", expected = "one number for each draw",
      hint = "add :log_prob(…)?",
    }
  end
  return logw:logmeanexp("samples")
end

--- lab.log_weights(p, x, q, z, prior) → log p(x|z) + log p(z) - log q(z|x), shape (k, b, 1); prior: N(0, I) when it is
-- not given.
function objectives.log_weights(p, x, q, z, prior)
  prior = prior or distributions.by_name.standard_normal.new()
  return p:log_prob(x) + prior:log_prob(z) - q:log_prob(z)
end

--- lab.wake_sleep(x, encode, decode) → { bound =, q =, p =, z = } as a model returns it: the wake-sleep algorithm
-- (Hinton et al. 1995) as one objective.  encode: a function from images to q(z|x); decode: from codes to p(x|z), a
-- distribution; each is called twice.
--   wake   trains the decoder: log p(x|z) of the code that the encoder gives x
--   sleep  trains the encoder: log q(z|x) of an image that the decoder draws for z ~ N(0, I)
-- No gradient passes from one network to the other.  The bound is the sum of both and bounds nothing: the ELBO is the
-- metric elbo.
function objectives.wake_sleep(x, encode, decode)
  local q  = encode(x)
  local z  = q:sample()
  local px = decode(z:stop_gradient())
  if not distributions.is(px) then
    check.fail { what = "bad result of decode of lab.wake_sleep", found = check.describe(px),
      expected = "a distribution of images" }
  end
  local prior = tensor.noise { features = z:width(), name = "prior" } -- z ~ p(z)
  local image = decode(prior):sample_data("dream")
  local wake, sleep = px:log_prob(x), encode(image):log_prob(prior)
  return { bound = wake + sleep, q = q, p = px, z = z }
end

--- lab.free_bits(q, lambda) → Σ_j max(lambda, mean over the batch of KL_j), shape (1, 1, 1): a KL below lambda nats per
-- latent unit is not penalised.  Kingma et al. 2016, appendix C.8 (arXiv 1606.04934).
function objectives.free_bits(q, lambda)
  check.value("lambda of lab.free_bits", lambda, { type = "number", min = 0 })
  return q:kl_each():mean("batch"):max(lambda):sum("features")
end

return objectives
