/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_stats.c: every statistic against a known answer: closed forms, tables, plain loops.
 *
 * Exact answers: to a relative 1e-12, for rounding; printed tables: to their digits.  Monte Carlo answers: fixed
 * seeds and 5 standard errors.
 */
#include "base/mem.h"
#include "stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>

#include <cmocka.h>

static NumStream stream(const char *name)
{
    return num_stream(20250101, name);
}

#define assert_near(found, expected, tolerance) near(found, expected, tolerance, __LINE__)

static void near(double found, double expected, double tolerance, int line)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("line %d: found %.17g, expected %.17g within %g", line, found, expected, tolerance);
}

static double *normals(const char *name, size_t n, size_t d)
{
    float *f = malloc(n * d * sizeof *f);
    double *x = malloc(n * d * sizeof *x);
    num_stream_normal(stream(name), 0, 0, n, d, f);
    for (size_t i = 0; i < n * d; i++)
        x[i] = (double)f[i];
    free(f);
    return x;
}

static double *filled(size_t n, double value)
{
    double *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = value;
    return x;
}

/* ---- intervals --------------------------------------------------------------------------------------------------- */

/* t(0.975) of the printed tables, to three decimals; with mean 0 and sd 1 the bound is t / sqrt(n). */
static void students_table(void **state)
{
    (void)state;
    const struct { size_t freedom; double level, t; } row[] = {{1, 0.95, 12.706}, {2, 0.95, 4.303},  {4, 0.95, 2.776},
                                                               {9, 0.95, 2.262},  {29, 0.95, 2.045}, {4, 0.99, 4.604},
                                                               {9, 0.90, 1.833}};
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        size_t n = row[k].freedom + 1;
        double *x = malloc(n * sizeof *x), sd;
        for (size_t i = 0; i < n; i++)
            x[i] = 2.385 + 0.7 * (double)(i * i % 7);
        StatsInterval r = stats_interval(x, n, row[k].level);
        sd = r.sd;
        assert_near((r.high - r.mean) / sd * sqrt((double)n), row[k].t, 0.0006);
        assert_near(r.high - r.mean, r.mean - r.low, 1e-12);
        assert_int_equal(r.n, n);
        free(x);
    }
    const double five[] = {2.0, 4.0, 4.0, 5.0, 10.0}; /* mean 5, squares 9+1+1+0+25 = 36, sd 3 */
    StatsInterval r = stats_interval(five, 5, 0.95);
    assert_near(r.mean, 5.0, 1e-12);
    assert_near(r.sd, 3.0, 1e-12);
    assert_near(r.low, 5.0 - 2.7764451051977987 * 3.0 / sqrt(5.0), 1e-9);
}

static void intervals_without_data(void **state)
{
    (void)state;
    const double x[] = {3.0, NAN};
    StatsInterval r = stats_interval(x, 1, 0.95);
    assert_near(r.mean, 3.0, 0.0);
    assert_true(isnan(r.sd) && isnan(r.low) && isnan(r.high));
    assert_true(isnan(stats_interval(x, 0, 0.95).mean));
    assert_true(isnan(stats_interval(x, 2, 0.95).low));
    const double y[] = {1.0, 2.0};
    assert_true(isnan(stats_interval(y, 2, 1.0).low));
    assert_true(isnan(stats_interval(y, 2, NAN).low));
    assert_true(isnan(stats_mean(y, 0)));
    assert_near(stats_mean(y, 2), 1.5, 1e-15);
}

static void paired_differences(void **state)
{
    (void)state;
    const double d[] = {2.0, 4.0, 4.0, 5.0, 10.0}, opposite[] = {-2.0, -4.0, -4.0, -5.0, -10.0};
    double p;
    StatsInterval r = stats_paired(d, 5, 0.95, &p), same = stats_interval(d, 5, 0.95);
    assert_near(r.low, same.low, 1e-12);
    assert_near(r.high, same.high, 1e-12);
    /* 4 degrees of freedom have a closed form: P(T <= t) = 1/2 + (3/8) (2 s - (2/3) s^3) … with s = t / sqrt(4 + t^2) */
    double t = 5.0 / (3.0 / sqrt(5.0)), s = t / sqrt(4.0 + t * t);
    assert_near(p, 2.0 * (0.5 - 0.75 * (s - s * s * s / 3.0)), 1e-12);
    StatsInterval back = stats_paired(opposite, 5, 0.95, &s);
    assert_near(back.mean, -5.0, 1e-12);
    assert_near(s, p, 1e-15);
    stats_paired((const double[]){0.0, 0.0, 0.0, 0.0, 0.0}, 5, 0.95, &p);
    assert_near(p, 1.0, 0.0);
    stats_paired((const double[]){1.0, 1.0, 1.0, 1.0, 1.0}, 5, 0.95, &p);
    assert_near(p, 0.0, 0.0);
    r = stats_paired(d, 1, 0.95, &p);
    assert_true(isnan(p) && isnan(r.low) && r.mean == 2.0);
}

