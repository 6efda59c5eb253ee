/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_rng.c: streams of every generator in GSL's list: words, arrays, parts, permutations, binarised pixels;
 * and the generator that philox4x32 is for GSL.
 */
#include "num_help.h"

#include "num/stream.h"

enum { ROWS = 139, COLUMNS = 101, N = ROWS * COLUMNS, PARTS = (N + NUM_STREAM_PART - 1) / NUM_STREAM_PART };
static float x[N], y[N];

static const gsl_rng_type *find(const char *name)
{
    Error err = ERROR_NONE;
    const gsl_rng_type *type = num_rng_find(name, &err);
    assert_non_null(type);
    return type;
}

static NumStream stream_of(const gsl_rng_type *type, const char *name)
{
    return num_stream_of((NumSeed){11, type}, name);
}

/* A sequential generator at (step, row, part), seeded as num/stream.h says. */
static gsl_rng *by_hand(NumStream s, uint32_t part, uint32_t row, uint32_t step)
{
    uint32_t word[4];
    gsl_rng *rng = gsl_rng_alloc(s.rng);
    assert_non_null(rng);
    num_philox(s.key, (uint32_t[4]){part, row, step, 0}, word);
    gsl_rng_set(rng, word[0] / 2 | 1);
    if (strcmp(s.rng->name, "slatec") == 0 || strcmp(s.rng->name, "uni") == 0)
        for (uint32_t i = 0; i < word[1] / 65536; i++)
            gsl_rng_get(rng);
    return rng;
}

/* The uniform of a word, by the definition in num/stream.h. */
static float uniform_of(uint32_t word)
{
    float u = (float)(((double)word + 0.5) * 0x1p-32);
    return u < 1.0f ? u : 0x1.fffffep-1f;
}

/* philox4x32 as a gsl_rng gives, in order, the words that the vectorised kernels put into an array. */
static void philox_words_in_order_fill_the_arrays(void **state)
{
    (void)state;
    NumStream s = num_stream(3, "order of words");
    NumRng memory;
    HELP_EACH_ISA {
        num_stream_uniform(s, 7, 20, ROWS, COLUMNS, x);
        for (uint32_t row = 0; row < ROWS; row++) {
            gsl_rng *rng = num_stream_rng(&memory, s, 7, 20 + row);
            for (size_t j = 0; j < COLUMNS; j++)
                assert_true(x[row * COLUMNS + j] == uniform_of((uint32_t)gsl_rng_get(rng)));
        }
    }
}

/* Every generator that GSL lists can be found, and its stream is the generator seeded from the address. */
static void every_generator_is_seeded_from_the_address(void **state)
{
    (void)state;
    const char *name;
    size_t i = 0;
    assert_string_equal(num_rng_name(0), "philox4x32");
    for (; (name = num_rng_name(i)) != NULL; i++) {
        const gsl_rng_type *type = find(name);
        assert_string_equal(type->name, name);
        NumStream s = stream_of(type, "address");
        NumRng memory;
        gsl_rng *rng = num_stream_rng(&memory, s, 5, 9);
        assert_ptr_equal(rng->type, type);
        uint32_t first = num_rng_word(rng), other;
        assert_int_equal(first, num_stream_word(s, 5, 9, 0));
        if (i > 0) {
            gsl_rng *plain = by_hand(s, 0, 9, 5);
            assert_int_equal(first, num_rng_word(plain));
            gsl_rng_free(plain);
        }
        other = num_rng_word(num_stream_rng(&memory, s, 6, 9)); /* another step, another row, another name */
        assert_int_not_equal(first, other);
        assert_int_not_equal(other, num_rng_word(num_stream_rng(&memory, s, 5, 10)));
        assert_int_not_equal(first, num_rng_word(num_stream_rng(&memory, stream_of(type, "another"), 5, 9)));
    }
    assert_int_equal(i, 63);
}

/* A word keeps the generator's resolution and spreads it over 32 bits: checked on a generator of each range. */
static void words_of_narrow_generators(void **state)
{
    (void)state;
    const char *names[] = {"mt19937", "ranlxd2", "randu", "knuthran2002", "ranlux", "slatec", "uni"};
    NumRng memory, again;
    for (int i = 0; i < 7; i++) {
        NumStream s = stream_of(find(names[i]), "narrow");
        gsl_rng *rng = num_stream_rng(&memory, s, 1, 0), *plain = num_stream_rng(&again, s, 1, 0);
        double outcomes = (double)(gsl_rng_max(rng) - gsl_rng_min(rng)) + 1, sum = 0.0, bins[16] = {0};
        for (int k = 0; k < 20000; k++) {
            uint32_t word = num_rng_word(rng);
            double fraction =
                ((double)(gsl_rng_get(plain) - gsl_rng_min(plain)) + (outcomes < 0x1p24 ? 0.0 : 0.5)) / outcomes;
            if (outcomes < 0x1p24)
                fraction += ((double)(gsl_rng_get(plain) - gsl_rng_min(plain)) + 0.5) / (outcomes * outcomes);
            assert_true(fabs(fraction * 4294967296.0 - 0.5 - (double)word) <= 0.75);
            sum += fraction;
            bins[word >> 28]++;
        }
        assert_true(fabs(sum / 20000 - 0.5) < 5 / sqrt(12.0 * 20000));
        for (int b = 0; b < 16; b++)
            assert_true(fabs(bins[b] - 1250) < 5 * sqrt(1250 * 15 / 16.0));
    }
    /* the whole range is reached: with 15 bits a word, a choice out of 60,000 would miss half of them */
    static unsigned char seen[60000];
    gsl_rng *rng = num_stream_rng(&memory, stream_of(find("uni"), "narrow"), 2, 0);
    int missed = 0;
    for (int k = 0; k < 900000; k++)
        seen[num_rng_below(rng, 60000)] = 1;
    for (int k = 0; k < 60000; k++)
        missed += !seen[k];
    assert_true(missed < 10); /* 60,000 e^-15 = 0.02 are expected */
}

