-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/audit.lua: is what a model reports true of its weights?  Its numbers are computed a second time, in
-- another way, and its draws and its pixels are tested.
--
-- The second computation shares with the model only q's parameters and log p(x|z) of a z that it feeds in: it draws z
-- itself, and takes log q(z|x), log p(z), the KL and the means of weights in double precision here.  A model that
-- samples, weighs or averages in a wrong way reports other numbers than these.

local array = require "vae_lab.native.array"
local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local stats = require "vae_lab.native.stats"

local QUADRATURE_DIMENSIONS = 2
local DRAWS = 50   -- of each example: the greatest number of draws of an IWAE bound
local REPEATED = 5 -- examples that are encoded and decoded twice

local audit = {
  version = 3, -- from 3 on: the draws of two steps are standardised by the codes of each; kl_farthest
  nodes = function(o)
    return { "z", "loglik", "logjoint", "q.mu", "q.sigma", "p.mean", o.elbo, o.kl, o.reconstruction, o.iwae, o.pixels,
      o.prior }
  end,
  rules = {
    examples = common.whole(2, 200), exact = common.whole(2, 10),
    elbo = { type = "string", default = "elbo" }, kl = { type = "string", default = "kl" },
    reconstruction = { type = "string", default = "reconstruction" }, iwae = { type = "string", default = "logw" },
    prior = { type = "string" }, pixels = { type = "string", default = "x" },
    networks = { type = "list", default = { "encoder", "decoder" } }, seed = common.whole(0, 1),
  },
}

function audit.check(o) check.entries("networks of lab.eval.audit", o.networks, { type = "string" }) end

