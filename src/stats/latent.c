/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/latent.c: geometry of the posteriors: overlap of pairs, active units, standard deviation of the means,
 * neighbours, rank correlation of distances, separation of classes.
 */
#include "stats/stats.h"

#include "base/mem.h"
#include "stats/gaussians.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

/* Whether the n (n - 1)/2 pairs of n points are no more than `pairs`, without overflow. */
static int all_pairs(size_t n, size_t pairs)
{
    return n - 1 <= pairs / ((n + 1) / 2);
}

/* The kth random pair of two different ones of n. */
static void random_pair(NumStream s, size_t k, size_t n, size_t *i, size_t *j)
{
    NumRng memory;
    gsl_rng *rng = num_stream_rng(&memory, s, k >> 32, (uint32_t)k);
    *i = num_rng_below(rng, (uint32_t)n);
    *j = num_rng_below(rng, (uint32_t)n - 1);
    *j += *j >= *i;
}

/* ---- overlap ----------------------------------------------------------------------------------------------------- */

double stats_bhattacharyya(const double *mu1, const double *sigma1, const double *mu2, const double *sigma2, size_t d)
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

typedef struct OverlapSum {
    const double *mu, *sigma;
    size_t d, count;
    double sum;
} OverlapSum;

static void add_pair(OverlapSum *p, size_t i, size_t j)
{
    p->sum += stats_bhattacharyya(p->mu + i * p->d, p->sigma + i * p->d, p->mu + j * p->d, p->sigma + j * p->d, p->d);
    p->count++;
}

static int no_pairs(int which, size_t n, Error *err)
{
    static const char *const of[] = {"all pairs", "pairs of one label", "pairs of two labels"};
    error_set(err, ERR_RUN, "the mean overlap needs at least one pair of posteriors");
    error_found(err, "%zu posteriors, %s", n, of[which]);
    return error_expected(err, "at least one such pair, and pairs > 0");
}

int stats_mean_bhattacharyya(double *mean, const double *mu, const double *sigma, const int *label, int which, size_t n,
                             size_t d, size_t pairs, NumStream s, Error *err)
{
    OverlapSum p = {.mu = mu, .sigma = sigma, .d = d};
    if (which < 0 || which > 2 || (which != 0 && label == NULL)) {
        error_set(err, ERR_RUN, "the overlap of pairs by their labels needs labels");
        return error_expected(err, "which = 0, or labels and which = 1 (same) or 2 (different)");
    }
    if (n < 2 || pairs == 0)
        return no_pairs(which, n, err);
    if (all_pairs(n, pairs)) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                if (wanted(label, which, i, j))
                    add_pair(&p, i, j);
    } else {
        /* rejection sampling; where the wanted pairs are rare it stops with fewer of them */
        for (size_t k = 0; p.count < pairs && k < 1000 * pairs; k++) {
            size_t i, j;
            random_pair(s, k, n, &i, &j);
            if (wanted(label, which, i, j))
                add_pair(&p, i, j);
        }
    }
    if (p.count == 0)
        return no_pairs(which, n, err);
    *mean = p.sum / (double)p.count;
    return 0;
}

/* ---- units ------------------------------------------------------------------------------------------------------- */

size_t stats_active_units(const double *mu, size_t n, size_t d, double threshold)
{
    size_t active = 0;
    for (size_t j = 0; n > 1 && j < d; j++)
        active += gsl_stats_variance(mu + j, d, n) > threshold;
    return active;
}

double stats_pooled_sd(const double *mu, size_t n, size_t d)
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

/* ---- neighbours -------------------------------------------------------------------------------------------------- */

/* [OUT] distance2[n]: of all points from that one, itself infinitely far; scratch has room for whole blocks. */
static void distances_from(const Gaussians *c, const double *mu, size_t self, double *distance2)
{
    for (size_t b = 0; b < c->blocks; b++)
        gaussians_distance2(c, b, mu + self * c->d, distance2 + b * GAUSSIANS_BLOCK);
    distance2[self] = INFINITY;
}

int stats_knn_agreement(double *share, const double *mu, const int *label, size_t n, size_t d, size_t k, Error *err)
{
    Gaussians c;
    if (k == 0 || k >= n) {
        error_set(err, ERR_RUN, "the number of neighbours is out of range");
        error_found(err, "k = %zu of %zu points", k, n);
        return error_expected(err, "1 to %zu", n > 0 ? n - 1 : 0);
    }
    if (gaussians_make(&c, mu, NULL, n, d, err) != 0)
        return -1;
    size_t *nearest = mem_array(k, sizeof *nearest), agree = 0;
    double *distance2 = mem_array(c.blocks, GAUSSIANS_BLOCK * sizeof *distance2);
    int status = nearest == NULL || distance2 == NULL ? error_memory(err, "the neighbours") : 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        distances_from(&c, mu, i, distance2);
        gsl_sort_smallest_index(nearest, k, distance2, 1, n);
        for (size_t j = 0; j < k; j++)
            agree += label[nearest[j]] == label[i];
    }
    if (status == 0)
        *share = (double)agree / ((double)n * (double)k);
    mem_free(nearest);
    mem_free(distance2);
    gaussians_free(&c);
    return status;
}

