/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/environment.h: the machine and the program that a run was computed with.
 */
#ifndef LAB_ENVIRONMENT_H
#define LAB_ENVIRONMENT_H

#include "store/store.h"

enum { LAB_ENVIRONMENT_MAX = 32 };

/* [OUT] host, processor, instruction set, threads, the build, versions, in the order of their names.  Returns how many.
 * The texts stay valid until the next call. */
size_t lab_environment(StoreParam entries[LAB_ENVIRONMENT_MAX], int threads);

#endif
