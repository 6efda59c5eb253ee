/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops_list.h: the functions that the rows of the table point to, for ops.c and for the files that define them.
 */
#ifndef GRAPH_OPS_LIST_H
#define GRAPH_OPS_LIST_H

#include "graph/ops.h"

#define GRAPH_OPS_LIST(X)                                                                                                    \
    X(dense) X(neg) X(exp) X(log) X(log1p) X(tanh) X(sigmoid) X(softplus) X(relu) X(sqrt) X(square) X(reciprocal) X(abs)     \
    X(affine) X(clamp) X(stop_gradient) X(add) X(sub) X(mul) X(div) X(max)                                                   \
    X(sum) X(mean) X(logsumexp) X(logmeanexp) X(concat) X(slice) X(reshape) X(transpose)                                     \
    X(normal) X(standard_normal) X(bernoulli) X(categorical) X(kl) X(kl2) X(reparameterise)

#define GRAPH_OP_DECLARE(name)                           \
    void graph_##name##_forward_f32(const GraphCall *);  \
    void graph_##name##_forward_f64(const GraphCall *);  \
    void graph_##name##_backward_f32(const GraphCall *); \
    void graph_##name##_backward_f64(const GraphCall *);
GRAPH_OPS_LIST(GRAPH_OP_DECLARE)
#undef GRAPH_OP_DECLARE

/* Shape rules (shapes.c): same as the argument; all broadcast together; a reduced axis; features summed; … */
int graph_shape_same(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_broadcast(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_density(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_categorical(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_dense(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_reduce(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_along(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_concat(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_slice(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_reshape(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_transpose(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);
int graph_shape_clamp(const GraphOp *, NumShape *, const NumShape *, size_t, const double *, Error *);

/* The shape that all arguments broadcast to; they are known to fit. */
NumShape graph_broadcast(const NumShape *in, size_t nargs);

/* The values of `axis=` and `swap=` as the operations read them. */
enum { GRAPH_AXIS_ALL = 3 };
enum { GRAPH_SWAP_SAMPLES_BATCH, GRAPH_SWAP_BATCH_FEATURES, GRAPH_SWAP_SAMPLES_FEATURES };

#endif
