-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations.lua: lab.eval.…: what is measured once a run is trained.  One file each in evaluations/.
--
-- Promise: an evaluation changes nothing in the run's identity; asked for later, it is computed from the stored weights.
-- Its numbers are metrics at step 0; its canonical text ("nll(examples=0, samples=500, seed=1)") says which settings they have.
--
-- To add one: a file evaluations/NAME.lua that returns { rules =, run = function (options) … }, and its name below.  It may also
-- say what it asks for, and is then refused before any training: nodes = { public names of the model }, labels = true,
-- fits = function (widths, data), which raises, and needs = { experiments in evaluations/ that train a model for it }.
-- keeps(options): the name of an evaluation that it makes too.

local check = require "vae_lab.check"

local evaluations = {}

local Evaluation = { kind = "evaluation" }
Evaluation.__index = Evaluation

--- evaluation:check(widths, data): raises unless a model with these public names, on this data, has what is asked for.
function Evaluation:check(widths, data)
  for _, name in ipairs(self.nodes) do
    if not widths[name] then
      check.fail {
        what = "lab.eval." .. self.name .. ' needs "' .. name .. '", which the model does not give',
        expected = "return { bound = …, q = q, p = px, z = z } from the model, with z = q:sample()", hint = "or leave that evaluation out",
      }
    end
  end
  if self.labels and data:classes() == 0 then
    check.fail {
      what = "lab.eval." .. self.name .. " needs labels, and the data has none",
      hint = "leave it out, or use data with labels",
    }
  end
  if self.fits then self.fits(widths, data) end
end

local function text_of(name, options)
  local parts = {}
  for _, key in ipairs(check.sorted_keys(options)) do
    local value = options[key]
    parts[#parts + 1] = key .. "=" .. (type(value) == "number" and check.number(value) or tostring(value))
  end
  return name .. "(" .. table.concat(parts, ", ") .. ")"
end

local names = {
  "accounting", "accuracy", "clarity", "compression", "elbo", "estimators", "inference_gap", "latent_space", "marginal",
  "nll", "originals", "ppca", "properties", "validity",
}

for _, name in ipairs(names) do
  evaluations[name] = function(given)
    local kind = require("vae_lab.evaluations." .. name)
    local options = check.options("lab.eval." .. name, given, kind.rules)
    return setmetatable({
      name = name, text = text_of(name, options), nodes = kind.nodes or {}, labels = kind.labels, fits = kind.fits,
      needs = kind.needs or {}, keeps = kind.keeps and kind.keeps(options), run = kind.run(options),
    }, Evaluation)
  end
end

return setmetatable(evaluations, { __index = function(_, name) check.unknown("evaluation lab.eval.", name, names) end })
