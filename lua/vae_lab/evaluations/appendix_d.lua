-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/appendix_d.lua: the marginal likelihood estimator of Kingma & Welling (arXiv 1312.6114, appendix D) from
-- draws of the true posterior p(z|x).  Reliable for z of up to five dimensions.
--
-- It is as good as its draws.  Where p(z|x) has modes that the chains do not visit, the estimate is too low by minus the
-- log of the probability that they do visit, and no number computed from the chains can tell: on MNIST in the plane,
-- with all chains started at draws of q(z|x), 10 % of the images were wrong by 0.5 to 14 nats, some with an effective
-- sample size of 990 of 1,000 draws.  Started where evaluations/starts.lua says, on 60 of these images no error is above
-- 0.3 nats, and their mean is 0.007 (standard error 0.006).  Chains that stay apart, as R-hat tells of 13 % of these images,
-- are then no fault: the modes have their share of the chains.
--
-- Where there are more modes than chains, the fresh draws are in modes that the density was not fitted to, and the
-- estimate is far too high: for Monte Carlo EM on 1,000 MNIST images up to 24 nats above zero, with R-hat above 1.1 for
-- four fifths of the images.
--
-- Its expectation is too high: it is minus the logarithm of a mean, and E[-log mean] > -log E[mean], by about half the
-- relative variance of that mean; and a part of q(z) where no draw lies is not seen.  One Gaussian over four far modes has
-- most of its mass between them: 1.2 nats too high, where one for each mode is right.

local array = require "vae_lab.native.array"
local stats = require "vae_lab.native.stats"
local common = require "vae_lab.evaluations.common"

local appendix_d = { DIMENSIONS = 5, MIXED = 1.1 }

local APART = 1.5 -- chains whose means differ by more than so many of both standard deviations are in different modes

-- The draws of example i, in one row of z, as an array (n, d).
local function draws_of(z, i, d)
  local row, n = z:row(i), z:cols() // d
  local out = array.new(n, d)
  for s = 1, n do
    for j = 1, d do out:set(s, j, row[(s - 1) * d + j]) end
  end
  return out
end

-- ---- the density q(z) ----------------------------------------------------------------------------------------------

-- Of each chain's part of the draws: the mean and the standard deviation of each dimension.
local function chain_moments(z, i, d, chains)
  local row, draws, list = z:row(i), z:cols() // d // chains, {}
  for c = 1, chains do
    local mean, sd = {}, {}
    for j = 1, d do
      local numbers = {}
      for s = 1, draws do numbers[s] = row[((c - 1) * draws + s - 1) * d + j] end
      local m, se = common.mean(numbers)
      mean[j], sd[j] = m, draws > 1 and se * math.sqrt(draws) or 0
    end
    list[c] = { mean = mean, sd = sd }
  end
  return list
end

local function overlap(a, b)
  for j, m in ipairs(a.mean) do
    if math.abs(m - b.mean[j]) > APART * (a.sd[j] + b.sd[j]) then return false end
  end
  return true
end

