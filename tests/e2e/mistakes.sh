#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# experiments/mistakes.lua, made small: each mistake has its effect; a divergence is reported with its line; the library refuses what it
# can.  The three evaluations of that experiment are compared with known numbers.
. "$(dirname "$0")/common.sh.inc"
cp "$root/experiments/mistakes.lua" .

# holds NAME QUERY: the query gives 1
holds() { [ "$(sql "$2")" = 1 ] && ok "$1" || no "$1" "$(sql "$2") and not 1"; }
# last METRIC [LABEL]: a sub-query for its last value
last() { echo "(select value from last_values where metric = '$1'${2:+ and label = '$2'} limit 1)"; }

# ---- each mistake has its effect at any size: one seed, four epochs of a thousand digits, 32 hidden units
sed 's/samples = 500, examples = 500/samples = 50, examples = 100/; s/draws = { 1, 5, 50 }, examples = 500/draws = { 1, 5, 50 }, examples = 100/
    s/lab.eval.pixels()/lab.eval.pixels { examples = 100 }/' mistakes.lua >small.lua
check "mistakes: all train, except the one that diverges" 0 '6 runs executed' -- "$VAE_LAB" run small.lua --jobs 1 --threads 1 \
    --set seed=1 --set epochs=4 --set hidden=32 --set data.train=1000 --set data.test=200
none() { last "$1" mistake=none; }
holds "1: the mean z gives too good a number" "select $(none test/at_mean) > $(none test/elbo)"
holds "2: averaged over pixels, the code is not used" "select $(last test/kl mistake=averaged_pixels) < 0.1 * $(none test/kl)"
holds "2: divided, the KL is larger" "select $(last test/kl mistake=divided_KL) > 1.5 * $(none test/kl)"
holds "3: thresholded pixels have a better number than drawn ones, grey ones are below their ceiling" "select $(none pixels/thresholded) > $(none pixels/fresh)
    and $(none pixels/grey) < $(none pixels/ceiling) and $(none pixels/ceiling) < 0"
holds "4: the weighted objective is above the ELBO" "select $(last test/bound mistake=weighted_KL) > $(last test/elbo mistake=weighted_KL) + 10"
holds "5: with one draw both signs agree, with more the correct bound rises and the wrong one falls" "select $(none bounds/iwae_1) = $(none bounds/iwae_sign_1)
    and $(none bounds/iwae_50) > $(none bounds/iwae_5) and $(none bounds/iwae_5) > $(none bounds/iwae_1)
    and $(none bounds/iwae_sign_50) < $(none bounds/iwae_sign_5) and $(none bounds/iwae_sign_5) < $(none bounds/iwae_sign_1)"
holds "6: no gradient behind the clamp, a full one without" "select $(none extreme/log_q_clamped_at_-100) + $(none extreme/log_q_clamped_at_100) = 0
    and $(none extreme/log_q_at_-100) + $(none extreme/log_q_at_100) = 2"
holds "7: the reported KL is below zero, the correct one is not" "select $(last test/reported_kl mistake=wrong_sign) < 0 and $(last test/kl mistake=wrong_sign) > 0
    and $(last test/bound mistake=wrong_sign) > $(last test/elbo mistake=wrong_sign)"
line=$(grep -n 'exp first, clamped' mistakes.lua | cut -d: -f1)
check "6: with the clamp training diverges at once, and the message names the line" 1 'diverged' "first in exp.*mistakes.lua:$line" -- \
    "$VAE_LAB" run mistakes.lua --set mistake=overflow --set seed=1 --set data.train=200 --set data.test=100

# ---- figures of chosen runs
check "figures: drawn for the runs of their where" 0 'reported.svg' 'pixels.svg' 'draws.svg' 'negative_kl.svg' 'costs.svg' -- \
    "$VAE_LAB" figures small.lua --out figs --format svg --sweep 1
grep -q 'averaged pixels' figs/alike.svg && ! grep -q 'weighted KL' figs/alike.svg && ok "figures: where = { … } leaves the others out" || no "figures: where" "not what was chosen"
sed 's/mistake = { "none", "far_start" } }/mistake = "nothing" }/' small.lua >unmatched.lua
check "figures: no run matches, and a note says so" 0 'far_start: no finished run matches its where' -- "$VAE_LAB" figures unmatched.lua --out figs2 --format svg --sweep 1

# ---- a KL below zero is refused where the ELBO is evaluated
sed -n '/^local lab/,$p' "$root/tests/e2e/tiny.lua" | sed 's/, z = z }/, z = z, kl = -q:kl() }/
    s/evaluate = .*/evaluate = { lab.eval.elbo() },/' >negative.lua
