#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/faults/stops.sh: sweeps of two jobs that are stopped (SIGSTOP) for longer than the lease of 120 s, and go on: alone;
# beside a second sweep that can see their process; beside one in another PID namespace, which cannot, and takes over their
# runs.  All three at the same time, since they only wait.  tests/faults/run starts it.
here=${FAULTS_HERE:?the folder tests/faults}
seconds=150
scratch=$(mktemp -d)
cleanup() { for g in $(cat "$scratch"/*.group 2>/dev/null); do kill -9 -"$g" 2>/dev/null; done; rm -rf "$scratch"; }
trap cleanup EXIT
cd "$scratch" || exit 2
cp "$here/short.lua" .
unset VAE_LAB_DB VAE_LAB_DATA VAE_LAB_LEASE GSL_RNG_TYPE

sweep="run short.lua --set epochs=1200 --set seed=1,2 --jobs 2 --threads 1 --quiet"
runs=4
results() {
    sqlite3 "$1" "select r.label, r.seed, r.status, r.digest, n.name, m.step, m.value, m.kind from metric m join run r on r.id = m.run
        join metric_name n on n.id = m.metric where n.name not like 'time/%' and r.superseded_by is null order by 1, 2, 5, 6"
}
done_runs() { sqlite3 "$1" "select count(*) from run where status = 'done'"; }
container() { unshare --uts -pf --mount-proc sh -c 'hostname container && exec "$@"' sh "$@"; }
# wait_for COMMAND…: at most 100 s
wait_for() { i=0; until "$@"; do i=$((i + 1)) && [ $i -lt 1000 ] || return 1; sleep 0.1; done; }
at_work() { [ "$(sqlite3 "$1" "select count(distinct run) from metric where step > 3" 2>/dev/null)" = 2 ]; }
# stop GROUP DATABASE: not within a commit, which would keep the database locked for the others
stop() { until kill -STOP -"$1" && sqlite3 "$2" 'begin immediate; rollback' 2>/dev/null; do kill -CONT -"$1" || return 1; sleep 0.05; done; }
lose() { echo "    lost ($kind): $1"; echo "$1" >>"$scratch/$name.lost"; }

# start NAME: the sweep, until both of its workers have recorded epochs
start() {
    setsid "$VAE_LAB" $sweep --db "$1.db" >"$1.out" 2>&1 &
    pid=$!
    echo $pid >"$1.group"
    wait_for at_work "$1.db" || lose "the sweep did not start: $(head -c 300 "$1.out")"
}
# expect STATUS TEXT: the sweep goes on and ends so
expect() {
    kill -CONT -$pid
    wait $pid
    got=$?
    [ $got = "$1" ] && grep -qE "$2" "$name.out" || lose "after SIGCONT: exit status $got, not $1: $(head -c 600 "$name.out")"
}
# other STATUS TEXT COMMAND…: a second sweep while the first is stopped
other() {
    want=$1 text=$2
    shift 2
    "$@" $sweep --db $name.db >$name.other 2>&1
    got=$?
    [ $got = "$want" ] && grep -qE "$text" $name.other || lose "a second sweep: exit status $got, not $want: $(head -c 600 $name.other)"
}
# afterwards: the same command ends with the results of the sweep that was never stopped
afterwards() {
    "$VAE_LAB" $sweep --db $name.db >$name.out 2>&1 || lose "the same command afterwards: $(head -c 300 $name.out)"
    results $name.db | cmp -s - reference.want || lose 'other results'
    [ "$(sqlite3 $name.db 'pragma integrity_check; pragma foreign_key_check')" = ok ] || lose 'the database is damaged'
    [ -z "$(ps -o pid= -s "$pid" 2>/dev/null)" ] || lose 'processes are left'
}

alone() {
    start alone
    kill -STOP -$pid # at any moment, also within a commit
    sleep $seconds
    expect 0 'beta=1'
    afterwards
}
seen() {
    start seen
    stop $pid seen.db
    sleep $seconds
    other 1 '2 running in another process' "$VAE_LAB" # the process is alive: it keeps its runs
    expect 0 'beta=1'
    afterwards
}
unseen() {
    start unseen
    stop $pid unseen.db
    sleep 60
    other 1 '2 running in another process' container "$VAE_LAB" # the two that were queued are free
    [ "$(done_runs unseen.db)" = 2 ] || lose 'the second sweep did not run what was queued'
    sleep $((seconds - 60))
    other 0 'beta=1' container "$VAE_LAB"
    [ "$(done_runs unseen.db)" = $runs ] || lose 'the second sweep did not take the runs over'
    results unseen.db >unseen.before
    expect 1 'left to another process after.*was taken over by process'
    results unseen.db | cmp -s - unseen.before || lose 'the sweep that lost its runs changed them'
    afterwards
}

"$VAE_LAB" $sweep --db reference.db >out 2>&1 || { echo "not ok stops: the sweep without a stop failed: $(head -c 300 out)"; exit 2; }
results reference.db >reference.want
names='alone seen unseen'
container true 2>/dev/null || { names='alone seen'; echo 'skip stops: another PID namespace: unshare -pf is not allowed here'; }
for name in $names; do
    kind="stops: $name"
    { $name; : >$name.ended; } &
done
wait
bad=0
for name in $names; do
    case $name in
        alone) kind="stops: STOP for $seconds s, CONT" ;;
        seen) kind="stops: STOP for $seconds s beside another sweep, CONT" ;;
        unseen) kind="stops: STOP for $seconds s beside a sweep in another PID namespace, CONT" ;;
    esac
    if [ -e $name.ended ] && [ ! -e $name.lost ]; then echo "ok $kind: 1 tried, 1 survived, 0 lost"; else echo "not ok $kind: 1 tried, 0 survived, 1 lost"; bad=1; fi
done
exit $bad
