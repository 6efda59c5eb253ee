/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_matmul.c: the matrix product equals three plain loops over fmaf to the bit: in each form, on each
 * instruction set that this processor has, on 1, 2, 3 and 8 threads, with bias, activation and accumulation, for
 * every small shape, at the edges of every tile and block, for awkward values.
 *
 * Random numbers come from a fixed seed.  No tolerance but for f64 against f32, stated there.  What is promised of
 * NaN: an element is a NaN exactly where the plain loops have one; which NaN (its sign, its payload) is not defined,
 * since it depends on the order of the factors in the machine's instruction.  All else, signed zeros too, is
 * compared by its bits.
 * Slow: starts first.
 */
#include "num/isa.h"
#include "num/matmul.h"

#define NUM_VARIANT test
#include "num/isa/variant.h"

#include "base/mem.h"
#include "num/elementwise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 20250101;

static uint32_t bits32(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int same(float x, float y)
{
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

typedef enum { PLAIN, DENORMAL, CANCELLING, SPECIAL, ZEROS, LARGE, WIDE, INFINITE, VALUES } Values;
static const char *const values_names[] = {"plain", "denormal", "cancelling", "special", "zero", "large", "wide", "infinite"};

static float value(Values kind)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 3e38f, 1e-45f, -1e-45f, 1e-38f, 1e-20f};
    static const float sizes[] = {1.0f, -1.0f, 16777216.0f, -16777216.0f, 3.0f, 1e10f, -1e10f, 0x1.000002p0f};
    static const float zeros[] = {0.0f, -0.0f, 0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, -1e-45f};
    uint32_t u = bits32();
    switch (kind) {
    case DENORMAL: /* products around 2^-164 to 2^-124: results that lose bits to the denormal range */
        return as_float((u & 0x807fffff) | ((45 + (u >> 3) % 20) << 23));
    case CANCELLING:
        return sizes[u % 8];
    case SPECIAL: /* mostly plain, or all is NaN */
        return u % 64 == 0 ? special[bits32() % 12] : as_float((u & 0x807fffff) | ((120 + (u >> 3) % 13) << 23));
    case ZEROS: /* chains of zeros of both signs, with a few other values */
        return zeros[u % 8];
    case LARGE: /* products around 2^112 to 2^128: chains that overflow and chains that just do not */
        return as_float((u & 0x807fffff) | ((183 + (u >> 3) % 8) << 23));
    case WIDE: /* products from below the least denormal to above the largest float */
        return as_float((u & 0x807fffff) | ((40 + (u >> 3) % 160) << 23));
    case INFINITE: /* infinities, whose differences are NaN */
        return u % 97 == 0 ? (u & 0x80000000 ? -INFINITY : INFINITY) : (float)(int32_t)u * 0x1p-31f;
    default:
        return (float)(int32_t)u * 0x1p-31f;
    }
}

/* A block that is only read has no spare floats, so that `make asan` reports each read outside. */
static float *block(size_t n, Values kind)
{
    float *x = mem_array(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = value(kind);
    return x;
}

/* A block that is written has guards on both sides. */
enum { GUARDS = 64 };
static const float GUARD = 12345.0f;

static float *guarded(size_t n)
{
    float *x = mem_array(n + 2 * GUARDS, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < GUARDS; i++)
        x[i] = x[GUARDS + n + i] = GUARD;
    return x + GUARDS;
}

static int is_guarded(const float *x, size_t n)
{
    int good = 1;
    for (size_t i = 0; i < GUARDS; i++)
        good = good && x[(ptrdiff_t)i - GUARDS] == GUARD && x[n + i] == GUARD;
    return good;
}

/* ---- one product in every way ------------------------------------------------------------------------------------ */

typedef struct MatmulCase {
    NumForm form;
    size_t m, n, k;
    Values kind;
    int bias, accumulate;
    NumUnary act;
} MatmulCase;

#define ACTIVATION(NAME, ...) NUM_##NAME,
static const NumUnary activations[] = {NUM_IDENTITY, NUM_FUSED_LIST(ACTIVATION)};
enum { ACTIVATIONS = sizeof activations / sizeof activations[0] };

static void use(const char *isa, int threads)
{
    Error err = ERROR_NONE;
    assert_int_equal(num_isa_choose(isa, &err), 0);
    num_threads_set(threads);
}

/* A product far too small for threads is run with one number of threads, a different one each time. */
static const int thread_counts[] = {1, 2, 3, 8};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0], SMALL = 20000 };

