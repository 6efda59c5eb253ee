/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/array.h: the array that natives take and give: rows of doubles in one Lua userdata, nothing to close.
 */
#ifndef BIND_ARRAY_H
#define BIND_ARRAY_H

#include <lua.h>
#include <stddef.h>

#define BIND_ARRAY "vae_lab.array"

typedef struct BindArray {
    size_t rows, cols;
    double data[]; /* (rows, cols) */
} BindArray;

/* Pushes a new array of zeros.  Raises when it does not fit into memory. */
BindArray *bind_array_new(lua_State *L, size_t rows, size_t cols);

/* Pushes a new array with the values of x (rows, cols). */
BindArray *bind_array_from_floats(lua_State *L, size_t rows, size_t cols, const float *x);

/* The array at a stack index; raises an argument error when it is something else. */
BindArray *bind_array_check(lua_State *L, int index);

/* The array at a stack index, or NULL. */
BindArray *bind_array_test(lua_State *L, int index);

/* Pushes a userdata that holds the array's values as floats (rows, cols), and returns them: collected with the stack, so
 * that a raise leaks nothing. */
float *bind_array_floats(lua_State *L, const BindArray *a);

#endif
