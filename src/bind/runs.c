/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/runs.c: the library's run tables become frozen configurations, and an evaluation's call goes back into Lua.
 *
 * Everything that a LabRun points to is kept by the script (bind_keep) or by the plan's list, which the state holds.
 */
#include "bind/inside.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- pieces of a run table; it is at the top of the stack ---- */

static const char *keep_text(lua_State *L, BindScript *s, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = bind_keep(L, s, bytes, 1);
    memcpy(copy, text, bytes);
    return copy;
}

static const char *field_text(lua_State *L, BindScript *s, const char *key, const char *missing)
{
    const char *text = missing == NULL ? bind_string_needed(L, -1, key) : bind_string(L, -1, key, missing);
    return keep_text(L, s, text);
}

/* The number or the list of numbers at the top, popped. */
static LabSchedule take_schedule(lua_State *L, BindScript *s, const char *name)
{
    int list = lua_type(L, -1) == LUA_TTABLE;
    size_t count = list ? lua_rawlen(L, -1) : 1;
    LabSchedule schedule = {count, bind_keep(L, s, count, sizeof(double))};
    if (count == 0)
        bind_wrong(L, name, -1, "a number or a list of numbers");
    for (size_t i = 0; i < count; i++) {
        if (list)
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
        else
            lua_pushvalue(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            bind_wrong(L, name, -1, "a number or a list of numbers");
        schedule.value[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return schedule;
}

static size_t count_fields(lua_State *L, int table)
{
    size_t count = 0;
    table = lua_absindex(L, table);
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
        count++;
    return count;
}

static const char *field_name(lua_State *L, BindScript *s, const char *table)
{
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "%s has an entry without a name", table);
    return keep_text(L, s, lua_tostring(L, -2));
}

static int scalar_order(const void *a, const void *b)
{
    return strcmp(((const LabScalar *)a)->name, ((const LabScalar *)b)->name);
}

/* scalars = {beta = {0, 0.1, …}}, by name. */
static void take_scalars(lua_State *L, BindScript *s, LabRun *run)
{
    if (lua_getfield(L, -1, "scalars") == LUA_TTABLE) {
        run->spec.nscalars = count_fields(L, -1);
        LabScalar *scalars = bind_keep(L, s, run->spec.nscalars, sizeof *scalars);
        size_t i = 0;
        for (lua_pushnil(L); lua_next(L, -2) != 0; i++) {
            scalars[i].name = field_name(L, s, "scalars");
            scalars[i].schedule = take_schedule(L, s, scalars[i].name);
        }
        qsort(scalars, run->spec.nscalars, sizeof *scalars, scalar_order);
        run->spec.scalars = scalars;
    }
    lua_pop(L, 1);
}

static int param_order(const void *a, const void *b)
{
    return strcmp(((const StoreParam *)a)->name, ((const StoreParam *)b)->name);
}

/* metrics = { "elbo", … }, a list of texts, as a NULL-ended array. */
static const char *const *take_texts(lua_State *L, BindScript *s, const char *key)
{
    lua_getfield(L, -1, key);
    size_t count = lua_type(L, -1) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    const char **texts = bind_keep(L, s, count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            bind_wrong(L, key, -1, "a list of texts");
        texts[i] = keep_text(L, s, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return texts;
}

/* The list at the top as a JSON array, "[1,5,50]", kept by the script. */
static const char *keep_list(lua_State *L, BindScript *s, const char *name)
{
    Text json = {0};
    size_t count = lua_rawlen(L, -1);
    for (size_t i = 1; i <= count; i++) {
        int type = lua_rawgeti(L, -1, (lua_Integer)i);
        text_add(&json, i == 1 ? "[" : ",");
        int whole;
        lua_Integer integer = lua_tointegerx(L, -1, &whole);
        if (type == LUA_TNUMBER && whole)
            text_addf(&json, LUA_INTEGER_FMT, (LUAI_UACINT)integer);
        else if (type == LUA_TNUMBER)
            text_add_number(&json, lua_tonumber(L, -1));
        else if (type == LUA_TSTRING)
            text_add_json(&json, lua_tostring(L, -1));
        else
            json.failed = 1;
        lua_pop(L, 1);
    }
    text_add(&json, count == 0 ? "[]" : "]");
    int failed = json.failed;
    char *kept = bind_keep(L, s, json.length + 1, 1);
    memcpy(kept, text_string(&json), json.length);
    text_free(&json);
    if (failed)
        luaL_error(L, "%s is not a list of numbers and texts", name);
    return kept;
}

/* params = {latent = 2, data = "mnist", …}: the table at the top becomes a list sorted by name. */
static const StoreParam *take_table(lua_State *L, BindScript *s, const char *what, int lists, size_t *count)
{
    size_t i = 0;
    *count = count_fields(L, -1);
    StoreParam *params = bind_keep(L, s, *count, sizeof *params);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1), i++) {
        params[i].name = field_name(L, s, what);
        switch (lua_type(L, -1)) {
        case LUA_TNUMBER: params[i].number = lua_tonumber(L, -1); break;
        case LUA_TBOOLEAN: params[i].text = lua_toboolean(L, -1) ? "true" : "false"; break;
        case LUA_TSTRING: params[i].text = keep_text(L, s, lua_tostring(L, -1)); break;
        default:
            if (!lists || lua_type(L, -1) != LUA_TTABLE)
                bind_wrong(L, params[i].name, -1, lists ? "a number, a text, a boolean or a list" : "a number, a text or a boolean");
            params[i].text = keep_list(L, s, params[i].name);
        }
    }
    qsort(params, *count, sizeof *params, param_order);
    return params;
}

static void take_params(lua_State *L, BindScript *s, LabRun *run)
{
    if (lua_getfield(L, -1, "params") == LUA_TTABLE)
        run->params = take_table(L, s, "params", 0, &run->nparams);
    lua_pop(L, 1);
}

/* evaluations = {{name = "nll", options = {samples = 500, …}, run = function}, …} */
static void take_evaluations(lua_State *L, BindScript *s, LabRun *run)
{
    lua_getfield(L, -1, "evaluations");
    run->nevaluations = lua_type(L, -1) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    StoreEvaluation *list = bind_keep(L, s, run->nevaluations, sizeof *list);
    for (size_t i = 0; i < run->nevaluations; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TTABLE)
            bind_wrong(L, "evaluations", -1, "a list of tables");
        list[i].name = field_text(L, s, "name", NULL);
        if (lua_getfield(L, -1, "options") == LUA_TTABLE)
            list[i].options = take_table(L, s, "options", 1, &list[i].noptions);
        lua_pop(L, 2);
    }
    run->evaluations = list;
    lua_pop(L, 1);
}

static void take_optimiser(lua_State *L, OptimiserSpec *spec)
{
    static const char *const keys[] = {"kind",    "momentum",     "beta1",     "beta2", "decay",
                                       "epsilon", "weight_decay", "clip_norm", NULL};
    Error err = ERROR_NONE;
    if (lua_getfield(L, -1, "optimiser") != LUA_TTABLE)
        bind_wrong(L, "optimiser", -1, "a table");
    int table = lua_gettop(L);
    bind_keys(L, table, "optimiser", keys);
    if (optimiser_defaults(spec, bind_string_needed(L, table, "kind"), &err) != 0)
        bind_raise(L, &err);
    spec->momentum = bind_number(L, table, "momentum", spec->momentum);
    spec->beta1 = bind_number(L, table, "beta1", spec->beta1);
    spec->beta2 = bind_number(L, table, "decay", bind_number(L, table, "beta2", spec->beta2));
    spec->epsilon = bind_number(L, table, "epsilon", spec->epsilon);
    spec->weight_decay = bind_number(L, table, "weight_decay", spec->weight_decay);
    spec->clip_norm = bind_number(L, table, "clip_norm", spec->clip_norm);
    if (optimiser_check(spec, &err) != 0)
        bind_raise(L, &err);
    lua_pop(L, 1);
}

/* monte_carlo_em = {leapfrog =, step_size =, accept =, transitions =, updates =}, or nothing. */
static void take_monte_carlo_em(lua_State *L, BindScript *s, LabRun *run)
{
    static const char *const keys[] = {"leapfrog", "step_size", "accept", "transitions", "updates", NULL};
    if (lua_getfield(L, -1, "monte_carlo_em") != LUA_TNIL) {
        int table = lua_gettop(L);
        luaL_checktype(L, table, LUA_TTABLE);
        bind_keys(L, table, "monte_carlo_em", keys);
        LabMonteCarloEM *em = bind_keep(L, s, 1, sizeof *em);
        bind_options(L, table, "Monte Carlo EM", infer_hmc_options, INFER_HMC_TRANSITION, &em->hmc);
        bind_options(L, table, "Monte Carlo EM", lab_monte_carlo_em_options, LAB_MONTE_CARLO_EM_OPTIONS, em);
        run->spec.monte_carlo_em = em;
    }
    lua_pop(L, 1);
}

/* The graph and the data of the run table: natives that the list keeps alive. */
static void take_objects(lua_State *L, LabRun *run)
{
    lua_getfield(L, -1, "graph");
    run->spec.graph = bind_graph_check(L, lua_gettop(L));
    lua_getfield(L, -2, "data");
    run->spec.data = bind_data_check(L, lua_gettop(L));
    if (lua_getfield(L, -3, "eval_graph") != LUA_TNIL)
        run->eval_graph = bind_graph_check(L, lua_gettop(L));
    lua_pop(L, 3);
}

static int field_int(lua_State *L, const char *key, lua_Integer missing, lua_Integer least)
{
    lua_Integer value = bind_integer(L, -1, key, missing, least);
    if (value > 1000000000)
        luaL_error(L, "%s is too large: %I", key, (LUAI_UACINT)value);
    return (int)value;
}

/* Fills a run from the table at the top of the stack. */
static void take_run(lua_State *L, BindScript *s, LabRun *run)
{
    Error err = ERROR_NONE;
    luaL_checktype(L, -1, LUA_TTABLE);
    run->script = s->path;
    run->experiment = field_text(L, s, "experiment", NULL);
    run->question = field_text(L, s, "question", "");
    run->label = field_text(L, s, "label", "");
    run->spec.objective = field_text(L, s, "objective", "bound");
    run->spec.seed.number = (uint64_t)bind_integer(L, -1, "seed", 1, 0);
    run->spec.seed.rng = num_rng_find(bind_string(L, -1, "rng", num_rng_philox->name), &err);
    if (run->spec.seed.rng == NULL)
        bind_raise(L, &err);
    run->spec.epochs = field_int(L, "epochs", 0, 1);
    run->spec.batch = (size_t)field_int(L, "batch", 0, 1);
    run->spec.samples = (size_t)field_int(L, "samples", 1, 1);
    run->spec.test_every = field_int(L, "test_every", 1, 1);
    run->phase = field_int(L, "phase", 0, 0);
    run->spec.metrics = take_texts(L, s, "metrics");
    take_evaluations(L, s, run);
    take_params(L, s, run);
    take_scalars(L, s, run);
    take_objects(L, run);
    take_optimiser(L, &run->spec.optimiser);
    take_monte_carlo_em(L, s, run);
    lua_getfield(L, -1, "rate");
    run->spec.rate = take_schedule(L, s, "rate");
}

/* ---- the plan ---- */

/* The earlier run of the same identity, or `count`. */
static size_t find_twin(const BindScript *s, const char *identity)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->runs[i].identity, identity) != 0)
        i++;
    return i;
}

