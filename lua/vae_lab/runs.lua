-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- runs.lua: an experiment and the settings of the command line become a list of runs.
--
-- Promise: the same script and settings give the same list, in the same order, whatever the machine; each run is a plain
-- table that the engine freezes.  A setting that does not exist is an error that lists those that do.
--
-- Order of precedence, the later wins: the script's own values, the profile's, --set.

local check = require "vae_lab.check"
local build = require "vae_lab.build"
local schedules = require "vae_lab.schedules"
local experiment = require "vae_lab.experiment"
local monte_carlo_em = require "vae_lab.monte_carlo_em"

local runs_of = {}

local function copy(t)
  local out = {}
  for key, value in pairs(t) do out[key] = value end
  return out
end

local function merge(into, from)
  for key, value in pairs(from or {}) do into[key] = value end
  return into
end

-- ---- the settings in force -------------------------------------------------------------------------------------------

-- A sweep is kept as a list of grids; one that a script gave as a single grid is a list of one.
local function grids_of(sweep)
  local grids = {}
  for i, grid in ipairs(#sweep > 0 and sweep or { sweep }) do grids[i] = copy(grid) end
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
    rng = e.rng, settings = merge(copy(e.settings), profile.settings), grids = grids_of(e.sweep),
    train = e.train, train_over = copy(profile.train or {}), evaluate = profile.evaluate or e.evaluate,
  }
  if profile.sweep then
    if #profile.sweep > 0 or #r.grids > 1 then
      r.grids = grids_of(profile.sweep)
    else
      merge(r.grids[1], profile.sweep)
    end
  end
  return r
end

-- ---- --set -----------------------------------------------------------------------------------------------------------

local function bad_set(key, text, expected)
  check.fail {
    what = "bad value of " .. key, where = "--set " .. key .. "=" .. text, found = check.describe(text),
    expected = expected,
  }
end

local function whole(key, text, least)
  local value = math.tointeger(tonumber(text))
  if not value or value < least then bad_set(key, text, "a whole number, at least " .. least) end
  return value
end

-- A text as a value of the same type as `like`.
local function typed(key, text, like)
  if type(like) == "number" or schedules.is(like) then
    local value = tonumber(text)
    if not value or value ~= value then bad_set(key, text, "a number") end
    return value
  elseif type(like) == "boolean" then
    if text ~= "true" and text ~= "false" then bad_set(key, text, "true or false") end
    return text == "true"
  end
  return text
end

