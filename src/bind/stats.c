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

#include <limits.h>
#include <string.h>

static const char *const STREAM = "statistics"; /* of draws, unless a function says otherwise */

/* ---- arguments ---- */

/* A list of n class labels. */
static const int *check_labels(lua_State *L, int index, size_t n)
{
    luaL_checktype(L, index, LUA_TTABLE);
    index = lua_absindex(L, index);
    if (lua_rawlen(L, index) != n)
        luaL_error(L, "%I labels for %I points", INT(lua_rawlen(L, index)), INT(n));
    int *label = bind_scratch(L, n, sizeof *label);
    for (size_t i = 0; i < n; i++) {
        int whole;
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        lua_Integer value = lua_tointegerx(L, -1, &whole);
        if (!whole || value < INT_MIN || value > INT_MAX)
            luaL_error(L, "label %I is not a whole number from %d to %d", INT(i + 1), INT_MIN, INT_MAX);
        label[i] = (int)value;
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
    bind_array_shape(L, "sigma", sigma, mu->rows, mu->cols);
    return (Posteriors){mu->data, sigma->data, mu->rows, mu->cols};
}

/* The options of all functions; each reads some. */
typedef struct StatsCall {
    double threshold;
    size_t draws, batch, pairs;
    const BindArray *prior;
    uint64_t seed;
    int which;
} StatsCall;

#define SEED {OPTION(StatsCall, seed), .type = OPTION_SIZE, .standard = 1, .text = "of the stream of random numbers"}
#define DRAWS(text_) {OPTION(StatsCall, draws), .type = OPTION_SIZE, .least = 1, .standard = 10000, .text = text_}
#define PAIRS \
    {OPTION(StatsCall, pairs), .type = OPTION_SIZE, .least = 1, .standard = 100000, .text = "all pairs, or so many drawn"}

#define PRIOR \
    {OPTION(StatsCall, prior), .type = OPTION_OBJECT, .object = BIND_ARRAY, \
     .text = "draws of another prior than N(0, I), (draws, d)"}

static StatsCall read_options(lua_State *L, int index, const BindOptions *options)
{
    StatsCall call = {0};
    bind_options(L, index, options, &call);
    return call;
}

static NumStream seeded(const StatsCall *call)
{
    return num_stream(call->seed, STREAM);
}

/* Pushes *value, or raises when the call that filled it failed. */
static int give(lua_State *L, int status, const double *value, const Error *err)
{
    if (status != 0)
        return bind_raise(L, err);
    lua_pushnumber(L, *value);
    return 1;
}

/* Sets fields of the table at the top; `fields` ends with a NULL name. */
typedef struct NamedNumber {
    const char *name;
    double value;
} NamedNumber;

static void set_numbers(lua_State *L, const NamedNumber *fields)
{
    for (; fields->name != NULL; fields++) {
        lua_pushnumber(L, fields->value);
        lua_setfield(L, -2, fields->name);
    }
}

static void push_interval(lua_State *L, StatsInterval i)
{
    lua_createtable(L, 0, 5);
    set_numbers(L, (const NamedNumber[]){{"mean", i.mean}, {"sd", i.sd}, {"low", i.low}, {"high", i.high}, {0}});
    lua_pushinteger(L, (lua_Integer)i.n);
    lua_setfield(L, -2, "n");
}

/* ---- numbers ---- */

static int interval(lua_State *L)
{
    size_t n;
    double level = luaL_optnumber(L, 2, 0.95); /* before the numbers, which may take the next place on the stack */
    luaL_argcheck(L, level > 0 && level < 1, 2, "a level is between 0 and 1");
    const double *x = bind_numbers(L, 1, &n);
    push_interval(L, stats_interval(x, n, level));
    return 1;
}

static int log_mean_exp(lua_State *L)
{
    size_t n;
    double value, se, ess;
    const double *x = bind_numbers(L, 1, &n);
    stats_log_mean_exp(x, n, &value, &se, &ess);
    lua_pushnumber(L, value);
    lua_pushnumber(L, se);
    lua_pushnumber(L, ess);
    return 3;
}

static int mixing(lua_State *L)
{
    double rhat, ess;
    const BindArray *x = bind_array_check(L, 1);
    luaL_argcheck(L, x->cols >= 4, 1, "at least 4 draws of each chain");
    stats_mixing(x->data, x->rows, x->cols, &rhat, &ess);
    lua_pushnumber(L, rhat);
    lua_pushnumber(L, ess);
    return 2;
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
    const double *x = bind_numbers(L, 1, &n);
    lua_pushnumber(L, stats_mean(x, n));
    return 1;
}

static int squared_error(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1), *b = bind_array_check(L, 2);
    luaL_argcheck(L, a->rows > 0 && a->cols > 0, 1, "an empty array");
    luaL_argcheck(L, a->rows == b->rows && a->cols == b->cols, 2, "not of the shape of the first");
    lua_pushnumber(L, stats_squared_error(a->data, b->data, a->rows * a->cols));
    return 1;
}

