/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_bind_runs.c: run tables become LabRuns; evaluations run in the worker; figures read the database.
 *
 * A stub replaces the Lua library: it returns the run tables that the script wrote, so that only this room is tested.
 */
#include "bind/memory.h"
#include "bind_help.h"

#include "lab/lab.h"

#include <time.h>

static char database[128];

static int setup(void **state)
{
    if (bind_setup(state) != 0)
        return -1;
    char library[128], command[256];
    snprintf(library, sizeof library, "%s/library", bind_folder);
    snprintf(command, sizeof command, "mkdir -p '%s/vae_lab'", library);
    if (system(command) != 0)
        return -1;
    bind_write("library/vae_lab/init.lua", "return { runs = function (e, settings)\n"
                                           "  if e.check then e.check(settings) end\n"
                                           "  return e.runs\n"
                                           "end }");
    snprintf(database, sizeof database, "%s/results.db", bind_folder);
    return setenv("VAE_LAB_LUA", library, 1);
}

/* A Bernoulli model of 28 x 28 pixels with one bias; z is one pixel with noise on top, w one without. */
#define MODEL \
    "local graph = require 'vae_lab.native.graph'\n" \
    "local d = require('vae_lab.native.data').open('digits', { train = 60, test = 20 })\n" \
    "local function build(scale)\n" \
    "  local g = graph.new(20, 1)\n" \
    "  local x = g:input('x', { 1, 'b', 784 })\n" \
    "  local b = g:param('b', 1, 784, 'zeros')\n" \
    "  local l = g:apply('bernoulli', { x, b })\n" \
    "  local w = g:apply('slice', { x }, { first = 300, count = 2 })\n" \
    "  g:name('w', w)\n" \
    "  g:name('z', g:apply('add', { w, g:noise('eps', 'normal', { 'k', 'b', 2 }) }))\n" \
    "  g:name('elbo', l)\n" \
    "  g:name('bound', g:apply('affine', { l }, { scale = scale, shift = 0 }))\n" \
    "  return g\n" \
    "end\n" \
    "local function run(t)\n" \
    "  local r = { experiment = 'test', question = 'q?', label = 'a', seed = 1, graph = build(t.scale or 1), " \
    "data = d,\n" \
    "    params = { beta = 0.5, name = 'x', yes = true, za = 1, zb = 2, zc = 3 }, metrics = { 'elbo', 'bound' },\n" \
    "    optimiser = { kind = 'adam', beta1 = 0.8 }, rate = { 0.1, 0.05 }, epochs = 2, batch = 20, evaluations " \
    "= {} }\n" \
    "  for k, v in pairs(t) do r[k] = v end\n" \
    "  r.scale = nil\n" \
    "  return r\n" \
    "end\n"

#define EXPERIMENT(runs) \
    MODEL "return setmetatable({ name = 'test', figures = {}, runs = {" runs "} }, { kind = 'experiment' })\n"

static BindScript *load(const char *text)
{
    Error err = ERROR_NONE;
    const BindSettings settings = {.seconds = 5};
    bind_write("script.lua", text);
    BindScript *script = bind_script_load(bind_path, &settings, &err);
    if (script == NULL)
        error_print(stderr, "unexpected", &err);
    assert_non_null(script);
    return script;
}

static LabRun *make_runs(BindScript *script, size_t *count, size_t *duplicates)
{
    Error err = ERROR_NONE;
    LabRun *runs = NULL;
    if (bind_script_runs(script, &runs, count, duplicates, &err) != 0) {
        error_print(stderr, "unexpected", &err);
        fail();
    }
    return runs;
}

/* ---- the list of runs ---- */

