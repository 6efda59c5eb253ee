/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/folder.h: making folders.
 */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

/* Makes a folder and those above it.  Returns 0, also where it exists, or the errno of the first that could not be made, and its
 * path in failed[4096]. */
int folder_make(const char *path, char *failed);

#endif