function audit.fits(widths, _, o, params)
  for name in pairs(widths) do
    if name:match "^prior%." then
      check.fail {
        what = "lab.eval.audit needs the prior N(0, I)", found = "a model with a prior of its own",
        hint = "leave that evaluation out",
      }
    end
  end
  for _, network in ipairs(o.networks) do
    local found = false
    for _, name in ipairs(params) do found = found or name:sub(1, #network) == network end
    if not found then
      check.fail {
        what = "lab.eval.audit: no weights of the model begin with " .. check.describe(network),
        found = table.concat(params, ", "), hint = 'networks = { "encoder", "decoder" } is the default',
      }
    end
  end
end

-- ---- the second computation -----------------------------------------------------------------------------------------

-- Draws of q: eps and z, arrays (n, DRAWS * d).
local function draw(mu, sigma, seed)
  local n, d = mu:rows(), mu:cols()
  local eps, z = stats.normal(n, DRAWS * d, seed, "audit"), array.new(n, DRAWS * d)
  for i = 1, n do
    local m, s, e = mu:row(i), sigma:row(i), eps:row(i)
    for c, v in ipairs(e) do
      local j = (c - 1) % d + 1
      z:set(i, c, m[j] + s[j] * v)
    end
  end
  return eps, z
end

-- ½ Σ (mu² + sigma² - 1) - Σ log sigma of one example (Kingma & Welling, appendix B), and Σ log sigma.
local function closed_kl(mu, sigma)
  local kl, log_sigma = 0, 0
  for j, s in ipairs(sigma) do
    log_sigma = log_sigma + math.log(s)
    kl = kl + 0.5 * (mu[j] ^ 2 + s ^ 2 - 1)
  end
  return kl - log_sigma, log_sigma
end

-- log p(x|z) + log p(z) - log q(z|x) of the draws of one example.  log q is taken from eps, so that it is exact however
-- small sigma is.
local function log_weights(loglik, z, eps, log_sigma, d)
  local w = {}
  for s, v in ipairs(loglik) do
    local square = 0
    for c = (s - 1) * d + 1, s * d do square = square + eps[c] ^ 2 - z[c] ^ 2 end
    w[s] = v + 0.5 * square + log_sigma
  end
  return w
end

-- The mean of log 1/k Σ w over the groups of k draws.
local function grouped(w, k)
  local sum, groups = 0, #w // k
  for g = 1, groups do sum = sum + stats.log_mean_exp { table.unpack(w, (g - 1) * k + 1, g * k) } end
  return sum / groups
end

local BOUNDS = { 1, 5, DRAWS }

-- → lists { elbo =, kl =, reconstruction =, iwae_1 = … }, one number for each example, nats.
local function computed(model, request, seed)
  local mu, sigma = common.codes(model, request)
  local eps, z = draw(mu, sigma, seed)
  local loglik = model:map(common.with(request, { name = "loglik", feed = "z", values = z, samples = DRAWS }))
  local found = { elbo = {}, kl = {}, reconstruction = {} }
  for _, k in ipairs(BOUNDS) do found["iwae_" .. k] = {} end
  for i = 1, request.count do
    local kl, log_sigma = closed_kl(mu:row(i), sigma:row(i))
    local w = log_weights(loglik:row(i), z:row(i), eps:row(i), log_sigma, mu:cols())
    found.kl[i], found.reconstruction[i] = kl, stats.mean(loglik:row(i))
    found.elbo[i] = found.reconstruction[i] - kl
    for _, k in ipairs(BOUNDS) do found["iwae_" .. k][i] = grouped(w, k) end
  end
  return found
end

-- What the model says of the same examples.
local function reported(model, request, o)
  local found = {}
  local function read(name, node, samples)
    local values, list = model:map(common.with(request, { name = node, samples = samples })), {}
    for i = 1, request.count do
      list[i] = node == "logw" and stats.log_mean_exp(values:row(i)) or stats.mean(values:row(i))
    end
    found[name] = list
  end
  for _, name in ipairs { "elbo", "kl", "reconstruction" } do read(name, o[name], DRAWS) end
  for _, k in ipairs(BOUNDS) do read("iwae_" .. k, o.iwae, k) end
  return found
end

-- The largest |a - b| / (1 + |b|) of two lists.
local function farthest(a, b)
  local most = 0
  for i, v in ipairs(b) do most = math.max(most, math.abs(a[i] - v) / (1 + math.abs(v))) end
  return most
end

-- ---- tests of draws -------------------------------------------------------------------------------------------------

-- A mean in its standard errors, where each of n terms has mean 0 and variance 1.
local function t_of(sum, n) return n > 0 and sum / math.sqrt(n) or 0 end

-- Tests of e (n, draws * d), which should be independent draws of N(0, 1): t of the mean, the variance, the fourth
-- moment, and of the products of neighbours: two examples, two draws of one example, two units of one draw.
local function moments(e, d)
  local n, width = e:rows(), e:cols()
  local first, second, fourth = 0, 0, 0
  local pairs_of = { examples = { 0, 0 }, draws = { 0, 0 }, units = { 0, 0 } }
  local function pair(name, product)
    local p = pairs_of[name]
    p[1], p[2] = p[1] + product, p[2] + 1
  end
  local above
  for i = 1, n do
    local row = e:row(i)
    for c, v in ipairs(row) do
      first, second, fourth = first + v, second + v ^ 2 - 1, fourth + v ^ 4 - 3
      if above and i % 2 == 0 then pair("examples", v * above[c]) end
      if c > d then pair("draws", v * row[c - d]) end
      if (c - 1) % d > 0 then pair("units", v * row[c - 1]) end
    end
    above = row
  end
  local total = n * width
  local out = { mean = t_of(first, total), variance = t_of(second / math.sqrt(2), total),
    kurtosis = t_of(fourth / math.sqrt(96), total) }
  for name, p in pairs(pairs_of) do out[name] = t_of(p[1], p[2]) end
  return out
end

-- (z - mu) / sigma of the model's own draws, at a step: dynamic pixels, and so mu and sigma, are others at each.
local function standardised(model, request, step)
  local at = common.with(request, { step = step })
  local mu, sigma = common.codes(model, at)
  local z = model:map(common.with(at, { name = "z", samples = DRAWS }))
  local d, e = mu:cols(), array.new(z:rows(), z:cols())
  for i = 1, z:rows() do
    local m, s = mu:row(i), sigma:row(i)
    for c, v in ipairs(z:row(i)) do
      local j = (c - 1) % d + 1
      e:set(i, c, (v - m[j]) / s[j])
    end
  end
  return e, d
end

-- The mean of mu² + sigma² over the examples and the units: E[z²] under q(z).
local function second_moment(model, request)
  local mu, sigma = common.codes(model, request)
  local sum, d = 0, mu:cols()
  for i = 1, request.count do
    local m, s = mu:row(i), sigma:row(i)
    for j = 1, d do sum = sum + m[j] ^ 2 + s[j] ^ 2 end
  end
  return sum / (request.count * d)
end

local function record_draws(model, request, o, record)
  local e, d = standardised(model, request, 0)
  local found, again, sum = moments(e, d), standardised(model, request, 1), 0
  for i = 1, e:rows() do
    local other = again:row(i)
    for c, v in ipairs(e:row(i)) do sum = sum + v * other[c] end
  end
  found.steps = t_of(sum, e:rows() * e:cols())
  for _, name in ipairs(check.sorted_keys(found)) do record("draws_" .. name .. "_t", found[name]) end
  if not o.prior then return end
  local prior = model:map(common.with(request, { name = o.prior }))
  local of_prior = moments(prior, prior:cols())
  of_prior.draws = nil -- there is one draw for each example
  for _, name in ipairs(check.sorted_keys(of_prior)) do record("prior_" .. name .. "_t", of_prior[name]) end
end

-- ---- tests of pixels, and of repetition -----------------------------------------------------------------------------

-- Pixels x, drawn as black or white with the grey value g as the probability: x is 0 or 1, (x - g)² has the mean g (1 -
-- g), and the errors of two accesses are independent.
local function record_pixels(model, request, data, others, o, record)
  local function read(shift)
    return model:map(common.with(request, { name = o.pixels, seed = request.seed + shift, step = shift }))
  end
  local grey = others.pixels("grey"):rows("test", 1, request.count)
  local x, again = read(0), read(1)
  local between, spread, same = 0, {}, {}
  for i = 1, request.count do
    local a, b, g = x:row(i), again:row(i), grey:row(i)
    local excess, product = 0, 0
    for c, p in ipairs(g) do
      between = between + math.abs(a[c] * (1 - a[c]))
      excess = excess + (a[c] - p) ^ 2 - p * (1 - p)
      product = product + (a[c] - p) * (b[c] - p)
    end
    spread[i], same[i] = excess, product
  end
  record("pixels_grey", between / request.count)
  local function record_t(name, list)
    local mean, se = common.mean(list)
    record(name, se > 0 and mean / se or 0)
  end
  record_t("pixels_spread_t", spread)
  record_t("pixels_repeated_t", same)
end

-- log p of the test images where every pixel has the probability of the mean training image: what a model reaches that
-- ignores z.
local function mean_image(data, count, seed)
  local x, mean, sum = data:rows("test", 1, count, seed), data:mean():row(1), 0
  local white, black = {}, {}
  for c, p in ipairs(mean) do
    p = math.max(1e-4, math.min(1 - 1e-4, p))
    white[c], black[c] = math.log(p), math.log(1 - p)
  end
  for i = 1, count do
    for c, v in ipairs(x:row(i)) do sum = sum + v * white[c] + (1 - v) * black[c] end
  end
  return sum / count
end

-- The largest differences between a node for a few rows of an input, for the same rows with other noise, and for each
-- row alone.
local function changes(model, o, name, feed, values)
  local function read(more)
    local request = { name = name, feed = feed, values = values, count = values:rows(), seed = o.seed }
    return model:map(common.with(request, more))
  end
  local first, again, repeated, alone = read {}, read { step = 1 }, 0, 0
  for i = 1, first:rows() do
    local other, single = again:row(i), read { first = i, count = 1 }:row(1)
    for c, v in ipairs(first:row(i)) do
      repeated, alone = math.max(repeated, math.abs(v - other[c])), math.max(alone, math.abs(v - single[c]))
    end
  end
  return repeated, alone
end

local function record_changes(model, data, o, record)
  local few = common.count(data, "test", REPEATED)
  local x, z = data:rows("test", 1, few, o.seed), stats.normal(few, model:width "z", o.seed, "audit/repeat")
  local encoded, encoded_alone = changes(model, o, "q.mu", "x", x)
  local decoded, decoded_alone = changes(model, o, "p.mean", "z", z)
  record("repeated", math.max(encoded, decoded))
  record("alone", math.max(encoded_alone, decoded_alone))
end

-- How many of these networks have no gradient of the objective: nothing trains them.
local function without_gradient(model, request, networks)
  local few, dead = common.with(request, { count = math.min(request.count, REPEATED) }), 0
  for _, name in ipairs(networks) do
    local mean, moved = model:gradient(common.with(few, { name = "bound", of = name, repeats = 2 })):row(1), false
    for _, v in ipairs(mean) do moved = moved or v ~= 0 end
    if not moved then dead = dead + 1 end
  end
  return dead
end

-- ---- the evaluation -------------------------------------------------------------------------------------------------

--- lab.eval.audit { examples = 200, exact = 10, elbo = "elbo", kl = "kl", reconstruction = "reconstruction", iwae =
-- "logw", prior = nil, pixels = "x", networks = { "encoder", "decoder" }, seed = 1 }: compares the numbers that a model
-- reports with a second computation from its weights, for a prior N(0, I).  elbo, kl, reconstruction, iwae, prior and
-- pixels are the public names of the tensors that are examined (iwae: a bound of any number of draws, or "logw"; prior:
-- draws of the prior).  Means over the first test examples, nats per example; …_se: standard error over the examples.
-- The draws are those of the run's own seed:
--   audit/elbo, audit/kl, audit/reconstruction, audit/iwae_1, _5, _50   computed here: z ~ q(z|x) drawn here, and log
--                              q(z|x), log p(z) and the KL in double precision
--   audit/NAME_excess          what the model reports minus that;   …_excess_se
--   audit/kl_farthest          the largest |reported KL - KL here| / (1 + KL here) of an example: sees errors that cancel
--                              in the mean
--   audit/iwae_rise            the reported bound of 50 draws minus that of one;   …_se
--   audit/exact                log p(x) by quadrature, of the first `exact` examples, for z of one or two dimensions
--   audit/elbo_gap, audit/iwae_gap   audit/exact minus the reported ELBO, and minus the reported bound of 50 draws, of
--                              the same examples: at least 0 for a bound;   …_se
--   audit/inference_gap        audit/exact minus audit/elbo, of the same examples;   …_se
--   audit/draws_…_t            tests of (z - mu) / sigma as independent draws of N(0, 1), in standard errors: mean,
--                              variance, kurtosis, and the products of two examples, draws, units, steps of training
--   audit/prior_…_t            the same of the draws of the prior
--   audit/pixels_grey          Σ |x (1 - x)| of an image: 0 where all pixels are black or white
--   audit/pixels_spread_t      Σ (x - g)² - g (1 - g), g the grey value: below 0 where pixels are not drawn
--   audit/pixels_repeated_t    Σ (x - g) (x' - g) of two accesses: above 0 where both have the same draws
--   audit/second_moment        E[z²] under q(z), mean over the units: 1 where q(z) is the prior
--   audit/mean_image           log p of the images where every pixel has the probability of the mean training image
--   audit/without_gradient     how many of `networks`, with which names of weights begin, get no gradient
--   audit/repeated             the largest difference of two evaluations of one input: 0 unless a layer is noisy
--   audit/alone                the largest difference between an input evaluated alone and with others: 0 unless a
--                              layer uses the other examples of its minibatch
-- The pixels' numbers are of images only, and describe dynamic binarisation.
function audit.run(o, model, data, recorder, others)
  local function record(name, value) recorder:metric("audit/" .. name, value) end
  local function record_mean(name, list) common.record_mean(recorder, "audit/" .. name, list) end
  local own = o.seed + recorder:seed()
  local request = common.request(data, "test", { examples = o.examples, seed = own })
  local right, said = computed(model, request, own), reported(model, request, o)
  for _, name in ipairs(check.sorted_keys(right)) do
    record_mean(name, right[name])
    record_mean(name .. "_excess", common.difference(said[name], right[name]))
  end
  record("kl_farthest", farthest(said.kl, right.kl))
  record_mean("iwae_rise", common.difference(said["iwae_" .. DRAWS], said.iwae_1))
  if model:width "z" <= QUADRATURE_DIMENSIONS then
    local exact = model:quadrature(common.with(request, { count = math.min(o.exact, request.count) })):column(1)
    record_mean("exact", exact)
    record_mean("elbo_gap", common.difference(exact, said.elbo))
    record_mean("iwae_gap", common.difference(exact, said["iwae_" .. DRAWS]))
    record_mean("inference_gap", common.difference(exact, right.elbo))
  end
  record_draws(model, request, o, record)
  record("second_moment", second_moment(model, request))
  record("without_gradient", without_gradient(model, request, o.networks))
  if data:is_image() then record("mean_image", mean_image(data, request.count, own)) end
  if data:is_image() then record_pixels(model, request, data, others, o, record) end
  record_changes(model, data, o, record)
end

return audit
