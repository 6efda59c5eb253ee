/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_density.c: log densities, divergences and the reparameterisation: against double, against differences,
 * to the bit against one element at a time summed in the stated order, and where a plain formula would overflow.
 *
 * The five operations with a sum and the one without are walked as one table: operands and gradients as arrays.
 */
#include "num_help.h"

#include "num/density.h"

#include <stdlib.h>

enum { MAX = 60000, ARGS = 4 };

typedef struct {
    const char *name;
    size_t args, gradients;    /* operands, of which the first `gradients` are differentiated, but see reparameterise */
    int summed;                /* the result is (samples, batch, 1) */
    double low[ARGS], high[ARGS];
} Op;

enum { NORMAL, STANDARD, BERNOULLI, KL, KL2, REPARAMETERISE, OPS };

static const Op ops[OPS] = {
    [NORMAL] = {"normal", 3, 3, 1, {-2, -2, -3}, {2, 2, 3}},
    [STANDARD] = {"standard_normal", 1, 1, 1, {-3}, {3}},
    [BERNOULLI] = {"bernoulli", 2, 2, 1, {0, -8}, {1, 8}},
    [KL] = {"kl", 2, 2, 1, {-2, -4}, {2, 2}},
    [KL2] = {"kl2", 4, 4, 1, {-2, -3, -2, -3}, {2, 3, 2, 3}},
    [REPARAMETERISE] = {"reparameterise", 3, 2, 0, {-2, -3, -3}, {2, 3, 3}},
};

static float scratch[4 * MAX];

static void forward_f32(int op, NumShape s, float *y, const NumIn_f32 *in)
{
    switch (op) {
    case NORMAL: num_normal_f32(s, y, in[0], in[1], in[2], scratch); break;
    case STANDARD: num_standard_normal_f32(s, y, in[0], scratch); break;
    case BERNOULLI: num_bernoulli_f32(s, y, in[0], in[1], scratch); break;
    case KL: num_kl_f32(s, y, in[0], in[1], scratch); break;
    case KL2: num_kl_normal_normal_f32(s, y, in[0], in[1], in[2], in[3], scratch); break;
    default: num_reparameterise_f32(s, y, in[0], in[1], in[2]);
    }
}

static void forward_f64(int op, NumShape s, double *y, const NumIn_f64 *in)
{
    switch (op) {
    case NORMAL: num_normal_f64(s, y, in[0], in[1], in[2], NULL); break;
    case STANDARD: num_standard_normal_f64(s, y, in[0], NULL); break;
    case BERNOULLI: num_bernoulli_f64(s, y, in[0], in[1], NULL); break;
    case KL: num_kl_f64(s, y, in[0], in[1], NULL); break;
    case KL2: num_kl_normal_normal_f64(s, y, in[0], in[1], in[2], in[3], NULL); break;
    default: num_reparameterise_f64(s, y, in[0], in[1], in[2]);
    }
}

static void backward_f32(int op, NumShape s, const float *dy, const NumIn_f32 *in, float *const *d)
{
    switch (op) {
    case NORMAL: num_normal_back_f32(s, dy, in[0], in[1], in[2], d[0], d[1], d[2], scratch); break;
    case STANDARD: num_standard_normal_back_f32(s, dy, in[0], d[0], scratch); break;
    case BERNOULLI: num_bernoulli_back_f32(s, dy, in[0], in[1], d[0], d[1], 0, scratch); break;
    case KL: num_kl_back_f32(s, dy, in[0], in[1], d[0], d[1], scratch); break;
    case KL2: num_kl_normal_normal_back_f32(s, dy, in[0], in[1], in[2], in[3], d[0], d[1], d[2], d[3], scratch); break;
    default: num_reparameterise_back_f32(s, dy, in[0], in[1], in[2], d[0], d[1], scratch);
    }
}

