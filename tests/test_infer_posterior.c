/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_infer_posterior.c: p(z|x) and log p(x) of a linear Gaussian model, where both are known: x = W z + s e, z
 * ~ N(0, I).  The posterior is N(m, L^-1) with L = I + W W^T / s^2 and m = L^-1 W x / s^2; log p(x) follows by
 * Woodbury's identity.
 *
 * Seeds are fixed.  Statistical tolerances are 5 standard errors, estimated over independent chains: a correct program
 * would fail one comparison in a million; with fixed seeds it fails none.
 * Slow: starts first.
 */
#include "lab_help.h"

#include "graph/exec.h"
#include "infer/posterior.h"
#include "lab/estep.h"
#include "num/stream.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>

enum { X = 8, COUNT = 5 };
static const double S = 0.5; /* the noise's standard deviation */

typedef struct World {
    Data *data;
    Graph *graph;
    GraphParams *params;
    InferModel *model;
    size_t d;
    float w[2 * X];
    float x[COUNT * X];
    double logp[COUNT], mean[COUNT][2], precision[3]; /* L11, L12, L22 */
    InferRequest request;
    Error err;
} World;

static Graph *graph_of(size_t d, Error *err)
{
    Graph *g = graph_alloc(COUNT, 1, err);
    GraphNode x = graph_input(g, "x", (GraphDims){{1, GRAPH_BATCH, X}}, err);
    GraphNode mu = layer(g, "mu", x, X, d, "none", "zeros", err),
              logvar = layer(g, "logvar", x, X, d, "none", "zeros", err);
    GraphNode eps = graph_noise(g, "eps", "normal", (GraphDims){{GRAPH_SAMPLES, GRAPH_BATCH, (int64_t)d}}, err);
    GraphNode z = APPLY("reparameterise", mu, logvar, eps);
    GraphNode decoded = layer(g, "p", z, d, X, "none", "zeros", err);
    GraphNode loglik = APPLY("normal", x, decoded, graph_constant(g, 2 * log(S), err)),
              logprior = APPLY("standard_normal", z);
    GraphNode t = graph_scalar(g, "anneal", err);
    graph_name(g, "x", x, err);
    graph_name(g, "q.mu", mu, err);
    graph_name(g, "q.logvar", logvar, err);
    graph_name(g, "z", z, err);
    graph_name(g, "loglik", loglik, err);
    graph_name(g, "logjoint", APPLY("add", loglik, logprior), err);
    graph_name(g, "annealed", APPLY("add", logprior, APPLY("mul", t, loglik)), err);
    assert_int_equal(graph_name(g, "elbo", APPLY("sub", loglik, APPLY("kl", mu, logvar)), err), 0);
    return g;
}

/* The exact posterior and likelihood, by the formulas above. */
static void solve(World *w)
{
    double v = S * S;
    memset(w->precision, 0, sizeof w->precision);
    for (size_t j = 0; j < X; j++) {
        double a = (double)w->w[j], b = w->d == 2 ? (double)w->w[X + j] : 0;
        w->precision[0] += a * a / v;
        w->precision[1] += a * b / v;
        w->precision[2] += b * b / v;
    }
    w->precision[0] += 1;
    w->precision[2] += 1;
    double l11 = w->precision[0], l12 = w->precision[1], l22 = w->precision[2], det = l11 * l22 - l12 * l12;
    for (size_t i = 0; i < COUNT; i++) {
        double r1 = 0, r2 = 0, square = 0;
        for (size_t j = 0; j < X; j++) {
            double x = (double)w->x[i * X + j];
            r1 += (double)w->w[j] * x / v;
            r2 += w->d == 2 ? (double)w->w[X + j] * x / v : 0;
            square += x * x / v;
        }
        double m1 = (l22 * r1 - l12 * r2) / det, m2 = (l11 * r2 - l12 * r1) / det;
        w->mean[i][0] = m1;
        w->mean[i][1] = m2;
        w->logp[i] = -0.5 * (X * log(2 * M_PI) + X * log(v) + log(det) + square - (m1 * r1 + m2 * r2));
    }
}

