/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/plot.c: vae_lab.native.plot, figures from Lua.
 *
 *     plot.render{folder=, name=, width=, height=, body=, blocks={{name=, text= | array= | blob=}, …}, formats={"pdf", …}}
 *     plot.quote(string)      any text as a gnuplot string
 *     plot.version()          "5.4 patchlevel 4", or nil: not installed
 *
 * Sizes in cm.  A block is a text (columns), an array, or a blob: float32, little-endian, as array:blob() and the artifacts are.
 * All memory is Lua's, so that an error anywhere loses nothing.
 */
#include "bind/array.h"
#include "bind/bind.h"
#include "plot/plot.h"

#include <stdint.h>
#include <string.h>

enum { BLOCKS_MAX = 4096 };

/* The array at the top of the stack as little-endian float32; the bytes are a userdata, left on the stack. */
static const void *array_bytes(lua_State *L, size_t *size)
{
    const BindArray *array = bind_array_check(L, -1);
    size_t count = array->rows * array->cols;
    unsigned char *bytes = bind_scratch(L, count, 4);
    for (size_t i = 0; i < count; i++) {
        float value = (float)array->data[i];
        uint32_t word;
        memcpy(&word, &value, sizeof word);
        for (int b = 0; b < 4; b++)
            bytes[4 * i + (size_t)b] = (unsigned char)(word >> (8 * b));
    }
    *size = count * 4;
    return bytes;
}

/* Fills one block from the table at the top of the stack; what it points to stays on the stack above it. */
static void block_from(lua_State *L, PlotBlock *block)
{
    static const char *const keys[] = {"name", "text", "array", "blob", NULL};
    int table = lua_gettop(L);
    luaL_checktype(L, table, LUA_TTABLE);
    bind_keys(L, table, "a block", keys);
    block->name = bind_string_needed(L, table, "name");
    if (lua_getfield(L, table, "text") == LUA_TSTRING) {
        block->bytes = lua_tolstring(L, -1, &block->size);
    } else if (lua_getfield(L, table, "blob") == LUA_TSTRING) {
        block->bytes = lua_tolstring(L, -1, &block->size);
        block->binary = 1;
    } else if (lua_getfield(L, table, "array") != LUA_TNIL) {
        block->bytes = array_bytes(L, &block->size);
        block->binary = 1;
    } else {
        luaL_error(L, "plot: block %s has neither text nor array nor blob", block->name);
    }
}

/* Leaves every block's values on the stack, so that its pointers stay good. */
static PlotBlock *blocks_from(lua_State *L, int table, size_t *count)
{
    *count = 0;
    if (lua_getfield(L, table, "blocks") == LUA_TNIL)
        return NULL;
    int list = lua_gettop(L);
    luaL_checktype(L, list, LUA_TTABLE);
    size_t n = lua_rawlen(L, list);
    if (n > BLOCKS_MAX)
        luaL_error(L, "plot: a figure of %d blocks; at most %d", (int)n, BLOCKS_MAX);
    PlotBlock *blocks = bind_scratch(L, n, sizeof *blocks);
    luaL_checkstack(L, (int)n * 6 + 20, "too many blocks in a figure");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        block_from(L, &blocks[i]);
    }
    *count = n;
    return blocks;
}

static double size_needed(lua_State *L, const char *key)
{
    if (lua_getfield(L, 1, key) != LUA_TNUMBER)
        bind_wrong(L, key, -1, "a number of centimetres");
    lua_pop(L, 1);
    return bind_number(L, 1, key, 0);
}

static int render(lua_State *L)
{
    static const char *const keys[] = {"folder", "name", "width", "height", "body", "blocks", "formats", NULL};
    Error err = ERROR_NONE;
    PlotFigure figure = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    bind_keys(L, 1, "plot.render", keys);
    figure.folder = bind_string_needed(L, 1, "folder");
    figure.name = bind_string_needed(L, 1, "name");
    figure.body = bind_string_needed(L, 1, "body");
    figure.width_cm = size_needed(L, "width");
    figure.height_cm = size_needed(L, "height");
    figure.blocks = blocks_from(L, 1, &figure.nblocks);
    if (lua_getfield(L, 1, "formats") != LUA_TTABLE)
        return bind_wrong(L, "formats", -1, "a list of pdf, png, svg, tex");
    int formats = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, formats);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, formats, i) != LUA_TSTRING)
            return bind_wrong(L, "formats", -1, "a list of pdf, png, svg, tex");
        double pause = bind_watch_pause();
        int status = plot_render(&figure, lua_tostring(L, -1), &err);
        bind_watch_resume(L, pause);
        if (status != 0)
            return bind_raise(L, &err);
        lua_pop(L, 1);
    }
    return 0;
}

static int quote(lua_State *L)
{
    const char *string = luaL_checkstring(L, 1);
    luaL_Buffer b;
    Text t = {0};
    plot_quote(&t, string);
    if (t.failed || t.length > LUAL_BUFFERSIZE) {
        text_free(&t);
        return luaL_error(L, "plot.quote: the text is too long");
    }
    luaL_buffinit(L, &b); /* its own room holds the text: nothing is allocated, hence nothing raised, while t is owned */
    luaL_addlstring(&b, text_string(&t), t.length);
    text_free(&t);
    luaL_pushresult(&b);
    return 1;
}

static int version(lua_State *L)
{
    char text[64];
    if (plot_version(text, sizeof text) != 0)
        return 0;
    lua_pushstring(L, text);
    return 1;
}

static const luaL_Reg functions[] = {{"render", render}, {"quote", quote}, {"version", version}, {NULL, NULL}};

int bind_plot_open(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