static void a_run_table_becomes_a_run(void **state)
{
    size_t count, duplicates;
    (void)state;
    BindScript *script = load(EXPERIMENT("run { seed = 7, label = 'beta=0.5', samples = 3, test_every = 4, phase = 1,"
                                         " evaluations = { { name = 'one', run = print },"
                                         "   { name = 'two', run = print, options = { samples = 500, of = 'q',"
                                         "     draws = { 50, 0.5, 2.0 }, names = { 'a' } } } } }"));
    LabRun *r = make_runs(script, &count, &duplicates);
    assert_int_equal(count, 1);
    assert_int_equal(duplicates, 0);
    assert_string_equal(r->experiment, "test");
    assert_string_equal(r->question, "q?");
    assert_string_equal(r->script, bind_path);
    assert_string_equal(r->label, "beta=0.5");
    assert_int_equal(r->spec.seed.number, 7);
    assert_int_equal(r->spec.epochs, 2);
    assert_int_equal(r->spec.batch, 20);
    assert_int_equal(r->spec.samples, 3);
    assert_int_equal(r->spec.test_every, 4);
    assert_int_equal(r->phase, 1);
    assert_string_equal(r->spec.objective, "bound");
    assert_string_equal(r->spec.metrics[0], "elbo");
    assert_string_equal(r->spec.metrics[1], "bound");
    assert_null(r->spec.metrics[2]);
    assert_int_equal(r->nevaluations, 2);
    assert_string_equal(r->evaluations[0].name, "one");
    assert_int_equal(r->evaluations[0].noptions, 0);
    assert_string_equal(r->evaluations[1].name, "two");
    assert_int_equal(r->evaluations[1].noptions, 4); /* by name: draws, names, of, samples */
    assert_string_equal(r->evaluations[1].options[0].text, "[50,0.5,2]");
    assert_string_equal(r->evaluations[1].options[1].text, "[\"a\"]");
    assert_string_equal(r->evaluations[1].options[2].text, "q");
    assert_string_equal(r->evaluations[1].options[3].name, "samples");
    assert_true(r->evaluations[1].options[3].text == NULL && r->evaluations[1].options[3].number == 500);
    assert_int_equal(r->spec.optimiser.kind, OPTIMISER_ADAM);
    assert_true(r->spec.optimiser.beta1 == 0.8 && r->spec.optimiser.beta2 == 0.999);
    assert_int_equal(r->spec.rate.n, 2);
    assert_true(r->spec.rate.value[0] == 0.1 && r->spec.rate.value[1] == 0.05);
    assert_int_equal(r->nparams, 6); /* by name */
    assert_string_equal(r->params[0].name, "beta");
    assert_true(r->params[0].text == NULL && r->params[0].number == 0.5);
    assert_string_equal(r->params[1].text, "x");
    assert_string_equal(r->params[2].text, "true");
    assert_string_equal(r->params[5].name, "zc");
    assert_int_equal(strlen(r->identity), 64);
    assert_int_equal(data_count(r->spec.data, DATA_TRAIN), 60);
    assert_true(graph_find(r->spec.graph, "bound") >= 0);
    bind_script_free(script);
}

static void settings_reach_the_library(void **state)
{
    Error err = ERROR_NONE;
    LabRun *runs;
    size_t count, duplicates;
    const char *const sets[] = {"zeta=1", "data=mnist,\"x\"", "alpha=a=b"};
    const BindSettings settings = {.set = sets, .nset = 3, .data_dir = "/d"};
    (void)state;
    bind_write("script.lua", MODEL "return setmetatable({ name = 'test', runs = { run {} }, check = function (s)\n"
                             "  assert(s.set.zeta == '1' and s.set.data == 'mnist,\"x\"' and s.set.alpha == 'a=b')\n"
                             "  assert(s.data_dir == '/d')\n"
                             "end }, { kind = 'experiment' })");
    BindScript *script = bind_script_load(bind_path, &settings, &err);
    assert_non_null(script);
    assert_string_equal(bind_script_settings(script), "{\"alpha\":\"a=b\",\"data\":\"mnist,\\\"x\\\"\",\"zeta\":\"1\"}");
    assert_string_equal(bind_script_name(script), "test");
    assert_int_equal(bind_script_runs(script, &runs, &count, &duplicates, &err), 0);
    bind_script_free(script);
}

