#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# All estimates of log p(x) on a model whose log p(x) is known by quadrature, trained here.  Evaluations and Monte Carlo EM that cannot
# work are refused before training.
# The comparisons are those of experiments/likelihood.lua.
. "$(dirname "$0")/common.sh.inc"
cp "$root/experiments/likelihood.lua" .

check "estimators: correct, or on the correct side of log p(x)" 0 -- "$VAE_LAB" run likelihood.lua --set seed=1 --jobs 1
"$VAE_LAB" run likelihood.lua --jobs 1 --quiet --db five.db >/dev/null 2>&1
check "estimators: every claim holds over five seeds" 0 '15 hold, 0 refuted, 0 undecided, 0 open' -- "$VAE_LAB" claims --db five.db
[ "$(sql "select count(*), min(v.value + 3 * e.value) >= 0 from last_values v join last_values e on e.run = v.run and e.metric = v.metric || '_se' where v.metric like 'estimate/%rise'")" = "6|1" ] &&
    ok "estimators: bounds rise with the draws, within 3 standard errors" || no "estimators: rises" "$(sql "select run, metric, value from last_values where metric like '%rise%'")"
"$VAE_LAB" compare >out 2>&1
grep -q wrong out && no "compare: bounds that do not fall" "$(grep wrong out)" || ok "compare: says nothing of bounds that do not fall"
# a library that evaluates wrongly: half a nat less at 50 draws
cp -r "$root/lua" broken && sed -i 's/value\[i\], se\[i\] = common.mean(groups)/&; value[i] = value[i] - (k == 50 and 0.5 or 0)/' broken/vae_lab/evaluations/log_likelihoods.lua
sed 's/examples = 40 }/examples = 30 }/' likelihood.lua >again.lua
VAE_LAB_LUA=$scratch/broken "$VAE_LAB" run again.lua --set seed=1 --jobs 1 --quiet >/dev/null 2>&1
check "compare: a bound that falls as draws grow" 0 '^warning: A: estimate/iwae_50 is 0.4.* below estimate/iwae_5, by .* standard errors .seed 1.: .* the evaluation is wrong' -- "$VAE_LAB" compare
check "show: the same" 0 '^warning: estimate/iwae_50 is' -- "$VAE_LAB" show 1

# ---- lab.eval.marginal: 200 draws of an effective size near 180 for each of 40 examples: a standard error of 0.004 nats, 5 of them 0.02
sed 's/examples = 40 }/examples = 40 }, lab.eval.marginal { examples = 40 }/' likelihood.lua >marginal.lua
check "marginal: evaluated later, without training" 0 '0 runs executed' -- "$VAE_LAB" run marginal.lua --set seed=1 --jobs 1
off() { sql "select count(*) from (select run, sum(value * iif(metric = 'estimate/exact', -1, 1)) as off from last_values where metric in ('marginal/test', 'estimate/exact') group by run) where abs(off) > 0.02"; }
[ "$(off)" = 0 ] && ok "marginal: the exact value, on a line and in a plane" || no "marginal" "$(sql "select run, metric, value from last_values where metric in ('marginal/test', 'estimate/exact')")"
cp -r "$root/lua" planted
sed -i 's/name = "logjoint"/name = "loglik"/' planted/vae_lab/evaluations/appendix_d.lua
sed -i 's/marginal { examples = 40/marginal { examples = 40, seed = 2/' marginal.lua
VAE_LAB_LUA=$PWD/planted "$VAE_LAB" run marginal.lua --set seed=1 --jobs 1 --quiet >/dev/null 2>&1
[ "$(off)" = 2 ] && ok "marginal: planted: an estimate without p(z) is seen" || no "marginal: planted" "$(off) of 2 runs are off"

# ---- the inference gap
sed 's/examples = 40 }/examples = 20, samples = 500 }, lab.eval.inference_gap { examples = 20, samples = 500, steps = 200 },\
    lab.eval.posteriors { examples = 20, grid = 64 }/; s/lab.fig.estimates()/lab.fig.posteriors { examples = 4 }/' likelihood.lua >gap.lua