static void check_on(const MatmulCase *x, const char *isa, int threads, float *c, const float *const *operand, const float *old,
                     const float *want)
{
    size_t size = x->m * x->n;
    use(isa, threads);
    memcpy(c, old, size * sizeof *c);
    num_matmul_f32(x->form, x->m, x->n, x->k, c, operand[0], operand[1], operand[2], x->act, x->accumulate);
    for (size_t i = 0; i < size; i++)
        if (!same(c[i], want[i]))
            fail_msg("form %d, m %zu, n %zu, k %zu, %s values, bias %d, act %d, accumulate %d, %s, %d threads: element "
                     "(%zu, %zu) is %a, the reference %a", (int)x->form, x->m, x->n, x->k, values_names[x->kind], x->bias,
                     (int)x->act, x->accumulate, isa, threads, i / x->n, i % x->n, (double)c[i], (double)want[i]);
    if (!is_guarded(c, size))
        fail_msg("form %d, m %zu, n %zu, k %zu, bias %d, act %d, accumulate %d, %s, %d threads: memory outside c was written", (int)x->form,
                 x->m, x->n, x->k, x->bias, (int)x->act, x->accumulate, isa, threads);
}

static void check(MatmulCase x)
{
    static size_t turn;
    size_t size = x.m * x.n;
    float *a = block(x.m * x.k, x.kind), *b = block(x.k * x.n, x.kind), *bias = block(x.n, x.kind), *old = block(size, x.kind);
    float *c = guarded(size), *want = mem_array(size, sizeof *want);
    const float *operand[] = {a, b, x.bias ? bias : NULL};
    assert_non_null(want);
    use(NULL, 1);
    memcpy(want, old, size * sizeof *want);
    num_matmul_reference_f32(x.form, x.m, x.n, x.k, want, a, b, operand[2], x.act, x.accumulate);
    turn++;
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++)
        for (size_t t = 0; t < THREAD_COUNTS; t++)
            if (size * x.k >= SMALL || t == turn % THREAD_COUNTS)
                check_on(&x, *isa, thread_counts[t], c, operand, old, want);
    use(NULL, 1);
    mem_free(a);
    mem_free(b);
    mem_free(bias);
    mem_free(old);
    mem_free(c - GUARDS);
    mem_free(want);
}

