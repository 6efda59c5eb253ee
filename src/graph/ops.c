/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.c: the table of operations, and their attributes.
 */
#include "graph/ops.h"

#include "graph/ops_list.h"
#include "num/matmul.h"

#include <math.h>
#include <string.h>

/* ---- scratch, in values ---------------------------------------------------------------------------------------- */

static size_t scratch_result(NumShape out, const NumShape *in, size_t nargs, const double *attr)
{
    (void)in, (void)nargs, (void)attr;
    return num_shape_size(out);
}

/* What num/density.h asks for: 4 values for each element of the broadcast shape. */
static size_t scratch_density(NumShape out, const NumShape *in, size_t nargs, const double *attr)
{
    (void)out, (void)attr;
    return 4 * num_shape_size(graph_broadcast(in, nargs));
}

static size_t scratch_categorical(NumShape out, const NumShape *in, size_t nargs, const double *attr)
{
    (void)out, (void)attr;
    return num_shape_size(graph_broadcast(in, nargs)) + 2 * num_shape_size(in[1]) + 2 * num_shape_rows(in[1]);
}

/* The most that one of a layer's three products needs. */
static size_t scratch_dense(NumShape out, const NumShape *in, size_t nargs, const double *attr)
{
    (void)nargs, (void)attr;
    size_t rows = num_shape_rows(out), width = out.n[NUM_FEATURES], features = in[0].n[NUM_FEATURES];
    size_t y = num_matmul_scratch(NUM_NN, rows, width, features);
    size_t dx = num_matmul_scratch(NUM_NT, rows, features, width);
    size_t dw = num_matmul_scratch(NUM_TN, features, width, rows);
    size_t most = y > dx ? y : dx;
    return most > dw ? most : dw;
}

static double products_dense(const GraphCall *c)
{
    return (double)num_shape_rows(c->shape) * (double)c->shape.n[NUM_FEATURES] * (double)c->in_shape[0].n[NUM_FEATURES];
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define FORWARD(f) .forward = {graph_##f##_forward_f32, graph_##f##_forward_f64}
#define BOTH(f) FORWARD(f), .backward = {graph_##f##_backward_f32, graph_##f##_backward_f64}
#define ONE .arg = {"x"}, .min_args = 1, .max_args = 1
#define TWO .arg = {"a", "b"}, .min_args = 2, .max_args = 2
#define IN GRAPH_NEEDS_IN
#define OUT GRAPH_NEEDS_OUT

/* A function of each element, and one of two arrays that broadcast along every axis. */
#define MAP(f, text, bits) {.name = #f, .formula = text, ONE, .shape = graph_shape_same, BOTH(f), .needs = bits}
#define ZIP(f, text, bits) {.name = #f, .formula = text, TWO, .shape = graph_shape_broadcast, .scratch = scratch_result, BOTH(f), \
    .needs = bits}
#define REDUCE(f, text, rule, bits) {.name = #f, .formula = text, ONE, .attr = {"axis"}, .shape = rule, BOTH(f), .needs = bits}
/* A density: the sum over features of a function of arrays that broadcast. */
#define DENSITY(f, text, n, w, ...) {.name = #f, .formula = text, .arg = {__VA_ARGS__}, .min_args = n, .max_args = n, \
    .shape = graph_shape_density, .scratch = scratch_density, BOTH(f), .needs = IN, \
    .writes = w}

