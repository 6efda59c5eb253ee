-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/nll.lua: the negative log-likelihood, estimated by importance sampling from q(z|x).

local common = require "vae_lab.evaluations.common"

local nll = {
  nodes = { "logw" },
  rules = {
    samples = { type = "integer", min = 1, default = 500 }, examples = { type = "integer", min = 0, default = 0 },
    seed = { type = "integer", min = 0, default = 1 },
  },
}

-- Draws of one pass: what fits into the cache beside the network.
local CHUNK = 100

--- lab.eval.nll { samples = 500, examples = 0 (all), seed = 1 }: test/nll = -mean over x of log 1/k Σ_i w_i,
-- w = p(x|z) p(z) / q(z|x), in nats per example, positive on images (Burda et al., equation 8, arXiv 1509.00519).
-- An upper bound in expectation: it falls towards -log p(x) as samples grow, and is at most -ELBO of the same examples
-- (with fewer `examples` than the test split has, test/nll and test/elbo are about different images).
--   test/nll_se   standard error over the examples
--   test/ess      mean effective sample size (Σw)² / Σw², from 1 to samples: near 1 the estimate rests on one draw, and
--                 test/nll is then a bound on the likelihood more than an estimate of it (beta = 0)
function nll.run(o)
  return function(model, data, recorder)
    local count = common.count(data, "test", o.examples)
    local logp, _, ess = model:log_weights {
      name = "logw", data = data, split = "test", first = 1, count = count, samples = o.samples, chunk = CHUNK, seed = o.seed,
    }
    local mean, se = common.mean(logp:column(1))
    recorder:metric("test/nll", -mean)
    recorder:metric("test/nll_se", se)
    recorder:metric("test/ess", (common.mean(ess:column(1))))
  end
end

return nll
