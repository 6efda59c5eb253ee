-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/estimators.lua: every way to log p(x) on the same examples, beside the exact value where z is small enough for it.
--
-- None of them leans on another: the ELBO and the IWAE bounds use q; the marginal likelihood estimator of Kingma & Welling, appendix
-- D, draws of p(z|x); annealing starts from the prior (a lower bound) and, backwards, from the posterior (an upper one).

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"

local estimators = {
  nodes = { "z", "logw", "elbo", "loglik", "logjoint", "annealed" },
  rules = {
    examples = { type = "integer", min = 2, default = 50 }, samples = { type = "integer", min = 1, default = 5000 },
    temperatures = { type = "integer", min = 1, default = 100 }, chains = { type = "integer", min = 2, default = 20 },
    draws = { type = "integer", min = 10, default = 50 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

-- Quadrature is for a line or a plane.
local QUADRATURE_DIMENSIONS = 2
local BOUNDS = { 1, 5, 50 } -- draws of the IWAE bounds

-- ---- one number an example: lists of log p(x), in nats ----------------------------------------------------------------

-- log 1/k Σ w in its mean over the groups of k among all draws: its expectation is the bound of k draws.
local function grouped(row, k)
  local stats = require "vae_lab.native.stats"
  local sum, groups = 0, #row // k
  for g = 1, groups do
    sum = sum + (k == 1 and row[g] or (stats.log_mean_exp({ table.unpack(row, (g - 1) * k + 1, g * k) })))
  end
  return sum / groups
end

-- IWAE bounds and importance sampling with all draws.
local function by_q(model, ask, o, found)
  local stats = require "vae_lab.native.stats"
  local group = 500
  for _, k in ipairs(BOUNDS) do found["iwae_" .. k] = {} end
  found.importance = {}
  local logw = model:map(common.with(ask, { name = "logw", samples = math.max(group, o.samples) }))
  for i = 1, ask.count do
    local row = logw:row(i)
    for _, k in ipairs(BOUNDS) do found["iwae_" .. k][i] = grouped(table.move(row, 1, group, 1, {}), k) end
    found.importance[i] = (stats.log_mean_exp(row))
  end
end

-- Draws of p(z|x) from each example's own chains, begun where q draws: an array (count, chains * draws * d).
local function posterior_draws(model, ask, o, draws, shift)
  local start = model:map(common.with(ask, { name = "z", samples = o.chains, seed = ask.seed + shift }))
  return (model:hmc(common.with(ask, {
    start = start, samples = o.chains, draws = draws, thin = 5, seed = ask.seed + shift,
  })))
end

local function by_fit(model, ask, o, found)
  found.appendix_d = appendix_d.log_p(model, ask, posterior_draws(model, ask, o, o.draws, 1), posterior_draws(model, ask, o, o.draws, 2))
end

local function by_annealing(model, ask, o, found)
  local stats = require "vae_lab.native.stats"
  local d = model:width "z"
  local function anneal(start, reverse)
    local logw = model:ais(common.with(ask, {
      start = start, samples = o.chains, temperatures = o.temperatures, reverse = reverse, leapfrog = 5,
    }))
    local list = {}
    for i = 1, ask.count do list[i] = (reverse and -1 or 1) * stats.log_mean_exp(logw:row(i)) end
    return list
  end
  found.ais_forward = anneal(stats.normal(ask.count, o.chains * d, ask.seed, "annealing"), false)
  found.ais_reverse = anneal(posterior_draws(model, ask, o, 1, 3), true)
end

-- How much the bounds of q rise from one number of draws to the next: the mean over the examples, and its standard error, which is
-- that of the differences, since both are of the same examples.
local function record_rises(recorder, found)
  local before
  for _, name in ipairs { "iwae_1", "iwae_5", "iwae_50", "importance" } do
    if before then
      local difference = {}
      for i, v in ipairs(found[name]) do difference[i] = v - found[before][i] end
      local mean, se = common.mean(difference)
      recorder:metric("estimate/" .. name .. "_rise", mean)
      recorder:metric("estimate/" .. name .. "_rise_se", se)
    end
    before = name
  end
end

-- ---- the evaluation -----------------------------------------------------------------------------------------------------

function estimators.fits(widths)
  if widths.z == nil or widths.z < 1 then check.fail { what = "lab.eval.estimators needs a latent z" } end
end

function estimators.remark(widths)
  if widths.z <= QUADRATURE_DIMENSIONS then return nil end
  local without = widths.z > appendix_d.DIMENSIONS and "quadrature is for one or two, appendix D for up to five" or "quadrature is for one or two"
  local left = widths.z > appendix_d.DIMENSIONS and "estimate/exact and estimate/appendix_d are" or "estimate/exact is"
  return string.format("lab.eval.estimators: z has %d dimensions, and %s: %s left out; importance sampling and annealing are there instead",
    widths.z, without, left)
end

--- lab.eval.estimators { examples = 50, samples = 5000, temperatures = 100, chains = 20, draws = 50, seed = 1 }: log p(x) of the first
-- test examples by every way, nats per example, in the mean over them:
--   estimate/elbo, estimate/iwae_1, _5, _50     bounds from below by q (Burda et al., equation 8)
--   estimate/importance                         importance sampling with all `samples` draws of q
--   estimate/appendix_d                         Kingma & Welling's, with HMC; z of up to five dimensions
--   estimate/ais_forward, estimate/ais_reverse  annealed importance sampling; a lower and an upper bound in expectation (the upper as
--                                               far as HMC's draws, from which it starts, are the posterior's)
--   estimate/exact                              quadrature, z of one or two dimensions
-- and where there is an exact value, …_bias: the mean difference from it, and …_bias_se: its standard error over the examples.
-- Expected bounds rise with k and stay below the truth (Burda et al., theorem 1): a bias above zero beyond its error is a mistake, and
-- so is a fall of a bound from the next fewer draws: estimate/iwae_5_rise, iwae_50_rise, importance_rise, each with its standard
-- error …_rise_se.  `vae-lab compare` and `show` warn of a fall beyond three of them.
function estimators.run(o)
  return function(model, data, recorder)
    local count, d = common.count(data, "test", o.examples), model:width "z"
    local ask = { data = data, split = "test", first = 1, count = count, seed = o.seed }
    local found = { elbo = model:map(common.with(ask, { name = "elbo", samples = 500 })):column(1) }
    by_q(model, ask, o, found)
    if d <= appendix_d.DIMENSIONS then by_fit(model, ask, o, found) end
    by_annealing(model, ask, o, found)
    local exact = d <= QUADRATURE_DIMENSIONS and model:quadrature(ask):column(1)
    for _, name in ipairs(check.sorted_keys(found)) do
      local list, difference = found[name], {}
      recorder:metric("estimate/" .. name, (common.mean(list)))
      if exact then
        for i, v in ipairs(list) do difference[i] = v - exact[i] end
        local mean, se = common.mean(difference)
        recorder:metric("estimate/" .. name .. "_bias", mean)
        recorder:metric("estimate/" .. name .. "_bias_se", se)
      end
    end
    record_rises(recorder, found)
    if exact then recorder:metric("estimate/exact", (common.mean(exact))) end
  end
end

return estimators
