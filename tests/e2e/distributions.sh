#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Distributions: densities integrate to 1, entropies and KL divergences agree with sums over a grid, draws have the density's
# moments.  Every recorded metric is a difference that should be 0.
. "$(dirname "$0")/common.sh.inc"

cat >distributions.lua <<'X'
local lab = require "vae_lab"

local DRAWS = 100 -- of each of 1,000 test examples

-- The grid: 2^14 points at the midpoints of cells of width STEP around 0, as (1, 2^14, 1).
local STEP, DOUBLINGS = 0.01, 14
local function grid()
  local g = lab.constant((0.5 - 2 ^ (DOUBLINGS - 1)) * STEP)
  for i = 0, DOUBLINGS - 1 do g = lab.concat { g, g + 2 ^ i * STEP } end
  return g:transpose "batch_features"
end
local function integral(values) return STEP * values:sum "batch" end

-- Each: two distributions of one kind and, of the first, the mean and the variance.
local continuous = {
  laplace = function(c) return lab.laplace(c(0.3), -0.2), lab.laplace(c(-0.4), 0.3), 0.3, 2 * math.exp(-0.4) end,
  student_t = function(c) return lab.student_t(c(0.3), -0.2, 8), lab.student_t(c(0.3), 0, 8), 0.3, math.exp(-0.4) * 8 / 6 end,
  student_t_trained = function(c) return lab.student_t(c(0.3), -0.2, c(8)), lab.student_t(c(0.3), 0, c(8)), 0.3, math.exp(-0.4) * 8 / 6 end,
  mixture = function(c) -- of N(0.3, e^0.5) and N(-1, e^-0.5), with the weights 0.7 and 0.3
    local function rows(a, b) return lab.concat { c(a), c(b) }:transpose "batch_features" end
    local parts, mean = lab.normal(rows(0.3, -1), rows(0.5, -0.5)), 0.7 * 0.3 - 0.3
    local p = lab.mixture(parts, lab.concat { c(math.log(0.7) + 2), c(math.log(0.3) + 2) })
    return p, lab.mixture(parts), mean, 0.7 * (math.exp(0.5) + 0.09) + 0.3 * (math.exp(-0.5) + 1) - mean ^ 2
  end,
  normal = function(c) return lab.normal(c(0.3), 0.5), lab.normal(c(-0.4), 1), 0.3, math.exp(0.5) end,
}

-- p(1), q(1) … of states that can be listed: the probabilities of two distributions, as logits.
local function discrete(metrics, zero)
  local function logit(p) return math.log(p / (1 - p)) end
  local p, q = 0.3, 0.6
  local P, Q = lab.bernoulli(lab.constant(logit(p))), lab.bernoulli(lab.constant(logit(q)))
  local one = lab.constant(1)
  metrics.bernoulli_integral = P:log_prob(one):exp() + P:log_prob(0 * one):exp() - 1 + zero
  metrics.bernoulli_entropy = P:entropy() + p * math.log(p) + (1 - p) * math.log(1 - p) + zero
  metrics.bernoulli_kl = P:kl(Q) - p * math.log(p / q) - (1 - p) * math.log((1 - p) / (1 - q)) + zero
  metrics.bernoulli_share = P:sample(DRAWS):mean "samples" - p + zero

  local shares, others = { 0.5, 0.2, 0.3 }, { 0.1, 0.6, 0.3 }
  local function categorical(list)
    local logits = {}
    for i, share in ipairs(list) do logits[i] = lab.constant(math.log(share) + 1) end
    return lab.categorical(lab.concat(logits))
  end
  P, Q = categorical(shares), categorical(others)
  local entropy, kl, total = 0, 0, nil
  for i, share in ipairs(shares) do
    local y = { 0 * one, 0 * one, 0 * one }
    y[i] = one
    local probability = P:log_prob(lab.concat(y)):exp()
    total = total and total + probability or probability
    entropy, kl = entropy - share * math.log(share), kl + share * math.log(share / others[i])
    metrics["categorical_share_" .. i] = P:sample(DRAWS):slice(i, 1):mean "samples" - share + zero
  end
  metrics.categorical_integral = total - 1 + zero
  metrics.categorical_entropy = P:entropy() - entropy + zero
  metrics.categorical_kl = P:kl(Q) - kl + zero
