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

/* Adds the string's length before the string, so that ("ab", "c") and ("a", "bc") have different digests. */
void digest_string(Digest *d, const char *string);

/* Adds floats as little-endian IEEE 754 binary32. */
void digest_floats(Digest *d, const float *values, size_t count);

/* [OUT] hash: the digest.  d is then empty, ready for another digest. */
void digest_end_bytes(Digest *d, unsigned char hash[SHA256_DIGEST_SIZE]);

/* [OUT] text[DIGEST_TEXT]: the digest in lower-case hexadecimal.  d is then empty, ready for another digest. */
void digest_end(Digest *d, char *text);

#endif
