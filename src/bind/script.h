/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/script.h: a loaded experiment script: its runs, evaluations, figures and claims.  What the commands use of
 * this room; it needs no Lua header.
 */
#ifndef BIND_SCRIPT_H
#define BIND_SCRIPT_H

#include "base/error.h"
#include "base/text.h"
#include "lab/lab.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BindScript BindScript;

/* The settings of the command line. */
typedef struct BindSettings {
    const char *const *set; /* "key=value", each checked */
    size_t nset;
    const char *data_dir;   /* --data-dir, or NULL */
    double seconds;         /* processor time after which loading is stopped; 0: 10 */
} BindSettings;

/* Loads a script in its own environment, with chosen libraries.  NULL with *err (ERR_SCRIPT, with file and line): no
 * such file, bad syntax, a run-time error, an endless loop, no experiment returned.  An error of another room keeps
 * its kind.  The settings are copied. */
BindScript *bind_script_load(const char *path, const BindSettings *settings, Error *err);
void bind_script_free(BindScript *script);

/* The experiment's name. */
const char *bind_script_name(const BindScript *script);

/* Makes the runs of the experiment's sweep: builds each graph, opens its data, checks and identifies it.  [OUT] the
 * runs, which live as long as the script.  Of runs with the same identity the list has the first; [OUT] *duplicates
 * counts the others. */
int bind_script_runs(BindScript *script, LabRun **runs, size_t *count, size_t *duplicates, Error *err);

/* [OUT] what a sweep of these runs records of the script: its text, the texts of the modules that it has required so far
 * (bind_script_runs builds the models), the library's digest.  Lives as long as the script. */
int bind_script_provenance(BindScript *script, const LabProvenance **provenance, Error *err);

/* How lab_sweep calls the evaluations of these runs. */
LabHooks bind_script_hooks(void);

/* The settings as canonical JSON, {"key":"value",…} with sorted keys: recorded with a sweep. */
const char *bind_script_settings(const BindScript *script);

/* ---- figures ---- */

typedef struct BindFigures {
    int64_t sweep;
    const char *folder;           /* of the files */
    const char *const *formats;   /* NULL-ended */
    /* called for each file that was drawn (returns 0 to go on) and for each note of a figure */
    int (*drawn)(void *context, const char *name, const char *format, const char *path, Error *err);
    void (*note)(void *context, const char *text);
    /* called for each file, and each whole figure, that could not be drawn; NULL: the first one ends the drawing */
    void (*failed)(void *context, const Error *err);
    void *context;
} BindFigures;

size_t bind_script_figure_count(const BindScript *script);

/* Draws all figures of the experiment from the finished runs of one sweep. */
int bind_script_figures(BindScript *script, Store *store, const BindFigures *figures, Error *err);

/* ---- claims ---- */

size_t bind_script_claim_count(const BindScript *script);

/* Judges the experiment's claims by the finished runs of a sweep, by intervals of that level (0.95), and records the
 * verdicts; `store` is open for writing. */
int bind_script_claims(BindScript *script, Store *store, int64_t sweep, double level, Error *err);

/* ---- the library ---- */

/* Adds docs/natives.md, the reference of the native modules (reference.c). */
void bind_reference(Text *text);

/* The folder of the Lua library: VAE_LAB_LUA, else lua/ in the executable's folder, else ../share/vae-lab from it, else
 * PREFIX/share/vae-lab. */
int bind_library(char *path, size_t size, Error *err);

/* -1 with *err, and the experiment that was perhaps meant, when the script cannot be read. */
int bind_check_script(const char *path, Error *err);

#endif
