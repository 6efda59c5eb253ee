/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_log_sum.c: log sum exp of blocks against long double, on every instruction set, which agree to the
 * bit.
 */
#include "num/isa.h"
#include "num/log_sum.h"
#include "num/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 1000 };

/* Terms from N(centre, scale^2), with a fixed seed. */
static void fill(double *term, size_t n, double centre, double scale)
{
    float x[MOST];
    num_stream_normal(num_stream(20260103, "log_sum"), 0, 0, 1, n, x);
    for (size_t i = 0; i < n; i++)
        term[i] = centre + scale * (double)x[i];
}

static double by_definition(const double *term, size_t n)
{
    long double most = -INFINITY, sum = 0.0L;
    for (size_t i = 0; i < n; i++)
        most = term[i] > most ? (long double)term[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += expl((long double)term[i] - most);
    return (double)(most + logl(sum));
}

static double found(const double *term, size_t n)
{
    NumLogSum s = num_log_sum_none();
    num_log_sum_add(&s, n / 3, term); /* in two parts; neither is a whole number of blocks */
    num_log_sum_add(&s, n - n / 3, term + n / 3);
    return num_log_sum(s);
}

static void against_long_double(void **state)
{
    (void)state;
    const double centre[] = {0.0, 1e4, -1e4, -50.0}, scale[] = {0.0, 0.1, 3.0, 40.0, 1000.0};
    const size_t size[] = {1, 3, 63, 64, 65, 200, 1000};
    double term[MOST];
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++) {
        Error err = ERROR_NONE;
        assert_int_equal(num_isa_choose(*isa, &err), 0);
        for (size_t c = 0; c < 4; c++)
            for (size_t w = 0; w < 5; w++)
                for (size_t k = 0; k < 7; k++) {
                    fill(term, size[k], centre[c], scale[w]);
                    double want = by_definition(term, size[k]), have = found(term, size[k]);
                    if (!(fabs(have - want) <= 1e-15 * (1.0 + fabs(want)) + 1e-15))
                        fail_msg("%s, %zu terms from N(%g, %g^2): %.17g, expected %.17g", *isa, size[k], centre[c], scale[w], have, want);
                }
    }
}

/* The exponential over its whole range: two terms, exp(0) + exp(x), x from 0 to -36. */
static void one_exponential(void **state)
{
    (void)state;
    for (double x = 0.0; x > -36.0; x -= 0.0137) {
        NumLogSum s = num_log_sum_none();
        num_log_sum_add(&s, 2, (const double[]){0.0, x});
        double e = s.sum - 1.0, want = (double)expl((long double)x);
        assert_true(fabs(e - want) <= 3e-16 * want + 2.3e-16);
        num_log_sum_add(&s, 1, (const double[]){40.0}); /* a larger term, which rescales the sum so far */
        assert_true(fabs(num_log_sum(s) - (double)(40.0L + log1pl(expl(-40.0L) * (1.0L + expl((long double)x))))) <= 1e-14);
    }
}

static void nothing_adds_nothing(void **state)
{
    (void)state;
    NumLogSum s = num_log_sum_none();
    double none[70];
    for (int i = 0; i < 70; i++)
        none[i] = -INFINITY;
    assert_true(num_log_sum(s) == -INFINITY);
    num_log_sum_add(&s, 70, none);
    num_log_sum_add(&s, 0, none);
    assert_true(num_log_sum(s) == -INFINITY);
    none[66] = -1e300;
    num_log_sum_add(&s, 70, none);
    assert_true(num_log_sum(s) == -1e300);
    none[3] = 2.0;
    num_log_sum_add(&s, 70, none);
    assert_true(num_log_sum(s) == 2.0);
}

static void normal_terms(void **state)
{
    (void)state;
    double mu[NUM_LOG_SUM_BLOCK], inverse[NUM_LOG_SUM_BLOCK], log_inverse[NUM_LOG_SUM_BLOCK], term[NUM_LOG_SUM_BLOCK], joint[NUM_LOG_SUM_BLOCK];
    fill(mu, NUM_LOG_SUM_BLOCK, 0.3, 2.0);
    fill(log_inverse, NUM_LOG_SUM_BLOCK, 0.5, 1.0);
    for (int i = 0; i < NUM_LOG_SUM_BLOCK; i++) {
        inverse[i] = exp(log_inverse[i]);
        joint[i] = 7.0;
    }
    num_log_sum_normal(term, joint, 1.25, mu, inverse, log_inverse);
    for (int i = 0; i < NUM_LOG_SUM_BLOCK; i++) {
        double t = (1.25 - mu[i]) * inverse[i];
        assert_true(term[i] == log_inverse[i] - 0.5 * t * t && joint[i] == 7.0 + term[i]);
    }
}

static void the_same_bits_everywhere(void **state)
{
    (void)state;
    double term[MOST], first = 0.0;
    const char *const *names = num_isa_available();
    fill(term, MOST, -3.0, 25.0);
    for (size_t k = 0; names[k] != NULL; k++) {
        Error err = ERROR_NONE;
        assert_int_equal(num_isa_choose(names[k], &err), 0);
        double value = found(term, MOST);
        if (k == 0)
            first = value;
        assert_memory_equal(&value, &first, sizeof value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_long_double),
        cmocka_unit_test(one_exponential),
        cmocka_unit_test(nothing_adds_nothing),
        cmocka_unit_test(normal_terms),
        cmocka_unit_test(the_same_bits_everywhere),
    };
    return cmocka_run_group_tests_name("log_sum", tests, NULL, NULL);
}
