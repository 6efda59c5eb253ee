/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/posterior.h: a request to a model, as its methods read it, and the methods that posterior.c and gradient.c
 * define.
 */
#ifndef BIND_POSTERIOR_H
#define BIND_POSTERIOR_H

#include "bind/array.h"
#include "bind/bind.h"

/* A request before it is checked: `first` from 1, `count` 0 for all. */
typedef struct ModelRequest {
    InferRequest infer;
    const BindArray *values;
} ModelRequest;

/* Its rows, the first group of every method's options. */
enum { MODEL_REQUEST_ROWS = 11 };
extern const Option model_request_rows[MODEL_REQUEST_ROWS];

/* Reads the options at index 2 into *call, whose first member is a ModelRequest, and completes the request: its
 * rows, the values of scalars.  It points to values on the stack. */
void bind_request(lua_State *L, const InferModel *m, const BindOptions *options, void *call);

extern const BindOptions model_hmc_options, model_ais_options, model_quadrature_options, model_local_q_options,
    model_gradient_options;
int bind_model_hmc(lua_State *L);
int bind_model_ais(lua_State *L);
int bind_model_quadrature(lua_State *L);
int bind_model_optimise_local_q(lua_State *L);
int bind_model_gradient(lua_State *L);

#endif