static void backward_f64(int op, NumShape s, const double *dy, const NumIn_f64 *in, double *const *d)
{
    switch (op) {
    case NORMAL: num_normal_back_f64(s, dy, in[0], in[1], in[2], d[0], d[1], d[2], NULL); break;
    case STANDARD: num_standard_normal_back_f64(s, dy, in[0], d[0], NULL); break;
    case BERNOULLI: num_bernoulli_back_f64(s, dy, in[0], in[1], d[0], d[1], 0, NULL); break;
    case KL: num_kl_back_f64(s, dy, in[0], in[1], d[0], d[1], NULL); break;
    case KL2: num_kl_normal_normal_back_f64(s, dy, in[0], in[1], in[2], in[3], d[0], d[1], d[2], d[3], NULL); break;
    default: num_reparameterise_back_f64(s, dy, in[0], in[1], in[2], d[0], d[1], NULL);
    }
}

static NumShape result_shape(int op, NumShape s)
{
    s.n[NUM_FEATURES] = ops[op].summed ? 1 : s.n[NUM_FEATURES];
    return s;
}

/* ---- to the bit ------------------------------------------------------------------------------------------------------- */

static float x[ARGS][MAX], y[MAX], want_y[MAX], dy[MAX], term[ARGS][MAX], d[ARGS][MAX], want_d[ARGS][MAX];

/* Every term and gradient by a call of its own on one element; then the sums as their definition reads. */
static void expect(int op, NumShape shape, const NumIn_f32 *in)
{
    const NumShape one = {{1, 1, 1}};
    NumShape out = result_shape(op, shape);
    static float terms[MAX];
    size_t i = 0;
    memset(term, 0, sizeof term);
    for (size_t s = 0; s < shape.n[0]; s++)
        for (size_t b = 0; b < shape.n[1]; b++)
            for (size_t f = 0; f < shape.n[2]; f++, i++) {
                NumIn_f32 element[ARGS];
                float *gradient[ARGS];
                for (size_t k = 0; k < ops[op].args; k++)
                    element[k] = (NumIn_f32){in[k].x + help_place(in[k].shape, s, b, f), one};
                for (size_t k = 0; k < ARGS; k++)
                    gradient[k] = &term[k][i];
                forward_f32(op, one, &terms[i], element);
                backward_f32(op, one, &dy[help_place(out, s, b, f)], element, gradient);
            }
    if (ops[op].summed) {
        for (size_t r = 0; r < num_shape_rows(shape); r++)
            want_y[r] = help_lanes(shape.n[2], terms + r * shape.n[2]);
    } else {
        memcpy(want_y, terms, i * sizeof *terms);
    }
    for (size_t k = 0; k < ops[op].gradients; k++)
        help_sum(want_d[k], in[k].shape, term[k], shape, 1.0f);
}

static void fill(int op, uint64_t *seed)
{
    for (size_t k = 0; k < ops[op].args; k++)
        help_fill(seed, MAX, x[k], ops[op].low[k], ops[op].high[k]);
    help_fill(seed, MAX, dy, -1.0, 1.0);
}

static void check_bits(int op, NumShape shape, const NumShape *in_shape)
{
    NumIn_f32 in[ARGS];
    float *gradients[ARGS];
    size_t n = num_shape_size(result_shape(op, shape));
    for (size_t k = 0; k < ops[op].args; k++) {
        in[k] = (NumIn_f32){x[k], in_shape[k]};
        gradients[k] = d[k];
        for (size_t i = 0; i < num_shape_size(in_shape[k]); i++)
            d[k][i] = want_d[k][i] = (float)i * 0.01f; /* gradients are added to what is there */
    }
    expect(op, shape, in);
    forward_f32(op, shape, y, in);
    help_assert_same(y, want_y, n);
    backward_f32(op, shape, dy, in, gradients);
    for (size_t k = 0; k < ops[op].gradients; k++)
        help_assert_same(d[k], want_d[k], num_shape_size(in_shape[k]));
}