static void scalars_have_schedules(void **state)
{
    size_t count, duplicates;
    (void)state;
    BindScript *script = load(MODEL "local g = build(1)\n"
                                    "g:name('cost', g:apply('mul', { g:find 'bound', g:scalar 'beta' }))\n"
                                    "g:scalar 'alpha'\n"
                                    "return setmetatable({ name = 't', runs = { run { graph = g, objective = 'cost', "
                                    "rate = 0.5,\n"
                                    "  scalars = { beta = { 0, 0.5, 1 }, alpha = 2 } } } }, { kind = 'experiment' })");
    LabRun *r = make_runs(script, &count, &duplicates);
    assert_int_equal(r->spec.nscalars, 2);
    assert_string_equal(r->spec.scalars[0].name, "alpha");
    assert_int_equal(r->spec.scalars[0].schedule.n, 1);
    assert_string_equal(r->spec.scalars[1].name, "beta");
    assert_int_equal(r->spec.scalars[1].schedule.n, 3);
    assert_true(r->spec.scalars[1].schedule.value[1] == 0.5 && r->spec.rate.n == 1);
    bind_script_free(script);
}

static void identity_is_of_what_counts(void **state)
{
    size_t count, duplicates;
    (void)state;
    BindScript *a = load(EXPERIMENT("run {}, run { seed = 2 }, run { scale = 2 }, run { rate = 0.1 }"));
    LabRun *r = make_runs(a, &count, &duplicates);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(r[i].identity, r[k].identity);
    BindScript *b = load("-- a comment more\n" EXPERIMENT("run { label = 'other words', question = '?', evaluations = "
    "{ { name = 'e', run = print } } }"));
    LabRun *same = make_runs(b, &count, &duplicates);
    assert_string_equal(same->identity, r->identity);
    bind_script_free(a);
    bind_script_free(b);
}

static void duplicates_are_left_out(void **state)
{
    size_t count, duplicates;
    (void)state;
    BindScript *script = load(EXPERIMENT("run {}, run { label = 'b' }, run { seed = 2 }, run { label = 'c' }"));
    LabRun *r = make_runs(script, &count, &duplicates);
    assert_int_equal(count, 2);
    assert_int_equal(duplicates, 2);
    assert_string_equal(r[0].label, "a");
    assert_int_equal(r[1].spec.seed.number, 2);
    bind_script_free(script);
}

static void bad_run_tables_are_errors(void **state)
{
    static const struct { const char *runs, *what, *expected; } bad[] = {
        {"", "holds no run", ""},
        {"run { epochs = 0 }", "bad value of epochs in a run", "a whole number, at least 1 and at most 1000000"},
        {"run { epoch = 3 }", "a run has no option 'epoch'", "epochs"},
        {"run { optimiser = { kind = 'adma' } }", "adma", "adam"},
        {"run { optimiser = { kind = 'sgd', beta1 = 0.5 } }", "sgd has no option 'beta1'", "momentum"},
        {"run { optimiser = { kind = 'adam', beta3 = 1 } }", "adam has no option 'beta3'", "beta1"},
        {"run { optimiser = { kind = 'adam', beta1 = 2 } }", "bad value of beta1 in adam",
         "a number, at least 0 and below 1"},
        {"run { rate = {} }", "bad value of rate", "a number or a list"},
        {"run { rate = 'fast' }", "bad value of rate", "a number or a list"},
        {"run { graph = 3 }", "bad value of graph in a run", "a graph"},
        {"run { monte_carlo_em = { accept = 1 } }", "bad value of accept in Monte Carlo EM", "above 0 and below 1"},
        {"run { monte_carlo_em = { warm_up = 5 } }", "Monte Carlo EM has no option 'warm_up'", "leapfrog"},
        {"run { evaluations = { { nmae = 'x' } } }", "an evaluation has no option 'nmae'", "name"},
        {"run { metrics = { 1 } }", "bad value of metrics in a run", "a list of strings"},
        {"run { params = { a = {} } }", "bad value of a", "a number, a string or a boolean"},
        {"run { params = { act = 'ta\\0nh' } }", "act is a text with a zero byte", ""},
        {"run { evaluations = { { name = 'e', options = { of = { 'a\\0b' } }, run = print } } }",
         "of is a text with a zero byte", ""},
        {"run { objective = 'nothing' }", "nothing", ""},
        {"run { seed = -1 }", "bad value of seed in a run", "a whole number, at least 0"},
        {"run { seed = 1.5 }", "bad value of seed in a run", "a whole number"},
        {"run { experiment = false }", "bad value of experiment in a run", "a string"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[4096];
        size_t count, duplicates;
        LabRun *runs;
        Error err = ERROR_NONE;
        snprintf(text, sizeof text, MODEL "return setmetatable({ name = 't', runs = { %s } }, { kind = 'experiment' "
        "})", bad[i].runs);
        BindScript *script = load(text);
        assert_int_equal(bind_script_runs(script, &runs, &count, &duplicates, &err), -1);
        assert_holds(err.what, bad[i].what);
        assert_holds(err.expected, bad[i].expected);
        assert_int_equal(error_exit_code(&err), ERR_SCRIPT);
        bind_script_free(script);
    }
}

/* ---- evaluations ---- */

static LabOutcome sweep(BindScript *script)
{
    size_t count, duplicates;
    LabOutcome outcome = {0};
    Error err = ERROR_NONE;
    LabRun *runs = make_runs(script, &count, &duplicates);
    const LabOptions options = {
        .database = database, .jobs = 1, .threads = 1, .settings = bind_script_settings(script),
        .hooks = bind_script_hooks(),
    };
    if (lab_sweep(runs, count, &options, &outcome, &err) != 0) {
        error_print(stderr, "unexpected", &err);
        fail();
    }
    return outcome;
}

static int take_number(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)columns;
    (void)names;
    *(double *)context = values[0].type == STORE_INTEGER ? (double)values[0].integer : values[0].real;
    return 0;
}

