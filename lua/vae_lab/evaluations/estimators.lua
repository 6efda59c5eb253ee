-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/estimators.lua: all estimates of log p(x) on the same examples, compared with the exact value for small
-- z.
--
-- The estimates are independent of each other: the ELBO and the IWAE bounds use q; the marginal likelihood estimator of
-- Kingma & Welling (appendix D) uses draws of p(z|x); annealing starts from the prior (a lower bound) and, reversed,
-- from the true posterior (an upper bound).

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local estimators = {
  prior = "draws",
  nodes = { "z", "logw", "elbo", "loglik", "logjoint", "annealed" },
  rules = {
    examples = whole(2, 50), samples = whole(1, 5000), temperatures = whole(1, 100), chains = whole(2, 20),
    draws = whole(10, 50),
    seed = whole(0, 1),
  },
  QUADRATURE_DIMENSIONS = 2, -- quadrature is for a line or a plane
}

local BOUNDS = { 1, 5, 50 } -- draws of the IWAE bounds
local GROUP = 500           -- draws that the bounds are averaged over

-- ---- lists of log p(x), one number an example, nats -----------------------------------------------------------------

-- The mean of log 1/k Σ w over the groups of k among the first GROUP draws: its expectation is the bound of k draws.
local function grouped(row, k)
  local sum, groups = 0, GROUP // k
  for g = 1, groups do
    sum = sum + (k == 1 and row[g] or (stats.log_mean_exp({ table.unpack(row, (g - 1) * k + 1, g * k) })))
  end
  return sum / groups
end

-- IWAE bounds, and importance sampling with all draws.
local function by_q(model, request, o, found)
  for _, k in ipairs(BOUNDS) do found["iwae_" .. k] = {} end
  found.importance = {}
  local logw = model:map(common.with(request, { name = "logw", samples = math.max(GROUP, o.samples) }))
  for i = 1, request.count do
    local row = logw:row(i)
    for _, k in ipairs(BOUNDS) do found["iwae_" .. k][i] = grouped(row, k) end
    found.importance[i] = (stats.log_mean_exp(row))
  end
end

-- Draws of p(z|x) from HMC chains of each example, which start at draws of q: an array (count, chains * draws * d).
local function posterior_draws(model, request, o, draws, shift)
  local shifted = common.with(request, { samples = o.chains, seed = request.seed + shift })
  local start = model:map(common.with(shifted, { name = "z" }))
  return (model:hmc(common.with(shifted, { start = start, draws = draws, thin = 5 })))
end

local function by_appendix_d(model, request, o)
  local fit, fresh = posterior_draws(model, request, o, o.draws, 1), posterior_draws(model, request, o, o.draws, 2)
  return appendix_d.log_p(model, request, fit, fresh)
end

local function by_annealing(model, request, o, start, reverse)
  local logw = model:ais(common.with(request, {
    start = start, samples = o.chains, temperatures = o.temperatures, reverse = reverse, leapfrog = 5,
  }))
  local list = {}
  for i = 1, request.count do list[i] = (reverse and -1 or 1) * stats.log_mean_exp(logw:row(i)) end
  return list
end

-- The rise of each bound from the next fewer draws.  Its standard error is that of the differences: both bounds are of
-- the same examples.
local function record_rises(recorder, found)
  local before
  for _, name in ipairs { "iwae_1", "iwae_5", "iwae_50", "importance" } do
    if before then
      common.record_mean(recorder, "estimate/" .. name .. "_rise", common.difference(found[name], found[before]))
    end
    before = name
  end
end

-- ---- the evaluation -------------------------------------------------------------------------------------------------

function estimators.fits(widths)
  if widths.z == nil or widths.z < 1 then check.fail { what = "lab.eval.estimators needs a latent z" } end
end

function estimators.remark(widths)
  if widths.z <= estimators.QUADRATURE_DIMENSIONS then return nil end
  local wide = widths.z > appendix_d.DIMENSIONS
  local missing = "no estimate/exact (quadrature: up to two)"
  if wide then missing = missing .. " and no estimate/appendix_d (up to five)" end
  return string.format("lab.eval.estimators: z has %d dimensions: %s; importance sampling and annealing are recorded",
    widths.z, missing)
end

--- lab.eval.estimators { examples = 50, samples = 5000, temperatures = 100, chains = 20, draws = 50, seed = 1 }:
-- estimates of log p(x), means over the first test examples, nats per example:
--   estimate/elbo, estimate/iwae_1, _5, _50     lower bounds by q (Burda et al., equation 8)
--   estimate/importance                         importance sampling with all `samples` draws of q
--   estimate/appendix_d                         the estimator of Kingma & Welling, with HMC; z of up to five dimensions
--   estimate/ais_forward, estimate/ais_reverse  annealed importance sampling: in expectation a lower and an upper bound
--                                               (the upper one as far as its starting points, draws of HMC, follow the
--                                               true posterior)
--   estimate/exact                              quadrature; z of one or two dimensions
-- With an exact value also …_bias, the mean difference from it, and …_bias_se, its standard error over the examples.
-- Expected bounds rise with k and stay below log p(x) (Burda et al., theorem 1).  So a bias above zero beyond its error
-- is a mistake, and so is a bound below that of fewer draws: estimate/iwae_5_rise, iwae_50_rise, importance_rise are
-- the differences, …_rise_se their standard errors.  `vae-lab compare` and `show` warn of a fall of more than three of
-- these.
function estimators.run(o, model, data, recorder)
  local d, request = model:width "z", common.request(data, "test", o)
  local found = { elbo = model:map(common.with(request, { name = "elbo", samples = math.max(GROUP, o.samples) })):column(1) }
  by_q(model, request, o, found)
  if d <= appendix_d.DIMENSIONS then found.appendix_d = by_appendix_d(model, request, o) end
  local prior = common.prior_draws(model, request.count, o.chains, request.seed, "annealing", request)
  found.ais_forward = by_annealing(model, request, o, prior, false)
  found.ais_reverse = by_annealing(model, request, o, posterior_draws(model, request, o, 1, 3), true)
  local exact = d <= estimators.QUADRATURE_DIMENSIONS and model:quadrature(request):column(1)
  for _, name in ipairs(check.sorted_keys(found)) do
    local list = found[name]
    recorder:metric("estimate/" .. name, (common.mean(list)))
    if exact then common.record_mean(recorder, "estimate/" .. name .. "_bias", common.difference(list, exact)) end
  end
  record_rises(recorder, found)
  if exact then recorder:metric("estimate/exact", (common.mean(exact))) end
end

return estimators
