/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_elementwise.c: functions over arrays: error against long double, special values, the same bits from
 * every instruction set, gradients.  A sample of all exponents; tests/exhaustive.c checks all 2^32 inputs.
 */
#include "num_functions.h"

#include "num_help.h"

#include "base/digest.h"
#include "num/elementwise.h"

#include <stdlib.h>

/* The list of functions starts with those of num/elementwise_list.h, in the order of NumUnary. */
enum { CHUNK = FUNCTION_CHUNK };
#define UNARY ((int)NUM_UNARY_COUNT)

/* ---- the sample -------------------------------------------------------------------------------------------------- */

/* Where functions change their formula, overflow, underflow or saturate: the sample is dense around these inputs. */
static const float turning_points[] = {
    0.0f, 0x1p-149f, FLT_MIN, 0x1p-64f, 0x1p-33f, 0x1p-25f, 0x1p-24f, 0x1p-12f, 0.55f, 1.0f, 1.8f, 2.0f,
    0x1.555556p-2f, 0x1.555556p-1f, 0x1.555556p+0f, 0.5f, 2.0f / 3.0f, 0x1.62e43p-2f, 0x1.62e43p-1f, 0x1p22f, 0x1p23f, 0x1p24f,
    4.5f, 8.5f, 9.01f, 10.0f, 15.94f, 16.64f, 17.33f, 25.0f, 86.99f, 87.3365479f, 88.0f, 88.37626f, 88.7228394f, 89.41598f, 89.5f,
    103.2789f, 103.972084f, 174.0f, 0x1p-63f, 0x1p63f, 0x1.6a09e6p+63f, 0x1.6a09e6p-75f, 0x1p126f, 0x1p127f, FLT_MAX, INFINITY,
};

enum { MANTISSAS = 128, BESIDE = 16, POINTS = sizeof turning_points / sizeof turning_points[0] };

/* Sample i: first every sign and exponent with the first, the last, the middle and other mantissas, from a fixed
 * seed; then the neighbours of each turning point, of both signs; then every 16381st bit pattern (a prime, so that
 * all low bits appear). */
static int sample_at(uint64_t i, uint32_t *bits)
{
    if (i < 512 * MANTISSAS) {
        static const uint32_t edge[] = {0, 1, 2, 3, 0x7fffff, 0x7ffffe, 0x7ffffd, 0x400000, 0x3fffff, 0x400001, 0x2aaaaa, 0x2aaaab,
                                        0x2aaaac, 0x555555, 0x555556, 0x3504f3, 0x3504f4, 0x200000, 0x600000, 0x1fffff};
        uint64_t which = i % MANTISSAS, seed = i;
        uint32_t mantissa = which < sizeof edge / sizeof edge[0] ? edge[which] : (uint32_t)help_random(&seed) & 0x7fffff;
        *bits = (uint32_t)(i / MANTISSAS) << 23 | mantissa;
        return 1;
    }
    i -= 512 * MANTISSAS;
    if (i < POINTS * 4 * BESIDE) {
        uint32_t point = help_bits(turning_points[i / (4 * BESIDE)]), sign = i % 2 ? 0x80000000u : 0;
        *bits = (point + (uint32_t)(i / 2 % (2 * BESIDE)) - BESIDE) ^ sign;
        return 1;
    }
    i = (i - POINTS * 4 * BESIDE) * 16381;
    *bits = (uint32_t)i;
    return i >> 32 == 0;
}

/* The next inputs of the sample, from the *ith on. */
static size_t next_inputs(uint64_t *i, uint32_t bits[CHUNK])
{
    size_t n = 0;
    while (n < CHUNK && sample_at(*i, &bits[n])) {
        n++;
        ++*i;
    }
    return n;
}

/* ---- against the exact value, and against the scalar definition -------------------------------------------------- */

/* [OUT] the error of a function in the table of docs/arithmetic.md, and the input where it occurs. */
static void read_documented(const Function *f, double *ulp, uint32_t *at)
{
    char line[512], name[64], formula[64], where[64];
    FILE *file = fopen("docs/arithmetic.md", "r"); /* tests run in the project's folder */
    if (file == NULL)
        fail_msg("docs/arithmetic.md cannot be read");
    int found = 0;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "| `%63[a-z0-9_]` | %63[^|]| %lf | %63[^|]|", name, formula, ulp, where) == 4
             && strcmp(name, f->name) == 0;
    fclose(file);
    if (!found)
        fail_msg("docs/arithmetic.md has no row for %s", f->name);
    unsigned word;
    *at = sscanf(where, "word %x", &word) == 1 ? word : help_bits(strtof(where, NULL));
}

