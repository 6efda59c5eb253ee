-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- posterior.lua: how training draws z ~ p(z|x) where no encoder does: Monte Carlo EM.

local check = require "vae_lab.check"

local posterior = {}

local Posterior = { kind = "posterior" }
Posterior.__index = Posterior

local rules = {
  leapfrog = { type = "integer", min = 1, max = 100000, default = 10 },
  transitions = { type = "integer", min = 1, max = 100000, default = 1 },
  updates = { type = "integer", min = 1, max = 100000, default = 5 },
  step = { type = "number", above = 0, default = 0.1 }, accept = { type = "number", above = 0, below = 1, default = 0.9 },
}

--- lab.hmc { leapfrog = 10, transitions = 1, updates = 5, step = 0.1, accept = 0.9 }: train = { posterior = lab.hmc {} } is Monte Carlo
-- EM, as Kingma & Welling have it (arXiv 1312.6114, appendix E):
--   E  z is drawn from p(z|x) by Hamiltonian Monte Carlo: for each draw of each training example a chain, begun at N(0, I), which makes
--      `transitions` of `leapfrog` steps each time that its example comes; its step size, at first `step`, is tuned to that acceptance
--   M  `updates` steps of the optimiser climb the bound with these z; metrics under train/ are those of the last of them
-- The model returns p, z = lab.standard_normal():sample(d) and bound = p:log_prob(x) + prior:log_prob(z); with a prior = of its own that
-- one counts.  No test example has a chain, so that there are no metrics under test/ while it trains: see lab.eval.marginal.
function posterior.hmc(options) return setmetatable(check.options("lab.hmc", options, rules), Posterior) end

--- posterior.text(p) → "hmc(accept=0.9, leapfrog=10, …)", as a reader of the database compares runs by it.
function posterior.text(p)
  local parts = {}
  for i, key in ipairs(check.sorted_keys(rules)) do parts[i] = key .. "=" .. check.number(p[key]) end
  return "hmc(" .. table.concat(parts, ", ") .. ")"
end

return posterior
