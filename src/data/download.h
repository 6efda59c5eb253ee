/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/download.h: one file over http or https, with libcurl; only this room uses it.
 *
 * The bytes arrive in a part file, which stays when a transfer is cut or stopped: the next one asks the server for the
 * rest (Range) and starts again from the first byte where the server does not answer with just that.  The caller checks
 * the content, and renames the file.
 */
#ifndef DATA_DOWNLOAD_H
#define DATA_DOWNLOAD_H

#include "base/error.h"

#include <stdint.h>

enum { DOWNLOAD_STALL = 30 }; /* seconds */

typedef struct Download {
    const char *url, *part;
    uint64_t most;  /* more bytes than this are refused */
    long stall;     /* seconds without a byte after which it is given up; 0: DOWNLOAD_STALL */
    /* called at least once a second while it works: bytes that are here, of all (0: unknown); non-zero stops it */
    int (*progress)(void *context, uint64_t here, uint64_t all);
    void *context;
} Download;

typedef enum {
    DOWNLOAD_DONE,
    DOWNLOAD_FAILED,  /* this address: another one may have the file */
    DOWNLOAD_LOCAL,   /* this machine, such as a full disk: another address will not help */
    DOWNLOAD_STOPPED, /* by progress */
} DownloadResult;

/* [OUT] *resumed: bytes of an earlier transfer that were kept.  Fills *err (ERR_FILE) unless done. */
DownloadResult download(const Download *d, uint64_t *resumed, Error *err);

#endif
