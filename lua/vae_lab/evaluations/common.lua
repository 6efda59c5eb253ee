-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/common.lua: what several evaluations need: option rules, requests, codes, labels, means.

local array = require "vae_lab.native.array"
local check = require "vae_lab.check"
local stats = require "vae_lab.native.stats"

local common = {}

--- common.whole(least, default) → the rule of an option that is a whole number, at least `least`; no default: the
-- option is required.
function common.whole(least, default)
  return { type = "integer", min = least, default = default, required = default == nil }
end

--- common.count(data, split, wanted) → how many examples to use: `wanted`, 0 for all, at most as many as the split has.
function common.count(data, split, wanted)
  local available = data:count(split)
  return wanted == 0 and available or math.min(wanted, available)
end

--- common.request(data, split, o) → { data, split, first = 1, count, seed }: the first o.examples examples of a split,
-- as model:map and the other methods of a model take them.
function common.request(data, split, o)
  return { data = data, split = split, first = 1, count = common.count(data, split, o.examples), seed = o.seed }
end

-- A model whose prior is known and cannot be drawn: one of an older version of this program, or a table without sample.
local function check_standard(model)
  for _, name in ipairs(model:names()) do
    if name:match "^prior%." then
      check.fail {
        what = "the prior of this model cannot be sampled", found = name .. " in its graph, and no prior.z",
        hint = "a model with a prior of its own that an older version trained: train it again",
      }
    end
  end
end

--- common.prior_draws(model, rows, draws, seed, stream, given) → draws z of the model's own prior p(z), independent of
-- each other: an array (rows, draws * width of z).  stream: a name; other names give other draws.  given: data, split and
-- first of the examples that the rows belong to, for a prior p(z|y); other priors need none.
function common.prior_draws(model, rows, draws, seed, stream, given)
  if not common.has(model, "prior.z") then
    check_standard(model)
    return stats.normal(rows, draws * model:width "z", seed, stream)
  end
  given = given or {}
  return model:map {
    name = "prior.z", count = rows, samples = draws, seed = stats.derived_seed(seed, stream),
    data = given.data, split = given.split, first = given.first,
  }
end

--- common.has(model, name) → whether the model has a node of that name.
function common.has(model, name) return (model:width(name) or 0) > 0 end

--- common.labels(data, split, count) → the first labels; nil where the data have none.
function common.labels(data, split, count)
  if data:classes() == 0 then return nil end
  local labels = {}
  for i = 1, count do labels[i] = data:label(split, i) end
  return labels
end

--- common.codes(model, request) → mu, sigma (n, d) of the requested examples: the parameters of q(z|x), or without q
-- the code z itself, with sigma = 0.
function common.codes(model, request)
  local function map(name) return model:map(common.with(request, { name = name })) end
  if common.has(model, "q.mu") and common.has(model, "q.sigma") then return map "q.mu", map "q.sigma" end
  local z = map "z"
  return z, array.new(z:rows(), z:cols())
end

--- common.labels_or_none(data, count) → the labels of the first `count` test examples; -1 where the data have none.
function common.labels_or_none(data, count)
  local labels = common.labels(data, "test", count) or {}
  for i = 1, count do labels[i] = labels[i] or -1 end
  return labels
end

--- common.record_posteriors(recorder, data, mu, sigma, count): records q(z|x) of the first `count` test examples; label
-- -1: none.
function common.record_posteriors(recorder, data, mu, sigma, count)
  if count == 0 then return end
  local rows = common.first(count)
  recorder:posteriors(rows, common.labels_or_none(data, count), mu:rows_of(rows), sigma:rows_of(rows))
end

--- common.mean(list) → the mean, and its standard error.
function common.mean(list)
  local n, sum, squares = #list, 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / n
  for _, v in ipairs(list) do squares = squares + (v - mean) ^ 2 end
  return mean, math.sqrt(squares / (n - 1) / n)
end

--- common.record_mean(recorder, name, list): records the mean as NAME, and its standard error as NAME_se; one number has
-- none.
function common.record_mean(recorder, name, list)
  local mean, se = common.mean(list)
  recorder:metric(name, mean)
  if #list > 1 then recorder:metric(name .. "_se", se) end
end

--- common.record_share(recorder, name, share, trials): records the share as NAME, on the logit scale, and the number of
-- trials that it was counted in as NAME_n, so that its interval is exact where the share is 0 or 1.
function common.record_share(recorder, name, share, trials)
  recorder:metric(name, share, "logit")
  recorder:metric(name .. "_n", trials)
end

--- common.difference(a, b) → { a[i] - b[i] }.
function common.difference(a, b)
  local list = {}
  for i, v in ipairs(a) do list[i] = v - b[i] end
  return list
end

--- common.with(t, more) → a copy of t with the entries of `more`.
common.with = require("vae_lab.tables").merged

--- common.first(n) → { 1, …, n }.
function common.first(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

return common
