/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.h: a loop over jobs, on num_threads() threads when there is enough work.
 *
 * Jobs write to different places, so it does not matter which thread runs which job.  The threads start when they
 * are first needed.  After a loop they spin for about 50 us, then sleep, which leaves a shared machine to others.  A
 * process may fork: the child starts its own threads.  Only one thread of the program may call these functions at a
 * time.
 */
#ifndef NUM_PARALLEL_H
#define NUM_PARALLEL_H

#include <stddef.h>

/* MIN: with fewer elements, threads cost more than they gain.  DRAW: an element that is drawn at random counts as so
 * many.  CHUNK: the elements of a long array that one job takes. */
enum { NUM_PARALLEL_MIN = 16384, NUM_PARALLEL_DRAW = 4, NUM_PARALLEL_CHUNK = 8192 };

/* Job number `index`; `task` is the data that all jobs of a loop share. */
typedef void NumJob(const void *task, size_t index);

/* Runs job(task, 0) … job(task, count - 1), in any order, on all threads; returns when all are done.  A loop inside
 * a job runs on that job's thread alone. */
void num_parallel_jobs(size_t count, NumJob *job, const void *task);

/* The same, but on the calling thread alone when all jobs together have fewer than NUM_PARALLEL_MIN elements of
 * `work`. */
void num_parallel(size_t count, size_t work, NumJob *job, const void *task);

#endif
