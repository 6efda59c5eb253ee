#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A sweep in parts (--shard, SLURM, Open MPI), and one database out of many (merge).
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
sed 's/evaluate = {/claims = { lab.claim { "a KL divergence is not negative", metric = "test\/kl", where = { beta = 1 }, at_least = 0 } },\n  evaluate = {/
    s/name     = "tiny"/name     = "short"/; s/train = 1000, test = 300/train = 200, test = 100/; s/examples = 300/examples = 50/' tiny.lua >short.lua
seeds='--set seed=1,2,3'

# ---- which part
identities() { "$VAE_LAB" run short.lua $seeds --dry-run --calibrate 0 --json "$@" 2>said | grep -o '"identity": *"[0-9a-f]*"'; }
identities | sort >whole
[ "$(wc -l <whole)" = 6 ] || no "the whole sweep" "$(cat whole said)"
for n in 1 2 3 4 7; do
    i=1; : >parts
    while [ $i -le $n ]; do identities --shard $i/$n >part; wc -l <part >>sizes.$n; cat part >>parts; i=$((i + 1)); done
    sort parts | cmp -s - whole && [ $(($(sort -n sizes.$n | tail -1) - $(sort -n sizes.$n | head -1))) -le 1 ] &&
        ok "$n parts: each run once, of equal sizes" || no "$n parts" "$(cat parts)"
done
identities --shard 2/3 >want
part() { want_said=$1; shift; env "$@" "$VAE_LAB" run short.lua $seeds --dry-run --calibrate 0 --json 2>said | grep -o '"identity": *"[0-9a-f]*"' >part
    cmp -s part want && grep -q "$want_said" said && ok "part 2 of 3: $want_said" || no "part 2 of 3: $want_said" "$(cat part said)"; }
array='SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=4 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=3'
part 'task 2 of SLURM array 17: part 2/3 of the sweep: 2 of 6 runs' $array SLURM_ARRAY_TASK_ID=2
part 'process 2 of 3 of an srun step: part 2/3' SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=3
part 'process 2 of 3 of an Open MPI job: part 2/3' OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=3 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2
identities --shard 4/6 >want
part 'task 7 of SLURM array 17, process 2 of 2 of an srun step: part 4/6' SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_MIN=6 SLURM_ARRAY_TASK_MAX=8 \
    SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2
SLURM_NTASKS=4 SLURM_PROCID=0 identities | sort | cmp -s - whole && ok "a batch script of several tasks is one process" || no "batch script" "$(cat said)"
check "an array with gaps is refused" 2 'from 1 to 7' '--shard' -- env SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 \
    SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=3 "$VAE_LAB" run short.lua --dry-run
env $array SLURM_ARRAY_TASK_ID=2 "$VAE_LAB" run short.lua $seeds --dry-run --calibrate 0 --json --shard 1/1 2>/dev/null | grep -c identity | grep -qx 6 &&
    ok "--shard beats the environment" || no "--shard" "beaten by the environment"
for bad in 0/3 4/3 3 1/0 -1/3 1/2/3 1/x ''; do check "--shard '$bad' is refused" 2 'not a part of a sweep' 'I/N' -- "$VAE_LAB" run short.lua --shard "$bad"; done

# ---- run in parts, merged
"$VAE_LAB" run short.lua $seeds --db serial.db --quiet >out 2>&1
for i in 1 2 3; do
    check "part $i is run" 0 "part $i/3 of the sweep: 2 of 6 runs" '2 runs executed' -- "$VAE_LAB" run short.lua $seeds --shard $i/3 --db part$i.db
