-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/gradients.lua: estimators of one gradient, side by side: how far each scatters, how much of it is signal, and
-- whether all mean the same.
--
-- The repeats are halved, and what one half's mean says is asked of the other half's repeats.  So no noise is squared: an inner
-- product of two independent means has the true one for its mean, and a direction that was not chosen by the draws that are tested
-- along it makes Student's t what it is, however the parameters' gradients depend on each other.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local gradients = {
  rules = {
    examples = { type = "integer", min = 1, default = 20 }, repeats = { type = "integer", min = 4, default = 1000 },
    draws = { type = "list", default = { 1, 5, 50 } }, parameters = { type = "string", default = "encoder" },
    reference = { type = "string", default = "pathwise" }, seed = { type = "integer", min = 0, default = 1 },
  },
}

local PUBLIC = "surrogate." -- NAME: what build.lua calls the model's surrogates

-- The estimators among some public names, sorted.
local function estimators_of(names)
  local list = {}
  for _, name in ipairs(names) do
    if name:sub(1, #PUBLIC) == PUBLIC then list[#list + 1] = name:sub(#PUBLIC + 1) end
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

function gradients.fits(widths, _, o, params)
  local names = estimators_of(check.sorted_keys(widths))
  if #names == 0 then
    check.fail {
      what = "lab.eval.gradients needs estimators, and the model gives none",
      expected = "surrogates = function () return { pathwise = … } end among what the model returns",
      hint = "lab.surrogates.all(logw, q, z) gives the usual ones",
    }
  end
  check.one_of("reference of lab.eval.gradients:", o.reference, names)
  for _, name in ipairs(params) do
    if name:sub(1, #o.parameters) == o.parameters then return end
  end
  check.unknown("parameters of lab.eval.gradients:", o.parameters, networks_of(params))
end

-- ---- one number of draws ---------------------------------------------------------------------------------------------------

-- Both halves of the repeats of each estimator: { variance = summed over the parameters, along = list: of each estimator in turn the
-- inner products of its first half's mean with the second half's gradients }.
local function measure(model, ask, names, o)
  local array = require "vae_lab.native.array"
  local half, means, found = o.repeats // 2, {}, {}
  local function gradient(name, more) return model:gradient(common.with(ask, common.with({ name = PUBLIC .. name, of = o.parameters }, more))) end
  local function total(variance)
    local sum = 0
    for _, v in ipairs(variance:row(1)) do sum = sum + v end
    return sum
  end
  for i, name in ipairs(names) do
    local mean, variance = gradient(name, { repeats = half })
    means[i], found[i] = mean:row(1), { variance = total(variance) / 2, along = {} }
  end
  local onto = array.from(means)
  for i, name in ipairs(names) do
    local _, variance, along = gradient(name, { repeats = half, skip = half, onto = onto })
    found[i].variance = found[i].variance + total(variance) / 2
    for j in ipairs(names) do found[i].along[j] = along:column(j) end
  end
  return found
end

local function norm(square) return math.sqrt(math.max(0, square)) end

-- What estimator i's second half lies from estimator r's, along what its first half did: the squared distance of their means, and t.
-- Both had the same noise: the differences are paired.
local function distance(found, i, r)
  local list = {}
  for n = 1, #found[i].along[i] do
    list[n] = (found[i].along[i][n] - found[i].along[r][n]) - (found[r].along[i][n] - found[r].along[r][n])
  end
  local mean, se = common.mean(list)
  return mean, se > 0 and mean / se or 0
end

--- lab.eval.gradients { examples = 20, repeats = 1000, draws = { 1, 5, 50 }, parameters = "encoder", reference = "pathwise", seed = 1 }: the
-- gradients whose nodes the model gives as surrogates = function () return { NAME = node } end (lab.surrogates), with respect to the
-- parameters whose names begin with `parameters`: of the mean over the first test examples, one minibatch that stays, over `repeats` fresh
-- noises, which are other ones for each seed of the run too.  With K draws for each example, K of `draws`:
--   gradient/NAME_K_variance   the estimator's variance, summed over the parameters, nats²
--   gradient/NAME_K_norm       length of its mean, nats; 0 where its square's estimate, which has no bias, is negative
--   gradient/NAME_K_snr        signal by noise: norm / sqrt(variance), of all parameters together.  Rainforth et al. 2018
--                              (arXiv 1802.04537) take |mean| / sd of each, whose estimate cannot fall below 0.8 / sqrt(repeats)
--   gradient/NAME_K_bias       distance of its mean from the reference's, by the reference's norm; estimated so too: where t is small
--                              it says nothing
--   gradient/NAME_K_bias_t     the same in standard errors: Student's t with repeats / 2 - 1 degrees of freedom where both means are
--                              one; above 3 the estimator is biased
function gradients.run(o)
  for i, k in ipairs(o.draws) do
    check.value("entry " .. i .. " of draws of lab.eval.gradients", k, { type = "integer", min = 1 })
  end
  return function(model, data, recorder)
    local names, reference = estimators_of(model:names()), nil
    for i, name in ipairs(names) do reference = name == o.reference and i or reference end
    local ask = { data = data, split = "test", first = 1, count = common.count(data, "test", o.examples), seed = o.seed + recorder:seed() }
    for _, k in ipairs(o.draws) do
      local found = measure(model, common.with(ask, { samples = k }), names, o)
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
        end
      end
    end
  end
end

return gradients
