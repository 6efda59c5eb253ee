/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_zeros.c: steps of a product that are left out because a tile's left elements are all 0
 * (num/isa/zeros.h) change no bit, also where they must not be left out.
 * Slow: starts first.
 */
#include "num_help.h"

#include "base/mem.h"
#include "num/matmul.h"

/* Heights: the tiles of every instruction set, and more than a block of rows.  Lengths k: one block, two, and too
 * long for lists. */
static const size_t heights[] = {7, 12, 20, 100, 193}, lengths[] = {47, 48, 100, 399, 784, 1024, 1025}, widths[] = {64, 70, 131};

typedef struct {
    float *a, *b, *c, *want;
    size_t m, n, k, special; /* special: the column of b with an infinity or a NaN */
    NumForm form;
} Case;

static size_t at(const Case *x, size_t i, size_t p) { return x->form == NUM_TN ? p * x->m + i : i * x->k + p; }

/* Rows of images: runs of zeros of both signs; a share of `kept` elements between 2^-8 and 1. */
static void fill(Case *x, uint64_t *state, double kept)
{
    for (size_t i = 0; i < x->m; i++)
        for (size_t p = 0; p < x->k; p++) {
            int background = p % 28 < 9 || help_uniform(state, 0, 1) > kept;
            x->a[at(x, i, p)] = background ? (help_random(state) & 1 ? 0.0f : -0.0f) : (float)help_uniform(state, 0x1p-8, 1);
        }
    help_fill(state, x->k * x->n, x->b, -1, 1);
}

/* Compares with the reference, whose result is in x->want. */
static void same_bits(Case *x)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        num_threads_set(threads);
        memset(x->c, 0x55, x->m * x->n * sizeof *x->c);
        num_matmul_f32(x->form, x->m, x->n, x->k, x->c, x->a, x->b, NULL, NUM_IDENTITY, 0);
        for (size_t i = 0; i < x->m * x->n; i++)
            if (help_bits(x->c[i]) != help_bits(x->want[i]) && !(isnan(x->c[i]) && isnan(x->want[i])))
                fail_msg("%s, %zu x %zu x %zu, threads %d: element %zu is %a, expected %a", num_isa_name(), x->m, x->n, x->k,
                         threads, i, (double)x->c[i], (double)x->want[i]);
    }
    num_threads_set(1);
}

static void each_isa(Case *x)
{
    Error err = ERROR_NONE;
    num_matmul_reference_f32(x->form, x->m, x->n, x->k, x->want, x->a, x->b, NULL, NUM_IDENTITY, 0);
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++) {
        if (strcmp(*isa, "generic") == 0 && x->m * x->k > 40000)
            continue; /* slow there, and no other code than with fewer */
        assert_int_equal(num_isa_choose(*isa, &err), 0);
        same_bits(x);
    }
    assert_int_equal(num_isa_choose(NULL, &err), 0);
}

/* prepare fills a and b; also, which may be NULL, checks what else is known of the result. */
static void each_case(void (*prepare)(Case *x, uint64_t *state), void (*also)(const Case *x))
{
    uint64_t state = 7;
    enum { MOST = 1025 * 200 };
    Case x = {mem_array(MOST, 4), mem_array(MOST, 4), mem_array(MOST, 4), mem_array(MOST, 4), 0, 0, 0, 0, NUM_NN};
    for (size_t m = 0; m < sizeof heights / sizeof heights[0]; m++)
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
            for (int form = 0; form < 2; form++) {
                if (INSTRUMENTED && (m + k) % 3 != 0)
                    continue; /* a third: every height, every length */
                x.form = form == 0 ? NUM_NN : NUM_TN;
                x.m = heights[m], x.k = lengths[k], x.n = widths[(2 * m + k) % 3];
                prepare(&x, &state);
                each_isa(&x);
                if (also != NULL)
                    also(&x);
            }
    mem_free(x.a), mem_free(x.b), mem_free(x.c), mem_free(x.want);
}

static void fill_images(Case *x, uint64_t *state)
{
    static const double kept[] = {0, 0.01, 0.2, 1};
    fill(x, state, kept[(x->m + x->k) % 4]);
}

static void images(void **unused)
{
    (void)unused;
    each_case(fill_images, NULL);
}

/* 0 times an infinity or a NaN is NaN: one such element in b, where all images have background. */
static void fill_not_finite(Case *x, uint64_t *state)
{
    fill(x, state, 0.05);
    size_t p = 28 * (help_random(state) % (x->k / 28)) + 3;
    x->special = help_random(state) % x->n;
    x->b[p * x->n + x->special] = help_random(state) & 1 ? INFINITY : -NAN;
}

static void is_nan(const Case *x) { assert_true(isnan(x->want[(x->m - 1) * x->n + x->special])); }

static void not_finite(void **unused)
{
    (void)unused;
    each_case(fill_not_finite, is_nan);
}

/* A product too small for a float gives a chain of -0, which the following zeros make +0: tiny elements of a, or of b. */
static void fill_underflow(Case *x, uint64_t *state)
{
    memset(x->a, 0, x->m * x->k * sizeof *x->a);
    for (size_t i = 0; i < x->k * x->n; i++)
        x->b[i] = 0x1p-60f;
    int by_a = (x->m + x->k) % 2 == 0;
    for (size_t i = 0; i < x->m; i++)
        x->a[at(x, i, 3 + i % 5)] = by_a ? -0x1p-100f : -0x1p-20f;
    if (!by_a)
        for (size_t j = 0; j < x->n; j++)
            for (size_t p = 3; p < 8; p++)
                x->b[p * x->n + j] = 0x1p-140f;
    (void)state;
}

static void is_plus_zero(const Case *x) { assert_true(x->want[0] == 0.0f && !signbit(x->want[0])); }

static void underflow(void **unused)
{
    (void)unused;
    each_case(fill_underflow, is_plus_zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(not_finite), cmocka_unit_test(underflow)};
    return cmocka_run_group_tests_name("num_zeros", tests, NULL, NULL);
}
