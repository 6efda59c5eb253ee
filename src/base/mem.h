/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/mem.h: memory.  Every allocation of the engine goes through here, so that a test can fail the Nth one.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Alignment of mem_alloc's blocks: a cache line, and the widest vector register. */
enum { MEM_ALIGN = 64 };

/* A zeroed block of `bytes` bytes, aligned to MEM_ALIGN; NULL when there is no memory.  mem_alloc(0) is a valid block. */
void *mem_alloc(size_t bytes);

/* `count` zeroed items of `size` bytes; NULL also when the product overflows. */
void *mem_array(size_t count, size_t size);

/* Grows a block from `old_bytes` to `bytes`; new bytes are zero.  NULL on failure, the block unchanged. */
void *mem_grow(void *block, size_t old_bytes, size_t bytes);

/* A copy of a string; NULL when there is no memory. */
char *mem_string(const char *text);

/* Frees a block of any of the above; NULL is harmless. */
void mem_free(void *block);

/* Makes the `n`th allocation from now (1 is the next) and every later one fail; 0 turns that off.  For tests. */
void mem_fail_after(long n);

/* Allocations made so far in this process: a test shows with it that a training step makes none. */
long mem_count(void);

#endif
