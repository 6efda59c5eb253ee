/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/npz.h: NumPy's files of arrays: .npz is a zip archive of .npy files, one an array.
 *
 * A .npy file (numpy.lib.format): "\x93NUMPY", the version, the length of the header, the header as a Python dictionary
 * { 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, then the elements.
 */
#ifndef DATA_NPZ_H
#define DATA_NPZ_H

#include "base/text.h"
#include "data/arrays.h"

/* Reads one .npy file of version 1 to 3; *array keeps its name, and its bytes point into the file's.  Python objects
 * (pickle) are refused.  -1 with *err (ERR_FILE). */
int npy_read(DataArray *array, const void *bytes, size_t size, Error *err);

/* Adds what stands before the elements of a .npy file of version 1.0, a multiple of 64 bytes: of an array of type F32,
 * F64 or I64, little-endian, in row-major order. */
void npy_header(Text *out, const DataArray *array);

/* Reads a whole .npz file; nothing in it is trusted.  An array has the name of its file without ".npy".  Refused with
 * *err (ERR_FILE): damaged or encrypted archives, other files in them, archives that unpack to more than NPZ_CONTENT
 * bytes or to far more than they pack. */
enum { NPZ_CONTENT = 1 << 30 };
int npz_read(DataArrays *arrays, const void *bytes, size_t size, Error *err);

/* Adds a whole .npz file to `out`: stored, without dates, so that equal arrays give equal bytes.  The arrays hold
 * little-endian elements in row-major order, of type F32, F64 or I64. */
int npz_write(Text *out, const DataArrays *arrays, Error *err);

#endif
