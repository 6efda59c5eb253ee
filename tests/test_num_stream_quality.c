/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_num_stream_quality.c: statistical tests of the draws of a stream, and of the independence of streams.
 * GSL's distributions give the probability of each result under a perfect generator.
 *
 * Seeds are fixed (each test gives its own), so a result never changes by chance.  Every bound is 5 sigma: a perfect
 * generator exceeds it in one of 1.7 million comparisons, and there are some 80,000 here.  Chi-square and
 * Kolmogorov-Smirnov statistics have bounds of the same probability, in the upper tail, and in the lower tail where a
 * fit may be too good.
 */
#include "num_help.h"

#include "num/stream.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <stdlib.h>

enum { MANY = 400000 };
static float x[MANY];
static double sorted[MANY];

/* ---- bounds of 5 sigma ------------------------------------------------------------------------------------------- */

static double five_sigma(void)
{
    return gsl_cdf_ugaussian_Q(5.0); /* 2.9e-7 in each tail */
}

static void assert_within(const char *what, double value, double mean, double sigma)
{
    if (!(fabs(value - mean) <= 5.0 * sigma))
        fail_msg("%s: %.9g, expected %.9g, %.2f sigma away", what, value, mean, (value - mean) / sigma);
}

/* `count` of n, each with probability `share`. */
static void assert_share(const char *what, double count, double n, double share)
{
    assert_within(what, count, n * share, sqrt(n * share * (1.0 - share)));
}

/* The same for rare events, whose number is Poisson distributed. */
static void assert_rare(const char *what, unsigned count, double mean)
{
    if (gsl_cdf_poisson_P(count, mean) < five_sigma() || (count > 0 && gsl_cdf_poisson_Q(count - 1, mean) < five_sigma()))
        fail_msg("%s: %u, expected %.3f", what, count, mean);
}

/* Counts of n events in equally probable cells: chi-square in neither tail. */
static void assert_even(const char *what, size_t cells, const double *count, double n)
{
    double expected = n / (double)cells, chi2 = 0.0, freedom = (double)cells - 1.0;
    for (size_t i = 0; i < cells; i++)
        chi2 += (count[i] - expected) * (count[i] - expected) / expected;
    if (gsl_cdf_chisq_Q(chi2, freedom) < five_sigma() || gsl_cdf_chisq_P(chi2, freedom) < five_sigma())
        fail_msg("%s: chi-square %.1f with %.0f degrees of freedom", what, chi2, freedom);
}

/* n values that should be uniform in (0, 1), by the test of Kolmogorov and Smirnov.  Sorts them. */
static void assert_uniform(const char *what, size_t n, double *u)
{
    double distance = 0.0, root = sqrt((double)n), probability = 0.0, sign = 2.0;
    gsl_sort(u, 1, n);
    for (size_t i = 0; i < n; i++) {
        distance = fmax(distance, (double)(i + 1) / (double)n - u[i]);
        distance = fmax(distance, u[i] - (double)i / (double)n);
    }
    double lambda = (root + 0.12 + 0.11 / root) * distance; /* Stephens 1970 */
    for (int k = 1; k < 100; k++, sign = -sign)
        probability += sign * exp(-2.0 * k * k * lambda * lambda);
    if (lambda > 0.3 && probability < 2.0 * five_sigma())
        fail_msg("%s: Kolmogorov-Smirnov distance %.6f of %zu values, probability %.2g", what, distance, n, probability);
    assert_true(lambda > 0.26); /* below 0.26 the series does not converge; so good a fit has the probability 1e-7 */
}

/* Autocorrelations of a sequence of mean 0 and known variance, at lags 1 to `lags`. */
static void assert_uncorrelated(const char *what, size_t n, const double *v, double variance, size_t lags)
{
    for (size_t lag = 1; lag <= lags; lag++) {
        double sum = 0.0;
        for (size_t i = lag; i < n; i++)
            sum += v[i] * v[i - lag];
        assert_within(what, sum, 0.0, variance * sqrt((double)(n - lag)));
    }
}

/* ---- sequences of addresses -------------------------------------------------------------------------------------- */

typedef enum { BY_COLUMN, BY_ROW, BY_STEP, BY_SEED, BY_NAME, WAYS } Way;
static const char *const way_name[WAYS] = {"along columns", "along rows", "along steps", "along seeds", "along names"};

