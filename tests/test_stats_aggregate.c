/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_stats_aggregate.c: the aggregated posterior and the terms of the KL, for sets of posteriors whose q(z) is
 * known.
 *
 * Densities agree to 1e-11: thousands of terms are added in another order.  Means over draws are compared with closed
 * forms and quadratures within 5 of their standard errors, at fixed seeds.
 */
#include "base/mem.h"
#include "num/isa.h"
#include "stats/aggregate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_integration.h>

#include <cmocka.h>

static const uint64_t SEED = 20260101;

#define assert_near(found, expected, tolerance) near(found, expected, tolerance, __LINE__)

static void near(double found, double expected, double tolerance, int line)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("line %d, seed %llu: found %.17g, expected %.17g within %g", line, (unsigned long long)SEED, found, expected,
                 tolerance);
}

/* The mean over the draws, within 5 standard errors; where all draws are equal, within rounding. */
#define assert_estimate(term, expected) assert_near((term).mean, expected, 5.0 * (term).sd / sqrt((double)(term).n) + 1e-12)

/* ---- sets of posteriors ------------------------------------------------------------------------------------------ */

typedef struct World {
    size_t n, d;
    double *mu, *sigma;
} World;

static World world(size_t n, size_t d)
{
    return (World){n, d, calloc(n * d, sizeof(double)), calloc(n * d, sizeof(double))};
}

static void end(World w)
{
    free(w.mu);
    free(w.sigma);
}

/* Means from N(0, 1), standard deviations from 0.1 to 1.1. */
static World random_world(size_t n, size_t d)
{
    World w = world(n, d);
    float *x = malloc(2 * n * d * sizeof *x);
    num_stream_normal(num_stream(SEED, "mu"), 0, 0, n, d, x);
    num_stream_uniform(num_stream(SEED, "sigma"), 0, 0, n, d, x + n * d);
    for (size_t i = 0; i < n * d; i++) {
        w.mu[i] = (double)x[i];
        w.sigma[i] = 0.1 + (double)x[n * d + i];
    }
    free(x);
    return w;
}

/* q(z|x) = N(a, s^2 I) for every a of a grid of side x side points, normal quantiles along both axes; then the
 * second axis is correlated with the first by rho. */
static World grid(size_t side, double s, double rho)
{
    World w = world(side * side, 2);
    for (size_t i = 0; i < w.n; i++) {
        double a = stats_normal_quantile(((double)(i % side) + 0.5) / (double)side);
        double b = stats_normal_quantile(((double)(i / side) + 0.5) / (double)side);
        w.mu[2 * i] = a;
        w.mu[2 * i + 1] = rho * a + sqrt(1.0 - rho * rho) * b;
        w.sigma[2 * i] = w.sigma[2 * i + 1] = s;
    }
    return w;
}

static StatsElboDecomposition accounts(World w, size_t draws, size_t batch)
{
    StatsElboDecomposition r;
    Error err = ERROR_NONE;
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, w.n, w.d, draws, batch, num_stream(SEED, "accounts"), &err), 0);
    assert_true(r.residual < 1e-12);
    assert_true(r.mutual_information.mean <= r.log_n + 1e-12);
    assert_estimate(r.kl, r.kl_closed);
    return r;
}

/* ---- the densities ----------------------------------------------------------------------------------------------- */

static double density(double z, double mu, double sigma)
{
    double t = (z - mu) / sigma;
    return exp(-0.5 * t * t) / (sigma * sqrt(2.0 * 3.14159265358979323846));
}

