/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/file.h: whole files: read into memory, and written so that a reader sees the old file or the whole new one.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

/* [OUT] *bytes (mem_free) and *size: the content of a file, at most `most` bytes.  -1 with *err (ERR_FILE): it cannot
 * be read, it is a folder or a device, it is larger. */
int file_read(const char *path, size_t most, void **bytes, size_t *size, Error *err);

/* Writes a file: a temporary file beside it, fsync, rename.  On failure (ERR_FILE) the old file, or none, is there.
 * replace: whether an existing file is replaced; else it is refused, also when it appears while this one is written. */
int file_write(const char *path, const void *bytes, size_t size, int replace, Error *err);

/* For a caller that writes the file by other means: [OUT] *temporary (mem_free): the name of a new, empty file beside
 * `path`.  -1 with *err, as file_write. */
int file_temporary(const char *path, int replace, char **temporary, Error *err);

/* Syncs the temporary file and gives it its name; on failure removes it. */
int file_place(const char *temporary, const char *path, int replace, Error *err);

#endif
