#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/faults/outside.sh [--sample]: full disks, several sweeps at the same time on one experiment, a locale with a decimal comma, texts
# that try to be SQL.  tests/faults/run starts it.
sample=0
[ "${1:-}" = --sample ] && sample=1
here=${FAULTS_HERE:?the folder tests/faults}
scratch=$(mktemp -d)
mounted=
cleanup() { [ -z "$mounted" ] || umount "$scratch/full" 2>/dev/null; rm -rf "$scratch"; }
trap cleanup EXIT
cd "$scratch" || exit 2
cp "$here/short.lua" .
unset VAE_LAB_DB VAE_LAB_DATA GSL_RNG_TYPE

begin() { kind=$1 tried=0 lost=0; }
try() { tried=$((tried + 1)); }
lose() { lost=$((lost + 1)); echo "    lost ($kind, trial $tried): $1"; }
finish() { [ $lost -eq 0 ] && word=ok || word='not ok'; echo "$word $kind: $tried tried, $((tried - lost)) survived, $lost lost"; [ $lost -eq 0 ] || bad=1; }
bad=0

results() {
    sqlite3 "$1" "select r.label, r.seed, r.digest, n.name, m.step, m.value, m.kind from metric m join run r on r.id = m.run join metric_name n
        on n.id = m.metric where n.name not like 'time/%' and r.superseded_by is null order by 1, 2, 4, 5"
}
whole() { [ "$(sqlite3 "$1" 'pragma integrity_check; pragma foreign_key_check')" = ok ]; }

"$VAE_LAB" run short.lua --db short.db --quiet >/dev/null 2>&1 || { echo "not ok outside: the run without a fault failed"; exit 2; }
results short.db >short.want

