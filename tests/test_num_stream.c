/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_stream.c: Philox against its published vectors; each draw depends on its address alone; binarisation,
 * choices and permutations; philox4x32 as a generator of GSL.  Statistical tests: tests/test_num_stream_quality.c.
 */
#define NUM_VARIANT test
#include "num/isa/scalar.h"

#include "num_help.h"

#include "base/digest.h"
#include "num/stream.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <stdlib.h>

enum { MANY = 400000 };
static float x[MANY], y[MANY];
static uint8_t pixel[MANY];

/* Random123's kat_vectors, philox4x32 with 10 rounds. */
static void test_published_vectors(void **state)
{
    (void)state;
    const struct {
        uint32_t counter[4], key[2], word[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t word[4];
        num_philox(known[i].key, known[i].counter, word);
        assert_memory_equal(word, known[i].word, sizeof word);
    }
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(num_stream_word((NumStream){{0, 0}, num_rng_philox}, 0, 0, i), known[0].word[i]);
}

/* The key is the first 8 bytes of SHA-256(seed ":" name), little-endian. */
static void test_the_key_is_the_digest_of_seed_and_name(void **state)
{
    (void)state;
    const char *names[] = {"noise", "order", "", "a long name of a stream"};
    const uint64_t seeds[] = {0, 1, 12345, UINT64_MAX};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            char message[64], text[DIGEST_TEXT], key[17];
            Digest d;
            snprintf(message, sizeof message, "%llu:%s", (unsigned long long)seeds[j], names[i]);
            digest_start(&d);
            digest_bytes(&d, message, strlen(message));
            digest_end(&d, text);
            NumStream s = num_stream(seeds[j], names[i]);
            for (int byte = 0; byte < 8; byte++)
                snprintf(key + 2 * byte, 3, "%02x", (unsigned)(s.key[byte / 4] >> byte % 4 * 8 & 0xff));
            assert_memory_equal(key, text, 16);
        }
}

static float uniform_of(uint32_t word)
{
    float u = (float)(((double)word + 0.5) * 0x1p-32); /* exact in double, one rounding */
    return u < 1.0f ? u : 0x1.fffffep-1f;
}

/* The values of num_stream_uniform and num_stream_normal at an address, from single words. */
static float uniform_at(NumStream s, uint64_t step, uint32_t row, uint32_t column)
{
    return uniform_of(num_stream_word(s, step, row, column));
}

static float normal_at(NumStream s, uint64_t step, uint32_t row, uint32_t column)
{
    uint32_t pair = column & ~1u;
    float r = sqrtf(-2.0f * num_log1(uniform_at(s, step, row, pair)));
    NumSinCos angle = num_sincos_turns1(uniform_at(s, step, row, pair + 1));
    return r * (column % 2 == 0 ? angle.cos : angle.sin);
}

/* Any shape, any first row, on every instruction set and any number of threads: the same value at the same address. */
static void test_arrays_hold_the_draws_of_their_addresses(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{1, 1}, {3, 5}, {100, 2}, {7, 50}, {2, 784}, {5, 131}, {0, 3}, {3, 0}};
    NumStream s = num_stream(97, "addresses");
    HELP_EACH_ISA {
        for (int k = 0; k < 8; k++) {
            size_t rows = shapes[k][0], columns = shapes[k][1], n = rows * columns;
            uint64_t step = 0xfffffffe + (uint64_t)k;
            uint32_t first = 1000u * (uint32_t)k;
            x[n] = y[n] = -7.0f;
            num_stream_uniform(s, step, first, rows, columns, x);
            num_stream_normal(s, step, first, rows, columns, y);
            for (size_t i = 0; i < n; i++) {
                uint32_t row = first + (uint32_t)(i / columns), column = (uint32_t)(i % columns);
                assert_true(x[i] == uniform_at(s, step, row, column));
                assert_true(help_same(y[i], normal_at(s, step, row, column)));
            }
            assert_true(x[n] == -7.0f && y[n] == -7.0f);
        }
    }
}

