/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_npz.c: a NumPy archive.  The mutator changes one array's file and sets its checksum, where it is
 * stored, as often as it changes the archive's bytes.
 *
 * libFuzzer: -max_len=1500 -rss_limit_mb=3000
 */
#include "fuzz/arrays.h"

#include "data/npz.h"

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DataArrays arrays = {0};
    Error err = ERROR_NONE;
    if (npz_read(&arrays, data, size, &err) != 0) {
        fuzz_check_error(&err);
        FUZZ_CHECK(arrays.count == 0 && arrays.array == NULL && arrays.content == NULL);
        return 0;
    }
    fuzz_check_arrays(&arrays);
    data_arrays_free(&arrays);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
static size_t two(const uint8_t *b)
{
    return b[0] | (size_t)b[1] << 8;
}

static size_t four(const uint8_t *b)
{
    return two(b) | two(b + 2) << 16;
}

static void put_four(uint8_t *b, size_t n)
{
    for (int k = 0; k < 4; k++)
        b[k] = (uint8_t)(n >> (8 * k));
}

/* Changes bytes of a stored entry in place, and its checksum in both headers (APPNOTE.TXT 4.3.7, 4.3.12). */
static int change_entry(uint8_t *data, size_t size, unsigned seed)
{
    enum { LOCAL = 30, CENTRAL = 46 };
    for (size_t at = 0; at + CENTRAL < size; at++) {
        if (memcmp(data + at, "PK\1\2", 4) != 0 || (seed >> at % 8 & 1) != 0)
            continue;
        size_t local = four(data + at + 42), bytes = four(data + at + 20);
        if (two(data + at + 10) != 0 || local + LOCAL > size)
            continue;
        size_t start = local + LOCAL + two(data + local + 26) + two(data + local + 28);
        if (bytes == 0 || bytes > size || start > size - bytes)
            continue;
        LLVMFuzzerMutate(data + start, bytes, bytes);
        size_t crc = crc32(0, data + start, (uInt)bytes);
        put_four(data + at + 16, crc);
        put_four(data + local + 14, crc);
        return 1;
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (seed % 2 == 0 && change_entry(data, size, seed / 2))
        return size;
    return LLVMFuzzerMutate(data, size, max);
}
#endif