static void check_forms(size_t m, size_t n, size_t k, Values kind)
{
    for (int form = NUM_NN; form <= NUM_TN; form++)
        check((MatmulCase){.form = (NumForm)form, .m = m, .n = n, .k = k, .kind = kind});
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void known_product(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {7, 8, 9, 10, 11, 12}; /* (2, 3) (3, 2) */
    const float at[] = {1, 4, 2, 5, 3, 6}, bt[] = {7, 9, 11, 8, 10, 12};
    float c[4];
    num_matmul_f32(NUM_NN, 2, 2, 3, c, a, b, NULL, NUM_IDENTITY, 0);
    assert_true(c[0] == 58 && c[1] == 64 && c[2] == 139 && c[3] == 154);
    num_matmul_f32(NUM_NT, 2, 2, 3, c, a, bt, NULL, NUM_IDENTITY, 0);
    assert_true(c[0] == 58 && c[1] == 64 && c[2] == 139 && c[3] == 154);
    num_matmul_f32(NUM_TN, 2, 2, 3, c, at, b, NULL, NUM_IDENTITY, 1);
    assert_true(c[0] == 116 && c[1] == 128 && c[2] == 278 && c[3] == 308);
}

/* The chain is fused and ascending: (2^24 + 1) - 2^24 with the 1 first and last; a product whose low half only a
 * fused step keeps; sums in the middle between two floats, and a trace below it, which two roundings take for the
 * middle. */
static void chain_is_fused_and_ascending(void **state)
{
    (void)state;
    const float ones[] = {1, 1, 1}, low_first[] = {1, 0x1p24f, -0x1p24f}, low_last[] = {0x1p24f, -0x1p24f, 1};
    const float x[] = {-1, 0x1.000002p0f}, y[] = {0x1.000004p0f, 0x1.000002p0f}; /* (1 + u)^2 - (1 + 2u) = u^2 */
    const float below[] = {1, 0x1.000002p0f}, trace[] = {0x1.000002p0f, 0x1.fffffcp-25f};
    const float even[] = {1, 0x1p-24f}, odd[] = {0x1.000002p0f, 0x1p-24f};
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++) {
        float c;
        use(*isa, 1);
        num_matmul_f32(NUM_NN, 1, 1, 3, &c, ones, low_first, NULL, NUM_IDENTITY, 0);
        assert_true(c == 0.0f);
        num_matmul_f32(NUM_NT, 1, 1, 3, &c, ones, low_last, NULL, NUM_IDENTITY, 0);
        assert_true(c == 1.0f);
        num_matmul_f32(NUM_TN, 1, 1, 2, &c, x, y, NULL, NUM_IDENTITY, 0);
        assert_true(c == 0x1p-46f);
        num_matmul_f32(NUM_NN, 1, 1, 2, &c, below, trace, NULL, NUM_IDENTITY, 0);
        assert_true(c == 0x1.000002p0f);
        num_matmul_f32(NUM_NN, 1, 1, 2, &c, ones, even, NULL, NUM_IDENTITY, 0);
        assert_true(c == 1.0f);
        num_matmul_f32(NUM_NN, 1, 1, 2, &c, ones, odd, NULL, NUM_IDENTITY, 0);
        assert_true(c == 0x1.000004p0f);
    }
    use(NULL, 1);
}

/* Sets bias, accumulate and activation to the nth of all combinations. */
static MatmulCase with_epilogue(MatmulCase x, size_t n)
{
    x.bias = n & 1;
    x.accumulate = n >> 1 & 1;
    x.act = activations[n / 4 % ACTIVATIONS];
    return x;
}

/* All combinations of rows, columns and depths of this list, in each form: remainders of tiles and vectors. */
static void every_small_shape(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 32, 33};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    size_t n = 0;
    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j < SIZES; j++)
            for (size_t p = 0; p < SIZES; p++, n++) /* n runs through all combinations, in each form */
                for (int form = NUM_NN; form <= NUM_TN; form++)
                    check(with_epilogue((MatmulCase){.form = (NumForm)form, .m = sizes[i], .n = sizes[j], .k = sizes[p]}, n));
}

/* Every number of rows and columns around one and two register tiles; wide tiles of few rows, and narrow ones of many. */
static void tile_edges(void **state)
{
    (void)state;
    for (size_t m = 0; m <= 14; m++)
        for (size_t n = 0; n <= 36; n++)
            check_forms(m, n, 1 + (m * 7 + n) % 10, PLAIN);
    for (size_t m = 23; m <= 26; m++)
        for (size_t n = 61; n <= 67; n++)
            check_forms(m, n, 5, PLAIN);
    for (size_t m = 1; m <= 13; m++)
        for (size_t n = 34; n <= 260; n += 1 + bits32() % 4) {
            check_forms(m, n, 4 + (m + n) % 9, PLAIN);
            check_forms(n, m, 4 + (m + n) % 9, PLAIN);
        }
}

/* Sizes around the blocks of rows and of k, primes, and what a network has, drawn at random; none above two million
 * steps. */
