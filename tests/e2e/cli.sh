#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Difficulties of a new user: interruptions, two processes at once, a narrow terminal, another folder, odd names, missing rights.
# Slow: starts first.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
one="--set seed=1 --set beta=1 --threads 1"
status_of() { sql "select status from run order by id desc limit 1"; }

# ---- near misses and messages
check "a misspelt option of the program" 2 "did you mean '--version'" -- "$VAE_LAB" --versoin
check "an option before the command" 2 'command comes first' -- "$VAE_LAB" --db x runs
check "an empty value" 2 'found +nothing' -- "$VAE_LAB" run tiny.lua --jobs=
check "too many threads" 2 'at most 1024' -- "$VAE_LAB" run tiny.lua --threads 100000
check "too many threads, in the environment" 2 'VAE_LAB_THREADS' 'at most 1024' -- env VAE_LAB_THREADS=100000 "$VAE_LAB" run tiny.lua
check "an experiment by its bare name" 3 'did you mean /.*/experiments/kl_ablation.lua' -- "$VAE_LAB" run kl_ablation
check "a value out of range names its run once" 3 'where +run 1, tiny.lua, beta=0, seed 1$' -- "$VAE_LAB" run tiny.lua --set batch=1000000 --dry-run
check "--set sweeps over seeds and the script's own settings" 0 'beta=3 +4' 'beta=5 +6' -- "$VAE_LAB" run tiny.lua --set seed=4,6 --set beta=3,5 --dry-run
check "a folder for data that is not there" 5 'no such folder' '--data-dir nowhere' -- "$VAE_LAB" data list --data-dir nowhere
check "data list shows which sets are here" 0 '^digits .* yes ' '^mnist .* no ' -- env VAE_LAB_DATA="$scratch" "$VAE_LAB" data list
check "doctor names the library" 0 '^ok +Lua library +/.*/lua' -- "$VAE_LAB" doctor
if [ ! -e /usr/local/share/vae-lab ]; then
    mkdir -p alone && cp "$VAE_LAB" alone/vae-lab
    check "a program without its library" 3 'vae_lab was not found' 'alone/lua' 'VAE_LAB_LUA' -- env -u VAE_LAB_LUA alone/vae-lab run tiny.lua
fi
check "doctor without the library" 3 '^missing +Lua library' -- env VAE_LAB_LUA="$scratch" "$VAE_LAB" doctor

# ---- two processes at once: neither breaks, repeats or takes the other's run
"$VAE_LAB" run tiny.lua $one --set epochs=600 --quiet >first 2>&1 &
first=$!
until_sql "select status from run order by id desc limit 1" running
check "a run that another process is running: not run, and reported" 1 'not run: another process' '0 runs executed, 1 running in another process' -- "$VAE_LAB" run tiny.lua $one --set epochs=600
wait $first && [ "$(sql 'select count(*) from run')" = 1 ] && ok "the other process finishes it, once" || no "two processes" "$(cat first)"
check "a wrong condition of runs" 4 'where +--where status=$' -- "$VAE_LAB" runs --where 'status='

# ---- Ctrl-C
sed 's/samples = 20, examples = 100/samples = 90000, examples = 300/' tiny.lua >slow.lua
"$VAE_LAB" run slow.lua $one --set epochs=1 >out 2>&1 &
pid=$!
until_sql "select count(*) from run where status = 'done' and epochs = 1" 1
sleep 0.3
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] && grep -q 'stopping' out && grep -q 'its evaluation starts again' out && [ "$(status_of)" = done ] &&
    ok "Ctrl-C in an evaluation: stops at once, the run is safe" || { no "Ctrl-C in an evaluation" "status $status"; cat out; }
check "afterwards only the evaluation is computed" 0 'evaluated in' '0 runs executed' -- "$VAE_LAB" run tiny.lua $one --set epochs=1
"$VAE_LAB" run tiny.lua --set beta=1 --set seed=5,6 --set epochs=100000 --jobs 1 --threads 1 >out 2>&1 &
pid=$!
until_sql "select count(*) > 20 from curves where metric = 'train/elbo' and run = (select min(id) from run where epochs = 100000)" 1
kill -INT $pid
wait $pid
[ "$(sql "select group_concat(status) from run where epochs = 100000")" = interrupted,interrupted ] &&
    ok "Ctrl-C: a run that had not begun is interrupted, not crashed" || no "Ctrl-C" "$(sql 'select status, message from run where epochs = 100000')"
