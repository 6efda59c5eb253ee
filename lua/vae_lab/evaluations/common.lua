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