static void set_param(GraphParams *p, const char *name, const float *value)
{
    for (size_t i = 0; i < graph_params_arrays(p); i++)
        if (strcmp(graph_params_name(p, i), name) == 0)
            memcpy((float *)graph_params_block(p) + graph_params_offset(p, i), value,
                   num_shape_size(graph_params_shape(p, i)) * sizeof *value);
}

static World *world(size_t d)
{
    World *w = calloc(1, sizeof *w);
    DataOptions options = {.train = 100, .test = 50};
    w->d = d;
    w->data = data_open("toy:linear-gaussian", &options, &w->err);
    w->graph = graph_of(d, &w->err);
    w->params = graph_params_alloc(w->graph, GRAPH_FLOAT, num_seed(3), NULL, 0, &w->err);
    for (size_t j = 0; j < 2 * X; j++)
        w->w[j] = (float)(0.8 * sin(2.385 * (double)j + 0.3)); /* columns not orthogonal: the posterior is correlated */
    set_param(w->params, "p.W", w->w);
    w->model = infer_model_of(w->graph, w->params, &w->err);
    w->request = (InferRequest){.data = w->data, .split = DATA_TEST, .count = COUNT, .samples = 1, .seed = 11};
    assert_non_null(w->model);
    data_rows(w->data, DATA_TEST, NULL, 0, COUNT, num_stream(1, "unused"), 0, w->x);
    solve(w);
    return w;
}

static void world_free(World *w)
{
    infer_model_free(w->model);
    graph_params_free(w->params);
    graph_free(w->graph);
    data_free(w->data);
    free(w);
}

static void must(const World *w, int status)
{
    if (status != 0)
        fail_msg("%s; %s", w->err.what, w->err.found);
}

/* ---- quadrature -------------------------------------------------------------------------------------------------- */

/* log p(x) by GSL's adaptive rule, in double: independent of the code under test. */
typedef struct Integrand {
    const World *w;
    size_t example;
    double z2, peak;
    gsl_integration_workspace *room;
} Integrand;

static double joint(double z1, void *context)
{
    const Integrand *f = context;
    double sum = -0.5 * z1 * z1 - (f->w->d == 2 ? 0.5 * f->z2 * f->z2 : 0);
    for (size_t j = 0; j < X; j++) {
        double r = (double)f->w->x[f->example * X + j] - (double)f->w->w[j] * z1 -
                   (f->w->d == 2 ? (double)f->w->w[X + j] * f->z2 : 0);
        sum -= 0.5 * r * r / (S * S);
    }
    return exp(sum - f->peak);
}

static double by_gsl(const World *w, size_t example)
{
    Integrand f = {.w = w, .example = example, .room = gsl_integration_workspace_alloc(1000)};
    double value, error;
    f.peak = log(joint(w->mean[example][0], &(Integrand){.w = w, .example = example}));
    gsl_integration_qag(&(gsl_function){joint, &f}, -10, 10, 0, 1e-10, 1000, GSL_INTEG_GAUSS61, f.room, &value, &error);
    gsl_integration_workspace_free(f.room);
    return log(value) + f.peak - 0.5 * log(2 * M_PI) - X * log(S) - 0.5 * X * log(2 * M_PI);
}

/* The box contains all points within 30 nats of the peak, an ellipse of half-axes sqrt(60 var z_j), and at each end at
 * most two more of its 48 cells. */
static void check_box(const World *w, size_t i, const double *box)
{
    double det = w->precision[0] * w->precision[2] - w->precision[1] * w->precision[1];
    for (size_t j = 0; j < w->d; j++) {
        double reach = sqrt(60 * w->precision[j == 0 ? 2 : 0] / det);
        for (size_t end = 0; end < 2; end++) {
            double far = fabs(box[2 * j + end] - w->mean[i][j]) / reach;
            assert_true((box[2 * j + end] < w->mean[i][j]) == (end == 0));
            assert_true(far > 0.98 && far < 1.15);
        }
    }
}

