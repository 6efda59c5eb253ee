/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/digest.h: SHA-256 (Nettle's) over bytes and over numbers in a fixed byte order.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

enum { DIGEST_TEXT = 65 }; /* 64 hexadecimal digits and the terminator */

typedef struct Digest {
    struct sha256_ctx sha;
} Digest;

void digest_start(Digest *d);
void digest_bytes(Digest *d, const void *bytes, size_t length);

/* A string with its length before it, so that ("ab","c") and ("a","bc") differ. */
void digest_string(Digest *d, const char *string);

/* Floats as little-endian IEEE 754 binary32, on every machine. */
void digest_floats(Digest *d, const float *values, size_t count);

/* Ends the digest and writes it in hexadecimal into text[DIGEST_TEXT]. */
void digest_end(Digest *d, char *text);

#endif
