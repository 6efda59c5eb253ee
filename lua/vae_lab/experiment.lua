-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- experiment.lua: lab.experiment { … }: the table that a script returns.
--
-- Promise: every key is known, and every value has its type and range, before any data are opened or any graph is
-- built.

local check = require "vae_lab.check"
local schedules = require "vae_lab.schedules"
local claims = require "vae_lab.claims"

local experiment = {}

local Experiment = { kind = "experiment" }
Experiment.__index = Experiment

-- ---- data -----------------------------------------------------------------------------------------------------------

experiment.binarise = { "dynamic", "static", "grey" }

local data_rules = {
  [1] = { type = "string" }, name = { type = "string" },
  train = { type = "integer", min = 1 }, valid = { type = "integer", min = 0 }, test = { type = "integer", min = 1 },
  binarise = { type = "string", one_of = experiment.binarise },
}
experiment.data_expected = 'data = "digits" or { "digits", train = … }'

--- experiment.data(what, given) → { name =, train =, valid =, test =, binarise = }, checked; given: a name or such a
-- table.
function experiment.data(what, given)
  if type(given) == "string" then return { name = given } end
  local o = check.options(what, given, data_rules)
  if o[1] and o.name then check.fail { what = what .. " has two names", found = o[1] .. ", " .. o.name } end
  o.name, o[1] = o.name or o[1], nil
  return o
end

-- Data sets that are binarised by default: with a Bernoulli p(x|z) the bound is then one on a likelihood.
local pictures = { digits = true, mnist = true, ["fashion-mnist"] = true, kmnist = true }

--- experiment.default_binarise(name) → "dynamic" for the ten-class images, "grey" for everything else.
function experiment.default_binarise(name) return pictures[name] and "dynamic" or "grey" end

-- ---- training -------------------------------------------------------------------------------------------------------

-- epochs, batch, samples, test_every; missing ones get their defaults last, after the profile and --set.
experiment.train_rules, experiment.train_defaults = require("vae_lab.native.run").train_rules(), {}
for key, rule in pairs(experiment.train_rules) do experiment.train_defaults[key], rule.default = rule.default, nil end
experiment.train_rules.optimiser = { type = "optimiser" }
experiment.train_rules.monte_carlo_em = { type = "monte_carlo_em" }

--- experiment.train(what, given) → its options, checked; defaults are not filled in.
function experiment.train(what, given) return check.options(what, given, experiment.train_rules) end

-- ---- settings and sweeps --------------------------------------------------------------------------------------------

--- experiment.words: the words of --set that are no settings of a script, with their rules.
experiment.words = {
  profile = { type = "string" }, data = { type = "string" }, rate = { type = "number", min = 0 },
  rng = { type = "string" },
  seed = { type = "seed" }, binarise = data_rules.binarise,
}
for _, key in ipairs { "train", "valid", "test" } do experiment.words["data." .. key] = data_rules[key] end

--- experiment.factor_seeds: "init_seed" → "init" …: the words that give one use of random numbers a seed of its own.
experiment.factor_seeds = {}
for _, factor in ipairs { "init", "order", "noise", "binarise" } do
  experiment.factor_seeds[factor .. "_seed"] = factor
  experiment.words[factor .. "_seed"] = experiment.words.seed
end

--- experiment.is_seed(key) → whether that key of a sweep holds seeds.
function experiment.is_seed(key) return key == "seed" or experiment.factor_seeds[key] ~= nil end
for _, key in ipairs { "epochs", "batch", "samples", "test_every" } do
  experiment.words[key] = experiment.train_rules[key]
end

local function is_setting_value(v)
  local kind = type(v)
  return kind == "number" and v == v or kind == "string" or kind == "boolean" or schedules.is(v)
end

local function check_setting_name(what, key)
  if type(key) ~= "string" or not key:match("^[%a_][%w_]*$") then
    check.fail { what = "bad name in " .. what, found = check.describe(key),
      expected = "a name of letters, digits and _" }
  end
  if experiment.words[key] then
    check.fail {
      what = "the name " .. key .. " in " .. what .. " is taken",
      expected = "none of: " .. table.concat(check.sorted_keys(experiment.words), ", "),
    }
  end
end

local function check_setting_value(name, value, hint)
  if is_setting_value(value) then return end
  check.fail {
    what = "bad " .. name, found = check.describe(value),
    expected = "a number, a text, true or false, or a lab.schedule", hint = hint,
  }
end

local function check_settings(what, settings)
  for key, value in pairs(settings) do
    check_setting_name(what, key)
    check_setting_value("value of " .. key .. " in " .. what, value,
      "several values belong in sweep = { " .. key .. " = { … } }")
  end
end

