/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_infer_quadrature.c: quadrature finds every mode.  The log joint density is a mixture of two Gaussians in z,
 * sum_i w_i N(z; c_i, s_i^2 I) whatever x is, so that log p(x) = log (w_1 + w_2), and of these each is planted where a
 * search may miss it: narrow, far from the other, at the edge of a grid, outside of all grids.
 *
 * Tolerance: the density is a float; with z up to 70 and s as small as 0.0002, (z - c) / s is exact to 1e-3 near c, which
 * moves single points by 1e-3 nats at one standard deviation, without a preferred sign: below 3e-5 in the sum.
 */
#include "lab_help.h"

#include "infer/posterior.h"

#include <gsl/gsl_errno.h>
#include <math.h>

typedef struct Planted {
    const char *name;
    size_t d;
    double centre[2][2], s[2], w[2];
    double q[2], q_s; /* q(z|x) */
} Planted;

static GraphNode component(Graph *g, const char *name, GraphNode z, const Planted *p, size_t i, Error *err)
{
    GraphNode u = layer(g, name, z, p->d, p->d, "none", "zeros", err);
    double scale = log(p->w[i]) - (double)p->d * log(p->s[i]);
    return APPLY("add", APPLY("standard_normal", u), graph_constant(g, scale, err));
}

static Graph *graph_of(const Planted *p, Error *err)
{
    Graph *g = graph_alloc(1, 1, err);
    GraphNode x = graph_input(g, "x", (GraphDims){{1, GRAPH_BATCH, 8}}, err);
    GraphNode mu = layer(g, "mu", x, 8, p->d, "none", "zeros", err);
    GraphNode logvar = layer(g, "logvar", x, 8, p->d, "none", "zeros", err);
    GraphNode eps = graph_noise(g, "eps", "normal", (GraphDims){{GRAPH_SAMPLES, GRAPH_BATCH, (int64_t)p->d}}, err);
    GraphNode z = APPLY("reparameterise", mu, logvar, eps);
    GraphNode a = component(g, "a", z, p, 0, err), b = component(g, "b", z, p, 1, err);
    GraphNode nothing = layer(g, "nothing", x, 8, 1, "none", "zeros", err); /* 0, but of x: a request must feed it */
    graph_name(g, "x", x, err);
    graph_name(g, "q.mu", mu, err);
    graph_name(g, "z", z, err);
    GraphNode mixture = APPLY("add", a, APPLY("softplus", APPLY("sub", b, a))); /* log (e^a + e^b) */
    assert_int_equal(graph_name(g, "logjoint", APPLY("add", mixture, nothing), err), 0);
    return g;
}

static float *param(GraphParams *weights, const char *name)
{
    for (size_t i = 0; i < graph_params_arrays(weights); i++)
        if (strcmp(graph_params_name(weights, i), name) == 0)
            return (float *)graph_params_block(weights) + graph_params_offset(weights, i);
    fail_msg("no parameter %s", name);
    return NULL;
}

/* a = (z - c) / s as a layer; q does not depend on x */
static void plant(GraphParams *weights, const Planted *p)
{
    static const char *const w[] = {"a.W", "b.W"}, *const bias[] = {"a.b", "b.b"};
    memset(param(weights, "mu.W"), 0, 8 * p->d * sizeof(float));
    memset(param(weights, "nothing.W"), 0, 8 * sizeof(float));
    memset(param(weights, "logvar.W"), 0, 8 * p->d * sizeof(float));
    for (size_t j = 0; j < p->d; j++) {
        param(weights, "mu.b")[j] = (float)p->q[j];
        param(weights, "logvar.b")[j] = (float)(2 * log(p->q_s));
        for (size_t i = 0; i < 2; i++) {
            for (size_t k = 0; k < p->d; k++)
                param(weights, w[i])[j * p->d + k] = j == k ? (float)(1 / p->s[i]) : 0;
            param(weights, bias[i])[j] = (float)(-p->centre[i][j] / p->s[i]);
        }
    }
}

typedef struct Found {
    int status;
    double logp, change, box[4];
    Error err;
} Found;

static Found integrate(const Planted *p)
{
    Found f = {.err = ERROR_NONE};
    const float x[8] = {0};
    Graph *g = graph_of(p, &f.err);
    GraphParams *weights = graph_params_alloc(g, GRAPH_FLOAT, num_seed(3), NULL, 0, &f.err);
    plant(weights, p);
    InferModel *m = infer_model_of(g, weights, &f.err);
    assert_non_null(m);
    InferRequest request = {.count = 1, .feed = "x", .feed_values = x, .seed = 11};
    f.status = infer_quadrature(m, &request, 1e-5, &f.logp, &f.change, f.box, &f.err);
    infer_model_free(m);
    graph_params_free(weights);
    graph_free(g);
    return f;
}