/* More posteriors than two blocks, more draws than a job, odd sizes: by plain sums of densities. */
static void by_definition(void **state)
{
    (void)state;
    enum { N = 131, D = 3, DRAWS = 71 };
    World w = random_world(N, D), points = random_world(DRAWS, D);
    double log_q[DRAWS], each[DRAWS * D];
    Error err = ERROR_NONE;
    assert_int_equal(stats_aggregate(log_q, each, points.mu, DRAWS, w.mu, w.sigma, N, D, &err), 0);
    for (size_t s = 0; s < DRAWS; s++) {
        double joint = 0.0, marginal[D] = {0.0};
        for (size_t i = 0; i < N; i++) {
            double product = 1.0;
            for (size_t j = 0; j < D; j++) {
                double p = density(points.mu[s * D + j], w.mu[i * D + j], w.sigma[i * D + j]);
                marginal[j] += p / N;
                product *= p;
            }
            joint += product / N;
        }
        assert_near(log_q[s], log(joint), 1e-11);
        for (size_t j = 0; j < D; j++)
            assert_near(each[s * D + j], log(marginal[j]), 1e-11);
    }
    end(w);
    end(points);
}

/* On a grid q(z) is the product of its marginals at every z. */
static void a_grid_factorises(void **state)
{
    (void)state;
    World w = grid(24, 0.2, 0.0), points = random_world(50, 2);
    double log_q[50], each[100];
    Error err = ERROR_NONE;
    assert_int_equal(stats_aggregate(log_q, each, points.mu, 50, w.mu, w.sigma, w.n, 2, &err), 0);
    for (size_t s = 0; s < 50; s++)
        assert_near(log_q[s], each[2 * s] + each[2 * s + 1], 1e-11);
    StatsElboDecomposition r = accounts(w, 2000, 100);
    assert_near(r.total_correlation.mean, 0.0, 1e-11);
    end(w);
    end(points);
}

/* Far from every posterior the density underflows, and its logarithm does not. */
static void far_away(void **state)
{
    (void)state;
    const double mu[] = {0.0, 0.0, 3.0, 0.0}, sigma[] = {1.0, 0.1, 1.0, 0.1}, z[] = {100.0, 0.0};
    double log_q, each[2];
    Error err = ERROR_NONE;
    assert_int_equal(stats_aggregate(&log_q, each, z, 1, mu, sigma, 2, 2, &err), 0);
    double nearer = -0.5 * 97.0 * 97.0 - log(2.0) - 0.5 * log(2.0 * 3.14159265358979323846);
    assert_near(each[0], nearer, 1e-10);
    assert_near(log_q, nearer - 0.5 * log(2.0 * 3.14159265358979323846) - log(0.1), 1e-10);
}

/* ---- the terms, where their values are known --------------------------------------------------------------------- */

static void equal_posteriors(void **state)
{
    (void)state;
    World w = world(100, 3);
    for (size_t i = 0; i < 300; i++) {
        w.mu[i] = 0.25 * (double)(i % 3);
        w.sigma[i] = 0.5 + 0.5 * (double)(i % 3);
    }
    StatsElboDecomposition r = accounts(w, 5000, 100);
    assert_near(r.mutual_information.mean, 0.0, 1e-12);
    assert_near(r.total_correlation.mean, 0.0, 1e-12);
    assert_estimate(r.dimension_kl, r.kl_closed);
    assert_estimate(r.marginal_kl, r.kl_closed);
    end(w);
}

/* z identifies which of eight posteriors it came from: I = log 8, its upper bound. */
static void separated_posteriors(void **state)
{
    (void)state;
    World w = world(8, 2);
    for (size_t i = 0; i < 8; i++) {
        w.mu[2 * i] = 1e4 * (double)i;
        w.sigma[2 * i] = w.sigma[2 * i + 1] = 0.3;
    }
    StatsElboDecomposition r = accounts(w, 4000, 8);
    assert_near(r.mutual_information.mean, log(8.0), 1e-12);
    assert_near(r.total_correlation.mean, 0.0, 1e-12);
    end(w);
}

typedef struct Mixture {
    const World *w;
    int marginal; /* the integrand: q log q/p, or -q log q */
} Mixture;

