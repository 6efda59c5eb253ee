/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/run_table.c: converts a run table of the library to a frozen configuration.
 *
 * The library's list of runs (BIND_RUNS) keeps the strings and objects of a LabRun, bind_keep everything else.
 */
#include "bind/loaded.h"

#include <stdlib.h>
#include <string.h>

/* ---- schedules ---- */

/* The number or the list of numbers at the top, popped. */
static LabSchedule take_schedule(lua_State *L, const char *name)
{
    static const char expected[] = "a number or a list of numbers";
    int list = lua_type(L, -1) == LUA_TTABLE;
    size_t count = list ? lua_rawlen(L, -1) : 1;
    LabSchedule schedule = {count, bind_keep(L, count, sizeof(double))};
    if (count == 0)
        bind_wrong(L, name, -1, expected);
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
        if (list)
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
        else
            lua_pushvalue(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            bind_wrong(L, name, -1, expected);
        schedule.value[i] = lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
    return schedule;
}

/* The number of fields of the table at the top, all of which need names; 0 for nil. */
static size_t count_fields(lua_State *L, const char *name)
{
    size_t count = 0;
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TTABLE)
        bind_wrong(L, name, -1, "a table { name = value, … }");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1), count++)
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "%s has an entry without a name", name);
    return count;
}

static int scalar_order(const void *a, const void *b)
{
    return strcmp(((const LabScalar *)a)->name, ((const LabScalar *)b)->name);
}

/* scalars = { beta = {0, 0.1, …} }, sorted by name. */
static void take_scalars(lua_State *L, LabRun *run)
{
    lua_getfield(L, -1, "scalars");
    run->spec.nscalars = count_fields(L, "scalars");
    LabScalar *scalars = bind_keep(L, run->spec.nscalars, sizeof *scalars);
    size_t i = 0;
    if (run->spec.nscalars > 0)
        for (lua_pushnil(L); lua_next(L, -2) != 0; i++) {
            scalars[i].name = lua_tostring(L, -2);
            scalars[i].schedule = take_schedule(L, scalars[i].name);
        }
    lua_pop(L, 1);
    qsort(scalars, run->spec.nscalars, sizeof *scalars, scalar_order);
    run->spec.scalars = scalars;
}

/* ---- parameters and options of evaluations ---- */

static int param_order(const void *a, const void *b)
{
    return strcmp(((const StoreParam *)a)->name, ((const StoreParam *)b)->name);
}

/* The text at the top; raises where it holds a zero byte: it would be cut there. */
static const char *whole_text(lua_State *L, const char *name)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size)
        luaL_error(L, "%s is a text with a zero byte, which cannot be recorded", name);
    return text;
}

/* The list at the top as a JSON array, "[1,5,50]", kept by the script.  The memory for it is reserved first: bind_keep
 * may raise, and nothing would then free the Text. */
static const char *keep_list(lua_State *L, const char *name)
{
    enum { NUMBER_SIZE = 40, ESCAPE_SIZE = 6 }; /* bytes: of a number and its comma; of an escaped byte, \u001f */
    Text json = {0};
    size_t count = lua_rawlen(L, -1), size = NUMBER_SIZE;
    for (size_t i = 1; i <= count; i++, lua_pop(L, 1)) {
        int type = lua_rawgeti(L, -1, (lua_Integer)i);
        if (type != LUA_TNUMBER && type != LUA_TSTRING)
            luaL_error(L, "%s is not a list of numbers and strings", name);
        if (type == LUA_TSTRING)
            whole_text(L, name);
        size += NUMBER_SIZE + ESCAPE_SIZE * lua_rawlen(L, -1);
    }
    char *kept = bind_keep(L, size, 1);
    text_add(&json, "[");
    for (size_t i = 1; i <= count; i++, lua_pop(L, 1)) {
        int type = lua_rawgeti(L, -1, (lua_Integer)i);
        text_add(&json, i == 1 ? "" : ",");
        int whole;
        lua_Integer integer = lua_tointegerx(L, -1, &whole);
        if (type == LUA_TNUMBER && whole)
            text_addf(&json, LUA_INTEGER_FMT, INT(integer));
        else if (type == LUA_TNUMBER)
            text_add_number(&json, lua_tonumber(L, -1));
        else
            text_add_json(&json, lua_tostring(L, -1));
    }
    text_add(&json, "]");
    int failed = json.failed || json.length >= size;
    if (!failed)
        memcpy(kept, text_string(&json), json.length);
    text_free(&json);
    if (failed)
        luaL_error(L, "out of memory for the list %s", name);
    return kept;
}

