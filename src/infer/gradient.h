/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/gradient.h: a gradient as a random variable: what it is in the mean over its noise, and how far it scatters.
 */
#ifndef INFER_GRADIENT_H
#define INFER_GRADIENT_H

#include "infer/infer.h"

/* Which gradient, over which draws of the noise. */
typedef struct InferGradient {
    const char *name;     /* public name of a node: the gradient is that of its mean over all its elements */
    const char *of;       /* with respect to the params whose names begin so: "encoder" */
    size_t repeats, skip; /* with fresh noise each, at least 2; the first `skip` ones of the request's seed are left to another call */
    const double *onto;   /* (directions, width): what each repeat's gradient is multiplied with; NULL: nothing */
    size_t directions;
} InferGradient;

/* Numbers in the params whose names begin with `of`; 0 when there are none. */
size_t infer_gradient_width(const InferModel *m, const char *of);

/* All examples of the request are one minibatch of request->samples draws, whose data stay as they are; noise comes from the stream
 * "evaluate/gradient/…" of request->seed, the same for every node and every call.  [OUT] in double, params in the order of their names:
 * mean (width) and variance (width) over the repeats, of each number's own (n - 1); along (repeats, directions), the inner products
 * (NULL without directions).  0, or -1 with *err (ERR_RUN, ERR_SCRIPT, ERR_MEMORY), the results undefined then. */
int infer_gradient(InferModel *m, const InferRequest *request, const InferGradient *which, double *mean, double *variance, double *along, Error *err);

#endif
