/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/real.h: names for the files of ops/, which are compiled once for float and once for double.
 *
 * `real` is the type, R(name) the name with its suffix: R(num_unary) is num_unary_f32 or num_unary_f64.  Rows, shape
 * rules and scratch rules do not depend on the type: they are inside #ifdef GRAPH_ROWS, which the float compilation
 * defines.
 */
#ifndef GRAPH_REAL_H
#define GRAPH_REAL_H

#include "graph/ops.h"
#include "graph/rules.h"

#if defined(GRAPH_REAL_FLOAT)
typedef float real;
#define R(name) name##_f32
#define GRAPH_ROWS 1
#elif defined(GRAPH_REAL_DOUBLE)
typedef double real;
#define R(name) name##_f64
#else
#error "compile with -DGRAPH_REAL_FLOAT or -DGRAPH_REAL_DOUBLE"
#endif

/* For rows: the kernels of operation f; n arguments and their symbols. */
#define GRAPH_FORWARD(f) .forward = {graph_##f##_forward_f32, graph_##f##_forward_f64}
#define GRAPH_KERNELS(f) GRAPH_FORWARD(f), .backward = {graph_##f##_backward_f32, graph_##f##_backward_f64}
#define GRAPH_ARGS(n, ...) .arg = {__VA_ARGS__}, .min_args = n, .max_args = n

#endif
