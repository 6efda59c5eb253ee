#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Lua library as a script's author meets it: sweeps, schedules, optimisers, bounds, evaluations, identity, mistakes.  Small
# data and few epochs: what is tested are relations that hold at any size.  Tolerances stand beside their reasons.
. "$(dirname "$0")/common.sh.inc"
library=${VAE_LAB_LUA:-$root/lua}
log2=0.693147180559945 log2pi=1.837877066409345

# same NAME WANTED FOUND
same() { [ "$2" = "$3" ] && ok "$1" || no "$1" "found '$3', not '$2'"; }
# holds NAME QUERY: the query gives 1
holds() { same "$1" 1 "$(sql "$2")"; }
# run EXPERIMENT OPTION…: a failure is told, success is not: it shows in what is found afterwards
run() {
    script=$1.lua name=$1
    shift
    "$VAE_LAB" run "$script" --jobs 1 --threads 1 --quiet "$@" >out 2>&1 || { no "$name runs" "exit status $?"; sed 's/^/    /' out; }
}
# planned SCRIPT OPTION…: "LABEL|SEED|EPOCHS|IDENTITY" a line of the plan
planned() {
    script=$1
    shift
    "$VAE_LAB" run "$script" --dry-run --json "$@" 2>&1 |
        sed -n 's/.*"label": "\([^"]*\)", "seed": \([0-9]*\), "epochs": \([0-9]*\),.*"identity": "\([^"]*\)".*/\1|\2|\3|\4/p'
}
points() { planned "$@" | cut -d'|' -f1,2 | tr '\n' ';'; }
identity() { planned "$@" | cut -d'|' -f4; }
# last EXPERIMENT METRIC [LABEL]: a sub-query for its last value
last() { echo "(select value from last_values where experiment = '$1' and metric = '$2'${3:+ and label = '$3'} limit 1)"; }
# digests EXPERIMENT: how many runs, how many different weights
digests() { sql "select count(*), count(distinct digest) from runs where experiment = '$1' and status = 'done'"; }

# What most tests change a line of; the data are 300 points in the plane.
cat >base.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name     = "base",
  question = "What do the tests change?",
  data     = { "toy:moons", train = 200, test = 100 },
  settings = { beta = 1, latent = 2 },
  sweep    = { seed = { 1 } },
  model = function (run, x, y)
    local q  = lab.mlp { x, 8, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, 8, act = "tanh" }:normal(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 2, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.elbo() },
  figures  = { lab.fig.curves() },
}
X
# edit NAME SED: a script of that name, base.lua changed
edit() { sed -e "s/name     = \"base\"/name = \"$1\"/" -e "$2" base.lua >"$1.lua"; }

# ---- sweeps and --set
edit grid 's/seed = { 1 }/latent = { 1, 3 }, beta = { 0, 0.5 }, seed = { 4, 7 }/'
same "sweep: a grid, names in order, the last fastest, seeds fastest of all" \
    "beta=0, latent=1|4;beta=0, latent=1|7;beta=0, latent=3|4;beta=0, latent=3|7;beta=0.5, latent=1|4;beta=0.5, latent=1|7;beta=0.5, latent=3|4;beta=0.5, latent=3|7;" "$(points grid.lua)"
edit list 's/seed = { 1 }/{ beta = { 0, 2 }, seed = { 1 } }, { latent = { 5 }, seed = { 2, 3 } }, { beta = { 3 } }/'
same "sweep: a list of grids, each with its own seeds" "beta=0|1;beta=2|1;latent=5|2;latent=5|3;beta=3|1;" "$(points list.lua)"
edit none 's/seed = { 1 }//'
same "sweep: none is one run of seed 1, named after the experiment" "none|1;" "$(points none.lua)"
same "--set: a list sweeps a setting" "beta=0|1;beta=1|1;" "$(points base.lua --set beta=0,1)"
same "--set: a list of seeds" "base|1;base|2;" "$(points base.lua --set seed=1,2)"
same "--set: both" "beta=0|1;beta=0|2;beta=1|1;beta=1|2;" "$(points base.lua --set beta=0,1 --set seed=1,2)"
same "--set: replaces a swept list" "beta=4, latent=1|4;beta=4, latent=3|4;" "$(points grid.lua --set beta=4 --set seed=4)"
same "--set: reaches only the grids that sweep it, and what becomes the same run is one" "beta=9|1;latent=5|2;latent=5|3;" "$(points list.lua --set beta=9)"
edit schedules2 's/seed = { 1 }/beta = { function (e) return 0 end, function (e) return e end, lab.schedule.warmup { epochs = 2 } }/'
same "sweep: schedules have labels that differ" "beta=schedule 1|1;beta=schedule 2|1;beta=warmup(1 in 2)|1;" "$(points schedules2.lua)"
edit twice 's/seed = { 1 }/{ beta = { 1 }, seed = { 1, 2 } }, { beta = { 1, 2 } }/'
same "sweep: runs that are the same are listed once" "beta=1|1;beta=1|2;beta=2|1;" "$(points twice.lua)"