/* The first column of the first row; -1 when there is none. */
static double number(const char *sql)
{
    Error err = ERROR_NONE;
    double value = -1;
    Store *s = store_open(database, STORE_READ, &err);
    assert_non_null(s);
    if (store_query(s, sql, NULL, 0, take_number, &value, &err) != 0)
        error_print(stderr, "query", &err);
    store_close(s);
    return value;
}

static void fresh_database(void)
{
    char command[192];
    snprintf(command, sizeof command, "rm -f '%s'*", database);
    assert_int_equal(system(command), 0);
}

static void an_evaluation_records(void **state)
{
    (void)state;
    fresh_database();
    BindScript *script = load(MODEL
        "local array = require 'vae_lab.native.array'\n"
        "local function probe(model, data, recorder)\n"
        "  local ask = { data = data, split = 'test', first = 3, count = 5 }\n"
        "  local w = model:map { name = 'w', data = data, count = 5, first = 3, samples = 4 }\n"
        "  local z = model:map { name = 'z', data = data, count = 5, first = 3, samples = 4, seed = 2 }\n"
        "  assert(w:rows() == 5 and w:cols() == 2, 'a node without draws: ' .. w:cols())\n"
        "  assert(z:rows() == 5 and z:cols() == 8, 'four draws of two: ' .. z:cols())\n"
        "  local pixels = data:rows('test', 3, 5)\n"
        "  assert(math.abs(w:get(2, 1) - pixels:get(2, 301)) < 1e-6)\n"
        "  assert(z:get(1, 1) ~= z:get(1, 3) and model:map { name = 'z', data = data, count = 5, first = 3, samples = "
        "4, seed = 2 }:blob() == z:blob())\n"
        "  local means = model:mean { names = { 'elbo', 'bound' }, data = data, split = 'test' }\n"
        "  assert(means.elbo.mean == means.elbo[1] and means.elbo.se == means.elbo[2] and means.elbo.mean < 0)\n"
        "  local logp, se, ess = model:log_weights { name = 'elbo', data = data, split = 'test', count = 4, samples = "
        "1, chunk = 1 }\n"
        "  assert(logp:rows() == 4 and logp:cols() == 1 and se:rows() == 4 and ess:rows() == 4)\n"
        "  assert(model:width 'w' == 2 and model:width 'nothing' == nil and #model:names() == 4)\n"
        "  assert(not pcall(model.map, model, { name = 'w', data = data, first = 21 }) and not pcall(model.map, "
        "model, { name = 'w' }))\n"
        "  assert(not pcall(model.map, model, { name = 'nothing', data = data }) and not pcall(model.map, model, { "
        "nmae = 'w', data = data }))\n"
        "  local replaced = model:map { name = 'w', feed = 'w', values = array.from { { 7, 8 }, { 9, 10 } } }\n"
        "  assert(replaced:rows() == 2 and replaced:get(2, 2) == 10)\n"
        "  assert(not pcall(model.map, model, { name = 'w', feed = 'w', values = array.new(2, 3) }))\n"
        "  recorder:metric('probe/elbo', means.elbo.mean)\n"
        "  recorder:metric('probe/seed', recorder:seed())\n"
        "  recorder:metric('probe/share', 0.5, 'logit')\n"
        "  recorder:artifact('note', 'text', 'some\\0bytes', '{\"a\":1}')\n"
        "  recorder:posteriors({ 1, 5 }, { 3, 4 }, array.from { { 1, 2 }, { 3, 4 } }, array.from { { 1, 1 }, { "
        "2, 2 } })\n"
        "  assert(#recorder:store():query('SELECT * FROM run') == 1)\n"
        "  assert(not pcall(recorder.model, recorder, 'classifier'))\n"
        "  kept = { model, recorder, recorder:store() }\n"
        "end\n"
        "local function later(model, data, recorder)\n"
        "  local open = 0\n"
        "  if pcall(kept[1].width, kept[1], 'w') then open = open + 1 end\n"
        "  if pcall(kept[2].metric, kept[2], 'x', 1) then open = open + 1 end\n"
        "  if pcall(kept[3].query, kept[3], 'SELECT 1') then open = open + 1 end\n"
        "  recorder:metric('probe/open', open)\n"
        "  recorder:metric('probe/nan', 0 / 0)\n"
        "end\n"
        "return setmetatable({ name = 't', runs = { run { seed = 5, evaluations = { { name = 'probe', run = probe }, "
        "{ name = 'later', run = later } } } } },\n"
        "  { kind = 'experiment' })");
    LabOutcome o = sweep(script);
    assert_int_equal(o.executed, 1);
    assert_int_equal(o.failed, 0);
    assert_true(number("SELECT value FROM last_values WHERE metric = 'probe/elbo'") == number("SELECT value FROM "
    "last_values WHERE metric = 'probe/elbo'"));
    assert_true(number("SELECT value FROM last_values WHERE metric = 'probe/elbo'") < 0);
    assert_true(number("SELECT value FROM last_values WHERE metric = 'probe/seed'") == 5);
    assert_true(number("SELECT value * (scale = 'logit') FROM last_values WHERE metric = 'probe/share'") == 0.5);
    assert_true(number("SELECT value FROM last_values WHERE metric = 'probe/open'") == 0);
    assert_true(number("SELECT kind = 'nan' FROM last_values WHERE metric = 'probe/nan'") == 1);
    assert_true(number("SELECT length(bytes) FROM artifact WHERE name = 'note' AND kind = 'text' AND meta = "
    "'{\"a\":1}'") == 10);
    assert_true(number("SELECT mu2 FROM posterior WHERE example = 5 AND label = 4") == 4);
    bind_script_free(script);
}

