/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa.h: the instruction set of the kernels and the number of threads.  Neither changes a bit of any result.
 */
#ifndef NUM_ISA_H
#define NUM_ISA_H

#include "base/error.h"

/* The arithmetic that every kernel implements (docs/arithmetic.md); part of a run's identity. */
#define NUM_ARITHMETIC_VERSION 1

/* Chooses the kernels: "avx512", "avx2" or "generic" on x86-64, "neon" or "generic" on Arm.  NULL takes the value of
 * VAE_LAB_ISA or, where that is not set, the best set of this processor, which is also in use before the first call.
 * Fails with ERR_USAGE for a name that is unknown or that this processor lacks; the choice is then unchanged. */
int num_isa_choose(const char *name, Error *err);

/* The name of the kernels in use. */
const char *num_isa_name(void);

/* The instruction sets of this processor, best first, ended by NULL. */
const char *const *num_isa_available(void);

/* Threads for large operations, at least 1.  Threads divide outputs, never a sum.  They start when they are first
 * needed; a process may fork afterwards. */
void num_threads_set(int threads);
int num_threads(void);

#endif
