/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_bind_natives.c: the natives as Lua sees them: arrays, graphs, data, the database, statistics.
 */
#include "bind_help.h"

#include "stats/aggregate.h"
#include "stats/stats.h"

#include <math.h>

/* ---- arrays ---- */

static void arrays_hold_rows_and_columns(void **state)
{
    (void)state;
    bind_good("local array = require 'vae_lab.native.array'\n"
              "local a = array.from { { 1, 2, 3 }, { 4, 5, 6 } }\n"
              "assert(a:rows() == 2 and a:cols() == 3 and #a == 2 and tostring(a) == 'array (2, 3)')\n"
              "assert(a:get(2, 3) == 6 and a:row(2)[1] == 4 and a:column(2)[2] == 5 and #a:column(2) == 2)\n"
              "a:set(1, 1, 0.1)\n"
              "assert(a:get(1, 1) == 0.1, 'doubles inside')\n"
              "local b = a:rows_of { 2, 1, 2 }\n"
              "assert(b:rows() == 3 and b:get(1, 1) == 4 and b:get(2, 1) == 0.1 and b:get(3, 3) == 6)\n"
              "assert(array.new(3, 0):rows() == 3)\n"
              "local z = array.new(2, 2)\n"
              "assert(z:get(1, 1) == 0 and z:get(2, 2) == 0)");
}

static void array_blobs_are_little_endian_floats(void **state)
{
    (void)state;
    bind_good("local array = require 'vae_lab.native.array'\n"
              "local a = array.from { { 1, -2.385 }, { 1e30, 0.1 } }\n"
              "local blob = a:blob()\n"
              "assert(#blob == 16 and blob:sub(1, 8) == string.pack('<ff', 1, -2.385))\n"
              "local b = array.from_blob(blob, 2)\n"
              "assert(b:rows() == 2 and b:get(2, 1) == string.unpack('<f', string.pack('<f', 1e30)) and "
              "b:blob() == blob)\n"
              "assert(not pcall(array.from_blob, 'abc', 1) and not pcall(array.from_blob, blob, 3) and not "
              "pcall(array.from_blob, blob, 0))");
}

static void arrays_refuse_bad_indices(void **state)
{
    (void)state;
    bind_good("local array = require 'vae_lab.native.array'\n"
              "local a = array.new(2, 3)\n"
              "for _, p in ipairs { { 0, 1 }, { 3, 1 }, { 1, 0 }, { 1, 4 }, { 1.5, 1 } } do\n"
              "  assert(not pcall(a.get, a, p[1], p[2]) and not pcall(a.set, a, p[1], p[2], 1))\n"
              "end\n"
              "assert(not pcall(a.rows_of, a, { 3 }) and not pcall(a.row, a, 3) and not pcall(a.column, a, 0))\n"
              "assert(not pcall(array.from, { { 1, 2 }, { 3 } }) and not pcall(array.from, { { 1, 'x' } }) and not "
              "pcall(array.from, { 1 }))\n"
              "assert(not pcall(array.new, -1, 2) and not pcall(array.new, 1 << 40, 1 << 40) and not "
              "pcall(a.get, {}, 1, 1))");
}

/* ---- graphs ---- */

static void a_graph_is_built(void **state)
{
    (void)state;
    bind_good("local graph = require 'vae_lab.native.graph'\n"
              "local g = graph.new(7, 3)\n"
              "local x = g:input('x', { 1, 'b', 5 })\n"
              "local w = g:param('w', 5, 2, 'glorot_uniform')\n"
              "local b = g:param('b', 1, 2, 'zeros')\n"
              "local h = g:apply('dense', { x, w, b }, {})\n"
              "local eps = g:noise('eps', 'normal', { 'k', 'b', 2 })\n"
              "local s = g:apply('add', { h, eps })\n"
              "local k, n, d = g:shape(s)\n"
              "assert(k == 3 and n == 7 and d == 2)\n"
              "g:name('bound', g:apply('sum', { s }, { axis = 'features' }))\n"
              "assert(math.type(g:find 'bound') == 'integer' and g:find 'nothing' == nil)\n"
              "g:scalar('beta')\n"
              "assert(#graph.ops() > 20 and graph.ops()[1].formula)");
}

