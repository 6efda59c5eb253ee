-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- variance.lua: how much of the variance of a metric is due to which seed.
--
-- Design: pairs of runs a and b, all of whose seeds differ, and for each factor f (initial weights, order, noise,
-- binarisation) a run c_f that has the seed of a for f and the seeds of b for the rest, and its opposite d_f: "pick and
-- freeze" (Sobol' 1993; Saltelli 2002).  The metric is Y = Σ over subsets of the factors of independent terms
-- (Hoeffding's decomposition, the random-effects ANOVA of a crossed design).  So with V the variance over all seeds
--   E (a - b)²/2 = E (c_f - d_f)²/2 = V
--   E (b - c_f)²/2 = E (a - d_f)²/2 = T_f, the variance of all terms that contain f: the two differ in f alone.  What
--                    changes when this seed alone changes (Jansen 1999)
--   E (a - c_f)²/2 = E (b - d_f)²/2 = V - V_f, V_f the variance of the term of f alone: the two share f alone.  What a
--                    fixed seed takes away
-- V_f <= T_f; Σ V_f <= V <= Σ T_f, with equality where seeds do not interact.
-- Why not a full factorial: L levels of a factor leave its main effect L - 1 degrees of freedom; with 3 levels and 81
-- runs its 95 % interval spans a factor of 146.  N pairs, 10 N runs, leave each estimate N and more.
-- The test images and the evaluation's draws are sources too; lab.eval.repeats measures them in the runs a.
-- Intervals: Student's t over the jackknife's pseudo-values of the pairs, which are independent (Efron & Stein 1981);
-- of positive numbers on the logarithm.  With 24 pairs they hold the truth nine times in ten (tests/e2e/variance.sh).

local stats = require "vae_lab.native.stats"

local variance = { FACTORS = { "init", "order", "noise", "binarise" }, ROLES = { "a", "b" } }

local function opposite(factor) return "but_" .. factor end

for _, factor in ipairs(variance.FACTORS) do
  variance.ROLES[#variance.ROLES + 1], variance.ROLES[#variance.ROLES + 2] = factor, opposite(factor)
end

--- variance.has_seed_of_a(role, factor) → whether a run in this role has the seed of a for that factor.
-- variance.ROLES: "a", "b", and for each factor f "f", a's seed for f alone, and "but_f", a's seeds but for f.
function variance.has_seed_of_a(role, factor)
  if role:sub(1, 4) == "but_" then return role ~= opposite(factor) end
  return role == "a" or role == factor
end

--- variance.seeds(run) → the seeds of a run of the design: of its setting `role` and of its seed.
function variance.seeds(run)
  local seeds, a, b = {}, 2 * run.seed, 2 * run.seed + 1
  for _, factor in ipairs(variance.FACTORS) do
    seeds[factor] = variance.has_seed_of_a(run.role, factor) and a or b
  end
  return seeds
end

--- variance.pairs(runs, number, more) → { { a =, b =, init =, …, parts =, again = }, … } in the order of the seeds: of
-- the seeds whose runs have a number in every role that is there at all; a and b always are.
-- runs: { { seed =, params = }, … }; number(run): of the metric; more(run, "part") and more(run, "seed"), optional: the
-- numbers of lab.eval.repeats, of a run in role a.
function variance.pairs(runs, number, more)
  local by_seed, seeds, list, roles = {}, {}, {}, { a = true, b = true }
  for _, run in ipairs(runs) do
    if not by_seed[run.seed] then
      by_seed[run.seed] = {}
      seeds[#seeds + 1] = run.seed
    end
    local pair, role = by_seed[run.seed], run.params.role
    roles[role] = true
    pair[role] = number(run)
    if role == "a" and more then pair.parts, pair.again = more(run, "part"), more(run, "seed") end
  end
  table.sort(seeds, function(a, b) return math.tointeger(a) < math.tointeger(b) end)
  for _, seed in ipairs(seeds) do
    local complete = true
    for role in pairs(roles) do complete = complete and by_seed[seed][role] end
    if complete then list[#list + 1] = by_seed[seed] end
  end
  return list
end

-- ---- what is estimated ----------------------------------------------------------------------------------------------

local function mean_of(list, f)
  local sum = 0
  for _, item in ipairs(list) do sum = sum + f(item) end
  return sum / #list
end

-- Half the mean square of the differences of pairs of roles, { { one, other }, … }, of those that are there.
local function half_square(pairs, differences)
  local sum, count = 0, 0
  for _, p in ipairs(pairs) do
    for _, d in ipairs(differences) do
      if p[d[1]] and p[d[2]] then sum, count = sum + (p[d[1]] - p[d[2]]) ^ 2 / 2, count + 1 end
    end
  end
  return sum / count
end

local all_differ = { { "a", "b" } }
for _, f in ipairs(variance.FACTORS) do all_differ[#all_differ + 1] = { f, opposite(f) } end

local function total(pairs) return half_square(pairs, all_differ) end

local function one_differs(pairs, f) return half_square(pairs, { { "b", f }, { "a", opposite(f) } }) end

local function one_is_shared(pairs, f) return half_square(pairs, { { "a", f }, { "b", opposite(f) } }) end

-- The variance of a mean over parts of the test images, from the means of the parts.
local function between_parts(means) return stats.interval(means).sd ^ 2 / #means end

local function images_in_one(pairs) return mean_of(pairs, function(p) return between_parts(p.parts) end) end

-- Of the difference of the runs of neighbouring pairs, which share the images alone.
local function images_in_gap(pairs)
  local sum = 0
  for i = 2, #pairs do
    local parts = {}
    for g, mean in ipairs(pairs[i].parts) do parts[g] = mean - pairs[i - 1].parts[g] end
    sum = sum + between_parts(parts) / 2
  end
  return sum / (#pairs - 1)
end

local function evaluation(pairs) return mean_of(pairs, function(p) return stats.interval(p.again).sd ^ 2 end) end

local statistics = {
  total = total, images_in_one = images_in_one, images_in_gap = images_in_gap, evaluation = evaluation,
  effect = one_differs,
  effect_share = function(pairs, factor) return one_differs(pairs, factor) / total(pairs) end,
  main_share = function(pairs, factor) return 1 - one_is_shared(pairs, factor) / total(pairs) end,
  images_in_one_share = function(pairs) return images_in_one(pairs) / total(pairs) end,
  images_in_gap_share = function(pairs) return images_in_gap(pairs) / images_in_one(pairs) end,
  evaluation_share = function(pairs) return evaluation(pairs) / total(pairs) end,
  luck = function(pairs) return 1.96 * (2 * total(pairs)) ^ 0.5 end,
}

-- ---- with intervals -------------------------------------------------------------------------------------------------

--- variance.scale(what) → "log" or "linear": on which scale its numbers are averaged.
function variance.scale(what) return what == "main_share" and "linear" or "log" end

--- variance.samples(what, pairs, factor) → the jackknife's pseudo-values of an estimate, one for each pair; nil where
-- there are fewer than three pairs, or none with what it needs.  what:
--   total                    V
--   effect, effect_share     T_f, T_f / V
--   main_share               V_f / V
--   images_in_one            the variance of one run's mean that is due to which test images were drawn; …_share: of V
--   images_in_gap            half that of the difference of two runs on the same images, to compare with V; …_share: of
--                            images_in_one
--   evaluation, …_share      the variance of a run's mean over seeds of its evaluation; of V
--   luck                     95 % of the differences of two runs that differ in their seeds alone are smaller:
--                            1.96 √(2V)
function variance.samples(what, pairs, factor)
  local statistic, log, n, pseudo = statistics[what], variance.scale(what) == "log", #pairs, {}
  local images = what:match "^images" or what:match "^evaluation"
  if n < 3 or factor and not pairs[1][factor] or images and not pairs[1].parts then return nil end
  local function of(list)
    local v = statistic(list, factor)
    return log and math.log(v) or v
  end
  local all = of(pairs)
  for i = 1, n do
    local rest = table.move(pairs, 1, i - 1, 1, {})
    table.move(pairs, i + 1, n, i, rest)
    local v = n * all - (n - 1) * of(rest)
    pseudo[i] = log and math.exp(v) or v
  end
  return pseudo
end

-- Numbers that lie between 0 and 1 whatever the data; their estimates need not.
local bounded = { main_share = true, effect_share = true }

--- variance.estimate(what, pairs, factor) → { value =, low =, high = }: an estimate and its 95 % interval, or nil.
-- main_share and effect_share and their intervals are cut to the range from 0 to 1, where their true values lie.
function variance.estimate(what, pairs, factor)
  local values, log = variance.samples(what, pairs, factor), variance.scale(what) == "log"
  if not values then return nil end
  for i, v in ipairs(log and values or {}) do values[i] = math.log(v) end
  local found, back = stats.interval(values), log and math.exp or function(v) return v end
  local function number(v)
    v = back(v)
    return bounded[what] and math.max(0, math.min(1, v)) or v
  end
  return { value = number(found.mean), low = number(found.low), high = number(found.high) }
end

return variance
