-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/location_scale.lua: the head that distributions with a location and a scale share.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"

local location_scale = {}

--- location_scale.options(scale) → the head's options; scale: the name of the second parameter, "logvar" or "logscale".
function location_scale.options(scale)
  return {
    mean_act = { type = "string", one_of = tensor.activations, default = "linear" },
    [scale] = { type = "string|number", default = "head" }, floor = { type = "number" },
  }
end

--- location_scale.head(net, width, o, kind, scale) → mu and the tensor `scale`, two linear layers on the network.
--   mean_act = "linear"   an activation of mu: "sigmoid" keeps it in (0, 1)
--   SCALE = "head"        a linear layer; "shared": one trained number for each feature; "one": one for all of them; a
--                         number: fixed
--   floor = a             SCALE is a + softplus(SCALE - a): a soft lower bound, which changes the model
function location_scale.head(net, width, o, kind, scale)
  local prefix = o.name and o.name .. "." or ""
  local mu = net:linear(width, { name = prefix .. "mu", init = o.init, bias_init = o.bias_init })
  if o.mean_act ~= "linear" then mu = mu[o.mean_act](mu) end
  local given, spread = o[scale], nil
  if type(given) == "number" then
    spread = tensor.constant(given)
  elseif check.one_of(scale .. " of :" .. kind .. ":", given, { "head", "shared", "one" }) ~= "head" then
    spread = tensor.param(net.name .. "." .. prefix .. scale, 1, given == "one" and 1 or width, "zeros")
  else
    spread = net:linear(width, { name = prefix .. scale, init = o.init })
  end
  if o.floor then spread = o.floor + (spread - o.floor):softplus() end
  return mu, spread
end

return location_scale