--- experiment.check_rng(what, name, where) → name, a random number generator: "philox4x32" or one of GSL's.
function experiment.check_rng(what, name, where)
  local names, alike = require("vae_lab.native.stats").generators(), {}
  for _, known in ipairs(names) do
    if name == known then return name end
    if type(name) == "string" and #name > 2 and known:sub(1, 4) == name:sub(1, 4) then alike[#alike + 1] = known end
  end
  local near = type(name) == "string" and check.nearest(name, names)
  check.fail {
    what = what .. ": unknown random number generator " .. check.describe(name), where = where,
    expected = "philox4x32 (the default), or a generator of GSL: "
      .. (#alike > 0 and table.concat(alike, ", ") or "mt19937, ranlxd2, taus2, gfsr4, randu …"),
    hint = near and 'did you mean "' .. near .. '"?' or nil,
  }
end

local function check_grid(what, grid)
  for key, list in pairs(grid) do
    if not experiment.is_seed(key) and key ~= "rng" then check_setting_name(what, key) end
    if type(list) ~= "table" or getmetatable(list) or #list == 0 or #check.sorted_keys(list) > 0 then
      check.fail {
        what = "bad list of " .. tostring(key) .. " in " .. what, found = check.describe(list),
        expected = "{ value, value, … }",
      }
    end
    local seen = {}
    for i, value in ipairs(list) do
      local name = string.format("value %d of %s in %s", i, key, what)
      if key == "rng" then experiment.check_rng(name, value) end
      if experiment.is_seed(key) then
        check.value(string.format("%s %d in %s", key, i, what), value, experiment.words.seed)
      end
      check_setting_value(name, value)
      if type(value) ~= type(list[1]) and not (schedules.is(value) or schedules.is(list[1])) then
        check.fail {
          what = "bad " .. name, found = check.describe(value), expected = "a " .. type(list[1]) .. " like the first",
        }
      end
      if seen[value] then check.fail { what = name .. " is a duplicate", found = check.describe(value) } end
      seen[value] = true
    end
  end
end

-- sweep = { beta = {…}, seed = {…} }, or a list of such grids.
local function check_sweep(what, sweep)
  if #sweep == 0 then return check_grid(what, sweep) end
  for key, grid in pairs(sweep) do
    if math.type(key) ~= "integer" or type(grid) ~= "table" then
      check.fail {
        what = what .. " is neither a grid nor a list of grids",
        found = check.describe(key) .. " = " .. check.describe(grid),
      }
    end
    check_grid(string.format("grid %d of %s", key, what), grid)
  end
end

-- ---- lists of parts -------------------------------------------------------------------------------------------------

local function check_list(what, list, fits, expected)
  for key, entry in pairs(list) do
    if math.type(key) ~= "integer" then
      check.fail { what = what .. " is a list and has no names", found = tostring(key) .. " =", expected = expected }
    end
    if not fits(entry) then
      local hint = type(entry) == "function" and "call it: add ()" or nil
      check.fail {
        what = string.format("bad entry %d of %s", key, what), found = check.describe(entry), expected = expected,
        hint = hint,
      }
    end
  end
end

local function is_evaluation(entry)
  local meta = getmetatable(entry)
  return type(meta) == "table" and meta.kind == "evaluation"
end

-- Two evaluations of one kind would record the same names.
local function check_evaluate(what, list)
  check_list(what, list, is_evaluation, "lab.eval.elbo(), lab.eval.nll { … } …")
  local first = {}
  for i, evaluation in ipairs(list) do
    local other = first[evaluation.name]
    if other then
      check.fail {
        what = string.format("entries %d and %d of %s record the same metrics", other, i, what),
        found = list[other]:text() .. " and " .. evaluation:text(), expected = "one lab.eval." .. evaluation.name,
        hint = "to change its options, edit them and run again: no training is repeated",
      }
    end
    first[evaluation.name] = i
  end
  for i, evaluation in ipairs(list) do
    local other = evaluation.keeps and first[evaluation.keeps]
    if other then
      check.fail {
        what = string.format("entries %d and %d of %s record the same images", math.min(i, other),
          math.max(i, other), what),
        found = list[other]:text() .. " and " .. evaluation:text(),
        expected = "lab.eval." .. evaluation.name .. " alone",
      }
    end
  end
end

local function is_figure(entry) return type(entry) == "table" and type(entry.draw) == "function" end

-- The name of a figure is the name of its file.
local function check_figures(what, list)
  check_list(what, list, is_figure, "lab.fig.curves(), lab.fig.ellipses { … } …")
  local first = {}
  for i, figure in ipairs(list) do
    local name = figure.name or i -- a figure of the script's own may have no name
    local other = first[name]
    if other then
      check.fail {
        what = string.format("entries %d and %d of %s have the same name", other, i, what),
        found = check.describe(name),
        expected = "a different name = for each",
      }
    end
    first[name] = i
  end
end

local function check_claims(what, list)
  check_list(what, list, claims.is, 'lab.claim { "…", metric = "…", at_least = … }')
end

-- ---- profiles -------------------------------------------------------------------------------------------------------

local profile_rules = {
  data = { type = "string|table" }, train = { type = "table" }, settings = { type = "table" },
  sweep = { type = "table" },
  evaluate = { type = "list" },
}

local function check_profiles(profiles)
  for name, profile in pairs(profiles) do
    if type(name) ~= "string" or type(profile) ~= "table" then
      check.fail {
        what = "bad entry of profile", found = check.describe(name) .. " = " .. check.describe(profile),
        expected = "quick = { train = { … } }",
      }
    end
    local what = "profile." .. name
    local o = check.options(what, profile, profile_rules)
    if o.data then experiment.data(what .. ".data", o.data) end
    if o.train then experiment.train(what .. ".train", o.train) end
    if o.settings then check_settings(what .. ".settings", o.settings) end
    if o.sweep then check_sweep(what .. ".sweep", o.sweep) end
    if o.evaluate then check_evaluate(what .. ".evaluate", o.evaluate) end
  end
end

-- ---- all of it ------------------------------------------------------------------------------------------------------

local rules = {
  name = { type = "string", required = true }, question = { type = "string", default = "" },
  data = { type = "string|table|function", default = "digits" },
  rng = { type = "string" }, seeds = { type = "function" },
  settings = { type = "table", default = {} }, sweep = { type = "table", default = {} },
  model = { type = "function", required = true },
  train = { type = "table|function", default = {} },
  evaluate = { type = "list", default = {} }, figures = { type = "list", default = {} },
  claims = { type = "list", default = {} },
  profile = { type = "table", default = {} },
}

--- lab.experiment { … } → the experiment; what a script returns.
--   name       letters, digits, _ and -; the folder of its figures and the key in results.db
--   question   the question that it answers, one sentence, for readers of the database
--   data       "digits", or { "digits", train = 20000, valid = 0, test = 10000, binarise = "dynamic" | "static" |
--              "grey" }; or a function (run) of it: { "digits", train = run.examples }
--   rng        the random number generator of all draws: "philox4x32" (the default) or any of GSL's, "mt19937",
--              "ranlxd2" …
--   settings   { latent = 2, … }: numbers, texts, booleans, schedules that the model reads as run.latent; --set
--              latent=5 changes one, --set latent=2,5 sweeps it
--   sweep      { beta = { 0, 1 }, seed = { 1, 2, 3 } }: every combination, or a list of such tables.  seed is that of
--              all random numbers; init_seed (the initial weights), order_seed (the order of the examples), noise_seed
--              (the draws of z) and binarise_seed (the binarisation of the training pixels), in a sweep or in --set,
--              replace it in training for that use alone
--   seeds      function (run) … return { init =, order =, noise =, binarise = } end: the same as a function of the
--              settings and of run.seed; what it leaves out has the seed of the run.  The runs stay one configuration
--   model      function (run, x, y) … return { bound =, q =, p =, z = } end; y: one-hot labels, whose use is an error
--              where the data have none.  bound: nats per example; the others are for evaluations (build.lua)
--   train      { epochs = 10, batch = 100, samples = 1, test_every = 1, optimiser = lab.adam {} }, or a function (run)
--              of it; monte_carlo_em = lab.hmc {} trains a model without an encoder
--   evaluate   a list of lab.eval.…, after training
--   figures    a list of lab.fig.…, drawn from the database
--   claims     a list of lab.claim { … }, evaluated when the runs are done
--   profile    { quick = { … }, full = { … } }: other data, train, settings, sweep, evaluate by name; --set
--              profile=full. "quick" is the default where there is one.
function experiment.new(options)
  local o = check.options("lab.experiment", options, rules)
  if not o.name:match("^[%w_%-]+$") then
    check.fail { what = "bad name of the experiment", found = check.describe(o.name),
      expected = "letters, digits, _ and -" }
  end
  if type(o.data) ~= "function" then
    o.data = experiment.data("data", o.data)
    if not o.data.name then check.fail { what = "data has no name", expected = experiment.data_expected } end
  end
  if o.rng then experiment.check_rng("rng", o.rng) end
  check_settings("settings", o.settings)
  check_sweep("sweep", o.sweep)
  if type(o.train) == "table" then o.train = experiment.train("train", o.train) end
  check_evaluate("evaluate", o.evaluate)
  check_figures("figures", o.figures)
  check_claims("claims", o.claims)
  check_profiles(o.profile)
  return setmetatable(o, Experiment)
end

--- experiment.is(v) → whether v is what lab.experiment returns.
function experiment.is(v) return getmetatable(v) == Experiment end

return experiment