end

local function measure(metrics, zero, name, q, p, mean, variance)
  local points = grid()
  local logq = q:log_prob(points)
  local density = logq:exp()
  metrics[name .. "_integral"] = integral(density) - 1 + zero
  local ok, entropy = pcall(q.entropy, q)
  if ok then metrics[name .. "_entropy"] = entropy + integral(density * logq) + zero end
  for other, of in pairs { kl = p, kl_standard = lab.standard_normal(), kl_normal = lab.normal(lab.constant(-0.4), 1) } do
    if q:has_kl(of) then metrics[name .. "_" .. other] = q:kl(of) - integral(density * (logq - of:log_prob(points))) + zero end
  end
  local z = q:sample(DRAWS)
  metrics[name .. "_mean"] = z:mean "samples" - mean + zero
  metrics[name .. "_variance"] = ((z - mean) ^ 2):mean "samples" / variance - 1 + zero
  for i, edge in ipairs { mean - 0.5, mean, mean + 1 } do -- the share of draws below, and the integral of the density
    local function below(v) return ((edge - v) * 1e30):clamp(0, 1) end
    metrics[name .. "_share_" .. i] = below(z):mean "samples" - integral(below(points) * density) + zero
  end
  -- log q of own draws, which takes its own way, and of the same numbers as data
  metrics[name .. "_own"] = (q:log_prob(z) - q:log_prob(z + 0)):mean "samples" + zero
end

local names = { "discrete" }
for name in pairs(continuous) do names[#names + 1] = name end
table.sort(names)
return lab.experiment {
  name  = "distributions",
  data  = { "toy:moons", train = 100, test = 1000 },
  sweep = { distribution = names },
  model = function(run, x)
    local metrics, zero = {}, 0 * lab.mlp { x }:linear(1)
    if run.distribution == "discrete" then
      discrete(metrics, zero)
    else
      measure(metrics, zero, run.distribution, continuous[run.distribution](lab.constant))
    end
    return { bound = zero, metrics = metrics }
  end,
  train = { epochs = 1, batch = 100, optimiser = lab.sgd { rate = 0 } },
}
X
"$VAE_LAB" run distributions.lua --jobs 1 --threads 1 --quiet >out 2>&1 || { no "distributions: run" "exit status $?"; sed 's/^/    /' out; }

# within PATTERN TOLERANCE NAME: every metric of that pattern differs from 0 by less; there is at least one.
within() {
    found=$(sql "select count(*) || '|' || coalesce(group_concat(case when abs(value) < $2 then null else metric || ' ' || coalesce(value, 'nan') end, ', '), '')
        from last_values where metric glob 'test/$1'")
    case $found in
        0\|*) no "$3" "no such metric" ;;
        *\|) ok "$3" ;;
        *) no "$3" "$found" ;;
    esac
}
# float32 sums over 16,384 cells
within '*_integral' 1e-4 "distributions: densities integrate to 1"
within '*_entropy' 1e-4 "distributions: entropies are those of the density"
within '*_kl*' 2e-4 "distributions: KL divergences are those of the densities"
within '*_own' 1e-4 "distributions: log q of own draws is log q of the same numbers"
# 100,000 draws of variance below 4: five standard errors of a mean are 0.032, of a share below 0.008; of a variance, relative to it,
# with a kurtosis of 6 or less, 0.036
within '*_mean' 0.032 "distributions: draws have the mean"
within '*_variance' 0.036 "distributions: draws have the variance"
within '*_share*' 0.008 "distributions: draws have the density's shares"

