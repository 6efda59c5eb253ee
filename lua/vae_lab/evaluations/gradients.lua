-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/gradients.lua: estimators of one gradient compared: variance, signal-to-noise ratio, bias.
--
-- The repeats are split into halves: a direction that is computed from one half is tested with the other.  So no noise
-- is squared (the inner product of two independent means has the true product as its mean), and Student's t is valid
-- however the parameters' gradients depend on each other.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"

local gradients = {
  rules = {
    examples = common.whole(1, 20), repeats = common.whole(4, 1000), draws = { type = "list", default = { 1, 5, 50 } },
    parameters = { type = "string", default = "encoder" }, reference = { type = "string", default = "pathwise" },
    seed = common.whole(0, 1),
  },
}

local PREFIX = "surrogate." -- build.lua names the model's surrogates PREFIX .. NAME

-- The estimators among some public names, sorted.
local function estimators_of(names)
  local list = {}
  for _, name in ipairs(names) do
    if name:sub(1, #PREFIX) == PREFIX then list[#list + 1] = name:sub(#PREFIX + 1) end
  end
  return list
end

-- "encoder.0.W" → "encoder", each once.
local function networks_of(params)
  local list, seen = {}, {}
  for _, name in ipairs(params) do
    local network = name:match("^[^.]*")
    if not seen[network] then list[#list + 1] = network end
    seen[network] = true
  end
  return list
end

function gradients.check(o) check.entries("draws of lab.eval.gradients", o.draws, { type = "integer", min = 1 }) end

function gradients.fits(widths, _, o, params)
  local names = estimators_of(check.sorted_keys(widths))
  if #names == 0 then
    check.fail {
      what = "lab.eval.gradients needs estimators, and the model returns none",
      expected = "surrogates = function () return { pathwise = … } end among what the model returns",
      hint = "lab.surrogates.all(logw, q, z) returns the usual ones",
    }
  end
  check.one_of("reference of lab.eval.gradients:", o.reference, names)
  for _, name in ipairs(params) do
    if name:sub(1, #o.parameters) == o.parameters then return end
  end
  check.unknown("parameters of lab.eval.gradients:", o.parameters, networks_of(params))
end

-- ---- one number of draws --------------------------------------------------------------------------------------------

local function sum(list)
  local total = 0
  for _, v in ipairs(list) do total = total + v end
  return total
end

-- For each estimator { variance = summed over the parameters, mean of both halves; along = list: for each estimator j
-- the inner products of the mean of j's first half with the gradients of this one's second half }.
local function measure(model, request, names, o)
  local half, means, found = o.repeats // 2, {}, {}
  local function gradient(name, more)
    return model:gradient(common.with(request, { name = PREFIX .. name, of = o.parameters, repeats = half }, more))
  end
  for i, name in ipairs(names) do
    local mean, variance = gradient(name, {})
    means[i], found[i] = mean:row(1), { variance = sum(variance:row(1)) / 2, along = {} }
  end
  local onto = array.from(means)
  for i, name in ipairs(names) do
    local _, variance, along = gradient(name, { skip = half, onto = onto })
    found[i].variance = found[i].variance + sum(variance:row(1)) / 2
    for j in ipairs(names) do found[i].along[j] = along:column(j) end
  end
  return found
end

local function norm(square) return math.sqrt(math.max(0, square)) end

-- What multiplies the mean of estimator r in that of estimator i, found by projection: 1 where both have one mean.
-- Halves that share no noise: both inner products are unbiased.
local function multiple(found, i, r) return common.mean(found[i].along[r]) / common.mean(found[r].along[r]) end

-- The squared distance between the means of estimators i and r, and t: their second halves along the difference of
-- their first halves.  Both used the same noise: the differences are paired.
local function distance(found, i, r)
  local list = {}
  for n = 1, #found[i].along[i] do
    list[n] = (found[i].along[i][n] - found[i].along[r][n]) - (found[r].along[i][n] - found[r].along[r][n])
  end
  local mean, se = common.mean(list)
  return mean, se > 0 and mean / se or 0
end

--- lab.eval.gradients { examples = 20, repeats = 1000, draws = { 1, 5, 50 }, parameters = "encoder", reference =
-- "pathwise", seed = 1 }: the gradients of the nodes that the model returns as surrogates = function () return { NAME =
-- node } end (see lab.surrogates), with respect to the parameters whose names begin with `parameters`: of the mean over
-- one fixed minibatch, the first test examples, with `repeats` independent draws of the noise.  With K draws for each
-- example, K in `draws`:
--   gradient/NAME_K_variance   variance of the estimator, summed over the parameters, nats²
--   gradient/NAME_K_norm       length of its mean, nats; 0 where the unbiased estimate of its square is negative
--   gradient/NAME_K_snr        signal-to-noise ratio norm / sqrt(variance) of all parameters together.  Rainforth et
--                              al. 2018 (arXiv 1802.04537) take |mean| / sd of each, whose estimate cannot fall below
--                              0.8 / sqrt(repeats)
--   gradient/NAME_K_bias       distance of its mean from that of `reference`, divided by the norm of the latter;
--                              meaningless where t is small
--   gradient/NAME_K_bias_t     the same in standard errors: Student's t with repeats / 2 - 1 degrees of freedom if the
--                              means are equal; above 3 the estimator is biased.  A small t shows nothing where the
--                              variance is large
--   gradient/NAME_K_multiple   what multiplies the mean of `reference` in its mean, found by projection: 1 without bias
--                              along it
function gradients.run(o, model, data, recorder)
  local names, reference = estimators_of(model:names()), nil
  for i, name in ipairs(names) do reference = name == o.reference and i or reference end
  local request = common.request(data, "test", { examples = o.examples, seed = o.seed })
  for _, k in ipairs(o.draws) do
    local found = measure(model, common.with(request, { samples = k }), names, o)
    local function length(i) return norm((common.mean(found[i].along[i]))) end
    for i, name in ipairs(names) do
      local function record(what, value) recorder:metric(string.format("gradient/%s_%d_%s", name, k, what), value) end
      record("variance", found[i].variance)
      record("norm", length(i))
      record("snr", length(i) / math.sqrt(found[i].variance))
      if i ~= reference then
        local square, t = distance(found, i, reference)
        record("bias", norm(square) / length(reference))
        record("bias_t", t)
        record("multiple", multiple(found, i, reference))
      end
    end
  end
end

return gradients
