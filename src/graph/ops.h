/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.h: the table of operations.  A row is everything that the engine knows of an operation.
 *
 * To add one: write its shape rule, forward and backward in an ops_*.c file (compiled twice, for float and for double,
 * see real.h), and add a row to the table in ops.c.  The gradient test walks the table; there is nothing else to do.
 */
#ifndef GRAPH_OPS_H
#define GRAPH_OPS_H

#include "base/error.h"
#include "graph/graph.h"
#include "num/shape.h"

enum { GRAPH_ARGS_MAX = 8, GRAPH_ATTRS_MAX = 4 };

/* One node at work: values, gradients, scratch.  Gradients accumulate (+=) into grad_in[i]; NULL where none is wanted.
 * `value` arrays are float or double, as the plan is. */
typedef struct GraphCall {
    size_t nargs;
    NumShape shape;                     /* of the result */
    NumShape in_shape[GRAPH_ARGS_MAX];
    const void *in[GRAPH_ARGS_MAX];
    void *out;
    const void *grad_out;
    void *grad_in[GRAPH_ARGS_MAX];
    void *scratch;                      /* as many values as the operation's `scratch` rule said */
    const double *attr;                 /* in the order of the row's attribute names */
} GraphCall;

typedef struct GraphOp {
    const char *name;
    const char *formula;                /* one line of mathematics, for docs and `vae-lab doctor` */
    int min_args, max_args;
    const char *attr[GRAPH_ATTRS_MAX];  /* names, NULL-ended; an attribute's text values are listed in ops.c and stored as numbers */
    int (*shape)(NumShape *out, const NumShape *in, size_t nargs, const double *attr, Error *err);
    size_t (*scratch)(NumShape out, const NumShape *in, size_t nargs, const double *attr); /* NULL: none */
    void (*forward[2])(const GraphCall *);  /* [0] float, [1] double */
    void (*backward[2])(const GraphCall *); /* NULL: no gradient passes (stop_gradient) */
    unsigned needs;                     /* what backward reads: GRAPH_NEEDS_* bits, for the memory plan */
} GraphOp;

enum { GRAPH_NEEDS_IN = 1, GRAPH_NEEDS_OUT = 2 };

extern const GraphOp graph_ops[];
extern const size_t graph_op_count;

const GraphOp *graph_op_find(const char *name);

#endif
