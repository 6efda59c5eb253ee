-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- objectives.lua: bounds as formulas.  All are maximised, in nats per example, shape (·, b, 1).
--
-- Promise: nothing here that a script could not write itself; these are the formulas that scripts share.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"

local objectives = {}

--- lab.iwae(logw) → log 1/k Σ_i w_i over the draws, shape (1, b, 1); logw = log p(x|z) + log p(z) - log q(z|x).
-- Burda et al., equation 8 (arXiv 1509.00519).  For k = 1 it is the ELBO with the KL estimated by its draw.
function objectives.iwae(logw)
  tensor.expect("logw of lab.iwae", logw)
  if logw:width() ~= 1 then
    check.fail {
      what = "log weights have one number for each draw", found = logw:width() .. " features",
      hint = "is a :log_prob missing?",
    }
  end
  return logw:logmeanexp("samples")
end

--- lab.log_weights(p, x, q, z, prior) → log p(x|z) + log p(z) - log q(z|x), shape (k, b, 1); prior: N(0, I) when not given.
function objectives.log_weights(p, x, q, z, prior)
  prior = prior or require("vae_lab.distributions").standard_normal()
  return p:log_prob(x) + prior:log_prob(z) - q:log_prob(z)
end

--- lab.free_bits(q, lambda) → Σ_j max(lambda, mean over the batch of KL_j), shape (1, 1, 1): a KL below lambda nats a
-- latent unit costs nothing.  Kingma et al. 2016, appendix C.8 (arXiv 1606.04934).
function objectives.free_bits(q, lambda)
  check.value("lambda of lab.free_bits", lambda, { type = "number", min = 0 })
  return q:kl_each():mean("batch"):max(lambda):sum("features")
end

return objectives