edit profiles 's/^  figures.*/  profile = { quick = { train = { epochs = 1 }, sweep = { seed = { 8 } } }, full = { data = { train = 150 }, settings = { latent = 3 }, train = { epochs = 3, batch = 25 }, evaluate = { lab.eval.nll { samples = 5 } } } },/'
same "profile: quick is used when nothing is said" "profiles|8|1" "$(planned profiles.lua | cut -d'|' -f1-3)"
same "profile: full" "profiles|1|3" "$(planned profiles.lua --set profile=full | cut -d'|' -f1-3)"
same "profile: --set beats it" "profiles|1|5" "$(planned profiles.lua --set profile=full --set epochs=5 | cut -d'|' -f1-3)"
run profiles --set profile=full
same "profile: data, settings, training and evaluations are those of full" "25|150|3|full|1" \
    "$(sql "select (select value from param where run = r.id and name = 'batch'), (select value from param where run = r.id and name = 'examples'),
        r.latent, (select value from param where run = r.id and name = 'profile'), r.nll is not null from runs r where experiment = 'profiles'")"

run grid --set latent=1 --set seed=4
same "database: labels, and the columns beta and latent" "beta=0, latent=1|0|1;beta=0.5, latent=1|0.5|1;" \
    "$(sql "select label, beta, latent from runs where experiment = 'grid' order by id" | tr '\n' ';')"
edit set 's/beta = 1,/beta = 1, flag = true, word = "a", examples = 7,/'
run set --set data=toy:ring --set data.train=120 --set data.test=60 --set batch=40 --set rate=0.01 --set samples=2 --set epochs=3 --set test_every=2 --set flag=false --set word=b --set binarise=grey
same "--set: every word arrives, and table param has every setting" \
    "batch=40 beta=1 binarise=grey data=toy:ring epochs=3 examples=7 flag=false latent=2 optimiser=adam rate=0.01 samples=2 word=b" \
    "$(sql "select group_concat(name || '=' || value, ' ') from (select p.name, p.value from param p join runs r on p.run = r.id where r.experiment = 'set' order by p.name)")"
same "--set: the plan has them" "40|3|0.01|2|2" "$(sql "select plan ->> 'batch', plan ->> 'epochs', plan ->> 'rate', plan ->> 'samples', plan ->> 'test_every' from run where label = 'set'")"