static void log_mean_exp(void **state)
{
    (void)state;
    const double w[] = {log(1.0) - 1000.0, log(2.0) - 1000.0, log(6.0) - 1000.0}; /* mean 3, sd sqrt(7), ess 81/41 */
    double value, se, ess;
    stats_log_mean_exp(w, 3, &value, &se, &ess);
    assert_near(value, log(3.0) - 1000.0, 1e-12);
    assert_near(se, sqrt(7.0 / 3.0) / 3.0, 1e-12);
    assert_near(ess, 81.0 / 41.0, 1e-12);
    const double even[] = {-3.0, -3.0, -3.0, -3.0};
    stats_log_mean_exp(even, 4, &value, &se, &ess);
    assert_near(value, -3.0, 1e-15);
    assert_near(se, 0.0, 0.0);
    assert_near(ess, 4.0, 1e-15);
    stats_log_mean_exp(even, 1, &value, &se, &ess);
    assert_true(value == -3.0 && isnan(se) && ess == 1.0);
    const double none[] = {-INFINITY, -INFINITY}, broken[] = {0.0, NAN};
    stats_log_mean_exp(none, 2, &value, &se, &ess);
    assert_true(value == -INFINITY && isnan(se) && ess == 0.0);
    stats_log_mean_exp(broken, 2, &value, &se, &ess);
    assert_true(isnan(value));
}

/* An AR(1) series of correlation r has the autocorrelation time (1 + r) / (1 - r).  20 chains of 2,000 draws: the
 * estimate of the time has a relative standard error of a few percent; 15 % allowed.  seed: of stream() */
static void mixing_known(void **state)
{
    (void)state;
    enum { MIX_CHAINS = 20, MIX_DRAWS = 2000 };
    static const double correlation[] = {0, 0.5, 0.9};
    float *e = calloc((size_t)MIX_CHAINS * MIX_DRAWS, sizeof *e);
    double *x = calloc((size_t)MIX_CHAINS * MIX_DRAWS, sizeof *x), rhat, ess, total = MIX_CHAINS * MIX_DRAWS;
    num_stream_normal(stream("mixing"), 0, 0, MIX_CHAINS, MIX_DRAWS, e);
    for (size_t k = 0; k < 3; k++) {
        double r = correlation[k];
        for (size_t i = 0; i < (size_t)MIX_CHAINS * MIX_DRAWS; i++)
            x[i] = i % MIX_DRAWS == 0 ? (double)e[i] : r * x[i - 1] + sqrt(1 - r * r) * (double)e[i];
        stats_mixing(x, MIX_CHAINS, MIX_DRAWS, &rhat, &ess);
        assert_near(ess / (total * (1 - r) / (1 + r)), 1.0, 0.15);
        assert_true(rhat > 0.999 && rhat < 1.02);
    }
    for (size_t i = 0; i < (size_t)MIX_CHAINS * MIX_DRAWS; i++) /* one chain of 20 stays in a mode of its own */
        x[i] = (double)e[i] + (i < MIX_DRAWS ? 5 : 0);
    stats_mixing(x, MIX_CHAINS, MIX_DRAWS, &rhat, &ess);
    assert_true(rhat > 1.1 && ess < 100);
    free(e);
    free(x);
    const double still[] = {1, 1, 1, 1, 2, 2, 2, 2}, same[] = {3, 3, 3, 3, 3, 3, 3, 3};
    stats_mixing(still, 2, 4, &rhat, &ess);
    assert_true(rhat == INFINITY && ess == 2.0);
    stats_mixing(same, 2, 4, &rhat, &ess);
    assert_true(rhat == 1.0 && ess == 8.0);
    stats_mixing(still, 2, 3, &rhat, &ess);
    assert_true(isnan(rhat) && isnan(ess));
}

static void normal_quantile(void **state)
{
    (void)state;
    assert_near(stats_normal_quantile(0.5), 0.0, 1e-15);
    assert_near(stats_normal_quantile(0.975), 1.959963984540054, 1e-12);
    assert_near(stats_normal_quantile(0.0013498980316300933), -3.0, 1e-12);
    assert_true(stats_normal_quantile(0.0) == -INFINITY && stats_normal_quantile(1.0) == INFINITY);
    assert_true(isnan(stats_normal_quantile(1.5)) && isnan(stats_normal_quantile(NAN)));
}

/* ---- scores of two samples --------------------------------------------------------------------------------------- */

/* The AUC and its variance. */
static int auc_of(double *auc, double *variance, const double *a, size_t n, const double *b, size_t m, Error *err)
{
    double placement[200], first = 0, second = 0;
    if (stats_placements(placement, a, n, b, m, err) != 0)
        return -1;
    for (size_t i = 0; i < n + m; i++)
        *(i < n ? &first : &second) += placement[i] / (double)(i < n ? n : m);
    assert_near(first, second, 1e-12);
    *auc = first;
    *variance = stats_placement_variance(placement, n) + stats_placement_variance(placement + n, m);
    return 0;
}

