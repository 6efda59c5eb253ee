/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/stats.c: the statistics of stats/stats.h for Lua: arrays and lists in, numbers and arrays out.
 */
#include "stats/stats.h"

#include "bind/array.h"
#include "bind/bind.h"
#include "num/stream.h"
#include "stats/aggregate.h"
#include "stats/linear.h"

#include <string.h>

static const char *const STREAM = "statistics"; /* of draws, unless a function says otherwise */

/* ---- arguments ---- */

/* A list of numbers, or all of an array: [OUT] *n.  The values stay on the stack. */
static const double *check_numbers(lua_State *L, int index, size_t *n)
{
    const BindArray *a = bind_array_test(L, index);
    if (a != NULL) {
        *n = a->rows * a->cols;
        return a->data;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    *n = lua_rawlen(L, index);
    double *x = bind_scratch(L, *n, sizeof *x);
    for (size_t i = 0; i < *n; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TNUMBER)
            luaL_error(L, "entry %I of the list is a %s, not a number", (LUAI_UACINT)(i + 1), luaL_typename(L, -1));
        x[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return x;
}

/* A list of n class labels, NULL for nil. */
static const int *check_labels(lua_State *L, int index, size_t n)
{
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checktype(L, index, LUA_TTABLE);
    index = lua_absindex(L, index);
    if (lua_rawlen(L, index) != n)
        luaL_error(L, "%I labels for %I points", (LUAI_UACINT)lua_rawlen(L, index), (LUAI_UACINT)n);
    int *label = bind_scratch(L, n, sizeof *label);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        label[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    return label;
}

typedef struct Posteriors {
    const double *mu, *sigma;
    size_t n, d;
} Posteriors;

/* Two arrays (n, d) at `index` and after it. */
static Posteriors check_posteriors(lua_State *L, int index)
{
    const BindArray *mu = bind_array_check(L, index), *sigma = bind_array_check(L, index + 1);
    if (mu->rows != sigma->rows || mu->cols != sigma->cols)
        luaL_error(L, "mu is (%I, %I) and sigma is (%I, %I)", (LUAI_UACINT)mu->rows, (LUAI_UACINT)mu->cols,
                   (LUAI_UACINT)sigma->rows, (LUAI_UACINT)sigma->cols);
    return (Posteriors){mu->data, sigma->data, mu->rows, mu->cols};
}

static NumStream seeded(lua_State *L, int options)
{
    return num_stream((uint64_t)bind_integer(L, options, "seed", 1, 0), STREAM);
}

/* The number at `value`, which the call that gave `status` has filled. */
static int give(lua_State *L, int status, const double *value, const Error *err)
{
    if (status != 0)
        return bind_raise(L, err);
    lua_pushnumber(L, *value);
    return 1;
}

static void set_number(lua_State *L, const char *key, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

static void push_interval(lua_State *L, StatsInterval i)
{
    lua_createtable(L, 0, 6);
    set_number(L, "mean", i.mean);
    set_number(L, "sd", i.sd);
    set_number(L, "low", i.low);
    set_number(L, "high", i.high);
    lua_pushinteger(L, (lua_Integer)i.n);
    lua_setfield(L, -2, "n");
}

/* ---- numbers ---- */

static double opt_level(lua_State *L, int index)
{
    double level = luaL_optnumber(L, index, 0.95);
    luaL_argcheck(L, level > 0 && level < 1, index, "a level is between 0 and 1");
    return level;
}

/* interval(list, level) → {mean =, sd =, low =, high =, n =} */
static int interval(lua_State *L)
{
    size_t n;
    double level = opt_level(L, 2); /* before the numbers, which may take the next place on the stack */
    const double *x = check_numbers(L, 1, &n);
    luaL_argcheck(L, n > 0, 1, "an empty list");
    push_interval(L, stats_interval(x, n, level));
    return 1;
}

/* log_mean_exp(list) → value, se, ess */
static int log_mean_exp(lua_State *L)
{
    size_t n;
    double value, se, ess;
    const double *x = check_numbers(L, 1, &n);
    luaL_argcheck(L, n > 0, 1, "an empty list");
    stats_log_mean_exp(x, n, &value, &se, &ess);
    lua_pushnumber(L, value);
    lua_pushnumber(L, se);
    lua_pushnumber(L, ess);
    return 3;
}

static int normal_quantile(lua_State *L)
{
    double p = luaL_checknumber(L, 1);
    luaL_argcheck(L, p > 0 && p < 1, 1, "a probability is between 0 and 1");
    lua_pushnumber(L, stats_normal_quantile(p));
    return 1;
}

static int mean(lua_State *L)
{
    size_t n;
    const double *x = check_numbers(L, 1, &n);
    luaL_argcheck(L, n > 0, 1, "an empty list");
    lua_pushnumber(L, stats_mean(x, n));
    return 1;
}

/* squared_error(a, b): mean of (a - b)^2 over all their numbers */
static int squared_error(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1), *b = bind_array_check(L, 2);
    luaL_argcheck(L, a->rows > 0 && a->cols > 0, 1, "an empty array");
    luaL_argcheck(L, a->rows == b->rows && a->cols == b->cols, 2, "not of the shape of the first");
    lua_pushnumber(L, stats_squared_error(a->data, b->data, a->rows * a->cols));
    return 1;
}

/* ---- latent spaces ---- */

static int hole_fraction(lua_State *L)
{
    static const char *const keys[] = {"radius", "draws", "seed", NULL};
    double share = 0;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    bind_keys(L, 3, "hole_fraction", keys);
    double radius = bind_number(L, 3, "radius", 2);
    size_t draws = (size_t)bind_integer(L, 3, "draws", 10000, 1);
    return give(L, stats_hole_fraction(&share, q.mu, q.sigma, q.n, q.d, radius, draws, seeded(L, 3), &err), &share,
                &err);
}

static int hole_density(lua_State *L)
{
    static const char *const keys[] = {"quantile", "draws", "seed", NULL};
    double share = 0;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    bind_keys(L, 3, "hole_density", keys);
    double quantile = bind_number(L, 3, "quantile", 0.05);
    size_t draws = (size_t)bind_integer(L, 3, "draws", 10000, 1);
    return give(L, stats_hole_density(&share, q.mu, q.sigma, q.n, q.d, quantile, draws, seeded(L, 3), &err), &share,
                &err);
}

/* mean_bhattacharyya(mu, sigma, {labels =, which = "all"|"same"|"different", pairs =, seed =}) */
static int mean_bhattacharyya(lua_State *L)
{
    static const char *const keys[] = {"labels", "which", "pairs", "seed", NULL};
    static const char *const kinds[] = {"all", "same", "different"}; /* stats_mean_bhattacharyya's `which` */
    double value = 0;
    Error err = ERROR_NONE;
    int which = 0;
    Posteriors q = check_posteriors(L, 1);
    bind_keys(L, 3, "mean_bhattacharyya", keys);
    const char *kind = bind_string(L, 3, "which", "all");
    while (which < 3 && strcmp(kind, kinds[which]) != 0)
        which++;
    if (which == 3)
        luaL_error(L, "which is '%s', not all, same or different", kind);
    size_t pairs = (size_t)bind_integer(L, 3, "pairs", 100000, 1);
    NumStream s = seeded(L, 3);
    if (lua_isnoneornil(L, 3))
        lua_pushnil(L);
    else
        lua_getfield(L, 3, "labels");
    const int *label = check_labels(L, -1, q.n);
    return give(L, stats_mean_bhattacharyya(&value, q.mu, q.sigma, label, which, q.n, q.d, pairs, s, &err), &value,
                &err);
}

static int active_units(lua_State *L)
{
    const BindArray *mu = bind_array_check(L, 1);
    luaL_argcheck(L, mu->rows > 0, 1, "an array without rows");
    lua_pushinteger(L, (lua_Integer)stats_active_units(mu->data, mu->rows, mu->cols, luaL_optnumber(L, 2, 0.01)));
    return 1;
}

static int pooled_sd(lua_State *L)
{
    const BindArray *mu = bind_array_check(L, 1);
    luaL_argcheck(L, mu->rows > 0 && mu->cols > 0, 1, "an empty array");
    lua_pushnumber(L, stats_pooled_sd(mu->data, mu->rows, mu->cols));
    return 1;
}

static int knn_agreement(lua_State *L)
{
    double share = 0;
    Error err = ERROR_NONE;
    const BindArray *mu = bind_array_check(L, 1);
    lua_Integer k = luaL_checkinteger(L, 3);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, k >= 1, 3, "at least 1 neighbour");
    const int *label = check_labels(L, 2, mu->rows);
    return give(L, stats_knn_agreement(&share, mu->data, label, mu->rows, mu->cols, (size_t)k, &err), &share, &err);
}

/* elbo_decomposition(mu, sigma, {draws =, batch =, seed =}) → {kl =, mutual_information =, …}: intervals and numbers */
static int elbo_decomposition(lua_State *L)
{
    static const char *const keys[] = {"draws", "batch", "seed", NULL};
    StatsElboDecomposition r;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    bind_keys(L, 3, "elbo_decomposition", keys);
    size_t count = (size_t)bind_integer(L, 3, "draws", 10000, 1), batch = (size_t)bind_integer(L, 3, "batch", 100, 1);
    if (stats_elbo_decomposition(&r, q.mu, q.sigma, q.n, q.d, count, batch, seeded(L, 3), &err) != 0)
        return bind_raise(L, &err);
    const struct { const char *name; StatsInterval value; } means[] = {
        {"kl", r.kl}, {"mutual_information", r.mutual_information}, {"total_correlation", r.total_correlation},
        {"dimension_kl", r.dimension_kl}, {"marginal_kl", r.marginal_kl}};
    const struct { const char *name; double value; } numbers[] = {
        {"kl_closed", r.kl_closed}, {"residual", r.residual}, {"log_n", r.log_n}, {"weighted", r.weighted},
        {"stratified", r.stratified}};
    lua_createtable(L, 0, 10);
    for (size_t i = 0; i < sizeof means / sizeof means[0]; i++) {
        push_interval(L, means[i].value);
        lua_setfield(L, -2, means[i].name);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        set_number(L, numbers[i].name, numbers[i].value);
    return 1;
}

/* distance_spearman(x, y, {pairs =, seed =}) */
static int distance_spearman(lua_State *L)
{
    static const char *const keys[] = {"pairs", "seed", NULL};
    double rho = 0;
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1), *y = bind_array_check(L, 2);
    luaL_argcheck(L, x->rows == y->rows, 2, "not as many rows as the first");
    bind_keys(L, 3, "distance_spearman", keys);
    size_t pairs = (size_t)bind_integer(L, 3, "pairs", 100000, 1);
    return give(L,
                stats_distance_spearman(&rho, x->data, x->cols, y->data, y->cols, x->rows, pairs, seeded(L, 3), &err),
                &rho, &err);
}

/* class_separation(mu, labels) → {within_sd =, separation =} */
static int class_separation(lua_State *L)
{
    double within_sd = 0, separation = 0;
    Error err = ERROR_NONE;
    const BindArray *mu = bind_array_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (stats_class_separation(&within_sd, &separation, mu->data, check_labels(L, 2, mu->rows), mu->rows, mu->cols,
                               &err)
        != 0)
        return bind_raise(L, &err);
    lua_createtable(L, 0, 2);
    set_number(L, "within_sd", within_sd);
    set_number(L, "separation", separation);
    return 1;
}

/* pca(x, m) → {mean =, eigenvalues =, components =}: arrays (1, d), (1, m), (m, d) */
static int pca(lua_State *L)
{
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1);
    size_t most = x->rows < x->cols ? x->rows : x->cols;
    lua_Integer m = luaL_optinteger(L, 2, (lua_Integer)most);
    luaL_argcheck(L, m >= 1 && (size_t)m <= most, 2, "more components than the data has");
    lua_createtable(L, 0, 3);
    BindArray *centre = bind_array_new(L, 1, x->cols);
    lua_setfield(L, -2, "mean");
    BindArray *eigenvalues = bind_array_new(L, 1, (size_t)m);
    lua_setfield(L, -2, "eigenvalues");
    BindArray *components = bind_array_new(L, (size_t)m, x->cols);
    lua_setfield(L, -2, "components");
    if (stats_pca(centre->data, eigenvalues->data, components->data, x->data, x->rows, x->cols, (size_t)m, &err) != 0)
        return bind_raise(L, &err);
    return 1;
}

/* ---- the linear-Gaussian model ---- */

/* ppca(x, m, variance) → {log_likelihood =, variance =, information =, rank =, components = (m, d)} */
static int ppca(lua_State *L)
{
    StatsPpca r;
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1);
    lua_Integer m = luaL_checkinteger(L, 2);
    double variance = luaL_optnumber(L, 3, 0.0);
    luaL_argcheck(L, m >= 1 && (size_t)m < x->cols, 2, "from 1 to the dimensions less one");
    lua_createtable(L, 0, 5);
    BindArray *components = bind_array_new(L, (size_t)m, x->cols);
    lua_setfield(L, -2, "components");
    if (stats_ppca(&r, components->data, x->data, x->rows, x->cols, (size_t)m, variance, &err) != 0)
        return bind_raise(L, &err);
    set_number(L, "log_likelihood", r.log_likelihood);
    set_number(L, "variance", r.variance);
    set_number(L, "information", r.information);
    lua_pushinteger(L, (lua_Integer)r.rank);
    lua_setfield(L, -2, "rank");
    return 1;
}