local function split(text)
  local parts = {}
  for part in (text .. ","):gmatch("([^,]*),") do parts[#parts + 1] = part end
  return parts
end

local function values(key, text, like)
  local list, seen = {}, {}
  for i, part in ipairs(split(text)) do
    list[i] = key == "seed" and whole(key, part, 0) or typed(key, part, like)
    if seen[list[i]] then bad_set(key, text, "each value once") end
    seen[list[i]] = true
  end
  return list
end

-- A value of that key in some grid, nil when no grid has it.
local function swept_example(r, key)
  for _, grid in ipairs(r.grids) do
    if grid[key] then return grid[key][1] end
  end
end

-- Words with a meaning of their own: how each changes the settings in force.
local words = {
  profile = function() end, -- taken before
  data = function(r, text) r.data_over.name = text end,
  binarise = function(r, text)
    r.data_over.binarise = check.one_of("binarise", text, experiment.binarise, "--set binarise=" .. text)
  end,
  ["data.train"] = function(r, text) r.data_over.train = whole("data.train", text, 1) end,
  ["data.valid"] = function(r, text) r.data_over.valid = whole("data.valid", text, 0) end,
  ["data.test"] = function(r, text) r.data_over.test = whole("data.test", text, 1) end,
  epochs = function(r, text) r.train_over.epochs = whole("epochs", text, 1) end,
  batch = function(r, text) r.train_over.batch = whole("batch", text, 1) end,
  samples = function(r, text) r.train_over.samples = whole("samples", text, 1) end,
  test_every = function(r, text) r.train_over.test_every = whole("test_every", text, 1) end,
  rate = function(r, text)
    r.rate = tonumber(text)
    if not r.rate or r.rate < 0 then bad_set("rate", text, "a number, at least 0") end
  end,
  rng = function(r, text)
    local list = values("rng", text, "")
    for _, name in ipairs(list) do experiment.check_rng("--set rng=" .. text, name) end
    if #list == 1 and not swept_example(r, "rng") then
      r.rng = list[1]
      return
    end
    for _, grid in ipairs(r.grids) do grid.rng = list end
  end,
  seed = function(r, text)
    local list = values("seed", text)
    for _, grid in ipairs(r.grids) do grid.seed = list end
  end,
}

local function known_names(r)
  local names = {}
  for _, word in ipairs(check.sorted_keys(words)) do names[word] = true end
  for key in pairs(r.settings) do names[key] = true end
  for _, grid in ipairs(r.grids) do
    for key in pairs(grid) do names[key] = true end
  end
  return check.sorted_keys(names)
end

local function set_own(r, key, text)
  local swept, setting = swept_example(r, key), r.settings[key]
  if swept == nil and setting == nil then check.unknown("setting", key, known_names(r), "--set " .. key .. "=" .. text) end
  local like = setting
  if like == nil then like = swept end
  local list = values(key, text, like)
  if swept == nil and #list == 1 then
    r.settings[key] = list[1]
    return
  end
  for _, grid in ipairs(r.grids) do
    if grid[key] or swept == nil then grid[key] = list end
  end
end

local function resolve(e, set)
  local r = with_profile(e, set.profile)
  for _, key in ipairs(check.sorted_keys(set)) do
    local text = set[key]
    if words[key] then words[key](r, text) else set_own(r, key, text) end
  end
  return r
end

-- ---- the points of the sweep -----------------------------------------------------------------------------------------

local function value_text(value)
  if type(value) == "number" or schedules.is(value) then return schedules.text(value) end
  return tostring(value)
end

-- The same of value i of a sweep's list: functions have no text of their own; several are told apart by their number.
local function swept_text(list, i)
  local functions = 0
  for _, value in ipairs(list) do functions = functions + (type(value) == "function" and 1 or 0) end
  local number = functions > 1 and type(list[i]) == "function" and " " .. i or ""
  return value_text(list[i]) .. number
end

-- "beta=0.1, latent=5": the swept keys but for the seed, in alphabetical order.
local function label_of(e, keys, spelled)
  local parts = {}
  for i, key in ipairs(keys) do parts[i] = key .. "=" .. spelled[key] end
  return #parts > 0 and table.concat(parts, ", ") or e.name
end

-- Every combination of one grid; keys in alphabetical order, the last one fastest, seeds fastest of all.
local function expand(e, r, grid, points)
  local keys = {}
  for _, key in ipairs(check.sorted_keys(grid)) do
    if key ~= "seed" then keys[#keys + 1] = key end
  end
  local function walk(depth, chosen, spelled)
    local key = keys[depth]
    if key then
      for i, value in ipairs(grid[key]) do
        chosen[key], spelled[key] = value, swept_text(grid[key], i)
        walk(depth + 1, chosen, spelled)
      end
      return
    end
    points[#points + 1] = {
      values = merge(copy(r.settings), chosen), spelled = copy(spelled), label = label_of(e, keys, spelled),
      seeds = grid.seed or { 1 },
    }
  end
  walk(1, {}, {})
end

-- ---- data ------------------------------------------------------------------------------------------------------------

-- The data of a run with these settings: { name =, train =, valid =, test =, binarise = }.
local function data_of(r, values)
  local given = r.data
  if type(given) == "function" then given = experiment.data("what data returned", given(build.run(values))) end
  local spec = merge(copy(given), r.data_over)
  if not spec.name then check.fail { what = "data has no name", expected = experiment.data_expected } end
  spec.binarise = spec.binarise or experiment.default_binarise(spec.name)
  return spec
end

local function data_text(spec)
  return string.format("%s %s %s %s %s", spec.name, spec.binarise, spec.train, spec.valid, spec.test)
end

-- Opens each data set once.
local function opener(dir)
  local open = {}
  return function(spec)
    local key = data_text(spec)
    if not open[key] then
      open[key] = require("vae_lab.native.data").open(spec.name, {
        dir = dir, train = spec.train, valid = spec.valid, test = spec.test, binarise = spec.binarise,
      })
    end
    return open[key]
  end
end

-- ---- training --------------------------------------------------------------------------------------------------------

local function training(r, point)
  local given = r.train
  if type(given) == "function" then
    local returned = given(build.run(point.values))
    if returned == nil then
      check.fail { what = "train returned nothing", expected = "return { epochs = …, batch = …, optimiser = … }" }
    end
    given = experiment.train("what train returned", returned)
  end
  local t = merge(merge(copy(experiment.train_defaults), given), r.train_over)
  t.optimiser = copy(t.optimiser or experiment.default_optimiser())
  if r.rate then t.optimiser.rate = r.rate end
  return t
end

local function optimiser_table(o)
  local out = copy(o)
  out.rate = nil
  return out
end

-- ---- runs ------------------------------------------------------------------------------------------------------------

-- What a reader of the database compares runs by: every setting, and what training was like.
local function params_of(r, point, built, t, spec, data)
  local params = {
    latent = built.latent, data = spec.name, binarise = spec.binarise, examples = data:count("train"), epochs = t.epochs,
    batch = t.batch, samples = t.samples, optimiser = t.optimiser.kind, profile = r.profile,
    rate = type(t.optimiser.rate) == "number" and t.optimiser.rate or schedules.text(t.optimiser.rate),
    posterior = t.monte_carlo_em and monte_carlo_em.text(t.monte_carlo_em), rng = r.rng ~= "philox4x32" and r.rng or nil,
  }
  -- the script's own names win: "latent", "examples" or "optimiser" may be settings
  for key, value in pairs(point.values) do
    params[key] = type(value) == "number" and value or point.spelled[key] or value_text(value)
  end
  return params
end

-- What evaluations of this list need besides the run's own model: names of experiments in evaluations/.
local function needs_of(list)
  local needs = {}
  for _, evaluation in ipairs(list) do
    for _, need in ipairs(evaluation.needs) do needs[need] = true end
  end
  return needs
end

-- Evaluations as the engine calls them: run(model, data, recorder).  Ours also read others.pixels(kind), the same data with its
-- pixels "grey", "dynamic" or "static", opened when it is first needed, and the models that they need: others.classifier.
local function evaluations_of(r, spec, open)
  local function pixels(kind) return open(merge(copy(spec), { binarise = kind })) end
  local out = {}
  for i, evaluation in ipairs(r.evaluate) do
    out[i] = {
      name = evaluation.name, options = evaluation.options,
      run = function(model, data, recorder)
        local others = { pixels = pixels }
        for _, need in ipairs(evaluation.needs) do others[need] = recorder:model(need) end
        evaluation.run(model, data, recorder, others)
      end,
    }
  end
  return out
end

-- What evaluations and figures will leave out, said once each before anything is trained: an evaluation of any run, a figure of all.
local function tell(e, r, models)
  local said = {}
  local function say(text)
    if text and not said[text] then print("note: " .. text) end
    if text then said[text] = true end
  end
  for _, model in ipairs(models) do
    for _, evaluation in ipairs(r.evaluate) do say(evaluation.remark and evaluation.remark(model.widths, model.data)) end
  end
  for _, figure in ipairs(e.figures) do
    local text
    for i, model in ipairs(models) do
      local own = figure.remark and figure.remark(model.widths, model.data)
      if i == 1 or not own then text = own end
      if not own then break end
    end
    say(text)
  end
end

-- Adds the runs of one point of the sweep, one a seed; they share a graph.  → what evaluations see of its model (build.eval_graph), and
-- its data.
local function add_point(runs, e, r, point, open, phase, requires)
  local spec = data_of(r, point.values)
  local data = open(spec)
  local t = training(r, point)
  local size = { batch = t.batch, samples = t.samples, monte_carlo_em = t.monte_carlo_em }
  local built = build.graph(e.model, point.values, data, size)
  local scalars = {}
  for name, schedule in pairs(built.scalars) do
    scalars[name] = schedules.values("the schedule of " .. name, schedule, t.epochs)
  end
  local eval_graph = build.eval_graph(e.model, point.values, data, size)
  eval_graph.data = data
  for _, evaluation in ipairs(r.evaluate) do evaluation:check(eval_graph, data) end
  for _, seed in ipairs(point.seeds) do
    runs[#runs + 1] = {
      experiment = e.name, question = e.question, label = point.label, seed = seed, rng = point.values.rng or r.rng,
      params = params_of(r, point, built, t, spec, data), graph = built.graph, eval_graph = eval_graph.graph, data = data,
      objective = "bound", metrics = built.metrics, optimiser = optimiser_table(t.optimiser),
      rate = schedules.values("rate", t.optimiser.rate, t.epochs), scalars = scalars,
      epochs = t.epochs, batch = t.batch, samples = t.samples, test_every = t.test_every, monte_carlo_em = t.monte_carlo_em,
      evaluations = evaluations_of(r, spec, open), phase = phase, requires = requires and requires(spec) or {},
    }
  end
  return eval_graph
end

-- Adds the runs that others need, each once; → a function (spec) → { classifier = its index in the list } for the data of a run.
local function requirer(runs, needed, open)
  local index = {}
  return function(spec)
    local key = data_text(spec)
    if index[key] then return index[key] end
    index[key] = {}
    for _, name in ipairs(check.sorted_keys(needed)) do
      local e = require("vae_lab.evaluations." .. name).experiment(spec)
      local own = resolve(e, {})
      if open(data_of(own, {})):classes() == 0 then
        check.fail {
          what = "an evaluation needs a " .. name .. ", and the data has no labels", found = spec.name,
          hint = "leave lab.eval.clarity out, or use data with labels",
        }
      end
      add_point(runs, e, own, { values = own.settings, spelled = {}, label = name, seeds = { 1 } }, open, 0)
      index[key][name] = #runs
    end
    return index[key]
  end
end

--- runs.list(experiment, settings) → the list of runs, each a table { experiment, question, label, seed, params, graph, data,
-- objective, metrics, optimiser, rate, scalars, epochs, batch, samples, test_every, evaluations, phase, requires }, and
-- `monte_carlo_em` where training draws z from the posterior.
-- settings: { set = { key = "text" }, data_dir = folder or nil }.
function runs_of.list(e, settings)
  settings = settings or {}
  if not experiment.is(e) then
    check.fail {
      what = "the script returns no experiment", found = check.describe(e), expected = "return lab.experiment { … }",
    }
  end
  local r = resolve(e, settings.set or {})
  local open = opener(settings.data_dir)
  local runs, points = {}, {}
  for _, grid in ipairs(r.grids) do expand(e, r, grid, points) end
  local requires = requirer(runs, needs_of(r.evaluate), open)
  for _, point in ipairs(points) do requires(data_of(r, point.values)) end -- what others need comes first
  local models = {}
  for i, point in ipairs(points) do models[i] = add_point(runs, e, r, point, open, 1, requires) end
  for _, figure in ipairs(e.figures) do
    if figure.fits then figure.fits(models, r.evaluate) end
  end
  tell(e, r, models)
  return runs
end

return runs_of
