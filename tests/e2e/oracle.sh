#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Slow: starts first.  NumPy finds the recorded numbers again from exported weights and pixels (tests/oracle), and sees mistakes that are
# planted in a copy of the Lua library.  The random numbers of both sides are fixed; the limit is 4 standard errors of each difference.
. "$(dirname "$0")/common.sh.inc"
python=
for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && { python=$p; break; }; done
[ -n "$python" ] || { skip "oracle" "no Python with NumPy (python3-numpy)"; exit 0; }
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 VAE_LAB
recompute() { "$python" "$root/tests/oracle/recompute" "$@"; }
train() { "$VAE_LAB" run "$root/tests/oracle/models.lua" --set seed=1 --threads 1 --quiet "$@" >train.log 2>&1 || no "a run to recompute" "$(cat train.log)"; }
last() { sql 'select max(id) from run'; }

# ---- the numbers
train --set beta=1
check "oracle: every metric of a VAE" 0 '^final/test/elbo ' '^final/test/kl ' '^final/test/reconstruction ' '^bounds/iwae_50 ' '^test/nll ' \
    '^latent/overlap ' '^latent/hole_fraction ' '^accounting/test/total_correlation ' '^estimate/exact ' '^sample/auc ' '^4[0-9] compared, 0 differ' -- recompute 1
train --set beta=0 --set epochs=12
check "oracle: without the KL term" 0 '^latent/overlap_same ' '^estimate/exact ' ' 0 differ' -- recompute "$(last)" --only elbo,latent_space,estimators
train --set beta=1 --set binarise=dynamic
dynamic=$(last)
check "oracle: pixels that were binarised again" 0 '^test/elbo ' '^final/test/elbo ' '^posterior/mu1 ' ' 0 differ' -- recompute "$dynamic" --only test,elbo,latent_space

# ---- the pixels
rows() { "$VAE_LAB" data show --npy - "$@" 2>err; }
rows --run 1 --rows 11:20 >a
rows digits --binarise static --train 3000 --test 300 --seed 3 --rows 11:20 >b
cmp -s a b && grep -q 'note: --seed changes nothing' err && ok "data show: static pixels are those of every run" || no "static pixels" "$(cat err)"
train --set beta=1 --set binarise=dynamic --set rate=0 --set epochs=2
for epoch in 1 2; do rows --run "$(last)" --split train --epoch $epoch >epoch$epoch.npy; done
"$VAE_LAB" export "$(last)" -o still.npz
"$VAE_LAB" export "$(last)" -o still.csv
rows --run "$dynamic" >test.npy
rows --run "$dynamic" --seed 1 --for testing --rows 3: >again.npy
rows --run "$dynamic" --for evaluation >evaluation.npy
rows digits --train 3000 --test 300 >grey.npy
"$python" - "$root/tests/oracle" <<'END' >out 2>&1 && ok "data show: the pixels of each epoch, of the tests, of the evaluations" || no "data show" "$(cat out)"
import csv, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import numpy as np, vae
# a learning rate of 0 keeps the weights: the KL of an epoch is that of its pixels, and of no others
model = vae.Vae(dict(np.load("still.npz")), "tanh")
recorded = {int(step): float(v) for name, step, v in list(csv.reader(open("still.csv")))[1:] if name == "train/kl"}
own = {e: vae.kl(*model.encode(np.load("epoch%d.npy" % e))).mean() for e in (1, 2)}
for e in (1, 2):
    assert abs(own[e] / recorded[e] - 1) < 1e-5 < abs(own[3 - e] / recorded[e] - 1), (own, recorded)
x, grey = np.load("test.npy"), np.load("grey.npy")
assert x.dtype == np.float32 and x.shape == (300, 784) and set(np.unique(x)) == {0, 1}
assert (np.load("again.npy") == x[2:]).all() and (np.load("evaluation.npy") != x).any()
assert 0 < grey[grey < 1].max() < 1 and abs((x - grey).mean()) < 5 * np.sqrt((grey * (1 - grey)).mean() / x.size)
END
check "data show: rows that are not there" 2 'the test split has no such rows' 'expected +1:300' -- "$VAE_LAB" data show --run 1 --rows 200:301 --npy n.npy
check "data show: rows in another form" 2 'has no such rows' 'found +3-7' -- "$VAE_LAB" data show --run 1 --rows 3-7 --npy n.npy
check "data show: a misspelt split" 2 'did you mean "train"' -- "$VAE_LAB" data show --run 1 --split trian --npy n.npy
check "data show: an epoch that was not trained" 2 '1 to 8' -- "$VAE_LAB" data show --run "$dynamic" --split train --epoch 9 --npy n.npy
check "data show: an epoch of the tests" 2 'in each epoch of training only' -- "$VAE_LAB" data show --run "$dynamic" --epoch 2 --npy n.npy
check "data show: a run and a name" 2 'the recorded run says which data set' -- "$VAE_LAB" data show mnist --run 1 --npy n.npy
check "data show: rows without a file" 2 'add --npy FILE' -- "$VAE_LAB" data show digits --rows 1:2
check "data show: no such run" 4 'there is no run 99' -- "$VAE_LAB" data show --run 99 --npy n.npy
check "data show: an existing file is left" 5 'exists already' -- "$VAE_LAB" data show --run 1 --npy test.npy
[ ! -e n.npy ] && ok "data show: an error leaves no file" || no "data show" "a file after an error"