grep -q '^0 runs executed, 2 interrupted, 1 of them before it began$' out && ok "Ctrl-C: the summary counts runs that had not begun" || { no "Ctrl-C: summary" "see below"; cat out; }
grep -qF "$VAE_LAB run tiny.lua" out && ok "the command that resumes names the program as it was called" || { no "resume command" "another name"; cat out; }

# ---- a signal while runs are queued: another program holds the lock
catches_int() { mask=$(sed -n 's/^SigCgt:[^0-9a-f]*//p' "/proc/$1/status" 2>/dev/null); [ $((0x${mask:-0} & 2)) != 0 ]; }
wait_for() { i=0; until "$@"; do i=$((i + 1)) && [ $i -lt 200 ] || return 1; sleep 0.05; done; }
ended() { ! kill -0 "$1" 2>/dev/null; }
mkfifo lock
sqlite3 "$VAE_LAB_DB" <lock >held &
exec 3>lock
echo "begin immediate; select 'locked';" >&3
wait_for grep -q locked held
queue="run tiny.lua --set beta=1 --set seed=7,8 --threads 1"
if [ -r /proc/self/status ]; then
    "$VAE_LAB" $queue >twice 2>&1 &
    pid=$!
    wait_for catches_int $pid
    kill -INT $pid; sleep 0.2; kill -INT $pid
    wait_for ended $pid && ! grep -q 'stopped by a signal' twice && ok "Ctrl-C twice while runs are queued ends at once" || { no "Ctrl-C twice in the queue" "see below"; kill -9 $pid; cat twice; }
    "$VAE_LAB" $queue >once 2>&1 &
    pid=$!
    wait_for catches_int $pid
    kill -INT $pid; sleep 0.2
    echo 'rollback;' >&3
    wait $pid
    status=$?
    [ $status = 130 ] && grep -q 'stopped by a signal' once && grep -q 'to resume:.*seed=7,8' once && grep -q '2 interrupted, 2 of them before they began' once &&
        [ "$(sql "select count(*) from run where seed > 6 and status <> 'interrupted'")" = 0 ] && ok "Ctrl-C while runs are queued: no run is left queued" ||
        { no "Ctrl-C in the queue" "status $status"; cat once; }
else
    skip "Ctrl-C while runs are queued" "there is no /proc"
fi
exec 3>&-

# ---- few file descriptors: every number ends in an error or the results, and leaves no run queued
left=
for n in 4 5 6 7 8; do
    (ulimit -n $n && exec "$VAE_LAB" run tiny.lua --db few.db --set beta=1 --set seed=$n --threads 1 --quiet) >out 2>&1
    status=$?
    case $status in 0) ;; *) grep -q 'vae-lab: ' out || no "$n file descriptors" "status $status without a message: $(cat out)" ;; esac
    left="$left$(sqlite3 few.db "select seed || status from run where status in ('queued', 'running')" 2>/dev/null)"
done
[ -z "$left" ] && ok "few file descriptors: no run is left queued" || no "few file descriptors" "$left"
check "few file descriptors: with enough of them the runs are done" 0 -- "$VAE_LAB" run tiny.lua --db few.db --set beta=1 --set seed=4,5,6,7,8 --threads 1 --quiet

# ---- a divergence is final
check "a divergence" 1 'diverged in' -- "$VAE_LAB" run tiny.lua $one --set rate=1e30
check "a diverged run, repeated: reported as before, nothing is evaluated" 1 'diverged before: not finite' '1 diverged$' -- "$VAE_LAB" run tiny.lua $one --set rate=1e30
"$VAE_LAB" run tiny.lua $one --set rate=1e30 --json --quiet 2>/dev/null >json
grep -q '"elbo":null' json && ok "--json: what is not finite is null" || no "--json" "$(cat json)"

