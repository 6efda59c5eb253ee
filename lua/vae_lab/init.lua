-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- init.lua: local lab = require "vae_lab": the functions that experiments are written with.
--
--   local q  = lab.mlp { x, 500, act = "tanh" }:normal(2)      -- q(z|x) = N(mu, diag sigma²)     networks.lua
--   local z  = q:sample()                                      -- z = mu + sigma · eps            distributions/
--   local px = lab.mlp { z, 500, act = "tanh" }:bernoulli(x)   -- p(x|z)
--   bound = px:log_prob(x) - run.beta * q:kl()                 -- tensors: + - * / ^2 :sum() …    tensor.lua
--
-- Read next: experiments/kl_ablation.lua, then experiment.lua (the table), build.lua (the names), runs.lua (the runs of
-- a sweep).

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local distributions = require "vae_lab.distributions"
local networks = require "vae_lab.networks"
local objectives = require "vae_lab.objectives"
local optimisers = require "vae_lab.optimisers"
local monte_carlo_em = require "vae_lab.monte_carlo_em"
local experiment = require "vae_lab.experiment"
local claims = require "vae_lab.claims"
local merged = require("vae_lab.tables").merged

local lab = {
  experiment = experiment.new, claim = claims.claim,

  -- the model
  mlp = networks.mlp, conv2d = networks.conv2d,
  noise = tensor.noise, parameter = tensor.parameter, constant = tensor.constant, concat = tensor.concat,
  max = function(a, b)
    if type(a) == "number" then a, b = b, a end
    return tensor.expect("an argument of lab.max", a):max(b)
  end,

  -- objectives
  iwae = objectives.iwae, log_weights = objectives.log_weights, free_bits = objectives.free_bits,
  wake_sleep = objectives.wake_sleep, surrogates = require "vae_lab.surrogates",

  -- training
  sgd = optimisers.sgd, adagrad = optimisers.adagrad, rmsprop = optimisers.rmsprop,
  adam = optimisers.adam, adamw = optimisers.adamw,
  hmc = monte_carlo_em.hmc,
  schedule = require "vae_lab.schedules",

  -- for the engine: lab.runs(experiment, settings) → the runs of its sweep
  runs = function(e, settings) return require("vae_lab.runs").list(e, settings) end,
}

for name, distribution in pairs(distributions.by_name) do lab[name] = distribution.new end

-- Modules that are loaded when they are first used: training needs no figures.
local later = { fig = "vae_lab.figures", eval = "vae_lab.evaluations", detectors = "vae_lab.detectors" }

return setmetatable(lab, {
  __index = function(_, key)
    if later[key] then
      local module = require(later[key])
      rawset(lab, key, module)
      return module
    end
    check.unknown("name lab.", key, check.sorted_keys(merged(lab, later)))
  end,
})
