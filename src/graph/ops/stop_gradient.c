/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops/stop_gradient.c: the same values; no gradient passes.
 */
#include "graph/real.h"

#include <string.h>

/* y = x; without a backward kernel no gradient passes */
void R(graph_stop_gradient_forward)(const GraphCall *c)
{
    memcpy(c->out, c->in[0], num_shape_size(c->shape) * sizeof(real));
}

#ifdef GRAPH_ROWS
const GraphOp graph_op_stop_gradient = {
    .name = "stop_gradient",
    .formula = "y = x, a constant for the gradient",
    GRAPH_ARGS(1, "x"),
    .shape = graph_shape_same,
    GRAPH_FORWARD(stop_gradient),
};
#endif
