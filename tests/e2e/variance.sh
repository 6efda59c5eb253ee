#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Seeds of single uses of random numbers, and the analysis of experiments/variance.lua.  The estimators are tested on numbers whose
# variance components are known (seed 1; tolerances in comments).
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
run() { "$VAE_LAB" run "$@" --set beta=1 --set epochs=1 --jobs 1 --threads 1 --quiet >out 2>&1 || no "a run" "$(cat out)"; }
digest() { sql "select substr(digest, 1, 12) from run where id = (select max(id) from run)"; }
four() { echo "--set init_seed=$1 --set order_seed=$2 --set noise_seed=$3 --set binarise_seed=$4"; }

# ---- seeds
run tiny.lua --set seed=3; plain=$(digest)
run tiny.lua --set seed=3 $(four 3 3 3 3)
[ "$(digest)" = "$plain" ] && ok "the run's seed for each use: the weights of the run without them" || no "equal seeds" "other weights"
for seeds in "4 3 3 3" "3 4 3 3" "3 3 4 3" "3 3 3 4"; do run tiny.lua --set seed=3 $(four $seeds); digest; done >digests
[ "$( (echo "$plain"; cat digests) | sort -u | wc -l)" = 5 ] && ok "each of the four seeds changes the weights, each in its own way" || no "four seeds" "$(cat digests)"
run tiny.lua --set seed=8 $(four 3 3 3 3)
[ "$(digest)" = "$plain" ] && ok "the run's own seed then changes no weight" || no "the run's seed" "other weights"
[ "$(sql "select count(distinct value) from last_values where metric = 'test/elbo' and run in (select id from run where substr(digest, 1, 12) = '$plain')")" = 2 ] &&
    ok "it still draws the pixels of the tests" || no "the tests' pixels" "$(sql "select run, value from last_values where metric = 'test/elbo'")"