/* ---- latent spaces ---- */

static const Option fraction_rows[] = {
    {.name = "radius", .offset = offsetof(StatsCall, threshold), .type = OPTION_FROM, .standard = 2,
     .text = "in standard deviations of the nearest approximate posterior"},
    DRAWS("draws of N(0, I)"), PRIOR, SEED,
};
static const BindOptions fraction_options = {"stats.hole_fraction", {BIND_ROWS(fraction_rows, 0)}};

typedef int StatsHole(double *, const double *, const double *, size_t, size_t, double, size_t, const double *, NumStream,
                      Error *);

static int hole_share(lua_State *L, const BindOptions *options, StatsHole *find)
{
    double share = 0;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    StatsCall c = read_options(L, 3, options);
    const double *prior = NULL;
    if (c.prior != NULL) {
        bind_array_shape(L, "prior", c.prior, c.prior->rows, q.d);
        prior = c.prior->data;
        c.draws = c.prior->rows;
    }
    return give(L, find(&share, q.mu, q.sigma, q.n, q.d, c.threshold, c.draws, prior, seeded(&c), &err), &share, &err);
}

static int hole_fraction(lua_State *L)
{
    return hole_share(L, &fraction_options, stats_hole_fraction);
}

static const Option density_rows[] = {
    {.name = "quantile", .offset = offsetof(StatsCall, threshold), .type = OPTION_NUMBER, .most = 1, .standard = 0.05,
     .text = "of the density at draws of the aggregate posterior: the threshold"},
    DRAWS("draws of each distribution"), PRIOR, SEED,
};
static const BindOptions density_options = {"stats.hole_density", {BIND_ROWS(density_rows, 0)}};

static int hole_density(lua_State *L)
{
    return hole_share(L, &density_options, stats_hole_density);
}

static int placements(lua_State *L)
{
    size_t n, m;
    Error err = ERROR_NONE;
    const double *a = bind_numbers(L, 1, &n), *b = bind_numbers(L, 2, &m);
    double *placement = bind_scratch(L, n + m, sizeof *placement);
    if (stats_placements(placement, a, n, b, m, &err) != 0)
        return bind_raise(L, &err);
    bind_list(L, placement, n, 1);
    bind_list(L, placement + n, m, 1);
    return 2;
}

static int placement_variance(lua_State *L)
{
    size_t n;
    const double *placement = bind_numbers(L, 1, &n);
    lua_pushnumber(L, stats_placement_variance(placement, n));
    return 1;
}

/* in the order of stats_mean_bhattacharyya's `which` */
static const char *const pair_kinds[] = {"all", "same", "different", NULL};
static const Option overlap_rows[] = {
    {OPTION(StatsCall, which), .type = OPTION_CHOICE, .choices = pair_kinds, .word = "all",
     .text = "pairs: all, of one label, of two labels"},
    {.name = "labels", .type = OPTION_TABLE, .text = "a list of class labels"},
    PAIRS, SEED,
};
static const BindOptions overlap_options = {"stats.mean_bhattacharyya", {BIND_ROWS(overlap_rows, 0)}};

