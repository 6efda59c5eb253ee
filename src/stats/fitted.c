/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/fitted.c: the log density of a Gaussian fitted to draws.
 */
#include "stats/stats.h"

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_statistics.h>

static void fit(gsl_vector *mean, gsl_matrix *covariance, const double *x, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j++)
        gsl_vector_set(mean, j, gsl_stats_mean(x + j, d, n));
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            gsl_matrix_set(covariance, j, k, gsl_stats_covariance(x + j, d, x + k, d, n));
}

static int not_positive(size_t n, size_t d, Error *err)
{
    error_set(err, ERR_RUN, "a Gaussian cannot be fitted to these draws");
    error_found(err, "%zu draws in %zu dimensions; their covariance is not positive definite", n, d);
    return error_expected(err, "more draws than dimensions, not all in one hyperplane");
}

int stats_fitted_log_density(double *logp, const double *x, size_t n, size_t d, const double *points, size_t count,
                             Error *err)
{
    if (n <= d || d == 0)
        return not_positive(n, d, err);
    gsl_vector *mean = gsl_vector_alloc(d), *work = gsl_vector_alloc(d);
    gsl_matrix *covariance = gsl_matrix_alloc(d, d);
    int status = mean == NULL || work == NULL || covariance == NULL ? error_memory(err, "a fitted Gaussian") : 0;
    if (status == 0) {
        fit(mean, covariance, x, n, d);
        if (gsl_linalg_cholesky_decomp1(covariance) != 0)
            status = not_positive(n, d, err);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        gsl_vector_const_view point = gsl_vector_const_view_array(points + i * d, d);
        gsl_ran_multivariate_gaussian_log_pdf(&point.vector, mean, covariance, &logp[i], work);
    }
    gsl_matrix_free(covariance);
    gsl_vector_free(work);
    gsl_vector_free(mean);
    return status;
}