static double integrand(double z, void *params)
{
    const Mixture *m = params;
    double q = 0.0;
    for (size_t i = 0; i < m->w->n; i++)
        q += density(z, m->w->mu[i], m->w->sigma[i]) / (double)m->w->n;
    if (q == 0.0)
        return 0.0;
    return m->marginal ? q * (log(q) - log(density(z, 0.0, 1.0))) : -q * log(q);
}

static double quadrature(const World *w, int marginal)
{
    Mixture m = {w, marginal};
    gsl_function f = {integrand, &m};
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(1000);
    double result, error;
    assert_int_equal(gsl_integration_qag(&f, -12.0, 12.0, 1e-11, 1e-11, 1000, GSL_INTEG_GAUSS61, work, &result, &error), 0);
    gsl_integration_workspace_free(work);
    return result;
}

/* In one dimension h(q) = -∫ q log q is a quadrature, and I = h(q) - E[h(q(z|x))], KL(q || p) = ∫ q log q/p. */
static void mixtures_by_quadrature(void **state)
{
    (void)state;
    const struct { size_t n; double mu[3], sigma[3]; } cases[] = {
        {2, {-1.5, 1.5}, {1.0, 1.0}},             /* half apart */
        {2, {-2.0, 2.0}, {0.2, 0.2}},             /* well apart: I = log 2 but for 1e-23 */
        {3, {-1.0, 0.3, 2.0}, {0.5, 0.15, 0.9}}, /* of three widths */
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        World w = {cases[k].n, 1, (double[3]){0.0}, (double[3]){0.0}};
        double entropy = 0.0;
        for (size_t i = 0; i < w.n; i++) {
            w.mu[i] = cases[k].mu[i];
            w.sigma[i] = cases[k].sigma[i];
            entropy += 0.5 * log(2.0 * 3.14159265358979323846 * exp(1.0) * w.sigma[i] * w.sigma[i]) / (double)w.n;
        }
        StatsElboDecomposition r = accounts(w, 30000, 100);
        double information = quadrature(&w, 0) - entropy, marginal = quadrature(&w, 1);
        assert_near(information + marginal, r.kl_closed, 1e-9);
        assert_estimate(r.mutual_information, information);
        assert_estimate(r.marginal_kl, marginal);
        assert_estimate(r.dimension_kl, marginal);
        assert_near(r.total_correlation.mean, 0.0, 1e-12);
        if (k == 1)
            assert_near(information, log(2.0), 1e-9);
    }
}

/* Many narrow posteriors whose means follow a Gaussian: q(z) is nearly that Gaussian, of correlation r, and TC =
 * -1/2 log(1 - r^2). Nearly: the quantiles at the middles of 48 parts leave out the tails; 0.002 covers that (64
 * parts change TC by less). */
static void a_correlated_aggregate(void **state)
{
    (void)state;
    World w = grid(48, 0.3, 0.8);
    double aa = 0.0, bb = 0.0, ab = 0.0;
    for (size_t i = 0; i < w.n; i++) {
        aa += w.mu[2 * i] * w.mu[2 * i] / (double)w.n;
        bb += w.mu[2 * i + 1] * w.mu[2 * i + 1] / (double)w.n;
        ab += w.mu[2 * i] * w.mu[2 * i + 1] / (double)w.n;
    }
    double r2 = ab * ab / ((aa + 0.09) * (bb + 0.09));
    StatsElboDecomposition r = accounts(w, 20000, 100);
    double error = 5.0 * r.total_correlation.sd / sqrt(20000.0);
    assert_near(r.total_correlation.mean, -0.5 * log1p(-r2), error + 0.002);
    assert_true(error < 0.03);
    end(w);
}

static void monte_carlo_meets_the_closed_form(void **state)
{
    (void)state;
    World w = random_world(500, 7);
    StatsElboDecomposition r = accounts(w, 20000, 100);
    assert_true(r.kl.sd > 0.1);
    assert_true(r.marginal_kl.mean > -5.0 * r.marginal_kl.sd / sqrt(20000.0));
    double twice = 0.0;
    for (size_t i = 0; i < 3500; i++)
        twice += w.mu[i] * w.mu[i] + w.sigma[i] * w.sigma[i] - 1.0 - log(w.sigma[i] * w.sigma[i]);
    assert_near(r.kl_closed, twice / 1000.0, 1e-11);
    end(w);
}

