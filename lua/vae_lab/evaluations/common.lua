-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/common.lua: what evaluations share: examples, labels, and what a model has.

local common = {}

--- common.count(data, split, wanted) → how many examples to use: `wanted`, 0 for all; never more than there are.
function common.count(data, split, wanted)
  local there = data:count(split)
  return wanted == 0 and there or math.min(wanted, there)
end

--- common.has(model, name) → whether the model has a node of that name.
function common.has(model, name) return (model:width(name) or 0) > 0 end

--- common.labels(data, split, count) → the first labels, or nil where the data has none.
function common.labels(data, split, count)
  if data:classes() == 0 then return nil end
  local labels = {}
  for i = 1, count do labels[i] = data:label(split, i) end
  return labels
end

--- common.codes(model, ask) → mu, sigma (n, d) of the examples that `ask` names (model:map's data, split, first, count, seed): of
-- q(z|x), or of the code z itself where there is no q: a point, of standard deviation 0.
function common.codes(model, ask)
  local function map(name)
    ask.name = name
    return model:map(ask)
  end
  if common.has(model, "q.mu") and common.has(model, "q.sigma") then return map "q.mu", map "q.sigma" end
  local z = map "z"
  return z, require("vae_lab.native.array").new(z:rows(), z:cols())
end

--- common.keep(recorder, data, mu, sigma, count): the posteriors of the first `count` test examples go to the database.
function common.keep(recorder, data, mu, sigma, count)
  if count == 0 then return end
  local kept, labels = common.first(count), common.labels(data, "test", count)
  if not labels then
    labels = {}
    for i = 1, count do labels[i] = -1 end
  end
  recorder:posteriors(kept, labels, mu:rows_of(kept), sigma:rows_of(kept))
end

--- common.mean(list) → its mean and the standard error of that.
function common.mean(list)
  local n, sum, squares = #list, 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / n
  for _, v in ipairs(list) do squares = squares + (v - mean) ^ 2 end
  return mean, math.sqrt(squares / (n - 1) / n)
end

--- common.with(t, more) → a copy of t with more in it.
function common.with(t, more)
  local out = {}
  for key, value in pairs(t) do out[key] = value end
  for key, value in pairs(more) do out[key] = value end
  return out
end

--- common.first(n) → { 1, …, n }.
function common.first(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

return common
