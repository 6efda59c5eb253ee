/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/scalar.h: the scalar definitions of the functions, in + - * / sqrt, fma and integer operations, without
 * branches.
 *
 * The compiler vectorises loops over them.  Every lane performs the operations written here, so all instruction sets
 * and compilers give the same bits.  The trailing 1 means "of one value".  The error is at most 2 ulp
 * (docs/arithmetic.md has the measured error of each function).  Special values are those of C's Annex F; which NaN
 * results is not defined.  The polynomials are minimax (Remez, weighted for the relative error of the whole
 * function), rounded to float.
 */
#ifndef NUM_ISA_SCALAR_H
#define NUM_ISA_SCALAR_H

#include "num/isa/variant.h"

#include <float.h>

/* clang warns of each `omp simd` loop that it does not vectorise (those over the emulated fma); their bits are the
 * same. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

#define NUM_LN2 0x1.62e43p-1f        /* ln 2 */
#define NUM_LN2_HIGH 0x1.62e4p-1f    /* ln 2 in two parts; the first has 15 bits, so that n times it is exact for |n| < 512 */
#define NUM_LN2_LOW 0x1.7f7d1cp-20f
#define NUM_LOG2E 0x1.715476p+0f     /* 1 / ln 2 */
#define NUM_ROUNDER 0x1.8p+23f       /* adding it rounds to a whole number, which is then in the low bits */

static inline uint32_t num_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float num_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float num_abs1(float x)
{
    return num_float(num_bits(x) & 0x7fffffffu);
}

/* -|x| */
static inline float num_nabs1(float x)
{
    return num_float(num_bits(x) | 0x80000000u);
}

/* A byte's grey level x / 255, in a third of the time of a division: 1 / 255 is the sum of two floats, of which the
 * first has 15 bits, so that its product with x is exact.  For each of the 256 bytes the sum of the products rounds
 * as the quotient does. */
static inline float num_grey1(uint8_t x)
{
    return (float)x * 0x1.0102p-8f + (float)x * -0x1.fdfdfep-25f;
}

/* max(x, 0); NaN gives NaN */
static inline float num_relu1(float x)
{
    return x < 0.0f ? 0.0f : x;
}

/* 2^n, -126 <= n <= 127, n in two's complement */
static inline float num_power_of_two(uint32_t n)
{
    return num_float((n + 127u) << 23);
}

/* ---- the exponential --------------------------------------------------------------------------------------------- */

/* exp(x) = 2^n (1 + m), |m| < 0.42, for |x| <= 174. */
typedef struct NumExpParts {
    float m;    /* expm1 of the reduced argument */
    uint32_t n; /* two's complement */
} NumExpParts;

/* exp(r) - 1 for |r| <= ln 2 / 2 */
static inline float num_expm1_near1(float r)
{
    float q = 0x1.6a2314p-10f; /* (exp(r) - 1 - r) / r^2 */
    q = num_fma(q, r, 0x1.123aaep-7f);
    q = num_fma(q, r, 0x1.5558f6p-5f);
    q = num_fma(q, r, 0x1.55549p-3f);
    q = num_fma(q, r, 0x1.fffffcp-2f);
    return num_fma(r * r, q, r);
}

static inline NumExpParts num_exp_parts(float x)
{
    float t = num_fma(x, NUM_LOG2E, NUM_ROUNDER);
    float n = t - NUM_ROUNDER;
    float r = num_fma(n, -NUM_LN2_HIGH, x); /* exact */
    r = num_fma(n, -NUM_LN2_LOW, r);
    return (NumExpParts){num_expm1_near1(r), num_bits(t) - num_bits(NUM_ROUNDER)};
}

/* d exp(x): finite wherever the product is, also where exp(x) alone is not (|x| < 173).
 * 2^n is two factors, both above 1 or both below, so that a denormal result is rounded once. */
static inline float num_times_exp1(float d, float x)
{
    float c = x < -174.0f ? -174.0f : x;
    c = c > 174.0f ? 174.0f : c;
    NumExpParts e = num_exp_parts(c);
    uint32_t half = (uint32_t)((int32_t)e.n >> 1);
    return d * (1.0f + e.m) * num_power_of_two(half) * num_power_of_two(e.n - half);
}

static inline float num_exp1(float x)
{
    return num_times_exp1(1.0f, x);
}

/* exp(-|x|), with the bits of exp.  A result of at most 1 needs no upper guard, and one factor of 2^n can be fixed:
 * 2^(n + 64) is a normal number down to x = -104, where the result is already 0. */
