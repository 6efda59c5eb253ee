/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_golden.c: the data sets, binarisations, shuffles and noise have the digests of tests/golden/digests.txt,
 * on every instruction set of this processor and on 1, 2, 3 and 8 threads.
 *
 * `test_golden --print` prints the lines of that file that are this program's, for tests/golden/renew.
 */
#include "base/digest.h"
#include "base/mem.h"
#include "data/data.h"
#include "data/digits.h"
#include "data/toys.h"
#include "num/isa.h"
#include "num/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/digests.txt" /* relative to the root of the project, where tests/run runs */

/* Told of each digest; 0 when it is what it should be. */
typedef int Visit(const char *name, const char *digest);

enum { ROWS = 200, COLUMNS = 784 }; /* enough for eight threads */
static float x[ROWS * COLUMNS], p[ROWS * COLUMNS];

static Data *open_set(const char *name, DataOptions o)
{
    Error err = ERROR_NONE;
    Data *d = data_open(name, &o, &err);
    if (d == NULL) {
        error_print(stderr, name, &err);
        exit(1);
    }
    return d;
}

static int visit_floats(Visit *visit, const char *name, size_t n)
{
    char text[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    digest_floats(&d, x, n);
    digest_end(&d, text);
    return visit(name, text);
}

static int visit_words(Visit *visit, const char *name, const uint32_t *word, size_t n)
{
    char text[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    for (size_t i = 0; i < n; i++) {
        unsigned char bytes[4] = {(unsigned char)word[i], (unsigned char)(word[i] >> 8), (unsigned char)(word[i] >> 16),
                                  (unsigned char)(word[i] >> 24)};
        digest_bytes(&d, bytes, sizeof bytes);
    }
    digest_end(&d, text);
    return visit(name, text);
}

/* ---- what does not run through the kernels of an instruction set ------------------------------------------------- */

static int digits(Visit *visit)
{
    Data *d = open_set("digits", (DataOptions){0});
    int bad = visit("data/digits", data_digest(d));
    bad += visit("data/digits/train", data_split_digest(d, DATA_TRAIN));
    bad += visit("data/digits/test", data_split_digest(d, DATA_TEST));
    data_mean(d, x);
    bad += visit_floats(visit, "data/digits/mean", COLUMNS);
    data_free(d);
    return bad;
}

static int shuffles(Visit *visit)
{
    static uint32_t order[60000];
    static const size_t sizes[] = {2, 7, 97, 60000};
    int bad = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint64_t epoch = 1; epoch <= 2; epoch++) {
            char name[40];
            snprintf(name, sizeof name, "shuffle/%zu/epoch%d", sizes[i], (int)epoch);
            num_stream_permutation(num_stream(1, "order"), epoch, sizes[i], order);
            bad += visit_words(visit, name, order, sizes[i]);
        }
    return bad;
}

/* The bare words of a stream, and what GSL makes of them without libm (the ziggurat). */
static int words(Visit *visit)
{
    static uint32_t word[10000];
    NumStream s = num_stream(1, "noise");
    for (uint32_t i = 0; i < 10000; i++)
        word[i] = num_stream_word(s, (uint64_t)i << 20, i / 7, i % 7);
    int bad = visit_words(visit, "stream/words", word, 10000);
    gsl_rng *r = gsl_rng_alloc(num_rng_philox);
    num_stream_start(r, s, 0, 0);
    for (uint32_t i = 0; i < 10000; i++)
        word[i] = (uint32_t)gsl_rng_get(r);
    gsl_rng_free(r);
    return bad + visit_words(visit, "stream/gsl", word, 10000);
}

/* ---- what does: once for each instruction set and number of threads ---------------------------------------------- */

static int toy_sets(Visit *visit)
{
    int bad = 0;
    for (const Toy *t = toys; t->name != NULL; t++) {
        char name[40];
        Data *d = open_set(t->name, (DataOptions){0});
        snprintf(name, sizeof name, "data/%s", t->name);
        bad += visit(name, data_digest(d));
        data_free(d);
    }
    return bad;
}

static int binarisation(Visit *visit)
{
    int bad = 0;
    Data *d = open_set("digits", (DataOptions){.train = ROWS, .valid = 30, .test = 50, .binarise = DATA_STATIC});
    static const char *const parts[DATA_SPLITS] = {"train", "valid", "test"};
    for (int s = 0; s < DATA_SPLITS; s++) {
        char name[40];
        snprintf(name, sizeof name, "binarise/static/%s", parts[s]);
        size_t n = data_count(d, (DataSplit)s);
        data_rows(d, (DataSplit)s, NULL, 0, n, num_stream(1, "binarise"), 0, x);
        bad += visit_floats(visit, name, n * COLUMNS);
    }
    data_free(d);
    d = open_set("digits", (DataOptions){.train = ROWS, .test = 50, .binarise = DATA_DYNAMIC});
    uint32_t order[ROWS];
    for (uint64_t epoch = 1; epoch <= 2; epoch++) { /* as an epoch of training reads them */
        char name[40];
        snprintf(name, sizeof name, "binarise/dynamic/epoch%d", (int)epoch);
        num_stream_permutation(num_stream(1, "order"), epoch, ROWS, order);
        data_rows(d, DATA_TRAIN, order, 0, ROWS, num_stream(1, "binarise"), epoch, x);
        bad += visit_floats(visit, name, ROWS * COLUMNS);
    }
    data_free(d);
    return bad;
}

static int noise(Visit *visit)
{
    NumStream s = num_stream(1, "noise");
    num_stream_normal(s, 0, 0, 100, 50, x);
    num_stream_uniform(s, 1, 0, 100, 50, x + 5000);
    int bad = visit_floats(visit, "noise/small", 10000);
    num_stream_normal(s, (uint64_t)7 << 32, 3, ROWS, COLUMNS - 1, x); /* rows that end within a block of four */
    bad += visit_floats(visit, "noise/normal", ROWS * (COLUMNS - 1));
    num_stream_uniform(s, 2, UINT32_MAX - ROWS, ROWS, COLUMNS - 1, x);
    bad += visit_floats(visit, "noise/uniform", ROWS * (COLUMNS - 1));
    num_stream_uniform(s, 3, 0, ROWS, COLUMNS, p);
    num_stream_uniform(s, 4, 0, ROWS, COLUMNS, x);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        x[i] = x[i] < p[i] ? 1.0f : 0.0f;
    return bad + visit_floats(visit, "noise/bernoulli", ROWS * COLUMNS);
}

/* Generators of GSL with 32, 31 and 15 bits of range, and one that works in floating point. */
static int generators(Visit *visit)
{
    static const char *const names[] = {"mt19937", "ranlxd2", "randu", "uni"};
    int bad = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Error err = ERROR_NONE;
        char text[40];
        NumStream s = num_stream_of((NumSeed){1, num_rng_find(names[i], &err)}, "noise");
        num_stream_normal(s, 0, 0, 100, 50, x);
        num_stream_uniform(s, 1, 3, 100, 50, x + 5000);
        snprintf(text, sizeof text, "noise/%s", names[i]);
        bad += visit_floats(visit, text, 10000);
    }
    return bad;
}