static void identify(lua_State *L, BindScript *s, LabRun *run, size_t entry)
{
    Error err = ERROR_NONE;
    if (lab_run_identify(run, &err) != 0) {
        error_in(&err, "run %zu", entry + 1);
        bind_raise(L, &err);
    }
    memcpy(s->identity[entry], run->identity, DIGEST_TEXT);
}

/* Runs in protected mode with the script: calls the library's plan, converts its list. */
static int plan(lua_State *L)
{
    BindScript *s = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "vae_lab");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "runs");
    bind_push_experiment(L);
    bind_push_settings(L);
    lua_call(L, 2, 1);
    if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        return luaL_error(L, "the experiment's sweep holds no run");
    lua_pushvalue(L, -1);
    bind_set_plan(L);
    s->entries = lua_rawlen(L, -1);
    s->identity = bind_keep(L, s, s->entries, sizeof *s->identity);
    s->runs = bind_keep(L, s, s->entries, sizeof *s->runs);
    for (size_t i = 0; i < s->entries; i++) {
        LabRun *run = &s->runs[s->count];
        BindRun *context = bind_keep(L, s, 1, sizeof *context);
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        take_run(L, s, run);
        *context = (BindRun){s, i};
        run->context = context;
        identify(L, s, run, i);
        if (find_twin(s, run->identity) < s->count) {
            mem_free(run->plan);
            memset(run, 0, sizeof *run);
        } else {
            s->count++;
        }
        lua_pop(L, 1);
    }
    return 0;
}

