/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/short.h: chains of one or two steps (a gradient of one example's weights, a layer from two latent variables), which
 * are made row by row: to enter and to leave a tile would take longer than to compute it (batch 1, 784 to 200 units: half the
 * time; from two to 500: three quarters).  From three steps on some products gain by it and others lose as much.
 */
#ifndef NUM_ISA_SHORT_H
#define NUM_ISA_SHORT_H

#include "num/isa/tile.h"

static inline int is_short(size_t k) { return NUM_HAS_FMA && (k == 1 || k == 2); }

/* A chain over k rows of b. */
static inline __attribute__((always_inline)) NumVec short_chain(const int k, const NumVec *left, NumVec right, NumVec second)
{
    NumVec sum = num_fma_vec(left[0], right, num_set(0.0f));
    return k == 2 ? num_fma_vec(left[1], second, sum) : sum;
}

/* `add` is known when it is compiled: a load that is not needed would wait for the store of the row before. */
static inline __attribute__((always_inline)) void short_rows(const int k, const int add, size_t rows, size_t columns,
                                                             const Step *step)
{
    const Step x = *step; /* else each store might change it */
    const size_t whole = columns - columns % NUM_LANES;
    const NumPart part = num_part(columns - whole);
    const float *a = x.a, *b = x.b, *second = x.b + (k == 2 ? x.b_row : 0);
    float *to = x.to;
    for (size_t r = 0; r < rows; r++, a += x.a_row, to += x.to_row) {
        const NumVec left[2] = {num_set(a[0]), num_set(a[k == 2 ? x.a_column : 0])};
        for (size_t j = 0; j < whole; j += NUM_LANES) {
            NumVec sum = short_chain(k, left, num_load(b + j), num_load(second + j));
            num_store(to + j, add ? num_load(to + j) + sum : sum);
        }
        if (whole < columns) {
            NumVec sum = short_chain(k, left, num_load_part(b + whole, part), num_load_part(second + whole, part));
            num_store_part(to + whole, part, add ? num_load_part(to + whole, part) + sum : sum);
        }
    }
}

/* [add] to += `rows` rows and `columns` columns: all k steps of their chains, k as is_short() has it. */
static void run_short(size_t rows, size_t columns, const Step *x)
{
    if (x->k == 1 && x->add)
        short_rows(1, 1, rows, columns, x);
    else if (x->k == 1)
        short_rows(1, 0, rows, columns, x);
    else if (x->add)
        short_rows(2, 1, rows, columns, x);
    else
        short_rows(2, 0, rows, columns, x);
}

#endif
