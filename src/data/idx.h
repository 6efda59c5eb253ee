/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/idx.h: reads IDX files of unsigned bytes (images, labels), plain or .gz.  Sizes in a header are checked against
 * the bytes that arrive.
 */
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Idx {
    int rank;            /* 1 (labels) to 4 */
    size_t dim[4];
    uint8_t *bytes;      /* dim[0] * dim[1] * … */
    size_t count;
} Idx;

/* Reads a whole file: PATH, or PATH.gz where PATH does not exist; gzip is recognised by its content.  rank: 1 to 4,
 * or 0 for any. Fails (ERR_FILE) on a missing file, wrong magic, truncated or overlong content, corrupt gzip,
 * impossible sizes: the message gives the byte, what was found and what was expected.  *idx is unchanged on failure. */
int idx_read(Idx *idx, const char *path, int rank, Error *err);
/* The same from a file that is open for reading, which is then closed; messages name it `path`. */
int idx_read_open(Idx *idx, int file, const char *path, int rank, Error *err);
void idx_free(Idx *idx);

#endif
