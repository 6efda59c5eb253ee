/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/mem.h: all allocations of the engine, so that a test can make the Nth one fail.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Alignment of mem_alloc's blocks: a cache line, and the widest vector register. */
enum { MEM_ALIGN = 64 };

/* A zeroed block of `bytes` bytes, aligned to MEM_ALIGN; NULL when out of memory.  mem_alloc(0) returns a valid
 * block. */
void *mem_alloc(size_t bytes);

/* `count` zeroed items of `size` bytes; NULL also when the product overflows. */
void *mem_array(size_t count, size_t size);

/* Grows a block from `old_bytes` to `bytes`; new bytes are zero.  NULL on failure, the block unchanged. */
void *mem_grow(void *block, size_t old_bytes, size_t bytes);

/* Room for one more item: `list` itself while count < *capacity, else a larger copy with *capacity updated.  NULL on
 * failure, list and *capacity unchanged.  size: bytes of an item. */
void *mem_room(void *list, size_t count, size_t *capacity, size_t size);

/* A copy of a string; NULL when out of memory. */
char *mem_string(const char *text);

/* Frees a block of any of the functions above, or does nothing for NULL. */
void mem_free(void *block);

/* For tests: makes the `n`th allocation from now (1: the next) and all later ones fail; 0: none. */
void mem_fail_after(long n);

/* The number of allocations so far in this process, for the test that a training step allocates nothing. */
long mem_count(void);

#endif
