/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/log_sum.h: log sum exp of very many terms in double, block by block, for exact densities of mixtures.
 *
 * It is for statistics, not for training, and no part of the arithmetic version.  Still every instruction set gives
 * the same bits: it uses + - * and integer operations, fuses nothing and sums in 8 lanes.  Relative error of a sum:
 * below 1e-15.
 */
#ifndef NUM_LOG_SUM_H
#define NUM_LOG_SUM_H

#include <stddef.h>

/* Terms of a block. */
enum { NUM_LOG_SUM_BLOCK = 64 };

typedef struct NumLogSum {
    double most, sum; /* the greatest term added, and the sum of exp(term - most) */
} NumLogSum;

/* The sum of no terms; its logarithm is -inf. */
NumLogSum num_log_sum_none(void);

/* Adds n terms, which must not be +inf or NaN; -inf adds nothing. */
void num_log_sum_add(NumLogSum *s, size_t n, const double *term);

/* log sum exp of the terms added. */
double num_log_sum(NumLogSum s);

/* [OUT] term[NUM_LOG_SUM_BLOCK]: log_inverse - ((z - mu) inverse)^2 / 2, which is log N(z; mu, 1 / inverse^2) +
 * log(2 pi) / 2; joint[i] += term[i]. */
void num_log_sum_normal(double *term, double *joint, double z, const double *mu, const double *inverse,
                        const double *log_inverse);

#endif
