/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_stats_linear.c: the linear-Gaussian model against numbers by hand, against a quadrature over z, and
 * against the identity log p(x) - ELBO = KL(q(z|x) || p(z|x)), of three independent formulas.
 */
#include "num/stream.h"
#include "stats/linear.h"
#include "stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>

#include <cmocka.h>

static const uint64_t SEED = 20260102;

#define assert_near(found, expected, tolerance) near(found, expected, tolerance, __LINE__)

static void near(double found, double expected, double tolerance, int line)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("line %d: found %.17g, expected %.17g within %g", line, found, expected, tolerance);
}

static double *normals(const char *name, size_t count)
{
    float *f = malloc(count * sizeof *f);
    double *x = malloc(count * sizeof *x);
    num_stream_normal(num_stream(SEED, name), 0, 0, 1, count, f);
    for (size_t i = 0; i < count; i++)
        x[i] = (double)f[i];
    free(f);
    return x;
}

/* The corners (±3, ±2, ±1) about (5, 0, -1): covariance diag(9, 4, 1), divided by n. */
static void corners(double x[24])
{
    for (size_t i = 0; i < 8; i++) {
        x[3 * i] = 5.0 + ((i & 1) != 0 ? 3.0 : -3.0);
        x[3 * i + 1] = (i & 2) != 0 ? 2.0 : -2.0;
        x[3 * i + 2] = -1.0 + ((i & 4) != 0 ? 1.0 : -1.0);
    }
}

/* One unit: variance (4 + 1)/2, -1/2 (3 log 2 pi + log 9 + 2 log 2.5 + 3) = -6.271719…; two: variance 1. */
static void ppca_by_hand(void **state)
{
    (void)state;
    double x[24], u[6];
    StatsPpca r;
    Error err = ERROR_NONE;
    corners(x);
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 1, 0.0, &err), 0);
    assert_near(r.variance, 2.5, 1e-12);
    assert_near(r.log_likelihood, -6.2717186201562827, 1e-12);
    assert_int_equal(r.rank, 1);
    assert_near(u[0], 1.0, 1e-12);
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 2, 0.0, &err), 0);
    assert_near(r.variance, 1.0, 1e-12);
    assert_near(r.log_likelihood, -0.5 * (3.0 * log(2.0 * 3.14159265358979323846) + log(36.0) + 3.0), 1e-12);
    assert_int_equal(r.rank, 2);
    assert_near(r.information, 0.5 * log(36.0), 1e-12);
    /* a noise variance of 6 that is kept: of the two units one is used, and 4/6 and 1/6 are explained as noise */
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 2, 6.0, &err), 0);
    assert_int_equal(r.rank, 1);
    assert_near(r.information, 0.5 * log(1.5), 1e-12);
    assert_near(r.log_likelihood, -0.5 * (3.0 * log(2.0 * 3.14159265358979323846) + log(9.0 * 36.0) + 1.0 + 5.0 / 6.0), 1e-12);
}

/* The likelihood of W = U (Lambda - variance I)^1/2 is the maximum that ppca returns, and neighbours of W have less. */
static void ppca_is_a_maximum(void **state)
{
    (void)state;
    enum { N = 60, D = 5, M = 2 };
    double *x = normals("x", N * D), u[M * D], w[D * M], b[D] = {0.0}, v[D], mean[D], value[D], axes[D * D];
    double *mu = calloc(N * M, sizeof *mu), *sigma = malloc(N * M * sizeof *sigma);
    StatsPpca best;
    StatsLinear r;
    Error err = ERROR_NONE;
    for (size_t i = 0; i < N * D; i++)
        x[i] = x[i] * (double)(i % D + 1) + 0.3 * x[i / D * D];
    for (size_t i = 0; i < N * M; i++)
        sigma[i] = 1.0;
    assert_int_equal(stats_ppca(&best, u, x, N, D, M, 0.0, &err), 0);
    assert_int_equal(stats_pca(mean, value, axes, x, N, D, D, &err), 0);
    for (size_t i = 0; i < D; i++) {
        b[i] = mean[i];
        v[i] = best.variance;
        for (size_t j = 0; j < M; j++)
            w[i * M + j] = u[j * D + i] * sqrt(value[j] * (N - 1.0) / N - best.variance);
    }
    assert_int_equal(stats_linear(&r, w, b, v, x, mu, sigma, N, D, M, &err), 0);
    assert_near(r.log_likelihood, best.log_likelihood, 1e-11);
    for (size_t k = 0; k < D * M + D; k++) {
        double *number = k < D * M ? &w[k] : &b[k - D * M], kept = *number;
        for (int side = -1; side <= 1; side += 2) {
            *number = kept + 0.01 * side;
            assert_int_equal(stats_linear(&r, w, b, v, x, mu, sigma, N, D, M, &err), 0);
            assert_true(r.log_likelihood < best.log_likelihood);
        }
        *number = kept;
    }
    for (int side = -1; side <= 1; side += 2) {
        for (size_t i = 0; i < D; i++)
            v[i] = best.variance * (1.0 + 0.01 * side);
        assert_int_equal(stats_linear(&r, w, b, v, x, mu, sigma, N, D, M, &err), 0);
        assert_true(r.log_likelihood < best.log_likelihood);
    }
    free(x);
    free(mu);
    free(sigma);
}

