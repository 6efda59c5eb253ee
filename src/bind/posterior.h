/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/posterior.h: methods of a model that model.c registers and posterior.c and gradient.c define, and the question that all read.
 */
#ifndef BIND_POSTERIOR_H
#define BIND_POSTERIOR_H

#include "bind/bind.h"

/* Fills *request from the options at `table`; what it points to lies on the stack. */
void bind_request(lua_State *L, const InferModel *m, int table, InferRequest *request);

int bind_model_hmc(lua_State *L);
int bind_model_ais(lua_State *L);
int bind_model_quadrature(lua_State *L);
int bind_model_optimise_local_q(lua_State *L);
int bind_model_gradient(lua_State *L);

#endif