/* Nine pairs, of which 6 ascend and 2 are equal; the placements are 1/2, 1, 5/6 and 1/2, 1, 5/6. */
static void auc_by_hand(void **state)
{
    (void)state;
    const double a[] = {3.0, 1.0, 2.0}, b[] = {2.0, 4.0, 3.0}, want[] = {0.5, 1.0, 5.0 / 6.0, 0.5, 1.0, 5.0 / 6.0};
    double placement[6], auc, variance;
    Error err = ERROR_NONE;
    assert_int_equal(stats_placements(placement, a, 3, b, 3, &err), 0);
    for (int i = 0; i < 6; i++)
        assert_near(placement[i], want[i], 1e-15);
    assert_int_equal(auc_of(&auc, &variance, a, 3, b, 3, &err), 0);
    assert_near(auc, 7.0 / 9.0, 1e-15);
    double mean = (1.0 + 5.0 / 6.0 + 0.5 + 0.5) / 4.0, square = (1.0 + 25.0 / 36.0 + 0.25 + 0.25) / 4.0;
    assert_near(variance, 2.0 * (square - mean * mean) / 3.0, 1e-15);
    assert_int_equal(auc_of(&auc, &variance, b, 3, a, 3, &err), 0); /* the other way round */
    assert_near(auc, 2.0 / 9.0, 1e-15);
    const double low[] = {1.0, 2.0, 3.0, 4.0}, same[] = {7.0, 7.0, 7.0};
    assert_int_equal(auc_of(&auc, &variance, low, 4, same, 3, &err), 0); /* wholly apart */
    assert_near(auc, 1.0, 1e-15);
    assert_near(variance, 0.25 / 25.0 + 0.25 / 16.0, 1e-15);
    assert_int_equal(auc_of(&auc, &variance, same, 2, same, 3, &err), 0); /* all equal: no judge could tell */
    assert_near(auc, 0.5, 0.0);
    assert_near(variance, 0.0, 1e-15);
    const double nan[] = {1.0, NAN};
    assert_int_equal(auc_of(&auc, &variance, nan, 2, same, 3, &err), -1);
    assert_string_equal(err.found, "2 and 3 scores, and one that is no number");
    assert_int_equal(auc_of(&auc, &variance, same, 0, same, 3, &err), -1);
}

/* Normal scores, one standard deviation apart: the AUC is Phi(1 / sqrt 2).  2,000 repetitions: its mean within 4 standard
 * errors; the ratio of the mean stated variance to the found one has a standard error of sqrt(2 / 2000) = 0.03, and the
 * placements add about 1 / 50 to it. */
static void auc_error_is_right(void **state)
{
    (void)state;
    enum { N = 50, M = 80, REPEATS = 2000 };
    float x[N + M];
    double a[N], b[M], sum = 0, squares = 0, stated = 0;
    for (uint64_t r = 0; r < REPEATS; r++) {
        double auc, variance;
        Error err = ERROR_NONE;
        num_stream_normal(stream("scores"), r, 0, 1, N + M, x);
        for (size_t i = 0; i < N + M; i++)
            *(i < N ? &a[i] : &b[i - N]) = (double)x[i] + (i < N ? 0.0 : 1.0);
        assert_int_equal(auc_of(&auc, &variance, a, N, b, M, &err), 0);
        sum += auc;
        squares += auc * auc;
        stated += variance;
    }
    double mean = sum / REPEATS, found = squares / REPEATS - mean * mean;
    assert_near(mean, 0.7602499389065234, 4.0 * sqrt(found / REPEATS));
    assert_near(stated / REPEATS / found, 1.02, 0.12);
}

/* ---- holes ------------------------------------------------------------------------------------------------------- */

/* One unit Gaussian at 0: a point of N(0, I_2) is outside of 2 sigma with probability exp(-2). */
static void hole_fraction_known(void **state)
{
    (void)state;
    const double mu[] = {0.0, 0.0}, sigma[] = {1.0, 1.0};
    double f, q = exp(-2.0);
    Error err = ERROR_NONE;
    assert_int_equal(stats_hole_fraction(&f, mu, sigma, 1, 2, 2.0, 40000, NULL, stream("holes"), &err), 0);
    assert_near(f, q, 5.0 * sqrt(q * (1.0 - q) / 40000.0));
    /* one dimension, two posteriors that do not touch: Phi between -1.5 and -0.5, and 1 and 2, is covered */
    const double mu1[] = {-1.0, 1.5}, sigma1[] = {0.25, 0.25};
    q = 1.0 - (0.30853753872598694 - 0.06680720126885807) - (0.15865525393145707 - 0.022750131948179212);
    assert_int_equal(stats_hole_fraction(&f, mu1, sigma1, 2, 1, 2.0, 40000, NULL, stream("holes"), &err), 0);
    assert_near(f, q, 5.0 * sqrt(q * (1.0 - q) / 40000.0));
}

/* More posteriors than one block, each with other axes: the same draws, counted by the definition. */
/* The prior's draws may be given: those of N(0, I) give the same bits, others lie elsewhere. */
static void holes_of_another_prior(void **state)
{
    (void)state;
    enum { DRAWS = 300 };
    const double mu[] = {0.0, 0.0, 1.0, 1.0}, sigma[] = {1.0, 1.0, 0.5, 0.5};
    double z[2 * DRAWS], own, given;
    float x[2];
    Error err = ERROR_NONE;
    for (uint32_t k = 0; k < DRAWS; k++) {
        num_stream_normal(stream("holes"), 0, k, 1, 2, x);
        z[2 * k] = (double)x[0], z[2 * k + 1] = (double)x[1];
    }
    for (int density = 0; density < 2; density++) {
        int (*share)(double *, const double *, const double *, size_t, size_t, double, size_t, const double *, NumStream,
                     Error *) = density ? stats_hole_density : stats_hole_fraction;
        double threshold = density ? 0.5 : 1.0;
        assert_int_equal(share(&own, mu, sigma, 2, 2, threshold, DRAWS, NULL, stream("holes"), &err), 0);
        assert_int_equal(share(&given, mu, sigma, 2, 2, threshold, DRAWS, z, stream("holes"), &err), 0);
        assert_true(own == given && own > 0.0 && own < 1.0);
        double far[2 * DRAWS];
        for (size_t i = 0; i < 2 * DRAWS; i++)
            far[i] = z[i] + 20.0;
        assert_int_equal(share(&given, mu, sigma, 2, 2, threshold, DRAWS, far, stream("holes"), &err), 0);
        assert_true(given == 1.0);
    }
}

