/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/object.c: types of userdata, and memory that Lua collects, so that a raise loses nothing.
 */
#include "bind/bind.h"

#include <stdint.h>
#include <string.h>

void *bind_scratch(lua_State *L, size_t count, size_t size)
{
    if (size > 0 && count > (SIZE_MAX / 2) / size)
        luaL_error(L, "out of memory: %I items of %I bytes", (LUAI_UACINT)count, (LUAI_UACINT)size);
    void *block = lua_newuserdatauv(L, count * size + 1, 0);
    memset(block, 0, count * size + 1);
    return block;
}

void bind_type(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
    luaL_newmetatable(L, name);
    if (methods != NULL) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    if (meta != NULL)
        luaL_setfuncs(L, meta, 0);
    lua_pushboolean(L, 0); /* getmetatable() gives false: a script cannot call __gc on a live object */
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
