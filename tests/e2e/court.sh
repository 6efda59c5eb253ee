#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lab.eval.court: where q is wrong the estimators by q fail, and draws of the posterior do not, which start at draws of prior and q;
# started as they once were, at draws of q alone, they fail too where p(z|x) has several modes.  Errors planted in the library are seen.
# Seed 1, 8 examples and 3 repeats: each share is of 24 estimates.
#
# Compares numbers only: the sanitizer builds leave it out.
. "$(dirname "$0")/common.sh.inc"
sed 's/repeats = 5/repeats = 3, examples = 8/; s/train = 5000, test = 500/train = 3000, test = 200/; s/epochs = 8/epochs = 6/' "$root/experiments/estimator_court.lua" >court.lua
of() { sql "select round(value, 4) from last_values where metric = 'court/$1' and run = (select max(run) from last_values where metric = 'court/exact')"; }
# holds NAME CONDITION: a condition over metrics, each written as {metric}
holds() {
    condition=$2
    for metric in $(echo "$2" | grep -o '{[a-z_0-9]*}' | tr -d '{}'); do condition=$(echo "$condition" | sed "s/{$metric}/($(of "$metric"))/g"); done
    [ "$(sqlite3 :memory: "select $condition")" = 1 ] && ok "$1" || no "$1" "$condition"
}
judge() { "$VAE_LAB" run court.lua --set seed=1 --set latent=2 --set "beta=$1" --jobs 1 --quiet "--fresh" >out 2>&1; }

check "court: evaluated" 0 -- "$VAE_LAB" run court.lua --set seed=1 --set latent=2 --set beta=0,1 --jobs 1 --quiet
[ "$(sql "select count(*), min(value) >= 0, max(value) <= 1 from last_values where metric like 'court/%covered' or metric like 'court/%failed'")" = "44|1|1" ] &&
    ok "court: two shares of each of eleven estimators" || no "court: shares" "$(sql "select metric, value from last_values where metric like 'court/%'")"
[ "$(sql "select group_concat(distinct value) from last_values where metric like 'court/%_n'")" = 24.0 ] && ok "court: shares of 24" || no "court: n" "$(sql "select metric, value from last_values where metric like 'court/%_n'")"
check "court: its figure" 0 'court.png' -- "$VAE_LAB" figures court.lua --out drawn --format png
sed 's/latent = { 1, 2 }/latent = { 3 }/' court.lua >wide.lua
check "court: refused before training: three latent dimensions" 3 'judges by the exact log p\(x\)' 'found +3 latent dimensions' -- "$VAE_LAB" run wide.lua --set seed=1

judge 0
holds "court: without the KL term importance sampling by q fails" '{importance_failed} = 1 and {importance_covered} = 0'
holds "court: draws of the posterior do not fail" '{appendix_d_failed} = 0 and abs({appendix_d_bias}) < 0.05'
holds "court: annealing is between" '{ais_forward_bias} < 0.1 and {ais_reverse_bias} > -0.1 and {ais_reverse_bias} - {ais_forward_bias} < 2'

# planted NAME FILE SED BETA CONDITION: with this error in the library the condition holds, which does not hold without it.
planted() {
    rm -rf library && cp -r "$root/lua" library && sed -i "$3" "library/vae_lab/evaluations/$2"
    cmp -s "$root/lua/vae_lab/evaluations/$2" "library/vae_lab/evaluations/$2" && no "planted: $1" "nothing is changed"
    export VAE_LAB_LUA=$scratch/library
    judge "$4"
    unset VAE_LAB_LUA
    holds "planted: $1 is seen" "$5"
}
planted "an estimate without p(z)" appendix_d.lua 's/name = "logjoint"/name = "loglik"/' 0 '{appendix_d_failed} > 0.5'
planted "a reverse bound of the wrong sign" log_likelihoods.lua 's/value\[i\] = reverse and -v or v/value[i] = v/' 0 '{ais_reverse_failed} = 1'
planted "annealing from draws that are no draws of the prior" log_likelihoods.lua 's/or common.prior_draws(.*$/or model:map(common.with(request, { name = "z", samples = o.chains }))/' 0 '{ais_forward_failed} > 0.9'

# A decoder that sees z squared: p(z|x) has a mode for each sign of z1 and of z2, and q knows one of them.  What stays in it is too low by
# log 4 = 1.4 nats.
sed 's/lab.mlp { z, run.hidden/lab.mlp { z:square(), run.hidden/' court.lua >mirror.lua && mv mirror.lua court.lua
judge 1
holds "court: mirrored modes: importance sampling by q fails, and its interval is wrong" '{importance_failed} > 0.5 and {importance_covered} < 0.3'
holds "court: mirrored modes: draws of the posterior do not fail" '{appendix_d_failed} < 0.1 and abs({appendix_d_bias}) < 0.2'
planted "chains that start at draws of q alone" starts.lua 's/if not q or step % 2 == 0/if not q/; s/^local WIDER = 2 /local WIDER = 1 /' 1 '{appendix_d_failed} > 0.5'
planted "one Gaussian over all modes" appendix_d.lua 's/if fit:cols() .. d .. chains <= d then/if true then/' 1 '{appendix_d_bias} > 0.5'

# ---- lab.eval.lower_bound against quadrature: static pixels, so that both see the same images; beta 0, where q is a point, and beta 1
sed '/^local lab/,$!d; s/test = 300 }/test = 300, binarise = "static" }/
    s/evaluate = .*/evaluate = { lab.eval.audit { examples = 10, exact = 10 }, lab.eval.lower_bound { examples = 10 } },/' \
    "$root/tests/e2e/tiny.lua" >lower.lua
# apart OPERATOR NUMBER: whether every run's bound minus the exact value satisfies it
apart() {
    sql "select count(*) = sum(b.value - e.value $1 $2) from last_values b join last_values e on e.run = b.run
        where b.metric = 'lower_bound/test' and e.metric = 'audit/exact'"
}
VAE_LAB_DB=$scratch/lower.db "$VAE_LAB" run lower.lua --jobs 1 --quiet --set epochs=20 --set rate=3e-3 >out 2>&1
[ "$(VAE_LAB_DB=$scratch/lower.db; apart '>' -0.02)$(VAE_LAB_DB=$scratch/lower.db; apart '<' 0.02)" = 11 ] &&
    ok "lower_bound: within 0.02 nats of quadrature" ||
    { no "lower_bound" "not within 0.02 nats of quadrature"; sqlite3 lower.db "select label, metric, value from last_values where metric like '%lower%'
        or metric = 'audit/exact'"; cat out; }
rm -rf library && cp -r "${VAE_LAB_LUA:-$root/lua}" library
sed -i 's/, v - math.log(2))/, v)/' library/vae_lab/evaluations/starts.lua
VAE_LAB_DB=$scratch/planted.db VAE_LAB_LUA=$scratch/library "$VAE_LAB" run lower.lua --jobs 1 --quiet --set epochs=20 --set seed=1 >out 2>&1
[ "$(VAE_LAB_DB=$scratch/planted.db; apart '>' 0.5)" = 1 ] && ok "planted: a bound that is log 2 too high is seen" || no "planted: log 2" "$(cat out)"
sed 's/normal(2)/normal(6)/; s/lab.eval.audit.*lab.eval.lower/lab.eval.lower/' lower.lua >bad.lua
check "lower_bound: refuses six dimensions" 3 'finds nothing in this z' '6 dimensions' 'lab.eval.nll' -- "$VAE_LAB" run bad.lua