/* A float holds a log joint of size 10 to 1e-6. */
static void quadrature(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 2; d++) {
        World *w = world(d);
        double logp[COUNT], change[COUNT], box[COUNT * 4];
        must(w, infer_quadrature(w->model, &w->request, 1e-5, logp, change, box, &w->err));
        for (size_t i = 0; i < COUNT; i++) {
            check_box(w, i, box + i * 2 * d);
            assert_true(change[i] < 1e-5);
            assert_true(fabs(logp[i] - w->logp[i]) < 2e-5);
            if (d == 1)
                assert_true(fabs(by_gsl(w, i) - w->logp[i]) < 1e-8); /* the formulas above are right */
        }
        world_free(w);
    }
}

/* A posterior as narrow as sigma = 0.002, far from the origin. */
static void quadrature_of_a_narrow_posterior(void **state)
{
    (void)state;
    World *w = world(2);
    for (size_t j = 0; j < 2 * X; j++)
        w->w[j] *= 100;
    set_param(w->params, "p.W", w->w);
    for (size_t i = 0; i < COUNT; i++) /* x = W z with z = (3, -2), and a little noise */
        for (size_t j = 0; j < X; j++)
            w->x[i * X + j] = 3 * w->w[j] - 2 * w->w[X + j] + 0.3f * (float)sin((double)(i + j));
    solve(w);
    InferRequest request = w->request;
    request.data = NULL;
    request.feed = "x";
    request.feed_values = w->x;
    double logp[COUNT], change[COUNT], box[COUNT * 4];
    must(w, infer_quadrature(w->model, &request, 1e-4, logp, change, box, &w->err));
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabs(logp[i] - w->logp[i]) < 0.02); /* floats of size 200, exact to 1e-5, divided by noise of 0.5 */
    world_free(w);
}

static void refused(void **state)
{
    (void)state;
    World *w = world(2);
    double logp[COUNT], change[COUNT], box[COUNT * 4];
    InferHmc hmc_settings = {.leapfrog = 0, .thin = 1, .step_size = 0.1, .accept = 0.9};
    float start[COUNT * 2] = {0};
    assert_int_equal(infer_hmc(w->model, &w->request, &hmc_settings, start, 1, start, logp, &w->err), -1);
    assert_non_null(strstr(w->err.what, "leapfrog of Hamiltonian Monte Carlo is out of range"));
    w->request.count = 1000;
    assert_int_equal(infer_quadrature(w->model, &w->request, 1e-5, logp, change, box, &w->err), -1);
    assert_non_null(strstr(w->err.what, "more examples"));
    world_free(w);
}

/* The defaults are in range, and one step beyond each end is refused by name. */
static void settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < INFER_HMC_OPTIONS; i++) {
        const Option *o = &infer_hmc_options[i];
        int whole = o->type == OPTION_SIZE;
        double most = o->most > 0 ? o->most : INFINITY;
        const double bad[] = {whole ? o->least - 1 : o->least, whole ? most + 1 : most, whole ? -1 : NAN};
        InferHmc hmc_settings;
        Error err;
        options_default(infer_hmc_options, INFER_HMC_OPTIONS, &hmc_settings);
        assert_int_equal(options_check(infer_hmc_options, INFER_HMC_OPTIONS, &hmc_settings, "HMC", &err), 0);
        assert_true(option_get(o, &hmc_settings) == o->standard);
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            if (whole && bad[k] < 0)
                continue; /* a size_t has no such value */
            option_set(o, &hmc_settings, bad[k]);
            assert_int_equal(options_check(infer_hmc_options, INFER_HMC_OPTIONS, &hmc_settings, "HMC", &err), -1);
            assert_non_null(strstr(err.what, o->name));
        }
    }
}

/* ---- chains ------------------------------------------------------------------------------------------------------ */

typedef struct Moments {
    double mean, se;
} Moments;

static Moments moments(const double *x, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean);
    return (Moments){mean, sqrt(square / (double)(n - 1) / (double)n)};
}

static int within(Moments m, double truth)
{
    return fabs(m.mean - truth) < 5 * m.se && m.se > 0;
}

