/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/posterior.c: infer/posterior.h as methods of a model.
 */
#include "bind/posterior.h"

#include "infer/posterior.h"

/* ---- Hamiltonian Monte Carlo and annealed importance sampling ---- */

typedef struct HmcCall {
    ModelRequest request;
    InferHmc hmc;
    const BindArray *start;
    size_t draws, temperatures;
    int reverse;
} HmcCall;

#define START \
    {OPTION(HmcCall, start), .type = OPTION_OBJECT, .object = BIND_ARRAY, .required = 1, \
     .text = "where the chains start: (count, samples * width of z)"}
static const Option hmc_rows[] = {
    START,
    {OPTION(HmcCall, draws), .type = OPTION_SIZE, .least = 1, .standard = 100,
     .text = "draws that are kept of each chain"},
};
static const Option ais_rows[] = {
    START,
    {OPTION(HmcCall, temperatures), .type = OPTION_SIZE, .least = 1, .standard = 100,
     .text = "steps from the prior to the posterior"},
    {OPTION(HmcCall, reverse), .type = OPTION_BOOLEAN,
     .text = "from the posterior to the prior: -log mean w is an upper bound"},
};
#define HMC_ROWS BIND_ROWS(infer_hmc_options, offsetof(HmcCall, hmc))
#define REQUEST_ROWS BIND_ROWS(model_request_rows, 0)
const BindOptions model_hmc_options = {"model:hmc", {REQUEST_ROWS, HMC_ROWS, BIND_ROWS(hmc_rows, 0)}};
const BindOptions model_ais_options = {"model:ais", {REQUEST_ROWS, HMC_ROWS, BIND_ROWS(ais_rows, 0)}};

/* start as floats, (count, samples * width of z). */
static const float *start_values(lua_State *L, const InferModel *m, const HmcCall *call)
{
    const InferRequest *request = &call->request.infer;
    size_t width = infer_model_width(m, "z");
    const BindArray *a = call->start;
    bind_array_shape(L, "start, a row of chains for each example,", a, request->count, request->samples * width);
    return bind_array_floats(L, a);
}

int bind_model_hmc(lua_State *L)
{
    HmcCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &model_hmc_options, &call);
    const InferRequest *request = &call.request.infer;
    const float *start = start_values(L, m, &call);
    size_t row = request->samples * call.draws * infer_model_width(m, "z");
    float *z = bind_scratch(L, request->count * row, sizeof *z);
    BindArray *accepted = bind_array_new(L, request->count, 1);
    int at = lua_gettop(L);
    int status = infer_hmc(m, request, &call.hmc, start, call.draws, z, accepted->data, &err);
    if (status != 0)
        return bind_raise(L, &err);
    bind_array_from_floats(L, request->count, row, z);
    lua_pushvalue(L, at);
    return 2;
}

int bind_model_ais(lua_State *L)
{
    HmcCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &model_ais_options, &call);
    const InferRequest *request = &call.request.infer;
    const float *start = start_values(L, m, &call);
    BindArray *logw = bind_array_new(L, request->count, request->samples);
    BindArray *accepted = bind_array_new(L, request->count, 1);
    if (infer_ais(m, request, &call.hmc, start, call.temperatures, call.reverse, logw->data, accepted->data, &err) != 0)
        return bind_raise(L, &err);
    return 2;
}

/* ---- quadrature ---- */

typedef struct QuadratureCall {
    ModelRequest request;
    double tolerance;
} QuadratureCall;

static const Option quadrature_rows[] = {
    {OPTION(QuadratureCall, tolerance), .type = OPTION_NUMBER, .standard = 1e-5,
     .text = "change of log p(x) at which the grid is fine enough, nats"},
};
const BindOptions model_quadrature_options = {"model:quadrature", {REQUEST_ROWS, BIND_ROWS(quadrature_rows, 0)}};

int bind_model_quadrature(lua_State *L)
{
    QuadratureCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &model_quadrature_options, &call);
    const InferRequest *request = &call.request.infer;
    BindArray *logp = bind_array_new(L, request->count, 1);
    BindArray *change = bind_array_new(L, request->count, 1);
    BindArray *box = bind_array_new(L, request->count, 2 * infer_model_width(m, "z"));
    int status = infer_quadrature(m, request, call.tolerance, logp->data, change->data, box->data, &err);
    return status != 0 ? bind_raise(L, &err) : 3;
}

/* ---- local optimisation of q ---- */

typedef struct LocalQCall {
    ModelRequest request;
    InferLocalQ local;
} LocalQCall;

static const Option local_q_rows[] = {
    {OPTION(InferLocalQ, objective), .type = OPTION_STRING, .word = "elbo",
     .text = "the node to maximise, one number for each example"},
    {.name = "over", .offset = offsetof(InferLocalQ, feeds), .type = OPTION_STRINGS, .required = 1,
     .text = "the nodes whose values are optimised, each example's own: { \"q.mu\", … }"},
    {.name = "start", .type = OPTION_TABLE, .required = 1,
     .text = "a list of arrays (count, width), the first values of these nodes"},
    {OPTION(InferLocalQ, steps), .type = OPTION_SIZE, .standard = 500, .text = "steps of Adam; 0: only evaluate"},
    {OPTION(InferLocalQ, rate), .type = OPTION_NUMBER, .standard = 0.01,
     .text = "learning rate of the first step; it falls linearly to 0"},
    {OPTION(InferLocalQ, check), .type = OPTION_SIZE, .least = 1, .standard = 1000,
     .text = "draws for the objective's final value"},
};
const BindOptions model_local_q_options = {
    "model:optimise_local_q", {REQUEST_ROWS, BIND_ROWS(local_q_rows, offsetof(LocalQCall, local))},
};

/* [OUT] values: copies of the arrays of start, on the stack.  Returns the number of nodes. */
static size_t start_arrays(lua_State *L, const InferModel *m, const LocalQCall *call, size_t most, float **values)
{
    const InferRequest *request = &call->request.infer;
    const char *const *over = call->local.feeds;
    size_t count = 0;
    while (over[count] != NULL)
        count++;
    lua_getfield(L, 2, "start");
    int arrays = lua_gettop(L);
    if (!lua_istable(L, arrays))
        luaL_error(L, "start is a %s, expected a list of arrays", luaL_typename(L, arrays));
    if (count < 1 || count > most || lua_rawlen(L, arrays) != count)
        luaL_error(L, "over and start must be lists of the same length, from 1 to %I", INT(most));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, arrays, (lua_Integer)i + 1);
        const BindArray *a = luaL_testudata(L, -1, BIND_ARRAY);
        if (a == NULL)
            return (size_t)luaL_error(L, "entry %I of start is a %s, expected an array", INT(i + 1), luaL_typename(L, -1));
        size_t width = infer_model_width(m, over[i]);
        bind_array_shape(L, over[i], a, request->count, width);
        values[i] = bind_array_floats(L, a);
    }
    return count;
}

int bind_model_optimise_local_q(lua_State *L)
{
    enum { NODES = 4 };
    float *values[NODES];
    LocalQCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &model_local_q_options, &call);
    const InferRequest *request = &call.request.infer;
    size_t count = start_arrays(L, m, &call, NODES, values);
    BindArray *value = bind_array_new(L, request->count, 1);
    int status = infer_optimise_local_q(m, request, &call.local, values, value->data, &err);
    if (status != 0)
        return bind_raise(L, &err);
    for (size_t i = 0; i < count; i++)
        bind_array_from_floats(L, request->count, infer_model_width(m, call.local.feeds[i]), values[i]);
    return (int)count + 1;
}
