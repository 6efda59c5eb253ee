#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vae-lab slurm without SLURM: what the script reserves, its quotes, and what it does with an sbatch and a scontrol that only note
# how they are called.  make check-slurm runs it on a real SLURM.
. "$(dirname "$0")/common.sh.inc"
unset SLURM_JOB_ID SLURM_ARRAY_TASK_ID SLURM_TMPDIR VAE_LAB_DB
command -v bash >/dev/null || { skip "vae-lab slurm" "there is no bash"; exit 0; }
mkdir bin "it's a study"
for command in sbatch scontrol; do
    printf '#!/bin/sh\nfor word in "$@"; do printf "[%%s]" "$word"; done >>%s\necho >>%s\necho "$((7 + $(wc -l <%s)));cluster"\n' \
        "'$scratch/calls'" "'$scratch/calls'" "'$scratch/calls'" >bin/$command
done
chmod +x bin/*
PATH=$scratch/bin:$PATH
cd "it's a study" || exit 1
sed 's/train = 1000, test = 300/train = 200, test = 50/; s/  evaluate = .*//; s/name     = "tiny"/name = "a-b"/' "$root/tests/e2e/tiny.lua" >"two words.lua"
write="slurm --calibrate 10"
named="--set data.train=100 --set seed=1,2,3 --set epochs=2"

# ---- what is written
check "slurm: an option that does not exist" 2 'did you mean' -- "$VAE_LAB" slurm "two words.lua" --task 3
check "slurm: a script that does not exist" 3 'cannot read the script' -- "$VAE_LAB" slurm no.lua
check "slurm: to standard output, a small sweep is one task" 0 '^#SBATCH --array=1-1$' '^#SBATCH --time=0:06:00$' '^#SBATCH --mem=512M$' \
    '^#SBATCH --cpus-per-task=1$' '^#SBATCH --requeue$' '^#SBATCH --signal=B:USR1@120$' '^# Estimated: 6 runs' -- "$VAE_LAB" $write "two words.lua" $named
check "slurm: to a file" 0 -- "$VAE_LAB" $write "two words.lua" $named --tasks 4 --cpus 3 --time 1-12 --partition 'a b' --data-dir "my data" --db "out/100% it's.db" -o "my script"
grep -qx '#SBATCH --array=1-4' "my script" && grep -qx '#SBATCH --time=1-12' "my script" && grep -qx "#SBATCH --partition='a b'" "my script" &&
    grep -qx '#SBATCH --cpus-per-task=3' "my script" && grep -q '^jobs=2 ' "my script" && ok "slurm: the options are in the script" || no "options" "$(head -40 "my script")"
grep -qxF '#SBATCH --output=out/a-b.parts/%x-%A_%a.log' "my script" && grep -qx '#SBATCH --job-name=a-b' "my script" && ok "slurm: names" || no "names" "$(grep SBATCH "my script")"
check "slurm: a file that exists is kept" 5 'exists already' -- "$VAE_LAB" $write "two words.lua" -o "my script"
mkdir 100%; check "slurm: SLURM's pattern" 0 '^#SBATCH --output=100%%/' -- "$VAE_LAB" $write "two words.lua" --db 100%/r.db
GSL_RNG_TYPE=mt19937 "$VAE_LAB" $write "two words.lua" 2>/dev/null | grep -q "'rng=mt19937'" && ok "slurm: the generator of the environment is in the script" || no "GSL_RNG_TYPE" "missing"
bash -n "my script" && ok "slurm: bash reads it" || no "bash -n" "syntax"
if command -v shellcheck >/dev/null; then
    shellcheck "my script" >"$scratch/out" && ok "slurm: shellcheck says nothing" || no "shellcheck" "$(cat "$scratch/out")"
fi

# ---- submitted
cd /
check "bash script: submits the array and the merge job" 0 'submitted: array job 8 with 4 task\(s\); merge job 9' -- bash "$scratch/it's a study/my script"
printf '%s\n' "[--parsable][$scratch/it's a study/my script][task]" \
    "[--parsable][--dependency=afterany:8,singleton][--array=1][--job-name=vae-lab-merge][$scratch/it's a study/my script][merge]" >"$scratch/want"
