/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/folder.c: creates folders.
 */
#include "base/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int folder_make(const char *path, char *failed)
{
    struct stat st;
    if (snprintf(failed, 4096, "%s", path) >= 4096)
        return ENAMETOOLONG;
    for (char *at = failed + 1; failed[0] != '\0'; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        int code = mkdir(failed, 0777) != 0 && errno != EEXIST ? errno : 0;
        /* on a read-only file system mkdir of an existing folder fails with EROFS, not EEXIST */
        if (code != 0 && stat(failed, &st) != 0)
            return code;
        if (kept == '\0')
            return 0;
        *at = kept;
    }
    return ENOENT;
}
