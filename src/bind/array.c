/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/array.c: arrays of doubles for Lua, from and to tables and float32 blobs.  Rows and columns count from 1.
 */
#include "bind/array.h"

#include "bind/bind.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

BindArray *bind_array_new(lua_State *L, size_t rows, size_t cols)
{
    if (cols > 0 && rows > (SIZE_MAX / 4 / sizeof(double)) / cols)
        luaL_error(L, "an array of %I rows and %I columns does not fit into memory", INT(rows), INT(cols));
    size_t bytes = sizeof(BindArray) + rows * cols * sizeof(double);
    BindArray *a = lua_newuserdatauv(L, bytes, 0);
    memset(a, 0, bytes);
    a->rows = rows;
    a->cols = cols;
    luaL_setmetatable(L, BIND_ARRAY);
    return a;
}

BindArray *bind_array_from_floats(lua_State *L, size_t rows, size_t cols, const float *x)
{
    BindArray *a = bind_array_new(L, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        a->data[i] = x[i];
    return a;
}

BindArray *bind_array_check(lua_State *L, int index)
{
    return luaL_checkudata(L, index, BIND_ARRAY);
}

void bind_array_shape(lua_State *L, const char *name, const BindArray *a, size_t rows, size_t cols)
{
    if (a->rows != rows || a->cols != cols)
        luaL_error(L, "%s is (%I, %I), expected (%I, %I)", name, INT(a->rows), INT(a->cols), INT(rows), INT(cols));
}

void bind_list(lua_State *L, const double *x, size_t count, size_t stride)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, x[i * stride]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

float *bind_array_floats(lua_State *L, const BindArray *a)
{
    float *x = bind_scratch(L, a->rows * a->cols, sizeof *x);
    for (size_t i = 0; i < a->rows * a->cols; i++)
        x[i] = (float)a->data[i];
    return x;
}

/* A row or column number from 1, as an index from 0. */
const double *bind_numbers(lua_State *L, int index, size_t *n)
{
    const BindArray *a = luaL_testudata(L, index, BIND_ARRAY);
    if (a == NULL)
        luaL_checktype(L, index, LUA_TTABLE);
    *n = a != NULL ? a->rows * a->cols : lua_rawlen(L, index);
    luaL_argcheck(L, *n > 0, index, "an empty list");
    if (a != NULL)
        return a->data;
    double *x = bind_scratch(L, *n, sizeof *x);
    for (size_t i = 0; i < *n; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TNUMBER)
            luaL_error(L, "entry %I of the list is a %s, not a number", INT(i + 1), luaL_typename(L, -1));
        x[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return x;
}

static size_t check_place(lua_State *L, int index, size_t count, const char *axis)
{
    lua_Integer place = luaL_checkinteger(L, index);
    if (place < 1 || (size_t)place > count)
        luaL_error(L, "%s %I does not exist: the array has %I", axis, INT(place), INT(count));
    return (size_t)place - 1;
}

/* ---- functions ---- */

static int array_new(lua_State *L)
{
    lua_Integer rows = luaL_checkinteger(L, 1), cols = luaL_checkinteger(L, 2);
    luaL_argcheck(L, rows >= 0, 1, "the number of rows must be at least 0");
    luaL_argcheck(L, cols >= 0, 2, "the number of columns must be at least 0");
    bind_array_new(L, (size_t)rows, (size_t)cols);
    return 1;
}

/* Fills row `row` of `a` from the list at the top. */
static void fill_row(lua_State *L, BindArray *a, size_t row)
{
    if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) != a->cols)
        luaL_error(L, "row %I is not a list of %I numbers", INT(row + 1), INT(a->cols));
    for (size_t j = 0; j < a->cols; j++) {
        if (lua_rawgeti(L, -1, (lua_Integer)j + 1) != LUA_TNUMBER)
            luaL_error(L, "element (%I, %I) is a %s, not a number", INT(row + 1), INT(j + 1), luaL_typename(L, -1));
        a->data[row * a->cols + j] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

static int array_from(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t rows = lua_rawlen(L, 1), cols = 0;
    if (rows > 0) {
        if (lua_rawgeti(L, 1, 1) != LUA_TTABLE)
            luaL_error(L, "row 1 is a %s, not a list of numbers", luaL_typename(L, -1));
        cols = lua_rawlen(L, -1);
        lua_pop(L, 1);
    }
    BindArray *a = bind_array_new(L, rows, cols);
    for (size_t i = 0; i < rows; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        fill_row(L, a, i);
        lua_pop(L, 1);
    }
    return 1;
}

static uint32_t little_endian(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int array_from_blob(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    lua_Integer cols = luaL_checkinteger(L, 2);
    luaL_argcheck(L, cols >= 1, 2, "the number of columns must be at least 1");
    if (size % (4 * (size_t)cols) != 0)
        luaL_error(L, "a blob of %I bytes does not hold rows of %I float32 numbers", INT(size), INT(cols));
    size_t count = size / 4;
    BindArray *a = bind_array_new(L, count / (size_t)cols, (size_t)cols);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = little_endian((const unsigned char *)bytes + 4 * i);
        float value;
        memcpy(&value, &bits, sizeof value);
        a->data[i] = value;
    }
    return 1;
}

/* ---- methods ---- */

static int array_rows(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)bind_array_check(L, 1)->rows);
    return 1;
}