# ---- schedules: the values of every epoch are in the plan
cat >rates.lua <<'X'
local lab = require "vae_lab"
local s = lab.schedule
local rates = {
  number = 0.01, list = { 1e-3, 1e-4 }, long = { 6e-3, 5e-3, 4e-3, 3e-3, 2e-3, 1e-3, 7e-3 }, func = function (epoch) return epoch / 1000 end,
  constant = s.constant(0.02), linear = s.linear { from = 0, to = 1e-3, epochs = 3 }, at_once = s.linear { to = 0.03, epochs = 1 },
  warmup = s.warmup { to = 1e-3, epochs = 4 }, cosine = s.cosine { from = 1e-3, epochs = 3 },
  steps = s.steps { { 1, 1e-3 }, { 3, 1e-4 } }, iwae = s.iwae { scale = 2, stages = 3 },
}
local names = {}
for name in pairs(rates) do names[#names + 1] = name end
table.sort(names)
return lab.experiment {
  name  = "rates",
  data  = { "toy:moons", train = 100, test = 50 },
  sweep = { rates = names },
  model = function (run, x)
    local q  = lab.mlp { x, 4 }:normal(1)
    local px = lab.mlp { q:sample(), 4 }:normal(x)
    return { bound = px:log_prob(x) - q:kl() }
  end,
  train = function (run) return { epochs = 6, batch = 50, optimiser = lab.adam { rate = rates[run.rates] } } end,
}
X
run rates
rate() { same "schedule: $1" "$2" "$(sql "select plan ->> 'rate' from run where label = 'rates=$1'")"; }
rate number "0.01"
rate list "0.001 0.0001"
rate long "0.006 0.005 0.004 0.003 0.002 0.001"
rate func "0.001 0.002 0.003 0.004 0.005 0.006"
rate constant "0.02"
rate linear "0 0.0005 0.001"
rate at_once "0.03"
rate warmup "0.00025 0.0005 0.00075 0.001"
rate cosine "0.001 0.0005 0"
rate steps "0.001*2 0.0001"
# Burda et al.: 1 + 3 + 9 epochs at 2 · 10^(-3 - i/7)
rate iwae "0.002 0.00143937135*3 0.00103589494"
same "schedule: each trains to other weights" "11|11" "$(sql "select count(*), count(distinct digest) from runs where experiment = 'rates'" )"

edit annealed 's/beta = 1,/beta = function (epoch) return epoch - 1 end,/'
run annealed
edit constant_one 's/beta = 1,/beta = function (epoch) return 1 end,/'
run constant_one
run base
same "schedule of beta: values in the plan" "0 1" "$(sql "select plan ->> '\$.scalars.beta' from run where label = 'annealed'")"
for epoch in 1 2; do
    # bound = reconstruction - beta KL of the same draws: float32 sums of 100 numbers
    holds "schedule of beta: $((epoch - 1)) in epoch $epoch" "select abs(bound - (reconstruction - ($epoch - 1) * kl)) < 1e-4 from (select
        max(value) filter (where metric = 'test/bound') bound, max(value) filter (where metric = 'test/reconstruction') reconstruction,
        max(value) filter (where metric = 'test/kl') kl from curves where experiment = 'annealed' and step = $epoch)"
done
holds "schedule of beta: other weights than a constant beta's" "select count(distinct digest) = 2 from runs where experiment in ('base', 'annealed')"
holds "schedule of beta: always 1 gives the weights of beta = 1" "select count(distinct digest) = 1 from runs where experiment in ('base', 'constant_one')"

