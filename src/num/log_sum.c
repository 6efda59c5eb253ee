/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/log_sum.c: log sum exp of many terms in double, by the kernels of num/isa/log_sum.c.
 */
#include "num/log_sum.h"

#include "num/kernels.h"

#include <math.h>

#define NUM_TABLE_TYPE NumLogSumTable
#define NUM_TABLE_NAME num_log_sum_table
#include "num/isa_table.h"

NumLogSum num_log_sum_none(void)
{
    return (NumLogSum){-INFINITY, 0.0};
}

void num_log_sum_add(NumLogSum *s, size_t n, const double *term)
{
    size_t whole = n / NUM_LOG_SUM_BLOCK * NUM_LOG_SUM_BLOCK;
    for (size_t i = 0; i < whole; i += NUM_LOG_SUM_BLOCK)
        num_log_sum_table()->add(s, term + i);
    if (whole == n)
        return;
    double rest[NUM_LOG_SUM_BLOCK];
    for (size_t i = 0; i < NUM_LOG_SUM_BLOCK; i++)
        rest[i] = whole + i < n ? term[whole + i] : -INFINITY;
    num_log_sum_table()->add(s, rest);
}

double num_log_sum(NumLogSum s)
{
    return s.most == -INFINITY ? s.most : s.most + log(s.sum);
}

void num_log_sum_normal(double *term, double *joint, double z, const double *mu, const double *inverse,
                        const double *log_inverse)
{
    num_log_sum_table()->normal(term, joint, z, mu, inverse, log_inverse);
}
