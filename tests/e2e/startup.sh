#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a process inherits, or a preloaded library sets, changes no result: closed descriptors, small limits, blocked signals, a locale.
. "$(dirname "$0")/common.sh.inc"
sed -e 's/train = 1000, test = 300/train = 400, test = 100/' -e '/evaluate =/d' -e 's/seed = { 1, 2 }/seed = { 1 }/' \
    "$root/tests/e2e/tiny.lua" >small.lua
run="$VAE_LAB run small.lua --set beta=0.5 --set seed=1"
$run --quiet --db right.db >/dev/null 2>&1
result() { sqlite3 "$VAE_LAB_DB" "pragma integrity_check; select identity, status, digest, label from run"; }
VAE_LAB_DB=right.db
right=$(result)
VAE_LAB_DB=$scratch/results.db
same() { # same NAME: the run in $VAE_LAB_DB is the right one
    [ "$(result 2>&1)" = "$right" ] && ok "$1" || no "$1" "$(result 2>&1) instead of $right; $(head -3 err)"
    rm -f "$VAE_LAB_DB"*
}

# ---- descriptors
$run <&- >out 2>err; same "standard input is closed"
$run >&- 2>err; [ $? = 5 ] && grep -q 'standard output could not be written' err && ok "standard output is closed: an error" || no "closed output" "$(cat err)"
same "standard output is closed"
$run 2>&- >out; same "standard error is closed"
$run <&- >&- 2>&-; same "all three are closed"
$run --jobs 2 >&- 2>&-; same "output and errors are closed, with two jobs"
(ulimit -n 7; exec $run) >out 2>err; same "seven descriptors"
(ulimit -n 5; exec $run) >out 2>err; [ $? = 4 ] && grep -q 'database' err && ok "five descriptors: an error" || no "five descriptors" "$(cat err)"
rm -f "$VAE_LAB_DB"*

# ---- limits
# the stack: a soft limit is raised; a hard one is named.  AddressSanitizer needs more.
case $VAE_LAB in *asan*) ;; *)
    (ulimit -S -s 200; $run --threads 2 >out 2>err); same "a small stack is enlarged"
    (ulimit -s 200; $run --threads 2 >out 2>err)
    [ $? = 1 ] && grep -q 'stack of this process is too small' err && grep -q 'ulimit -s' err && ok "a stack that may not grow: an error" ||
        no "a small stack" "$(cat err)"
    rm -f "$VAE_LAB_DB"* ;;
esac
(ulimit -f 1; exec $run) >out 2>err; [ $? = 4 ] && grep -q 'is the disk full' err && ok "no file may grow: an error" || no "file size" "$(cat err)"
rm -f "$VAE_LAB_DB"*

# ---- signals
(trap '' CHLD; exec $run >out 2>err); same "SIGCHLD is ignored"
if command -v python3 >/dev/null 2>&1; then
    timeout --foreground -s KILL 600 python3 - $run --set epochs=100000 >out 2>err <<'P' &
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD])
os.execv(sys.argv[1], sys.argv[1:])
P
    pid=$!
    until_sql "select count(*) > 0 from curves" 1
    kill $pid
    wait $pid
    [ $? = 143 ] && [ "$(sql 'select status from run')" = interrupted ] && ok "SIGTERM was blocked by the parent: it stops the run all the same" ||
        no "blocked SIGTERM" "$(cat err)"
    rm -f "$VAE_LAB_DB"*
else
    skip "SIGTERM was blocked by the parent" "no Python"
fi

# ---- a preloaded library sets a locale whose decimal point is a comma
if command -v "${CC:-cc}" >/dev/null 2>&1 && localedef -f UTF-8 -i de_DE "$scratch/de_DE.utf8" >/dev/null 2>&1 &&
    case $VAE_LAB in *asan*) false ;; esac; then
    cat >locale.c <<'C'
#include <locale.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((constructor)) static void at_start(void) { setlocale(LC_ALL, "de_DE.utf8"); }
ssize_t write(int fd, const void *bytes, size_t count)
{
    if (getenv("LATE") != NULL)
        setlocale(LC_ALL, "de_DE.utf8");
    return syscall(SYS_write, fd, bytes, count);
}
C
    "${CC:-cc}" -shared -fPIC -o locale.so locale.c
    "$VAE_LAB" runs --db right.db >plain.txt
    LOCPATH=$scratch LD_PRELOAD=$scratch/locale.so $run >out 2>err
    same "a library sets a locale with a decimal comma"
    LATE=1 LOCPATH=$scratch LD_PRELOAD=$scratch/locale.so $run >out 2>err
    grep -q -- '-[0-9]*\.[0-9]' out && ok "printed numbers have a point" || no "printed numbers" "$(cat out)"
    same "a library sets such a locale again and again"
else
    skip "a library sets a locale with a decimal comma" "no locale sources or no compiler"
fi
