/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/op.c: reads and writes the attributes of an operation by the rules of its row.
 */
#include "graph/op.h"

#include <string.h>

const char *graph_arg_name(const GraphOp *op, size_t i)
{
    size_t named = 0;
    while (named < 4 && op->arg[named] != NULL)
        named++;
    return op->arg[i < named ? i : named - 1];
}

size_t graph_attr_count(const GraphOp *op)
{
    size_t n = 0;
    while (n < GRAPH_ATTRS_MAX && op->attr[n].name != NULL)
        n++;
    return n;
}

static size_t choices(const GraphAttrRule *a)
{
    size_t n = 0;
    while (n < GRAPH_CHOICES_MAX && a->choice[n] != NULL)
        n++;
    return n;
}

/* The number that a word is stored as. */
static double choice_value(const GraphAttrRule *a, size_t i)
{
    return a->kind == GRAPH_ATTR_LENGTH ? -1 - (double)i : (double)i;
}

/* Fills `expected`: "a whole number from 1 to 8", "\"samples\", \"batch\" or \"features\"". */
static void expect(const GraphAttrRule *a, Error *err)
{
    Text text = {0};
    size_t n = choices(a);
    if (a->kind != GRAPH_ATTR_CHOICE) {
        text_add(&text, a->kind == GRAPH_ATTR_NUMBER ? "a finite number" : "a whole number");
        if (!isinf(a->least))
            text_addf(&text, " from %g", a->least);
        if (!isinf(a->most))
            text_addf(&text, " to %g", a->most);
    }
    for (size_t i = 0; i < n; i++)
        text_addf(&text, "%s\"%s\"", i == 0 && a->kind == GRAPH_ATTR_CHOICE ? "" : i + 1 < n ? ", " : " or ",
                  a->choice[i]);
    error_expected(err, "%s", text_string(&text));
    text_free(&text);
}

static int read_word(const GraphOp *op, const GraphAttrRule *a, const char *word, double *value, Error *err)
{
    size_t n = choices(a);
    for (size_t i = 0; i < n; i++)
        if (strcmp(a->choice[i], word) == 0) {
            *value = choice_value(a, i);
            return 0;
        }
    error_set(err, ERR_SCRIPT, "%s: %s cannot be \"%s\"", op->name, a->name, word);
    error_found(err, "%s = \"%s\"", a->name, word);
    expect(a, err);
    return error_suggest(err, word, a->choice, n);
}

static int read_number(const GraphOp *op, const GraphAttrRule *a, double number, double *value, Error *err)
{
    int whole = number == floor(number) && number <= 0x1p40; /* no array is longer */
    if (isfinite(number) && number >= a->least && number <= a->most && (whole || a->kind == GRAPH_ATTR_NUMBER)) {
        *value = number == 0 ? 0 : number; /* not -0: equal attributes have equal texts */
        return 0;
    }
    error_set(err, ERR_SCRIPT, "%s: %s cannot be %g", op->name, a->name, number);
    error_found(err, "%s = %g", a->name, number);
    expect(a, err);
    return -1;
}

static int unknown(const GraphOp *op, const char *name, Error *err)
{
    const char *names[GRAPH_ATTRS_MAX];
    size_t n = graph_attr_count(op);
    for (size_t i = 0; i < n; i++)
        names[i] = op->attr[i].name;
    error_set(err, ERR_SCRIPT, "%s has no attribute \"%s\"", op->name, name);
    error_unknown(err, name, names, n);
    return n == 0 ? error_expected(err, "no attributes") : -1;
}

int graph_attr_read(const GraphOp *op, const GraphAttr *attrs, size_t n, double *value, Error *err)
{
    size_t count = graph_attr_count(op);
    for (size_t i = 0; i < GRAPH_ATTRS_MAX; i++)
        value[i] = i < count ? op->attr[i].fallback : 0;
    for (size_t j = 0; j < n; j++) {
        size_t i = 0;
        while (i < count && strcmp(op->attr[i].name, attrs[j].name) != 0)
            i++;
        if (i == count)
            return unknown(op, attrs[j].name, err);
        const GraphAttrRule *a = &op->attr[i];
        int status = attrs[j].text != NULL ? read_word(op, a, attrs[j].text, &value[i], err)
                                           : read_number(op, a, attrs[j].number, &value[i], err);
        if (status != 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (isnan(value[i])) {
            error_set(err, ERR_SCRIPT, "%s needs the attribute \"%s\"", op->name, op->attr[i].name);
            expect(&op->attr[i], err);
            return -1;
        }
    return 0;
}

void graph_attr_text(const GraphOp *op, size_t i, double value, const char *separator, Text *text)
{
    const GraphAttrRule *a = &op->attr[i];
    if (a->later && value == a->fallback)
        return;
    text_addf(text, "%s%s=", separator, a->name);
    for (size_t c = 0; c < choices(a); c++)
        if (value == choice_value(a, c)) {
            text_add(text, a->choice[c]);
            return;
        }
    text_add_number(text, value);
}

double graph_attr_resolve(const GraphOp *op, size_t i, double value, size_t batch, size_t samples)
{
    if (op->attr[i].kind != GRAPH_ATTR_LENGTH)
        return value;
    return value == GRAPH_BATCH ? (double)batch : value == GRAPH_SAMPLES ? (double)samples : value;
}