static void a_shape_error_names_the_scripts_line(void **state)
{
    Error err;
    (void)state;
    bind_bad("local graph = require 'vae_lab.native.graph'\n"
             "local g = graph.new(4, 1)\n"
             "local x = g:input('x', { 1, 'b', 3 })\n"
             "local y = g:input('y', { 1, 'b', 5 })\n"
             "local function combine(a, b)\n"
             "  local c = g:apply('add', { a, b })\n"
             "  return c\n"
             "end\n"
             "local z = combine(x, y)\n", &err);
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_line(&err, 6);
    assert_holds(err.where, "called from");
    assert_holds(err.what, "(1, 4, 3)");
    assert_holds(err.what, "(1, 4, 5)");
}

static void graphs_refuse_bad_arguments(void **state)
{
    Error err;
    (void)state;
    bind_good("local graph = require 'vae_lab.native.graph'\n"
              "local g = graph.new(4, 1)\n"
              "local x = g:input('x', { 1, 'b', 3 })\n"
              "assert(not pcall(graph.new, 0, 1) and not pcall(g.input, g, 'z', { 1, 'c', 3 }) and not pcall(g.input, "
              "g, 'z', { 1, 'b' }))\n"
              "assert(not pcall(g.apply, g, 'neg', { 99 }) and not pcall(g.apply, g, 'neg', { -1 }) and not "
              "pcall(g.apply, g, 'neg', { x, x }))\n"
              "assert(not pcall(g.param, g, 'w', 0, 3, 'zeros') and not pcall(g.param, g, 'w', 3, 3, 'zeroes') and "
              "not pcall(g.shape, g, 5))\n"
              "local many = {}\n"
              "for i = 1, 100 do many[i] = x end\n"
              "assert(not pcall(g.apply, g, 'concat', many))\n"
              "assert(not pcall(g.apply, g, 'affine', { x }, { scale = {} }))");
    bind_bad("local g = require('vae_lab.native.graph').new(4, 1)\n"
             "local x = g:input('x', { 1, 'b', 3 })\n"
             "g:apply('ad', { x, x })", &err);
    assert_holds(err.hint, "add");
    assert_line(&err, 3);
}

/* ---- closing ---- */

static void closed_objects_are_refused(void **state)
{
    (void)state;
    bind_good("local graph = require 'vae_lab.native.graph'\n"
              "local kept\n"
              "do local g <close> = graph.new(4, 1); kept = g; assert(g:find 'x' == nil) end\n"
              "local ok, e = pcall(kept.find, kept, 'x')\n"
              "assert(not ok and tostring(e):find 'closed graph')\n"
              "assert(getmetatable(kept) == false, 'a script reaches __gc')\n"
              "kept = nil\n"
              "collectgarbage()"); /* __gc after __close */
}

/* ---- data ---- */

static void data_sets_are_read(void **state)
{
    (void)state;
    bind_good("local data = require 'vae_lab.native.data'\n"
              "local d = data.open('digits', { train = 30, valid = 5, test = 20, binarise = 'grey' })\n"
              "assert(d:count 'train' == 30 and d:count 'valid' == 5 and d:count 'test' == 20)\n"
              "assert(d:features() == 784 and d:width() == 28 and d:height() == 28 and d:is_image() and "
              "d:classes() == 10)\n"
              "local rows = d:rows('test', 3, 2)\n"
              "assert(rows:rows() == 2 and rows:cols() == 784)\n"
              "local same = d:rows('test', { 4, 3 })\n"
              "assert(same:rows_of({ 2, 1 }):blob() == rows:blob(), 'a list and a range give other rows')\n"
              "local label = d:label('test', 1)\n"
              "assert(label >= 0 and label <= 9 and d:mean():cols() == 784)\n"
              "assert(not pcall(d.label, d, 'test', 21) and not pcall(d.label, d, 'test', 0) and not pcall(d.rows, d, "
              "'test', 20, 2))\n"
              "local ok, e = pcall(d.count, d, 'tests')\n"
              "assert(not ok and e.hint == 'did you mean test?')\n"
              "local f = data.open('digits', { train = 30, test = 20, binarise = 'dynamic' })\n"
              "local r = f:rows('test', 1, 1, 1)\n"
              "assert(r:blob() == f:rows('test', 1, 1, 1):blob() and r:blob() ~= f:rows('test', 1, 1, 2):blob())\n"
              "for _, v in ipairs(r:row(1)) do assert(v == 0 or v == 1) end");
}

