/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/real.h: what the ops_*.c files, compiled once for float and once for double, are written in.
 *
 * `real` is the type, R(name) the name with its suffix: R(num_unary) is num_unary_f32 or num_unary_f64.
 */
#ifndef GRAPH_REAL_H
#define GRAPH_REAL_H

#include "graph/ops.h"
#include "graph/ops_list.h"

#if defined(GRAPH_REAL_FLOAT)
typedef float real;
#define R(name) name##_f32
#elif defined(GRAPH_REAL_DOUBLE)
typedef double real;
#define R(name) name##_f64
#else
#error "compile with -DGRAPH_REAL_FLOAT or -DGRAPH_REAL_DOUBLE"
#endif

#endif
