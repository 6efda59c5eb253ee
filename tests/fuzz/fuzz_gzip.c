/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_gzip.c: a gzipped IDX file.  An array that is read is that of the uncompressed content.  The mutator
 * changes the content and compresses it again, so that checksum and length are right, as often as it changes the
 * compressed bytes.
 *
 * libFuzzer: -max_len=2048
 */
#include "fuzz/fuzz.h"

#include "data/idx.h"

#include <zlib.h>

enum { CONTENT_MAX = 1 << 14 };

/* [OUT] content: of all members of a gzip file; -1 where zlib finds a fault, or it is larger than CONTENT_MAX. */
static int unpack(uint8_t *content, const uint8_t *data, size_t size)
{
    size_t got = 0;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    if (inflateInit2(&z, 31) != Z_OK)
        return -1;
    int code = Z_OK;
    while (code == Z_OK) {
        z.next_out = content + got;
        z.avail_out = (uInt)(CONTENT_MAX - got);
        code = inflate(&z, Z_NO_FLUSH);
        got = CONTENT_MAX - z.avail_out;
        if (code == Z_STREAM_END && z.avail_in >= 2 && z.next_in[0] == 0x1f && z.next_in[1] == 0x8b)
            code = inflateReset(&z);
    }
    inflateEnd(&z);
    return code == Z_STREAM_END ? (int)got : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t content[CONTENT_MAX];
    Idx idx = {.count = 7};
    Error err = ERROR_NONE;
    if (idx_read_open(&idx, fuzz_file(data, size), "fuzzed.gz", 0, &err) != 0) {
        fuzz_check_error(&err);
        FUZZ_CHECK(idx.count == 7 && idx.bytes == NULL);
        return 0;
    }
    size_t header = 4 + 4 * (size_t)idx.rank;
    if (header + idx.count <= CONTENT_MAX && size >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
        FUZZ_CHECK(unpack(content, data, size) == (int)(header + idx.count));
        FUZZ_CHECK(memcmp(idx.bytes, content + header, idx.count) == 0);
    }
    idx_free(&idx);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* One gzip member; 0 where it is larger than `max`. */
static size_t pack(uint8_t *data, size_t max, const uint8_t *content, size_t size, unsigned seed)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)content, .avail_in = (uInt)size, .next_out = data, .avail_out = (uInt)max};
    if (deflateInit2(&z, (int)(seed % 3), Z_DEFLATED, 16 + 9, 1, seed % 5 == 0 ? Z_FIXED : Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int code = deflate(&z, Z_FINISH);
    size_t packed = max - z.avail_out;
    deflateEnd(&z);
    return code == Z_STREAM_END ? packed : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static uint8_t content[CONTENT_MAX];
    int got = seed % 2 == 0 ? unpack(content, data, size) : -1;
    if (got < 0)
        return LLVMFuzzerMutate(data, size, max);
    size_t changed = LLVMFuzzerMutate(content, (size_t)got, seed % 16 == 0 ? CONTENT_MAX : 1500);
    size_t first = seed % 7 == 0 ? changed / 2 : changed; /* two members */
    size_t packed = pack(data, max, content, first, seed / 16);
    if (packed > 0 && first < changed)
        packed += pack(data + packed, max - packed, content + first, changed - first, seed / 16);
    return packed > 0 ? packed : LLVMFuzzerMutate(data, size, max);
}
#endif
