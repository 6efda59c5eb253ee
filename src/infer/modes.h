/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/modes.h: the log joint density log p(x, z) of one example as a function of a z of one or two dimensions, and
 * the search for its modes.  For quadrature.c.
 */
#ifndef INFER_MODES_H
#define INFER_MODES_H

#include "infer/batches.h"

enum {
    JOINT_PASS = 512, /* points of one forward pass */
    MODES_ASCENT = 64 /* points that climb together */
};

typedef struct JointPoint {
    double z[2], logp; /* logp: log p(x, z), nats; -infinity where it is not a number */
} JointPoint;

typedef struct JointDensity {
    size_t d;                     /* 1 or 2 */
    GraphExec *exec;              /* of JOINT_PASS draws of one example */
    float *z;                     /* its input, (JOINT_PASS, 1, d) */
    const float *logjoint;        /* its output, (JOINT_PASS, 1, 1) */
    GraphExec *ascent;            /* of MODES_ASCENT draws of the same example, with the gradient in z */
    float *ascent_z;              /* (MODES_ASCENT, 1, d) */
    const float *ascent_logjoint; /* (MODES_ASCENT, 1, 1) */
} JointDensity;

/* [OUT] logp of each of n points */
void joint_evaluate(const JointDensity *f, JointPoint *points, size_t n);

/* [OUT] points (2 * MODES_ASCENT): where the density is high: the local maxima of three grids around the origin and the
 * best of `starts` (in any order; their logp is overwritten), each as it was and followed uphill.  Returns their number;
 * 0: the density is finite nowhere.  [BUFFER] grid (MODES_GRID) */
enum { MODES_GRID = 2401 };
size_t modes_find(const JointDensity *f, JointPoint *starts, size_t nstarts, JointPoint *grid, JointPoint *points);

#endif