-- Lists of chains, one for each mode: a chain joins the first list whose first chain it overlaps.
local function chains_by_mode(z, i, d, chains)
  local moments, modes = chain_moments(z, i, d, chains), {}
  for c = 1, chains do
    local own
    for _, mode in ipairs(modes) do own = own or overlap(moments[mode[1]], moments[c]) and mode end
    if own then own[#own + 1] = c else modes[#modes + 1] = { c } end
  end
  return modes
end

-- The draws of some chains of example i, as an array (n, d).
local function draws_of_chains(z, i, d, chains, some)
  local row, length, out = z:row(i), z:cols() // chains, {}
  for _, c in ipairs(some) do
    for s = 1, length // d do
      local at = (c - 1) * length + (s - 1) * d
      out[#out + 1] = { table.unpack(row, at + 1, at + d) }
    end
  end
  return array.from(out)
end

-- log q(z) at these points: a Gaussian fitted to each mode's draws, each mode with the weight of its draws.  Chains too
-- short for that: one Gaussian of all.
local function log_density(fit, i, d, chains, points)
  if fit:cols() // d // chains <= d then return stats.fitted_log_density(draws_of(fit, i, d), points) end
  local total = {}
  for k, mode in ipairs(chains_by_mode(fit, i, d, chains)) do
    local part = stats.fitted_log_density(draws_of_chains(fit, i, d, chains, mode), points)
    for s, v in ipairs(part) do
      v = v + math.log(#mode / chains)
      local low, high = math.min(v, total[s] or v), math.max(v, total[s] or v)
      total[s] = k == 1 and v or high + math.log(1 + math.exp(low - high))
    end
  end
  return total
end

-- ---- the chains ----------------------------------------------------------------------------------------------------

-- The numbers of one list, chain after chain, as an array (chains, draws).
local function by_chain(list, chains)
  local rows, draws = {}, #list // chains
  for c = 1, chains do rows[c] = { table.unpack(list, (c - 1) * draws + 1, c * draws) } end
  return array.from(rows)
end

-- R-hat and effective sample size of the chains: the worst of log p(x, z) and of each dimension of z.
local function mixing(joint, points, chains)
  local lists = { joint }
  for j = 1, points:cols() do lists[j + 1] = points:column(j) end
  local rhat, ess = 0, math.huge
  for _, list in ipairs(lists) do
    local r, e = stats.mixing(by_chain(list, chains))
    rhat, ess = math.max(rhat, r), math.min(ess, e)
  end
  return rhat, ess
end

-- The standard error of log mean exp over chains: the chains are independent, their draws are not.
local function error_over_chains(logw, chains)
  local draws, means = #logw // chains, {}
  for c = 1, chains do means[c] = (stats.log_mean_exp { table.unpack(logw, (c - 1) * draws + 1, c * draws) }) end
  local _, se = stats.log_mean_exp(means)
  return se
end

--- appendix_d.log_p(model, request, fit, fresh, chains) → { logp =, se =, ess =, ess_chains =, rhat = }, lists of a number
-- for each requested example.  A density q(z) is fitted to the draws `fit` of p(z|x): a Gaussian, or, where groups of chains
-- have stayed apart, one for each group; then 1 / p(x) = E[q(z) / (p(x|z) p(z))] over the draws `fresh`, which are
-- independent of `fit`.  fit, fresh: (count, n * d), chain after chain.
--   logp         log p(x), nats; se: its standard error over the chains
--   ess          (Σw)² / Σw² of the weights, from 1 to n: how well q(z) fits the draws.  It takes the draws as independent
--   ess_chains   the effective sample size of the chains, which knows their autocorrelation (stats.mixing)
--   rhat         split R-hat; above 1.1 chains have stayed apart.  ess_chains, rhat: nil for fewer than 4 draws a chain
function appendix_d.log_p(model, request, fit, fresh, chains)
  local d, found = model:width "z", { logp = {}, se = {}, ess = {} }
  local feed = { name = "logjoint", feed = "z", values = fresh, samples = fresh:cols() // d }
  local joint = model:map(common.with(request, feed))
  local checked = fresh:cols() // d // chains >= 4
  if checked then found.ess_chains, found.rhat = {}, {} end
  for i = 1, request.count do
    local points, row = draws_of(fresh, i, d), joint:row(i)
    local logw = common.difference(log_density(fit, i, d, chains, points), row)
    local value, _, ess = stats.log_mean_exp(logw)
    found.logp[i], found.se[i], found.ess[i] = -value, error_over_chains(logw, chains), ess
    if checked then found.rhat[i], found.ess_chains[i] = mixing(row, points, chains) end
  end
  return found
end

--- appendix_d.record_mixing(recorder, name, found): records the mean of found.ess_chains as NAME_ess_chains, and the share
-- of examples whose chains have stayed apart (R-hat above 1.1) as NAME_unmixed, of NAME_unmixed_n.
function appendix_d.record_mixing(recorder, name, found)
  if not found.rhat then return end
  local unmixed = 0
  for _, r in ipairs(found.rhat) do unmixed = unmixed + (r > appendix_d.MIXED and 1 or 0) end
  recorder:metric(name .. "_ess_chains", (common.mean(found.ess_chains)))
  recorder:metric(name .. "_unmixed", unmixed / #found.rhat)
  recorder:metric(name .. "_unmixed_n", #found.rhat)
end

return appendix_d