/* ---- distances --------------------------------------------------------------------------------------------------- */

static double distance(const double *a, const double *b, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(sum);
}

int stats_distance_spearman(double *rho, const double *x, size_t dx, const double *y, size_t dy, size_t n, size_t pairs,
                            NumStream s, Error *err)
{
    if (n < 3 || pairs < 2) {
        error_set(err, ERR_RUN, "too few distances for a rank correlation");
        error_found(err, "%zu points, %zu pairs", n, pairs);
        return error_expected(err, "at least 3 points and 2 pairs");
    }
    int all = all_pairs(n, pairs);
    size_t count = all ? n * (n - 1) / 2 : pairs, k = 0;
    double *in_x = mem_array(count, sizeof *in_x), *in_y = mem_array(count, sizeof *in_y),
           *work = mem_array(count, 2 * sizeof *work);
    int status = in_x == NULL || in_y == NULL || work == NULL ? error_memory(err, "the distances") : 0;
    if (status == 0) {
        for (size_t i = 0, j = 1; k < count; k++) {
            if (!all)
                random_pair(s, k, n, &i, &j);
            in_x[k] = distance(x + i * dx, x + j * dx, dx);
            in_y[k] = distance(y + i * dy, y + j * dy, dy);
            if (all && ++j == n)
                j = ++i + 1;
        }
        *rho = gsl_stats_spearman(in_x, 1, in_y, 1, count, work);
    }
    mem_free(in_x);
    mem_free(in_y);
    mem_free(work);
    return status;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static int class_count(const int *label, size_t n, size_t *classes, Error *err)
{
    int least = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = label[i] < least ? label[i] : least;
        most = label[i] > most ? label[i] : most;
    }
    *classes = (size_t)most + 1;
    if (n > 0 && least == 0 && *classes <= n)
        return 0;
    error_set(err, ERR_RUN, "labels do not number classes");
    error_found(err, "%zu points with labels from %d to %d", n, least, most);
    return error_expected(err, "labels from 0, no more classes than points");
}

/* [OUT] centre (classes, d), size (classes): how many points a class has. */
static void centres(double *centre, double *size, const double *mu, const int *label, size_t n, size_t d,
                    size_t classes)
{
    memset(centre, 0, classes * d * sizeof *centre);
    memset(size, 0, classes * sizeof *size);
    for (size_t i = 0; i < n; i++) {
        size[label[i]]++;
        for (size_t j = 0; j < d; j++)
            centre[(size_t)label[i] * d + j] += mu[i * d + j];
    }
    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < d && size[c] > 0.0; j++)
            centre[c * d + j] /= size[c];
}

/* Mean over the classes that have points of the distance to the nearest other one; inf where there is no other. */
static double mean_nearest(const double *centre, const double *size, size_t classes, size_t d)
{
    double sum = 0.0, count = 0.0;
    for (size_t a = 0; a < classes; a++) {
        double least = INFINITY;
        for (size_t b = 0; size[a] > 0.0 && b < classes; b++)
            if (b != a && size[b] > 0.0)
                least = fmin(least, distance(centre + a * d, centre + b * d, d));
        sum += size[a] > 0.0 ? least : 0.0;
        count += size[a] > 0.0;
    }
    return sum / count;
}

int stats_class_separation(double *within_sd, double *separation, const double *mu, const int *label, size_t n,
                           size_t d, Error *err)
{
    size_t classes;
    if (class_count(label, n, &classes, err) != 0)
        return -1;
    double *centre = mem_array(classes, d * sizeof *centre), *size = mem_array(classes, sizeof *size), sum = 0.0;
    int status = centre == NULL || size == NULL ? error_memory(err, "the classes' centres") : 0;
    if (status == 0) {
        centres(centre, size, mu, label, n, d, classes);
        for (size_t i = 0; i < n; i++) {
            double r = distance(mu + i * d, centre + (size_t)label[i] * d, d);
            sum += r * r;
        }
        double nearest_other = mean_nearest(centre, size, classes, d);
        if (isfinite(nearest_other)) {
            *within_sd = sqrt(sum / ((double)n * (double)d));
            *separation = nearest_other / *within_sd;
        } else {
            error_set(err, ERR_RUN, "the separation of classes needs at least two classes");
            status = error_expected(err, "labels of two classes or more, and finite points");
        }
    }
    mem_free(centre);
    mem_free(size);
    return status;
}
