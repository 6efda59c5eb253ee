-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/starts.lua: where Markov chains of the true posterior p(z|x) start.
--
-- A chain of Hamiltonian Monte Carlo does not leave the mode that it starts in.  So chains must be spread over the modes in
-- proportion to the probability of each, and modes must be found first:
--   1. a pool of draws of the prior and, wider than it is, of q(z|x);
--   2. scouts: the best of each group of the pool, from where short chains move into the modes around them;
--   3. draws of a mixture of Gaussians, one around each scout's chain, join the pool;
--   4. all draws are weighted by p(x, z) over the density that they were drawn from, and resampled.
-- Without the scouts a mode that is narrower than the distances of the pool's draws is missed.

local array = require "vae_lab.native.array"
local common = require "vae_lab.evaluations.common"
local stats = require "vae_lab.native.stats"

local starts = {}

local PART = 500 -- draws of one pass
local WIDER = 2  -- times its standard deviation is a Gaussian that draws are proposed from: encoders are too sure
local SCOUTED = 10     -- draws of a scout's chain
local NARROWEST = 1e-4 -- standard deviation, of a scout's chain that did not move

-- Of each point of a part (count, PART * d): log q, a Gaussian.
local function log_gaussian(part, mu, sigma, i, s)
  local d, sum = mu:cols(), 0
  for j = 1, d do
    local scale = WIDER * sigma:get(i, j)
    sum = sum - 0.5 * ((part:get(i, (s - 1) * d + j) - mu:get(i, j)) / scale) ^ 2 - math.log(scale)
  end
  return sum - 0.5 * d * math.log(2 * math.pi)
end

-- log (e^a / 2 + e^b / 2)
local function log_half_each(a, b)
  local most = math.max(a, b)
  return most + math.log(0.5 * math.exp(a - most) + 0.5 * math.exp(b - most))
end

-- The pool, part for part: draws of the prior, and every second time of q where the model has one.
local function draw_part(model, request, q, step, stream)
  local drawn = common.prior_draws(model, request.count, PART, request.seed, stream .. "/" .. step, request)
  if not q or step % 2 == 0 then return drawn end
  local d = q.mu:cols()
  drawn = stats.normal(request.count, PART * d, request.seed, stream .. "/q/" .. step)
  for i = 1, request.count do
    for at = 1, PART * d do
      local j = (at - 1) % d + 1
      drawn:set(i, at, q.mu:get(i, j) + WIDER * q.sigma:get(i, j) * drawn:get(i, at))
    end
  end
  return drawn
end

-- log p(x, z), and the log density of the pool, of each draw of a part: lists of lists.
local function evaluate_part(model, request, part, q)
  local function map(name)
    return model:map(common.with(request, { name = name, feed = "z", values = part, samples = PART }))
  end
  local joint, loglik, out = map "logjoint", map "loglik", { z = part, joint = {}, pool = {} }
  for i = 1, request.count do
    local density, log_p = {}, joint:row(i)
    for s, v in ipairs(loglik:row(i)) do
      density[s] = log_p[s] - v -- log p(z)
      if q then density[s] = log_half_each(density[s], log_gaussian(part, q.mu, q.sigma, i, s)) end
    end
    out.joint[i], out.pool[i] = log_p, density
  end
  return out
end

-- ---- scouts ---------------------------------------------------------------------------------------------------------

-- The best draw of each of `scouts` groups of the pool, which deal its draws out in turn: (count, scouts * d).
local function best_of_groups(parts, count, d, scouts)
  local out = array.new(count, scouts * d)
  for i = 1, count do
    local best, at = {}, 0
    for _, part in ipairs(parts) do
      for s, v in ipairs(part.joint[i]) do
        local g = at % scouts + 1
        at = at + 1
        if not best[g] or v > best[g].joint then best[g] = { joint = v, part = part, s = s } end
      end
    end
    for g, b in ipairs(best) do
      for j = 1, d do out:set(i, (g - 1) * d + j, b.part.z:get(i, (b.s - 1) * d + j)) end
    end
  end
  return out
end

-- Means and standard deviations of the scouts' chains, (count, scouts * d) each.
local function scout(model, request, parts, d, scouts)
  local z = model:hmc(common.with(request, {
    start = best_of_groups(parts, request.count, d, scouts), samples = scouts, draws = SCOUTED, warm_up = 2 * SCOUTED,
  }))
  local mean, sd = array.new(request.count, scouts * d), array.new(request.count, scouts * d)
  for i = 1, request.count do
    local row = z:row(i)
    for at = 1, scouts * d do
      local numbers, first = {}, (at - 1) // d * SCOUTED * d + (at - 1) % d + 1
      for s = 1, SCOUTED do numbers[s] = row[first + (s - 1) * d] end
      local m, se = common.mean(numbers)
      mean:set(i, at, m)
      sd:set(i, at, WIDER * math.max(se * math.sqrt(SCOUTED), NARROWEST))
    end
  end
  return { mean = mean, sd = sd, count = scouts }
end

-- PART draws of the mixture: in turn of each Gaussian.
local function draw_mixture(mixture, count, d, seed, stream)
  local drawn = stats.normal(count, PART * d, seed, stream .. "/scouts")
  for i = 1, count do
    for at = 1, PART * d do
      local own = (at - 1) // d % mixture.count * d + (at - 1) % d + 1
      drawn:set(i, at, mixture.mean:get(i, own) + mixture.sd:get(i, own) * drawn:get(i, at))
    end
  end
  return drawn
end

