-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations.lua: lab.eval.…: what is measured once a run is trained.  One file each in evaluations/.
--
-- Promise: an evaluation does not change the identity of a run; one that is added later is computed from the stored
-- weights.  Its numbers are metrics at step 0; its name and its options are recorded as rows of results.db, and so is
-- the version of its definition: what an older version recorded is computed anew.  Its random numbers are the run's own:
-- they follow from the seed of the run and the option `seed`, so that the Monte Carlo errors of runs with other seeds
-- are independent; runs of one seed with other settings use the same draws.
--
-- To add one: a file evaluations/NAME.lua, and its name below.  The file returns
--   rules                 its options, as rules for check.options
--   run(o, model, data, recorder, others)   measures; o: the options, o.seed: the seed of its random numbers.
--                                           others.pixels(kind): the same data with other pixels
--   version               optional: a whole number, to be raised when its numbers change their meaning
--   nodes                 optional: the public names that the model must have, a list or a function (o) of the options
--   labels = true         optional: the data must have labels
--   prior                 optional: "draws": it needs draws of the model's prior, "density": its log density, "standard":
--                         it is defined for N(0, I) only; other models are refused before training
--   needs                 optional: { name of an experiment in evaluations/ }, whose trained model is others.NAME
--   check(o)              optional: raises where the value of an option is wrong
--   fits(widths, data, o, params)   optional: raises, before any training, where the model or the data do not fit
--   remark(widths, data)  optional: what it leaves out for such a model: a note before training, or nil
--   keeps(o)              optional: the name of another evaluation whose artifact it records too

local check = require "vae_lab.check"
local priors = require "vae_lab.priors"
local merged = require("vae_lab.tables").merged

local evaluations = {}

-- Version 1 of an evaluation with a seed drew the same random numbers for runs of all seeds.
local SEEDED, UNSEEDED = 2, 1

local Evaluation = { kind = "evaluation" }
Evaluation.__index = Evaluation

-- A code z without q(z|x) is an autoencoder's: it has no likelihood, but may be measured.
local function instead_of(name, widths)
  local points = widths.z and widths["p.mean"] and not widths.kl and not widths["q.mu"]
  if not points or name == "accuracy" or name == "ppca" then return "or leave that evaluation out" end
  return "an autoencoder has no likelihood: use lab.eval.compression(), or lab.eval.properties() for its codes"
end

--- evaluation:check(built, data): raises unless the model (what build.eval_graph returns) and the data fit the
-- evaluation.
function Evaluation:check(built, data)
  for _, name in ipairs(self.nodes) do
    if not built.widths[name] then
      check.fail {
        what = "lab.eval." .. self.name .. ' needs "' .. name .. '", which the model does not return',
        expected = "return { bound = …, q = q, p = px, z = z } from the model, with z = q:sample()",
        hint = instead_of(self.name, built.widths),
      }
    end
  end
  if self.labels and data:classes() == 0 then
    check.fail {
      what = "lab.eval." .. self.name .. " needs labels, and the data have none",
      hint = "leave it out, or use data with labels",
    }
  end
  priors.require("lab.eval." .. self.name, built.prior, self.prior)
  if self.fits then self.fits(built.widths, data, self.options, built.params) end
end

--- evaluation:text() → "nll(examples=0, samples=500, seed=1)", for messages.
function Evaluation:text()
  local parts = {}
  for i, key in ipairs(check.sorted_keys(self.options)) do
    local value = self.options[key]
    parts[i] = key .. "=" .. (type(value) == "table" and "{ … }" or check.text(value))
  end
  return self.name .. "(" .. table.concat(parts, ", ") .. ")"
end

local names = {
  "accuracy", "audit", "bounds", "clarity", "compression", "court", "elbo", "elbo_decomposition", "estimators",
  "extremes", "gradients", "inference_gap", "latent_space", "lower_bound", "marginal", "nll", "originals", "pixels", "planes",
  "posteriors", "ppca", "properties", "repeats", "validity",
}

--- evaluation:recorded() → the options as they are recorded, with the version of its definition.
function Evaluation:recorded() return self.version > UNSEEDED and merged(self.options, { version = self.version })
  or self.options end

-- The options of one run: its own seed in place of the script's.
local function options_of_run(options, recorder)
  if not options.seed then return options end
  local derived = require("vae_lab.native.stats").derived_seed
  return merged(options, { seed = derived(options.seed, "run " .. recorder:seed()) })
end

for _, name in ipairs(names) do
  evaluations[name] = function(given)
    local kind = require("vae_lab.evaluations." .. name)
    local options = check.options("lab.eval." .. name, given, kind.rules)
    if kind.check then kind.check(options) end
    local nodes = type(kind.nodes) == "function" and kind.nodes(options) or kind.nodes
    return setmetatable({
      name = name, options = options, nodes = nodes or {}, labels = kind.labels, fits = kind.fits, remark = kind.remark,
      needs = kind.needs or {}, keeps = kind.keeps and kind.keeps(options), prior = kind.prior,
      version = kind.version or kind.rules.seed and SEEDED or UNSEEDED,
      run = function(model, data, recorder, others)
        return kind.run(options_of_run(options, recorder), model, data, recorder, others)
      end,
    }, Evaluation)
  end
end

return setmetatable(evaluations, { __index = function(_, name) check.unknown("evaluation lab.eval.", name, names) end })
