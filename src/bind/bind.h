/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/bind.h: what the files of this room share: errors that cross into Lua and back, memory, types, the native
 * modules.
 *
 * Inside this room a failure is a Lua error.  A userdata owns what a native allocates before anything that may raise
 * is called.
 */
#ifndef BIND_BIND_H
#define BIND_BIND_H

#include "base/error.h"
#include "bind/options.h"
#include "bind/script.h"
#include "data/data.h"
#include "graph/graph.h"
#include "lab/lab.h"
#include "store/store.h"

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>

/* An integer for %I of luaL_error and lua_pushfstring. */
#define INT(x) ((LUAI_UACINT)(x))

/* ---- memory, types, modules (object.c) ---- */

/* [OUT] scratch: pushes a userdata of `count` * `size` zero bytes. */
void *bind_scratch(lua_State *L, size_t count, size_t size);

/* [OUT] the same, kept until the state is closed; pushes nothing. */
void *bind_keep(lua_State *L, size_t count, size_t size);

/* A function or a method that Lua calls.  The rows of all modules make docs/natives.md. */
typedef struct BindFunction {
    const char *name;
    lua_CFunction call;
    const char *use;            /* arguments and results: "(rows, cols) → array" */
    const char *text;           /* what it does, one line */
    const BindOptions *options; /* of the table that it takes, or NULL */
} BindFunction;

/* A module, require "vae_lab.native.NAME", or the type of an object that Lua is given. */
typedef struct BindModule {
    const char *name, *text;
    const BindFunction *functions; /* ended by {0}; NULL: no module, a type alone */
    const char *type;              /* of its objects: BIND_GRAPH; NULL: none */
    const BindFunction *methods;   /* ended by {0} */
    const luaL_Reg *meta;          /* NULL-ended */
    const BindOptions *const *tables; /* NULL-ended: tables of other places, for the documentation; or NULL */
} BindModule;

void bind_module_open(lua_State *L, const BindModule *module);

/* Makes a type: its metatable from methods (may be NULL) and metamethods. */
void bind_type(lua_State *L, const char *name, const BindFunction *methods, const luaL_Reg *meta);

/* An object of another room as a userdata; NULL: closed. */
typedef struct BindBox {
    void *object;
    int lent; /* another owner frees it */
} BindBox;

/* Pushes a closed box with `values` user values; the caller then opens its object, so that a raise finds it
 * consistent. */
BindBox *bind_box_push(lua_State *L, const char *type, int values);

/* The open object at an index; raises when it is another thing, or closed. */
void *bind_box_check(lua_State *L, int index, const char *type);

/* Pushes an object that its owner keeps; bind_boxes_return closes all of these for Lua. */
void bind_box_lend(lua_State *L, const char *type, int values, void *object);
void bind_boxes_return(lua_State *L);

/* Removes a value of the registry; allocates nothing, so that it may be called outside bind_call. */
void bind_unregister(lua_State *L, const void *key);

/* ---- where the user's code is (where.c) ---- */

/* Sets the script's path (copied). */
void bind_set_script(lua_State *L, const char *script);

/* Notes the script's line that runs (from the line hook); forgets it: code that runs from now on was not called by
 * the script. */
void bind_note_line(lua_State *L, lua_Debug *ar);
void bind_forget_line(lua_State *L);

/* [OUT] "kl_ablation.lua:14": the innermost line of the user's code, "" when none runs. */
void bind_where(lua_State *L, char *text, size_t size);

/* For watch.c: what bind_where_stopped needs of a state, or NULL; [OUT] the innermost line of the user's code while the
 * thread of L has stopped (L NULL: the last line that was noted).  Neither allocates nor pushes. */
void *bind_place(lua_State *L);
void bind_where_stopped(lua_State *L, const void *place, char *text, size_t size);

/* [OUT] the user's lines, from `position` ("chunk:12" or "") on: "kl.lua:14 (in vae_lab/nn.lua:33), called from
 * kl.lua:20". */
void bind_where_from(lua_State *L, const char *position, char *text, size_t size);

