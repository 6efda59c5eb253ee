#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vae-lab run --copy: a copy of the database is made, renewed, and restored where the database is missing; kills, full disks and
# missing folders leave the old copy whole.
. "$(dirname "$0")/common.sh.inc"
sed 's/train = 1000, test = 300/train = 500, test = 100/; s/  evaluate = .*//' "$root/tests/e2e/tiny.lua" >tiny.lua
spawned=
trap 'kill -9 $spawned 2>/dev/null; rm -rf "$scratch"' EXIT

part=far/away/part.db # the folders are made
command="run tiny.lua --set beta=1 --threads 1 --jobs 2 --copy $part"
whole() { [ "$(sqlite3 "$1" 'pragma integrity_check; pragma foreign_key_check')" = ok ]; }
digests() { sqlite3 "$1" "select group_concat(seed || status || coalesce(digest, '')) from (select * from run order by seed)"; }
alone() { [ "$(ls -A "$(dirname "$1")")" = "$(basename "$1")" ]; }
at_epoch() { until_sql "select count(*) >= $1 from curves where metric = 'train/elbo' and seed = 1" 1; }
forget() { rm -f "$VAE_LAB_DB"*; }
stop() { kill -"$1" "$2"; wait "$2" 2>/dev/null; }

# ---- made, and used by all readers
check "run --copy" 0 '2 runs executed' -- "$VAE_LAB" $command
[ "$(digests $part)" = "$(digests results.db)" ] && whole $part && ok "the copy has all runs" || no "the copy" "$(digests $part)"
[ "$(sqlite3 $part 'pragma journal_mode')" = delete ] && alone $part && ok "the copy is one file, without a log" || no "the copy" "$(ls -A far/away)"
check "the copy is read as a database" 0 'done' -- "$VAE_LAB" runs --db $part
chmod a-w $part far/away
before=$(sha256sum $part)
check "the copy is read in a folder that cannot be written" 0 'done' -- "$VAE_LAB" runs --db $part
chmod u+w $part far/away
[ "$(sha256sum $part)" = "$before" ] && alone $part && ok "reading leaves the copy as it is" || no "reading the copy" "changed"

check "the copy is read on a network file system" 0 'done' -- env VAE_LAB_DB_NETWORK=0 "$VAE_LAB" runs --db $part
check "a database in use is not" 4 'network file system' -- env VAE_LAB_DB_NETWORK=0 "$VAE_LAB" runs
cp $part part.db; echo 'a journal' >part.db-journal
check "nor is a copy with a journal" 4 'was not closed: part of it is in .*part.db-journal' -- env VAE_LAB_DB_NETWORK=0 "$VAE_LAB" runs --db part.db
rm part.db*

# ---- restored
forget
check "run --copy: the database is made from its copy" 0 'was made from its copy' '0 runs executed, 2 done before' -- "$VAE_LAB" $command
: >empty.db
check "run --copy: an empty database too" 0 'was made from its copy' '2 done before' -- "$VAE_LAB" $command --db empty.db
check "run --copy: a database that has all that the copy has" 0 '^0 runs executed, 2 done before' -- "$VAE_LAB" $command
[ "$(sqlite3 results.db 'pragma journal_mode')" = wal ] && ok "the restored database keeps a log again" || no "restored" "$(sqlite3 results.db 'pragma journal_mode')"
"$VAE_LAB" run tiny.lua --set beta=0 --set seed=1 --db other.db --quiet >/dev/null 2>&1
before=$(sha256sum $part)
check "run --copy: a copy with runs that the database lacks is not replaced" 4 'the copy holds more than the database' 'vae-lab merge' -- "$VAE_LAB" $command --db other.db
cp results.db behind.db
sqlite3 behind.db "update run set status = 'interrupted' where seed = 1"
check "run --copy: nor where a run of the database is not as far" 4 'the copy holds more than the database' -- "$VAE_LAB" $command --db behind.db
[ "$(sha256sum $part)" = "$before" ] && ok "that copy is as it was" || no "refused copies" "$(digests $part)"
check "run --copy: the database itself" 2 'the same file' -- "$VAE_LAB" run tiny.lua --copy ./results.db
check "run --copy-every without --copy" 2 'needs --copy' -- "$VAE_LAB" run tiny.lua --copy-every 5
echo text >text; sqlite3 foreign.db 'create table t (x)'
forget
check "run --copy: a file that is no database" 4 'not a SQLite database' 'text$' -- "$VAE_LAB" run tiny.lua --copy text
check "run --copy: a database of another application" 4 'another application' 'foreign.db' -- "$VAE_LAB" run tiny.lua --copy foreign.db
[ "$(cat text)" = text ] && [ "$(ls -A | grep -c 'results.db')" = 0 ] && ok "neither is changed, and no database is made" || no "foreign copies" "$(ls -A)"
: >results.db-wal; echo log >>results.db-wal
check "run --copy: the log of a database that is gone" 4 'missing, but not its log' 'results.db-wal' -- "$VAE_LAB" $command
forget
for version in 1 3; do
    rm -f old.db; sqlite3 old.db <"$root/tests/golden/schema_$version.dump"
    check "run --copy: restored from version $version" 0 'was made from its copy' -- "$VAE_LAB" run tiny.lua --set seed=1 --set epochs=1 --copy old.db
    forget
done

