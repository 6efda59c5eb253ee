#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bad input: each gets a clear error (what, where, found, expected, hint), the right exit status, and loses nothing.
# Slow: starts first.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
byte() { printf "\\$(printf %03o "$1")"; }
word() { byte $(($1 >> 24 & 255)); byte $(($1 >> 16 & 255)); byte $(($1 >> 8 & 255)); byte $(($1 & 255)); }
zeros() { head -c "$1" /dev/zero; }

# ---- data files: 40 images of 4 x 4
mkdir -p idx
images() { word 2051; word 40; word 4; word 4; head -c 640 /dev/urandom; }
labels() { word 2049; word "$1"; i=0; while [ $i -lt "$1" ]; do byte $((i % 10)); i=$((i + 1)); done; }
images >idx/good; labels 40 >idx/labels
head -c 500 idx/good >idx/truncated
{ cat idx/good; zeros 7; } >idx/overlong
{ word 1234; tail -c +5 idx/good; } >idx/magic
gzip -c idx/good >idx/good.gz
{ head -c 200 idx/good.gz; printf 'xxxxxxxxxxxx'; tail -c +213 idx/good.gz; } >idx/corrupt.gz
head -c 300 idx/good.gz >idx/cut.gz
labels 39 >idx/few
{ word 2051; word 2000000000; word 2000; word 2000; zeros 640; } >idx/absurd
: >idx/empty
data() { "$VAE_LAB" data show "idx:$1"; }
check "data: a good IDX file" 0 'train +35' 'test +5' -- data idx/good,idx/labels
check "data: a good gzipped IDX file" 0 'train +35' -- data idx/good.gz,idx/labels
check "data: a missing file" 5 'idx/nowhere' 'expected' -- data idx/nowhere,idx/labels
check "data: a truncated file" 5 'truncated' 'found' 'expected' -- data idx/truncated,idx/labels
check "data: an overlong file" 5 'found' 'expected' -- data idx/overlong,idx/labels
check "data: a wrong magic number" 5 'magic' 'found' 'expected' -- data idx/magic,idx/labels
check "data: corrupt gzip" 5 'gzip|compressed|corrupt' -- data idx/corrupt.gz,idx/labels
check "data: gzip cut short" 5 'truncated|gzip|cut' -- data idx/cut.gz,idx/labels
check "data: counts of images and labels differ" 5 '39' '40' -- data idx/good,idx/few
check "data: an absurd size" 5 'found|expected' -- data idx/absurd,idx/labels
check "data: an empty file" 5 'empty|truncated' -- data idx/empty,idx/labels
check "data: an unknown data set" 5 'minst' 'mnist' -- "$VAE_LAB" data show minst
check "data: mnist that is not there" 5 'train-images-idx3-ubyte' 'hint' -- "$VAE_LAB" run tiny.lua --set data=mnist --data-dir "$scratch/empty"

# ---- seeds
for seed in 9223372036854775808 18446744073709551615 -1 1.5 one; do
    check "seed: $seed is refused with the limit" 3 "$seed" 'at least 0, at most 9223372036854775807' -- "$VAE_LAB" run tiny.lua --set seed=$seed --dry-run
done
check "seed: the largest" 0 ' 9223372036854775807 ' -- "$VAE_LAB" run tiny.lua --set seed=9223372036854775807 --dry-run