done
grep -qE '^(holds|refuted|undecided)' out && no "claims of a part" "judged" || ok "claims are not judged in a part"
[ "$(sqlite3 part2.db 'select part from sweep')" = 2/3 ] && ok "a part's sweep says which part it was" || no "sweep.part" "$(sqlite3 part2.db 'select * from sweep')"
check "more parts than runs: a part may be empty" 0 'part 5/5 of the sweep: 0 of 1 runs' -- "$VAE_LAB" run short.lua --set seed=1 --set beta=1 --shard 5/5 --db none.db
[ ! -e none.db ] && ok "an empty part makes no database" || no "an empty part" "made a database"
check "merge" 0 'part1.db +2 +0 +0 +0 +0 +0 +4 +0$' -- "$VAE_LAB" merge merged.db part1.db part2.db part3.db
check "after the merge nothing is left to run, and the claims are judged" 0 '0 runs executed, 6 done before' '^(holds|undecided) ' -- "$VAE_LAB" run short.lua $seeds --db merged.db
record serial.db >want
record merged.db | cmp -s - want && [ "$(grep -c ^claim want)" = 1 ] && ok "merged parts equal the serial sweep, row for row" || no "merged" "$(record merged.db | diff - want | head -5)"
sqlite3 merged.db .dump >before
check "merged again: nothing new" 0 'part3.db +0 +0 +0 +2 +0 +0 +0 +0$' -- "$VAE_LAB" merge merged.db part3.db part1.db part2.db
sqlite3 merged.db .dump | cmp -s - before && ok "merging twice changes nothing" || no "merging twice" "$(sqlite3 merged.db .dump | diff - before | head -5)"
check "another order" 0 -- "$VAE_LAB" merge other.db part3.db part1.db part2.db part1.db
"$VAE_LAB" run short.lua $seeds --db other.db --quiet >out 2>&1
record other.db | cmp -s - want && ok "the order of the parts does not matter" || no "order" "$(record other.db | diff - want | head -5)"
check "whole sweeps come with their verdicts" 0 'serial.db +6 .* 1$' -- "$VAE_LAB" merge whole.db serial.db
record whole.db | cmp -s - want && ok "a copy by merge" || no "a copy by merge" "$(record whole.db | diff - want | head -5)"
[ "$(sqlite3 whole.db "select count(*) from environment where name = 'host'")" = 6 ] && [ -z "$(sqlite3 whole.db 'pragma foreign_key_check')" ] &&
    ok "each run keeps its host" || no "provenance" "$(sqlite3 whole.db 'select * from environment' | head -5)"
check "a merged run is reproduced" 0 'reproduced' -- "$VAE_LAB" reproduce 3 --db merged.db

"$VAE_LAB" run short.lua --set seed=1 --shard 1/2 --db alone.db --quiet >out 2>&1
[ "$(sqlite3 alone.db "select count(*) = 1 and max(t.value = c.value) from environment t join environment c using (run) where t.name = 'threads' and
    c.name = 'cores usable'")" = 1 ] && ok "the only run of a part has all threads" || no "threads of a part" "$(sqlite3 alone.db 'select name, value from environment')"

# ---- unfinished runs
sed 's/epochs = 3/epochs = 40000/' short.lua >long.lua
one='--set seed=1 --set beta=1'
VAE_LAB_DB=$scratch/busy.db
"$VAE_LAB" run long.lua $one --db busy.db >busy 2>&1 &
pid=$!
until_sql "select count(*) > 3 from metric join metric_name on id = metric where name = 'train/kl'" 1
check "a run at work is left alone" 0 'busy.db +0 +0 +0 +0 +1 ' '1 run is at work' -- "$VAE_LAB" merge at_work.db busy.db
kill -TERM $pid; wait $pid
check "an unfinished run comes with its state" 0 'busy.db +0 +0 +1 ' 'resumes it' -- "$VAE_LAB" merge at_work.db busy.db
[ "$(sqlite3 at_work.db "select status, (select step from checkpoint) = (select step from c.checkpoint) from run" -cmd "attach 'busy.db' as c")" = 'interrupted|1' ] &&
    ok "its checkpoint is the part's" || no "checkpoint" "$(sqlite3 at_work.db 'select status from run; select step from checkpoint')"
