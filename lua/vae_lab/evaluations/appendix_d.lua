-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/appendix_d.lua: the marginal likelihood estimator of Kingma & Welling (arXiv 1312.6114, appendix D), from draws of the
-- posterior, wherever they come from.  Good for z of up to five dimensions.

local common = require "vae_lab.evaluations.common"

local appendix_d = { DIMENSIONS = 5 }

-- The d columns of draws of one example as an array (n, d).
local function draws_of(z, i, d)
  local array = require "vae_lab.native.array"
  local row, n = z:row(i), z:cols() // d
  local out = array.new(n, d)
  for s = 1, n do
    for j = 1, d do out:set(s, j, row[(s - 1) * d + j]) end
  end
  return out
end

--- appendix_d.log_p(model, ask, fit, fresh) → lists of log p(x), nats, and of the effective sample size of each: a Gaussian q(z) is
-- fitted to draws of p(z|x), and of others, drawn apart from them, 1 / p(x) = E[q(z) / (p(x|z) p(z))].
-- fit, fresh: (count, n * d), of the examples that `ask` names (model:map's data, split, first, count, seed).
function appendix_d.log_p(model, ask, fit, fresh)
  local stats = require "vae_lab.native.stats"
  local d, found, sizes = model:width "z", {}, {}
  local joint = model:map(common.with(ask, { name = "logjoint", feed = "z", values = fresh, samples = fresh:cols() // d }))
  for i = 1, ask.count do
    local logq, logp, ratio = stats.fitted_log_density(draws_of(fit, i, d), draws_of(fresh, i, d)), joint:row(i), {}
    for s, v in ipairs(logq) do ratio[s] = v - logp[s] end
    local value, _, ess = stats.log_mean_exp(ratio)
    found[i], sizes[i] = -value, ess
  end
  return found, sizes
end

return appendix_d
