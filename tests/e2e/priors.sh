#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Evaluations use the model's own prior: draws, holes and annealing of models with a VampPrior and with a normal far from N(0, I), against
# quadrature; and refuse, before training, a prior that they cannot use.
# Compares numbers only, but for the refusals.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/priors.lua" .
value() { sql "select value from last_values where metric = '$2' and run = (select max(id) from runs where label = 'kind=$1')"; }
holds() { [ "$(sql "$2")" = 1 ] && ok "$1" || no "$1" "$(sql "select label, metric, round(value, 4) from last_values where metric glob 'estimate/*[se]' and metric glob '*bias*' or metric glob 'sample/*'" | tr '\n' ' ')"; }

check "priors: trained and evaluated" 0 '3 runs executed' -- "$VAE_LAB" run priors.lua --jobs 2
# the AUC of 500 images has a standard error near 0.02: 4 of them
holds "priors: draws of a trained prior look like reconstructions" "select abs($(value vamp sample/auc) - 0.5) < 4 * $(value vamp sample/auc_se)"
holds "priors: a trained prior has few holes" "select $(value vamp latent/hole_fraction) < 0.1"
for kind in vamp normal; do # 0.2 nats: 4 standard errors of 20 examples and 100 chains
    holds "priors: annealing from a prior of its own, $kind" "select abs($(value $kind estimate/ais_forward_bias)) < 0.2"
    holds "priors: importance sampling, $kind" "select abs($(value $kind estimate/importance_bias)) < 4 * $(value $kind estimate/importance_bias_se)"
done
[ "$(sql "select count(*) from (select metric from last_values where metric not like 'time/%' and label in ('kind=vamp', 'kind=table') group by metric having count(distinct value) > 1)" 2>&1)" = 0 ] &&
    ok "priors: a table of the script's own gives the same bits" || no "priors: a table" "$(sql "select metric, label, value from last_values where label in ('kind=vamp', 'kind=table')")"

# planted: N(0, I) whatever the prior is
cp -r "$root/lua" planted
sed -i 's/if not common.has(model, "prior.z") then/if true then/; s/^    check_standard(model)//' planted/vae_lab/evaluations/common.lua
sed 's/draws = 10 }/draws = 11 }/; s/samples = 500 }/samples = 499 }/' priors.lua >again.lua
VAE_LAB_LUA=$scratch/planted "$VAE_LAB" run again.lua --jobs 2 --quiet >out 2>&1 || no "priors: planted" "$(cat out)"
holds "priors: planted N(0, I): draws are told from reconstructions" "select $(value vamp sample/auc) > 0.5 + 4 * $(value vamp sample/auc_se)"
holds "priors: planted N(0, I): annealing is wrong" "select abs($(value normal estimate/ais_forward_bias)) > 0.5"

sed 's/lab.fig.bars/lab.fig.samples/; s/"toy:pinwheel"/"digits"/; /lab.eval.estimators/d; /lab.eval.validity/d; s/store = 0, examples = 200/store = 50, examples = 50/; s/train = 2000/train = 200/; s/test = 500/test = 50/; s/:normal(x, { logvar = "one" })/:bernoulli(x)/' priors.lua >images.lua
"$VAE_LAB" run images.lua --set kind=normal --quiet >out 2>&1 || no "priors: images" "$(cat out)"
check "priors: a figure of draws from a prior of its own" 0 'samples.svg' -- "$VAE_LAB" figures images.lua --set kind=normal --format svg
# as an older version recorded it: without draws of the prior
sql "update run set graph = replace(graph, 'name prior.z ', 'name prior.y ') where id = (select max(id) from run)"
check "priors: a figure of a prior that was recorded without its draws is refused" 5 'the prior of this model cannot be sampled' 'older version' -- \
    "$VAE_LAB" figures images.lua --set kind=normal --format svg

# ---- what a prior is, and what cannot be used
refused() { name=$1 from=$2; shift 2; sed "$from" priors.lua >bad.lua; check "priors refused: $name" 3 "$@" -- "$VAE_LAB" run bad.lua --set kind=table; }
refused "a table that cannot be sampled" 's/, sample = function() return p:sample() end//' 'lab.eval.validity draws from the prior, and the model.s prior cannot be sampled' \
    'found +a table with a log_prob' 'expected .*sample = function'
refused "a figure of draws" 's/, sample = function() return p:sample() end//; s/lab.fig.bars/lab.fig.samples/; /lab.eval.validity/d; /lab.eval.latent_space/d; /lab.eval.estimators/d' \
    'lab.fig.samples draws from the prior'
refused "one draw for all" 's/return p:sample() end/return p:sample(1) end/' 'the draws of the prior do not fit z'
refused "weights that nothing trains" 's/return p:sample() end/return lab.mlp { lab.noise { samples = "k" }, 3, name = "new" }:linear(2) end/' 'creates weights of its own'
refused "the terms of the KL" 's/lab.eval.elbo()/lab.eval.elbo_decomposition()/' 'lab.eval.elbo_decomposition is defined for the prior N.0, I.' 'found +a model with a prior of its own'
refused "a kl of the script's own, and no prior" 's/z = z, prior = prior }/z = z, kl = (q:log_prob(z) - prior:log_prob(z)):mean("samples") }/' 'the model does not say what its prior is' \
    'expected +prior = ' 
refused "components that are no normal" 's/lab.mixture(encoder.*/lab.mixture(lab.standard_normal())/' 'bad components of lab.mixture' 'found .*standard normal'
refused "logits that do not fit" 's/:normal(2))$/:normal(2), lab.constant(0))/' 'the parameters of lab.mixture do not fit' 'expected +mu .1, components, d.'
refused "a parameter without rows" 's/"pseudo", 10/"pseudo", 0/' 'rows of lab.parameter'
# N(0, I) by name, or recognised by a kl of the script's own
sed 's/prior = lab.normal.*/prior = lab.standard_normal()/; /lab.eval.estimators/d' priors.lua >named.lua
sed 's/z = z, prior = prior }/z = z, kl = q:kl() }/' named.lua >silent.lua
check "priors: N(0, I) by name" 0 '1 runs? executed' -- "$VAE_LAB" run named.lua --set kind=normal
check "priors: N(0, I) without a name, and its kl" 0 '1 run executed' -- "$VAE_LAB" run silent.lua --set kind=normal
