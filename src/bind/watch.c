/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/watch.c: stops Lua code that runs too long.
 *
 * A second thread measures the processor time of Lua's thread, so that a busy machine, a stopped process or a slow
 * disk ends no script.  When the time is used up, it makes Lua call `hook`, which raises an error.  Code that reaches
 * no hook (string.find with a pattern that backtracks, a finalizer) cannot be stopped this way: one second later the
 * thread ends the process with the same error and exit code 3.  No transaction is open while a script's code runs.
 */
#include "bind/watch.h"

#include "bind/bind.h"
#include "lab/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    INSTRUCTIONS = 100000, /* of Lua between two calls of the hook */
    TICK = 50000000,       /* nanoseconds between two readings of the clock */
    WAKE = SIGURG,         /* to Lua's thread; by default it is ignored, and nothing else here uses it */
};

static const double GRACE = 1; /* seconds between the error and the end of the process; less after a limit below 1 s */

/* What Lua's thread does; what counts depends on the BindWatchKind. */
enum { IN_LUA, IN_NATIVE, IN_DATA };

static struct {
    lua_State *L;
    const BindWatchKind *kind;
    double seconds, grace;
    long tick;
    void *place;           /* of where.c */
    pthread_t lua, thread;
    clockid_t clock;       /* processor time of Lua's thread */
    pthread_mutex_t mutex; /* of `over` */
    pthread_cond_t wake;
    sem_t parked;          /* Lua's thread has stopped for good */
    struct sigaction before;
    int on, over;
    atomic_int doing, expired, ending;
} watch = {.mutex = PTHREAD_MUTEX_INITIALIZER};

const BindWatchKind bind_watch_loading = {"the script is still running", 10, IN_DATA};
const BindWatchKind bind_watch_later = {"Lua code of the script is still running", 600, IN_NATIVE};
const BindWatchKind bind_watch_closing = {"the script's finalizers (__gc) are still running", 10, IN_DATA};

/* ---- Lua's thread ------------------------------------------------------------------------------------------------ */

static void expired_error(Error *err)
{
    error_set(err, ERR_SCRIPT, "%s after %g s", watch.kind->what, watch.seconds);
    error_hint(err, "is there an endless loop? long computations belong in the model's graph or in an evaluation; "
                    "VAE_LAB_SCRIPT_SECONDS sets another limit");
}

static void hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE) {
        bind_note_line(L, ar);
        return;
    }
    if (!atomic_load_explicit(&watch.expired, memory_order_relaxed))
        return;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1); /* a pcall inside the loop cannot catch this for long */
    Error err;
    expired_error(&err);
    bind_raise(L, &err);
}

/* In Lua's thread: makes Lua call the hook at its next instruction (lua_sethook may be called by a signal handler), or
 * stops here for good, so that the other thread can read Lua's stack. */
static void on_wake(int number)
{
    (void)number;
    int error = errno;
    if (!watch.on || !pthread_equal(pthread_self(), watch.lua))
        return;
    if (atomic_load(&watch.ending)) {
        sem_post(&watch.parked);
        for (;;)
            pause();
    }
    if (watch.L != NULL)
        lua_sethook(watch.L, hook, LUA_MASKCOUNT, 1);
    errno = error;
}

/* ---- the other thread -------------------------------------------------------------------------------------------- */

static double lua_time(void)
{
    struct timespec t = {0};
    clock_gettime(watch.clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void end_process(void)
{
    Error err;
    char text[sizeof(Error) + 64];
    struct timespec until;
    atomic_store(&watch.ending, 1);
    pthread_kill(watch.lua, WAKE);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2;
    int parked = sem_timedwait(&watch.parked, &until) == 0;
    expired_error(&err);
    bind_where_stopped(parked ? watch.L : NULL, watch.place, err.where, sizeof err.where);
    error_found(&err, "code that cannot be interrupted: a pattern that backtracks, a finalizer (__gc), a function of "
                      "Lua's library");
    lab_worker_abandon(&err); /* ends a worker, with its report */
    size_t used = (size_t)snprintf(text, sizeof text, "vae-lab: ");
    error_text(text + used, sizeof text - used - 1, &err);
    strcat(text, "\n");
    (void)!write(STDERR_FILENO, text, strlen(text)); /* stdio's lock may be held by the other thread */
    _exit(ERR_SCRIPT);
}

static void *measure(void *argument)
{
    double last = lua_time(), used = 0, end = 0;
    (void)argument;
    pthread_mutex_lock(&watch.mutex);
    while (!watch.over) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += watch.tick;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&watch.wake, &watch.mutex, &until);
        double now = lua_time();
        if (atomic_load_explicit(&watch.doing, memory_order_relaxed) < watch.kind->excused)
            used += now - last;
        last = now;
        if (watch.over || used < watch.seconds)
            continue;
        if (!atomic_exchange(&watch.expired, 1)) {
            end = used + watch.grace; /* on a busy machine this thread may be late */
            pthread_kill(watch.lua, WAKE);
        } else if (used > end) {
            end_process();
        }
    }
    pthread_mutex_unlock(&watch.mutex);
    return NULL;
}

