-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/log_likelihoods.lua: the estimates of log p(x) that evaluations compare, one by one: lists of values, one
-- an example, nats, each with a list of its own standard errors over its draws or chains.
--
-- They are independent of each other but for what is said: the bounds and importance sampling use q's draws; appendix D
-- and reverse annealing use draws of p(z|x) by Hamiltonian Monte Carlo; forward annealing uses draws of the prior.

local common = require "vae_lab.evaluations.common"
local appendix_d = require "vae_lab.evaluations.appendix_d"
local starts = require "vae_lab.evaluations.starts"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local log_likelihoods = {
  --- The options of the sampled estimates, as rules.
  rules = {
    samples = whole(1, 5000), temperatures = whole(1, 100), chains = whole(2, 20), draws = whole(10, 50),
    tries = whole(1, 2000),
  },
  QUADRATURE_DIMENSIONS = 2, -- quadrature is for a line or a plane
}

local LEAPFROG = 5 -- steps of a transition of annealing
local THIN = 5     -- transitions from one draw of p(z|x) to the next

-- What draws of p(z|x) are for: each purpose has noise of its own.
local PURPOSES = { "fit", "fresh", "reverse", fit = 1, fresh = 2, reverse = 3 }

-- A stream of its own for every repeat of a request.
local function stream_of(request, name) return name .. "/" .. (request["repeat"] or 0) end

--- log_likelihoods.of_weights(rows) → value, se, ess: log mean exp of each list of log weights, and its standard error
-- (delta method) and effective sample size.
function log_likelihoods.of_weights(rows)
  local value, se, ess = {}, {}, {}
  for i, row in ipairs(rows) do value[i], se[i], ess[i] = stats.log_mean_exp(row) end
  return value, se, ess
end

--- log_likelihoods.grouped(rows, k) → value, se: the mean of log 1/k Σ w over groups of k log weights, whose expectation
-- is the bound of k draws (Burda et al., arXiv 1509.00519, equation 8), and its standard error over the groups.
function log_likelihoods.grouped(rows, k)
  local value, se = {}, {}
  for i, row in ipairs(rows) do
    local groups = {}
    for g = 1, #row // k do
      groups[g] = k == 1 and row[g] or (stats.log_mean_exp({ table.unpack(row, (g - 1) * k + 1, g * k) }))
    end
    value[i], se[i] = common.mean(groups)
  end
  return value, se
end

--- log_likelihoods.weights(model, request, samples) → a list of the log importance weights of q's draws, for each
-- example.
function log_likelihoods.weights(model, request, samples)
  local logw, rows = model:map(common.with(request, { name = "logw", samples = samples })), {}
  for i = 1, request.count do rows[i] = logw:row(i) end
  return rows
end

--- log_likelihoods.posterior_draws(model, request, o, draws, name) → draws of p(z|x), (count, chains * draws * d): `draws`
-- of each of o.chains Markov chains, which start at o.tries draws of prior and q, resampled.  name: what they are for, fit,
-- fresh or reverse; draws of another name are independent.
function log_likelihoods.posterior_draws(model, request, o, draws, name)
  local own = common.with(request, { ["repeat"] = (request["repeat"] or 0) * #PURPOSES + PURPOSES[name] })
  local start = starts.resampled(model, own, o.chains, o.tries, stream_of(own, "posterior"))
  return (model:hmc(common.with(own, {
    start = start, samples = o.chains, draws = draws, thin = THIN, warm_up = o.warm_up,
  })))
end

--- log_likelihoods.by_appendix_d(model, request, o) → what appendix_d.log_p returns.
function log_likelihoods.by_appendix_d(model, request, o)
  local fit = log_likelihoods.posterior_draws(model, request, o, o.draws, "fit")
  local fresh = log_likelihoods.posterior_draws(model, request, o, o.draws, "fresh")
  return appendix_d.log_p(model, request, fit, fresh, o.chains)
end

--- log_likelihoods.by_annealing(model, request, o, reverse) → value, se.  Forward: a lower bound in expectation, from
-- draws of the prior.  Reverse: an upper bound in expectation, as far as the draws of p(z|x) that it starts from are
-- exact.
function log_likelihoods.by_annealing(model, request, o, reverse)
  local start = reverse and log_likelihoods.posterior_draws(model, request, o, 1, "reverse")
    or common.prior_draws(model, request.count, o.chains, request.seed, stream_of(request, "annealing"), request)
  local logw, rows = model:ais(common.with(request, {
    start = start, samples = o.chains, temperatures = o.temperatures, reverse = reverse, leapfrog = LEAPFROG,
  })), {}
  for i = 1, request.count do rows[i] = logw:row(i) end
  local value, se = log_likelihoods.of_weights(rows)
  for i, v in ipairs(value) do value[i] = reverse and -v or v end
  return value, se
end

--- log_likelihoods.pooled(a, b) → log of the mean of e^a and e^b, for each example: of two estimates of p(x) that are each
-- unbiased, one that is unbiased too.  Its logarithm is a lower bound in expectation, at most log 2 below the larger of
-- the two; the larger itself is none, as its choice follows the noise.
function log_likelihoods.pooled(a, b)
  local list = {}
  for i, v in ipairs(a) do list[i] = (stats.log_mean_exp { v, b[i] }) end
  return list
end

return log_likelihoods
