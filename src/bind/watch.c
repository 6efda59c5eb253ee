/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/watch.c: stops Lua code that runs too long, and notes which line of the script runs (where.c).
 */
#include "bind/bind.h"

#include <time.h>

enum { INSTRUCTIONS = 100000 }; /* between two readings of the clock */

typedef struct Watch {
    double seconds, deadline; /* of processor time */
} Watch;

static const char watch_key = 0;

/* This thread's processor time, in seconds. */
static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static Watch *get_watch(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &watch_key);
    Watch *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return w;
}

static void hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE) {
        bind_note_line(L, ar);
        return;
    }
    const Watch *w = get_watch(L);
    if (w == NULL || processor_time() < w->deadline)
        return;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1); /* a pcall inside the loop cannot catch this for long */
    Error err;
    error_set(&err, ERR_SCRIPT, "the script is still running after %g s", w->seconds);
    error_hint(&err, "is there an endless loop? long computations belong in the model's graph or in an evaluation");
    bind_raise(L, &err);
}

void bind_watch(lua_State *L, double seconds)
{
    if (seconds <= 0) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    Watch *w = bind_scratch(L, 1, sizeof *w);
    w->seconds = seconds;
    w->deadline = processor_time() + seconds;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &watch_key);
    lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKLINE, INSTRUCTIONS);
}

double bind_watch_pause(void)
{
    return processor_time();
}

void bind_watch_resume(lua_State *L, double paused)
{
    Watch *w = get_watch(L);
    if (w != NULL)
        w->deadline += processor_time() - paused;
}
