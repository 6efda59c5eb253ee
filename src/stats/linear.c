/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/linear.c: closed forms of the linear-Gaussian model, by GSL's eigenvalues, Cholesky factors and singular
 * values.
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

/* ---- the maximum likelihood -------------------------------------------------------------------------------------- */

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

int stats_ppca(StatsPpca *result, double *component, const double *x, size_t n, size_t d, size_t m, double variance,
               Error *err)
{
    if (m == 0 || m >= d || !(variance >= 0.0) || n <= d) {
        error_set(err, ERR_RUN, "probabilistic PCA needs other sizes");
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

/* ---- a model's likelihood, ELBO and inference gap ---------------------------------------------------------------- */

typedef struct LinearModel {
    const double *w, *b, *v, *x, *mu, *sigma;
    size_t n, d, m;
    gsl_matrix *c, *precision; /* Cholesky factors L: of W W^T + diag v, of M = I + W^T V^-1 W */
    gsl_vector *residual, *z;  /* (d), (m): scratch */
} LinearModel;

static double log_determinant(const gsl_matrix *l)
{
    double sum = 0.0;
    for (size_t i = 0; i < l->size1; i++)
        sum += 2.0 * log(gsl_matrix_get(l, i, i));
    return sum;
}

/* The lower triangles of both matrices, then their factors.  scaled (d, m): V^-1/2 W. */
static int factorise(LinearModel *t, gsl_matrix *scaled)
{
    gsl_matrix_const_view w = gsl_matrix_const_view_array(t->w, t->d, t->m);
    gsl_matrix_memcpy(scaled, &w.matrix);
    gsl_matrix_set_zero(t->c);
    gsl_matrix_set_identity(t->precision);
    for (size_t i = 0; i < t->d; i++) {
        gsl_vector_view row = gsl_matrix_row(scaled, i);
        gsl_vector_scale(&row.vector, 1.0 / sqrt(t->v[i]));
        gsl_matrix_set(t->c, i, i, t->v[i]);
    }
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, 1.0, &w.matrix, 1.0, t->c);
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1.0, scaled, 1.0, t->precision);
    return gsl_linalg_cholesky_decomp1(t->c) != 0 || gsl_linalg_cholesky_decomp1(t->precision) != 0;
}

static double squares(const gsl_vector *x)
{
    double norm = gsl_blas_dnrm2(x);
    return norm * norm;
}

/* log N(x; b, C): with C = L L^T the distance is |L^-1 (x - b)|^2. */
static double log_likelihood(LinearModel *t, const double *x)
{
    for (size_t i = 0; i < t->d; i++)
        gsl_vector_set(t->residual, i, x[i] - t->b[i]);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, t->c, t->residual);
    return -0.5 * ((double)t->d * LOG_2PI + log_determinant(t->c) + squares(t->residual));
}

/* E_q[log N(x; W z + b, V)] - KL(q || N(0, I)) */
static double elbo(const LinearModel *t, const double *x, const double *mu, const double *sigma)
{
    double sum = 0.0;
    for (size_t i = 0; i < t->d; i++) {
        double mean = t->b[i], variance = 0.0;
        for (size_t j = 0; j < t->m; j++) {
            double w = t->w[i * t->m + j];
            mean += w * mu[j];
            variance += w * w * sigma[j] * sigma[j];
        }
        sum -= 0.5 * (LOG_2PI + log(t->v[i]) + ((x[i] - mean) * (x[i] - mean) + variance) / t->v[i]);
    }
    for (size_t j = 0; j < t->m; j++)
        sum -= 0.5 * (mu[j] * mu[j] + sigma[j] * sigma[j] - 1.0) - log(sigma[j]);
    return sum;
}

/* KL(N(mu, S) || N(a, M^-1)) = 1/2 (tr(M S) + (mu - a)^T M (mu - a) - m - log |M| - log |S|), M a = W^T V^-1 (x - b) */
static double gap(LinearModel *t, const double *x, const double *mu, const double *sigma)
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
    error_set(err, ERR_RUN, "a linear-Gaussian model is out of range");
    return error_expected(err, "examples, latent units, and positive finite variances");
}