static void block_edges(void **state)
{
    (void)state;
    static const size_t sizes[] = {1,   2,   3,   5,   7,   8,   10,  12,  13,  16,  20,  31,  32,  37,  47,  48,  50,  64,  65,  67,
                                   95,  96,  97,  100, 127, 128, 129, 131, 150, 191, 192, 193, 199, 200, 201, 256, 257, 383, 384, 385,
                                   399, 400, 401, 500, 577, 784, 799, 800, 801, 1000, 1201};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    for (size_t done = 0; done < 500;) {
        uint32_t u = bits32();
        MatmulCase x = {.form = (NumForm)(u % 3), .m = sizes[bits32() % SIZES], .n = sizes[bits32() % SIZES], .k = sizes[bits32() % SIZES]};
        if (x.m * x.n * x.k > (done % 10 == 0 ? 2000000 : 300000))
            continue;
        x.kind = u >> 8 & 3 ? PLAIN : (Values)((u >> 10) % VALUES);
        check(with_epilogue(x, u >> 16));
        done++;
    }
}

static void empty_and_single_chains(void **state)
{
    (void)state;
    for (size_t k = 0; k <= 3; k++) {
        check_forms(5, 17, k, PLAIN);
        check_forms(1, 1, k, SPECIAL);
        for (NumUnary f = 0; f < NUM_UNARY_COUNT; f++)
            check((MatmulCase){.form = NUM_NN, .m = 3, .n = 19, .k = k, .bias = 1, .act = f, .accumulate = 1});
    }
}

/* Sizes around the blocks of k and of rows, between which chains are stored; some products are large enough for
 * threads. */
static void long_chains_and_tall_products(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{7, 33, 399}, {13, 20, 401}, {3, 50, 797}, {25, 37, 801}, {193, 40, 30}, {389, 5, 17},
                                       {5, 389, 17}, {100, 2, 500}, {500, 2, 100}, {1, 784, 400}, {100, 500, 2}, {101, 103, 107}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int accumulate = 0; accumulate < 2; accumulate++)
            for (int form = NUM_NN; form <= NUM_TN; form++)
                check((MatmulCase){.form = (NumForm)form, .m = shapes[s][0], .n = shapes[s][1], .k = shapes[s][2],
                             .bias = (form ^ accumulate) & 1, .accumulate = accumulate});
}

static void random_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        uint32_t u = bits32(), m = bits32() % 50, n = bits32() % 70, k = bits32() % 60;
        check((MatmulCase){.form = (NumForm)(u % 3), .m = m, .n = n, .k = k, .kind = (Values)(u / 3 % VALUES), .bias = u >> 8 & 1,
                     .accumulate = u >> 9 & 1, .act = activations[(u >> 10) % ACTIVATIONS]});
    }
}

/* Few rows, few columns, and both many; a depth of more than one block. */
static void awkward_values(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{27, 45, 40}, {1, 70, 33}, {3, 33, 7}, {70, 5, 12}, {14, 17, 4}, {9, 34, 401}};
    for (int kind = DENORMAL; kind < VALUES; kind++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
            for (int form = NUM_NN; form <= NUM_TN; form++)
                for (size_t n = s % 3; n < 4 * ACTIVATIONS; n += 3) /* a third of all combinations */
                    check(with_epilogue((MatmulCase){.form = (NumForm)form, .m = shapes[s][0], .n = shapes[s][1], .k = shapes[s][2],
                                               .kind = (Values)kind}, n));
}

/* The values of each kind have the property that they are for; otherwise the tests above would test nothing special. */
static void awkward_values_are_awkward(void **state)
{
    (void)state;
    enum { M = 40, N = 40, K = 24 };
    for (int kind = DENORMAL; kind < VALUES; kind++) {
        float *a = block(M * K, (Values)kind), *b = block(K * N, (Values)kind), *c = block(M * N, PLAIN);
        int denormal = 0, infinite = 0, nan = 0, zero = 0, finite = 0, twice = 0;
        num_matmul_reference_f32(NUM_NN, M, N, K, c, a, b, NULL, NUM_IDENTITY, 0);
        for (int i = 0; i < M * N; i++) {
            float plain = 0.0f; /* rounds twice in each step */
            for (int p = 0; p < K; p++)
                plain = plain + a[i / N * K + p] * b[p * N + i % N];
            denormal += fpclassify(c[i]) == FP_SUBNORMAL;
            infinite += isinf(c[i]) != 0;
            nan += isnan(c[i]) != 0;
            zero += c[i] == 0.0f;
            finite += isfinite(c[i]) != 0;
            twice += !same(plain, c[i]);
        }
        assert_true(kind != DENORMAL || denormal > M * N / 10);
        assert_true(kind != SPECIAL || (nan > 0 && infinite > 0 && finite > M * N / 10));
        assert_true(kind != ZEROS || zero > M * N / 20);
        assert_true(kind != LARGE || (infinite > M * N / 50 && finite > M * N / 20));
        assert_true(kind != WIDE || (infinite > 0 && finite > 0));
        assert_true(kind != INFINITE || (infinite > M * N / 20 && nan > 0 && finite > M * N / 20));
        assert_true(kind != CANCELLING || twice > M * N / 10);
        mem_free(a);
        mem_free(b);
        mem_free(c);
    }
}

