/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/linear.c: closed forms of the linear-Gaussian world, by GSL's eigenvalues, Cholesky factors and singular values.
 */
#include "stats/linear.h"

#include "base/mem.h"
#include "stats/stats.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>
#include <math.h>

static const double LOG_2PI = 1.83787706640934548356;

/* ---- the maximum likelihood ------------------------------------------------------------------------------------------ */

/* With eigenvalues l_i of the covariance and c_i of the model's, along the same axes:
 * -1/2 sum_i (log 2 pi + log c_i + l_i / c_i)   (Tipping & Bishop 1999). */
static void maximum(StatsPpca *r, const double *eigenvalue, size_t d, size_t m, double variance)
{
    r->variance = variance;
    if (variance == 0.0) {
        for (size_t i = m; i < d; i++)
            r->variance += eigenvalue[i] / (double)(d - m);
    }
    r->rank = 0;
    r->log_likelihood = r->information = 0.0;
    for (size_t i = 0; i < d; i++) {
        int held = i < m && eigenvalue[i] > r->variance;
        double c = held ? eigenvalue[i] : r->variance;
        r->rank += (size_t)held;
        r->information += 0.5 * log(c / r->variance);
        r->log_likelihood -= 0.5 * (LOG_2PI + log(c) + eigenvalue[i] / c);
    }
}

int stats_ppca(StatsPpca *result, double *component, const double *x, size_t n, size_t d, size_t m, double variance, Error *err)
{
    if (m == 0 || m >= d || !(variance >= 0.0) || n <= d) {
        error_set(err, ERR_RUN, "probabilistic PCA that cannot be had");
        error_found(err, "%zu latent units of %zu dimensions, %zu examples, noise variance %g", m, d, n, variance);
        return error_expected(err, "1 to d - 1 latent units, more examples than dimensions, a variance from 0");
    }
    double *mean = mem_array(d, sizeof *mean), *eigenvalue = mem_array(d, sizeof *eigenvalue);
    double *axes = mem_array(d, d * sizeof *axes);
    int status = mean == NULL || eigenvalue == NULL || axes == NULL ? error_memory(err, "the eigenvectors") : 0;
    if (status == 0)
        status = stats_pca(mean, eigenvalue, axes, x, n, d, d, err);
    if (status == 0) {
        for (size_t i = 0; i < d; i++) /* the likelihood's covariance divides by n */
            eigenvalue[i] *= ((double)n - 1.0) / (double)n;
        for (size_t i = 0; i < m * d; i++)
            component[i] = axes[i];
        maximum(result, eigenvalue, d, m, variance);
        if (!(result->variance > 0.0)) {
            error_set(err, ERR_RUN, "the data lie in %zu dimensions: their likelihood has no maximum", m);
            status = error_hint(err, "fewer latent units, or a variance of your own");
        }
    }
    mem_free(mean);
    mem_free(eigenvalue);
    mem_free(axes);
    return status;
}

/* ---- a model's likelihood, ELBO, and what lies between ---------------------------------------------------------------- */

typedef struct Linear {
    const double *w, *b, *v, *x, *mu, *sigma;
    size_t n, d, m;
    gsl_matrix *c, *precision; /* Cholesky factors L: of W W^T + diag v, of M = I + W^T V^-1 W */
    gsl_vector *residual, *z;  /* (d), (m): scratch */
} Linear;

static double log_determinant(const gsl_matrix *l)
{
    double sum = 0.0;
    for (size_t i = 0; i < l->size1; i++)
        sum += 2.0 * log(gsl_matrix_get(l, i, i));
    return sum;
}

