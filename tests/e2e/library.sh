#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Lua library: sweeps, schedules, optimisers, bounds, evaluations, identity, mistakes.  Small data and few epochs: the tested
# relations hold at any size.  Each tolerance has its reason in a comment.
. "$(dirname "$0")/common.sh.inc"
library=${VAE_LAB_LUA:-$root/lua}
log2=0.693147180559945 log2pi=1.837877066409345

# same NAME WANTED FOUND
same() { [ "$2" = "$3" ] && ok "$1" || no "$1" "found '$3', not '$2'"; }
# holds NAME QUERY: the query gives 1
holds() { same "$1" 1 "$(sql "$2")"; }
# run EXPERIMENT OPTION…: reports failures only; the tests of its results report success
run() {
    script=$1.lua name=$1
    shift
    "$VAE_LAB" run "$script" --jobs 1 --threads 1 --quiet "$@" >out 2>&1 || { no "$name runs" "exit status $?"; sed 's/^/    /' out; }
}
# planned SCRIPT OPTION…: "LABEL|SEED|EPOCHS|IDENTITY", one line for each planned run
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

# Most tests change a line of this script; its data are 300 points in the plane.
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
same "--set: changes only the grids that sweep it, and runs that become equal are listed once" "beta=9|1;latent=5|2;latent=5|3;" "$(points list.lua --set beta=9)"
edit schedules2 's/seed = { 1 }/beta = { function (e) return 0 end, function (e) return e end, lab.schedule.warmup { epochs = 2 } }/'
same "sweep: schedules have labels that differ" "beta=schedule 1|1;beta=schedule 2|1;beta=warmup(1 in 2)|1;" "$(points schedules2.lua)"
edit twice 's/seed = { 1 }/{ beta = { 1 }, seed = { 1, 2 } }, { beta = { 1, 2 } }/'
same "sweep: runs that are the same are listed once" "beta=1|1;beta=1|2;beta=2|1;" "$(points twice.lua)"

edit profiles 's/^  figures.*/  profile = { quick = { train = { epochs = 1 }, sweep = { seed = { 8 } } }, full = { data = { train = 150 }, settings = { latent = 3 }, train = { epochs = 3, batch = 25 }, evaluate = { lab.eval.nll { samples = 5 } } } },/'
same "profile: quick is the default" "profiles|8|1" "$(planned profiles.lua | cut -d'|' -f1-3)"
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
same "--set: every word has its effect, and table param has every setting" \
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
same "schedule: each gives different weights" "11|11" "$(sql "select count(*), count(distinct digest) from runs where experiment = 'rates'" )"

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
holds "schedule of beta: different weights from those of a constant beta" "select count(distinct digest) = 2 from runs where experiment in ('base', 'annealed')"
holds "schedule of beta: a constant 1 gives the weights of beta = 1" "select count(distinct digest) = 1 from runs where experiment in ('base', 'constant_one')"

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
# adamw without decay is adam: a different plan, the same weights
same "optimisers: eleven, ten of them different" "11|10" "$(digests optimisers)"
holds "optimisers: adamw without decay is adam" "select count(distinct digest) = 1 from runs where label in ('kind=adam', 'kind=undecayed')"
same "optimisers: defaults are written out in the plan" "adagrad(epsilon=1e-10, weight_decay=0, clip_norm=0)|adam(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0, clip_norm=0)|adamw(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.01, clip_norm=0)|rmsprop(beta2=0.99, epsilon=1e-08, weight_decay=0, clip_norm=0)" \
    "$(sql "select group_concat(plan ->> 'optimiser', '|') from (select plan from run where label in ('kind=adagrad', 'kind=adam', 'kind=adamw', 'kind=rmsprop') order by label)")"
for kind in sgd adagrad rmsprop adam adamw; do
    holds "optimisers: $kind is planned by its name" "select plan ->> 'optimiser' glob '$kind(*' and plan ->> 'optimiser' glob '*weight_decay=*' from run where label = 'kind=$kind'"
done
for kind in sgd momentum adagrad rmsprop adam adamw; do
    # all start from the same weights
    holds "optimisers: $kind makes the bound better" "select $(elbo $kind) > $(elbo frozen) + 1"
done
# draws are addressed by their step: the same for both
holds "clip_norm: with a norm of 1e-6 the weights hardly change" "select abs($(elbo clipped) - $(elbo frozen)) < 1e-2"
# rate · decay = 1/2: the weights halve at each of 8 steps, and the KL falls with them
for kind in l2 decayed; do
    holds "weight_decay: $kind, no decay has ten times the KL" "select $(last optimisers test/kl kind=$kind) < 0.1 * $(last optimisers test/kl kind=sgd)"
done

# ---- images: a convolutional encoder and decoder learn, and their weights do not depend on the threads
cat >images.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name  = "images",
  data  = { "digits", train = 200, test = 100 },
  model = function (run, x)
    local h  = lab.conv2d { x:reshape { features = 1, height = 28, width = 28 }, 4, stride = 2, padding = 1 }
    h        = lab.conv2d { h, 8, kernel = 4, stride = 2, act = "tanh", name = "second" }
    local q  = lab.mlp { h, 20 }:normal(2)
    local z  = q:sample()
    local g  = lab.mlp { z, 20 }:linear(4 * 7 * 7):relu():reshape { features = 4, height = 7, width = 7 }
    g        = lab.conv2d { g:upsample(2), 4, padding = 1, name = "larger" }
    g        = lab.conv2d { g:upsample(2), 1, padding = 1, act = "linear", name = "pixels" }
    local px = lab.bernoulli(g:reshape { features = "rest", height = 1, width = 1 })
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train = { epochs = 3, batch = 50, optimiser = lab.adam { rate = 1e-2 } },
}
X
run images
first=$(sql "select digest from runs where experiment = 'images'")
run images --fresh --threads 3
same "images: the same weights with three threads" "$first" "$(sql "select digest from runs where experiment = 'images' order by id desc limit 1")"
holds "images: convolutions make the bound better" \
    "select max(value) - min(value) > 50 from curves where experiment = 'images' and metric = 'train/elbo'"

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

# ---- Gaussian decoders, on 40 images of 4 x 4 in an IDX file and on data whose likelihood is known
byte() { printf "\\$(printf %03o "$1")"; }
{ byte 0; byte 0; byte 8; byte 3; for n in 40 4 4; do byte 0; byte 0; byte 0; byte $n; done
  i=0; while [ $i -lt 640 ]; do byte $((i * i % 251)); i=$((i + 1)); done; } >faces
