-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations.lua: lab.eval.…: what is measured once a run is trained.  One file each in evaluations/.
--
-- Promise: an evaluation changes nothing in the run's identity; asked for later, it is computed from the stored weights.
-- Its numbers are metrics at step 0; its canonical text ("nll(examples=0, samples=500, seed=1)") says which settings they have.
--
-- To add one: a file evaluations/NAME.lua that returns { rules =, run = function (options) … }, and its name below.  It may also
-- say what it asks for, and is then refused before any training: nodes = { public names of the model } or a function (options) of
-- them, labels = true, fits = function (widths, data, options, params), which raises, and needs = { experiments in evaluations/ that
-- train a model for it }.
-- remark(widths, data): what it will leave out of such a run, and what is there instead, said before training, or nil.
-- check(options) raises where an option's value does not fit; keeps(options): the name of an evaluation that it makes too.

local check = require "vae_lab.check"

local evaluations = {}

local Evaluation = { kind = "evaluation" }
Evaluation.__index = Evaluation

-- A code z without q(z|x) is an autoencoder's: it has no likelihood, but may be measured.
local function instead_of(name, widths)
  local points = widths.z and widths["p.mean"] and not widths.kl and not widths["q.mu"]
  if not points or name == "accuracy" or name == "ppca" then return "or leave that evaluation out" end
  return "an autoencoder's codes are points, without a likelihood: lab.eval.compression() says what they lose, lab.eval.properties() how they lie"
end

--- evaluation:check(built, data): raises unless a model with these public names and weights (build.asked's widths and params), on this
-- data, has what is asked for.
function Evaluation:check(built, data)
  local widths = built.widths
  for _, name in ipairs(self.nodes) do
    if not widths[name] then
      check.fail {
        what = "lab.eval." .. self.name .. ' needs "' .. name .. '", which the model does not give',
        expected = "return { bound = …, q = q, p = px, z = z } from the model, with z = q:sample()", hint = instead_of(self.name, widths),
      }
    end
  end
  if self.labels and data:classes() == 0 then
    check.fail {
      what = "lab.eval." .. self.name .. " needs labels, and the data has none",
      hint = "leave it out, or use data with labels",
    }
  end
  if self.fits then self.fits(widths, data, self.options, built.params) end
end

local function value_text(value)
  if type(value) == "number" then return check.number(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, v in ipairs(value) do parts[i] = value_text(v) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function text_of(name, options)
  local parts = {}
  for _, key in ipairs(check.sorted_keys(options)) do parts[#parts + 1] = key .. "=" .. value_text(options[key]) end
  return name .. "(" .. table.concat(parts, ", ") .. ")"
end

local names = {
  "accuracy", "bounds", "clarity", "compression", "elbo", "elbo_decomposition", "estimators", "extremes", "gradients", "inference_gap",
  "latent_space", "marginal", "nll", "originals", "pixels", "posteriors", "ppca", "properties", "validity",
}

for _, name in ipairs(names) do
  evaluations[name] = function(given)
    local kind = require("vae_lab.evaluations." .. name)
    local options = check.options("lab.eval." .. name, given, kind.rules)
    if kind.check then kind.check(options) end
    local nodes = type(kind.nodes) == "function" and kind.nodes(options) or kind.nodes
    return setmetatable({
      name = name, options = options, text = text_of(name, options), nodes = nodes or {}, labels = kind.labels, fits = kind.fits,
      remark = kind.remark,
      needs = kind.needs or {}, keeps = kind.keeps and kind.keeps(options), run = kind.run(options),
    }, Evaluation)
  end
end

return setmetatable(evaluations, { __index = function(_, name) check.unknown("evaluation lab.eval.", name, names) end })