static void data_dir_beats_the_environment(void **state)
{
    Error err = ERROR_NONE;
    const BindSettings flag = {.data_dir = "/flag-folder"}, none = {0};
    (void)state;
    setenv("VAE_LAB_DATA", "/environment-folder", 1);
    bind_write("script.lua", "require('vae_lab.native.data').open('mnist', {})");
    assert_null(bind_script_load(bind_path, &flag, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_holds(err.where, "/flag-folder");
    assert_null(bind_script_load(bind_path, &none, &err));
    assert_holds(err.where, "/environment-folder");
    unsetenv("VAE_LAB_DATA");
    assert_null(bind_script_load(bind_path, &none, &err));
    assert_holds(err.where, ", data");
}

/* ---- the database ---- */

static void make_database(char *path, size_t size)
{
    Error err = ERROR_NONE;
    int64_t run;
    StoreClaim claim;
    const StoreParam params[] = {{"beta", NULL, 0.5}, {"data", "digits", 0}};
    const StoreParam columns[] = {{"epochs", NULL, 2}, {"data", "digits", 0}};
    const StoreRunSpec spec = {
        .experiment = "test", .question = "", .script = "x.lua", .identity = "abc", .label = "beta=0.5", .seed = 3,
        .graph = "g", .plan = "{}", .columns = columns, .ncolumns = 2, .data_digest = "d", .params = params, .nparams = 2,
    };
    snprintf(path, size, "%s/results.db", bind_folder);
    unlink(path);
    Store *s = store_open(path, STORE_WRITE, &err);
    assert_non_null(s);
    assert_int_equal(store_run_queue(s, &spec, 0, &run, &claim, &err), 0);
    assert_int_equal(store_artifact_put(s, run, "bytes", "test", NULL, "a\0b", 3, &err), 0);
    store_close(s);
}

static void the_database_is_queried(void **state)
{
    char path[128], text[2048];
    (void)state;
    make_database(path, sizeof path);
    snprintf(text, sizeof text,
        "local store = require 'vae_lab.native.store'\n"
        "local path = '%s'\n"
        "local db = store.open(path)\n"
        "local rows = db:query('SELECT id, label, seed, digest, beta FROM runs WHERE seed = ?1 AND label = ?2', 3, "
        "'beta=0.5')\n"
        "assert(#rows == 1 and rows[1].label == 'beta=0.5' and rows[1].beta == 0.5 and rows[1].digest == nil)\n"
        "assert(math.type(rows[1].id) == 'integer' and math.type(rows[1].beta) == 'float')\n"
        "assert(db:query(\"SELECT bytes FROM artifact\")[1].bytes == 'a\\0b')\n"
        "assert(#db:query('SELECT 1 WHERE 0') == 0 and db:query('SELECT ?1 AS x', nil)[1].x == nil)\n"
        "local ok, e = pcall(db.query, db, 'DELETE FROM run')\n"
        "assert(not ok and #db:query 'SELECT * FROM run' == 1, 'a query may write')\n"
        "ok, e = pcall(db.query, db, 'SELECT nonsense FROM runs')\n"
        "assert(not ok and tostring(e):find 'nonsense')\n"
        "assert(not pcall(db.query, db, 'SELECT ?1', {}))\n"
        "assert(not pcall(store.open, path .. 'x'))", path);
    bind_good(text);
}

/* ---- statistics: each native agrees with its function of stats.h ---- */

static void numbers_agree_with_stats(void **state)
{
    static const double a[] = {1, 2.5, 2, 4};
    double value, se, ess;
    char text[2048];
    (void)state;
    StatsInterval i = stats_interval(a, 4, 0.9);
    stats_log_mean_exp(a, 4, &value, &se, &ess);
    snprintf(text, sizeof text,
             "local stats = require 'vae_lab.native.stats'\n"
             "local array = require 'vae_lab.native.array'\n"
             "local a = { 1, 2.5, 2, 4 }\n"
             "local i = stats.interval(a, 0.9)\n"
             "assert(i.mean == %a and i.sd == %a and i.low == %a and i.high == %a and i.n == 4)\n"
             "assert(stats.interval(array.from { a }, 0.9).low == i.low and stats.interval(a).low < i.low)\n"
             "local v, se, ess = stats.log_mean_exp(a)\n"
             "assert(v == %a and se == %a and ess == %a)\n"
             "assert(stats.normal_quantile(0.975) == %a and stats.mean(a) == 2.375)\n"
             "assert(not pcall(stats.interval, {}) and not pcall(stats.interval, a, 1))\n"
             "assert(not pcall(stats.normal_quantile, 0) and not pcall(stats.interval, { 1, 'x' }))",
             i.mean, i.sd, i.low, i.high, value, se, ess, stats_normal_quantile(0.975));
    bind_good(text);
}

static void latent_spaces_agree_with_stats(void **state)
{
    static const double mu[] = {0, 0, 1, 0.5, -1, 2, 0.3, -0.7}, sigma[] = {0.5, 0.6, 0.7, 0.2, 1, 1, 0.9, 0.4};
    static const int label[] = {0, 1, 0, 1};
    NumStream s = num_stream(5, "statistics");
    Error err = ERROR_NONE;
    double hole, density, all, same, different, knn;
    StatsElboDecomposition a;
    char text[3072];
    (void)state;
    assert_int_equal(stats_hole_fraction(&hole, mu, sigma, 4, 2, 1.5, 500, NULL, s, &err), 0);
    assert_int_equal(stats_hole_density(&density, mu, sigma, 4, 2, 0.05, 500, NULL, s, &err), 0);
    assert_int_equal(stats_mean_bhattacharyya(&all, mu, sigma, label, 0, 4, 2, 100, s, &err), 0);
    assert_int_equal(stats_mean_bhattacharyya(&same, mu, sigma, label, 1, 4, 2, 100, s, &err), 0);
    assert_int_equal(stats_mean_bhattacharyya(&different, mu, sigma, label, 2, 4, 2, 100, s, &err), 0);
    assert_int_equal(stats_knn_agreement(&knn, mu, label, 4, 2, 2, &err), 0);
    assert_int_equal(stats_elbo_decomposition(&a, mu, sigma, 4, 2, 300, 3, s, &err), 0);
    snprintf(text, sizeof text,
             "local stats = require 'vae_lab.native.stats'\n"
             "local array = require 'vae_lab.native.array'\n"
             "local mu = array.from { { 0, 0 }, { 1, 0.5 }, { -1, 2 }, { 0.3, -0.7 } }\n"
             "local sigma = array.from { { 0.5, 0.6 }, { 0.7, 0.2 }, { 1, 1 }, { 0.9, 0.4 } }\n"
             "local labels = { 0, 1, 0, 1 }\n"
             "assert(stats.hole_fraction(mu, sigma, { radius = 1.5, draws = 500, seed = 5 }) == %a)\n"
             "assert(stats.hole_density(mu, sigma, { quantile = 0.05, draws = 500, seed = 5 }) == %a)\n"
             "local function overlap(which) return stats.mean_bhattacharyya(mu, sigma, { labels = labels, "
             "which = which, "
             "pairs = 100, seed = 5 }) end\n"
             "assert(overlap 'all' == %a and overlap 'same' == %a and overlap 'different' == %a and overlap 'same' ~= "
             "overlap 'different')\n"
             "assert(stats.knn_agreement(mu, labels, 2) == %a)\n"
             "assert(stats.active_units(mu, 0.01) == 2 and stats.active_units(mu, 100) == 0 and "
             "stats.pooled_sd(mu) == %a)\n"
             "assert(not pcall(stats.hole_fraction, mu, sigma, { radus = 1 }) and not pcall(stats.hole_fraction, mu, "
             "array.new(3, 2)))\n"
             "assert(not pcall(overlap, 'some') and not pcall(stats.knn_agreement, mu, { 1 }, 2))\n"
             "assert(not pcall(stats.knn_agreement, mu, { 0, 1, 0, (1 << 32) + 1 }, 2))\n" /* no label wraps */
             "assert(stats.hole_fraction(mu, sigma) >= 0 and stats.mean_bhattacharyya(mu, sigma) > 0)\n"
             "local a = stats.elbo_decomposition(mu, sigma, { draws = 300, batch = 3, seed = 5 })\n"
             "assert(a.kl.mean == %a and a.kl.sd == %a and a.kl.n == 300 and a.mutual_information.mean == %a)\n"
             "assert(a.total_correlation.mean == %a and a.dimension_kl.mean == %a and a.marginal_kl.mean == %a)\n"
             "assert(a.kl_closed == %a and a.log_n == math.log(4) and a.weighted == %a and a.stratified == %a "
             "and a.residual < 1e-12)\n"
             "assert(not pcall(stats.elbo_decomposition, mu, sigma, { draws = 0 }) and not "
             "pcall(stats.elbo_decomposition, mu, array.new(4, 2)))",
             hole, density, all, same, different, knn, stats_pooled_sd(mu, 4, 2),
             a.kl.mean, a.kl.sd, a.mutual_information.mean, a.total_correlation.mean, a.dimension_kl.mean, a.marginal_kl.mean,
             a.kl_closed, a.weighted, a.stratified);
    bind_good(text);
}

/* All six pairs, and three random ones, where the seed counts. */
static void distances_and_classes_agree_with_stats(void **state)
{
    static const double mu[] = {0, 0, 1, 0.5, -1, 2, 0.3, -0.7}, other[] = {5, 0, 1, 9};
    static const int label[] = {0, 1, 0, 1};
    Error err = ERROR_NONE;
    double all, some, within_sd, separation;
    char text[1024];
    (void)state;
    assert_int_equal(stats_distance_spearman(&all, mu, 2, other, 1, 4, 100000, num_stream(1, "statistics"), &err), 0);
    assert_int_equal(stats_distance_spearman(&some, mu, 2, other, 1, 4, 3, num_stream(5, "statistics"), &err), 0);
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, label, 4, 2, &err), 0);
    snprintf(text, sizeof text,
             "local stats = require 'vae_lab.native.stats'\n"
             "local array = require 'vae_lab.native.array'\n"
             "local mu = array.from { { 0, 0 }, { 1, 0.5 }, { -1, 2 }, { 0.3, -0.7 } }\n"
             "local other = array.from { { 5 }, { 0 }, { 1 }, { 9 } }\n"
             "assert(stats.distance_spearman(mu, other) == %a)\n"
             "assert(stats.distance_spearman(mu, other, { pairs = 3, seed = 5 }) == %a)\n"
             "local c = stats.class_separation(mu, { 0, 1, 0, 1 })\n"
             "assert(c.within_sd == %a and c.separation == %a)\n"
             "assert(not pcall(stats.distance_spearman, mu, array.new(3, 1)) and not "
             "pcall(stats.distance_spearman, mu, other, { pair = 3 }))\n"
             "local separation = stats.class_separation\n"
             "assert(not pcall(separation, mu, { 0, 1 }) and not pcall(separation, mu) and not "
             "pcall(separation, mu, { 0, 0, 0, 0 }))",
             all, some, within_sd, separation);
    bind_good(text);
}

