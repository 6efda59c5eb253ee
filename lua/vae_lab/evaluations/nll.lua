-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/nll.lua: the negative log-likelihood, estimated by importance sampling from q(z|x).

local common = require "vae_lab.evaluations.common"

local nll = {
  nodes = { "logw" }, rules = { samples = common.whole(1, 500), examples = common.whole(0, 0),
    seed = common.whole(0, 1) },
}

-- Draws of one pass: they fit into the cache together with the network.
local CHUNK = 100

--- lab.eval.nll { samples = 500, examples = 0 (all), seed = 1 }: test/nll = -mean over x of log 1/k Σ_i w_i,
-- w = p(x|z) p(z) / q(z|x), nats per example, positive on images (Burda et al., equation 8, arXiv 1509.00519).
-- In expectation an upper bound: it falls towards -log p(x) as samples grow, and is at most -ELBO of the same examples
-- (with fewer `examples` than the test split has, test/nll and test/elbo are about different images).
--   test/nll_se   standard error over the examples
--   test/ess      mean effective sample size (Σw)² / Σw², from 1 to samples.  Near 1 the estimate rests on one draw:
--                 test/nll is then a bound on the likelihood and no estimate of it (beta = 0)
function nll.run(o, model, data, recorder)
  local request = common.with(common.request(data, "test", o), { name = "logw", samples = o.samples, chunk = CHUNK })
  local logp, _, ess = model:log_weights(request)
  local mean, se = common.mean(logp:column(1))
  recorder:metric("test/nll", -mean)
  recorder:metric("test/nll_se", se)
  recorder:metric("test/ess", (common.mean(ess:column(1))))
end

return nll
