-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- claims.lua: lab.claim { … }: a number that the runs of an experiment should show, and the verdict on it.
--
-- Promise: a claim is evaluated from results.db alone, over the seeds of its runs.  It holds or is refuted where the
-- interval says so; else it is undecided, and where it cannot be evaluated it is open.

local check = require "vae_lab.check"
local merged = require("vae_lab.tables").merged
local judge = require("vae_lab.native.verdict").judge

local claims = {}

local Claim = { kind = "claim" }
Claim.__index = Claim

-- ---- claims ---------------------------------------------------------------------------------------------------------

local rules = {
  [1] = { type = "string" },
  metric = { type = "string" }, value = { type = "function" }, across = { type = "function" },
  quantity = { type = "string" },
  where = { type = "table", default = {} }, minus = { type = "table" }, divided_by = { type = "table" },
  increases_with = { type = "string" }, decreases_with = { type = "string" },
  at_least = { type = "number" }, at_most = { type = "number" }, near = { type = "number" },
  within = { type = "number", above = 0 },
  compared_with = { type = "list" }, scale = { type = "string", one_of = { "linear", "log", "logit" } },
  population = { type = "boolean", default = false }, judged_by_mean = { type = "string" }, post_hoc = { type = "string" },
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
  if not at_most_one(o, "metric", "value", "across") then
    check.fail { what = "a claim needs a number",
      expected = 'metric = "test/kl", or value = function (m) … end with quantity = "…"' }
  end
  if not o.metric and not o.quantity then
    check.fail { what = "the value of a claim needs a name", expected = 'quantity = "ELBO - log likelihood"' }
  end
end

local function check_comparison(o)
  if not o.compared_with then return end
  check.entries("compared_with of a claim", o.compared_with, { type = "number" })
  if #o.compared_with < 2 or not o.within or o.near or o.at_least or o.at_most then
    check.fail {
      what = "compared_with needs at least two numbers and within, without another band",
      expected = "compared_with = { 105.4, 105.6, 105.8 }, within = 0.5",
    }
  end
end

-- → the band { low, high }; nil: unbounded.
local function band_of(o)
  if o.compared_with then return -o.within, o.within end
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
  if o.compared_with then return string.format("%s, mean minus that of %d others", text, #o.compared_with) end
  return text
end

--- lab.claim { "the KL term …", metric = "test/kl", where = { beta = 0 }, divided_by = { beta = 1 }, at_least = 5,
-- source = "…" }: a number that the finished runs of a sweep should show, a band for it, and its source.
--   metric      a recorded metric, its last value; or value = function (m) … end of all metrics of a run
--               (m["test/elbo"] …), with quantity = its name; nats per example where the metrics are.  Where it returns
--               true or false the claim is about the share of seeds in which it is true
--   across      function (runs) … end of all selected runs at once, { { seed =, params = settings, metrics = }, … },
--               for what no run has alone, such as a variance: a list of numbers, one for each independent part of
--               the runs; or nil and the reason why there is none.  With quantity = its name
--   where       settings that select the runs: { beta = 0 }; runs that differ in their seed remain
--   minus, divided_by   settings of other runs: the difference from them, or the ratio to them, seed by seed
--   increases_with, decreases_with   a setting: for each seed the smallest (largest) step of the metric from one value
--                                    of the setting to the next larger one; without a band it is at least (at most) 0
--   at_least, at_most; or near = 86.76, within = 0.5   the band
--   compared_with = { 105.4, 105.6, 105.8 }, within = 0.5   the numbers of another program, one a seed: the means differ
--               by at most `within`, by Welch's t
--   scale       on which values are averaged: "linear", "log" or "logit"; the default is the metric's own, "log" for
--               ratios, else "linear"
--   population  true: the claim is about all images of this kind, not about these test images alone: the metric's
--               standard error over the test images (NAME_se) widens the interval
--   judged_by_mean = "why"   the mean alone is judged, without its interval, for the reason given
--   post_hoc = "what"        what was set in the claim after its result had been seen: every table shows it
--   source      the paper and its table
--   data, profile   the claim applies to this data set, to this profile (or a list of them) only
-- Its verdict, by the 95 % interval over the seeds (stats/verdict.h): "holds" where the interval lies in the band,
-- "refuted" where it lies outside, else "undecided", with the number of seeds that would decide; "open" where it cannot
-- be evaluated.  One seed cannot decide.  `vae-lab run` prints the verdicts and records them (view claims).
function claims.claim(options)
  local o = check.options("lab.claim", options, rules)
  if not o[1] then
    check.fail { what = "a claim needs a text", expected = 'lab.claim { "the KL term costs reconstruction", … }' }
  end
  check_number(o)
  at_most_one(o, "across", "minus", "divided_by", "increases_with", "decreases_with", "compared_with")
  at_most_one(o, "judged_by_mean", "compared_with")
  check_comparison(o)
  o.low, o.high = band_of(o)
  o.text, o.quantity = o[1], quantity_of(o)
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

-- { [seed] = sample } of the runs with these settings, and their configuration; or nil and the reason.
local function by_seed(runs, settings, sample)
  local found, label, configuration = {}, nil, nil
  for _, run in ipairs(runs) do
    if matches(run, settings) then
      if label and label ~= run.label then return nil, "several configurations match " .. settings_text(settings) end
      label, configuration = run.label, run.configuration
      local one, missing = sample(run)
      if not one then
        return nil, "run " .. run.id .. " has no " .. missing .. (run.problem and ": " .. run.problem or "")
      end
      found[run.seed] = one
    end
  end
  if not label then return nil, "no finished run" .. (next(settings) and " with " .. settings_text(settings) or "") end
  return found, configuration
end

-- { [seed] = sample } → the samples, in the order of their seeds as texts.
local function in_seed_order(found)
  local seeds, list = {}, {}
  for seed in pairs(found) do seeds[#seeds + 1] = seed end
  table.sort(seeds, function(a, b) return tostring(a) < tostring(b) end)
  for i, seed in ipairs(seeds) do list[i] = found[seed] end
  return list
end

-- → one sample a seed, and the configuration that they are of, nil for a comparison; or nil and the reason.
local function compared(claim, runs, sample)
  local found, configuration = by_seed(runs, claim.where, sample)
  if not found then return nil, configuration end
  local other = claim.minus or claim.divided_by
  if not other then return in_seed_order(found), configuration end
  local others, reason = by_seed(runs, other, sample)
  if not others then return nil, reason end
  local both = {}
  for seed, v in pairs(found) do
    local o = others[seed]
    if o then both[seed] = { value = claim.minus and v.value - o.value or v.value / o.value } end
  end
  if not next(both) then return nil, "the compared runs have no seed in common" end
  return in_seed_order(both)
end

-- → the numbers that the claim computes from all selected runs; or nil and the reason.
local function across(claim, runs, sample)
  local selected, list = {}, {}
  for _, run in ipairs(runs) do
    if matches(run, claim.where) then
      selected[#selected + 1] = { seed = run.seed, params = run.params, metrics = sample(run) }
    end
  end
  local numbers, reason = claim.across(selected)
  if not numbers then return nil, reason or "the runs do not give a number" end
  for i, v in ipairs(numbers) do
    if type(v) ~= "number" or v ~= v or math.abs(v) == math.huge then return nil, "no finite " .. claim.quantity end
    list[i] = { value = v }
  end
  if #list == 0 then return nil, "the runs do not give a number" end
  return list
end

-- The numbers of a setting among the runs, ascending.
local function numbers_of(key, claim, runs)
  local values, seen = {}, {}
  for _, run in ipairs(runs) do
    local value = run.params[key]
    if matches(run, claim.where) and type(value) == "number" and not seen[value] then
      seen[value] = true
      values[#values + 1] = value
    end
  end
  table.sort(values)
  return values
end

-- → for each seed the smallest step (largest, for decreases_with) from one value of the setting to the next; or nil and
-- the reason.
local function steps(claim, runs, sample)
  local key = claim.increases_with or claim.decreases_with
  local values, previous, step = numbers_of(key, claim, runs), nil, {}
  local worst = claim.increases_with and math.min or math.max
  if #values < 2 then return nil, "the runs have fewer than two numbers for " .. key end
  for _, value in ipairs(values) do
    local found, reason = by_seed(runs, merged(claim.where, { [key] = value }), sample)
    if not found then return nil, reason end
    for seed, v in pairs(previous or {}) do
      local d = found[seed] and found[seed].value - v.value
      if d then step[seed] = { value = step[seed] and worst(step[seed].value, d) or d } end
    end
    previous = found
  end
  if not next(step) then return nil, "no seed has runs at two neighbouring values of " .. key end
  return in_seed_order(step)
end

-- ---- the verdict ----------------------------------------------------------------------------------------------------

-- The field of every sample; nil where one lacks it.
local function column(list, field)
  local out = {}
  for i, sample in ipairs(list) do
    if sample[field] == nil then return nil end
    out[i] = sample[field]
  end
  return out
end

local function mean_of(list)
  local sum = 0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

local function all_positive(list)
  for _, v in ipairs(list) do
    if not (v > 0) then return false end
  end
  return true
end

local function scale_of(claim, values, trials, metric_scale)
  if claim.scale then return claim.scale end
  if claim.divided_by then return all_positive(values) and "log" or "linear" end
  if claim.value and trials then return "logit" end
  if not claim.metric or claim.minus or claim.increases_with or claim.decreases_with or claim.compared_with then
    return "linear"
  end
  return metric_scale(claim.metric) or "linear"
end

local function inside(claim, v) return (claim.low == nil or v >= claim.low) and (claim.high == nil or v <= claim.high) end

-- Whether a claim that compares found the very edge of its band in every seed: runs that do not differ at all, as without
-- training, confirm nothing.
local function is_without_difference(claim, list, found)
  local compares = claim.minus or claim.divided_by or claim.increases_with or claim.decreases_with
  return compares and #list > 1 and not found.p and (found.mean == claim.low or found.mean == claim.high)
end

local function note_of(claim, list, found)
  if #list == 1 then return "one seed: no interval" end
  if is_without_difference(claim, list, found) then return "no difference in any seed" end
  if claim.judged_by_mean then return nil end
  if found.verdict ~= "undecided" and not found.p then return "the same in all seeds: no statistical error" end
  if #list == 2 then return "two seeds: the interval is unreliable" end
end

-- The verdict on the samples of a claim.
local function verdict_of(claim, list, metric_scale, level)
  local values, trials = column(list, "value"), column(list, "trials")
  local asked = {
    values = values, trials = trials, others = claim.compared_with,
    scale = scale_of(claim, values, trials, metric_scale), low = claim.low, high = claim.high, level = level,
  }
  local found, errors = judge(asked), column(list, "se")
  local population = errors and judge(merged(asked, { shared_se = mean_of(errors) }))
  local deciding = claim.population and population or found
  local row = {
    seeds = #list, value = found.mean, ci_low = found.low, ci_high = found.high, scale = asked.scale, level = level,
    population_low = population and population.low, population_high = population and population.high,
    verdict = deciding.verdict, p = deciding.p, seeds_needed = deciding.seeds_needed, note = note_of(claim, list, deciding),
  }
  if is_without_difference(claim, list, found) then row.verdict = "undecided" end
  if claim.judged_by_mean then
    row.verdict, row.p, row.seeds_needed = inside(claim, found.mean) and "holds" or "refuted", nil, nil
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

-- { value =, trials =, se = }: the claim's number of a run with metrics m, with the trials of a share and the standard
-- error over the test examples where they are recorded; or nil and what is missing.
local function sample_of(claim, m)
  if claim.across then return m end
  if claim.metric then
    local name = claim.metric
    if m[name] == nil then return nil, name end
    if claim.population and m[name .. "_se"] == nil then return nil, name .. "_se" end
    local single = not (claim.minus or claim.divided_by or claim.increases_with or claim.decreases_with)
    return { value = m[name], trials = single and m[name .. "_n"] or nil, se = single and m[name .. "_se"] or nil }
  end
  local missing
  local value = claim.value(setmetatable({}, {
    __index = function(_, name)
      if m[name] == nil then missing = name end
      return m[name] or 0 / 0
    end,
  }))
  if missing == nil and type(value) == "boolean" then return { value = value and 1 or 0, trials = 1 } end
  if missing or type(value) ~= "number" or value ~= value then return nil, missing or "finite " .. claim.quantity end
  return { value = value }
end

--- claims.evaluate(list, runs, o) → a list of { claim =, quantity =, source =, low =, high =, seeds =, value =,
-- ci_low =, ci_high =, verdict = "holds" | "refuted" | "undecided" | "open", scale =, level =, p =, seeds_needed =,
-- population_low =, population_high =, note =, reason =, post_hoc =, metric =, configuration = }; metric and
-- configuration where the value is a recorded metric of one configuration.  runs: the finished ones of a sweep, { id =,
-- seed =, label =, configuration =, params =, problem = its failed evaluation or nil }.  o: { values = function (run) →
-- { metric = its last value }, scale = function (metric) → its scale or nil, level = 0.95 }.
function claims.evaluate(list, runs, o)
  local known, rows = {}, {}
  for _, claim in ipairs(list) do
    if applies(claim, runs) then
      local problem
      local function sample(run)
        known[run.id] = known[run.id] or o.values(run)
        problem = problem or run.problem and "run " .. run.id .. ": " .. run.problem
        return sample_of(claim, known[run.id])
      end
      local numbers = claim.across and across or (claim.increases_with or claim.decreases_with) and steps or compared
      local found, more = numbers(claim, runs, sample)
      local row = found and verdict_of(claim, found, o.scale, o.level) or { seeds = 0, verdict = "open", note = more }
      if found and problem then row.note = (row.note and row.note .. "; " or "") .. problem end
      if found and more and claim.metric and not claim.compared_with then
        row.metric, row.configuration = claim.metric, more
      end
      row.claim, row.quantity, row.source = claim.text, claim.quantity, claim.source
      row.low, row.high, row.reason, row.post_hoc = claim.low, claim.high, claim.judged_by_mean, claim.post_hoc
      rows[#rows + 1] = row
    end
  end
  return rows
end

return claims