static void components_and_draws(void **state)
{
    float x[6];
    char text[2048];
    (void)state;
    num_stream_normal(num_stream(9, "validity"), 0, 0, 2, 3, x);
    snprintf(text, sizeof text,
             "local stats = require 'vae_lab.native.stats'\n"
             "local array = require 'vae_lab.native.array'\n"
             "local x = stats.normal(2, 3, 9, 'validity')\n"
             "assert(x:rows() == 2 and x:cols() == 3 and x:get(1, 1) == %a and x:get(2, 3) == %a)\n"
             "local u = stats.uniform(50, 1, 9)\n"
             "for _, v in ipairs(u:column(1)) do assert(v > 0 and v < 1) end\n"
             "local p = stats.pca(array.from { { 0, 0 }, { 3, 4 }, { 6, 8 } }, 2)\n"
             "assert(p.mean:get(1, 1) == 3 and p.mean:get(1, 2) == 4)\n"
             "assert(math.abs(p.eigenvalues:get(1, 1)) > 1 and math.abs(p.eigenvalues:get(1, 2)) < 1e-9)\n"
             "assert(math.abs(math.abs(p.components:get(1, 1)) - 0.6) < 1e-9)\n"
             "local code = stats.pca_encode(p, array.from { { 3, 4 }, { 9, 12 } })\n"
             "assert(code:rows() == 2 and code:cols() == 2 and math.abs(code:get(1, 1)) < 1e-9 and "
             "math.abs(math.abs(code:get(2, 1)) - 10) < 1e-9)\n"
             "local again = stats.pca_decode(p, code)\n"
             "assert(math.abs(again:get(2, 1) - 9) < 1e-9 and math.abs(again:get(2, 2) - 12) < 1e-9)\n"
             "assert(stats.squared_error(array.from { { 1, 2, 3 } }, array.from { { 2, 4, 3 } }) == 5 / 3)\n"
             "assert(not pcall(stats.squared_error, code, array.new(2, 3)) and not pcall(stats.squared_error, "
             "array.new(0, 2), array.new(0, 2)))\n"
             "assert(not pcall(stats.pca_encode, p, array.new(2, 3)) and not pcall(stats.pca_decode, p, "
             "array.new(2, 1)))\n"
             "assert(not pcall(stats.pca_encode, {}, code) and not pcall(stats.pca_encode, { mean = "
             "array.new(1, 3), components = p.components }, code))\n"
             "assert(not pcall(stats.pca, array.new(3, 2), 3) and not pcall(stats.normal, 0, 1))",
             (double)x[0], (double)x[5]);
    bind_good(text);
}

