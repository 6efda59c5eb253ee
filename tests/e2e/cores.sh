#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# --jobs and --threads are chosen by the processors that the process may use, not by those of the machine.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
command -v taskset >/dev/null 2>&1 || { skip "cores" "no taskset"; exit 0; }
first=$(taskset -cp $$ | sed 's/.*: *//; s/[,-].*//')
check "doctor: the processors that may be used" 0 'processors, 1 usable here' -- taskset -c "$first" "$VAE_LAB" doctor
taskset -c "$first" "$VAE_LAB" run tiny.lua --set beta=1 --set seed=1 --set epochs=1 --quiet >out 2>&1
[ "$(sql "select name, value from environment where run = 1 and name in ('cores usable', 'threads') order by name")" = "cores usable|1
threads|1" ] && ok "run: one thread on one processor, recorded" || no "run on one processor" "$(sql 'select * from environment')"