static void a_failed_evaluation_leaves_no_numbers(void **state)
{
    (void)state;
    fresh_database();
    BindScript *script = load(EXPERIMENT("run { evaluations = { { name = 'bad', run = function (m, d, r)\n"
                                         "  r:metric('half', 1)\n  r:artifact('half', 'text', 'x')\n  error 'no more'\n"
                                         "end } } }"));
    LabOutcome o = sweep(script);
    assert_int_equal(o.unevaluated, 1);
    assert_int_equal(o.executed, 1);
    assert_true(number("SELECT count(*) FROM metric_name WHERE name = 'half'") == 0);
    assert_true(number("SELECT count(*) FROM artifact WHERE name = 'half'") == 0);
    bind_script_free(script);
    script = load(EXPERIMENT("run { evaluations = { { name = 'bad', run = function (m, d, r) r:metric('half', 1) end } } }"));
    o = sweep(script); /* the training is not done again */
    assert_int_equal(o.unevaluated, 0);
    assert_int_equal(o.executed, 0);
    assert_true(number("SELECT count(*) FROM metric_name WHERE name = 'half'") == 1);
    bind_script_free(script);
}

/* A run of phase 1 reads the model of entry 3 of the list, which is left out as a duplicate of entry 2. */
static void a_required_model_is_opened(void **state)
{
    (void)state;
    fresh_database();
    BindScript *script = load(EXPERIMENT(
        "run { seed = 9 }, run {}, run { label = 'duplicate' }, run { seed = 2, phase = 1, requires = { judge = 3, "
        "unused = 1 },\n"
        "  evaluations = { { name = 'ask', run = function (m, d, r)\n"
        "    local function ask(model) return model:map { name = 'elbo', data = d, split = 'test' }:blob() end\n"
        "    local db = r:store()\n"
        "    local one = db:query 'SELECT id FROM runs WHERE seed = 1'[1].id\n"
        "    assert(ask(r:model 'judge') == ask(require('vae_lab.native.model').open(db, one)) and ask(m) ~= "
        "ask(r:model 'judge'))\n"
        "    assert(r:model 'judge':width 'w' == 2)\n"
        "    r:metric('ask/done', 1)\n"
        "  end } } }"));
    LabOutcome o = sweep(script);
    assert_int_equal(o.executed, 3);
    assert_int_equal(o.failed, 0);
    assert_true(number("SELECT value FROM last_values WHERE metric = 'ask/done'") == 1);
    bind_script_free(script);
}

