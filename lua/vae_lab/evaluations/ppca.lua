-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/ppca.lua: a linear VAE compared with its exact optimum: the maximum likelihood of probabilistic PCA, in
-- closed form.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"
local stats = require "vae_lab.native.stats"

local ppca = {
  nodes = { "q.mu", "q.sigma", "p.mean", "p.logvar", "z" },
  rules = { variance = { type = "string", one_of = { "trained", "fixed" }, default = "trained" } },
}

function ppca.fits(widths, data)
  if widths.z >= data:features() then
    check.fail {
      what = "lab.eval.ppca needs fewer latent units than the data have features",
      found = widths.z .. " of " .. data:features(),
      expected = "at most " .. data:features() - 1,
    }
  end
end

-- The decoder as W (d, m), b, v (1, d), read off its output at 0 and at the unit vectors; an error unless it is linear.
local function decoder_of(model, m)
  local points = array.new(m + 2, m)
  for j = 1, m do
    points:set(j + 1, j, 1)
    points:set(m + 2, j, 1)
  end
  local function map(name) return model:map { feed = "z", values = points, count = m + 2, name = name } end
  local mean, logvar = map "p.mean", map "p.logvar"
  local d = mean:cols()
  local w, b, v = array.new(d, m), array.new(1, d), array.new(1, d)
  for i = 1, d do
    local at_ones = mean:get(1, i)
    b:set(1, i, at_ones)
    v:set(1, i, math.exp(logvar:get(1, i)))
    for j = 1, m do
      w:set(i, j, mean:get(j + 1, i) - mean:get(1, i))
      at_ones = at_ones + w:get(i, j)
    end
    if math.abs(at_ones - mean:get(m + 2, i)) > 1e-3 * (1 + math.abs(at_ones)) then
      check.fail {
        what = "lab.eval.ppca needs a linear decoder", found = "a mean that is not W z + b",
        expected = "lab.mlp { z }:normal(x), without hidden layers",
      }
    end
  end
  return w, b, v
end

-- KL(q(z_j|x) ‖ p(z_j)) of each latent unit, mean over the examples; ascending.
local function unit_kls(mu, sigma)
  local kls = {}
  for j = 1, mu:cols() do
    local sum, m, s = 0, mu:column(j), sigma:column(j)
    for i = 1, #m do sum = sum + 0.5 * (m[i] ^ 2 + s[i] ^ 2 - 1) - math.log(s[i]) end
    kls[j] = sum / #m
  end
  table.sort(kls)
  return kls
end

--- lab.eval.ppca { variance = "trained" | "fixed" }: a model with a linear encoder and a linear decoder, p(x|z) = N(W z
-- + b, sigma² I), on the training data; all in closed form, nats per example.  Its exact optimum is probabilistic PCA
-- (Tipping & Bishop 1999): no such VAE has an ELBO above ppca/maximum, and at the optimum the ELBO equals it (Lucas et
-- al. 2019).
--   ppca/maximum          the greatest mean log p(x) over W, b and, unless it is fixed, sigma²
--   ppca/log_likelihood   that of the model, log N(x; b, W Wᵀ + sigma² I)
--   ppca/elbo             that of the model
--   ppca/gap              KL(q(z|x) ‖ p(z|x)), computed directly: the difference of the previous two
--   ppca/variance, ppca/variance_exact   sigma², and the mean of the discarded eigenvalues
--   ppca/angle            the largest angle between the span of W and the principal subspace, radians
--   ppca/rank             the latent units that the optimum uses: eigenvalues above sigma²
--   ppca/information      the mutual information of x and z at the optimum, which is also its KL, ½ Σ log(eigenvalue /
--                         sigma²)
--   ppca/surplus_kl       the largest KL to the prior among the units beyond these; 0 where there are none
function ppca.run(o, model, data, recorder)
  local request = common.request(data, "train", { examples = 0 })
  local x = data:rows("train", 1, request.count)
  local mu, sigma = common.codes(model, request)
  local w, b, v = decoder_of(model, mu:cols())
  local exact = stats.ppca(x, mu:cols(), o.variance == "fixed" and stats.mean(v) or 0)
  local own = stats.linear { w = w, b = b, v = v, x = x, mu = mu, sigma = sigma }
  local surplus = mu:cols() - exact.rank
  for name, value in pairs {
    maximum = exact.log_likelihood, log_likelihood = own.log_likelihood, elbo = own.elbo, gap = own.gap,
    variance = stats.mean(v),
    variance_exact = exact.variance, information = exact.information, rank = exact.rank,
    surplus_kl = surplus > 0 and unit_kls(mu, sigma)[surplus] or 0,
  } do
    recorder:metric("ppca/" .. name, value)
  end
  if exact.rank > 0 then
    recorder:metric("ppca/angle", stats.subspace_angle(w, exact.components:rows_of(common.first(exact.rank))))
  end
end

return ppca
