/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/binary.c: functions of two variables that broadcast: panels over the kernels of num/isa/elementwise.c, and the
 * same in double.
 */
#include "num/elementwise.h"
#include "num/panel.h"

#include <math.h>

#define NUM_TABLE_TYPE NumElementwiseTable
#define NUM_TABLE_NAME num_elementwise_table
#include "num/isa_table.h"

void num_binary_f32(NumBinary op, NumShape shape, float *c, NumIn_f32 a, NumIn_f32 b)
{
    num_panel_map(num_elementwise_table()->binary[op], shape, c, 2, (NumIn_f32[]){a, b});
}

void num_binary_back_f32(NumBinary op, int which, NumShape shape, const float *dc, float *d, NumIn_f32 a, NumIn_f32 b,
                         float *scratch)
{
    num_panel_gradients(num_elementwise_table()->binary_back[op][which], shape, 1, &d, which == 0 ? &a.shape : &b.shape, 0,
                        3, (NumIn_f32[]){{dc, shape}, a, b}, scratch);
}

/* ---- in double --------------------------------------------------------------------------------------------------- */

static double value(NumBinary op, double a, double b)
{
    switch (op) {
#define CASE(NAME, name, formula, reads, domain, value, by_a, by_b) \
    case NUM_##NAME: return value;
        NUM_BINARY_LIST(CASE)
#undef CASE
    default: return NAN;
    }
}

static double gradient(NumBinary op, int which, double dc, double a, double b)
{
    switch (op) {
#define CASE(NAME, name, formula, reads, domain, value, by_a, by_b) \
    case NUM_##NAME: return which == 0 ? by_a : by_b;
        NUM_BINARY_LIST(CASE)
#undef CASE
    default: return NAN;
    }
}

/* Element (s, r, f) of an operand. */
static double at(NumIn_f64 in, size_t s, size_t r, size_t f)
{
    return in.x[num_shape_index(in.shape, s, r, f)];
}

void num_binary_f64(NumBinary op, NumShape shape, double *c, NumIn_f64 a, NumIn_f64 b)
{
    NUM_SHAPE_EACH(shape, s, r, f)
        *c++ = value(op, at(a, s, r, f), at(b, s, r, f));
}

void num_binary_back_f64(NumBinary op, int which, NumShape shape, const double *dc, double *d, NumIn_f64 a, NumIn_f64 b,
                         double *scratch)
{
    (void)scratch;
    NumShape d_shape = which == 0 ? a.shape : b.shape;
    NUM_SHAPE_EACH(shape, s, r, f)
        d[num_shape_index(d_shape, s, r, f)] += gradient(op, which, *dc++, at(a, s, r, f), at(b, s, r, f));
}
