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

void num_binary_f32(NumBinary op, NumShape shape, float *c, const float *a, NumShape a_shape, const float *b, NumShape b_shape)
{
    NumIn_f32 in[] = {{a, a_shape}, {b, b_shape}};
    num_panel_map(num_elementwise_table()->binary[op], shape, c, 2, in);
}

void num_binary_back_f32(NumBinary op, int which, NumShape shape, const float *dc, float *d, const float *a, NumShape a_shape,
                      const float *b, NumShape b_shape, float *scratch)
{
    NumIn_f32 in[] = {{dc, shape}, {a, a_shape}, {b, b_shape}};
    num_panel_gradients(num_elementwise_table()->binary_back[op][which], shape, 1, &d, which == 0 ? &a_shape : &b_shape, 0, 3, in, scratch);
}

/* ---- in double ------------------------------------------------------------------------------------------------------ */

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

void num_binary_f64(NumBinary op, NumShape shape, double *c, const double *a, NumShape a_shape, const double *b, NumShape b_shape)
{
    NUM_SHAPE_EACH(shape, s, r, f)
        *c++ = value(op, a[num_shape_index(a_shape, s, r, f)], b[num_shape_index(b_shape, s, r, f)]);
}

void num_binary_back_f64(NumBinary op, int which, NumShape shape, const double *dc, double *d, const double *a, NumShape a_shape,
                      const double *b, NumShape b_shape, double *scratch)
{
    (void)scratch;
    NumShape d_shape = which == 0 ? a_shape : b_shape;
    NUM_SHAPE_EACH(shape, s, r, f)
        d[num_shape_index(d_shape, s, r, f)] += gradient(op, which, *dc++, a[num_shape_index(a_shape, s, r, f)],
                                                         b[num_shape_index(b_shape, s, r, f)]);
}