check "7: lab.eval.elbo refuses a KL below zero" 1 'below zero over the test examples' 'found +-[0-9.]+ nats' 'hint +compare with q:kl' -- \
    "$VAE_LAB" run negative.lua --set beta=1 --set seed=1

# ---- the evaluations and known numbers: no weight is trained, every pixel has the probability of the mean image
cat >known.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name = "known",
  data = { "digits", train = 300, test = 200, binarise = "grey" },
  model = function(_, x)
    local q  = lab.mlp { x, 4, init = "zeros" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 4, init = "zeros" }:bernoulli(x, { bias_init = "data_logit" })
    local p  = x:clamp(1e-6, 1 - 1e-6)
    return {
      bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z,
      metrics = {
        thresholded = px:log_prob(((x - 0.5) * 1e30):clamp(0, 1)), ceiling = (p * p:log() + (1 - p) * (1 - p):log()):sum(),
        steady = px:log_prob(x):logmeanexp("samples"), two = 2 * px:log_prob(x):mean("samples"), nothing = 0 * q.logvar:sum(),
      },
    }
  end,
  train    = { epochs = 1, batch = 50, optimiser = lab.sgd { rate = 0 } },
  evaluate = {
    lab.eval.pixels { examples = 200 }, lab.eval.bounds { metrics = { "steady", "two" }, draws = { 1, 7 } },
    lab.eval.extremes { metrics = { "kl", "nothing" }, logvar = { -3, 100 }, examples = 3 },
  },
}
X
check "known: trains nothing" 0 '1 run executed' -- "$VAE_LAB" run known.lua --jobs 1 --threads 1
near() { holds "$1" "select abs($2 - ($3)) < $4"; }
near "pixels: grey" "$(last pixels/grey known)" "$(last test/elbo known)" 1e-3
near "pixels: thresholded" "$(last pixels/thresholded known)" "$(last test/thresholded known)" 1e-3
near "pixels: the ceiling; 1e-6 is cut off at each of 784 pixels" "$(last pixels/ceiling known)" "$(last test/ceiling known)" 0.02
# draws have the grey pixels as their mean, and the log density is linear in them: 200 images of 784 pixels, of sd below 40 each
near "pixels: drawn ones, in the mean the grey ones" "$(last pixels/fresh known)" "$(last pixels/grey known)" 10
holds "pixels: dynamic and static binarisation are different draws" "select $(last pixels/fresh known) <> $(last pixels/static known)"
for k in 1 7; do
    near "bounds: $k draws of what needs none" "$(last bounds/steady_$k known)" "$(last test/elbo known)" 1e-3
    near "bounds: $k draws, each name its own" "$(last bounds/two_$k known)" "2 * $(last test/elbo known)" 1e-3
done
holds "extremes: the KL's gradient in log sigma², 1/2 (exp - 1), is infinite at 100" "select $(last extreme/kl_at_-3 known) = 1 and $(last extreme/kl_at_100 known) = 0"
holds "extremes: a gradient of 0 moves nothing" "select $(last extreme/nothing_at_-3 known) = 0"
options=$(sql "select group_concat(name || '=' || value, ' ') from evaluation_option where evaluation = 'bounds' and run = (select id from runs where label = 'known')")
[ "$options" = 'draws=[1,7] examples=0 metrics=["steady","two"] seed=1 version=2' ] && ok "bounds: its lists are recorded" || no "bounds: its lists" "$options"

# ---- refused options
refused() { name=$1 from=$2; shift 2; sed "$from" known.lua >bad.lua; check "refused: $name" 3 'bad.lua:' "$@" -- "$VAE_LAB" run bad.lua; }
refused "a bound that the model does not return" 's/"steady", "two"/"steady", "three"/' 'lab.eval.bounds needs "three"'
refused "a bound that is no name" 's/"steady", "two"/"steady", 2/' 'entry 2 of metrics of lab.eval.bounds' 'found +2'
refused "no draws" 's/{ 1, 7 }/{ 0, 7 }/' 'entry 1 of draws of lab.eval.bounds' 'found +0' 'at least 1'
refused "extremes of an unknown tensor" 's/"kl", "nothing"/"kll"/' 'lab.eval.extremes needs "kll"'
refused "pixels of data that are no images" 's/"digits", train/"toy:moons", train/; s/binarise = "grey"//; s/test = 200,/test = 200/; s/, { bias_init = "data_logit" }//' 'lab.eval.pixels needs images'
refused "pixels of a Gaussian decoder" 's/:bernoulli(x, { bias_init = "data_logit" })/:normal(x)/' 'lab.eval.pixels needs "p.logits"'
