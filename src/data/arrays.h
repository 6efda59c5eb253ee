/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/arrays.h: named arrays of numbers, as files of other programs hold them (safetensors.h, npz.h).
 */
#ifndef DATA_ARRAYS_H
#define DATA_ARRAYS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The element types that can become float32, those that only we write, and all others. */
typedef enum { DATA_F32, DATA_F64, DATA_F16, DATA_BF16, DATA_I64, DATA_OTHER } DataElement;

enum { DATA_AXES = 8 };

/* One array.  bytes: count elements, in row-major order unless column_major, little-endian unless big_endian. */
typedef struct DataArray {
    char *name;
    char dtype[24]; /* as the file spells it: "F32", "<f4" */
    DataElement element;
    int big_endian, column_major;
    int rank; /* 0 … DATA_AXES; 0: one number */
    size_t dim[DATA_AXES];
    size_t count; /* the product of dim */
    const unsigned char *bytes;
    size_t size; /* of bytes */
} DataArray;

typedef struct DataArrays {
    DataArray *array; /* sorted by name; no name occurs twice */
    size_t count;
    int own;       /* written by vae-lab: its file says so in its metadata */
    void *content; /* what `bytes` point into, where that is not the caller's memory */
} DataArrays;

void data_arrays_free(DataArrays *arrays);

/* The array of that name, or NULL. */
const DataArray *data_arrays_find(const DataArrays *arrays, const char *name);

/* Appends an array with a copy of its name ([OUT] the array, valid until the next one), NULL with *err. */
DataArray *data_arrays_add(DataArrays *arrays, const char *name, Error *err);

/* Sorts by name; an error (ERR_FILE) where a name occurs twice. */
int data_arrays_sort(DataArrays *arrays, Error *err);

/* [OUT] array->count from rank and dim, and *bytes = count * width.  -1 where a product overflows. */
int data_array_measure(DataArray *array, size_t width, size_t *bytes);

/* The bytes of an element of F32, F64, F16, BF16, I64; 0 for others. */
size_t data_element_size(DataElement element);

/* [OUT] out (count): the elements as float32 in row-major order.  F64 is rounded to nearest; the others are exact.  The
 * element must not be DATA_I64 or DATA_OTHER. */
void data_array_floats(const DataArray *array, float *out);

#endif
