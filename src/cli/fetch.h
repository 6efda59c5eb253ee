/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/fetch.h: `vae-lab data fetch` and `vae-lab data import`.
 */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "base/error.h"

/* Fetches a data set: its files to standard output, progress (on a terminal) and notes to standard error.  from: an
 * address, or NULL; stall: seconds, or 0.  The first signal stops it with ERR_SIGNAL; what arrived is kept. */
int cli_fetch(const char *name, const char *dir, const char *from, long stall, Error *err);

/* `vae-lab data import`: copies the files of a set, or with NULL of every set that is there, from a folder. */
int cli_import_data(const char *folder, const char *name, const char *dir, Error *err);

#endif
