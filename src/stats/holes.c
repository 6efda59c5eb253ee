/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/holes.c: holes of the aggregated posterior: the share of the prior that no posterior covers, by ellipses (few
 * dimensions) and by density (any number).
 */
#include "stats/stats.h"

#include "base/mem.h"
#include "stats/gaussians.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <string.h>

/* Steps of the stream. */
enum { STEP_PRIOR, STEP_POSTERIOR, STEP_CHOICE };

static void normals(NumStream s, uint64_t step, size_t row, size_t d, float *buffer, double *z)
{
    num_stream_normal(s, step, (uint32_t)row, 1, d, buffer);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)buffer[j];
}

/* Draw k of the prior: a given one, or of N(0, I). */
static void prior_draw(const double *prior, NumStream s, size_t k, size_t d, float *buffer, double *z)
{
    if (prior == NULL)
        normals(s, STEP_PRIOR, k, d, buffer, z);
    else
        memcpy(z, prior + k * d, d * sizeof *z);
}

static int covered(const Gaussians *c, const double *z, double radius2)
{
    double distance2[GAUSSIANS_BLOCK];
    for (size_t b = 0; b < c->blocks; b++) {
        gaussians_distance2(c, b, z, distance2);
        int inside = 0;
        for (int i = 0; i < GAUSSIANS_BLOCK; i++)
            inside |= distance2[i] <= radius2;
        if (inside)
            return 1;
    }
    return 0;
}

/* log q(z) = log mean_i q_i(z), i != skip; level[] is scratch for all of the cloud. */
static double log_q(const Gaussians *c, const double *z, size_t skip, double *level)
{
    double most = -INFINITY, sum = 0.0;
    size_t slots = c->blocks * GAUSSIANS_BLOCK;
    for (size_t b = 0; b < c->blocks; b++) {
        double *l = level + b * GAUSSIANS_BLOCK;
        gaussians_distance2(c, b, z, l);
        for (int i = 0; i < GAUSSIANS_BLOCK; i++)
            l[i] = c->log_top[b * GAUSSIANS_BLOCK + (size_t)i] - 0.5 * l[i];
    }
    if (skip < c->n)
        level[skip] = -INFINITY;
    for (size_t i = 0; i < slots; i++)
        most = level[i] > most ? level[i] : most;
    if (most == -INFINITY)
        return most;
    /* logsumexp, shifted by the maximum; a term below e^-45 does not change the sum */
    for (size_t i = 0; i < slots; i++)
        if (level[i] - most > -45.0)
            sum += exp(level[i] - most);
    return most + log(sum) - log((double)(skip < c->n ? c->n - 1 : c->n));
}

static int refuse(Error *err, const char *what, const char *expected)
{
    error_set(err, ERR_RUN, "%s", what);
    return error_expected(err, "%s", expected);
}

int stats_hole_fraction(double *fraction, const double *mu, const double *sigma, size_t n, size_t d, double radius,
                        size_t draws, const double *prior, NumStream s, Error *err)
{
    Gaussians c;
    if (!(radius > 0.0) || draws == 0)
        return refuse(err, "the hole fraction needs a radius and draws", "radius > 0 and draws > 0");
    if (gaussians_make(&c, mu, sigma, n, d, err) != 0)
        return -1;
    float *buffer = mem_array(d, sizeof *buffer);
    double *z = mem_array(d, sizeof *z);
    int status = buffer == NULL || z == NULL ? error_memory(err, "the draws") : 0;
    size_t holes = 0;
    for (size_t k = 0; status == 0 && k < draws; k++) {
        prior_draw(prior, s, k, d, buffer, z);
        holes += !covered(&c, z, radius * radius);
    }
    if (status == 0)
        *fraction = (double)holes / (double)draws;
    mem_free(buffer);
    mem_free(z);
    gaussians_free(&c);
    return status;
}

/* The quantile of log q at draws of q, each without the posterior that it came from. */
static double own_quantile(const Gaussians *c, const double *mu, const double *sigma, double quantile, size_t draws,
                           NumStream s, float *buffer, double *z, double *level, double *density)
{
    NumRng memory;
    for (size_t k = 0; k < draws; k++) {
        size_t i = num_rng_below(num_stream_rng(&memory, s, STEP_CHOICE, (uint32_t)k), (uint32_t)c->n);
        normals(s, STEP_POSTERIOR, k, c->d, buffer, z);
        for (size_t j = 0; j < c->d; j++)
            z[j] = mu[i * c->d + j] + sigma[i * c->d + j] * z[j];
        density[k] = log_q(c, z, i, level);
    }
    gsl_sort(density, 1, draws);
    /* not interpolated: between two log densities of -inf that would be NaN */
    return density[(size_t)(quantile * (double)(draws - 1))];
}

int stats_hole_density(double *fraction, const double *mu, const double *sigma, size_t n, size_t d, double quantile,
                       size_t draws, const double *prior, NumStream s, Error *err)
{
    Gaussians c;
    if (!(quantile > 0.0 && quantile < 1.0) || draws == 0 || n < 2)
        return refuse(err, "the hole density needs other arguments",
                      "0 < quantile < 1, draws > 0, and at least 2 posteriors");
    if (gaussians_make(&c, mu, sigma, n, d, err) != 0)
        return -1;
    float *buffer = mem_array(d, sizeof *buffer);
    double *z = mem_array(d, sizeof *z);
    double *level = mem_array(c.blocks * GAUSSIANS_BLOCK, sizeof *level);
    double *density = mem_array(draws, sizeof *density);
    int status = buffer == NULL || z == NULL || level == NULL || density == NULL ? error_memory(err, "the draws") : 0;
    if (status == 0) {
        double threshold = own_quantile(&c, mu, sigma, quantile, draws, s, buffer, z, level, density);
        size_t holes = 0;
        for (size_t k = 0; k < draws; k++) {
            prior_draw(prior, s, k, d, buffer, z);
            holes += log_q(&c, z, c.n, level) < threshold;
        }
        *fraction = (double)holes / (double)draws;
    }
    mem_free(buffer);
    mem_free(z);
    mem_free(level);
    mem_free(density);
    gaussians_free(&c);
    return status;
}
