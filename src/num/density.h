/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/density.h: log densities, divergences and the reparameterisation; value and gradient.  num/density_list.h
 * holds the formulas.
 *
 * Operands broadcast as those of num_binary do: each axis is that of `shape` or 1.  A density is the sum of its
 * terms over the features, in the order of num_sum, so its result has the shape (samples, batch, 1).  A value or
 * gradient is finite wherever its exact value is a float, for log variances up to +-340 and log scales up to +-170.
 */
#ifndef NUM_DENSITY_H
#define NUM_DENSITY_H

#include "num/density_list.h"
#include "num/shape.h"

#define NUM_DENSITY_ENUM(NAME, ...) NUM_##NAME,
typedef enum { NUM_DENSITY_LIST(NUM_DENSITY_ENUM) NUM_DENSITY_COUNT } NumDensity;
#undef NUM_DENSITY_ENUM

/* [OUT] y: (samples, batch, 1), or `shape` for the reparameterisation.  in: the operands, in the order of the row.
 * scratch: 1 value for each element of `shape`.  The _f64 form is the formula in libm's functions, for the gradient
 * test. */
void num_density_f32(NumDensity f, NumShape shape, float *y, const NumIn_f32 *in, float *scratch);
void num_density_f64(NumDensity f, NumShape shape, double *y, const NumIn_f64 *in, double *scratch);

/* d[k] += the gradient by operand k from dy, which has the result's shape; summed in num_sum's order where operand k
 * was broadcast.  d[k] may be NULL: not wanted.  Bit k of `overwrite`: d[k] holds garbage and is written, not added
 * to.  scratch: 1 value for each element of `shape` and operand. */
void num_density_back_f32(NumDensity f, NumShape shape, const float *dy, const NumIn_f32 *in, float *const *d,
                          unsigned overwrite, float *scratch);
void num_density_back_f64(NumDensity f, NumShape shape, const double *dy, const NumIn_f64 *in, double *const *d,
                          unsigned overwrite, double *scratch);

#endif
