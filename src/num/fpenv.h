/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/fpenv.h: the floating-point environment of arithmetic version 1: round to nearest, denormals kept (neither flush
 * to zero nor denormals as zero), all exceptions masked.
 *
 * A thread inherits it from its creator, a process from its parent, and any library may change it: a preloaded one
 * before main, one that is called in between later.  Code that computes numbers therefore sets it at its beginning and
 * checks it at its end; a pair costs about 20 ns.
 */
#ifndef NUM_FPENV_H
#define NUM_FPENV_H

#include "base/error.h"

/* Sets the environment of this thread.  To be called once, first of all in main: num_fpenv_found then tells what it
 * replaced. */
void num_fpenv_start(void);

/* What num_fpenv_start found: "flush to zero, rounding upward"; NULL when it was right. */
const char *num_fpenv_found(void);

/* Sets the environment of this thread. */
void num_fpenv_set(void);

/* -1 with *err (ERR_RUN) when the environment of this thread is not the one that num_fpenv_set set, or when a thread of
 * the pool (num/parallel.h) computed in another one since the last check.  The environment is then set again. */
int num_fpenv_check(Error *err);

/* For a thread of the pool after its jobs: notes for the next check that its environment has changed. */
void num_fpenv_note_change(void);

#endif