/* ---- the golden file --------------------------------------------------------------------------------------------- */

static int print(const char *name, const char *digest)
{
    return printf("%s %s\n", name, digest) < 0;
}

static int compare(const char *name, const char *digest)
{
    char line[256], golden[65], word[128];
    FILE *f = fopen(GOLDEN, "r");
    if (f == NULL)
        fail_msg("%s cannot be opened: run this from the root of the project", GOLDEN);
    int found = 0, same = 0;
    while (!found && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%127s %64s", word, golden) == 2 && strcmp(word, name) == 0) {
            found = 1;
            same = strcmp(golden, digest) == 0;
        }
    fclose(f);
    if (!found)
        print_error("%s is not in %s\n", name, GOLDEN);
    else if (!same)
        print_error("%s: %s, not the golden %s (%s, %d threads)\n", name, digest, golden, num_isa_name(), num_threads());
    return !same;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void built_in_digits(void **state)
{
    (void)state;
    assert_int_equal(digits(compare), 0);
    assert_int_equal(compare("data/digits", DIGITS_DIGEST), 0); /* what `vae-lab data verify` compares with */
}

static void shuffles_and_words(void **state)
{
    (void)state;
    assert_int_equal(shuffles(compare), 0);
    assert_int_equal(words(compare), 0);
}

static void sets_bits_and_noise_of_every_kernel(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    Error err = ERROR_NONE;
    for (const char *const *isa = num_isa_available(); *isa != NULL; isa++)
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            assert_int_equal(num_isa_choose(*isa, &err), 0);
            num_threads_set(threads[t]);
            assert_int_equal(noise(compare), 0);
            assert_int_equal(generators(compare), 0);
            assert_int_equal(binarisation(compare), 0);
            assert_int_equal(toy_sets(compare), 0);
        }
    assert_int_equal(num_isa_choose(num_isa_available()[0], &err), 0);
    num_threads_set(1);
}

int main(int argc, char **argv)
{
    unsetenv("VAE_LAB_ISA"); /* the tests choose */
    if (argc == 2 && strcmp(argv[1], "--print") == 0)
        return digits(print) + shuffles(print) + words(print) + toy_sets(print) + binarisation(print) + noise(print) +
               generators(print) != 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_digits),
        cmocka_unit_test(shuffles_and_words),
        cmocka_unit_test(sets_bits_and_noise_of_every_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
