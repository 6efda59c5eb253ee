#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which process holds a run: killed processes, renamed hosts, containers, expired leases, release, SIGHUP, nohup, a sweep whose process dies.
. "$(dirname "$0")/common.sh.inc"
unset VAE_LAB_LEASE
spawned=
trap 'kill -9 $spawned 2>/dev/null; rm -rf "$scratch"' EXIT # workers end with their sweep
sed 's/train = 1000, test = 300/train = 2000, test = 100/; s/  evaluate = .*//' "$root/tests/e2e/tiny.lua" >tiny.lua

command="run tiny.lua --set beta=1 --threads 1 --jobs 2"
endless="--set epochs=1000000"
status() { sql "select group_concat(status) from (select status from run where superseded_by is null order by seed)"; }
shown() { "$VAE_LAB" sql "select group_concat(status) as s from (select status from run where superseded_by is null order by seed)" --csv | tail -1 | tr -d '"'; }
at_work() { until_sql "select count(*) > 3 from curves where metric = 'train/elbo' and seed = $1" 1; }
workers() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$1" '$4 == parent && $3 != "Z" { print $1 }'; }
alive() { [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
dead() { ! alive "$1"; }
# gone PID...: waits until these processes have ended
gone() { for p in "$@"; do until_true dead "$p" || return 1; done; }
# pause PID: stops a process while it does not write: a writer that is stopped in a commit keeps the database locked
pause() { until kill -STOP "$1" && sql 'begin immediate; rollback' 2>/dev/null; do kill -CONT "$1" || return 1; sleep 0.02; done; }
# ended PID: the exit status of a background process, which is killed if it does not end
ended() { gone "$1" || kill -9 "$1"; wait "$1"; }
new_database() { rm -f "$VAE_LAB_DB"*; }

# ---- the sweep's process is killed: its workers record their work and end; dead runs are shown as such without a write
"$VAE_LAB" $command $endless --set seed=1,2,3 --quiet >out 2>&1 &
pid=$! spawned="$spawned $!"
at_work 1; at_work 2
family=$(workers $pid)
kill -9 $pid
wait $pid 2>/dev/null
gone $family && ok "a sweep that is killed takes its workers along" || { no "workers" "still running: $family"; kill -9 $family; }
[ "$(status)" = interrupted,interrupted,queued ] && ok "the workers record why they stop" || no "workers: statuses" "$(status)"
before=$(sha256sum "$VAE_LAB_DB"* | sha256sum)
[ "$(shown)" = interrupted,interrupted,crashed ] && ok "a run that a dead process has queued is shown as crashed" || no "shown" "$(shown)"
check "runs: why a dead run is crashed" 0 "its process $pid on .* is gone" -- "$VAE_LAB" runs --where "status = 'crashed'" --csv
check "show: a dead run" 0 'status +crashed' "message .*its process $pid on .* is gone" -- "$VAE_LAB" show 3
check "run --dry-run: a dead run" 0 '(unfinished.*){1}' -- "$VAE_LAB" $command $endless --set seed=3 --dry-run
[ "$(sha256sum "$VAE_LAB_DB"* | sha256sum)" = "$before" ] && ok "looking at dead runs writes nothing" || no "looking" "the database has changed"

# ---- a run that is at work: every refusal names its holder
new_database
"$VAE_LAB" $command $endless --set seed=1,2 >held 2>&1 &
pid=$! spawned="$spawned $!"
at_work 1; at_work 2
holder='process [0-9]+ on host .*\(this (machine|container)\), last sign of life [0-9]+ s ago'
check "run: a run that is at work" 1 "not run: another process has it: $holder; vae-lab release [12] " -- "$VAE_LAB" $command $endless --set seed=1
check "run --fresh: a run that is at work" 1 "not run: another process has it: $holder" -- "$VAE_LAB" $command $endless --set seed=1 --fresh
check "run --dry-run: a run that is at work" 0 'running' "run [12] is held by $holder" -- "$VAE_LAB" $command $endless --set seed=1 --dry-run
check "show: a run that is at work" 0 'status +running' "holder +$holder" 'heartbeat' -- "$VAE_LAB" show 1
check "release: a run that is at work" 1 'run 1 is at work, and was not released' "$holder" 'kill [0-9]+' -- "$VAE_LAB" release 1

# ---- SIGHUP is as SIGTERM, for the whole family
family=$(workers $pid)
pause "${family%%[!0-9]*}" # one worker cannot stop yet when the second HUP comes: that must not kill it
kill -HUP $pid; sleep 0.3
kill -HUP $pid; sleep 0.3
kill -CONT "${family%%[!0-9]*}"
ended $pid
got=$?
[ $got = 129 ] && grep -q 'to resume:.* run .*tiny.lua.*epochs=1000000' held && ok "SIGHUP: status 129 and the command that resumes" || { no "SIGHUP" "status $got"; cat held; }
gone $family && [ "$(status)" = interrupted,interrupted ] && ok "SIGHUP: the runs are recorded as interrupted" || no "SIGHUP: statuses" "$(status)"

# ---- a scheduler signals every process of a job, and the job's script passes the signal on: one request
new_database
"$VAE_LAB" $command $endless --set seed=1 >held 2>&1 &
pid=$! spawned="$spawned $!"
at_work 1
worker=$(workers $pid)
pause "$worker" # it cannot stop yet when the second TERM comes: that must not kill it
kill -TERM $pid; sleep 0.2
kill -TERM $pid; sleep 0.3
kill -CONT "$worker"
ended $pid
[ $? = 143 ] && [ "$(status)" = interrupted ] && ok "SIGTERM twice within a second: one request" || no "SIGTERM twice" "$(status), $(sql 'select message from run')"

new_database
if command -v script >/dev/null; then
    TERM=xterm script -qc "$VAE_LAB $command $endless --set seed=1" /dev/null </dev/null >/dev/null 2>&1 &
    terminal=$! spawned="$spawned $!"
    at_work 1
    holder=$(sql 'select process from run')
    kill -9 $terminal
    wait $terminal 2>/dev/null
    gone "$holder" && [ "$(status)" = interrupted ] && ok "a terminal that closes interrupts its runs" || no "terminal" "$(status), $(sql 'select message from run')"
else
    skip "a terminal that closes" "there is no script command"
fi

new_database
nohup "$VAE_LAB" $command $endless --set seed=1 >held 2>&1 &
pid=$! spawned="$spawned $!"
at_work 1
kill -HUP $pid $(workers $pid)
sleep 0.3
alive $pid && [ "$(status)" = running ] && ok "nohup: SIGHUP is ignored" || no "nohup" "$(status)"

# ---- release --force: the process stops at its next write
check "release --force: takes the run" 0 'run 1 is released; it was held by process [0-9]+ on host' -- "$VAE_LAB" release --force 1
ended $pid
[ $? = 1 ] && grep -q 'left to another process after.*run 1 was released from this process' held && [ "$(status)" = interrupted ] &&
    ok "release --force: the process that held it stops" || { no "release --force" "$(status)"; cat held; }
check "release: a run that no process holds" 1 'no process holds run 1' 'status interrupted' -- "$VAE_LAB" release 1
check "release: a run that does not exist" 4 'there is no run 99' -- "$VAE_LAB" release 99
check "release: not a number" 2 'a run has a number' -- "$VAE_LAB" release one
check "release: no database" 4 'nothing.db' -- "$VAE_LAB" release 1 --db nothing.db
[ ! -e nothing.db ] && ok "release: makes no database" || no "release" "made a database"

# ---- kill -9 of all, and another name of the host: the process decides
renamed() { unshare --uts sh -c 'hostname elsewhere && exec "$@"' sh "$@"; }
new_database
if renamed true 2>/dev/null; then
    some="--set seed=1 --set epochs=150"
    VAE_LAB_DB=$scratch/whole.db "$VAE_LAB" $command $some --quiet >/dev/null 2>&1
    setsid "$VAE_LAB" $command $some --quiet >/dev/null 2>&1 &
    pid=$! spawned="$spawned $!"
    at_work 1
    pause "$(workers $pid)"
    check "another name of the host: a process that is alive, even stopped, keeps its run" 1 'process [0-9]+ on host' -- renamed "$VAE_LAB" $command $some
    kill -9 -$pid
    wait $pid 2>/dev/null
    check "another name of the host: the run of a dead process is continued" 0 '1 run executed|1 resumed' -- renamed "$VAE_LAB" $command $some
    [ "$(sql 'select digest from run')" = "$(sqlite3 whole.db 'select digest from run')" ] && ok "another name of the host: the same digest" ||
        no "another name of the host: digest" "$(sql 'select digest from run')"
else
    skip "another name of the host" "unshare --uts is not allowed here"
fi

# ---- another container: no process can be checked from here, the lease decides
container() { unshare --uts -pf --mount-proc sh -c 'hostname container && exec "$@"' sh "$@"; }
new_database
if container true 2>/dev/null; then
    "$VAE_LAB" $command $endless --set seed=1 >held 2>&1 &
    pid=$! spawned="$spawned $!"
    at_work 1
    there='another process has it: process [0-9]+ on host .*, its lease expires in'
    check "another container: a run that is at work" 1 "not run: $there" -- container "$VAE_LAB" $command $endless --set seed=1
    check "another container: --fresh of a run that is at work" 1 "not run: $there" -- container "$VAE_LAB" $command $endless --set seed=1 --fresh
    worker=$(workers $pid)
    pause "$worker"
    sleep 2.1
    VAE_LAB_LEASE=1 container "$VAE_LAB" $command $endless --set seed=1 >other 2>&1 &
    other=$! spawned="$spawned $!"
    until_sql "select lease from run" 2 && ok "another container: takes a run whose lease has expired" ||
        { no "another container: expired lease" "$(sql 'select status, lease, heartbeat, message from run')"; cat other; }
    kill -CONT "$worker"
    ended $pid
    [ $? = 1 ] && grep -qE 'left to another process after.*run 1 was taken over by process [0-9]+ on host container \(a container\)' held &&
        grep -q '0 runs executed, 1 left to another process' held && ok "a process that has lost its run stops, and says so" || { no "lost run" "see below"; cat held; }
    [ "$(status)" = running ] && ok "a process that has lost its run leaves it alone" || no "lost run: status" "$(status)"
    check "release: a run of another container" 0 'it was held by process [0-9]+ on host container \(a container\), last sign of life [0-9]+ s ago' -- "$VAE_LAB" release 1
    ended $other
    grep -q 'run 1 was released from this process' other && [ "$(status)" = interrupted ] && ok "release: the process in the container stops" ||
        { no "release: container" "$(status)"; cat other; }
    # without a /proc of its own, whose numbers are other processes
    new_database
    unshare -pf --kill-child sh -c '"$@" & exec "$@"' sh "$VAE_LAB" $command $endless --set seed=1 >held 2>&1 &
    pid=$! spawned="$spawned $!"
    until_sql "select count(*) from run" 1
    until_true grep -q 'not run: another process has it' held
    grep -qE 'another process has it: process [0-9]+ on host .*\(this container\)' held && [ "$(sql 'select lease from run')" = 1 ] &&
        ok "a PID namespace without its own /proc: one process gets the run" || { no "PID namespace without /proc" "$(sql 'select lease, status from run')"; cat held; }
    kill -9 $pid 2>/dev/null || true  # it may have ended by itself
else
    skip "another container" "unshare -pf is not allowed here"
fi
