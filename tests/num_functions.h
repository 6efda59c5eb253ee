/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/num_functions.h: each vector function of one variable in src/num, with its references: the scalar definition
 * and the exact value in double and in long double.
 *
 * The scalar definition (num/isa/scalar.h) is compiled without instruction-set flags, for one value at a time, with the
 * C library's fmaf: it shares neither the vectors nor the emulated fma with the kernels.
 * The input is 32 bits: a float, or a random word for functions that only get those.
 * Compiled with NUM_ISA_LIST, like src/num.
 */
#ifndef TESTS_NUM_FUNCTIONS_H
#define TESTS_NUM_FUNCTIONS_H

#define NUM_VARIANT test
#include "num/isa/variant.h"
#define num_fma fmaf
#include "num/isa/scalar.h"

#include "num/isa.h"
#include "num/kernels.h"

#include <stdio.h>
#include <tgmath.h> /* the rows' exact values, in double and in long double */

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

#define NUM_TABLE_TYPE NumDensityTable
#define NUM_TABLE_NAME num_density_table
#include "num/isa_table.h"

#define NUM_TABLE_TYPE NumStreamTable
#define NUM_TABLE_NAME num_stream_table
#include "num/isa_table.h"

/* The most values of one call of a kernel in these tests. */
enum { FUNCTION_CHUNK = 4096 };

/* The kernels of one instruction set. */
typedef struct {
    const char *isa;
    const NumElementwiseTable *elementwise;
    const NumDensityTable *density;
    const NumStreamTable *stream;
} FunctionKernels;

/* The meaning of the 32 bits of an input. */
typedef enum { OF_FLOATS, OF_WORDS, OF_UNIFORMS /* words; the function gets the uniform of the word */ } FunctionInput;

typedef struct {
    const char *name, *formula;
    FunctionInput input;
    float (*scalar)(uint32_t bits);
    double (*in_double)(uint32_t bits);            /* within some 2^-50 of the exact value */
    long double (*exact)(uint32_t bits);
    void (*vector)(const FunctionKernels *k, size_t n, float *y, const float *x); /* n <= FUNCTION_CHUNK, the bits of x */
    double limit;                                  /* ulp */
    /* the scalar definition of n inputs, one after another; fused by an instruction where there is one, which is
     * faster */
    void (*scalars)(size_t n, float *y, const uint32_t *bits);
} Function;

/* ---- random words ------------------------------------------------------------------------------------------------ */

/* num/stream.h: (word + 1/2) 2^-32 rounded once, below 1. */
static inline float function_uniform(uint32_t word)
{
    float u = (float)(((double)word + 0.5) * 0x1p-32);
    return u < 1.0f ? u : 0x1.fffffep-1f;
}

static inline float function_radius(float u)
{
    return sqrtf(-2.0f * num_log_normal1(u));
}

/* ---- the kernels, each as a function of n bit patterns ----------------------------------------------------------- */

#define FUNCTION_UNARY_VECTOR(NAME, name, ...)                                                                          \
    static inline void name##_vector(const FunctionKernels *k, size_t n, float *y, const float *x)                     \
    {                                                                                                                   \
        k->elementwise->unary[NUM_##NAME](n, y, x);                                                                     \
    }
NUM_UNARY_LIST(FUNCTION_UNARY_VECTOR)

/* The divergence from N(0, 1) of mu = 0 and this log variance. */
static inline void half_exp_excess_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    static const float mu[FUNCTION_CHUNK];
    k->density->forward[NUM_KL](n, &y, (const float *[]){mu, x});
}

/* Its gradient by the log variance. */
static inline void half_expm1_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    static const float mu[FUNCTION_CHUNK];
    float dy[FUNCTION_CHUNK], dmu[FUNCTION_CHUNK];
    for (size_t i = 0; i < n; i++)
        dy[i] = 1.0f;
    k->density->backward[NUM_KL](n, (float *[]){dmu, y}, (const float *[]){dy, mu, x});
}

static inline size_t function_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The n words in four parts, one for each word of a block; the parts overlap where n is not a multiple of 4. */
static inline void uniform_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    uint32_t w[FUNCTION_CHUNK];
    float draws[FUNCTION_CHUNK + 16];
    size_t part = (n + 3) / 4, first[4];
    memcpy(w, x, n * sizeof *w);
    for (size_t j = 0; j < 4; j++)
        first[j] = function_least(j * part, n - part);
    k->stream->uniform(part, draws, (uint32_t *[]){w + first[0], w + first[1], w + first[2], w + first[3]});
    for (size_t j = 0; j < 4; j++)
        for (size_t i = 0; i < part; i++)
            y[first[j] + i] = draws[4 * i + j];
}

/* Draws of the normal stream, with the n words in the place `at` (0: the radius, 1: the angle) of both pairs of a
 * block and `other` in the other place; y takes the first (cosine) or second (sine) of each pair. */
