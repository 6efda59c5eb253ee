-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- claims.lua: lab.claim { … }: what an experiment says that its runs will show, as a number in a band; and the verdict on it.
--
-- Promise: a claim is judged from results.db alone, over the seeds that its runs have; what cannot be judged is said to be
-- open, never passed.

local check = require "vae_lab.check"

local claims = {}

local Claim = { kind = "claim" }
Claim.__index = Claim

-- ---- what is claimed -------------------------------------------------------------------------------------------------

local rules = {
  [1] = { type = "string" },
  metric = { type = "string" }, value = { type = "function" }, quantity = { type = "string" },
  where = { type = "table", default = {} }, minus = { type = "table" }, divided_by = { type = "table" },
  increases_with = { type = "string" }, decreases_with = { type = "string" },
  at_least = { type = "number" }, at_most = { type = "number" }, near = { type = "number" }, within = { type = "number", above = 0 },
  criterion = { type = "string", one_of = { "interval", "mean" } },
  source = { type = "string" }, data = { type = "string" }, profile = { type = "string|list" },
}

local function one_of_each(o)
  local function exactly(what, expected, ...)
    local given = {}
    for _, key in ipairs { ... } do
      if o[key] ~= nil then given[#given + 1] = key end
    end
    if #given > 1 then check.fail { what = "a claim has two of " .. what, found = table.concat(given, ", "), expected = expected } end
    return given[1]
  end
  if not exactly("metric and value", "one", "metric", "value") then
    check.fail { what = "a claim needs a number", expected = 'metric = "test/kl", or value = function (m) … end with quantity = "…"' }
  end
  if o.value and not o.quantity then
    check.fail { what = "a claim's value needs a name", expected = 'quantity = "ELBO - log likelihood"' }
  end
  exactly("minus, divided_by, increases_with and decreases_with", "at most one: a claim compares in one way", "minus", "divided_by",
    "increases_with", "decreases_with")
end

-- → the band { low, high }; a side that is open is nil.
local function band_of(o)
  if o.near then
    if not o.within or o.at_least or o.at_most then
      check.fail { what = "near needs within, and nothing besides", expected = "near = 86.76, within = 0.5" }
    end
    return o.near - o.within, o.near + o.within
  end
  if o.within then check.fail { what = "within without near", expected = "near = 86.76, within = 0.5" } end
  local low, high = o.at_least, o.at_most
  if low == nil and high == nil then
    if o.increases_with then return 0, nil end
    if o.decreases_with then return nil, 0 end
    check.fail { what = "a claim needs a band", expected = "at_least =, at_most =, or near = with within =" }
  end
  if low and high and low > high then
    check.fail { what = "a claim's band is empty", found = check.number(low) .. " to " .. check.number(high) }
  end
  return low, high
end

-- "beta=0, latent=2"
local function spelled(settings)
  local parts = {}
  for i, key in ipairs(check.sorted_keys(settings)) do
    local value = settings[key]
    parts[i] = key .. "=" .. (type(value) == "number" and check.number(value) or tostring(value))
  end
  return table.concat(parts, ", ")
end

local function quantity_of(o)
  local text = o.quantity or o.metric
  local of = spelled(o.where)
  if o.minus then return text .. ", " .. of .. " minus " .. spelled(o.minus) end
  if o.divided_by then return text .. ", " .. of .. " over " .. spelled(o.divided_by) end
  if of ~= "" then text = text .. ", " .. of end
  if o.increases_with then return "least step of " .. text .. " as " .. o.increases_with .. " grows" end
  if o.decreases_with then return "greatest step of " .. text .. " as " .. o.decreases_with .. " grows" end
  return text
end

--- lab.claim { "the KL term …", metric = "test/kl", of = { beta = 0 }, over = { beta = 1 }, at_least = 5, source = "…" }: a number
-- that the finished runs of a sweep are to show, its band, and where it comes from.
--   metric    a recorded metric, its last value; or value = function (m) … end of all of a run's (m["test/elbo"] …), nats per
--             example where they are, with quantity = its name
--   of        settings that choose the runs: { beta = 0 }; the seeds are what is left
--   minus, over   the same for the runs that they are compared with, seed by seed: the difference, the ratio
--   rises, falls  a setting: the least (greatest) step from each of its values to the next larger one, seed by seed;
--                 without a band of its own at least (at most) 0
--   at_least, at_most; or near = 86.76, within = 0.5
--   judged    "interval": holds when the whole 95 % interval over the seeds (Student's t) lies in the band, the default where runs
--             are compared; "mean": when the mean does, the default where they are not.  With one seed there is no interval
--   source    the paper and its table
--   data, profile   the claim is made of this data set, of this profile (or a list of them) only
-- `vae-lab run` prints PASS or FAIL for each with what was measured, and records it (view claims).
function claims.claim(options)
  local o = check.options("lab.claim", options, rules)
  if not o[1] then check.fail { what = "a claim says nothing", expected = 'lab.claim { "the KL term costs reconstruction", … }' } end
  one_of_each(o)
  o.low, o.high = band_of(o)
  o.text, o.quantity = o[1], quantity_of(o)
  o.criterion = o.criterion or ((o.minus or o.divided_by or o.increases_with or o.decreases_with) and "interval" or "mean")
  return setmetatable(o, Claim)
end

--- claims.is(v) → whether v is what lab.claim returns.
function claims.is(v) return getmetatable(v) == Claim end

-- ---- what the runs show ----------------------------------------------------------------------------------------------

local function matches(run, settings)
  for key, value in pairs(settings) do
    local own = run.params[key]
    if own ~= value and tostring(own) ~= tostring(value) then return false end
  end
  return true
end

-- One number a seed: { [seed] = number }, of the runs with these settings, and the configuration of these; or nil and why not.
local function by_seed(claim, runs, settings, number)
  local found, label, configuration = {}, nil, nil
  for _, run in ipairs(runs) do
    if matches(run, settings) then
      if label and label ~= run.label then return nil, "several configurations fit " .. spelled(settings) end
      label, configuration = run.label, run.configuration
      local value, lacking = number(claim, run)
      if value == nil then return nil, "run " .. run.id .. " has no " .. lacking end
      found[run.seed] = value
    end
  end
  if not label then return nil, "no finished run" .. (spelled(settings) ~= "" and " with " .. spelled(settings) or "") end
  return found, configuration
end

local function sorted_seeds(found)
  local seeds = {}
  for seed in pairs(found) do seeds[#seeds + 1] = seed end
  table.sort(seeds, function(a, b) return tostring(a) < tostring(b) end)
  return seeds
end

-- → one number a seed, and the configuration where they are its own; or nil and why not.
local function compared(claim, runs, number)
  local of, why = by_seed(claim, runs, claim.where, number)
  if not of then return nil, why end
  local own = not (claim.minus or claim.divided_by) and why or nil
  local with, list = nil, {}
  if claim.minus or claim.divided_by then
    with, why = by_seed(claim, runs, claim.minus or claim.divided_by, number)
    if not with then return nil, why end
  end
  for _, seed in ipairs(sorted_seeds(of)) do
    if not with then
      list[#list + 1] = of[seed]
    elseif with[seed] then
      list[#list + 1] = claim.minus and of[seed] - with[seed] or of[seed] / with[seed]
    end
  end
  if #list == 0 then return nil, "the two have no seed in common" end
  return list, own
end

-- For each seed the least step (or greatest, for falls) from one value of the setting to the next.
local function steps(claim, runs, number)
  local key, values, seen = claim.increases_with or claim.decreases_with, {}, {}
  for _, run in ipairs(runs) do
    local value = run.params[key]
    if matches(run, claim.where) and type(value) == "number" and not seen[value] then
      seen[value] = true
      values[#values + 1] = value
    end
  end
  if #values < 2 then return nil, "the runs have fewer than two numbers as " .. key end
  table.sort(values)
  local before, step = nil, {}
  for _, value in ipairs(values) do
    local settings = { [key] = value }
    for k, v in pairs(claim.where) do settings[k] = v end
    local here, why = by_seed(claim, runs, settings, number)
    if not here then return nil, why end
    for seed, v in pairs(before or {}) do
      local d = here[seed] and here[seed] - v
      if d then step[seed] = step[seed] and (claim.increases_with and math.min or math.max)(step[seed], d) or d end
    end
    before = here
  end
  local list = {}
  for _, seed in ipairs(sorted_seeds(step)) do list[#list + 1] = step[seed] end
  return list
end

-- ---- the verdict -----------------------------------------------------------------------------------------------------

local function inside(claim, low, high)
  return (claim.low == nil or low >= claim.low) and (claim.high == nil or high <= claim.high)
end

local function verdict_of(claim, list)
  local stats = require "vae_lab.native.stats"
  local interval = stats.interval(list)
  local row = { seeds = #list, value = interval.mean }
  if #list > 1 then row.ci_low, row.ci_high = interval.low, interval.high end
  local whole = claim.criterion == "interval" and #list > 1
  local good = inside(claim, whole and row.ci_low or row.value, whole and row.ci_high or row.value)
  row.verdict = good and "PASS" or "FAIL"
  if #list == 1 then
    row.note = "one seed: no interval"
  elseif #list == 2 then
    row.note = "two seeds: an interval of little worth"
  elseif good and not whole and not inside(claim, row.ci_low, row.ci_high) then
    row.note = "the interval reaches outside"
  elseif not good and inside(claim, row.value, row.value) then
    row.note = "the mean is inside, the interval is not"
  end
  return row
end

local function one_of(value, list)
  for _, v in ipairs(type(list) == "table" and list or { list }) do
    if v == value then return true end
  end
  return false
end

-- A claim that is about other data or another profile is not about these runs.
local function concerns(claim, runs)
  for _, run in ipairs(runs) do
    if claim.data and run.params.data ~= claim.data or claim.profile and not one_of(run.params.profile, claim.profile) then return false end
  end
  return true
end

-- A claim's number of one run, from its metrics m; nil and what it lacks.
local function number_of(claim, m)
  if claim.metric then return m[claim.metric], claim.metric end
  local lacking
  local value = claim.value(setmetatable({}, {
    __index = function(_, name)
      if m[name] == nil then lacking = name end
      return m[name] or 0 / 0
    end,
  }))
  if lacking or type(value) ~= "number" or value ~= value then return nil, lacking or "finite " .. claim.quantity end
  return value
end

--- claims.judge(list, runs, values) → a list of { claim =, quantity =, source =, low =, high =, seeds =, value =, ci_low =, ci_high =,
-- verdict = "PASS" | "FAIL" | "OPEN", note =, metric =, configuration = }.  metric and configuration: what the value is of, where it
-- is a recorded metric of one configuration.  runs: { id =, seed =, label =, configuration =, params = }, the finished ones of a
-- sweep; values(run) → { metric = its last value }.
function claims.judge(list, runs, values)
  local known, rows = {}, {}
  local function number(claim, run)
    known[run.id] = known[run.id] or values(run)
    return number_of(claim, known[run.id])
  end
  for _, claim in ipairs(list) do
    if concerns(claim, runs) then
      local found, more = ((claim.increases_with or claim.decreases_with) and steps or compared)(claim, runs, number)
      local row = found and verdict_of(claim, found) or { seeds = 0, verdict = "OPEN", note = more }
      if found and more and claim.metric then row.metric, row.configuration = claim.metric, more end
      row.claim, row.quantity, row.source, row.low, row.high = claim.text, claim.quantity, claim.source, claim.low, claim.high
      rows[#rows + 1] = row
    end
  end
  return rows
end

return claims
