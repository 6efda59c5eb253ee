-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- networks.lua: layers and heads: lab.mlp { x, 500, act = "tanh" }:normal(2), lab.conv2d.
--
-- Promise: parameters have stable names, NETWORK.LAYER.W and NETWORK.LAYER.b.  A network whose input is data is called
-- "encoder", one with a latent input "decoder" (the next ones "encoder2" …), unless the script names it.  Layers count
-- from 0; a head is named after its parameter.  Names are unique: weights are shared only by calling a network again.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local distributions = require "vae_lab.distributions"
local merged = require("vae_lab.tables").merged

local networks = {}

local Network = { kind = "network" }
function Network.__index(_, key)
  if Network[key] == nil then check.member(Network, key, { output = true }) end
  return Network[key]
end

-- ---- initial values -------------------------------------------------------------------------------------------------

-- The inits by name: → the strings of graph_param for W and b of a layer with `rows` inputs.
local inits = {
  -- Glorot & Bengio 2010, as Burda et al. use it
  glorot = function() return "glorot_uniform", "zeros" end,
  -- torch.nn.Linear's: both uniform on ±1/sqrt(inputs)
  pytorch = function(rows) return "fan_in_uniform", string.format("uniform(%s)", check.number(1 / math.sqrt(rows))) end,
  -- He et al. 2015, for relu
  he = function() return "he_normal", "zeros" end,
  -- Kingma & Welling, section 5: all parameters from N(0, 0.01), taken as a standard deviation of 0.01
  paper = function() return "normal(0.01)", "normal(0.01)" end,
}
local plain = { "zeros", "ones", "glorot_uniform", "glorot_normal", "he_normal", "fan_in_uniform" }
local with_number = { "normal", "uniform", "constant" }

