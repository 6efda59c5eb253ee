/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/intervals.c: intervals of a mean: Student's t, paired differences, the mean of importance weights.
 *
 * No function fails or allocates: an interval that cannot be computed (too few values, a level outside (0, 1)) has NaN
 * bounds.
 */
#include "stats/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

static StatsInterval without_bounds(double mean, double sd, size_t n)
{
    return (StatsInterval){.mean = mean, .sd = sd, .low = NAN, .high = NAN, .n = n};
}

static int usable(double level)
{
    return level > 0.0 && level < 1.0;
}

/* mean +- t sd / sqrt(n), t the (1 + level)/2 quantile of Student's t with n - 1 degrees of freedom */
static StatsInterval student(double mean, double sd, size_t n, double level)
{
    StatsInterval r = without_bounds(mean, sd, n);
    if (n < 2 || !usable(level) || !isfinite(mean) || !isfinite(sd))
        return r;
    double half = gsl_cdf_tdist_Pinv(0.5 * (1.0 + level), (double)n - 1.0) * sd / sqrt((double)n);
    r.low = mean - half;
    r.high = mean + half;
    return r;
}

StatsInterval stats_interval(const double *x, size_t n, double level)
{
    if (n == 0)
        return without_bounds(NAN, NAN, 0);
    double mean = gsl_stats_mean(x, 1, n);
    return student(mean, n > 1 ? gsl_stats_sd_m(x, 1, n, mean) : NAN, n, level);
}

StatsInterval stats_paired(const double *difference, size_t n, double level, double *p)
{
    *p = NAN;
    StatsInterval r = stats_interval(difference, n, level);
    if (r.sd > 0.0 && isfinite(r.mean) && isfinite(r.sd))
        *p = 2.0 * gsl_cdf_tdist_Q(fabs(r.mean) / (r.sd / sqrt((double)n)), (double)n - 1.0);
    else if (r.sd == 0.0) /* all differences are equal: p is 1 where they are 0, else 0 */
        *p = r.mean == 0.0 ? 1.0 : 0.0;
    return r;
}

double stats_mean(const double *x, size_t n)
{
    return n == 0 ? NAN : gsl_stats_mean(x, 1, n);
}

double stats_squared_error(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return n == 0 ? NAN : sum / (double)n;
}

void stats_log_mean_exp(const double *logw, size_t k, double *value, double *se, double *ess)
{
    double most = -INFINITY, sum = 0.0, squares = 0.0, residuals = 0.0;
    *value = *se = NAN;
    *ess = 0.0;
    for (size_t i = 0; i < k; i++) {
        if (isnan(logw[i]))
            return;
        most = fmax(most, logw[i]);
    }
    if (isinf(most) || k == 0) {
        *value = k == 0 ? NAN : most;
        return;
    }
    for (size_t i = 0; i < k; i++) { /* shifted by the maximum: the largest weight is 1 */
        double w = exp(logw[i] - most);
        sum += w;
        squares += w * w;
    }
    double mean = sum / (double)k;
    for (size_t i = 0; i < k; i++) {
        double residual = exp(logw[i] - most) - mean;
        residuals += residual * residual;
    }
    *value = most + log(mean);
    *ess = sum * sum / squares;
    if (k > 1) /* delta method: sd(log w) = sd(w) / w */
        *se = sqrt(residuals / ((double)k - 1.0) / (double)k) / mean;
}

double stats_normal_quantile(double p)
{
    if (!(p >= 0.0 && p <= 1.0))
        return NAN;
    if (p == 0.0 || p == 1.0)
        return p == 0.0 ? -INFINITY : INFINITY;
    return gsl_cdf_ugaussian_Pinv(p);
}