static inline void function_normal(const FunctionKernels *k, size_t n, float *y, const float *x, int at, uint32_t other,
                                   size_t second)
{
    uint32_t w[FUNCTION_CHUNK], fixed[FUNCTION_CHUNK];
    float draws[2 * FUNCTION_CHUNK + 4];
    size_t part = (n + 1) / 2, last = n - part;
    memcpy(w, x, n * sizeof *w);
    for (size_t i = 0; i < part; i++)
        fixed[i] = other;
    uint32_t *radius[] = {w, fixed, w + last, fixed}, *angle[] = {fixed, w, fixed, w + last};
    k->stream->normal(part, draws, at == 0 ? radius : angle);
    for (size_t i = 0; i < part; i++) {
        y[i] = draws[4 * i + second];
        y[last + i] = draws[4 * i + 2 + second];
    }
}

/* Word 0 gives the angle 2^-33, whose cosine is 1. */
static inline void radius_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    function_normal(k, n, y, x, 0, 0, 0);
}

/* Its radius is 1: u rounds to the float next to exp(-1/2) whose logarithm is -1/2.  Were it not, every cosine would
 * say so. */
#define FUNCTION_UNIT_RADIUS 0x9b459800u

static inline void cos_turns_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    function_normal(k, n, y, x, 1, FUNCTION_UNIT_RADIUS, 0);
}

static inline void sin_turns_vector(const FunctionKernels *k, size_t n, float *y, const float *x)
{
    function_normal(k, n, y, x, 1, FUNCTION_UNIT_RADIUS, 1);
}

/* ---- exact values ------------------------------------------------------------------------------------------------ */

/* (exp(x) - 1 - x) / 2 by its series, where the difference would cancel: 22 terms leave 2^-69 at |x| = 1. */
static inline long double function_excess(long double x)
{
    if (!(fabsl(x) <= 1.0L))
        return x == INFINITY ? x : 0.5L * (expm1l(x) - x);
    long double sum = 1.0L;
    for (int n = 22; n > 2; n--)
        sum = 1.0L + sum * x / n;
    return 0.25L * x * x * sum;
}

static inline double function_excess_double(double x)
{
    if (!(fabs(x) <= 1.0))
        return x == INFINITY ? x : 0.5 * (expm1(x) - x);
    double sum = 1.0;
    for (int n = 19; n > 2; n--)
        sum = 1.0 + sum * x * (1.0 / n);
    return 0.25 * x * x * sum;
}

/* sin(2 pi v + quarters pi / 2): whole quarters are subtracted from v exactly. */
static inline long double function_turn(long double v, int quarters)
{
    long double whole = rintl(4.0L * v), angle = 6.28318530717958647692528676655900577L * (v - whole / 4.0L);
    quarters += (int)whole;
    long double y = quarters % 2 != 0 ? cosl(angle) : sinl(angle);
    return quarters & 2 ? -y : y;
}