/* ---- on and off -------------------------------------------------------------------------------------------------- */

int bind_watch_seconds(double *seconds, Error *err)
{
    const char *text = getenv("VAE_LAB_SCRIPT_SECONDS");
    *seconds = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    char *end;
    *seconds = strtod(text, &end);
    if (*end == '\0' && *seconds >= 1 && *seconds <= 1e9)
        return 0;
    error_set(err, ERR_USAGE, "VAE_LAB_SCRIPT_SECONDS is not a number of seconds");
    error_found(err, "%s", text);
    return error_expected(err, "a number from 1 to 1e9");
}

/* Without the thread (no more threads are allowed) the script runs unwatched. */
void bind_watch_start(lua_State *L, const BindWatchKind *kind, double seconds)
{
    struct sigaction action = {.sa_handler = on_wake, .sa_flags = SA_RESTART};
    pthread_condattr_t monotonic;
    sigset_t all, wake, mask;
    watch.L = L;
    watch.kind = kind;
    watch.seconds = seconds > 0 ? seconds : kind->seconds;
    watch.grace = watch.seconds < 1 ? GRACE / 10 : GRACE;
    watch.tick = watch.seconds < 4e-9 * TICK ? (long)(watch.seconds * 1e9 / 4) : TICK;
    watch.place = bind_place(L);
    watch.lua = pthread_self();
    watch.over = 0;
    atomic_store(&watch.doing, IN_LUA);
    atomic_store(&watch.expired, 0);
    atomic_store(&watch.ending, 0);
    if (kind == &bind_watch_loading) /* only then: a hook makes Lua twice as slow */
        lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, INSTRUCTIONS);
    if (pthread_getcpuclockid(watch.lua, &watch.clock) != 0)
        return;
    sigemptyset(&action.sa_mask);
    sigemptyset(&wake);
    sigaddset(&wake, WAKE);
    sigfillset(&all);
    sem_init(&watch.parked, 0, 0);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch.wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigaction(WAKE, &action, &watch.before);
    watch.on = 1;
    pthread_sigmask(SIG_SETMASK, &all, &mask); /* the other thread takes no signal */
    watch.on = pthread_create(&watch.thread, NULL, measure, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
    if (!watch.on)
        sigaction(WAKE, &watch.before, NULL);
}

static void unhook(void)
{
    if (watch.L != NULL)
        lua_sethook(watch.L, NULL, 0, 0);
}

void bind_watch_stop(void)
{
    unhook();
    if (!watch.on) {
        watch.L = NULL;
        return;
    }
    pthread_mutex_lock(&watch.mutex);
    watch.over = 1;
    pthread_cond_signal(&watch.wake);
    pthread_mutex_unlock(&watch.mutex);
    pthread_join(watch.thread, NULL);
    watch.on = 0;
    sigaction(WAKE, &watch.before, NULL);
    unhook(); /* a late signal may have set it again */
    watch.L = NULL;
    atomic_store(&watch.expired, 0);  /* coroutines keep their hooks */
    pthread_cond_destroy(&watch.wake);
    sem_destroy(&watch.parked);
}

/* ---- what counts ------------------------------------------------------------------------------------------------- */

void bind_watch_native(int in)
{
    atomic_store_explicit(&watch.doing, in ? IN_NATIVE : IN_LUA, memory_order_relaxed);
}

void bind_watch_data(void)
{
    atomic_store_explicit(&watch.doing, IN_DATA, memory_order_relaxed);
}