int bind_script_plan(BindScript *script, LabRun **runs, size_t *count, size_t *twins, Error *err)
{
    lua_State *L = script->L;
    if (script->count == 0) {
        bind_watch(L, bind_script_seconds(L));
        lua_pushcfunction(L, plan);
        lua_pushlightuserdata(L, script);
        int status = bind_call(L, 1, 0, err);
        bind_watch(L, 0);
        bind_forget_line(L);
        if (status != 0)
            return -1;
    }
    *runs = script->runs;
    *count = script->count;
    *twins = script->entries - script->count;
    return 0;
}

/* ---- evaluations ---- */

static const char evaluation_key = 0; /* the objects lent to the evaluation that runs */

typedef struct Evaluation {
    const LabRun *run;
    const BindRun *context;
    size_t number; /* from 0 */
    Store *store;
    int64_t id;
    InferModel *model;
    BindModel *lent_model;
    BindRecorder *recorder;
} Evaluation;

/* The models that the run table at `table` requires, into the recorder at `recorder`. */
static void give_required(lua_State *L, const BindScript *s, int table, int recorder)
{
    if (lua_getfield(L, table, "requires") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            lua_Integer entry = luaL_checkinteger(L, -1);
            if (lua_type(L, -2) != LUA_TSTRING || entry < 1 || (size_t)entry > s->entries)
                luaL_error(L, "requires is not {name = index of a run}");
            bind_recorder_require(L, recorder, lua_tostring(L, -2), s->identity[entry - 1]);
        }
    lua_pop(L, 1);
}

