/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/stream.h: addressable random numbers.  Philox4x32-10 (Salmon et al. 2011; Random123).
 *
 * A stream is a key made from (seed, name).  A draw has an address (step, row, column); its value depends on the key
 * and the address and on nothing else, so order, threads and an interruption cannot change it.
 *   key     = the first 8 bytes (little-endian) of SHA-256( decimal seed, ":", name )
 *   counter = { column / 4, row, step low 32 bits, step high 32 bits };  the draw is word column % 4 of the block
 * Uniforms are (word + 1/2) 2^-32 rounded to float once, and 1 - 2^-24 where that rounds to 1: from 2^-33 to 1 - 2^-24.
 * Normals are Box and Muller's from words (0,1) and (2,3) of the block: sqrt(-2 ln u) cos(2 pi v), sqrt(-2 ln u) sin(2 pi v),
 * with this project's own ln, cos and sin (num/isa/scalar.h); the largest is 6.76.
 */
#ifndef NUM_STREAM_H
#define NUM_STREAM_H

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NumStream {
    uint32_t key[2];
} NumStream;

NumStream num_stream(uint64_t seed, const char *name);

/* The raw block: Philox4x32-10 of the counter, [OUT] word[4]. */
void num_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t word[4]);

/* One word at an address. */
uint32_t num_stream_word(NumStream s, uint64_t step, uint32_t row, uint32_t column);

/* A whole number in [0, n), n > 0, without modulo bias to 2^-32: the upper half of word * n. */
uint32_t num_stream_below(NumStream s, uint64_t step, uint32_t row, uint32_t column, uint32_t n);

/* [OUT] x (rows, columns): element (i, j) is the draw at (step, first_row + i, j). */
void num_stream_uniform(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x);
void num_stream_normal(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x);

/* [OUT] x[i] = 1 if the uniform at (step, row, i) < grey[i] / 255, else 0: one binarised row of pixels, on one thread.
 * Blocks whose pixels are all 0 or 255 need no draw. */
void num_stream_binarise(NumStream s, uint64_t step, uint32_t row, size_t columns, float *x, const uint8_t *grey);

/* [OUT] order[n]: a permutation of 0..n-1 (Fisher and Yates, from the top, draws at (step, 0, i)). */
void num_stream_permutation(NumStream s, uint64_t step, size_t n, uint32_t *order);

/* The same generator for GSL: words at (0, 0, 0), (0, 0, 1), …, from row to row after 2^32 columns.
 * gsl_rng_set(r, seed) gives num_stream(seed, "gsl"). */
extern const gsl_rng_type *const num_stream_gsl;

/* Points a GSL generator of that type at a named stream. */
void num_stream_gsl_set(gsl_rng *r, NumStream s);

#endif
