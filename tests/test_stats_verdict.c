/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_stats_verdict.c: intervals on a scale, shares, verdicts on bands, the number of seeds that decides, Holm.
 */
#include "stats/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not within %g of %.12g", a, tolerance, b);
}

#define SAMPLE(x, ...) (&(const StatsSample){.value = (x), .n = sizeof(x) / sizeof *(x), __VA_ARGS__})

/* ---- intervals --------------------------------------------------------------------------------------------------- */

static void test_the_linear_interval_is_students(void **state)
{
    const double x[] = {1, 2, 4, 8.5};
    StatsInterval a = stats_sample_interval(SAMPLE(x, .scale = STATS_LINEAR), 0.9), b = stats_interval(x, 4, 0.9);
    (void)state;
    near(a.mean, b.mean, 1e-15);
    near(a.low, b.low, 1e-12);
    near(a.high, b.high, 1e-12);
    near(a.sd, b.sd, 1e-15);
}

/* t = 4.302653 for 2 degrees of freedom: the half width is t / sqrt(3) on the scale */
static void test_a_positive_quantity_on_the_log_scale(void **state)
{
    const double x[] = {1, exp(1), exp(2)}, half = 4.3026527297 / sqrt(3);
    StatsInterval r = stats_sample_interval(SAMPLE(x, .scale = STATS_LOG), 0.95);
    (void)state;
    near(r.mean, exp(1), 1e-12);
    near(r.low, exp(1 - half), 1e-9);
    near(r.high, exp(1 + half), 1e-7);
}

static void test_no_interval_leaves_the_range(void **state)
{
    const double zero[] = {0, 0.5, 4}, tiny[] = {1e-35, 0, 1e-160}, wide[] = {0.01, 0.9, 0.97};
    (void)state;
    StatsInterval r = stats_sample_interval(SAMPLE(zero, .scale = STATS_LOG), 0.95); /* linear, cut */
    near(r.mean, 1.5, 1e-15);
    assert_true(r.low == 0 && r.high > 4);
    r = stats_sample_interval(SAMPLE(tiny, .scale = STATS_LOGIT), 0.95); /* they all count as 1e-12 */
    assert_true(r.low >= 0 && r.high <= 1e-11);
    assert_int_equal(stats_verdict(SAMPLE(tiny, .scale = STATS_LOGIT), NAN, 1e-3, 0.95).kind, STATS_HOLDS);
    r = stats_sample_interval(SAMPLE(wide, .scale = STATS_LOGIT), 0.95);
    assert_true(r.low > 0 && r.high < 1 && r.low < 0.01);
}

static void test_one_number_has_no_interval_and_decides_nothing(void **state)
{
    const double x[] = {7};
    StatsInterval r = stats_sample_interval(SAMPLE(x, .scale = STATS_LINEAR), 0.95);
    (void)state;
    assert_true(r.mean == 7 && isnan(r.low) && isnan(r.high));
    StatsVerdict v = stats_verdict(SAMPLE(x, .scale = STATS_LINEAR), 6, 8, 0.95);
    assert_true(v.kind == STATS_UNDECIDED && isnan(v.p) && v.seeds == 0);
    assert_true(isnan(stats_sample_interval(&(StatsSample){.value = x, .n = 0}, 0.95).mean));
}

/* Clopper and Pearson: 0 of 30 has the upper end 1 - 0.025^(1/30), all of 30 the lower end 0.025^(1/30). */
static void test_shares_of_counted_trials(void **state)
{
    const double none[] = {0, 0, 0}, all[] = {1, 1, 1}, some[] = {0.3, 0.3, 0.3}, trials[] = {10, 10, 10};
    (void)state;
    StatsInterval r = stats_sample_interval(SAMPLE(none, .scale = STATS_LOGIT, .trials = trials), 0.95);
    assert_true(r.low == 0);
    near(r.high, 1 - pow(0.025, 1.0 / 30), 1e-9);
    r = stats_sample_interval(SAMPLE(all, .scale = STATS_LOGIT, .trials = trials), 0.95);
    assert_true(r.high == 1);
    near(r.low, pow(0.025, 1.0 / 30), 1e-9);
    r = stats_sample_interval(SAMPLE(some, .scale = STATS_LOGIT, .trials = trials), 0.95); /* binom.test(9, 30) of R */
    near(r.low, 0.1473452, 1e-6);
    near(r.high, 0.4939590, 1e-6);
    /* P(0 of 30 | 0.1) = 0.9^30 = 0.0424, two-sided 0.085; at 0.12 it is 0.0216 and decides */
    StatsVerdict v = stats_verdict(SAMPLE(none, .scale = STATS_LOGIT, .trials = trials), NAN, 0.1, 0.95);
    assert_int_equal(v.kind, STATS_UNDECIDED);
    near(v.p, 2 * pow(0.9, 30), 1e-9);
    assert_int_equal(stats_verdict(SAMPLE(none, .scale = STATS_LOGIT, .trials = trials), NAN, 0.12, 0.95).kind, STATS_HOLDS);
}

