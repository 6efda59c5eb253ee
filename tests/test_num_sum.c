/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_sum.c: sums run in the stated order, to the bit, on every instruction set and any number of threads;
 * log-sum-exp; totals.
 */
#include "num_help.h"

#include "num/sum.h"

enum { MAX = 120000 };
static float x[MAX], y[MAX], want[MAX];
static double wide_x[MAX], wide_y[MAX], wide_z[MAX];

static const NumShape shapes[] = {
    {{1, 1, 1}}, {{3, 5, 7}}, {{2, 3, 16}}, {{1, 1, 33}}, {{4, 70, 130}}, {{1, 100, 784}}, {{5, 200, 1}}, {{50, 1, 2}},
    {{2, 1, 15}},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* The shape with the axes of `mask` summed away. */
static NumShape without(NumShape shape, int mask)
{
    for (int axis = 0; axis < 3; axis++)
        if (mask >> axis & 1)
            shape.n[axis] = 1;
    return shape;
}

/* Values of very different size and sign, so that another order of summation gives other bits. */
static void fill_rough(uint64_t *seed, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(help_uniform(seed, -1.0, 1.0) * exp(help_uniform(seed, -6.0, 6.0)));
}

static void check_sum(NumShape shape, int mask)
{
    NumShape to = without(shape, mask);
    size_t n = num_shape_size(to);
    for (size_t i = 0; i < n; i++)
        y[i] = want[i] = (float)i * 0.3f;
    num_sum_f32(y, to, x, shape, 0.7f);
    help_sum(want, to, x, shape, 0.7f);
    help_assert_same(y, want, n);
}

static void test_sums_run_in_the_stated_order(void **state)
{
    (void)state;
    uint64_t seed = 31;
    fill_rough(&seed, MAX, x);
    HELP_EACH_ISA {
        for (int k = 0; k < SHAPES; k++)
            for (int mask = 0; mask < 8; mask++)
                check_sum(shapes[k], mask);
    }
    num_threads_set(3);
    for (int k = 0; k < SHAPES; k++)
        for (int mask = 0; mask < 8; mask++)
            check_sum(shapes[k], mask);
    num_threads_set(1);
}

/* The order matters for these values: the ascending chain along features differs.  Else the test above would prove
 * nothing. */
static void test_another_order_would_be_seen(void **state)
{
    (void)state;
    uint64_t seed = 37;
    fill_rough(&seed, 784, x);
    float chain = 0.0f;
    for (int i = 0; i < 784; i++)
        chain += x[i];
    assert_false(help_same(chain, help_lanes(784, x)));
}

static void test_sums_are_near_those_in_double(void **state)
{
    (void)state;
    uint64_t seed = 41;
    fill_rough(&seed, MAX, x);
    help_widen(MAX, wide_x, x);
    for (int k = 0; k < SHAPES; k++)
        for (int mask = 0; mask < 8; mask++) {
            NumShape to = without(shapes[k], mask);
            size_t n = num_shape_size(to);
            memset(y, 0, n * sizeof *y);
            memset(wide_y, 0, n * sizeof *wide_y);
            num_sum_f32(y, to, x, shapes[k], 0.7f);
            num_sum_f64(wide_y, to, wide_x, shapes[k], (double)0.7f);
            help_assert_near(y, wide_y, n, 1e-6, 4e4); /* 80,000 terms of size 30, chains of 500: eps * chain * total size */
        }
}

static void test_spread_is_the_gradient_of_sum(void **state)
{
    (void)state;
    uint64_t seed = 43;
    fill_rough(&seed, MAX, x);
    HELP_EACH_ISA {
        for (int k = 0; k < SHAPES; k++)
            for (int mask = 0; mask < 8; mask++) {
                NumShape from = without(shapes[k], mask);
                size_t n = num_shape_size(shapes[k]), i = 0;
                for (size_t s = 0; s < shapes[k].n[0]; s++)
                    for (size_t b = 0; b < shapes[k].n[1]; b++)
                        for (size_t f = 0; f < shapes[k].n[2]; f++, i++) {
                            y[i] = (float)i;
                            want[i] = fmaf(-1.3f, x[num_shape_index(from, s, b, f)], y[i]);
                        }
                num_broadcast_add_f32(y, shapes[k], x, from, -1.3f);
                help_assert_same(y, want, n);
                help_widen(n, wide_x, x);
                for (i = 0; i < n; i++)
                    wide_y[i] = (double)i;
                num_broadcast_add_f64(wide_y, shapes[k], wide_x, from, (double)-1.3f);
                help_assert_near(y, wide_y, n, 1e-6, 100.0);
            }
    }
}

/* ---- log sum exp ------------------------------------------------------------------------------------------------- */

static void test_logsumexp_is_near_that_in_double(void **state)
{
    (void)state;
    uint64_t seed = 47;
    for (int k = 0; k < SHAPES; k++)
        for (int axis = 0; axis < 3; axis++) {
            NumShape to = without(shapes[k], 1 << axis);
            size_t n = num_shape_size(shapes[k]), m = num_shape_size(to);
            help_fill(&seed, n, x, -120.0, 40.0);
            help_widen(n, wide_x, x);
            num_logsumexp_f64(wide_y, (NumAxis)axis, wide_x, shapes[k]);
            num_logsumexp_f32(want, (NumAxis)axis, x, shapes[k]);
            help_assert_near(want, wide_y, m, 2e-7, 2.0);
            HELP_EACH_ISA {
                num_logsumexp_f32(y, (NumAxis)axis, x, shapes[k]);
                help_assert_same(y, want, m);
            }
            num_threads_set(3);
            num_logsumexp_f32(y, (NumAxis)axis, x, shapes[k]);
            num_threads_set(1);
            help_assert_same(y, want, m);
        }
}

static void test_logsumexp_special_values(void **state)
{
    (void)state;
    const float inf = INFINITY;
    const struct {
        float x[3], y;
    } cases[] = {
        {{-inf, -inf, -inf}, -inf}, {{1.0f, inf, -inf}, inf}, {{NAN, 1.0f, 2.0f}, NAN}, {{1.0f, NAN, inf}, NAN},
        {{-inf, 2.5f, -inf}, 2.5f},
        {{3e38f, -3e38f, 0.0f}, 3e38f}, {{-2e4f, -2e4f, -inf}, -19999.307f}, {{2e4f, 2e4f, 2e4f}, 20001.0986f},
    };
    HELP_EACH_ISA {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            for (int axis = 0; axis < 3; axis++) {
                NumShape shape = {{1, 1, 1}};
                float got;
                shape.n[axis] = 3;
                num_logsumexp_f32(&got, (NumAxis)axis, cases[i].x, shape);
                help_assert_same(&got, &cases[i].y, 1);
            }
    }
    /* where all inputs are -inf the gradient is 0, not NaN */
    float dx[3] = {1.0f, 1.0f, 1.0f}, dy = 2.0f;
    num_logsumexp_back_f32(dx, NUM_FEATURES, &dy, cases[0].x, &cases[0].y, (NumShape){{1, 1, 3}});
    assert_true(dx[0] == 1.0f && dx[1] == 1.0f && dx[2] == 1.0f);
}

static void test_logsumexp_gradient(void **state)
{
    (void)state;
    const NumShape shape = {{3, 5, 7}};
    const double h = 1e-6;
    uint64_t seed = 53;
    for (int axis = 0; axis < 3; axis++) {
        NumShape to = without(shape, 1 << axis);
        size_t n = num_shape_size(shape), m = num_shape_size(to);
        float dy[105], dx[105];
        double wide_dy[105], wide_dx[105] = {0};
        help_fill(&seed, n, x, -3.0, 3.0);
        help_fill(&seed, m, dy, -1.0, 1.0);
        help_widen(n, wide_x, x);
        help_widen(m, wide_dy, dy);
        num_logsumexp_f64(wide_y, (NumAxis)axis, wide_x, shape);
        num_logsumexp_back_f64(wide_dx, (NumAxis)axis, wide_dy, wide_x, wide_y, shape);
        for (size_t i = 0; i < n; i++) {
            double slope = 0.0, kept = wide_x[i];
            for (int side = -1; side <= 1; side += 2) {
                wide_x[i] = kept + side * h;
                num_logsumexp_f64(wide_z, (NumAxis)axis, wide_x, shape);
                for (size_t j = 0; j < m; j++)
                    slope += side * wide_dy[j] * wide_z[j] / (2.0 * h);
            }
            wide_x[i] = kept;
            assert_true(fabs(slope - wide_dx[i]) < 1e-8);
        }
        num_logsumexp_f32(y, (NumAxis)axis, x, shape);
        float first[105];
        int best = 1;
        HELP_EACH_ISA {
            memset(dx, 0, sizeof dx);
            num_logsumexp_back_f32(dx, (NumAxis)axis, dy, x, y, shape);
            help_assert_near(dx, wide_dx, n, 1e-6, 0.1);
            if (best)
                memcpy(first, dx, sizeof dx);
            help_assert_same(dx, first, n);
            best = 0;
        }
    }
}

/* ---- totals ------------------------------------------------------------------------------------------------------ */

static void test_totals(void **state)
{
    (void)state;
    uint64_t seed = 59;
    fill_rough(&seed, 1003, x);
    x[500] = 3e38f; /* its square exceeds the floats, not the doubles */
    for (size_t n = 0; n <= 1003; n += 59) {
        double lane[2][16] = {{0.0}};
        for (size_t i = 0; i < n; i++) {
            lane[0][i % 16] += (double)x[i];
            lane[1][i % 16] += (double)x[i] * (double)x[i];
        }
        for (int half = 8; half > 0; half /= 2)
            for (int l = 0; l < half; l++) {
                lane[0][l] += lane[0][l + half];
                lane[1][l] += lane[1][l + half];
            }
        HELP_EACH_ISA {
            assert_true(num_total_f32(n, x) == lane[0][0]);
            assert_true(num_sum_squares_f32(n, x) == lane[1][0]);
        }
    }
    help_widen(1003, wide_x, x);
    assert_true(fabs(num_total_f64(1003, wide_x) / num_total_f32(1003, x) - 1.0) < 1e-14);
}

static void test_the_first_nonfinite_value_is_found(void **state)
{
    (void)state;
    const float bad[] = {INFINITY, -INFINITY, NAN};
    enum { N = 1100 };
    for (int i = 0; i < N; i++)
        x[i] = i % 3 == 0 ? 0x1.fffffep127f : i % 3 == 1 ? -0x1p-149f : -0.0f;
    HELP_EACH_ISA {
        for (size_t n = 0; n <= N; n += 100)
            assert_int_equal(num_first_nonfinite_f32(n, x), n);
        for (int at = 0; at < N; at += 37)
            for (int k = 0; k < 3; k++) {
                float kept = x[at], last = x[N - 1];
                x[at] = bad[k];
                x[N - 1] = NAN;
                help_widen(N, wide_x, x);
                assert_int_equal(num_first_nonfinite_f32(N, x), at);
                assert_int_equal(num_first_nonfinite_f64(N, wide_x), at);
                x[N - 1] = last;
                x[at] = kept;
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_run_in_the_stated_order),
        cmocka_unit_test(test_another_order_would_be_seen),
        cmocka_unit_test(test_sums_are_near_those_in_double),
        cmocka_unit_test(test_spread_is_the_gradient_of_sum),
        cmocka_unit_test(test_logsumexp_is_near_that_in_double),
        cmocka_unit_test(test_logsumexp_special_values),
        cmocka_unit_test(test_logsumexp_gradient),
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_the_first_nonfinite_value_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