enum { CHAINS = 200, DRAWS = 40, MANY = 4000 };

/* Means and second moments of z (COUNT, CHAINS, DRAWS, d); the chains' means are independent numbers. */
static void check_moments(const World *w, const float *z)
{
    size_t d = w->d, row = CHAINS * DRAWS * d;
    double first[CHAINS], square[CHAINS], cross[CHAINS];
    double l11 = w->precision[0], l12 = w->precision[1], l22 = w->precision[2], det = l11 * l22 - l12 * l12;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t c = 0; c < CHAINS; c++) {
            first[c] = square[c] = cross[c] = 0;
            for (size_t s = 0; s < DRAWS; s++) {
                const float *at = z + i * row + (c * DRAWS + s) * d;
                double a = (double)at[0] - w->mean[i][0], b = (double)at[d - 1] - w->mean[i][d - 1];
                first[c] += (double)at[0] / DRAWS;
                square[c] += a * a / DRAWS;
                cross[c] += a * b / DRAWS;
            }
        }
        assert_true(within(moments(first, CHAINS), w->mean[i][0]));
        assert_true(within(moments(square, CHAINS), l22 / det));
        assert_true(within(moments(cross, CHAINS), d == 2 ? -l12 / det : 1 / l11));
    }
}

static void hmc(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 2; d++) {
        World *w = world(d);
        InferHmc hmc_settings = {.leapfrog = 10, .warm_up = 150, .thin = 2, .step_size = 0.1, .accept = 0.9};
        float *start = calloc(COUNT * CHAINS * d, sizeof *start), *z = calloc(COUNT * CHAINS * DRAWS * d, sizeof *z);
        double accepted[COUNT];
        w->request.samples = CHAINS;
        must(w, infer_hmc(w->model, &w->request, &hmc_settings, start, DRAWS, z, accepted, &w->err));
        check_moments(w, z);
        for (size_t i = 0; i < COUNT; i++)
            assert_true(accepted[i] > 0.8 && accepted[i] < 0.97);
        free(start);
        free(z);
        world_free(w);
    }
}

/* The E step of training, with constant weights and another order of the examples each time, draws from the posterior
 * too.  Its step sizes never stop changing; that bias is below these tolerances (about 5 % of a variance). */
static void estep(void **state)
{
    (void)state;
    static const char *const target[] = {"logjoint", NULL}, *const z_only[] = {"z", NULL};
    enum { BURN = 150, ALL = BURN + DRAWS };
    for (size_t d = 1; d <= 2; d++) {
        World *w = world(d);
        LabMonteCarloEM em = {.transitions = 2, .updates = 1, .hmc = {.leapfrog = 10, .step_size = 0.1, .accept = 0.9}};
        LabSpec spec = {.seed = {5, NULL}, .samples = CHAINS, .monte_carlo_em = &em};
        GraphExecSpec joint = {.batch = COUNT,
                               .samples = CHAINS,
                               .type = GRAPH_FLOAT,
                               .outputs = target,
                               .feeds = z_only,
                               .objective = target[0],
                               .gradient_wrt = GRAPH_FEEDS};
        GraphExec *exec = graph_exec_alloc(w->graph, &joint, w->params, &w->err);
        EStep *e = exec == NULL ? NULL : estep_alloc(&spec, exec, COUNT, &w->err);
        must(w, e == NULL ? -1 : 0);
        float *z = calloc(COUNT * CHAINS * DRAWS * d, sizeof *z), *x = graph_exec_input(exec, "x", NULL);
        size_t count;
        const float *at = estep_state(e, &count);
        for (size_t n = 0; n < ALL; n++) {
            uint32_t order[COUNT];
            for (size_t i = 0; i < COUNT; i++) {
                order[i] = (uint32_t)((i * 2 + n) % COUNT);
                memcpy(x + i * X, w->x + order[i] * X, X * sizeof *x);
            }
            estep_draw(e, exec, order, COUNT, n);
            for (size_t c = 0; n >= BURN && c < COUNT * CHAINS; c++)
                memcpy(z + (c * DRAWS + n - BURN) * d, at + c * d, d * sizeof *z);
        }
        check_moments(w, z);
        free(z);
        estep_free(e);
        graph_exec_free(exec);
        world_free(w);
    }
}

