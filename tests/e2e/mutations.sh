#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# experiments/mutations.lua, made small: a bug of each kind is detected by the check that its claim names, and the healthy program raises
# no alarm; a bug that is none, a check that is blind, and a second computation that is wrong are seen.  Runs are the same to the bit
# everywhere, so that what holds here holds elsewhere.
#
# Compares numbers only: the sanitizer builds leave it out.
. "$(dirname "$0")/common.sh.inc"
cp "$root/experiments/mutations.lua" .
all=none,kl_quarter,kl_mu2,z_half,x_thresholded,w_sign,s_late,t_encoder,e_dropout,e_last

# small SCRIPT MUTATIONS: one seed, 600 steps: enough for the bound to be above that of a model without z
small() {
    "$VAE_LAB" run "$1" --jobs 1 --threads 1 --quiet --set seed=1 --set epochs=6 --set images=2000 --set minibatch=20 --set step=0.01 --set tests=130 \
        --set hidden=16 --set mutation="$2" >out 2>&1
}
# measured TEXT: the number of the claim of that text; one seed decides nothing, but shows which check fires
measured() { grep -A1 "^[a-z]* *mutations: .*$1" out | sed -n '2s/.*: \([0-9.e-]*\);.*/\1/p'; }
# fires NAME TEXT, silent NAME TEXT, alarm NAME TEXT: the check of that claim fires, does not; some check fires for the healthy program
fires() { [ "$(measured "$2")" = 1 ] && ok "$1" || { no "$1" "the check does not fire"; sed 's/^/    /' out; }; }
silent() { [ "$(measured "$2")" = 0 ] && ok "$1" || { no "$1" "the check fires"; sed 's/^/    /' out; }; }
alarm() { case "$(measured "$2")" in 0 | "") no "$1" "no check fires"; sed 's/^/    /' out ;; *) ok "$1" ;; esac; }

small mutations.lua $all
fires "a wrong formula of the KL: the closed form" 'KL term, mu² missing: KL as in closed form'
fires "half of a part of the KL: each example" "KL term, ½ of mu² + sigma² − 1 twice: KL of each example"
fires "half the noise: the moments of draws" 'sampling, half the noise: moments of the draws'
fires "thresholded pixels: the spread of drawn ones" 'likelihood, pixels cut at ½: pixels drawn from grey'
fires "weights of the wrong sign: the rise of the bound" 'importance weights, wrong sign: IWAE bound rises'
fires "annealing that is late: another formula of the ELBO" 'schedules, beta one epoch late: ELBO by another formula'
fires "an encoder that is not trained: its gradient" 'training, encoder not trained: all networks trained'
fires "dropout at the test: one input, one output" 'evaluation, dropout left on: one input, one output'
fires "a sum divided by a wrong number: another formula" 'evaluation, sum divided by the full batches: ELBO by another'
silent "no bug: no alarm" 'the healthy program raises next to no alarm'

check "the maps are drawn" 0 'map-1.svg' 'map-3.svg' 'groups.svg' -- "$VAE_LAB" figures mutations.lua --out figs --format svg
grep -q 'half the noise' figs/map-1.svg && ok "the map has a row for each bug" || no "the map" "a row is missing"

# ---- planted: what must be seen
sed 's/return logvar:exp() - logvar - 1 end) }/return mu ^ 2 + logvar:exp() - logvar - 1 end) }/; s/half_sum(function(_, logvar)/half_sum(function(mu, logvar)/' \
    mutations.lua >harmless.lua
cmp -s mutations.lua harmless.lua && no "planted: no bug" "nothing is changed"
small harmless.lua kl_mu2
silent "planted: a mutation that changes nothing" 'KL term, mu² missing'

# planted NAME SED FILE: a copy of the library with that change; library NAME SED FILE MUTATION: a run with it
planted() {
    rm -rf library && cp -r "${VAE_LAB_LUA:-$root/lua}" library
    sed -i "$2" "library/vae_lab/$3"
    cmp -s "library/vae_lab/$3" "${VAE_LAB_LUA:-$root/lua}/vae_lab/$3" && no "planted: $1" "nothing is changed"
}
library() {
    planted "$1" "$2" "$3"
    VAE_LAB_DB=$scratch/$1.db VAE_LAB_LUA=$scratch/library small mutations.lua "$4" # its own record: nothing is evaluated yet
}
library "blind" 's/e:set(i, c, (v - m\[j\]) \/ s\[j\])/e:set(i, c, 2 * (v - m[j]) \/ s[j])/' evaluations/audit.lua none,z_half
silent "planted: draws that are divided by half of sigma, a bug that is not seen" 'sampling, half the noise'
alarm "planted: draws that are divided by half of sigma, a false alarm" 'the healthy program'
library "no_log" 's/v + 0.5 \* square + log_sigma/v + 0.5 * square/' evaluations/audit.lua none
alarm "planted: second weights without log sigma" 'the healthy program'

# ---- what lab.eval.audit refuses
sed -n '/^local lab/,$p' "$root/tests/e2e/tiny.lua" >tiny.lua
sed 's/evaluate = .*/evaluate = { lab.eval.audit { networks = { "encoderr" } } },/' tiny.lua >bad.lua
check "refused: an unknown network" 3 'no weights of the model begin with "encoderr"' -- "$VAE_LAB" run bad.lua
sed 's/evaluate = .*/evaluate = { lab.eval.audit() },/; s/, z = z }/, z = z, prior = lab.normal(0 * z, 0) }/' tiny.lua >bad.lua
check "refused: a prior of its own" 3 'needs the prior N\(0, I\)' -- "$VAE_LAB" run bad.lua
sed 's/evaluate = .*/evaluate = { lab.eval.audit { examples = 20, exact = 2 } },/' tiny.lua >audited.lua
check "any model can be audited" 0 'executed' -- "$VAE_LAB" run audited.lua --set seed=1 --set beta=1 --jobs 1

# ---- lab.detectors.claim: the library's own formulas, wrong; what is correct holds at beta = 0 too, where sigma is small
sed 's/evaluate = .*/evaluate = { lab.eval.audit { examples = 100, exact = 2 } }, claims = { lab.detectors.claim {} },/' tiny.lua >claim.lua
# claimed NAME PATTERN SED FILE: the claim with a library that is changed so
claimed() {
    planted "$1" "$3" "$4"
    check "the numbers of a model whose library has $1" 0 "$2" -- env VAE_LAB_DB="$scratch/claim.db" VAE_LAB_LUA="$scratch/library" \
        "$VAE_LAB" run claim.lua --set epochs=20 --set rate=1e-2 --jobs 1 --quiet --fresh
}
refuted='refuted *tiny: the reported numbers are true of the weights'
check "the numbers of a correct model" 0 'holds *tiny: the reported numbers are true' 'alarms a run: 0 .*4 seeds' -- \
    "$VAE_LAB" run claim.lua --set epochs=20 --set rate=1e-2 --jobs 1 --quiet
claimed "half a KL" "$refuted" 's/apply("kl", { q.mu, wide_logvar(q) })/0.5 * &/' distributions/normal.lua
claimed "half the noise" "$refuted" 's/{ q.mu, q.logvar, eps }/{ q.mu, q.logvar, 0.5 * eps }/' distributions/normal.lua
claimed "codes of another step" "$refuted" 's/common.codes(model, at)/common.codes(model, request)/' evaluations/audit.lua