int stats_linear(StatsLinear *result, const double *w, const double *b, const double *v, const double *x,
                 const double *mu, const double *sigma, size_t n, size_t d, size_t m, Error *err)
{
    if (check(v, sigma, n, d, m, err) != 0)
        return -1;
    LinearModel t = {.w = w, .b = b, .v = v, .x = x, .mu = mu, .sigma = sigma, .n = n, .d = d, .m = m};
    gsl_matrix *scaled = gsl_matrix_alloc(d, m);
    t.c = gsl_matrix_alloc(d, d);
    t.precision = gsl_matrix_alloc(m, m);
    t.residual = gsl_vector_alloc(d);
    t.z = gsl_vector_alloc(m);
    int status = scaled == NULL || t.c == NULL || t.precision == NULL || t.residual == NULL || t.z == NULL
                     ? error_memory(err, "a covariance") : 0;
    if (status == 0 && factorise(&t, scaled) != 0)
        status = error_set(err, ERR_RUN, "the covariance of a linear-Gaussian model is not positive");
    *result = (StatsLinear){0.0, 0.0, 0.0};
    for (size_t i = 0; status == 0 && i < n; i++) {
        result->log_likelihood += log_likelihood(&t, x + i * d) / (double)n;
        result->elbo += elbo(&t, x + i * d, mu + i * m, sigma + i * m) / (double)n;
        result->gap += gap(&t, x + i * d, mu + i * m, sigma + i * m) / (double)n;
    }
    gsl_matrix_free(scaled);
    gsl_matrix_free(t.c);
    gsl_matrix_free(t.precision);
    gsl_vector_free(t.residual);
    gsl_vector_free(t.z);
    return status;
}

/* ---- the angle between two spaces -------------------------------------------------------------------------------- */

int stats_subspace_angle(double *angle, const double *w, const double *u, size_t d, size_t m, size_t k, Error *err)
{
    if (k == 0 || k > m || m > d) {
        error_set(err, ERR_RUN, "the number of directions is out of range");
        error_found(err, "%zu of %zu directions in %zu dimensions", k, m, d);
        return error_expected(err, "1 to as many as w has columns, and no more of these than dimensions");
    }
    gsl_matrix *a = gsl_matrix_alloc(d, m), *rest = gsl_matrix_alloc(d, k), *v = gsl_matrix_alloc(m, m),
               *cosines = gsl_matrix_alloc(k, k);
    gsl_vector *s = gsl_vector_alloc(m), *work = gsl_vector_alloc(m);
    int status = a == NULL || rest == NULL || v == NULL || cosines == NULL || s == NULL || work == NULL
                     ? error_memory(err, "two spaces")
                     : 0;
    if (status == 0) {
        gsl_matrix_const_view given = gsl_matrix_const_view_array(w, d, m);
        gsl_matrix_memcpy(a, &given.matrix);
        if (gsl_linalg_SV_decomp(a, v, s, work) != 0)
            status = error_set(err, ERR_RUN, "the singular values of a decoder were not found");
    }
    if (status == 0) { /* A - U^T (U A), the part of w's directions orthogonal to u's span: its length is the sine */
        gsl_matrix_const_view rows = gsl_matrix_const_view_array(u, k, d);
        gsl_matrix_view longest = gsl_matrix_submatrix(a, 0, 0, d, k);
        gsl_matrix_memcpy(rest, &longest.matrix);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1.0, &rows.matrix, &longest.matrix, 0.0, cosines);
        gsl_blas_dgemm(CblasTrans, CblasNoTrans, -1.0, &rows.matrix, cosines, 1.0, rest);
        gsl_vector_view sines = gsl_vector_subvector(s, 0, k), scratch = gsl_vector_subvector(work, 0, k);
        if (gsl_linalg_SV_decomp(rest, cosines, &sines.vector, &scratch.vector) != 0)
            status = error_set(err, ERR_RUN, "the angle between two spaces was not found");
        else
            *angle = asin(fmin(1.0, gsl_vector_get(s, 0)));
    }
    gsl_matrix_free(a);
    gsl_matrix_free(rest);
    gsl_matrix_free(v);
    gsl_matrix_free(cosines);
    gsl_vector_free(s);
    gsl_vector_free(work);
    return status;
}
