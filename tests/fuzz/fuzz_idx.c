/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_idx.c: an IDX file, plain.  An array that is read has the sizes of its header and the bytes after it.
 *
 * libFuzzer: -max_len=4096
 */
#include "fuzz/fuzz.h"

#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Idx idx = {.count = 7};
    Error err = ERROR_NONE;
    int rank = size > 4 && data[size - 1] % 2 == 1 ? data[3] % 5 : 0;
    if (idx_read_open(&idx, fuzz_file(data, size), "fuzzed.idx", rank, &err) != 0) {
        fuzz_check_error(&err);
        FUZZ_CHECK(idx.count == 7 && idx.bytes == NULL);
        return 0;
    }
    size_t count = 1;
    FUZZ_CHECK(idx.rank >= 1 && idx.rank <= 4 && (rank == 0 || rank == idx.rank));
    for (int i = 0; i < idx.rank; i++)
        count *= idx.dim[i];
    FUZZ_CHECK(idx.count == count);
    if (size >= 2 && data[0] == 0) { /* no gzip: the content is the file */
        size_t header = 4 + 4 * (size_t)idx.rank;
        FUZZ_CHECK(size == header + count && memcmp(idx.bytes, data + header, count) == 0);
    }
    idx_free(&idx);
    return 0;
}
