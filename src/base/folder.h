/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/folder.h: creates folders.
 */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

/* Creates a folder and its parents.  Returns 0, also when it exists; else the errno of the first folder that could not be
 * created, with its path in [OUT] failed[4096]. */
int folder_make(const char *path, char *failed);

#endif
