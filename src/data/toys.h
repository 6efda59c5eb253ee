/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/toys.h: toy data sets whose densities are known: densities in the plane, and a linear-Gaussian model.
 *
 * Point i of a part depends on (name, part, i) alone.  The likelihoods in closed form:
 *
 *  toy:mixture          8 equal Gaussians of sd 0.2 on the circle of radius 2; component k at angle k/8 of a turn.
 *                       p(x) = 1/8 sum_k N(x; c_k, 0.04 I)
 *  toy:pinwheel         5 arms.  (a, b) = (1 + 0.3 e1, 0.1 e2), then turned by k/5 + r/4 of a turn, r = |(a, b)|, and doubled.
 *                       Turning by an angle that depends on r alone keeps areas: with y = x/2, r = |y|,
 *                       p(x) = 1/4 * 1/5 sum_k N(R(-(k/5 + r/4)) y; (1, 0), diag(0.09, 0.01))
 *  toy:ring             radius 2 + 0.1 e, angle uniform.  p(x) = N(|x|; 2, 0.01) / (2 pi |x|)
 *  toy:moons            two half circles of radius 1, (cos t, sin t) and (1 - cos t, 1/2 - sin t), t uniform in [0, pi], plus
 *                       N(0, 0.01 I); p(x) is a one-dimensional integral over t.
 *  toy:linear-gaussian  x = W z + 0.5 e in 8 dimensions, z in 3; W's columns are orthogonal: Walsh vectors 1, 2 and 4 of
 *                       length 2, 1.5 and 1.  Covariance W W^T + 0.25 I: eigenvalues 4.25, 2.5, 1.25 and five of 0.25.
 *                       Expected log likelihood -1/2 (8 log(2 pi e) + log det) = -9.179 nats.
 */
#ifndef DATA_TOYS_H
#define DATA_TOYS_H

#include <stddef.h>
#include <stdint.h>

enum { TOY_TRAIN = 20000, TOY_TEST = 10000, TOY_MAX_FEATURES = 8 };

typedef struct Toy {
    const char *name, *what;
    int features, classes; /* classes 0: no labels */
    const char *digest;    /* data_digest of the whole set, grey */
    /* [OUT] x: one point made from a random word (the choice), normals e and uniforms u; returns its label */
    int (*point)(float *x, uint32_t choice, const float *e, const float *u);
} Toy;

/* The last row has the name NULL. */
extern const Toy toys[];

const Toy *toy_find(const char *name);

/* [OUT] x (count, features), label (count): points first … of part 0 (train) or 1 (test). */
void toy_draw(const Toy *toy, unsigned part, size_t first, size_t count, float *x, uint8_t *label);

#endif