# ---- full disks: of growing size
begin 'outside: full disks'
if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=64k tmpfs full 2>/dev/null; then
    mounted=1
    sizes='64k 160k 256k 400k 520k 700k 900k'
    [ $sample = 0 ] || sizes='160k 520k'
    for size in $sizes; do
        try
        rm -rf full/*
        mount -o remount,size="$size" full
        "$VAE_LAB" run short.lua --db full/results.db --jobs 2 --quiet >out 2>&1
        status=$?
        case $status in 0) ;; 1 | 4 | 5) grep -qiE 'disk|full|space|memory' out || lose "size $size: no word of the disk: $(head -c 300 out)" ;;
            *) lose "size $size: exit status $status: $(head -c 300 out)" ;; esac
        mount -o remount,size=30m full
        [ ! -s full/results.db ] || whole full/results.db || lose "size $size: the database is damaged"
        "$VAE_LAB" run short.lua --db full/results.db --quiet >out 2>&1 || lose "size $size: with room again: $(head -c 300 out)"
        results full/results.db | cmp -s - short.want || lose "size $size: other results"
        rm -f full/*
    done
    umount full && mounted=
    finish
else
    echo 'skip outside: full disks: needs root and a tmpfs'
fi

# ---- sweeps at the same time
begin 'outside: sweeps of one experiment at the same time'
"$VAE_LAB" run short.lua --set epochs=100 --db longer.db --quiet >/dev/null 2>&1
results longer.db >longer.want
rounds=6 sweeps=8
[ $sample = 0 ] || { rounds=1; sweeps=4; }
for round in $(seq $rounds); do
    try
    rm -f many.db*
    for i in $(seq $sweeps); do
        { "$VAE_LAB" run short.lua --set epochs=100 --db many.db --jobs 2 --threads 1 --quiet >"out$i" 2>&1; echo $? >"status$i"; } &
    done
    wait
    for i in $(seq $sweeps); do
        case $(cat "status$i") in
            0) ;;
            1) grep -qE 'another process|not all runs are done' "out$i" && ! grep -qE 'failed|crashed|damaged' "out$i" || lose "sweep $i: $(head -c 400 "out$i")" ;;
            *) lose "sweep $i: exit status $(cat "status$i"): $(head -c 400 "out$i")" ;;
        esac
    done
    whole many.db || lose 'the database is damaged'
    "$VAE_LAB" run short.lua --set epochs=100 --db many.db --quiet >out 2>&1 || lose "afterwards: $(head -c 300 out)"
    results many.db | cmp -s - longer.want || lose 'other results'
    [ "$(sqlite3 many.db 'select count(*) from run')" = 2 ] || lose 'a run is there twice'
done
finish

# ---- a decimal comma
begin 'outside: a locale with a decimal comma'
if locale -a 2>/dev/null | grep -qiE '^de_DE\.utf-?8$'; then
    locale_ok=1
elif command -v localedef >/dev/null && localedef -i de_DE -f UTF-8 "$scratch/de_DE.UTF-8" 2>/dev/null; then
    locale_ok=1
    export LOCPATH=$scratch
else
    locale_ok=0
    echo 'skip outside: a locale with a decimal comma: de_DE.UTF-8 is not installed'
fi
if [ $locale_ok = 1 ]; then
    try
    LC_ALL=de_DE.UTF-8 "$VAE_LAB" run short.lua --db comma.db --quiet >out 2>&1 || lose "$(head -c 300 out)"
    results comma.db | cmp -s - short.want || lose 'other results'
    for command in runs 'runs --csv' 'show 1' 'show 1 --json' compare claims; do
        try
        LC_ALL=C "$VAE_LAB" $command --db short.db >c.out 2>&1
        LC_ALL=de_DE.UTF-8 "$VAE_LAB" $command --db short.db >comma.out 2>&1
        cmp -s c.out comma.out || lose "vae-lab $command prints otherwise"
    done
    try
    LC_ALL=C "$VAE_LAB" figures short.lua --db short.db --out c --format svg >/dev/null 2>&1
    LC_ALL=de_DE.UTF-8 "$VAE_LAB" figures short.lua --db short.db --out comma --format svg >out 2>&1
    cmp -s c/curves.svg comma/curves.svg || lose "another figure: $(head -c 300 out)"
    finish
    unset LOCPATH
fi

# ---- texts that try to be SQL
begin 'outside: texts that try to be SQL'
attack="x'); DROP TABLE run; --\""
before=$(sqlite3 short.db "select (select count(*) from run), (select count(*) from metric), (select count(*) from sqlite_schema)")
for words in "runs --experiment" "runs --where" "runs --sort" "show" "compare" "claims --experiment" "export -o w.npz"; do
    try
    "$VAE_LAB" $words "$attack" --db short.db >out 2>&1
    status=$?
    [ $status -lt 100 ] || lose "vae-lab $words: exit status $status"
    [ "$(sqlite3 short.db "select (select count(*) from run), (select count(*) from metric), (select count(*) from sqlite_schema)")" = "$before" ] ||
        lose "vae-lab $words changed the database"
done
for place in 's/name     = "short"/name = [[NAME]]/' 's/question = ".*"/question = [[NAME]]/' "s/sweep    = { beta/sweep = { text = { [[NAME]], 'b' }, beta/"; do
    try
    rm -f attack.db*
    sed "$place" short.lua | sed "s/NAME/x'); DROP TABLE run; --\"/" >attack.lua
    "$VAE_LAB" run attack.lua --db attack.db --quiet >out 2>&1
    status=$?
    case $status in
        0) whole attack.db && [ "$(sqlite3 attack.db "select count(*) > 1 and sum(status <> 'done') = 0 from run")" = 1 ] || lose "$place: damaged"
            "$VAE_LAB" figures attack.lua --db attack.db --out attack --format svg >out 2>&1 || lose "$place: figures: $(head -c 300 out)" ;;
        2 | 3) grep -q 'vae-lab: ' out || lose "$place: no message" ;;
        *) lose "$place: exit status $status: $(head -c 400 out)" ;;
    esac
done
finish
exit $bad