const GraphOp graph_ops[] = {
    {.name = "dense", .formula = "y = act(x W + b);  b may be absent", .arg = {"x", "W", "b"}, .min_args = 2, .max_args = 3,
     .attr = {"act"}, .shape = graph_shape_dense, .scratch = scratch_dense, BOTH(dense), .needs = IN | OUT,
     .writes = 1 | 2, .products = products_dense},

    MAP(neg, "y = -x", 0),
    MAP(exp, "y = exp x", OUT),
    MAP(log, "y = ln x", IN),
    MAP(log1p, "y = ln(1 + x)", IN),
    MAP(tanh, "y = tanh x", OUT),
    MAP(sigmoid, "y = 1 / (1 + exp(-x))", OUT),
    MAP(softplus, "y = ln(1 + exp x)", IN),
    MAP(relu, "y = max(x, 0);  y'(0) = 0", IN),
    MAP(sqrt, "y = sqrt x", OUT),
    MAP(square, "y = x^2", IN),
    MAP(reciprocal, "y = 1 / x", OUT),
    MAP(abs, "y = |x|;  y'(0) = 0", IN),
    {.name = "affine", .formula = "y = scale x + shift", ONE, .attr = {"scale", "shift"}, .shape = graph_shape_same,
     BOTH(affine)},
    {.name = "clamp", .formula = "y = min(max(x, low), high);  y' = 1 where low <= x <= high, else 0", ONE,
     .attr = {"low", "high"}, .shape = graph_shape_clamp, BOTH(clamp), .needs = IN},
    {.name = "stop_gradient", .formula = "y = x, a constant for the gradient", ONE, .shape = graph_shape_same,
     FORWARD(stop_gradient)},

    ZIP(add, "c = a + b, each axis broadcast", 0),
    ZIP(sub, "c = a - b, each axis broadcast", 0),
    ZIP(mul, "c = a b, each axis broadcast", IN),
    ZIP(div, "c = a / b, each axis broadcast", IN),
    ZIP(max, "c = max(a, b), each axis broadcast;  the gradient goes to a where a >= b, else to b", IN),

    REDUCE(sum, "y = sum of x over axis = features, batch, samples or all", graph_shape_reduce, 0),
    REDUCE(mean, "y = mean of x over axis = features, batch, samples or all", graph_shape_reduce, 0),
    REDUCE(logsumexp, "y = ln sum exp x over axis = features, batch or samples", graph_shape_along, IN | OUT),
    {.name = "logmeanexp", .formula = "y = ln mean exp x over axis = features, batch or samples (Burda et al. 2016, eq. 8)", ONE,
     .attr = {"axis"}, .shape = graph_shape_along, .scratch = scratch_result, BOTH(logmeanexp), .needs = IN | OUT},

    {.name = "concat", .formula = "y = [a, b, ...] along features; samples and batch broadcast", .arg = {"a"}, .min_args = 1,
     .max_args = GRAPH_ARGS_MAX, .shape = graph_shape_concat, BOTH(concat)},
    {.name = "slice", .formula = "y = count features of x from number first (from 0)", ONE, .attr = {"first", "count"},
     .shape = graph_shape_slice, BOTH(slice)},
    {.name = "reshape", .formula = "y = the values of x in their order as (samples, batch, features): numbers, b, k, rest, keep",
     ONE, .attr = {"samples", "batch", "features"}, .shape = graph_shape_reshape, BOTH(reshape)},
    {.name = "transpose", .formula = "y = x with two axes exchanged: swap = samples_batch, batch_features, samples_features",
     ONE, .attr = {"swap"}, .shape = graph_shape_transpose, BOTH(transpose)},

    DENSITY(normal, "ln N(x; mu, exp logvar) = -1/2 sum(ln 2 pi + logvar + (x - mu)^2 exp(-logvar))", 3, 0, "x", "mu", "logvar"),
    DENSITY(standard_normal, "ln N(z; 0, I) = -1/2 sum(ln 2 pi + z^2)", 1, 0, "z"),
    DENSITY(bernoulli, "ln Bernoulli(x; sigmoid l) = sum(x l - softplus l)", 2, 1 | 2, "x", "logits"),
    {.name = "categorical", .formula = "ln Categorical(y; softmax l) = sum(y (l - logsumexp l)), y one-hot",
     .arg = {"y", "logits"}, .min_args = 2, .max_args = 2, .shape = graph_shape_categorical, .scratch = scratch_categorical,
     BOTH(categorical), .needs = IN},
    DENSITY(kl, "KL(N(mu, exp logvar) || N(0, I)) = 1/2 sum(mu^2 + exp logvar - 1 - logvar)", 2, 0, "mu", "logvar"),
    DENSITY(kl2, "KL(N(mu1, exp lv1) || N(mu2, exp lv2)) = 1/2 sum(lv2 - lv1 - 1 + exp(lv1 - lv2) + (mu1 - mu2)^2 exp(-lv2))",
            4, 0, "mu1", "lv1", "mu2", "lv2"),
    {.name = "reparameterise", .formula = "z = mu + exp(logvar / 2) eps", .arg = {"mu", "logvar", "eps"}, .min_args = 3,
     .max_args = 3, .shape = graph_shape_broadcast, .scratch = scratch_density, BOTH(reparameterise), .needs = IN},
};
const size_t graph_op_count = sizeof graph_ops / sizeof graph_ops[0];