cat >faces.lua <<'X'
local lab = require "vae_lab"
local heads = {
  head = {}, shared = { logvar = "shared" }, one = { logvar = "one" }, fixed = { logvar = 0 }, floor = { floor = -1 }, sigmoid = { mean_act = "sigmoid", logvar = -2 },
}
return lab.experiment {
  name  = "faces",
  data  = { "idx:faces", train = 35, test = 5 },
  sweep = { head = { "head", "shared", "one", "fixed", "floor", "sigmoid" } },
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
sed 's/"faces"/"edges"/' faces.lua >edges.lua
run edges --set data=toy:moons --set head=head,sigmoid
holds "normal decoder: mean_act = sigmoid keeps the mean in (0, 1), linear does not" "select $(last edges test/off head=sigmoid) = 0 and $(last edges test/off head=head) > 0"
run faces
same "normal decoder: a run of each kind of head" "6|6" "$(digests faces)"
holds "normal decoder: unit variance, at most -d/2 log 2 pi" "select $(last faces test/reconstruction head=fixed) < -8 * $log2pi"
holds "normal decoder: fixed logvar" "select abs($(last faces test/least head=fixed)) < 1e-6 and abs($(last faces test/least head=sigmoid) + 32) < 1e-4"
holds "normal decoder: a shared logvar is trained" "select abs($(last faces test/least head=shared)) > 0.01"
holds "normal decoder: one logvar for all features is one number, and trained" "select abs($(last faces test/least head=one)) > 0.01
    and (select graph glob '*param decoder.logvar (1, 1) zeros*' from run where label = 'head=one')"
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
holds "linear-Gaussian data: a linear VAE reaches its likelihood" "select abs($(last exact test/nll) - 9.179) < 0.25"
holds "linear-Gaussian data: the ELBO is tight, since q can be exact" "select abs($(last exact final/test/elbo) + $(last exact test/nll)) < 0.1"

sed 's/"exact"/"bent"/; s/{ z }/{ z, 4 }/; s/evaluate = .*/evaluate = { lab.eval.ppca() },/; s/epochs = 15/epochs = 1/g' exact.lua >bent.lua
check "ppca: a decoder that is not linear is refused" 1 'needs a linear decoder' 'not W z . b' -- "$VAE_LAB" run bent.lua --jobs 1 --threads 1 --quiet

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
        free = lab.free_bits(q, 30) + 0 * q:kl(), free_none = lab.free_bits(q, 0) - q:kl(),
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
# the ELBO has the KL in closed form: against the sampled one of 300 images, 5 draws each, of sd about |mu| sigma = 4: standard
# error 0.1
holds "iwae: at least the ELBO" "select count(*) = 9 and min(a - b) > -0.5 from $(pair iwae importance elbo)"
holds "kl: the closed form is the mean of the sampled one" "select count(*) = 9 and max(abs(a - b)) < 0.5 and min(a) > 2 from $(pair iwae kl sampled_kl)"
holds "kl: the sampled one is not the closed one" "select min(abs(a - b)) > 0 from $(pair iwae kl sampled_kl)"
holds "kl: the sum of its units" "select max(abs(a - b)) < 1e-4 from $(pair iwae kl units_kl)"
holds "kl: against N(0, I) written as a normal" "select max(abs(a - b)) < 1e-4 from $(pair iwae kl kl_to_normal)"
holds "entropy: minus the mean of log q" "select max(abs(value)) < 0.1 from curves where experiment = 'iwae' and metric = 'test/entropy_gap'"
# the floor is about the mean over a minibatch, here of 50
holds "free bits: 30 a unit where the KL is less, and with 0 the KL itself" "select min(a) > 59.99 and max(a) < 75 and max(abs(b)) < 1e-4 from $(pair iwae free free_none)"

# each of these is 0 for every number; float32 of sums below 1000
cat >signs.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name  = "signs",
  data  = { "toy:moons", train = 100, test = 50 },
  model = function (run, x)
    local q = lab.mlp { x, 4, act = "silu" }:normal(2)
    local k, mu = q:kl() + 1, q.mu
    local a, b = mu:slice(1, 1), mu:slice(2, 1)
    return {
      bound = -q:kl(), q = q,
      metrics = {
        add = (k + 3) - (3 + k), sub = (3 - k) + (k - 3), sub2 = (k - a) + (a - k), mul = (3 * k - k * 2) - k, div = 2 / k * k - 2, div2 = k / 4 * 4 - k,
        div3 = k / (k * k) * k - 1, neg = -k + k, square = k ^ 2 - k * k, root = k ^ 0.5 * k ^ 0.5 - k, inverse = k ^ -1 * k - 1, log = k:log():exp() - k,
        log1p = k:log1p() - (k + 1):log(), max = lab.max(k, 1e6) - 1e6, max2 = a:max(b) + (-a):max(-b) - (a - b):abs(), clamp = k:clamp(-1, 1) - 1,
        sum = mu:sum() - (a + b), mean = 2 * mu:mean() - mu:sum(), lse = mu:logsumexp() - (a:exp() + b:exp()):log(),
        lme = mu:logmeanexp() + 0.6931471805599453 - mu:logsumexp(), concat = (lab.concat { b, a } + mu):slice(1, 1) - (a + b),
        sigmoid = a:sigmoid() + (-a):sigmoid() - 1, softplus = a:softplus() - (-a):softplus() - a, relu = a:relu() - (-a):relu() - a,
        tanh = a:tanh() - 2 * (2 * a):sigmoid() + 1, silu = a:silu() - a * a:sigmoid(), elu = a:elu() - a:relu() - (-(-a):relu()):exp() + 1,
        gelu = a:gelu() - a * (1.5957691216057308 * (a + 0.044715 * a ^ 2 * a)):sigmoid(), leaky = a:leaky_relu() - a:relu() + 0.01 * (-a):relu(),
      },
    }
  end,
  train = { epochs = 1, batch = 25 },
}
X
run signs
same "tensors: signs, powers, functions, reductions and forms obey their identities" "29|" \
    "$(sql "select count(*), group_concat(case when value is null or abs(value) > 1e-4 then metric end, ' ') from curves where experiment = 'signs'
        and metric glob 'test/*' and metric <> 'test/bound' and metric <> 'test/kl'")"

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