check "inference gap: evaluated later, without training" 0 '0 runs executed' -- "$VAE_LAB" run gap.lua --set seed=1 --jobs 1
[ "$(sql "select count(*) from (select run, sum(value * (case metric when 'gap/inference' then 1 when 'gap/amortisation' then -1 when 'gap/approximation' then -1 else 0 end)) as rest, min(value) filter (where metric in ('gap/amortisation', 'gap/approximation')) as least from last_values group by run) where abs(rest) < 1e-9 and least > 0")" = 2 ] &&
    ok "inference gap: two parts above 0, which add up to it" || no "inference gap" "$(sql "select run, metric, value from last_values where metric like 'gap/%'")"
# 20 examples of 500 draws, of a standard deviation near 1.5: 5 standard errors
[ "$(sql "select count(*) from last_values a join last_values b on a.run = b.run where a.metric = 'posterior/kl' and b.metric = 'gap/inference' and a.value > 0 and abs(a.value - b.value) < 0.08")" = 1 ] &&
    ok "posteriors: KL(q || p(z|x)) on a grid is log p(x) - ELBO, in the plane" || no "posteriors" "$(sql "select run, metric, value from last_values where metric in ('posterior/kl', 'gap/inference')")"
check "posteriors: a figure of the plane, and a note on the line" 0 'posteriors.png' 'latent=1 has 1 latent dimensions' -- "$VAE_LAB" figures gap.lua --out drawn --format png
cp drawn/posteriors.png first.png
"$VAE_LAB" figures gap.lua --out drawn --format png >out 2>&1
cmp -s first.png drawn/posteriors.png && ok "posteriors: the same bytes when drawn again" || no "posteriors: drawn again" "other bytes"
sql "update artifact set meta = json_set(meta, '\$.kl[0]', null) where name = 'posteriors'"
check "posteriors: a KL that is not finite" 0 'posteriors.png' -- "$VAE_LAB" figures gap.lua --out drawn --format png
cat >null.lua <<'END'
local text = require("vae_lab.evaluations.posteriors").json_list { 1, 0.5, 0 / 0, math.huge, -math.huge }
assert(text == "[1,0.5,null,null,null]", text)
error "as expected"
END
check "posteriors: what is not finite is null in JSON" 3 'as expected' -- "$VAE_LAB" run null.lua

# ---- refused before training
sed 's/z = z }/bound2 = px.mu }/' likelihood.lua >no_z.lua
check "refused before training: no latent z" 3 'lab.eval.estimators needs "' 'which the model does not return' -- "$VAE_LAB" run no_z.lua
sed 's/q:sample()/q.mu/' likelihood.lua >not_drawn.lua
check "refused before training: a z that is not drawn" 3 'lab.eval.estimators needs "loglik"' 'which the model does not return' -- "$VAE_LAB" run not_drawn.lua
sed 's/estimators { examples = 40 }/marginal { examples = 40 }/' likelihood.lua >marginal.lua
check "refused before training: a z too wide for appendix D" 3 'lab.eval.marginal cannot be trusted' 'found +6 dimensions' 'lab.eval.nll' -- \
    "$VAE_LAB" run marginal.lua --set latent=6
sed 's/q:sample()/q.mu/' marginal.lua >not_drawn.lua
check "refused before training: appendix D of a z that is not drawn" 3 'lab.eval.marginal needs "loglik"' -- "$VAE_LAB" run not_drawn.lua

# ---- Monte Carlo EM: models that it can train
em() { sed "$1" "$root/tests/truth/em.lua" >em.lua; }
em 's/, z = z }/ }/'
check "refused before training: Monte Carlo EM without z" 3 'Monte Carlo EM needs z' 'em.lua' -- "$VAE_LAB" run em.lua
em 's/p = px, z/z/'
check "refused before training: Monte Carlo EM without p" 3 'Monte Carlo EM needs p' -- "$VAE_LAB" run em.lua
em 's/prior:sample(run.latent)/lab.mlp { x }:normal(run.latent):sample()/'
check "refused before training: Monte Carlo EM with an encoder's z" 3 'draws z, and the model computes it' 'found +z = q:sample' -- "$VAE_LAB" run em.lua
em 's/prior:sample(run.latent)/lab.mlp { x }:linear(run.latent)/'
check "refused before training: Monte Carlo EM with a code" 3 'found +a z that is not drawn' 'lab.standard_normal\(\):sample' -- "$VAE_LAB" run em.lua
em 's/updates = 2/updates = 0/'
check "refused before training: no update" 3 'bad value of updates of lab.hmc' 'at least 1' -- "$VAE_LAB" run em.lua
em 's/monte_carlo_em = lab.hmc { updates = 2 }/monte_carlo_em = "hmc"/'
check "refused before training: monte_carlo_em is no lab.hmc" 3 'settings, lab.hmc' -- "$VAE_LAB" run em.lua
em 's/lab.eval.marginal.*}/lab.eval.elbo() }/'
check "refused before training: an ELBO without an encoder" 3 'lab.eval.elbo needs "elbo"' -- "$VAE_LAB" run em.lua