/* linear{w = (d, m), b = (1, d), v = (1, d), x = (n, d), mu = (n, m), sigma = (n, m)} → {log_likelihood =, elbo =,
 * gap =} */
static int linear(lua_State *L)
{
    static const char *const keys[] = {"w", "b", "v", "x", "mu", "sigma", NULL};
    const BindArray *a[6];
    StatsLinear r;
    Error err = ERROR_NONE;
    luaL_checktype(L, 1, LUA_TTABLE);
    bind_keys(L, 1, "linear", keys);
    for (int i = 0; i < 6; i++) {
        lua_getfield(L, 1, keys[i]);
        a[i] = bind_array_check(L, lua_gettop(L));
    }
    size_t d = a[0]->rows, m = a[0]->cols, n = a[3]->rows;
    const size_t rows[] = {d, 1, 1, n, n, n}, cols[] = {m, d, d, d, m, m};
    for (int i = 0; i < 6; i++)
        if (a[i]->rows != rows[i] || a[i]->cols != cols[i])
            luaL_error(L, "%s is (%I, %I), not (%I, %I)", keys[i], (LUAI_UACINT)a[i]->rows, (LUAI_UACINT)a[i]->cols,
                       (LUAI_UACINT)rows[i], (LUAI_UACINT)cols[i]);
    if (stats_linear(&r, a[0]->data, a[1]->data, a[2]->data, a[3]->data, a[4]->data, a[5]->data, n, d, m, &err) != 0)
        return bind_raise(L, &err);
    lua_createtable(L, 0, 3);
    set_number(L, "log_likelihood", r.log_likelihood);
    set_number(L, "elbo", r.elbo);
    set_number(L, "gap", r.gap);
    return 1;
}