/* ---- minibatches ------------------------------------------------------------------------------------------------- */

/* One minibatch of all examples: stratified weights are 1/N, which is exact; those of beta-TCVAE are 1/N^2, so that
 * each of d + 1 logarithms is too small by log N. */
static void one_batch_of_all(void **state)
{
    (void)state;
    World w = random_world(200, 4);
    StatsElboDecomposition r = accounts(w, 200, 200);
    assert_near(r.stratified, r.total_correlation.mean, 1e-11);
    assert_near(r.weighted, r.total_correlation.mean + 3.0 * log(200.0), 1e-11);
    end(w);
}

/* Where z_1 and z_2 are independent TC is 0.  Estimates from minibatches are biased: the logarithm of an unbiased
 * density is biased down, most for the joint one.  With beta-TCVAE's weights it is that of the minibatch's own
 * mixture, from 0 to log 50, plus log N. */
static void minibatches_do_not_know(void **state)
{
    (void)state;
    World w = grid(48, 0.15, 0.0);
    StatsElboDecomposition r = accounts(w, 2304, 50);
    assert_near(r.total_correlation.mean, 0.0, 1e-11);
    assert_true(r.stratified < -0.1);
    assert_true(r.weighted > log(2304.0) && r.weighted < log(2304.0) + log(50.0));
    assert_true(isnan(accounts(w, 100, 1).weighted));
    end(w);
}

/* ---- promises ---------------------------------------------------------------------------------------------------- */

static void the_same_bits_on_any_threads(void **state)
{
    (void)state;
    World w = random_world(300, 5);
    StatsElboDecomposition one = accounts(w, 1000, 50);
    num_threads_set(3);
    StatsElboDecomposition three = accounts(w, 1000, 50);
    num_threads_set(1);
    assert_memory_equal(&one, &three, sizeof one);
    end(w);
}

static void refusals(void **state)
{
    (void)state;
    World w = random_world(10, 2);
    StatsElboDecomposition r;
    Error err = ERROR_NONE;
    NumStream s = num_stream(SEED, "accounts");
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, 10, 2, 0, 10, s, &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, 0, 2, 10, 10, s, &err), -1);
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, 10, 0, 10, 10, s, &err), -1);
    w.sigma[3] = 0.0;
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, 10, 2, 10, 10, s, &err), -1);
    w.sigma[3] = 0.5;
    w.mu[19] = NAN;
    assert_int_equal(stats_elbo_decomposition(&r, w.mu, w.sigma, 10, 2, 10, 10, s, &err), -1);
    w.mu[19] = 0.0;
    int status = -1, failures = 0;
    for (long k = 1; status != 0; k++) { /* the kth allocation fails */
        mem_fail_after(k);
        status = stats_elbo_decomposition(&r, w.mu, w.sigma, 10, 2, 10, 10, s, &err);
        mem_fail_after(0);
        if (status != 0)
            assert_int_equal(err.kind, ERR_MEMORY);
        failures += status != 0;
    }
    assert_true(failures >= 10);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_definition),
        cmocka_unit_test(a_grid_factorises),
        cmocka_unit_test(far_away),
        cmocka_unit_test(equal_posteriors),
        cmocka_unit_test(separated_posteriors),
        cmocka_unit_test(mixtures_by_quadrature),
        cmocka_unit_test(a_correlated_aggregate),
        cmocka_unit_test(monte_carlo_meets_the_closed_form),
        cmocka_unit_test(one_batch_of_all),
        cmocka_unit_test(minibatches_do_not_know),
        cmocka_unit_test(the_same_bits_on_any_threads),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("aggregate", tests, NULL, NULL);
}