"$VAE_LAB" run long.lua $one --db busy.db >busy 2>&1 &
pid=$!
step=$(sqlite3 at_work.db 'select step from checkpoint')
until_sql "select status from run" running
sleep 0.3; kill -TERM $pid; wait $pid
check "a state that is further replaces an earlier one" 0 'busy.db +0 +0 +1 ' -- "$VAE_LAB" merge at_work.db busy.db
[ "$(sqlite3 at_work.db "select step > $step from checkpoint")" = 1 ] && ok "the later state is there" || no "later state" "$(sqlite3 at_work.db 'select step from checkpoint') after $step"
sed 's/epochs = 40000/epochs = 60/' long.lua >middle.lua
"$VAE_LAB" run middle.lua $one --db straight.db --quiet >out 2>&1
VAE_LAB_DB=$scratch/halves.db
"$VAE_LAB" run middle.lua $one --db halves.db --quiet >out 2>&1 &
pid=$!
until_sql "select count(*) > 3 from metric join metric_name on id = metric where name = 'train/kl'" 1
kill -TERM $pid 2>/dev/null; wait $pid
check "a run of a part is finished in the merged database" 0 -- "$VAE_LAB" merge finished.db halves.db
check "it resumes" 0 '1 (resumed|done before)' -- "$VAE_LAB" run middle.lua $one --db finished.db
record straight.db >want
record finished.db | cmp -s - want && ok "resumed after a merge: the same digest and curves" || no "resumed after a merge" "$(record finished.db | diff - want | head -5)"
check "a finished run completes an unfinished one" 0 'straight.db +0 +[01] +0 +[01] ' -- "$VAE_LAB" merge halves.db straight.db
record halves.db | cmp -s - want && ok "completed by the merge: the same record" || no "completed" "$(record halves.db | diff - want | head -5)"

# ---- conflicts
cp part1.db wrong.db
sqlite3 wrong.db "update run set digest = replace(digest, substr(digest, 1, 8), '00000000') where id = 1"
sqlite3 merged.db .dump >before
check "equal identities with different digests are a conflict" 1 'conflict: short, beta=[01], seed [0-9]: the digest of the weights differs' 'here +[0-9a-f]{64}' 'there +00000000' \
    'differs' 'vae-lab reproduce' 'wrong.db +0 +0 +0 +1 +0 +1 +0 +0$' -- "$VAE_LAB" merge merged.db wrong.db
sqlite3 merged.db .dump | cmp -s - before && ok "a conflict changes nothing" || no "conflict" "$(sqlite3 merged.db .dump | diff - before | head -5)"
cp part1.db wrong.db
sqlite3 wrong.db "update metric set value = value + 1e-12 where run = 2 and step = 2 and metric = (select id from metric_name where name = 'test/kl')"
check "a curve that differs in its last digit is a conflict" 1 'test/kl, step 2 differs' 'wrong.db +0 +0 +0 +1 +0 +1 ' -- "$VAE_LAB" merge merged.db wrong.db
cp part1.db wrong.db
sqlite3 wrong.db "update metric set value = value + 1e-9 where run = 2 and step = 0 and metric = (select id from metric_name where name = 'test/nll')"
check "an evaluation that differs is a conflict" 1 'test/nll, step 0 differs' -- "$VAE_LAB" merge merged.db wrong.db
sqlite3 merged.db .dump | cmp -s - before && ok "conflicts in curves change nothing" || no "conflict" "$(sqlite3 merged.db .dump | diff - before | head -5)"
sed 's/samples = 20/samples = 30/' short.lua >options.lua
"$VAE_LAB" run options.lua $seeds --db options.db --quiet >out 2>&1
check "an evaluation with other options stays" 0 'options.db +0 +0 +0 +6 +0 +0 +0 +1$' -- "$VAE_LAB" merge merged.db options.db
[ "$(sqlite3 merged.db "select distinct value from evaluation_option where evaluation = 'nll' and name = 'samples'")" = 20 ] && ok "its options are as they were" || no "options" "changed"
sed 's/lab.eval.nll/lab.eval.elbo { samples = 3 }, lab.eval.nll/' short.lua >more.lua
"$VAE_LAB" run more.lua $seeds --db more.db --quiet >out 2>&1
check "an evaluation that was missing is added" 0 'more.db +0 +0 +0 +6 +0 +0 +6 ' -- "$VAE_LAB" merge merged.db more.db

# ---- older, foreign and damaged parts
for v in 1 4 5; do
    rm -f older.db out.db*; sqlite3 older.db <"$root/tests/golden/schema_$v.dump"
    cp older.db kept.db
    check "a part of version $v" 0 'older.db +4 ' -- "$VAE_LAB" merge out.db older.db
    cmp -s older.db kept.db && ok "the part of version $v is as it was" || no "version $v" "the part was changed"
    cp "$root/tests/golden/old.lua" .
    check "merged from version $v: nothing to do" 0 '0 runs executed, 4 done before' -- "$VAE_LAB" run old.lua --set seed=1,2 --db out.db
