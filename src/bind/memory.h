/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/memory.h: the memory of a script's Lua state.
 */
#ifndef BIND_MEMORY_H
#define BIND_MEMORY_H

#include "base/error.h"

#include <lua.h>
#include <stddef.h>

/* What Lua has allocated for one state; it must outlive the state. */
typedef struct BindMemory {
    size_t used, limit; /* bytes */
    size_t refused;     /* the size of the last block over the limit, since the last bind_memory_error; 0: none */
} BindMemory;

/* Sets the limit: VAE_LAB_SCRIPT_MEMORY in MiB, 1024 by default.  -1 with *err (ERR_USAGE): no such number. */
int bind_memory_limit(BindMemory *memory, Error *err);

/* An empty Lua state with this memory; NULL when out of memory. */
lua_State *bind_memory_state(BindMemory *memory);

/* For tests: the Nth allocation of Lua from now (1: the next) and all later ones fail; 0: none. */
void bind_memory_fail_after(long n);

/* Fills *err after Lua has reported that an allocation failed: ERR_SCRIPT with the limit, or ERR_MEMORY when the system
 * has no more.  Returns -1. */
int bind_memory_error(lua_State *L, Error *err);

#endif
