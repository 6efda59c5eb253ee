/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_step.c: the optimisers' updates: to the bit as num/isa/step.c states them, near the papers'
 * formulas in double over many steps, on every instruction set and any number of threads.
 */
#include "num_help.h"

#include "num/step.h"

#include <stdlib.h>

enum { N = 40003 }; /* more than one chunk, and no multiple of a register */
static float w[N], g[N], m[N], s[N], want_w[N], want_m[N], want_s[N];

typedef enum { SGD, ADAGRAD, RMSPROP, ADAM, KINDS } Kind;

static const float rate = 0.0123f, momentum = 0.9f, decay = 0.95f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;

/* The bias corrections of Adam at step t, as the caller computes them. */
static float rate_at(int t)
{
    return (float)((double)rate / (1.0 - pow((double)beta1, t)));
}

static float inv_sqrt_c2_at(int t)
{
    return (float)(1.0 / sqrt(1.0 - pow((double)beta2, t)));
}

static void step(Kind kind, size_t n, int t)
{
    switch (kind) {
    case SGD: num_step_sgd(n, w, g, m, rate, momentum); break;
    case ADAGRAD: num_step_adagrad(n, w, g, s, rate, epsilon); break;
    case RMSPROP: num_step_rmsprop(n, w, g, s, rate, decay, epsilon); break;
    default: num_step_adam(n, w, g, m, s, rate_at(t), beta1, beta2, inv_sqrt_c2_at(t), epsilon);
    }
}

static void expected_step(Kind kind, size_t i, int t)
{
    float *to = &want_w[i];
    switch (kind) {
    case SGD:
        want_m[i] = fmaf(momentum, want_m[i], g[i]);
        *to = fmaf(-rate, want_m[i], *to);
        break;
    case ADAGRAD:
        want_s[i] = fmaf(g[i], g[i], want_s[i]);
        *to = *to - rate * g[i] / (sqrtf(want_s[i]) + epsilon);
        break;
    case RMSPROP:
        want_s[i] = fmaf(decay, want_s[i], (1.0f - decay) * g[i] * g[i]);
        *to = *to - rate * g[i] / (sqrtf(want_s[i]) + epsilon);
        break;
    default:
        want_m[i] = fmaf(beta1, want_m[i], (1.0f - beta1) * g[i]);
        want_s[i] = fmaf(beta2, want_s[i], (1.0f - beta2) * g[i] * g[i]);
        *to = *to - rate_at(t) * want_m[i] / fmaf(sqrtf(want_s[i]), inv_sqrt_c2_at(t), epsilon);
    }
}

static void start(uint64_t seed)
{
    help_fill(&seed, N, w, -1.0, 1.0);
    memset(m, 0, sizeof m);
    memset(s, 0, sizeof s);
    memcpy(want_w, w, sizeof w);
    memset(want_m, 0, sizeof m);
    memset(want_s, 0, sizeof s);
}

static void check(Kind kind, size_t n)
{
    uint64_t seed = 127;
    start(seed);
    for (int t = 1; t <= 3; t++) {
        help_fill(&seed, N, g, -0.5, 0.5);
        step(kind, n, t);
        for (size_t i = 0; i < n; i++)
            expected_step(kind, i, t);
    }
    help_assert_same(w, want_w, N); /* nothing beyond n has changed */
    help_assert_same(m, want_m, N);
    help_assert_same(s, want_s, N);
}

static void test_steps_to_the_bit(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        HELP_EACH_ISA {
            check((Kind)kind, 1);
            check((Kind)kind, 37);
            check((Kind)kind, 8192 + 17);
        }
        num_threads_set(3);
        check((Kind)kind, N);
        num_threads_set(1);
    }
}

/* 200 steps in double by the formulas of num/step.h. */
static void test_steps_follow_the_formulas(void **state)
{
    (void)state;
    enum { FEW = 50, STEPS = 200 };
    for (int kind = 0; kind < KINDS; kind++) {
        double ww[FEW], mm[FEW] = {0}, ss[FEW] = {0};
        uint64_t seed = 131;
        start(seed);
        help_widen(FEW, ww, w);
        for (int t = 1; t <= STEPS; t++) {
            help_fill(&seed, FEW, g, -0.5, 0.7);
            step((Kind)kind, FEW, t);
            for (int i = 0; i < FEW; i++) {
                double d = (double)g[i], a = (double)rate, b1 = (double)beta1, b2 = (double)beta2, k = (double)decay;
                if (kind == SGD) {
                    mm[i] = (double)momentum * mm[i] + d;
                    ww[i] -= a * mm[i];
                } else if (kind == ADAGRAD) {
                    ss[i] += d * d;
                    ww[i] -= a * d / (sqrt(ss[i]) + (double)epsilon);
                } else if (kind == RMSPROP) {
                    ss[i] = k * ss[i] + (1.0 - k) * d * d;
                    ww[i] -= a * d / (sqrt(ss[i]) + (double)epsilon);
                } else { /* Kingma and Ba 2015, algorithm 1, with the bias corrections at their original place */
                    mm[i] = b1 * mm[i] + (1.0 - b1) * d;
                    ss[i] = b2 * ss[i] + (1.0 - b2) * d * d;
                    ww[i] -= a * (mm[i] / (1.0 - pow(b1, t))) / (sqrt(ss[i] / (1.0 - pow(b2, t))) + (double)epsilon);
                }
            }
        }
        help_assert_near(w, ww, FEW, 1e-5, 1.0); /* 200 roundings of weights near 1 */
    }
}

static void test_scale(void **state)
{
    (void)state;
    HELP_EACH_ISA {
        start(137);
        num_scale(N - 5, w, 0.37f);
        for (size_t i = 0; i < N; i++)
            assert_true(w[i] == (i < N - 5 ? want_w[i] * 0.37f : want_w[i]));
    }
}

/* A gradient of 0 from the first step on moves no weight and gives no NaN. */
static void test_no_gradient_no_step(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        start(139);
        memset(g, 0, sizeof g);
        step((Kind)kind, N, 1);
        help_assert_same(w, want_w, N);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_to_the_bit),
        cmocka_unit_test(test_steps_follow_the_formulas),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_no_gradient_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