# ---- data that depend on the run's settings
em 's/data     = .*/data     = function(run) return { "toy:linear-gaussian", train = run.n, test = 100 } end,/; s/settings = {/sweep = { n = { 1000, 2000 } }, settings = {/; s/batch = 1000/batch = 500/; s/epochs = 400/epochs = 1/; s/evaluate = .*//'
check "data as a function of the run" 0 '2 runs executed' -- "$VAE_LAB" run em.lua
[ "$(sql "select group_concat(value) from (select value from param where name = 'examples' and run in (select id from runs where experiment = 'em') order by 1)")" = 1000,2000 ] &&
    ok "data as a function of the run: each its own" || no "data as a function" "$(sql "select run, name, value from param where name = 'examples'")"
em 's/data     = .*/data     = function(run) return { train = 1000 } end,/'
check "data as a function of the run: without a name" 3 'data has no name' -- "$VAE_LAB" run em.lua

# ---- lab.eval.gradients: with fixed weights all estimators but STL have one mean; the seed is fixed, t below 3
cat >gradients.lua <<'LUA'
local lab = require "vae_lab"
return lab.experiment {
  name = "gradients", question = "Do the estimators agree?", data = { "digits", train = 500, test = 20 }, sweep = { seed = { 1 } },
  model = function (_, x)
    local q = lab.mlp { x, 8, act = "tanh" }:normal(2)
    local z, net = q:sample(), nil
    net = lab.mlp { z, 8, act = "tanh" }
    local px = net:bernoulli(x)
    local function logw(at, from) return lab.log_weights(net { at }:bernoulli(x), x, from, at) end
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z, surrogates = function () return lab.surrogates.all(logw, q, z) end }
  end,
  train = { epochs = 3, batch = 50 },
  evaluate = { lab.eval.gradients { examples = 10, repeats = 400, draws = { 1, 5 } } },
}
LUA
check "gradients: evaluated" 0 -- "$VAE_LAB" run gradients.lua --quiet --db gradients.db
of() { sqlite3 gradients.db "select $1 from (select substr(metric, 10) as name, value from last_values where metric like 'gradient/%')"; }
[ "$(of "sum(name like '%bias_t'), sum(name like '%bias_t' and name <> 'stl_5_bias_t' and abs(value) < 3)")" = "8|7" ] && ok "gradients: without bias" ||
    no "gradients: bias" "$(of "group_concat(name || ' ' || value) filter (where name like '%bias_t')")"
[ "$(of "max(value) filter (where name = 'stl_5_bias_t') > 10")" = 1 ] && ok "gradients: STL of several draws is biased" || no "gradients: STL" "no bias"
[ "$(of "max(value) filter (where name = 'score_1_variance') > 1000 * max(value) filter (where name = 'pathwise_1_variance'),
    max(value) filter (where name = 'stl_1_variance') = max(value) filter (where name = 'dreg_1_variance'),
    max(value) filter (where name = 'dreg_5_variance') < max(value) filter (where name = 'pathwise_5_variance')")" = "1|1|1" ] &&
    ok "gradients: variances are ordered as they must be" || no "gradients: variances" "$(of "group_concat(name || ' ' || value) filter (where name like '%variance')")"
sed 's/, surrogates = .* end }/ }/' gradients.lua >none.lua
check "gradients: a model without estimators" 3 'needs estimators, and the model returns none' -- "$VAE_LAB" run none.lua --db gradients.db
