-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- runs.lua: the runs of an experiment's sweep.
--
-- Promise: the same script and settings give the same list, in the same order, on every machine; each run is a plain
-- table, which the engine freezes.

local check = require "vae_lab.check"
local build = require "vae_lab.build"
local schedules = require "vae_lab.schedules"
local experiment = require "vae_lab.experiment"
local settings = require "vae_lab.settings"
local priors = require "vae_lab.priors"
local optimisers = require "vae_lab.optimisers"
local monte_carlo_em = require "vae_lab.monte_carlo_em"
local merged = require("vae_lab.tables").merged

local runs = {}

-- ---- the points of the sweep ----------------------------------------------------------------------------------------

local function value_text(value) return schedules.is(value) and schedules.text(value) or check.text(value) end

-- The text of value i of a swept list.  Functions have no text: several in one list are numbered.
local function swept_text(list, i)
  local functions = 0
  for _, value in ipairs(list) do functions = functions + (type(value) == "function" and 1 or 0) end
  local number = functions > 1 and type(list[i]) == "function" and " " .. i or ""
  return value_text(list[i]) .. number
end

-- "beta=0.1, latent=5": the swept keys except the seed, in alphabetical order.
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
  local function combine(depth, chosen, spelled)
    local key = keys[depth]
    if key then
      for i, value in ipairs(grid[key]) do
        combine(depth + 1, merged(chosen, { [key] = value }), merged(spelled, { [key] = swept_text(grid[key], i) }))
      end
      return
    end
    points[#points + 1] = {
      values = merged(r.values, chosen), spelled = spelled, label = label_of(e, keys, spelled),
      seeds = grid.seed or { 1 },
    }
  end
  combine(1, {}, {})
end

-- ---- data -----------------------------------------------------------------------------------------------------------

-- The data of a run with these settings: { name =, train =, valid =, test =, binarise = }.
local function data_of(r, values)
  local given = r.data
  if type(given) == "function" then given = experiment.data("what data returned", given(build.run(values))) end
  local spec = merged(given, r.data_over)
  if not spec.name then check.fail { what = "data has no name", expected = experiment.data_expected } end
  spec.binarise = spec.binarise or experiment.default_binarise(spec.name)
  return spec
end

local function data_text(spec)
  return string.format("%s %s %s %s %s", spec.name, spec.binarise, spec.train, spec.valid, spec.test)
end

-- → a function (spec) that opens each data set once.
local function opener()
  local opened = {}
  return function(spec)
    local key = data_text(spec)
    if not opened[key] then
      opened[key] = require("vae_lab.native.data").open(spec.name, {
        train = spec.train, valid = spec.valid, test = spec.test, binarise = spec.binarise,
      })
    end
    return opened[key]
  end
end

-- ---- training -------------------------------------------------------------------------------------------------------

local function training(r, point)
  local given = r.train
  if type(given) == "function" then
    local returned = given(build.run(point.values))
    if returned == nil then
      check.fail { what = "train returned nothing", expected = "return { epochs = …, batch = …, optimiser = … }" }
    end
    given = experiment.train("what train returned", returned)
  end
  local t = merged(experiment.train_defaults, given, r.train_over)
  t.optimiser = merged(t.optimiser or optimisers.adam {}, { rate = r.rate })
  return t
end

-- ---- runs -----------------------------------------------------------------------------------------------------------

-- The recorded parameters, by which readers of the database compare runs: all settings, and those of training.
local function params_of(r, point, built, t, spec, data)
  local rate = t.optimiser.rate
  local params = {
    latent = built.latent, data = spec.name, binarise = spec.binarise, examples = data:count("train"),
    epochs = t.epochs, batch = t.batch, samples = t.samples, optimiser = t.optimiser.kind, profile = r.profile,
    rate = type(rate) == "number" and rate or schedules.text(rate),
    posterior = t.monte_carlo_em and monte_carlo_em.text(t.monte_carlo_em),
    rng = r.rng ~= "philox4x32" and r.rng or nil,
  }
  -- the script's own names win: "latent", "examples" or "optimiser" may be settings
  for key, value in pairs(point.values) do
    params[key] = type(value) == "number" and value or point.spelled[key] or value_text(value)
  end
  return params
end

local seed_rules = {}
for _, factor in pairs(experiment.factor_seeds) do seed_rules[factor] = experiment.words.seed end

-- { init = 1, … }: the seeds that uses of random numbers have of their own in a run: those that the script computes,
-- then those of the sweep.
local function seeds_of(r, point, seed)
  local computed = r.seeds and r.seeds(build.run(merged(point.values, { seed = seed }))) or {}
  local seeds = merged(check.options("what seeds returned", computed, seed_rules))
  for word, factor in pairs(experiment.factor_seeds) do seeds[factor] = point.values[word] or seeds[factor] end
  return seeds
end

-- Evaluations as the engine calls them: run(model, data, recorder).  Those of the library also take `others`:
-- others.pixels(kind) is the same data with its pixels "grey", "dynamic" or "static", and others.NAME a model that they
-- need, such as others.classifier.
local function evaluations_of(r, spec, open)
  local function pixels(kind) return open(merged(spec, { binarise = kind })) end
  local out = {}
  for i, evaluation in ipairs(r.evaluate) do
    out[i] = {
      name = evaluation.name, options = evaluation:recorded(),
      run = function(model, data, recorder)
        local others = { pixels = pixels }
        for _, need in ipairs(evaluation.needs) do others[need] = recorder:model(need) end
        evaluation.run(model, data, recorder, others)
      end,
    }
  end
  return out
