-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations.lua: lab.eval.…: what is measured once a run is trained.  One file each in evaluations/.
--
-- Promise: an evaluation changes nothing in the run's identity; asked for later, it is computed from the stored weights.
-- Its numbers are metrics at step 0; its canonical text ("nll(examples=0, samples=500, seed=1)") says which settings they have.
--
-- To add one: a file evaluations/NAME.lua that returns { rules =, needs =, run = function (options) … }, and its name below.

local check = require "vae_lab.check"

local evaluations = {}

local Evaluation = { kind = "evaluation" }
Evaluation.__index = Evaluation

local function text_of(name, options)
  local parts = {}
  for _, key in ipairs(check.sorted_keys(options)) do
    local value = options[key]
    parts[#parts + 1] = key .. "=" .. (type(value) == "number" and check.number(value) or tostring(value))
  end
  return name .. "(" .. table.concat(parts, ", ") .. ")"
end

local names = { "accuracy", "clarity", "elbo", "latent_space", "nll", "originals", "validity" }

for _, name in ipairs(names) do
  evaluations[name] = function(given)
    local kind = require("vae_lab.evaluations." .. name)
    local options = check.options("lab.eval." .. name, given, kind.rules)
    return setmetatable({ text = text_of(name, options), needs = kind.needs or {}, run = kind.run(options) }, Evaluation)
  end
end

return setmetatable(evaluations, { __index = function(_, name) check.unknown("evaluation lab.eval.", name, names) end })