/* Shapes that are divided over threads, by columns, by rows, and both ways. */
static void threads_divide_outputs(void **state)
{
    (void)state;
    check((MatmulCase){.form = NUM_NN, .m = 30, .n = 600, .k = 97, .bias = 1, .act = NUM_TANH});
    check((MatmulCase){.form = NUM_TN, .m = 600, .n = 34, .k = 97, .accumulate = 1});
    check((MatmulCase){.form = NUM_NT, .m = 130, .n = 150, .k = 97});
}

/* A bias of -0 and no bias differ only in what they do to -0; adding the old c comes last. */
static void order_of_the_epilogue(void **state)
{
    (void)state;
    const float a = 2.0f, b = 3.0f, bias = -7.0f;
    for (int form = NUM_NN; form <= NUM_TN; form++) {
        float c = 10.0f;
        num_matmul_f32((NumForm)form, 1, 1, 1, &c, &a, &b, &bias, NUM_RELU, 1);
        assert_true(c == 10.0f); /* 10 + relu(6 - 7), not relu(10 + 6 - 7) */
    }
}

/* In double, as the oracle of the gradient test: against f32 within k products' rounding, k 2^-24 sum |a b|. */
static void double_agrees(void **state)
{
    (void)state;
    enum { M = 5, N = 7, K = 11 };
    for (int form = NUM_NN; form <= NUM_TN; form++)
        for (size_t act = 0; act < ACTIVATIONS; act++) {
            float *a = block(M * K, PLAIN), *b = block(K * N, PLAIN), *bias = block(N, PLAIN), c[M * N];
            double a2[M * K], b2[K * N], bias2[N], c2[M * N];
            for (int i = 0; i < M * K; i++)
                a2[i] = (double)a[i];
            for (int i = 0; i < K * N; i++)
                b2[i] = (double)b[i];
            for (int i = 0; i < N; i++)
                bias2[i] = (double)bias[i];
            for (int i = 0; i < M * N; i++) {
                c[i] = (float)i;
                c2[i] = i;
            }
            num_matmul_f32((NumForm)form, M, N, K, c, a, b, bias, activations[act], act & 1);
            num_matmul_f64((NumForm)form, M, N, K, c2, a2, b2, bias2, activations[act], act & 1);
            for (int i = 0; i < M * N; i++)
                assert_true(fabs((double)c[i] - c2[i]) <= 2 * K * K * 0x1p-24);
            mem_free(a);
            mem_free(b);
            mem_free(bias);
        }
}

/* f64: against a central difference (h = 1e-5: error about h^2 + 1e-16 / h).  f32: against f64 at the same y, within
 * 8 roundings of the largest slope, 1; the same bits on every instruction set, at every length, in place too. */