static NumShape masked(NumShape shape, int mask)
{
    for (int axis = 0; axis < 3; axis++)
        if (mask >> axis & 1)
            shape.n[axis] = 1;
    return shape;
}

/* Every operand broadcast over every set of axes in turn, the others in full or broadcast over samples as a VAE's are. */
static void test_broadcasts_and_sums_to_the_bit(void **state)
{
    (void)state;
    const NumShape shapes[] = {{{3, 5, 7}}, {{2, 4, 16}}, {{2, 3, 1}}, {{1, 1, 1}}, {{1, 2, 1100}}, {{2, 30, 53}}, {{4, 1, 20}}};
    uint64_t seed = 61;
    HELP_EACH_ISA {
        for (int op = 0; op < OPS; op++)
            for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
                NumShape in[ARGS] = {shapes[k], shapes[k], shapes[k], shapes[k]};
                fill(op, &seed);
                check_bits(op, shapes[k], in);
                if (num_shape_size(shapes[k]) > 200 && help_isa > 1)
                    continue; /* the rest on the first instruction set */
                for (int mask = 1; mask < 8; mask++)
                    for (size_t which = 0; which < ops[op].args; which++) {
                        for (size_t j = 0; j < ARGS; j++)
                            in[j] = j == which ? masked(shapes[k], mask) : masked(shapes[k], (int)(which + j) % 2);
                        check_bits(op, shapes[k], in);
                    }
            }
    }
}

static void test_instruction_sets_and_threads_agree_to_the_bit(void **state)
{
    (void)state;
    const NumShape shape = {{2, 37, 784}}, small = {{1, 37, 784}}, row = {{1, 1, 784}};
    static float first_y[OPS][MAX], first_d[OPS][ARGS][MAX];
    for (int round = 0, first = 1; round < 2; round++) {
        num_threads_set(round == 0 ? 1 : 3);
        HELP_EACH_ISA {
            uint64_t seed = 67;
            for (int op = 0; op < OPS; op++) {
                NumIn_f32 in[ARGS];
                float *gradients[ARGS];
                fill(op, &seed);
                for (int k = 0; k < ARGS; k++) {
                    in[k] = (NumIn_f32){x[k], k == 0 ? small : k == 1 ? shape : row};
                    gradients[k] = d[k];
                }
                memset(d, 0, sizeof d);
                forward_f32(op, shape, y, in);
                backward_f32(op, shape, dy, in, gradients);
                if (first) {
                    memcpy(first_y[op], y, sizeof y);
                    memcpy(first_d[op], d, sizeof d);
                }
                help_assert_same(y, first_y[op], num_shape_size(result_shape(op, shape)));
                help_assert_same(d[0], first_d[op][0], ARGS * MAX);
            }
            first = 0;
        }
    }
    num_threads_set(1);
}

/* ---- against double --------------------------------------------------------------------------------------------------- */

static double wide[ARGS][MAX], wide_y[MAX], wide_dy[MAX], wide_d[ARGS][MAX];

