/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/graph_text.c: the canonical text of a graph, and back.
 *
 *     vae-lab graph 1
 *     batch 100
 *     samples 1
 *     %0 = input x (1, b, 784)
 *     %1 = param encoder.0.W (784, 500) glorot_uniform
 *     %2 = noise eps normal (k, b, 2)
 *     %3 = scalar beta
 *     %4 = constant 0.5
 *     %5 = dense(%0, %1; act=tanh)
 *     name h %5
 *
 * Attributes are written in the order of the operation's row, also those with their default; names come last, sorted.
 * The parser builds a node from each line, leniently; in the end the graph's own text must equal the text that was
 * read, so that nothing else is accepted.
 */
#include "base/mem.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void add_dims(GraphDims dims, int first, Text *text)
{
    int axes = dims.n[GRAPH_HEIGHT] == 1 && dims.n[GRAPH_WIDTH] == 1 ? 3 : GRAPH_AXES;
    for (int axis = first; axis < axes; axis++) {
        text_add(text, axis == first ? "(" : ", ");
        if (dims.n[axis] == GRAPH_BATCH)
            text_add(text, "b");
        else if (dims.n[axis] == GRAPH_SAMPLES)
            text_add(text, "k");
        else
            text_addf(text, "%lld", (long long)dims.n[axis]);
    }
    text_add(text, ")");
}

static void add_op(const Node *n, Text *text)
{
    text_addf(text, "%s(", graph_op_recorded_name(n->op));
    for (size_t i = 0; i < n->nargs; i++)
        text_addf(text, "%s%%%ld", i == 0 ? "" : ", ", (long)n->arg[i]);
    for (size_t i = 0; i < graph_attr_count(n->op); i++)
        graph_attr_text(n->op, i, n->attr[i], i == 0 ? "; " : ", ", text);
    text_add(text, ")");
}

static void add_node(const Node *n, Text *text)
{
    switch (n->kind) {
    case NODE_INPUT:
        text_addf(text, "input %s ", n->name);
        add_dims(n->dims, 0, text);
        break;
    case NODE_PARAM:
        text_addf(text, "param %s ", n->name);
        add_dims(n->dims, 1, text);
        text_add(text, " ");
        graph_init_text(&n->init, text);
        break;
    case NODE_NOISE:
        text_addf(text, "noise %s %s ", n->name, n->uniform ? "uniform" : "normal");
        add_dims(n->dims, 0, text);
        break;
    case NODE_SCALAR:
        text_addf(text, "scalar %s", n->name);
        break;
    case NODE_CONSTANT:
        text_add(text, "constant ");
        text_add_number(text, n->value);
        break;
    case NODE_OP:
        add_op(n, text);
        break;
    }
}

void graph_text(const Graph *g, Text *text)
{
    text_addf(text, "vae-lab graph 1\nbatch %zu\nsamples %zu\n", g->batch, g->samples);
    for (size_t i = 0; i < g->nodes; i++) {
        text_addf(text, "%%%zu = ", i);
        add_node(&g->node[i], text);
        text_add(text, "\n");
    }
    for (size_t i = 0; i < g->names; i++)
        text_addf(text, "name %s %%%ld\n", g->name[i].text, (long)g->name[i].node);
}

/* ---- reading: one line ------------------------------------------------------------------------------------------- */

/* The error of a line that does not have the expected form; damaged() adds the line. */
static int malformed(const char *expected, Error *err)
{
    error_set(err, ERR_STORE, "the text of a graph is damaged");
    return error_expected(err, "%s", expected);
}

/* Returns the word before the first character of `stop`; *at moves behind that character and the blanks after it. */
static char *cut(char **at, const char *stop)
{
    char *word = *at;
    *at += strcspn(*at, stop);
    if (**at != '\0')
        *(*at)++ = '\0';
    while (**at == ' ')
        (*at)++;
    return word;
}

static int64_t read_count(const char *word)
{
    char *end;
    long long n = strtoll(word, &end, 10);
    return end == word || *end != '\0' || n < 1 || n > (1LL << 40) ? 0 : (int64_t)n;
}

