/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/evaluate.c: calls an evaluation of a run in the worker, with the trained model, the data and a recorder.
 */
#include "bind/loaded.h"
#include "bind/watch.h"

static const char recorder_key = 0; /* registry: the recorder of the evaluation that runs */

typedef struct EvaluationJob {
    const LabRun *run;
    const BindRun *context;
    size_t number; /* of the evaluation, from 0 */
    Store *store;
    int64_t id;
    InferModel *model;
    BindRecorder *recorder;
} EvaluationJob;

/* Gives the recorder at `recorder` the models that the run table at `table` requires: requires = { classifier =
 * index of a run }. */
static void give_required(lua_State *L, const BindScript *s, int table, int recorder)
{
    if (lua_getfield(L, table, "requires") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            lua_Integer entry = luaL_checkinteger(L, -1);
            if (lua_type(L, -2) != LUA_TSTRING || entry < 1 || (size_t)entry > s->entries)
                luaL_error(L, "requires is not { name = index of a run }");
            bind_recorder_require(L, recorder, lua_tostring(L, -2), s->identity[entry - 1]);
        }
    lua_pop(L, 1);
}

/* Runs in protected mode: calls evaluations[number].run(model, data, recorder). */
static int call_evaluation(lua_State *L)
{
    enum { JOB = 1, TABLE, RECORDER };
    EvaluationJob *job = lua_touserdata(L, JOB);
    lua_getfield(L, LUA_REGISTRYINDEX, BIND_RUNS);
    lua_rawgeti(L, -1, (lua_Integer)job->context->entry + 1);
    lua_remove(L, -2);
    job->recorder = bind_recorder_push(L, job->store, job->id, job->run);
    lua_pushvalue(L, RECORDER);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &recorder_key);
    give_required(L, job->context->script, TABLE, RECORDER);
    lua_getfield(L, TABLE, "evaluations");
    lua_rawgeti(L, -1, (lua_Integer)job->number + 1);
    lua_getfield(L, -1, "run");
    bind_model_lend(L, job->model);
    lua_getfield(L, TABLE, "data");
    lua_pushvalue(L, RECORDER);
    lua_call(L, 3, 0);
    return 0;
}

static int evaluate(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    const BindRun *context = run->context;
    lua_State *L = context->script->L;
    EvaluationJob job = {run, context, evaluation, s, id, model, NULL};
    lua_pushcfunction(L, call_evaluation);
    lua_pushlightuserdata(L, &job);
    double start = lab_clock();
    bind_watch_start(L, &bind_watch_later, context->script->seconds);
    int status = bind_call(L, 1, 0, err);
    bind_watch_stop();
    if (status == 0)
        status = bind_recorder_commit(job.recorder, &run->evaluations[evaluation], lab_clock() - start, err);
    if (job.recorder != NULL)
        bind_recorder_release(job.recorder);
    bind_boxes_return(L);
    bind_unregister(L, &recorder_key); /* it may be collected now */
    return status;
}

LabHooks bind_script_hooks(void)
{
    return (LabHooks){evaluate};
}