/* The table of tests/exhaustive.c: the error at the input that it names is right, and no input of the sample has a
 * larger one. */
static void test_the_error_is_the_documented_one(void **state)
{
    (void)state;
    const double half_a_digit = 0.5e-4 + 0x1p-20;
    uint32_t bits[CHUNK], at;
    for (const Function *f = functions; f < functions + FUNCTIONS; f++) {
        double documented, worst = 0.0;
        read_documented(f, &documented, &at);
        double there = function_ulp(f->scalar(at), f->exact(at));
        if (!(fabs(there - documented) <= half_a_digit))
            fail_msg("%s: %.4f ulp at 0x%08x in docs/arithmetic.md, measured %.4f", f->name, documented, (unsigned)at, there);
        assert_true(documented <= f->limit);
        assert_true(f->limit <= 2.0);
        uint64_t i = 0;
        for (size_t n; (n = next_inputs(&i, bits)) > 0;)
            for (size_t j = 0; j < n; j++) {
                double ulp = function_ulp(f->scalar(bits[j]), f->exact(bits[j]));
                at = ulp > worst ? bits[j] : at;
                worst = ulp > worst ? ulp : worst;
            }
        if (!(worst <= documented + half_a_digit))
            fail_msg("%s of 0x%08x has an error of %.4f ulp, docs/arithmetic.md allows %.4f", f->name, (unsigned)at, worst,
                     documented);
    }
}

/* Vectors of every width equal the scalar definition, at every place in the array. */
static void test_instruction_sets_agree_to_the_bit(void **state)
{
    (void)state;
    FunctionKernels kernels[FUNCTION_ISAS];
    uint32_t bits[CHUNK];
    float x[CHUNK], y[CHUNK], fused[CHUNK];
    int isas = function_kernels(kernels);
    for (const Function *f = functions; f < functions + FUNCTIONS; f++) {
        uint64_t i = 0;
        for (size_t n; (n = next_inputs(&i, bits)) > 0;) {
            memcpy(x, bits, n * sizeof *x);
            f->scalars(n, fused, bits);
            for (int k = 0; k < isas; k++) {
                f->vector(&kernels[k], n, y, x);
                for (size_t j = 0; j < n; j++)
                    if (!help_same(y[j], f->scalar(bits[j])) || !help_same(y[j], fused[j]))
                        fail_msg("%s: %s of 0x%08x = %a, the scalar definition gives %a", kernels[k].isa, f->name,
                                 (unsigned)bits[j], (double)y[j], (double)f->scalar(bits[j]));
            }
        }
    }
}

/* num_unary_f32 runs the kernels that are tested here. */
static void test_num_unary_takes_these_kernels(void **state)
{
    (void)state;
    float x[CHUNK], y[CHUNK], direct[CHUNK];
    FunctionKernels kernels[FUNCTION_ISAS];
    uint64_t seed = 5;
    help_fill(&seed, CHUNK, x, -4.0, 4.0);
    function_kernels(kernels);
    for (int k = 0; k < UNARY; k++) {
        num_unary_f32((NumUnary)k, CHUNK, y, x);
        functions[k].vector(&kernels[0], CHUNK, direct, x);
        help_assert_same(y, direct, CHUNK);
        for (int i = 0; i < CHUNK; i += 61)
            assert_true(help_same(num_unary1_f32((NumUnary)k, x[i]), y[i]));
    }
}

/* ---- NaN --------------------------------------------------------------------------------------------------------- */

/* A NaN comes out where one goes in and where the function has no value, and nowhere else.  Which NaN, its sign and
 * payload, is not defined, because processors differ; a run that meets a NaN stops and stores none. */
