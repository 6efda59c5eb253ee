#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The floating-point environment is the program's own.  A preloaded library sets flush to zero or another rounding: before main, again
# in the middle, or in each new thread.  A run then has the digest and the identity of one without the library, or it ends with an error
# and records nothing that is wrong.
. "$(dirname "$0")/common.sh.inc"
command -v "${CC:-cc}" >/dev/null 2>&1 || { skip "floating-point environment" "no C compiler"; exit 0; }
case $(uname -m) in x86_64) ;; *) skip "floating-point environment" "the preloaded library is written for x86-64"; exit 0 ;; esac
case $VAE_LAB in *asan*) skip "floating-point environment" "AddressSanitizer must be loaded first"; exit 0 ;; esac

cat >preload.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fenv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <xmmintrin.h>

static int is(const char *name, const char *value)
{
    const char *set = getenv(name);
    return set != NULL && strcmp(set, value) == 0;
}

static void change(void)
{
    if (is("CHANGE", "ftz"))
        _mm_setcsr(0x9fc0); /* flush to zero, denormals as zero */
    else
        fesetround(FE_UPWARD);
}

static pid_t first;

__attribute__((constructor)) static void at_start(void)
{
    first = getpid();
    if (is("WHEN", "start"))
        change();
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    if (is("WHEN", "write"))
        change();
    return syscall(SYS_write, fd, bytes, count);
}

int sqlite3_step(void *statement)
{
    int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "sqlite3_step");
    int status = next(statement);
    if (is("WHEN", "sqlite"))
        change();
    return status;
}

/* In the middle of a step, in the process that trains: the engine clears its gradients with memset. */
void *memset(void *block, int byte, size_t count)
{
    volatile unsigned char *b = block;
    for (size_t i = 0; i < count; i++)
        b[i] = (unsigned char)byte;
    if (count >= 1000 && getpid() != first && is("WHEN", "step"))
        change();
    return block;
}

/* In the middle of an evaluation: Lua allocates with realloc. */
void *realloc(void *block, size_t size)
{
    static void *(*next)(void *, size_t);
    if (next == NULL)
        next = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    if (getpid() != first && is("WHEN", "realloc"))
        change();
    return next(block, size);
}

typedef struct Start { void *(*routine)(void *); void *argument; } Start;

static void *begin(void *argument)
{
    Start start = *(Start *)argument;
    free(argument);
    change();
    return start.routine(start.argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *), void *argument)
{
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    if (!is("WHEN", "thread"))
        return next(thread, attr, routine, argument);
    Start *start = malloc(sizeof *start);
    *start = (Start){routine, argument};
    return next(thread, attr, begin, start);
}

/* The optimiser calls sqrt in the middle of a step. */
static int calls;
double fabs_step(void);
C
sed -i '/^\/\* The optimiser calls/,$d' preload.c
"${CC:-cc}" -O1 -shared -fPIC -o preload.so preload.c -ldl || { no "floating-point environment" "the library does not compile"; exit 0; }

# A model whose weights become denormal: without the KL term and with a tiny rate (beta = 0, rate = 1e-38), and an ordinary one.
sed -e 's/train = 1000, test = 300/train = 400, test = 100/' -e 's/x, 32,/x, 96,/' -e 's/z, 32,/z, 96,/' -e '/evaluate =/d' \
    -e 's/seed = { 1, 2 }/seed = { 1 }/' "$root/tests/e2e/tiny.lua" >small.lua
cp small.lua evaluated.lua
sed -i 's/^  figures .*/  evaluate = { lab.eval.nll { samples = 3, examples = 50 } },/' evaluated.lua
tiny="--set beta=0 --set rate=1e-38 --set epochs=3"
results() { sqlite3 "$1" "select identity, digest, status from run order by id" 2>/dev/null; }
curves() { sqlite3 "$1" "select metric, step, value from curves where metric not like 'time/%' order by 1, 2" 2>/dev/null; }

for threads in 1 3; do
    "$VAE_LAB" run small.lua $tiny --quiet --threads $threads --db right-tiny.db >/dev/null 2>&1
    "$VAE_LAB" run evaluated.lua --set beta=1 --set rate=0.003 --quiet --threads $threads --db right.db >/dev/null 2>&1
    for change in ftz up; do
        for when in start thread write sqlite; do
            rm -f tiny.db plain.db
            LD_PRELOAD=$scratch/preload.so CHANGE=$change WHEN=$when "$VAE_LAB" run small.lua $tiny --quiet --threads $threads \
                --db tiny.db >out 2>&1
            LD_PRELOAD=$scratch/preload.so CHANGE=$change WHEN=$when "$VAE_LAB" run evaluated.lua --set beta=1 --set rate=0.003 --quiet \
                --threads $threads --db plain.db >>out 2>&1
            [ "$(results tiny.db)" = "$(results right-tiny.db)" ] && [ "$(results plain.db)" = "$(results right.db)" ] &&
                [ "$(curves tiny.db)" = "$(curves right-tiny.db)" ] && [ "$(curves plain.db)" = "$(curves right.db)" ] &&
                ok "$change set by $when, $threads threads: same identity, digest, curves" ||
                no "$change set by $when, $threads threads" "$(results tiny.db) $(results plain.db) instead of $(results right-tiny.db) $(results right.db): $(head -20 out)"
        done
    done
