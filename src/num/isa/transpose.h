/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa/transpose.h: copies of panels of b and c, transposed or not.
 */
#ifndef NUM_ISA_TRANSPOSE_H
#define NUM_ISA_TRANSPOSE_H

#include "num/isa/tile.h"

#if defined(__AVX2__)

enum { SQUARE = 8 };

/* y = the transpose of an 8 x 8 square of x: loads pairs of half rows, then shuffles twice within the halves. */
static inline void transpose_square(float *y, size_t y_row, const float *x, size_t x_row)
{
    __m256 r[8], t[8];
    UNROLL for (size_t i = 0; i < 4; i++) {
        r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * x_row)), _mm_loadu_ps(x + (i + 4) * x_row), 1);
        r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + i * x_row + 4)),
                                        _mm_loadu_ps(x + (i + 4) * x_row + 4), 1);
    }
    UNROLL for (size_t h = 0; h < 8; h += 4) {
        t[h] = _mm256_unpacklo_ps(r[h], r[h + 1]);
        t[h + 1] = _mm256_unpackhi_ps(r[h], r[h + 1]);
        t[h + 2] = _mm256_unpacklo_ps(r[h + 2], r[h + 3]);
        t[h + 3] = _mm256_unpackhi_ps(r[h + 2], r[h + 3]);
        _mm256_storeu_ps(y + h * y_row, _mm256_shuffle_ps(t[h], t[h + 2], 0x44));
        _mm256_storeu_ps(y + (h + 1) * y_row, _mm256_shuffle_ps(t[h], t[h + 2], 0xee));
        _mm256_storeu_ps(y + (h + 2) * y_row, _mm256_shuffle_ps(t[h + 1], t[h + 3], 0x44));
        _mm256_storeu_ps(y + (h + 3) * y_row, _mm256_shuffle_ps(t[h + 1], t[h + 3], 0xee));
    }
}

#else

enum { SQUARE = 4 };

static inline void transpose_square(float *y, size_t y_row, const float *x, size_t x_row)
{
    for (size_t i = 0; i < SQUARE; i++)
        for (size_t j = 0; j < SQUARE; j++)
            y[i * y_row + j] = x[j * x_row + i];
}

#endif

/* y (columns, 2) = the transpose of two rows of x. */
static void transpose_pair(size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    size_t j = 0;
#if defined(__AVX2__)
    for (; j + 4 <= columns; j += 4, y += 4 * y_row) {
        __m128 a = _mm_loadu_ps(x + j), b = _mm_loadu_ps(x + x_row + j), low = _mm_unpacklo_ps(a, b), high = _mm_unpackhi_ps(a, b);
        _mm_storel_pi((__m64 *)(void *)y, low);
        _mm_storeh_pi((__m64 *)(void *)(y + y_row), low);
        _mm_storel_pi((__m64 *)(void *)(y + 2 * y_row), high);
        _mm_storeh_pi((__m64 *)(void *)(y + 3 * y_row), high);
    }
#endif
    for (; j < columns; j++, y += y_row) {
        y[0] = x[j];
        y[1] = x[x_row + j];
    }
}

/* y (columns, rows) = the transpose of x (rows, columns): squares, then the rows left over, two at a time (some
 * layers have two outputs), then the last row.  Each row of y is short, because a panel has few rows. */
static void transpose(size_t rows, size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    size_t whole = rows - rows % SQUARE, j = 0;
    for (; j + SQUARE <= columns; j += SQUARE)
        for (size_t i = 0; i < whole; i += SQUARE)
            transpose_square(y + j * y_row + i, y_row, x + i * x_row + j, x_row);
    for (; j < columns; j++)
        for (size_t i = 0; i < whole; i++)
            y[j * y_row + i] = x[i * x_row + j];
    for (; whole + 2 <= rows; whole += 2)
        transpose_pair(columns, y + whole, y_row, x + whole * x_row, x_row);
    for (j = 0; j < columns && whole < rows; j++)
        y[j * y_row + whole] = x[whole * x_row + j];
}

/* y (rows, columns) = x, each with its own stride. */
static void copy(size_t rows, size_t columns, float *y, size_t y_row, const float *x, size_t x_row)
{
    for (size_t i = 0; i < rows; i++)
        if (columns == TILE_COLUMNS) /* a constant length: faster */
            memcpy(y + i * y_row, x + i * x_row, TILE_COLUMNS * sizeof *y);
        else
            memcpy(y + i * y_row, x + i * x_row, columns * sizeof *y);
}

#endif