/* An array is drawn row after row; each part of NUM_STREAM_PART draws is seeded by itself. */
static void arrays_of_sequential_generators(void **state)
{
    (void)state;
    const char *names[] = {"mt19937", "ranlxd2", "randu", "uni", "gfsr4"};
    for (int i = 0; i < 5; i++) {
        NumStream s = stream_of(find(names[i]), "arrays");
        HELP_EACH_ISA {
            num_stream_uniform(s, 3, 8, ROWS, COLUMNS, x);
            for (int part = 0; part < PARTS; part++) {
                gsl_rng *rng = by_hand(s, (uint32_t)part, 8, 3);
                for (int k = part * NUM_STREAM_PART; k < N && k < (part + 1) * NUM_STREAM_PART; k++)
                    assert_true(x[k] == uniform_of(num_rng_word(rng)));
                gsl_rng_free(rng);
            }
        }
    }
}

/* The same bits for every instruction set and number of threads, and standard normals in their first four moments. */
static void normals_of_sequential_generators(void **state)
{
    (void)state;
    static float first[N];
    NumStream s = stream_of(find("mt19937"), "normals");
    num_stream_normal(s, 1, 0, ROWS, COLUMNS, first);
    double sum = 0.0, squares = 0.0, cubes = 0.0, fourths = 0.0;
    for (int i = 0; i < N; i++) {
        double z = first[i];
        sum += z;
        squares += z * z;
        cubes += z * z * z;
        fourths += z * z * z * z;
    }
    /* variances of z, z^2, z^3, z^4: 1, 2, 15, 96 */
    assert_true(fabs(sum / N) < 5 * sqrt(1.0 / N) && fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(cubes / N) < 5 * sqrt(15.0 / N) && fabs(fourths / N - 3) < 5 * sqrt(96.0 / N));
    HELP_EACH_ISA {
        for (int threads = 1; threads <= 8; threads++) {
            num_threads_set(threads);
            num_stream_normal(s, 1, 0, ROWS, COLUMNS, y);
            num_threads_set(1);
            assert_memory_equal(first, y, sizeof first);
        }
    }
}

static void permutations_and_pixels(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static uint32_t order[MANY], expected[MANY];
    static uint8_t grey[MANY];
    const char *names[] = {"mt19937", "randu", "uni"};
    NumRng memory;
    for (int i = 0; i < MANY; i++)
        grey[i] = (uint8_t)(i % 256);
    for (int i = 0; i < 3; i++) {
        NumStream s = stream_of(find(names[i]), "order");
        gsl_rng *rng = num_stream_rng(&memory, s, 4, 0);
        for (uint32_t k = 0; k < MANY; k++)
            expected[k] = k;
        for (uint32_t k = MANY - 1; k > 0; k--) {
            uint32_t j = (uint32_t)((uint64_t)num_rng_word(rng) * (k + 1) >> 32), moved = expected[k];
            expected[k] = expected[j];
            expected[j] = moved;
        }
        num_stream_permutation(s, 4, MANY, order);
        assert_memory_equal(order, expected, sizeof order);
        num_stream_uniform(s, 6, 2, 1, MANY, y);
        num_stream_binarise(s, 6, 2, MANY, x, grey);
        for (int k = 0; k < MANY; k++)
            assert_true(x[k] == (y[k] < (float)grey[k] / 255.0f ? 1.0f : 0.0f));
    }
}

static void an_unknown_name_is_an_error(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    char text[600];
    assert_null(num_rng_find("mt19973", &err));
    error_text(text, sizeof text, &err);
    assert_non_null(strstr(text, "mt19973"));
    assert_non_null(strstr(text, "did you mean \"mt19937\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_words_in_order_fill_the_arrays),
        cmocka_unit_test(every_generator_is_seeded_from_the_address),
        cmocka_unit_test(words_of_narrow_generators),
        cmocka_unit_test(arrays_of_sequential_generators),
        cmocka_unit_test(normals_of_sequential_generators),
        cmocka_unit_test(permutations_and_pixels),
        cmocka_unit_test(an_unknown_name_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