static int factorise(Linear *t)
{
    for (size_t i = 0; i < t->d; i++)
        for (size_t k = 0; k < t->d; k++) {
            double sum = i == k ? t->v[i] : 0.0;
            for (size_t j = 0; j < t->m; j++)
                sum += t->w[i * t->m + j] * t->w[k * t->m + j];
            gsl_matrix_set(t->c, i, k, sum);
        }
    for (size_t i = 0; i < t->m; i++)
        for (size_t k = 0; k < t->m; k++) {
            double sum = i == k ? 1.0 : 0.0;
            for (size_t j = 0; j < t->d; j++)
                sum += t->w[j * t->m + i] * t->w[j * t->m + k] / t->v[j];
            gsl_matrix_set(t->precision, i, k, sum);
        }
    return gsl_linalg_cholesky_decomp1(t->c) != 0 || gsl_linalg_cholesky_decomp1(t->precision) != 0;
}

static double squares(const gsl_vector *x)
{
    double norm = gsl_blas_dnrm2(x);
    return norm * norm;
}

/* log N(x; b, C): with C = L L^T the distance is |L^-1 (x - b)|^2. */
static double log_likelihood(Linear *t, const double *x)
{
    for (size_t i = 0; i < t->d; i++)
        gsl_vector_set(t->residual, i, x[i] - t->b[i]);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, t->c, t->residual);
    return -0.5 * ((double)t->d * LOG_2PI + log_determinant(t->c) + squares(t->residual));
}

/* E_q[log N(x; W z + b, V)] - KL(q || N(0, I)) */
static double elbo(const Linear *t, const double *x, const double *mu, const double *sigma)
{
    double sum = 0.0;
    for (size_t i = 0; i < t->d; i++) {
        double mean = t->b[i], spread = 0.0;
        for (size_t j = 0; j < t->m; j++) {
            double w = t->w[i * t->m + j];
            mean += w * mu[j];
            spread += w * w * sigma[j] * sigma[j];
        }
        sum -= 0.5 * (LOG_2PI + log(t->v[i]) + ((x[i] - mean) * (x[i] - mean) + spread) / t->v[i]);
    }
    for (size_t j = 0; j < t->m; j++)
        sum -= 0.5 * (mu[j] * mu[j] + sigma[j] * sigma[j] - 1.0) - log(sigma[j]);
    return sum;
}

/* KL(N(mu, S) || N(a, M^-1)) = 1/2 (tr(M S) + (mu - a)^T M (mu - a) - m - log |M| - log |S|), M a = W^T V^-1 (x - b) */
static double gap(Linear *t, const double *x, const double *mu, const double *sigma)
{
    double sum = -(double)t->m - log_determinant(t->precision);
    for (size_t j = 0; j < t->m; j++) {
        double projection = 0.0, diagonal = 1.0;
        for (size_t i = 0; i < t->d; i++) {
            double w = t->w[i * t->m + j] / t->v[i];
            projection += w * (x[i] - t->b[i]);
            diagonal += w * t->w[i * t->m + j];
        }
        gsl_vector_set(t->z, j, projection);
        sum += diagonal * sigma[j] * sigma[j] - 2.0 * log(sigma[j]);
    }
    gsl_linalg_cholesky_svx(t->precision, t->z);
    for (size_t j = 0; j < t->m; j++)
        gsl_vector_set(t->z, j, mu[j] - gsl_vector_get(t->z, j));
    gsl_blas_dtrmv(CblasLower, CblasTrans, CblasNonUnit, t->precision, t->z); /* M = L L^T: |L^T (mu - a)|^2 */
    return 0.5 * (sum + squares(t->z));
}

static int check(const double *v, const double *sigma, size_t n, size_t d, size_t m, Error *err)
{
    int good = n > 0 && d > 0 && m > 0;
    for (size_t i = 0; good && i < d; i++)
        good = v[i] > 0.0 && isfinite(v[i]);
    for (size_t i = 0; good && i < n * m; i++)
        good = sigma[i] > 0.0 && isfinite(sigma[i]);
    if (good)
        return 0;
    error_set(err, ERR_RUN, "no linear-Gaussian model");
    return error_expected(err, "examples, latent units, and positive finite variances");
}

