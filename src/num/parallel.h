/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.h: one loop over jobs, on num_threads() threads when the work is worth it.  Internal to num/.
 *
 * With one thread no parallel region is entered, so that a process may fork afterwards.  Jobs write to different places:
 * which thread does which changes nothing.
 */
#ifndef NUM_PARALLEL_H
#define NUM_PARALLEL_H

#include <stddef.h>

/* Elements below which starting threads costs more than it gains, and a job's share of a long array. */
enum { NUM_PARALLEL_MIN = 32768, NUM_PARALLEL_CHUNK = 8192 };

/* One job: `task` is what all share. */
typedef void NumJob(const void *task, size_t index);

/* Runs job(task, 0) … job(task, count - 1), in any order; `work` is the number of elements in all. */
void num_parallel(size_t count, size_t work, NumJob *job, const void *task);

#endif