static void test_nan(void **state)
{
    (void)state;
    const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fc01234, 0x7fa00000};
    enum { NANS = sizeof nans / sizeof nans[0], N = 37 };
    FunctionKernels kernels[FUNCTION_ISAS];
    float x[N], y[N];
    int isas = function_kernels(kernels);
    for (int f = 0; f < FUNCTIONS; f++)
        for (int k = 0; k < isas && functions[f].input == OF_FLOATS; k++)
            for (int i = 0; i < NANS * N; i++) {
                for (int j = 0; j < N; j++)
                    x[j] = 0.5f;
                memcpy(&x[i % N], &nans[i / N], sizeof x[0]); /* one NaN; its neighbours must stay numbers */
                functions[f].vector(&kernels[k], N, y, x);
                for (int j = 0; j < N; j++)
                    if ((y[j] != y[j]) != (j == i % N))
                        fail_msg("%s: %s, NaN 0x%08x at %d: %a at %d", kernels[k].isa, functions[f].name,
                                 (unsigned)nans[i / N], i % N, (double)y[j], j);
            }
    uint32_t bits[CHUNK];
    uint64_t i = 0;
    for (size_t n; (n = next_inputs(&i, bits)) > 0;)
        for (size_t j = 0; j < n; j++)
            for (int f = 0; f < FUNCTIONS; f++) {
                float out = functions[f].scalar(bits[j]);
                double exact = functions[f].in_double(bits[j]);
                if ((out != out) != (exact != exact))
                    fail_msg("%s of 0x%08x is %a, exactly %a", functions[f].name, (unsigned)bits[j], (double)out, exact);
            }
}

/* ---- gradients, digests, special values -------------------------------------------------------------------------- */

static void test_gradients_agree_to_the_bit(void **state)
{
    (void)state;
    enum { N = 1003 };
    float x[N], dy[N], y[N], dx[N], first[UNARY][N];
    uint64_t seed = 7;
    help_fill(&seed, N, x, 0.01, 8.0);
    help_fill(&seed, N, dy, -1.0, 1.0);
    int best = 1;
    HELP_EACH_ISA {
        for (int k = 0; k < UNARY; k++) {
            for (size_t i = 0; i < N; i++)
                dx[i] = dy[N - 1 - i];
            num_unary_f32((NumUnary)k, N, y, x);
            num_unary_back_f32((NumUnary)k, N, dx, dy, x, y);
            if (best)
                memcpy(first[k], dx, sizeof dx);
            help_assert_same(dx, first[k], N);
        }
        best = 0;
    }
}

/* Another coefficient, even a better one, is another arithmetic version.  Each group of functions has the digest
 * that was recorded when it was added. */
static void test_the_bits_are_those_of_arithmetic_version_1(void **state)
{
    (void)state;
    static const struct {
        NumUnary first, last;
        const char *digest;
    } recorded[] = {
        {NUM_NEG, NUM_ABS, "ac96b193f7e91f1dd3459f2bfed5c4a538d396610e80a45d18bce6b08da211ea"},
        {NUM_SILU, NUM_LEAKY_RELU, "7a138d827cae8bbd2d73e6c99505d43d82c31c85f3f0020ecf31b7ad31b5c112"},
        {NUM_GELU, NUM_GELU, "2792ab3a50f0189093c97d42797f96563eb243e051ed9467e19c31e6e8225131"},
    };
    float x[CHUNK], y[CHUNK];
    char text[DIGEST_TEXT];
    for (size_t group = 0; group < sizeof recorded / sizeof recorded[0]; group++) {
        Digest d;
        digest_start(&d);
        for (uint64_t bits = 0; bits >> 32 == 0;) {
            size_t n = 0;
            for (; n < CHUNK && bits >> 32 == 0; n++, bits += 65521)
                x[n] = help_float((uint32_t)bits);
            for (NumUnary f = recorded[group].first; f <= recorded[group].last; f++) {
                num_unary_f32(f, n, y, x);
                for (size_t i = 0; i < n; i++)
                    y[i] = y[i] == y[i] ? y[i] : 0.0f; /* which NaN is not defined */
                digest_floats(&d, y, n);
            }
        }
        digest_end(&d, text);
        assert_string_equal(text, recorded[group].digest);
    }
    assert_int_equal(NUM_ARITHMETIC_VERSION, 1);
}