/* subspace_angle(w (d, m), u (k, d)) → radians */
static int subspace_angle(lua_State *L)
{
    double angle = 0;
    Error err = ERROR_NONE;
    const BindArray *w = bind_array_check(L, 1), *u = bind_array_check(L, 2);
    luaL_argcheck(L, u->cols == w->rows, 2, "not of w's dimensions");
    return give(L, stats_subspace_angle(&angle, w->data, u->data, w->rows, w->cols, u->rows, &err), &angle, &err);
}

/* The components of what pca gave, at `index`, and its mean. */
static const BindArray *check_components(lua_State *L, int index, const BindArray **mean)
{
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "mean");
    *mean = bind_array_check(L, -1);
    lua_getfield(L, index, "components");
    const BindArray *components = bind_array_check(L, -1);
    luaL_argcheck(L, (*mean)->rows == 1 && (*mean)->cols == components->cols, index, "not what pca gives");
    return components;
}

/* pca_encode(p, x) → the scores of x (n, d) on the components of p = pca(…): (n, m) */
static int pca_encode(lua_State *L)
{
    const BindArray *mean, *components = check_components(L, 1, &mean), *x = bind_array_check(L, 2);
    luaL_argcheck(L, x->cols == components->cols, 2, "not as wide as what the components are of");
    BindArray *code = bind_array_new(L, x->rows, components->rows);
    stats_pca_encode(code->data, x->data, mean->data, components->data, x->rows, x->cols, components->rows);
    return 1;
}

