/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/latent.c: how the posteriors lie to each other: overlap, spread, active units, neighbours.
 */
#include "stats/stats.h"

#include "base/mem.h"
#include "stats/cloud.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* ---- overlap -------------------------------------------------------------------------------------------------------- */

double stats_overlap(const double *mu1, const double *sigma1, const double *mu2, const double *sigma2, size_t d)
{
    double log_sum = 0.0;
    for (size_t j = 0; j < d; j++) {
        /* scaled by the larger sigma, so that squares neither overflow nor vanish */
        double most = fmax(sigma1[j], sigma2[j]), difference = mu1[j] - mu2[j];
        if (most == 0.0) { /* two points: the same or not */
            if (difference != 0.0)
                return 0.0;
            continue;
        }
        double a = sigma1[j] / most, b = sigma2[j] / most, m = difference / most, v = a * a + b * b;
        log_sum += 0.5 * log(2.0 * a * b / v) - 0.25 * m * m / v;
    }
    return exp(log_sum);
}

static int wanted(const int *label, int which, size_t i, size_t j)
{
    return which == 0 || (which == 1) == (label[i] == label[j]);
}

typedef struct Pairs {
    const double *mu, *sigma;
    size_t d, count;
    double sum;
} Pairs;

static void add_pair(Pairs *p, size_t i, size_t j)
{
    p->sum += stats_overlap(p->mu + i * p->d, p->sigma + i * p->d, p->mu + j * p->d, p->sigma + j * p->d, p->d);
    p->count++;
}

static int no_pairs(int which, size_t n, Error *err)
{
    error_set(err, ERR_RUN, "the mean overlap of no pairs");
    static const char *const of[] = {"all pairs", "pairs of one label", "pairs of two labels"};
    error_found(err, "%zu posteriors, %s", n, of[which]);
    return error_expected(err, "at least one such pair, and pairs > 0");
}

int stats_mean_overlap(double *mean, const double *mu, const double *sigma, const int *label, int which, size_t n, size_t d,
                       size_t pairs, NumStream s, Error *err)
{
    Pairs p = {.mu = mu, .sigma = sigma, .d = d};
    if (which < 0 || which > 2 || (which != 0 && label == NULL)) {
        error_set(err, ERR_RUN, "pairs by label, but no labels");
        return error_expected(err, "which = 0, or labels and which = 1 (same) or 2 (different)");
    }
    if (n < 2 || pairs == 0)
        return no_pairs(which, n, err);
    if (n - 1 <= pairs / ((n + 1) / 2)) { /* about n (n - 1)/2 <= pairs, without overflow: all of them */
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                if (wanted(label, which, i, j))
                    add_pair(&p, i, j);
    } else {
        /* rejection; where the wanted pairs are rare it ends with fewer of them */
        for (size_t k = 0; p.count < pairs && k < 1000 * pairs; k++) {
            uint32_t i = num_stream_below(s, k >> 32, (uint32_t)k, 0, (uint32_t)n);
            uint32_t j = num_stream_below(s, k >> 32, (uint32_t)k, 1, (uint32_t)n - 1);
            j += j >= i;
            if (wanted(label, which, i, j))
                add_pair(&p, i, j);
        }
    }
    if (p.count == 0)
        return no_pairs(which, n, err);
    *mean = p.sum / (double)p.count;
    return 0;
}

/* ---- spread --------------------------------------------------------------------------------------------------------- */

size_t stats_active_units(const double *mu, size_t n, size_t d, double threshold)
{
    size_t active = 0;
    for (size_t j = 0; n > 1 && j < d; j++)
        active += gsl_stats_variance(mu + j, d, n) > threshold;
    return active;
}

double stats_spread(const double *mu, size_t n, size_t d)
{
    double sum = 0.0;
    if (n == 0 || d == 0)
        return NAN;
    for (size_t j = 0; j < d; j++) {
        double mean = gsl_stats_mean(mu + j, d, n);
        sum += gsl_stats_variance_with_fixed_mean(mu + j, d, n, mean);
    }
    return sqrt(sum / (double)d);
}

/* ---- neighbours ----------------------------------------------------------------------------------------------------- */

typedef struct Neighbour {
    double distance2;
    size_t example;
} Neighbour;

/* Keeps best[k] sorted; of equal distances the earlier example stays. */
static void insert(Neighbour *best, size_t k, double distance2, size_t example)
{
    size_t at = k - 1;
    while (at > 0 && best[at - 1].distance2 > distance2) {
        best[at] = best[at - 1];
        at--;
    }
    best[at] = (Neighbour){distance2, example};
}

static void nearest(const Cloud *c, const double *mu, size_t self, Neighbour *best, size_t k)
{
    double distance2[CLOUD_BLOCK];
    for (size_t i = 0; i < k; i++)
        best[i] = (Neighbour){INFINITY, self};
    for (size_t b = 0; b < c->blocks; b++) {
        cloud_distance2(c, b, mu + self * c->d, distance2);
        for (size_t i = 0; i < CLOUD_BLOCK; i++)
            if (distance2[i] < best[k - 1].distance2 && b * CLOUD_BLOCK + i != self)
                insert(best, k, distance2[i], b * CLOUD_BLOCK + i);
    }
}

int stats_knn_agreement(double *share, const double *mu, const int *label, size_t n, size_t d, size_t k, Error *err)
{
    Cloud c;
    if (k == 0 || k >= n) {
        error_set(err, ERR_RUN, "more neighbours than there are points");
        error_found(err, "k = %zu of %zu points", k, n);
        return error_expected(err, "1 to %zu", n > 0 ? n - 1 : 0);
    }
    if (cloud_make(&c, mu, NULL, n, d, err) != 0)
        return -1;
    Neighbour *best = mem_array(k, sizeof *best);
    size_t agree = 0;
    for (size_t i = 0; best != NULL && i < n; i++) {
        nearest(&c, mu, i, best, k);
        for (size_t j = 0; j < k; j++)
            agree += label[best[j].example] == label[i];
    }
    cloud_free(&c);
    if (best == NULL)
        return error_memory(err, "the neighbours");
    mem_free(best);
    *share = (double)agree / ((double)n * (double)k);
    return 0;
}
