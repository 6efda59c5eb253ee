/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_by_hand.c: the numbers that docs/arithmetic.md works out by hand are the engine's, on every
 * instruction set.  (docs/by_hand.py reaches them in exact fractions; tests/e2e/arithmetic.sh runs it.)
 */
#define NUM_VARIANT test
#include "num/isa/scalar.h"

#include "num_help.h"

#include "base/text.h"
#include "num/density.h"
#include "num/elementwise.h"
#include "num/matmul.h"
#include "num/stream.h"
#include "num/sum.h"

#include <stdlib.h>

static const char begin[] = "<!-- by hand: what docs/by_hand.py prints -->\n```text\n", end[] = "```\n<!-- end of by hand -->\n";

/* Prints the bits, M 2^e with an M of 24 bits (no value here is denormal), and the decimal value. */
static void show(Text *t, const char *what, float x)
{
    char whole[32] = "0";
    int exponent;
    float mantissa = frexpf(x, &exponent);
    if (x != 0.0f)
        snprintf(whole, sizeof whole, "%d 2^%d", (int)(mantissa * 0x1p24f), exponent - 24);
    text_addf(t, "%-34s0x%08x  %-14s  %.9g\n", what, (unsigned)help_bits(x), whole, (double)x);
}

static void words(Text *t, const char *what, const uint32_t *w, int n)
{
    text_addf(t, "%-34s", what);
    for (int i = 0; i < n; i++)
        text_addf(t, "0x%08x%s", (unsigned)w[i], i + 1 < n ? " " : "\n");
}

/* A draw, a latent variable that uses it, and a unit of the next layer. */
static void one_number(Text *t)
{
    NumStream s = num_stream(1, "noise");
    uint32_t block[4];
    float u[2], eps[2], z[2], a, h;
    num_philox(s.key, (uint32_t[4]){0, 0, 0, 0}, block);
    words(t, "key of stream \"1:noise\"", s.key, 2);
    words(t, "block (0, 0, 0, 0)", block, 4);
    num_stream_uniform(s, 0, 0, 1, 2, u);
    num_stream_normal(s, 0, 0, 1, 2, eps);
    float log_u = num_unary1_f32(NUM_LOG, u[0]);
    NumSinCos angle = num_sincos_turns1(u[1]);
    show(t, "u = uniform(word 0)", u[0]);
    show(t, "v = uniform(word 1)", u[1]);
    show(t, "log u", log_u);
    show(t, "r = sqrt(-2 log u)", num_unary1_f32(NUM_SQRT, -2.0f * log_u));
    show(t, "cos 2 pi v", angle.cos);
    show(t, "sin 2 pi v", angle.sin);
    show(t, "eps[0] = r cos 2 pi v", eps[0]);
    show(t, "eps[1] = r sin 2 pi v", eps[1]);

    const float mu[2] = {0.25f, -0.1f}, logvar[2] = {-1.0f, 0.3f}, w[2] = {0.3f, -0.2f}, b = 0.05f;
    const NumShape two = {{1, 1, 2}};
    num_density_f32(NUM_REPARAMETERISE, two, z, (NumIn_f32[]){{mu, two}, {logvar, two}, {eps, two}}, NULL);
    for (int j = 0; j < 2; j++) {
        char what[96];
        snprintf(what, sizeof what, "sigma[%d] = exp(logvar[%d] / 2)", j, j);
        show(t, what, num_unary1_f32(NUM_EXP, 0.5f * logvar[j]));
        snprintf(what, sizeof what, "z[%d] = mu[%d] + eps[%d] sigma[%d]", j, j, j, j);
        show(t, what, z[j]);
    }
    for (size_t k = 1; k <= 2; k++) {
        num_matmul_f32(NUM_NN, 1, 1, k, &a, z, w, NULL, NUM_IDENTITY, 0);
        show(t, k == 1 ? "fma(z[0], w[0], 0)" : "fma(z[1], w[1], the last)", a);
    }
    num_matmul_f32(NUM_NN, 1, 1, 2, &a, z, w, &b, NUM_IDENTITY, 0);
    num_matmul_f32(NUM_NN, 1, 1, 2, &h, z, w, &b, NUM_TANH, 0);
    show(t, "a = the last + b", a);
    show(t, "h = tanh(a)", h);
}

/* The same numbers added in another order. */
static void orders(Text *t)
{
    const NumShape along = {{1, 1, 40}}, down = {{1, 40, 1}}, one = {{1, 1, 1}};
    float x[40], fused, chain = 0.0f, lanes = 0.0f;
    for (int i = 0; i < 40; i++)
        x[i] = 0.1f;
    volatile float product = 0.1f * 10.0f;
    num_affine_f32(1, &fused, x, 10.0f, -1.0f);
    num_sum_f32(&chain, one, x, down, 1.0f);
    num_sum_f32(&lanes, one, x, along, 1.0f);
    show(t, "0.1", x[0]);
    show(t, "fma(0.1, 10, -1)", fused);
    show(t, "0.1 * 10 - 1, rounded twice", product - 1.0f);
    show(t, "40 times 0.1: a chain", chain);
    show(t, "40 times 0.1: 16 lanes, the tree", lanes);
    show(t, "40 times 0.1: exact, rounded once", (float)(40.0 * (double)0.1f));
}

/* The text between the marks; the caller frees it. */
static char *documented(void)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen("docs/arithmetic.md", "r"); /* tests run in the project's folder */
    char *text = calloc(1, MOST + 1);
    assert_non_null(file);
    assert_non_null(text);
    text[fread(text, 1, MOST, file)] = '\0';
    fclose(file);
    char *from = strstr(text, begin), *to = from != NULL ? strstr(from, end) : NULL;
    if (to == NULL)
        fail_msg("docs/arithmetic.md has no example between its marks");
    *to = '\0';
    memmove(text, from + strlen(begin), strlen(from + strlen(begin)) + 1);
    return text;
}

static void test_the_numbers_in_the_text_are_the_engines(void **state)
{
    (void)state;
    char *expected = documented();
    HELP_EACH_ISA {
        Text t = {0};
        one_number(&t);
        text_add(&t, "\n");
        orders(&t);
        assert_false(t.failed);
        assert_string_equal(text_string(&t), expected);
        text_free(&t);
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_numbers_in_the_text_are_the_engines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