static void gradient_through_activations(void **state)
{
    (void)state;
    enum { N = 53 };
    for (size_t act = 1; act < ACTIVATIONS; act++) {
        NumUnary f = activations[act];
        double y64[N], dx64[N], dy64[N];
        float y[N], dy[N], dx[N], first[N];
        for (int i = 0; i < N; i++) {
            double x = (i - 26.5) * 0.31, h = 1e-5, side[2] = {x - h, x + h};
            num_unary_f64(f, 1, y64 + i, &x);
            num_unary_f64(f, 2, side, side);
            dy64[i] = 1 + i % 3;
            num_fused_back_f64(f, 1, dx64 + i, dy64 + i, y64 + i);
            double slope = (side[1] - side[0]) / (2 * h);
            assert_true(fabs(dx64[i] - dy64[i] * slope) < 1e-8);
            y[i] = (float)y64[i];
            dy[i] = (float)dy64[i];
            y64[i] = (double)y[i];
            num_fused_back_f64(f, 1, dx64 + i, dy64 + i, y64 + i);
        }
        for (const char *const *isa = num_isa_available(); *isa != NULL; isa++)
            for (size_t n = 0; n <= N; n++) {
                use(*isa, 1);
                memcpy(dx, dy, sizeof dx);
                num_fused_back_f32(f, n, dx, dx, y);
                if (isa == num_isa_available() && n == N)
                    memcpy(first, dx, sizeof dx);
                for (size_t i = 0; i < n; i++)
                    assert_true(fabs((double)dx[i] - dx64[i]) <= 8 * 3 * 0x1p-24);
                for (size_t i = n; i < N; i++)
                    assert_true(dx[i] == dy[i]);
                if (n == N)
                    assert_memory_equal(dx, first, sizeof dx);
            }
    }
    use(NULL, 1);
    const float tiny = 1e-12f, one = 1.0f; /* softplus' far below zero is y itself, not 1 - exp(-y) = 0 */
    float slope;
    num_fused_back_f32(NUM_SOFTPLUS, 1, &slope, &one, &tiny);
    assert_true(fabsf(slope - tiny) <= 2e-19f);
}

/* ---- the emulated fma -------------------------------------------------------------------------------------------- */

static void check_fma(float a, float b, float c)
{
    float want = fmaf(a, b, c), got = num_fma_emulated(a, b, c);
    if (!same(got, want))
        fail_msg("fma(%a, %a, %a) is emulated as %a, exactly %a", (double)a, (double)b, (double)c, (double)got, (double)want);
    assert_true(same(num_fma(a, b, c), want));
}

static void fma_special_values(void **state)
{
    (void)state;
    static const float list[] = {0.0f, 1.0f, 0x1p-149f, 0x1p-126f, 0x1.fffffcp-127f, 0x1.fffffep127f, INFINITY, NAN,
                                 0x1.000002p0f, 0x1p-75f, 0x1.8p-75f, 0x1p64f, 0x1p24f, 0x1.fffffep-1f, 3.0f, 0x1p-24f, 0x1p-25f};
    enum { COUNT = sizeof list / sizeof list[0] };
    for (int i = 0; i < COUNT * COUNT * COUNT * 8; i++) {
        float a = list[i / 8 % COUNT], b = list[i / 8 / COUNT % COUNT], c = list[i / 8 / COUNT / COUNT];
        check_fma(i & 1 ? -a : a, i & 2 ? -b : b, i & 4 ? -c : c);
    }
}

/* Exact sums very near the middle of two floats, where rounding twice goes wrong: (1 + t)(1 - t) is 1 less a trace
 * that the double sum loses; the same with denormal results, and with products that are themselves only a trace. */
static void fma_near_the_middle(void **state)
{
    (void)state;
    const float up = 0x1.000002p0f, down = 0x1.fffffcp-1f * 0x1p-24f;
    assert_true((float)((double)up * (double)down + (double)up) == 0x1.000004p0f); /* rounded twice: wrong */
    assert_true(num_fma_emulated(up, down, up) == up);
    for (int e = -148; e <= 100; e++)
        for (int trace = -3; trace <= 3; trace++)
            for (uint32_t low = 0; low < 4; low++)
                for (int sign = 0; sign < 4; sign++) {
                    float c = ldexpf(1.0f + (float)low * 0x1p-23f, e), a = 1.0f + (float)trace * 0x1p-23f;
                    float b = 1.0f - (float)trace * 0x1p-23f;
                    a = sign & 1 ? -a : a;
                    c = sign & 2 ? -c : c;
                    check_fma(ldexpf(a, 10), ldexpf(b, e - 34 < -120 ? -120 : e - 34), c);
                    check_fma(a, ldexpf(b, e - 24), c);
                    check_fma(a, ldexpf(b, e - 60), c);
                    check_fma(ldexpf(a, -75), ldexpf(b, -75), c); /* half of the smallest denormal, less a trace */
                    check_fma(ldexpf(a, -80), ldexpf(b, -90), c);
                }
    for (int i = 0; i < 100000; i++) { /* p = half an ulp of c to within 2^-46 of it; c with many trailing patterns */
        uint32_t u = bits32(), v = bits32();
        float c = as_float((u & 0x807fffff) | (127u + v % 20u) << 23), b = as_float((v >> 8 & 0xfff) | 127u << 23);
        float half = ldexpf(1.0f, (int)(v % 20u) - 24);
        check_fma(half / b, b, c);
        check_fma(-half / b, b, c);
    }
}