static void hole_fraction_by_definition(void **state)
{
    (void)state;
    enum { N = 131, D = 3, DRAWS = 2000 };
    double *mu = normals("mu", N, D), *sigma = normals("sigma", N, D), f;
    for (size_t i = 0; i < N * D; i++)
        sigma[i] = 0.05 + 0.3 * fabs(sigma[i]);
    Error err = ERROR_NONE;
    assert_int_equal(stats_hole_fraction(&f, mu, sigma, N, D, 1.7, DRAWS, NULL, stream("holes"), &err), 0);
    size_t holes = 0;
    for (size_t k = 0; k < DRAWS; k++) {
        float z[D];
        int inside = 0;
        num_stream_normal(stream("holes"), 0, (uint32_t)k, 1, D, z);
        for (size_t i = 0; i < N; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < D; j++)
                sum += pow(((double)z[j] - mu[i * D + j]) / sigma[i * D + j], 2.0);
            inside |= sum <= 1.7 * 1.7;
        }
        holes += !inside;
    }
    assert_true(holes > 100 && holes < DRAWS - 100);
    assert_near(f, (double)holes / DRAWS, 1e-15);
    free(mu);
    free(sigma);
}

/* Where q is the prior, the share of the prior below q's quantile is that quantile: every posterior N(0, I). */
static void hole_density_of_the_prior_itself(void **state)
{
    (void)state;
    enum { N = 70, D = 10, DRAWS = 4000 };
    double *mu = filled(N * D, 0.0), *sigma = filled(N * D, 1.0), f;
    Error err = ERROR_NONE;
    assert_int_equal(stats_hole_density(&f, mu, sigma, N, D, 0.05, DRAWS, NULL, stream("density"), &err), 0);
    /* the quantile and the share are both estimated: variance doubled */
    assert_near(f, 0.05, 5.0 * sqrt(2.0 * 0.05 * 0.95 / DRAWS));
    /* posteriors far away: every draw of the prior is in a hole, and densities below the smallest double do not confuse it */
    for (size_t i = 0; i < N * D; i++)
        mu[i] = 1e4 + (double)i * 1e-6;
    assert_int_equal(stats_hole_density(&f, mu, sigma, N, D, 0.01, DRAWS, NULL, stream("density"), &err), 0);
    assert_near(f, 1.0, 0.0);
    free(mu);
    free(sigma);
}

/* q = N(0, s^2) in one dimension, s = 1/2.  The 5 % quantile of its density is at |z| = 1.96 s; the prior is beyond
 * that with probability 2 Phi(-0.98) = 0.32709. */
static void hole_density_of_a_narrow_q(void **state)
{
    (void)state;
    enum { N = 5, DRAWS = 20000 };
    double *mu = filled(N, 0.0), *sigma = filled(N, 0.5), f;
    Error err = ERROR_NONE;
    assert_int_equal(stats_hole_density(&f, mu, sigma, N, 1, 0.05, DRAWS, NULL, stream("density"), &err), 0);
    /* variance of the share, and that of the quantile carried over by the ratio of the densities of prior and q at it */
    double own = 0.32709 * 0.67291 / DRAWS, edge = pow(0.2468 / 0.1169, 2.0) * 0.05 * 0.95 / DRAWS;
    assert_near(f, 0.32709, 5.0 * sqrt(own + edge));
    free(mu);
    free(sigma);
}

/* A draw is scored without its own posterior: of two distant posteriors, by the other one alone. */
static void hole_density_leaves_one_out(void **state)
{
    (void)state;
    const double mu[] = {-30.0, 30.0}, sigma[] = {1.0, 1.0};
    double f;
    Error err = ERROR_NONE;
    /* the other's density is about exp(-1800), far below q at the prior's draws, about exp(-450); with its own f would be 1 */
    assert_int_equal(stats_hole_density(&f, mu, sigma, 2, 1, 0.5, 500, NULL, stream("density"), &err), 0);
    assert_near(f, 0.0, 0.0);
}

/* ---- overlap ----------------------------------------------------------------------------------------------------- */

