/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/rng.c: Philox as a gsl_rng_type, the list of generators by name, and 32-bit words from any of them.
 */
#include "num/rng.h"

#include "base/digest.h"
#include "base/text.h"

#include <Random123/philox.h>
#include <gsl/gsl_version.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void num_rng_key(uint32_t key[2], uint64_t seed, const char *name)
{
    unsigned char hash[SHA256_DIGEST_SIZE];
    char decimal[24];
    int length = snprintf(decimal, sizeof decimal, "%" PRIu64 ":", seed);
    Digest d;
    digest_start(&d);
    digest_bytes(&d, decimal, (size_t)length);
    digest_bytes(&d, name, strlen(name));
    digest_end_bytes(&d, hash);
    memcpy(key, hash, 2 * sizeof *key); /* little-endian, as the machine (base/digest.c refuses others) */
}

/* ---- Philox ------------------------------------------------------------------------------------------------------ */

void num_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t word[4])
{
    philox4x32_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
    philox4x32_key_t k = {{key[0], key[1]}};
    c = philox4x32(c, k);
    memcpy(word, c.v, sizeof c.v);
}

/* No pointers inside: gsl_rng_memcpy and gsl_rng_fwrite copy it. */
typedef struct PhiloxState {
    uint32_t key[2];
    uint64_t step;
    uint64_t next;     /* the draw that comes next: its column in the lower half, its row in the upper */
    uint64_t held;     /* next / 4 of the block below; no draw has UINT64_MAX */
    uint32_t block[4];
} PhiloxState;

static void philox_set(void *state, unsigned long seed)
{
    PhiloxState *p = state;
    *p = (PhiloxState){.held = UINT64_MAX};
    num_rng_key(p->key, seed, "gsl");
}

static unsigned long philox_get(void *state)
{
    PhiloxState *p = state;
    if (p->held != p->next / 4) {
        uint32_t counter[4] = {(uint32_t)p->next / 4, (uint32_t)(p->next >> 32), (uint32_t)p->step,
                               (uint32_t)(p->step >> 32)};
        num_philox(p->key, counter, p->block);
        p->held = p->next / 4;
    }
    return p->block[p->next++ % 4];
}

static double philox_get_double(void *state)
{
    return (double)philox_get(state) / 4294967296.0;
}

static const gsl_rng_type philox = {"philox4x32", 0xffffffffUL, 0, sizeof(PhiloxState), philox_set, philox_get,
                                    philox_get_double};

const gsl_rng_type *const num_rng_philox = &philox;

void num_philox_start(gsl_rng *r, const uint32_t key[2], uint64_t step, uint32_t row)
{
    uint64_t first = (uint64_t)row << 32;
    *(PhiloxState *)r->state = (PhiloxState){.key = {key[0], key[1]}, .step = step, .next = first, .held = UINT64_MAX};
}

void num_philox_column(gsl_rng *r, uint32_t column)
{
    PhiloxState *p = r->state;
    p->next = (p->next & UINT64_C(0xffffffff00000000)) | column;
}

/* ---- by name ----------------------------------------------------------------------------------------------------- */

static const gsl_rng_type *type_at(size_t i)
{
    return i == 0 ? num_rng_philox : gsl_rng_types_setup()[i - 1];
}

const char *num_rng_name(size_t i)
{
    const gsl_rng_type *t = type_at(i);
    return t == NULL ? NULL : t->name;
}

const char *num_gsl_version(void)
{
    return gsl_version;
}

const gsl_rng_type *num_rng_find(const char *name, Error *err)
{
    enum { MANY = 128 };
    const char *names[MANY], *known;
    size_t count = 0;
    for (; count < MANY && (known = num_rng_name(count)) != NULL; count++) {
        names[count] = known;
        if (strcmp(known, name) == 0 && type_at(count)->size <= NUM_RNG_STATE)
            return type_at(count);
    }
    error_set(err, ERR_SCRIPT, "unknown random number generator");
    error_found(err, "%s", name);
    error_expected(err, "philox4x32 (the default), or a generator of GSL: mt19937, ranlxd2, taus2, gfsr4, randu …");
    error_suggest(err, name, names, count);
    return NULL;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

int num_rng_is_narrow(const gsl_rng_type *type)
{
    return type->max - type->min < (1UL << 24) - 1;
}

uint32_t num_rng_word(gsl_rng *r)
{
    unsigned long min = r->type->min;
    unsigned long k = gsl_rng_get(r) - min, range = r->type->max - min;
    if (range == 0xffffffffUL)
        return (uint32_t)k;
    double numerator = (double)k + 0.5, outcomes = (double)range + 1;
    if (num_rng_is_narrow(r->type)) {
        numerator = (double)k * outcomes + (double)(gsl_rng_get(r) - min) + 0.5;
        outcomes *= outcomes;
    }
    return (uint32_t)(numerator * 4294967296.0 / outcomes);
}

uint32_t num_rng_below(gsl_rng *r, uint32_t n)
{
    return (uint32_t)((uint64_t)num_rng_word(r) * n >> 32);
}
