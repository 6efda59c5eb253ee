-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- claims.lua: lab.claim { … }: a number that the runs of an experiment should show, and the verdict on it.
--
-- Promise: a claim is evaluated from results.db alone, over the seeds of its runs.  A claim that cannot be evaluated is
-- OPEN, never PASS.

local check = require "vae_lab.check"
local merged = require("vae_lab.tables").merged
local stats = require "vae_lab.native.stats"

local claims = {}

local Claim = { kind = "claim" }
Claim.__index = Claim

-- ---- claims ---------------------------------------------------------------------------------------------------------

local rules = {
  [1] = { type = "string" },
  metric = { type = "string" }, value = { type = "function" }, quantity = { type = "string" },
  where = { type = "table", default = {} }, minus = { type = "table" }, divided_by = { type = "table" },
  increases_with = { type = "string" }, decreases_with = { type = "string" },
  at_least = { type = "number" }, at_most = { type = "number" }, near = { type = "number" },
  within = { type = "number", above = 0 },
  criterion = { type = "string", one_of = { "interval", "mean" } },
  source = { type = "string" }, data = { type = "string" }, profile = { type = "string|list" },
}

-- → which of these options is given; at most one may be.
local function at_most_one(o, ...)
  local given = {}
  for _, key in ipairs { ... } do
    if o[key] ~= nil then given[#given + 1] = key end
  end
  if #given > 1 then
    check.fail {
      what = "a claim has options that exclude each other", found = table.concat(given, ", "),
      expected = "at most one of " .. table.concat({ ... }, ", "),
    }
  end
  return given[1]
end

local function check_number(o)
  if not at_most_one(o, "metric", "value") then
    check.fail { what = "a claim needs a number",
      expected = 'metric = "test/kl", or value = function (m) … end with quantity = "…"' }
  end
  if o.value and not o.quantity then
    check.fail { what = "the value of a claim needs a name", expected = 'quantity = "ELBO - log likelihood"' }
  end
end

-- → the band { low, high }; nil: unbounded.
local function band_of(o)
  if o.near then
    if not o.within or o.at_least or o.at_most then
      check.fail { what = "near needs within, without at_least or at_most", expected = "near = 86.76, within = 0.5" }
    end
    return o.near - o.within, o.near + o.within
  end
  if o.within then check.fail { what = "within needs near", expected = "near = 86.76, within = 0.5" } end
  local low, high = o.at_least, o.at_most
  if low == nil and high == nil then
    if o.increases_with then return 0, nil end
    if o.decreases_with then return nil, 0 end
    check.fail { what = "a claim needs a band", expected = "at_least =, at_most =, or near = with within =" }
  end
  if low and high and low > high then
    check.fail { what = "the band of a claim is empty", found = check.number(low) .. " to " .. check.number(high) }
  end
  return low, high
end

-- "beta=0, latent=2"
local function settings_text(settings)
  local parts = {}
  for i, key in ipairs(check.sorted_keys(settings)) do parts[i] = key .. "=" .. check.text(settings[key]) end
  return table.concat(parts, ", ")
end

local function quantity_of(o)
  local text, where = o.quantity or o.metric, settings_text(o.where)
  if where ~= "" then text = text .. ", " .. where end
  if o.minus then return text .. " minus " .. settings_text(o.minus) end
  if o.divided_by then return text .. " divided by " .. settings_text(o.divided_by) end
  if o.increases_with then return "smallest step of " .. text .. " as " .. o.increases_with .. " grows" end
  if o.decreases_with then return "largest step of " .. text .. " as " .. o.decreases_with .. " grows" end
  return text
end

--- lab.claim { "the KL term …", metric = "test/kl", where = { beta = 0 }, divided_by = { beta = 1 }, at_least = 5,
-- source = "…" }: a number that the finished runs of a sweep should show, a band for it, and its source.
--   metric      a recorded metric, its last value; or value = function (m) … end of all metrics of a run
--               (m["test/elbo"] …), with quantity = its name; nats per example where the metrics are
--   where       settings that select the runs: { beta = 0 }; runs that differ in their seed remain
--   minus, divided_by   settings of other runs: the difference from them, or the ratio to them, seed by seed
--   increases_with, decreases_with   a setting: for each seed the smallest (largest) step of the metric from one value
--                                    of the setting to the next larger one; without a band it is at least (at most) 0
--   at_least, at_most; or near = 86.76, within = 0.5   the band
--   criterion   "interval": the 95 % interval over the seeds (Student's t) lies in the band; the default for
--               comparisons. "mean": the mean lies in the band; the default otherwise, and always with one seed
--   source      the paper and its table
--   data, profile   the claim applies to this data set, to this profile (or a list of them) only
-- `vae-lab run` prints PASS or FAIL for each claim with the measured number, and records it (view claims).
function claims.claim(options)
  local o = check.options("lab.claim", options, rules)
  if not o[1] then
    check.fail { what = "a claim needs a text", expected = 'lab.claim { "the KL term costs reconstruction", … }' }
  end
  check_number(o)
  local comparison = at_most_one(o, "minus", "divided_by", "increases_with", "decreases_with")
  o.low, o.high = band_of(o)
  o.text, o.quantity = o[1], quantity_of(o)
  o.criterion = o.criterion or (comparison and "interval" or "mean")
  return setmetatable(o, Claim)
end

--- claims.is(v) → whether v is what lab.claim returns.
function claims.is(v) return getmetatable(v) == Claim end

-- ---- numbers of the runs --------------------------------------------------------------------------------------------

local function matches(run, settings)
  for key, value in pairs(settings) do
    local own = run.params[key]
    if own ~= value and tostring(own) ~= tostring(value) then return false end
  end
  return true
end

-- { [seed] = number } of the runs with these settings, and their configuration; or nil and the reason.
local function by_seed(claim, runs, settings, number)
  local found, label, configuration = {}, nil, nil
  for _, run in ipairs(runs) do
    if matches(run, settings) then
      if label and label ~= run.label then return nil, "several configurations match " .. settings_text(settings) end
      label, configuration = run.label, run.configuration
      local value, missing = number(claim, run)
      if value == nil then
        return nil, "run " .. run.id .. " has no " .. missing .. (run.problem and ": " .. run.problem or "")
      end
      found[run.seed] = value
    end
  end
  if not label then return nil, "no finished run" .. (next(settings) and " with " .. settings_text(settings) or "") end
  return found, configuration
end

-- { [seed] = number } → the numbers, in the order of their seeds as texts.
local function in_seed_order(found)
  local seeds, list = {}, {}
  for seed in pairs(found) do seeds[#seeds + 1] = seed end
  table.sort(seeds, function(a, b) return tostring(a) < tostring(b) end)
  for i, seed in ipairs(seeds) do list[i] = found[seed] end
  return list
end

-- → one number a seed, and the configuration that they are of, nil for a comparison; or nil and the reason.
local function compared(claim, runs, number)
  local found, configuration = by_seed(claim, runs, claim.where, number)
  if not found then return nil, configuration end
  local other = claim.minus or claim.divided_by
  if not other then return in_seed_order(found), configuration end
  local others, reason = by_seed(claim, runs, other, number)
  if not others then return nil, reason end
  local both = {}
  for seed, v in pairs(found) do
    if others[seed] then both[seed] = claim.minus and v - others[seed] or v / others[seed] end
  end
  if not next(both) then return nil, "the compared runs have no seed in common" end
  return in_seed_order(both)
end

-- → for each seed the smallest step (largest, for decreases_with) from one value of the setting to the next; or nil and
-- the reason.
local function steps(claim, runs, number)
  local key, values, seen = claim.increases_with or claim.decreases_with, {}, {}
  for _, run in ipairs(runs) do
    local value = run.params[key]
    if matches(run, claim.where) and type(value) == "number" and not seen[value] then
      seen[value] = true
      values[#values + 1] = value
    end
  end
  if #values < 2 then return nil, "the runs have fewer than two numbers for " .. key end
  table.sort(values)
  local previous, step, worst = nil, {}, claim.increases_with and math.min or math.max
  for _, value in ipairs(values) do
    local found, reason = by_seed(claim, runs, merged(claim.where, { [key] = value }), number)
    if not found then return nil, reason end
    for seed, v in pairs(previous or {}) do
      local d = found[seed] and found[seed] - v
      if d then step[seed] = step[seed] and worst(step[seed], d) or d end
    end
    previous = found
  end
  return in_seed_order(step)
end

-- ---- the verdict ----------------------------------------------------------------------------------------------------

local function inside(claim, low, high)
  return (claim.low == nil or low >= claim.low) and (claim.high == nil or high <= claim.high)
end

local function verdict_of(claim, list)
  local interval = stats.interval(list)
  local row = { seeds = #list, value = interval.mean }
  if #list > 1 then row.ci_low, row.ci_high = interval.low, interval.high end
  local by_interval = claim.criterion == "interval" and #list > 1
  local good = inside(claim, by_interval and row.ci_low or row.value, by_interval and row.ci_high or row.value)
  row.verdict = good and "PASS" or "FAIL"
  if #list == 1 then
    row.note = "one seed: no interval"
  elseif #list == 2 then
    row.note = "two seeds: the interval is unreliable"
  elseif good and not by_interval and not inside(claim, row.ci_low, row.ci_high) then
    row.note = "the interval extends beyond the band"
  elseif not good and inside(claim, row.value, row.value) then
    row.note = "the mean is in the band, the interval is not"
  end
  return row
end

local function one_of(value, list)
  for _, v in ipairs(type(list) == "table" and list or { list }) do
    if v == value then return true end
  end
  return false
end

-- Whether the claim applies to the data and the profile of these runs.
local function applies(claim, runs)
  for _, run in ipairs(runs) do
    if claim.data and run.params.data ~= claim.data then return false end
    if claim.profile and not one_of(run.params.profile, claim.profile) then return false end
  end
  return true
end

-- The claim's number of a run with metrics m; or nil and what is missing.
local function number_of(claim, m)
  if claim.metric then return m[claim.metric], claim.metric end
  local missing
  local value = claim.value(setmetatable({}, {
    __index = function(_, name)
      if m[name] == nil then missing = name end
      return m[name] or 0 / 0
    end,
  }))
  if missing or type(value) ~= "number" or value ~= value then return nil, missing or "finite " .. claim.quantity end
  return value
end

--- claims.evaluate(list, runs, values) → a list of { claim =, quantity =, source =, low =, high =, seeds =, value =,
-- ci_low =, ci_high =, verdict = "PASS" | "FAIL" | "OPEN", note =, metric =, configuration = }; metric and
-- configuration where the value is a recorded metric of one configuration.  runs: the finished ones of a sweep, { id =,
-- seed =, label =, configuration =, params =, problem = its failed evaluation or nil }; values(run) → { metric = its
-- last value }.
function claims.evaluate(list, runs, values)
  local known, rows, problem = {}, {}, nil
  local function number(claim, run)
    known[run.id] = known[run.id] or values(run)
    problem = problem or run.problem and "run " .. run.id .. ": " .. run.problem
    return number_of(claim, known[run.id])
  end
  for _, claim in ipairs(list) do
    if applies(claim, runs) then
      problem = nil
      local found, more = ((claim.increases_with or claim.decreases_with) and steps or compared)(claim, runs, number)
      local row = found and verdict_of(claim, found) or { seeds = 0, verdict = "OPEN", note = more }
      if found and problem then row.note = (row.note and row.note .. "; " or "") .. problem end
      if found and more and claim.metric then row.metric, row.configuration = claim.metric, more end
      row.claim, row.quantity, row.source = claim.text, claim.quantity, claim.source
      row.low, row.high = claim.low, claim.high
      rows[#rows + 1] = row
    end
  end
  return rows
end

return claims