/* { latent = 2, data = "mnist", … } at the top or nil, popped: a list sorted by name.  lists: values may be lists. */
static const StoreParam *take_params(lua_State *L, const char *name, int lists, size_t *count)
{
    *count = count_fields(L, name);
    StoreParam *params = bind_keep(L, *count, sizeof *params);
    size_t i = 0;
    if (*count > 0)
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1), i++) {
            params[i].name = lua_tostring(L, -2);
            switch (lua_type(L, -1)) {
            case LUA_TNUMBER: params[i].number = lua_tonumber(L, -1); break;
            case LUA_TBOOLEAN: params[i].text = lua_toboolean(L, -1) ? "true" : "false"; break;
            case LUA_TSTRING: params[i].text = whole_text(L, params[i].name); break;
            default:
                if (!lists || lua_type(L, -1) != LUA_TTABLE)
                    bind_wrong(L, params[i].name, -1, lists ? "a number, a string, a boolean or a list"
                                                            : "a number, a string or a boolean");
                params[i].text = keep_list(L, params[i].name);
            }
        }
    lua_pop(L, 1);
    qsort(params, *count, sizeof *params, param_order);
    return params;
}

static const Option evaluation_rows[] = {
    {OPTION(StoreEvaluation, name), .type = OPTION_STRING, .required = 1, .text = "\"nll\""},
    {.name = "options", .type = OPTION_TABLE, .text = "{ samples = 500, … }: with the name they identify it"},
    {.name = "run", .type = OPTION_TABLE, .required = 1, .text = "the function (model, data, recorder)"},
};
static const BindOptions evaluation_options = {"an evaluation", {BIND_ROWS(evaluation_rows, 0)}};

static void take_evaluations(lua_State *L, LabRun *run)
{
    lua_getfield(L, -1, "evaluations");
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TTABLE)
        bind_wrong(L, "evaluations", -1, "a list of tables");
    run->nevaluations = lua_isnil(L, -1) ? 0 : lua_rawlen(L, -1);
    StoreEvaluation *list = bind_keep(L, run->nevaluations, sizeof *list);
    for (size_t i = 0; i < run->nevaluations; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        bind_options(L, -1, &evaluation_options, &list[i]);
        lua_getfield(L, -1, "options");
        list[i].options = take_params(L, "options", 1, &list[i].noptions);
        lua_pop(L, 1);
    }
    run->evaluations = list;
    lua_pop(L, 1);
}

/* ---- training ---- */

typedef struct OptimiserTable {
    OptimiserSpec spec;
    const char *kind;
} OptimiserTable;

static const Option kind_row = {OPTION(OptimiserTable, kind), .type = OPTION_STRING, .required = 1,
 .text = "sgd, adagrad, rmsprop, adam, adamw"};

