/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/log_sum.c: the exponentials of a block of terms in double, and their sum.
 */
#include "num/isa/variant.h"
#include "num/kernels.h"

#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

enum { LANES = 8 };

static const double LOG2E = 0x1.71547652b82fep+0;
static const double LN2_HIGH = 0x1.62e42feep-1; /* 32 bits, so that n times it is exact */
static const double LN2_LOW = 0x1.a39ef35793c76p-33;
static const double ROUNDER = 0x1.8p+52; /* adding it rounds to a whole number, which is then in the low bits */

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* exp(x) for x <= 0; exp(-708) below that.  x = n ln 2 + r, |r| <= ln 2 / 2: after 14 terms the series has an error
 * of 4e-18. */
static inline double exp_below(double x)
{
    double c = x < -708.0 ? -708.0 : x;
    double t = c * LOG2E + ROUNDER, n = t - ROUNDER;
    double r = (c - n * LN2_HIGH) - n * LN2_LOW;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * (r * r) + r;
    return (1.0 + p) * double_of((bits_of(t) - bits_of(ROUNDER) + 1023u) << 52);
}

static void add(NumLogSum *s, const double *term)
{
    double lane[LANES], e[NUM_LOG_SUM_BLOCK], most = s->most;
    for (int l = 0; l < LANES; l++)
        lane[l] = most;
    for (int i = 0; i < NUM_LOG_SUM_BLOCK; i += LANES) {
        _Pragma("omp simd") for (int l = 0; l < LANES; l++)
            lane[l] = term[i + l] > lane[l] ? term[i + l] : lane[l];
    }
    for (int l = 0; l < LANES; l++)
        most = lane[l] > most ? lane[l] : most;
    if (most == -INFINITY)
        return;
    _Pragma("omp simd") for (int i = 0; i < NUM_LOG_SUM_BLOCK; i++)
        e[i] = exp_below(term[i] - most);
    for (int l = 0; l < LANES; l++)
        lane[l] = 0.0;
    for (int i = 0; i < NUM_LOG_SUM_BLOCK; i += LANES) {
        _Pragma("omp simd") for (int l = 0; l < LANES; l++)
            lane[l] += e[i + l];
    }
    double sum = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    s->sum = s->sum * exp_below(s->most - most) + sum;
    s->most = most;
}

static void normal(double *restrict term, double *restrict joint, double z, const double *mu, const double *inverse,
                   const double *log_inverse)
{
    _Pragma("omp simd") for (int i = 0; i < NUM_LOG_SUM_BLOCK; i++) {
        double t = (z - mu[i]) * inverse[i];
        term[i] = log_inverse[i] - 0.5 * t * t;
        joint[i] += term[i];
    }
}

const NumLogSumTable VARIANT(num_log_sum_table) = {.add = add, .normal = normal};
