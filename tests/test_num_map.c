/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_map.c: functions of one variable: error against long double, special values, the same bits from every
 * instruction set, gradients.  VAE_LAB_EXHAUSTIVE=1 walks all 2^32 inputs (minutes).
 */
#define NUM_VARIANT test
#include "num/isa/scalar.h"

#include "num_help.h"

#include "base/digest.h"
#include "num/map.h"

#include <stdlib.h>

enum { CHUNK = 4096 };

static long double neg(long double x) { return -x; }
static long double sigmoid(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }
static long double softplus(long double x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }
static long double relu(long double x) { return x > 0 ? x : 0; }
static long double square(long double x) { return x * x; }
static long double reciprocal(long double x) { return 1 / x; }

/* The scalar definitions, compiled once more here, where no vector instruction set is asked for. */
static float neg1(float x) { return -x; }
static float sqrt1(float x) { return sqrtf(x); }
static float square1(float x) { return x * x; }
static float reciprocal1(float x) { return 1.0f / x; }

/* The largest error in ulp, measured on every 61st of the 2^32 inputs and rounded up; VAE_LAB_EXHAUSTIVE=1 walks all. */
static const struct {
    NumMap f;
    const char *name;
    float (*scalar)(float);
    long double (*exact)(long double);
    double ulp;
} functions[] = {
    {NUM_NEG, "neg", neg1, neg, 0.0},
    {NUM_EXP, "exp", num_exp1, expl, 1.02},
    {NUM_LOG, "log", num_log1, logl, 0.95},
    {NUM_LOG1P, "log1p", num_log1p1, log1pl, 1.5},
    {NUM_TANH, "tanh", num_tanh1, tanhl, 1.45},
    {NUM_SIGMOID, "sigmoid", num_sigmoid1, sigmoid, 1.65},
    {NUM_SOFTPLUS, "softplus", num_softplus1, softplus, 1.9},
    {NUM_RELU, "relu", num_relu1, relu, 0.0},
    {NUM_SQRT, "sqrt", sqrt1, sqrtl, 0.5},
    {NUM_SQUARE, "square", square1, square, 0.5},
    {NUM_RECIPROCAL, "reciprocal", reciprocal1, reciprocal, 0.5},
    {NUM_ABS, "abs", num_abs1, fabsl, 0.0},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static uint64_t input_step(uint64_t sampled)
{
    return getenv("VAE_LAB_EXHAUSTIVE") != NULL ? 1 : sampled;
}

/* The next inputs of a walk through all bit patterns: every sign, exponent, infinities and NaNs. */
static size_t next_inputs(uint64_t *bits, uint64_t step, float *x)
{
    size_t n = 0;
    for (; n < CHUNK && *bits < UINT64_C(1) << 32; n++, *bits += step)
        x[n] = help_float((uint32_t)*bits);
    return n;
}

static void test_error_is_at_most_2_ulp(void **state)
{
    (void)state;
    float x[CHUNK], y[CHUNK];
    for (int k = 0; k < FUNCTIONS; k++) {
        double worst = 0.0;
        float at = 0.0f;
        uint64_t bits = 0, step = input_step(16381); /* 262,000 inputs; prime, so that all low bits appear */
        for (size_t n; (n = next_inputs(&bits, step, x)) > 0;) {
            num_map_f32(functions[k].f, n, y, x);
            for (size_t i = 0; i < n; i++) {
                long double exact = functions[k].exact((long double)x[i]);
                if (x[i] != x[i] || exact != exact) {
                    assert_true(y[i] != y[i]);
                    continue;
                }
                double ulp = isinf(exact) ? (y[i] == (float)exact ? 0.0 : INFINITY) : help_ulp(y[i], exact);
                if (!(ulp <= worst)) {
                    worst = ulp;
                    at = x[i];
                }
            }
        }
        if (!(worst <= functions[k].ulp))
            fail_msg("%s(%a) is wrong by %.3f ulp, expected at most %.2f", functions[k].name, (double)at, worst,
                     functions[k].ulp);
        assert_true(functions[k].ulp <= 2.0);
        if (getenv("VAE_LAB_EXHAUSTIVE") != NULL)
            print_message("%s: at most %.4f ulp, at %a\n", functions[k].name, worst, (double)at);
    }
}

/* One scalar definition: vectors of every width equal it, at every place in the array. */
static void test_instruction_sets_agree_to_the_bit(void **state)
{
    (void)state;
    float x[CHUNK], y[CHUNK];
    HELP_EACH_ISA {
        for (int k = 0; k < FUNCTIONS; k++) {
            uint64_t bits = 0, step = input_step(32771);
            for (size_t n; (n = next_inputs(&bits, step, x)) > 0;) {
                num_map_f32(functions[k].f, n, y, x);
                for (size_t i = 0; i < n; i++)
                    if (!help_same(y[i], functions[k].scalar(x[i])))
                        fail_msg("%s: %s(%a) = %a, the scalar definition says %a", num_isa_name(), functions[k].name,
                                 (double)x[i], (double)y[i], (double)functions[k].scalar(x[i]));
            }
        }
    }
}

static void test_gradients_agree_to_the_bit(void **state)
{
    (void)state;
    enum { N = 1003 };
    float x[N], dy[N], y[N], dx[N], first[FUNCTIONS][N];
    uint64_t seed = 7;
    help_fill(&seed, N, x, 0.01, 8.0);
    help_fill(&seed, N, dy, -1.0, 1.0);
    int best = 1;
    HELP_EACH_ISA {
        for (int k = 0; k < FUNCTIONS; k++) {
            for (size_t i = 0; i < N; i++)
                dx[i] = dy[N - 1 - i];
            num_map_f32(functions[k].f, N, y, x);
            num_map_back_f32(functions[k].f, N, dx, dy, x, y);
            if (best)
                memcpy(first[k], dx, sizeof dx);
            help_assert_same(dx, first[k], N);
        }
        best = 0;
    }
}

/* The same bits for ever: another coefficient, even a better one, is another arithmetic version.  Recorded with version 1. */
static void test_the_bits_are_those_of_arithmetic_version_1(void **state)
{
    (void)state;
    float x[CHUNK], y[CHUNK];
    char text[DIGEST_TEXT];
    uint64_t bits = 0;
    Digest d;
    digest_start(&d);
    for (size_t n; (n = next_inputs(&bits, 65521, x)) > 0;)
        for (int k = 0; k < FUNCTIONS; k++) {
            num_map_f32(functions[k].f, n, y, x);
            for (size_t i = 0; i < n; i++)
                y[i] = y[i] == y[i] ? y[i] : 0.0f; /* which NaN is not defined */
            digest_floats(&d, y, n);
        }
    digest_end(&d, text);
    assert_string_equal(text, "ac96b193f7e91f1dd3459f2bfed5c4a538d396610e80a45d18bce6b08da211ea");
    assert_int_equal(NUM_ARITHMETIC_VERSION, 1);
}

/* C11, annex F. */
static void test_special_values(void **state)
{
    (void)state;
    const float inf = INFINITY, least = 0x1p-149f;
    const struct {
        NumMap f;
        float x, y;
    } cases[] = {
        {NUM_EXP, 0.0f, 1.0f}, {NUM_EXP, -0.0f, 1.0f}, {NUM_EXP, -inf, 0.0f}, {NUM_EXP, inf, inf}, {NUM_EXP, 88.8f, inf},
        {NUM_EXP, 3e38f, inf}, {NUM_EXP, -3e38f, 0.0f}, {NUM_EXP, -104.0f, 0.0f}, {NUM_EXP, -103.0f, least}, {NUM_EXP, NAN, NAN},
        {NUM_LOG, 1.0f, 0.0f}, {NUM_LOG, 0.0f, -inf}, {NUM_LOG, -0.0f, -inf}, {NUM_LOG, -1.0f, NAN}, {NUM_LOG, -inf, NAN},
        {NUM_LOG, inf, inf}, {NUM_LOG, least, -103.27893f}, {NUM_LOG, NAN, NAN},
        {NUM_LOG1P, 0.0f, 0.0f}, {NUM_LOG1P, -0.0f, -0.0f}, {NUM_LOG1P, -1.0f, -inf}, {NUM_LOG1P, -1.5f, NAN},
        {NUM_LOG1P, inf, inf}, {NUM_LOG1P, least, least}, {NUM_LOG1P, -least, -least}, {NUM_LOG1P, NAN, NAN},
        {NUM_LOG1P, 0x1.fffffep127f, 88.72284f},
        {NUM_TANH, 0.0f, 0.0f}, {NUM_TANH, -0.0f, -0.0f}, {NUM_TANH, inf, 1.0f}, {NUM_TANH, -inf, -1.0f}, {NUM_TANH, NAN, NAN},
        {NUM_TANH, least, least}, {NUM_TANH, -least, -least}, {NUM_TANH, 1e4f, 1.0f},
        {NUM_SIGMOID, 0.0f, 0.5f}, {NUM_SIGMOID, inf, 1.0f}, {NUM_SIGMOID, -inf, 0.0f}, {NUM_SIGMOID, -103.0f, least},
        {NUM_SIGMOID, NAN, NAN},
        {NUM_SOFTPLUS, -inf, 0.0f}, {NUM_SOFTPLUS, inf, inf}, {NUM_SOFTPLUS, -103.0f, least}, {NUM_SOFTPLUS, 1e4f, 1e4f},
        {NUM_SOFTPLUS, NAN, NAN},
        {NUM_RELU, -3.0f, 0.0f}, {NUM_RELU, 3.0f, 3.0f}, {NUM_RELU, NAN, NAN}, {NUM_RELU, -inf, 0.0f},
        {NUM_SQRT, -0.0f, -0.0f}, {NUM_SQRT, -1.0f, NAN}, {NUM_ABS, -0.0f, 0.0f}, {NUM_RECIPROCAL, -0.0f, -inf},
    };
    HELP_EACH_ISA {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            if (!help_same(num_map1_f32(cases[i].f, cases[i].x), cases[i].y))
                fail_msg("%s: %s(%a) = %a, expected %a", num_isa_name(), functions[cases[i].f].name, (double)cases[i].x,
                         (double)num_map1_f32(cases[i].f, cases[i].x), (double)cases[i].y);
    }
}

/* Any length, any address, in place, and nothing written beyond. */
static void test_lengths_and_places(void **state)
{
    (void)state;
    float x[96], y[96], whole[96];
    uint64_t seed = 11;
    help_fill(&seed, 96, x, -5.0, 5.0);
    HELP_EACH_ISA {
        num_map_f32(NUM_TANH, 96, whole, x);
        for (size_t first = 0; first < 5; first++)
            for (size_t n = 0; n + first < 70; n++) {
                memcpy(y, x, sizeof y);
                num_map_f32(NUM_TANH, n, y + first, y + first);
                help_assert_same(y, x, first);
                help_assert_same(y + first, whole + first, n);
                help_assert_same(y + first + n, x + first + n, 96 - first - n);
            }
    }
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    enum { N = 100003 };
    float *x = malloc(N * sizeof *x), *one = malloc(N * sizeof *x), *three = malloc(N * sizeof *x);
    assert_non_null(x);
    assert_non_null(one);
    assert_non_null(three);
    uint64_t seed = 13;
    help_fill(&seed, N, x, -5.0, 5.0);
    num_map_f32(NUM_SOFTPLUS, N, one, x);
    num_map_back_f32(NUM_SOFTPLUS, N, one, x, x, x);
    num_axpy_f32(N, one, 0.3f, x);
    num_threads_set(3);
    num_map_f32(NUM_SOFTPLUS, N, three, x);
    num_map_back_f32(NUM_SOFTPLUS, N, three, x, x, x);
    num_axpy_f32(N, three, 0.3f, x);
    num_threads_set(1);
    help_assert_same(three, one, N);
    free(x);
    free(one);
    free(three);
}

/* The derivative in double against a central difference, and the float one against the double one. */
static void test_gradients(void **state)
{
    (void)state;
    enum { N = 200 };
    const double h = 1e-6;
    float x[N], y[N], dy[N], dx[N];
    double wide_x[N], up[N], down[N], wide_y[N], wide_dy[N], wide_dx[N];
    uint64_t seed = 17;
    for (int k = 0; k < FUNCTIONS; k++) {
        int positive = functions[k].f == NUM_LOG || functions[k].f == NUM_SQRT || functions[k].f == NUM_LOG1P;
        help_fill(&seed, N, x, positive ? 0.05 : -4.0, 4.0);
        help_fill(&seed, N, dy, -2.0, 2.0);
        help_fill(&seed, N, dx, -2.0, 2.0);
        help_widen(N, wide_x, x);
        help_widen(N, wide_dy, dy);
        help_widen(N, wide_dx, dx);
        for (int i = 0; i < N; i++) {
            up[i] = wide_x[i] + h;
            down[i] = wide_x[i] - h;
        }
        num_map_f64(functions[k].f, N, up, up);
        num_map_f64(functions[k].f, N, down, down);
        num_map_f64(functions[k].f, N, wide_y, wide_x);
        num_map_back_f64(functions[k].f, N, wide_dx, wide_dy, wide_x, wide_y);
        for (int i = 0; i < N; i++) {
            double slope = (up[i] - down[i]) / (2.0 * h), grew = wide_dx[i] - (double)dx[i];
            double allowed = 1e-6 * (fabs(wide_dy[i] * slope) + 1.0); /* h^2 f''' / 6, and rounding of f / h */
            if (functions[k].f == NUM_RECIPROCAL && fabs(wide_x[i]) < 0.2)
                continue; /* f''' is 6 / x^4 */
            if (fabs(grew - wide_dy[i] * slope) > allowed)
                fail_msg("%s'(%.17g): %.17g, by differences %.17g", functions[k].name, wide_x[i], grew, wide_dy[i] * slope);
        }
        num_map_f32(functions[k].f, N, y, x);
        num_map_back_f32(functions[k].f, N, dx, dy, x, y);
        help_assert_near(dx, wide_dx, N, 1e-6, 3.0); /* a few roundings of terms that may cancel */
    }
    float zero = 0.0f, one = 1.0f, d = 0.0f;
    num_map_back_f32(NUM_RELU, 1, &d, &one, &zero, &zero);
    num_map_back_f32(NUM_ABS, 1, &d, &one, &zero, &zero);
    assert_true(d == 0.0f);
}

static void test_affine_and_axpy(void **state)
{
    (void)state;
    enum { N = 77 };
    float x[N], y[N], z[N];
    uint64_t seed = 19;
    help_fill(&seed, N, x, -3.0, 3.0);
    HELP_EACH_ISA {
        num_affine_f32(N, y, x, 1.7f, -0.3f);
        help_fill(&seed, N, z, -1.0, 1.0);
        for (int i = 0; i < N; i++)
            assert_true(y[i] == fmaf(x[i], 1.7f, -0.3f));
        memcpy(y, z, sizeof y);
        num_axpy_f32(N, y, 2.385f, x);
        for (int i = 0; i < N; i++)
            assert_true(y[i] == fmaf(2.385f, x[i], z[i]));
    }
}

/* Box and Muller's angles: the identities at quarter turns are exact, elsewhere 1 ulp. */
static void test_sine_and_cosine_of_turns(void **state)
{
    (void)state;
    const float exact[][3] = {{0, 0, 1}, {0.25f, 1, 0}, {0.5f, 0, -1}, {0.75f, -1, 0}, {1, 0, 1}};
    for (int i = 0; i < 5; i++) {
        NumSinCos at = num_sincos_turns1(exact[i][0]);
        assert_true(at.sin == exact[i][1] && at.cos == exact[i][2]);
    }
    for (uint32_t i = 1; i < 1u << 17; i++) {
        float v = (float)i * 0x1p-17f;
        long double angle = 6.28318530717958647692528676655900577L * (long double)v;
        NumSinCos at = num_sincos_turns1(v);
        if (i % (1u << 15) != 0) { /* there the angle's own rounding is all that the long double sine has */
            assert_true(help_ulp(at.sin, sinl(angle)) <= 1.0);
            assert_true(help_ulp(at.cos, cosl(angle)) <= 1.0);
        }
    }
}

/* ---- functions of two variables -------------------------------------------------------------------------------------- */

static float zip1(NumZip op, float a, float b)
{
    switch (op) {
    case NUM_ADD: return a + b;
    case NUM_SUB: return a - b;
    case NUM_MUL: return a * b;
    case NUM_DIV: return a / b;
    case NUM_MAX: return a >= b ? a : b;
    default: return NAN;
    }
}

static float zip1_back(NumZip op, int which, float dc, float a, float b)
{
    switch (op) {
    case NUM_ADD: return dc;
    case NUM_SUB: return which == 0 ? dc : -dc;
    case NUM_MUL: return which == 0 ? dc * b : dc * a;
    case NUM_DIV: return which == 0 ? dc / b : -(dc * (a / b)) / b;
    case NUM_MAX: return (a >= b) == (which == 0) ? dc : 0.0f;
    default: return NAN;
    }
}

enum { ZIP_MAX = 3 * 40 * 53 };
static float za[ZIP_MAX], zb[ZIP_MAX], zc[ZIP_MAX], zd[ZIP_MAX], want[ZIP_MAX], terms[ZIP_MAX], zs[ZIP_MAX];

static void check_zip(NumZip op, NumShape shape, NumShape a_shape, NumShape b_shape)
{
    size_t i = 0;
    num_zip_f32(op, shape, zc, za, a_shape, zb, b_shape);
    for (size_t s = 0; s < shape.n[0]; s++)
        for (size_t b = 0; b < shape.n[1]; b++)
            for (size_t f = 0; f < shape.n[2]; f++, i++)
                want[i] = zip1(op, za[help_place(a_shape, s, b, f)], zb[help_place(b_shape, s, b, f)]);
    help_assert_same(zc, want, i);
    for (int which = 0; which < 2; which++) {
        NumShape d_shape = which == 0 ? a_shape : b_shape;
        i = 0;
        for (size_t s = 0; s < shape.n[0]; s++)
            for (size_t b = 0; b < shape.n[1]; b++)
                for (size_t f = 0; f < shape.n[2]; f++, i++)
                    terms[i] = zip1_back(op, which, zc[i], za[help_place(a_shape, s, b, f)], zb[help_place(b_shape, s, b, f)]);
        for (size_t j = 0; j < num_shape_size(d_shape); j++)
            zd[j] = want[j] = (float)j * 0.125f;
        help_sum(want, d_shape, terms, shape, 1.0f);
        num_zip_back_f32(op, which, shape, zc, zd, za, a_shape, zb, b_shape, zs);
        help_assert_same(zd, want, num_shape_size(d_shape));
    }
}

/* Every way to broadcast, on sizes that are no multiple of anything, and rows longer than a panel. */
static void test_zip_broadcasts(void **state)
{
    (void)state;
    const NumShape shapes[] = {{{3, 5, 7}}, {{2, 40, 53}}, {{2, 3, 1}}, {{1, 2, 2100}}, {{1, 1, 1}}, {{3, 1, 5}}, {{1, 9, 16}}};
    uint64_t seed = 23;
    help_fill(&seed, ZIP_MAX, za, -2.0, 2.0);
    help_fill(&seed, ZIP_MAX, zb, 0.3, 2.0);
    zb[1] = za[1] = 0.5f; /* a tie for max */
    HELP_EACH_ISA {
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            for (int mask = 0; mask < 64; mask++) {
                NumShape a = shapes[k], b = shapes[k];
                for (int axis = 0; axis < 3; axis++) {
                    a.n[axis] = mask >> axis & 1 ? 1 : a.n[axis];
                    b.n[axis] = mask >> (axis + 3) & 1 ? 1 : b.n[axis];
                }
                for (int op = 0; op < NUM_ZIP_COUNT; op++)
                    if (mask == 0 || op == mask % NUM_ZIP_COUNT)
                        check_zip((NumZip)op, shapes[k], a, b);
            }
    }
}

/* In double: the gradient against differences, broadcast included. */
static void test_zip_gradients_in_double(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 5}}, shapes[2] = {{{1, 3, 5}}, {{2, 1, 1}}};
    double x[2][30], c[30], dc[30], d[30], h = 1e-6;
    uint64_t seed = 29;
    for (int op = 0; op < NUM_ZIP_COUNT; op++) {
        for (int i = 0; i < 30; i++) {
            x[0][i] = help_uniform(&seed, -2.0, 2.0);
            x[1][i] = help_uniform(&seed, 0.3, 2.0);
            dc[i] = help_uniform(&seed, -1.0, 1.0);
        }
        for (int which = 0; which < 2; which++) {
            memset(d, 0, sizeof d);
            num_zip_back_f64((NumZip)op, which, shape, dc, d, x[0], shapes[0], x[1], shapes[1], NULL);
            for (size_t j = 0; j < num_shape_size(shapes[which]); j++) {
                double slope = 0.0, kept = x[which][j];
                for (int side = -1; side <= 1; side += 2) {
                    x[which][j] = kept + side * h;
                    num_zip_f64((NumZip)op, shape, c, x[0], shapes[0], x[1], shapes[1]);
                    for (int i = 0; i < 30; i++)
                        slope += side * dc[i] * c[i] / (2.0 * h);
                }
                x[which][j] = kept;
                assert_true(fabs(slope - d[j]) < 1e-7 * (1.0 + fabs(slope)));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_is_at_most_2_ulp),
        cmocka_unit_test(test_instruction_sets_agree_to_the_bit),
        cmocka_unit_test(test_gradients_agree_to_the_bit),
        cmocka_unit_test(test_the_bits_are_those_of_arithmetic_version_1),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_lengths_and_places),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_affine_and_axpy),
        cmocka_unit_test(test_sine_and_cosine_of_turns),
        cmocka_unit_test(test_zip_broadcasts),
        cmocka_unit_test(test_zip_gradients_in_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