/* Bhattacharyya's coefficient is the integral of sqrt(p q): numerically, by the rectangle rule, exact to rounding here. */
static void overlap_against_the_integral(void **state)
{
    (void)state;
    const double mu1[] = {0.3, -1.0}, sigma1[] = {0.7, 0.2}, mu2[] = {1.1, -0.6}, sigma2[] = {1.9, 0.45};
    double product = 1.0;
    for (int j = 0; j < 2; j++) {
        double sum = 0.0, step = 1e-3;
        for (double x = -25.0; x < 25.0; x += step) {
            double a = (x - mu1[j]) / sigma1[j], b = (x - mu2[j]) / sigma2[j];
            sum += exp(-0.25 * (a * a + b * b)) * step;
        }
        product *= sum / sqrt(2.0 * 3.14159265358979323846 * sigma1[j] * sigma2[j]);
    }
    assert_near(stats_bhattacharyya(mu1, sigma1, mu2, sigma2, 2), product, 1e-10);
    assert_near(stats_bhattacharyya(mu2, sigma2, mu1, sigma1, 2), product, 1e-10);
    assert_near(stats_bhattacharyya(mu1, sigma1, mu1, sigma1, 2), 1.0, 1e-15);
    const double tiny[] = {1e-200, 1e-200}, none[] = {0.0, 0.0};
    assert_near(stats_bhattacharyya(mu1, tiny, mu1, tiny, 2), 1.0, 1e-15);
    assert_near(stats_bhattacharyya(mu1, none, mu1, none, 2), 1.0, 0.0);
    assert_near(stats_bhattacharyya(mu1, none, mu2, none, 2), 0.0, 0.0);
}

static void mean_overlaps(void **state)
{
    (void)state;
    enum { N = 9, D = 2 };
    double *mu = normals("mu", N, D), *sigma = filled(N * D, 0.8), found, sum[3] = {0}, count[3] = {0};
    const int label[N] = {0, 1, 1, 0, 2, 2, 2, 0, 1};
    Error err = ERROR_NONE;
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++) {
            double o = stats_bhattacharyya(mu + i * D, sigma, mu + j * D, sigma, D);
            int which = label[i] == label[j] ? 1 : 2;
            sum[0] += o, count[0]++;
            sum[which] += o, count[which]++;
        }
    for (int which = 0; which < 3; which++) {
        assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, label, which, N, D, 1000, stream("pairs"), &err), 0);
        assert_near(found, sum[which] / count[which], 1e-14);
        /* fewer pairs than there are: the random branch, at 5 standard errors of values within [0, 1] (sd at most 1/2) */
        double mean = 0.0;
        for (int k = 0; k < 400; k++) {
            char name[32];
            snprintf(name, sizeof name, "pairs %d", k);
            assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, label, which, N, D, 5, stream(name), &err), 0);
            mean += found / 400.0;
        }
        assert_near(mean, sum[which] / count[which], 5.0 * 0.5 / sqrt(2000.0));
    }
    const int alike[N] = {0};
    assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, alike, 2, N, D, 1000, stream("pairs"), &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
    assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, alike, 2, N, D, 5, stream("pairs"), &err), -1);
    assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, NULL, 1, N, D, 5, stream("pairs"), &err), -1);
    assert_int_equal(stats_mean_bhattacharyya(&found, mu, sigma, NULL, 0, 1, D, 5, stream("pairs"), &err), -1);
    free(mu);
    free(sigma);
}

/* ---- standard deviation of the means, units, neighbours ---------------------------------------------------------- */

static void spread_and_units(void **state)
{
    (void)state;
    /* columns: variance (n - 1) 4/3 and population 1; 0.0148 and 0.0111; constant */
    const double mu[] = {1.0, 0.1, 5.0, -1.0, 0.3, 5.0, 1.0, 0.1, 5.0, -1.0, 0.1, 5.0};
    assert_int_equal(stats_active_units(mu, 4, 3, 0.01), 1);
    assert_int_equal(stats_active_units(mu, 4, 3, 0.0099), 2);
    assert_int_equal(stats_active_units(mu, 4, 3, 2.0), 0);
    assert_int_equal(stats_active_units(mu, 1, 3, 0.01), 0);
    assert_near(stats_pooled_sd(mu, 4, 3), sqrt((1.0 + 0.0075 + 0.0) / 3.0), 1e-12);
    assert_true(isnan(stats_pooled_sd(mu, 0, 3)));
}

static void neighbours(void **state)
{
    (void)state;
    /* on a line: 0 1 2 | 10 11 | 20; the lone point's neighbours are others */
    const double mu[] = {0.0, 1.0, 2.0, 10.0, 11.5, 20.0};
    const int label[] = {0, 0, 0, 1, 1, 2};
    double share;
    Error err = ERROR_NONE;
    assert_int_equal(stats_knn_agreement(&share, mu, label, 6, 1, 1, &err), 0);
    assert_near(share, 5.0 / 6.0, 1e-15);
    assert_int_equal(stats_knn_agreement(&share, mu, label, 6, 1, 2, &err), 0);
    assert_near(share, (6.0 + 2.0 + 0.0) / 12.0, 1e-15);
    assert_int_equal(stats_knn_agreement(&share, mu, label, 6, 1, 5, &err), 0);
    assert_near(share, (6.0 + 2.0) / 30.0, 1e-15);
    assert_int_equal(stats_knn_agreement(&share, mu, label, 6, 1, 6, &err), -1);
    assert_int_equal(stats_knn_agreement(&share, mu, label, 6, 1, 0, &err), -1);
    /* labels without meaning, many blocks: about one in four */
    double *x = normals("knn", 1000, 3);
    int *any = malloc(1000 * sizeof *any);
    for (int i = 0; i < 1000; i++)
        any[i] = i % 4;
    assert_int_equal(stats_knn_agreement(&share, x, any, 1000, 3, 10, &err), 0);
    assert_near(share, 0.25, 5.0 * sqrt(0.25 * 0.75 / 1000.0));
    free(any);
    free(x);
}

