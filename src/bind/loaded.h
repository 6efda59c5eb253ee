/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/loaded.h: a loaded script, as script.c, runs.c, evaluate.c, figures.c and claims.c share it.
 */
#ifndef BIND_LOADED_H
#define BIND_LOADED_H

#include "base/text.h"
#include "bind/bind.h"
#include "bind/memory.h"
#include "bind/script.h"

struct BindScript {
    lua_State *L;
    char *path, *name;
    size_t figures, claims;        /* how many the experiment has */
    BindMemory memory;
    double seconds;                /* replaces the limits of watch.h; 0: those */
    Text settings;                 /* canonical JSON */
    LabRun *runs;                  /* kept with bind_keep, as all that they point to */
    size_t count;                  /* of runs, without duplicates */
    char (*identity)[DIGEST_TEXT]; /* of each entry of the library's list, with duplicates */
    size_t entries;
    LabProvenance provenance;      /* filled by bind_script_provenance */
    char library[DIGEST_TEXT];     /* SHA-256 of the Lua library */
};

/* The context of a run: where its table is. */
typedef struct BindRun {
    BindScript *script;
    size_t entry; /* in the library's list, from 0 */
} BindRun;

/* Registry: what the script returned, the library's list of runs. */
#define BIND_EXPERIMENT "vae_lab.experiment"
#define BIND_RUNS "vae_lab.runs"

/* Fills *run from the run table at the top of the stack (run_table.c). */
void bind_run_table(lua_State *L, const BindScript *script, LabRun *run);

/* Pushes the finished runs of a sweep, in its order: rows of the view `runs`, each with its params. */
void bind_push_sweep_runs(lua_State *L, Store *s, int64_t sweep, const char *experiment);

/* Replaces the list of rows { name =, value = } at the top by { name = value }. */
void bind_pairs(lua_State *L);

#endif
