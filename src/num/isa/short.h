/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/short.h: chains of one or two steps (the gradient of the weights from one example, a layer that reads two
 * latent variables).  They are computed row by row: entering and leaving a tile would take longer than its steps
 * (batch 1, 784 to 200 units: half the time of tiles; from 2 to 500 units: three quarters).  From three steps on,
 * some products gain and others lose as much.
 */
#ifndef NUM_ISA_SHORT_H
#define NUM_ISA_SHORT_H

#include "num/isa/tile.h"

static inline int is_short(size_t k) { return NUM_HAS_FMA && (k == 1 || k == 2); }

/* The chains of one vector over k = 1 or 2 rows of b. */
static inline __attribute__((always_inline)) NumVec short_chain(const int k, const NumVec *left, NumVec right, NumVec second)
{
    NumVec sum = num_fma_vec(left[0], right, num_set(0.0f));
    return k == 2 ? num_fma_vec(left[1], second, sum) : sum;
}

/* k and add are constants for the compiler: a load of `to` that is not needed would wait for the store of the row
 * before. */
static inline __attribute__((always_inline)) void short_rows(const int k, const int add, size_t rows, size_t columns,
                                                             const TileStep *step)
{
    const TileStep x = *step; /* a copy: the compiler would reload it after each store */
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

/* `rows` rows and `columns` columns of `to`, all k steps of their chains; is_short(k). */
static void run_short(size_t rows, size_t columns, const TileStep *x)
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