-- The log density of example i's mixture at all draws of a part.
local function log_mixture(mixture, part, i, d)
  local z, mean, sd, out = part.z:row(i), mixture.mean:row(i), mixture.sd:row(i), {}
  local constant = {}
  for k = 1, mixture.count do
    local sum = -0.5 * d * math.log(2 * math.pi) - math.log(mixture.count)
    for j = 1, d do sum = sum - math.log(sd[(k - 1) * d + j]) end
    constant[k] = sum
  end
  for s = 1, PART do
    local terms = {}
    for k = 1, mixture.count do
      local sum = constant[k]
      for j = 1, d do
        local at = (k - 1) * d + j
        sum = sum - 0.5 * ((z[(s - 1) * d + j] - mean[at]) / sd[at]) ^ 2
      end
      terms[k] = sum
    end
    out[s] = (stats.log_mean_exp(terms)) + math.log(mixture.count)
  end
  return out
end

-- log of p(x, z) over the density of all draws, of each draw of a part: share of them are of the mixture.
local function log_weights(part, mixture, i, d, share)
  local list, of_mixture = {}, log_mixture(mixture, part, i, d)
  for s, v in ipairs(of_mixture) do
    local pool, own = part.pool[i][s] + math.log(1 - share), v + math.log(share)
    list[s] = part.joint[i][s] - log_half_each(pool, own)
  end
  return list
end

-- Systematic resampling: `chains` draws at equal distances of the cumulated weights, from u in [0, 1).  weights, a list of
-- lists; returns { { list, position }, … }.
local function resample(logw, chains, u)
  local most, total = -math.huge, 0
  for _, list in ipairs(logw) do
    for _, w in ipairs(list) do most = math.max(most, w) end
  end
  for _, list in ipairs(logw) do
    for _, w in ipairs(list) do total = total + math.exp(w - most) end
  end
  local chosen, sum = {}, 0
  for k, list in ipairs(logw) do
    for s, w in ipairs(list) do
      sum = sum + math.exp(w - most)
      while #chosen < chains and (#chosen + u) / chains * total < sum do chosen[#chosen + 1] = { k, s } end
    end
  end
  while #chosen < chains do chosen[#chosen + 1] = chosen[#chosen] end
  return chosen
end

-- The pool and the mixture around the modes that `scouts` scouts find from there: parts, mixture.
local function explore(model, request, scouts, tries, stream, q)
  local parts = {}
  for step = 0, math.max(q and 1 or 0, (tries - 1) // PART) do
    parts[#parts + 1] = evaluate_part(model, request, draw_part(model, request, q, step, stream), q)
  end
  return parts, scout(model, request, parts, model:width "z", scouts)
end

--- starts.resampled(model, request, chains, tries, stream, without_q) → array (count, chains * d): starts of `chains`
-- Markov chains of p(z|x) for each requested example: `tries` draws of the prior and, where the model has a Gaussian
-- q(z|x), in turn of that at twice its width, and 500 around the modes that `chains` scouts find from there; resampled by
-- importance.  Draws come in passes of 500.  stream: another name gives other draws.  without_q: of the prior alone.
function starts.resampled(model, request, chains, tries, stream, without_q)
  local d, q = model:width "z", nil
  if not without_q and model:width "q.mu" == d and model:width "q.sigma" == d then
    q = { mu = model:map(common.with(request, { name = "q.mu" })),
      sigma = model:map(common.with(request, { name = "q.sigma" })) }
  end
  local parts, mixture = explore(model, request, chains, tries, stream, q)
  local drawn = draw_mixture(mixture, request.count, d, request.seed, stream)
  parts[#parts + 1] = evaluate_part(model, request, drawn, q)
  local out, u = array.new(request.count, chains * d), stats.uniform(request.count, 1, request.seed, stream .. "/choice")
  for i = 1, request.count do
    local lists = {}
    for k, part in ipairs(parts) do lists[k] = log_weights(part, mixture, i, d, 1 / #parts) end
    for chain, at in ipairs(resample(lists, chains, u:get(i, 1))) do
      for j = 1, d do out:set(i, (chain - 1) * d + j, parts[at[1]].z:get(i, (at[2] - 1) * d + j)) end
    end
  end
  return out
end

--- starts.lower_bound(model, request, scouts, tries, passes, stream) → { logp =, ess = }, lists of a number for each
-- requested example: log p(x) by importance sampling, in expectation a lower bound, with 1,000 fresh draws a pass: half of
-- them of the prior, half around the modes that the scouts find from `tries` draws of the prior.  ess: (Σw)² / Σw² of the
-- weights; where it is near 1, one draw alone is the estimate.
function starts.lower_bound(model, request, scouts, tries, passes, stream)
  local d = model:width "z"
  local _, mixture = explore(model, request, scouts, tries, stream, nil)
  local logw, found = {}, { logp = {}, ess = {} }
  for i = 1, request.count do logw[i] = {} end
  for pass = 1, passes do
    local fresh = stream .. "/fresh/" .. pass
    for _, drawn in ipairs { draw_part(model, request, nil, pass, fresh),
      draw_mixture(mixture, request.count, d, request.seed, fresh) } do
      local part = evaluate_part(model, request, drawn, nil)
      for i = 1, request.count do
        for _, v in ipairs(log_weights(part, mixture, i, d, 0.5)) do table.insert(logw[i], v - math.log(2)) end
      end
    end
  end
  for i = 1, request.count do found.logp[i], _, found.ess[i] = stats.log_mean_exp(logw[i]) end
  return found
end

return starts
