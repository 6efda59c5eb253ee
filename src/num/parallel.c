/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/parallel.c: the parallel loop of the vector functions.
 */
#include "num/parallel.h"

#include "num/isa.h"

void num_parallel(size_t count, size_t work, NumJob *job, const void *task)
{
    int threads = num_threads();
    if (threads > 1 && work >= NUM_PARALLEL_MIN && count > 1) {
#pragma omp parallel for schedule(static) num_threads(threads)
        for (size_t i = 0; i < count; i++)
            job(task, i);
    } else {
        for (size_t i = 0; i < count; i++)
            job(task, i);
    }
}