check "reproduce: with the seeds of the plan" 0 'reproduced' -- "$VAE_LAB" reproduce "$(sql 'select max(id) from run')"
run tiny.lua --set seed=3 --set binarise=static; digest >static
run tiny.lua --set seed=3 --set binarise=static --set binarise_seed=4; digest >>static
[ "$(sort -u static | wc -l)" = 1 ] && ok "static pixels do not depend on binarise_seed" || no "static pixels" "$(cat static)"
check "several seeds are swept" 0 'init_seed=1 ' 'init_seed=2 ' -- "$VAE_LAB" run tiny.lua --set init_seed=1,2 --set seed=1 --set beta=1 --dry-run
check "a misspelt seed" 3 'init_seed' -- "$VAE_LAB" run tiny.lua --set int_seed=1 --dry-run
check "a seed below zero" 3 'order_seed' 'at least 0' -- "$VAE_LAB" run tiny.lua --set order_seed=-1 --dry-run
sed 's/  sweep /  seeds = function(run) return { init = 7, order = run.seed + 100 } end,\n  sweep /; s/"tiny"/"computed"/' tiny.lua >computed.lua
run computed.lua --set seed=1,2
[ "$(sql "select group_concat(json_extract(plan, '\$.seeds'), ' ') from (select plan from run order by id desc limit 2)" | tr -d '"')" = '{init:7,order:102} {init:7,order:101}' ] &&
    ok "seeds that the script computes" || no "computed seeds" "$(sql 'select plan from run order by id desc limit 2')"
[ "$(sql "select seeds from summary where experiment = 'computed' and metric = 'test/elbo'")" = 2 ] && ok "their runs are one configuration" || no "summary" "$(sql "select * from summary where experiment = 'computed'")"
sed 's/init = 7/initial = 7/' computed.lua >wrong.lua
check "an unknown use of random numbers" 3 'what seeds returned' 'initial' 'init' -- "$VAE_LAB" run wrong.lua --dry-run

# ---- the estimators
# Y = 2 u_init + 1 u_noise + 1.5 u_init u_order, all u of variance 1: V = 7.25, T = 6.25, 2.25, 1, 0; V_f = 4, 0, 1, 0.
cat >truth.lua <<'END'
local lab, variance, stats = require "vae_lab", require "vae_lab.variance", require "vae_lab.native.stats"
local function design(pairs, seed)
  local u, list = stats.normal(2 * pairs, 4, seed, "truth"), {}
  local function y(a, b, role)
    local x = {}
    for j, factor in ipairs(variance.FACTORS) do x[factor] = u:get(variance.has_seed_of_a(role, factor) and a or b, j) end
    return 2 * x.init + x.noise + 1.5 * x.init * x.order
  end
  for i = 1, pairs do
    list[i] = {}
    for _, role in ipairs(variance.ROLES) do list[i][role] = y(2 * i - 1, 2 * i, role) end
  end
  return list
end
local TOTAL, EFFECT, MAIN = 7.25, { init = 6.25, order = 2.25, noise = 1, binarise = 0 }, { init = 4, order = 0, noise = 1, binarise = 0 }
-- 500 pairs; an interval is 1.96 standard errors to each side, and 4 are allowed
local many = design(500, 1)
local function near(what, found, wanted, log)
  local function of(v) return log and math.log(v) or v end
  local se = (of(found.high) - of(found.low)) / 3.92
  local z = (of(found.value) - of(wanted)) / se
  print(string.format("%s %s %.3f %.3f %.2f", math.abs(z) < 4 and "near" or "FAR", what, found.value, wanted, z))
end
near("V", variance.estimate("total", many), TOTAL, true)
for _, f in ipairs { "init", "order", "noise" } do
  near("T " .. f, variance.estimate("effect", many, f), EFFECT[f], true)
  near("T/V " .. f, variance.estimate("effect_share", many, f), EFFECT[f] / TOTAL, true)
  near("V_f/V " .. f, variance.estimate("main_share", many, f), MAIN[f] / TOTAL)
end
near("V_f/V binarise", variance.estimate("main_share", many, "binarise"), 0)
-- how many of 150 intervals, of 24 pairs each, hold the truth: the jackknife's fall somewhat short of 95 %
local inside = { T = 0, M = 0 }
for seed = 1, 150 do
  local few = design(24, 1000 + seed)
  local t, m = variance.estimate("effect_share", few, "init"), variance.estimate("main_share", few, "init")
  inside.T = inside.T + (t.low < EFFECT.init / TOTAL and EFFECT.init / TOTAL < t.high and 1 or 0)
  inside.M = inside.M + (m.low < MAIN.init / TOTAL and MAIN.init / TOTAL < m.high and 1 or 0)
end
print(string.format("coverage %.3f %.3f", inside.T / 150, inside.M / 150))
-- images: run r has the mean of part g  e_g + i_rg; 4 = variance of e, 1 = variance of i, over 20 parts
local e, i, runs = stats.normal(1, 20, 2, "images"), stats.normal(150, 20, 3, "interaction"), {}
for r = 1, 150 do
  runs[r] = { parts = {}, again = stats.normal(1, 4, r, "again"):row(1) }
  for g = 1, 20 do runs[r].parts[g] = 2 * e:get(1, g) + i:get(r, g) end
end
near("difference", variance.estimate("images_in_gap", runs), 1 / 20, true)
near("evaluation", variance.estimate("evaluation", runs), 1, true)
local of_e = stats.interval(e:row(1)).sd ^ 2
near("own", variance.estimate("images_in_one", runs), (4 * of_e + 1) / 20, true)
return lab.experiment { name = "truth", model = function() error "not built" end }
END
VAE_LAB_SCRIPT_SECONDS=300 "$VAE_LAB" run truth.lua --dry-run >out 2>&1
[ "$(grep -c '^near ' out)" = 14 ] && ! grep -q FAR out && ok "variance: components that are known" || no "variance" "$(cat out)"
awk '/coverage/ { found = 1; if ($(NF-1) < 0.85 || $NF < 0.85) exit 1 } END { exit !found }' out && ok "variance: intervals cover the truth" || no "coverage" "$(cat out)"

# ---- the experiment, small
small="--set seed=1,2,3 --set epochs=1 --set data.train=400 --set data.test=200 --set hidden=20"
"$VAE_LAB" run "$root/experiments/variance.lua" $small --jobs 1 --threads 1 --quiet >out 2>&1 || no "the experiment" "$(cat out)"
[ "$(sql "select count(*), count(distinct digest) from run where experiment = (select id from experiment where name = 'variance')")" = '30|30' ] &&
    ok "variance: 30 runs, 30 different weights" || no "variance" "$(sql 'select label, seed, digest from runs')"
# a pair shares its evaluation: with the same weights the same numbers; its runs differ in training alone
[ "$(sql "select count(*) from (select 1 from last_values where experiment = 'variance' and metric like 'repeat/elbo_%' group by run having count(*) = 14)")" = 30 ] &&
    ok "lab.eval.repeats: ten parts and four seeds" || no "lab.eval.repeats" "$(sql "select run, count(*) from last_values where metric like 'repeat/%' group by run")"
# the KL of static pixels has no noise: its parts have the mean of the whole
sed 's/evaluate = {.*/evaluate = { lab.eval.elbo(), lab.eval.repeats { metrics = { "kl" }, parts = 7, seeds = 2 } },/; s/test = 300/test = 280, binarise = "static"/; s/"tiny"/"parts"/' tiny.lua >parts.lua
run parts.lua --set seed=1
[ "$(sql "select count(*) || ' ' || max(abs(f.value - (select avg(value) from last_values p where p.run = f.run and p.metric like 'repeat/kl_part%')) < 1e-4)
    || max(abs(f.value - (select max(value) from last_values p where p.run = f.run and p.metric like 'repeat/kl_seed%')) < 1e-5)
    from last_values f where f.experiment = 'parts' and f.metric = 'final/test/kl'")" = "1 11" ] && ok "lab.eval.repeats: the mean of the parts is the mean" ||
    no "parts" "$(sql "select metric, value from last_values where experiment = 'parts'")"
check "claims across runs: too few seeds to decide" 1 'effect_share of init, final/test/elbo: .*, 3 seeds, log scale' 'main_share of init, .* 3 seeds' -- "$VAE_LAB" claims
check "variance: its figures" 0 'variance.png' 'variance-shares.png' 'the published gaps are of mnist; left out' -- "$VAE_LAB" figures "$root/experiments/variance.lua" --format png --out figures
"$VAE_LAB" run "$root/experiments/variance.lua" $small --set role=a,b --jobs 1 --threads 1 --quiet >out 2>&1
grep -q 'fewer than three seeds have a run in every role' out && grep -q 'evaluation_share, final/test/elbo: ' out && ok "claims across runs: open where roles are missing" || no "roles" "$(cat out)"
sed 's/figures  = .*/claims = { lab.claim { "both", across = function() end, quantity = "q", minus = { beta = 0 }, at_least = 0 } },/' tiny.lua >both.lua
check "claims across runs: with minus" 3 'exclude each other' 'across, minus' -- "$VAE_LAB" run both.lua --dry-run
