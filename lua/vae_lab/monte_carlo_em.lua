-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- monte_carlo_em.lua: training without an encoder: z is drawn from p(z|x) by Hamiltonian Monte Carlo.

local check = require "vae_lab.check"

local monte_carlo_em = {}

local MonteCarloEM = { kind = "monte_carlo_em" }
MonteCarloEM.__index = MonteCarloEM

-- Names, ranges and defaults are the engine's: src/infer/hmc.c and src/lab/plan.c.
local rules = require("vae_lab.native.run").monte_carlo_em_rules()

--- lab.hmc { leapfrog = 10, step_size = 0.1, accept = 0.9, transitions = 1, updates = 5 }: train = { monte_carlo_em =
-- lab.hmc {} } is Monte Carlo EM, as in appendix E of Kingma & Welling (arXiv 1312.6114):
--   E  draws z from p(z|x) by Hamiltonian Monte Carlo.  Each draw of each training example has a chain, which begins at
--      N(0, I) and makes `transitions` of `leapfrog` steps whenever its example comes.  Its step size begins at
--      `step_size` and is tuned to the acceptance probability `accept`.
--   M  makes `updates` steps of the optimiser on the bound with these z.  Metrics under train/ are those of the last
--      step.
-- The model returns p, z = lab.standard_normal():sample(d) and bound = p:log_prob(x) + prior:log_prob(z); it may return
-- a prior of its own.  Test examples have no chains, so that training records no metrics under test/: use
-- lab.eval.marginal.
function monte_carlo_em.hmc(options) return setmetatable(check.options("lab.hmc", options, rules), MonteCarloEM) end

--- monte_carlo_em.text(em) → "hmc(accept=0.9, leapfrog=10, step=0.1, …)": the value of a run's recorded parameter
-- "posterior".  Both this name and "step" (for step_size) keep the spelling of databases that exist.
function monte_carlo_em.text(em)
  local parts = {}
  for i, key in ipairs(check.sorted_keys(rules)) do
    parts[i] = (key == "step_size" and "step" or key) .. "=" .. check.number(em[key])
  end
  return "hmc(" .. table.concat(parts, ", ") .. ")"
end

return monte_carlo_em
