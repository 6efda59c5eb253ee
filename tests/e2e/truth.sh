#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Models with known answers: the claims of tests/truth/ hold, and fail when an error is planted in the model.  Runs are the same to the
# bit everywhere, so that a claim that holds here by a wide margin holds by the same margin elsewhere.
#
# Compares numbers only: the sanitizer builds leave it out.
. "$(dirname "$0")/common.sh.inc"
linear=$root/tests/truth/linear.lua

# claimed NAME SCRIPT HOLD REFUTED OPTION…: runs it and counts the verdicts.
claimed() {
    name=$1 script=$2 hold=$3 refuted=$4
    shift 4
    "$VAE_LAB" run "$script" --jobs 1 --threads 1 --quiet "$@" >out 2>&1
    found="$(grep -c '^holds ' out) $(grep -c '^refuted ' out) $(grep -cE '^(undecided|open) ' out)"
    [ "$found" = "$hold $refuted 0" ] && ok "$name" || { no "$name" "$found claims hold, are refuted, neither, not $hold $refuted 0"; sed 's/^/    /' out; }
}

claimed "linear VAE: the exact maximum likelihood, its noise and its subspace; the recorded ELBO; I, and q(z)" "$linear" 8 0 --set profile=trained
claimed "linear VAE: units that the data do not need collapse" "$linear" 8 0 --set profile=surplus
claimed "wake-sleep: the same maximum" "$linear" 8 0 --set profile=trained --set method=wake-sleep

# planted NAME SED PATTERN: with that error in the model the claim is no longer true.
planted() {
    sed "$2" "$linear" >planted.lua
    cmp -s "$linear" planted.lua && no "planted: $1" "nothing is changed"
    "$VAE_LAB" run planted.lua --jobs 1 --threads 1 --quiet --set profile=trained --set seed=1 >out 2>&1
    grep -q "^refuted .*$3" out && ok "planted: $1 is seen" || { no "planted: $1" "the claim still holds"; sed 's/^/    /' out; }
}
elbo='the ELBO is the exact maximum'
planted "half the KL" 's/- q:kl()/- 0.5 * q:kl()/' "$elbo"
planted "the KL of the wrong sign" 's/- q:kl()/+ q:kl()/' "$elbo"
planted "training with the mean z" 's/q:sample()/q.mu/' "$elbo"
planted "testing with the mean z" 's/p = px, z = z }/p = px, z = z, reconstruction = decode(q.mu):log_prob(x) }/' 'the recorded ELBO'

# asleep NAME SED: wake-sleep with that error in a copy of the library
asleep() {
    rm -rf library && cp -r "${VAE_LAB_LUA:-$root/lua}" library
    sed -i "$2" library/vae_lab/objectives.lua
    cmp -s library/vae_lab/objectives.lua "${VAE_LAB_LUA:-$root/lua}/vae_lab/objectives.lua" && no "planted: $1" "nothing is changed"
    VAE_LAB_LUA=$scratch/library "$VAE_LAB" run "$linear" --jobs 1 --threads 1 --quiet --fresh --set profile=trained --set seed=1 \
        --set method=wake-sleep >out 2>&1
    grep -q "^refuted .*$elbo" out && ok "planted: $1 is seen" || { no "planted: $1" "the claim still holds"; sed 's/^/    /' out; }
}
asleep "no sleep phase" 's/wake + sleep/wake/'
asleep "dreams of codes that are twice too far out" 's/decode(prior):sample_data/decode(2 * prior):sample_data/'

# The gradients' own errors are planted in a copy of the library.
rm -rf library
gradients=$root/tests/truth/gradients.lua
claimed "gradient estimators: variances in closed form; which are biased, and which are not" "$gradients" 10 0
check "gradient estimators: their figure" 0 'gradients.png' -- "$VAE_LAB" figures "$gradients" --out drawn --format png
cp -r "${VAE_LAB_LUA:-$root/lua}" library
sed -i 's/shares(w) ^ 2 \* w/shares(w) * w/; s/:sum "samples" + bound/:sum "samples"/; s/iwae(logw(z, q:stop_gradient()))/iwae(logw(z, q))/' library/vae_lab/surrogates.lua
sed 's/repeats = 20000/repeats = 4000/' "$gradients" >planted.lua
VAE_LAB_LUA=$scratch/library "$VAE_LAB" run planted.lua --jobs 1 --threads 1 --quiet --set world=gaussian >out 2>&1
for error in "weights that are not squared:by dreg" "a score without the bound's own gradient:by score" "the gradient of log q kept in stl:biased by stl"; do
    grep -q "^refuted .*${error#*:}" out && ok "planted: ${error%:*} is seen" || { no "planted: ${error%:*}" "the claim still holds"; sed 's/^/    /' out; }
done
cp "${VAE_LAB_LUA:-$root/lua}/vae_lab/surrogates.lua" library/vae_lab/
sed -i 's/return signal \* q:log_prob(fixed):sum "samples" + bound/return -3 * (signal * q:log_prob(fixed):sum "samples" + bound)/' library/vae_lab/surrogates.lua
VAE_LAB_LUA=$scratch/library "$VAE_LAB" run planted.lua --jobs 1 --threads 1 --quiet --set world=gaussian >out 2>&1
grep -q "^refuted .*by score$" out && ok "planted: a score that is multiplied by -3 is seen" || { no "planted: a score times -3" "the claim still holds"; sed 's/^/    /' out; }

# ---- Monte Carlo EM maximises the likelihood itself.  Its estimate over 1,000 examples of 100 draws each has a standard error below 0.003
# nats and a bias of half the relative variance of a mean of 100 weights, below 0.002: within 0.02 it is the maximum.
"$VAE_LAB" run "$linear" --jobs 1 --threads 1 --quiet --set profile=trained --set seed=1 --set data.train=1000 --set data.test=1000 \
    --set epochs=1 --set batch=1000 >out 2>&1
# short SCRIPT: [OUT] $short, the maximum minus log p(x) of the training data
short() {
    "$VAE_LAB" run "$1" --jobs 1 --threads 1 --quiet --fresh >out 2>&1
    short=$(sql "select (select value from last_values where metric = 'ppca/maximum' and run in (select id from run where epochs = 1)) - value
        from last_values where metric = 'marginal/train' order by run desc limit 1")
}
near() { [ "$(sqlite3 :memory: "select abs(${short:-9}) < 0.02")" = 1 ]; }
short "$root/tests/truth/em.lua"
near && ok "Monte Carlo EM: the exact maximum likelihood" || { no "Monte Carlo EM" "short of it by $short"; sed 's/^/    /' out; }
sed 's/updates = 2/updates = 2, leapfrog = 1, step_size = 1e-9/' "$root/tests/truth/em.lua" >planted.lua
short planted.lua
[ "$(sqlite3 :memory: "select ${short:-0} > 0.02")" = 1 ] && ok "planted: chains that hardly move are seen" || no "planted: chains that hardly move" "short by $short"
