/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_density.c: every row of num/density_list.h: float against double, double against differences, bits
 * against one element at a time summed in the stated order, and arguments where a plain formula would overflow.
 */
#include "num_help.h"

#include "num/density.h"

enum { MAX = 60000, ARGS = 4 };

enum { EACH, SUM };
typedef enum { ANY, UNIT } Domain; /* of the first operand */

typedef struct {
    const char *name;
    int sums;                  /* the result is (samples, batch, 1) */
    Domain domain;
    size_t args;
    const char *operand[ARGS];
} DensityCase;

#define COUNT(...) (sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))
#define ROW(NAME, name, recorded, form, domain, formula, ...) {#name, form == SUM, domain, COUNT(__VA_ARGS__), {__VA_ARGS__}},
static const DensityCase rows[NUM_DENSITY_COUNT] = {NUM_DENSITY_LIST(ROW)};

/* Whether operand k is the logarithm of a variance or a scale; logits are not. */
static int is_log_scale(NumDensity f, size_t k)
{
    const char *name = rows[f].operand[k];
    return strncmp(name, "lv", 2) == 0 || strcmp(name, "logvar") == 0 || strcmp(name, "logscale") == 0;
}

static double draw(NumDensity f, size_t k, uint64_t *seed)
{
    double high = strcmp(rows[f].operand[k], "logits") == 0 ? 8.0 : is_log_scale(f, k) ? 3.0 : 2.0;
    return k == 0 && rows[f].domain == UNIT ? help_uniform(seed, 0.0, 1.0) : help_uniform(seed, -high, high);
}

static float scratch[4 * MAX];

static NumShape result_shape(NumDensity f, NumShape s)
{
    s.n[NUM_FEATURES] = rows[f].sums ? 1 : s.n[NUM_FEATURES];
    return s;
}

/* ---- to the bit -------------------------------------------------------------------------------------------------- */

static float x[ARGS][MAX], y[MAX], want_y[MAX], dy[MAX], term[ARGS][MAX], d[ARGS][MAX], want_d[ARGS][MAX];

/* Every term and gradient by a separate call for one element; then the sums directly from their definition. */
static void expect(NumDensity f, NumShape shape, const NumIn_f32 *in)
{
    const NumShape one = {{1, 1, 1}};
    NumShape out = result_shape(f, shape);
    static float terms[MAX];
    size_t i = 0;
    memset(term, 0, sizeof term);
    for (size_t s = 0; s < shape.n[0]; s++)
        for (size_t b = 0; b < shape.n[1]; b++)
            for (size_t c = 0; c < shape.n[2]; c++, i++) {
                NumIn_f32 element[ARGS];
                float *gradient[ARGS];
                for (size_t k = 0; k < rows[f].args; k++)
                    element[k] = (NumIn_f32){in[k].x + num_shape_index(in[k].shape, s, b, c), one};
                for (size_t k = 0; k < ARGS; k++)
                    gradient[k] = &term[k][i];
                num_density_f32(f, one, &terms[i], element, scratch);
                num_density_back_f32(f, one, &dy[num_shape_index(out, s, b, c)], element, gradient, 0, scratch);
            }
    if (rows[f].sums) {
        for (size_t r = 0; r < num_shape_rows(shape); r++)
            want_y[r] = help_lanes(shape.n[2], terms + r * shape.n[2]);
    } else {
        memcpy(want_y, terms, i * sizeof *terms);
    }
    for (size_t k = 0; k < rows[f].args; k++)
        help_sum(want_d[k], in[k].shape, term[k], shape, 1.0f);
}

static void fill(NumDensity f, uint64_t *seed)
{
    for (size_t k = 0; k < rows[f].args; k++)
        for (size_t i = 0; i < MAX; i++)
            x[k][i] = (float)draw(f, k, seed);
    help_fill(seed, MAX, dy, -1.0, 1.0);
}

