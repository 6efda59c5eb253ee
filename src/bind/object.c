/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/object.c: types of userdata, objects of other rooms in Lua, and memory that Lua collects, so that a raise
 * loses nothing.
 */
#include "bind/bind.h"
#include "bind/watch.h"

#include <stdint.h>
#include <string.h>

/* Registry: the list of lent boxes, the list of kept blocks. */
static const char lent_key = 0, kept_key = 0;

void *bind_scratch(lua_State *L, size_t count, size_t size)
{
    if (size > 0 && count > (SIZE_MAX / 2) / size)
        luaL_error(L, "out of memory: %I items of %I bytes", INT(count), INT(size));
    void *block = lua_newuserdatauv(L, count * size + 1, 0);
    memset(block, 0, count * size + 1);
    return block;
}

/* Appends the value at the top to a list of the registry; the value stays. */
static void anchor(lua_State *L, const char *list)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, list) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, list);
    }
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

void *bind_keep(lua_State *L, size_t count, size_t size)
{
    void *block = bind_scratch(L, count, size);
    anchor(L, &kept_key);
    lua_pop(L, 1);
    return block;
}

/* ---- boxes ---- */

BindBox *bind_box_push(lua_State *L, const char *type, int values)
{
    BindBox *box = lua_newuserdatauv(L, sizeof *box, values);
    *box = (BindBox){NULL, 0};
    luaL_setmetatable(L, type);
    return box;
}

void *bind_box_check(lua_State *L, int index, const char *type)
{
    const BindBox *box = luaL_checkudata(L, index, type);
    if (box->object == NULL)
        luaL_argerror(L, index, lua_pushfstring(L, "a closed %s", strrchr(type, '.') + 1));
    return box->object;
}

void bind_box_lend(lua_State *L, const char *type, int values, void *object)
{
    BindBox *box = bind_box_push(L, type, values);
    anchor(L, &lent_key);
    box->object = object;
    box->lent = 1;
}

void bind_boxes_return(lua_State *L)
{
    int top = lua_gettop(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lent_key) == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++, lua_pop(L, 1))
            ((BindBox *)lua_touserdata(L, -1))->object = NULL;
    lua_settop(L, top);
    bind_unregister(L, &lent_key);
}

void bind_unregister(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, key);
    }
    lua_pop(L, 1);
}

/* ---- types and modules ---- */

/* Upvalue 1: a native.  Its time may be excused (watch.h). */
static int call_native(lua_State *L)
{
    bind_watch_native(1);
    int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
    bind_watch_native(0);
    return results;
}

static void set_functions(lua_State *L, const BindFunction *functions)
{
    for (const BindFunction *f = functions; f != NULL && f->name != NULL; f++) {
        lua_pushcfunction(L, f->call);
        lua_pushcclosure(L, call_native, 1);
        lua_setfield(L, -2, f->name);
    }
}

void bind_type(lua_State *L, const char *name, const BindFunction *methods, const luaL_Reg *meta)
{
    luaL_newmetatable(L, name);
    if (methods != NULL) {
        lua_newtable(L);
        set_functions(L, methods);
        lua_setfield(L, -2, "__index");
    }
    luaL_setfuncs(L, meta, 0);
    lua_pushboolean(L, 0); /* getmetatable() gives false: a script cannot call __gc on a live object */
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void bind_module_open(lua_State *L, const BindModule *module)
{
    if (module->type != NULL)
        bind_type(L, module->type, module->methods, module->meta);
    if (module->functions == NULL)
        return;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushfstring(L, "vae_lab.native.%s", module->name);
    lua_newtable(L);
    set_functions(L, module->functions);
    lua_settable(L, -3);
    lua_pop(L, 1);
}
