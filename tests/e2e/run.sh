#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A user's whole way: run, run again, look, draw, change something, be interrupted.  Real SQLite, real gnuplot.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .

check "run: a sweep of four runs" 0 '4 runs executed' 'beta=0' 'beta=1' -- "$VAE_LAB" run tiny.lua
[ "$(sql "select count(*) from runs where experiment = 'tiny' and status = 'done'")" = 4 ] && ok "run: four finished runs are recorded" || no "run: recorded" "$(sql 'select status from runs')"
check "run: a second time executes nothing" 0 '0 runs executed, 4 done before' -- "$VAE_LAB" run tiny.lua

sed 's/digits = { 0, 1, 2 }/digits = { 3, 4 }/' tiny.lua >figure.lua && mv figure.lua tiny.lua
check "run: after editing a figure, still nothing" 0 '0 runs executed, 4 done before' -- "$VAE_LAB" run tiny.lua
sed 's/samples = 20, /samples = 30, /' tiny.lua >evaluation.lua
check "run: a later evaluation needs no training" 0 '0 runs executed' -- "$VAE_LAB" run evaluation.lua
sed 's/px:log_prob(x)/2 * px:log_prob(x)/' tiny.lua >objective.lua
check "run: after changing the objective, all runs whose graph changed" 0 '4 runs executed' -- "$VAE_LAB" run objective.lua

check "run --dry-run: shows the plan and runs nothing" 0 'beta=0' -- "$VAE_LAB" run tiny.lua --set seed=7 --dry-run
[ "$(sql "select count(*) from runs where seed = 7")" = 0 ] && ok "run --dry-run: nothing is recorded" || no "dry run" "a run was recorded"

"$VAE_LAB" run tiny.lua --json --quiet >json 2>err
valid=$(while IFS= read -r line; do printf %s "$line" >line; sqlite3 :memory: "select json_type(cast(readfile('line') as text), '$.elbo')"; done <json | sort -u)
[ "$(wc -l <json)" = 4 ] && [ ! -s err ] && [ "$valid" = real ] && ok "run --json --quiet: one line per run on standard output, nothing else" ||
    no "run --json" "$(head -3 json err)"

# ---- figures: the same bytes twice
check "figures: draws" 0 'ellipses' 'curves' -- "$VAE_LAB" figures tiny.lua --out one --format pdf,png,svg,tex
check "figures: draws again" 0 -- "$VAE_LAB" figures tiny.lua --out two --format pdf,png,svg,tex
same=1
for f in one/*.pdf one/*.png one/*.svg one/*.tex; do
    [ -s "$f" ] && cmp -s "$f" "two/$(basename "$f")" || { same=0; echo "    differs: $f"; }
done
[ $same = 1 ] && ok "figures: identical bytes twice" || no "figures: identical bytes" "see above"

# ---- looking
check "runs" 0 'beta=1' 'done' -- "$VAE_LAB" runs --experiment tiny
check "runs --where --sort --csv" 0 '^id,experiment' -- "$VAE_LAB" runs --where 'beta = 1' --sort elbo --csv
check "show" 0 'identity' 'tiny' 'dense' -- "$VAE_LAB" show 1
check "compare" 0 'beta=0' 'beta=1' -- "$VAE_LAB" compare
check "sql: one query" 0 'beta=1' -- "$VAE_LAB" sql "select distinct label from summary"
check "compare: an unknown name" 2 "no run, label or experiment 'bata=1'" "did you mean 'beta=1'" -- "$VAE_LAB" compare bata=1
check "receipt: no run" 2 "one run's number" 'vae-lab runs' -- "$VAE_LAB" receipt
check "receipt: not a number" 2 'a run has a number' -- "$VAE_LAB" receipt one
check "figures: settings that were not run" 4 'no sweep of experiment tiny was run with these settings' 'run tiny.lua --set beta=7' -- "$VAE_LAB" figures tiny.lua --set beta=7
check "figures: a sweep that is not there" 4 'has no sweep 99' -- "$VAE_LAB" figures tiny.lua --sweep 99
cp results.db part.db
sqlite3 part.db "update run set status = 'interrupted' where id = 1"
check "figures: of an unfinished sweep" 0 'note: 1 of the 4 runs of sweep 1 are not finished' 'curves.svg' -- "$VAE_LAB" figures tiny.lua --db part.db --sweep 1 --format svg --out part
sqlite3 part.db "update run set status = 'interrupted'"
check "figures: no run is finished" 4 'no run of sweep 1 of experiment tiny is finished' '4 runs, none done' -- "$VAE_LAB" figures tiny.lua --db part.db --sweep 1
sed 's/^  figures .*//' tiny.lua >plain.lua
check "figures: an experiment without" 3 'has no figures' 'lab.fig.curves' -- "$VAE_LAB" figures plain.lua
check "sql: no rows" 0 '^no rows$' -- "$VAE_LAB" sql "select label from summary where 0"
check "sql: two queries" 2 'one query' 'put it into quotes' -- "$VAE_LAB" sql "select 1" "select 2"
echo "select 'runs', count(*) from run; delete from run;" >queries
check "sql: the shell, which cannot write" 1 "^runs" 'readonly database' -- sh -c '"$0" sql <queries' "$VAE_LAB"
cp results.db ./-.db
check "sql: the shell on a file whose name begins with -" 0 '^runs' -- sh -c 'head -c 34 queries | "$0" sql --db=-.db' "$VAE_LAB"
check "sql: no shell" 4 'shell could not be started' 'apt-get install sqlite3' -- env PATH=/nowhere "$VAE_LAB" sql
check "doctor" 0 'SQLite|sqlite' 'gnuplot' '^ok +database .*undamaged; [0-9]+ runs \([0-9]+ done\)' '^ok +journal +write-ahead log' 'free on the disk' \
    '^ok +locale +C.UTF-8' -- env LC_ALL=C.UTF-8 "$VAE_LAB" doctor
