/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/zeros.h: finds the steps of a product that a tile can skip, because all its elements of a are 0.
 *
 * Images are mostly background: in a batch of twelve MNIST images about half of the 784 pixels are 0 in all twelve, and in
 * one image about half of the groups of twelve neighbouring pixels are all 0.  fma(0, b, acc) is acc to the bit, so a
 * skipped step changes nothing, with two exceptions:
 *   - b is infinite or NaN: the product is NaN;
 *   - acc is -0, which 0 * b = +0 makes +0.  A chain starts from +0; only a product that is too small for a float gives -0.
 * So steps are skipped only where b is finite without denormals, and the elements of a are 0 or at least 2^-20: the
 * smallest product is then 2^-146, a float.
 */
#ifndef NUM_ISA_ZEROS_H
#define NUM_ISA_ZEROS_H

#include "num/isa/matmul.h"
#include "num/isa/scalar.h"
#include "num/isa/tile.h"

/* Lists of steps are made for k from ZEROS_LEAST_K, below which they cost more than they gain, to ZEROS_K. */
enum { ZEROS_K = 1024, ZEROS_LEAST_K = 48 };

/* |x| as an integer, with the exponent in the top byte. */
static inline uint32_t num_zeros_size(float x) { return num_bits(x) << 1; }

/* Whether x is infinite, NaN or denormal. */
static inline uint32_t num_zeros_special(float x)
{
    uint32_t size = num_zeros_size(x);
    return (uint32_t)(size != 0) & (uint32_t)(size - (1u << 24) >= 0xfe000000u);
}

/* Whether b (rows, columns) allows to skip steps. */
static inline int num_zeros_allowed(size_t rows, size_t columns, const float *b, size_t b_row)
{
    for (size_t p = 0; p < rows; p++, b += b_row) {
        uint32_t special = 0;
#pragma omp simd reduction(| : special)
        for (size_t j = 0; j < columns; j++)
            special |= num_zeros_special(b[j]);
        if (special)
            return 0;
    }
    return 1;
}

/* 0 for 0; 2 for a size below 2^-20, which forbids to skip; else 1. */
static inline uint8_t num_zeros_flag(float x)
{
    uint32_t size = num_zeros_size(x);
    return (uint8_t)((uint32_t)(size != 0) + (uint32_t)(size - 1 < ((127u - 20) << 24) - 1));
}

/* [OUT] kept: the k in [0, n) at which any of `rows` rows of a is not 0; the rows of a are contiguous.  Returns how
 * many, or SIZE_MAX where skipping is forbidden. */
static inline size_t num_zeros_by_rows(size_t rows, size_t n, const float *a, size_t a_row, uint16_t *kept)
{
    enum { CHUNK = 128 };
    size_t count = 0;
    for (size_t p = 0; p < n; p += CHUNK) {
        uint8_t flag[CHUNK] = {0}, all = 0;
        size_t width = n - p < CHUNK ? n - p : CHUNK;
        for (size_t r = 0; r < rows; r++) {
            const float *x = a + r * a_row + p;
#pragma omp simd
            for (size_t c = 0; c < width; c++)
                flag[c] |= num_zeros_flag(x[c]);
        }
        for (size_t c = 0; c < width; c++) {
            kept[count] = (uint16_t)(p + c);
            count += flag[c] != 0;
            all |= flag[c];
        }
        if (all & 2)
            return SIZE_MAX;
    }
    return count;
}

/* [OUT] flag[rows] of one column of a, which is contiguous. */
static inline void num_zeros_flags(size_t rows, const float *a, uint8_t *flag)
{
#pragma omp simd
    for (size_t r = 0; r < rows; r++)
        flag[r] = num_zeros_flag(a[r]);
}

/* The flags of the first `rows` of 16, or-ed. */
static inline uint8_t num_zeros_any(size_t rows, const uint8_t *flag)
{
    static const uint8_t ones[32] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    uint64_t x[2], mask[2];
    memcpy(x, flag, sizeof x);
    memcpy(mask, ones + 16 - rows, sizeof mask);
    uint64_t both = (x[0] & mask[0]) | (x[1] & mask[1]);
    return (uint8_t)(((both & 0x0101010101010101u) != 0) | ((both & 0x0202020202020202u) != 0) << 1);
}

/* For each tile of rows of a, the steps that are not skipped, for one block of k after the other. */
typedef struct KeptSteps {
    uint16_t kept[BLOCK_ROWS / TILE_ROWS + 1][ZEROS_K];
    size_t end[ZEROS_K / BLOCK_K + 1][BLOCK_ROWS / TILE_ROWS + 1]; /* [block][tile]: the end of the list of that block */
} KeptSteps;

/* Whether so few of n steps are skipped that the lists cost more than they gain. */
static inline int few_skipped(size_t kept, size_t n) { return 10 * kept > 9 * n; }

/* Adds block [p, end) of k to the lists; the rows of a are contiguous.  Returns 0 where skipping is forbidden or
 * does not pay. */
static int find_by_rows(const NumProduct *x, size_t i, size_t rows, size_t p, size_t end, uint16_t (*kept)[ZEROS_K],
                        size_t *kept_end)
{
    size_t tall = parts(rows, TILE_ROWS);
    for (size_t t = 0, r = 0; t < tall; t++) {
        size_t next = part_end(rows, tall, t);
        size_t count = num_zeros_by_rows(next - r, end - p, x->a + (i + r) * x->a_row + p, x->a_row, kept[t] + kept_end[t]);
        if (count == SIZE_MAX || (t == 0 && p == 0 && few_skipped(count, end)))
            return 0;
        kept_end[t] += count;
        r = next;
    }
    return 1;
}

/* The same where the columns of a are contiguous. */
static int find_by_columns(const NumProduct *x, size_t i, size_t rows, size_t p, size_t end, uint16_t (*kept)[ZEROS_K],
                           size_t *kept_end)
{
    size_t tall = parts(rows, TILE_ROWS), total = 0;
    uint8_t flag[BLOCK_ROWS + 16] = {0};
    for (size_t q = p; q < end; q++) {
        uint8_t all = 0;
        num_zeros_flags(rows, x->a + i + q * x->a_column, flag);
        for (size_t t = 0, r = 0; t < tall; t++) {
            size_t next = part_end(rows, tall, t);
            uint8_t any = num_zeros_any(next - r, flag + r);
            kept[t][kept_end[t]] = (uint16_t)(q - p);
            kept_end[t] += any != 0;
            total += any != 0;
            all |= any;
            r = next;
        }
        if (all & 2 || (q == ZEROS_LEAST_K / 2 && few_skipped(total, (q + 1) * tall)))
            return 0;
    }
    return 1;
}

/* [OUT] z: the steps of rows [i, i + rows).  Returns 0 where skipping is forbidden or does not pay. */
static int find_kept_steps(const NumProduct *x, size_t i, size_t rows, KeptSteps *z)
{
    size_t blocks = parts(x->k, BLOCK_K);
    for (size_t block = 0, p = 0; block < blocks; block++) {
        size_t end = part_end(x->k, blocks, block);
        if (block == 0)
            memset(z->end[0], 0, sizeof z->end[0]);
        else
            memcpy(z->end[block], z->end[block - 1], sizeof z->end[0]);
        if (!(x->a_column == 1 ? find_by_rows : find_by_columns)(x, i, rows, p, end, z->kept, z->end[block]))
            return 0;
        p = end;
    }
    return 1;
}

#endif