/* The gradient in double is what differences say: operands of which one is broadcast, one element after another. */
static void test_gradients_in_double(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 5}}, shapes[ARGS] = {{{1, 3, 5}}, {{2, 3, 5}}, {{1, 1, 5}}, {{2, 1, 1}}};
    const double h = 1e-6;
    uint64_t seed = 71;
    for (int op = 0; op < OPS; op++) {
        NumIn_f64 in[ARGS];
        double *gradients[ARGS];
        size_t n = num_shape_size(result_shape(op, shape));
        for (size_t k = 0; k < ops[op].args; k++) {
            for (size_t i = 0; i < 30; i++)
                wide[k][i] = help_uniform(&seed, ops[op].low[k], ops[op].high[k]);
            in[k] = (NumIn_f64){wide[k], shapes[k]};
            gradients[k] = wide_d[k];
        }
        for (size_t i = 0; i < n; i++)
            wide_dy[i] = help_uniform(&seed, -1.0, 1.0);
        memset(wide_d, 0, sizeof wide_d);
        backward_f64(op, shape, wide_dy, in, gradients);
        for (size_t k = 0; k < ops[op].gradients; k++)
            for (size_t j = 0; j < num_shape_size(shapes[k]); j++) {
                double slope = 0.0, kept = wide[k][j];
                for (int side = -1; side <= 1; side += 2) {
                    wide[k][j] = kept + side * h;
                    forward_f64(op, shape, wide_y, in);
                    for (size_t i = 0; i < n; i++)
                        slope += side * wide_dy[i] * wide_y[i] / (2.0 * h);
                }
                wide[k][j] = kept;
                /* rounding of sums near 200 over h = 1e-6: 200 * 2e-16 / 1e-6 = 4e-8 */
                if (fabs(slope - wide_d[k][j]) > 2e-7 * (1.0 + fabs(slope)))
                    fail_msg("%s, operand %zu: %.12g, by differences %.12g", ops[op].name, k, wide_d[k][j], slope);
            }
    }
}

/* The float form is near the double one. */
static void test_floats_are_near_doubles(void **state)
{
    (void)state;
    const NumShape shape = {{2, 20, 37}};
    uint64_t seed = 73;
    for (int op = 0; op < OPS; op++) {
        NumIn_f32 in[ARGS];
        NumIn_f64 wide_in[ARGS];
        float *gradients[ARGS];
        double *wide_gradients[ARGS];
        size_t size = num_shape_size(shape), n = num_shape_size(result_shape(op, shape));
        fill(op, &seed);
        memset(d, 0, sizeof d);
        memset(wide_d, 0, sizeof wide_d);
        for (int k = 0; k < ARGS; k++) {
            in[k] = (NumIn_f32){x[k], shape};
            wide_in[k] = (NumIn_f64){wide[k], shape};
            help_widen(size, wide[k], x[k]);
            gradients[k] = d[k];
            wide_gradients[k] = wide_d[k];
        }
        help_widen(n, wide_dy, dy);
        forward_f32(op, shape, y, in);
        forward_f64(op, shape, wide_y, wide_in);
        help_assert_near(y, wide_y, n, 3e-7, 20.0); /* 37 terms of about 5, each to 3 ulp */
        backward_f32(op, shape, dy, in, gradients);
        backward_f64(op, shape, wide_dy, wide_in, wide_gradients);
        for (size_t k = 0; k < ops[op].gradients; k++)
            help_assert_near(d[k], wide_d[k], size, 1e-6, 0.1);
    }
}

/* ---- where plain formulas fail ------------------------------------------------------------------------------------------ */

static const NumShape one = {{1, 1, 1}};

static float one_forward(int op, float a, float b, float c, float e)
{
    float v[ARGS] = {a, b, c, e}, result;
    NumIn_f32 in[ARGS] = {{&v[0], one}, {&v[1], one}, {&v[2], one}, {&v[3], one}};
    forward_f32(op, one, &result, in);
    return result;
}

static void one_backward(int op, float a, float b, float c, float e, float *gradient)
{
    float v[ARGS] = {a, b, c, e}, dy1 = 1.0f;
    NumIn_f32 in[ARGS] = {{&v[0], one}, {&v[1], one}, {&v[2], one}, {&v[3], one}};
    float *to[ARGS] = {&gradient[0], &gradient[1], &gradient[2], &gradient[3]};
    memset(gradient, 0, ARGS * sizeof *gradient);
    backward_f32(op, one, &dy1, in, to);
}

static void assert_close(float got, double exact)
{
    if (!(fabs((double)got - exact) <= 5e-7 * fabs(exact) + 0x1p-149)) /* 4 ulp, or one denormal step */
        fail_msg("%.9g, expected %.9g (instruction set %s)", (double)got, exact, num_isa_name());
}