/* An event in each of n seeds: power of at least one half is shown by 6 of 6, P = 2^-6, and not by 5 of 5. */
static void test_events_are_counted(void **state)
{
    const double yes[] = {1, 1, 1, 1, 1, 1}, mixed[] = {1, 1, 0, 1, 1, 1}, one[] = {1, 1, 1, 1, 1, 1};
    const StatsSample six = {.value = yes, .n = 6, .trials = one, .scale = STATS_LOGIT};
    const StatsSample five = {.value = yes, .n = 5, .trials = one, .scale = STATS_LOGIT};
    const StatsSample most = {.value = mixed, .n = 6, .trials = one, .scale = STATS_LOGIT};
    StatsVerdict v = stats_verdict(&six, 0.5, NAN, 0.95);
    StatsInterval r = stats_sample_interval(&most, 0.95);
    (void)state;
    assert_int_equal(v.kind, STATS_HOLDS);
    near(v.p, 1.0 / 32, 1e-12);
    assert_int_equal(stats_verdict(&five, 0.5, NAN, 0.95).kind, STATS_UNDECIDED);
    assert_int_equal(stats_verdict(&most, 0.5, NAN, 0.95).kind, STATS_UNDECIDED);
    near(r.mean, 5.0 / 6, 1e-12); /* binom.test(5, 6) of R */
    near(r.low, 0.3587654, 1e-6);
    near(r.high, 0.9957893, 1e-6);
}

/* One test set for all seeds: its error does not shrink with their number.  df = (a + b)^2 / (a^2 / 2), a = 1/3, b = 4. */
static void test_an_error_that_all_seeds_share(void **state)
{
    const double x[] = {1, 2, 3};
    StatsInterval r = stats_sample_interval(SAMPLE(x, .scale = STATS_LINEAR, .shared_se = 2), 0.95);
    (void)state;
    /* 338 degrees of freedom: t = 1.967007 */
    near((r.high - r.low) / 2, 1.967007 * sqrt(1.0 / 3 + 4), 1e-4);
    StatsVerdict v = stats_verdict(SAMPLE(x, .scale = STATS_LINEAR, .shared_se = 2), 1.9, NAN, 0.95);
    assert_true(v.kind == STATS_UNDECIDED && v.seeds == 0); /* no number of seeds decides */
}

