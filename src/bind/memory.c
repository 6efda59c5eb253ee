/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/memory.c: Lua's allocator: it counts the bytes of a script and refuses more than a limit, so that a script that
 * grows without end is stopped by an error and not by the system.
 */
#include "bind/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MIB = 1 << 20, DEFAULT_MIB = 1024, LEAST_MIB = 8, MOST_MIB = 1 << 24 };

static long fail_after; /* 0: none */

void bind_memory_fail_after(long n)
{
    fail_after = n;
}

/* Whether this allocation is one of those that shall fail: the one that was counted down to, and all later ones. */
static int shall_fail(void)
{
    if (fail_after > 1)
        fail_after--;
    else if (fail_after == 1)
        fail_after = -1;
    return fail_after < 0;
}

static void *allocate(void *context, void *block, size_t old, size_t size)
{
    BindMemory *m = context;
    if (block == NULL)
        old = 0; /* then it is the kind of the object */
    if (size == 0) {
        free(block);
        m->used -= old;
        return NULL;
    }
    if (size > old && (size - old > m->limit - m->used || shall_fail())) {
        m->refused = size;
        return NULL;
    }
    void *grown = realloc(block, size);
    if (grown == NULL)
        return size <= old ? block : NULL; /* Lua relies on it that a block can shrink */
    m->used += size - old; /* wraps as it should when size < old */
    return grown;
}

/* An error outside bind_call, which the rules of this room exclude; Lua ends the process after it. */
static int panic(lua_State *L)
{
    static const char text[] = "vae-lab: a Lua error outside a protected call; please report this\n";
    (void)L;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    return 0;
}

int bind_memory_limit(BindMemory *memory, Error *err)
{
    const char *text = getenv("VAE_LAB_SCRIPT_MEMORY");
    long mib = DEFAULT_MIB;
    char *end;
    if (text != NULL && text[0] != '\0') {
        errno = 0;
        mib = strtol(text, &end, 10);
        if (errno != 0 || *end != '\0' || mib < LEAST_MIB || mib > MOST_MIB) {
            error_set(err, ERR_USAGE, "VAE_LAB_SCRIPT_MEMORY is not a number of MiB");
            error_found(err, "%s", text);
            return error_expected(err, "a whole number of at least %d and at most %d", LEAST_MIB, MOST_MIB);
        }
    }
    *memory = (BindMemory){.limit = (size_t)mib * MIB};
    return 0;
}

lua_State *bind_memory_state(BindMemory *memory)
{
    lua_State *L = lua_newstate(allocate, memory);
    if (L != NULL)
        lua_atpanic(L, panic);
    return L;
}

int bind_memory_error(lua_State *L, Error *err)
{
    void *context;
    lua_getallocf(L, &context);
    BindMemory *m = context;
    if (!m->refused)
        return error_memory(err, "the script");
    size_t refused = m->refused;
    m->refused = 0;
    size_t mib = m->limit / MIB;
    error_set(err, ERR_SCRIPT, "the script needs more memory than its limit");
    error_found(err, "not enough memory: %zu MiB in use, a block of %zu bytes asked for", m->used / MIB, refused);
    error_expected(err, "at most %zu MiB", mib);
    return error_hint(err, "does a loop grow a string or a table?  VAE_LAB_SCRIPT_MEMORY=%zu allows %zu MiB", 2 * mib,
                      2 * mib);
}
