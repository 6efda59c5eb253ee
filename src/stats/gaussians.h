/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/gaussians.h: many diagonal Gaussians, stored so that one point is compared with a block of them at a time.
 */
#ifndef STATS_GAUSSIANS_H
#define STATS_GAUSSIANS_H

#include "base/error.h"

#include <stddef.h>

/* Gaussians in a block: a constant, so that the compiler vectorises the inner loop. */
enum { GAUSSIANS_BLOCK = 64 };

typedef struct Gaussians {
    size_t n, d, blocks;
    double *mu;      /* (blocks, d, GAUSSIANS_BLOCK); inf in the slots after the nth Gaussian */
    double *inverse; /* the same: 1/sigma */
    double *log_top; /* (blocks * GAUSSIANS_BLOCK): log density at the mean; -inf after the nth */
} Gaussians;

/* sigma NULL: all 1.  Fails (ERR_RUN) on n or d of 0, a mean that is not finite, a sigma that is not positive and
 * finite. */
int gaussians_make(Gaussians *c, const double *mu, const double *sigma, size_t n, size_t d, Error *err);
void gaussians_free(Gaussians *c);

/* [OUT] distance2[GAUSSIANS_BLOCK]: sum_j ((z_j - mu_j) / sigma_j)^2 for the Gaussians of a block; inf after the nth. */
void gaussians_distance2(const Gaussians *c, size_t block, const double *z, double *distance2);

#endif
