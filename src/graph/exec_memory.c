/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_memory.c: places buffers in one block; those whose lives do not overlap may share memory.
 *
 * Greedy: the largest first, each at the lowest place that is free for its whole life.  Finding the least block is
 * NP-hard (dynamic storage allocation); what a network needs at once is mostly the least that this can reach.
 */
#include "base/mem.h"
#include "graph/exec_internal.h"

#include <string.h>

static int meet(const Life *a, const Life *b)
{
    return a->start <= b->end && b->start <= a->end;
}

/* order[n] = the indices by size, the largest first, equals by index: insertion, for n is some hundreds. */
static void by_size(const Life *life, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && life[order[j - 1]].bytes < life[i].bytes; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

/* The lowest free place for `one` among those placed so far, which are sorted by offset. */
static size_t place(const Life *life, const Life *one, const size_t *placed, size_t n, int share)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        const Life *other = &life[placed[i]];
        if (share && !meet(one, other))
            continue;
        if (offset + one->bytes <= other->offset)
            break;
        if (other->offset + other->bytes > offset)
            offset = other->offset + other->bytes;
    }
    return offset;
}

size_t graph_memory_layout(Life *life, size_t n, int share, size_t *order)
{
    size_t *placed = order + n;
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        life[i].bytes = (life[i].bytes + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    by_size(life, n, order);
    for (size_t i = 0; i < n && life[order[i]].bytes > 0; i++) {
        Life *one = &life[order[i]];
        one->offset = place(life, one, placed, i, share);
        if (one->offset + one->bytes > total)
            total = one->offset + one->bytes;
        size_t j = i;
        for (; j > 0 && life[placed[j - 1]].offset > one->offset; j--)
            placed[j] = placed[j - 1];
        placed[j] = order[i];
    }
    return total;
}
