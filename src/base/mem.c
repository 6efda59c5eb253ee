/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/mem.c: aligned, zeroed blocks, and a counter with which tests make the Nth allocation fail.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of at least LARGE bytes start at a huge page and request huge pages: a training step reads all parameters
 * and gradients several times, and address translation for small pages took 5 % to 10 % of its time. */
enum { LARGE = 1 << 20, HUGE_PAGE = 1 << 21 };

static long allocations;
static long fail_at;

void mem_fail_after(long n)
{
    fail_at = n == 0 ? 0 : allocations + n;
}

long mem_count(void)
{
    return allocations;
}

/* calloc's pointer is stored just before the block. */
static void **whole_of(void *block)
{
    return (void **)block - 1;
}

void *mem_alloc(size_t bytes)
{
    allocations++;
    if (fail_at != 0 && allocations >= fail_at)
        return NULL;
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (bytes + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    if (rounded == 0)
        rounded = MEM_ALIGN;
    size_t align = rounded < LARGE ? MEM_ALIGN : HUGE_PAGE;
    char *whole = calloc(1, align + rounded); /* pages of a large block use memory only when touched */
    if (whole == NULL)
        return NULL;
    char *block = whole + align - (uintptr_t)whole % align;
    *whole_of(block) = whole;
#if defined(MADV_HUGEPAGE)
    if (rounded >= LARGE)
        madvise(block, rounded, MADV_HUGEPAGE); /* only advice: a failure changes nothing */
#endif
    return block;
}

void *mem_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return mem_alloc(count * size);
}

void *mem_grow(void *block, size_t old_bytes, size_t bytes)
{
    void *grown = mem_alloc(bytes);
    if (grown == NULL)
        return NULL;
    if (block != NULL)
        memcpy(grown, block, old_bytes < bytes ? old_bytes : bytes);
    mem_free(block);
    return grown;
}

void *mem_room(void *list, size_t count, size_t *capacity, size_t size)
{
    size_t more = *capacity * 2 + 16;
    if (count < *capacity)
        return list;
    void *grown = mem_grow(list, count * size, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

char *mem_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_alloc(bytes);
    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}

void mem_free(void *block)
{
    if (block != NULL)
        free(*whole_of(block));
}
