/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/arrays.c: named arrays and their elements as float32.
 */
#include "data/arrays.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---------------------------------------------------------------------------------------------------- */

void data_arrays_free(DataArrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++)
        mem_free(arrays->array[i].name);
    mem_free(arrays->array);
    mem_free(arrays->content);
    memset(arrays, 0, sizeof *arrays);
}

DataArray *data_arrays_add(DataArrays *arrays, const char *name, Error *err)
{
    size_t n = arrays->count;
    if ((n & (n - 1)) == 0) { /* full: the room is the next power of two */
        DataArray *grown = mem_grow(arrays->array, n * sizeof *grown, (n == 0 ? 1 : 2 * n) * sizeof *grown);
        if (grown == NULL) {
            error_memory(err, "a list of arrays");
            return NULL;
        }
        arrays->array = grown;
    }
    DataArray *array = &arrays->array[n];
    memset(array, 0, sizeof *array);
    if ((array->name = mem_string(name)) == NULL) {
        error_memory(err, "an array's name");
        return NULL;
    }
    arrays->count++;
    return array;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const DataArray *)a)->name, ((const DataArray *)b)->name);
}

int data_arrays_sort(DataArrays *arrays, Error *err)
{
    if (arrays->count > 1)
        qsort(arrays->array, arrays->count, sizeof *arrays->array, by_name);
    for (size_t i = 1; i < arrays->count; i++)
        if (strcmp(arrays->array[i - 1].name, arrays->array[i].name) == 0) {
            error_set(err, ERR_FILE, "two arrays have the same name");
            return error_found(err, "'%.100s', twice", arrays->array[i].name);
        }
    return 0;
}

static int against_name(const void *name, const void *array)
{
    return strcmp(name, ((const DataArray *)array)->name);
}

const DataArray *data_arrays_find(const DataArrays *arrays, const char *name)
{
    return arrays->count == 0 ? NULL : bsearch(name, arrays->array, arrays->count, sizeof *arrays->array, against_name);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

int data_array_measure(DataArray *array, size_t width, size_t *bytes)
{
    array->count = 1;
    for (int i = 0; i < array->rank; i++)
        if (__builtin_mul_overflow(array->count, array->dim[i], &array->count))
            return -1;
    return __builtin_mul_overflow(array->count, width, bytes) || *bytes > SIZE_MAX / 2 ? -1 : 0;
}

size_t data_element_size(DataElement element)
{
    static const size_t size[] = {[DATA_F32] = 4, [DATA_F64] = 8, [DATA_F16] = 2, [DATA_BF16] = 2, [DATA_I64] = 8};
    return element == DATA_OTHER ? 0 : size[element];
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

static uint64_t bits_of(const unsigned char *b, size_t width, int big_endian)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < width; k++)
        bits |= (uint64_t)b[big_endian ? width - 1 - k : k] << (8 * k);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: 5 bits of exponent, bias 15, 10 bits of fraction. */
static float half(uint32_t bits)
{
    uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) /* infinite, or not a number */
        return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent > 0)
        return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float value = ldexpf((float)fraction, -24); /* a denormal number of binary16 is a normal one of binary32 */
    return sign != 0 ? -value : value;
}

static float element_at(const DataArray *a, size_t i)
{
    size_t width = data_element_size(a->element);
    uint64_t bits = bits_of(a->bytes + i * width, width, a->big_endian);
    double wide;
    switch (a->element) {
    case DATA_F16: return half((uint32_t)bits);
    case DATA_BF16: return float_of((uint32_t)bits << 16);
    case DATA_F64: memcpy(&wide, &bits, sizeof wide); return (float)wide;
    default: return float_of((uint32_t)bits);
    }
}

/* The place in column-major order of element i of row-major order. */
static size_t column_major_place(const DataArray *a, size_t i)
{
    size_t index[DATA_AXES], place = 0;
    for (int k = a->rank; k-- > 0; i /= a->dim[k])
        index[k] = i % a->dim[k];
    for (int k = a->rank; k-- > 0;)
        place = place * a->dim[k] + index[k];
    return place;
}

void data_array_floats(const DataArray *array, float *out)
{
    for (size_t i = 0; i < array->count; i++)
        out[i] = element_at(array, array->column_major ? column_major_place(array, i) : i);
}
