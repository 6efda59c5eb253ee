-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/starts.lua: where Markov chains of the true posterior p(z|x) start.
--
-- A chain of Hamiltonian Monte Carlo does not leave the mode that it starts in.  Draws of q(z|x) know the modes that the
-- encoder knows, draws of the prior all modes that are not too narrow: a pool of both is weighted by p(x, z) over its
-- own density, and resampled.  So the chains are spread over the modes in proportion to the probability of each, as far
-- as the pool knows it.

local array = require "vae_lab.native.array"
local common = require "vae_lab.evaluations.common"
local stats = require "vae_lab.native.stats"

local starts = {}

local PART = 500 -- draws of one pass
local WIDER = 2  -- the pool's draws of q have this many of its standard deviations: encoders are too sure of themselves

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

-- log of p(x, z) over the pool's density, of each draw of a part: a list of lists.
local function log_weights(model, request, part, q)
  local function map(name)
    return model:map(common.with(request, { name = name, feed = "z", values = part, samples = PART }))
  end
  local loglik, out = map "loglik", {}
  local joint = q and map "logjoint"
  for i = 1, request.count do
    local list = loglik:row(i)
    for s = 1, q and PART or 0 do -- log p(z) = joint - loglik
      local j = joint:get(i, s)
      list[s] = j - log_half_each(j - list[s], log_gaussian(part, q.mu, q.sigma, i, s))
    end
    out[i] = list
  end
  return out
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

--- starts.resampled(model, request, chains, tries, stream, without_q) → array (count, chains * d): starts of `chains`
-- Markov chains of p(z|x) for each requested example: draws of the prior and, where the model has a Gaussian q(z|x), as
-- many of that at twice its width; `tries` in all, in passes of 500; resampled by importance.  stream: another name gives
-- other draws.  without_q: of the prior alone.
function starts.resampled(model, request, chains, tries, stream, without_q)
  local d, parts, logw, q = model:width "z", {}, {}, nil
  if not without_q and model:width "q.mu" == d and model:width "q.sigma" == d then
    q = { mu = model:map(common.with(request, { name = "q.mu" })),
      sigma = model:map(common.with(request, { name = "q.sigma" })) }
  end
  for step = 0, math.max(q and 1 or 0, (tries - 1) // PART) do
    parts[#parts + 1] = draw_part(model, request, q, step, stream)
    logw[#logw + 1] = log_weights(model, request, parts[#parts], q)
  end
  local out, u = array.new(request.count, chains * d), stats.uniform(request.count, 1, request.seed, stream .. "/choice")
  for i = 1, request.count do
    local lists = {}
    for k, w in ipairs(logw) do lists[k] = w[i] end
    for chain, at in ipairs(resample(lists, chains, u:get(i, 1))) do
      for j = 1, d do out:set(i, (chain - 1) * d + j, parts[at[1]]:get(i, (at[2] - 1) * d + j)) end
    end
  end
  return out
end

return starts