# ---- optimisers
cat >optimisers.lua <<'X'
local lab = require "vae_lab"
local kinds = {
  sgd = lab.sgd { rate = 1e-2 }, momentum = lab.sgd { rate = 1e-2, momentum = 0.9 }, adagrad = lab.adagrad { rate = 1e-2 },
  rmsprop = lab.rmsprop { rate = 1e-2 }, adam = lab.adam { rate = 1e-2 }, adamw = lab.adamw { rate = 1e-2 },
  clipped = lab.sgd { rate = 1e-2, clip_norm = 1e-6 }, l2 = lab.sgd { rate = 1e-2, weight_decay = 50 },
  decayed = lab.adamw { rate = 1e-2, weight_decay = 50 }, undecayed = lab.adamw { rate = 1e-2, weight_decay = 0 },
  frozen = lab.sgd { rate = 0 },
}
local names = {}
for name in pairs(kinds) do names[#names + 1] = name end
table.sort(names)
return lab.experiment {
  name  = "optimisers",
  data  = { "digits", train = 200, test = 100 },
  sweep = { kind = names },
  model = function (run, x)
    local q  = lab.mlp { x, 8, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 8, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train = function (run) return { epochs = 2, batch = 50, optimiser = kinds[run.kind] } end,
}
X
run optimisers
elbo() { last optimisers test/elbo "kind=$1"; }
# adamw without decay is adam: another plan, the same weights
same "optimisers: eleven, ten of them different" "11|10" "$(digests optimisers)"
holds "optimisers: adamw without decay is adam" "select count(distinct digest) = 1 from runs where label in ('kind=adam', 'kind=undecayed')"
same "optimisers: defaults are written out in the plan" "adam(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0, clip_norm=0)|adamw(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.01, clip_norm=0)" \
    "$(sql "select group_concat(plan ->> 'optimiser', '|') from (select plan from run where label in ('kind=adam', 'kind=adamw') order by label)")"
for kind in sgd momentum adagrad rmsprop adam adamw; do
    # all start from the same weights
    holds "optimisers: $kind makes the bound better" "select $(elbo $kind) > $(elbo frozen) + 1"
done
# draws are addressed by their step: the same for both
holds "clip_norm: with a norm of 1e-6 hardly anything moves" "select abs($(elbo clipped) - $(elbo frozen)) < 1e-2"
# rate · decay = 1/2: the weights halve at each of 8 steps, and with them what q says of x
for kind in l2 decayed; do
    holds "weight_decay: $kind, no decay has ten times the KL" "select $(last optimisers test/kl kind=$kind) < 0.1 * $(last optimisers test/kl kind=sgd)"
done

# ---- initial values: with a rate of 0 they are the final ones
cat >inits.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name  = "inits",
  data  = { "digits", train = 200, test = 100 },
  sweep = { init = { "glorot", "glorot_uniform", "glorot_normal", "pytorch", "fan_in_uniform", "he", "he_normal", "paper", "normal(0.01)",
                     "uniform(0.5)", "constant(0)", "zeros", "ones" }, bias = { "constant(0)", "data_logit" } },
  model = function (run, x)
    local q  = lab.mlp { x, 4, init = run.init }:normal(2, { init = run.init })
    local z  = q:sample()
    local px = lab.mlp { z, 4, init = run.init }:bernoulli(x, { bias_init = run.bias })
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train = { epochs = 1, batch = 50, optimiser = lab.sgd { rate = 0 } },
}
X
run inits --set bias='constant(0)' --set seed=1
run inits --set init=zeros,paper --set seed=2
init() { echo "(select digest from runs where experiment = 'inits' and seed = ${2:-1} and label like '%init=$1')"; }
# thirteen names: glorot and he are run as glorot_uniform and he_normal, constant(0) gives what zeros gives
same "init: eleven, ten of them different" "11|10" "$(sql "select count(*), count(distinct digest) from runs where experiment = 'inits' and seed = 1")"
for pair in glorot=glorot_uniform he=he_normal; do
    same "init: ${pair%=*} is ${pair#*=}" "$(identity inits.lua --set bias='constant(0)' --set init=${pair#*=})" "$(identity inits.lua --set bias='constant(0)' --set init=${pair%=*})"
done
holds "init: constant(0) is zeros" "select $(init 'constant(0)') = $(init zeros)"
holds "init: paper has random biases too" "select $(init paper) <> $(init 'normal(0.01)')"
holds "init: another seed, other weights" "select $(init paper) <> (select digest from runs where label = 'bias=constant(0), init=paper' and seed = 2)"
# every pixel has probability 1/2: 784 log 2 nats, in float32
holds "init: zeros gives 784 log 2" "select abs($(last inits test/reconstruction 'bias=constant(0), init=zeros') + 784 * $log2) < 1e-2"
holds "init: zeros gives no KL" "select abs($(last inits test/kl 'bias=constant(0), init=zeros')) < 1e-6"
holds "init: data_logit starts at the data's mean" "select $(last inits test/reconstruction 'bias=data_logit, init=zeros') > -400"

# ---- Gaussian decoders, on 40 images of 4 x 4 in an IDX file and on a world whose likelihood is known
byte() { printf "\\$(printf %03o "$1")"; }
{ byte 0; byte 0; byte 8; byte 3; for n in 40 4 4; do byte 0; byte 0; byte 0; byte $n; done
  i=0; while [ $i -lt 640 ]; do byte $((i * i % 251)); i=$((i + 1)); done; } >faces
cat >faces.lua <<'X'
local lab = require "vae_lab"
local heads = {
  head = {}, shared = { logvar = "shared" }, fixed = { logvar = 0 }, floor = { floor = -1 }, sigmoid = { mean_act = "sigmoid", logvar = -2 },
}
return lab.experiment {
  name  = "faces",
  data  = { "idx:faces", train = 35, test = 5 },
  sweep = { head = { "head", "shared", "fixed", "floor", "sigmoid" } },
  model = function (run, x)
    local q  = lab.mlp { x, 8 }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 8 }:normal(x, heads[run.head])
    return {
      bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z,
      metrics = { least = (0 * px.mu + px.logvar):sum("features"), off = (px.mean - px.mean:clamp(0, 1)):abs():sum("features") },
    }
  end,
  train = { epochs = 3, batch = 7, optimiser = lab.adam { rate = 0.05 } },
}
X
run faces --set data=toy:moons --set head=head,sigmoid
holds "normal decoder: mean_act = sigmoid keeps the mean in (0, 1), linear does not" "select $(last faces test/off head=sigmoid) = 0 and $(last faces test/off head=head) > 0"
sql "delete from run"
run faces
same "normal decoder: a run of each kind of head" "5|5" "$(digests faces)"
holds "normal decoder: unit variance, at most -d/2 log 2 pi" "select $(last faces test/reconstruction head=fixed) < -8 * $log2pi"
holds "normal decoder: fixed logvar" "select abs($(last faces test/least head=fixed)) < 1e-6 and abs($(last faces test/least head=sigmoid) + 32) < 1e-4"
holds "normal decoder: a shared logvar is trained" "select abs($(last faces test/least head=shared)) > 0.01"
holds "normal decoder: the floor holds" "select min(value) > -16 from curves where metric = 'test/least' and label = 'head=floor'"