# log t(x = 1.5; mu 0, scale 1, dof 1) is Cauchy's: -log pi - log 3.25; dof 1e6 is nearly N(0, 1)
cat >known.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name  = "known",
  data  = { "toy:moons", train = 100, test = 100 },
  model = function(_, x)
    local zero, c = 0 * lab.mlp { x }:linear(1), lab.constant
    local function t(dof) return lab.student_t(c(0), 0, dof):log_prob(c(1.5)) end
    local normal = lab.normal(c(0), 0):log_prob(c(1.5))
    return { bound = zero, metrics = {
      cauchy = t(1) + math.log(math.pi) + math.log(3.25) + zero, cauchy_tensor = t(c(1)) + math.log(math.pi) + math.log(3.25) + zero,
      normal = t(1e6) - normal + zero,
    } }
  end,
  train = { epochs = 1, batch = 100, optimiser = lab.sgd { rate = 0 } },
}
X
"$VAE_LAB" run known.lua --jobs 1 --threads 1 --quiet >out 2>&1 || { no "known densities: run" "exit status $?"; sed 's/^/    /' out; }
within '*cauchy*' 1e-6 "student_t: one degree of freedom is Cauchy's distribution"
within normal 1e-5 "student_t: many degrees of freedom are a normal distribution"

# heads, each trained for two epochs
cat >heads.lua <<'X'
local lab = require "vae_lab"
local heads = {
  laplace = { "laplace", {} }, laplace_shared = { "laplace", { logscale = "shared", mean_act = "sigmoid" } }, student_t = { "student_t", {} },
  student_t_shared = { "student_t", { dof = "shared", logscale = "one" } }, student_t_fixed = { "student_t", { dof = 3, floor = -2 } },
}
local names = {}
for name in pairs(heads) do names[#names + 1] = name end
table.sort(names)
return lab.experiment {
  name  = "heads",
  data  = { "toy:moons", train = 400, test = 100 },
  sweep = { head = names },
  model = function(run, x)
    local kind, options = table.unpack(heads[run.head])
    local q  = lab.mlp { x, 8 }:laplace(2)
    local z  = q:sample()
    local net = lab.mlp { z, 8 }
    local px = net[kind](net, x, options)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 4, batch = 50, optimiser = lab.adam { rate = 1e-2 } },
  evaluate = { lab.eval.nll { samples = 20 } },
}
X
"$VAE_LAB" run heads.lua --jobs 1 --threads 1 --quiet >out 2>&1 || { no "heads: run" "exit status $?"; sed 's/^/    /' out; }
found=$(sql "select count(*), min(last.value > first.value) from curves last join curves first on first.run = last.run and first.metric = last.metric
    and first.step = 1 where last.experiment = 'heads' and last.metric = 'train/elbo' and last.step = 4")
[ "$found" = "5|1" ] && ok "heads: each learns, with a Laplace q(z|x)" || no "heads: each learns" "$found, not 5|1"
found=$(sql "select count(*) from run where label = 'head=student_t' and graph glob '*param decoder.dof (1, 1) constant(4)*'")
[ "$found" = 1 ] && ok "heads: degrees of freedom are trained" || no "heads: degrees of freedom" "no parameter decoder.dof"

# refused NAME SED PATTERN…
refused() {
    name=$1 from=$2
    shift 2
    sed "$from" heads.lua >bad.lua
    check "refused: $name" 3 'bad.lua:' "$@" -- "$VAE_LAB" run bad.lua --dry-run
}
refused "a KL without a closed form" 's/:laplace(2)/:student_t(2)/' 'no closed form of this KL divergence' 'student t distribution . standard normal' 'estimate it'
refused "no degrees of freedom" 's/dof = 3/dof = 0/' 'dof of :student_t' 'above 0'
refused "a kind of degrees of freedom" 's/dof = "shared"/dof = "all"/' '"all"' 'one of: one, shared'
refused "an evaluation that takes q for a Gaussian" 's/lab.eval.nll.*20 }/lab.eval.latent_space()/' 'lab.eval.latent_space needs "q.sigma"'
refused "an entropy without a closed form" 's/- q:kl()/- lab.standard_normal():entropy()/' 'no closed form of the entropy' 'estimate it'