/* The far ends of the addresses: the last rows, the last step. */
static void test_the_last_addresses(void **state)
{
    (void)state;
    NumStream s = num_stream(97, "addresses");
    HELP_EACH_ISA {
        num_stream_uniform(s, UINT64_MAX, UINT32_MAX - 2, 3, 70, x);
        num_stream_normal(s, UINT64_MAX, UINT32_MAX - 2, 3, 70, y);
        for (uint32_t i = 0; i < 3 * 70; i++) {
            assert_true(x[i] == uniform_at(s, UINT64_MAX, UINT32_MAX - 2 + i / 70, i % 70));
            assert_true(help_same(y[i], normal_at(s, UINT64_MAX, UINT32_MAX - 2 + i / 70, i % 70)));
        }
    }
    /* rows, steps and columns that differ in their upper bits only are other addresses */
    const uint32_t word = num_stream_word(s, 1, 1, 1);
    assert_int_not_equal(word, num_stream_word(s, UINT64_C(0x100000001), 1, 1));
    assert_int_not_equal(word, num_stream_word(s, 1, 0x80000001u, 1));
    assert_int_not_equal(word, num_stream_word(s, 1, 1, 0x80000001u));
}

/* A rectangle filled alone has the values of the same rectangle in a large fill: 400 rectangles, seed 53. */
static void test_every_rectangle_is_that_of_the_large_fill(void **state)
{
    (void)state;
    enum { ROWS = 211, COLUMNS = 301 };
    static float normals[ROWS * COLUMNS], uniforms[ROWS * COLUMNS];
    NumStream s = num_stream(53, "rectangles");
    uint64_t seed = 53;
    num_stream_normal(s, 5, 1000, ROWS, COLUMNS, normals);
    num_stream_uniform(s, 5, 1000, ROWS, COLUMNS, uniforms);
    HELP_EACH_ISA {
        for (int k = 0; k < 400; k++) {
            uint32_t first = (uint32_t)help_random(&seed) % ROWS;
            size_t rows = help_random(&seed) % (ROWS - first) + 1, columns = help_random(&seed) % COLUMNS + 1;
            num_stream_normal(s, 5, 1000 + first, rows, columns, x);
            num_stream_uniform(s, 5, 1000 + first, rows, columns, y);
            for (size_t r = 0; r < rows; r++) {
                help_assert_same(x + r * columns, normals + (first + r) * COLUMNS, columns);
                help_assert_same(y + r * columns, uniforms + (first + r) * COLUMNS, columns);
            }
        }
    }
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    enum { ROWS = 397, COLUMNS = 999, N = ROWS * COLUMNS };
    const int threads[] = {2, 3, 8};
    static float one[2][N];
    NumStream s = num_stream(59, "threads");
    num_stream_normal(s, 1, 0, ROWS, COLUMNS, one[0]);
    num_stream_uniform(s, 1, 0, ROWS, COLUMNS, one[1]);
    HELP_EACH_ISA {
        for (int k = 0; k < 3; k++) {
            num_threads_set(threads[k]);
            num_stream_normal(s, 1, 0, ROWS, COLUMNS, x);
            help_assert_same(x, one[0], N);
            num_stream_uniform(s, 1, 0, ROWS, COLUMNS, x);
            help_assert_same(x, one[1], N);
            num_threads_set(1);
        }
    }
}

