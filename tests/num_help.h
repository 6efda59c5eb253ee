/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/num_help.h: shared by the tests of the arithmetic: inputs from a fixed seed, a loop over the instruction sets, and
 * the sums of num/sum.h written again, directly from their definition.
 */
#ifndef TESTS_NUM_HELP_H
#define TESTS_NUM_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four headers above first */
#include <cmocka.h>

#include "num/isa.h"
#include "num/shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* splitmix64: the inputs are the same on every machine and do not come from the code under test. */
static inline uint64_t help_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Between low and high. */
static inline double help_uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(help_random(state) >> 11) * 0x1p-53;
}

static inline void help_fill(uint64_t *state, size_t n, float *x, double low, double high)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)help_uniform(state, low, high);
}

static inline void help_widen(size_t n, double *to, const float *from)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

static inline uint32_t help_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float help_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Equal bits, or both NaN. */
static inline int help_same(float a, float b)
{
    return help_bits(a) == help_bits(b) || (a != a && b != b);
}

#define help_assert_same(a, b, n) help_assert_same_at(a, b, n, __FILE__, __LINE__)
static inline void help_assert_same_at(const float *a, const float *b, size_t n, const char *file, int line)
{
    for (size_t i = 0; i < n; i++)
        if (!help_same(a[i], b[i])) {
            print_error("element %zu of %zu is %a, expected %a (instruction set %s)\n", i, n, (double)a[i], (double)b[i],
                        num_isa_name());
            _fail(file, line);
        }
}

/* |a - b| <= tolerance (|b| + scale), element by element */
#define help_assert_near(a, b, n, tolerance, scale) help_assert_near_at(a, b, n, tolerance, scale, __FILE__, __LINE__)
static inline void help_assert_near_at(const float *a, const double *b, size_t n, double tolerance, double scale,
                                       const char *file, int line)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - b[i]) <= tolerance * (fabs(b[i]) + scale))) {
            print_error("element %zu of %zu is %.9g, expected about %.17g (instruction set %s)\n", i, n, (double)a[i], b[i],
                        num_isa_name());
            _fail(file, line);
        }
}

/* Runs the next statement once for each instruction set of this processor; the best one is in use afterwards. */
static inline int help_next_isa(int *i)
{
    Error err = ERROR_NONE;
    const char *name = num_isa_available()[(*i)++];
    assert_int_equal(num_isa_choose(name != NULL ? name : num_isa_available()[0], &err), 0);
    return name != NULL;
}
#define HELP_EACH_ISA for (int help_isa = 0; help_next_isa(&help_isa);)

/* num/sum.h: along features. */
static inline float help_lanes(size_t n, const float *x)
{
    float lane[16] = {0.0f};
    for (size_t i = 0; i < n; i++)
        lane[i % 16] += x[i];
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* num/sum.h: y += scale * (x summed where y_shape is 1 and x_shape is not). */
static inline void help_sum(float *y, NumShape y_shape, const float *x, NumShape x_shape, float scale)
{
    size_t inner[3], outer[3];
    for (int a = 0; a < 3; a++) {
        inner[a] = y_shape.n[a] == 1 ? x_shape.n[a] : 1;
        outer[a] = y_shape.n[a];
    }
    for (size_t s = 0; s < outer[0]; s++)
        for (size_t b = 0; b < outer[1]; b++)
            for (size_t f = 0; f < outer[2]; f++) {
                float over_samples = 0.0f;
                for (size_t i = 0; i < inner[0]; i++) {
                    float over_batch = 0.0f;
                    for (size_t j = 0; j < inner[1]; j++)
                        over_batch += help_lanes(inner[2], x + ((s + i) * x_shape.n[1] + b + j) * x_shape.n[2] + f);
                    over_samples += over_batch;
                }
                float *to = &y[num_shape_index(y_shape, s, b, f)];
                *to = fmaf(scale, over_samples, *to);
            }
}

#endif