check "doctor: no locale, no database" 0 '^note +locale +none set.*LANG=C.UTF-8' '^note +database +none.db does not exist' -- \
    env -u LC_ALL -u LC_CTYPE -u LANG "$VAE_LAB" doctor --db none.db
check "doctor: no programs" 5 '^note +sqlite3 ' '^missing +gnuplot' '^note +LaTeX' '^vae-lab: gnuplot is missing' -- env PATH=/nowhere "$VAE_LAB" doctor
echo "no database" >other.db
check "doctor: a database that is none" 4 '^failed +database +this file is not a SQLite database' -- "$VAE_LAB" doctor --db other.db
mkdir -p places/mnist && : >places/mnist/train-images-idx3-ubyte
check "doctor: data that are here, and that are not" 0 '^ok +mnist +in places; vae-lab data verify mnist' '^note +kmnist +not in places' -- \
    env VAE_LAB_DATA=places "$VAE_LAB" doctor
check "data list" 0 'digits' 'mnist' -- "$VAE_LAB" data list
check "data show" 0 '60000|60,000' -- "$VAE_LAB" data show digits
check "--version" 0 '^vae-lab [0-9]' -- "$VAE_LAB" --version
check "--help" 0 'run' 'figures' 'compare' -- "$VAE_LAB" --help
for c in run release figures runs show compare claims sql data doctor; do
    check "$c --help" 0 "vae-lab $c" -- "$VAE_LAB" $c --help
done
"$VAE_LAB" runs --csv | head -1 >/dev/null && ok "output can be piped into head" || no "pipe" "failed"

# ---- the same bits: threads, instruction sets, after a kill
digest() { sql "select digest from run where experiment = (select id from experiment where name = 'tiny') and label = 'beta=1' and seed = 1 and digest is not null order by id desc limit 1"; }
want=$(sql "select digest from runs where experiment = 'tiny' and label = 'beta=1' and seed = 1 limit 1")
one="run tiny.lua --set beta=1 --set seed=1 --quiet --fresh"
for t in 1 2 3; do
    "$VAE_LAB" $one --threads $t >/dev/null 2>&1
    [ "$(digest)" = "$want" ] && ok "the same digest with --threads $t" || no "threads $t" "$(digest) is not $want"
done
for isa in $("$VAE_LAB" doctor 2>/dev/null | grep -oE 'avx512|avx2|generic|neon' | sort -u); do
    VAE_LAB_ISA=$isa "$VAE_LAB" $one >/dev/null 2>&1
    [ "$(digest)" = "$want" ] && ok "the same digest with VAE_LAB_ISA=$isa" || no "isa $isa" "$(digest) is not $want"
done

long="run tiny.lua --set beta=1 --set seed=1 --set epochs=500 --threads 1"
VAE_LAB_DB=$scratch/whole.db "$VAE_LAB" $long --quiet >/dev/null 2>&1
whole=$(sqlite3 whole.db "select digest from run where status = 'done'")
setsid "$VAE_LAB" $long --quiet >/dev/null 2>&1 &
pid=$!
until_sql "select count(*) > 20 from curves where metric = 'train/elbo' and run = (select id from run where epochs = 500)" 1
kill -9 -$pid
wait $pid 2>/dev/null
[ "$(sqlite3 "$VAE_LAB_DB" 'pragma integrity_check')" = ok ] && ok "after kill -9 the database is whole" || no "integrity" "not ok"
check "after kill -9, the same command finishes it" 0 '1 run (executed|resumed)|1 resumed' -- "$VAE_LAB" $long
[ "$(sql "select digest from run where epochs = 500 and status = 'done'")" = "$whole" ] && ok "after kill -9 the same digest" || no "kill -9" "another digest"

