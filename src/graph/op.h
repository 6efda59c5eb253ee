/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/op.h: an operation is one row, which its own file in ops/ defines.
 */
#ifndef GRAPH_OP_H
#define GRAPH_OP_H

#include "base/error.h"
#include "base/text.h"
#include "graph/graph.h"
#include "graph/shape.h"

#include <math.h>

enum { GRAPH_ARGS_MAX = 8, GRAPH_ATTRS_MAX = 5, GRAPH_CHOICES_MAX = 16 };

/* The arguments of a kernel.  Values, gradients and scratch are float or double, as the executable graph is.  Backward
 * adds (+=) to grad_in[i], unless that is NULL. */
typedef struct GraphCall {
    size_t nargs;
    NumShape shape;                     /* of the result: (samples, batch, features) */
    NumShape in_shape[GRAPH_ARGS_MAX];
    GraphShape axes;                    /* the same with separate channels, height and width */
    GraphShape in_axes[GRAPH_ARGS_MAX];
    const void *in[GRAPH_ARGS_MAX];
    void *out;
    void *grad_out;                     /* the result's complete gradient; backward may overwrite it */
    void *grad_in[GRAPH_ARGS_MAX];
    unsigned overwrite;                 /* bit i, if the row's `writes` has it: grad_in[i] holds garbage, write it */
    void *scratch;                      /* as many values as the row's `scratch` returns */
    const double *attr;                 /* in the row's order; choices as their index, symbols b and k as numbers */
} GraphCall;

/* ---- attributes -------------------------------------------------------------------------------------------------- */

typedef enum { GRAPH_ATTR_NUMBER, GRAPH_ATTR_WHOLE, GRAPH_ATTR_CHOICE, GRAPH_ATTR_LENGTH } GraphAttrKind;

/* An attribute: a number or whole number in [least, most], one of a list of words (stored as its index), or the
 * length of an axis: a whole number, or one of the words b, k, rest, keep (stored as GRAPH_BATCH, GRAPH_SAMPLES,
 * GRAPH_DIM_REST, GRAPH_DIM_KEEP). */
typedef struct GraphAttrRule {
    const char *name;
    GraphAttrKind kind;
    double fallback; /* the default; NAN: the attribute must be given */
    double least, most;
    const char *choice[GRAPH_CHOICES_MAX];
    int later;       /* newer than recorded graphs: its default is not written, so that their texts stay */
} GraphAttrRule;

#define GRAPH_REQUIRED NAN
#define GRAPH_NUMBER(name, fallback, least, most) {name, GRAPH_ATTR_NUMBER, fallback, least, most, {0}, 0}
#define GRAPH_WHOLE(name, fallback, least, most) {name, GRAPH_ATTR_WHOLE, fallback, least, most, {0}, 0}
#define GRAPH_CHOICE(name, fallback, ...) {name, GRAPH_ATTR_CHOICE, fallback, NAN, NAN, {__VA_ARGS__}, 0}
#define GRAPH_LENGTH(name, fallback, later) \
    {name, GRAPH_ATTR_LENGTH, fallback, 1, INFINITY, {"b", "k", "rest", "keep"}, later}

/* Lengths that remain symbols after graph_attr_resolve: what the other axes leave over; the argument's own length. */
enum { GRAPH_DIM_REST = -3, GRAPH_DIM_KEEP = -4 };

/* ---- the row ----------------------------------------------------------------------------------------------------- */

typedef struct GraphOp GraphOp;

/* [OUT] the result's shape; -1 with *err (what, found, expected) where the arguments do not fit. */
typedef int (*GraphShapeRule)(const GraphOp *op, GraphShape *out, const GraphShape *in, size_t nargs,
                              const double *attr, Error *err);
typedef void (*GraphKernel)(const GraphCall *);

enum { GRAPH_NEEDS_NONE = 0, GRAPH_NEEDS_IN = 1, GRAPH_NEEDS_OUT = 2 };

struct GraphOp {
    const char *name;
    const char *recorded;               /* its name in the canonical text, when it was renamed; NULL: `name` */
    const char *formula;                /* one line of mathematics, for docs and messages */
    const char *arg[4];                 /* the papers' symbols of the arguments, for messages; the last one repeats */
    int min_args, max_args;
    GraphAttrRule attr[GRAPH_ATTRS_MAX]; /* in the order of the canonical text, which is part of a run's identity */
    GraphShapeRule shape;
    /* the number of scratch values; NULL: none */
    size_t (*scratch)(GraphShape out, const GraphShape *in, size_t nargs, const double *attr);
    GraphKernel forward[2];             /* [0] float, [1] double */
    GraphKernel backward[2];            /* NULL: no gradient passes (stop_gradient) */
    unsigned needs;                     /* what backward reads, GRAPH_NEEDS_* bits; other memory is reused */
    unsigned writes;                    /* bit i: backward obeys `overwrite` for argument i, which saves clearing it */
    double (*products)(const GraphCall *); /* multiply-adds of the forward matrix product, NULL: none */
};

/* The symbol of argument i, for messages. */
const char *graph_arg_name(const GraphOp *op, size_t i);

/* The attributes of a row.  count: how many it has.  read: checks attrs[n] against the row and fills [OUT]
 * value[GRAPH_ATTRS_MAX], absent ones with their default; -1 with *err for a misspelt or missing one, or a value out
 * of range.  text: adds separator and "act=tanh", or nothing for the default of a `later` attribute. */
size_t graph_attr_count(const GraphOp *op);
int graph_attr_read(const GraphOp *op, const GraphAttr *attrs, size_t n, double *value, Error *err);
void graph_attr_text(const GraphOp *op, size_t i, double value, const char *separator, Text *text);

/* The same value with "b" and "k" replaced by numbers, as shape rules and kernels see it. */
double graph_attr_resolve(const GraphOp *op, size_t i, double value, size_t batch, size_t samples);

#endif
