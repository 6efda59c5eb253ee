/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/watch.h: the time that Lua code may take.
 */
#ifndef BIND_WATCH_H
#define BIND_WATCH_H

#include "base/error.h"

#include <lua.h>

/* What is watched, and how long by default, in seconds of processor time. */
typedef struct BindWatchKind {
    const char *what; /* "the script is still running" */
    double seconds;
    int excused;      /* what does not count: natives, or opening data alone */
} BindWatchKind;

/* Loading a script and building its runs: 10 s, everything but the opening of data counts.  Its evaluations, figures and
 * claims: 600 s each, natives do not count.  Finalizers at the end: 10 s. */
extern const BindWatchKind bind_watch_loading, bind_watch_later, bind_watch_closing;

/* [OUT] seconds: VAE_LAB_SCRIPT_SECONDS, which replaces all these limits; 0: not set.  -1 with *err: no such number. */
int bind_watch_seconds(double *seconds, Error *err);

/* From now on this thread's Lua code is stopped by an error after `seconds` of processor time (0: the kind's), or, where
 * an error cannot reach it, the process ends with that error and exit code 3.  One watch at a time. */
void bind_watch_start(lua_State *L, const BindWatchKind *kind, double seconds);
void bind_watch_stop(void);

/* A native begins (1) and has returned or raised (0); a native opens data, until it returns. */
void bind_watch_native(int in);
void bind_watch_data(void);

#endif