/* Over all pairs, by hand: rho = 1 - 6 sum d^2 / (m (m^2 - 1)) where no two of the m distances are equal. */
static void distances_in_order(void **state)
{
    (void)state;
    double rho;
    Error err = ERROR_NONE;
    /* ten distances, all different: scaled, they keep their order */
    const double x[] = {0.0, 1.0, 3.0, 7.0, 15.0}, scaled[] = {0.0, -2.0, -6.0, -14.0, -30.0};
    assert_int_equal(stats_distance_spearman(&rho, x, 1, scaled, 1, 5, 100, stream("pairs"), &err), 0);
    assert_near(rho, 1.0, 1e-12);
    /* 5, 1, sqrt 20 in the plane and 1, 3, 2 on the line: ranks 3 1 2 and 1 3 2 */
    const double plane[] = {0.0, 0.0, 3.0, 4.0, 1.0, 0.0}, line[] = {0.0, 1.0, 3.0};
    assert_int_equal(stats_distance_spearman(&rho, plane, 2, line, 1, 3, 3, stream("pairs"), &err), 0);
    assert_near(rho, -1.0, 1e-12);
    /* 1 3 7 2 6 4 and 8 1 3 7 5 2: ranks 1 3 6 2 5 4 and 6 1 3 5 4 2, differences 5 2 3 3 1 2 */
    const double other[] = {0.0, 8.0, 1.0, 3.0};
    assert_int_equal(stats_distance_spearman(&rho, x, 1, other, 1, 4, 6, stream("pairs"), &err), 0);
    assert_near(rho, 1.0 - 6.0 * 52.0 / (6.0 * 35.0), 1e-12);
    /* a tie: 2 4 2 has the ranks 1.5 3 1.5, against 1 3 2 */
    const double tied[] = {0.0, 2.0, 4.0};
    assert_int_equal(stats_distance_spearman(&rho, tied, 1, line, 1, 3, 100, stream("pairs"), &err), 0);
    assert_near(rho, 1.5 / sqrt(1.5 * 2.0), 1e-12);
    const double same[] = {2.0, 2.0, 2.0};
    assert_int_equal(stats_distance_spearman(&rho, tied, 1, same, 1, 3, 100, stream("pairs"), &err), 0);
    assert_true(isnan(rho));
    assert_int_equal(stats_distance_spearman(&rho, x, 1, scaled, 1, 2, 100, stream("pairs"), &err), -1);
    assert_int_equal(stats_distance_spearman(&rho, x, 1, scaled, 1, 5, 1, stream("pairs"), &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
}

/* 3,000 random pairs of 200 points against all 19,900.  A rank correlation of m pairs has a standard error of about
 * 1/sqrt(m) at most; pairs that share a point are not independent, so that of the points, 1/sqrt(200), is the bound:
 * 5 of them. */
static void distances_of_random_pairs(void **state)
{
    (void)state;
    enum { N = 200, D = 3 };
    double *x = normals("distances", N, D), *y = normals("more distances", N, D), all, some;
    Error err = ERROR_NONE;
    for (size_t i = 0; i < N * D; i++)
        y[i] = x[i] + 0.5 * y[i];
    assert_int_equal(stats_distance_spearman(&all, x, D, y, D, N, 19900, stream("pairs"), &err), 0);
    assert_int_equal(stats_distance_spearman(&some, x, D, y, D, N, 3000, stream("pairs"), &err), 0);
    assert_true(all > 0.4 && all < 0.95);
    assert_true(some != all);
    assert_near(some, all, 5.0 / sqrt((double)N));
    free(x);
    free(y);
}

static void class_separation(void **state)
{
    (void)state;
    /* centres (1, 0), (10, 1), (1, 30), no class 2: nearest other centres at sqrt 82, sqrt 82, 30; squared radii 1 1 1 1 0 */
    const double mu[] = {0.0, 0.0, 10.0, 0.0, 2.0, 0.0, 10.0, 2.0, 1.0, 30.0};
    const int label[] = {0, 1, 0, 1, 3}, alike[] = {2, 2, 2, 2, 2}, negative[] = {0, 1, 0, -1, 1}, many[] = {0, 1, 0, 1, 5};
    double within_sd, separation;
    Error err = ERROR_NONE;
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, label, 5, 2, &err), 0);
    assert_near(within_sd, sqrt(4.0 / 10.0), 1e-12);
    assert_near(separation, (2.0 * sqrt(82.0) + 30.0) / 3.0 / sqrt(0.4), 1e-12);
    const double points[] = {1.0, 4.0, 1.0};
    assert_int_equal(stats_class_separation(&within_sd, &separation, points, label, 3, 1, &err), 0);
    assert_true(within_sd == 0.0 && isinf(separation));
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, alike, 5, 2, &err), -1);
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, negative, 5, 2, &err), -1);
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, many, 5, 2, &err), -1);
    assert_int_equal(stats_class_separation(&within_sd, &separation, mu, label, 0, 2, &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
}

/* ---- principal components ---------------------------------------------------------------------------------------- */

/* x = m + a u + b v, u and v orthogonal: two eigenvalues are the samples' variances if a and b do not covary. */
static void pca_exact(void **state)
{
    (void)state;
    enum { N = 40, D = 3 };
    const double u[D] = {2.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0}, v[D] = {1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0}, m[D] = {5.0, -2.0, 0.25};
    double x[N * D], mean[D], value[D], component[D * D];
    Error err = ERROR_NONE;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++) /* a: +-3, b: +-1, all four signs equally often */
            x[i * D + j] = m[j] + ((i & 1) != 0 ? 3.0 : -3.0) * u[j] + ((i & 2) != 0 ? 1.0 : -1.0) * v[j];
    assert_int_equal(stats_pca(mean, value, component, x, N, D, D, &err), 0);
    assert_near(value[0], 9.0 * N / (N - 1.0), 1e-12);
    assert_near(value[1], 1.0 * N / (N - 1.0), 1e-12);
    assert_near(value[2], 0.0, 1e-12);
    for (int j = 0; j < D; j++) {
        assert_near(mean[j], m[j], 1e-13);
        assert_near(component[j], u[j], 1e-12); /* its first entry of largest magnitude is positive */
        assert_near(component[D + j], v[j], 1e-12);
    }
}

