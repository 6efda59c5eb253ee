-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- optimisers.lua: the optimisers of graph/optimiser.h, as a script names them.
--
-- Promise: the defaults here are written out into the plan, so that a run's row says what it was trained with.
-- Every optimiser takes `rate`: a number, a list (one an epoch), a lab.schedule, or a function of the epoch;
-- `weight_decay` (adamw: decoupled; else L2, added to the gradient: an N(0, I/decay) prior) and `clip_norm` (0: none).

local check = require "vae_lab.check"

local optimisers = {}

local Optimiser = { kind = "optimiser" }
Optimiser.__index = Optimiser

-- A list is checked where it stands; what a schedule or a function gives, when the plan is made.
local function check_rates(what, list)
  if #list == 0 then check.fail { what = what .. " is an empty list", expected = "{ 1e-3, 1e-4, … }, one for each epoch" } end
  for epoch, value in ipairs(list) do
    check.value(what .. " at epoch " .. epoch, value, { type = "number", min = 0 })
  end
end

local function maker(kind, own)
  local rules = {
    rate = { type = "number|list|schedule|function", min = 0, default = 1e-3 },
    weight_decay = { type = "number", min = 0, default = 0 },
    clip_norm = { type = "number", min = 0, default = 0 },
  }
  for name, rule in pairs(own) do rules[name] = rule end
  return function(options)
    local o = check.options("lab." .. kind, options, rules)
    if type(o.rate) == "table" and not getmetatable(o.rate) then check_rates("rate of lab." .. kind, o.rate) end
    o.kind = kind
    return setmetatable(o, Optimiser)
  end
end

local function fraction(default) return { type = "number", min = 0, below = 1, default = default } end
local function epsilon(default) return { type = "number", min = 0, default = default } end

--- lab.sgd { rate = 1e-3, momentum = 0 }: w ← w - rate · v, v ← momentum · v + g.
optimisers.sgd = maker("sgd", { momentum = fraction(0) })

--- lab.adagrad { rate = 1e-3, epsilon = 1e-10 }: Duchi et al. 2011; the optimiser of Kingma & Welling, section 5.
optimisers.adagrad = maker("adagrad", { epsilon = epsilon(1e-10) })

--- lab.rmsprop { rate = 1e-3, beta2 = 0.99, epsilon = 1e-8 }: Tieleman & Hinton 2012.
optimisers.rmsprop = maker("rmsprop", { beta2 = fraction(0.99), epsilon = epsilon(1e-8) })

--- lab.adam { rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: Kingma & Ba (arXiv 1412.6980), algorithm 1.
optimisers.adam = maker("adam", { beta1 = fraction(0.9), beta2 = fraction(0.999), epsilon = epsilon(1e-8) })

--- lab.adamw { rate = 1e-3, …, weight_decay = 0.01 }: Loshchilov & Hutter (arXiv 1711.05101).
optimisers.adamw = maker("adamw", {
  beta1 = fraction(0.9), beta2 = fraction(0.999), epsilon = epsilon(1e-8),
  weight_decay = { type = "number", min = 0, default = 0.01 },
})

--- optimisers.is(v) → whether v is one of the above.
function optimisers.is(v) return getmetatable(v) == Optimiser end

return optimisers