# ---- scripts: one error with file and line, before any training
script() { # script NAME PATTERN... < sed program applied to tiny.lua
    name=$1
    shift
    sed "$(cat)" tiny.lua >bad.lua
    check "script: $name" 3 "$@" -- timeout 600 "$VAE_LAB" run bad.lua
}
script "a misspelt key" 'bad.lua:[0-9]+' 'queston' 'question' <<'X'
s/question =/queston =/
X
script "a misspelt option" 'bad.lua:[0-9]+' 'actt' 'act' <<'X'
s/act = "tanh"/actt = "tanh"/
X
script "a misspelt function of the library" 'bad.lua:[0-9]+' 'nll' <<'X'
s/lab.eval.nll/lab.eval.nlll/
X
script "a network without an input" 'bad.lua:[0-9]+' 'lab.mlp has no input' 'or give it a name =' <<'X'
s/lab.mlp { x, 32/lab.mlp { 32/
X
script "a head of a network whose input is still to come" 'bad.lua:[0-9]+' '"net" has no input yet' 'net { x }' <<'X'
s/lab.mlp { x, 32/lab.mlp { 32, name = "net"/
X
script "wake-sleep of images that cannot be sampled" 'bad.lua:[0-9]+' 'decode of lab.wake_sleep' 'found +a table' 'a distribution' <<'X'
s/return { bound.*/return lab.wake_sleep(x, function() return q end, function() return { log_prob = px.log_prob } end)/
X
script "a figure with both panels and baseline" 'bad.lua:[0-9]+' 'both panels and baseline' <<'X'
s/lab.fig.curves()/lab.fig.against { x = "beta", panels = "seed", baseline = { metric = "nll", title = "?" } }/
X
script "a wrong type" 'bad.lua:[0-9]+' 'found' 'expected' <<'X'
s/epochs = 3/epochs = "three"/
X
script "a value out of range" 'bad.lua|epochs' 'found' 'expected' <<'X'
s/epochs = 3/epochs = 0/
X
script "a batch larger than the data" 'bad.lua' 'batch' '5000' <<'X'
s/batch = 64/batch = 5000/
X
script "a shape that does not fit" 'bad.lua:[0-9]+' '784' '64, 2|, 2\)' <<'X'
s/px:log_prob(x)/px:log_prob(z)/
X
script "a syntax error" 'bad.lua:[0-9]+' <<'X'
s/sweep    = {/sweep    = = {/
X
script "a run-time error" 'bad.lua:[0-9]+' 'nothing|nil' <<'X'
s/local z  = q:sample()/local z  = q:sample() local y = z.nothing.more/
X
script "a misspelt global" 'bad.lua:[0-9]+' 'labb' <<'X'
s/^return lab.experiment/return labb.experiment/
X
script "an endless loop at load" 'bad.lua:[0-9]+' 'seconds|loop' <<'X'
s/^local lab = .*/local lab = require "vae_lab" while true do end/
X
export VAE_LAB_SCRIPT_SECONDS=1
script "an endless loop behind pcall" 'bad.lua|seconds|loop' <<'X'
s/^local lab = .*/local lab = require "vae_lab" while true do pcall(function() while true do end end) end/
X
unset VAE_LAB_SCRIPT_SECONDS
script "not an experiment" 'bad.lua' 'experiment' <<'X'
s/^return lab.experiment/local e = lab.experiment/
X
sed 's/"digits"/"digts"/' tiny.lua >bad.lua
check "script: an unknown data set" 5 'bad.lua:[0-9]+' 'digts' 'digits' -- "$VAE_LAB" run bad.lua
script "no way to the system" 'bad.lua:[0-9]+' <<'X'
s/^local lab = .*/local lab = require "vae_lab" os.execute("touch escaped")/
X
[ ! -e escaped ] && ok "script: the system is out of reach" || no "sandbox" "a file was made"
check "script: missing" 3 'nowhere.lua' -- "$VAE_LAB" run nowhere.lua
check "script: an unknown --set key" 3 'bata' 'beta' -- "$VAE_LAB" run tiny.lua --set bata=1
check "script: an unknown random number generator" 3 'mt19973' 'did you mean "mt19937"' 'mt19937_1999' -- "$VAE_LAB" run tiny.lua --set rng=mt19973
sed 's/^  data /  rng = "tauss2", data /' tiny.lua >rng.lua
check "script: an unknown generator in a script" 3 'rng.lua:[0-9]+' 'tauss2' 'taus, taus2, taus113' -- "$VAE_LAB" run rng.lua
check "script: an unknown GSL_RNG_TYPE" 3 'mersenne' 'philox4x32' -- env GSL_RNG_TYPE=mersenne "$VAE_LAB" run tiny.lua
check "script: a --set value of the wrong type" 3 'epochs' -- "$VAE_LAB" run tiny.lua --set epochs=many
[ ! -e results.db ] && ok "script: nothing was recorded" || no "script errors" "a database was made"

# ---- the command line
check "usage: an unknown command" 2 'rnu' 'run' -- "$VAE_LAB" rnu tiny.lua
check "usage: an unknown option" 2 'thread' 'threads' -- "$VAE_LAB" run tiny.lua --thread 2
check "usage: a bad number" 2 'jobs' -- "$VAE_LAB" run tiny.lua --jobs none
check "usage: no script" 2 -- "$VAE_LAB" run
check "usage: an unknown instruction set" 2 'avx1024' -- env VAE_LAB_ISA=avx1024 "$VAE_LAB" run tiny.lua
check "usage: an unknown run" 4 '999' -- sh -c '"$VAE_LAB" run tiny.lua --set beta=1 --set seed=1 --quiet >/dev/null 2>&1; "$VAE_LAB" show 999'
check "usage: a bad --where" 4 'nothing' -- "$VAE_LAB" runs --where 'nothing = 1'

# ---- the database
rm -f results.db*
one="run tiny.lua --set beta=1 --set seed=1"
if [ "$(id -u)" = 0 ]; then
    # root may write anywhere except on a read-only mount
    mkdir ro && mount -t tmpfs -o ro tmpfs ro 2>/dev/null && mounted=1 || mounted=0
else
    mkdir ro && chmod 555 ro && mounted=1
fi
if [ $mounted = 1 ]; then
    check "database: an unwritable folder" 4 'ro' 'Read-only|written' 'hint' -- "$VAE_LAB" $one --db ro/results.db
    umount ro 2>/dev/null || chmod 755 ro
else
    skip "database: an unwritable folder" "cannot mount here"
fi
check "database: missing, for reading" 4 'hint' -- "$VAE_LAB" runs --db nowhere.db
sqlite3 foreign.db 'create table t (x); pragma application_id = 42' && cp foreign.db foreign.copy
check "database: another program's" 4 'foreign.db' -- "$VAE_LAB" $one --db foreign.db
cmp -s foreign.db foreign.copy && ok "database: the file of another program is unchanged" || no "foreign" "it was changed"
echo "this is a text file, not a database, and long enough to be looked at" >text.db
check "database: not a database" 4 'text.db' -- "$VAE_LAB" $one --db text.db
"$VAE_LAB" $one --quiet >/dev/null 2>&1
cp results.db newer.db && sqlite3 newer.db 'pragma user_version = 99' >/dev/null
check "database: a newer version's" 4 'newer' -- "$VAE_LAB" $one --db newer.db
check "database: a newer version's, for reading" 4 'newer' -- "$VAE_LAB" runs --db newer.db
cp results.db damaged.db
dd if=/dev/urandom of=damaged.db bs=1 seek=4096 count=60000 conv=notrunc 2>/dev/null
check "database: damaged" 4 'damaged' -- "$VAE_LAB" $one --db damaged.db
mkfifo go
{ echo 'begin immediate;'; echo '.system touch locked'; cat go; } | sqlite3 results.db >/dev/null &
until_true [ -e locked ]
check "database: locked" 4 'locked|busy' 'hint' -- env VAE_LAB_DB_TIMEOUT=300 "$VAE_LAB" run tiny.lua --set beta=1 --set seed=2
: >go
wait

# ---- a full disk
if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=1m tmpfs full 2>/dev/null; then
    "$VAE_LAB" run tiny.lua --set epochs=60 --set beta=1 --set seed=5 --db full/results.db --jobs 1 >out 2>&1
    status=$?
    { [ $status = 4 ] || [ $status = 1 ]; } && grep -qiE 'disk|full|space' out && ok "full disk: a clear error while writing metrics" || { no "full disk" "status $status"; cat out; }
    rm -f full/filler; mount -o remount,size=64m full
    [ "$(sqlite3 full/results.db 'pragma integrity_check')" = ok ] && ok "full disk: the database is whole" || no "full disk" "damaged"
    check "full disk: with room again, the run resumes" 0 -- "$VAE_LAB" run tiny.lua --set epochs=60 --set beta=1 --set seed=5 --db full/results.db
    whole=$(sqlite3 full/results.db "select digest from runs")
    "$VAE_LAB" run tiny.lua --set epochs=60 --set beta=1 --set seed=5 --db other.db --quiet >/dev/null 2>&1
    [ -n "$whole" ] && [ "$(sqlite3 other.db 'select digest from runs')" = "$whole" ] && ok "full disk: to the same digest" || no "full disk" "another digest"
    "$VAE_LAB" figures tiny.lua --db full/results.db --out full/figures --format png >/dev/null 2>&1
    cp full/figures/curves.png before.png
    head -c 64m /dev/zero >full/filler 2>/dev/null
    check "full disk: a clear error while writing a figure" 5 'full|space|disk' -- "$VAE_LAB" figures tiny.lua --db full/results.db --out full/figures --format png
    cmp -s full/figures/curves.png before.png && ok "full disk: the older figure is kept" || no "full disk" "the older figure was lost"
    umount full
else
    skip "full disk" "needs root and a tmpfs"
fi

# ---- figures
check "figures: gnuplot missing" 5 'gnuplot' 'hint' -- env VAE_LAB_GNUPLOT=/nowhere/gnuplot "$VAE_LAB" figures tiny.lua --out none
check "figures: an unknown format" 2 'bmp' -- "$VAE_LAB" figures tiny.lua --format bmp
check "figures: no runs yet" 4 'vae-lab run' -- "$VAE_LAB" figures tiny.lua --db other-missing.db

# ---- an objective that is not finite
check "divergence: recorded with step and tensor" 1 'diverged' 'epoch 1, minibatch' 'first in' -- "$VAE_LAB" run tiny.lua --set beta=1 --set seed=9 --set rate=1e30
[ "$(sql "select status from runs where seed = 9")" = diverged ] && ok "divergence: status in the database" || no "divergence" "$(sql "select status from runs where seed = 9")"
