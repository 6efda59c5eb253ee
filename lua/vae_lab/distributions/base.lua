-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/base.lua: what all distributions have in common: the class, sampling, KL divergences.
--
-- A file distributions/NAME.lua makes its class with base.class and returns { new =, head =, head_options = }:
--   new(…)                the distribution of these parameters: lab.NAME
--   head(net, width, o)   optional: the distribution whose parameters are layers of a network: net:NAME(width, o)
--   head_options          the options of that head, as rules for check.options

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"

local base = {}

local Distribution = {} -- the methods of every distribution

-- ---- classes --------------------------------------------------------------------------------------------------------

--- base.class { name =, parameters = {…}, fields = {…}, noise =, from_noise = } → the class, to which its file adds
-- methods, and new(…), its constructor.
--   parameters   names of the constructor's arguments, which are tensors; all but the first may be numbers
--   numbers      { NAME = true }: parameters that stay numbers where a number is given; the others become constants
--   fields       functions of the distribution that compute further fields: each runs when its field is first read, so
--                that an unused field adds no node to the graph
--   from_noise   function (self, eps): a draw as a function of noise; none: the distribution cannot be sampled
--   noise        { kind = "normal", per_feature = 1 }: the noise that it takes
function base.class(spec)
  local keep = spec.numbers or {}
  local Class, meta = { kind = spec.name:gsub("_", " ") .. " distribution" }, { spec = spec }
  for key, method in pairs(Distribution) do Class[key] = method end
  meta.kind = Class.kind
  function meta.__index(self, key)
    local field = spec.fields[key] and spec.fields[key](self)
    if field then
      rawset(self, key, field)
      return field
    end
    if Class[key] == nil then check.member(Class, key, spec.fields) end
    return Class[key]
  end
  local function no_arithmetic()
    check.fail { what = "arithmetic with a " .. Class.kind, expected = "a tensor or a number",
      hint = "use its .mean, or :log_prob(x)" }
  end
  for _, event in ipairs { "__add", "__sub", "__mul", "__div", "__unm", "__pow" } do meta[event] = no_arithmetic end

  function spec.new(...)
    local self = {}
    for i, parameter in ipairs(spec.parameters) do
      local value = select(i, ...)
      local number = type(value) == "number" and keep[parameter]
      if type(value) == "number" and i > 1 and not number then value = tensor.constant(value) end
      self[parameter] = number and value or tensor.expect(parameter .. " of lab." .. spec.name, value)
    end
    return setmetatable(self, meta)
  end
  return Class, spec.new
end

local function spec_of(v)
  local meta = getmetatable(v)
  return type(meta) == "table" and meta.spec or nil
end

--- base.is(v) → whether v is a distribution.
function base.is(v) return spec_of(v) ~= nil end

-- ---- draws ----------------------------------------------------------------------------------------------------------

-- Noise for one draw of each of `width` features.
local function noise_for(q, samples, name, width)
  local spec = spec_of(q)
  if not spec.from_noise then
    check.fail { what = "a " .. q.kind .. " cannot be sampled",
      hint = "sample another distribution, for instance lab.normal" }
  end
  local noise = spec.noise or { kind = "normal", per_feature = 1 }
  return tensor.noise { kind = noise.kind, samples = samples,
    features = noise.per_feature * (width or q[spec.parameters[1]]:width()), name = name }
end

--- q:can_sample() → whether q:sample() gives draws.
function Distribution:can_sample() return spec_of(self).from_noise ~= nil end

--- q:sample(k, width) → z, k draws for each example, shape (k, b, d): a function of the parameters and of noise, through which
-- gradients pass (the reparameterisation of Kingma & Welling, section 2.4, arXiv 1312.6114).  Draws of discrete
-- variables pass none.
-- k: a number; without it the `samples` of training, or as many draws as the parameters have.  width: of the draw, where
-- the parameters are one number for all features.
function Distribution:sample(k, width)
  if k ~= nil then check.value("the number of draws", k, { type = "integer", min = 1 }) end
  local first = spec_of(self).parameters[1]
  local draws = first and self[first].draws or 1
  local eps = noise_for(self, k or draws ~= 1 and draws or "k", "eps", width)
  local z = spec_of(self).from_noise(self, eps)
  z.origin, z.drawn_from, z.eps = "latent", self, eps
  return z
end

--- p:sample_data(name) → one draw for each example, through which no gradient passes; name: of its noise.
function Distribution:sample_data(name)
  local noise = noise_for(self, 1, name)
  return spec_of(self).from_noise(self, noise):stop_gradient()
end

--- q:stop_gradient() → the same distribution, through whose parameters no gradient passes: log q(z|x) as a function of
-- z alone.
function Distribution:stop_gradient()
  local fixed = {}
  for i, parameter in ipairs(spec_of(self).parameters) do
    local value = self[parameter]
    fixed[i] = tensor.is(value) and value:stop_gradient() or value
  end
  return spec_of(self).new(table.unpack(fixed))
end

-- ---- numbers --------------------------------------------------------------------------------------------------------

--- q:parts() → { name = tensor }, by which evaluations and figures know q: its parameters and its mean.
function Distribution:parts()
  local parts = { mean = self.mean }
  for _, parameter in ipairs(spec_of(self).parameters) do
    if tensor.is(self[parameter]) then parts[parameter] = self[parameter] end
  end
  return parts
end

--- q:has_parameters() → whether there are any; N(0, I) has none.
function Distribution:has_parameters() return #spec_of(self).parameters > 0 end

--- q:entropy() → -E[log q(z)], nats per example, in closed form; an error where there is none.
function Distribution:entropy()
  check.fail {
    what = "no closed form of the entropy", found = "a " .. self.kind,
    hint = 'estimate it: -q:log_prob(q:sample()):mean("samples")',
  }
end

local kl_of = {} -- [name of q][name of p] = function (q, p)

--- base.kl(q, p, f): f(q, p) is KL(q ‖ p) in closed form, nats per example, for distributions of these names.
function base.kl(q, p, f)
  kl_of[q] = kl_of[q] or {}
  kl_of[q][p] = f
end

local function closed_kl(q, p)
  local closed = base.is(p) and kl_of[spec_of(q).name]
  return closed and closed[spec_of(p).name] or nil
end

--- q:has_kl(p) → whether KL(q ‖ p) has a closed form here.
function Distribution:has_kl(p) return closed_kl(self, p) ~= nil end

--- q:kl(p) → KL(q ‖ p) in closed form, nats per example; p is N(0, I) when it is not given.
function Distribution:kl(p)
  p = p or require("vae_lab.distributions.standard_normal").new()
  local f = closed_kl(self, p)
  if not f then
    check.fail {
      what = "no closed form of this KL divergence",
      found = "KL(" .. self.kind .. " ‖ " .. (base.is(p) and p.kind or check.describe(p)) .. ")",
      hint = 'estimate it: (q:log_prob(z) - p:log_prob(z)):mean("samples"), z = q:sample()',
    }
  end
  return f(self, p)
end

return base