static int mean_bhattacharyya(lua_State *L)
{
    double value = 0;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    const StatsCall c = read_options(L, 3, &overlap_options);
    const int *label = NULL;
    if (!lua_isnoneornil(L, 3) && lua_getfield(L, 3, "labels") != LUA_TNIL)
        label = check_labels(L, -1, q.n);
    int status = stats_mean_bhattacharyya(&value, q.mu, q.sigma, label, c.which, q.n, q.d, c.pairs, seeded(&c), &err);
    return give(L, status, &value, &err);
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
    luaL_argcheck(L, k >= 1, 3, "at least 1 neighbour");
    const int *label = check_labels(L, 2, mu->rows);
    return give(L, stats_knn_agreement(&share, mu->data, label, mu->rows, mu->cols, (size_t)k, &err), &share, &err);
}

static const Option decomposition_rows[] = {
    DRAWS("examples drawn"),
    {OPTION(StatsCall, batch), .type = OPTION_SIZE, .least = 1, .standard = 100,
     .text = "examples of a minibatch for the estimators that use one"},
    SEED,
};
static const BindOptions decomposition_options = {"stats.elbo_decomposition", {BIND_ROWS(decomposition_rows, 0)}};

static int elbo_decomposition(lua_State *L)
{
    StatsElboDecomposition r;
    Error err = ERROR_NONE;
    Posteriors q = check_posteriors(L, 1);
    const StatsCall call = read_options(L, 3, &decomposition_options);
    if (stats_elbo_decomposition(&r, q.mu, q.sigma, q.n, q.d, call.draws, call.batch, seeded(&call), &err) != 0)
        return bind_raise(L, &err);
    const struct { const char *name; StatsInterval value; } means[] = {
        {"kl", r.kl}, {"mutual_information", r.mutual_information}, {"total_correlation", r.total_correlation},
        {"dimension_kl", r.dimension_kl}, {"marginal_kl", r.marginal_kl}};
    lua_createtable(L, 0, 10);
    for (size_t i = 0; i < sizeof means / sizeof means[0]; i++) {
        push_interval(L, means[i].value);
        lua_setfield(L, -2, means[i].name);
    }
    set_numbers(L, (const NamedNumber[]){{"kl_closed", r.kl_closed}, {"residual", r.residual}, {"log_n", r.log_n},
                                         {"weighted", r.weighted}, {"stratified", r.stratified}, {0}});
    return 1;
}

static const Option distance_rows[] = {PAIRS, SEED};
static const BindOptions distance_options = {"stats.distance_spearman", {BIND_ROWS(distance_rows, 0)}};

static int distance_spearman(lua_State *L)
{
    double rho = 0;
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1), *y = bind_array_check(L, 2);
    luaL_argcheck(L, x->rows == y->rows, 2, "not as many rows as the first");
    const StatsCall c = read_options(L, 3, &distance_options);
    int status = stats_distance_spearman(&rho, x->data, x->cols, y->data, y->cols, x->rows, c.pairs, seeded(&c), &err);
    return give(L, status, &rho, &err);
}

static int class_separation(lua_State *L)
{
    double within_sd = 0, separation = 0;
    Error err = ERROR_NONE;
    const BindArray *mu = bind_array_check(L, 1);
    const int *label = check_labels(L, 2, mu->rows);
    if (stats_class_separation(&within_sd, &separation, mu->data, label, mu->rows, mu->cols, &err) != 0)
        return bind_raise(L, &err);
    lua_createtable(L, 0, 2);
    set_numbers(L, (const NamedNumber[]){{"within_sd", within_sd}, {"separation", separation}, {0}});
    return 1;
}

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
    set_numbers(L, (const NamedNumber[]){{"log_likelihood", r.log_likelihood}, {"variance", r.variance},
                                         {"information", r.information}, {0}});
    lua_pushinteger(L, (lua_Integer)r.rank);
    lua_setfield(L, -2, "rank");
    return 1;
}