/* The values of C11, Annex F, and for other functions the limits of the formula; the sign of zero counts. */
static void test_special_values(void **state)
{
    (void)state;
    const float inf = INFINITY, least = 0x1p-149f, most = FLT_MAX;
    const struct {
        NumUnary f;
        float x, y;
    } cases[] = {
        {NUM_NEG, 0.0f, -0.0f}, {NUM_NEG, -0.0f, 0.0f}, {NUM_NEG, inf, -inf}, {NUM_NEG, -inf, inf}, {NUM_NEG, least, -least},
        {NUM_EXP, 0.0f, 1.0f}, {NUM_EXP, -0.0f, 1.0f}, {NUM_EXP, -inf, 0.0f}, {NUM_EXP, inf, inf}, {NUM_EXP, least, 1.0f},
        {NUM_EXP, -least, 1.0f}, {NUM_EXP, 88.8f, inf}, {NUM_EXP, most, inf}, {NUM_EXP, -most, 0.0f}, {NUM_EXP, -104.0f, 0.0f},
        {NUM_EXP, -103.0f, least}, {NUM_EXP, 0x1.62e42ep+6f, 0x1.ffff08p+127f}, {NUM_EXP, 0x1.62e43p+6f, inf},
        {NUM_LOG, 1.0f, 0.0f}, {NUM_LOG, 0.0f, -inf}, {NUM_LOG, -0.0f, -inf}, {NUM_LOG, -1.0f, NAN}, {NUM_LOG, -inf, NAN},
        {NUM_LOG, -least, NAN}, {NUM_LOG, -most, NAN}, {NUM_LOG, inf, inf}, {NUM_LOG, least, -103.27893f},
        {NUM_LOG, most, 88.72284f}, {NUM_LOG, FLT_MIN, -87.33655f},
        {NUM_LOG1P, 0.0f, 0.0f}, {NUM_LOG1P, -0.0f, -0.0f}, {NUM_LOG1P, -1.0f, -inf}, {NUM_LOG1P, -1.5f, NAN},
        {NUM_LOG1P, -0x1.000002p+0f, NAN}, {NUM_LOG1P, -inf, NAN}, {NUM_LOG1P, -most, NAN}, {NUM_LOG1P, inf, inf},
        {NUM_LOG1P, least, least}, {NUM_LOG1P, -least, -least}, {NUM_LOG1P, most, 88.72284f},
        {NUM_TANH, 0.0f, 0.0f}, {NUM_TANH, -0.0f, -0.0f}, {NUM_TANH, inf, 1.0f}, {NUM_TANH, -inf, -1.0f}, {NUM_TANH, least, least},
        {NUM_TANH, -least, -least}, {NUM_TANH, 1e4f, 1.0f}, {NUM_TANH, most, 1.0f}, {NUM_TANH, -most, -1.0f},
        {NUM_SIGMOID, 0.0f, 0.5f}, {NUM_SIGMOID, -0.0f, 0.5f}, {NUM_SIGMOID, inf, 1.0f}, {NUM_SIGMOID, -inf, 0.0f},
        {NUM_SIGMOID, -103.0f, least}, {NUM_SIGMOID, most, 1.0f}, {NUM_SIGMOID, -most, 0.0f}, {NUM_SIGMOID, least, 0.5f},
        {NUM_SOFTPLUS, -inf, 0.0f}, {NUM_SOFTPLUS, inf, inf}, {NUM_SOFTPLUS, -103.0f, least}, {NUM_SOFTPLUS, 1e4f, 1e4f},
        {NUM_SOFTPLUS, most, most}, {NUM_SOFTPLUS, -most, 0.0f}, {NUM_SOFTPLUS, 0.0f, 0x1.62e43p-1f}, {NUM_SOFTPLUS, -0.0f, 0x1.62e43p-1f},
        {NUM_RELU, -3.0f, 0.0f}, {NUM_RELU, 3.0f, 3.0f}, {NUM_RELU, -inf, 0.0f}, {NUM_RELU, inf, inf}, {NUM_RELU, 0.0f, 0.0f},
        {NUM_RELU, -0.0f, -0.0f}, {NUM_RELU, -least, 0.0f}, {NUM_RELU, least, least},
        {NUM_SQRT, 0.0f, 0.0f}, {NUM_SQRT, -0.0f, -0.0f}, {NUM_SQRT, -1.0f, NAN}, {NUM_SQRT, -least, NAN}, {NUM_SQRT, -inf, NAN},
        {NUM_SQRT, inf, inf}, {NUM_SQRT, least, 0x1.6a09e6p-75f},
        {NUM_SQUARE, -0.0f, 0.0f}, {NUM_SQUARE, -inf, inf}, {NUM_SQUARE, inf, inf}, {NUM_SQUARE, most, inf}, {NUM_SQUARE, least, 0.0f},
        {NUM_RECIPROCAL, 0.0f, inf}, {NUM_RECIPROCAL, -0.0f, -inf}, {NUM_RECIPROCAL, inf, 0.0f}, {NUM_RECIPROCAL, -inf, -0.0f},
        {NUM_RECIPROCAL, least, inf}, {NUM_RECIPROCAL, most, 0x1.000002p-128f},
        {NUM_SILU, 0.0f, 0.0f}, {NUM_SILU, -0.0f, -0.0f}, {NUM_SILU, inf, inf}, {NUM_SILU, -inf, -0.0f}, {NUM_SILU, most, most},
        {NUM_SILU, -most, -0.0f}, {NUM_SILU, least, 0.0f}, {NUM_SILU, 25.0f, 25.0f}, {NUM_SILU, -120.0f, -0.0f},
        {NUM_GELU, 0.0f, 0.0f}, {NUM_GELU, -0.0f, -0.0f}, {NUM_GELU, inf, inf}, {NUM_GELU, -inf, -0.0f},
        {NUM_GELU, most, most}, {NUM_GELU, -most, -0.0f}, {NUM_GELU, 7.0f, 7.0f}, {NUM_GELU, -14.0f, -0.0f},
        {NUM_ELU, 0.0f, 0.0f}, {NUM_ELU, -0.0f, -0.0f}, {NUM_ELU, inf, inf}, {NUM_ELU, -inf, -1.0f}, {NUM_ELU, -most, -1.0f},
        {NUM_ELU, -least, -least}, {NUM_ELU, -25.0f, -1.0f}, {NUM_ELU, 3.0f, 3.0f},
        {NUM_LEAKY_RELU, -0.0f, -0.0f}, {NUM_LEAKY_RELU, -inf, -inf}, {NUM_LEAKY_RELU, inf, inf}, {NUM_LEAKY_RELU, 3.0f, 3.0f},
        {NUM_LEAKY_RELU, -1.0f, -0.01f}, {NUM_LEAKY_RELU, -least, -0.0f},
        {NUM_ABS, -0.0f, 0.0f}, {NUM_ABS, 0.0f, 0.0f}, {NUM_ABS, -inf, inf}, {NUM_ABS, inf, inf}, {NUM_ABS, -least, least},
    };
    HELP_EACH_ISA {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            if (!help_same(num_unary1_f32(cases[i].f, cases[i].x), cases[i].y))
                fail_msg("%s: %s(%a) = %a, expected %a", num_isa_name(), functions[cases[i].f].name, (double)cases[i].x,
                         (double)num_unary1_f32(cases[i].f, cases[i].x), (double)cases[i].y);
        for (int f = 0; f < UNARY; f++)
            assert_true(isnan(num_unary1_f32((NumUnary)f, NAN)));
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
        num_unary_f32(NUM_TANH, 96, whole, x);
        for (size_t first = 0; first < 5; first++)
            for (size_t n = 0; n + first < 70; n++) {
                memcpy(y, x, sizeof y);
                num_unary_f32(NUM_TANH, n, y + first, y + first);
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
    num_unary_f32(NUM_SOFTPLUS, N, one, x);
    num_unary_back_f32(NUM_SOFTPLUS, N, one, x, x, x);
    num_axpy_f32(N, one, 0.3f, x);
    num_threads_set(3);
    num_unary_f32(NUM_SOFTPLUS, N, three, x);
    num_unary_back_f32(NUM_SOFTPLUS, N, three, x, x, x);
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
    enum { ANY, POSITIVE, ABOVE, N = 200 };
#define DOMAIN_OF(NAME, name, formula, reads, domain, ...) domain,
    static const int domains[] = {NUM_UNARY_LIST(DOMAIN_OF)};
    static const double least[] = {[ANY] = -4.0, [POSITIVE] = 0.2, [ABOVE] = -0.7}, h = 1e-6;
    float x[N], y[N], dy[N], dx[N];
    double wide_x[N], up[N], down[N], wide_y[N], wide_dy[N], wide_dx[N];
    uint64_t seed = 17;
    for (int k = 0; k < UNARY; k++) {
        help_fill(&seed, N, x, least[domains[k]], 4.0);
        help_fill(&seed, N, dy, -2.0, 2.0);
        help_fill(&seed, N, dx, -2.0, 2.0);
        help_widen(N, wide_x, x);
        help_widen(N, wide_dy, dy);
        help_widen(N, wide_dx, dx);
        for (int i = 0; i < N; i++) {
            up[i] = wide_x[i] + h;
            down[i] = wide_x[i] - h;
        }
        num_unary_f64((NumUnary)k, N, up, up);
        num_unary_f64((NumUnary)k, N, down, down);
        num_unary_f64((NumUnary)k, N, wide_y, wide_x);
        num_unary_back_f64((NumUnary)k, N, wide_dx, wide_dy, wide_x, wide_y);
        for (int i = 0; i < N; i++) {
            double slope = (up[i] - down[i]) / (2.0 * h), grew = wide_dx[i] - (double)dx[i];
            double allowed = 1e-6 * (fabs(wide_dy[i] * slope) + 1.0); /* h^2 f''' / 6, and rounding of f / h */
            if (fabs(grew - wide_dy[i] * slope) > allowed)
                fail_msg("%s'(%.17g): %.17g, by differences %.17g", functions[k].name, wide_x[i], grew, wide_dy[i] * slope);
        }
        num_unary_f32((NumUnary)k, N, y, x);
        num_unary_back_f32((NumUnary)k, N, dx, dy, x, y);
        help_assert_near(dx, wide_dx, N, 1e-6, 3.0); /* a few roundings; terms may cancel */
    }
    float zero = 0.0f, one = 1.0f, d = 0.0f;
    num_unary_back_f32(NUM_RELU, 1, &d, &one, &zero, &zero);
    num_unary_back_f32(NUM_ABS, 1, &d, &one, &zero, &zero);
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

/* exp(-|x|) saves what exp needs for other arguments: a million floats over all exponents, and each where 2^n is
 * denormal. */
static void test_exp_nabs_is_exp(void **state)
{
    (void)state;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4093) {
        float x = num_float((uint32_t)bits), fast = num_exp_nabs1(x), plain = num_exp1(num_nabs1(x));
        assert_true(x != x ? fast != fast && plain != plain : num_bits(fast) == num_bits(plain));
    }
    for (float x = 87.0f; x < 105.0f; x = nextafterf(x, 200.0f))
        assert_true(num_bits(num_exp_nabs1(x)) == num_bits(num_exp1(-x)));
}

static void test_every_byte_has_its_grey_level(void **state)
{
    (void)state;
    uint8_t byte[256];
    float y[256];
    for (int i = 0; i < 256; i++)
        byte[i] = (uint8_t)i;
    HELP_EACH_ISA {
        num_grey_f32(256, y, byte);
        for (int i = 0; i < 256; i++)
            assert_true(y[i] == (float)i / 255.0f);
    }
}

/* Box and Muller's angles: the identities at quarter turns are exact, on this grid elsewhere 1 ulp. */
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
            assert_true(function_ulp(at.sin, sinl(angle)) <= 1.0);
            assert_true(function_ulp(at.cos, cosl(angle)) <= 1.0);
        }
    }
}