static inline float num_exp_nabs1(float x)
{
    float c = num_nabs1(x);
    c = c < -104.0f ? -104.0f : c;
    NumExpParts e = num_exp_parts(c);
    return (1.0f + e.m) * num_power_of_two(e.n + 64u) * 0x1p-64f;
}

/* (exp(x) - 1) / 2: half, so that it is finite up to x = 89.4 */
static inline float num_half_expm1(float x)
{
    float c = x < -25.0f ? -25.0f : x;
    c = c > 89.5f ? 89.5f : c;
    NumExpParts e = num_exp_parts(c);
    float quarter = num_power_of_two(e.n - 2u); /* n may be 129 */
    return 2.0f * num_fma(e.m, quarter, quarter - 0.25f);
}

/* (exp(x) - 1 - x) / 2, never below 0: the KL divergence of N(0, exp(x)) from N(0, 1).  Near 0, where the difference
 * would cancel, it is a polynomial. */
static inline float num_half_exp_excess1(float x)
{
    float top = x > 89.5f ? 89.5f : x; /* larger arguments give infinity; inf - inf would be NaN */
    NumExpParts e = num_exp_parts(top < -25.0f ? -25.0f : top);
    float quarter = num_power_of_two(e.n - 2u); /* n may be 129 */
    float far = 2.0f * num_fma(e.m, quarter, quarter - num_fma(0.25f, top, 0.25f));
    float k = 0x1.2f2db8p-25f; /* (exp(x) - 1 - x) / x^2 */
    k = num_fma(k, x, 0x1.21edep-22f);
    k = num_fma(k, x, 0x1.6ee81ap-19f);
    k = num_fma(k, x, 0x1.a06c32p-16f);
    k = num_fma(k, x, 0x1.a02314p-13f);
    k = num_fma(k, x, 0x1.6c15c2p-10f);
    k = num_fma(k, x, 0x1.111106p-7f);
    k = num_fma(k, x, 0x1.555558p-5f);
    k = num_fma(k, x, 0x1.555556p-3f);
    k = num_fma(k, x, 0.5f);
    float square = x * x, rest = num_fma(x, x, -square); /* the rounding error of the square; without it the error exceeds 2 ulp */
    float near = 0.5f * num_fma(square, k, rest * k);
    return x >= -1.0f && x <= 1.8f ? near : far;
}

/* ---- logarithms -------------------------------------------------------------------------------------------------- */

/* log(1 + m) for |m| <= 1/3: m - m^2 / 2 + m^3 g(m) */
static inline float num_log1p_near1(float m)
{
    float g = -0x1.08070ap-3f;
    g = num_fma(g, m, 0x1.1e6616p-3f);
    g = num_fma(g, m, -0x1.f3109ep-4f);
    g = num_fma(g, m, 0x1.1ed73ap-3f);
    g = num_fma(g, m, -0x1.559ddp-3f);
    g = num_fma(g, m, 0x1.99d026p-3f);
    g = num_fma(g, m, -0x1.fffefp-3f);
    g = num_fma(g, m, 0x1.555506p-2f);
    g = num_fma(g, m, -0.5f);
    return num_fma(m * m, g, m);
}

/* The e of x = 2^e (1 + m), 2/3 <= 1 + m < 4/3, in the bits of a float's exponent; x is a normal number above 0. */
static inline uint32_t num_log_exponent(float x)
{
    return (num_bits(x) - num_bits(0x1.555556p-1f)) & 0xff800000u;
}

/* log(1 + m) + e ln 2, e as num_log_exponent() gives it.  It is -e times -ln 2, so that m = -0 with e = 0 gives -0. */
static inline float num_log_join(float m, uint32_t e, float less)
{
    float minus_e = (float)(-((int32_t)e >> 23)) + less;
    return num_fma(minus_e, -NUM_LN2, num_log1p_near1(m));
}

/* log(x) for a normal number x > 0. */
static inline float num_log_normal1(float x)
{
    uint32_t e = num_log_exponent(x);
    return num_log_join(num_float(num_bits(x) - e) - 1.0f, e, 0.0f);
}

static inline float num_log1(float x)
{
    int denormal = x < FLT_MIN;
    float scaled = x * 0x1p23f;
    float y = denormal ? scaled : x;
    uint32_t e = num_log_exponent(y);
    float r = num_log_join(num_float(num_bits(y) - e) - 1.0f, e, denormal ? 23.0f : 0.0f);
    r = x < INFINITY ? r : x + x;
    r = x < 0.0f ? NAN : r;
    return x == 0.0f ? -INFINITY : r;
}