/* Leapfrog's error falls with the square of the step size: at a thirtieth of the smallest width nearly every proposal
 * is accepted. */
static void leapfrog_conserves_energy(void **state)
{
    (void)state;
    World *w = world(2);
    InferHmc hmc_settings = {.leapfrog = 10, .warm_up = 0, .thin = 1, .step_size = 0.01, .accept = 0.9};
    float *start = calloc(COUNT * CHAINS * 2, sizeof *start), *z = calloc(COUNT * CHAINS * 20, sizeof *z);
    double accepted[COUNT];
    w->request.samples = CHAINS;
    must(w, infer_hmc(w->model, &w->request, &hmc_settings, start, 10, z, accepted, &w->err));
    for (size_t i = 0; i < COUNT; i++)
        assert_true(accepted[i] > 0.998);
    free(start);
    free(z);
    world_free(w);
}

/* log mean exp, with the delta method's standard error. */
static Moments log_mean(const double *logw, size_t n, double sign)
{
    double max = -HUGE_VAL, *x = calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        max = fmax(max, logw[i]);
    for (size_t i = 0; i < n; i++)
        x[i] = exp(logw[i] - max);
    Moments m = moments(x, n);
    free(x);
    return (Moments){sign * (max + log(m.mean)), m.se / m.mean};
}

/* Exact draws from the posterior: m + C^-T e with L = C C^T, written out. */
static void exact_draws(const World *w, size_t chains, float *z)
{
    double c11 = sqrt(w->precision[0]), c21 = w->precision[1] / c11, c22 = sqrt(w->precision[2] - c21 * c21);
    NumStream s = num_stream(5, "exact");
    for (size_t i = 0; i < COUNT; i++)
        for (size_t c = 0; c < chains; c++) {
            float e[2];
            num_stream_normal(s, 0, (uint32_t)(i * chains + c), 1, 2, e);
            double z2 = (double)e[1] / c22, z1 = ((double)e[0] - c21 * z2) / c11;
            z[(i * chains + c) * w->d] = (float)(w->mean[i][0] + z1);
            if (w->d == 2)
                z[(i * chains + c) * 2 + 1] = (float)(w->mean[i][1] + z2);
        }
}

/* With few temperatures the weights vary much; with many an error in the order of temperatures would have little
 * effect.  The mean of the weights must be right with both. */
static void annealed_importance_sampling(void **state)
{
    (void)state;
    static const size_t temperatures[] = {8, 60};
    World *w = world(2);
    InferHmc hmc_settings = {.leapfrog = 5, .thin = 1, .step_size = 0.1, .accept = 0.9};
    float *start = calloc(COUNT * MANY * 2, sizeof *start);
    double *logw = calloc(COUNT * MANY, sizeof *logw), accepted[COUNT];
    for (int test = 0; test < 4; test++) {
        int reverse = test % 2;
        size_t n = temperatures[test / 2], chains = w->request.samples = n == 8 ? MANY : CHAINS;
        if (reverse)
            exact_draws(w, chains, start);
        else
            num_stream_normal(num_stream(4, "prior"), 0, 0, COUNT * chains, 2, start);
        must(w, infer_ais(w->model, &w->request, &hmc_settings, start, n, reverse, logw, accepted, &w->err));
        for (size_t i = 0; i < COUNT; i++) {
            Moments m = log_mean(logw + i * chains, chains, reverse ? -1 : 1);
            assert_true(m.se < 0.3);
            assert_true(within(m, w->logp[i]));
            assert_true(accepted[i] > 0.6);
        }
    }
    free(start);
    free(logw);
    world_free(w);
}

/* A weight is unbiased only if its chain's step sizes are independent of the chain.  The first draw of an example starts
 * elsewhere: the third, which has the odd draws' step sizes, keeps its weight to the bit; the second and the fourth, which
 * have the even draws', do not. */
