/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/digest.c: SHA-256 and hexadecimal digits by Nettle.
 */
#include "base/digest.h"

#include <nettle/base16.h>
#include <stdio.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "digests are those of little-endian floats: convert the bytes in digest_floats"
#endif

void digest_start(Digest *d)
{
    sha256_init(&d->sha);
}

void digest_bytes(Digest *d, const void *bytes, size_t length)
{
    sha256_update(&d->sha, length, bytes);
}

void digest_string(Digest *d, const char *string)
{
    char length[24];
    int digits = snprintf(length, sizeof length, "%zu:", strlen(string));
    digest_bytes(d, length, (size_t)digits);
    digest_bytes(d, string, strlen(string));
}

void digest_floats(Digest *d, const float *values, size_t count)
{
    digest_bytes(d, values, count * sizeof *values);
}

void digest_end_bytes(Digest *d, unsigned char hash[SHA256_DIGEST_SIZE])
{
    sha256_digest(&d->sha, SHA256_DIGEST_SIZE, hash);
}

void digest_end(Digest *d, char *text)
{
    unsigned char hash[SHA256_DIGEST_SIZE];
    digest_end_bytes(d, hash);
    base16_encode_update(text, sizeof hash, hash);
    text[DIGEST_TEXT - 1] = '\0';
}