/* x = 2 z + noise of variance 1: p(x) = N(0, 5), p(z|x = 1) = N(0.4, 0.2). */
static void one_number_by_hand(void **state)
{
    (void)state;
    const double w = 2.0, b = 0.0, v = 1.0, x = 1.0, exact[] = {0.4, sqrt(0.2)}, prior[] = {0.0, 1.0};
    StatsLinear r;
    Error err = ERROR_NONE;
    assert_int_equal(stats_linear(&r, &w, &b, &v, &x, exact, exact + 1, 1, 1, 1, &err), 0);
    assert_near(r.log_likelihood, -1.8236574894217222, 1e-13); /* -1/2 (log 2 pi + log 5 + 1/5) */
    assert_near(r.elbo, r.log_likelihood, 1e-13);
    assert_near(r.gap, 0.0, 1e-13);
    assert_int_equal(stats_linear(&r, &w, &b, &v, &x, prior, prior + 1, 1, 1, 1, &err), 0);
    assert_near(r.gap, 1.5952810437829498, 1e-13); /* 1/2 (5 + 5 0.4^2 - 1 - log 5) */
    assert_near(r.elbo, -0.5 * (log(2.0 * 3.14159265358979323846) + 1.0 + 4.0), 1e-13);
}

typedef struct Point {
    const double *w, *b, *v, *x;
    size_t d;
} Point;

static double joint(double z, void *params)
{
    const Point *p = params;
    double log_p = -0.5 * (log(2.0 * 3.14159265358979323846) + z * z);
    for (size_t i = 0; i < p->d; i++) {
        double r = p->x[i] - p->w[i] * z - p->b[i];
        log_p -= 0.5 * (log(2.0 * 3.14159265358979323846 * p->v[i]) + r * r / p->v[i]);
    }
    return exp(log_p);
}

/* p(x) = ∫ p(x|z) p(z) dz with one latent unit, by quadrature. */
static void the_likelihood_is_an_integral(void **state)
{
    (void)state;
    const double w[] = {0.7, -1.3, 0.2}, b[] = {0.1, 0.2, -0.4}, v[] = {0.5, 0.8, 0.3}, x[] = {0.6, -1.1, 0.2}, mu = 0.1, sigma = 0.7;
    Point p = {w, b, v, x, 3};
    gsl_function f = {joint, &p};
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(1000);
    double integral, error;
    assert_int_equal(gsl_integration_qag(&f, -12.0, 12.0, 0.0, 1e-11, 1000, GSL_INTEG_GAUSS61, work, &integral, &error), 0);
    gsl_integration_workspace_free(work);
    StatsLinear r;
    Error err = ERROR_NONE;
    assert_int_equal(stats_linear(&r, w, b, v, x, &mu, &sigma, 1, 3, 1, &err), 0);
    assert_near(r.log_likelihood, log(integral), 1e-9);
}

static void the_gap_is_what_the_elbo_lacks(void **state)
{
    (void)state;
    enum { N = 40, D = 7, M = 3 };
    double *w = normals("w", D * M), *b = normals("b", D), *x = normals("x", N * D), *mu = normals("mu", N * M), v[D];
    double *sigma = normals("sigma", N * M);
    StatsLinear r;
    Error err = ERROR_NONE;
    for (size_t i = 0; i < D; i++)
        v[i] = 0.2 + 0.1 * (double)i;
    for (size_t i = 0; i < N * M; i++)
        sigma[i] = 0.1 + fabs(sigma[i]);
    assert_int_equal(stats_linear(&r, w, b, v, x, mu, sigma, N, D, M, &err), 0);
    assert_true(r.gap > 1.0);
    assert_near(r.log_likelihood - r.elbo, r.gap, 1e-10 * fabs(r.elbo));
    free(w), free(b), free(x), free(mu), free(sigma);
}

/* w spans e1 and a direction turned from e2 by `turn` towards e3; the third column is short and not among the k. */
static void angles(void **state)
{
    (void)state;
    const double u[] = {1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0};
    const double turns[] = {0.0, 1e-6, 0.3, 1.5707963267948966};
    for (size_t k = 0; k < 4; k++) {
        double c = cos(turns[k]), s = sin(turns[k]), angle;
        const double w[] = {2.0, 1.0, 0.0,  0.0, 3.0 * c, 0.0,  0.0, 3.0 * s, 0.0,  0.0, 0.0, 0.01};
        Error err = ERROR_NONE;
        assert_int_equal(stats_subspace_angle(&angle, w, u, 4, 3, 2, &err), 0);
        assert_near(angle, turns[k], 1e-7);
    }
}

static void refusals(void **state)
{
    (void)state;
    double x[24], u[9], sigma[] = {1.0}, v[] = {1.0, 0.0}, w[] = {1.0, 1.0}, b[] = {0.0, 0.0}, mu[] = {0.0}, angle;
    StatsPpca r;
    StatsLinear l;
    Error err = ERROR_NONE;
    corners(x);
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 3, 0.0, &err), -1);
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 0, 0.0, &err), -1);
    assert_int_equal(stats_ppca(&r, u, x, 3, 3, 1, 0.0, &err), -1);
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 1, -1.0, &err), -1);
    for (size_t i = 0; i < 8; i++)
        x[3 * i + 1] = x[3 * i + 2] = 0.0; /* on a line */
    assert_int_equal(stats_ppca(&r, u, x, 8, 3, 1, 0.0, &err), -1);
    assert_int_equal(stats_linear(&l, w, b, v, x, mu, sigma, 1, 2, 1, &err), -1);
    v[1] = 1.0;
    sigma[0] = NAN;
    assert_int_equal(stats_linear(&l, w, b, v, x, mu, sigma, 1, 2, 1, &err), -1);
    assert_int_equal(stats_subspace_angle(&angle, w, u, 2, 1, 2, &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
}

int main(void)
{
    gsl_set_error_handler_off(); /* as main does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ppca_by_hand),
        cmocka_unit_test(ppca_is_a_maximum),
        cmocka_unit_test(one_number_by_hand),
        cmocka_unit_test(the_likelihood_is_an_integral),
        cmocka_unit_test(the_gap_is_what_the_elbo_lacks),
        cmocka_unit_test(angles),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
