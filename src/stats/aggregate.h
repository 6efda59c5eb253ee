/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/aggregate.h: the aggregated posterior q(z) = 1/N sum_n q(z|x_n), over all N examples, and the decomposition of
 * the KL term.
 *
 * The KL term of an ELBO is a sum of three terms ("ELBO surgery": Hoffman & Johnson 2016; beta-TCVAE: Chen et al.,
 * arXiv 1802.04942), each term an expectation over n = 1 … N and z ~ q(z|x_n), in nats per example:
 *
 *   KL  E[log q(z|x) - log p(z)]  =  I   mutual information of x and z   E[log q(z|x) - log q(z)], at most log N
 *                                 +  TC  total correlation               E[log q(z) - sum_j log q_j(z_j)]
 *                                 +      dimension-wise KL               sum_j E[log q_j(z_j) - log p(z_j)]
 *
 * with q_j the jth marginal of q and p = N(0, I); the last two together are the marginal KL(q(z) || p(z)) = E[log q(z)
 * - log p(z)].
 */
#ifndef STATS_AGGREGATE_H
#define STATS_AGGREGATE_H

#include "stats/stats.h"

/* [OUT] log_q[draws]: log q(z); log_q_each (draws, d): log q_j(z_j): exact, by log-sum-exp over all n posteriors.
 * mu, sigma (n, d); z (draws, d). */
int stats_aggregate(double *log_q, double *log_q_each, const double *z, size_t draws, const double *mu,
                    const double *sigma, size_t n, size_t d, Error *err);

/* Each term is the mean of its integrand over the draws; sd / sqrt(n) is its standard error (an upper bound: the
 * draws are stratified over the examples). */
typedef struct StatsElboDecomposition {
    StatsInterval kl, mutual_information, total_correlation, dimension_kl, marginal_kl;
    double kl_closed; /* mean over n of 1/2 sum_j (mu^2 + sigma^2 - 1 - log sigma^2): what `kl` estimates */
    double residual;  /* |KL - (I + TC + dimension-wise KL)| or |KL - (I + marginal KL)|, the larger, over max(1, KL) */
    double log_n;     /* log N: the upper bound of I */
    /* TC estimated from minibatches of `batch` draws, every posterior with the weight 1/(N batch), as in beta-TCVAE's
     * weighted sampling: the TC of the minibatch's mixture plus (d - 1) log N.  NaN for batches of one. */
    double weighted;
    /* The same by its stratified sampling, the draw's own posterior with the weight 1/N, the others equal: each density
     * is unbiased, but its logarithm is biased down, most for the joint density, so TC may be negative. */
    double stratified;
} StatsElboDecomposition;

/* Draw s of `draws` comes from the posterior of a random example in the sth of `draws` equal parts of all n. */
int stats_elbo_decomposition(StatsElboDecomposition *result, const double *mu, const double *sigma, size_t n, size_t d,
                             size_t draws, size_t batch, NumStream s, Error *err);

#endif