done

# ---- changed in the middle of the arithmetic: an error, and nothing wrong is recorded; without the library the run continues
LD_PRELOAD=$scratch/preload.so CHANGE=ftz WHEN=step "$VAE_LAB" run small.lua $tiny --quiet --db middle.db >out 2>&1
status=$?
grep -q 'floating-point environment was changed' out && grep -q 'flush to zero' out && [ $status = 1 ] &&
    [ "$(sqlite3 middle.db 'select status, digest from run')" = 'failed|' ] && [ -z "$(curves middle.db)" ] &&
    ok "changed in the middle of a step: the run fails and says why" || no "changed in the middle" "status $status, $(head -5 out)"
"$VAE_LAB" run small.lua $tiny --quiet --db middle.db >out 2>&1
[ "$(results middle.db)" = "$(results right-tiny.db)" ] && ok "... and without the library it is trained, with the same digest" ||
    no "after the change" "$(results middle.db)"

# ---- changed in the middle of an evaluation: its metrics are not recorded
"$VAE_LAB" run small.lua --set beta=1 --set rate=0.003 --quiet --db later.db >/dev/null 2>&1
LD_PRELOAD=$scratch/preload.so CHANGE=up WHEN=realloc "$VAE_LAB" run evaluated.lua --set beta=1 --set rate=0.003 --quiet --db later.db >out 2>&1
status=$?
grep -q 'floating-point environment was changed' out && [ $status = 1 ] &&
    [ "$(sqlite3 later.db "select count(*) from curves where metric = 'test/nll'")" = 0 ] &&
    ok "changed in the middle of an evaluation: it fails" || no "changed in an evaluation" "status $status, $(head -5 out)"
"$VAE_LAB" run evaluated.lua --set beta=1 --set rate=0.003 --quiet --db later.db >out 2>&1
[ "$(curves later.db)" = "$(curves right.db)" ] && ok "... and without the library it has the same value" ||
    no "the evaluation after the change" "$(curves later.db | tail -3)"

# ---- a run is stopped with the library and resumed without it, and the other way round
for first in start none; do
    rm -f half.db
    second=none; [ $first = none ] && second=start
    VAE_LAB_DB=half.db
    LD_PRELOAD=$scratch/preload.so CHANGE=ftz WHEN=$first "$VAE_LAB" run small.lua --set beta=0 --set rate=1e-38 --set epochs=60 --quiet \
        >out 2>&1 &
    until_sql "select count(*) >= 5 from curves where metric = 'train/elbo'" 1
    kill $!; wait $!
    [ "$(sqlite3 half.db 'select status from run')" = interrupted ] || no "stopped and resumed" "the first half was not interrupted"
    LD_PRELOAD=$scratch/preload.so CHANGE=ftz WHEN=$second "$VAE_LAB" run small.lua --set beta=0 --set rate=1e-38 --set epochs=60 --quiet \
        >>out 2>&1
    [ -e long.db ] || "$VAE_LAB" run small.lua --set beta=0 --set rate=1e-38 --set epochs=60 --quiet --db long.db >/dev/null 2>&1
    [ "$(results half.db)" = "$(results long.db)" ] && ok "stopped and resumed, the library at $first in the first half, at $second in the second: same digest" ||
        no "stopped and resumed" "$(results half.db) instead of $(results long.db): $(head -5 out)"
done
VAE_LAB_DB=$scratch/results.db

# ---- reproduce reads the recorded texts and trains again
for change in ftz up; do
    for when in start sqlite write; do
        check "reproduce: $change set by $when" 0 -- env LD_PRELOAD="$scratch/preload.so" CHANGE=$change WHEN=$when \
            "$VAE_LAB" reproduce 1 --db right.db
    done
done

check "doctor: tells what a preloaded library had set" 0 'note +floating point +a preloaded library had set .*flush to zero' 'LD_PRELOAD' -- \
    env LD_PRELOAD="$scratch/preload.so" CHANGE=ftz WHEN=start "$VAE_LAB" doctor
check "doctor: without one" 0 'ok +floating point +round to nearest' -- "$VAE_LAB" doctor
"$VAE_LAB" runs --db right.db >plain.txt 2>&1
LD_PRELOAD=$scratch/preload.so CHANGE=up WHEN=sqlite "$VAE_LAB" runs --db right.db >changed.txt 2>&1
cmp -s plain.txt changed.txt && ok "printed numbers are the same" || no "printed numbers" "$(diff plain.txt changed.txt)"
