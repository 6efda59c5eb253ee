/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/gradient.h: a gradient as a random variable: its mean and variance over the noise.
 */
#ifndef INFER_GRADIENT_H
#define INFER_GRADIENT_H

#include "infer/infer.h"

/* Which gradient, over which draws of the noise. */
typedef struct InferGradient {
    const char *name;     /* public name of a node: the gradient is that of the mean of all its elements */
    const char *of;       /* with respect to the params whose names begin with this: "encoder" */
    size_t repeats, skip; /* repeats, each with new noise, at least 2; they begin after the first `skip` noises of the
                             request's seed */
    const double *onto;   /* (directions, width): each repeat's gradient is projected onto these; NULL: none */
    size_t directions;
} InferGradient;

/* Numbers in the params whose names begin with `of`; 0 when there are none. */
size_t infer_gradient_width(const InferModel *m, const char *of);

/* All examples of the request are one minibatch of request->samples draws, and their data stay the same.  Noise comes
 * from the stream "evaluate/gradient/…" of request->seed, the same for every node and every call.  [OUT] params in the
 * order of their names: mean (width) and variance (width) over the repeats, each number's own, with n - 1; along
 * (repeats, directions): the inner products (NULL without directions).  0, or -1 with *err (ERR_RUN, ERR_SCRIPT,
 * ERR_MEMORY); the results are then undefined. */
int infer_gradient(InferModel *m, const InferRequest *request, const InferGradient *which, double *mean,
                   double *variance, double *along, Error *err);

#endif