static void fma_random_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 600000; i++) {
        uint32_t a = bits32(), b = bits32(), c = bits32();
        switch (i % 4) {
        case 1: /* near in size */
            a = (a & 0x807fffff) | 127u << 23, b = (b & 0x807fffff) | 127u << 23, c = (c & 0x807fffff) | (77u + b % 100u) << 23;
            break;
        case 2: /* denormal results */
            a = (a & 0x807fffff) | 64u << 23, b = (b & 0x807fffff) | (48u + c % 30u) << 23, c &= 0x807fffff;
            break;
        case 3: /* few bits: ties and exact cancellation */
            a = (a & 0x80700000) | 127u << 23, b = (b & 0xfff) | 127u << 23, c = (c & 0x80000fff) | (90u + a % 60u) << 23;
            break;
        }
        check_fma(as_float(a), as_float(b), as_float(c));
    }
}

/* Compares c (m, n) = a b of k steps on every instruction set with the reference. */
static void check_matrices(size_t m, size_t n, size_t k, const float *a, const float *b)
{
    float *want = mem_array(m * n, sizeof *want), *got = mem_array(m * n, sizeof *got);
    assert_non_null(want);
    assert_non_null(got);
    num_matmul_reference_f32(NUM_NN, m, n, k, want, a, b, NULL, NUM_IDENTITY, 0);
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++) {
        use(*isa, 1);
        num_matmul_f32(NUM_NN, m, n, k, got, a, b, NULL, NUM_IDENTITY, 0);
        for (size_t i = 0; i < m * n; i++)
            if (!same(got[i], want[i]))
                fail_msg("%s: %a, not %a, in row %zu, column %zu", *isa, (double)got[i], (double)want[i], i / n, i % n);
    }
    use(NULL, 1);
    mem_free(want);
    mem_free(got);
}

/* Chains c 1 + a b whose exact sum is within a trace of the middle of two floats, on either side of it or on it: first
 * with c = 2^e or the next float, then with c denormal, where the middles are odd multiples of 2^-150. */
static void chains_near_the_middle(void **state)
{
    (void)state;
    enum { M = 28, N = 30 };
    float a[M][2], b[2][N];
    for (int e = -90; e <= 120; e += 3) {
        for (int i = 0; i < M; i++) {
            a[i][0] = ldexpf(i % 2 == 0 ? 1.0f : 0x1.000002p0f, e / 2) * (i / 2 % 2 == 0 ? 1.0f : -1.0f);
            a[i][1] = 1.0f + (float)(i / 4 - 3) * 0x1p-23f;
        }
        for (int j = 0; j < N; j++) {
            b[0][j] = ldexpf(1.0f, e - e / 2);
            b[1][j] = ldexpf(1.0f - (float)(j / 2 - 7) * 0x1p-23f, e - 24) * (j % 2 == 0 ? 1.0f : -1.0f);
        }
        check_matrices(M, N, 2, a[0], b[0]);
    }
    for (int e = -126; e <= -24; e += 17)
        for (int fraction = 0; fraction < 2; fraction++) { /* of a */
            for (int i = 0; i < M; i++) {
                a[i][0] = ldexpf(ldexpf(1.0f, i % 23) + (float)fraction, -24); /* c is odd, in units of 2^-149 */
                a[i][1] = ldexpf(1.0f + (float)(fraction * (i / 4 - 3)) * 0x1p-23f, e);
            }
            for (int j = 0; j < N; j++) {
                b[0][j] = 0x1p-125f;
                b[1][j] = ldexpf(1.0f - (float)(j / 2 - 7) * 0x1p-23f, -150 - e) * (j % 2 == 0 ? 1.0f : -1.0f);
            }
            check_matrices(M, N, 2, a[0], b[0]);
        }
}