/* Student's sleep data (R: t.test(extra ~ group)): t = -1.8608, df = 17.776, p = 0.07939, interval -3.3655 to 0.2055. */
static void test_two_samples_by_welch(void **state)
{
    const double a[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
                 b[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    const StatsSample s = {.value = a, .n = 10, .other = b, .others = 10};
    StatsInterval r = stats_sample_interval(&s, 0.95);
    (void)state;
    near(r.mean, -1.58, 1e-12);
    near(r.low, -3.3654832, 1e-6);
    near(r.high, 0.2054832, 1e-6);
    StatsVerdict v = stats_verdict(&s, 0, NAN, 0.95); /* "at least 0": p of the two-sided test */
    assert_int_equal(v.kind, STATS_UNDECIDED);
    near(v.p, 0.07939, 1e-5);
    assert_int_equal(stats_verdict(&s, -4, 4, 0.95).kind, STATS_HOLDS);
    assert_int_equal(stats_verdict(&s, 0.5, NAN, 0.95).kind, STATS_REFUTED);
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

/* 1, 2, 3: the interval is 2 ± 2.484 */
static void test_a_verdict_is_where_the_interval_lies(void **state)
{
    const double x[] = {1, 2, 3};
    const struct { double low, high; StatsVerdictKind kind; } cases[] = {
        {-0.49, NAN, STATS_HOLDS}, {-0.48, NAN, STATS_UNDECIDED}, {NAN, 4.49, STATS_HOLDS}, {NAN, 4.48, STATS_UNDECIDED},
        {-0.49, 4.49, STATS_HOLDS}, {-0.49, 4.48, STATS_UNDECIDED}, {4.49, NAN, STATS_REFUTED},
        {4.48, NAN, STATS_UNDECIDED}, {NAN, -0.49, STATS_REFUTED}, {NAN, -0.48, STATS_UNDECIDED},
        {4.49, 9, STATS_REFUTED}, {1.9, 2.1, STATS_UNDECIDED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        StatsVerdict v = stats_verdict(SAMPLE(x, .scale = STATS_LINEAR), cases[i].low, cases[i].high, 0.95);
        if (v.kind != cases[i].kind)
            fail_msg("case %zu: %s", i, stats_verdicts[v.kind]);
        assert_true((v.p <= 0.05) == (v.kind != STATS_UNDECIDED));
    }
}

static void test_equal_values_have_no_error(void **state)
{
    const double x[] = {0.1, 0.1, 0.1};
    StatsVerdict v = stats_verdict(SAMPLE(x, .scale = STATS_LOG), 0.1, NAN, 0.95);
    (void)state;
    assert_true(v.kind == STATS_HOLDS && isnan(v.p));
    assert_int_equal(stats_verdict(SAMPLE(x, .scale = STATS_LOG), 0.11, NAN, 0.95).kind, STATS_REFUTED);
}

static void test_values_that_are_not_finite_decide_nothing(void **state)
{
    const double x[] = {1, INFINITY, 3};
    (void)state;
    assert_int_equal(stats_verdict(SAMPLE(x, .scale = STATS_LINEAR), NAN, 5, 0.95).kind, STATS_UNDECIDED);
}

/* `n` normal numbers of a mean and standard deviation 1, of repetition r. */
static void draw(double *x, size_t n, double mean, uint64_t r)
{
    float z[64];
    num_stream_normal(num_stream(1, "verdicts"), r, 0, n, 1, z);
    for (size_t i = 0; i < n; i++)
        x[i] = mean + (double)z[i];
}

/* Seed 1, 4,000 repetitions: five standard errors of a share of 0.025 are 0.0125. */
static void test_a_false_verdict_is_as_rare_as_said(void **state)
{
    enum { REPETITIONS = 4000, N = 4 };
    double x[N];
    int held = 0;
    (void)state;
    for (uint64_t r = 0; r < REPETITIONS; r++) {
        draw(x, N, 0, r);
        held += stats_verdict(SAMPLE(x, .scale = STATS_LINEAR), 0, NAN, 0.95).kind == STATS_HOLDS;
    }
    near(held / (double)REPETITIONS, 0.025, 0.0125);
}

/* The mean is one standard deviation above the edge.  Of four numbers with just that mean and deviation about 10 seeds are
 * said to decide; so many decide in 0.8 of 2,000 repetitions (five standard errors: 0.045; the approximation that the
 * noncentral t is a shifted t adds 0.03). */
static void test_the_number_of_seeds_decides_as_often_as_said(void **state)
{
    enum { REPETITIONS = 2000 };
    const double a = sqrt(0.75), four[] = {1 - a, 1 - a, 1 + a, 1 + a};
    StatsVerdict v = stats_verdict(SAMPLE(four, .scale = STATS_LINEAR), 0, NAN, 0.95);
    double x[64];
    int held = 0;
    (void)state;
    assert_int_equal(v.kind, STATS_UNDECIDED);
    assert_in_range(v.seeds, 9, 12);
    for (uint64_t r = 0; r < REPETITIONS; r++) {
        draw(x, v.seeds, 1, r);
        held += stats_verdict(&(StatsSample){.value = x, .n = v.seeds}, 0, NAN, 0.95).kind == STATS_HOLDS;
    }
    near(held / (double)REPETITIONS, 0.8, 0.075);
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

static void test_holm(void **state)
{
    const double p[] = {0.01, 0.04, 0.03, 0.005};
    int kept[4];
    size_t order[4];
    (void)state;
    stats_holm(kept, p, 4, 0.05, order); /* 0.005 <= 0.05/4, 0.01 <= 0.05/3, 0.03 > 0.05/2 */
    assert_true(kept[0] && !kept[1] && !kept[2] && kept[3]);
    stats_holm(kept, p, 2, 0.05, order);
    assert_true(kept[0] && kept[1]);
    stats_holm(kept, p, 0, 0.05, order);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(stats_scale("logit"), STATS_LOGIT);
    assert_int_equal(stats_scale(NULL), STATS_LINEAR);
    assert_int_equal(stats_scale("cubic"), STATS_LINEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_linear_interval_is_students),
        cmocka_unit_test(test_a_positive_quantity_on_the_log_scale),
        cmocka_unit_test(test_no_interval_leaves_the_range),
        cmocka_unit_test(test_one_number_has_no_interval_and_decides_nothing),
        cmocka_unit_test(test_shares_of_counted_trials),
        cmocka_unit_test(test_events_are_counted),
        cmocka_unit_test(test_an_error_that_all_seeds_share),
        cmocka_unit_test(test_two_samples_by_welch),
        cmocka_unit_test(test_a_verdict_is_where_the_interval_lies),
        cmocka_unit_test(test_equal_values_have_no_error),
        cmocka_unit_test(test_values_that_are_not_finite_decide_nothing),
        cmocka_unit_test(test_a_false_verdict_is_as_rare_as_said),
        cmocka_unit_test(test_the_number_of_seeds_decides_as_often_as_said),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