/* ---- functions of two variables ---------------------------------------------------------------------------------- */

static float binary1(NumBinary op, float a, float b)
{
    switch (op) {
#define CASE(NAME, name, formula, reads, domain, value, by_a, by_b) \
    case NUM_##NAME: return value;
        NUM_BINARY_LIST(CASE)
#undef CASE
    default: return NAN;
    }
}

static float binary1_back(NumBinary op, int which, float dc, float a, float b)
{
    switch (op) {
#define CASE(NAME, name, formula, reads, domain, value, by_a, by_b) \
    case NUM_##NAME: return which == 0 ? by_a : by_b;
        NUM_BINARY_LIST(CASE)
#undef CASE
    default: return NAN;
    }
}

enum { BINARY_MAX = 3 * 40 * 53 };
static float za[BINARY_MAX], zb[BINARY_MAX], zc[BINARY_MAX], zd[BINARY_MAX], want[BINARY_MAX], terms[BINARY_MAX], zs[BINARY_MAX];

static void check_binary(NumBinary op, NumShape shape, NumShape a_shape, NumShape b_shape)
{
    size_t i = 0;
    num_binary_f32(op, shape, zc, (NumIn_f32){za, a_shape}, (NumIn_f32){zb, b_shape});
    for (size_t s = 0; s < shape.n[0]; s++)
        for (size_t b = 0; b < shape.n[1]; b++)
            for (size_t f = 0; f < shape.n[2]; f++, i++)
                want[i] = binary1(op, za[num_shape_index(a_shape, s, b, f)], zb[num_shape_index(b_shape, s, b, f)]);
    help_assert_same(zc, want, i);
    for (int which = 0; which < 2; which++) {
        NumShape d_shape = which == 0 ? a_shape : b_shape;
        i = 0;
        for (size_t s = 0; s < shape.n[0]; s++)
            for (size_t b = 0; b < shape.n[1]; b++)
                for (size_t f = 0; f < shape.n[2]; f++, i++)
                    terms[i] = binary1_back(op, which, zc[i], za[num_shape_index(a_shape, s, b, f)], zb[num_shape_index(b_shape, s, b, f)]);
        for (size_t j = 0; j < num_shape_size(d_shape); j++)
            zd[j] = want[j] = (float)j * 0.125f;
        help_sum(want, d_shape, terms, shape, 1.0f);
        num_binary_back_f32(op, which, shape, zc, zd, (NumIn_f32){za, a_shape}, (NumIn_f32){zb, b_shape}, zs);
        help_assert_same(zd, want, num_shape_size(d_shape));
    }
}

