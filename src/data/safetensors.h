/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/safetensors.h: files of arrays in the format safetensors (github.com/huggingface/safetensors): 8 bytes that hold
 * the length of the header (little-endian), the header in JSON, then the arrays' bytes.
 *
 *   { "__metadata__": { "name": "text" }, "NAME": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] } }
 *
 * data_offsets count from the end of the header; the arrays cover all bytes without a gap.
 */
#ifndef DATA_SAFETENSORS_H
#define DATA_SAFETENSORS_H

#include "base/text.h"
#include "data/arrays.h"

/* Reads the bytes of a whole file, which must outlive *arrays; nothing in them is trusted.  -1 with *err (ERR_FILE):
 * what is wrong and at which array. */
int safetensors_read(DataArrays *arrays, const void *bytes, size_t size, Error *err);

/* A text of the header's __metadata__. */
typedef struct SafetensorsText {
    const char *name, *text;
} SafetensorsText;

/* Adds a whole file to `out`.  The arrays hold little-endian elements in row-major order, of a type that this format
 * has (F32, F64, I64). */
int safetensors_write(Text *out, const DataArrays *arrays, const SafetensorsText *metadata, size_t nmetadata,
                      Error *err);

#endif