const GraphOp *graph_op_find(const char *name)
{
    for (size_t i = 0; i < graph_op_count; i++)
        if (strcmp(graph_ops[i].name, name) == 0)
            return &graph_ops[i];
    return NULL;
}

const char *graph_arg_name(const GraphOp *op, size_t i)
{
    size_t named = 0;
    while (named < 4 && op->arg[named] != NULL)
        named++;
    return op->arg[i < named ? i : named - 1];
}

/* ---- attributes ---------------------------------------------------------------------------------------------------- */

/* An attribute means the same wherever its name appears.  A text value is stored as start + step * its place. */
typedef struct Attribute {
    const char *name;
    double fallback; /* NAN: must be given */
    double least;    /* of a number; NAN: no number is taken */
    int whole;
    int start, step;
    const char *choice[6];
} Attribute;

static const Attribute attributes[] = {
    {"act", 0, NAN, 0, 0, 1, {"none", "tanh", "sigmoid", "relu", "softplus"}}, /* NumAct */
    {"axis", NAN, NAN, 0, 0, 1, {"samples", "batch", "features", "all"}},      /* NumAxis, GRAPH_AXIS_ALL */
    {"swap", NAN, NAN, 0, 0, 1, {"samples_batch", "batch_features", "samples_features"}},
    {"scale", 1, -INFINITY, 0, 0, 0, {0}},
    {"shift", 0, -INFINITY, 0, 0, 0, {0}},
    {"low", NAN, -INFINITY, 0, 0, 0, {0}},
    {"high", NAN, -INFINITY, 0, 0, 0, {0}},
    {"first", 0, 0, 1, 0, 0, {0}},
    {"count", NAN, 1, 1, 0, 0, {0}},
    {"samples", GRAPH_DIM_KEEP, 1, 1, -1, -1, {"b", "k", "rest", "keep"}}, /* GRAPH_BATCH, GRAPH_SAMPLES, GRAPH_DIM_… */
    {"batch", GRAPH_DIM_KEEP, 1, 1, -1, -1, {"b", "k", "rest", "keep"}},
    {"features", GRAPH_DIM_KEEP, 1, 1, -1, -1, {"b", "k", "rest", "keep"}},
};

static const Attribute *attribute(const GraphOp *op, size_t i)
{
    const Attribute *a = attributes;
    while (strcmp(a->name, op->attr[i]) != 0)
        a++;
    return a;
}

static size_t choices(const Attribute *a)
{
    size_t n = 0;
    while (n < 6 && a->choice[n] != NULL)
        n++;
    return n;
}

size_t graph_attr_count(const GraphOp *op)
{
    size_t n = 0;
    while (n < GRAPH_ATTRS_MAX && op->attr[n] != NULL)
        n++;
    return n;
}

