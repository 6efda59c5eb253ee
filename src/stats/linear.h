/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/linear.h: the linear-Gaussian model, for which everything that a VAE approximates has a closed form:
 * probabilistic PCA.
 *
 *   z ~ N(0, I_m),  x|z ~ N(W z + b, diag v):   p(x) = N(b, W W^T + diag v),   p(z|x) = N(M^-1 W^T V^-1 (x - b), M^-1),
 *   M = I + W^T V^-1 W
 *
 * Tipping & Bishop, "Probabilistic principal component analysis", 1999.  Means over the examples, nats per example.
 */
#ifndef STATS_LINEAR_H
#define STATS_LINEAR_H

#include "base/error.h"

#include <stddef.h>

typedef struct StatsPpca {
    double log_likelihood; /* the most that any W, b and v = variance can reach: mean log p(x) */
    double variance;       /* the v that reaches it, the mean of the eigenvalues left out; or the one that was given */
    size_t rank;           /* eigenvalues that W holds: of the first m those above the variance */
    double information;    /* of x and z: 1/2 log |M| = 1/2 sum over those of log(eigenvalue / variance) */
} StatsPpca;

/* The maximum likelihood of x (n, d) with m < d latent units: b the mean, W = U (Lambda - variance I)^1/2 up to a
 * rotation. variance 0: the best one; else that one is kept, and eigenvalues below it are left out (Lucas et al.
 * 2019). [OUT] component (m, d): U's columns as rows. */
int stats_ppca(StatsPpca *result, double *component, const double *x, size_t n, size_t d, size_t m, double variance,
               Error *err);

typedef struct StatsLinear {
    double log_likelihood; /* mean log p(x) */
    double elbo;           /* mean E_q[log p(x|z)] - KL(q(z|x) || p(z)) */
    double gap;            /* mean KL(q(z|x) || p(z|x)), on its own: log_likelihood - elbo, if all three are right */
} StatsLinear;

/* A model w (d, m), b[d], v[d] with posteriors q(z|x_n) = N(mu_n, diag sigma_n^2), both (n, m), on x (n, d). */
int stats_linear(StatsLinear *result, const double *w, const double *b, const double *v, const double *x,
                 const double *mu, const double *sigma, size_t n, size_t d, size_t m, Error *err);

/* The largest angle, radians, between the span of k orthonormal rows u (k, d) and that of the k longest directions
 * of w (d, m)'s columns, k <= m <= d. */
int stats_subspace_angle(double *angle, const double *w, const double *u, size_t d, size_t m, size_t k, Error *err);

#endif