static void test_extreme_logvar(void **state)
{
    (void)state;
    float g[ARGS];
    HELP_EACH_ISA {
        /* log N(0; 0, e^-100) = 50 - 0.92, and its gradients; exp(100) alone is no float */
        assert_close(one_forward(NORMAL, 0.0f, 0.0f, -100.0f, 0), 49.081061466795327);
        assert_close(one_forward(NORMAL, 1.0f, -1.0f, 100.0f, 0), -50.918938533204673);
        assert_close(one_forward(NORMAL, 1e-10f, 0.0f, -100.0f, 0), -1.3440585709080678e23);
        assert_close(one_forward(NORMAL, 1e-30f, 0.0f, -200.0f, 0), -3.6129868840628607e26);
        assert_close(one_forward(NORMAL, 0.0f, 0.0f, -300.0f, 0), 149.08106146679533);
        one_backward(NORMAL, 1e-10f, 0.0f, -100.0f, 0, g);
        assert_close(g[0], -2.6881171418161356e33);
        assert_close(g[1], 2.6881171418161356e33);
        assert_close(g[2], 1.3440585709080678e23);
        one_backward(NORMAL, 3.0f, 1.0f, 100.0f, 0, g);
        assert_close(g[1], 2.0 * exp(-100.0));
        assert_close(g[2], -0.5);
        /* KL: e^-100 is nothing, -logvar / 2 is all; e^88.9 is no float, half of it is */
        assert_close(one_forward(KL, 0.0f, -100.0f, 0, 0), 49.5);
        assert_close(one_forward(KL, 0.0f, 88.9f, 0, 0), 0.5 * (exp((double)88.9f) - 1.0 - (double)88.9f));
        assert_true(one_forward(KL, 0.0f, 100.0f, 0, 0) == INFINITY); /* 1.3e43 is no float */
        assert_close(one_forward(KL, 2.4e19f, 0.0f, 0, 0), 2.88e38);
        one_backward(KL, 1.5f, -100.0f, 0, 0, g);
        assert_close(g[0], 1.5);
        assert_close(g[1], -0.5);
        one_backward(KL, 1.5f, 88.9f, 0, 0, g);
        assert_close(g[1], 0.5 * exp((double)88.9f));
        /* KL between two: the same variance far out costs nothing */
        assert_true(one_forward(KL2, 0.25f, 100.0f, 0.25f, 100.0f) == 0.0f);
        assert_true(one_forward(KL2, 0.25f, -100.0f, 0.25f, -100.0f) == 0.0f);
        assert_close(one_forward(KL2, 1e-10f, -100.0f, 0.0f, -100.0f), 1.3440585709080678e23);
        assert_close(one_forward(KL2, 0.0f, -100.0f, 0.0f, 100.0f), 99.5);
        one_backward(KL2, 1.0f, -100.0f, 0.0f, 100.0f, g);
        assert_close(g[1], -0.5);
        assert_close(g[3], 0.5);
        /* z = mu + exp(logvar / 2) eps */
        assert_close(one_forward(REPARAMETERISE, 1.0f, -100.0f, 2.0f, 0), 1.0);
        assert_close(one_forward(REPARAMETERISE, 1.0f, 100.0f, 2.0f, 0), 2.0 * exp(50.0));
        assert_true(one_forward(REPARAMETERISE, 1.0f, 300.0f, 0.0f, 0) == 1.0f);
        one_backward(REPARAMETERISE, 1.0f, 100.0f, 2.0f, 0, g);
        assert_close(g[1], exp(50.0));
    }
}

