/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/gradient.c: what infer/gradient.h computes, as a method of a model.
 */
#include "infer/gradient.h"

#include "bind/array.h"
#include "bind/bind.h"
#include "bind/posterior.h"

/* onto =: an array with a direction a row, or nothing. */
static void read_directions(lua_State *L, size_t width, InferGradient *which)
{
    if (lua_getfield(L, 2, "onto") == LUA_TNIL)
        return;
    const BindArray *a = bind_array_check(L, lua_gettop(L));
    if (a->cols != width)
        luaL_error(L, "onto has %I columns, the gradient has %I", (LUAI_UACINT)a->cols, (LUAI_UACINT)width);
    which->onto = a->data;
    which->directions = a->rows;
}

/* m:gradient{name =, of =, repeats =, skip =, onto =, …} → mean (1, width), variance (1, width), along (repeats, rows of onto) */
int bind_model_gradient(lua_State *L)
{
    InferRequest request;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, 2, &request);
    InferGradient which = {.name = bind_string_needed(L, 2, "name"), .of = bind_string_needed(L, 2, "of"),
                         .repeats = (size_t)bind_integer(L, 2, "repeats", 100, 2), .skip = (size_t)bind_integer(L, 2, "skip", 0, 0)};
    size_t width = infer_gradient_width(m, which.of); /* 0: lab says so */
    read_directions(L, width, &which);
    BindArray *mean = bind_array_new(L, 1, width), *variance = bind_array_new(L, 1, width);
    BindArray *along = bind_array_new(L, which.repeats, which.directions);
    double pause = bind_watch_pause();
    int status = infer_gradient(m, &request, &which, mean->data, variance->data, along->data, &err);
    bind_watch_resume(L, pause);
    return status != 0 ? bind_raise(L, &err) : 3;
}
