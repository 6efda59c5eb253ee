/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_safetensors.c: a safetensors file.  Arrays that are read cover the data; written again and read back
 * they are the same.  The mutator sets the header's length after most changes.
 *
 * libFuzzer: -max_len=700
 */
#include "fuzz/arrays.h"

#include "data/safetensors.h"

/* All of a type that safetensors_write takes. */
static int can_be_written(const DataArrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++)
        if (arrays->array[i].element != DATA_F32 && arrays->array[i].element != DATA_F64)
            return 0;
    return 1;
}

static void write_and_read(const DataArrays *arrays)
{
    Text file = {0};
    Error err = ERROR_NONE;
    DataArrays again = {0};
    FUZZ_CHECK(safetensors_write(&file, arrays, NULL, 0, &err) == 0);
    FUZZ_CHECK(safetensors_read(&again, file.data, file.length, &err) == 0);
    FUZZ_CHECK(again.count == arrays->count);
    for (size_t i = 0; i < again.count; i++) {
        const DataArray *a = &arrays->array[i], *b = &again.array[i];
        FUZZ_CHECK(strcmp(a->name, b->name) == 0 && a->rank == b->rank && a->size == b->size);
        FUZZ_CHECK(memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0);
        FUZZ_CHECK(a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
    }
    data_arrays_free(&again);
    text_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DataArrays arrays = {0};
    Error err = ERROR_NONE;
    if (safetensors_read(&arrays, data, size, &err) != 0) {
        fuzz_check_error(&err);
        FUZZ_CHECK(arrays.count == 0 && arrays.array == NULL);
        return 0;
    }
    fuzz_check_arrays(&arrays);
    size_t sum = 0;
    for (size_t i = 0; i < arrays.count; i++)
        sum += arrays.array[i].size;
    FUZZ_CHECK(sum == size - 8 - (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16));
    if (can_be_written(&arrays))
        write_and_read(&arrays);
    data_arrays_free(&arrays);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* Changes the JSON between the length and the last brace; the length then fits it. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    enum { LENGTH = 8 };
    size_t header = size < LENGTH ? 0 : data[0] | (size_t)data[1] << 8;
    if (seed % 4 == 0 || size < LENGTH || max < LENGTH + 2 || header > size - LENGTH)
        return LLVMFuzzerMutate(data, size, max);
    uint8_t rest[4096], json[4096];
    size_t nrest = size - LENGTH - header;
    if (nrest > sizeof rest || header > sizeof json || nrest + LENGTH >= max)
        return LLVMFuzzerMutate(data, size, max);
    memcpy(json, data + LENGTH, header);
    memcpy(rest, data + LENGTH + header, nrest);
    size_t room = max - LENGTH - nrest;
    header = LLVMFuzzerMutate(json, header, room < sizeof json ? room : sizeof json);
    memset(data, 0, LENGTH);
    data[0] = (uint8_t)header;
    data[1] = (uint8_t)(header >> 8);
    memcpy(data + LENGTH, json, header);
    memcpy(data + LENGTH + header, rest, nrest);
    return LENGTH + header + nrest;
}
#endif
