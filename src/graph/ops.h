/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.h: the table of operations.  A row is everything that the engine knows of an operation.
 *
 * To add one: write its forward and backward in an ops_*.c file (compiled twice, for float and for double, see real.h),
 * name it in ops_list.h, write its shape rule in shapes.c unless one there fits, and add a row to the table in ops.c.
 * The gradient test walks the table: a row without a case there is a failure.
 */
#ifndef GRAPH_OPS_H
#define GRAPH_OPS_H

#include "base/error.h"
#include "base/text.h"
#include "graph/graph.h"
#include "num/shape.h"

enum { GRAPH_ARGS_MAX = 8, GRAPH_ATTRS_MAX = 4 };

/* One node at work: values, gradients, scratch.  Gradients accumulate (+=) into grad_in[i]; NULL where none is wanted.
 * `overwrite` is 0 for all operations that do not say `writes`: their gradients are cleared first.
 * `value` arrays are float or double, as the plan is. */
typedef struct GraphCall {
    size_t nargs;
    NumShape shape;                     /* of the result */
    NumShape in_shape[GRAPH_ARGS_MAX];
    const void *in[GRAPH_ARGS_MAX];
    void *out;
    void *grad_out;                     /* the result's whole gradient; backward may spoil it, nobody reads it later */
    void *grad_in[GRAPH_ARGS_MAX];
    unsigned overwrite;                     /* bit i: nothing was added to grad_in[i] yet, and it holds garbage: write it */
    void *scratch;                      /* as many values as the operation's `scratch` rule said */
    const double *attr;                 /* in the order of the row's attribute names; text values as numbers, symbols resolved */
} GraphCall;

typedef struct GraphOp GraphOp;

/* [OUT] the result's shape; -1 with *err (what, found, expected) where the arguments do not fit. */
typedef int (*GraphShapeRule)(const GraphOp *op, NumShape *out, const NumShape *in, size_t nargs, const double *attr,
                              Error *err);

struct GraphOp {
    const char *name;
    const char *formula;                /* one line of mathematics, for docs and `vae-lab doctor` */
    const char *arg[4];                 /* the papers' symbols of the arguments, for messages; the last one repeats */
    int min_args, max_args;
    const char *attr[GRAPH_ATTRS_MAX];  /* names, NULL-ended; their text values are listed in ops.c and stored as numbers */
    GraphShapeRule shape;
    size_t (*scratch)(NumShape out, const NumShape *in, size_t nargs, const double *attr); /* NULL: none */
    void (*forward[2])(const GraphCall *);  /* [0] float, [1] double */
    void (*backward[2])(const GraphCall *); /* NULL: no gradient passes (stop_gradient) */
    unsigned needs;                     /* what backward reads: GRAPH_NEEDS_* bits, for the memory plan */
    unsigned writes;                    /* bit i: backward heeds `overwrite` for argument i, which saves clearing it */
    double (*products)(const GraphCall *); /* multiply-adds of the forward matrix product, NULL: none */
};

enum { GRAPH_NEEDS_IN = 1, GRAPH_NEEDS_OUT = 2 };

extern const GraphOp graph_ops[];
extern const size_t graph_op_count;

const GraphOp *graph_op_find(const char *name);

/* The attributes of a row.  count: how many it has.  read: checks attrs[n] against the row and [OUT] value[GRAPH_ATTRS_MAX],
 * absent ones by their default; -1 with *err for a misspelt or missing one, or a value out of range.  text: adds "act=tanh". */
size_t graph_attr_count(const GraphOp *op);
int graph_attr_read(const GraphOp *op, const GraphAttr *attrs, size_t n, double *value, Error *err);
void graph_attr_text(const GraphOp *op, size_t i, double value, Text *text);

/* The same value with "b" and "k" replaced by numbers, as shape rules and operations see it. */
double graph_attr_resolve(const GraphOp *op, size_t i, double value, size_t batch, size_t samples);

/* What is left of a reshape's symbols after graph_attr_resolve. */
enum { GRAPH_DIM_REST = -3, GRAPH_DIM_KEEP = -4 };

/* The symbol of argument i, for messages. */
const char *graph_arg_name(const GraphOp *op, size_t i);

#endif
