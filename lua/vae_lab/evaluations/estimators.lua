-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/estimators.lua: all estimates of log p(x) on the same examples (log_likelihoods.lua), compared with the
-- exact value for small z.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"
local log_likelihoods = require "vae_lab.evaluations.log_likelihoods"

local whole = common.whole
local estimators = {
  prior = "draws",
  version = 3, -- from 3 on: chains start at resampled draws of prior and q, and their step sizes are tuned on others
  nodes = { "z", "logw", "elbo", "loglik", "logjoint", "annealed" },
  rules = common.with(log_likelihoods.rules, { examples = whole(2, 50), seed = whole(0, 1) }),
}

local BOUNDS = { 1, 5, 50 } -- draws of the IWAE bounds
local GROUP = 500           -- draws that the bounds are averaged over

-- IWAE bounds of the first GROUP draws, and importance sampling with all of them.
local function by_q(model, request, o, found)
  local rows, first = log_likelihoods.weights(model, request, math.max(GROUP, o.samples)), {}
  for i, row in ipairs(rows) do first[i] = { table.unpack(row, 1, GROUP) } end
  for _, k in ipairs(BOUNDS) do found["iwae_" .. k] = log_likelihoods.grouped(first, k) end
  found.importance = log_likelihoods.of_weights(rows)
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
  if widths.z <= log_likelihoods.QUADRATURE_DIMENSIONS then return nil end
  local wide = widths.z > appendix_d.DIMENSIONS
  local missing = "no estimate/exact (quadrature: up to two)"
  if wide then missing = missing .. " and no estimate/appendix_d (up to five)" end
  return string.format("lab.eval.estimators: z has %d dimensions: %s; importance sampling and annealing are recorded",
    widths.z, missing)
end

--- lab.eval.estimators { examples = 50, samples = 5000, temperatures = 100, chains = 20, draws = 50, tries = 2000,
-- seed = 1 }: estimates of log p(x), means over the first test examples, nats per example:
--   estimate/elbo, estimate/iwae_1, _5, _50     lower bounds by q (Burda et al., equation 8)
--   estimate/importance                         importance sampling with all `samples` draws of q
--   estimate/appendix_d                         the estimator of Kingma & Welling, with HMC; z of up to five dimensions
--   estimate/ais_forward, estimate/ais_reverse  annealed importance sampling: in expectation a lower and an upper bound
--                                               (the upper one as far as its starting points, draws of HMC, follow the
--                                               true posterior)
--   estimate/ais_gap                            reverse - forward, …_se its standard error over the examples
--   estimate/exact                              quadrature; z of one or two dimensions
-- With an exact value also …_bias, the mean difference from it, and …_bias_se, its standard error over the examples.
-- lower <= exact <= upper is what holds in expectation: a bias above zero of a lower bound, or below zero of ais_reverse,
-- beyond its error, is a mistake.  appendix_d is neither bound: its bias is upwards (Jensen) where its chains have found
-- all modes, and downwards where not.
-- Expected bounds rise with k and stay below log p(x) (Burda et al., theorem 1).  So a bound below that of fewer draws is
-- a mistake too: estimate/iwae_5_rise, iwae_50_rise, importance_rise are the differences, …_rise_se their standard errors.
-- `vae-lab compare` and `show` warn of all these beyond three standard errors.
--   estimate/appendix_d_ess_chains   effective sample size of its chains, which knows their autocorrelation
--   estimate/appendix_d_unmixed      the share of the examples whose chains have stayed apart (R-hat above 1.1), of
--                                    …_unmixed_n
-- HMC starts at draws of the prior and of q, `tries` in all, resampled by importance (evaluations/starts.lua).
function estimators.run(o, model, data, recorder)
  local d, request = model:width "z", common.request(data, "test", o)
  local elbo = { name = "elbo", samples = math.max(GROUP, o.samples) }
  local found = { elbo = model:map(common.with(request, elbo)):column(1) }
  by_q(model, request, o, found)
  if d <= appendix_d.DIMENSIONS then
    local by_draws = log_likelihoods.by_appendix_d(model, request, o)
    found.appendix_d = by_draws.logp
    appendix_d.record_mixing(recorder, "estimate/appendix_d", by_draws)
  end
  found.ais_forward = log_likelihoods.by_annealing(model, request, o, false)
  found.ais_reverse = log_likelihoods.by_annealing(model, request, o, true)
  local exact = d <= log_likelihoods.QUADRATURE_DIMENSIONS and model:quadrature(request):column(1)
  for _, name in ipairs(check.sorted_keys(found)) do
    local list = found[name]
    recorder:metric("estimate/" .. name, (common.mean(list)))
    if exact then common.record_mean(recorder, "estimate/" .. name .. "_bias", common.difference(list, exact)) end
  end
  record_rises(recorder, found)
  common.record_mean(recorder, "estimate/ais_gap", common.difference(found.ais_reverse, found.ais_forward))
  if exact then recorder:metric("estimate/exact", (common.mean(exact))) end
end

return estimators
