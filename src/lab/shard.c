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

/* [OUT] mine[n]: whether this part has the run.  Returns how many it has, without those of phase 0. */
static size_t assign(ShardRun *run, size_t n, double *load, const LabShard *shard, char *mine)
{
    size_t chosen = 0;
    qsort(run, n, sizeof *run, compare);
    for (size_t i = 0; i < n; i++) {
        size_t part = least(load, shard->count);
        load[part] += run[i].work + 1; /* 1: runs without a matrix product are spread too */
        mine[run[i].run] = part == shard->index - 1;
        chosen += mine[run[i].run];
    }
    return chosen;
}

static void swap(void *a, void *b, void *room, size_t size)
{
    memcpy(room, a, size);
    memcpy(a, b, size);
    memcpy(b, room, size);
}

/* Runs that are not chosen move behind the others, and stay in the array: its owner frees them. */
static size_t move_to_front(LabRun *runs, LabEstimate *estimate, size_t n, const char *mine)
{
    size_t front = 0;
    for (size_t i = 0; i < n; i++) {
        LabRun run;
        LabEstimate e;
        if (!mine[i])
            continue;
        swap(&runs[front], &runs[i], &run, sizeof run);
        swap(&estimate[front], &estimate[i], &e, sizeof e);
        front++;
    }
    return front;
}

int lab_shard(LabRun *runs, LabEstimate *estimate, size_t n, const LabShard *shard, size_t *chosen, Error *err)
{
    ShardRun *divided = mem_array(n, sizeof *divided);
    double *load = mem_array(shard->count, sizeof *load);
    char *mine = mem_array(n, 1);
    size_t ndivided = 0;
    int status = divided == NULL || load == NULL || mine == NULL ? error_memory(err, "a part of the sweep") : 0;
    for (size_t i = 0; status == 0 && i < n; i++)
        if (runs[i].phase != 0)
            divided[ndivided++] = (ShardRun){estimate[i].work, runs[i].identity, i};
    if (status == 0 && assign(divided, ndivided, load, shard, mine) > 0)
        for (size_t i = 0; i < n; i++)
            mine[i] |= runs[i].phase == 0;
    if (status == 0)
        *chosen = move_to_front(runs, estimate, n, mine);
    mem_free(divided);
    mem_free(load);
    mem_free(mine);
    return status;
}
