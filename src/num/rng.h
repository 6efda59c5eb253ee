/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/rng.h: random number generators of type gsl_rng: Philox4x32-10, defined here, and all of GSL.
 */
#ifndef NUM_RNG_H
#define NUM_RNG_H

#include "base/error.h"

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

/* Philox4x32-10 (Salmon et al. 2011; Random123), "philox4x32": the default.  Its state is a key and a counter, so
 * every draw has an address (step, row, column).  gsl_rng_get gives the columns of a row in order, then those of the
 * next row.  gsl_rng_alloc(num_rng_philox) works as for any generator of GSL; gsl_rng_set(r, seed) starts the stream
 * (seed, "gsl"). */
extern const gsl_rng_type *const num_rng_philox;

/* The generator of that name: "philox4x32" or one of gsl_rng_types_setup ("mt19937", "ranlxd2", …).  NULL with *err. */
const gsl_rng_type *num_rng_find(const char *name, Error *err);

/* Name i of those that num_rng_find accepts: philox4x32, then those of GSL in its order; NULL after the last. */
const char *num_rng_name(size_t i);

/* GSL's version ("2.7.1"). */
const char *num_gsl_version(void);

/* [OUT] key: the first 8 bytes (little-endian) of SHA-256( decimal seed, ":", name ). */
void num_rng_key(uint32_t key[2], uint64_t seed, const char *name);

/* The raw block: Philox4x32-10 of the counter, [OUT] word[4]. */
void num_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t word[4]);

/* Starts a philox4x32 generator at (step, row, column 0) of a key, or moves it to a column of its row. */
void num_philox_start(gsl_rng *r, const uint32_t key[2], uint64_t step, uint32_t row);
void num_philox_column(gsl_rng *r, uint32_t column);

/* The next 32-bit word of any generator.  With k = gsl_rng_get(r) - min and R = max - min + 1 it is
 *     floor((k + 1/2) / R * 2^32),    which is k itself where R = 2^32.
 * A narrow generator, with R < 2^24 (slatec, uni), gives a word from two outputs: k = k1 R + k2, R^2 in place of R. */
uint32_t num_rng_word(gsl_rng *r);
int num_rng_is_narrow(const gsl_rng_type *type);

/* A whole number in [0, n), n > 0: the upper half of word * n.  The bias is at most 2^-32 for each number. */
uint32_t num_rng_below(gsl_rng *r, uint32_t n);

/* A generator without an allocation: room for the largest state of GSL's (gfsr4: 131,080 bytes; the pages are
 * touched only where the generator writes).  Not initialised here: num_stream_rng does that. */
enum { NUM_RNG_STATE = 132 * 1024 };
typedef struct NumRng {
    gsl_rng gsl;
    _Alignas(max_align_t) unsigned char state[NUM_RNG_STATE];
} NumRng;

#endif
