/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/shape.h: the shape of every array: (samples, batch, features), row-major, features contiguous.
 *
 * An array holds k draws for each of b examples of d numbers.  A weight matrix is (1, in, out), a bias (1, 1, out),
 * a scalar (1, 1, 1).  A row is one (sample, example).
 */
#ifndef NUM_SHAPE_H
#define NUM_SHAPE_H

#include <stddef.h>

typedef enum { NUM_SAMPLES, NUM_BATCH, NUM_FEATURES } NumAxis;

typedef struct NumShape {
    size_t n[3]; /* indexed by NumAxis */
} NumShape;

static inline size_t num_shape_rows(NumShape s) { return s.n[NUM_SAMPLES] * s.n[NUM_BATCH]; }
static inline size_t num_shape_size(NumShape s) { return num_shape_rows(s) * s.n[NUM_FEATURES]; }

/* An operand with its own shape. */
typedef struct { const float *x; NumShape shape; } NumIn_f32;
typedef struct { const double *x; NumShape shape; } NumIn_f64;

/* The stride along an axis, 0 where the axis is 1: the same element then serves every index of a broadcast axis. */
static inline size_t num_shape_stride(NumShape s, NumAxis axis)
{
    size_t inner = axis == NUM_FEATURES ? 1 : axis == NUM_BATCH ? s.n[NUM_FEATURES] : s.n[NUM_BATCH] * s.n[NUM_FEATURES];
    return s.n[axis] == 1 ? 0 : inner;
}

/* The place of element (sample, row, feature) of a larger shape in an array that broadcasts to it. */
static inline size_t num_shape_index(NumShape s, size_t sample, size_t row, size_t feature)
{
    return sample * num_shape_stride(s, NUM_SAMPLES) + row * num_shape_stride(s, NUM_BATCH)
         + feature * num_shape_stride(s, NUM_FEATURES);
}

/* A loop over all elements, in the order of memory. */
#define NUM_SHAPE_EACH(shape, s, b, f)                         \
    for (size_t s = 0; s < (shape).n[NUM_SAMPLES]; s++)        \
        for (size_t b = 0; b < (shape).n[NUM_BATCH]; b++)      \
            for (size_t f = 0; f < (shape).n[NUM_FEATURES]; f++)

#endif
