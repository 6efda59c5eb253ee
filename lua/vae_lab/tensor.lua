-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- tensor.lua: the nodes of a graph as Lua values with arithmetic operators, so that formulas are written as in
-- mathematics.
--
-- Promise: a tensor has the shape (samples, batch, features): k draws for each of b examples of d numbers; operands
-- broadcast where an axis is 1.  Nothing is computed here: every operator adds one node to the graph of the run that is
-- being built, and a shape that does not fit is an error with the line of the script.
--
--   a + b, a - b, a * b, a / b, -a       with tensors or numbers
--   a ^ 2                                also ^ 1, ^ 0.5, ^ -1
--   a:exp() … a:sum("features") …        the methods below

local check = require "vae_lab.check"
local native = require "vae_lab.native.graph"

local tensor = {}

--- Tensor: the class; fields node (its number in the graph) and draws (its samples axis: 1, a number, or "k").
local Tensor = { kind = "tensor" }
tensor.Tensor = Tensor

-- The fields that a tensor may have besides its methods.
local fields = { node = true, draws = true, graph = true, origin = true, drawn_from = true, eps = true, make = true }

-- A leaf of tensor.lazy_input is created when its node is first read.
function Tensor.__index(self, key)
  if key ~= "node" then
    if Tensor[key] == nil and not fields[key] then check.member(Tensor, key, {}) end
    return Tensor[key]
  end
  self.node = self.make()
  return self.node
end

-- ---- the graph that is being built ----------------------------------------------------------------------------------

local current -- set by tensor.build, nil outside

--- tensor.build(graph, f, …) → what f(…) returns, with `graph` (native) as the one that tensors are added to.
-- An error leaves it set: the error ends the script, and the next build sets it again.
function tensor.build(graph, f, ...)
  current = { graph = graph, names = {}, params = {}, made = {} }
  local result = table.pack(f(...))
  current = nil
  return table.unpack(result, 1, result.n)
end

local function building(what)
  if not current then
    check.fail {
      what = what .. " is created outside of a model", expected = "a call within model = function (run, x) … end",
      hint = "tensors, networks and distributions belong to the graph of a run: create them in the model function",
    }
  end
  return current
end

--- tensor.unique(base) → base, or base2, base3 … where it is in use in this graph: names in order of creation.
function tensor.unique(base)
  local names = building("a name").names
  names[base] = (names[base] or 0) + 1
  return names[base] == 1 and base or base .. names[base]
end

--- tensor.claim(name, what): enters a name that a script gave; raises when it is in use.
function tensor.claim(name, what)
  local names = building(what).names
  if names[name] then
    check.fail { what = string.format("two networks are called %q", name), expected = "a different name = for each" }
  end
  names[name] = 1
  return name
end

local function wrap(node, draws, origin)
  return setmetatable({ node = node, draws = draws or 1, origin = origin, graph = current.graph }, Tensor)
end

--- tensor.is(v) → whether v is a tensor.
function tensor.is(v) return getmetatable(v) == Tensor end

--- tensor.expect(what, v) → v, which must be a tensor of the graph being built.
function tensor.expect(what, v)
  if not tensor.is(v) then
    check.fail { what = what .. " must be a tensor", found = check.describe(v),
      expected = "x, or a tensor computed from it" }
  end
  if v.graph ~= building(what).graph then
    check.fail {
      what = what .. " belongs to the graph of another run",
      hint = "keep tensors in local variables of the model function: it is called for each run",
    }
  end
  return v
end

-- The samples axis of a result: that of the first operand for which it is not 1.
local function common_draws(args)
  for _, a in ipairs(args) do
    if a.draws ~= 1 then return a.draws end
  end
  return 1
end

-- The origin of a result, by which networks are named: "latent" if any operand is latent, else "data".
local function common_origin(args)
  local origin
  for _, a in ipairs(args) do
    if a.origin == "latent" then return "latent" end
    origin = origin or a.origin
  end
  return origin
