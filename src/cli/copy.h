/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/copy.h: --copy: a database on a disk that may be lost, and its copy in another place.
 */
#ifndef CLI_COPY_H
#define CLI_COPY_H

#include "base/error.h"

typedef struct CliCopy {
    const char *file; /* NULL: not given */
    long seconds;     /* 0: not given */
} CliCopy;
extern CliCopy cli_copy;

#define CLI_OPTION_COPY                                                                      \
    {.name = "--copy", .value = "FILE", .text = &cli_copy.file,                             \
     .help = "keep a copy of the database in FILE, which may lie on a network file system:\n"   \
             "renewed while the sweep runs and when it ends; where the database is missing,\n" \
             "it is made from the copy"},                                                    \
    {.name = "--copy-every", .value = "SECONDS", .number = &cli_copy.seconds, .least = 1,   \
     .help = "seconds from one copy to the next (default: 600)"}

/* Before the sweep: restores the database from its copy where it is missing, and says so unless `quiet`. */
int cli_copy_begin(int quiet, Error *err);

/* After it, whose status and *err are given: the last copy.  Returns the status; where the copy fails, -1 with the
 * copy's error, unless a signal has stopped the sweep. */
int cli_copy_end(int status, Error *err);

#endif