/* Words of our streams, computed by the independent philox of docs/by_hand.py: keys, and every part of the address. */
static void test_known_words(void **state)
{
    (void)state;
    const struct {
        uint64_t seed;
        const char *name;
        uint64_t step;
        uint32_t row, column, word;
    } known[] = {
        {1, "noise", 0, 0, 0, 0x6405a477},
        {1, "noise", 0, 0, 3, 0xc7375b27},
        {1, "noise", 0, 0, 4, 0x35fd9423},
        {1, "noise", 0, 1, 0, 0x8ab53bf0},
        {1, "noise", 1, 0, 0, 0x9df8bb34},
        {1, "noise", UINT64_C(1) << 32, 0, 0, 0x4c610d55},
        {2, "noise", 0, 0, 0, 0x742c1bb0},
        {1, "order", 0, 0, 0, 0xa1c5b1f7},
        {12345, "pixels", 777, 4321, 783, 0xd7cad858},
        {UINT64_MAX, "evaluate/noise", UINT64_MAX, UINT32_MAX, UINT32_MAX, 0x45bbdb46},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(num_stream_word(num_stream(known[i].seed, known[i].name), known[i].step, known[i].row, known[i].column),
                         known[i].word);
    const uint32_t expected[10] = {0, 9, 1, 8, 7, 3, 5, 4, 6, 2};
    uint32_t order[10];
    num_stream_permutation(num_stream(1, "order"), 2, 10, order);
    assert_memory_equal(order, expected, sizeof order);
}

/* The digest of the first draws of a stream, as recorded with arithmetic version 1. */
static void test_the_recorded_digest(void **state)
{
    (void)state;
    char text[DIGEST_TEXT];
    Digest d;
    HELP_EACH_ISA {
        num_stream_normal(num_stream(1, "noise"), 0, 0, 100, 50, x);
        num_stream_uniform(num_stream(1, "noise"), 1, 0, 100, 50, x + 5000);
        digest_start(&d);
        digest_floats(&d, x, 10000);
        digest_end(&d, text);
        assert_string_equal(text, "0fd8c184760186a8a97c2dc746fbdbc36661cf33d7b9832b674ef3b52b71ad97");
    }
}

/* ---- distributions ----------------------------------------------------------------------------------------------- */

/* |count - n p| within 5 sigma of the binomial. */
static void assert_share(double count, double n, double share)
{
    double sigma = sqrt(n * share * (1.0 - share));
    if (!(fabs(count - n * share) <= 5.0 * sigma))
        fail_msg("%.0f of %.0f, expected a share of %.6g (%.2f sigma)", count, n, share, (count - n * share) / sigma);
}

/* The ends of the range: a word that would round to 1 (0xffffffae, found by search) gives 1 - 2^-24; the largest
 * normal. */
static void test_the_ends_of_the_range(void **state)
{
    (void)state;
    HELP_EACH_ISA {
        num_stream_uniform(num_stream(1, "noise"), 0, 5386960, 1, 4, x);
        assert_int_equal(num_stream_word(num_stream(1, "noise"), 0, 5386960, 0), 0xffffffae);
        assert_true(x[0] == 0x1.fffffep-1f);
        num_stream_normal(num_stream(1, "noise"), 0, 5386960, 1, 4, x);
        assert_true(isfinite(x[0]) && isfinite(x[1]));
    }
    assert_true(uniform_of(0) == 0x1p-33f && uniform_of(~0u) == 0x1.fffffep-1f);
    float largest = sqrtf(-2.0f * num_log1(uniform_of(0)));
    assert_true(largest > 6.76f && largest < 6.77f);
}

static void test_binarise(void **state)
{
    (void)state;
    NumStream s = num_stream(107, "pixels");
    const uint8_t level[] = {0, 255, 128, 3, 64, 254};
    for (int k = 0; k < 6; k++) {
        double ones = 0.0;
        memset(pixel, level[k], MANY);
        num_stream_binarise(s, (uint64_t)k, 3, MANY, x, pixel);
        for (int i = 0; i < MANY; i++) {
            assert_true(x[i] == 0.0f || x[i] == 1.0f);
            ones += (double)x[i];
        }
        assert_share(ones, MANY, level[k] / 255.0);
    }
}

/* The definition holds although most draws are skipped: rows from all black or white to all grey, of each width
 * around whole blocks, groups and panels of blocks; nothing is written outside of the row.  Seed 108. */
static void test_binarise_is_uniform_below_grey(void **state)
{
    (void)state;
    NumStream s = num_stream(108, "pixels");
    const size_t widths[] = {1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 67, 68, 784, 1023, 1024, 1025, 1028, 2051, 5000};
    uint64_t seed = 108;
    HELP_EACH_ISA {
        for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++)
            for (uint32_t shades = 0; shades <= 100; shades += 20) { /* percent */
                size_t n = widths[k];
                for (size_t i = 0; i < n; i++) {
                    uint64_t random = help_random(&seed);
                    pixel[i] = random % 100 < shades ? (uint8_t)(random >> 32) : random >> 62 == 0 ? 255 : 0;
                }
                x[n] = 2.0f;
                num_stream_uniform(s, 9, shades, 1, n, y);
                num_stream_binarise(s, 9, shades, n, x, pixel);
                for (size_t i = 0; i < n; i++)
                    assert_true(x[i] == (y[i] < (float)pixel[i] / 255.0f ? 1.0f : 0.0f));
                assert_true(x[n] == 2.0f);
            }
    }
}

