/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa.h: which instruction set the kernels use, and on how many threads.  Neither changes a bit of any result.
 */
#ifndef NUM_ISA_H
#define NUM_ISA_H

#include "base/error.h"

/* The arithmetic that every kernel implements (DESIGN.md, section 4); part of a run's identity. */
#define NUM_ARITHMETIC_VERSION 1

/* Chooses the kernels: `name` is "avx512", "avx2", "generic" (x86-64) or "neon", "generic" (Arm); NULL asks
 * VAE_LAB_ISA, and without that takes the best that this processor has.  Fails (ERR_USAGE) for a name that is unknown
 * or that this processor lacks, the choice unchanged.  Before the first call the best one is in use. */
int num_isa_choose(const char *name, Error *err);

/* The name of the kernels in use. */
const char *num_isa_name(void);

/* The names that this processor can run, best first, ended by NULL. */
const char *const *num_isa_available(void);

/* Threads for large operations, at least 1.  Threads divide outputs, never a sum.  They are started
 * when they are first needed; a process that forks may have used them before. */
void num_threads_set(int threads);
int num_threads(void);

#endif
