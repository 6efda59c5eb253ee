#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lab.eval.validity where the answer is known: 1/2 where the two samples have one distribution, within an error bar that covers it as often
# as it says; near 1 where they differ.  And every evaluation's random numbers are the run's own.
# Compares numbers only.
. "$(dirname "$0")/common.sh.inc"

# init: "zeros" gives q(z|x) = N(0, I), a collapsed encoder; "paper" one that is nearly so, as nothing trains at this rate
cat >model.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name     = "model",
  data     = { "digits", train = 500, test = 400 },
  settings = { beta = 1, init = "glorot", speed = 2e-3, width = 32, passes = 1 },
  sweep    = { { init = { "zeros" }, speed = { 1e-12 }, seed = { 1 } } },
  model = function (run, x)
    local q  = lab.mlp { x, run.width, init = run.init ~= "zeros" and run.init or nil }:normal(2, { init = run.init })
    local z  = q:sample()
    local px = lab.mlp { z, run.width }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train    = function (run) return { epochs = run.passes, batch = 100, optimiser = lab.adam { rate = run.speed } } end,
  evaluate = { lab.eval.validity { samples = 400, seed = 1 } },
}
X
run() { "$VAE_LAB" run "$@" --quiet --jobs 2 >out 2>&1 || no "run $*" "$(cat out)"; }
# each run's distance from 1/2 in standard errors
distances="select abs(v.value - 0.5) / e.value as t, v.value as auc from last_values v join last_values e on e.run = v.run and e.metric = 'sample/auc_se' where v.metric = 'sample/auc'"

# ---- one collapsed model and one that is not trained, judges of seeds 1 to 20: within 3.5 standard errors (probability 1 - 20 · 5e-4)
for init in zeros paper; do
    rm -f results.db*
    : >found
    for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sed "s/seed = 1 }/seed = $seed }/; s/init = { \"zeros\" }/init = { \"$init\" }/" model.lua >again.lua
        run again.lua
        sql "select t < 3.5, auc from ($distances)" >>found
    done
    [ "$(sort -u found | wc -l)" -ge 15 ] && ! grep -qv '^1|' found && [ "$(sql "select count(*) from runs")" = 1 ] &&
        ok "validity: 1/2 for judges of 20 seeds, $init" || no "validity: $init" "$(tr '\n' ' ' <found)"
done

# ---- 100 collapsed models: their intervals of 1.96 standard errors cover 1/2 95 to 99 times.  88 or fewer have probability 0.004 at 95 %
rm -f results.db*
seeds=$(seq -s, 1 100)
run model.lua --set seed="$seeds"
covered=$(sql "select sum(t < 1.96) from ($distances)") mean=$(sql "select avg(auc) from ($distances)")
[ "$covered" -ge 89 ] && ok "validity: 100 intervals, of which 95 cover 1/2" || no "validity: coverage" "$covered of 100"
[ "$(sql "select abs($mean - 0.5) < 4 * 0.024 / 10")" = 1 ] && ok "validity: no bias: 1/2 on average" || no "validity: bias" "$mean"
[ "$(sql "select sum(t < 1.96 / 2) < 89 from ($distances)")" = 1 ] && ok "validity: planted: errors half as large are seen" || no "validity: planted" "$(sql "select sum(t < 1.96 / 2) from ($distances)")"

# ---- every evaluation's random numbers are the run's own
[ "$(sql "select count(distinct auc) > 90 from ($distances)")" = 1 ] && ok "evaluations: runs of other seeds use other random numbers" || no "evaluations: other seeds" "$(sql "select auc from ($distances)")"
sql "select auc from ($distances)" | sort >first
sql "delete from evaluation_option where name = 'version' and evaluation = 'validity' and run <= 10"
sql "update metric set value = 7 where run <= 10 and metric = (select id from metric_name where name = 'sample/auc')"
check "evaluations: what an older version recorded is computed anew, without training" 0 '0 runs executed' -- "$VAE_LAB" run model.lua --set seed="$seeds" --jobs 2
sql "select auc from ($distances)" | sort | cmp -s - first && ok "evaluations: the same run, the same bits" || no "evaluations: the same bits" "$(sql "select auc from ($distances)" | sort | diff - first)"
[ "$(sql "select count(*) from evaluation_option where name = 'version' and evaluation = 'validity'")" = 100 ] && ok "evaluations: the version is recorded" || no "evaluations: the version" "$(sql "select * from evaluation_option")"

# planted: a library whose evaluations do not know the run's seed.  All models decode otherwise, but their prior draws are the same
prior() { # LIBRARY
    rm -f draws.db*
    sed 's/lab.eval.validity.*/lab.eval.latent_space { store = 0, examples = 100, draws = 100 } },/' model.lua >draws.lua
    VAE_LAB_LUA=$1 VAE_LAB_DB=draws.db "$VAE_LAB" run draws.lua --set seed=1,2,3,4 --quiet >out 2>&1 || no "run draws.lua" "$(cat out)"
    sqlite3 draws.db "select count(distinct value) from last_values where metric = 'latent/hole_fraction'"
}
cp -r "$root/lua" planted
sed -i 's/"run " .. recorder:seed()/"run"/' planted/vae_lab/evaluations.lua
[ "$(prior "$root/lua")" -gt 1 ] && ok "evaluations: the draws themselves differ" || no "evaluations: the draws" "are those of another seed"
[ "$(prior "$scratch/planted")" = 1 ] && ok "evaluations: planted: draws that all runs share are seen" || no "evaluations: planted" "$(prior "$scratch/planted")"

# ---- where the samples differ
rm -f results.db*
sed 's/sweep .*/sweep = { beta = { 0, 1 }, passes = { 30 }, seed = { 1 } },/' model.lua >trained.lua
run trained.lua
auc() { sql "select value from last_values where metric = 'sample/auc' and label like 'beta=$1%'"; }
[ "$(sql "select $(auc 0) > 0.9 and $(auc 0) <= 1 and $(auc 1) < $(auc 0)")" = 1 ] && ok "validity: near 1 without the KL term, less with it" || no "validity: beta" "$(auc 0) $(auc 1)"