/* Runs in protected mode: calls evaluations[number].run(model, data, recorder, others). */
static int call_evaluation(lua_State *L)
{
    enum { ARGUMENT = 1, LENT, TABLE, MODEL, RECORDER };
    Evaluation *e = lua_touserdata(L, ARGUMENT);
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, LENT);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &evaluation_key);
    bind_push_plan(L);
    lua_rawgeti(L, -1, (lua_Integer)e->context->entry + 1);
    lua_remove(L, -2);
    e->lent_model = bind_model_push(L, e->model);
    lua_pushvalue(L, -1);
    lua_rawseti(L, LENT, 1);
    e->recorder = bind_recorder_push(L, e->store, e->id, e->run);
    lua_pushvalue(L, -1);
    lua_rawseti(L, LENT, 2);
    give_required(L, e->context->script, TABLE, RECORDER);
    lua_getfield(L, TABLE, "evaluations");
    lua_rawgeti(L, -1, (lua_Integer)e->number + 1);
    lua_getfield(L, -1, "run");
    lua_pushvalue(L, MODEL);
    lua_getfield(L, TABLE, "data");
    lua_pushvalue(L, RECORDER);
    bind_recorder_push_models(L, RECORDER);
    lua_call(L, 4, 0);
    return 0;
}

static int evaluate(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    const BindRun *context = run->context;
    lua_State *L = context->script->L;
    Evaluation e = {run, context, evaluation, s, id, model, NULL, NULL};
    lua_pushcfunction(L, call_evaluation);
    lua_pushlightuserdata(L, &e);
    int status = bind_call(L, 1, 0, err);
    if (status == 0)
        status = bind_recorder_flush(e.recorder, err);
    if (e.recorder != NULL)
        bind_recorder_release(e.recorder);
    if (e.lent_model != NULL)
        e.lent_model->model = NULL;
    lua_pushnil(L); /* the objects may be collected now */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &evaluation_key);
    return status;
}

LabHooks bind_script_hooks(void)
{
    return (LabHooks){evaluate};
}