# ---- planted mistakes: each must be seen in the metrics that it spoils, and the others must agree
# planted NAME ONLY WRONG RIGHT: trains with the library in lua/; the metrics in WRONG differ, those in RIGHT do not.
planted()
{
    VAE_LAB_LUA=$scratch/lua train --set beta=1 --fresh
    recompute "$(last)" --only "$2" >out 2>&1
    [ $? -eq 1 ] || { no "planted: $1" "exit status is not 1: $(cat out train.log)"; return; }
    for m in $3; do grep -q "^$m .*DIFFERS\$" out || { no "planted: $1" "$m agrees: $(cat out)"; return; }; done
    for m in $4; do grep "^$m " out | grep -qv DIFFERS || { no "planted: $1" "$m differs: $(cat out)"; return; }; done
    ok "planted: $1"
}
fresh_library() { rm -rf lua && cp -r "$root/lua" lua; }
edit() { # FILE FROM TO: the change must change something
    cp "lua/vae_lab/$1" before && sed "s|$2|$3|" before >"lua/vae_lab/$1"
    ! cmp -s before "lua/vae_lab/$1" || no "planting" "nothing to change in $1: $2"
}
fresh_library
edit distributions/normal.lua 'return apply("kl", { q.mu, wide_logvar(q) })' 'return 0.5 * apply("kl", { q.mu, wide_logvar(q) })'
planted "the KL halved" elbo "final/test/kl final/test/elbo" "final/test/reconstruction"

fresh_library
edit distributions/normal.lua 'return apply("reparameterise", { q.mu, q.logvar, eps })' 'return q.mu + 0 * eps'
edit evaluations/latent_space.lua 'return stats.mean_bhattacharyya(' 'return require("vae_lab.planted")('
cat >lua/vae_lab/planted.lua <<'END'
return function(mu, sigma) -- Bhattacharyya's coefficient without the term of the variances, of all pairs
  local sum, n, d = 0, mu:rows(), mu:cols()
  for i = 1, n do
    local m, s = mu:row(i), sigma:row(i)
    for k = i + 1, n do
      local distance, o, t = 0, mu:row(k), sigma:row(k)
      for j = 1, d do distance = distance + (m[j] - o[j]) ^ 2 / (s[j] ^ 2 + t[j] ^ 2) end
      sum = sum + math.exp(-distance / 4)
    end
  end
  return sum / (n * (n - 1) / 2)
end
END
planted "the mean in place of a draw; overlap without the variances" elbo,latent_space \
    "final/test/reconstruction final/test/elbo latent/overlap" "final/test/kl latent/hole_fraction latent/sigma"

fresh_library
edit distributions/normal.lua 'sigma = function(q) return (0.5 \* q.logvar):exp() end' 'sigma = function(q) return q.logvar:exp() end'
edit distributions/normal.lua 'sigma = (0.5 \* logvar):exp()' 'sigma = logvar:exp()'
edit build.lua 'prior:log_prob(z) - q:log_prob(z)$' 'prior:log_prob(z) + q:log_prob(z)'
edit evaluations/validity.lua 'metric("sample/auc", auc, ' 'metric("sample/auc", 1 - auc, '
edit evaluations/estimators.lua '"estimate/exact", (common.mean(exact))' '"estimate/exact", common.mean(exact) + 0.05'
planted "sigma² as sigma; weights with the wrong sign; an integral off by 0.05 nats; an AUC of the other sample" \
    latent_space,nll,estimators,elbo_decomposition,validity \
    "posterior/sigma1 accounting/test/kl test/nll estimate/importance estimate/exact sample/auc" "posterior/mu1 estimate/elbo accounting/test/rate"
