/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph.c: building graphs, errors, the canonical text and its parser, failed allocations.
 */
#include "test_graph_models.h"

#include "base/mem.h"

#include <math.h>

static Graph *new_graph(void)
{
    Error err = ERROR_NONE;
    Graph *g = graph_alloc(100, 1, &err);
    assert_non_null(g);
    return g;
}

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = vae(6, 4, &err);
    assert_non_null(g);
    NumShape bound = graph_shape(g, graph_find(g, "bound")), z = graph_shape(g, graph_find(g, "z"));
    assert_int_equal(bound.n[0], 4);
    assert_int_equal(bound.n[1], 6);
    assert_int_equal(bound.n[2], 1);
    assert_int_equal(z.n[2], VAE_Z);
    assert_int_equal(graph_batch(g), 6);
    assert_string_equal(graph_scalar_name(g, 0), "beta");
    assert_null(graph_scalar_name(g, 1));
    assert_int_equal(graph_find(g, "nothing"), -1);
    assert_int_equal(graph_find_param(g, "nothing"), -1);
    for (size_t i = 1; i < graph_name_count(g); i++)
        assert_true(strcmp(graph_name_at(g, i - 1), graph_name_at(g, i)) < 0);
    graph_free(g);
    graph_free(NULL);
}

/* An equal node made twice is one node. */
static void test_same_node(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_graph();
    GraphNode x = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    GraphNode e = made(graph_noise(g, "eps", "normal", DIMS(K, B, 3), &err), &err);
    GraphNode a = made(apply(g, "add", x, e, -1, NULL, NULL, &err), &err);
    size_t count = graph_count(g);
    assert_int_equal(graph_input(g, "x", DIMS(1, B, 3), &err), x);
    assert_int_equal(graph_noise(g, "eps", "normal", DIMS(K, B, 3), &err), e);
    assert_int_equal(apply(g, "add", x, e, -1, NULL, NULL, &err), a);
    assert_int_equal(graph_count(g), count);
    assert_int_not_equal(apply(g, "add", e, x, -1, NULL, NULL, &err), a);
    GraphNode s = made(apply(g, "sum", x, -1, -1, "axis", "batch", &err), &err);
    assert_int_not_equal(apply(g, "sum", x, -1, -1, "axis", "features", &err), s);
    GraphNode half = made(graph_constant(g, 0.5, &err), &err);
    assert_int_equal(graph_constant(g, 0.5, &err), half);
    assert_int_equal(graph_scalar(g, "beta", &err), graph_scalar(g, "beta", &err));
    assert_int_equal(graph_name(g, "n", a, &err), 0);
    assert_int_equal(graph_name(g, "n", a, &err), 0); /* the same again is no error */
    assert_int_equal(graph_name(g, "also", a, &err), 0);
    graph_free(g);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

typedef struct BadCall {
    const char *op;
    GraphNode args[9];
    size_t nargs;
    GraphAttr attrs[2];
    size_t nattrs;
    const char *what, *expected, *hint;
} BadCall;

enum { X, W, V, C, Q, IMAGE, SQUARE, V9 }; /* the nodes of the graph below */

#define NO_ATTRS {{0}}, 0
static const BadCall bad_calls[] = {
    {"dense", {X, W}, 2, NO_ATTRS, "dense: x (1, 100, 784) does not fit W (1, 400, 500)",
     "W = (1, 784, out)", "number of features"},
    {"dense", {Q, W, V}, 3, NO_ATTRS, "dense: W (1, 400, 500) does not fit b (1, 1, 20)", "b = (1, 1, 500)", ""},
    {"dense", {X}, 1, NO_ATTRS, "dense: 1 argument", "2 to 3", ""},
    {"dens", {X}, 1, NO_ATTRS, "there is no operation \"dens\"", "", "did you mean \"dense\"?"},
    {"exp", {99}, 1, NO_ATTRS, "exp: x is not a node of this graph", "a node from 0 to", ""},
    {"dense", {Q, W}, 2, {{.name = "akt", .text = "tanh"}}, 1, "dense has no attribute \"akt\"",
     "act", "did you mean \"act\"?"},
    {"dense", {Q, W}, 2, {{.name = "act", .text = "tanj"}}, 1, "dense: act cannot be \"tanj\"",
     "\"softplus\"", "did you mean \"tanh\"?"},
    {"dense", {Q, W}, 2, {{.name = "act", .number = 1}}, 1, "dense: act cannot be 1", "\"none\"", ""},
    {"exp", {X}, 1, {{.name = "axis", .text = "all"}}, 1, "exp has no attribute \"axis\"", "no attributes", ""},
    {"add", {X, W}, 2, NO_ATTRS, "add: a (1, 100, 784) does not fit b (1, 400, 500)", "equal, or 1", ""},
    {"normal", {X, X, V}, 3, NO_ATTRS, "normal: x (1, 100, 784) does not fit logvar (1, 1, 20)", "equal, or 1", ""},
    {"categorical", {V, X}, 2, NO_ATTRS, "categorical: y (1, 1, 20) does not fit logits (1, 100, 784)",
     "one feature a class", ""},
    {"sum", {X}, 1, NO_ATTRS, "sum needs the attribute \"axis\"", "\"features\"", ""},
    {"logsumexp", {X}, 1, {{.name = "axis", .text = "all"}}, 1, "logsumexp: axis = all is not possible",
     "features, batch or samples", "one axis"},
    {"concat", {X, W}, 2, NO_ATTRS, "concat: a (1, 100, 784) does not fit a (1, 400, 500)", "equal, or 1", ""},
    {"concat", {X, X, X, X, X, X, X, X, X}, 9, NO_ATTRS, "concat: 9 arguments", "1 to 8", ""},
    {"slice", {X}, 1, {{.name = "first", .number = 780}, {.name = "count", .number = 5}}, 2,
     "features 780 to 784 do not exist",
     "first + count <= 784", ""},
    {"slice", {X}, 1, {{.name = "count", .number = 0}}, 1, "slice: count cannot be 0", "a whole number from 1", ""},
    {"slice", {X}, 1, {{.name = "count", .number = 1.5}}, 1, "slice: count cannot be 1.5", "a whole number from 1", ""},
    {"clamp", {X}, 1, {{.name = "low", .number = 2}, {.name = "high", .number = 1}}, 2, "clamp: low is above high",
     "low <= high", ""},
    {"affine", {X}, 1, {{.name = "scale", .number = INFINITY}}, 1, "affine: scale cannot be inf", "a finite number",
     ""},
    {"reshape", {X}, 1, {{.name = "features", .number = 7}}, 1, "reshape: x (1, 100, 784) does not fit (1, 100, 7)",
     "700 values", ""},
    {"reshape", {X}, 1, {{.name = "features", .number = 9}, {.name = "samples", .text = "rest"}}, 2,
     "does not fit (0, 100, 9)",
     "a multiple of 900", ""},
    {"reshape", {X}, 1, {{.name = "batch", .text = "rest"}, {.name = "samples", .text = "rest"}}, 2, "two axes",
     "at most one", ""},
    {"transpose", {X}, 1, {{.name = "swap", .text = "batch"}}, 1, "swap cannot be \"batch\"", "\"samples_batch\"", ""},
    {"conv2d", {IMAGE, W}, 2, {{.name = "kernel", .number = 3}}, 1,
     "conv2d: x (1, 100, 3, 28, 28) does not fit W (1, 400, 500)",
     "W = (1, 27, out)", "channels * kernel * kernel"},
    {"conv2d", {C, C}, 2, {{.name = "kernel", .number = 0}}, 1, "conv2d: kernel cannot be 0",
     "a whole number from 1 to 1024", ""},
    {"conv2d", {Q, W}, 2, {{.name = "kernel", .number = 1}, {.name = "stride", .number = 1025}}, 2,
     "conv2d: stride cannot be 1025", "a whole number from 1 to 1024", ""},
    {"conv2d", {SQUARE, V9}, 2, {{.name = "kernel", .number = 3}}, 1,
     "a kernel of 3 by 3 does not fit x (1, 100, 1, 2, 2)",
     "fits the padded image", ""},
    {"add", {IMAGE, X}, 2, NO_ATTRS, "add: a (1, 100, 3, 28, 28) does not fit b (1, 100, 784)", "equal, or 1", ""},
    {"concat", {IMAGE, X}, 2, NO_ATTRS, "concat: a (1, 100, 3, 28, 28) does not fit a (1, 100, 784)",
     "equal height and width", ""},
    {"slice", {IMAGE}, 1, {{.name = "first", .number = 2}, {.name = "count", .number = 2}}, 2,
     "features 2 to 3 do not exist in x (1, 100, 3, 28, 28)", "first + count <= 3", ""},
    {"reshape", {IMAGE}, 1, {{.name = "height", .number = 27}}, 1,
     "x (1, 100, 3, 28, 28) does not fit (1, 100, 3, 27, 28)", "", ""},
    {"transpose", {IMAGE}, 1, {{.name = "swap", .text = "batch_features"}}, 1,
     "the channels of images cannot be exchanged",
     "(samples, batch, features)", "reshape x"},
};

static void test_call_errors(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_graph();
    assert_int_equal(graph_input(g, "x", DIMS(1, B, 784), &err), X);
    assert_int_equal(graph_param(g, "W", 400, 500, "zeros", &err), W);
    assert_int_equal(graph_param(g, "v", 1, 20, "zeros", &err), V);
    assert_int_equal(graph_constant(g, 1, &err), C);
    assert_int_equal(graph_input(g, "q", DIMS(1, B, 400), &err), Q);
    assert_int_equal(graph_input(g, "image", (GraphDims){{1, B, 3, 28, 28}}, &err), IMAGE);
    assert_int_equal(graph_input(g, "square", (GraphDims){{1, B, 1, 2, 2}}, &err), SQUARE);
    assert_int_equal(graph_param(g, "nine", 9, 1, "zeros", &err), V9);
    graph_set_location(g, "kl.lua:14");
    size_t count = graph_count(g);
    for (size_t i = 0; i < sizeof bad_calls / sizeof bad_calls[0]; i++) {
        const BadCall *bad = &bad_calls[i];
        memset(&err, 0, sizeof err);
        assert_int_equal(graph_apply(g, bad->op, bad->args, bad->nargs, bad->attrs, bad->nattrs, &err), -1);
        assert_int_equal(err.kind, ERR_SCRIPT);
        contains(err.what, bad->what);
        contains(err.where, "kl.lua:14");
        contains(err.expected, bad->expected);
        contains(err.hint, bad->hint);
    }
    assert_int_equal(graph_count(g), count);
    graph_free(g);
}

static void refused(int status, Error *err, const char *what)
{
    assert_int_equal(status, -1);
    assert_int_equal(err->kind, ERR_SCRIPT);
    contains(err->what, what);
    contains(err->where, "here:1");
    memset(err, 0, sizeof *err);
}

static void test_leaf_errors(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = new_graph();
    char longest[200] = {0};
    memset(longest, 'a', 121);
    graph_set_location(g, "here:1");
    GraphNode x = made(graph_input(g, "x", DIMS(1, B, 3), &err), &err);
    made(graph_param(g, "W", 2, 3, "zeros", &err), &err);
    refused(graph_input(g, "x", DIMS(1, B, 4), &err), &err,
            "the input \"x\" exists already, with another shape or kind");
    refused(graph_input(g, "bad name", DIMS(1, B, 4), &err), &err, "\"bad name\" cannot be the name");
    refused(graph_input(g, "", DIMS(1, B, 4), &err), &err, "cannot be the name");
    refused(graph_input(g, longest, DIMS(1, B, 4), &err), &err, "cannot be the name");
    refused(graph_input(g, "v", DIMS(1, 0, 4), &err), &err, "is not possible");
    refused(graph_input(g, "v", DIMS(1, B, -3), &err), &err, "is not possible");
    refused(graph_input(g, "v", DIMS(1, 1LL << 40, 1LL << 40), &err), &err, "is not possible");
    refused(graph_param(g, "W", 2, 3, "zeros", &err), &err, "the param \"W\" exists already");
    refused(graph_param(g, "v", 2, 3, "glorot", &err), &err, "unknown initialisation \"glorot\"");
    refused(graph_param(g, "v", 2, 3, "normal", &err), &err, "normal needs a number");
    refused(graph_param(g, "v", 2, 3, "normal(-1)", &err), &err, "normal is out of range");
    refused(graph_param(g, "v", 2, 3, "normal(1", &err), &err, "normal is out of range");
    refused(graph_param(g, "v", 2, 3, "zeros(1)", &err), &err, "zeros takes no number");
    refused(graph_param(g, "v", 2, 3, "data_logit", &err), &err, "data_logit is for an output's bias");
    refused(graph_param(g, "v", 0, 3, "zeros", &err), &err, "is not possible");
    refused(graph_noise(g, "e", "cauchy", DIMS(1, B, 4), &err), &err, "cannot be \"cauchy\"");
    refused(graph_constant(g, INFINITY, &err), &err, "a constant is not finite");
    refused(graph_name(g, "n", 99, &err), &err, "the name \"n\": node 99 is not in this graph");
    assert_int_equal(graph_name(g, "n", x, &err), 0);
    refused(graph_name(g, "n", 1, &err), &err, "the name \"n\" is taken");
    assert_null(graph_alloc(0, 1, &err));
    graph_param(g, "v", 2, 3, "glorot_unifrom", &err);
    contains(err.hint, "did you mean \"glorot_uniform\"?");
    graph_free(g);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* One node of every kind, every attribute. */
static const char everything[] =
    "vae-lab graph 1\nbatch 6\nsamples 2\n"
    "%0 = input x (1, b, 8)\n"
    "%1 = param a/W-1.w (8, 4) normal(0.01)\n"
    "%2 = noise eps uniform (k, b, 4)\n"
    "%3 = scalar beta\n"
    "%4 = constant -0.1\n"
    "%5 = dense(%0, %1; act=softplus)\n"
    "%6 = add(%5, %2)\n"
    "%7 = affine(%6; scale=0.3333333333333333, shift=0)\n"
    "%8 = reshape(%7; samples=1, batch=rest, features=keep)\n"
    "%9 = reshape(%8; samples=k, batch=b, features=4)\n"
    "%10 = slice(%9; first=1, count=2)\n"
    "%11 = clamp(%10; low=-1e-30, high=2)\n"
    "%12 = transpose(%11; swap=samples_batch)\n"
    "%13 = sum(%12; axis=all)\n"
    "%14 = concat(%10, %11, %10)\n"
    "%15 = param c (1, 3) constant(-2.5)\n"
    "%16 = reshape(%0; samples=keep, batch=keep, features=rest, height=2, width=2)\n"
    "%17 = noise pixels normal (1, b, 2, 2, 2)\n"
    "%18 = mul(%16, %17)\n"
    "%19 = reshape(%18; samples=keep, batch=keep, features=rest, height=1, width=1)\n"
    "name bound %13\nname n %13\nname z %6\n";

static void test_round_trip(void **state)
{
    (void)state;
    Error err = ERROR_NONE;
    Graph *g = graph_parse(everything, &err);
    if (g == NULL)
        made(-1, &err);
    Text text = {0};
    graph_text(g, &text);
    assert_string_equal(text_string(&text), everything);
    text_free(&text);
    graph_free(g);

    g = vae(100, 5, &err);
    Text first = {0}, second = {0};
    graph_text(g, &first);
    Graph *again = graph_parse(text_string(&first), &err);
    assert_non_null(again);
    graph_text(again, &second);
    assert_string_equal(text_string(&first), text_string(&second));
    text_free(&first);
    text_free(&second);
    graph_free(g);
    graph_free(again);
}

/* An operation that was renamed keeps its recorded name in the text, which is part of a run's identity; only the
 * parser takes that name, and only that name. */
static void test_recorded_name(void **state)
{
    (void)state;
    static const char text[] = "vae-lab graph 1\nbatch 6\nsamples 1\n%0 = constant 1\n%1 = kl2(%0, %0, %0, %0)\n";
    Error err = ERROR_NONE;
    Graph *g = graph_parse(text, &err);
    assert_non_null(g);
    Text own = {0};
    graph_text(g, &own);
    assert_string_equal(text_string(&own), text);
    text_free(&own);
    GraphNode args[4] = {0};
    assert_int_equal(graph_apply(g, "kl_normal_normal", args, 4, NULL, 0, &err), 1);
    assert_int_equal(graph_apply(g, "kl2", args, 4, NULL, 0, &err), -1);
    graph_free(g);

    char newer[sizeof text + 20];
    snprintf(newer, sizeof newer, "%.*s%s", (int)(strstr(text, "kl2") - text), text,
             "kl_normal_normal(%0, %0, %0, %0)\n");
    assert_null(graph_parse(newer, &err));
}

/* Each damaged text gives an error with its line. */
static void test_damage(void **state)
{
    (void)state;
    static const struct { const char *from, *to, *where; } damage[] = {
        {"graph 1", "graph 2", "line 1"},
        {"batch 6", "batch 0", "line 2"},
        {"batch 6", "batch -6", "line 2"},
        {"samples 2", "sample 2", "line 3"},
        {"samples 2", "samples 99999999999999999999", "line 3"},
        {"(1, b, 8)", "(1, q, 8)", "line 4"},
        {"(1, b, 8)", "(1, b, 08)", "line 4"},
        {"(1, b, 8)", "(1, b, 8", "line 4"},
        {"(1, b, 8)", "(1, b, 8) ", "line 4"},
        {"(8, 4)", "(7, 4)", "line 9"},
        {"(8, 4)", "(8)", "line 5"},
        {"normal(0.01)", "normal(0.010)", "line 5"},
        {"normal(0.01)", "normal(0x1)", "line 5"},
        {"uniform (k", "unifrom (k", "line 6"},
        {"-0.1", "-0.1x", "line 8"},
        {"-0.1", "nan", "line 8"},
        {"%5 = ", "%4 = ", "line 9"},
        {"%5 = ", "%x = ", "line 9"},
        {"%5 = ", "%5 : ", "line 9"},
        {"dense(%0", "danse(%0", "line 9"},
        {"dense(%0", "dense(%9", "line 9"},
        {"dense(%0", "dense(%-1", "line 9"},
        {"dense(%0", "dense(0", "line 9"},
        {"dense(%0, %1;", "dense(%0, %1, %1, %1, %1, %1, %1, %1, %1, %1;", "line 9"},
        {"act=softplus)", "act=softplus", "line 9"},
        {"; act=softplus)", ")", "line 9"},
        {"act=softplus", "act=3", "line 9"},
        {"act=softplus", "act", "line 9"},
        {"scale=0.3333333333333333", "scale=inf", "line 11"},
        {"scale=0.3333333333333333, shift=0", "shift=0, scale=0.3333333333333333", "line 11"},
        {"scale=0.3333333333333333, shift=0", "scale=1, scale=1, scale=1, scale=1, scale=1", "line 11"},
        {"features=4)\n", "features=5)\n", "line 13"},
        {"concat(%10, %11, %10)", "concat(%10, %11)", "line 25"}, /* a valid graph, see below */
        {"%14 = concat(%10, %11, %10)", "%14 = add(%5, %2)", "line 18"},
        {"name n %13", "name n %99", "line 25"},
        {"name n %13", "name n 13", "line 25"},
        {"name n %13", "nome n %13", "line 25"},
        {"name n %13", "name z %13", "line 26"},
        {"name bound %13\nname n %13", "name n %13\nname bound %13", "line 24"},
        {"name z %6\n", "name z %6", "line 26"},
        {"name z %6\n", "name z %6\n\n", "line 27"},
        {"name z %6\n", "name z %6\n%20 = scalar late\n", "line 24"},
        {"(1, b, 2, 2, 2)", "(1, b, 2, 2)", "line 22"},
        {"(1, b, 2, 2, 2)", "(1, b, 2, 2, 2, 2)", "line 21"},
        {"(1, b, 2, 2, 2)", "(1, b, 2, 2, 0)", "line 22"},
        {"features=keep)", "features=keep, height=keep)", "line 12"},
    };
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        char text[2048];
        const char *at = strstr(everything, damage[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - everything), everything, damage[i].to,
                 at + strlen(damage[i].from));
        Error err = ERROR_NONE;
        Graph *g = graph_parse(text, &err);
        if (strstr(damage[i].to, "concat") != NULL) { /* another graph, but a valid one */
            assert_non_null(g);
            graph_free(g);
            continue;
        }
        if (g != NULL)
            fail_msg("\"%s\" passed", damage[i].to);
        assert_int_equal(err.kind, ERR_STORE);
        if (strncmp(err.where, damage[i].where, strlen(damage[i].where)) != 0 || err.found[0] == '\0')
            fail_msg("\"%s\": %s, %s", damage[i].to, err.where, err.what);
    }
}

/* Every prefix of the text, and every byte replaced by each of a few others: no crash, and a graph only from a
 * canonical text. */
static void test_damage_everywhere(void **state)
{
    (void)state;
    static const char other[] = "% (9,\n;x=";
    size_t length = sizeof everything - 1;
    char text[sizeof everything];
    for (size_t i = 0; i < length; i++)
        for (size_t j = 0; j < sizeof other; j++) { /* the last one cuts the text off */
            memcpy(text, everything, sizeof everything);
            text[i] = other[j];
            Error err = ERROR_NONE;
            Graph *g = graph_parse(text, &err);
            if (g == NULL) {
                assert_int_equal(err.kind, ERR_STORE);
                continue;
            }
            Text own = {0};
            graph_text(g, &own);
            assert_string_equal(text_string(&own), text);
            text_free(&own);
            graph_free(g);
        }
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Calls everything that allocates once; 0, or -1 with *err. */
static int build_all(Error *err)
{
    float mean[VAE_X] = {0.5f};
    Text text = {0};
    Graph *g = vae(4, 2, err), *again = NULL;
    GraphParams *params = NULL;
    GraphExec *exec = NULL;
    Optimiser *o = NULL;
    OptimiserSpec spec;
    const char *outputs[] = {"kl", NULL};
    int status = -1;
    if (g == NULL)
        return -1;
    graph_text(g, &text);
    if (text.failed)
        error_memory(err, "text");
    else if ((again = graph_parse(text_string(&text), err)) != NULL
             && (params = graph_params_alloc(again, GRAPH_DOUBLE, num_seed(1), mean, VAE_X, err)) != NULL
             && (exec = graph_exec_alloc(again, &(GraphExecSpec){.type = GRAPH_DOUBLE, .outputs = outputs,
                                                                 .objective = "bound"}, params, err)) != NULL
             && optimiser_defaults(&spec, "adam", err) == 0
             && (o = optimiser_alloc(&spec, graph_params_count(params), err)) != NULL)
        status = 0;
    optimiser_free(o);
    graph_exec_free(exec);
    graph_params_free(params);
    text_free(&text);
    graph_free(again);
    graph_free(g);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    long n = 1;
    for (;; n++) {
        Error err = ERROR_NONE;
        mem_fail_after(n);
        int status = build_all(&err);
        mem_fail_after(0);
        if (status == 0)
            break;
        assert_int_equal(err.kind, ERR_MEMORY);
        assert_true(n < 2000);
    }
    assert_true(n > 50); /* many allocations failed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_same_node),
        cmocka_unit_test(test_call_errors),
        cmocka_unit_test(test_leaf_errors),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_recorded_name),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_everywhere),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
