/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/shard.c: parts of nearly equal work: runs in descending order of work, each to the part with the least work (Graham,
 * SIAM J. Appl. Math. 17 (1969): at most 4/3 of the best division's largest part).
 */
#include "lab/shard.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct ShardRun {
    double work;
    const char *identity;
    size_t run; /* its place in the sweep */
} ShardRun;

/* Descending work; the identity decides between equals, so that the order of the list does not. */
static int compare(const void *a, const void *b)
{
    const ShardRun *x = a, *y = b;
    return x->work > y->work ? -1 : x->work < y->work ? 1 : strcmp(x->identity, y->identity);
}

static size_t least(const double *load, size_t count)
{
    size_t best = 0;
    for (size_t k = 1; k < count; k++)
        if (load[k] < load[best])
            best = k;
    return best;
}

int lab_shard_parts(const LabRun *runs, const LabEstimate *estimate, size_t n, size_t count, size_t *part, Error *err)
{
    ShardRun *run = mem_array(n, sizeof *run);
    double *load = mem_array(count, sizeof *load);
    size_t divided = 0;
    int status = run == NULL || load == NULL ? error_memory(err, "the parts of the sweep") : 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        part[i] = LAB_EVERY_PART;
        if (runs[i].phase != 0)
            run[divided++] = (ShardRun){estimate[i].work, runs[i].identity, i};
    }
    if (status == 0)
        qsort(run, divided, sizeof *run, compare);
    for (size_t i = 0; i < divided; i++) {
        size_t k = least(load, count);
        load[k] += run[i].work + 1; /* 1: runs without a matrix product are spread too */
        part[run[i].run] = k;
    }
    mem_free(run);
    mem_free(load);
    return status;
}

static void swap(void *a, void *b, void *room, size_t size)
{
    memcpy(room, a, size);
    memcpy(a, b, size);
    memcpy(b, room, size);
}

int lab_shard(LabRun *runs, LabEstimate *estimate, size_t n, const LabShard *shard, size_t *chosen, Error *err)
{
    size_t *part = mem_array(n, sizeof *part), mine = 0;
    *chosen = 0;
    int status = part == NULL ? error_memory(err, "the parts of the sweep")
                              : lab_shard_parts(runs, estimate, n, shard->count, part, err);
    for (size_t i = 0; status == 0 && i < n; i++)
        mine += part[i] == shard->index - 1;
    for (size_t i = 0; mine > 0 && i < n; i++) {
        LabRun run;
        LabEstimate e;
        if (part[i] != shard->index - 1 && part[i] != LAB_EVERY_PART)
            continue;
        swap(&runs[*chosen], &runs[i], &run, sizeof run);
        swap(&estimate[*chosen], &estimate[i], &e, sizeof e);
        ++*chosen;
    }
    mem_free(part);
    return status;
}