static void chains_do_not_tune_themselves(void **state)
{
    (void)state;
    enum { FOUR = 4 };
    World *w = world(2);
    InferHmc hmc_settings = {.leapfrog = 5, .thin = 1, .step_size = 0.1, .accept = 0.9};
    float start[COUNT * FOUR * 2];
    double before[COUNT * FOUR], after[COUNT * FOUR], accepted[COUNT];
    w->request.samples = FOUR;
    num_stream_normal(num_stream(4, "prior"), 0, 0, COUNT * FOUR, 2, start);
    must(w, infer_ais(w->model, &w->request, &hmc_settings, start, 20, 0, before, accepted, &w->err));
    start[0] += 3;
    must(w, infer_ais(w->model, &w->request, &hmc_settings, start, 20, 0, after, accepted, &w->err));
    assert_true(after[0] != before[0]);
    assert_true(after[1] != before[1] && after[3] != before[3]);
    assert_true(after[2] == before[2]);
    for (size_t i = FOUR; i < COUNT * FOUR; i++) /* nor do those of other examples change */
        assert_true(after[i] == before[i]);
    world_free(w);
}

/* Other repeats of a request have other noise. */
static void repeats_are_independent(void **state)
{
    (void)state;
    World *w = world(2);
    InferHmc hmc_settings = {.leapfrog = 5, .warm_up = 5, .thin = 1, .step_size = 0.1, .accept = 0.9};
    float start[COUNT * 2] = {0}, z[3][COUNT * 2];
    double accepted[COUNT];
    for (size_t i = 0; i < 3; i++) {
        w->request.repeat = i % 2;
        must(w, infer_hmc(w->model, &w->request, &hmc_settings, start, 1, z[i], accepted, &w->err));
    }
    assert_memory_equal(z[0], z[2], sizeof z[0]);
    for (size_t i = 0; i < COUNT * 2; i++)
        assert_true(z[0][i] != z[1][i]);
    world_free(w);
}

/* ---- the nearest Gaussian ---------------------------------------------------------------------------------------- */

/* The factorised Gaussian nearest to the posterior has its mean and the variances 1 / L_jj; its ELBO is
 * log p(x) - (log L11 + log L22 - log det L) / 2. */
static void local_q(void **state)
{
    (void)state;
    static const char *const over[] = {"q.mu", "q.logvar", NULL};
    World *w = world(2);
    float mu[COUNT * 2] = {0}, logvar[COUNT * 2] = {0}, *values[] = {mu, logvar};
    double value[COUNT], det = w->precision[0] * w->precision[2] - w->precision[1] * w->precision[1];
    double gap = 0.5 * log(w->precision[0] * w->precision[2] / det);
    assert_true(gap > 0.005);
    w->request.samples = 100;
    const InferLocalQ local = {.objective = "elbo", .feeds = over, .steps = 2000, .rate = 0.03, .check = 20000};
    must(w, infer_optimise_local_q(w->model, &w->request, &local, values, value, &w->err));
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(fabs((double)mu[2 * i] - w->mean[i][0]) < 0.01);
        assert_true(fabs((double)mu[2 * i + 1] - w->mean[i][1]) < 0.01);
        assert_true(fabs((double)logvar[2 * i] + log(w->precision[0])) < 0.02);
        assert_true(fabs((double)logvar[2 * i + 1] + log(w->precision[2])) < 0.02);
        assert_true(fabs(value[i] - (w->logp[i] - gap)) < 0.04); /* its standard error: 1 / sqrt(20000) */
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quadrature),
        cmocka_unit_test(quadrature_of_a_narrow_posterior),
        cmocka_unit_test(refused),
        cmocka_unit_test(settings),
        cmocka_unit_test(hmc),
        cmocka_unit_test(estep),
        cmocka_unit_test(leapfrog_conserves_energy),
        cmocka_unit_test(annealed_importance_sampling),
        cmocka_unit_test(chains_do_not_tune_themselves),
        cmocka_unit_test(repeats_are_independent),
        cmocka_unit_test(local_q),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
