/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_data.c: golden digests of the built-in sets, splits and labels, addresses and frequencies of binarisation,
 * and the densities of the toy data in data/toys.h.
 *
 * Random checks use fixed seeds and 5 standard errors: a correct implementation fails one in 1.7 million, and then
 * always.
 */
#include "base/mem.h"
#include "data/data.h"
#include "data/digits.h"
#include "data/toys.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Data *open_set(const char *name, DataOptions o)
{
    Error err = ERROR_NONE;
    Data *d = data_open(name, &o, &err);
    if (d == NULL) {
        error_print(stderr, name, &err);
        fail();
    }
    return d;
}

static NumStream any(void)
{
    return num_stream(20250101, "test");
}

/* ---- digits ------------------------------------------------------------------------------------------------------ */

static void digits_are_golden(void **state)
{
    (void)state;
    Data *d = open_set("digits", (DataOptions){0});
    assert_string_equal(data_digest(d), DIGITS_DIGEST);
    assert_int_equal(data_count(d, DATA_TRAIN), 60000);
    assert_int_equal(data_count(d, DATA_VALID), 0);
    assert_int_equal(data_count(d, DATA_TEST), 10000);
    assert_int_equal(data_features(d), 784);
    size_t pairs, repeats, seen[2][10] = {{0}};
    Error err = ERROR_NONE;
    assert_int_equal(data_overlap(d, &pairs, &repeats, &err), 0);
    assert_int_equal(pairs, 0);
    assert_int_equal(repeats, 0); /* no image twice */
    for (size_t i = 0; i < 60000; i++)
        seen[0][data_label(d, DATA_TRAIN, i)]++;
    for (size_t i = 0; i < 10000; i++)
        seen[1][data_label(d, DATA_TEST, i)]++;
    for (int c = 0; c < 10; c++) {
        assert_int_equal(seen[0][c], 6000);
        assert_int_equal(seen[1][c], 1000);
    }
    float mean[784];
    double ink = 0.0;
    data_mean(d, mean);
    for (int j = 0; j < 784; j++)
        ink += (double)mean[j] / 784.0;
    assert_true(ink > 0.12 && ink < 0.145); /* MNIST's is 0.1307 */
    data_free(d);
}

/* An image depends on its part and number alone: any subset has the same images. */
static void digits_do_not_depend_on_the_sizes(void **state)
{
    (void)state;
    Data *few = open_set("digits", (DataOptions){.train = 300, .valid = 200, .test = 100});
    Data *more = open_set("digits", (DataOptions){.train = 400, .valid = 100, .test = 200});
    assert_int_equal(data_count(few, DATA_TRAIN), 300);
    assert_int_equal(data_count(few, DATA_VALID), 200);
    assert_int_equal(data_count(few, DATA_TEST), 100);
    float a[784], b[784];
    const size_t at[DATA_SPLITS][2] = {{299, 299}, {199, 99}, {99, 99}}; /* validation: both end at image 59,999 */
    for (int s = 0; s < DATA_SPLITS; s++) {
        data_rows(few, (DataSplit)s, NULL, at[s][0], 1, any(), 0, a);
        data_rows(more, (DataSplit)s, NULL, at[s][1], 1, any(), 0, b);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(data_label(few, (DataSplit)s, at[s][0]), data_label(more, (DataSplit)s, at[s][1]));
    }
    assert_string_not_equal(data_digest(few), data_digest(more));
    data_free(few);
    data_free(more);
}

