/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/startup.h: puts right what a process inherits from its parent or from a preloaded library.
 */
#ifndef BASE_STARTUP_H
#define BASE_STARTUP_H

#include "base/error.h"

/* To be called first in main.  Descriptors 0, 1 and 2 that are closed are reserved, so that no file gets their number;
 * no signal is blocked; a closed pipe and a full disk fail a write and do not end the process; ended children are waited
 * for; the locale of this thread is C with UTF-8 text, whatever a library sets for the whole process; the stack is at
 * least STARTUP_STACK where the limits allow it.  -1 with *err (ERR_RUN): they do not. */
int startup(Error *err);

/* The least stack of this program's threads, in bytes.  Measured: 128 KiB are too few, 256 KiB enough. */
enum { STARTUP_STACK = 1 << 20 };

#endif
