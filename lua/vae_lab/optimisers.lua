-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- optimisers.lua: lab.sgd, lab.adagrad, lab.rmsprop, lab.adam, lab.adamw.
--
-- Their options, ranges and defaults are the table in src/graph/optimiser.c; `rate` is added here.  The plan of a run
-- records the value of every option.

local check = require "vae_lab.check"
local graph = require "vae_lab.native.graph"

local optimisers = {}

local Optimiser = { kind = "optimiser" }
Optimiser.__index = Optimiser

-- A list is checked in the script's line; the values of a schedule or a function when the plan is made.
local function check_rates(what, list)
  if #list == 0 then
    check.fail { what = what .. " is an empty list", expected = "{ 1e-3, 1e-4, … }, one for each epoch" }
  end
  for epoch, value in ipairs(list) do
    check.value(what .. " at epoch " .. epoch, value, { type = "number", min = 0 })
  end
end

local function maker(kind, options)
  local rules = { rate = { type = "number|list|schedule|function", min = 0, default = 1e-3 } }
  for name, rule in pairs(options) do rules[name] = rule end
  return function(given)
    local o = check.options("lab." .. kind, given, rules)
    if type(o.rate) == "table" and not getmetatable(o.rate) then check_rates("rate of lab." .. kind, o.rate) end
    o.kind = kind
    return setmetatable(o, Optimiser)
  end
end

--- lab.sgd { rate, momentum }: w ← w - rate · v, v ← momentum · v + g.
--- lab.adagrad { rate, epsilon }: Duchi et al. 2011; the optimiser of Kingma & Welling, section 5.
--- lab.rmsprop { rate, beta2, epsilon }: Tieleman & Hinton 2012.
--- lab.adam { rate, beta1, beta2, epsilon }: Kingma & Ba (arXiv 1412.6980), algorithm 1.
--- lab.adamw { rate, beta1, beta2, epsilon }: Loshchilov & Hutter (arXiv 1711.05101).
--- All take `rate` (1e-3): a number, a list (one for each epoch), a lab.schedule, or a function of the epoch;
-- `weight_decay`
--- (adamw: decoupled; else L2, added to the gradient) and `clip_norm` (0: none).
for kind, options in pairs(graph.optimisers()) do optimisers[kind] = maker(kind, options) end

return optimisers