local function init_of(what, name, rows)
  if inits[name] then return inits[name](rows) end
  for _, known in ipairs(plain) do
    if name == known then return name, "zeros" end
  end
  local kind, number = name:match("^(%a+)%(([^()]+)%)$")
  for _, known in ipairs(with_number) do
    if kind == known and tonumber(number) then return name, "zeros" end
  end
  local names = check.sorted_keys(inits)
  for _, known in ipairs(plain) do names[#names + 1] = known end
  for _, known in ipairs(with_number) do names[#names + 1] = known .. "(NUMBER)" end
  check.unknown("init of " .. what .. ":", name, names)
end

-- ---- layers ---------------------------------------------------------------------------------------------------------

-- The activations that the engine applies inside the matrix product.
local fused = {}
for _, op in ipairs(require("vae_lab.native.graph").ops()) do
  for _, act in ipairs(op.name == "dense" and op.attributes.act or {}) do fused[act] = true end
end

-- act(h W + b).  An activation whose derivative needs h W + b itself is a node of its own, so that h W + b is kept.
local function dense(h, scope, width, act, init, bias_init)
  local rows = h:width()
  local w_init, b_init = init_of(scope, init, rows)
  local w = tensor.param(scope .. ".W", rows, width, w_init)
  local b = tensor.param(scope .. ".b", 1, width, bias_init or b_init)
  if act == "linear" then act = "none" end
  local output = tensor.apply("dense", { h, w, b }, { act = fused[act] and act or "none" })
  return fused[act] and output or output[act](output)
end

--- lab.conv2d { image, channels, kernel = 3, stride = 1, padding = 0, act = "relu", init = "he", name = … } → an image.
-- A convolution layer for images (·, b, channels, height, width): x:reshape { features = 1, height = 28, width = 28 }.
--   kernel       the side of the square patches;   stride   their distance;   padding   zeros around the image
--   act, init    as in lab.mlp
-- The result has floor((height + 2 padding - kernel) / stride) + 1 rows, and columns by the same rule from the width.
function networks.conv2d(options)
  local o = check.options("lab.conv2d", options, {
    [1] = { type = "tensor|integer" }, kernel = { type = "integer", min = 1, default = 3 },
    stride = { type = "integer", min = 1, default = 1 }, padding = { type = "integer", min = 0, default = 0 },
    act = { type = "string", one_of = tensor.activations, default = "relu" },
    init = { type = "string", default = "he" }, name = { type = "string" },
  })
  local image = tensor.expect("the image of lab.conv2d", o[1])
  local channels = check.value("channels of lab.conv2d", o[2], { type = "integer", min = 1 })
  local name = o.name and tensor.claim(o.name, "a convolution") and o.name or tensor.unique("conv")
  local _, _, depth = image:shape()
  local rows = depth * o.kernel * o.kernel
  local w_init, b_init = init_of(name, o.init, rows)
  local w, b = tensor.param(name .. ".W", rows, channels, w_init), tensor.param(name .. ".b", 1, channels, b_init)
  local y = tensor.apply("conv2d", { image, w, b }, { kernel = o.kernel, stride = o.stride, padding = o.padding })
  return o.act == "linear" and y or tensor.apply(o.act, { y })
end

local function run_layers(self, inputs)
  local h = tensor.concat(inputs)
  for i, width in ipairs(self.widths) do
    h = dense(h, self.name .. "." .. (i - 1), width, self.act, self.init)
  end
  return h
end

local function instance(self, inputs)
  return setmetatable({
    name = self.name, widths = self.widths, act = self.act, init = self.init,
    output = run_layers(self, inputs), heads = {},
  }, Network)
end

-- The leading tensors of a list, and the rest.  later: the inputs may come with a later call.
local function split_inputs(what, list, later)
  local inputs, rest = {}, {}
  for i, entry in ipairs(list) do
    if tensor.is(entry) and #rest == 0 then
      inputs[i] = tensor.expect("input of " .. what, entry)
    else
      rest[#rest + 1] = entry
    end
  end
  if #inputs == 0 and not later then
    check.fail {
      what = what .. " has no input", found = check.describe(list[1]),
      expected = "a tensor first: " .. what .. " { x, 500, act = \"tanh\" }",
      hint = what == "lab.mlp" and "or give it a name = and call it later: net { x }" or nil,
    }
  end
  return inputs, rest
end

--- lab.mlp { x, 500, 500, act = "tanh", init = "glorot", name = … } → a network: dense layers of those widths in turn.
-- Several inputs are concatenated: lab.mlp { x, y, 500 } (a conditional model).  Without widths the heads read the
-- input itself.
--   act    "tanh" (the default), "linear", or another function of one variable: "relu", "silu", "softplus" …
--   init   "glorot" (the default), "pytorch", "he", "paper" (weights and biases N(0, 0.01)), or one of graph_param
--          (graph/graph.h)
--   name   of its parameters; without it "encoder", or "decoder" where an input is latent
-- Field: output, the tensor of the last layer.  Calling the network on other inputs, net { x2 }, applies the same
-- weights to them.  A network with a name may be made without input: net = lab.mlp { 500, name = "encoder" }, then
-- net { x }:normal(2).
function networks.mlp(options)
  local o = check.options("lab.mlp", options, {
    [1] = { type = "tensor|integer", min = 1 },
    act = { type = "string", one_of = tensor.activations, default = "tanh" },
    init = { type = "string", default = "glorot" }, name = { type = "string" },
  })
  local inputs, widths = split_inputs("lab.mlp", o, o.name)
  for i, width in ipairs(widths) do
    check.value("width of layer " .. i .. " of lab.mlp", width, { type = "integer", min = 1 })
  end
  local name = o.name
  if name then
    if not name:match("^[%w_%-/]+$") then
      check.fail { what = "bad name of a network", found = check.describe(name), expected = "letters, digits, _ - /" }
    end
    tensor.claim(name, "a network")
  else
    local latent = false
    for _, input in ipairs(inputs) do latent = latent or input.origin == "latent" end
    name = tensor.unique(latent and "decoder" or "encoder")
  end
  local net = { name = name, widths = widths, act = o.act, init = o.init }
  return #inputs > 0 and instance(net, inputs) or setmetatable(net, Network)
end

function Network:__call(inputs)
  if tensor.is(inputs) then inputs = { inputs } end
  local list, rest = split_inputs(self.name, inputs)
  if #rest > 0 then
    check.fail {
      what = "a call of a network takes inputs only", found = check.describe(rest[1]), expected = "net { x }",
    }
  end
  return instance(self, list)
end

-- ---- heads ----------------------------------------------------------------------------------------------------------

-- A width, given as a number or as a tensor of that width: :bernoulli(x).
local function width_of(what, like)
  if tensor.is(like) then return like:width() end
  return check.value("width of " .. what, like, { type = "integer|tensor", min = 1 })
end

-- Each head of a network exists once: its name names its weights.
local function head(self, name, width, options)
  if not name:match("^[%a_][%w_.]*$") then
    check.fail { what = "bad name of a head", found = check.describe(name),
      expected = "a letter, then letters, digits, _" }
  end
  if rawget(self, "output") == nil then
    check.fail {
      what = string.format("network %q has no input yet", self.name), found = "its head " .. name,
      expected = "a call first: net { x }",
    }
  end
  if self.heads[name] then
    check.fail {
      what = string.format("network %q has a head %q already", self.name, name), hint = "give the second one a name =",
    }
  end
  self.heads[name] = true
  return dense(self.output, self.name .. "." .. name, width, "linear", options.init or self.init, options.bias_init)
end

local head_rules = { init = { type = "string" }, bias_init = { type = "string" }, name = { type = "string" } }
local function head_options(what, options, more) return check.options(what, options, merged(head_rules, more)) end

--- net:linear(width, { name = "linear", init =, bias_init = }) → a tensor (·, b, width): a further layer, without
-- activation.
function Network:linear(width, options)
  local o = head_options(":linear", options)
  return head(self, o.name or "linear", width_of(":linear", width), o)
end

-- net:NAME(d, options): the distribution of that name whose parameters are heads of the network; see its file in
-- distributions/.
for name, distribution in pairs(distributions.by_name) do
  if distribution.head then
    Network[name] = function(self, d, options)
      local o = head_options(":" .. name, options, distribution.head_options)
      return distribution.head(self, width_of(":" .. name, d), o)
    end
  end
end

return networks
