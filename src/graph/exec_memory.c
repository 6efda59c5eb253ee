/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/exec_memory.c: places buffers in one block; buffers whose lifetimes do not overlap may share memory.
 *
 * Greedy: the largest buffer first, each at the lowest offset that is free for its whole lifetime.  Finding the
 * smallest block is NP-hard (dynamic storage allocation).  The lower bound is the memory in use
 * at one time; for networks the greedy block mostly reaches it.
 */
#include "base/mem.h"
#include "graph/exec_internal.h"

#include <string.h>

static int overlap(const ExecLifetime *a, const ExecLifetime *b)
{
    return a->start <= b->end && b->start <= a->end;
}

/* [OUT] order[n]: the indices by size, the largest first, equal sizes by index.  Insertion sort: n is some hundreds. */
static void by_size(const ExecLifetime *life, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && life[order[j - 1]].bytes < life[i].bytes; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

/* The lowest free offset for `one`; placed[n] are the buffers placed so far, sorted by offset. */
static size_t lowest_offset(const ExecLifetime *life, const ExecLifetime *one, const size_t *placed, size_t n,
                            int share)
{
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        const ExecLifetime *other = &life[placed[i]];
        if (share && !overlap(one, other))
            continue;
        if (offset + one->bytes <= other->offset)
            break;
        if (other->offset + other->bytes > offset)
            offset = other->offset + other->bytes;
    }
    return offset;
}

size_t graph_memory_layout(ExecLifetime *life, size_t n, int share, size_t *order)
{
    size_t *placed = order + n;
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        life[i].bytes = (life[i].bytes + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    by_size(life, n, order);
    for (size_t i = 0; i < n && life[order[i]].bytes > 0; i++) {
        ExecLifetime *one = &life[order[i]];
        one->offset = lowest_offset(life, one, placed, i, share);
        if (one->offset + one->bytes > total)
            total = one->offset + one->bytes;
        size_t j = i;
        for (; j > 0 && life[placed[j - 1]].offset > one->offset; j--)
            placed[j] = placed[j - 1];
        placed[j] = order[i];
    }
    return total;
}