static void check_bits(NumDensity f, NumShape shape, const NumShape *in_shape)
{
    NumIn_f32 in[ARGS];
    float *gradients[ARGS];
    size_t n = num_shape_size(result_shape(f, shape));
    for (size_t k = 0; k < rows[f].args; k++) {
        in[k] = (NumIn_f32){x[k], in_shape[k]};
        gradients[k] = d[k];
        for (size_t i = 0; i < num_shape_size(in_shape[k]); i++)
            d[k][i] = want_d[k][i] = (float)i * 0.01f; /* backward must add to these values */
    }
    expect(f, shape, in);
    num_density_f32(f, shape, y, in, scratch);
    help_assert_same(y, want_y, n);
    num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
    for (size_t k = 0; k < rows[f].args; k++)
        help_assert_same(d[k], want_d[k], num_shape_size(in_shape[k]));
}

static NumShape masked(NumShape shape, int mask)
{
    for (int axis = 0; axis < 3; axis++)
        if (mask >> axis & 1)
            shape.n[axis] = 1;
    return shape;
}

/* Each operand in turn broadcasts over every set of axes; the others are full, or broadcast over samples as in a VAE. */
static void test_broadcasts_and_sums_to_the_bit(void **state)
{
    (void)state;
    const NumShape shapes[] = {{{3, 5, 7}}, {{2, 4, 16}}, {{2, 3, 1}}, {{1, 1, 1}}, {{1, 2, 1100}}, {{2, 30, 53}}, {{4, 1, 20}}};
    uint64_t seed = 61;
    HELP_EACH_ISA {
        for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++)
            for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
                NumShape in[ARGS] = {shapes[k], shapes[k], shapes[k], shapes[k]};
                fill(f, &seed);
                check_bits(f, shapes[k], in);
                if (num_shape_size(shapes[k]) > 200 && help_isa > 1)
                    continue; /* broadcasts of large shapes on the first instruction set only */
                for (int mask = 1; mask < 8; mask++)
                    for (size_t which = 0; which < rows[f].args; which++) {
                        for (size_t j = 0; j < ARGS; j++)
                            in[j] = j == which ? masked(shapes[k], mask) : masked(shapes[k], (int)(which + j) % 2);
                        check_bits(f, shapes[k], in);
                    }
            }
    }
}

static void test_instruction_sets_and_threads_agree_to_the_bit(void **state)
{
    (void)state;
    const NumShape shape = {{2, 37, 784}}, small = {{1, 37, 784}}, row = {{1, 1, 784}};
    static float first_y[NUM_DENSITY_COUNT][MAX], first_d[NUM_DENSITY_COUNT][ARGS][MAX];
    for (int round = 0, first = 1; round < 2; round++) {
        num_threads_set(round == 0 ? 1 : 3);
        HELP_EACH_ISA {
            uint64_t seed = 67;
            for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++) {
                NumIn_f32 in[ARGS];
                float *gradients[ARGS];
                fill(f, &seed);
                for (int k = 0; k < ARGS; k++) {
                    in[k] = (NumIn_f32){x[k], k == 0 ? small : k == 1 ? shape : row};
                    gradients[k] = d[k];
                }
                memset(d, 0, sizeof d);
                num_density_f32(f, shape, y, in, scratch);
                num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
                if (first) {
                    memcpy(first_y[f], y, sizeof y);
                    memcpy(first_d[f], d, sizeof d);
                }
                help_assert_same(y, first_y[f], num_shape_size(result_shape(f, shape)));
                help_assert_same(d[0], first_d[f][0], ARGS * MAX);
            }
            first = 0;
        }
    }
    num_threads_set(1);
}

/* ---- against double ---------------------------------------------------------------------------------------------- */

static double wide[ARGS][MAX], wide_y[MAX], wide_dy[MAX], wide_d[ARGS][MAX];

