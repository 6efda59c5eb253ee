-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- priors.lua: the prior p(z) of a model as evaluations and figures use it: whether it is N(0, I), and draws from it.
--
-- Promise: a prior that a model has is used, or refused before training; nothing takes it for N(0, I) in silence.  A
-- model states its prior as `prior` among what it returns: a distribution of the library, or a table of the script's own
-- with log_prob(self, z) and, for draws, sample(self) → a tensor (k, b, d).  Without `prior` it is N(0, I), unless the
-- script's own kl and logw are others than those of N(0, I).

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local distributions = require "vae_lab.distributions"

local standard_normal = distributions.by_name.standard_normal.new

local priors = {}

--- priors.of(result) → the prior that the model returned, or N(0, I).
function priors.of(result) return result.prior or standard_normal() end

local function is_standard(prior) return distributions.is(prior) and prior.kind == standard_normal().kind end

--- priors.divergence(q, prior, z) → KL(q ‖ p) in closed form where there is one, else the mean over the draws of
-- log q(z|x) - log p(z).
function priors.divergence(q, prior, z)
  if distributions.is(q) and q:has_kl(prior) then return q:kl(prior) end
  return (q:log_prob(z) - prior:log_prob(z)):mean("samples")
end

-- Whether the kl and the logw that the script returned itself are those of another prior than N(0, I), or may be: equal
-- formulas are one node.
local function may_hide_another(given, x)
  local q, p, z, standard = given.q, given.p, given.z, standard_normal()
  if given.prior or not (q and p and z) or not (given.kl or given.logw) then return false end
  local sampled = (q:log_prob(z) - standard:log_prob(z)):mean("samples")
  local expected = { priors.divergence(q, standard, z), sampled, p:log_prob(x) + standard:log_prob(z) - q:log_prob(z) }
  for _, node in ipairs(expected) do
    if given.kl == node or given.logw == node then return false end
  end
  return true
end

local unstated = {
  what = "the model does not say what its prior is", found = "a kl or a logw of its own, and no prior",
  expected = "prior = … among what the model returns; lab.standard_normal() where it is N(0, I)",
}

--- priors.own_density(result) → log p(z) of a prior other than N(0, I), (k, b, 1); else nil.
function priors.own_density(result)
  local prior = result.prior
  return prior and result.z and not is_standard(prior) and prior:log_prob(result.z) or nil
end

local function check_draws(z, drawn, size)
  tensor.expect("a draw of the prior", drawn)
  local _, batch, features = drawn:shape()
  if drawn.draws == z.draws and batch == size.batch and features == z:width() then return end
  check.fail {
    what = "the draws of the prior do not fit z", found = "(" .. table.concat({ drawn:shape() }, ", ") .. ")",
    expected = "the shape of z: (" .. table.concat({ z:shape() }, ", ") .. "), a draw for each example and sample",
    hint = "a prior's sample() ends in :sample() of a distribution",
  }
end

--- priors.draws(result, size) → z ~ p(z), (k, b, d), of a prior other than N(0, I) that can be sampled; else nil.
function priors.draws(result, size)
  local prior, z = result.prior, result.z
  if not (prior and z) or is_standard(prior) or z.draws == 1 then return nil end
  local drawn
  if distributions.is(prior) then
    if not prior:can_sample() then return nil end
    drawn = prior:sample(nil, z:width())
  else
    if not prior.sample then return nil end
    drawn = prior:sample()
  end
  check_draws(z, drawn, size)
  return drawn
end

--- priors.state(given, drawn, x) → { own = whether the model has a prior other than N(0, I), problem = why it cannot be
-- drawn from, as check.fail takes it, or nil }.  given: what the script returned; drawn: what priors.draws returned.
function priors.state(given, drawn, x)
  if may_hide_another(given, x) then return { own = true, problem = unstated } end
  local prior = given.prior
  if not prior or is_standard(prior) then return { own = false } end
  local kind = distributions.is(prior) and "a " .. prior.kind or "a table with a log_prob of the script's own"
  return {
    own = true, problem = not drawn and {
      what = "the model's prior cannot be sampled", found = kind,
      expected = "lab.normal, lab.mixture, or sample = function (self) … end in the table, a draw (k, b, d)",
    } or nil,
  }
end

local needs = { draws = "draws from the prior", density = "needs the prior's density", standard = "needs the prior" }

--- priors.require(what, state, how): raises where `what`, an evaluation or a figure, does not fit the prior of a model
-- (priors.state).  how: "draws": it needs draws of the prior; "density": its log density; "standard": it is defined for
-- N(0, I) only; nil: it needs no prior.
function priors.require(what, state, how)
  if not how or not state.own then return end
  local problem = state.problem
  if problem and (how == "draws" or problem == unstated) then
    check.fail {
      what = what .. " " .. needs[how] .. ", and " .. problem.what, found = problem.found, expected = problem.expected,
      hint = "or leave it out",
    }
  elseif how == "standard" then
    check.fail {
      what = what .. " is defined for the prior N(0, I)", found = "a model with a prior of its own",
      hint = "leave it out",
    }
  end
end

return priors