/* Odd sizes: more dimensions than a tile, rows that do not fill a block; the eigenvalues add up to the total
 * variance, the components are orthonormal, and C v = lambda v by plain loops. */
static void pca_definition(void **state)
{
    (void)state;
    enum { N = 53, D = 21 };
    double *x = normals("pca", N, D), mean[D], value[D], component[D * D], total = 0.0, sum = 0.0;
    Error err = ERROR_NONE;
    for (size_t i = 0; i < N * D; i++)
        x[i] = 1000.0 + x[i] * (double)(i % D + 1);
    assert_int_equal(stats_pca(mean, value, component, x, N, D, D, &err), 0);
    for (size_t j = 0; j < D; j++) {
        for (size_t i = 0; i < N; i++)
            total += pow(x[i * D + j] - mean[j], 2.0) / (N - 1.0);
        sum += value[j];
        if (j > 0)
            assert_true(value[j] <= value[j - 1]);
    }
    assert_near(sum, total, 1e-10 * total);
    for (size_t a = 0; a < D; a++) {
        double image[D] = {0.0};
        for (size_t i = 0; i < N; i++) {
            double score = 0.0;
            for (size_t j = 0; j < D; j++)
                score += (x[i * D + j] - mean[j]) * component[a * D + j];
            for (size_t j = 0; j < D; j++)
                image[j] += score * (x[i * D + j] - mean[j]) / (N - 1.0);
        }
        for (size_t j = 0; j < D; j++)
            assert_near(image[j], value[a] * component[a * D + j], 1e-10 * value[0]);
        for (size_t b = 0; b < D; b++) {
            double dot = 0.0;
            for (size_t j = 0; j < D; j++)
                dot += component[a * D + j] * component[b * D + j];
            assert_near(dot, a == b ? 1.0 : 0.0, 1e-12);
        }
    }
    free(x);
}

/* The squared error of a reconstruction from m scores is the sum of the other eigenvalues. */
static void pca_rebuilds(void **state)
{
    (void)state;
    enum { N = 53, D = 21 };
    double *x = normals("pca", N, D), mean[D], value[D], component[D * D], code[N * D], again[N * D];
    Error err = ERROR_NONE;
    for (size_t i = 0; i < N * D; i++)
        x[i] = 7.0 + x[i] * (double)(i % D + 1);
    assert_int_equal(stats_pca(mean, value, component, x, N, D, D, &err), 0);
    for (size_t m = 0; m <= D; m += 7) {
        double discarded = 0.0;
        for (size_t j = m; j < D; j++)
            discarded += value[j] * (N - 1.0) / N / D;
        stats_pca_encode(code, x, mean, component, N, D, m);
        stats_pca_decode(again, code, mean, component, N, D, m);
        assert_near(stats_squared_error(x, again, N * D), discarded, 1e-10 * value[0]);
    }
    const double a[] = {1.0, 2.0, 3.0}, b[] = {2.0, 4.0, 3.0};
    assert_near(stats_squared_error(a, b, 3), 5.0 / 3.0, 1e-15);
    assert_true(isnan(stats_squared_error(a, b, 0)));
    free(x);
}

/* ---- arguments out of range -------------------------------------------------------------------------------------- */