typedef struct LinearCall {
    const BindArray *w, *b, *v, *x, *mu, *sigma;
} LinearCall;

#define ARRAY(field, text_) \
    {OPTION(LinearCall, field), .type = OPTION_OBJECT, .object = BIND_ARRAY, .required = 1, .text = text_}
static const Option linear_rows[] = {
    ARRAY(w, "the decoder's weights (d, m)"), ARRAY(b, "its bias (1, d)"), ARRAY(v, "the variances of x (1, d)"),
    ARRAY(x, "the examples (n, d)"), ARRAY(mu, "means of the approximate posteriors (n, m)"),
    ARRAY(sigma, "their standard deviations (n, m)"),
};
static const BindOptions linear_options = {"stats.linear", {BIND_ROWS(linear_rows, 0)}};

static int linear(lua_State *L)
{
    LinearCall c;
    StatsLinear r;
    Error err = ERROR_NONE;
    bind_options(L, 1, &linear_options, &c);
    size_t d = c.w->rows, m = c.w->cols, n = c.x->rows;
    bind_array_shape(L, "b", c.b, 1, d);
    bind_array_shape(L, "v", c.v, 1, d);
    bind_array_shape(L, "x", c.x, n, d);
    bind_array_shape(L, "mu", c.mu, n, m);
    bind_array_shape(L, "sigma", c.sigma, n, m);
    if (stats_linear(&r, c.w->data, c.b->data, c.v->data, c.x->data, c.mu->data, c.sigma->data, n, d, m, &err) != 0)
        return bind_raise(L, &err);
    lua_createtable(L, 0, 3);
    set_numbers(L, (const NamedNumber[]){{"log_likelihood", r.log_likelihood}, {"elbo", r.elbo}, {"gap", r.gap}, {0}});
    return 1;
}

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

static int pca_encode(lua_State *L)
{
    const BindArray *mean, *components = check_components(L, 1, &mean), *x = bind_array_check(L, 2);
    luaL_argcheck(L, x->cols == components->cols, 2, "not as wide as what the components are of");
    BindArray *code = bind_array_new(L, x->rows, components->rows);
    stats_pca_encode(code->data, x->data, mean->data, components->data, x->rows, x->cols, components->rows);
    return 1;
}

static int pca_decode(lua_State *L)
{
    const BindArray *mean, *components = check_components(L, 1, &mean), *code = bind_array_check(L, 2);
    luaL_argcheck(L, code->cols == components->rows, 2, "not as wide as there are components");
    BindArray *x = bind_array_new(L, code->rows, components->cols);
    stats_pca_decode(x->data, code->data, mean->data, components->data, code->rows, components->cols, components->rows);
    return 1;
}

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