static void take_optimiser(lua_State *L, OptimiserSpec *spec)
{
    enum { ROWS = 16 };
    Option rows[ROWS];
    size_t count = 0;
    OptimiserTable table;
    Error err = ERROR_NONE;
    lua_getfield(L, -1, "optimiser");
    if (lua_type(L, -1) != LUA_TTABLE)
        bind_wrong(L, "optimiser", -1, "a table");
    lua_getfield(L, -1, "kind");
    if (lua_type(L, -1) != LUA_TSTRING)
        bind_wrong(L, "kind of the optimiser", -1, kind_row.text);
    if (optimiser_defaults(spec, lua_tostring(L, -1), &err) != 0)
        bind_raise(L, &err);
    lua_pop(L, 1);
    while (count < ROWS && optimiser_option(spec->kind, count, &rows[count]) == 0)
        count++;
    table.spec = *spec;
    const BindOptions options = {optimiser_name(spec->kind), {{rows, count, 0}, {&kind_row, 1, 0}}};
    bind_options(L, -1, &options, &table);
    *spec = table.spec;
    lua_pop(L, 1);
}

static const BindOptions monte_carlo_em_options = {
    "Monte Carlo EM",
    {{infer_hmc_options, INFER_HMC_TRANSITION, offsetof(LabMonteCarloEM, hmc)},
     BIND_ROWS(lab_monte_carlo_em_options, 0)},
};

static void take_monte_carlo_em(lua_State *L, LabRun *run)
{
    if (lua_getfield(L, -1, "monte_carlo_em") != LUA_TNIL) {
        LabMonteCarloEM *em = bind_keep(L, 1, sizeof *em);
        bind_options(L, -1, &monte_carlo_em_options, em);
        run->spec.monte_carlo_em = em;
    }
    lua_pop(L, 1);
}

/* seeds = { init = 1, … } or nil. */
static void take_seeds(lua_State *L, LabFactorSeeds *seeds)
{
    lua_getfield(L, -1, "seeds");
    size_t left = count_fields(L, "seeds");
    for (int f = 0; left > 0 && f < LAB_FACTORS; f++, lua_pop(L, 1)) {
        int whole;
        if (lua_getfield(L, -1, lab_factor_names[f]) == LUA_TNIL)
            continue;
        lua_Integer number = lua_tointegerx(L, -1, &whole);
        if (!whole || number < 0)
            bind_wrong(L, lab_factor_names[f], -1, "a whole number, not negative");
        seeds->given[f] = 1;
        seeds->number[f] = (uint64_t)number;
        left--;
    }
    if (left > 0)
        luaL_error(L, "seeds has an unknown entry: init, order, noise and binarise may have a seed of their own");
    lua_pop(L, 1);
}

/* ---- a run ---- */

typedef struct RunTable {
    LabRun run;
    const char *rng;
} RunTable;

static const Option run_rows[] = {
    {OPTION(LabRun, experiment), .type = OPTION_STRING, .required = 1, .text = "its name"},
    {OPTION(LabRun, question), .type = OPTION_STRING, .word = "", .text = "what the experiment asks"},
    {OPTION(LabRun, label), .type = OPTION_STRING, .word = "", .text = "the swept settings: \"beta=0.5\""},
    {OPTION(LabRun, eval_graph), .type = OPTION_OBJECT, .object = BIND_GRAPH,
     .text = "the same with more names, for evaluations; not part of the identity"},
    {OPTION(LabRun, phase), .type = OPTION_INT, .most = 1,
     .text = "0: trained before the runs of phase 1, which may require it"},
    {OPTION(RunTable, rng), .type = OPTION_STRING, .text = "the random number generator; default: philox4x32"},
    {.name = "params", .type = OPTION_TABLE,
     .text = "{ name = number, string or boolean }: columns by which readers of the database compare runs"},
    {.name = "rate", .type = OPTION_TABLE, .required = 1,
     .text = "the learning rate: a number, or a list, one for each epoch; the last one holds for the rest"},
    {.name = "optimiser", .type = OPTION_TABLE, .required = 1, .text = "{ kind = \"adam\", … }"},
    {.name = "seeds", .type = OPTION_TABLE,
     .text = "{ init =, order =, noise =, binarise = }: seeds of their own, instead of `seed`"},
    {.name = "scalars", .type = OPTION_TABLE, .text = "{ name = number or list }: of the graph's scalars"},
    {.name = "monte_carlo_em", .type = OPTION_TABLE, .text = "training without an encoder, see below"},
    {.name = "evaluations", .type = OPTION_TABLE, .text = "a list, see below; not part of the identity"},
    {.name = "requires", .type = OPTION_TABLE,
     .text = "{ classifier = index in the list of runs }: trained models that evaluations need"},
};
static const Option spec_rows[] = {
    {OPTION(LabSpec, graph), .type = OPTION_OBJECT, .object = BIND_GRAPH, .required = 1,
     .text = "with public names for the objective and the metrics"},
    {OPTION(LabSpec, data), .type = OPTION_OBJECT, .object = BIND_DATA, .required = 1,
     .text = "one object may serve many runs"},
    {OPTION(LabSpec, objective), .type = OPTION_STRING, .word = "bound", .text = "the node to maximise"},
    {OPTION(LabSpec, metrics), .type = OPTION_STRINGS, .text = "nodes recorded each epoch, as train/NAME and test/NAME"},
    {.name = "seed", .offset = offsetof(LabSpec, seed.number), .type = OPTION_SIZE, .standard = 1,
     .text = "of all random numbers"},
};
static const BindOptions run_options = {
    "a run",
    {BIND_ROWS(run_rows, 0), BIND_ROWS(spec_rows, offsetof(LabRun, spec)),
     BIND_ROWS(lab_train_options, offsetof(LabRun, spec))},
};