# ---- renewed while the sweep runs; lost with the machine; resumed to the same digest
some="--set epochs=40 --set seed=1,2"
VAE_LAB_DB=$scratch/straight.db "$VAE_LAB" run tiny.lua --set beta=1 --threads 1 --jobs 2 $some --quiet >/dev/null 2>&1
rm -r far
setsid "$VAE_LAB" $command --set epochs=1000000 --set seed=1,2 --copy-every 1 >held 2>&1 &
pid=$! spawned="$spawned $!"
renewed() { i=0; until [ "$(sqlite3 $part "select count(*) > $1 from metric" 2>/dev/null)" = 1 ]; do i=$((i + 1)); [ $i -lt 200 ] || return 1; sleep 0.05; done; }
renewed 0 && first=$(sqlite3 $part 'select count(*) from metric') && renewed "$first" && whole $part && ok "the copy is renewed while the sweep runs" ||
    { no "renewed" "$(ls -A far/away)"; cat held; }
kill -9 -$pid; wait $pid 2>/dev/null
[ "$(sqlite3 $part 'select group_concat(status) from run')" = running,running ] && ok "the copy has runs at work" || no "copy of runs at work" "$(digests $part)"
forget; rm -r far

# a signal ends the sweep: the copy has the last step
"$VAE_LAB" $command $some --quiet >held 2>&1 &
pid=$! spawned="$spawned $!"
at_epoch 3; stop TERM $pid
[ "$(digests $part)" = "$(digests results.db)" ] && sqlite3 $part 'select status from run' | grep -q interrupted && alone $part &&
    ok "SIGTERM: the copy has the state in which the sweep stopped" || { no "SIGTERM" "$(digests $part), $(digests results.db)"; cat held; }

# another machine: the host's name is another, and the lease of the holder has not expired
forget
sqlite3 $part "update run set status = 'running', process = 1, host = 'elsewhere', boot = 'x', heartbeat = strftime('%s', 'now') + 0 where seed = 1"
check "a run that a process elsewhere held when the copy was made is resumed" 0 'was made from its copy' '2 resumed|1 run executed, 1 resumed' -- "$VAE_LAB" $command $some
[ "$(digests results.db)" = "$(digests straight.db)" ] && [ "$(digests $part)" = "$(digests straight.db)" ] && ok "it ends with the same digests" ||
    no "digests" "$(digests results.db), $(digests straight.db)"

# ---- kill -9 while it is copied, and a full disk
sqlite3 results.db 'create table ballast (x); insert into ballast select zeroblob(60000000)' # a copy of 60 MB takes a while
before=$(sha256sum $part)
caught=0 bad=
for try in 1 2 3 4 5 6; do
    "$VAE_LAB" $command $some --quiet >/dev/null 2>&1 &
    pid=$! spawned="$spawned $!"
    i=0; until ls far/away/part.db.* >/dev/null 2>&1 || [ $i -gt 200 ]; do i=$((i + 1)); sleep 0.01; done
    stop 9 $pid
    ls far/away/part.db.* >/dev/null 2>&1 && caught=$((caught + 1))
    rm -f far/away/part.db.*
    [ "$(sha256sum $part)" = "$before" ] || { whole $part && [ "$(digests $part)" = "$(digests results.db)" ]; } || bad="$bad $try"
done
[ -z "$bad" ] && [ $caught -gt 0 ] && ok "kill -9 while the database is copied leaves a whole copy" || no "kill -9 of the copy" "damaged:$bad, caught $caught"
rm -f $part; "$VAE_LAB" $command $some --quiet >/dev/null 2>&1
before=$(sha256sum $part)
(trap '' XFSZ; ulimit -f 20000; "$VAE_LAB" $command $some) >out 2>&1
code=$?
{ [ $code = 4 ] || [ $code = 5 ]; } && grep -qE 'disk is full|file system failed' out && grep -q 'the copy of' out && grep -q '2 done before' out &&
    [ "$(sha256sum $part)" = "$before" ] && alone $part && ok "a full disk: an error after the results, the old copy stays" || { no "full disk" "exit status $code"; cat out; }

# ---- a folder that is gone
sqlite3 results.db 'drop table ballast; vacuum'; rm -r far
"$VAE_LAB" $command --set epochs=1000000 --set seed=5 --copy-every 1 >held 2>&1 &
pid=$! spawned="$spawned $!"
i=0; until [ -e $part ] || [ $i -gt 200 ]; do i=$((i + 1)); sleep 0.05; done
rm -r far
i=0; until grep -q 'not renewed' held || [ $i -gt 100 ]; do i=$((i + 1)); sleep 0.05; done
stop INT $pid
[ "$(grep -c 'the copy was not renewed, and is tried again in 1 s: cannot write a file' held)" -ge 1 ] && ok "a missing folder: a warning while the sweep runs" ||
    { no "missing folder" "no warning"; cat held; }
grep -q 'vae-lab: cannot write a file' held && grep -q 'to resume:' held && [ "$(sql "select status from run where seed = 5")" = interrupted ] &&
    ok "a missing folder: said at the end, beside the interruption" || { no "missing folder" "at the end"; cat held; }
: >file
check "a folder that cannot be made: an error before anything runs" 5 'cannot (make the folder of the copy|write a file)' -- "$VAE_LAB" run tiny.lua --set seed=9 --copy file/part.db
[ "$(sql 'select count(*) from run where seed = 9')" = 0 ] && ok "nothing has run" || no "a folder that cannot be made" "runs were made"