# ---- Ctrl-C: status 130 and the command that resumes
"$VAE_LAB" run tiny.lua --set beta=1 --set seed=3 --set epochs=100000 >out 2>&1 &
pid=$!
until_sql "select count(*) > 20 from curves where metric = 'train/elbo' and run = (select id from run where epochs = 100000)" 1
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] && grep -q 'vae-lab.* run .*tiny.lua.*epochs=100000' out && ok "Ctrl-C: status 130 and the command that resumes" || { no "Ctrl-C" "status $status"; cat out; }
[ "$(sql "select status from runs where seed = 3")" = interrupted ] && ok "Ctrl-C: recorded as interrupted" || no "Ctrl-C" "$(sql "select status from runs where seed = 3")"

# ---- a run whose process is killed leaves the others alone
"$VAE_LAB" run tiny.lua --set seed=11,12 --set beta=1 --set epochs=400 --jobs 2 --threads 1 >out 2>&1 &
pid=$!
until_sql "select count(*) from runs where seed in (11, 12) and status = 'running'" 2
victim=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent=$pid '$4 == parent { print $1; exit }')
kill -9 "$victim" 2>/dev/null
wait $pid
status=$?
[ $status = 1 ] && grep -q crashed out && [ "$(sql "select group_concat(status) from (select status from runs where seed in (11, 12) order by status)")" = crashed,done ] &&
    ok "a run that is killed leaves the other alone and is reported at the end" || { no "killed worker" "status $status"; cat out; }

# ---- the generator: a flag beats GSL_RNG_TYPE, which beats the script; the default adds nothing to an identity
export VAE_LAB_DB="$scratch/generators.db"
one="run tiny.lua --set beta=1 --set seed=1 --quiet"
recorded() { sqlite3 "$VAE_LAB_DB" "$1"; }
latest() { recorded "select coalesce(plan ->> '$.rng', 'default') from run order by id desc limit 1"; }
"$VAE_LAB" $one >/dev/null 2>&1
"$VAE_LAB" $one --set rng=philox4x32 >/dev/null 2>&1
[ "$(recorded 'select count(*) from run')" = 1 ] && ok "rng: the default by its name is the same run" || no "rng: default" "$(latest)"
GSL_RNG_TYPE=taus2 "$VAE_LAB" $one >/dev/null 2>&1
[ "$(latest)" = taus2 ] && ok "rng: GSL_RNG_TYPE beats the script" || no "rng: GSL_RNG_TYPE" "$(latest)"
GSL_RNG_TYPE=taus2 "$VAE_LAB" $one --set rng=mt19937 >/dev/null 2>&1
[ "$(latest)" = mt19937 ] && ok "rng: --set beats GSL_RNG_TYPE" || no "rng: --set" "$(latest)"
[ "$(recorded "select group_concat(value) from (select value from param where name = 'rng' order by value)")" = mt19937,taus2 ] &&
    ok "rng: one that is not the default is a recorded setting" || no "rng: setting" "$(recorded "select run, value from param where name = 'rng'")"
[ "$(recorded 'select count(distinct digest) from runs')" = 3 ] && ok "rng: each generator gives other weights" ||
    no "rng: weights" "$(recorded 'select digest from runs')"
nll() { sqlite3 "$1" "select printf('%.17g', value) from last_values v join run r on r.id = v.run where metric = 'test/nll' and r.plan ->> '$.rng' = 'mt19937'"; }
sed 's/samples = 20, /samples = 30, /' tiny.lua >later.lua
later="run later.lua --set beta=1 --set seed=1 --set rng=mt19937 --quiet"
"$VAE_LAB" $later >/dev/null 2>&1
VAE_LAB_DB=$scratch/at_once.db "$VAE_LAB" $later >/dev/null 2>&1
[ -n "$(nll "$VAE_LAB_DB")" ] && [ "$(nll "$VAE_LAB_DB")" = "$(nll "$scratch/at_once.db")" ] &&
    ok "rng: a later evaluation draws with the run's generator" || no "rng: later evaluation" "$(nll "$VAE_LAB_DB"), $(nll "$scratch/at_once.db")"

# ---- the experiment on generators, small: RANDU's planes are measured and drawn
"$VAE_LAB" run "$root/experiments/generators.lua" --set data.train=200 --set data.test=50 --set epochs=1 --set seed=1 --set rng=philox4x32,randu \
    --quiet >out 2>&1
grep -q "holds *generators: RANDU's triples lie on planes" out && grep -q "holds *generators: the triples of philox do not" out &&
    ok "generators: RANDU's planes are measured" || { no "generators: planes" "see below"; cat out; }
check "generators: the triples are drawn" 0 'triples.png' -- "$VAE_LAB" figures "$root/experiments/generators.lua" --out generators --format png