# ---- evaluations: every number that their files document, and its range
cat >all.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name     = "all",
  data     = { "digits", train = 300, test = 200 },
  settings = { beta = 1 },
  model = function (run, x)
    local q  = lab.mlp { x, 16 }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 16 }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 3, batch = 50, optimiser = lab.adam { rate = 3e-3 } },
  evaluate = {
    lab.eval.elbo(), lab.eval.nll { samples = 20 }, lab.eval.latent_space { examples = 100, draws = 1000, pairs = 10000, store = 200 },
    lab.eval.validity { samples = 100, epochs = 2 }, lab.eval.clarity { samples = 100 }, lab.eval.compression { store = 0 },
    lab.eval.properties { examples = 100, draws = 1000, pairs = 10000, store = 0, epochs = 2 },
    lab.eval.elbo_decomposition { draws = 500, batch = 50 }, lab.eval.planes { triples = 500 },
  },
  figures = { lab.fig.rate_distortion(), lab.fig.elbo_decomposition { x = "beta" }, lab.fig.rate_distortion { x = "none", name = "empty" } },
}
X
run all
recorded() { sql "select group_concat(metric, ' ') from (select metric from last_values where experiment = '$1' and metric not glob 'train/*' and metric not glob 'accounting/*' and metric not glob 'time/*' order by metric)"; }
same "evaluations: all that is recorded, by name" "compression/mse compression/pca final/test/elbo final/test/elbo_se final/test/kl final/test/kl_se final/test/reconstruction final/test/reconstruction_se final/train/elbo final/train/elbo_se final/train/kl final/train/kl_se final/train/reconstruction final/train/reconstruction_se generator/off_planes gradient/norm latent/active_units latent/hole_density latent/hole_density_n latent/hole_fraction latent/hole_fraction_n latent/knn_agreement latent/overlap latent/overlap_different latent/overlap_same latent/sigma latent/spread property/active_units property/apart property/auc property/auc_se property/grain property/holes property/holes_n property/neighbours property/order property/overlap property/within reconstruction/clear reconstruction/clear_n sample/auc sample/auc_se sample/classes sample/clear sample/clear_n sample/coverage test/bound test/elbo test/ess test/kl test/nll test/nll_se test/reconstruction" "$(recorded all)"
same "evaluations: those of the classifier" "gradient/norm test/accuracy test/accuracy_n test/bound test/sure test/sure_n" "$(recorded classifier)"
missing=
for name in $(sed -n 's/^--.*/&/p' "$library"/vae_lab/evaluations/*.lua | grep -oE '\b(test|final/test|latent|sample|reconstruction|property|compression)/[a-z_]+'); do
    [ "$(sql "select count(*) from metric_name where name = '$name'")" = 1 ] || missing="$missing $name"
done
same "evaluations: every name that their comments document is recorded" "" "$missing"
value() { last all "$1"; }
for name in latent/hole_fraction latent/hole_density latent/overlap latent/overlap_same latent/overlap_different latent/knn_agreement \
    sample/auc sample/clear sample/coverage reconstruction/clear; do
    holds "evaluations: $name is a share" "select $(value $name) between 0 and 1"
done
holds "evaluations: the error of an AUC is positive, below that of 20 images" "select $(value sample/auc_se) > 0 and $(value sample/auc_se) < 0.16"
holds "evaluations: sample/classes" "select $(value sample/classes) between 0 and 10"
holds "evaluations: coverage is at most the share of clear samples" "select $(value sample/coverage) <= $(value sample/clear) + 1e-9"
holds "evaluations: accuracy and sure of the classifier" "select $(last classifier test/accuracy) between 0.3 and 1 and $(last classifier test/sure) between 0 and 1"
holds "evaluations: active units" "select $(value latent/active_units) in (0, 1, 2)"
holds "evaluations: spread and sigma are positive, sigma below the prior's" "select $(value latent/spread) > 0 and $(value latent/sigma) > 0 and $(value latent/sigma) < 1.1"
holds "evaluations: one class overlaps more than two" "select $(value latent/overlap_same) > $(value latent/overlap_different)"
holds "evaluations: the overlap of all lies between them" "select $(value latent/overlap) between $(value latent/overlap_different) and $(value latent/overlap_same)"
holds "evaluations: effective sample size from 1 to 20" "select $(value test/ess) between 1 and 20"
# of the same 200 images with dynamic binarisation for each: a standard error of both below 4 together
holds "evaluations: nll is at most -ELBO" "select $(value test/nll) < -$(value final/test/elbo) + 4 * ($(value test/nll_se) + $(value final/test/elbo_se)) and $(value test/nll) > 0"
holds "evaluations: elbo = reconstruction - kl, for test and training" "select abs($(value final/test/elbo) - $(value final/test/reconstruction) + $(value final/test/kl)) < 1e-3
    and abs($(value final/train/elbo) - $(value final/train/reconstruction) + $(value final/train/kl)) < 1e-3"
# independent uniforms: 1, with a standard error of 0.026
holds "evaluations: philox's triples lie on no planes" "select $(value generator/off_planes) between 0.87 and 1.13"
holds "evaluations: the last epoch's ELBO is the final one, but for the draws" "select abs($(value final/test/elbo) - $(value test/elbo)) < 5"
# of q(z) over 200 and 300 examples; everything but the draws is exact
for split in test train; do
    account() { value "accounting/$split/$1"; }
    holds "accounting: KL = I + TC + dimension-wise KL, $split" "select abs($(account kl) - $(account mutual_information) - $(account total_correlation) - $(account dimension_kl)) < 1e-9"
    holds "accounting: KL = I + KL(q(z) || p(z)), $split" "select abs($(account kl) - $(account mutual_information) - $(account marginal_kl)) < 1e-9 and $(account residual) < 1e-9"
    holds "accounting: I lies between 0 and log N, $split" "select $(account mutual_information) between 0 and $(account log_examples) + 1e-9"
    # the rate is over all examples and binarised anew: 5 standard errors of the draws' mean, and 2 % for the other images
    holds "accounting: the KL of the draws is the rate, $split" "select abs($(account kl) - $(account rate)) < 5 * $(account kl_se) + 0.02 * $(account rate)"
    holds "accounting: ELBO = -(rate + distortion), $split" "select abs($(account rate) + $(account distortion) + $(value final/$split/elbo)) < 1"
    # two latent units with little information about x: minibatches give nearly the same, beta-TCVAE's weights log N more
    holds "accounting: the minibatch estimates of TC, $split" "select abs($(account total_correlation_weighted) - $(account total_correlation) - $(account log_examples)) < 0.05
        and abs($(account total_correlation_stratified) - $(account total_correlation)) between 1e-9 and 0.05"
done
same "accounting: as many numbers as documented" 32 "$(sql "select count(*) from last_values where experiment = 'all' and metric glob 'accounting/*'")"
check "accounting: its figures, and a note where no run matches" 0 'figs/rate_distortion.svg' 'figs/elbo_decomposition.svg' \
    'empty: no runs with a none' -- "$VAE_LAB" figures all.lua --out figs --format svg
same "accounting: the texts of its figures" "1 1" "$(grep -c "ELBO of β = 1: −$(sql "select printf('%.5g', -$(value test/elbo))")" figs/rate_distortion.svg) $(grep -c 'log N = 5.3, the largest' figs/elbo_decomposition.svg)"
holds "accounting: log N" "select abs(exp($(value accounting/test/log_examples)) - 200) + abs(exp($(value accounting/train/log_examples)) - 300) < 1e-9"
same "evaluations: posteriors and their images are recorded, in view ellipses too" "200|200|1" "$(sql "select (select count(*) from posterior p join runs r on p.run = r.id where experiment = 'all'),
    (select count(*) from ellipses e join runs r on e.run = r.id where experiment = 'all' and major >= minor),
    (select count(*) from artifact where name = 'originals')")"
# ½ Σ (mu² + sigma² - 1 - log sigma²) of the same images, binarised anew
holds "evaluations: the recorded posteriors have the recorded KL" "select abs(avg((mu1 * mu1 + sigma1 * sigma1 + mu2 * mu2 + sigma2 * sigma2) / 2 - 1 - ln(sigma1 * sigma2))
    / $(value final/test/kl) - 1) < 0.05 from posterior p join runs r on p.run = r.id where experiment = 'all'"
# the same examples, pairs, draws and seed as latent_space's
for pair in neighbours=knn_agreement holes=hole_fraction overlap=overlap_different active_units=active_units; do
    holds "evaluations: property/${pair%=*} is latent/${pair#*=}" "select $(value property/${pair%=*}) = $(value latent/${pair#*=})"
done
holds "evaluations: grain is sigma / the width of a class, which is less than the width of all" "select abs($(value property/grain) * $(value property/within) - $(value latent/sigma)) < 1e-9
    and $(value property/within) < $(value latent/spread)"
holds "evaluations: property/auc is a share" "select $(value property/auc) between 0 and 1"
holds "evaluations: property/order is a correlation" "select $(value property/order) between -1 and 1"
# 300 images less their mean lose part of their variance to two components; a network of 3 epochs is worse than these, not absurd
holds "evaluations: errors of a code of two numbers" "select $(value compression/pca) between 0.01 and 0.2 and $(value compression/mse) between 0.5 * $(value compression/pca) and 0.3"
same "evaluations: their settings are recorded" "examples=0 samples=20 seed=1 version=2" "$(sql "select group_concat(o.name || '=' || o.value, ' ') from evaluation_option o join runs r on o.run = r.id where experiment = 'all' and o.evaluation = 'nll'")"

# an autoencoder: its codes are points
sed 's/"all"/"points"/; s/local q  = .*/local z  = lab.mlp { x, 16 }:linear(2)/; s/local z  = q:sample()//; s/lab.mlp { z, 16 }/lab.mlp { z, 16, name = "decoder" }/
    s/return { bound.*/return { bound = px:log_prob(x), p = px, z = z }/; s/lab.eval.elbo().*/lab.eval.properties { store = 0, epochs = 2 }, lab.eval.compression { store = 150 },/; /lab.eval.validity/d; /lab.eval.elbo_decomposition/d; /lab.fig.rate_distortion/d; /draws = 1000, pairs/d
    s/^  train    =.*/&  figures = { lab.fig.means { latent = 2, pca = true }, lab.fig.ellipses() },/' all.lua >points.lua
run points
same "points: no ellipse, no width, recorded with standard deviations of 0" "1|0|0|150|0" "$(sql "select $(last points property/holes), $(last points property/overlap), $(last points property/grain), count(*), max(sigma1 + sigma2)
    from posterior p join runs r on p.run = r.id where experiment = 'points'" | sed 's/\.0//g')"

check "points: drawn, with principal components" 0 'means.svg' 'ellipses.svg' -- "$VAE_LAB" figures points.lua --out drawn --format svg
grep -q 'principal components' drawn/means.svg && ok "points: the panel of principal components" || no "points" "no such panel"

cat >classes.lua <<'X'
local lab = require "vae_lab"
return lab.experiment {
  name = "classes",
  data = { "toy:moons", train = 500, test = 500 },
  model = function (run, x, y)
    local p = lab.mlp { x, 16 }:categorical(y)
    return { bound = p:log_prob(y), p = p, metrics = { total = p.mean:sum("features") } }
  end,
  train    = { epochs = 3, batch = 25, optimiser = lab.adam { rate = 0.03 } },
  evaluate = { lab.eval.accuracy { examples = 400 } },
}
X
run classes
holds "classifier: far above chance on two moons" "select $(last classes test/accuracy) > 0.8 and $(last classes test/accuracy) <= 1"
holds "classifier: the bound is below 0 and above log 1/2" "select $(last classes test/bound) < 0 and $(last classes test/bound) > -$log2"
holds "classifier: probabilities add up to 1" "select abs($(last classes test/total) - 1) < 1e-5"
sed 's/:categorical(y)/:normal(x)/; s/p:log_prob(y)/p:log_prob(x)/; s/, metrics = .*}/ }/; s/lab.eval.accuracy.*400 }/lab.eval.originals()/; s/"classes"/"ring"/; s/toy:moons/toy:ring/' classes.lua >ring.lua
run ring
same "data without labels: a model that ignores y; originals are recorded for images only" "1|0" "$(sql "select count(*), (select count(*) from artifact a join runs r on a.run = r.id where experiment = 'ring' and name = 'originals') from runs where experiment = 'ring' and status = 'done'")"

# ---- identity: what makes a different run, and what does not
first=$(identity base.lua)
unchanged() { edit other "$2"; same "identity: the same after a different $1" "$first" "$(identity other.lua)"; }
unchanged evaluation 's/lab.eval.elbo()/lab.eval.nll { samples = 3 }/'
unchanged figure 's/lab.fig.curves()/lab.fig.means()/'
unchanged question 's/What do/Whatever do/'
unchanged comment 's/^  model/  -- a comment\n&/'
unchanged label 's/seed = { 1 }/beta = { 1 }, seed = { 1 }/'
unchanged setting 's/beta = 1,/beta = 1, unused = 3,/'
unchanged "estimator of the gradient" 's/z = z }/z = z, surrogates = function () return { bound = px:log_prob(x) - 2 * q:kl() } end }/'
unchanged "way to write a number" 's/1e-3/0.001/'
unchanged "variable's name" 's/\bpx\b/decoded/g'
: >identities
changed() { edit other "$2"; identity other.lua ${3:-} >>identities; changes="$changes, $1"; count=$((count + 1)); }
changes=none count=1
echo "$first" >>identities
changed objective 's/run.beta \* q:kl()/2 * q:kl()/'
changed beta 's/beta = 1,/beta = 0.5,/'
changed seed 's/seed = { 1 }/seed = { 2 }/'
changed epochs 's/epochs = 2/epochs = 3/'
changed batch 's/batch = 50/batch = 40/'
changed rate 's/rate = 1e-3/rate = 2e-3/'
changed optimiser 's/lab.adam/lab.rmsprop/'
changed "an optimiser's constant" 's/rate = 1e-3/beta1 = 0.8/'
changed decay 's/rate = 1e-3/weight_decay = 0.1/'
changed clipping 's/rate = 1e-3/clip_norm = 1/'
changed samples 's/batch = 50/batch = 50, samples = 2/'
changed activation 's/tanh/relu/'
changed width 's/8, act/9, act/'
changed init 's/8, act/8, init = "he", act/'
changed latent 's/latent = 2/latent = 3/'
changed "training data" 's/train = 200/train = 190/'
changed "test data" 's/test = 100/test = 90/'
changed "data set" 's/toy:moons/toy:ring/'
same "identity: different after a different $changes" $count "$(grep -c . identities | sort -u)"
same "identity: all of them different" $count "$(sort -u identities | wc -l | tr -d ' ')"

# ---- texts of labels
cat >words.lua <<'X'
local records, style = require "vae_lab.figures.common.records", require "vae_lab.style"
for label, title in pairs {
  ["beta=0.01, latent=2"] = "β = 0.01, 2 latent dimensions", ["beta=0, noise=false"] = "β = 0, without noise", ["noise=true"] = "with noise",
  ["latent=1, model=vae"] = "1 latent dimension, VAE", ["beta=linear(0 to 1 in 10), k=5"] = "β = linear(0 to 1 in 10), k = 5",
} do assert(style.title(records.settings_of(label, {})) == title, label) end
assert(style.title(style.without(records.settings_of("beta=1, latent=2, k=3", {}), "latent")) == "β = 1, k = 3")
return require "vae_lab".experiment { name = "words", model = function (_, x) return { bound = x:sum() } end }
X
check "titles: settings in words" 0 'words' -- "$VAE_LAB" run words.lua --dry-run

# ---- axes of figures: linear and logarithmic ranges, values on an axis, and texts
cat >axes.lua <<'X'
local axes = require "vae_lab.figures.common.axes"
local function close(a, b) return math.abs(a - b) < 1e-9 end
local function texts(a)
  local list = {}
  for i, t in ipairs(a.tics) do list[i] = t[2] end
  return table.concat(list, " ")
end
local a = axes.fit({ 0, 10 }, { floor = 0 })
assert(not a.log and a.low == 0 and close(a.high, 10.6) and a.map(3) == 3 and texts(a) == "0 5 10", texts(a))
a = axes.fit { 1, 1000, 0 / 0, math.huge } -- values that are not finite do not count
assert(a.log and close(a.map(10), 1) and a.map(-1) == -math.huge and texts(a) == "1 10 100 1000", texts(a))
a = axes.fit { -1000, -10 } -- the ELBO: from the most negative up
assert(a.log and a.low < a.map(-1000) and a.map(-1000) < a.map(-10) and a.map(-10) < a.high and a.map(1) == math.huge)
assert(texts(a) == "−10 −20 −50 −100 −200 −500 −1000", texts(a))
assert(not axes.fit({ 1, 1000 }, { linear = true }).log and not axes.fit({ -1, 1000 }).log)
assert(axes.metric({ 0.1, 0.99 }, "latent/overlap").high == 1, "a share is at most 1")
local held = {}
axes.hold(held, { mean = 5, sd = 1, low = -20, high = 30 })
assert(held[1] == 5 and held[2] == 2 and held[3] == 8 and #held == 3, "an interval counts up to three standard deviations")
assert(axes.places({ 1, 2, 3 }).map(3) == 3 and axes.places({ 1, 10, 100 }).map(100) == 3 and axes.places({ "a", "b" }).map "b" == 2)
assert(close(axes.counts({ 1, 5, 50 }, "k").map(50), math.log(50, 10)) and texts(axes.counts({ 1, 5, 50 }, "k")) == "1 5 50")
return require "vae_lab".experiment { name = "axes", model = function (_, x) return { bound = x:sum() } end }
X
check "axes of figures" 0 'axes' -- "$VAE_LAB" run axes.lua --dry-run

# ---- regions of a density: N(0, I) on a grid of 101 cells of 0.1, whose regions of 50 % and 95 % are circles of radius
# sqrt(-2 log(1 - share)), where the density is 1 - share of its peak; gnuplot draws them from the level, in an svg of a known frame
cat >regions.lua <<'X'
local level = require("vae_lab.figures.posteriors").level
local axes, sheet = require "vae_lab.figures.common.axes", require "vae_lab.figures.common.sheet"
local normal, lines = {}, {}
for r = 1, 101 do
  for c = 1, 101 do normal[#normal + 1] = math.exp(-0.5 * (((c - 51) * 0.1) ^ 2 + ((r - 51) * 0.1) ^ 2)) end
end
for i, share in ipairs { 0.5, 0.95 } do
  assert(math.abs(level(normal, share) / (1 - share) - 1) < 0.05)
  lines[i] = { level = 1 - share, width = 2.5 }
end
sheet.draw({ folder = "regions", formats = { "svg" }, runs = {}, file = function(_, _, write) write() end }, "regions", { title = "regions", panels = { {
  x = axes.linear(-5.05, 5.05), y = axes.linear(-5.05, 5.05), square = true,
  series = { { field = normal, n = 101, box = { x = -5.05, y = -5.05, side = 10.1 }, lines = lines, colour = "#0072B2", shade = "#8FBFDF" } },
} } })
return require "vae_lab".experiment { name = "regions", model = function (_, x) return { bound = x:sum() } end }
X
check "regions of a density: drawn" 0 'regions' -- "$VAE_LAB" run regions.lua --dry-run
# the radius, in units of z, of every point of the curves: the first tics are those of z2 = -5, 0 and 5
radii() {
    awk '/85,  85,  85/ && tics < 3 { split($0, m, /[ML, ]+/); for (i in m) if (m[i] ~ /^d=/) at[++tics] = m[i + 2] }
    on && /<\/g>/ { on = 0 }
    /0, 114, 178/ { on = 1 }
    on { while (match($0, /[0-9.]+,[0-9.]+/)) { split(substr($0, RSTART, RLENGTH), p, ","); x[++n] = p[1]; y[n] = p[2]; $0 = substr($0, RSTART + RLENGTH) } }
    END {
        for (i = 1; i <= n; i++) { if (i == 1 || x[i] < low) low = x[i]; if (x[i] > high) high = x[i] }
        for (i = 1; i <= n; i++) {
            r = sqrt((x[i] - (low + high) / 2) ^ 2 + (y[i] - at[2]) ^ 2) * 10 / (at[1] - at[3])
            if (r > 1.167 && r < 1.187) inner++; else if (r > 2.437 && r < 2.457) outer++; else other++
        }
        print (inner > 50), (outer > 100), other + 0
    }' regions/regions.svg
}
same "regions of a density: circles of radius 1.177 and 2.448, and no other line" "1 1 0" "$(radii)"

# ---- mistakes: exit status 3, the line, what was found and expected, and nothing recorded
export VAE_LAB_DB=$scratch/mistakes.db
sed 's/^  data .*/  data     = { "digits", train = 200, test = 100 },/; s/:normal(x)/:bernoulli(x)/' base.lua >good.lua
line_of() { grep -n "$1" good.lua | head -1 | cut -d: -f1; }
table=$(line_of 'lab.experiment {') returned=$(line_of 'return { bound')
# mistake NAME LINE SED PATTERN…: LINE is "here" (the one that was changed), a number, or "" where the mistake is in no line
mistake() {
    name=$1 line=$2
    sed -e "$3" good.lua >bad.lua
    shift 3
    [ "$line" = here ] && line=$(cmp good.lua bad.lua | sed 's/.*line //')
    [ -n "$line" ] && set -- "$@" "where +bad.lua:$line(,|\$)"
    check "mistake: $name" 3 "$@" -- timeout 600 "$VAE_LAB" run bad.lua --jobs 1 --threads 1
}
setting() { # setting NAME VALUE PATTERN…
    value=$2 name=$1
    shift 2
    check "mistake: --set $value, $name" 3 "$@" -- timeout 600 "$VAE_LAB" run good.lua --set "$value"
}
# a key of each table
mistake "a key of lab.experiment" $table 's/evaluate =/evaluat =/' 'evaluat' 'mean "evaluate"'
mistake "a key of data" $table 's/train = 200/trian = 200/' 'trian' 'mean "train"'
mistake "a key of train" $table 's/epochs = 2/epoch = 2/' 'epoch' 'mean "epochs"'
mistake "a key of a profile" $table 's/^  figures.*/profile = { quick = { sweeep = {} } },/' 'profile.quick' 'sweeep' 'mean "sweep"'
mistake "a key of an optimiser" here 's/rate =/rat =/' 'lab.adam' '"rat"' 'mean "rate"'
mistake "a key of another optimiser" here 's/rate =/momentum =/' 'lab.adam' 'momentum' 'expected.*rate'
mistake "a key of an evaluation" here 's/elbo()/elbo { sample = 3 }/' 'lab.eval.elbo' '"sample"' 'mean "samples"'
mistake "a key of a figure" here 's/curves()/curves { metric = {} }/' 'lab.fig.curves' '"metric"' 'mean "metrics"'
mistake "a key of a network" here 's/8, act/8, atc/' 'lab.mlp' '"atc"' 'mean "act"'
mistake "a key of a head" here 's/:normal(run.latent/:normal(run.latent, { bias_int = "zeros" }/' ':normal' '"bias_int"' 'mean "bias_init"'
mistake "a key of a schedule" here 's/rate = 1e-3/rate = lab.schedule.linear { form = 1, epochs = 2 }/' 'lab.schedule.linear' '"form"' 'mean "from"'
mistake "a setting that is not there" here 's/run.beta/run.betta/' 'betta' 'mean "beta"'
# names
mistake "an evaluation" here 's/eval.elbo/eval.elboo/' 'elboo' 'mean "elbo"'
mistake "a figure" here 's/fig.curves/fig.curve/' '"curve"' 'mean "curves"'
mistake "an optimiser" here 's/lab.adam/lab.adma/' '"adma"' 'mean "adam"'
mistake "a schedule" here 's/rate = 1e-3/rate = lab.schedule.cosin {}/' '"cosin"' 'mean "cosine"'
mistake "an activation" here 's/tanh/tahn/' '"tahn"' 'mean "tanh"'
mistake "an initialisation" here 's/act = "tanh"/init = "glorrot"/' '"glorrot"' 'mean "glorot"'
mistake "an initialisation's number" here 's/act = "tanh"/init = "normal(x)"/' 'normal\(x\)' 'expected.*normal\(NUMBER\)'
mistake "a bias's initialisation" here 's/bernoulli(x/bernoulli(x, { bias_init = "data_logits" }/' 'data_logits' 'data_logit'
mistake "a method of a network" here 's/:bernoulli/:bernouli/' 'network' '"bernouli"' 'mean "bernoulli"'
mistake "a method of a distribution" here 's/q:kl()/q:kll()/' 'normal distribution' '"kll"' 'mean "kl"'
mistake "a method of a tensor" here 's/q:kl()/q:kl():summ()/' 'tensor' '"summ"' 'mean "sum"'
mistake "an axis" here 's/q:kl()/q:kl():sum("feature")/' '"feature"' 'mean "features"'
mistake "a kind of logvar" here 's/:normal(run.latent/:normal(run.latent, { logvar = "hed" }/' '"hed"' 'mean "head"'
mistake "a binarisation" $table 's/test = 100/binarise = "gray"/' '"gray"' 'mean "grey"'
mistake "the name of the bound" $returned 's/bound =/bond =/' 'no bound' 'found.*bond' 'misspelt'
# types and ranges
mistake "epochs in words" $table 's/epochs = 2/epochs = "two"/' 'epochs of train' 'found +"two"' 'expected +a whole number'
mistake "half an epoch" $table 's/epochs = 2/epochs = 2.5/' 'found +2.5' 'expected +a whole number'
mistake "a batch of 0" $table 's/batch = 50/batch = 0/' 'found +0' 'expected.*at least 1'
mistake "more in a batch than there is" '' 's/batch = 50/batch = 500/' 'batch' 'found +500' 'expected.*training examples' '200'
mistake "a negative rate" here 's/rate = 1e-3/rate = -1/' 'rate of lab.adam' 'found +-1' 'at least 0'
mistake "a negative rate in a list" here 's/rate = 1e-3/rate = { 1, -1 }/' 'rate of lab.adam at epoch 2' 'found +-1' 'at least 0'
mistake "a rate in words in a list" here 's/rate = 1e-3/rate = { 1, "a" }/' 'epoch 2' 'found +"a"' 'expected +a number'
mistake "an empty list of rates" here 's/rate = 1e-3/rate = {}/' 'empty' 'expected'
mistake "a rate that a function does not give" here 's/rate = 1e-3/rate = function (e) if e == 1 then return 1 end end/' 'rate is not a number at epoch 2' 'found +nothing'
mistake "beta1 of 1" here 's/rate = 1e-3/beta1 = 1/' 'found +1' 'below 1'
mistake "a negative clip_norm" here 's/rate = 1e-3/clip_norm = -1/' 'clip_norm' 'found +-1'
mistake "a schedule without its epochs" here 's/rate = 1e-3/rate = lab.schedule.linear { to = 0 }/' 'needs epochs' 'found' 'expected'
mistake "steps that start late" here 's/rate = 1e-3/rate = lab.schedule.steps { { 2, 1 } }/' 'entry 1' 'ascending from 1'
mistake "an optimiser that is a text" $table 's/lab.adam.*1e-3 }/"adam"/' 'found +"adam"' 'expected +an optimiser'
mistake "an optimiser that is not called" $table 's/lab.adam.*1e-3 }/lab.adam/' 'found +a function' 'expected +an optimiser'
mistake "an evaluation that is not called" $table 's/elbo()/elbo/' 'entry 1 of evaluate' 'found +a function' 'call it'
mistake "an evaluation of no samples" here 's/elbo()/elbo { samples = 0 }/' 'found +0' 'at least 1'
mistake "an evaluation among the figures" $table 's/lab.fig.curves()/lab.eval.elbo()/' 'entry 1 of figures' 'found +a evaluation' 'lab.fig'
mistake "no latent units" here 's/run.latent/0/' 'width' 'found +0' 'at least 1'
mistake "half a unit" here 's/8, act/8.5, act/' 'found +8.5' 'whole number'
mistake "a width before the input" here 's/{ x, 8/{ 8, x/' 'no input' 'found +8' 'tensor first'
mistake "no draws" here 's/q:sample()/q:sample(0)/' 'draws' 'found +0' 'at least 1'
mistake "a setting that is a list" $table 's/beta = 1,/beta = { 1, 2 },/' 'beta' 'found +a table' 'sweep = \{ beta'
mistake "a setting whose name is taken" $table 's/beta = 1,/epochs = 1,/' 'epochs' 'taken'
mistake "a sweep without a list" $table 's/seed = { 1 }/seed = 1/' 'seed' 'found +1' 'expected'
mistake "a sweep of nothing" $table 's/seed = { 1 }/beta = {}/' 'beta' 'expected'
mistake "a named value in a sweep" $table 's/seed = { 1 }/beta = { 1, x = 2 }/' 'beta' 'expected'
mistake "a value twice" $table 's/seed = { 1 }/beta = { 1, 2, 1 }/' 'value 3 of beta' 'a duplicate' 'found +1'
mistake "values of two types" $table 's/seed = { 1 }/beta = { 1, "a" }/' 'value 2 of beta' 'found +"a"' 'number like the first'
mistake "a negative seed" $table 's/seed = { 1 }/seed = { -1 }/' 'seed 1 in sweep' 'found +-1' 'at least 0'
mistake "a grid among keys" $table 's/seed = { 1 }/{ seed = { 1 } }, beta = { 1 }/' 'neither a grid nor a list of grids'
mistake "a profile out of range" $table 's/^  figures.*/profile = { quick = { train = { epochs = 0 } } },/' 'profile.quick.train' 'found +0'
mistake "a name with a blank" $table 's/"base"/"a b"/' 'found +"a b"' 'letters, digits'
mistake "train that returns nothing" here 's/train    = .*/train = function (run) end,/' 'train returned nothing' 'expected'
mistake "train that returns a misspelt key" here 's/train    = .*/train = function (run) return { batches = 3 } end,/' 'batches' 'expected.*batch'
# the model
mistake "a bound for each pixel" $returned 's/px:log_prob(x)/px.logits/' 'bound has the wrong shape' 'found +\(1, 50, 784\)' 'expected +\(1, 50, 1\)' 'sum'
mistake "a bound for each latent unit" $returned 's/q:kl()/q:kl_each()/' 'found +\(1, 50, 2\)' 'expected +\(1, 50, 1\)'
mistake "an averaged batch" $returned 's/bound = \(.*\), q = q/bound = (\1):mean("batch"), q = q/' 'found +\(1, 1, 1\)' 'expected +\(1, 50, 1\)' 'do not average over the batch'
mistake "an averaged metric" $returned 's/z = z/z = z, metrics = { m = q:kl():mean("batch") }/' 'metric m' 'do not average over the batch'
mistake "a metric whose name is taken" $returned 's/z = z/z = z, metrics = { kl = q:kl() }/' 'metric kl is taken'
mistake "shapes that do not fit" here 's/px:log_prob(x)/px:log_prob(z)/' '\(1, 50, 2\)' '\(1, 50, 784\)' 'expected'
mistake "a distribution for a tensor" here 's/q:kl()/q/' 'arithmetic with a normal distribution' 'expected'
mistake "no closed form" here 's/q:kl()/q:kl(px)/' 'no closed form' 'found' 'estimate it'
mistake "a text in arithmetic" here 's/run.beta/"2"/' 'operand' 'found +"2"'
mistake "a tensor for q" $returned 's/q = q/q = z/' 'bad q' 'found +a tensor' 'a distribution'
mistake "a number among the results" $returned 's/q = q/kk = 3, q = q/' 'bad kk' 'found +3' 'tensor or a distribution'
mistake "a result without a name" $returned 's/q = q/q/' 'without a name' 'expected'
mistake "a distribution instead of a table" $returned 's/return { bound/do return px end &/' 'must return a table' 'found +a bernoulli distribution'
mistake "an assignment to a setting" here 's/local z /run.beta = 3 local z /' 'read only' 'run.beta'
mistake "one name for two networks" here 's/{ z, 8/{ z, 8, name = "encoder"/' 'encoder' 'name'
mistake "a tensor outside of a model" here 's/^return/local c = lab.constant(3) &/' 'outside of a model' 'expected'
# evaluations and what they need, before any training
mistake "two evaluations of a kind" $table 's/lab.eval.elbo()/lab.eval.nll { samples = 5 }, lab.eval.elbo(), lab.eval.nll { samples = 6 }/' \
    'entries 1 and 3 of evaluate' 'samples=5.* and .*samples=6' 'expected +one lab.eval.nll'
mistake "two of a kind in a profile" $table 's/^  figures.*/profile = { full = { evaluate = { lab.eval.elbo(), lab.eval.elbo() } } },/' \
    'entries 1 and 2 of profile.full.evaluate' 'expected +one lab.eval.elbo'
mistake "two that record the images" $table 's/lab.eval.elbo()/lab.eval.latent_space(), lab.eval.originals()/' 'same images' 'expected +lab.eval.latent_space alone'
mistake "properties and originals" $table 's/lab.eval.elbo()/lab.eval.properties(), lab.eval.originals()/' 'same images' 'expected +lab.eval.properties alone'
mistake "properties of data without labels" $returned 's/"digits"/"toy:ring"/; s/:bernoulli/:normal/; s/lab.eval.elbo/lab.eval.properties/' 'lab.eval.properties' 'needs labels'
mistake "compression without z" $returned 's/, z = z//; s/lab.eval.elbo/lab.eval.compression/' 'lab.eval.compression' '"z"' 'expected'
mistake "a key of an evaluation's" here 's/elbo()/properties { neighbors = 3 }/' 'lab.eval.properties' 'mean "neighbours"'
mistake "a key of baseline" here 's/curves()/against { x = "beta", baseline = { metrik = "test\/elbo", title = "t" } }/' 'baseline' '"metrik"' 'mean "metric"'
mistake "two figures of a name" $table 's/lab.fig.curves()/lab.fig.curves(), lab.fig.curves { train = false }/' 'same name' 'found +"curves"'
mistake "clarity of data without labels" '' 's/"digits"/"toy:ring"/; s/lab.eval.elbo/lab.eval.clarity/' 'bad.lua:[0-9]+' 'classifier' 'no labels' 'found +toy:ring' 'leave lab.eval.clarity out'
mistake "accuracy of data without labels" $returned 's/"digits"/"toy:ring"/; s/lab.eval.elbo/lab.eval.accuracy/' 'lab.eval.accuracy' 'needs labels'
mistake "accuracy without classes" $returned 's/lab.eval.elbo/lab.eval.accuracy/' 'found.*784' 'expected.*10 classes'
mistake "nll without z" $returned 's/, z = z//; s/lab.eval.elbo/lab.eval.nll/' 'lab.eval.nll' '"logw"' 'expected.*z = z'
mistake "latent space of no normal q" $returned 's/q = q/prior = q/; s/lab.eval.elbo/lab.eval.latent_space/' '"q.mu"' 'expected'
mistake "labels in a model of data without them" "$(line_of '{ x, 8')" 's/"digits"/"toy:ring"/; s/:bernoulli(x)/:normal(x)/; s/{ x, 8/{ x, y, 8/' 'uses the labels y' 'the data have none' 'leave y out'
mistake "classes of data without labels" "$(line_of '{ z, 8')" 's/"digits"/"toy:ring"/; s/:bernoulli(x)/:categorical(y)/' 'uses the labels y' 'the data have none'
autoencoder='s/local q  = .*/local z  = lab.mlp { x, 8 }:linear(2)/; s/local z  = q:sample()//; s/{ z, 8/{ z, 8, name = "decoder"/; s/ - run.beta \* q:kl(), q = q//'
for evaluation in nll elbo estimators inference_gap latent_space elbo_decomposition; do
    mistake "$evaluation of an autoencoder" $returned "$autoencoder; s/lab.eval.elbo/lab.eval.$evaluation/" "lab.eval.$evaluation needs" 'hint.*lab.eval.compression.*lab.eval.properties'
done
# a note before training says what is left out, and what to use instead
noted() { name=$1 from=$2; shift 2; sed "$from" good.lua >bad.lua; check "note before training: $name" 0 "$@" -- "$VAE_LAB" run bad.lua --dry-run; }
noted "ellipses in ten dimensions" 's/latent = 2/latent = 10/; s/lab.fig.curves()/lab.fig.ellipses(), lab.fig.manifold()/' \
    'note: lab.fig.ellipses.*z has 10 dimensions.*lab.fig.means' 'note: lab.fig.manifold.*z has 10'
noted "true posteriors in three dimensions" 's/latent = 2/latent = 3/; s/lab.eval.elbo()/lab.eval.posteriors()/; s/lab.fig.curves()/lab.fig.posteriors()/' \
    'note: lab.fig.posteriors.*z has 3 dimensions.*lab.fig.means'
noted "quadrature in three" 's/latent = 2/latent = 3/; s/lab.eval.elbo/lab.eval.estimators/; s/lab.fig.curves/lab.fig.estimates/' 'note: lab.eval.estimators: z has 3 dimensions: no estimate.exact' \
    'note: lab.fig.estimates.*lab.fig.bars'
noted "appendix D in six" 's/latent = 2/latent = 6/; s/lab.eval.elbo/lab.eval.estimators/' 'note: .*no estimate.exact.* and no estimate.appendix_d .up to five'
noted "digits of data without labels" 's/"digits"/"toy:ring"/; s/:bernoulli/:normal/; s/lab.fig.curves()/lab.fig.ellipses { digits = { 0, 1 } }/' 'note: lab.fig.ellipses chooses by digits.*examples ='
"$VAE_LAB" run good.lua --dry-run 2>&1 | grep -q 'note:' && no "note before training" "where nothing is left out" || ok "note before training: none where nothing is left out"
noted "none for a figure that some run of the sweep has" 's/seed = { 1 }/latent = { 2, 10 }/; s/lab.fig.curves()/lab.fig.ellipses()/' 'latent=10'
grep -q 'note:' out && no "note on a sweep" "$(grep note: out)" || ok "note before training: none for a figure that one of the runs has"
mistake "a figure of accounts over nothing" here 's/lab.fig.curves()/lab.fig.elbo_decomposition()/' 'lab.fig.elbo_decomposition' 'x'
planar='s/lab.eval.elbo()/lab.eval.posteriors()/; s/lab.fig.curves()/lab.fig.posteriors()/;'
mistake "posteriors that no evaluation records" '' 's/lab.fig.curves()/lab.fig.posteriors()/' 'lab.fig.posteriors' 'lab.eval.posteriors\(\)'
mistake "posteriors of what has no likelihood" $returned "$planar s/p = px, //" 'lab.eval.posteriors needs "logjoint"'
mistake "a rate of an unknown split" here 's/fig.curves()/fig.rate_distortion { split = "tset" }/' '"tset"' 'mean "test"'
mistake "accounting of no normal q" $returned 's/q = q/prior = q/; s/lab.eval.elbo/lab.eval.elbo_decomposition/' '"q.mu"' 'expected'
mistake "accounting of a prior of its own" $returned 's/z = z/z = z, prior = q/; s/lab.eval.elbo/lab.eval.elbo_decomposition/' 'prior N.0, I.' 'found +a model with a prior'
mistake "accounting by one draw" here 's/elbo()/elbo_decomposition { draws = 1 }/' 'found +1' 'at least 2'
mistake "gradients without estimators" $returned 's/lab.eval.elbo/lab.eval.gradients/' 'lab.eval.gradients' 'surrogates = function' 'lab.surrogates.all'
estimated='s/z = z }/z = z, surrogates = function () return { pathwise = px:log_prob(x) - q:kl() } end }/;'
mistake "gradients of weights that are not there" $returned "$estimated s/lab.eval.elbo()/lab.eval.gradients { parameters = \"encodr\" }/" '"encodr"' 'one of: decoder, encoder' 'mean "encoder"'
mistake "gradients compared with an unknown one" $returned "$estimated s/lab.eval.elbo()/lab.eval.gradients { reference = \"path\" }/" '"path"' 'one of: pathwise'
mistake "gradients of no draws" here "s/lab.eval.elbo()/lab.eval.gradients { draws = { 1, 0 } }/" 'entry 2 of draws' 'found +0' 'at least 1'
mistake "estimators that are not a function" $returned 's/z = z/z = z, surrogates = { q:kl() }/' 'bad surrogates' 'found +a table' 'a function'
mistake "an estimator for each pixel" $returned 's/z = z/z = z, surrogates = function () return { a = px.logits } end/' 'surrogates.a has the wrong shape' 'found +\(1, 50, 784\)'
mistake "estimators with weights of their own" $returned 's/z = z/z = z, surrogates = function () return { a = lab.mlp { z, 8 }:bernoulli(x):log_prob(x) } end/' \
    'weights of its own' 'found +decoder2.0.W' 'net \{ z \}'
mistake "ppca of a Bernoulli decoder" $returned 's/lab.eval.elbo/lab.eval.ppca/' 'lab.eval.ppca' '"p.logvar"'
mistake "ppca with as many latent units as features" $returned 's/"digits"/"toy:moons"/; s/:bernoulli(x)/:normal(x)/; s/lab.eval.elbo/lab.eval.ppca/' \
    'fewer latent units' 'found +2 of 2' 'at most 1'
# --set
setting "an unknown name" betta=1 'betta' 'mean "beta"'
setting "a text for a number" beta=x 'where +--set beta=x' 'found +"x"' 'expected +a number'
setting "nothing for a number" beta=1, 'found +""' 'a number'
setting "a value twice" beta=1,1.0 'each value once'
setting "half a seed" seed=1,2.5 'found +"2.5"' 'whole number'
setting "two rates" rate=0.1,0.2 'found' 'expected +a number'
setting "a negative rate" rate=-1 'found +"-1"' 'at least 0'
setting "no epochs" epochs=0 'found +"0"' 'at least 1'
setting "an unknown profile" profile=full '"full"' 'expected +none'
setting "an unknown binarisation" binarise=gray 'mean "grey"'
[ ! -e mistakes.db ] && ok "mistakes: nothing was recorded" || no "mistakes" "a database was made"