/* The comparison is strict: every grey level against draws of every size. */
static void test_each_level_against_its_draws(void **state)
{
    (void)state;
    NumStream s = num_stream(109, "levels");
    HELP_EACH_ISA {
        num_stream_uniform(s, 1, 0, 1, 256 * 1024, y);
        for (size_t i = 0; i < 256 * 1024; i++) { /* the level next to the draw, below or above */
            float level = y[i] * 255.0f;
            pixel[i] = (uint8_t)(level + (float)(i % 2));
        }
        num_stream_binarise(s, 1, 0, 256 * 1024, x, pixel);
        for (size_t i = 0; i < 256 * 1024; i++)
            assert_true(x[i] == (y[i] < (float)pixel[i] / 255.0f ? 1.0f : 0.0f));
    }
}

/* The upper half of word * n. */
static uint32_t below(uint32_t word, uint32_t n)
{
    return (uint32_t)((uint64_t)word * n >> 32);
}

static void test_below(void **state)
{
    (void)state;
    double count[7] = {0};
    NumStream s = num_stream(109, "below");
    NumRng memory;
    gsl_rng *rng = num_stream_rng(&memory, s, 5, 3);
    for (uint32_t i = 0; i < 70000; i++) {
        uint32_t k = num_rng_below(rng, 7);
        assert_int_equal(k, below(num_stream_word(s, 5, 3, i), 7));
        count[k]++;
    }
    for (int k = 0; k < 7; k++)
        assert_share(count[k], 70000, 1.0 / 7.0);
    assert_int_equal(num_rng_below(rng, 1), 0);
}

/* The permutation follows from its words; every item is in every place equally often: chi-square within 5 sigma of
 * its mean. */