static GraphNode read_ref(const char *word)
{
    if (*word != '%')
        return -1;
    char *end;
    long n = strtol(word + 1, &end, 10);
    return end == word + 1 || *end != '\0' || n < 0 || n > INT32_MAX - 1 ? -1 : (GraphNode)n;
}

/* "(k, b, 2)" or "(1, b, 3, 28, 28)" from axis `first` on; 0 for an axis that is missing. */
static GraphDims read_dims(char **at, int first)
{
    GraphDims dims = {{1, 1, 0, 1, 1}};
    if (**at == '(')
        (*at)++;
    for (int axis = first, last = 0; axis < GRAPH_AXES && !last; axis++) {
        last = (*at)[strcspn(*at, ",)")] != ',';
        const char *word = cut(at, ",)");
        dims.n[axis] = strcmp(word, "b") == 0 ? GRAPH_BATCH : strcmp(word, "k") == 0 ? GRAPH_SAMPLES : read_count(word);
    }
    return dims;
}

static GraphNode read_param(Graph *g, char *at, Error *err)
{
    const char *name = cut(&at, " ");
    GraphDims dims = read_dims(&at, 1);
    if (dims.n[1] < 1 || dims.n[2] < 1)
        return malformed("param NAME (rows, columns) INIT", err);
    return graph_param(g, name, (size_t)dims.n[1], (size_t)dims.n[2], at, err);
}

static GraphNode read_constant(Graph *g, const char *word, Error *err)
{
    char *end;
    double value = text_read_number(word, &end);
    return end == word || *end != '\0' ? malformed("constant NUMBER", err) : graph_constant(g, value, err);
}

/* "dense(%0, %1; act=tanh)" without "dense(" */
static GraphNode read_op(Graph *g, const char *name, char *at, Error *err)
{
    static const char form[] = "operation(%node, ...; attribute=value, ...)";
    GraphNode arg[GRAPH_ARGS_MAX];
    GraphAttr attr[GRAPH_ATTRS_MAX];
    size_t nargs = 0, nattrs = 0, length = strlen(at);
    const GraphOp *op = graph_op_recorded(name);
    if (op == NULL)
        return graph_unknown_op(name, err);
    if (length == 0 || at[length - 1] != ')')
        return malformed(form, err);
    at[length - 1] = '\0';

    char *attrs = at;
    char *args = cut(&attrs, ";");
    while (*args != '\0') {
        if (nargs == GRAPH_ARGS_MAX || (arg[nargs++] = read_ref(cut(&args, ","))) < 0)
            return malformed(form, err);
    }
    while (*attrs != '\0') {
        if (nattrs == GRAPH_ATTRS_MAX)
            return malformed(form, err);
        char *value = cut(&attrs, ",");
        GraphAttr *a = &attr[nattrs++];
        *a = (GraphAttr){.name = cut(&value, "=")};
        char *end;
        a->number = text_read_number(value, &end);
        a->text = end == value || *end != '\0' ? value : NULL;
    }
    return graph_apply_op(g, op, arg, nargs, attr, nattrs, err);
}

/* The text after "%5 = " */
static GraphNode read_node(Graph *g, char *at, Error *err)
{
    if (strcspn(at, "(") < strcspn(at, " ")) {
        const char *op = cut(&at, "(");
        return read_op(g, op, at, err);
    }
    const char *kind = cut(&at, " ");
    if (strcmp(kind, "param") == 0)
        return read_param(g, at, err);
    if (strcmp(kind, "constant") == 0)
        return read_constant(g, at, err);
    if (strcmp(kind, "scalar") == 0)
        return graph_scalar(g, at, err);
    const char *name = cut(&at, " ");
    if (strcmp(kind, "input") == 0)
        return graph_input(g, name, read_dims(&at, 0), err);
    if (strcmp(kind, "noise") == 0) {
        const char *draws = cut(&at, " ");
        return graph_noise(g, name, draws, read_dims(&at, 0), err);
    }
    return malformed("input, param, noise, scalar, constant or an operation", err);
}

