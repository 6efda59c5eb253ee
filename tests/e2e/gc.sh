#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vae-lab gc: what it says, what it drops, what it leaves; kills, a full disk and a run at work beside it.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
narrow="--set beta=1 --set epochs=1"
for seed in 1 2 3; do "$VAE_LAB" run tiny.lua $narrow --set seed=$seed --quiet >/dev/null 2>&1; done
"$VAE_LAB" run tiny.lua $narrow --set seed=1 --fresh --quiet >/dev/null 2>&1
"$VAE_LAB" run tiny.lua $narrow --set seed=1 --fresh --quiet >/dev/null 2>&1 # 1 and 4 are superseded, 5 replaces them
record="select group_concat(run || metric || step || coalesce(value, kind)) from metric where run in (2, 3, 5)"
before=$(sql "$record")
cp results.db whole.db
rows() { sql "select (select count(*) from run) || ' ' || (select count(*) from artifact where name = 'weights') || ' ' || (select count(*) from posterior)"; }

# ---- what it says
check "gc: what could be dropped" 0 '^weights +3 +3 .* 2, 3, 5 +these runs cannot be evaluated' '^artifacts +3 ' '^superseded +2 .* 1, 4 ' 'nothing was dropped' -- "$VAE_LAB" gc
check "gc: --dry-run drops nothing" 0 '^weights +5 +5 +1.0 MB +1-5 ' -- "$VAE_LAB" gc --weights --dry-run
check "gc: asks, and without a terminal refuses" 2 '^weights ' 'not a terminal' '--yes' -- sh -c '"$0" gc --weights </dev/null' "$VAE_LAB"
[ "$(rows)" = "5 5 1500" ] && ok "nothing is dropped so far" || no "gc" "$(rows)"
check "gc: a misspelt experiment" 2 "did you mean 'tiny'" -- "$VAE_LAB" gc --weights --experiment tiyn --yes
check "gc: a wrong condition" 4 'the query is wrong' '--where elbo <$' -- "$VAE_LAB" gc --weights --where 'elbo <' --yes
check "gc: no such run" 4 'there is no run 9' -- "$VAE_LAB" gc --weights 9 --yes
check "gc: a condition cannot write" 4 -- "$VAE_LAB" gc --weights --yes --where "1); DELETE FROM run; SELECT (1"
check "gc: nothing that meets the condition" 0 'nothing to drop' -- "$VAE_LAB" gc --weights --yes --where 'seed > 9'
if command -v script >/dev/null; then
    (echo n) | script -qec "'$VAE_LAB' gc --weights 2" /dev/null >screen 2>&1
    grep -q 'Drop them' screen && grep -q 'nothing was dropped' screen && [ "$(rows)" = "5 5 1500" ] && ok "gc: no at the question drops nothing" || no "gc: no" "$(cat screen)"
    (echo y) | script -qec "'$VAE_LAB' gc --weights 2" /dev/null >screen 2>&1
    [ "$(rows)" = "5 4 1500" ] && ok "gc: yes at the question drops" || no "gc: yes" "$(cat screen)"
    cp whole.db results.db
fi