end

-- Prints a note, before training, on what evaluations leave out for some run, and figures for all runs; each note once.
local function print_remarks(e, r, models)
  local printed = {}
  local function note(text)
    if text and not printed[text] then print("note: " .. text) end
    if text then printed[text] = true end
  end
  for _, model in ipairs(models) do
    for _, evaluation in ipairs(r.evaluate) do
      note(evaluation.remark and evaluation.remark(model.widths, model.data))
    end
  end
  for _, figure in ipairs(e.figures) do
    local text
    for i, model in ipairs(models) do
      local own = figure.remark and figure.remark(model.widths, model.data)
      if i == 1 or not own then text = own end
      if not own then break end
    end
    note(text)
  end
end

-- Adds the runs of one point of the sweep, one for each seed; they share a graph.  → the evaluation graph
-- (build.eval_graph) and the data.
local function add_point(list, e, r, point, open, phase, requires)
  local spec = data_of(r, point.values)
  local data, t = open(spec), training(r, point)
  local size = { batch = t.batch, samples = t.samples, monte_carlo_em = t.monte_carlo_em }
  local built = build.graph(e.model, point.values, data, size)
  local scalars = {}
  for name, schedule in pairs(built.scalars) do
    scalars[name] = schedules.values("the schedule of " .. name, schedule, t.epochs)
  end
  local eval_graph = build.eval_graph(e.model, point.values, data, size)
  eval_graph.data = data
  for _, evaluation in ipairs(r.evaluate) do evaluation:check(eval_graph, data) end
  local optimiser = merged(t.optimiser)
  optimiser.rate = nil
  for _, seed in ipairs(point.seeds) do
    list[#list + 1] = {
      experiment = e.name, question = e.question, label = point.label, seed = seed, seeds = seeds_of(r, point, seed),
      rng = point.values.rng or r.rng,
      params = params_of(r, point, built, t, spec, data), data = data, graph = built.graph,
      eval_graph = eval_graph.graph, objective = "bound", metrics = built.metrics, optimiser = optimiser,
      rate = schedules.values("rate", t.optimiser.rate, t.epochs), scalars = scalars,
      epochs = t.epochs, batch = t.batch, samples = t.samples, test_every = t.test_every,
      monte_carlo_em = t.monte_carlo_em, evaluations = evaluations_of(r, spec, open), phase = phase,
      requires = requires and requires(spec) or {},
    }
  end
  return eval_graph
end

-- → a function (spec) → { classifier = its index in the list } for data of that spec: it adds the runs of the
-- experiments that evaluations need, each once.
local function requirer(list, evaluate, open)
  local needed, index = {}, {} -- needed: { classifier = "lab.eval.clarity and lab.eval.pixels" }
  for _, evaluation in ipairs(evaluate) do
    for _, need in ipairs(evaluation.needs) do
      needed[need] = (needed[need] and needed[need] .. " and " or "") .. "lab.eval." .. evaluation.name
    end
  end
  return function(spec)
    local key = data_text(spec)
    if index[key] then return index[key] end
    index[key] = {}
    for _, name in ipairs(check.sorted_keys(needed)) do
      local e = require("vae_lab.evaluations." .. name).experiment(spec)
      local own = settings.resolve(e, {})
      if open(data_of(own, {})):classes() == 0 then
        check.fail {
          what = "an evaluation needs a " .. name .. ", and the data have no labels", found = spec.name,
          hint = "leave " .. needed[name] .. " out, or use data with labels",
        }
      end
      add_point(list, e, own, { values = own.values, spelled = {}, label = name, seeds = { 1 } }, open, 0)
      index[key][name] = #list
    end
    return index[key]
  end
end

--- runs.list(experiment, given) → the runs, each a table { experiment, question, label, seed, seeds, rng, params,
-- graph, eval_graph, data, objective, metrics, optimiser, rate, scalars, epochs, batch, samples, test_every,
-- monte_carlo_em, evaluations, phase, requires }.
-- given: { set = { key = "text" }, … }, of the command line.
function runs.list(e, given)
  given = given or {}
  if not experiment.is(e) then
    check.fail { what = "the script returns no experiment", found = check.describe(e),
      expected = "return lab.experiment { … }" }
  end
  local r = settings.resolve(e, given.set or {})
  local open = opener()
  local list, points, models = {}, {}, {}
  for _, grid in ipairs(r.grids) do expand(e, r, grid, points) end
  local requires = requirer(list, r.evaluate, open)
  for _, point in ipairs(points) do requires(data_of(r, point.values)) end -- required runs come first
  for i, point in ipairs(points) do models[i] = add_point(list, e, r, point, open, 1, requires) end
  for _, figure in ipairs(e.figures) do
    if figure.fits then figure.fits(models, r.evaluate) end
    for _, model in ipairs(models) do priors.require("lab.fig." .. figure.kind, model.prior, figure.prior) end
  end
  print_remarks(e, r, models)
  return list
end

return runs
