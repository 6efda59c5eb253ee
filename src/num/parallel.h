/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.h: one loop over jobs, on num_threads() threads when the work is worth it.
 *
 * Jobs write to different places: which thread does which changes nothing.  The threads are started when they are first
 * needed and wait for the next loop: a moment awake, then asleep, so that a machine which others share is left to them.
 * A process may fork: the child starts threads of its own.  One thread of the program at a time calls these.
 */
#ifndef NUM_PARALLEL_H
#define NUM_PARALLEL_H

#include <stddef.h>

/* Elements below which sharing the work costs more than it gains, what an element weighs that is drawn at random, and a
 * job's share of a long array. */
enum { NUM_PARALLEL_MIN = 16384, NUM_PARALLEL_DRAW = 4, NUM_PARALLEL_CHUNK = 8192 };

/* One job: `task` is what all share. */
typedef void NumJob(const void *task, size_t index);

/* Runs job(task, 0) … job(task, count - 1), in any order, on all threads; returns when all are done.  A job that calls
 * this runs its own loop alone. */
void num_parallel_jobs(size_t count, NumJob *job, const void *task);

/* The same; with less than NUM_PARALLEL_MIN elements of `work` in all, on the calling thread. */
void num_parallel(size_t count, size_t work, NumJob *job, const void *task);

#endif
