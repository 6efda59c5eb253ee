-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- build.lua: calls the model function of a script and names what it returns: the graph of a run.
--
-- Promise: the graphs of all models have the same public names, so that evaluations and figures do not depend on the
-- model:
--   bound            what is maximised, (·, b, 1), nats per example, as the script returned it
--   elbo             at beta = 1 whatever the bound: mean over the draws of log p(x|z), minus the KL
--   reconstruction   mean over the draws of log p(x|z);   kl   KL(q(z|x) ‖ p(z))
--   logw             log p(x|z) + log p(z) - log q(z|x), (k, b, 1): the log importance weights
--   prior.logp       log p(z) of a model whose prior is not N(0, I); prior.z   z ~ p(z), (k, b, d), where that can be
--                    drawn (priors.lua)
--   x, z; q.mu, q.logvar, q.sigma, p.mean and the other parts of each distribution (its :parts())
-- and every other tensor that the model returned, by its key.  What a model lacks is left out.
--   logjoint         log p(x|z) + log p(z), (k, b, 1), for Monte Carlo EM, which draws z from the posterior
-- A second graph over the same parameters, for evaluations and no part of a run's identity, has further names:
--   loglik           log p(x|z), (k, b, 1);   logjoint   log p(x|z) + log p(z)
--   annealed         log p(z) + t log p(x|z), t the scalar "anneal": from the prior (0) to the posterior (1)
--   surrogate.NAME   (1, b, 1): the tensors of surrogates = function () return { NAME = … } end, whose gradients are
--                    estimators (surrogates.lua)

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local schedules = require "vae_lab.schedules"
local distributions = require "vae_lab.distributions"
local priors = require "vae_lab.priors"

local merged = require("vae_lab.tables").merged

local build = {}

-- ---- the settings as the model reads them ---------------------------------------------------------------------------

--- build.run(values) → an object to read settings from: run.beta, run.latent …; an unknown one is an error.
-- A schedule is read as the scalar leaf of its name, and is then entered in `used`.
function build.run(values, used)
  local names = check.sorted_keys(values)
  return setmetatable({}, {
    kind = "run",
    __index = function(self, key)
      local value = values[key]
      if value == nil then
        check.fail {
          what = "the run has no setting " .. check.describe(key), expected = "one of: " .. table.concat(names, ", "),
          hint = check.suggestion(key, names) or "declare it in settings = { … } or sweep = { … }",
        }
      end
      if used and schedules.is(value) then
        used[key] = value
        value = tensor.scalar(key)
        rawset(self, key, value)
      end
      return value
    end,
    __newindex = function(_, key)
      check.fail { what = "a run's settings are read only", found = "an assignment to run." .. tostring(key) }
    end,
  })
end

-- ---- what a model returned ------------------------------------------------------------------------------------------

-- What the names that the library knows must be; any other name may be a tensor or a distribution.
local roles = {
  bound = "tensor", elbo = "tensor", kl = "tensor", logw = "tensor", reconstruction = "tensor", z = "tensor",
  p = "distribution", prior = "distribution", q = "distribution", metrics = "table", surrogates = "function",
}
local known = check.sorted_keys(roles)

local function shape_text(t) return "(" .. table.concat({ t:shape() }, ", ") .. ")" end

-- One number for each example, or for each example and draw.
local function check_per_example(name, t, size)
  tensor.expect(name, t)
  local samples, batch, features = t:shape()
  local draws = size.samples > 1 and string.format(" or (%d, %d, 1)", size.samples, size.batch) or ""
  local expected = string.format("(1, %d, 1)%s: one number for each example", size.batch, draws)
  if batch ~= size.batch or features ~= 1 or (samples ~= 1 and samples ~= size.samples) then
    local averaged = batch ~= size.batch and "do not average over the batch: the engine does" or nil
    local hint = features ~= 1 and 'add :sum("features")?' or averaged
    check.fail { what = name .. " has the wrong shape", found = shape_text(t), expected = expected, hint = hint }
  end
end