/* The worlds of tests/test_stats_linear.c: x = 2 z + noise at x = 1, and corners (±3, ±2, ±1). */
static void the_linear_gaussian_model(void **state)
{
    (void)state;
    bind_good("local stats = require 'vae_lab.native.stats'\n"
              "local array = require 'vae_lab.native.array'\n"
              "local function near(a, b) assert(math.abs(a - b) < 1e-12, a .. ' ' .. b) end\n"
              "local one = array.from { { 1 } }\n"
              "local given = { w = array.from { { 2 } }, b = array.from { { 0 } }, v = one, x = one, mu = "
              "array.from { { 0 } }, sigma = one }\n"
              "local r = stats.linear(given)\n"
              "near(r.log_likelihood, -1.8236574894217222)\n"
              "near(r.gap, 1.5952810437829498)\n"
              "near(r.elbo, r.log_likelihood - r.gap)\n"
              "given.mu = array.new(2, 1)\n"
              "assert(not pcall(stats.linear, given) and not pcall(stats.linear, { w = one }))\n"
              "local corners = {}\n"
              "for i = 0, 7 do corners[i + 1] = { i % 2 * 6 - 3, i // 2 % 2 * 4 - 2, i // 4 * 2 - 1 } end\n"
              "local p = stats.ppca(array.from(corners), 1)\n"
              "near(p.variance, 2.5)\n"
              "near(p.log_likelihood, -6.2717186201562827)\n"
              "near(p.information, 0.5 * math.log(9 / 2.5))\n"
              "assert(p.rank == 1 and stats.ppca(array.from(corners), 2, 6).rank == 1)\n"
              "near(p.components:get(1, 1), 1)\n"
              "near(stats.subspace_angle(array.from { { 1 }, { 0 }, { 1 } }, p.components), math.pi / 4)\n"
              "assert(not pcall(stats.ppca, array.from(corners), 3) and not pcall(stats.subspace_angle, one, "
              "p.components))");
}

