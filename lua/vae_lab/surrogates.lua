-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- surrogates.lua: estimators of a gradient as formulas.  A surrogate is a tensor (1, b, 1) whose gradient is the
-- estimator; its value has no meaning.
--
-- All estimate the gradient of the bound L = E log 1/k Σ_i w_i over draws z_i ~ q(z|x) (Burda et al., equation 8; the
-- ELBO for k = 1) with respect to the parameters of q, for any number of draws.  logw = function (z, q) returns log w =
-- log p(x, z) - log q(z|x) for any z and q, so that an estimator can stop the gradient through one of them.  It calls
-- the network of the decoder again:
--
--   local net = lab.mlp { z, 200 }
--   local function logw(z, q) return lab.log_weights(net { z }:bernoulli(x), x, q, z) end
--
-- Promise: a script could write each of these itself.

local tensor = require "vae_lab.tensor"
local iwae = require("vae_lab.objectives").iwae

local surrogates = {}

-- The normalised weights w_i / Σ_j w_j, without gradient.
local function shares(w) return (w - w:logsumexp "samples"):exp():stop_gradient() end

--- lab.surrogates.pathwise(logw, q, z): the bound itself, z = mu + sigma · eps: Σ_i (w_i / Σ_j w_j) ∇ log w_i.  Kingma
-- & Welling, section 2.4 (arXiv 1312.6114); Burda et al., section 3 (arXiv 1509.00519).  Unbiased, for the decoder too.
function surrogates.pathwise(logw, q, z) return iwae(logw(z, q)) end

--- lab.surrogates.stl(logw, q, z): "sticking the landing": the same without the gradient through the parameters of log
-- q(z|x), whose mean is 0 for k = 1 (Roeder et al. 2017, arXiv 1703.09194).  For k > 1 it is not 0: the estimator is
-- biased (Tucker et al. 2018, arXiv 1810.04152).
function surrogates.stl(logw, q, z) return iwae(logw(z, q:stop_gradient())) end

--- lab.surrogates.dreg(logw, q, z): doubly reparameterised: Σ_i (w_i / Σ_j w_j)² ∂ log w_i / ∂z_i · ∇ z_i, unbiased for
-- any k.  Tucker et al. 2018 (arXiv 1810.04152).  For the encoder only: the gradient of the decoder has other weights.
function surrogates.dreg(logw, q, z)
  local w = logw(z, q:stop_gradient())
  return (shares(w) ^ 2 * w):sum "samples"
end

--- lab.surrogates.score(logw, q, z, baseline): the score function, without gradient through z: (L - c) Σ_i ∇ log
-- q(z_i|x) + ∇ L, unbiased.  REINFORCE (Williams 1992); for many draws: Mnih & Rezende 2016 (arXiv 1602.06725).
-- baseline: c, a number or a tensor (1, b, 1) that does not depend on z; 0 when not given.
function surrogates.score(logw, q, z, baseline)
  local fixed = z:stop_gradient()
  local bound = iwae(logw(fixed, q))
  local signal = (bound - (baseline or 0)):stop_gradient()
  return signal * q:log_prob(fixed):sum "samples" + bound
end

--- lab.surrogates.score_baseline(logw, q, z): the score function with c = log w at the mean of q, one number for each
-- example.  NVIL uses a baseline that depends on x alone (Mnih & Gregor 2014, arXiv 1402.0030), MuProp the value at the
-- mean (Gu et al. 2016, arXiv 1511.05176).
function surrogates.score_baseline(logw, q, z) return surrogates.score(logw, q, z, logw(q.mean, q)) end

--- lab.surrogates.all(logw, q, z) → { pathwise =, stl =, dreg =, score =, score_baseline = }, as a model returns them.
function surrogates.all(logw, q, z)
  tensor.expect("z of lab.surrogates.all", z)
  local all = {}
  for _, name in ipairs { "pathwise", "stl", "dreg", "score", "score_baseline" } do
    all[name] = surrogates[name](logw, q, z)
  end
  return all
end

return surrogates