/* Copies a NULL-ended list of strings from the stack; the table keeps the strings. */
static const char *const *keep_strings(lua_State *L, const char *const *strings)
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    const char **kept = bind_keep(L, count + 1, sizeof *kept);
    if (count > 0)
        memcpy(kept, strings, count * sizeof *kept);
    return kept;
}

void bind_run_table(lua_State *L, const BindScript *script, LabRun *run)
{
    RunTable table = {.run = {.script = script->path}};
    Error err = ERROR_NONE;
    int top = lua_gettop(L);
    bind_options(L, top, &run_options, &table);
    table.run.spec.seed.rng = table.rng == NULL ? num_rng_philox : num_rng_find(table.rng, &err);
    if (table.run.spec.seed.rng == NULL)
        bind_raise(L, &err);
    table.run.spec.metrics = keep_strings(L, table.run.spec.metrics);
    lua_settop(L, top);
    *run = table.run;
    take_evaluations(L, run);
    lua_getfield(L, top, "params");
    run->params = take_params(L, "params", 0, &run->nparams);
    take_scalars(L, run);
    take_seeds(L, &run->spec.seeds);
    take_optimiser(L, &run->spec.optimiser);
    take_monte_carlo_em(L, run);
    lua_getfield(L, top, "rate");
    run->spec.rate = take_schedule(L, "rate");
}

/* ---- for the library ---- */

static int train_rules(lua_State *L)
{
    lua_newtable(L);
    bind_add_rules(L, lab_train_options, LAB_TRAIN_OPTIONS);
    return 1;
}

static int monte_carlo_em_rules(lua_State *L)
{
    lua_newtable(L);
    bind_add_rules(L, infer_hmc_options, INFER_HMC_TRANSITION);
    bind_add_rules(L, lab_monte_carlo_em_options, LAB_MONTE_CARLO_EM_OPTIONS);
    return 1;
}

static const BindFunction functions[] = {
    {"train_rules", train_rules, "() → { name = rule }", "the options of train, as rules of check.lua", NULL},
    {"monte_carlo_em_rules", monte_carlo_em_rules, "() → { name = rule }",
     "the options of lab.hmc, as rules of check.lua", NULL},
    {0},
};

static const BindOptions *const tables[] = {&run_options, &evaluation_options, &monte_carlo_em_options, NULL};

const BindModule bind_run_module = {
    .name = "run", .text = "The run tables that `lab.runs` returns.", .functions = functions, .tables = tables,
};