/* ---- the reference ---- */

/* docs/natives.md says what the rows say; VAE_LAB_WRITE=1 writes it. */
static void the_reference_is_up_to_date(void **state)
{
    static const char path[] = "docs/natives.md";
    Text text = {0};
    (void)state;
    bind_reference(&text);
    if (getenv("VAE_LAB_WRITE") != NULL) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(text_string(&text), out);
        fclose(out);
    }
    char *file = malloc(text.length + 2);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t length = fread(file, 1, text.length + 1, in);
    fclose(in);
    file[length] = '\0';
    if (strcmp(file, text_string(&text)) != 0)
        fail_msg("%s is out of date: VAE_LAB_WRITE=1 build/release/tests/test_bind_natives", path);
    free(file);
    text_free(&text);
}

/* Each method of a model has its own options. */
static void each_native_has_its_own_options(void **state)
{
    static const struct { const char *call, *what, *expected, *hint; } bad[] = {
        {"m.map(b, { name = 'z', draws = 3 })", "model:map has no option 'draws'", "name", ""},
        {"m.hmc(b, { starts = 3 })", "model:hmc has no option 'starts'", "leapfrog", "did you mean start?"},
        {"m.hmc(b, { data = d })", "model:hmc needs start", "an array", "start: where the chains start"},
        {"m.hmc(b, { data = d, start = 3 })", "bad value of start in model:hmc", "an array", ""},
        {"m.ais(b, { reverse = 1, start = a })", "bad value of reverse in model:ais", "true or false", ""},
        {"m.ais(b, { accept = 1, start = a })", "bad value of accept in model:ais", "a number above 0 and below 1", ""},
        {"m.quadrature(b, { tolerance = 0 })", "bad value of tolerance in model:quadrature", "a number above 0", ""},
        {"m.quadrature(b, { samples = 0 })",
         "bad value of samples in model:quadrature", "a whole number, at least 1", ""},
        {"m.mean(b, { names = 'elbo' })", "bad value of names in model:mean", "a list of strings", ""},
        {"m.mean(b, { names = { 1 } })", "bad value of names in model:mean", "a list of strings", ""},
        {"m.gradient(b, { name = 'z' })", "model:gradient needs of", "a string", ""},
        {"m.gradient(b, { name = 'z', of = 'b', repeats = 1 })",
         "bad value of repeats in model:gradient", "at least 2", ""},
        {"m.optimise_local_q(b, { over = { 'z' } })", "model:optimise_local_q needs start", "a table", ""},
        {"m.optimise_local_q(b, { over = { 'z' }, start = { 3 }, data = d })", "entry 1 of start is a number, expected an array",
         "", ""},
        {"m.log_weights(b, { name = 'z', split = 'tset' })",
         "bad value of split in model:log_weights", "\"train\", \"valid\" or \"test\"",
         "did you mean test?"},
        {"m.map(b, { name = 'z', data = d, feed = 'z' })", "feed and values must be given together", "", ""},
        {"m.map(b, { name = 'z' })", "a model needs data, values or a count to compute with", "", ""},
        {"m.map(b, { name = 'z', count = 1 << 62 })", "count is 4611686018427387904, expected at most 4294967295", "", ""},
        {"m.map(b, { name = 'z', count = 2 })", "depend on data, and the request has none", "", ""},
        {"stats.placements({ 1 }, {})", "an empty list", "", ""},
        {"stats.placements({ 1 }, { 0 / 0 })", "placements need scores of two samples", "at least one number", ""},
        {"stats.hole_fraction(a, a, { prior = array.new(3, 5) })", "prior", "", ""},
        {"m.map(b, { name = 'z', data = d, first = 9 })", "rows 9 to 8 of 8 do not exist", "", ""},
        {"m.map(b, 3)", "table expected", "", ""},
        {"model.fit { graph = g }", "model.fit needs x", "an array", ""},
        {"model.fit { graph = g, x = a, epochs = 0 }", "bad value of epochs in model.fit", "at least 1", ""},
        {"model.fit(3)", "bad value of the options of model.fit", "a table", ""},
        {"stats.hole_fraction(a, a, { radus = 1 })",
         "stats.hole_fraction has no option 'radus'", "radius", "did you mean radius?"},
        {"stats.hole_density(a, a, { quantile = 1 })",
         "bad value of quantile in stats.hole_density", "above 0 and below 1", ""},
        {"stats.mean_bhattacharyya(a, a, { which = 'al' })",
         "bad value of which", "\"all\", \"same\" or \"different\"", "did you mean all?"},
        {"stats.linear { w = a, b = 3 }", "bad value of b in stats.linear", "an array", ""},
        {"plot.render { folder = 'x', name = 'y', body = '', width = '3', height = 2, formats = { 'pdf' } }",
         "bad value of width in plot.render",
         "a number above 0", "width: in cm"},
        {"plot.render { folder = 'x', name = 'y', body = '', width = 3, height = 2, formats = {}, blocks = { { nam = 'a' } } }",
         "a block of plot.render has no option 'nam'", "name, text, array, blob", "did you mean name?"},
    };
    Error err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "local graph, array, model = require 'vae_lab.native.graph', require 'vae_lab.native.array', "
                 "require 'vae_lab.native.model'\n"
                 "local stats, plot, d = require 'vae_lab.native.stats', require 'vae_lab.native.plot', "
                 "require('vae_lab.native.data').open('digits', { train = 8, test = 8 })\n"
                 "local g = graph.new(4, 1)\n"
                 "local x, b, a = g:input('x', { 1, 'b', 2 }), g:param('b', 1, 2, 'zeros'), array.from { { 1, "
                 "2 }, { 3, 4 } }\n"
                 "g:name('z', g:apply('add', { x, b })); g:name('bound', g:apply('sum', { g:find 'z' }, { axis "
                 "= 'features' }))\n"
                 "local b = model.fit { graph = g, x = a, epochs = 1, batch = 2 }\n"
                 "local m = setmetatable({}, { __index = function (_, key) return b[key] end })\n"
                 "local x = %s\n", bad[i].call);
        bind_bad(text, &err);
        assert_holds(err.what, bad[i].what);
        assert_holds(err.expected, bad[i].expected);
        assert_holds(err.hint, bad[i].hint);
        assert_line(&err, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_hold_rows_and_columns),
        cmocka_unit_test(array_blobs_are_little_endian_floats),
        cmocka_unit_test(arrays_refuse_bad_indices),
        cmocka_unit_test(a_graph_is_built),
        cmocka_unit_test(a_shape_error_names_the_scripts_line),
        cmocka_unit_test(graphs_refuse_bad_arguments),
        cmocka_unit_test(closed_objects_are_refused),
        cmocka_unit_test(data_sets_are_read),
        cmocka_unit_test(data_dir_beats_the_environment),
        cmocka_unit_test(the_database_is_queried),
        cmocka_unit_test(numbers_agree_with_stats),
        cmocka_unit_test(latent_spaces_agree_with_stats),
        cmocka_unit_test(distances_and_classes_agree_with_stats),
        cmocka_unit_test(components_and_draws),
        cmocka_unit_test(the_linear_gaussian_model),
        cmocka_unit_test(each_native_has_its_own_options),
        cmocka_unit_test(the_reference_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, bind_setup, bind_teardown);
}
