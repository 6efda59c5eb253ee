/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/gaussians.c: diagonal Gaussians stored in blocks, and the loop in which all latent statistics spend their time.
 */
#include "stats/gaussians.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static int check(const double *mu, const double *sigma, size_t n, size_t d, Error *err)
{
    if (n == 0 || d == 0) {
        error_set(err, ERR_RUN, "a statistic of a latent space needs posteriors");
        error_found(err, "%zu posteriors in %zu dimensions", n, d);
        return error_expected(err, "at least one of each");
    }
    for (size_t i = 0; i < n * d; i++) {
        if (isfinite(mu[i]) && (sigma == NULL || (isfinite(sigma[i]) && sigma[i] > 0.0)))
            continue;
        error_set(err, ERR_RUN, "a posterior is not a Gaussian");
        error_where(err, "posterior %zu, dimension %zu (from 1)", i / d + 1, i % d + 1);
        error_found(err, "mean %g, standard deviation %g", mu[i], sigma == NULL ? 1.0 : sigma[i]);
        return error_expected(err, "finite, and a positive standard deviation");
    }
    return 0;
}

int gaussians_make(Gaussians *c, const double *mu, const double *sigma, size_t n, size_t d, Error *err)
{
    memset(c, 0, sizeof *c);
    if (check(mu, sigma, n, d, err) != 0)
        return -1;
    *c = (Gaussians){.n = n, .d = d, .blocks = (n + GAUSSIANS_BLOCK - 1) / GAUSSIANS_BLOCK};
    size_t slots = c->blocks * GAUSSIANS_BLOCK;
    c->mu = mem_array(slots, d * sizeof *c->mu);
    c->inverse = mem_array(slots, d * sizeof *c->inverse);
    c->log_top = mem_array(slots, sizeof *c->log_top);
    if (c->mu == NULL || c->inverse == NULL || c->log_top == NULL) {
        gaussians_free(c);
        return error_memory(err, "the posteriors");
    }
    for (size_t i = 0; i < slots; i++) {
        double top = -0.5 * (double)d * log(2.0 * 3.14159265358979323846);
        for (size_t j = 0; j < d; j++) {
            size_t at = (i / GAUSSIANS_BLOCK * d + j) * GAUSSIANS_BLOCK + i % GAUSSIANS_BLOCK;
            c->mu[at] = i < n ? mu[i * d + j] : INFINITY;
            c->inverse[at] = i < n && sigma != NULL ? 1.0 / sigma[i * d + j] : 1.0;
            top += log(c->inverse[at]);
        }
        c->log_top[i] = i < n ? top : -INFINITY;
    }
    return 0;
}

void gaussians_free(Gaussians *c)
{
    mem_free(c->mu);
    mem_free(c->inverse);
    mem_free(c->log_top);
    memset(c, 0, sizeof *c);
}

void gaussians_distance2(const Gaussians *c, size_t block, const double *z, double *restrict distance2)
{
    double sum[GAUSSIANS_BLOCK] = {0.0};
    for (size_t j = 0; j < c->d; j++) {
        const double *mu = c->mu + (block * c->d + j) * GAUSSIANS_BLOCK;
        const double *inverse = c->inverse + (block * c->d + j) * GAUSSIANS_BLOCK;
        for (int i = 0; i < GAUSSIANS_BLOCK; i++) {
            double t = (z[j] - mu[i]) * inverse[i];
            sum[i] += t * t;
        }
    }
    memcpy(distance2, sum, sizeof sum);
}
