/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stats/cloud.h: many diagonal Gaussians, laid out so that one point meets a block of them at a time.
 */
#ifndef STATS_CLOUD_H
#define STATS_CLOUD_H

#include "base/error.h"

#include <stddef.h>

/* Gaussians in a block: a constant, so that the compiler makes vector code of the inner loop. */
enum { CLOUD_BLOCK = 64 };

typedef struct Cloud {
    size_t n, d, blocks;
    double *mu;      /* (blocks, d, CLOUD_BLOCK); behind the nth Gaussian far away */
    double *inverse; /* the same: 1/sigma */
    double *log_top; /* (blocks * CLOUD_BLOCK): log density at the mean; -inf behind the nth */
} Cloud;

/* sigma NULL: all 1.  Fails (ERR_RUN) on n or d of 0, a mean that is not finite, a sigma that is not positive and finite. */
int cloud_make(Cloud *c, const double *mu, const double *sigma, size_t n, size_t d, Error *err);
void cloud_free(Cloud *c);

/* [OUT] distance2[CLOUD_BLOCK]: sum_j ((z_j - mu_j) / sigma_j)^2 for each Gaussian of a block; inf behind the nth. */
void cloud_distance2(const Cloud *c, size_t block, const double *z, double *distance2);

#endif
