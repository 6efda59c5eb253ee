/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/auc.c: how well scores distinguish two samples: the area under the ROC curve, by the placements of the scores.
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

int stats_placements(double *placement, const double *a, size_t n, const double *b, size_t m, Error *err)
{
    double *low = mem_array(n + m, sizeof *low), *high = low + n;
    if (low == NULL)
        return error_memory(err, "the scores of two samples");
    int nan = 0;
    for (size_t i = 0; i < n + m; i++) {
        low[i] = i < n ? a[i] : b[i - n];
        nan |= isnan(low[i]);
    }
    if (n == 0 || m == 0 || nan) {
        mem_free(low);
        error_set(err, ERR_RUN, "placements need scores of two samples");
        error_found(err, "%zu and %zu scores%s", n, m, nan ? ", and one that is no number" : "");
        return error_expected(err, "at least one number in each");
    }
    gsl_sort(low, 1, n);
    gsl_sort(high, 1, m);
    for (size_t i = 0; i < n; i++)
        placement[i] = 1 - below(high, m, a[i]) / (double)m;
    for (size_t i = 0; i < m; i++)
        placement[n + i] = below(low, n, b[i]) / (double)n;
    mem_free(low);
    return 0;
}

double stats_placement_variance(const double *placement, size_t n)
{
    double sum = 0.5, squares = 0.25, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += placement[i];
        squares += placement[i] * placement[i];
    }
    double mean = sum / (count + 1);
    return (squares / (count + 1) - mean * mean) / count;
}