/* Every way to broadcast, on sizes that are no multiple of anything, and rows longer than a panel. */
static void test_binary_broadcasts(void **state)
{
    (void)state;
    const NumShape shapes[] = {{{3, 5, 7}}, {{2, 40, 53}}, {{2, 3, 1}}, {{1, 2, 2100}}, {{1, 1, 1}}, {{3, 1, 5}}, {{1, 9, 16}}};
    uint64_t seed = 23;
    help_fill(&seed, BINARY_MAX, za, -2.0, 2.0);
    help_fill(&seed, BINARY_MAX, zb, 0.3, 2.0);
    zb[1] = za[1] = 0.5f; /* a tie for max */
    HELP_EACH_ISA {
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            for (int mask = 0; mask < 64; mask++) {
                NumShape a = shapes[k], b = shapes[k];
                for (int axis = 0; axis < 3; axis++) {
                    a.n[axis] = mask >> axis & 1 ? 1 : a.n[axis];
                    b.n[axis] = mask >> (axis + 3) & 1 ? 1 : b.n[axis];
                }
                for (int op = 0; op < NUM_BINARY_COUNT; op++)
                    if (mask == 0 || op == mask % NUM_BINARY_COUNT)
                        check_binary((NumBinary)op, shapes[k], a, b);
            }
    }
}

