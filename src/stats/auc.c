/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/auc.c: how well scores distinguish two samples: the area under the ROC curve, and its variance.
 */
#include "stats/stats.h"

#include "base/mem.h"

#include <gsl/gsl_sort.h>
#include <math.h>

/* How many of the ascending x[0 … n) are below v, equal ones counted as halves. */
static double below(const double *x, size_t n, double v)
{
    size_t low = 0, high = n, equal;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x[middle] < v)
            low = middle + 1;
        else
            high = middle;
    }
    for (equal = low, high = n; equal < high;) {
        size_t middle = equal + (high - equal) / 2;
        if (x[middle] <= v)
            equal = middle + 1;
        else
            high = middle;
    }
    return ((double)low + (double)equal) / 2;
}

/* The squared standard error of the mean of n placements: shares, of which one more, 1/2, is assumed. */
static double placement_error(double sum, double squares, double n)
{
    double mean = (sum + 0.5) / (n + 1);
    return ((squares + 0.25) / (n + 1) - mean * mean) / n;
}

int stats_auc(double *auc, double *variance, const double *a, size_t n, const double *b, size_t m, Error *err)
{
    double *sorted = mem_array(n + m, sizeof *sorted), *low = sorted, *high = sorted + n, sum[2] = {0}, squares[2] = {0};
    if (sorted == NULL)
        return error_memory(err, "the scores of two samples");
    int status = n == 0 || m == 0;
    for (size_t i = 0; i < n + m; i++) {
        sorted[i] = i < n ? a[i] : b[i - n];
        status |= isnan(sorted[i]);
    }
    if (status != 0) {
        mem_free(sorted);
        error_set(err, ERR_RUN, "the area under the ROC curve needs scores of both samples");
        error_found(err, "%zu and %zu scores%s", n, m, n > 0 && m > 0 ? ", and one that is no number" : "");
        return error_expected(err, "at least one number in each");
    }
    gsl_sort(low, 1, n);
    gsl_sort(high, 1, m);
    for (size_t i = 0; i < n + m; i++) {
        double placement = i < n ? 1 - below(high, m, a[i]) / (double)m : below(low, n, b[i - n]) / (double)n;
        sum[i >= n] += placement;
        squares[i >= n] += placement * placement;
    }
    *auc = sum[1] / (double)m;
    *variance = placement_error(sum[0], squares[0], (double)n) + placement_error(sum[1], squares[1], (double)m);
    mem_free(sorted);
    return 0;
}