/* The gradient in double equals central differences, element by element, with broadcast operands. */
static void test_gradients_in_double(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 5}}, shapes[ARGS] = {{{1, 3, 5}}, {{2, 3, 5}}, {{1, 1, 5}}, {{2, 1, 1}}};
    const double h = 1e-6;
    uint64_t seed = 71;
    for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++) {
        NumIn_f64 in[ARGS];
        double *gradients[ARGS];
        size_t n = num_shape_size(result_shape(f, shape));
        for (size_t k = 0; k < rows[f].args; k++) {
            for (size_t i = 0; i < 30; i++)
                wide[k][i] = draw(f, k, &seed);
            in[k] = (NumIn_f64){wide[k], shapes[k]};
            gradients[k] = wide_d[k];
        }
        for (size_t i = 0; i < n; i++)
            wide_dy[i] = help_uniform(&seed, -1.0, 1.0);
        memset(wide_d, 0, sizeof wide_d);
        num_density_back_f64(f, shape, wide_dy, in, gradients, 0, NULL);
        for (size_t k = 0; k < rows[f].args; k++)
            for (size_t j = 0; j < num_shape_size(shapes[k]); j++) {
                double slope = 0.0, kept = wide[k][j];
                for (int side = -1; side <= 1; side += 2) {
                    wide[k][j] = kept + side * h;
                    num_density_f64(f, shape, wide_y, in, NULL);
                    for (size_t i = 0; i < n; i++)
                        slope += side * wide_dy[i] * wide_y[i] / (2.0 * h);
                }
                wide[k][j] = kept;
                /* rounding of sums near 200 over h = 1e-6: 200 * 2e-16 / 1e-6 = 4e-8 */
                if (fabs(slope - wide_d[k][j]) > 2e-7 * (1.0 + fabs(slope)))
                    fail_msg("%s, operand %zu: %.12g, by differences %.12g", rows[f].name, k, wide_d[k][j], slope);
            }
    }
}

/* Float results are near the double ones. */
static void test_floats_are_near_doubles(void **state)
{
    (void)state;
    const NumShape shape = {{2, 20, 37}};
    uint64_t seed = 73;
    for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++) {
        NumIn_f32 in[ARGS];
        NumIn_f64 wide_in[ARGS];
        float *gradients[ARGS];
        double *wide_gradients[ARGS];
        size_t size = num_shape_size(shape), n = num_shape_size(result_shape(f, shape));
        fill(f, &seed);
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
        num_density_f32(f, shape, y, in, scratch);
        num_density_f64(f, shape, wide_y, wide_in, NULL);
        help_assert_near(y, wide_y, n, 3e-7, 20.0); /* 37 terms of about 5, each to 3 ulp */
        num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
        num_density_back_f64(f, shape, wide_dy, wide_in, wide_gradients, 0, NULL);
        for (size_t k = 0; k < rows[f].args; k++)
            help_assert_near(d[k], wide_d[k], size, 1e-6, 0.1);
    }
}

/* ---- where plain formulas fail ----------------------------------------------------------------------------------- */

static const NumShape one = {{1, 1, 1}};

static float one_forward(NumDensity f, float a, float b, float c, float e)
{
    float v[ARGS] = {a, b, c, e}, result;
    NumIn_f32 in[ARGS] = {{&v[0], one}, {&v[1], one}, {&v[2], one}, {&v[3], one}};
    num_density_f32(f, one, &result, in, scratch);
    return result;
}