# ---- what it drops
check "gc: weights of one run" 0 '^dropped: 204.9 kB' 'before, .* now' -- "$VAE_LAB" gc --weights --where 'seed = 2' --yes
check "show: the weights were dropped" 0 '^weights +dropped$' -- "$VAE_LAB" show 2
check "export: the weights were dropped" 4 'weights of run 2 were dropped' '--fresh' -- "$VAE_LAB" export 2 -o w.npz
check "export: the curves are there" 0 -- "$VAE_LAB" export 2 -o w.csv
sed 's/samples = 20/samples = 30/' tiny.lua >more.lua
check "a new evaluation of it is refused" 1 'weights of run 2 were dropped' '--fresh' -- "$VAE_LAB" run more.lua $narrow --set seed=2
[ "$(sql "select status from run where id = 2")" = done ] && ok "the run stays done" || no "gc" "$(sql "select status from run where id = 2")"
check "gc: artifacts of a run with weights" 0 '^artifacts +1 ' -- "$VAE_LAB" gc --artifacts 3 --yes
[ "$(sql "select count(*) from posterior where run = 3")" = 0 ] && ok "its posteriors are gone" || no "gc --artifacts" "they are there"
check "the next run computes them again" 0 'evaluated' '0 runs executed, 1 done before' -- "$VAE_LAB" run tiny.lua $narrow --set seed=3
[ "$(sql "select count(*) from posterior where run = 3")" = 300 ] && ok "its posteriors are back" || no "gc --artifacts" "they are not"
check "gc: superseded runs" 0 '^superseded +2 .* 1, 4 ' -- "$VAE_LAB" gc --superseded --yes
[ "$(sql "select group_concat(id) from run")" = 2,3,5 ] && [ "$(sql "$record")" = "$before" ] && ok "all curves and numbers of the others are unchanged" || no "gc --superseded" "$(sql 'select id from run')"
[ "$(sql 'pragma integrity_check; pragma foreign_key_check')" = ok ] && ok "the database is whole" || no "gc" "it is damaged"
[ "$(wc -c <results.db)" -lt "$(($(wc -c <whole.db) * 2 / 3))" ] && ok "the file has shrunk" || no "gc" "$(wc -c whole.db results.db)"

# ---- a run at work, and an unfinished one
"$VAE_LAB" run tiny.lua --set beta=1 --set seed=7 --set epochs=1000000 --threads 1 --quiet >/dev/null 2>&1 &
pid=$!
until_sql "select count(*) > 3 from curves where metric = 'train/elbo' and run = (select max(id) from run)" 1
last=$(sql "select max(id) from run")
check "gc: a run at work is left" 0 "run $last is left as it is: its status is running" 'nothing to drop' -- "$VAE_LAB" gc --checkpoints --weights "$last" --yes
check "gc: beside a run at work" 0 '^dropped' -- "$VAE_LAB" gc --weights 5 --yes
kill -INT $pid
wait $pid
[ "$(sql "select status || (select count(*) from checkpoint) from run where id = $last")" = interrupted1 ] && ok "the run went on until it was stopped" || no "gc beside a run" "$(sql "select status, message from run where id = $last")"
check "gc: checkpoints of unfinished runs are kept" 0 'checkpoints of unfinished runs are kept: 1;' 'nothing to drop' -- "$VAE_LAB" gc --checkpoints --yes
check "gc: one that is named is dropped" 0 '^checkpoints +1 ' -- "$VAE_LAB" gc --checkpoints "$last" --yes
[ "$(sql "select count(*) from checkpoint")" = 0 ] && ok "its checkpoint is gone" || no "gc --checkpoints" "it is there"

# ---- kills and a full disk
bad=
for delay in 0.001 0.003 0.006 0.010 0.015 0.020 0.030; do
    cp whole.db results.db; rm -f results.db-wal results.db-shm
    timeout -s KILL $delay "$VAE_LAB" gc --weights --superseded --yes >/dev/null 2>&1
    now=$(rows); [ "$now" = "5 5 1500" ] || [ "$now" = "3 0 900" ] || bad="$bad $delay: $now;"
    [ "$(sql 'pragma integrity_check; pragma foreign_key_check')" = ok ] || bad="$bad $delay: damaged;"
done
[ -z "$bad" ] && ok "gc: after kill -9 all is dropped or nothing" || no "gc: kill -9" "$bad"
full() { # NAME OPTION KILOBYTES PATTERN ROWS: gc may write files of that size only
    cp whole.db results.db; rm -f results.db-wal results.db-shm
    (trap '' XFSZ; ulimit -f $(($3 * 2)); "$VAE_LAB" gc $2 --yes) >out 2>&1
    code=$?
    [ $code -eq 4 ] && grep -qE "$4" out && [ "$(rows)" = "$5" ] && [ "$(sql 'pragma integrity_check; pragma foreign_key_check')" = ok ] && ok "$1" || { no "$1" "exit status $code, rows $(rows)"; cat out; }
}
full "gc: no room to drop: nothing is dropped" --superseded 64 'disk is full|file system failed' "5 5 1500"
full "gc: no room for a copy: what was dropped is dropped" --weights 1536 'what was dropped is dropped' "5 0 1500"
check "gc: the free space is given back later" 0 'before, .* now' -- "$VAE_LAB" gc --vacuum