/* The ith word of a sequence in which one part of the address counts and the others are fixed. */
static uint32_t word_on(Way way, uint32_t i)
{
    char name[32];
    NumStream s = {{0x5eed0001, 0x5eed0002}, num_rng_philox};
    switch (way) {
    case BY_COLUMN: return num_stream_word(s, 3, 5, i);
    case BY_ROW: return num_stream_word(s, 3, i, 5);
    case BY_STEP: return num_stream_word(s, i, 3, 5);
    case BY_SEED: return num_stream_word(num_stream(i, "noise"), 0, 0, 0);
    case BY_NAME: snprintf(name, sizeof name, "n%u", (unsigned)i); return num_stream_word(num_stream(1, name), 0, 0, 0);
    case WAYS: break;
    }
    return 0;
}

static double unit(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

/* ---- words, bit by bit ------------------------------------------------------------------------------------------- */

enum { WORDS = 1 << 16 };
static uint32_t word[WORDS + 32];

/* Transposes 32 words of 32 bits. */
static void bit_columns(const uint32_t *w, uint32_t column[32])
{
    for (int b = 0; b < 32; b++) {
        column[b] = 0;
        for (int i = 0; i < 32; i++)
            column[b] |= (w[i] >> b & 1u) << i;
    }
}

static double ones(uint32_t bits)
{
    return (double)__builtin_popcount(bits);
}

/* Each bit is 1 half of the time, and equals each other bit of its word, and each bit of the next word, half of the
 * time. */
static void check_bits(const char *way)
{
    static double set[32], same[32][32], next[32][32];
    memset(set, 0, sizeof set);
    memset(same, 0, sizeof same);
    memset(next, 0, sizeof next);
    for (int i = 0; i < WORDS; i += 32) {
        uint32_t here[32], after[32];
        bit_columns(word + i, here);
        bit_columns(word + i + 1, after);
        for (int a = 0; a < 32; a++) {
            set[a] += ones(here[a]);
            for (int b = 0; b < 32; b++) {
                same[a][b] += ones(here[a] ^ here[b]);
                next[a][b] += ones(here[a] ^ after[b]);
            }
        }
    }
    for (int a = 0; a < 32; a++) {
        assert_share(way, set[a], WORDS, 0.5);
        for (int b = 0; b < 32; b++) {
            if (a != b)
                assert_share(way, same[a][b], WORDS, 0.5);
            assert_share(way, next[a][b], WORDS, 0.5);
        }
    }
}

static void test_bits_of_words(void **state)
{
    (void)state;
    static double bytes[4][256];
    for (Way way = 0; way < WAYS; way++) {
        for (uint32_t i = 0; i < WORDS + 32; i++)
            word[i] = word_on(way, i);
        check_bits(way_name[way]);
        memset(bytes, 0, sizeof bytes);
        for (int i = 0; i < WORDS; i++)
            for (int b = 0; b < 4; b++)
                bytes[b][word[i] >> 8 * b & 0xff]++;
        for (int b = 0; b < 4; b++)
            assert_even(way_name[way], 256, bytes[b], WORDS);
    }
}

/* Changing one bit of key or counter changes each bit of the block half of the time: neighbouring addresses have
 * independent draws.  1,024 addresses from seed 31. */
static void test_one_bit_of_an_address_changes_half_of_the_block(void **state)
{
    (void)state;
    enum { PLACES = 1024, IN = 6 * 32, OUT = 4 * 32 };
    static double changed[IN][OUT];
    uint64_t seed = 31;
    memset(changed, 0, sizeof changed);
    for (int t = 0; t < PLACES; t++) {
        uint32_t place[6], block[4], other[4];
        for (int i = 0; i < 6; i++)
            place[i] = (uint32_t)help_random(&seed) & (t % 2 ? 0xffu : ~0u); /* small numbers too: such are the addresses */
        num_philox(place, place + 2, block);
        for (int in = 0; in < IN; in++) {
            place[in / 32] ^= 1u << in % 32;
            num_philox(place, place + 2, other);
            place[in / 32] ^= 1u << in % 32;
            for (int out = 0; out < OUT; out++)
                changed[in][out] += (block[out / 32] ^ other[out / 32]) >> out % 32 & 1u;
        }
    }
    for (int in = 0; in < IN; in++)
        for (int out = 0; out < OUT; out++)
            assert_share("a changed bit of the address", changed[in][out], PLACES, 0.5);
}

/* ---- uniforms ---------------------------------------------------------------------------------------------------- */

/* Counts in intervals, in the square (pairs) and in the cube (triples), for each sequence of addresses. */
static void test_equidistribution_in_one_two_and_three_dimensions(void **state)
{
    (void)state;
    enum { N = 60000, LINE = 256, SQUARE = 24, CUBE = 8 };
    static double line[LINE], square[SQUARE * SQUARE], cube[CUBE * CUBE * CUBE];
    for (Way way = 0; way < WAYS; way++) {
        memset(line, 0, sizeof line);
        memset(square, 0, sizeof square);
        memset(cube, 0, sizeof cube);
        for (uint32_t i = 0; i < N; i += 6) {
            double u[6];
            for (uint32_t j = 0; j < 6; j++) {
                u[j] = unit(word_on(way, i + j));
                line[(int)(u[j] * LINE)]++;
            }
            for (int j = 0; j < 6; j += 2)
                square[(int)(u[j] * SQUARE) * SQUARE + (int)(u[j + 1] * SQUARE)]++;
            for (int j = 0; j < 6; j += 3)
                cube[((int)(u[j] * CUBE) * CUBE + (int)(u[j + 1] * CUBE)) * CUBE + (int)(u[j + 2] * CUBE)]++;
        }
        assert_even(way_name[way], LINE, line, N);
        assert_even(way_name[way], SQUARE * SQUARE, square, N / 2);
        assert_even(way_name[way], CUBE * CUBE * CUBE, cube, N / 3);
    }
}

/* Gaps between visits to [0, 1/4): geometric, 0 to 23 and longer.  Knuth, section 3.3.2 D. */
static void check_gaps(const char *what, size_t n, const float *u)
{
    enum { GAPS = 24 };
    double count[GAPS + 1] = {0}, total = 0.0, chi2 = 0.0, share = 0.25;
    int gap = 0;
    for (size_t i = 0; i < n; i++, gap++)
        if (u[i] < 0.25f) {
            count[gap < GAPS ? gap : GAPS]++;
            total++;
            gap = -1;
        }
    for (int g = 0; g <= GAPS; g++, share *= 0.75) {
        double expected = total * (g < GAPS ? share : 4.0 * share);
        chi2 += (count[g] - expected) * (count[g] - expected) / expected;
    }
    if (gsl_cdf_chisq_Q(chi2, GAPS) < five_sigma() || gsl_cdf_chisq_P(chi2, GAPS) < five_sigma())
        fail_msg("%s: gaps, chi-square %.1f with %d degrees of freedom", what, chi2, GAPS);
}

/* Runs up and down: their number is normal, mean (2 n - 1) / 3, variance (16 n - 29) / 90; and runs on one side of 1/2. */
static void check_runs(const char *what, size_t n, const float *u)
{
    double turns = 1.0, sides = 1.0, wide = (double)n;
    for (size_t i = 2; i < n; i++)
        turns += (u[i] > u[i - 1]) != (u[i - 1] > u[i - 2]);
    for (size_t i = 1; i < n; i++)
        sides += (u[i] < 0.5f) != (u[i - 1] < 0.5f);
    assert_within(what, turns, (2.0 * wide - 1.0) / 3.0, sqrt((16.0 * wide - 29.0) / 90.0));
    assert_within(what, sides, 1.0 + (wide - 1.0) / 2.0, sqrt((wide - 1.0) / 4.0));
}

/* Seed 101: 400,000 draws, once as rows of 100 and once as one column. */
static void test_uniforms(void **state)
{
    (void)state;
    enum { BINS = 1000 };
    static double count[BINS];
    for (int tall = 0; tall < 2; tall++) {
        const char *what = tall ? "uniforms in a column" : "uniforms in rows";
        double sum = 0.0, squares = 0.0;
        num_stream_uniform(num_stream(101, "uniform"), 0, 0, tall ? MANY : MANY / 100, tall ? 1 : 100, x);
        memset(count, 0, sizeof count);
        for (int i = 0; i < MANY; i++) {
            assert_true(x[i] > 0.0f && x[i] < 1.0f);
            sorted[i] = (double)x[i] - 0.5;
            sum += sorted[i];
            squares += sorted[i] * sorted[i];
            count[(int)(x[i] * BINS)]++;
        }
        assert_within(what, sum / MANY, 0.0, sqrt(1.0 / 12.0 / MANY));
        assert_within(what, squares / MANY, 1.0 / 12.0, sqrt((1.0 / 80.0 - 1.0 / 144.0) / MANY));
        assert_uncorrelated(what, MANY, sorted, 1.0 / 12.0, 50);
        assert_even(what, BINS, count, MANY);
        check_gaps(what, MANY, x);
        check_runs(what, MANY, x);
        for (int i = 0; i < MANY; i++)
            sorted[i] = (double)x[i];
        assert_uniform(what, MANY, sorted);
    }
}

/* ---- normals ----------------------------------------------------------------------------------------------------- */

static void check_moments(void)
{
    /* E z^k, and E z^2k - (E z^k)^2 */
    const double mean[] = {0, 0, 1, 0, 3, 0, 15}, variance[] = {0, 1, 2, 15, 96, 945, 10170};
    double moment[7] = {0};
    for (int i = 0; i < MANY; i++) {
        double z = (double)x[i], power = 1.0;
        for (int k = 1; k <= 6; k++)
            moment[k] += power *= z;
    }
    for (int k = 1; k <= 6; k++)
        assert_within("a moment of the normals", moment[k] / MANY, mean[k], sqrt(variance[k] / MANY));
}

/* A pair is a point: its angle is uniform, half its squared radius exponential, and its coordinates are independent. */
static void check_pairs(void)
{
    double product = 0.0, squares = 0.0;
    for (int i = 0; i < MANY / 2; i++) {
        double a = (double)x[2 * i], b = (double)x[2 * i + 1];
        product += a * b;
        squares += (a * a - 1.0) * (b * b - 1.0);
        sorted[i] = 0.5 + atan2(b, a) / 6.283185307179586;
    }
    assert_within("the product of a pair", product, 0.0, sqrt(MANY / 2.0));
    assert_within("the squares of a pair", squares, 0.0, sqrt(4.0 * MANY / 2.0));
    assert_uniform("the angle of a pair", MANY / 2, sorted);
    for (int i = 0; i < MANY / 2; i++)
        sorted[i] = exp(-0.5 * ((double)x[2 * i] * (double)x[2 * i] + (double)x[2 * i + 1] * (double)x[2 * i + 1]));
    assert_uniform("the radius of a pair", MANY / 2, sorted);
}

/* Seed 103: 400,000 draws. */
static void test_normals(void **state)
{
    (void)state;
    enum { BINS = 500 };
    static double count[BINS];
    num_stream_normal(num_stream(103, "normal"), 0, 0, MANY / 100, 100, x);
    check_moments();
    check_pairs();
    for (int i = 0; i < MANY; i++)
        sorted[i] = (double)x[i];
    assert_uncorrelated("normals", MANY, sorted, 1.0, 20);
    for (int i = 0; i < MANY; i++)
        sorted[i] = (double)x[i] * (double)x[i] - 1.0;
    assert_uncorrelated("squares of normals", MANY, sorted, 2.0, 20);
    for (int i = 0; i < MANY; i++) {
        sorted[i] = gsl_cdf_ugaussian_P((double)x[i]);
        count[(int)(sorted[i] * BINS)]++;
    }
    assert_even("normals", BINS, count, MANY);
    assert_uniform("normals", MANY, sorted);
}

/* Seed 104: two million draws beyond 2, 3, 4, 4.5 and 5 on either side, as GSL's Poisson tails allow. */
static void test_tails_of_normals(void **state)
{
    (void)state;
    enum { FILLS = 5 };
    const double bound[] = {2.0, 3.0, 4.0, 4.5, 5.0};
    unsigned above[5] = {0}, below[5] = {0};
    for (uint64_t step = 0; step < FILLS; step++) {
        num_stream_normal(num_stream(104, "tails"), step, 0, MANY / 784, 784, x);
        for (int i = 0; i < MANY / 784 * 784; i++)
            for (int k = 0; k < 5 && fabsf(x[i]) > (float)bound[k]; k++)
                *(x[i] > 0 ? &above[k] : &below[k]) += 1;
    }
    for (int k = 0; k < 5; k++) {
        double expected = FILLS * (MANY / 784 * 784) * gsl_cdf_ugaussian_Q(bound[k]);
        assert_rare("normals in the upper tail", above[k], expected);
        assert_rare("normals in the lower tail", below[k], expected);
    }
}

/* ---- independence of streams ------------------------------------------------------------------------------------- */

enum { FAMILY = 16, STREAMS = WAYS * FAMILY, LENGTH = 5000 };
static float draws[STREAMS][LENGTH];

/* FAMILY neighbours of each kind: columns (blocks of LENGTH of one row), rows, steps, seeds, names. */
static void draw_families(void)
{
    static float row[FAMILY * LENGTH];
    NumStream s = num_stream(41, "family");
    num_stream_normal(s, 7, 9, 1, FAMILY * LENGTH, row);
    memcpy(draws[BY_COLUMN * FAMILY], row, sizeof row);
    num_stream_normal(s, 7, 10, FAMILY, LENGTH, draws[BY_ROW * FAMILY]);
    for (int i = 0; i < FAMILY; i++) {
        char name[32];
        snprintf(name, sizeof name, "family%d", i);
        num_stream_normal(s, 8 + (uint64_t)i, 9, 1, LENGTH, draws[BY_STEP * FAMILY + i]);
        num_stream_normal(num_stream(42 + (uint64_t)i, "family"), 7, 9, 1, LENGTH, draws[BY_SEED * FAMILY + i]);
        num_stream_normal(num_stream(41, name), 7, 9, 1, LENGTH, draws[BY_NAME * FAMILY + i]);
    }
}

/* Seed 41: correlations between each two of 80 streams, and of their squares, also shifted by one draw and by a block. */
static void test_streams_are_uncorrelated(void **state)
{
    (void)state;
    const int shifts[] = {0, 1, 2, 4};
    draw_families();
    for (int a = 0; a < STREAMS; a++)
        for (int b = 0; b < STREAMS; b++)
            for (int k = a < b ? 0 : 1; k < 4 && a != b; k++) {
                int shift = shifts[k], n = LENGTH - shift;
                double product = 0.0, squares = 0.0;
                for (int i = 0; i < n; i++) {
                    double u = (double)draws[a][i], v = (double)draws[b][i + shift];
                    product += u * v;
                    squares += (u * u - 1.0) * (v * v - 1.0);
                }
                assert_within("two streams", product, 0.0, sqrt(n));
                assert_within("the squares of two streams", squares, 0.0, 2.0 * sqrt(n));
            }
}

/* A stream and its neighbour as points in the plane, counted in 12 x 12 cells of equal probability. */
static void test_streams_are_independent_in_the_plane(void **state)
{
    (void)state;
    enum { SIDE = 12 };
    static double count[SIDE * SIDE];
    draw_families();
    for (int a = 0; a + 1 < STREAMS; a++) {
        memset(count, 0, sizeof count);
        for (int i = 0; i < LENGTH; i++)
            count[(int)(gsl_cdf_ugaussian_P((double)draws[a][i]) * SIDE) * SIDE
                  + (int)(gsl_cdf_ugaussian_P((double)draws[a + 1][i]) * SIDE)]++;
        assert_even("two streams in the plane", SIDE * SIDE, count, LENGTH);
    }
}

/* The words of neighbouring streams agree in half of their bits; no two of 4,000 streams have the same key. */
static void test_streams_share_no_words(void **state)
{
    (void)state;
    enum { KEYS = 4000 };
    static double keys[KEYS];
    const char *const names[] = {"noise", "order", "pixels", "noise2"};
    for (uint64_t i = 0; i < KEYS; i++) {
        NumStream s = num_stream(i / 4, names[i % 4]);
        keys[i] = (double)s.key[0] * 0x1p-32 + (double)(s.key[1] >> 11) * 0x1p-53; /* 53 of its 64 bits */
    }
    gsl_sort(keys, 1, KEYS);
    for (int i = 1; i < KEYS; i++)
        assert_true(keys[i] != keys[i - 1]);
    assert_uniform("keys", KEYS, keys);
    for (uint64_t seed = 0; seed < 32; seed++) {
        NumStream a = num_stream(seed, "noise"), b = num_stream(seed + 1, "noise"), c = num_stream(seed, "order");
        double seeds = 0.0, other_names = 0.0, steps = 0.0, rows = 0.0;
        for (uint32_t i = 0; i < 2048; i++) {
            uint32_t w = num_stream_word(a, seed, 1, i);
            seeds += ones(w ^ num_stream_word(b, seed, 1, i));
            other_names += ones(w ^ num_stream_word(c, seed, 1, i));
            steps += ones(w ^ num_stream_word(a, seed + 1, 1, i));
            rows += ones(w ^ num_stream_word(a, seed, 2, i));
        }
        assert_share("bits of neighbouring seeds", seeds, 2048 * 32, 0.5);
        assert_share("bits of other names", other_names, 2048 * 32, 0.5);
        assert_share("bits of neighbouring steps", steps, 2048 * 32, 0.5);
        assert_share("bits of neighbouring rows", rows, 2048 * 32, 0.5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_of_words),
        cmocka_unit_test(test_one_bit_of_an_address_changes_half_of_the_block),
        cmocka_unit_test(test_equidistribution_in_one_two_and_three_dimensions),
        cmocka_unit_test(test_uniforms),
        cmocka_unit_test(test_normals),
        cmocka_unit_test(test_tails_of_normals),
        cmocka_unit_test(test_streams_are_uncorrelated),
        cmocka_unit_test(test_streams_are_independent_in_the_plane),
        cmocka_unit_test(test_streams_share_no_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