static void expect(const Attribute *a, Error *err)
{
    Text text = {0};
    if (!isnan(a->least)) {
        text_add(&text, a->whole ? "a whole number" : "a finite number");
        if (!isinf(a->least))
            text_addf(&text, " from %g", a->least);
    }
    for (size_t i = 0; i < choices(a); i++)
        text_addf(&text, "%s\"%s\"", i == 0 && isnan(a->least) ? "" : i + 1 < choices(a) ? ", " : " or ", a->choice[i]);
    error_expected(err, "%s", text_string(&text));
    text_free(&text);
}

static int read_name(const GraphOp *op, const Attribute *a, const char *word, double *value, Error *err)
{
    size_t n = choices(a);
    for (size_t i = 0; i < n; i++)
        if (strcmp(a->choice[i], word) == 0) {
            *value = a->start + a->step * (int)i;
            return 0;
        }
    error_set(err, ERR_SCRIPT, "%s: %s cannot be \"%s\"", op->name, a->name, word);
    error_found(err, "%s = \"%s\"", a->name, word);
    expect(a, err);
    const char *near = text_nearest(word, a->choice, n);
    return near == NULL ? -1 : error_hint(err, "did you mean \"%s\"?", near);
}

static int read_number(const GraphOp *op, const Attribute *a, double number, double *value, Error *err)
{
    /* whole numbers up to 2^40: counts of values that could exist */
    if (isfinite(number) && number >= a->least && (!a->whole || (number == floor(number) && number <= 0x1p40))) {
        *value = number == 0 ? 0 : number; /* one spelling of zero */
        return 0;
    }
    error_set(err, ERR_SCRIPT, "%s: %s cannot be %g", op->name, a->name, number);
    error_found(err, "%s = %g", a->name, number);
    expect(a, err);
    return -1;
}

static int unknown(const GraphOp *op, const char *name, Error *err)
{
    size_t n = graph_attr_count(op);
    error_set(err, ERR_SCRIPT, "%s has no attribute \"%s\"", op->name, name);
    error_found(err, "%s", name);
    if (n == 0)
        return error_expected(err, "no attributes");
    error_expected(err, "%s%s%s%s%s", op->attr[0], n > 1 ? ", " : "", n > 1 ? op->attr[1] : "", n > 2 ? ", " : "",
                   n > 2 ? op->attr[2] : "");
    const char *near = text_nearest(name, op->attr, n);
    return near == NULL ? -1 : error_hint(err, "did you mean \"%s\"?", near);
}

int graph_attr_read(const GraphOp *op, const GraphAttr *attrs, size_t n, double *value, Error *err)
{
    size_t count = graph_attr_count(op);
    for (size_t i = 0; i < GRAPH_ATTRS_MAX; i++)
        value[i] = i < count ? attribute(op, i)->fallback : 0;
    for (size_t j = 0; j < n; j++) {
        size_t i = 0;
        while (i < count && strcmp(op->attr[i], attrs[j].name) != 0)
            i++;
        if (i == count)
            return unknown(op, attrs[j].name, err);
        const Attribute *a = attribute(op, i);
        int status = attrs[j].text != NULL ? read_name(op, a, attrs[j].text, &value[i], err)
                                           : read_number(op, a, attrs[j].number, &value[i], err);
        if (status != 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (isnan(value[i])) {
            error_set(err, ERR_SCRIPT, "%s needs the attribute \"%s\"", op->name, op->attr[i]);
            expect(attribute(op, i), err);
            return -1;
        }
    return 0;
}

void graph_attr_text(const GraphOp *op, size_t i, double value, Text *text)
{
    const Attribute *a = attribute(op, i);
    text_addf(text, "%s=", a->name);
    for (size_t c = 0; c < choices(a); c++)
        if (value == a->start + a->step * (int)c) {
            text_add(text, a->choice[c]);
            return;
        }
    text_add_number(text, value);
}

double graph_attr_resolve(const GraphOp *op, size_t i, double value, size_t batch, size_t samples)
{
    if (attribute(op, i)->start != -1) /* only an axis' length can be a symbol */
        return value;
    return value == GRAPH_BATCH ? (double)batch : value == GRAPH_SAMPLES ? (double)samples : value;
}