static inline double function_turn_double(double v, int quarters)
{
    double whole = rint(4.0 * v), angle = 6.283185307179586476925 * (v - whole / 4.0);
    quarters += (int)whole;
    double y = quarters % 2 != 0 ? cos(angle) : sin(angle);
    return quarters & 2 ? -y : y;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* Compiled once more with the fma instruction of x86-64, so that fmaf is no call: the very instruction that the C
 * library's takes.  `volatile`: no compiler makes vectors of this loop. */
#if defined(__x86_64__)
#define FUNCTION_FUSED __attribute__((target("fma"), flatten))
#define FUNCTION_CAN_FUSE __builtin_cpu_supports("fma")
#else
#define FUNCTION_FUSED
#define FUNCTION_CAN_FUSE 0
#endif
#define FUNCTION_ONE_BY_ONE(name, how, target)                                                                          \
    target static inline void name##_##how(size_t n, float *y, const volatile uint32_t *bits)                          \
    {                                                                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                  \
            y[i] = name##_scalar(bits[i]);                                                                              \
    }

#define FUNCTION(name, argument, in_float, in_double_, in_long_double)                                                  \
    static inline float name##_scalar(uint32_t bits)                                                                    \
    {                                                                                                                   \
        float x = (float)argument(bits);                                                                                \
        (void)x;                                                                                                        \
        return in_float;                                                                                                \
    }                                                                                                                   \
    static inline double name##_double(uint32_t bits)                                                                   \
    {                                                                                                                   \
        double x = (double)argument(bits);                                                                              \
        return in_double_;                                                                                              \
    }                                                                                                                   \
    static inline long double name##_exact(uint32_t bits)                                                               \
    {                                                                                                                   \
        long double x = (long double)argument(bits);                                                                    \
        return in_long_double;                                                                                          \
    }                                                                                                                   \
    FUNCTION_ONE_BY_ONE(name, plain, )                                                                                  \
    FUNCTION_ONE_BY_ONE(name, fused, FUNCTION_FUSED)                                                                    \
    static inline void name##_scalars(size_t n, float *y, const uint32_t *bits)                                         \
    {                                                                                                                   \
        (FUNCTION_CAN_FUSE ? name##_fused : name##_plain)(n, y, bits);                                                  \
    }

#define FUNCTION_UNARY(NAME, name, formula, reads, domain, ulp, value, update, exact, slope) \
    FUNCTION(name, num_float, value, exact, exact)
NUM_UNARY_LIST(FUNCTION_UNARY)
/*       name             of                 scalar definition      in double                   in long double */
FUNCTION(half_expm1,      num_float,         num_half_expm1(x),     0.5 * expm1(x),             0.5L * expm1l(x))
FUNCTION(half_exp_excess, num_float,         num_half_exp_excess1(x), function_excess_double(x), function_excess(x))
FUNCTION(uniform,         (uint32_t),        function_uniform(bits), (x + 0.5) * 0x1p-32,       (x + 0.5L) * 0x1p-32L)
FUNCTION(radius,          function_uniform,  function_radius(x),    sqrt(-2.0 * log(x)),        sqrtl(-2.0L * logl(x)))
FUNCTION(sin_turns,       function_uniform,  num_sincos_turns1(x).sin, function_turn_double(x, 0), function_turn(x, 0))
FUNCTION(cos_turns,       function_uniform,  num_sincos_turns1(x).cos, function_turn_double(x, 1), function_turn(x, 1))

#define FUNCTION_ROW(name, formula, input, limit)                                                                    \
    {#name, formula, input, name##_scalar, name##_double, name##_exact, name##_vector, limit, \
     name##_scalars}

#define FUNCTION_UNARY_ROW(NAME, name, formula, reads, domain, ulp, ...) FUNCTION_ROW(name, formula, OF_FLOATS, ulp),

/* The functions of one variable of num/elementwise_list.h, in the order of NumUnary; then those inside densities and
 * streams. */
static const Function functions[] = {
    NUM_UNARY_LIST(FUNCTION_UNARY_ROW)
    FUNCTION_ROW(half_expm1,      "(exp(x) - 1) / 2",                 OF_FLOATS,    2.0),
    FUNCTION_ROW(half_exp_excess, "(exp(x) - 1 - x) / 2",             OF_FLOATS,    2.0),
    FUNCTION_ROW(uniform,         "(word + 1/2) / 2^32, below 1",     OF_WORDS,     1.0),
    FUNCTION_ROW(radius,          "sqrt(-2 log u), u = uniform(word)", OF_UNIFORMS,  2.0),
    FUNCTION_ROW(sin_turns,       "sin(2 pi u), u = uniform(word)",   OF_UNIFORMS,  2.0),
    FUNCTION_ROW(cos_turns,       "cos(2 pi u), u = uniform(word)",   OF_UNIFORMS,  2.0),
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0], FUNCTION_ISAS = 8 };

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* [OUT] the kernels of every instruction set that this processor has, best first; returns how many. */
static inline int function_kernels(FunctionKernels kernels[FUNCTION_ISAS])
{
    Error err = ERROR_NONE;
    int count = 0;
    for (const char *const *name = num_isa_available(); *name != NULL && count < FUNCTION_ISAS; name++)
        if (num_isa_choose(*name, &err) == 0)
            kernels[count++] = (FunctionKernels){*name, num_elementwise_table(), num_density_table(), num_stream_table()};
    num_isa_choose(num_isa_available()[0], &err);
    return count;
}

/* The distance of a float from the exact value in ulp: the spacing of floats there, that of the denormals for
 * denormals.  INFINITY: one is NaN and the other is not, or an infinity or a 0 is at the wrong place. */
static inline double function_ulp(float got, long double exact)
{
    if (exact != exact || got != got)
        return exact != exact && got != got ? 0.0 : INFINITY;
    if (exact == 0.0L)
        return got == 0.0f ? 0.0 : INFINITY;
    if (fabsl(exact) >= 0x1.ffffffp+127L) /* rounds to infinity */
        return isinf(got) && (got > 0) == (exact > 0) ? 0.0 : INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    return (double)(fabsl((long double)got - exact) / ldexpl(1.0L, (exponent < -125 ? -125 : exponent) - 24));
}

/* [OUT] line: the row of a function in the table of docs/arithmetic.md; `at`: the input with the largest error. */
static inline void function_table_row(char *line, size_t size, const Function *f, double ulp, uint32_t at)
{
    char where[32];
    if (f->input != OF_FLOATS)
        snprintf(where, sizeof where, "word 0x%08x", (unsigned)at);
    else
        snprintf(where, sizeof where, "%.9g", (double)num_float(at));
    snprintf(line, size, "| `%s` | %s | %.4f | %s |", f->name, f->formula, ulp, where);
}

#endif
