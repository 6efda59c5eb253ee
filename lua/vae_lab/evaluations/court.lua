-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/court.lua: every estimator of log p(x) is judged against the exact value: its bias, whether its own interval
-- contains the truth, and how often it fails.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local log_likelihoods = require "vae_lab.evaluations.log_likelihoods"

local whole = common.whole
local court = {
  prior = "draws",
  nodes = { "z", "logw", "loglik", "logjoint", "annealed" },
  rules = common.with(log_likelihoods.rules, {
    examples = whole(2, 10), repeats = whole(2, 10), warm_up = whole(1, 100), seed = whole(0, 1),
  }),
}

local FAILURE = 0.5 -- nats
local Z = 1.96      -- an estimator's own interval: its value, and so many of its standard errors on both sides

-- What one repeat says: { name = { value =, low =, high = } }, lists of a number for each example.
local function interval(value, se)
  local low, high = {}, {}
  for i, v in ipairs(value) do low[i], high[i] = v - Z * se[i], v + Z * se[i] end
  return { value = value, low = low, high = high }
end

local function first(rows, n)
  local list = {}
  for i, row in ipairs(rows) do list[i] = { table.unpack(row, 1, n) } end
  return list
end

-- log of the mean of both weights: each standard error has the weight of its estimate.
local function pooled(a, a_se, b, b_se)
  local value, se = log_likelihoods.pooled(a, b), {}
  for i, v in ipairs(value) do
    se[i] = 0.5 * math.sqrt((math.exp(a[i] - v) * a_se[i]) ^ 2 + (math.exp(b[i] - v) * b_se[i]) ^ 2)
  end
  return value, se
end

local function larger(a, a_se, b, b_se)
  local value, se = {}, {}
  for i, v in ipairs(a) do
    local best = v >= b[i]
    value[i], se[i] = best and v or b[i], best and a_se[i] or b_se[i]
  end
  return value, se
end

-- Between the bounds: their middle, and the interval from below the lower to above the upper one.
local function sandwich(lower, lower_se, upper, upper_se)
  local out = { value = {}, low = {}, high = {} }
  for i, v in ipairs(lower) do
    out.value[i], out.low[i], out.high[i] = (v + upper[i]) / 2, v - Z * lower_se[i], upper[i] + Z * upper_se[i]
  end
  return out
end

local function estimates(model, request, o)
  local rows = log_likelihoods.weights(model, request, o.samples)
  local few = first(rows, math.min(500, o.samples))
  local few_value, few_se = log_likelihoods.of_weights(few)
  local sampled, sampled_se = log_likelihoods.of_weights(rows)
  local forward, forward_se = log_likelihoods.by_annealing(model, request, o, false)
  local reverse, reverse_se = log_likelihoods.by_annealing(model, request, o, true)
  local by_draws = log_likelihoods.by_appendix_d(model, request, o)
  return {
    iwae_1 = interval(log_likelihoods.grouped(few, 1)), iwae_5 = interval(log_likelihoods.grouped(few, 5)),
    iwae_50 = interval(log_likelihoods.grouped(few, 50)),
    importance_few = interval(few_value, few_se), importance = interval(sampled, sampled_se),
    appendix_d = interval(by_draws.logp, by_draws.se),
    ais_forward = interval(forward, forward_se), ais_reverse = interval(reverse, reverse_se),
    sandwich = sandwich(forward, forward_se, reverse, reverse_se),
    larger = interval(larger(sampled, sampled_se, forward, forward_se)),
    pooled = interval(pooled(sampled, sampled_se, forward, forward_se)),
  }
end

-- Adds a repeat to an estimator's account: { error = list of sums, one an example; covered =, failed =, over = }.
local function add(account, found, exact)
  for i, truth in ipairs(exact) do
    local off = found.value[i] - truth
    account.error[i] = (account.error[i] or 0) + off
    account.covered = account.covered + (found.low[i] <= truth and truth <= found.high[i] and 1 or 0)
    account.failed = account.failed + (math.abs(off) > FAILURE and 1 or 0)
  end
end

local function record(recorder, name, account, o, count)
  local trials, bias = count * o.repeats, {}
  for i, sum in ipairs(account.error) do bias[i] = sum / o.repeats end
  common.record_mean(recorder, "court/" .. name .. "_bias", bias)
  for _, what in ipairs { "covered", "failed" } do
    recorder:metric("court/" .. name .. "_" .. what, account[what] / trials)
    recorder:metric("court/" .. name .. "_" .. what .. "_n", trials)
  end
end

function court.fits(widths)
  if widths.z == nil or widths.z < 1 or widths.z > log_likelihoods.QUADRATURE_DIMENSIONS then
    check.fail {
      what = "lab.eval.court judges by the exact log p(x)", found = (widths.z or 0) .. " latent dimensions",
      expected = "one or two: quadrature knows no more", hint = "lab.eval.estimators compares without it",
    }
  end
end

--- lab.eval.court { examples = 10, repeats = 10, samples = 5000, temperatures = 100, chains = 20, draws = 50,
-- tries = 2000, warm_up = 100, seed = 1 }: estimators of log p(x) against quadrature, for z of one or two dimensions.  Each
-- estimates log p(x) of the first test examples, `repeats` times with independent noise, and gives an interval of its own:
-- 1.96 standard errors over its draws or chains.
--   court/NAME_bias      mean error, nats; …_bias_se its standard error over the examples
--   court/NAME_covered   the share of all estimates whose interval contains the exact value, of …_covered_n
--   court/NAME_failed    the share that is wrong by more than half a nat, of …_failed_n.  (The repeats of one example are
--                        not independent of it: both shares vary more than those of so many coins.)
--   court/exact          the exact log p(x), mean over the examples
-- NAME:
--   iwae_1, iwae_5, iwae_50     bounds of k draws of q, means over 500 draws; iwae_1 is the ELBO
--   importance_few, importance  importance sampling with 500 draws of q, and with `samples`
--   appendix_d                  Kingma & Welling's estimator
--   ais_forward, ais_reverse    annealing from the prior, and from draws of p(z|x)
--   sandwich                    the middle of both; its interval reaches from below the lower to above the upper one
--   pooled                      importance and ais_forward, log of the mean of both estimates of p(x)
--   larger                      the larger of the two: no bound
function court.run(o, model, data, recorder)
  local request = common.request(data, "test", o)
  local exact, accounts = model:quadrature(request):column(1), {}
  for r = 1, o.repeats do
    for name, found in pairs(estimates(model, common.with(request, { ["repeat"] = r }), o)) do
      accounts[name] = accounts[name] or { error = {}, covered = 0, failed = 0 }
      add(accounts[name], found, exact)
    end
  end
  for _, name in ipairs(check.sorted_keys(accounts)) do record(recorder, name, accounts[name], o, request.count) end
  recorder:metric("court/exact", (common.mean(exact)))
end

return court