static void test_extreme_logits(void **state)
{
    (void)state;
    float g[ARGS];
    HELP_EACH_ISA {
        assert_true(one_forward(BERNOULLI, 1.0f, 1e4f, 0, 0) == 0.0f);
        assert_true(one_forward(BERNOULLI, 0.0f, -1e4f, 0, 0) == 0.0f);
        assert_true(one_forward(BERNOULLI, 0.0f, 1e4f, 0, 0) == -1e4f);
        assert_true(one_forward(BERNOULLI, 1.0f, -1e4f, 0, 0) == -1e4f);
        assert_true(one_forward(BERNOULLI, 0.5f, 3e38f, 0, 0) == -1.5e38f);
        assert_close(one_forward(BERNOULLI, 1.0f, 50.0f, 0, 0), -exp(-50.0));
        assert_close(one_forward(BERNOULLI, 0.0f, -50.0f, 0, 0), -exp(-50.0));
        for (int sign = -1; sign <= 1; sign += 2) { /* x - sigmoid(l) does not cancel */
            one_backward(BERNOULLI, sign > 0 ? 1.0f : 0.0f, (float)sign * 30.0f, 0, 0, g);
            assert_close(g[1], sign * exp(-30.0) / (1.0 + exp(-30.0)));
            one_backward(BERNOULLI, sign > 0 ? 0.0f : 1.0f, (float)sign * 1e4f, 0, 0, g);
            assert_true(g[1] == (float)-sign);
            assert_true(g[0] == (float)sign * 1e4f);
        }
    }
}

/* No log probability above 0, no divergence below 0, also where everything cancels. */
static void test_signs(void **state)
{
    (void)state;
    enum { N = 20000 };
    const NumShape each = {{1, N, 1}};
    uint64_t seed = 79;
    for (int i = 0; i < N; i++) {
        double size = exp(help_uniform(&seed, -40.0, 5.0));
        x[0][i] = (float)help_uniform(&seed, 0.0, 1.0);
        x[1][i] = (float)help_uniform(&seed, -size, size);
        x[2][i] = 0.0f;
    }
    NumIn_f32 in[ARGS] = {{x[0], each}, {x[1], each}};
    forward_f32(BERNOULLI, each, y, in);
    for (int i = 0; i < N; i++)
        assert_true(y[i] <= 0.0f);
    in[0] = (NumIn_f32){x[2], each};
    forward_f32(KL, each, y, in);
    for (int i = 0; i < N; i++) {
        double v = (double)x[1][i], exact = fabs(v) < 1e-4 ? 0.25 * v * v * (1.0 + v / 3.0) : 0.5 * (expm1(v) - v);
        assert_true(y[i] >= 0.0f);
        assert_true(exact > 3.4e38 || fabs((double)y[i] - exact) <= 4e-7 * exact + 0x1p-148);
    }
}

/* A gradient that is not wanted is not touched, nor does it change the others. */
static void test_unwanted_gradients(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 50}}, small = {{1, 3, 50}};
    uint64_t seed = 83;
    for (int op = 0; op < OPS; op++) {
        NumIn_f32 in[ARGS];
        float *gradients[ARGS];
        fill(op, &seed);
        memset(want_d, 0, sizeof want_d);
        for (int k = 0; k < ARGS; k++) {
            in[k] = (NumIn_f32){x[k], k % 2 ? small : shape};
            gradients[k] = want_d[k];
        }
        backward_f32(op, shape, dy, in, gradients);
        for (size_t k = 0; k < ops[op].gradients; k++) {
            memset(d, 0, sizeof d);
            for (size_t j = 0; j < ARGS; j++)
                gradients[j] = j == k ? d[k] : NULL;
            backward_f32(op, shape, dy, in, gradients);
            help_assert_same(d[k], want_d[k], 300);
        }
        memset(gradients, 0, sizeof gradients);
        backward_f32(op, shape, dy, in, gradients);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broadcasts_and_sums_to_the_bit),
        cmocka_unit_test(test_instruction_sets_and_threads_agree_to_the_bit),
        cmocka_unit_test(test_gradients_in_double),
        cmocka_unit_test(test_floats_are_near_doubles),
        cmocka_unit_test(test_extreme_logvar),
        cmocka_unit_test(test_extreme_logits),
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_unwanted_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
