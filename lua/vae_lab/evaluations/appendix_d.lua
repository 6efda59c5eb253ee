-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/appendix_d.lua: the marginal likelihood estimator of Kingma & Welling (arXiv 1312.6114, appendix D) from
-- draws of the true posterior p(z|x).  Reliable for z of up to five dimensions.

local array = require "vae_lab.native.array"
local stats = require "vae_lab.native.stats"
local common = require "vae_lab.evaluations.common"

local appendix_d = { DIMENSIONS = 5 }

-- The draws of example i, in one row of z, as an array (n, d).
local function draws_of(z, i, d)
  local row, n = z:row(i), z:cols() // d
  local out = array.new(n, d)
  for s = 1, n do
    for j = 1, d do out:set(s, j, row[(s - 1) * d + j]) end
  end
  return out
end

--- appendix_d.log_p(model, request, fit, fresh) → lists of log p(x), nats, and of the effective sample size, for each
-- requested example.  A Gaussian q(z) is fitted to the draws `fit` of p(z|x); then 1 / p(x) = E[q(z) / (p(x|z) p(z))]
-- over the draws `fresh`, which are independent of `fit`.  fit, fresh: (count, n * d).
function appendix_d.log_p(model, request, fit, fresh)
  local d, found, sizes = model:width "z", {}, {}
  local feed = { name = "logjoint", feed = "z", values = fresh, samples = fresh:cols() // d }
  local joint = model:map(common.with(request, feed))
  for i = 1, request.count do
    local logq = stats.fitted_log_density(draws_of(fit, i, d), draws_of(fresh, i, d))
    local value, _, ess = stats.log_mean_exp(common.difference(logq, joint:row(i)))
    found[i], sizes[i] = -value, ess
  end
  return found, sizes
end

return appendix_d