done
head -c 20000 part1.db >cut.db; echo text >text.db
check "bad parts are named, the others merged" 4 'cut.db' 'text.db' 'missing.db' '3 of 4 parts could not be merged' 'part2.db +2 ' -- "$VAE_LAB" merge some.db cut.db text.db missing.db part2.db
cp part1.db orphans.db; sqlite3 orphans.db "pragma foreign_keys = off; delete from experiment"
check "a part whose rows refer to missing ones" 4 'no experiment' 'part orphans.db' -- "$VAE_LAB" merge some.db orphans.db
[ "$(sqlite3 some.db 'select count(*) from run; pragma foreign_key_check')" = 2 ] && ok "nothing of it is merged" || no "orphans" "$(sqlite3 some.db 'select * from run')"
check "a database into itself" 4 'into itself' -- "$VAE_LAB" merge part1.db ./part1.db
check "no part" 2 'at least one part' -- "$VAE_LAB" merge part1.db
check "--json" 0 '"part": "part1.db", "added": 2' -- "$VAE_LAB" merge json.db part1.db --json

# ---- interrupted merges
for ms in 05 10 15 20 25 30 40 60; do
    timeout -s KILL 0.0$ms "$VAE_LAB" merge killed.db more.db serial.db >out 2>&1
    whole=$([ ! -s killed.db ] || sqlite3 -cmd '.timeout 60000' killed.db 'pragma integrity_check; pragma foreign_key_check' 2>&1) # it may be dying yet
    [ "${whole:-ok}" = ok ] || no "killed after $ms ms" "$whole"
done
"$VAE_LAB" merge killed.db more.db serial.db >out 2>&1
"$VAE_LAB" merge straight_merge.db more.db serial.db >out 2>&1
record straight_merge.db >want
record killed.db | cmp -s - want && ok "a merge that was killed is continued by the same command" || no "killed" "$(record killed.db | diff - want | head -5)"

# ---- what a sweep will take
plan() { "$VAE_LAB" run short.lua $seeds --dry-run --json --db "$@" 2>said; }
plan new.db >out
[ "$(grep -cE '"seconds": [0-9.e-]+, "evaluation_seconds": null, "memory_mb": [0-9.e-]+, "disk_mb": [0-9.e-]+' out)" = 6 ] &&
    grep -qE '^6 runs: training [0-9]+:[0-9]{2} with [0-9]+ threads? each .*not known before' said && [ ! -e new.db ] &&
    ok "--dry-run: time, memory and disk of each run; nothing is recorded" || no "--dry-run" "$(cat out said)"
plan serial.db >out
[ "$(grep -cE '"evaluation_seconds": [0-9.e-]+' out)" = 6 ] && grep -q 'as recorded before' said && ok "the time of evaluations comes from the record" ||
    no "evaluation_seconds" "$(cat out said)"
plan serial.db --calibrate 0 >out
[ "$(grep -c '"seconds": null' out)" = 6 ] && grep -q 'was not measured' said && ok "--calibrate 0 measures nothing" || no "--calibrate 0" "$(cat out said)"
plan serial.db --tasks 4 >out
grep -qE '^4 tasks that run one at a time: [0-9]+:[0-9]{2} for the longest$' said && ok "--tasks: the longest part" || no "--tasks" "$(cat said)"
plan new.db >out
estimated=$(grep '"label": "beta=1"' out | head -1 | sed 's/.*"disk_mb": \([0-9.e-]*\).*/\1/')
recorded=$(sqlite3 serial.db "select 1e-6 * (length(bytes) + 25 * (select count(*) from metric where run = a.run and step > 0)) from artifact a where name = 'weights' and
    run = (select id from run where label = 'beta=1' limit 1)")
[ "$(sqlite3 :memory: "select abs($estimated - $recorded) < 1e-9")" = 1 ] && ok "the estimate of curves and weights is what a run records" ||
    no "disk_mb" "$estimated estimated, $recorded recorded"