static int derived_seed(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)num_derived_seed((uint64_t)luaL_checkinteger(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static int fitted_log_density(lua_State *L)
{
    Error err = ERROR_NONE;
    const BindArray *x = bind_array_check(L, 1), *points = bind_array_check(L, 2);
    if (points->cols != x->cols)
        luaL_error(L, "draws of %I dimensions, points of %I", INT(x->cols), INT(points->cols));
    double *logp = bind_scratch(L, points->rows, sizeof *logp);
    if (stats_fitted_log_density(logp, x->data, x->rows, x->cols, points->data, points->rows, &err) != 0)
        return bind_raise(L, &err);
    bind_list(L, logp, points->rows, 1);
    return 1;
}

static const BindFunction functions[] = {
    {"interval", interval, "(list, level = 0.95) → interval",
     "{ mean =, sd =, low =, high =, n = }, by Student's t", NULL},
    {"log_mean_exp", log_mean_exp, "(list) → value, se, ess",
     "log of the mean of exp, its standard error, the effective sample size", NULL},
    {"placements", placements, "(first, second) → list, list",
     "of each score of the first list the share of the second above it, of the second that of the first below", NULL},
    {"placement_variance", placement_variance, "(list) → number",
     "the variance that one sample's placements give the AUC, their mean", NULL},
    {"mean", mean, "(list) → number", "the mean", NULL},
    {"mixing", mixing, "(x) → rhat, ess",
     "of one number per draw of Markov chains, x (chains, draws): split R-hat, and the effective sample size that knows "
     "autocorrelation", NULL},
    {"normal_quantile", normal_quantile, "(p) → number", "the quantile of N(0, 1)", NULL},
    {"hole_fraction", hole_fraction, "(mu, sigma, options) → number",
     "the share of N(0, I) far from every approximate posterior", &fraction_options},
    {"hole_density", hole_density, "(mu, sigma, options) → number",
     "the share of N(0, I) where the aggregate posterior's density is low", &density_options},
    {"mean_bhattacharyya", mean_bhattacharyya, "(mu, sigma, options) → number",
     "the mean overlap of pairs", &overlap_options},
    {"active_units", active_units, "(mu, threshold = 0.01) → integer",
     "dimensions whose means vary more than the threshold", NULL},
    {"pooled_sd", pooled_sd, "(mu) → number", "the standard deviation of the means, pooled over the dimensions", NULL},
    {"knn_agreement", knn_agreement, "(mu, labels, k) → number",
     "the share of the k nearest neighbours with the same label", NULL},
    {"elbo_decomposition", elbo_decomposition, "(mu, sigma, options) → table",
     "the parts of the KL term: intervals and numbers by the names of stats/aggregate.h", &decomposition_options},
    {"distance_spearman", distance_spearman, "(x, y, options) → number",
     "the rank correlation of distances in x and in y", &distance_options},
    {"class_separation", class_separation, "(mu, labels) → { within_sd =, separation = }",
     "root mean square distance to the class's centre; distance to the nearest other centre in this unit", NULL},
    {"pca", pca, "(x, m) → { mean =, eigenvalues =, components = }",
     "principal components: arrays (1, d), (1, m), (m, d)", NULL},
    {"pca_encode", pca_encode, "(p, x) → array (n, m)", "the scores of x (n, d) on the components of pca", NULL},
    {"pca_decode", pca_decode, "(p, code) → array (n, d)", "the reconstruction from scores", NULL},
    {"squared_error", squared_error, "(a, b) → number", "the mean of (a - b)^2 over all elements", NULL},
    {"ppca", ppca, "(x, m, variance) → table",
     "probabilistic PCA: { log_likelihood =, variance =, information =, rank =, components = (m, d) }", NULL},
    {"linear", linear, "(options) → { log_likelihood =, elbo =, gap = }",
     "exact values of a linear-Gaussian model", &linear_options},
    {"subspace_angle", subspace_angle, "(w, u) → number",
     "the largest angle between the spans of w (d, m) and u (k, d), in radians", NULL},
    {"generators", generators, "() → list", "the names of the random number generators, philox4x32 first", NULL},
    {"normal", normal, "(rows, cols, seed = 1, stream, rng) → array",
     "draws of N(0, 1) of a named stream; rng: a generator's name", NULL},
    {"uniform", uniform, "(rows, cols, seed = 1, stream, rng) → array",
     "draws of U(0, 1) of a named stream; rng: a generator's name", NULL},
    {"derived_seed", derived_seed, "(seed, name) → integer",
     "a seed whose streams are independent of those of `seed` and of those of other names", NULL},
    {"fitted_log_density", fitted_log_density, "(draws, points) → list",
     "log density at points (count, d) of the Gaussian fitted to draws (n, d)", NULL},
    {0},
};

const BindModule bind_stats_module = {.name = "stats",
 .text = "Statistics. A list may also be an array, all of whose elements are read.", .functions = functions};