-- A distribution of the library, or a table with a log_prob of the script's own.
local function is_density(value)
  return distributions.is(value) or type(value) == "table" and not tensor.is(value) and value.log_prob ~= nil
end

local function check_result(result, size)
  if type(result) ~= "table" or tensor.is(result) or distributions.is(result) then
    check.fail {
      what = "the model must return a table", found = check.describe(result),
      expected = "{ bound = …, q = q, p = px, z = z }",
    }
  end
  for key, value in pairs(result) do
    if type(key) ~= "string" then
      check.fail {
        what = "the model returned a value without a name", found = check.describe(value),
        expected = "names: " .. table.concat(known, ", "),
      }
    end
    local role = roles[key]
    local good = (role == "table" or role == "function") and type(value) == role
      or role == "tensor" and tensor.is(value) or role == "distribution" and is_density(value)
      or not role and (tensor.is(value) or distributions.is(value))
    if not good then
      check.fail {
        what = "the model returned a bad " .. key, found = check.describe(value),
        expected = "a " .. (role or "tensor or a distribution"),
        hint = not role and check.suggestion(key, known) or nil,
      }
    end
  end
  if not result.bound then
    local near
    for _, key in ipairs(check.sorted_keys(result)) do near = near or check.nearest(key, { "bound" }) and key end
    check.fail {
      what = "the model returned no bound", found = "keys: " .. table.concat(check.sorted_keys(result), ", "),
      expected = "bound = the tensor to maximise, nats per example",
      hint = near and string.format('is "%s" a misspelt "bound"?', near),
    }
  end
  check_per_example("bound", result.bound, size)
end

-- ---- names ----------------------------------------------------------------------------------------------------------

-- Adds what follows from q, p and z, unless the script returned it (a model with several latents does).
local function complete(result, x)
  local q, p, z = result.q, result.p, result.z
  if q and p and z then
    local prior = priors.of(result)
    result.reconstruction = result.reconstruction or p:log_prob(x):mean("samples")
    result.kl = result.kl or priors.divergence(q, prior, z)
    result.logw = result.logw or p:log_prob(x) + prior:log_prob(z) - q:log_prob(z)
  end
  if result.reconstruction and result.kl and not result.elbo then result.elbo = result.reconstruction - result.kl end
  return result
end

local function named_nodes(result)
  local nodes = {}
  for _, key in ipairs(check.sorted_keys(result)) do -- in a fixed order, since parts() adds nodes
    local value = result[key]
    if tensor.is(value) then
      nodes[key] = value
    elseif distributions.is(value) then
      for name, part in pairs(value:parts()) do nodes[key .. "." .. name] = part end
    end
  end
  for key, value in pairs(result.metrics or {}) do nodes[key] = value end
  return nodes
end

local per_epoch = { "elbo", "reconstruction", "kl", "bound" }

