/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph_ops.c: every operation of the list, in every broadcast pattern that it allows: its gradient against
 * central differences, float against double, that backward reads only what `needs` lists, known answers and extreme
 * values.
 *
 * An operation without a case here fails the test.  Values come from the stream "ops" of seed 1.
 */
#include "test_graph_models.h"

#include "base/mem.h"
#include "graph/ops.h"
#include "num/density_list.h"
#include "num/elementwise_list.h"

#include <math.h>
#include <stdlib.h>

/* ---- the cases --------------------------------------------------------------------------------------------------- */

/* Where an operation's arguments are drawn from. */
typedef enum {
    ANY,      /* -2 to 2, at least 0.05 from 0 (the kinks of relu and abs) and never within 1e-4 of each other (max) */
    POSITIVE, /* 0.3 to 2.3 */
    ABOVE,    /* -0.7 to 2.3: for ln(1 + x) */
    UNIT,     /* 0.1 to 0.9: a probability */
} OpDomain;

typedef struct OpCase {
    const char *op;
    GraphAttr attr[GRAPH_ATTRS_MAX];
    size_t nargs;
    GraphShape in[4];   /* shapes; with broadcast only the first: the full shape */
    int broadcast;      /* 3: along samples, batch and features; 2: along samples and batch only */
    OpDomain domain[4];
} OpCase;

#define S(a, b, c) {{a, b, c, 1, 1}}
#define IMAGES {{2, 3, 4, 3, 2}}
#define ALONG(op, axis)                                  \
    {op, {{"axis", 0, axis}}, 1, {S(3, 5, 7)}, 0, {ANY}}, \
    {op, {{"axis", 0, axis}}, 1, {S(2, 1, 37)}, 0, {ANY}}, \
    {op, {{"axis", 0, axis}}, 1, {IMAGES}, 0, {ANY}}