# ---- compare
"$VAE_LAB" run tiny.lua --set seed=1,2,3 --quiet >/dev/null 2>&1
check "compare: three seeds have p values" 0 '^B - A +test/elbo +3 +.*±.* 0\.[0-9]+' -- "$VAE_LAB" compare
"$VAE_LAB" compare | grep -qE '^data ' && no "compare: settings that differ" "one data set is called two" || ok "compare: only settings that differ are shown"
sql "insert into sweep_run select max(id), 99, (select min(id) from run where epochs = 600) from sweep; insert into experiment (name) values ('needed'); update run set experiment = (select id from experiment where name = 'needed') where epochs = 600; delete from setting where run = (select min(id) from run where epochs = 600); update member set experiment = (select id from experiment where name = 'needed') where run = (select min(id) from run where epochs = 600)"
"$VAE_LAB" compare | grep -q needed && no "compare" "it shows a run that the sweep only needed" || ok "compare: the sweep's own configurations"

# ---- a terminal of 40 columns
if command -v script >/dev/null; then
    TERM=xterm script -qec "stty cols 40 rows 10; '$VAE_LAB' run tiny.lua $one --set epochs=300" /dev/null >screen </dev/null
    tr '\r' '\n' <screen | sed 's/\x1b\[[0-9]*[A-Za-z]//g' | grep -E 'epoch|left|elapsed' >lines
    [ -s lines ] && ! grep -qE '.{40}|ELBO$|[0-9]:[0-9]*$|  $' lines && ok "progress fits 40 columns, in whole words" || { no "narrow terminal" "see below"; head -5 lines; }
    TERM=xterm NO_COLOR=1 script -qec "stty cols 40 rows 10; '$VAE_LAB' runs" /dev/null </dev/null | tr -d '\r' >lines
    grep -q '^too wide for this terminal, not shown: .*elbo, .*digest' lines && ! grep -v '^too wide\|^runs with a problem' lines | grep -qE '.{41}' && grep -q '^ *2  tiny ' lines &&
        ok "a table that is too wide leaves out whole columns and names them" || { no "narrow terminal: table" "see below"; cat lines; }
    "$VAE_LAB" runs | grep -q ' digest  *problem *$' && ok "a table that is piped has all columns" || no "piped table" "$("$VAE_LAB" runs | head -1)"
else
    skip "narrow terminal" "no script(1)"
fi

# ---- other folders, other names, other environments
mkdir -p "it's ä folder" elsewhere
cp tiny.lua "it's ä folder/a \"b\" \$x.lua"
check "odd characters in a script's path" 0 '1 run executed' -- "$VAE_LAB" run "it's ä folder/a \"b\" \$x.lua" $one --db odd.db
check "odd characters in the figures' folder" 0 'curves.png' -- "$VAE_LAB" figures "it's ä folder/a \"b\" \$x.lua" --db odd.db --out "it's ä folder/\$HOME \`f\`" --format png
check "no HOME, locale C, an almost empty environment" 0 '1 done before' -- env -i "$VAE_LAB" run tiny.lua $one --db odd.db
(cd elsewhere && unset VAE_LAB_DB && "$VAE_LAB" run ../tiny.lua $one --quiet >/dev/null 2>&1; [ -s results/results.db ]) && ok "results/ is made in the current folder" || no "elsewhere" "no results/results.db"
check "a database in a folder that is not there yet" 0 -- "$VAE_LAB" run tiny.lua $one --db a/b/c.db
"$VAE_LAB" run tiny.lua $one --set rate=2e-3 --quiet | head -1 >/dev/null; "$VAE_LAB" show 1 2>err | head -1 >/dev/null
[ -s err ] && no "a pipe whose reader leaves" "$(cat err)" || ok "a pipe whose reader leaves is no error"

# ---- installed: the files that make install copies are enough
if [ "$VAE_LAB" = "$root/vae-lab" ] && make -s -C "$root" install DESTDIR="$scratch/dest" PREFIX=/usr/local >out 2>&1; then
    check "installed: runs" 0 '1 run executed' -- "$scratch/dest/usr/local/bin/vae-lab" run tiny.lua $one --db installed.db
    check "installed: its experiments are found" 3 'did you mean .*share/vae-lab/experiments/beta.lua' -- "$scratch/dest/usr/local/bin/vae-lab" run beta
    make -s -C "$root" uninstall DESTDIR="$scratch/dest" PREFIX=/usr/local >out 2>&1
    [ -z "$(find dest ! -type d)" ] && ok "uninstalled: nothing is left" || no "uninstall" "$(find dest ! -type d | head -3)"
else
    skip "installed" "only for ./vae-lab of a release build"
fi