static void test_permutations(void **state)
{
    (void)state;
    enum { N = 10, TIMES = 20000 };
    static uint32_t order[60000], expected[1001];
    double place[N][N] = {{0}}, chi2 = 0.0;
    NumStream s = num_stream(113, "order");
    for (uint64_t step = 0; step < TIMES; step++) {
        unsigned seen = 0;
        num_stream_permutation(s, step, N, order);
        for (int i = 0; i < N; i++) {
            seen |= 1u << order[i];
            place[order[i]][i]++;
        }
        assert_int_equal(seen, (1u << N) - 1u);
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            chi2 += (place[i][j] - TIMES / N) * (place[i][j] - TIMES / N) / (TIMES / (double)N);
    double freedom = (N - 1) * (N - 1); /* rows and columns add up; Var(chi2) = 2 freedom */
    assert_true(fabs(chi2 * (N - 1) / N - freedom) < 5.0 * sqrt(2.0 * freedom));
    num_stream_permutation(s, 3, 1001, order);
    for (uint32_t i = 0; i < 1001; i++)
        expected[i] = i;
    for (uint32_t i = 1000; i > 0; i--) {
        uint32_t j = below(num_stream_word(s, 3, 0, i), i + 1), kept = expected[i];
        expected[i] = expected[j];
        expected[j] = kept;
    }
    assert_memory_equal(order, expected, sizeof expected);
    order[0] = 5;
    num_stream_permutation(s, 0, 1, order);
    assert_int_equal(order[0], 0);
    num_stream_permutation(s, 0, 0, order);
    num_stream_permutation(s, 0, 60000, order);
    double sum = 0.0;
    for (int i = 0; i < 60000; i++)
        sum += order[i];
    assert_true(sum == 59999.0 * 60000.0 / 2.0);
}

/* ---- GSL --------------------------------------------------------------------------------------------------------- */

static void test_gsl_draws_the_stream(void **state)
{
    (void)state;
    gsl_rng *r = gsl_rng_alloc(num_rng_philox);
    assert_non_null(r);
    NumStream s = num_stream(5, "posterior");
    num_stream_start(r, s, 0, 0);
    for (uint32_t i = 0; i < 9999; i++)
        assert_int_equal(gsl_rng_get(r), num_stream_word(s, 0, 0, i));
    gsl_rng_set(r, 42);
    for (int i = 0; i < 9999; i++)
        gsl_rng_get(r);
    assert_int_equal(gsl_rng_get(r), num_stream_word(num_stream(42, "gsl"), 0, 0, 9999)); /* the 10,000th */
    for (int i = 0; i < 1000; i++) {
        double u = gsl_rng_uniform(r);
        assert_true(u >= 0.0 && u < 1.0);
        assert_true(gsl_rng_uniform_int(r, 17) < 17);
    }
    gsl_rng_free(r);
}

/* After 2^32 words comes the next row.  The counter of draws follows the key and the step in the generator's state. */
static void test_gsl_goes_on_in_the_next_row(void **state)
{
    (void)state;
    NumStream s = num_stream(5, "posterior");
    const uint64_t next = (UINT64_C(3) << 32) - 4; /* at the start of a block */
    gsl_rng *r = gsl_rng_alloc(num_rng_philox);
    assert_non_null(r);
    num_stream_start(r, s, 0, 0);
    memcpy((char *)gsl_rng_state(r) + sizeof s.key + sizeof(uint64_t), &next, sizeof next);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(gsl_rng_get(r), num_stream_word(s, 0, 2, UINT32_MAX - 3 + i));
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(gsl_rng_get(r), num_stream_word(s, 0, 3, i));
    gsl_rng_free(r);
}

static void test_gsl_saves_and_restores(void **state)
{
    (void)state;
    gsl_rng *r = gsl_rng_alloc(num_rng_philox);
    assert_non_null(r);
    unsigned long after[50];
    for (int skip = 0; skip < 6; skip++) {
        gsl_rng_set(r, 7);
        for (int i = 0; i < skip; i++)
            gsl_rng_get(r);
        gsl_rng *kept = gsl_rng_clone(r);
        FILE *file = tmpfile();
        assert_non_null(kept);
        assert_non_null(file);
        assert_int_equal(gsl_rng_fwrite(file, r), 0);
        for (int i = 0; i < 50; i++)
            after[i] = gsl_rng_get(r);
        rewind(file);
        assert_int_equal(gsl_rng_fread(file, r), 0);
        for (int i = 0; i < 50; i++) {
            assert_int_equal(gsl_rng_get(r), after[i]);
            assert_int_equal(gsl_rng_get(kept), after[i]);
        }
        fclose(file);
        gsl_rng_free(kept);
    }
    gsl_rng_free(r);
}

/* A distribution of GSL with this generator: the ziggurat normal, in bins. */
static void test_gsl_distributions(void **state)
{
    (void)state;
    enum { N = 200000, BINS = 40 };
    double count[BINS] = {0};
    gsl_rng *r = gsl_rng_alloc(num_rng_philox);
    assert_non_null(r);
    for (int i = 0; i < N; i++)
        count[(int)(gsl_cdf_ugaussian_P(gsl_ran_gaussian_ziggurat(r, 1.0)) * BINS)]++;
    for (int i = 0; i < BINS; i++)
        assert_share(count[i], N, 1.0 / BINS);
    gsl_rng_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_the_key_is_the_digest_of_seed_and_name),
        cmocka_unit_test(test_arrays_hold_the_draws_of_their_addresses),
        cmocka_unit_test(test_the_last_addresses),
        cmocka_unit_test(test_every_rectangle_is_that_of_the_large_fill),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_known_words),
        cmocka_unit_test(test_the_recorded_digest),
        cmocka_unit_test(test_the_ends_of_the_range),
        cmocka_unit_test(test_binarise),
        cmocka_unit_test(test_binarise_is_uniform_below_grey),
        cmocka_unit_test(test_each_level_against_its_draws),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_gsl_draws_the_stream),
        cmocka_unit_test(test_gsl_goes_on_in_the_next_row),
        cmocka_unit_test(test_gsl_saves_and_restores),
        cmocka_unit_test(test_gsl_distributions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