/* Splits "chunk:12: message".  [OUT] position: "chunk:12", or "".  Returns the length of what is before the message. */
size_t bind_where_split(lua_State *L, const char *message, char *position, size_t size);

/* ---- errors (call.c) ---- */

/* Raises *err as a Lua error value that keeps all its fields (tostring() gives its lines).  Does not return. */
int bind_raise(lua_State *L, const Error *err);

/* The same for Lua: raise { what =, where =, found =, expected =, hint = }. */
int bind_raise_table(lua_State *L);

/* Calls the function below `nargs` arguments in protected mode: 0, or -1 with *err and the stack as it was below the
 * function.  The only way into Lua.  A string error is split into its fields; an Error that a native raised stays as
 * it is. */
int bind_call(lua_State *L, int nargs, int nresults, Error *err);

/* Registry: the settings, { set = { key = value }, data_dir = … or nil }. */
#define BIND_SETTINGS "vae_lab.settings"

/* Creates the metatable of error values. */
void bind_error_open(lua_State *L);

/* ---- what a script may use (sandbox.c, random.c) ---- */

/* Opens the chosen libraries and the natives, and runs the prelude.  `library`: the folder of the Lua library. */
void bind_sandbox_open(lua_State *L, const char *library, const char *script);

/* Pushes the script's chunk, with its environment; raises for a syntax error. */
void bind_sandbox_load(lua_State *L, const char *script);

/* Keeps a text that the script is made from, for the record: (role, path, text) (sources.c). */
int bind_keep_source(lua_State *L);

/* Replaces math.random and math.randomseed. */
void bind_random_open(lua_State *L);

/* ---- the objects ---- */

#define BIND_GRAPH "vae_lab.graph"
#define BIND_DATA "vae_lab.data"
#define BIND_STORE "vae_lab.store"
#define BIND_MODEL "vae_lab.model"
#define BIND_RECORDER "vae_lab.recorder"

/* The open object at an index; raises when it is another thing, or closed. */
Graph *bind_graph_check(lua_State *L, int index);
Data *bind_data_check(lua_State *L, int index);
Store *bind_store_check(lua_State *L, int index);
InferModel *bind_model_check(lua_State *L, int index); /* opens one that was pushed for later */

/* "train", "valid", "test", NULL: in the order of DataSplit. */
extern const char *const bind_splits[];

/* A StoreRow: appends the row as { column = value } to the list at the top of the stack of `context`, a lua_State. */
int bind_store_row(void *context, int columns, const char *const *names, const StoreValue *values);

/* After a query whose list is at `list`: raises when it failed. */
void bind_store_done(lua_State *L, int list, int status, const Error *err);

/* Pushes the trained model that the worker lends to an evaluation. */
void bind_model_lend(lua_State *L, InferModel *model);

/* Pushes the model of a finished run, by its number; `store` is the stack index of its store object. */
void bind_model_open_run(lua_State *L, int store, int64_t run);

/* Pushes the model of a run by its identity, opened when it is first used; `role` ("classifier") is what an error
 * calls it. */
void bind_model_push_later(lua_State *L, int store, const char *identity, const char *role);

/* What an evaluation records with. */
typedef struct BindRecorder BindRecorder;
BindRecorder *bind_recorder_push(lua_State *L, Store *store, int64_t run, const LabRun *owner);
/* Gives the recorder at `index` the model of a run that its run requires. */
void bind_recorder_require(lua_State *L, int index, const char *name, const char *identity);
/* Commits the evaluation, its results and the seconds that it took in one transaction. */
int bind_recorder_commit(BindRecorder *r, const StoreEvaluation *evaluation, double seconds, Error *err);
void bind_recorder_release(BindRecorder *r);

/* ---- the modules (reference.c lists them) ---- */
extern const BindModule bind_array_module, bind_graph_module, bind_data_module, bind_store_module, bind_model_module,
    bind_recorder_module, bind_run_module, bind_stats_module, bind_verdict_module, bind_plot_module;
extern const BindModule *const bind_modules[]; /* NULL-ended */

#endif
