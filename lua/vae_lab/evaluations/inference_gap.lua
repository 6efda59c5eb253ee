-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/inference_gap.lua: how far the ELBO lies below log p(x), and why (Cremer et al. 2018, arXiv 1801.03558):
--
--   log p(x) - ELBO = [log p(x) - ELBO of the best factorised Gaussian] + [that - ELBO of the encoder's]
--   inference gap   = approximation gap                                 + amortisation gap

local common = require "vae_lab.evaluations.common"

local inference_gap = {
  nodes = { "z", "elbo", "logw", "logjoint", "annealed", "q.mu", "q.logvar" },
  rules = {
    examples = { type = "integer", min = 2, default = 50 }, samples = { type = "integer", min = 1, default = 5000 },
    steps = { type = "integer", min = 1, default = 500 }, draws = { type = "integer", min = 1, default = 20 },
    rate = { type = "number", above = 0, default = 0.02 }, temperatures = { type = "integer", min = 1, default = 200 },
    chains = { type = "integer", min = 2, default = 20 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

local QUADRATURE_DIMENSIONS = 2

-- log p(x) of each example: exact in a plane; else by importance sampling or annealing, both bounds from below, whichever is
-- greater in the mean (the greater of each example would pick up the noise of both).
local function log_likelihood(model, ask, o)
  local stats = require "vae_lab.native.stats"
  local d = model:width "z"
  if d <= QUADRATURE_DIMENSIONS then return model:quadrature(ask):column(1) end
  local sampled = model:log_weights(common.with(ask, { name = "logw", samples = o.samples, chunk = 100 })):column(1)
  local logw = model:ais(common.with(ask, {
    start = stats.normal(ask.count, o.chains * d, ask.seed, "annealing"), samples = o.chains, temperatures = o.temperatures,
  }))
  local annealed = {}
  for i = 1, ask.count do annealed[i] = (stats.log_mean_exp(logw:row(i))) end
  return common.mean(annealed) > common.mean(sampled) and annealed or sampled
end

--- lab.eval.inference_gap { examples = 50, samples = 5000, steps = 500, draws = 20, rate = 0.02, temperatures = 200, chains = 20,
-- seed = 1 }: of the first test examples, nats per example, each with …_se, its standard error over them:
--   gap/log_likelihood   exact for z of one or two dimensions (quadrature), else the better of two lower bounds
--   gap/elbo             the encoder's, over `samples` draws;   gap/best_elbo   of each example's own best mu and sigma,
--                        found by `steps` of Adam from the encoder's
--   gap/amortisation, gap/approximation, gap/inference = their sum
function inference_gap.run(o)
  return function(model, data, recorder)
    local ask = { data = data, split = "test", first = 1, count = common.count(data, "test", o.examples), seed = o.seed }
    local function map(name) return model:map(common.with(ask, { name = name })) end
    local found = { log_likelihood = log_likelihood(model, ask, o) }
    local encoded = { map "q.mu", map "q.logvar" }
    local function elbo_after(steps) -- with the same draws, whatever the steps: their noise falls out of the difference
      return model:optimise_local_q(common.with(ask, {
        over = { "q.mu", "q.logvar" }, start = encoded, samples = o.draws, steps = steps, rate = o.rate, check = o.samples,
      })):column(1)
    end
    found.elbo, found.best_elbo = elbo_after(0), elbo_after(o.steps)
    found.amortisation, found.approximation, found.inference = {}, {}, {}
    for i, logp in ipairs(found.log_likelihood) do
      found.amortisation[i] = found.best_elbo[i] - found.elbo[i]
      found.approximation[i] = logp - found.best_elbo[i]
      found.inference[i] = logp - found.elbo[i]
    end
    for name, list in pairs(found) do
      local mean, se = common.mean(list)
      recorder:metric("gap/" .. name, mean)
      recorder:metric("gap/" .. name .. "_se", se)
    end
  end
end

return inference_gap
