/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_npy.c: a NumPy file of one array.  The mutator sets the header's length after most changes.
 *
 * libFuzzer: -max_len=400
 */
#include "fuzz/arrays.h"

#include "data/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DataArray array = {.name = NULL, .count = 7};
    Error err = ERROR_NONE;
    if (npy_read(&array, data, size, &err) != 0) {
        fuzz_check_error(&err);
        FUZZ_CHECK(array.count == 7 && array.bytes == NULL);
        return 0;
    }
    FUZZ_CHECK(array.bytes >= data && array.bytes + array.size == data + size);
    fuzz_check_array(&array);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* The header's text ends at the first newline: its length is set to that. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max);
    size_t start = size > 6 && data[6] == 1 ? 10 : 12;
    const uint8_t *end = size > start ? memchr(data + start, '\n', size - start) : NULL;
    if (seed % 4 != 0 && end != NULL) {
        size_t length = (size_t)(end + 1 - data) - start;
        memcpy(data, "\x93NUMPY", 6);
        data[8] = (uint8_t)length;
        data[9] = (uint8_t)(length >> 8);
    }
    return size;
}
#endif