static void nonsense_is_refused(void **state)
{
    (void)state;
    const double good[] = {0.1, 0.2, 0.3, 0.4}, zero[] = {1.0, 0.0, 1.0, 1.0}, nan[] = {1.0, 1.0, NAN, 1.0};
    double f = 42.0, mean[2], value[2], component[4];
    Error err = ERROR_NONE;
    NumStream s = stream("x");
    assert_int_equal(stats_hole_fraction(&f, good, zero, 2, 2, 2.0, 10, NULL, s, &err), -1);
    assert_int_equal(err.kind, ERR_RUN);
    assert_non_null(strstr(err.where, "posterior 1, dimension 2"));
    assert_int_equal(stats_hole_fraction(&f, nan, good, 2, 2, 2.0, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_fraction(&f, good, good, 0, 2, 2.0, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_fraction(&f, good, good, 2, 2, 0.0, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_fraction(&f, good, good, 2, 2, NAN, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_fraction(&f, good, good, 2, 2, 2.0, 0, NULL, s, &err), -1);
    assert_int_equal(stats_hole_density(&f, good, good, 1, 2, 0.05, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_density(&f, good, good, 2, 2, 1.0, 10, NULL, s, &err), -1);
    assert_int_equal(stats_hole_density(&f, good, zero, 2, 2, 0.05, 10, NULL, s, &err), -1);
    assert_int_equal(stats_pca(mean, value, component, good, 2, 2, 3, &err), -1);
    assert_int_equal(stats_pca(mean, value, component, good, 1, 2, 1, &err), -1);
    assert_int_equal(stats_pca(mean, value, component, good, 2, 2, 0, &err), -1);
    assert_int_equal(stats_pca(mean, value, component, nan, 2, 2, 1, &err), -1);
    assert_near(f, 42.0, 0.0); /* untouched */
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    const double mu[] = {0.1, 0.2, 0.3, 0.4}, sigma[] = {1.0, 1.0, 1.0, 1.0};
    const int label[] = {0, 1};
    double out[4], value[2], component[4];
    for (int which = 0; which < 6; which++) {
        for (long nth = 1; ; nth++) {
            Error err = ERROR_NONE;
            int status = 0;
            out[0] = -7;
            mem_fail_after(nth);
            switch (which) {
            case 0: status = stats_hole_fraction(out, mu, sigma, 2, 2, 2.0, 5, NULL, stream("x"), &err); break;
            case 1: status = stats_hole_density(out, mu, sigma, 2, 2, 0.5, 5, NULL, stream("x"), &err); break;
            case 2: status = stats_knn_agreement(out, mu, label, 2, 2, 1, &err); break;
            case 3: status = stats_distance_spearman(out, mu, 1, sigma, 1, 4, 5, stream("x"), &err); break;
            case 4: status = stats_class_separation(out, value, mu, label, 2, 2, &err); break;
            default: status = stats_pca(out, value, component, mu, 2, 2, 1, &err);
            }
            mem_fail_after(0);
            if (status == 0) {
                assert_true(nth > 2);
                break;
            }
            assert_int_equal(err.kind, ERR_MEMORY);
            assert_true(out[0] == -7); /* a failure leaves the result alone */
            assert_true(nth < 12);
        }
    }
}

/* Draws (0, 0), (2, 0), (0, 2), (2, 2): mean (1, 1), covariance 4/3 I.  At (1, 1) -log(2 pi 4/3); a step of (1, -2)
 * costs 5 / (2 * 4/3).  A point of a line of draws has no density. */
static void a_fitted_gaussian(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    const double x[] = {0, 0, 2, 0, 0, 2, 2, 2}, points[] = {1, 1, 2, -1}, line[] = {0, 0, 1, 1, 2, 2};
    double logp[2], pi = acos(-1), peak = -log(2 * pi * 4 / 3);
    assert_int_equal(stats_fitted_log_density(logp, x, 4, 2, points, 2, &err), 0);
    assert_true(fabs(logp[0] - peak) < 1e-12);
    assert_true(fabs(logp[1] - (peak - 5 * 3 / 8.0)) < 1e-12);
    assert_int_equal(stats_fitted_log_density(logp, line, 3, 2, points, 2, &err), -1);
    assert_int_equal(stats_fitted_log_density(logp, x, 2, 2, points, 2, &err), -1);
    const double skew[] = {0, 0, 1, 1, 2, 3, 4, 5}; /* correlated: against the formula with the covariance's inverse */
    double mx = 1.75, my = 2.25, a = 0, b = 0, c = 0;
    for (int i = 0; i < 4; i++) {
        a += (skew[2 * i] - mx) * (skew[2 * i] - mx) / 3;
        b += (skew[2 * i] - mx) * (skew[2 * i + 1] - my) / 3;
        c += (skew[2 * i + 1] - my) * (skew[2 * i + 1] - my) / 3;
    }
    double u = 1 - mx, v = 1 - my, det = a * c - b * b;
    assert_int_equal(stats_fitted_log_density(logp, skew, 4, 2, points, 1, &err), 0);
    assert_true(fabs(logp[0] - (-log(2 * pi) - 0.5 * log(det) - 0.5 * (c * u * u - 2 * b * u * v + a * v * v) / det)) < 1e-12);
}

int main(void)
{
    gsl_set_error_handler_off(); /* as main does; nothing here may depend on it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fitted_gaussian),
        cmocka_unit_test(students_table),
        cmocka_unit_test(intervals_without_data),
        cmocka_unit_test(paired_differences),
        cmocka_unit_test(log_mean_exp),
        cmocka_unit_test(mixing_known),
        cmocka_unit_test(normal_quantile),
        cmocka_unit_test(auc_by_hand),
        cmocka_unit_test(auc_error_is_right),
        cmocka_unit_test(hole_fraction_known),
        cmocka_unit_test(holes_of_another_prior),
        cmocka_unit_test(hole_fraction_by_definition),
        cmocka_unit_test(hole_density_of_the_prior_itself),
        cmocka_unit_test(hole_density_of_a_narrow_q),
        cmocka_unit_test(hole_density_leaves_one_out),
        cmocka_unit_test(overlap_against_the_integral),
        cmocka_unit_test(mean_overlaps),
        cmocka_unit_test(spread_and_units),
        cmocka_unit_test(neighbours),
        cmocka_unit_test(distances_in_order),
        cmocka_unit_test(distances_of_random_pairs),
        cmocka_unit_test(class_separation),
        cmocka_unit_test(pca_exact),
        cmocka_unit_test(pca_definition),
        cmocka_unit_test(pca_rebuilds),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
