/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/array.h: the array that natives take and return: rows of doubles in one Lua userdata.
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

/* Pushes a userdata with the array's values as floats (rows, cols), and returns them. */
float *bind_array_floats(lua_State *L, const BindArray *a);

/* Pushes the values as a string of float32, little-endian; valid while the string is on the stack.  [OUT] *size, in
 * bytes. */
const char *bind_array_blob(lua_State *L, const BindArray *a, size_t *size);

/* Raises unless the array `name` is (rows, cols). */
void bind_array_shape(lua_State *L, const char *name, const BindArray *a, size_t rows, size_t cols);

/* Pushes the list of x[0], x[stride], …, `count` numbers. */
void bind_list(lua_State *L, const double *x, size_t count, size_t stride);

/* A list of numbers, or all of an array, at a stack index; at least one: [OUT] *n.  The values stay on the stack. */
const double *bind_numbers(lua_State *L, int index, size_t *n);

#endif