cmp -s "$scratch/calls" "$scratch/want" && ok "sbatch is called with quoted names" || no "sbatch" "$(cat "$scratch/calls")"
check "bash script: a wrong word" 2 'usage: bash' -- bash "$scratch/it's a study/my script" submit

# ---- as tasks and as the merge job
cd "$scratch/it's a study" || exit 1
export SLURM_TMPDIR="$scratch/node"
mkdir "$SLURM_TMPDIR"
bad=
for task in 1 2 3; do SLURM_JOB_ID=1$task SLURM_ARRAY_TASK_ID=$task bash "my script" >"log $task" 2>&1 || { bad="$bad $task"; cat "log $task"; }; done
[ -z "$bad" ] && [ "$(ls out/a-b.parts | tr '\n' ' ')" = "part-1.db part-2.db part-3.db " ] && ok "tasks write their parts" || no "tasks" "$bad $(ls out/a-b.parts)"
[ -z "$(ls -A "$SLURM_TMPDIR")" ] && ok "tasks leave nothing on the node's disk" || no "the node's disk" "$(ls -A "$SLURM_TMPDIR")"
check "the merge job: merges, and runs what is missing" 0 'part-3.db +1 ' '^1 run executed, 5 done before' -- \
    env SLURM_JOB_ID=20 SLURM_ARRAY_TASK_ID=1 bash "my script" merge
"$VAE_LAB" run "two words.lua" $named --db straight.db --quiet >/dev/null 2>&1
[ "$(sqlite3 "out/100% it's.db" 'select group_concat(digest) from (select digest from run order by identity)')" = "$(sqlite3 straight.db 'select group_concat(digest) from (select digest from run order by identity)')" ] &&
    ok "the merged record has the same digests" || no "digests" "differ"

# ---- stopped: queued again, but not for ever, and not when it was cancelled
"$VAE_LAB" $write "two words.lua" --set epochs=1000000 --set seed=1 --set beta=1 --db long/long.db -o long.slurm 2>/dev/null
# stop NUMBER SIGNAL RESTARTS: runs the task, sends its shell the signal once it trains; [OUT] log, calls, its exit status
stop() {
    : >"$scratch/calls"
    SLURM_JOB_ID=$1 SLURM_ARRAY_TASK_ID=1 SLURM_RESTART_COUNT=$3 bash long.slurm >log 2>&1 &
    shell=$!
    VAE_LAB_DB=$SLURM_TMPDIR/vae-lab-$(id -u)-$1/results.db until_sql "select count(*) > 3 from curves" 1
    if [ "$2" = KILL ]; then kill -KILL $(ps -o pid= --ppid $shell); else kill -"$2" $shell; fi
    wait $shell
}
stop 30 USR1 0; code=$?
[ $code = 0 ] && [ "$(cat "$scratch/calls")" = '[requeue][30]' ] && grep -q 'restart 1 of at most 20' log && ok "USR1, the time limit: queued again" || { no "USR1" "$code"; cat log; }
[ "$(sqlite3 long/a-b.parts/part-1.db 'select status from run')" = interrupted ] && ok "USR1: its state is in the copy" || no "USR1" "$(ls long/a-b.parts)"
stop 31 USR1 20; code=$?
[ $code = 143 ] && [ ! -s "$scratch/calls" ] && grep -q 'not queued again' log && grep -q 'was made from its copy' log && ok "USR1 after 20 restarts: not again" || { no "restarts" "$code"; cat log; }
stop 32 TERM 0; code=$?
[ $code = 143 ] && [ ! -s "$scratch/calls" ] && ok "TERM, a cancelled job: not queued again" || { no "TERM" "$code"; cat log; }
stop 33 KILL 0; code=$?
[ $code = 0 ] && [ "$(cat "$scratch/calls")" = '[requeue][33]' ] && ok "a killed vae-lab: queued again" || { no "KILL" "$code"; cat log; }
[ -z "$(ls -A "$SLURM_TMPDIR")" ] && ok "nothing is left on the node's disk" || no "the node's disk" "$(ls -A "$SLURM_TMPDIR")"
