/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/gradient.c: infer/gradient.h as a method of a model.
 */
#include "infer/gradient.h"

#include "bind/posterior.h"

typedef struct GradientCall {
    ModelRequest request;
    InferGradient gradient;
    const BindArray *onto;
} GradientCall;

static const Option rows[] = {
    {OPTION(InferGradient, name), .type = OPTION_STRING, .required = 1,
     .text = "a node: the gradient is that of the mean of its elements"},
    {OPTION(InferGradient, of), .type = OPTION_STRING, .required = 1,
     .text = "the weights whose names begin with this: \"encoder\""},
    {OPTION(InferGradient, repeats), .type = OPTION_SIZE, .least = 2, .standard = 100,
     .text = "repeats, each with new noise"},
    {OPTION(InferGradient, skip), .type = OPTION_SIZE, .text = "noises of the seed to leave out first"},
};
static const Option onto_rows[] = {
    {OPTION(GradientCall, onto), .type = OPTION_OBJECT, .object = BIND_ARRAY,
     .text = "directions (rows, width of the gradient) that each repeat's gradient is projected onto"},
};
const BindOptions model_gradient_options = {
    "model:gradient",
    {BIND_ROWS(model_request_rows, 0), BIND_ROWS(rows, offsetof(GradientCall, gradient)), BIND_ROWS(onto_rows, 0)},
};

int bind_model_gradient(lua_State *L)
{
    GradientCall call;
    Error err = ERROR_NONE;
    InferModel *m = bind_model_check(L, 1);
    bind_request(L, m, &model_gradient_options, &call);
    size_t width = infer_gradient_width(m, call.gradient.of); /* 0: infer_gradient raises */
    call.gradient.onto = call.onto == NULL ? NULL : call.onto->data;
    call.gradient.directions = call.onto == NULL ? 0 : call.onto->rows;
    if (call.onto != NULL && call.onto->cols != width)
        luaL_error(L, "onto has %I columns, the gradient has %I", INT(call.onto->cols), INT(width));
    BindArray *mean = bind_array_new(L, 1, width), *variance = bind_array_new(L, 1, width);
    BindArray *along = bind_array_new(L, call.gradient.repeats, call.gradient.directions);
    int status = infer_gradient(m, &call.request.infer, &call.gradient, mean->data, variance->data, along->data, &err);
    return status != 0 ? bind_raise(L, &err) : 3;
}