static void models_are_opened_by_number(void **state)
{
    char text[1024];
    (void)state;
    fresh_database();
    BindScript *script = load(EXPERIMENT("run {}"));
    sweep(script);
    bind_script_free(script);
    snprintf(text, sizeof text,
             "local store, model = require 'vae_lab.native.store', require 'vae_lab.native.model'\n"
             "local db = store.open '%s'\n"
             "do\n"
             "  local m <close> = model.open(db, 1)\n"
             "  assert(m:width 'z' == 2)\n"
             "end\n"
             "assert(not pcall(model.open, db, 99) and not pcall(model.open, db, 'abc'))", database);
    bind_good(text);
}

/* ---- figures ---- */

typedef struct Seen {
    char files[512], notes[256];
} Seen;

static int take_file(void *context, const char *name, const char *format, const char *path, Error *err)
{
    Seen *seen = context;
    char expected[128];
    (void)err;
    snprintf(expected, sizeof expected, "out/%s.%s", name, format);
    assert_string_equal(path, expected);
    strcat(seen->files, path);
    strcat(seen->files, " ");
    return 0;
}

static void take_note(void *context, const char *text)
{
    strcat(((Seen *)context)->notes, text);
}

static void figures_read_the_database(void **state)
{
    static const char *const formats[] = {"pdf", "svg", NULL};
    Seen seen = {"", ""};
    Error err = ERROR_NONE;
    (void)state;
    fresh_database();
    BindScript *script = load(EXPERIMENT("run { label = 'b' }, run { seed = 2, params = { latent = 2, data = 'digits' "
    "} }, run { seed = 3, experiment = 'other' }"));
    LabOutcome o = sweep(script);
    bind_script_free(script);
    script = load("local function draw(ctx)\n"
                  "  assert(ctx.experiment == 'test' and ctx.folder == 'out' and table.concat(ctx.formats, ' "
                  "') == 'pdf svg')\n"
                  "  assert(#ctx.runs == 2 and ctx.runs[1].label == 'b' and ctx.runs[2].seed == 2, 'runs in the order "
                  "of the sweep, of this experiment')\n"
                  "  assert(ctx.runs[2].params.latent == 2 and ctx.runs[2].params.data == 'digits' and "
                  "ctx.runs[1].params.beta == 0.5)\n"
                  "  assert(#ctx.db:query('SELECT * FROM sweep WHERE id = ?1', ctx.sweep) == 1)\n"
                  "  assert(ctx.model(ctx.runs[1].id):width 'w' == 2)\n"
                  "  ctx.note('look here')\n"
                  "  return { 'one', 'two' }\n"
                  "end\n"
                  "return setmetatable({ name = 'test', figures = { { draw = draw }, { draw = function () return "
                  "'three' end },\n"
                  "  { draw = function () end } } }, { kind = 'experiment' })");
    assert_int_equal(bind_script_figure_count(script), 3);
    Store *s = store_open(database, STORE_READ, &err);
    assert_non_null(s);
    const BindFigures figures = {
        .sweep = o.sweep, .folder = "out", .formats = formats, .drawn = take_file, .note = take_note, .context = &seen,
    };
    if (bind_script_figures(script, s, &figures, &err) != 0)
        error_print(stderr, "unexpected", &err);
    assert_string_equal(seen.files, "out/one.pdf out/one.svg out/two.pdf out/two.svg out/three.pdf out/three.svg ");
    assert_string_equal(seen.notes, "look here");
    store_close(s);
    bind_script_free(script);
}