/* log(1 + x): e comes from the rounded 1 + x, m = 2^-e x + (2^-e - 1) from x itself. */
static inline float num_log1p1(float x)
{
    uint32_t e = num_log_exponent(1.0f + x);
    float four = num_float(num_bits(4.0f) - e); /* 2^(2 - e): a normal number also for e = 128 */
    float m = num_float(num_bits(x) - e) + num_fma(0.25f, four, -1.0f);
    float r = num_log_join(e == 0 ? x : m, e, 0.0f);
    r = x < INFINITY ? r : x + x;
    r = x < -1.0f ? NAN : r;
    return x == -1.0f ? -INFINITY : r;
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

/* log(1 + t), 0 <= t <= 1: a part of softplus. */
static inline float num_log1p_unit1(float t)
{
    int far = t > 0x1.555556p-2f; /* then 1 + t = 2 (1 + (t - 1) / 2) */
    float half = num_fma(t, 0.5f, -0.5f);
    float r = num_log1p_near1(far ? half : t);
    float joined = r + NUM_LN2;
    return far ? joined : r;
}

/* softplus(x) = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
static inline float num_softplus1(float x)
{
    return num_relu1(x) + num_log1p_unit1(num_exp_nabs1(x));
}

/* h / (1 + t), h in {t, 1}, 0 <= t <= 1, as h - h t / (1 + t): so the rounding of 1 + t adds little error. */
static inline float num_over_one_plus1(float h, float t)
{
    return num_fma(-h, t / (1.0f + t), h);
}

/* sigmoid(x) = 1 / (1 + exp(-x)), with t = exp(-|x|), which cannot overflow: for x < 0 it is t / (1 + t). */
static inline float num_sigmoid1(float x)
{
    float t = num_exp_nabs1(x);
    return num_over_one_plus1(x < 0.0f ? t : 1.0f, t);
}

/* exp(x + low), low a small correction, as num_exp_parts() gives it. */
static inline NumExpParts num_exp_parts_of_sum(float x, float low)
{
    float t = num_fma(x, NUM_LOG2E, NUM_ROUNDER);
    float n = t - NUM_ROUNDER;
    float r = num_fma(n, -NUM_LN2_HIGH, x) + num_fma(n, -NUM_LN2_LOW, low);
    return (NumExpParts){num_expm1_near1(r), num_bits(t) - num_bits(NUM_ROUNDER)};
}

/* x sigmoid(v), v = high + low.  For v >= 0 it is x / (1 + t), for v < 0 it is x t / (1 + t), with t = exp(-|v|) =
 * 2^n u.  u, d = 1 + t and the numerator p are sums of two floats, so that little more than the last rounding is
 * lost.  Where v < 0, x must be at least -120: exp(-120) times that is 0. */
static inline float num_times_sigmoid1(float x, float high, float low)
{
    int negative = high < 0.0f;
    float a = num_nabs1(high);
    a = a < -120.0f ? -120.0f : a;
    NumExpParts e = num_exp_parts_of_sum(a, negative ? low : -low);
    float scale = num_power_of_two(e.n + 64u), power = scale * 0x1p-64f; /* 2^(n + 64), a float; 2^n, which may be denormal */
    float u = 1.0f + e.m, u_low = e.m - (u - 1.0f);
    float d = num_fma(power, u, 1.0f), d_low = num_fma(power, u_low, num_fma(power, u, 1.0f - d));
    float p = negative ? x * u : x, p_low = negative ? num_fma(x, u, -p) + x * u_low : 0.0f;
    float inverse = 1.0f / d, q = p * inverse;
    float rest = num_fma(-q, d, p) + num_fma(-q, d_low, p_low);
    float y = num_fma(rest, inverse, q);
    y = num_float(num_bits(y) | (num_bits(x) & 0x80000000u)); /* -0 stays -0 */
    y = negative ? y * scale * 0x1p-64f : y;
    return high > 20.0f ? x : y; /* sigmoid(20) rounds to 1; an infinite x would give NaN above */
}

/* silu(x) = x sigmoid(x)  (Elfwing et al. 2018) */
static inline float num_silu1(float x)
{
    float c = x < -120.0f ? -120.0f : x;
    return num_times_sigmoid1(c, c, 0.0f);
}

/* silu'(x) = s + x s (1 - s), s = sigmoid(x) */
static inline float num_silu_slope1(float x)
{
    float s = num_sigmoid1(x);
    return num_fma(x * s, 1.0f - s, s);
}

/* gelu(x) = x sigmoid(v), v = x (a + b x^2), a = 2 sqrt(2 / pi), b = 0.044715 a: the form of Hendrycks & Gimpel 2016
 * with tanh, 1/2 x (1 + tanh(v / 2)).  v is a sum of two floats: an error of 1 ulp in v = -80 would become one of 80 ulp
 * in exp(v).  From |x| = 14 on the result is x or 0. */
static inline float num_gelu1(float x)
{
    const float a = 0x1.988454p+0f, a_low = -0x1.857936p-25f, b = 0x1.2444f2p-4f, b_low = 0x1.49b16ap-29f;
    float above = x < -14.0f ? -14.0f : x, c = above > 14.0f ? 14.0f : above;
    float s = c * c, s_low = num_fma(c, c, -s);
    float t = b * s, t_low = num_fma(b, s, -t) + num_fma(b, s_low, b_low * s);
    float p = a + t, part = p - a, p_low = (a - (p - part)) + (t - part) + (t_low + a_low); /* a + t exactly (Knuth) */
    float v = c * p;
    return num_times_sigmoid1(above, v, num_fma(c, p, -v) + c * p_low);
}

/* gelu'(x) = s + x s (1 - s) v', s = sigmoid(v), v' = a + 3 b x^2 */
static inline float num_gelu_slope1(float x)
{
    const float a = 0x1.988454p+0f, b = 0x1.2444f2p-4f;
    float above = x < -14.0f ? -14.0f : x, c = above > 14.0f ? 14.0f : above;
    float s = num_sigmoid1(c * num_fma(b * c, c, a));
    return num_fma(c * s * (1.0f - s), num_fma(3.0f * b * c, c, a), s);
}

/* elu(x) = x for x >= 0, else exp(x) - 1  (Clevert et al. 2016, alpha = 1); exp(-25) - 1 rounds to -1 */
static inline float num_elu1(float x)
{
    float c = x > 0.0f ? 0.0f : x;
    c = c < -25.0f ? -25.0f : c;
    NumExpParts e = num_exp_parts(c);
    float scale = num_power_of_two(e.n);
    float below = num_fma(e.m, scale, scale - 1.0f);
    return x < 0.0f ? below : x;
}

/* tanh: an odd polynomial below 0.55, else 1 - 2 / (1 + exp(2|x|)), which does not cancel there. */
static inline float num_tanh1(float x)
{
    float a = num_abs1(x);
    float s = a * a;
    float h = -0x1.9baf08p-8f; /* (tanh(a) - a) / a^3 */
    h = num_fma(h, s, 0x1.5954a6p-6f);
    h = num_fma(h, s, -0x1.b92b84p-5f);
    h = num_fma(h, s, 0x1.110d3ap-3f);
    h = num_fma(h, s, -0x1.55554cp-2f);
    float near = num_fma(h * s, a, a);
    float c = a > 10.0f ? 10.0f : a; /* tanh(10) rounds to 1 */
    NumExpParts e = num_exp_parts(c + c);
    float scale = num_power_of_two(e.n);
    float far = 1.0f - 2.0f / (1.0f + num_fma(e.m, scale, scale));
    float r = a < 0.55f ? near : far;
    return num_float(num_bits(r) | (num_bits(x) & 0x80000000u));
}

/* ---- sine and cosine --------------------------------------------------------------------------------------------- */

typedef struct NumSinCos {
    float sin, cos;
} NumSinCos;

/* sin and cos of 2 pi v, |v| <= 2^20: quarter turns are subtracted exactly; f quarter turns, |f| <= 1/2, remain. */
static inline NumSinCos num_sincos_turns1(float v)
{
    float t = num_fma(v, 4.0f, NUM_ROUNDER);
    float f = num_fma(v, 4.0f, -(t - NUM_ROUNDER));
    float s = f * f;
    float p = -0x1.2dc84cp-8f; /* sin(pi f / 2) / f - pi / 2 */
    p = num_fma(p, s, 0x1.466004p-4f);
    p = num_fma(p, s, -0x1.4abbbep-1f);
    p = num_fma(p, s, -0x1.777a5cp-25f);
    float sine = num_fma(f, 0x1.921fb6p+0f, f * p);
    float q = 0x1.d9d58p-11f; /* (cos(pi f / 2) - 1) / f^2 */
    q = num_fma(q, s, -0x1.55c5ep-6f);
    q = num_fma(q, s, 0x1.03c1dep-2f);
    q = num_fma(q, s, -0x1.3bd3ccp+0f);
    float cosine = num_fma(q, s, 1.0f);
    uint32_t quarter = num_bits(t);
    float sin = quarter & 1u ? cosine : sine;
    float cos = quarter & 1u ? sine : cosine;
    return (NumSinCos){num_float(num_bits(sin) ^ (quarter & 2u) << 30),
                       num_float(num_bits(cos) ^ ((quarter + 1u) & 2u) << 30)};
}

#endif
