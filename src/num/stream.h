/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/stream.h: named streams of random numbers.  A stream is a generator (num/rng.h) and a key made from (seed, name).
 *
 *   key = the first 8 bytes (little-endian) of SHA-256( decimal seed, ":", name )
 *
 * A draw has an address (step, row, column).  Its value depends on the stream and the address and on nothing else, so
 * order, threads and an interruption cannot change it.
 *
 * philox4x32, the default: counter = { column / 4, row, step low 32 bits, step high 32 bits }; the draw is word
 * column % 4 of that block.
 *
 * Any other generator gives its words in sequence, so gsl_rng_set seeds it at each address where code begins to draw.
 * The seed is the upper 31 bits of word 0 of the Philox block { part, row, step low, step high } under the stream's
 * key, made odd: multiplicative generators such as randu have their full period only then, and uni32 takes no larger
 * seed. The narrow generators slatec and uni have less than 10 such seeds; they also skip a number of outputs, the
 * upper 16 bits of word 1.  An array is drawn row after row from the address of its first row, in parts of
 * NUM_STREAM_PART draws, each seeded by itself, so that threads can share them; everywhere else part = 0.
 *
 * Uniforms are (word + 1/2) 2^-32 rounded to float once, and 1 - 2^-24 where that rounds to 1: from 2^-33 to 1 - 2^-24.
 * Normals are Box and Muller's from words (0,1) and (2,3) of four: sqrt(-2 ln u) cos(2 pi v), sqrt(-2 ln u) sin(2 pi
 * v), with this project's own ln, cos and sin (num/isa/scalar.h); the largest is 6.76.
 */
#ifndef NUM_STREAM_H
#define NUM_STREAM_H

#include "num/rng.h"

enum { NUM_STREAM_PART = 4096 };

/* Where all streams of a run begin. */
typedef struct NumSeed {
    uint64_t number;
    const gsl_rng_type *rng; /* NULL: philox4x32 */
} NumSeed;

static inline NumSeed num_seed(uint64_t number)
{
    return (NumSeed){number, NULL};
}

typedef struct NumStream {
    uint32_t key[2];
    const gsl_rng_type *rng; /* never NULL */
} NumStream;

NumStream num_stream(uint64_t seed, const char *name); /* of philox4x32 */
NumStream num_stream_of(NumSeed seed, const char *name);

/* A seed whose streams are independent of those of `seed` and of those of other names; below 2^62, so that Lua's
 * integers hold it. */
uint64_t num_derived_seed(uint64_t seed, const char *name);

/* The stream as a gsl_rng, at (step, row): for gsl_rng_…, gsl_ran_… and num_rng_….  *r is its memory: nothing to free.
 * philox4x32 gives the draws at columns 0, 1, 2, …, the same words that fill the arrays below. */
gsl_rng *num_stream_rng(NumRng *r, NumStream s, uint64_t step, uint32_t row);

/* The same for a generator from gsl_rng_alloc(s.rng). */
void num_stream_start(gsl_rng *r, NumStream s, uint64_t step, uint32_t row);

/* One word at an address.  A sequential generator draws the columns before it. */
uint32_t num_stream_word(NumStream s, uint64_t step, uint32_t row, uint32_t column);

/* [OUT] x (rows, columns), draws of one array: element (i, j) of philox4x32 is that at (step, first_row + i, j). */
void num_stream_uniform(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x);
void num_stream_normal(NumStream s, uint64_t step, uint32_t first_row, size_t rows, size_t columns, float *x);

/* [OUT] x[i] = 1 if the uniform at (step, row, i) < grey[i] / 255, else 0: a binarised row of pixels, on one thread. */
void num_stream_binarise(NumStream s, uint64_t step, uint32_t row, size_t columns, float *x, const uint8_t *grey);

/* [OUT] order[n]: a permutation of 0..n-1, by Fisher and Yates from the top: for i = n-1 … 1 places i and j are
 * exchanged, j the upper half of word * (i + 1).  philox4x32 has the word for i at (step, 0, i); other generators
 * give theirs in sequence. */
void num_stream_permutation(NumStream s, uint64_t step, size_t n, uint32_t *order);

#endif
