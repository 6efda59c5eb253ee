-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- settings.lua: the settings that are in force: those of the script, then those of its profile, then --set; later ones
-- win.
--
-- Promise: a setting that does not exist, or a value of the wrong type, is an error that lists what is possible.

local check = require "vae_lab.check"
local schedules = require "vae_lab.schedules"
local experiment = require "vae_lab.experiment"
local merged = require("vae_lab.tables").merged

local settings = {}

-- ---- script and profile ---------------------------------------------------------------------------------------------

-- A sweep as a list of grids; a single grid is a list of one.
local function grids_of(sweep)
  local grids = {}
  for i, grid in ipairs(#sweep > 0 and sweep or { sweep }) do grids[i] = merged(grid) end
  return grids
end

local function choose_profile(e, wanted)
  local names = check.sorted_keys(e.profile)
  if wanted then return wanted, e.profile[check.one_of("profile", wanted, names, "--set profile=" .. wanted)] end
  if e.profile.quick then return "quick", e.profile.quick end
  return nil, {}
end

local function with_profile(e, wanted)
  local name, profile = choose_profile(e, wanted)
  local r = {
    profile = name, data = e.data, data_over = profile.data and experiment.data("data", profile.data) or {},
    rng = e.rng, seeds = e.seeds,
    values = merged(e.settings, profile.settings), grids = grids_of(e.sweep),
    train = e.train, train_over = merged(profile.train), evaluate = profile.evaluate or e.evaluate,
  }
  if profile.sweep then
    if #profile.sweep > 0 or #r.grids > 1 then
      r.grids = grids_of(profile.sweep)
    else
      r.grids[1] = merged(r.grids[1], profile.sweep)
    end
  end
  return r
end

-- ---- --set ----------------------------------------------------------------------------------------------------------

-- "1,2" as a list of values of a rule, each once.
local function values_of(key, text, rule)
  local where, list, seen = "--set " .. key .. "=" .. text, {}, {}
  for part in (text .. ","):gmatch("([^,]*),") do
    local value = check.parse(key, part, rule, where)
    if seen[value] then
      check.fail { what = "bad value of " .. key, where = where, found = check.describe(text),
        expected = "each value once" }
    end
    list[#list + 1], seen[value] = value, true
  end
  return list
end

-- A value of that key in some grid, nil when no grid has it.
local function swept_value(r, key)
  for _, grid in ipairs(r.grids) do
    if grid[key] then return grid[key][1] end
  end
end

-- Sweeps the key over a list: in the grids that have it, in all where none has.
local function sweep_over(r, key, list)
  local swept = swept_value(r, key) ~= nil
  for _, grid in ipairs(r.grids) do
    if grid[key] or not swept then grid[key] = list end
  end
end

-- Words that are no settings of the script: how each changes the settings in force.
local words = {
  profile = function() end, -- chosen before
  rate = function(r, value) r.rate = value end,
  data = function(r, value) r.data_over.name = value end,
  binarise = function(r, value) r.data_over.binarise = value end,
}
for _, key in ipairs { "train", "valid", "test" } do
  words["data." .. key] = function(r, value) r.data_over[key] = value end
end
for _, key in ipairs { "epochs", "batch", "samples", "test_every" } do
  words[key] = function(r, value) r.train_over[key] = value end
end

local function set_seed(r, text)
  local list = values_of("seed", text, experiment.words.seed)
  for _, grid in ipairs(r.grids) do grid.seed = list end
end

-- A seed of one use of random numbers.
local function set_factor_seed(r, key, text) sweep_over(r, key, values_of(key, text, experiment.words[key])) end

local function set_rng(r, text)
  local list = values_of("rng", text, experiment.words.rng)
  for _, name in ipairs(list) do experiment.check_rng("rng", name, "--set rng=" .. text) end
  if #list == 1 and not swept_value(r, "rng") then
    r.rng = list[1]
  else
    for _, grid in ipairs(r.grids) do grid.rng = list end
  end
end

local function known_names(r)
  local names = merged(experiment.words, r.values)
  for _, grid in ipairs(r.grids) do names = merged(names, grid) end
  return check.sorted_keys(names)
end

-- A setting of the script.  Several values are swept; a single one replaces the setting, unless it is swept already.
local function set_own(r, key, text)
  local swept, like = swept_value(r, key), r.values[key]
  if like == nil then like = swept end
  if like == nil then check.unknown("setting", key, known_names(r), "--set " .. key .. "=" .. text) end
  local list = values_of(key, text, { type = schedules.is(like) and "number" or type(like) })
  if swept == nil and #list == 1 then
    r.values[key] = list[1]
  else
    sweep_over(r, key, list)
  end
end

--- settings.resolve(experiment, set) → { profile, data, data_over, rng, values, grids, train, train_over, rate,
-- evaluate }. set: { key = "text" }, what --set gave.  data_over and train_over replace entries of data and train, also
-- of those that a function of the run returns; values: the script's settings; grids: the sweep as a list.
function settings.resolve(e, set)
  local r = with_profile(e, set.profile)
  for _, key in ipairs(check.sorted_keys(set)) do
    local text = set[key]
    if key == "seed" then
      set_seed(r, text)
    elseif experiment.is_seed(key) then
      set_factor_seed(r, key, text)
    elseif key == "rng" then
      set_rng(r, text)
    elseif words[key] then
      words[key](r, check.parse(key, text, experiment.words[key], "--set " .. key .. "=" .. text))
    else
      set_own(r, key, text)
    end
  end
  return r
end

return settings