static int array_cols(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)bind_array_check(L, 1)->cols);
    return 1;
}

static int array_get(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1);
    size_t i = check_place(L, 2, a->rows, "row"), j = check_place(L, 3, a->cols, "column");
    lua_pushnumber(L, a->data[i * a->cols + j]);
    return 1;
}

static int array_set(lua_State *L)
{
    BindArray *a = bind_array_check(L, 1);
    size_t i = check_place(L, 2, a->rows, "row"), j = check_place(L, 3, a->cols, "column");
    a->data[i * a->cols + j] = luaL_checknumber(L, 4);
    return 0;
}

static int array_row(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1);
    size_t i = check_place(L, 2, a->rows, "row");
    bind_list(L, a->data + i * a->cols, a->cols, 1);
    return 1;
}

static int array_column(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1);
    size_t j = check_place(L, 2, a->cols, "column");
    bind_list(L, a->data + j, a->rows, a->cols);
    return 1;
}

static int array_rows_of(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    BindArray *b = bind_array_new(L, count, a->cols);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        size_t row = check_place(L, lua_gettop(L), a->rows, "row");
        lua_pop(L, 1);
        if (a->cols > 0)
            memcpy(b->data + i * a->cols, a->data + row * a->cols, a->cols * sizeof *a->data);
    }
    return 1;
}

const char *bind_array_blob(lua_State *L, const BindArray *a, size_t *size)
{
    size_t count = a->rows * a->cols;
    luaL_Buffer buffer;
    unsigned char *out = (unsigned char *)luaL_buffinitsize(L, &buffer, count * 4);
    for (size_t i = 0; i < count; i++) {
        float value = (float)a->data[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (int k = 0; k < 4; k++)
            out[4 * i + (size_t)k] = (unsigned char)(bits >> 8 * k);
    }
    luaL_pushresultsize(&buffer, count * 4);
    return lua_tolstring(L, -1, size);
}

static int array_blob(lua_State *L)
{
    size_t size;
    bind_array_blob(L, bind_array_check(L, 1), &size);
    return 1;
}

static int array_tostring(lua_State *L)
{
    const BindArray *a = bind_array_check(L, 1);
    lua_pushfstring(L, "array (%I, %I)", INT(a->rows), INT(a->cols));
    return 1;
}

static const BindFunction functions[] = {
    {"new", array_new, "(rows, cols) → array", "zeros", NULL},
    {"from", array_from, "{ {1, 2}, {3, 4} } → array", "from a list of rows", NULL},
    {"from_blob", array_from_blob, "(bytes, cols) → array", "from float32, little-endian, row after row", NULL},
    {0},
};

static const BindFunction methods[] = {
    {"rows", array_rows, "() → integer", "the number of rows, also #a", NULL},
    {"cols", array_cols, "() → integer", "the number of columns", NULL},
    {"get", array_get, "(row, col) → number", "an element", NULL},
    {"set", array_set, "(row, col, number)", "changes an element", NULL},
    {"row", array_row, "(row) → list", "a row's numbers", NULL},
    {"column", array_column, "(col) → list", "a column's numbers", NULL},
    {"rows_of", array_rows_of, "{3, 1, 4} → array", "a new array of these rows", NULL},
    {"blob", array_blob, "() → string", "float32, little-endian, row after row", NULL},
    {0},
};

static const luaL_Reg meta[] = {{"__tostring", array_tostring}, {"__len", array_rows}, {NULL, NULL}};

const BindModule bind_array_module = {
    .name = "array", .text = "Rows of doubles. Rows and columns count from 1.",
    .functions = functions, .type = BIND_ARRAY, .methods = methods, .meta = meta,
};