cat >exact.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name     = "exact",
  data     = { "toy:linear-gaussian", train = 2000, test = 1000 },
  model = function (run, x)
    local q  = lab.mlp { x }:normal(3, { logvar = "shared" })
    local z  = q:sample()
    local px = lab.mlp { z }:normal(x, { logvar = -1.3862943611 })
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 15, batch = 50, optimiser = lab.adam { rate = lab.schedule.linear { from = 0.02, to = 0.001, epochs = 15 } } },
  evaluate = { lab.eval.nll { samples = 50 }, lab.eval.elbo() },
}
X
run exact
# 9.179 is the expectation; the mean of 1000 test points has a standard error of 2 / sqrt(1000) = 0.06, and here q can be exact
holds "linear-Gaussian world: a linear VAE reaches its likelihood" "select abs($(last exact test/nll) - 9.179) < 0.25"
holds "linear-Gaussian world: the ELBO is tight, since q can be exact" "select abs($(last exact final/test/elbo) + $(last exact test/nll)) < 0.1"

# ---- bounds and divergences
cat >iwae.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name  = "iwae",
  data  = { "digits", train = 300, test = 300 },
  sweep = { objective = { "elbo", "iwae", "free" } },
  model = function (run, x)
    local q    = lab.mlp { x, 16 }:normal(2)
    local z    = q:sample()
    local px   = lab.mlp { z, 16 }:bernoulli(x)
    local logw = lab.log_weights(px, x, q, z)
    local bounds = { elbo = px:log_prob(x) - q:kl(), iwae = lab.iwae(logw), free = px:log_prob(x) - lab.free_bits(q, 0.5) }
    local prior = lab.standard_normal()
    return {
      bound = bounds[run.objective], q = q, p = px, z = z,
      metrics = {
        importance = lab.iwae(logw), average = logw:mean("samples"),
        sampled_kl = (q:log_prob(z) - prior:log_prob(z)):mean("samples"), units_kl = q:kl_each():sum(),
        kl_to_normal = q:kl(lab.normal(0 * q.mu, 0 * q.mu)),
        entropy_gap = (q:log_prob(z)):mean("samples") + q:entropy(),
        free = lab.free_bits(q, 0.5) + 0 * q:kl(), free_none = lab.free_bits(q, 0) - q:kl(),
      },
    }
  end,
  train    = { epochs = 3, batch = 50, samples = 5, optimiser = lab.adam { rate = 3e-3 } },
}
X
run iwae
# pair EXPERIMENT A B [LABEL]: two metrics of every epoch, as columns a and b
pair() {
    echo "(select x.step, x.value a, y.value b from curves x join curves y on x.run = y.run and x.step = y.step
        where x.experiment = '$1' and x.metric = 'test/$2' and y.metric = 'test/$3' and x.label like '%${4:-}')"
}
same "iwae: three objectives, three weights" "3|3" "$(digests iwae)"
holds "iwae: the bound is log 1/k sum w" "select count(*) = 3 and max(abs(a - b)) = 0 from $(pair iwae bound importance objective=iwae)"
holds "iwae: above the mean of the same log w, always (Jensen)" "select count(*) = 9 and min(a - b) > 0 from $(pair iwae importance average)"
# the ELBO has the KL in closed form: 300 images of 5 draws, each of sd below 2: standard error 0.05
holds "iwae: at least the ELBO" "select count(*) = 9 and min(a - b) > -0.2 from $(pair iwae importance elbo)"
holds "kl: the closed form is the mean of the sampled one" "select count(*) = 9 and max(abs(a - b)) < 0.2 and min(a) > 0.1 from $(pair iwae kl sampled_kl)"
holds "kl: the sampled one is not the closed one" "select min(abs(a - b)) > 0 from $(pair iwae kl sampled_kl)"
holds "kl: the sum of its units" "select max(abs(a - b)) < 1e-4 from $(pair iwae kl units_kl)"
holds "kl: against N(0, I) written as a normal" "select max(abs(a - b)) < 1e-4 from $(pair iwae kl kl_to_normal)"
holds "entropy: minus the mean of log q" "select max(abs(value)) < 0.1 from curves where experiment = 'iwae' and metric = 'test/entropy_gap'"
# the floor is about the mean over a minibatch, here of 50
holds "free bits: at least lambda a unit, and with 0 the KL itself" "select min(a) >= 1 and max(abs(b)) < 1e-4 from $(pair iwae free free_none)"