static void a_figures_error_has_its_line(void **state)
{
    static const char *const formats[] = {"pdf", NULL};
    Error err = ERROR_NONE;
    (void)state;
    BindScript *script = load("return setmetatable({ name = 'test', figures = { { draw = function (ctx)\n"
                              "  local a = ctx.runs[1].nothing.x\n"
                              "end } } }, { kind = 'experiment' })");
    Store *s = store_open(database, STORE_READ, &err);
    assert_non_null(s);
    const BindFigures figures = {.sweep = 1, .folder = "out", .formats = formats};
    assert_int_equal(bind_script_figures(script, s, &figures, &err), -1);
    assert_line(&err, 2);
    assert_holds(err.what, "'nothing'");
    store_close(s);
    bind_script_free(script);
}

/* ---- Lua's memory ---- */

#define PROBE \
    "local function probe(model, data, recorder)\n" \
    "  local t = {}\n" \
    "  for i = 1, 50 do t[i] = ('x'):rep(i) .. i end\n" \
    "  recorder:artifact('note', 'text', table.concat(t), '{\"a\":1}')\n" \
    "  recorder:metric('probe/elbo', model:mean({ names = { 'elbo' }, data = data, split = 'test' }).elbo.mean)\n" \
    "end\n" \
    "return setmetatable({ name = 't', figures = {}, runs = { run { evaluations = { { name = 'probe', run = probe } " \
    "} } } }, { kind = 'experiment' })"

/* The Nth allocation of Lua and all later ones fail, for every N until there are no more: a clear error each time. */
static void assert_memory_error(const Error *err, size_t n)
{
    if (err->kind != ERR_SCRIPT || strstr(err->what, "memory") == NULL || strstr(err->found, "not enough memory") == NULL)
        fail_msg("allocation %zu: kind %d, %s, found %s", n, (int)err->kind, err->what, err->found);
}

static void allocations_fail_while_loading(void **state)
{
    size_t n = 1, done = 0;
    (void)state;
    for (; !done; n++) {
        Error err = ERROR_NONE;
        const BindSettings settings = {.seconds = 5};
        LabRun *runs;
        size_t count, duplicates;
        bind_write("script.lua", MODEL PROBE);
        bind_memory_fail_after((long)n);
        BindScript *script = bind_script_load(bind_path, &settings, &err);
        done = script != NULL && bind_script_runs(script, &runs, &count, &duplicates, &err) == 0;
        bind_memory_fail_after(0);
        if (!done && !(n < 60 && err.kind == ERR_MEMORY)) /* the first ones make the state itself */
            assert_memory_error(&err, n);
        bind_script_free(script);
    }
    printf("loading: tried up to allocation %zu\n", n);
    assert_true(n > 500);
}