static void one_backward(NumDensity f, float a, float b, float c, float e, float *gradient)
{
    float v[ARGS] = {a, b, c, e}, dy1 = 1.0f;
    NumIn_f32 in[ARGS] = {{&v[0], one}, {&v[1], one}, {&v[2], one}, {&v[3], one}};
    float *to[ARGS] = {&gradient[0], &gradient[1], &gradient[2], &gradient[3]};
    memset(gradient, 0, ARGS * sizeof *gradient);
    num_density_back_f32(f, one, &dy1, in, to, 0, scratch);
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
        /* log N(0; 0, e^-100) = 50 - 0.92, and its gradients; exp(100) alone exceeds the floats */
        assert_close(one_forward(NUM_NORMAL, 0.0f, 0.0f, -100.0f, 0), 49.081061466795327);
        assert_close(one_forward(NUM_NORMAL, 1.0f, -1.0f, 100.0f, 0), -50.918938533204673);
        assert_close(one_forward(NUM_NORMAL, 1e-10f, 0.0f, -100.0f, 0), -1.3440585709080678e23);
        assert_close(one_forward(NUM_NORMAL, 1e-30f, 0.0f, -200.0f, 0), -3.6129868840628607e26);
        assert_close(one_forward(NUM_NORMAL, 0.0f, 0.0f, -300.0f, 0), 149.08106146679533);
        one_backward(NUM_NORMAL, 1e-10f, 0.0f, -100.0f, 0, g);
        assert_close(g[0], -2.6881171418161356e33);
        assert_close(g[1], 2.6881171418161356e33);
        assert_close(g[2], 1.3440585709080678e23);
        one_backward(NUM_NORMAL, 3.0f, 1.0f, 100.0f, 0, g);
        assert_close(g[1], 2.0 * exp(-100.0));
        assert_close(g[2], -0.5);
        /* KL: e^-100 is negligible, -logvar / 2 remains; e^88.9 exceeds the floats, half of it does not */
        assert_close(one_forward(NUM_KL, 0.0f, -100.0f, 0, 0), 49.5);
        assert_close(one_forward(NUM_KL, 0.0f, 88.9f, 0, 0), 0.5 * (exp((double)88.9f) - 1.0 - (double)88.9f));
        assert_true(one_forward(NUM_KL, 0.0f, 100.0f, 0, 0) == INFINITY); /* 1.3e43 exceeds the floats */
        assert_close(one_forward(NUM_KL, 2.4e19f, 0.0f, 0, 0), 2.88e38);
        one_backward(NUM_KL, 1.5f, -100.0f, 0, 0, g);
        assert_close(g[0], 1.5);
        assert_close(g[1], -0.5);
        one_backward(NUM_KL, 1.5f, 88.9f, 0, 0, g);
        assert_close(g[1], 0.5 * exp((double)88.9f));
        /* KL between two normals of equal extreme variance: 0 */
        assert_true(one_forward(NUM_KL_NORMAL_NORMAL, 0.25f, 100.0f, 0.25f, 100.0f) == 0.0f);
        assert_true(one_forward(NUM_KL_NORMAL_NORMAL, 0.25f, -100.0f, 0.25f, -100.0f) == 0.0f);
        assert_close(one_forward(NUM_KL_NORMAL_NORMAL, 1e-10f, -100.0f, 0.0f, -100.0f), 1.3440585709080678e23);
        assert_close(one_forward(NUM_KL_NORMAL_NORMAL, 0.0f, -100.0f, 0.0f, 100.0f), 99.5);
        one_backward(NUM_KL_NORMAL_NORMAL, 1.0f, -100.0f, 0.0f, 100.0f, g);
        assert_close(g[1], -0.5);
        assert_close(g[3], 0.5);
        /* z = mu + exp(logvar / 2) eps */
        assert_close(one_forward(NUM_REPARAMETERISE, 1.0f, -100.0f, 2.0f, 0), 1.0);
        assert_close(one_forward(NUM_REPARAMETERISE, 1.0f, 100.0f, 2.0f, 0), 2.0 * exp(50.0));
        assert_true(one_forward(NUM_REPARAMETERISE, 1.0f, 300.0f, 0.0f, 0) == 1.0f);
        one_backward(NUM_REPARAMETERISE, 1.0f, 100.0f, 2.0f, 0, g);
        assert_close(g[1], exp(50.0));
    }
}

static void test_extreme_logits(void **state)
{
    (void)state;
    float g[ARGS];
    HELP_EACH_ISA {
        assert_true(one_forward(NUM_BERNOULLI, 1.0f, 1e4f, 0, 0) == 0.0f);
        assert_true(one_forward(NUM_BERNOULLI, 0.0f, -1e4f, 0, 0) == 0.0f);
        assert_true(one_forward(NUM_BERNOULLI, 0.0f, 1e4f, 0, 0) == -1e4f);
        assert_true(one_forward(NUM_BERNOULLI, 1.0f, -1e4f, 0, 0) == -1e4f);
        assert_true(one_forward(NUM_BERNOULLI, 0.5f, 3e38f, 0, 0) == -1.5e38f);
        assert_close(one_forward(NUM_BERNOULLI, 1.0f, 50.0f, 0, 0), -exp(-50.0));
        assert_close(one_forward(NUM_BERNOULLI, 0.0f, -50.0f, 0, 0), -exp(-50.0));
        for (int sign = -1; sign <= 1; sign += 2) { /* x - sigmoid(l) does not cancel */
            one_backward(NUM_BERNOULLI, sign > 0 ? 1.0f : 0.0f, (float)sign * 30.0f, 0, 0, g);
            assert_close(g[1], sign * exp(-30.0) / (1.0 + exp(-30.0)));
            one_backward(NUM_BERNOULLI, sign > 0 ? 0.0f : 1.0f, (float)sign * 1e4f, 0, 0, g);
            assert_true(g[1] == (float)-sign);
            assert_true(g[0] == (float)sign * 1e4f);
        }
    }
}

