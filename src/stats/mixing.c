/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/mixing.c: have Markov chains mixed, and to how many independent draws are theirs equal?
 */
#include "stats/stats.h"

#include <gsl/gsl_statistics.h>
#include <math.h>

/* Half chains: each chain's first and last `n` draws.  A chain that drifts differs from itself. */
typedef struct Halves {
    const double *x;
    size_t chains, draws, n;
    double within, all; /* variances: mean within half chains; of all draws, as if mixed */
} Halves;

static const double *half(const Halves *h, size_t i)
{
    return h->x + i / 2 * h->draws + (i % 2 == 0 ? 0 : h->draws - h->n);
}

static void find_variances(Halves *h)
{
    double mean = 0, between = 0, n = (double)h->n, m = 2 * (double)h->chains;
    h->within = 0;
    for (size_t i = 0; i < 2 * h->chains; i++) {
        mean += gsl_stats_mean(half(h, i), 1, h->n) / m;
        h->within += gsl_stats_variance(half(h, i), 1, h->n) / m;
    }
    for (size_t i = 0; i < 2 * h->chains; i++) {
        double off = gsl_stats_mean(half(h, i), 1, h->n) - mean;
        between += off * off / (m - 1);
    }
    h->all = (n - 1) / n * h->within + between;
}

/* The autocorrelation at a lag, of all half chains (Gelman et al. 2013, section 11.5, as in Stan). */
static double correlation(const Halves *h, size_t lag)
{
    double covariance = 0, n = (double)h->n;
    for (size_t i = 0; i < 2 * h->chains; i++) {
        const double *x = half(h, i);
        double mean = gsl_stats_mean(x, 1, h->n), sum = 0;
        for (size_t t = 0; t + lag < h->n; t++)
            sum += (x[t] - mean) * (x[t + lag] - mean);
        covariance += sum / n / (2 * (double)h->chains);
    }
    return 1 - (h->within - covariance) / h->all;
}

/* The sum of the autocorrelations from both sides: pairs of neighbouring lags, as long as they are positive, none larger
 * than the one before (Geyer 1992). */
static double autocorrelation_time(const Halves *h)
{
    double time = -1, least = INFINITY;
    for (size_t lag = 0; lag + 1 < h->n; lag += 2) {
        double pair = (lag == 0 ? 1 : correlation(h, lag)) + correlation(h, lag + 1);
        if (!(pair > 0))
            break;
        least = fmin(least, pair);
        time += 2 * least;
    }
    return time;
}

void stats_mixing(const double *x, size_t chains, size_t draws, double *rhat, double *ess)
{
    Halves h = {.x = x, .chains = chains, .draws = draws, .n = draws / 2};
    *rhat = *ess = NAN;
    if (chains < 1 || draws < 4)
        return;
    find_variances(&h);
    if (!isfinite(h.all))
        return;
    double total = (double)(2 * chains * h.n);
    if (h.within == 0) { /* no chain moves: a draw of each, or one number */
        *rhat = h.all == 0 ? 1 : INFINITY;
        *ess = h.all == 0 ? total : (double)chains;
        return;
    }
    *rhat = sqrt(h.all / h.within);
    *ess = total / fmax(autocorrelation_time(&h), 0.5);
}
