/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/script.h: an experiment script, loaded: its runs, its evaluations, its figures.  The room's face to the commands,
 * without any Lua in it.
 */
#ifndef BIND_SCRIPT_H
#define BIND_SCRIPT_H

#include "base/error.h"
#include "lab/lab.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BindScript BindScript;

/* What the command line says to the script. */
typedef struct BindSettings {
    const char *const *set; /* "key=value", each checked */
    size_t nset;
    const char *data_dir;   /* --data-dir, or NULL */
    double seconds;         /* processor time after which loading is stopped; 0: 10 */
} BindSettings;

/* Loads a script in its own environment, with chosen libraries.  NULL with *err (ERR_SCRIPT, with file and line): not there,
 * bad syntax, a run-time error, an endless loop, not an experiment.  A room's error keeps its kind.  The settings are copied. */
BindScript *bind_script_load(const char *path, const BindSettings *settings, Error *err);
void bind_script_free(BindScript *script);

/* The experiment's name. */
const char *bind_script_name(const BindScript *script);

/* Plans the experiment: builds every run's graph, opens its data, checks it, identifies it.  [OUT] the runs, alive as long as
 * the script.  A run that is the same as an earlier one (same identity) stands in the list once; [OUT] *twins counts those
 * left out. */
int bind_script_plan(BindScript *script, LabRun **runs, size_t *count, size_t *twins, Error *err);

/* The evaluations of planned runs, for lab_sweep. */
LabHooks bind_script_hooks(void);

/* The settings as canonical JSON, {"key":"value",…} with sorted keys: recorded with a sweep. */
const char *bind_script_settings(const BindScript *script);

/* ---- figures ---- */

typedef struct BindFigures {
    int64_t sweep;
    const char *folder;           /* where they go */
    const char *const *formats;   /* NULL-ended */
    /* called for each file that was drawn, and for each note of a figure: 0 to go on */
    int (*drawn)(void *context, const char *name, const char *format, const char *path, Error *err);
    void (*note)(void *context, const char *text);
    void *context;
} BindFigures;

size_t bind_script_figure_count(const BindScript *script);

/* Draws all figures of the experiment from the finished runs of one sweep. */
int bind_script_figures(BindScript *script, Store *store, const BindFigures *figures, Error *err);

/* ---- claims ---- */

size_t bind_script_claim_count(const BindScript *script);

/* Judges the experiment's claims by the finished runs of a sweep, and records the verdicts; `store` is open for writing. */
int bind_script_claims(BindScript *script, Store *store, int64_t sweep, Error *err);

/* The folder of the Lua library: VAE_LAB_LUA, else lua/ beside the executable, else ../share/vae-lab from it, else
 * PREFIX/share/vae-lab. */
int bind_library(char *path, size_t size, Error *err);

#endif