/* No log probability is above 0 and no divergence below 0, also where terms cancel. */
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
    num_density_f32(NUM_BERNOULLI, each, y, in, scratch);
    for (int i = 0; i < N; i++)
        assert_true(y[i] <= 0.0f);
    in[0] = (NumIn_f32){x[2], each};
    num_density_f32(NUM_KL, each, y, in, scratch);
    for (int i = 0; i < N; i++) {
        double v = (double)x[1][i], exact = fabs(v) < 1e-4 ? 0.25 * v * v * (1.0 + v / 3.0) : 0.5 * (expm1(v) - v);
        assert_true(y[i] >= 0.0f);
        assert_true(exact > 3.4e38 || fabs((double)y[i] - exact) <= 4e-7 * exact + 0x1p-148);
    }
}

/* Densities of x or z add up to 1: over {0, 1}, or by the trapezoidal rule, whose error at a kink is below h^2 = 1e-6. */
static void test_densities_are_normalised(void **state)
{
    (void)state;
    const double h = 1e-3;
    for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++) {
        double v[ARGS] = {0.0, 0.3, 0.7}, total = 0.0;
        NumIn_f64 in[ARGS] = {{&v[0], one}, {&v[1], one}, {&v[2], one}};
        if (strcmp(rows[f].operand[0], "x") != 0 && strcmp(rows[f].operand[0], "z") != 0)
            continue; /* a divergence, or the reparameterisation */
        int points = rows[f].domain == UNIT ? 2 : 160001;
        for (int i = 0; i < points; i++) {
            double term1;
            v[0] = points == 2 ? i : (i - points / 2) * h;
            num_density_f64(f, one, &term1, in, NULL);
            total += exp(term1) * (points == 2 ? 1.0 : h);
        }
        if (fabs(total - 1.0) > 1e-6)
            fail_msg("%s: the probabilities add up to %.9g, not 1", rows[f].name, total);
    }
}

/* At extreme scales, values and gradients are near the double ones wherever those are floats: no intermediate
 * overflows.  A log variance of +-200 is a standard deviation of e^+-100. */
static void test_extreme_scales(void **state)
{
    (void)state;
    const float places[] = {0.0f, 1e-30f, 1e-10f, 1.0f, 3e10f}, scales[] = {-160.0f, -85.0f, 0.0f, 85.0f, 160.0f};
    HELP_EACH_ISA {
        for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++)
            for (int at = 0; at < 625; at++) {
                float v[ARGS] = {0}, term1, dy1 = 1.0f, g[ARGS] = {0};
                double wide_v[ARGS], wide_term, wide_dy1 = 1.0, wide_g[ARGS] = {0};
                NumIn_f32 in[ARGS];
                NumIn_f64 wide_in[ARGS];
                for (size_t k = 0, digits = (size_t)at; k < rows[f].args; k++, digits /= 5) {
                    v[k] = (is_log_scale(f, k) ? scales : places)[digits % 5];
                    wide_v[k] = (double)v[k];
                    in[k] = (NumIn_f32){&v[k], one};
                    wide_in[k] = (NumIn_f64){&wide_v[k], one};
                }
                num_density_f32(f, one, &term1, in, scratch);
                num_density_f64(f, one, &wide_term, wide_in, NULL);
                num_density_back_f32(f, one, &dy1, in, (float *[]){&g[0], &g[1], &g[2], &g[3]}, 0, scratch);
                num_density_back_f64(f, one, &wide_dy1, wide_in, (double *[]){&wide_g[0], &wide_g[1], &wide_g[2], &wide_g[3]}, 0, NULL);
                for (size_t k = 0; k <= rows[f].args; k++) {
                    double found = k == 0 ? (double)term1 : (double)g[k - 1], exact = k == 0 ? wide_term : wide_g[k - 1];
                    if (fabs(exact) < 3e38 && !(fabs(found - exact) <= 1e-6 * (1.0 + fabs(exact)))) /* (x - mu)^2 - 1 may cancel */
                        fail_msg("%s(%g, %g, %g, %g), %s: %.9g, in double %.9g (instruction set %s)", rows[f].name, (double)v[0],
                                 (double)v[1], (double)v[2], (double)v[3], k == 0 ? "value" : rows[f].operand[k - 1], found,
                                 exact, num_isa_name());
                }
            }
    }
}