/* pca_decode(p, code) → what is rebuilt from the scores: (n, d) */
static int pca_decode(lua_State *L)
{
    const BindArray *mean, *components = check_components(L, 1, &mean), *code = bind_array_check(L, 2);
    luaL_argcheck(L, code->cols == components->rows, 2, "not as wide as there are components");
    BindArray *x = bind_array_new(L, code->rows, components->cols);
    stats_pca_decode(x->data, code->data, mean->data, components->data, code->rows, components->cols, components->rows);
    return 1;
}

/* generators() → the names of the random number generators, philox4x32 first */
static int generators(lua_State *L)
{
    const char *name;
    lua_newtable(L);
    for (size_t i = 0; (name = num_rng_name(i)) != NULL; i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* normal(rows, cols, seed, stream, rng) and uniform(…): an array of draws of a named stream; rng: a generator's name */
static int draws(lua_State *L, void (*fill)(NumStream, uint64_t, uint32_t, size_t, size_t, float *))
{
    lua_Integer rows = luaL_checkinteger(L, 1), cols = luaL_checkinteger(L, 2), seed = luaL_optinteger(L, 3, 1);
    const char *name = luaL_optstring(L, 4, STREAM);
    luaL_argcheck(L, rows >= 1 && rows <= UINT32_MAX, 1, "at least 1 row");
    luaL_argcheck(L, cols >= 1 && cols <= UINT32_MAX, 2, "at least 1 column");
    Error err = ERROR_NONE;
    const gsl_rng_type *rng = num_rng_find(luaL_optstring(L, 5, num_rng_philox->name), &err);
    if (rng == NULL)
        bind_raise(L, &err);
    float *x = bind_scratch(L, (size_t)rows * (size_t)cols, sizeof *x);
    fill(num_stream_of((NumSeed){(uint64_t)seed, rng}, name), 0, 0, (size_t)rows, (size_t)cols, x);
    bind_array_from_floats(L, (size_t)rows, (size_t)cols, x);
    return 1;
}

static int normal(lua_State *L)
{
    return draws(L, num_stream_normal);
}

static int uniform(lua_State *L)
{
    return draws(L, num_stream_uniform);
}

/* fitted_log_density(draws, points) → a list: of the Gaussian fitted to the draws, arrays (n, d) and (count, d) */
static int fitted_log_density(lua_State *L)
{
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1), *points = bind_array_check(L, 2);
    if (points->cols != x->cols)
        luaL_error(L, "draws of %I dimensions, points of %I", (LUAI_UACINT)x->cols, (LUAI_UACINT)points->cols);
    double *logp = bind_scratch(L, points->rows, sizeof *logp);
    if (stats_fitted_log_density(logp, x->data, x->rows, x->cols, points->data, points->rows, &err) != 0)
        return bind_raise(L, &err);
    lua_createtable(L, (int)points->rows, 0);
    for (size_t i = 0; i < points->rows; i++) {
        lua_pushnumber(L, logp[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int bind_stats_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"interval", interval}, {"log_mean_exp", log_mean_exp}, {"mean", mean}, {"normal_quantile", normal_quantile},
        {"hole_fraction", hole_fraction}, {"hole_density", hole_density}, {"mean_bhattacharyya", mean_bhattacharyya},
        {"active_units", active_units}, {"pooled_sd", pooled_sd}, {"knn_agreement", knn_agreement}, {"pca", pca},
        {"normal", normal}, {"uniform", uniform}, {"generators", generators},
        {"fitted_log_density", fitted_log_density}, {"elbo_decomposition", elbo_decomposition}, {"ppca", ppca},
        {"linear", linear}, {"subspace_angle", subspace_angle}, {"squared_error", squared_error},
        {"distance_spearman", distance_spearman}, {"class_separation", class_separation},
        {"pca_encode", pca_encode}, {"pca_decode", pca_decode},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}