/* Every row of the lists of src/num. */
#define UNARY(NAME, name, formula, reads, domain, ...)  \
    {#name, {{0}}, 1, {S(3, 5, 7)}, 0, {domain}},       \
    {#name, {{0}}, 1, {IMAGES}, 0, {domain}},
#define BINARY(NAME, name, formula, reads, domain, ...) {#name, {{0}}, 2, {S(3, 5, 7)}, 3, {ANY, domain}},
#define DENSITY(NAME, name, recorded, form, domain, formula, ...)                            \
    {#name, {{0}}, COUNT(__VA_ARGS__), {S(2, 3, 5)}, 3, {domain, ANY, ANY, ANY}},              \
    {#name, {{0}}, COUNT(__VA_ARGS__), {{{2, 1, 2, 3, 1}}}, 3, {domain, ANY, ANY, ANY}},
#define COUNT(...) (sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))
#define DENSE(NAME, act, ...) \
    {"dense", {{"act", 0, #act}}, 3, {S(3, 5, 7), S(1, 7, 4), S(1, 1, 4)}, 0, {ANY, ANY, ANY}},

#define CONV(kernel, stride, padding, height, width)                                             \
    {"conv2d", {{"kernel", kernel, NULL}, {"stride", stride, NULL}, {"padding", padding, NULL}}, 3, \
     {{{2, 3, 2, height, width}}, S(1, 2 * kernel * kernel, 3), S(1, 1, 3)}, 0, {ANY, ANY, ANY}}

static const OpCase cases[] = {
    DENSE(IDENTITY, none, )
    NUM_FUSED_LIST(DENSE)
    {"dense", {{0}}, 2, {S(1, 5, 17), S(1, 17, 33)}, 0, {ANY, ANY}},
    {"dense", {{0}}, 2, {S(1, 1, 1), S(1, 1, 1)}, 0, {ANY, ANY}},
    {"dense", {{0}}, 3, {IMAGES, S(1, 24, 5), S(1, 1, 5)}, 0, {ANY, ANY, ANY}},
    CONV(3, 1, 1, 4, 3), CONV(2, 2, 0, 5, 4), CONV(3, 2, 1, 4, 4), CONV(1, 1, 0, 2, 3), CONV(4, 3, 2, 3, 2),
    {"upsample", {{"factor", 3, NULL}}, 1, {{{1, 2, 3, 2, 4}}}, 0, {ANY}},
    {"conv2d", {{"kernel", 2, NULL}}, 2, {{{2, 1, 1, 3, 3}}, S(1, 4, 5)}, 0, {ANY, ANY}},
    NUM_UNARY_LIST(UNARY)
    NUM_BINARY_LIST(BINARY)
    {"sub", {{0}}, 2, {IMAGES}, 3, {ANY, ANY}},
    {"affine", {{"scale", 2.385, NULL}, {"shift", -0.75, NULL}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"affine", {{0}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"clamp", {{"low", -0.513, NULL}, {"high", 0.771, NULL}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"stop_gradient", {{0}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"stop_gradient", {{0}}, 1, {IMAGES}, 0, {ANY}},
    ALONG("sum", "features"), ALONG("sum", "batch"), ALONG("sum", "samples"), ALONG("sum", "all"),
    ALONG("mean", "features"), ALONG("mean", "batch"), ALONG("mean", "samples"), ALONG("mean", "all"),
    ALONG("logsumexp", "features"), ALONG("logsumexp", "batch"), ALONG("logsumexp", "samples"),
    ALONG("logmeanexp", "features"), ALONG("logmeanexp", "batch"), ALONG("logmeanexp", "samples"),
    {"concat", {{0}}, 3, {S(3, 5, 2)}, 2, {ANY, ANY, ANY}},
    {"concat", {{0}}, 2, {S(3, 1, 2), S(3, 5, 3)}, 0, {ANY, ANY}},
    {"concat", {{0}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"concat", {{0}}, 2, {{{2, 3, 4, 3, 2}}, {{2, 1, 1, 3, 2}}}, 0, {ANY, ANY}},
    {"slice", {{"first", 1, NULL}, {"count", 2, NULL}}, 1, {IMAGES}, 0, {ANY}},
    {"slice", {{"first", 2, NULL}, {"count", 4, NULL}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"slice", {{"count", 7, NULL}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"reshape", {{"samples", 1, NULL}, {"batch", 0, "rest"}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"reshape", {{"samples", 0, "b"}, {"batch", 0, "k"}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"reshape", {{"samples", 7, NULL}, {"batch", 5, NULL}, {"features", 3, NULL}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"reshape", {{"batch", 0, "rest"}, {"features", 12, NULL}, {"height", 1, NULL}, {"width", 1, NULL}}, 1, {IMAGES},
     0, {ANY}},
    {"reshape", {{"features", 2, NULL}, {"height", 0, "rest"}, {"width", 3, NULL}}, 1, {S(2, 3, 24)}, 0, {ANY}},
    {"expand", {{0}}, 2, {{{2, 3, 4, 1, 1}}, IMAGES}, 0, {ANY, ANY}},
    {"expand", {{0}}, 2, {{{1, 3, 1, 3, 1}}, IMAGES}, 0, {ANY, ANY}},
    {"expand", {{0}}, 2, {{{2, 1, 1, 1, 2}}, {{1, 1, 4, 3, 1}}}, 0, {ANY, ANY}},
    {"transpose", {{"swap", 0, "samples_batch"}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"transpose", {{"swap", 0, "samples_batch"}}, 1, {IMAGES}, 0, {ANY}},
    {"transpose", {{"swap", 0, "batch_features"}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"transpose", {{"swap", 0, "samples_features"}}, 1, {S(3, 5, 7)}, 0, {ANY}},
    {"categorical", {{0}}, 2, {S(3, 5, 7)}, 2, {UNIT, ANY}},
    NUM_DENSITY_LIST(DENSITY)
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* [OUT] in[]: the shapes of broadcast pattern number `index`: argument a has length 1 along the axes whose bit is
 * set in digit a of the index, base 2^broadcast.  Returns 0 when there is no such pattern. */
static int pattern(const OpCase *c, unsigned index, GraphShape *in)
{
    unsigned digits = c->broadcast == 0 ? 1 : 1u << c->broadcast;
    unsigned count = 1;
    for (size_t a = 0; a < c->nargs; a++)
        count *= digits;
    if (index >= count)
        return 0;
    for (size_t a = 0; a < c->nargs; a++) {
        in[a] = c->broadcast == 0 ? c->in[a] : c->in[0];
        for (int axis = 0; axis < c->broadcast; axis++)
            if ((index % digits) >> axis & 1)
                for (int inner = axis; inner == axis || (axis == NUM_FEATURES && inner < GRAPH_AXES); inner++)
                    in[a].n[inner] = 1;
        index /= digits;
    }
    return 1;
}

/* Four arguments have 4096 patterns: every 7th is tried, which is 586 and covers every digit of each argument. */
static unsigned stride(const OpCase *c)
{
    return c->nargs == 4 ? 7 : 1;
}

static size_t attrs_of(const OpCase *c)
{
    size_t n = 0;
    while (n < GRAPH_ATTRS_MAX && c->attr[n].name != NULL)
        n++;
    return n;
}

/* ---- one operation, called directly ------------------------------------------------------------------------------ */

enum { LARGEST = 17 * 33 };

/* All arrays of a call in double, and the call itself. */
typedef struct OpTest {
    const GraphOp *op;
    double attr[GRAPH_ATTRS_MAX];
    GraphCall call;
    double in[4][LARGEST], grad_in[4][LARGEST], out[LARGEST], grad_out[LARGEST], spoiled[LARGEST],
        scratch[12 * LARGEST];
} OpTest;

static double draw(OpDomain domain, uint32_t row, uint32_t column)
{
    float u;
    num_stream_uniform(num_stream(1, "ops"), column, row, 1, 1, &u);
    switch (domain) {
    case ANY: return (u < 0.5f ? -1 : 1) * (0.05 + 1.95 * fabs(2.0 * (double)u - 1));
    case POSITIVE: return 0.3 + 2 * (double)u;
    case ABOVE: return -0.7 + 3 * (double)u;
    case UNIT: return 0.1 + 0.8 * (double)u;
    }
    return 0;
}

/* Sets a case up.  Values are rounded to float, so that float and double kernels get the same. */
static void set_up(OpTest *t, const OpCase *c, const GraphShape *in)
{
    Error err = ERROR_NONE;
    memset(t, 0, sizeof *t);
    t->op = graph_op_find(c->op);
    assert_non_null(t->op);
    assert_int_equal(graph_attr_read(t->op, c->attr, attrs_of(c), t->attr, &err), 0);
    for (size_t i = 0; i < graph_attr_count(t->op); i++)
        t->attr[i] = graph_attr_resolve(t->op, i, t->attr[i], 5, 3);
    GraphCall *call = &t->call;
    *call = (GraphCall){.nargs = c->nargs, .out = t->out, .scratch = t->scratch, .grad_out = t->spoiled,
                        .attr = t->attr};
    for (size_t a = 0; a < c->nargs; a++) {
        call->in_axes[a] = in[a];
        call->in_shape[a] = graph_flat_shape(in[a]);
        call->in[a] = t->in[a];
        call->grad_in[a] = t->grad_in[a];
        assert_true(graph_shape_size(in[a]) <= LARGEST);
        for (size_t i = 0; i < graph_shape_size(in[a]); i++)
            t->in[a][i] = (float)draw(c->domain[a], (uint32_t)a, (uint32_t)i);
    }
    if (t->op->shape(t->op, &call->axes, in, c->nargs, t->attr, &err) != 0)
        made(-1, &err);
    call->shape = graph_flat_shape(call->axes);
    assert_true(num_shape_size(call->shape) <= LARGEST);
    if (t->op->scratch != NULL)
        assert_true(t->op->scratch(call->axes, in, c->nargs, t->attr) <= 12 * LARGEST);
    for (size_t i = 0; i < LARGEST; i++)
        t->grad_out[i] = (float)draw(ANY, 9, (uint32_t)i);
}

/* The sum of result times grad_out: backward computes its derivative. */
static double loss(OpTest *t)
{
    t->op->forward[1](&t->call);
    double sum = 0;
    for (size_t i = 0; i < num_shape_size(t->call.shape); i++)
        sum += t->out[i] * t->grad_out[i];
    return sum;
}

static void backward(OpTest *t)
{
    memcpy(t->spoiled, t->grad_out, sizeof t->spoiled); /* backward may overwrite grad_out */
    t->op->backward[1](&t->call);
}

static void describe(const OpTest *t, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", t->op->name);
    for (size_t a = 0; a < t->call.nargs; a++)
        used += (size_t)snprintf(text + used, size - used, " %s", graph_shape_text(t->call.in_axes[a]).text);
}

/* Central differences in double with h = 1e-5: the error of truncation is about f''' h^2 / 6, some 1e-10 here, that of
 * rounding eps |loss| / h, some 1e-10 |loss|.  Tolerance: 1e-8 (1 + |loss| + |gradient|). */
static void check_gradient(OpTest *t)
{
    static const double h = 1e-5;
    double centre = loss(t);
    double old = 0.25; /* gradients are added to the old value */
    for (size_t a = 0; a < t->call.nargs; a++)
        for (size_t i = 0; i < LARGEST; i++)
            t->grad_in[a][i] = old;
    backward(t);
    for (size_t a = 0; a < t->call.nargs; a++) {
        for (size_t i = 0; i < num_shape_size(t->call.in_shape[a]); i++) {
            double x = t->in[a][i];
            t->in[a][i] = x + h;
            double above = loss(t);
            t->in[a][i] = x - h;
            double below = loss(t);
            t->in[a][i] = x;
            double expected = (above - below) / (2 * h), found = t->grad_in[a][i] - old;
            if (!(fabs(found - expected) <= 1e-8 * (1 + fabs(centre) + fabs(expected)))) {
                char text[200];
                describe(t, text, sizeof text);
                fail_msg("%s: argument %zu, element %zu: %.12g, by differences %.12g", text, a, i, found, expected);
            }
        }
        for (size_t i = num_shape_size(t->call.in_shape[a]); i < LARGEST; i++)
            assert_true(t->grad_in[a][i] == old); /* nothing is written beyond the end */
    }
}

/* Without some of the gradients, the others have the same bits. */
static void check_unwanted(OpTest *t)
{
    double all[4][LARGEST];
    memset(t->grad_in, 0, sizeof t->grad_in);
    t->op->forward[1](&t->call);
    backward(t);
    memcpy(all, t->grad_in, sizeof all);
    for (unsigned wanted = 0; wanted < 1u << t->call.nargs; wanted++) {
        memset(t->grad_in, 0, sizeof t->grad_in);
        for (size_t a = 0; a < t->call.nargs; a++)
            t->call.grad_in[a] = wanted >> a & 1 ? t->grad_in[a] : NULL;
        backward(t);
        for (size_t a = 0; a < t->call.nargs; a++)
            for (size_t i = 0; i < num_shape_size(t->call.in_shape[a]); i++)
                assert_true(t->grad_in[a][i] == (wanted >> a & 1 ? all[a][i] : 0));
    }
    for (size_t a = 0; a < t->call.nargs; a++)
        t->call.grad_in[a] = t->grad_in[a];
}

/* Memory that `needs` does not list may be reused before backward runs: with NaN there, the gradient must be the
 * same. */
static void check_needs(OpTest *t)
{
    double all[4][LARGEST];
    memset(t->grad_in, 0, sizeof t->grad_in);
    t->op->forward[1](&t->call);
    backward(t);
    memcpy(all, t->grad_in, sizeof all);
    memset(t->grad_in, 0, sizeof t->grad_in);
    for (size_t i = 0; i < LARGEST; i++) {
        if ((t->op->needs & GRAPH_NEEDS_OUT) == 0)
            t->out[i] = NAN;
        for (size_t a = 0; a < 4 && (t->op->needs & GRAPH_NEEDS_IN) == 0; a++)
            t->in[a][i] = NAN;
    }
    for (size_t i = 0; i < 12 * LARGEST; i++)
        t->scratch[i] = NAN;
    backward(t);
    if (memcmp(all, t->grad_in, sizeof all) != 0)
        fail_msg("%s backward reads an array that `needs` does not list, or scratch that it did not write",
                 t->op->name);
}

static void narrow(float *to, const double *from)
{
    for (size_t i = 0; i < LARGEST; i++)
        to[i] = (float)from[i];
}

static void agree(const OpTest *t, const char *what, const float *found, const double *expected, size_t n)
{
    double scale = 1; /* the error of a sum grows with its largest term */
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)found[i] - expected[i]) <= 2e-5 * scale))
            fail_msg("%s: %s %zu is %.9g in float, %.9g in double", t->op->name, what, i, (double)found[i],
                     expected[i]);
}

/* The same in float, from the same values.  Tolerance 2e-5 of the array's largest value: about 100 roundings of
 * 2^-23 in a sum over at most 105 terms. */
static void check_float(OpTest *t)
{
    static float in[4][LARGEST], grad_in[4][LARGEST], out[LARGEST], grad_out[LARGEST], scratch[12 * LARGEST];
    GraphCall call = t->call;
    memset(t->grad_in, 0, sizeof t->grad_in);
    memset(grad_in, 0, sizeof grad_in);
    t->op->forward[1](&t->call);
    for (size_t a = 0; a < call.nargs; a++) {
        narrow(in[a], t->in[a]);
        call.in[a] = in[a];
        call.grad_in[a] = grad_in[a];
    }
    narrow(grad_out, t->grad_out);
    call.out = out;
    call.grad_out = grad_out;
    call.scratch = scratch;
    t->op->forward[0](&call);
    agree(t, "result", out, t->out, num_shape_size(call.shape));
    if (t->op->backward[0] == NULL)
        return;
    backward(t);
    t->op->backward[0](&call);
    for (size_t a = 0; a < call.nargs; a++)
        agree(t, "gradient", grad_in[a], t->grad_in[a], num_shape_size(call.in_shape[a]));
}

/* The convolution by its definition, in plain loops: conv2d's forward is a gather and a matrix product. */
static void check_conv2d(const OpTest *t)
{
    const GraphShape *x = &t->call.in_axes[0], *y = &t->call.axes;
    long kernel = (long)t->attr[0], stride = (long)t->attr[1], padding = (long)t->attr[2];
    long height = (long)x->n[GRAPH_HEIGHT], width = (long)x->n[GRAPH_WIDTH], at = 0;
    for (long image = 0; image < (long)num_shape_rows(t->call.shape); image++)
        for (long out = 0; out < (long)y->n[NUM_FEATURES]; out++)
            for (long row = 0; row < (long)y->n[GRAPH_HEIGHT]; row++)
                for (long column = 0; column < (long)y->n[GRAPH_WIDTH]; column++, at++) {
                    double sum = t->call.nargs == 3 ? t->in[2][out] : 0;
                    for (long k = 0; k < (long)t->call.in_shape[1].n[NUM_BATCH]; k++) {
                        long i = row * stride - padding + k / kernel % kernel,
                            j = column * stride - padding + k % kernel;
                        long channel = image * (long)x->n[NUM_FEATURES] + k / (kernel * kernel);
                        if (i >= 0 && i < height && j >= 0 && j < width)
                            sum += t->in[1][k * (long)y->n[NUM_FEATURES] + out]
                                * t->in[0][(channel * height + i) * width + j];
                    }
                    assert_true(fabs(t->out[at] - sum) <= 1e-12);
                }
}

/* upsample by its definition. */
static void check_upsample(const OpTest *t)
{
    const GraphShape *x = &t->call.in_axes[0], *y = &t->call.axes;
    size_t factor = (size_t)t->attr[0], at = 0, planes = x->n[NUM_SAMPLES] * x->n[NUM_BATCH] * x->n[NUM_FEATURES];
    for (size_t plane = 0; plane < planes; plane++)
        for (size_t row = 0; row < y->n[GRAPH_HEIGHT]; row++)
            for (size_t column = 0; column < y->n[GRAPH_WIDTH]; column++, at++) {
                size_t i = (plane * x->n[GRAPH_HEIGHT] + row / factor) * x->n[GRAPH_WIDTH] + column / factor;
                assert_true(t->out[at] == t->in[0][i]);
            }
}

static void test_all_operations(void **state)
{
    (void)state;
    OpTest *t = mem_alloc(sizeof *t);
    assert_non_null(t);
    for (size_t row = 0; row < graph_op_count; row++) {
        unsigned tried = 0;
        for (size_t i = 0; i < CASES; i++) {
            GraphShape in[4];
            if (strcmp(cases[i].op, graph_ops[row]->name) != 0)
                continue;
            for (unsigned p = 0; pattern(&cases[i], p, in); p += stride(&cases[i])) {
                set_up(t, &cases[i], in);
                tried++;
                check_float(t);
                if (strcmp(t->op->name, "conv2d") == 0)
                    check_conv2d(t);
                if (strcmp(t->op->name, "upsample") == 0)
                    check_upsample(t);
                if (t->op->backward[1] == NULL)
                    continue;
                check_gradient(t);
                check_unwanted(t);
                check_needs(t);
            }
        }
        if (tried == 0)
            fail_msg("the operation \"%s\" has no case in the gradient test", graph_ops[row]->name);
    }
    mem_free(t);
}

/* Each row is complete, and graph_op_find finds it. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < graph_op_count; i++) {
        const GraphOp *op = graph_ops[i];
        assert_ptr_equal(graph_op_find(op->name), op);
        assert_non_null(op->formula);
        assert_non_null(op->arg[0]);
        assert_non_null(op->shape);
        assert_true(op->min_args >= 1 && op->max_args >= op->min_args && op->max_args <= GRAPH_ARGS_MAX);
        assert_true(op->forward[0] != NULL && op->forward[1] != NULL);
        assert_true((op->backward[0] == NULL) == (op->backward[1] == NULL));
    }
    assert_null(graph_op_find("nothing"));
}

/* ---- known answers and extreme values ---------------------------------------------------------------------------- */

typedef struct KnownAnswer {
    const char *op;
    size_t nargs;
    double in[4];       /* each repeated over two features, so that results of densities are twice one feature's */
    double out;         /* of a density: the sum over both; of others: the first element */
    double grad[4];     /* d out / d (one feature); NAN: not checked */
} KnownAnswer;

#define LN_2PI 1.83787706640934548356

/* Gradients with exp(+-100) overflow in float and are not checked (NAN); a result that is finite in float is. */
static const KnownAnswer known[] = {
    {"kl", 2, {0, 0}, 0, {0, 0}},
    {"kl", 2, {1, 0}, 1, {1, 0}},
    {"kl", 2, {0.5, -100}, 99.25, {0.5, -0.5}},
    {"kl", 2, {0.5, 80}, 5.54062238439351e34, {0.5, 2.770311192196755e34}},
    {"kl_normal_normal", 4, {1, -100, 1, -100}, 0, {0, 0, 0, 0}},
    {"kl_normal_normal", 4, {1, 100, 0, 100}, 3.720075976020836e-44, {NAN, NAN, NAN, NAN}},
    {"kl_normal_normal", 4, {3, -100, 1, 100}, 199, {0, -0.5, 0, 0.5}},
    {"normal", 3, {0, 0, 0}, -LN_2PI, {0, 0, -0.5}},
    {"normal", 3, {3, 1, 100}, -LN_2PI - 100, {0, 0, -0.5}},
    {"normal", 3, {3, 3, -100}, -LN_2PI + 100, {0, 0, -0.5}},
    {"normal", 3, {2, 1, -80}, -LN_2PI + 80 - 5.54062238439351e34,
     {-5.54062238439351e34, 5.54062238439351e34, 2.770311192196755e34}},
    {"standard_normal", 1, {2}, -LN_2PI - 4, {-2}},
    {"standard_normal", 1, {1e4}, -LN_2PI - 1e8, {-1e4}},
    {"bernoulli", 2, {1, 0}, -1.386294361119890, {0, 0.5}},
    {"bernoulli", 2, {1, 1e4}, 0, {1e4, 0}},
    {"bernoulli", 2, {0, 1e4}, -2e4, {1e4, -1}},
    {"bernoulli", 2, {1, -1e4}, -2e4, {-1e4, 1}},
    {"bernoulli", 2, {0, -1e4}, 0, {-1e4, 0}},
    {"reparameterise", 3, {1, 100, 2}, 1.0369411057174144e22, {1, 5.184705528587072e21, 5.184705528587072e21}},
    {"reparameterise", 3, {1, -100, 2}, 1, {1, 1.9287498479639178e-22, 1.9287498479639178e-22}},
    {"logsumexp", 1, {64}, 64.6931471805599453, {0.5}},
    {"logsumexp", 1, {1e4}, 10000.693147180560, {NAN}}, /* float: y has an error of 5e-4, at 64 4e-6 */
    {"logsumexp", 1, {-1e4}, -9999.306852819440, {NAN}},
    {"logmeanexp", 1, {64}, 64, {0.5}},
    {"logmeanexp", 1, {1e4}, 1e4, {NAN}},
    {"categorical", 2, {0.5, 1e4}, -0.693147180559945, {NAN, 0}},
    {"softplus", 1, {1e4}, 1e4, {1}},
    {"softplus", 1, {-1e4}, 0, {0}},
    {"sigmoid", 1, {1e4}, 1, {0}},
    {"sigmoid", 1, {-1e4}, 0, {0}},
    {"tanh", 1, {1e4}, 1, {0}},
    {"relu", 1, {0}, 0, {0}},
    {"abs", 1, {0}, 0, {0}},
    {"max", 2, {1.5, 1.5}, 1.5, {1, 0}},
};

static void near(const char *op, const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%s: %s is %.17g, should be %.17g", op, what, found, expected);
}

/* One row of two features, in float (type 0) or double (type 1). */
static void check_known(const KnownAnswer *k, int type, double tolerance)
{
    Error err = ERROR_NONE;
    const GraphOp *op = graph_op_find(k->op);
    GraphAttr axis = {"axis", 0, "features"};
    double attr[GRAPH_ATTRS_MAX];
    assert_int_equal(graph_attr_read(op, &axis, graph_attr_count(op), attr, &err), 0);
    union { float f[64]; double d[64]; } in[4], grad[4], out, grad_out, scratch;
    GraphCall c = {.nargs = k->nargs, .out = &out, .grad_out = &grad_out, .scratch = &scratch, .attr = attr};
    memset(grad, 0, sizeof grad);
    for (size_t a = 0; a < k->nargs; a++) {
        c.in[a] = &in[a];
        c.grad_in[a] = &grad[a];
        c.in_axes[a] = (GraphShape){{1, 1, 2, 1, 1}};
        c.in_shape[a] = graph_flat_shape(c.in_axes[a]);
        for (int i = 0; i < 2; i++)
            type == 0 ? (void)(in[a].f[i] = (float)k->in[a]) : (void)(in[a].d[i] = k->in[a]);
    }
    assert_int_equal(op->shape(op, &c.axes, c.in_axes, k->nargs, attr, &err), 0);
    c.shape = graph_flat_shape(c.axes);
    for (int i = 0; i < 2; i++)
        type == 0 ? (void)(grad_out.f[i] = 1) : (void)(grad_out.d[i] = 1);
    op->forward[type](&c);
    near(k->op, type == 0 ? "result in float" : "result in double", type == 0 ? (double)out.f[0] : out.d[0], k->out,
         tolerance);
    op->backward[type](&c);
    for (size_t a = 0; a < k->nargs; a++)
        if (!isnan(k->grad[a]))
            near(k->op, type == 0 ? "gradient in float" : "gradient in double", type == 0 ? (double)grad[a].f[0]
                 : grad[a].d[0], k->grad[a], tolerance);
}

/* Tolerances: 1e-12 of the value in double; 1e-5 in float, where exp(80) loses 6 of the 24 bits. */
static void test_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        check_known(&known[i], 1, 1e-12);
        check_known(&known[i], 0, 1e-5);
    }
}

/* ---- images that broadcast along some of their axes -------------------------------------------------------------- */

enum { EXAMPLES = 3, CHANNELS = 2, HEIGHT = 4, WIDTH = 3, PIXELS = HEIGHT * WIDTH };

/* (image + channel) * row, with input image (1, b, 2, 4, 3), channel (1, 1, 2) and row (1, 1, 1, 4, 1) params. */
static GraphNode shaded(Graph *g, Error *err)
{
    const GraphAttr row[] = {{"features", 1, NULL}, {"height", HEIGHT, NULL}};
    GraphNode image = made(graph_input(g, "x", (GraphDims){{1, B, CHANNELS, HEIGHT, WIDTH}}, err), err);
    GraphNode channel = made(graph_param(g, "channel", 1, CHANNELS, "normal(1)", err), err);
    GraphNode rows = made(graph_param(g, "row", 1, HEIGHT, "normal(1)", err), err);
    rows = made(graph_apply(g, "reshape", &rows, 1, row, 2, err), err);
    GraphNode sum = made(apply(g, "add", image, channel, -1, NULL, NULL, err), err);
    return made(apply(g, "mul", rows, sum, -1, NULL, NULL, err), err);
}

static double mean_product(GraphExec *exec, const double *x, const double *channel, const double *row)
{
    const double *y = graph_exec_output(exec, "y", NULL);
    double sum = 0;
    graph_exec_forward(exec);
    for (size_t i = 0; i < EXAMPLES * CHANNELS * PIXELS; i++) {
        double expected = (x[i] + channel[i / PIXELS % CHANNELS]) * row[i / WIDTH % HEIGHT];
        assert_true(fabs(y[i] - expected) <= 1e-14);
        sum += expected;
    }
    return sum / (EXAMPLES * CHANNELS * PIXELS);
}

static void test_image_broadcast(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    static const char *const outputs[] = {"y", NULL};
    Graph *g = graph_alloc(7, 1, &err);
    assert_int_equal(graph_name(g, "y", shaded(g, &err), &err), 0);
    assert_string_equal(graph_shape_text(graph_axes(g, graph_find(g, "y"))).text, "(1, 7, 2, 4, 3)");
    GraphParams *params = graph_params_alloc(g, GRAPH_DOUBLE, num_seed(5), NULL, 0, &err);
    GraphExecSpec spec = {.batch = EXAMPLES, .type = GRAPH_DOUBLE, .outputs = outputs, .objective = "y"};
    GraphExec *exec = graph_exec_alloc(g, &spec, params, &err);
    if (exec == NULL)
        made(-1, &err);
    NumShape shape;
    double *x = graph_exec_input(exec, "x", &shape), *w = graph_params_block(params);
    assert_int_equal(shape.n[NUM_FEATURES], CHANNELS * PIXELS);
    for (uint32_t i = 0; i < EXAMPLES * CHANNELS * PIXELS; i++)
        x[i] = draw(ANY, 3, i);

    double gradient[CHANNELS + HEIGHT];
    mean_product(exec, x, w, w + CHANNELS);
    graph_exec_backward(exec);
    assert_int_equal(graph_params_count(params), CHANNELS + HEIGHT);
    memcpy(gradient, graph_exec_gradient(exec), sizeof gradient);
    for (size_t i = 0; i < CHANNELS + HEIGHT; i++) {
        double old = w[i];
        w[i] = old + 1e-5;
        double above = mean_product(exec, x, w, w + CHANNELS);
        w[i] = old - 1e-5;
        double below = mean_product(exec, x, w, w + CHANNELS);
        w[i] = old;
        near("channel and row", "gradient", -gradient[i], (above - below) / 2e-5, 1e-8);
    }
    free_all(g, params, exec);
}

/* The channels of images, sliced and joined again, are the images. */
static void test_image_channels(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    const GraphAttr one[] = {{"first", 0, NULL}, {"count", 1, NULL}}, two[] = {{"first", 1, NULL}, {"count", 2, NULL}};
    Graph *g = graph_alloc(EXAMPLES, 1, &err);
    GraphNode x = made(graph_input(g, "x", (GraphDims){{1, B, 3, HEIGHT, WIDTH}}, &err), &err);
    GraphNode parts[] = {graph_apply(g, "slice", &x, 1, one, 2, &err), graph_apply(g, "slice", &x, 1, two, 2, &err)};
    GraphNode y = made(graph_apply(g, "concat", parts, 2, NULL, 0, &err), &err);
    assert_int_equal(graph_name(g, "y", y, &err), 0);
    GraphExecSpec spec = {.type = GRAPH_DOUBLE, .outputs = (const char *const[]){"y", NULL}};
    GraphExec *exec = graph_exec_alloc(g, &spec, NULL, &err);
    if (exec == NULL)
        made(-1, &err);
    double *values = graph_exec_input(exec, "x", NULL);
    for (uint32_t i = 0; i < EXAMPLES * 3 * PIXELS; i++)
        values[i] = draw(ANY, 4, i);
    graph_exec_forward(exec);
    assert_memory_equal(graph_exec_output(exec, "y", NULL), values, EXAMPLES * 3 * PIXELS * sizeof *values);
    graph_exec_free(exec);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_all_operations),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_image_broadcast),
        cmocka_unit_test(test_image_channels),
    };
    return cmocka_run_group_tests_name("graph_ops", tests, NULL, NULL);
}
