/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/arrays.h: what holds for every array that a reader of safetensors, .npy or .npz accepts.
 */
#ifndef TESTS_FUZZ_ARRAYS_H
#define TESTS_FUZZ_ARRAYS_H

#include "fuzz/fuzz.h"

#include "data/arrays.h"

/* Its count and size follow from its shape, its name and dtype end, and all of its bytes can be read. */
static inline void fuzz_check_array(const DataArray *a)
{
    enum { FEW = 4096 };
    size_t count = 1;
    volatile unsigned char sum = 0;
    FUZZ_CHECK(a->rank >= 0 && a->rank <= DATA_AXES && memchr(a->dtype, '\0', sizeof a->dtype) != NULL);
    int zero = 0;
    for (int i = 0; i < a->rank; i++)
        zero |= a->dim[i] == 0;
    for (int i = 0; i < a->rank && !zero; i++)
        FUZZ_CHECK(!__builtin_mul_overflow(count, a->dim[i], &count));
    FUZZ_CHECK(a->count == (zero ? 0 : count));
    size_t width = data_element_size(a->element);
    FUZZ_CHECK(width == 0 || a->count * width == a->size);
    for (size_t i = 0; i < a->size; i++)
        sum = (unsigned char)(sum + a->bytes[i]);
    if (a->element == DATA_I64 || a->element == DATA_OTHER || a->count > FEW)
        return;
    float *values = malloc(a->count * sizeof *values + 1);
    FUZZ_CHECK(values != NULL);
    data_array_floats(a, values);
    free(values);
}

static inline void fuzz_check_arrays(const DataArrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++) {
        fuzz_check_array(&arrays->array[i]);
        FUZZ_CHECK(i == 0 || strcmp(arrays->array[i - 1].name, arrays->array[i].name) < 0);
        FUZZ_CHECK(data_arrays_find(arrays, arrays->array[i].name) == &arrays->array[i]);
    }
}

#endif