static int read_line(Graph *g, char *at, Error *err)
{
    if (*at == '%') {
        GraphNode number = read_ref(cut(&at, " "));
        if (strcmp(cut(&at, " "), "=") != 0 || number != (GraphNode)g->nodes)
            return malformed("%NUMBER = ..., numbers ascending from 0", err);
        GraphNode node = read_node(g, at, err);
        if (node < 0 || node == number)
            return node < 0 ? -1 : 0;
        return malformed("nodes that differ from each other", err);
    }
    if (strcmp(cut(&at, " "), "name") != 0)
        return malformed("%NUMBER = ..., or name NAME %NUMBER", err);
    const char *name = cut(&at, " ");
    GraphNode node = read_ref(at);
    return node < 0 ? malformed("name NAME %NUMBER", err) : graph_name(g, name, node, err);
}

/* ---- reading: the whole ------------------------------------------------------------------------------------------ */

/* Turns the error of a line into a damaged stored text, with the line. */
static int damaged(size_t line, const char *found, Error *err)
{
    if (err->kind == ERR_MEMORY)
        return -1;
    err->kind = ERR_STORE;
    error_in(err, "line %zu of the graph's text", line);
    error_found(err, "%.200s", found[0] == '\0' ? "an empty line" : found);
    return error_hint(err, "the text of a graph is written by vae-lab: was the database edited or damaged?");
}

/* The graph's own text must equal what was read: this finds what the parser above accepts and should not. */
static int check(const Graph *g, const char *text, Error *err)
{
    Text own = {0};
    graph_text(g, &own);
    int status = own.failed ? error_memory(err, "the text of a graph") : 0;
    const char *a = text, *b = text_string(&own);
    for (size_t line = 1; status == 0 && (*a != '\0' || *b != '\0'); line++) {
        size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
        if (la != lb || memcmp(a, b, la) != 0 || a[la] != b[lb]) {
            char found[200], expected[200];
            snprintf(found, sizeof found, "%.*s", (int)(la < 190 ? la : 190), a);
            snprintf(expected, sizeof expected, "%.*s", (int)(lb < 190 ? lb : 190), b);
            malformed(expected, err);
            status = damaged(line, found, err);
        }
        a += la + (a[la] != '\0');
        b += lb + (b[lb] != '\0');
    }
    text_free(&own);
    return status;
}

/* The value of `key` in "batch 100", "samples 1"; 0 for any other line. */
static size_t read_head(char **at, const char *key)
{
    char *line = cut(at, "\n");
    return strcmp(cut(&line, " "), key) == 0 ? (size_t)read_count(line) : 0;
}

static Graph *read_all(char *at, Error *err)
{
    if (strcmp(cut(&at, "\n"), "vae-lab graph 1") != 0) {
        error_set(err, ERR_STORE, "this is not the text of a graph, or a later version of vae-lab wrote it");
        damaged(1, "another first line", err);
        error_expected(err, "vae-lab graph 1");
        return NULL;
    }
    size_t batch = read_head(&at, "batch"), samples = read_head(&at, "samples");
    if (batch == 0 || samples == 0) {
        malformed("batch NUMBER, samples NUMBER", err);
        damaged(batch == 0 ? 2 : 3, "another line", err);
        return NULL;
    }
    Graph *g = graph_alloc(batch, samples, err);
    if (g == NULL) {
        char found[64];
        snprintf(found, sizeof found, "batch %zu, samples %zu", batch, samples);
        damaged(3, found, err);
        return NULL;
    }
    for (size_t number = 4; g != NULL && *at != '\0'; number++) {
        char found[256];
        char *line = cut(&at, "\n");
        snprintf(found, sizeof found, "%.250s", line);
        if (read_line(g, line, err) != 0) {
            damaged(number, found, err);
            graph_free(g);
            g = NULL;
        }
    }
    return g;
}

Graph *graph_parse(const char *text, Error *err)
{
    char *copy = mem_string(text);
    if (copy == NULL) {
        error_memory(err, "the text of a graph");
        return NULL;
    }
    Graph *g = read_all(copy, err);
    if (g != NULL && check(g, text, err) != 0) {
        graph_free(g);
        g = NULL;
    }
    mem_free(copy);
    return g;
}
