/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/inside.h: a loaded script, as script.c, runs.c and figures.c share it.
 */
#ifndef BIND_INSIDE_H
#define BIND_INSIDE_H

#include "bind/bind.h"
#include "bind/script.h"

struct BindScript {
    lua_State *L;
    char *path, *name;
    size_t figures, claims;     /* how many the experiment has */
    Text settings;              /* canonical JSON */
    struct Keep *kept;          /* what the runs point to */
    LabRun *runs;
    size_t count;               /* of runs, twins left out */
    char (*identity)[DIGEST_TEXT]; /* of each entry of the plan's list, twins included */
    size_t entries;
};

/* What a run's context is: where to find its table. */
typedef struct BindRun {
    BindScript *script;
    size_t entry; /* in the plan's list, from 0 */
} BindRun;

/* A block that lives as long as the script; raises when there is no memory. */
void *bind_keep(lua_State *L, BindScript *script, size_t count, size_t size);
void bind_keep_free(BindScript *script);

/* Push what the script returned, the settings table, the plan's list. */
void bind_push_experiment(lua_State *L);
void bind_push_settings(lua_State *L);
void bind_push_plan(lua_State *L);
void bind_set_plan(lua_State *L); /* pops it */

/* Pushes the finished runs of a sweep, in its order: rows of the view runs, each with its params; `store` is the stack index of
 * the database. */
void bind_push_sweep_runs(lua_State *L, int store, int64_t sweep, const char *experiment);

/* Loading's watch, from the settings. */
double bind_script_seconds(lua_State *L);

#endif