static const Planted planted[] = {
    {"a spike that q knows", 2, {{0, 0}, {1.2345, -0.777}}, {1, 0.03}, {0.5, 0.5}, {1.2345, -0.777}, 0.03},
    {"a spike on a line that q knows", 1, {{0}, {1.23456}}, {1, 0.0002}, {0.5, 0.5}, {1.23456}, 0.0002},
    {"a spike, and nothing else", 2, {{-2.31, 1.17}, {-2.31, 1.17}}, {0.003, 0.003}, {0.5, 0.5}, {1, 1}, 1},
    {"two far modes of different width", 2, {{6, -6}, {-7.1, 5.3}}, {0.8, 0.003}, {0.5, 0.5}, {-7.1, 5.3}, 0.003},
    {"two far modes on a line", 1, {{6}, {-7.1}}, {0.8, 0.0005}, {0.3, 0.7}, {-7.1}, 0.0005},
    {"two near modes of different width", 2, {{0, 0}, {4.5, 0}}, {0.5, 0.02}, {0.9, 0.1}, {4.5, 0}, 0.02},
    /* between the points of the first two lattices, which agree without it */
    {"a low spike that q knows", 2, {{0, 0}, {0.97, 0.47}}, {1, 0.04}, {0.9995, 0.0005}, {0.97, 0.47}, 0.04},
    /* the spike's region is summed first; the other's first tiles cover it, with a lattice point on its centre */
    {"a spike among another's tiles", 2, {{0, 0}, {3.6725, 0.0475}}, {0.45, 0.02}, {0.9, 0.1}, {3.6725, 0.0475}, 0.02},
    /* the other's region is summed first; its tiles end at x = 3.985, through the spike */
    {"a spike on another's border", 2, {{0, 0}, {3.9853, 1}}, {0.48, 0.005}, {0.9999, 0.0001}, {3.9853, 1}, 0.005},
    {"at a grid's corner", 2, {{10, -10}, {-3, 3}}, {0.5, 0.1}, {0.5, 0.5}, {0, 0}, 1},
    {"outside of the grids' middle", 2, {{25.3, -31.7}, {0, 0}}, {0.3, 1}, {0.5, 0.5}, {0, 0}, 1},
    {"outside of all grids, and q there", 2, {{70, 55}, {0, 0}}, {0.3, 1}, {0.5, 0.5}, {70, 55}, 0.3},
    {"as wide as the prior", 2, {{0, 0}, {0.1, 0.2}}, {1, 1}, {0.5, 0.5}, {0, 0}, 1},
};

static void finds_every_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        const Planted *p = &planted[i];
        Found f = integrate(p);
        if (f.status != 0)
            fail_msg("%s: %s; %s", p->name, f.err.what, f.err.found);
        if (!(fabs(f.logp) < 3e-5))
            fail_msg("%s: log p(x) is %.6f, not 0", p->name, f.logp);
        assert_true(f.change < 1e-5);
        for (size_t k = 0; k < 2; k++)
            for (size_t j = 0; j < p->d; j++) /* two standard deviations of each mode lie in the box */
                assert_true(f.box[2 * j] < p->centre[k][j] - 2 * p->s[k] &&
                            f.box[2 * j + 1] > p->centre[k][j] + 2 * p->s[k]);
    }
}

/* A density that does not end has no integral, and a spike a hundred times narrower than the region around it needs more
 * points than there are: an error, never a number. */
static void says_that_it_has_not_converged(void **state)
{
    (void)state;
    static const Planted endless[] = {
        {"flat", 2, {{0, 0}, {0, 0}}, {1e6, 1e6}, {0.5, 0.5}, {0, 0}, 1},
        {"too narrow", 2, {{0, 0}, {1.2345, -0.777}}, {1, 0.005}, {0.5, 0.5}, {1.2345, -0.777}, 0.005},
    };
    for (size_t i = 0; i < 2; i++) {
        Found f = integrate(&endless[i]);
        assert_int_equal(f.status, -1);
        assert_non_null(strstr(f.err.what, "quadrature of log p(x) has not converged"));
        assert_non_null(strstr(f.err.found, "example 1"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_mode),
        cmocka_unit_test(says_that_it_has_not_converged),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
