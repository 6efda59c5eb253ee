#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every way to log p(x) on a model whose log p(x) is known by quadrature, trained here; what cannot be asked is refused before training.
# The comparisons are those of experiments/likelihood.lua: biases within 3 standard errors, seed 1.
. "$(dirname "$0")/common.sh.inc"
cp "$root/experiments/likelihood.lua" .

check "estimators: right, or on the right side of the truth" 0 -- "$VAE_LAB" run likelihood.lua --set seed=1 --jobs 1
check "estimators: every claim holds" 0 '12 hold, 0 do not, 0 open' -- "$VAE_LAB" claims
[ "$(sql "select count(*), min(v.value + 3 * e.value) >= 0 from last_values v join last_values e on e.run = v.run and e.metric = v.metric || '_se' where v.metric like 'estimate/%rise'")" = "6|1" ] &&
    ok "estimators: bounds rise with the draws, within 3 standard errors" || no "estimators: rises" "$(sql "select run, metric, value from last_values where metric like '%rise%'")"
"$VAE_LAB" compare >out 2>&1
grep -q wrong out && no "compare: bounds that do not fall" "$(grep wrong out)" || ok "compare: says nothing of bounds that do not fall"
# a library that evaluates wrongly: half a nat less at 50 draws
cp -r "$root/lua" broken && sed -i 's/\[i\] = grouped(.*$/[i] = grouped(table.move(row, 1, group, 1, {}), k) - (k == 50 and 0.5 or 0) end/' broken/vae_lab/evaluations/estimators.lua
sed 's/examples = 40 }/examples = 30 }/' likelihood.lua >again.lua
VAE_LAB_LUA=$scratch/broken "$VAE_LAB" run again.lua --set seed=1 --jobs 1 --quiet >/dev/null 2>&1
check "compare: a bound that falls as draws grow" 0 '^warning: A: estimate/iwae_50 is 0.4.* below estimate/iwae_5, by .* standard errors .seed 1.: .* the evaluation is wrong' -- "$VAE_LAB" compare
check "show: the same" 0 '^warning: estimate/iwae_50 is' -- "$VAE_LAB" show 1
sed 's/examples = 40 }/examples = 20, samples = 500 }, lab.eval.inference_gap { examples = 20, samples = 500, steps = 200 },\
    lab.eval.posteriors { examples = 20, grid = 64 }/; s/lab.fig.estimates()/lab.fig.posteriors { examples = 4 }/' likelihood.lua >gap.lua
check "inference gap: evaluated later, without training" 0 '0 runs executed' -- "$VAE_LAB" run gap.lua --set seed=1 --jobs 1
[ "$(sql "select count(*) from (select run, sum(value * (case metric when 'gap/inference' then 1 when 'gap/amortisation' then -1 when 'gap/approximation' then -1 else 0 end)) as rest, min(value) filter (where metric in ('gap/amortisation', 'gap/approximation')) as least from last_values group by run) where abs(rest) < 1e-9 and least > 0")" = 2 ] &&
    ok "inference gap: two parts above 0, which are the whole" || no "inference gap" "$(sql "select run, metric, value from last_values where metric like 'gap/%'")"
# 20 examples of 500 draws, of a standard deviation near 1.5: 5 standard errors
[ "$(sql "select count(*) from last_values a join last_values b on a.run = b.run where a.metric = 'posterior/kl' and b.metric = 'gap/inference' and a.value > 0 and abs(a.value - b.value) < 0.08")" = 1 ] &&
    ok "posteriors: KL(q || p(z|x)) on a grid is log p(x) - ELBO, in the plane" || no "posteriors" "$(sql "select run, metric, value from last_values where metric in ('posterior/kl', 'gap/inference')")"
check "posteriors: a figure of the plane, and a word on the line" 0 'posteriors.png' 'latent=1 has 1 latent dimensions' -- "$VAE_LAB" figures gap.lua --out drawn --format png
cp drawn/posteriors.png first.png
"$VAE_LAB" figures gap.lua --out drawn --format png >out 2>&1
cmp -s first.png drawn/posteriors.png && ok "posteriors: the same bytes when drawn again" || no "posteriors: drawn again" "other bytes"

sed 's/z = z }/bound2 = px.mu }/' likelihood.lua >no_z.lua
check "refused before training: no latent z" 3 'lab.eval.estimators needs "' 'which the model does not give' -- "$VAE_LAB" run no_z.lua
sed 's/q:sample()/q.mu/' likelihood.lua >not_drawn.lua
check "refused before training: a z that is not drawn" 3 'lab.eval.estimators needs "loglik"' 'which the model does not give' -- "$VAE_LAB" run not_drawn.lua