static void allocations_fail_in_an_evaluation(void **state)
{
    size_t n = 1, count, duplicates;
    int status = -1;
    (void)state;
    fresh_database();
    BindScript *script = load(MODEL PROBE);
    assert_int_equal(sweep(script).executed, 1);
    LabRun *runs = make_runs(script, &count, &duplicates);
    for (; status != 0; n++) {
        Error err = ERROR_NONE;
        Store *s = store_open(database, STORE_WRITE, &err);
        InferModel *model = infer_model_open(s, 1, &err);
        assert_non_null(model);
        bind_memory_fail_after((long)n);
        status = bind_script_hooks().evaluate(&runs[0], 0, s, 1, model, &err);
        bind_memory_fail_after(0);
        if (status != 0)
            assert_memory_error(&err, n);
        infer_model_free(model);
        store_close(s);
    }
    printf("evaluation: tried up to allocation %zu\n", n);
    assert_true(n > 50);
    bind_script_free(script);
}

static void a_script_has_a_memory_limit(void **state)
{
    static const char *const greedy[] = {
        "string.rep('x', 2000000000)",
        "local t = {} for i = 1, 1e9 do t[i] = string.rep(tostring(i), 1000000) end",
        "local t = {} for i = 1, 50 do t[i] = string.rep('x', 1000000) end table.concat(t)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local a = {} for i = 1, 1e9 do a[i] = require('vae_lab.native.array').new(1000, 1000) end",
    };
    (void)state;
    setenv("VAE_LAB_SCRIPT_MEMORY", "32", 1);
    for (size_t i = 0; i < sizeof greedy / sizeof greedy[0]; i++) {
        Error err = ERROR_NONE;
        const BindSettings settings = {.seconds = 5};
        char text[300];
        snprintf(text, sizeof text, "local one = 1\n%s\n", greedy[i]);
        bind_write("script.lua", text);
        assert_null(bind_script_load(bind_path, &settings, &err));
        assert_memory_error(&err, i);
        assert_line(&err, 2);
        assert_holds(err.expected, "at most 32 MiB");
        assert_holds(err.hint, "VAE_LAB_SCRIPT_MEMORY=64");
    }
    static const char *const wrong[] = {"much", "-1", "0", "1e9", "64MB", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        Error err = ERROR_NONE;
        setenv("VAE_LAB_SCRIPT_MEMORY", wrong[i], 1);
        assert_null(bind_load(MODEL PROBE, NULL, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.found, wrong[i]);
    }
    unsetenv("VAE_LAB_SCRIPT_MEMORY");
    setenv("VAE_LAB_SCRIPT_SECONDS", "soon", 1);
    Error err = ERROR_NONE;
    assert_null(bind_load(MODEL PROBE, NULL, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    unsetenv("VAE_LAB_SCRIPT_SECONDS");
}

/* ---- time ---- */

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void the_opening_of_data_does_not_count(void **state)
{
    Error err = ERROR_NONE;
    const BindSettings settings = {.seconds = 0.1};
    (void)state;
    bind_write("script.lua", "for i = 1, 3 do d = require('vae_lab.native.data').open('digits', {}) end" RETURN_EXPERIMENT);
    double before = processor_time();
    BindScript *script = bind_script_load(bind_path, &settings, &err);
    if (script == NULL)
        error_print(stderr, "unexpected", &err);
    assert_non_null(script);
    assert_true(processor_time() - before > 0.2); /* else this test shows nothing */
    bind_script_free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_table_becomes_a_run),
        cmocka_unit_test(settings_reach_the_library),
        cmocka_unit_test(scalars_have_schedules),
        cmocka_unit_test(identity_is_of_what_counts),
        cmocka_unit_test(duplicates_are_left_out),
        cmocka_unit_test(bad_run_tables_are_errors),
        cmocka_unit_test(an_evaluation_records),
        cmocka_unit_test(a_failed_evaluation_leaves_no_numbers),
        cmocka_unit_test(a_required_model_is_opened),
        cmocka_unit_test(models_are_opened_by_number),
        cmocka_unit_test(figures_read_the_database),
        cmocka_unit_test(a_figures_error_has_its_line),
        cmocka_unit_test(allocations_fail_while_loading),
        cmocka_unit_test(allocations_fail_in_an_evaluation),
        cmocka_unit_test(a_script_has_a_memory_limit),
        cmocka_unit_test(the_opening_of_data_does_not_count),
    };
    return cmocka_run_group_tests(tests, setup, bind_teardown);
}
