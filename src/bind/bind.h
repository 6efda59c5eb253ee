/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/bind.h: what the files of this room share: errors that cross into Lua and back, option tables, the native modules.
 *
 * Inside this room a failure is a Lua error.  What a native owns lies in a userdata before anything that may raise is called.
 */
#ifndef BIND_BIND_H
#define BIND_BIND_H

#include "base/error.h"
#include "base/option.h"
#include "bind/script.h"
#include "data/data.h"
#include "graph/graph.h"
#include "lab/lab.h"
#include "store/store.h"

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>

/* ---- memory and types (object.c) ---- */

/* [OUT] scratch: pushes a userdata of `count` * `size` zero bytes. */
void *bind_scratch(lua_State *L, size_t count, size_t size);

/* Makes a type: its metatable from methods and metamethods (each NULL-ended, either may be NULL). */
void bind_type(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* ---- where the user's code is (where.c) ---- */

/* Sets the script's path (copied). */
void bind_set_script(lua_State *L, const char *script);

/* Notes the script's line that runs (from the line hook); forgets it: code that runs from now on was not called by the script. */
void bind_note_line(lua_State *L, lua_Debug *ar);
void bind_forget_line(lua_State *L);

/* [OUT] "kl_ablation.lua:14": the innermost line of the user's code, "" when none runs. */
void bind_where(lua_State *L, char *text, size_t size);

/* [OUT] the user's lines, from `position` ("chunk:12" or "") on: "kl.lua:14 (in vae_lab/nn.lua:33), called from kl.lua:20". */
void bind_where_from(lua_State *L, const char *position, char *text, size_t size);

/* Splits "chunk:12: message".  [OUT] position: "chunk:12", or "".  Returns the length of what is before the message. */
size_t bind_where_split(lua_State *L, const char *message, char *position, size_t size);

/* ---- errors (call.c) ---- */

/* Raises *err as a Lua error value that keeps all its fields (tostring() gives its lines).  Does not return. */
int bind_raise(lua_State *L, const Error *err);

/* The same for Lua: raise { what =, where =, found =, expected =, hint = }. */
int bind_raise_table(lua_State *L);

/* Calls the function below `nargs` arguments in protected mode: 0, or -1 with *err and the stack as it was below the function.  The
 * only way into Lua.  A string error is split into its fields; an Error that a native raised stays as it is. */
int bind_call(lua_State *L, int nargs, int nresults, Error *err);

/* Creates the metatable of error values. */
void bind_error_open(lua_State *L);

/* ---- what a script may use (sandbox.c, random.c, watch.c) ---- */

/* Opens the chosen libraries and the natives, and runs the prelude.  `library`: the folder of the Lua library. */
void bind_sandbox_open(lua_State *L, const char *library, const char *script);

/* Pushes the script's chunk, in its own environment; raises a syntax error. */
void bind_sandbox_load(lua_State *L, const char *script);

/* Replaces math.random and math.randomseed. */
void bind_random_open(lua_State *L);

/* From now on Lua code is stopped after `seconds` of processor time; 0 turns that off. */
void bind_watch(lua_State *L, double seconds);

/* Processor time that a native spends between these two does not count. */
double bind_watch_pause(void);
void bind_watch_resume(lua_State *L, double paused);

/* ---- option tables (options.c): {name = value} at `index`; errors name the key, what was found and what was expected ---- */

/* Raises on a key that is not in names[] (NULL-ended), with the nearest as the hint.  nil counts as an empty table. */
void bind_keys(lua_State *L, int index, const char *what, const char *const *names);

/* Each reads one key.  `needed` values raise when the key is missing. */
lua_Integer bind_integer(lua_State *L, int index, const char *key, lua_Integer missing, lua_Integer least);
double bind_number(lua_State *L, int index, const char *key, double missing);
const char *bind_string(lua_State *L, int index, const char *key, const char *missing); /* valid while the table holds it */
const char *bind_string_needed(lua_State *L, int index, const char *key);

/* Reads the options of these rows into *settings, missing ones as their defaults; raises when one is out of range. */
void bind_options(lua_State *L, int index, const char *owner, const Option *options, size_t count, void *settings);

/* Adds the rows to the table on the top of the stack as rules of check.lua: { leapfrog = { type =, min =, max =, default = }, … }. */
void bind_add_rules(lua_State *L, const Option *options, size_t count);

/* Raises ERR_SCRIPT: "KEY is not EXPECTED", with the value at `value` as what was found. */
int bind_wrong(lua_State *L, const char *key, int value, const char *expected);

/* ---- the objects ---- */

typedef struct BindGraph { Graph *graph; } BindGraph;
typedef struct BindData { Data *data; } BindData;
typedef struct BindStore { Store *store; int borrowed; } BindStore;
typedef struct BindModel { InferModel *model; int borrowed; } BindModel;

#define BIND_GRAPH "vae_lab.graph"
#define BIND_DATA "vae_lab.data"
#define BIND_STORE "vae_lab.store"
#define BIND_MODEL "vae_lab.model"
#define BIND_RECORDER "vae_lab.recorder"

/* The open object at an index; raises when it is another thing, or closed. */
Graph *bind_graph_check(lua_State *L, int index);
Data *bind_data_check(lua_State *L, int index);
Store *bind_store_check(lua_State *L, int index);
InferModel *bind_model_check(lua_State *L, int index);

/* "train", "valid" or "test" at an index; raises with a suggestion. */
DataSplit bind_split(lua_State *L, const char *name);

/* Push an object that somebody else owns; the pointer is taken back with _release when the owner's call ends. */
BindStore *bind_store_push(lua_State *L, Store *store);
BindModel *bind_model_push(lua_State *L, InferModel *model);

/* Pushes the model of a finished run, by its number; `store` is the stack index of its store object. */
void bind_model_open_run(lua_State *L, int store, int64_t run);

/* Pushes the model of a run by its identity, opened when it is first used; `role` ("classifier") is what an error calls it. */
void bind_model_push_later(lua_State *L, int store, const char *identity, const char *role);

/* What an evaluation records through. */
typedef struct BindRecorder BindRecorder;
BindRecorder *bind_recorder_push(lua_State *L, Store *store, int64_t run, const LabRun *owner);
/* Gives the recorder at `index` the model of a run that its own requires. */
void bind_recorder_require(lua_State *L, int index, const char *name, const char *identity);
/* Pushes the table of those models, {classifier = model}. */
void bind_recorder_push_models(lua_State *L, int index);
/* Commits the metrics that were given, in one transaction. */
int bind_recorder_flush(BindRecorder *r, Error *err);
void bind_recorder_release(BindRecorder *r);

/* ---- the modules, preloaded as vae_lab.native.NAME ---- */
int bind_array_open(lua_State *L);
int bind_graph_open(lua_State *L);
int bind_data_open(lua_State *L);
int bind_store_open(lua_State *L);
int bind_model_open(lua_State *L);
int bind_stats_open(lua_State *L);
int bind_plot_open(lua_State *L);

/* Creates the recorder's metatable; it is no module, since only an evaluation is given one. */
void bind_recorder_open(lua_State *L);

#endif
