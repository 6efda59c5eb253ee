/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/posterior.c: what infer/posterior.h computes, as methods of a model.
 */
#include "bind/posterior.h"

#include "bind/array.h"
#include "infer/posterior.h"

static InferHmc read_hmc(lua_State *L, int table)
{
    InferHmc hmc;
    bind_options(L, table, "Hamiltonian Monte Carlo", infer_hmc_options, INFER_HMC_OPTIONS, &hmc);
    return hmc;
}

/* start =: (count, samples * width of z). */
static const float *read_start(lua_State *L, const InferModel *m, const InferRequest *request)
{
    size_t width = infer_model_width(m, "z");
    if (lua_getfield(L, 2, "start") == LUA_TNIL)
        bind_wrong(L, "start", -1, "an array: where the chains of each example start");
    const BindArray *a = bind_array_check(L, lua_gettop(L));
    if (a->rows != request->count || a->cols != request->samples * width)
        luaL_error(L, "start is (%I, %I), and not (%I, %I): a row for each example, in it %I chains of z's %I numbers", (LUAI_UACINT)a->rows,
                   (LUAI_UACINT)a->cols, (LUAI_UACINT)request->count, (LUAI_UACINT)(request->samples * width), (LUAI_UACINT)request->samples,
                   (LUAI_UACINT)width);
    return bind_array_floats(L, a);
}

/* m:hmc{start =, draws =, leapfrog =, warm_up =, thin =, step_size =, accept =, …} → z (count, samples * draws * width), accepted (count, 1) */
int bind_model_hmc(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    InferHmc hmc = read_hmc(L, 2);
    const float *start = read_start(L, m, &request);
    size_t draws = (size_t)bind_integer(L, 2, "draws", 100, 1), row = request.samples * draws * infer_model_width(m, "z");
    float *z = bind_scratch(L, request.count * row, sizeof *z);
    BindArray *accepted = bind_array_new(L, request.count, 1);
    int at = lua_gettop(L);
    double pause = bind_watch_pause();
    int status = infer_hmc(m, &request, &hmc, start, draws, z, accepted->data, &err);
    bind_watch_resume(L, pause);
    if (status != 0)
        return bind_raise(L, &err);
    bind_array_from_floats(L, request.count, row, z);
    lua_pushvalue(L, at);
    return 2;
}

/* m:ais{start =, temperatures =, reverse =, leapfrog =, step_size =, accept =, …} → logw (count, samples), accepted (count, 1) */
int bind_model_ais(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    InferHmc hmc = read_hmc(L, 2);
    const float *start = read_start(L, m, &request);
    size_t temperatures = (size_t)bind_integer(L, 2, "temperatures", 100, 1);
    lua_getfield(L, 2, "reverse");
    int reverse = lua_toboolean(L, -1);
    BindArray *logw = bind_array_new(L, request.count, request.samples);
    BindArray *accepted = bind_array_new(L, request.count, 1);
    double pause = bind_watch_pause();
    int status = infer_ais(m, &request, &hmc, start, temperatures, reverse, logw->data, accepted->data, &err);
    bind_watch_resume(L, pause);
    return status != 0 ? bind_raise(L, &err) : 2;
}

/* m:quadrature{tolerance =, …} → logp, change: (count, 1), box (count, 2 * width of z) */
int bind_model_quadrature(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    BindArray *logp = bind_array_new(L, request.count, 1);
    BindArray *change = bind_array_new(L, request.count, 1);
    BindArray *box = bind_array_new(L, request.count, 2 * infer_model_width(m, "z"));
    double pause = bind_watch_pause();
    int status = infer_quadrature(m, &request, bind_number(L, 2, "tolerance", 1e-5), logp->data, change->data, box->data, &err);
    bind_watch_resume(L, pause);
    return status != 0 ? bind_raise(L, &err) : 3;
}

/* over = {"q.mu", …}, start = {array (count, width), …}: [OUT] names (NULL-ended) and copies of the arrays, on the stack. */
static size_t read_start_values(lua_State *L, const InferModel *m, const InferRequest *request, size_t most, const char **over, float **values)
{
    lua_getfield(L, 2, "over");
    lua_getfield(L, 2, "start");
    int names = lua_gettop(L) - 1, arrays = names + 1;
    luaL_checktype(L, names, LUA_TTABLE);
    luaL_checktype(L, arrays, LUA_TTABLE);
    size_t count = lua_rawlen(L, names);
    if (count < 1 || count > most || lua_rawlen(L, arrays) != count)
        luaL_error(L, "over and start are lists of one length, from 1 to %I", (LUAI_UACINT)most);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, names, (lua_Integer)i + 1);
        over[i] = luaL_checkstring(L, -1); /* stays alive in the list */
        lua_rawgeti(L, arrays, (lua_Integer)i + 1);
        const BindArray *a = bind_array_check(L, lua_gettop(L));
        if (a->rows != request->count || a->cols != infer_model_width(m, over[i]))
            luaL_error(L, "the start of %s is (%I, %I), and not (%I, %I)", over[i], (LUAI_UACINT)a->rows, (LUAI_UACINT)a->cols,
                       (LUAI_UACINT)request->count, (LUAI_UACINT)infer_model_width(m, over[i]));
        values[i] = bind_array_floats(L, a);
    }
    over[count] = NULL;
    return count;
}

/* m:optimise_local_q{objective =, over =, start =, steps =, rate =, check =, …} → value (count, 1), then an array for each node of `over` */
int bind_model_optimise_local_q(lua_State *L)
{
    enum { NODES = 4 };
    const char *over[NODES + 1];
    float *values[NODES];
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    size_t count = read_start_values(L, m, &request, NODES, over, values);
    const InferLocalQ local = {.objective = bind_string(L, 2, "objective", "elbo"), .feeds = over,
                               .steps = (size_t)bind_integer(L, 2, "steps", 500, 0), .rate = bind_number(L, 2, "rate", 0.01),
                               .check = (size_t)bind_integer(L, 2, "check", 1000, 1)};
    BindArray *value = bind_array_new(L, request.count, 1);
    double pause = bind_watch_pause();
    int status = infer_optimise_local_q(m, &request, &local, values, value->data, &err);
    bind_watch_resume(L, pause);
    if (status != 0)
        return bind_raise(L, &err);
    for (size_t i = 0; i < count; i++)
        bind_array_from_floats(L, request.count, infer_model_width(m, over[i]), values[i]);
    return (int)count + 1;
}