/* Rows of zeros and powers of two, as binary images, times every kind of number; sizes up to those whose products
 * overflow, though their sums do not. */
static void rows_of_powers_of_two(void **state)
{
    (void)state;
    enum { M = 33, N = 37, K = 12 };
    float a[M * K];
    for (Values kind = 0; kind < VALUES; kind++)
        for (int size = -60; size <= 120; size += 6) {
            float *b = block(K * N, kind);
            for (size_t i = 0; i < M * K; i++) {
                uint32_t u = bits32();
                a[i] = u % 2 ? 0.0f : ldexpf(u & 64 ? -1.0f : 1.0f, size + (int)((u >> 8) % 4));
            }
            check_matrices(M, N, K, a, b);
            mem_free(b);
        }
}

/* ---- the choice of instruction set ------------------------------------------------------------------------------- */

static void instruction_sets(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    const char *const *names = num_isa_available();
    assert_non_null(names[0]);
    size_t count = 0;
    while (names[count] != NULL)
        count++;
    assert_string_equal(names[count - 1], "generic");
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(num_isa_choose(names[i], &err), 0);
        assert_string_equal(num_isa_name(), names[i]);
    }
    assert_int_equal(num_isa_choose("generik", &err), -1);
    assert_string_equal(num_isa_name(), "generic"); /* unchanged */
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(err.found, "generik");
    assert_non_null(strstr(err.hint, "'generic'"));
    assert_non_null(strstr(err.expected, names[0]));
    assert_int_equal(num_isa_choose("sse9000", &err), -1);

    assert_int_equal(setenv("VAE_LAB_ISA", "generic", 1), 0);
    use("generic", 1);
    assert_int_equal(num_isa_choose(NULL, &err), 0);
    assert_string_equal(num_isa_name(), "generic");
    assert_int_equal(setenv("VAE_LAB_ISA", "nonsense", 1), 0);
    assert_int_equal(num_isa_choose(NULL, &err), -1);
    assert_non_null(strstr(err.where, "VAE_LAB_ISA"));
    assert_int_equal(unsetenv("VAE_LAB_ISA"), 0);
    assert_int_equal(num_isa_choose(NULL, &err), 0);
    assert_string_equal(num_isa_name(), names[0]);

    num_threads_set(3);
    assert_int_equal(num_threads(), 3);
    num_threads_set(0);
    assert_int_equal(num_threads(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_product),
        cmocka_unit_test(chain_is_fused_and_ascending),
        cmocka_unit_test(every_small_shape),
        cmocka_unit_test(tile_edges),
        cmocka_unit_test(block_edges),
        cmocka_unit_test(empty_and_single_chains),
        cmocka_unit_test(long_chains_and_tall_products),
        cmocka_unit_test(random_shapes),
        cmocka_unit_test(awkward_values),
        cmocka_unit_test(awkward_values_are_awkward),
        cmocka_unit_test(threads_divide_outputs),
        cmocka_unit_test(order_of_the_epilogue),
        cmocka_unit_test(double_agrees),
        cmocka_unit_test(gradient_through_activations),
        cmocka_unit_test(chains_near_the_middle),
        cmocka_unit_test(rows_of_powers_of_two),
        cmocka_unit_test(fma_special_values),
        cmocka_unit_test(fma_near_the_middle),
        cmocka_unit_test(fma_random_bits),
        cmocka_unit_test(instruction_sets),
    };
    unsetenv("VAE_LAB_ISA"); /* the tests choose the instruction set, also under `VAE_LAB_ISA=generic make check` */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