/* An overwritten gradient equals one that is added to 0, whatever its memory held. */
static void test_overwritten_gradients(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 50}}, small = {{1, 3, 50}};
    uint64_t seed = 89;
    for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++)
        for (unsigned overwrite = 0; overwrite < 1u << rows[f].args; overwrite++) {
            NumIn_f32 in[ARGS];
            NumIn_f64 wide_in[ARGS];
            float *gradients[ARGS], *expected[ARGS];
            double *wide_gradients[ARGS];
            fill(f, &seed);
            memset(want_d, 0, sizeof want_d);
            for (unsigned k = 0; k < ARGS; k++) {
                NumShape own = k % 2 ? small : shape;
                in[k] = (NumIn_f32){x[k], own};
                wide_in[k] = (NumIn_f64){wide[k], own};
                help_widen(300, wide[k], x[k]);
                gradients[k] = d[k];
                expected[k] = want_d[k];
                wide_gradients[k] = wide_d[k];
                for (size_t i = 0; i < 300; i++)
                    wide_d[k][i] = (double)(d[k][i] = overwrite >> k & 1 ? NAN : 0.0f);
            }
            help_widen(300, wide_dy, dy);
            num_density_back_f32(f, shape, dy, in, expected, 0, scratch);
            num_density_back_f32(f, shape, dy, in, gradients, overwrite, scratch);
            num_density_back_f64(f, shape, wide_dy, wide_in, wide_gradients, overwrite, NULL);
            for (size_t k = 0; k < rows[f].args; k++)
                for (size_t i = 0; i < num_shape_size(in[k].shape); i++) {
                    assert_true(d[k][i] == want_d[k][i]); /* -0 is 0 */
                    assert_true(fabs(wide_d[k][i] - (double)d[k][i]) <= 1e-5 * (1.0 + fabs(wide_d[k][i])));
                }
        }
}

/* A gradient that is not wanted (NULL) changes no other gradient. */
static void test_unwanted_gradients(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 50}}, small = {{1, 3, 50}};
    uint64_t seed = 83;
    for (NumDensity f = 0; f < NUM_DENSITY_COUNT; f++) {
        NumIn_f32 in[ARGS];
        float *gradients[ARGS];
        fill(f, &seed);
        memset(want_d, 0, sizeof want_d);
        for (int k = 0; k < ARGS; k++) {
            in[k] = (NumIn_f32){x[k], k % 2 ? small : shape};
            gradients[k] = want_d[k];
        }
        num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
        for (size_t k = 0; k < rows[f].args; k++) {
            memset(d, 0, sizeof d);
            for (size_t j = 0; j < ARGS; j++)
                gradients[j] = j == k ? d[k] : NULL;
            num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
            help_assert_same(d[k], want_d[k], 300);
        }
        memset(gradients, 0, sizeof gradients);
        num_density_back_f32(f, shape, dy, in, gradients, 0, scratch);
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
        cmocka_unit_test(test_densities_are_normalised),
        cmocka_unit_test(test_extreme_scales),
        cmocka_unit_test(test_overwritten_gradients),
        cmocka_unit_test(test_unwanted_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