end

-- "add 4 7", "affine 3 scale=2 shift=0": equal for two nodes of equal value.
local function signature(op, nodes, attrs)
  local text = { op, table.unpack(nodes) }
  for _, key in ipairs(check.sorted_keys(attrs)) do
    text[#text + 1] = key .. "=" .. check.text(attrs[key])
  end
  return table.concat(text, " ")
end

--- tensor.apply(op, args, attrs) → the tensor of one operation of the engine (graph/ops.h).
-- The same operation on the same tensors is added once.
function tensor.apply(op, args, attrs)
  attrs = attrs or {}
  local c, nodes = building(op), {}
  for i, a in ipairs(args) do nodes[i] = tensor.expect("an argument of " .. op, a).node end
  local key = signature(op, nodes, attrs)
  c.made[key] = c.made[key] or c.graph:apply(op, nodes, attrs)
  return wrap(c.made[key], common_draws(args), common_origin(args))
end
local apply = tensor.apply

-- ---- leaves ---------------------------------------------------------------------------------------------------------

--- tensor.input(name, features) → the data leaf "x" or "y", shape (1, b, features).
function tensor.input(name, features)
  local graph = building("an input").graph
  return wrap(graph:input(name, { 1, "b", features }), 1, "data")
end

--- tensor.lazy_input(name, features) → the same, created when it is first used: a model that ignores y has no such
-- leaf.
function tensor.lazy_input(name, features)
  local graph = building("an input").graph
  local make = function() return graph:input(name, { 1, "b", features }) end
  return setmetatable({ make = make, draws = 1, origin = "data", graph = graph }, Tensor)
end

--- tensor.absent(problem) → in place of an input that the data do not have: any use of it raises that problem (of
-- check.fail).
function tensor.absent(problem)
  local make = function() check.fail(problem) end
  return setmetatable({ make = make, draws = 1, origin = "data", graph = building("an input").graph }, Tensor)
end

--- tensor.param(name, rows, columns, init) → a trained array (1, rows, columns); the same name returns the same array.
function tensor.param(name, rows, columns, init)
  local c = building("a parameter")
  local node = c.params[name] or c.graph:param(name, rows, columns, init)
  c.params[name] = node
  local _, own_rows, own_columns = c.graph:shape(node)
  if own_rows ~= rows or own_columns ~= columns then
    check.fail {
      what = "the weights " .. name .. " are used with two sizes", found = string.format("%d by %d", rows, columns),
      expected = string.format("%d by %d", own_rows, own_columns),
    }
  end
  return wrap(node)
end

--- lab.parameter(name, rows, columns, init) → a trained array (1, rows, columns) of the script's own, such as the
-- pseudo-inputs of a prior; the same name returns the same array.  init: one of graph_param's (graph/graph.h), "zeros"
-- when it is not given.
function tensor.parameter(name, rows, columns, init)
  check.value("the name of lab.parameter", name, { type = "string" })
  if not name:match("^[%w_][%w_%-/.]*$") then
    check.fail { what = "bad name of lab.parameter", found = check.describe(name),
      expected = "letters, digits, _ - / ." }
  end
  check.value("rows of lab.parameter", rows, { type = "integer", min = 1 })
  check.value("columns of lab.parameter", columns, { type = "integer", min = 1 })
  return tensor.param(name, rows, columns, check.value("init of lab.parameter", init or "zeros", { type = "string" }))
end

--- tensor.param_names() → the names of the parameters that the graph has so far, sorted.
function tensor.param_names() return check.sorted_keys(building("a list of parameters").params) end

--- tensor.noise { kind = "normal", samples = 1, batch = "b", features = 1, name = "eps" } → random numbers, drawn again
-- in every step: N(0, 1), or uniform on (0, 1).  samples may be "k" (the run's draws), batch may be 1 (one draw for the
-- whole batch).
function tensor.noise(options)
  local o = check.options("lab.noise", options, {
    kind = { type = "string", one_of = { "normal", "uniform" }, default = "normal" },
    samples = { type = "integer|string", min = 1, default = 1 },
    batch = { type = "integer|string", min = 1, default = "b" },
    features = { type = "integer", min = 1, default = 1 }, name = { type = "string", default = "eps" },
  })
  if type(o.samples) == "string" then check.one_of("samples of lab.noise", o.samples, { "k" }) end
  if type(o.batch) == "string" then check.one_of("batch of lab.noise", o.batch, { "b" }) end
  local graph = building("noise").graph
  local node = graph:noise(tensor.unique(o.name), o.kind, { o.samples, o.batch, o.features })
  return wrap(node, o.samples)
end

--- tensor.constant(v) → the number v as a tensor (1, 1, 1).
function tensor.constant(v)
  check.value("lab.constant", v, { type = "number" })
  local graph = building("a constant").graph
  return wrap(graph:constant(v))
end

--- tensor.scalar(name) → the leaf (1, 1, 1) that a schedule sets at every epoch.
function tensor.scalar(name)
  local graph = building("a scalar").graph
  return wrap(graph:scalar(name))
end

-- ---- arithmetic -----------------------------------------------------------------------------------------------------

local function operand(sign, v)
  if type(v) == "number" or tensor.is(v) then return v end
  check.fail { what = 'bad operand of "' .. sign .. '"', found = check.describe(v), expected = "a tensor or a number" }
end

local function affine(a, scale, shift) return apply("affine", { a }, { scale = scale, shift = shift }) end

function Tensor.__add(a, b)
  a, b = operand("+", a), operand("+", b)
  if type(a) == "number" then a, b = b, a end
  if type(b) == "number" then return affine(a, 1, b) end
  return apply("add", { a, b })
end

function Tensor.__sub(a, b)
  a, b = operand("-", a), operand("-", b)
  if type(b) == "number" then return affine(a, 1, -b) end
  if type(a) == "number" then return affine(b, -1, a) end
  return apply("sub", { a, b })
end

function Tensor.__mul(a, b)
  a, b = operand("*", a), operand("*", b)
  if type(a) == "number" then a, b = b, a end
  if type(b) == "number" then return affine(a, b, 0) end
  return apply("mul", { a, b })
end

function Tensor.__div(a, b)
  a, b = operand("/", a), operand("/", b)
  if type(b) == "number" then return affine(a, 1 / b, 0) end
  if type(a) == "number" then return affine(apply("reciprocal", { b }), a, 0) end
  return apply("div", { a, b })
end

function Tensor.__unm(a) return apply("neg", { a }) end

local powers = {
  [2] = function(a) return apply("square", { a }) end, [0.5] = function(a) return apply("sqrt", { a }) end,
  [-1] = function(a) return apply("reciprocal", { a }) end, [1] = function(a) return a end,
}
function Tensor.__pow(a, n)
  if not powers[n] then
    check.fail {
      what = 'bad exponent of "^"', found = check.describe(n), expected = "2, 1, 0.5 or -1",
      hint = "(n * a:log()):exp() for a > 0",
    }
  end
  return powers[n](a)
end

function Tensor.__eq(a, b) return a.node == b.node and a.graph == b.graph end
function Tensor.__tostring(a)
  return string.format("tensor %d (%s)", a.node, table.concat({ a:shape() }, ", "))
end

--- a:exp(), a:log(), a:tanh() …: the engine's functions of one variable (docs/arithmetic.md lists them), element by
-- element.
--- tensor.activations: the activations of a layer: "linear" and these functions.
tensor.activations = { "linear" }
for _, op in ipairs(native.ops()) do
  if op.elementwise then
    Tensor[op.name] = function(a) return apply(op.name, { a }) end
    table.insert(tensor.activations, op.name)
  end
end

--- a:stop_gradient(): the same value, through which no gradient passes.
function Tensor.stop_gradient(a) return apply("stop_gradient", { a }) end

--- a:max(b): the greater of the two, element by element; b: a tensor or a number.
function Tensor.max(a, b)
  b = operand("max", b)
  return apply("max", { a, type(b) == "number" and tensor.constant(b) or b })
end

-- ---- reductions -----------------------------------------------------------------------------------------------------

local axes = { "features", "samples", "batch" }
local axes_and_all = { "features", "samples", "batch", "all" }

local function reduce(op, a, axis, allowed)
  axis = check.one_of("axis of " .. op .. ":", axis or "features", allowed)
  local result = apply(op, { a }, { axis = axis })
  if axis == "samples" or axis == "all" then result.draws = 1 end
  return result
end

--- a:sum(axis), a:mean(axis): axis is "features" (the default), "samples", "batch" or "all"; that axis becomes 1.
function Tensor.sum(a, axis) return reduce("sum", a, axis, axes_and_all) end
function Tensor.mean(a, axis) return reduce("mean", a, axis, axes_and_all) end

--- a:logsumexp(axis): log Σ exp(a), shifted by the maximum; axis is "features" (the default), "samples" or "batch".
function Tensor.logsumexp(a, axis) return reduce("logsumexp", a, axis, axes) end

--- a:logmeanexp(axis): log of the mean of exp(a), for any number of draws: an evaluation may use more than training.
function Tensor.logmeanexp(a, axis) return reduce("logmeanexp", a, axis, axes) end

-- ---- form -----------------------------------------------------------------------------------------------------------

--- a:shape() → samples, batch, features, at the batch size and draws of training; of images samples, batch, channels,
-- height, width.
function Tensor:shape() return self.graph:shape(self.node) end

--- a:width() → the values of one example and draw: its features, or channels × height × width.
function Tensor:width()
  local _, _, features, rows, columns = self:shape()
  return features * (rows or 1) * (columns or 1)
end

--- a:slice(first, count): count features (of images: channels) from `first`, counted from 1.
function Tensor:slice(first, count)
  local _, _, features = self:shape()
  check.value("first of slice", first, { type = "integer", min = 1, max = features })
  check.value("count of slice", count, { type = "integer", min = 1, max = features - first + 1 })
  return apply("slice", { self }, { first = first - 1, count = count })
end

--- a:transpose(swap): two axes exchanged: "samples_batch", "batch_features" or "samples_features".
function Tensor:transpose(swap)
  local result = apply("transpose", { self }, { swap = swap })
  result.draws = select(1, result:shape())
  return result
end

--- a:reshape { samples =, batch =, features =, height =, width = }: the same values in their order; numbers, or "b",
-- "k", "rest", "keep" (the default).  To images: { features = 1, height = 28, width = 28 }; back: { features = "rest",
-- height = 1, width = 1 }.
function Tensor:reshape(form)
  local result = apply("reshape", { self }, form)
  result.draws = form.samples or self.draws
  return result
end

--- a:first(): the first example of the minibatch, shape (·, 1, d): a random one, as every epoch has its own order.
function Tensor:first() return self:transpose("batch_features"):slice(1, 1):transpose("batch_features") end

--- a:clamp(low, high): min(max(a, low), high); outside of [low, high] no gradient passes.
function Tensor:clamp(low, high) return apply("clamp", { self }, { low = low, high = high }) end

--- a:upsample(factor): larger images (·, b, channels, height, width): each pixel becomes factor × factor pixels.
function Tensor:upsample(factor) return apply("upsample", { self }, { factor = factor }) end

--- lab.concat { a, b, … }: concatenated along the features.
function tensor.concat(list)
  check.value("lab.concat", list, { type = "list" })
  for i, a in ipairs(list) do tensor.expect("entry " .. i .. " of lab.concat", a) end
  if #list == 1 then return list[1] end
  return apply("concat", list)
end

return tensor
