/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/stats.h: statistics on results, in double: latent spaces, intervals, PCA.  GSL does the work.
 *
 * Arrays are row-major.  A posterior is a diagonal Gaussian: mu (n, d) and sigma (n, d), its standard deviations.
 * Functions that can fail return -1 with *err (ERR_RUN for arguments out of range, ERR_MEMORY).
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include "base/error.h"
#include "num/stream.h"

#include <stddef.h>

typedef struct StatsInterval {
    double mean, sd, low, high; /* sd: of the sample (n - 1) */
    size_t n;
} StatsInterval;

/* Student's t interval for the mean at `level` (0.95); n = 1 has no interval (NaN bounds). */
StatsInterval stats_interval(const double *x, size_t n, double level);

/* Paired differences: their interval, and the two-sided p value of the t test in *p (NaN for n < 2). */
StatsInterval stats_paired(const double *difference, size_t n, double level, double *p);

/* Share of `draws` points of the prior that lie in no posterior's ellipse of `radius` sigmas
 * (sum_j ((z_j - mu_j)/sigma_j)^2 > radius^2 for all i): the hole fraction of the picture, for small d.
 * prior: (draws, d), the points; NULL: the prior is N(0, I), and its points are drawn from s. */
int stats_hole_fraction(double *fraction, const double *mu, const double *sigma, size_t n, size_t d, double radius,
                        size_t draws, const double *prior, NumStream s, Error *err);

/* The density-based version for any d: the share of prior draws z whose aggregated posterior density q(z) = mean_i
 * q_i(z) lies below the `quantile` quantile (0.01 … 0.05) of q's own density at its own draws, each draw scored
 * leaving out the posterior it came from.  prior: as above. */
int stats_hole_density(double *fraction, const double *mu, const double *sigma, size_t n, size_t d, double quantile,
                       size_t draws, const double *prior, NumStream s, Error *err);

/* [OUT] placement (n + m): of each score a of the first sample (n) the share of the second (m) above it, of each b the
 * share of the first below it; equal scores count half.  Either sample's mean is the AUC, the area under the ROC curve:
 * P(a < b) + P(a = b) / 2. */
int stats_placements(double *placement, const double *a, size_t n, const double *b, size_t m, Error *err);

/* The variance that one sample's n scores give the AUC (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44); that of
 * the AUC is the sum for both.  It counts one more placement, 1/2: of two samples of n that are wholly apart the
 * standard error is about 0.7 / n and not 0. */
double stats_placement_variance(const double *placement, size_t n);

/* Bhattacharyya coefficient of two diagonal Gaussians, in (0, 1] (0 where that is below the smallest double):
 * prod_j sqrt(2 s1 s2 / (s1^2 + s2^2)) exp(-(m1-m2)^2 / (4 (s1^2 + s2^2))). */
double stats_bhattacharyya(const double *mu1, const double *sigma1, const double *mu2, const double *sigma2, size_t d);

/* Mean of it over all pairs i < j (or over `pairs` random pairs when there are more).  label NULL, or (n): which = 0
 * all pairs, 1 same label, 2 different. */
int stats_mean_bhattacharyya(double *mean, const double *mu, const double *sigma, const int *label, int which, size_t n,
                             size_t d, size_t pairs, NumStream s, Error *err);

/* Units whose mean varies over the data: variance (n - 1) of mu_j > threshold (0.01; Burda et al., section 5.2). */
size_t stats_active_units(const double *mu, size_t n, size_t d, double threshold);

/* Standard deviation of the means, pooled over the dimensions: sqrt( mean_ij (mu_ij - mean_j)^2 ).  The metric
 * latent/spread. */
double stats_pooled_sd(const double *mu, size_t n, size_t d);

/* [OUT] logp (count): log density, at points (count, d), of the Gaussian with the mean and the covariance (n - 1) of
 * draws x (n, d), in nats: the density q(z) of Kingma & Welling's appendix D. */
int stats_fitted_log_density(double *logp, const double *x, size_t n, size_t d, const double *points, size_t count,
                             Error *err);

/* Mean of n values, as of all sigma. */
double stats_mean(const double *x, size_t n);

/* Share of the k nearest neighbours (Euclidean, in mu) that carry the point's own label, mean over points. */
int stats_knn_agreement(double *share, const double *mu, const int *label, size_t n, size_t d, size_t k, Error *err);

/* Spearman's rank correlation between the distances of two examples in x (n, dx) and in y (n, dy), over all pairs
 * (or over `pairs` random ones when there are more): 1 where what is nearer in x is nearer in y.  NaN where all
 * distances are equal. */
int stats_distance_spearman(double *rho, const double *x, size_t dx, const double *y, size_t dy, size_t n, size_t pairs,
                            NumStream s, Error *err);

/* How far classes of points mu (n, d) are separated, label (n) from 0: [OUT] *within_sd, the root mean square
 * distance of a point from the centre of its class, per dimension; *separation, the distance from a class's centre
 * to the nearest other centre, in units of *within_sd, mean over the classes (inf where the classes are points). */
int stats_class_separation(double *within_sd, double *separation, const double *mu, const int *label, size_t n,
                           size_t d, Error *err);

/* Mean of (a_i - b_i)^2. */
double stats_squared_error(const double *a, const double *b, size_t n);

/* log mean exp of w[k], its standard error (delta method) and the effective sample size (sum w)^2 / sum w^2. */
void stats_log_mean_exp(const double *logw, size_t k, double *value, double *se, double *ess);

/* Whether Markov chains have mixed, from one number of each draw, x (chains, draws), at least 4 draws: [OUT] *rhat, split
 * R-hat (Gelman et al. 2013, section 11.4): 1 where all chains look alike; above 1.1 some have stayed apart; infinite
 * where none moves and they differ.  *ess, the number of independent draws with the same variance of the mean, by Geyer's
 * initial monotone sequence (1992) over the chains' common autocorrelation; at most 2 chains * draws. */
void stats_mixing(const double *x, size_t chains, size_t draws, double *rhat, double *ess);

/* Inverse CDF of N(0,1): GSL's. */
double stats_normal_quantile(double p);

/* PCA of x (n, d): [OUT] mean[d], eigenvalues[m] of the covariance (n - 1) descending, components (m, d), m <=
 * min(n, d); a component's entry of largest magnitude is positive. */
int stats_pca(double *mean, double *eigenvalue, double *component, const double *x, size_t n, size_t d, size_t m,
              Error *err);

/* [OUT] code (n, m): the scores of x (n, d) on m components; and x (n, d) rebuilt from them. */
void stats_pca_encode(double *code, const double *x, const double *mean, const double *component, size_t n, size_t d,
                      size_t m);
void stats_pca_decode(double *x, const double *code, const double *mean, const double *component, size_t n, size_t d,
                      size_t m);

#endif
