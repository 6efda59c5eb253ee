/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/plot.c: figures from Lua.  All memory is Lua's, so that a raise loses nothing.
 */
#include "bind/array.h"
#include "bind/bind.h"
#include "plot/plot.h"

#include <string.h>

enum { BLOCKS_MAX = 4096 };

static const Option block_rows[] = {
    {OPTION(PlotBlock, name), .type = OPTION_STRING, .required = 1,
     .text = "the body reads it as the variable data_NAME"},
    {.name = "text", .type = OPTION_TABLE, .text = "a string: columns of numbers"},
    {.name = "array", .type = OPTION_TABLE, .text = "an array, written as float32"},
    {.name = "blob", .type = OPTION_TABLE, .text = "a string: float32, little-endian, as array:blob() gives it"},
};
static const BindOptions block_options = {"a block of plot.render", {BIND_ROWS(block_rows, 0)}};

/* Fills one block from the table at the top of the stack; what it points to stays on the stack above it. */
static void block_from(lua_State *L, PlotBlock *block)
{
    int table = lua_gettop(L);
    bind_options(L, table, &block_options, block);
    if (lua_getfield(L, table, "text") == LUA_TSTRING) {
        block->bytes = lua_tolstring(L, -1, &block->size);
    } else if (lua_getfield(L, table, "blob") == LUA_TSTRING) {
        block->bytes = lua_tolstring(L, -1, &block->size);
        block->binary = 1;
    } else if (lua_getfield(L, table, "array") != LUA_TNIL) {
        block->bytes = bind_array_blob(L, bind_array_check(L, -1), &block->size);
        block->binary = 1;
    } else {
        luaL_error(L, "block %s of a figure has neither text nor array nor blob", block->name);
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
        luaL_error(L, "a figure has %d blocks; at most %d are allowed", (int)n, BLOCKS_MAX);
    PlotBlock *blocks = bind_scratch(L, n, sizeof *blocks);
    luaL_checkstack(L, (int)n * 6 + 20, "too many blocks in a figure");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        block_from(L, &blocks[i]);
    }
    *count = n;
    return blocks;
}

typedef struct RenderCall {
    PlotFigure figure;
    const char *const *formats;
} RenderCall;

static const Option render_rows[] = {
    {OPTION(PlotFigure, folder), .type = OPTION_STRING, .required = 1,
     .text = "of the files; it is made where it is missing"},
    {OPTION(PlotFigure, name), .type = OPTION_STRING, .required = 1, .text = "of the files: NAME.pdf, NAME.gp …"},
    {.name = "width", .offset = offsetof(PlotFigure, width_cm), .type = OPTION_NUMBER, .required = 1, .text = "in cm"},
    {.name = "height", .offset = offsetof(PlotFigure, height_cm), .type = OPTION_NUMBER, .required = 1,
     .text = "in cm"},
    {OPTION(PlotFigure, body), .type = OPTION_STRING, .required = 1,
     .text = "gnuplot commands, without terminal and output"},
    {OPTION(RenderCall, formats), .type = OPTION_STRINGS, .required = 1, .text = "pdf, png, svg, tex"},
    {.name = "blocks", .type = OPTION_TABLE, .text = "a list of data blocks, see below"},
};
static const BindOptions render_options = {"plot.render", {BIND_ROWS(render_rows, 0)}};

static int render(lua_State *L)
{
    RenderCall call = {0};
    Error err = ERROR_NONE;
    lua_settop(L, 1);
    bind_options(L, 1, &render_options, &call);
    call.figure.blocks = blocks_from(L, 1, &call.figure.nblocks);
    for (size_t i = 0; call.formats[i] != NULL; i++)
        if (plot_render(&call.figure, call.formats[i], &err) != 0)
            bind_raise(L, &err);
    return 0;
}

static int quote(lua_State *L)
{
    const char *string = luaL_checkstring(L, 1);
    luaL_Buffer b;
    Text t = {0};
    plot_quote(&t, string);
    size_t length = t.length;
    int failed = t.failed;
    text_free(&t); /* before anything that may raise; a second pass fills the buffer, once its size is known */
    if (failed)
        return luaL_error(L, "plot.quote: out of memory");
    char *space = luaL_buffinitsize(L, &b, length);
    plot_quote(&t, string);
    failed = t.failed;
    if (!failed)
        memcpy(space, text_string(&t), length);
    text_free(&t);
    if (failed)
        return luaL_error(L, "plot.quote: out of memory");
    luaL_pushresultsize(&b, length);
    return 1;
}

static const BindFunction functions[] = {
    {"render", render, "(options)",
     "draws a figure in each format; on failure an older file stays as it was", &render_options},
    {"quote", quote, "(string) → string", "any text as a gnuplot string", NULL},
    {0},
};

static const BindOptions *const tables[] = {&block_options, NULL};

const BindModule bind_plot_module = {.name = "plot",
 .text = "Figures through gnuplot.", .functions = functions, .tables = tables};