/* A plain classifier, the nearest class mean, must find the classes: on MNIST it is right for 82 %. */
static void digits_are_legible(void **state)
{
    (void)state;
    enum { TRAIN = 5000, TEST = 2000 };
    Data *d = open_set("digits", (DataOptions){.train = TRAIN, .test = TEST});
    static double mean[10][784], count[10];
    float x[784];
    for (size_t i = 0; i < TRAIN; i++) {
        int c = data_label(d, DATA_TRAIN, i);
        data_rows(d, DATA_TRAIN, NULL, i, 1, any(), 0, x);
        count[c]++;
        for (int j = 0; j < 784; j++)
            mean[c][j] += (double)x[j];
    }
    size_t right = 0;
    for (size_t i = 0; i < TEST; i++) {
        double least = INFINITY;
        int best = -1;
        data_rows(d, DATA_TEST, NULL, i, 1, any(), 0, x);
        for (int c = 0; c < 10; c++) {
            double distance = 0.0;
            for (int j = 0; j < 784; j++)
                distance += ((double)x[j] - mean[c][j] / count[c]) * ((double)x[j] - mean[c][j] / count[c]);
            if (distance < least) {
                least = distance;
                best = c;
            }
        }
        right += best == data_label(d, DATA_TEST, i);
    }
    assert_true(right > TEST * 70 / 100 && right < TEST * 95 / 100);
    data_free(d);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static void refuses(const char *name, DataOptions o, const char *what, const char *found, const char *expected)
{
    Error err = ERROR_NONE;
    assert_null(data_open(name, &o, &err));
    assert_int_equal(err.kind, ERR_SCRIPT);
    assert_non_null(strstr(err.what, what));
    assert_non_null(strstr(err.found, found));
    assert_non_null(strstr(err.expected, expected));
}

static void sizes_must_fit(void **state)
{
    (void)state;
    refuses("digits", (DataOptions){.train = 60001}, "train", "60001", "60000");
    refuses("digits", (DataOptions){.train = 50001, .valid = 10000}, "train", "50001", "50000");
    refuses("digits", (DataOptions){.train = SIZE_MAX, .valid = 10000}, "train", "", "50000");
    refuses("digits", (DataOptions){.valid = 60000}, "valid", "60000", "60000");
    refuses("digits", (DataOptions){.valid = SIZE_MAX}, "valid", "", "60000");
    refuses("digits", (DataOptions){.train = 1, .test = 10001}, "test", "10001", "10000");
    refuses("toy:ring", (DataOptions){.binarise = DATA_STATIC}, "binarise", "", "grey");
    Data *d = open_set("digits", (DataOptions){.train = 100, .valid = 59900, .test = 1}); /* just fits */
    data_free(d);
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    DataOptions o = {.train = 20, .valid = 10, .test = 10, .binarise = DATA_STATIC};
    for (long nth = 1; ; nth++) {
        Error err = ERROR_NONE;
        mem_fail_after(nth);
        Data *d = data_open("digits", &o, &err);
        mem_fail_after(0);
        if (d != NULL) {
            data_free(d);
            assert_true(nth > 6);
            break;
        }
        assert_int_equal(err.kind, ERR_MEMORY);
        assert_true(nth < 40);
    }
}

/* ---- recorded sets ----------------------------------------------------------------------------------------------- */

static void refuse_recorded(const char *text)
{
    Error err = ERROR_NONE;
    if (data_open_recorded(text, NULL, &err) != NULL)
        fail_msg("accepted: %s", text);
    assert_int_equal(err.kind, ERR_STORE);
}

static void a_recorded_set_is_opened_again(void **state)
{
    static const struct { const char *name; DataOptions options; } set[] = {
        {"digits", {.train = 300, .valid = 20, .test = 50, .binarise = DATA_STATIC}},
        {"digits", {.train = 300, .test = 50, .binarise = DATA_DYNAMIC}},
        {"toy:moons", {.train = 30, .test = 20}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        Error err = ERROR_NONE;
        Text text = {0}, again = {0};
        Data *d = open_set(set[i].name, set[i].options);
        data_recorded_text(d, &text);
        Data *e = data_open_recorded(text_string(&text), NULL, &err);
        if (e == NULL)
            fail_msg("%s: %s", text_string(&text), err.what);
        data_recorded_text(e, &again);
        assert_string_equal(text_string(&again), text_string(&text));
        assert_string_equal(data_digest(e), data_digest(d));
        assert_string_equal(data_description(e), data_description(d));
        data_free(d);
        data_free(e);
        text_free(&text);
        text_free(&again);
    }
    refuse_recorded("");
    refuse_recorded("[]");
    refuse_recorded("{\"binarise\":\"grey\",\"name\":\"digits\",\"test\":0,\"train\":0}");
    refuse_recorded("{\"binarise\":\"grey\",\"name\":\"digits\",\"test\":0,\"train\":-1,\"valid\":0}");
    refuse_recorded("{\"binarise\":\"grey\",\"name\":\"digits\",\"test\":0,\"train\":1.5,\"valid\":0}");
    refuse_recorded("{\"binarise\":\"grey\",\"name\":7,\"test\":0,\"train\":0,\"valid\":0}");
    refuse_recorded("{\"binarise\":\"dark\",\"name\":\"digits\",\"test\":0,\"train\":0,\"valid\":0}");
    refuse_recorded("{\"binarise\":\"grey\",\"name\":\"digits\",\"name\":\"digits\",\"test\":0,\"train\":0,\"valid\":0}");
}

/* ---- rows, labels, binarisation ---------------------------------------------------------------------------------- */

static void rows_follow_the_order(void **state)
{
    (void)state;
    Data *d = open_set("digits", (DataOptions){.train = 50, .test = 10});
    const uint32_t order[] = {7, 49, 0, 7, 13};
    static float x[3 * 784], one[784], y[30];
    data_rows(d, DATA_TRAIN, order, 1, 3, any(), 0, x);
    data_labels(d, DATA_TRAIN, order, 1, 3, y);
    for (size_t r = 0; r < 3; r++) {
        data_rows(d, DATA_TRAIN, NULL, order[1 + r], 1, any(), 0, one);
        assert_memory_equal(x + r * 784, one, sizeof one);
        for (int c = 0; c < 10; c++)
            assert_true(y[r * 10 + (size_t)c] == (c == data_label(d, DATA_TRAIN, order[1 + r]) ? 1.0f : 0.0f));
    }
    for (size_t j = 0; j < 784; j++) /* every grey value is a whole number of 255ths */
        assert_true(one[j] >= 0.0f && one[j] <= 1.0f && one[j] == (float)(int)(one[j] * 255.0f + 0.5f) / 255.0f);
    assert_int_equal(data_label(d, DATA_TRAIN, 50), -1);
    data_free(d);
}

/* The share of ones among pixels of one grey value is that value: 5 standard errors, for every level with enough
 * pixels. */
static void check_frequencies(const Data *grey, const Data *bits, uint64_t step)
{
    static float p[784], x[784];
    double ones[256] = {0}, count[256] = {0};
    for (size_t i = 0; i < 2000; i++) {
        data_rows(grey, DATA_TRAIN, NULL, i, 1, any(), step, p);
        data_rows(bits, DATA_TRAIN, NULL, i, 1, any(), step, x);
        for (int j = 0; j < 784; j++) {
            int level = (int)(p[j] * 255.0f + 0.5f);
            assert_true(x[j] == 0.0f || x[j] == 1.0f);
            ones[level] += (double)x[j];
            count[level]++;
        }
    }
    int checked = 0;
    for (int level = 0; level < 256; level++) {
        double q = level / 255.0;
        if (count[level] < 200)
            continue;
        checked++;
        assert_true(fabs(ones[level] / count[level] - q) <= 5.0 * sqrt(q * (1.0 - q) / count[level]));
    }
    assert_true(checked > 200);
}

static void static_bits(void **state)
{
    (void)state;
    Data *grey = open_set("digits", (DataOptions){.train = 2000, .test = 100});
    Data *d = open_set("digits", (DataOptions){.train = 2000, .test = 100, .binarise = DATA_STATIC});
    Data *fewer = open_set("digits", (DataOptions){.train = 500, .valid = 7, .test = 100, .binarise = DATA_STATIC});
    Data *other = open_set("digits", (DataOptions){.train = 5, .valid = 3, .test = 1, .binarise = DATA_STATIC});
    static float a[784], b[784], three[2][3 * 784];
    check_frequencies(grey, d, 0);
    for (size_t i = 0; i < 100; i++) { /* the same at every access, whatever the stream, the step and the sizes */
        data_rows(d, DATA_TEST, NULL, i, 1, any(), 0, a);
        data_rows(fewer, DATA_TEST, NULL, i, 1, num_stream(5, "other"), 17, b);
        assert_memory_equal(a, b, sizeof a);
    }
    data_rows(fewer, DATA_VALID, NULL, 4, 3, any(), 0, three[0]); /* images 59,997 … of the training part */
    data_rows(other, DATA_VALID, NULL, 0, 3, any(), 0, three[1]);
    assert_memory_equal(three[0], three[1], sizeof three[0]);
    assert_string_not_equal(data_digest(d), data_digest(grey));
    data_free(grey);
    data_free(d);
    data_free(fewer);
    data_free(other);
}

static void fresh_bits(void **state)
{
    (void)state;
    Data *grey = open_set("digits", (DataOptions){.train = 2000, .test = 100});
    Data *d = open_set("digits", (DataOptions){.train = 2000, .test = 100, .binarise = DATA_DYNAMIC});
    static float a[4 * 784], b[784];
    const uint32_t order[] = {30, 2, 31, 1999};
    check_frequencies(grey, d, 3);
    data_rows(d, DATA_TRAIN, order, 0, 4, any(), 3, a);
    for (size_t r = 0; r < 4; r++) { /* addressed by (step, example): not by the place in the batch */
        data_rows(d, DATA_TRAIN, NULL, order[r], 1, any(), 3, b);
        assert_memory_equal(a + r * 784, b, sizeof b);
        data_rows(d, DATA_TRAIN, NULL, order[r], 1, any(), 4, b);
        assert_memory_not_equal(a + r * 784, b, sizeof b);
    }
    assert_string_not_equal(data_digest(d), data_digest(grey));
    assert_string_equal(data_split_digest(d, DATA_TRAIN), data_split_digest(grey, DATA_TRAIN));
    data_free(grey);
    data_free(d);
}

/* ---- toy data ---------------------------------------------------------------------------------------------------- */

static void toys_are_golden(void **state)
{
    (void)state;
    for (const Toy *t = toys; t->name != NULL; t++) {
        Data *d = open_set(t->name, (DataOptions){0});
        assert_string_equal(data_digest(d), t->digest);
        assert_int_equal(data_classes(d), t->classes);
        assert_int_equal(data_is_image(d), 0);
        assert_int_equal(data_features(d), t->features);
        data_free(d);
    }
}

static const double pi = 3.14159265358979323846;

static double normal(double x, double mean, double sd)
{
    return exp(-0.5 * (x - mean) * (x - mean) / (sd * sd)) / (sd * sqrt(2.0 * pi));
}

/* The densities of data/toys.h, written once more from their formulas. */
static double mixture(double x, double y)
{
    double p = 0.0;
    for (int k = 0; k < 8; k++)
        p += normal(x, 2.0 * cos(pi * k / 4.0), 0.2) * normal(y, 2.0 * sin(pi * k / 4.0), 0.2) / 8.0;
    return p;
}

static double pinwheel(double x, double y)
{
    double p = 0.0, r = hypot(x, y) / 2.0;
    for (int k = 0; k < 5; k++) {
        double a = -2.0 * pi * (k / 5.0 + r / 4.0);
        double u = (cos(a) * x - sin(a) * y) / 2.0, v = (sin(a) * x + cos(a) * y) / 2.0;
        p += normal(u, 1.0, 0.3) * normal(v, 0.0, 0.1) / 20.0;
    }
    return p;
}

static double ring(double x, double y)
{
    return normal(hypot(x, y), 2.0, 0.1) / (2.0 * pi * hypot(x, y));
}

static double moons(double x, double y)
{
    double p = 0.0;
    for (int i = 0; i < 400; i++) {
        double t = pi * (i + 0.5) / 400.0;
        p += normal(x, cos(t), 0.1) * normal(y, sin(t), 0.1) + normal(x, 1.0 - cos(t), 0.1) * normal(y, 0.5 - sin(t), 0.1);
    }
    return p / 800.0;
}

/* Counts in a grid of cells against the density's integral over each (midpoints of 20 x 20): 5 standard errors. */
static void counts_follow_the_density(const char *name, double (*density)(double, double))
{
    enum { CELLS = 12, FINE = 20 };
    const double side = 6.0 / CELLS, fine = side / FINE;
    Data *d = open_set(name, (DataOptions){0});
    static double count[CELLS][CELLS];
    size_t n = data_count(d, DATA_TRAIN), checked = 0;
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++) {
        float x[2];
        data_rows(d, DATA_TRAIN, NULL, i, 1, any(), 0, x);
        int a = (int)floor(((double)x[0] + 3.0) / side), b = (int)floor(((double)x[1] + 3.0) / side);
        if (a >= 0 && a < CELLS && b >= 0 && b < CELLS)
            count[a][b]++;
    }
    for (int a = 0; a < CELLS; a++) {
        for (int b = 0; b < CELLS; b++) {
            double p = 0.0;
            for (int i = 0; i < FINE; i++)
                for (int j = 0; j < FINE; j++)
                    p += density(-3.0 + a * side + (i + 0.5) * fine, -3.0 + b * side + (j + 0.5) * fine) * fine * fine;
            double expected = p * (double)n;
            if (expected < 30.0)
                continue;
            checked++;
            if (fabs(count[a][b] - expected) > 5.0 * sqrt(expected * (1.0 - p)))
                fail_msg("%s: cell (%d, %d) has %g points, expected %g", name, a, b, count[a][b], expected);
        }
    }
    assert_true(checked >= 20);
    data_free(d);
}

static void toys_follow_their_densities(void **state)
{
    (void)state;
    counts_follow_the_density("toy:mixture", mixture);
    counts_follow_the_density("toy:pinwheel", pinwheel);
    counts_follow_the_density("toy:ring", ring);
    counts_follow_the_density("toy:moons", moons);
}

/* Covariance W W^T + 0.25 I with Walsh columns: 5 standard errors of a covariance of n points, sqrt((s_ii s_jj +
 * s_ij^2) / n). */
static void linear_gaussian_covariance(void **state)
{
    (void)state;
    Data *d = open_set("toy:linear-gaussian", (DataOptions){0});
    size_t n = data_count(d, DATA_TRAIN);
    double c[8][8] = {{0.0}};
    for (size_t i = 0; i < n; i++) {
        float x[8];
        data_rows(d, DATA_TRAIN, NULL, i, 1, any(), 0, x);
        for (int a = 0; a < 8; a++)
            for (int b = 0; b < 8; b++)
                c[a][b] += (double)x[a] * (double)x[b] / (double)n; /* the mean is known to be 0 */
    }
    for (int a = 0; a < 8; a++) {
        for (int b = 0; b < 8; b++) {
            const double length2[3] = {4.0, 2.25, 1.0};
            double expected = a == b ? 0.25 : 0.0, own = 0.25 + 7.25 / 8.0;
            for (int j = 0; j < 3; j++)
                expected += length2[j] / 8.0 * ((a >> j & 1) == (b >> j & 1) ? 1.0 : -1.0);
            assert_true(fabs(c[a][b] - expected) <= 5.0 * sqrt((own * own + expected * expected) / (double)n));
        }
    }
    data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_golden),
        cmocka_unit_test(digits_do_not_depend_on_the_sizes),
        cmocka_unit_test(digits_are_legible),
        cmocka_unit_test(sizes_must_fit),
        cmocka_unit_test(no_memory_is_reported),
        cmocka_unit_test(a_recorded_set_is_opened_again),
        cmocka_unit_test(rows_follow_the_order),
        cmocka_unit_test(static_bits),
        cmocka_unit_test(fresh_bits),
        cmocka_unit_test(toys_are_golden),
        cmocka_unit_test(toys_follow_their_densities),
        cmocka_unit_test(linear_gaussian_covariance),
    };
    return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}
