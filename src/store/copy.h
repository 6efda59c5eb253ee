/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/copy.h: a database as one file in another place, for a record that must survive the loss of its disk.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "base/error.h"

#include <signal.h>

/* Copies the database to `file`: to a temporary file beside it, front to back and without locks, so that it may lie on
 * a network file system; then synced and renamed.  A reader sees the old copy or the whole new one, which has no
 * write-ahead log.  Writers of the database go on meanwhile where it keeps a write-ahead log.  stop: where *stop becomes
 * other than 0, copying ends (ERR_SIGNAL); or NULL.  On failure the old copy is there. */
int store_copy(const char *database, const char *file, const volatile sig_atomic_t *stop, Error *err);

typedef enum {
    STORE_COPY_NONE,     /* there is no copy: [OUT] its folder is there */
    STORE_COPY_KEPT,     /* the database is there, and holds all that the copy holds */
    STORE_COPY_RESTORED, /* the database was missing or empty, and was made from the copy */
} StoreCopyState;

/* Prepares a database that will be copied to `file`.  A copy that holds runs, or epochs of them, that an existing
 * database lacks is refused: the next copy would lose them.  Runs that a process held when the copy was made are
 * `crashed` in the restored database, which that process does not write. */
int store_copy_prepare(const char *database, const char *file, StoreCopyState *state, Error *err);

#endif