/* In double: the gradient against differences, broadcast included. */
static void test_binary_gradients_in_double(void **state)
{
    (void)state;
    const NumShape shape = {{2, 3, 5}}, shapes[2] = {{{1, 3, 5}}, {{2, 1, 1}}};
    double x[2][30], c[30], dc[30], d[30], h = 1e-6;
    uint64_t seed = 29;
    for (int op = 0; op < NUM_BINARY_COUNT; op++) {
        for (int i = 0; i < 30; i++) {
            x[0][i] = help_uniform(&seed, -2.0, 2.0);
            x[1][i] = help_uniform(&seed, 0.3, 2.0);
            dc[i] = help_uniform(&seed, -1.0, 1.0);
        }
        for (int which = 0; which < 2; which++) {
            memset(d, 0, sizeof d);
            num_binary_back_f64((NumBinary)op, which, shape, dc, d, (NumIn_f64){x[0], shapes[0]}, (NumIn_f64){x[1], shapes[1]}, NULL);
            for (size_t j = 0; j < num_shape_size(shapes[which]); j++) {
                double slope = 0.0, kept = x[which][j];
                for (int side = -1; side <= 1; side += 2) {
                    x[which][j] = kept + side * h;
                    num_binary_f64((NumBinary)op, shape, c, (NumIn_f64){x[0], shapes[0]}, (NumIn_f64){x[1], shapes[1]});
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
        cmocka_unit_test(test_the_error_is_the_documented_one),
        cmocka_unit_test(test_instruction_sets_agree_to_the_bit),
        cmocka_unit_test(test_num_unary_takes_these_kernels),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(test_gradients_agree_to_the_bit),
        cmocka_unit_test(test_the_bits_are_those_of_arithmetic_version_1),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_lengths_and_places),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_affine_and_axpy),
        cmocka_unit_test(test_exp_nabs_is_exp),
        cmocka_unit_test(test_every_byte_has_its_grey_level),
        cmocka_unit_test(test_sine_and_cosine_of_turns),
        cmocka_unit_test(test_binary_broadcasts),
        cmocka_unit_test(test_binary_gradients_in_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