int stats_linear(StatsLinear *result, const double *w, const double *b, const double *v, const double *x, const double *mu,
                 const double *sigma, size_t n, size_t d, size_t m, Error *err)
{
    if (check(v, sigma, n, d, m, err) != 0)
        return -1;
    Linear t = {.w = w, .b = b, .v = v, .x = x, .mu = mu, .sigma = sigma, .n = n, .d = d, .m = m};
    t.c = gsl_matrix_alloc(d, d);
    t.precision = gsl_matrix_alloc(m, m);
    t.residual = gsl_vector_alloc(d);
    t.z = gsl_vector_alloc(m);
    int status = t.c == NULL || t.precision == NULL || t.residual == NULL || t.z == NULL ? error_memory(err, "a covariance") : 0;
    if (status == 0 && factorise(&t) != 0)
        status = error_set(err, ERR_RUN, "the covariance of a linear-Gaussian model is not positive");
    *result = (StatsLinear){0.0, 0.0, 0.0};
    for (size_t i = 0; status == 0 && i < n; i++) {
        result->log_likelihood += log_likelihood(&t, x + i * d) / (double)n;
        result->elbo += elbo(&t, x + i * d, mu + i * m, sigma + i * m) / (double)n;
        result->gap += gap(&t, x + i * d, mu + i * m, sigma + i * m) / (double)n;
    }
    gsl_matrix_free(t.c);
    gsl_matrix_free(t.precision);
    gsl_vector_free(t.residual);
    gsl_vector_free(t.z);
    return status;
}

/* ---- the angle between two spaces ------------------------------------------------------------------------------------- */

int stats_subspace_angle(double *angle, const double *w, const double *u, size_t d, size_t m, size_t k, Error *err)
{
    if (k == 0 || k > m || m > d) {
        error_set(err, ERR_RUN, "an angle between spaces that are not there");
        error_found(err, "%zu of %zu directions in %zu dimensions", k, m, d);
        return error_expected(err, "1 to as many as w has columns, and no more of these than dimensions");
    }
    gsl_matrix *a = gsl_matrix_alloc(d, m), *rest = gsl_matrix_alloc(d, k), *v = gsl_matrix_alloc(m, m);
    gsl_vector *s = gsl_vector_alloc(m), *work = gsl_vector_alloc(m);
    int status = a == NULL || rest == NULL || v == NULL || s == NULL || work == NULL ? error_memory(err, "two spaces") : 0;
    if (status == 0) {
        for (size_t i = 0; i < d * m; i++)
            gsl_matrix_set(a, i / m, i % m, w[i]);
        if (gsl_linalg_SV_decomp(a, v, s, work) != 0)
            status = error_set(err, ERR_RUN, "the singular values of a decoder were not found");
    }
    if (status == 0) { /* what is left of w's directions off the span of u: its length is the sine */
        for (size_t c = 0; c < k; c++)
            for (size_t i = 0; i < d; i++) {
                double left = gsl_matrix_get(a, i, c);
                for (size_t r = 0; r < k; r++) {
                    double along = 0.0;
                    for (size_t e = 0; e < d; e++)
                        along += u[r * d + e] * gsl_matrix_get(a, e, c);
                    left -= along * u[r * d + i];
                }
                gsl_matrix_set(rest, i, c, left);
            }
        gsl_matrix_view square = gsl_matrix_submatrix(v, 0, 0, k, k);
        gsl_vector_view sines = gsl_vector_subvector(s, 0, k), scratch = gsl_vector_subvector(work, 0, k);
        if (gsl_linalg_SV_decomp(rest, &square.matrix, &sines.vector, &scratch.vector) != 0)
            status = error_set(err, ERR_RUN, "the angle between two spaces was not found");
        else
            *angle = asin(fmin(1.0, gsl_vector_get(s, 0)));
    }
    gsl_matrix_free(a);
    gsl_matrix_free(rest);
    gsl_matrix_free(v);
    gsl_vector_free(s);
    gsl_vector_free(work);
    return status;
}