cat >levels.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name = "levels",
  data = { "digits", train = 300, test = 200 },
  model = function (run, x)
    local q1 = lab.mlp { x, 16 }:normal(4)
    local z1 = q1:sample()
    local q2 = lab.mlp { z1, 8, name = "top" }:normal(2)
    local z2 = q2:sample()
    local p1 = lab.mlp { z2, 8 }:normal(z1)
    local px = lab.mlp { z1, 16 }:bernoulli(x)
    local logw = px:log_prob(x) + p1:log_prob(z1) + lab.standard_normal():log_prob(z2) - q1:log_prob(z1) - q2:log_prob(z2)
    local kl   = (q1:kl(p1) + q2:kl()):mean("samples")
    return {
      bound = px:log_prob(x) - kl, p = px, kl = kl, reconstruction = px:log_prob(x):mean("samples"), logw = logw,
      q1 = q1, z1 = z1, z2 = z2,
      metrics = { sampled_kl = (q1:log_prob(z1) - p1:log_prob(z1)):mean("samples"), closed_kl = q1:kl(p1):mean("samples") },
    }
  end,
  train    = { epochs = 3, batch = 50, samples = 4, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = { lab.eval.elbo(), lab.eval.nll { samples = 50 } },
}
X
run levels
same "two levels: a decoder for each, and names by what they read" "decoder decoder2 encoder top" \
    "$("$VAE_LAB" sql "select graph from run where label = 'levels'" | grep -oE 'param [a-z0-9]+' | cut -c7- | sort -u | tr '\n' ' ' | sed 's/ $//')"
holds "two levels: elbo = reconstruction - kl" "select count(*) = 3 and max(abs(e.value - (r.value - k.value))) < 1e-3 from curves e join curves r
    on e.run = r.run and e.step = r.step join curves k on e.run = k.run and e.step = k.step
    where e.experiment = 'levels' and e.metric = 'test/elbo' and r.metric = 'test/reconstruction' and k.metric = 'test/kl'"
# 200 images of 4 draws, of sd below 3: standard error 0.1
holds "two levels: KL of two normals, the closed form and the sampled one" "select count(*) = 3 and max(abs(a - b)) < 0.4 from $(pair levels closed_kl sampled_kl)"
holds "two levels: nll is at most -ELBO" "select $(last levels test/nll) < -$(last levels final/test/elbo) + 0.2"