-- The names that are recorded at every epoch, in a fixed order: those of the library, then those of the script.
local function metric_names(result, size)
  local names = {}
  for _, name in ipairs(per_epoch) do
    if result[name] then
      check_per_example(name, result[name], size)
      names[#names + 1] = name
    end
  end
  for _, name in ipairs(check.sorted_keys(result.metrics or {})) do
    if result[name] then check.fail { what = "the metric " .. name .. " is taken", hint = "choose another name" } end
    check_per_example("metric " .. name, result.metrics[name], size)
    names[#names + 1] = name
  end
  return names
end

-- What Monte Carlo EM needs: log p(x, z) of a z that nothing else determines.
local function add_target(nodes, result, x)
  for _, key in ipairs { "p", "z" } do
    if not result[key] then
      check.fail {
        what = "Monte Carlo EM needs " .. key .. ", which the model does not return",
        expected = "return { bound = px:log_prob(x) + prior:log_prob(z), p = px, z = z }",
        hint = "or leave out monte_carlo_em in train",
      }
    end
  end
  local z, prior = result.z, priors.of(result)
  if not z.drawn_from or z.drawn_from:has_parameters() then
    check.fail {
      what = "Monte Carlo EM draws z, and the model computes it",
      found = z.drawn_from and "z = q:sample()" or "a z that is not drawn",
      expected = "z = lab.standard_normal():sample(d), which the draws replace",
      hint = "with an encoder, leave out monte_carlo_em in train",
    }
  end
  nodes.logjoint = result.p:log_prob(x) + prior:log_prob(z)
end

-- What evaluations of the posterior p(z|x) need, of a model with one latent z that is drawn: they replace it by their
-- own draws.
local function add_joint(nodes, result, x)
  if not (result.p and result.z) or result.z.draws == 1 then return end
  local logprior = priors.of(result):log_prob(result.z)
  nodes.loglik = result.p:log_prob(x)
  nodes.logjoint = nodes.loglik + logprior
  nodes.annealed = logprior + tensor.scalar("anneal") * nodes.loglik
end

-- Labels, one-hot.  Without labels any use of y is an error; a nil in lab.mlp { x, y, 500 } would silently leave it
-- out.
local function labels_of(data)
  if data:classes() > 0 then return tensor.lazy_input("y", data:classes()) end
  return tensor.absent {
    what = "the model uses the labels y, and the data have none",
    hint = "leave y out, or use data with labels: vae-lab data list",
  }
end

-- Calls f(…), which may use the trained weights only.
local function without_weights(what, f, ...)
  local trained = {}
  for _, name in ipairs(tensor.param_names()) do trained[name] = true end
  local result = f(...)
  for _, name in ipairs(tensor.param_names()) do
    if not trained[name] then
      check.fail {
        what = what .. " creates weights of its own, which are not trained", found = name,
        expected = "the networks of the model, called again on other inputs: net { z }",
      }
    end
  end
  return result
end

-- The estimators of the gradient.
local function add_surrogates(nodes, result, size)
  if not result.surrogates then return end
  local given = check.value("what surrogates returns", without_weights("surrogates", result.surrogates),
    { type = "table" })
  for _, name in ipairs(check.sorted_keys(given)) do
    check_per_example("surrogates." .. name, given[name], size)
    nodes["surrogate." .. name] = given[name]
  end
end

local function graph_of(model, values, data, size, eval_graph)
  local graph = require("vae_lab.native.graph").new(size.batch, size.samples)
  local used = {}
  return tensor.build(graph, function()
    local x = tensor.input("x", data:features())
    local given = model(build.run(values, used), x, labels_of(data))
    check_result(given, size)
    local result = complete(merged(given), x)
    local metrics = metric_names(result, size)
    result["prior.z"] = without_weights("the prior's sample", priors.draws, result, size)
    result["prior.logp"] = priors.own_density(result)
    local nodes = named_nodes(result)
    nodes.x = nodes.x or x
    if size.monte_carlo_em then add_target(nodes, result, x) end
    if eval_graph then
      add_joint(nodes, result, x)
      add_surrogates(nodes, result, size)
    end
    local prior = eval_graph and priors.state(given, result["prior.z"], x) or nil
    local widths = {}
    for _, name in ipairs(check.sorted_keys(nodes)) do
      graph:name(name, nodes[name].node)
      widths[name] = nodes[name]:width()
    end
    return {
      graph = graph, metrics = metrics, scalars = used, widths = widths, params = tensor.param_names(),
      latent = result.z and result.z:width() or nil, prior = prior,
    }
  end)
end

--- build.graph(model, values, data, size) → { graph =, metrics = {names}, scalars = {name = schedule}, latent = width
-- of z, widths = {name = features} of the public names, params = {names of the weights} }.
--   model    the script's function (run, x, y)
--   values   its settings
--   size     { batch =, samples =, monte_carlo_em = } of training
function build.graph(model, values, data, size) return graph_of(model, values, data, size, false) end

--- build.eval_graph(model, values, data, size) → the same for the graph of evaluations, and prior = what priors.state
-- says.
function build.eval_graph(model, values, data, size) return graph_of(model, values, data, size, true) end

return build
